;;; record.el --- Record what Org does with texts  -*- lexical-binding: t -*-

;; emacs -Q --batch -l record.el -f record-cases CASES ANSWERS
;;
;; CASES is a JSON array of objects with `input', `form' and perhaps `settings', both Lisp as text.  ANSWERS gets the
;; same objects with `expect': the text of the buffer afterwards (`output'), what a form that only asks returned
;; (`value'), or an `error'.

;;; Code:

(require 'org)
(require 'org-element)
(require 'org-id)
(require 'json)
(require 'cl-lib)

(defun at (text)
  "Go to where TEXT begins."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

(defun match-titles (match)
  "Return the titles of the headings that MATCH selects."
  (vconcat (org-map-entries (lambda () (substring-no-properties (org-get-heading t t t t))) match)))

(defun record--place (position)
  "Return the offset in bytes of a POSITION of the buffer."
  (string-bytes (buffer-substring-no-properties (point-min) position)))

(defun record--text (value)
  "Return VALUE as text without properties; nil stays nil."
  (and value (substring-no-properties value)))

(defun record--stamp (timestamp)
  "Return a TIMESTAMP object as it is written."
  (and timestamp (record--text (org-element-property :raw-value timestamp))))

(defun dump-headings ()
  "Return all headings; not where they end, for the versions of Org do not agree on blank lines."
  (let ((found (org-element-map (org-element-parse-buffer) 'headline #'identity)))
    (vconcat
     (mapcar
      (lambda (one)
        (goto-char (org-element-property :begin one))
        (let ((props (org-entry-properties nil 'standard))
              (special (org-entry-properties nil 'special)))
          `(("begin" . ,(record--place (org-element-property :begin one)))
            ("level" . ,(org-element-property :level one))
            ("todo" . ,(record--text (org-element-property :todo-keyword one)))
            ("todo_type" . ,(symbol-name (org-element-property :todo-type one)))
            ("priority" . ,(let ((p (org-element-property :priority one))) (and p (char-to-string p))))
            ("title" . ,(record--text (org-element-property :raw-value one)))
            ("tags" . ,(vconcat (mapcar #'record--text (org-get-tags nil t))))
            ("all_tags" . ,(vconcat (mapcar #'record--text (org-get-tags))))
            ("commented" . ,(if (org-element-property :commentedp one) t :json-false))
            ("archived" . ,(if (org-element-property :archivedp one) t :json-false))
            ("id" . ,(record--text (org-element-property :ID one)))
            ("custom_id" . ,(record--text (org-element-property :CUSTOM_ID one)))
            ("scheduled" . ,(record--stamp (org-element-property :scheduled one)))
            ("deadline" . ,(record--stamp (org-element-property :deadline one)))
            ("closed" . ,(record--stamp (org-element-property :closed one)))
            ("timestamp" . ,(record--text (cdr (assoc "TIMESTAMP" special))))
            ("timestamp_ia" . ,(record--text (cdr (assoc "TIMESTAMP_IA" special))))
            ("category" . ,(record--text (org-get-category)))
            ("props" . ,(let ((table (make-hash-table :test #'equal)))
                          (dolist (pair props table)
                            (puthash (record--text (car pair)) (record--text (cdr pair)) table)))))))
      found))))

(defun dump-items ()
  "Return all items of lists."
  (vconcat
   (org-element-map (org-element-parse-buffer 'element) 'item
     (lambda (one)
       (let ((above (org-element-property :parent (org-element-property :parent one))))
         `(("begin" . ,(record--place (org-element-property :begin one)))
           ("bullet" . ,(record--text (org-element-property :bullet one)))
           ("counter" . ,(org-element-property :counter one))
           ("checkbox" . ,(let ((box (org-element-property :checkbox one))) (and box (symbol-name box))))
           ("tag" . ,(and (org-element-property :tag one) t))
           ("parent_item" . ,(and (eq (org-element-type above) 'item)
                                  (record--place (org-element-property :begin above))))))))))

(defun dump-objects (types)
  "Return the objects of some TYPES: type, span, value and kind."
  (vconcat
   (org-element-map (org-element-parse-buffer) types
     (lambda (one)
       (let ((type (org-element-type one)))
         (vector
          (symbol-name type)
          (record--place (org-element-property :begin one))
          (record--place (- (org-element-property :end one) (or (org-element-property :post-blank one) 0)))
          (pcase type
            ((or 'link 'footnote-reference) "")
            ('timestamp (record--stamp one))
            (_ (record--text (org-element-property :value one))))
          (pcase type
            ('link (concat (org-element-property :type one) "|" (record--text (org-element-property :path one))))
            ('timestamp (symbol-name (org-element-property :type one)))
            (_ ""))))))))

(defun record--case (case)
  "Return CASE with what Org does."
  (let* ((form (car (read-from-string (concat "(progn " (gethash "form" case) ")"))))
         (settings (gethash "settings" case))
         (bound (and settings (car (read-from-string settings))))
         (expect (make-hash-table :test #'equal)))
    (with-temp-buffer
      (insert (gethash "input" case))
      (goto-char (point-min))
      (let ((org-inhibit-startup t) (inhibit-message t)) (org-mode))
      (goto-char (point-min))
      (condition-case problem
          (let ((value (eval `(let* ,bound
                                (cl-letf (((symbol-function 'current-time)
                                           (lambda () (encode-time 0 30 12 15 6 2026))))
                                  ,form))
                             t)))
            (if (eq (gethash "asks" case) t)
                (puthash "value" value expect)
              (puthash "output" (buffer-substring-no-properties (point-min) (point-max)) expect)))
        (error (puthash "error" (error-message-string problem) expect))))
    (puthash "expect" expect case)
    case))

(defun record-cases ()
  "Record the cases of the first file on the command line into the second."
  (let* ((coding-system-for-read 'utf-8)
         (coding-system-for-write 'utf-8)
         (org-log-note-clock-out nil)
         (json-object-type 'hash-table) (json-array-type 'vector) (json-key-type 'string)
         (json-false :json-false) (json-null nil) (json-encoding-pretty-print nil)
         (cases (json-read-file (pop command-line-args-left)))
         (answers (pop command-line-args-left)))
    (set-time-zone-rule "UTC")
    (setq org-log-into-drawer nil)
    (with-temp-file answers
      (insert "[\n" (mapconcat (lambda (case) (json-encode (record--case case))) cases ",\n") "\n]\n"))))

;;; record.el ends here
