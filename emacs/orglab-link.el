;;; orglab-link.el --- References to experiments in any buffer  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; URL: https://git.example/orglab
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; `orglab-mode' makes references such as [e201.1] buttons, in Org files, code
;; and commit messages.  It also completes them after "[e", describes them with
;; eldoc, and finds their definition and other references with xref.
;;
;; What it knows of the log is read in the background, and again when the log
;; changes, so that typing never waits for orglab.

;;; Code:

(require 'cl-lib)
(require 'ol)
(require 'orglab)
(require 'thingatpt)
(require 'xref)

(defcustom orglab-show-runs t
  "Whether `orglab-mode' turns on `orglab-runs-mode' in the log."
  :type 'boolean
  :group 'orglab)

;;;; What is known of the log

(cl-defstruct (orglab-index (:constructor orglab--make-index))
  "What is known of a log.
ROWS has for each reference a cons of the experiment and the step or nil, and
CANDIDATES is what can be completed, once that was needed.  LETTER is what
references begin with.  TIME is when the log was written, and TICK counts the
changes of the buffer that visited it then.  PROCESS reads the log, and STALE is
non-nil if it has to be read again after that."
  rows experiments candidates (letter "e") time tick process stale)

(defvar orglab--indexes (make-hash-table :test #'equal)
  "An `orglab-index' by the folder that commands run in.")

(defvar-local orglab--root nil "The value of `orglab-root' in this buffer.")

(defun orglab--current-root ()
  "Return `orglab-root', which is looked up once in each buffer."
  (or orglab--root (setq orglab--root (orglab-root))))

(defun orglab--fill-index (index experiments)
  "Put EXPERIMENTS into INDEX."
  (let ((rows (make-hash-table :test #'equal)))
    (dolist (experiment experiments)
      (puthash (alist-get 'ref experiment) (cons experiment nil) rows)
      (dolist (step (alist-get 'steps experiment))
        (puthash (alist-get 'ref step) (cons experiment step) rows)))
    (when-let ((one (car experiments)))
      (setf (orglab-index-letter index)
            (string-remove-suffix (alist-get 'id one) (alist-get 'ref one))))
    (setf (orglab-index-experiments index) experiments
          (orglab-index-candidates index) nil
          (orglab-index-rows index) rows)))

(defun orglab--notice-change (index)
  "Read the log into INDEX again, if something else has written it."
  (let ((time (orglab--log-time (orglab--current-root))))
    (unless (or (orglab--pending-p (orglab-index-process index))
                (equal time (orglab-index-time index)))
      (orglab--read-index (orglab--current-root) index))
    index))

(defun orglab--tick (root)
  "Return a count of the changes of the buffer that visits the log of ROOT.
Return nil if there is no such buffer, or `modified' if it is not saved."
  (when-let ((log (gethash root orglab--logs))
             (buffer (and (stringp log) (find-buffer-visiting log))))
    (if (buffer-modified-p buffer) 'modified
      (buffer-chars-modified-tick buffer))))

(defun orglab--read-index (root index)
  "Read the log of ROOT into INDEX in the background."
  (if (orglab--pending-p (orglab-index-process index))
      (setf (orglab-index-stale index) t)
    (setf (orglab-index-stale index) nil
          (orglab-index-time index) (orglab--log-time root)
          (orglab-index-tick index) (orglab--tick root))
    (let ((default-directory root)
          (inhibit-message t)) ; of Tramp
      (setf (orglab-index-process index)
            (orglab--start
             '("list" "--full")
             (lambda (document _said)
               (orglab--fill-index index (alist-get 'experiments document))
               (orglab--refresh-buffers root index)
               (when (orglab-index-stale index)
                 (orglab--read-index root index)))
             #'ignore)))))

(defun orglab-index ()
  "Return the index of the log that belongs to the current buffer."
  (let ((root (orglab--current-root)))
    (or (gethash root orglab--indexes)
        (puthash root (orglab--make-index) orglab--indexes))))

(defun orglab--begin-index ()
  "Begin to read the log of the current buffer, if it was not read yet."
  (let ((index (orglab-index)))
    (when (and (null (orglab-index-rows index))
               (orglab--has-log-p (orglab--current-root)))
      (ignore-error user-error
        (orglab--read-index (orglab--current-root) index)))))

(defun orglab--index-current-p (index)
  "Return non-nil if the lines in INDEX are surely those of the log."
  (let ((root (orglab--current-root)))
    (and (orglab-index-rows index)
         (not (orglab--pending-p (orglab-index-process index)))
         (if-let ((tick (orglab--tick root)))
             (equal tick (orglab-index-tick index))
           (orglab-index-time index))
         (equal (orglab--log-time root) (orglab-index-time index)))))

(defun orglab--wait-for-index ()
  "Return the index; if it is being read for the first time, wait for input."
  (let ((index (orglab--notice-change (orglab-index))))
    (while-no-input
      (while (and (null (orglab-index-rows index))
                  (orglab--pending-p (orglab-index-process index)))
        (accept-process-output nil 0.1)))
    index))

(defconst orglab--big 2000
  "Logs with more experiments than this are read again only when needed.")

(defun orglab--big-p (index)
  "Return non-nil if INDEX belongs to a log with many experiments."
  (> (length (orglab-index-experiments index)) orglab--big))

(defvar orglab-index-hook nil
  "Hook run in the buffers of a project after its log was read.")

(defvar orglab--refresh-timers nil
  "An alist of folders whose log is read again soon, and the timers for it.")

(defun orglab--refresh ()
  "Read again what is known of the log.
One command is followed by several events that tell of it, so wait for more."
  (let ((root (orglab-root)))
    (when (gethash root orglab--indexes)
      (when-let ((timer (alist-get root orglab--refresh-timers nil nil #'equal)))
        (cancel-timer timer))
      (setf (alist-get root orglab--refresh-timers nil nil #'equal)
            (run-at-time 0.1 nil #'orglab--refresh-now root)))))

(defun orglab--refresh-now (root)
  "Read again what is known of the log of ROOT, or later if it is big."
  (setf (alist-get root orglab--refresh-timers nil t #'equal) nil)
  (when-let ((index (gethash root orglab--indexes)))
    (if (and (orglab--big-p index) (null (orglab--listeners root)))
        (setf (orglab-index-time index) nil
              (orglab-index-tick index) nil)
      (ignore-error user-error (orglab--read-index root index)))))

(defun orglab--listeners (root)
  "Return the buffers of ROOT that show more of the log than buttons."
  (seq-filter (lambda (buffer)
                (and (equal (buffer-local-value 'orglab--root buffer) root)
                     (local-variable-p 'orglab-index-hook buffer)))
              (buffer-list)))

(add-hook 'orglab-changed-hook #'orglab--refresh)

(defun orglab--row (reference)
  "Return a cons of the experiment and the step of REFERENCE, or nil."
  (when-let ((rows (orglab-index-rows (orglab-index))))
    (gethash reference rows)))

;;;; References in the text

(defun orglab--regexp ()
  "Return a regexp for references in brackets; group 1 is the reference."
  (concat "\\[\\(" (regexp-quote (orglab-index-letter (orglab-index)))
          "[[:alnum:]_-]+\\(?:\\.[0-9]+\\)?\\)\\]"))

(defun orglab--match-counts-p ()
  "Return non-nil if the last match is a reference of the log.
One inside a word or a longer bracket is not."
  (let ((before (char-before (match-beginning 0)))
        (after (char-after (match-end 0))))
    (and (not (and before (or (memq before '(?\[ ?\] ?_))
                              (eq (char-syntax before) ?w))))
         (not (memq after '(?\[ ?\] ?\()))
         (if (orglab-index-rows (orglab-index))
             (save-match-data (orglab--row (match-string-no-properties 1)))
           (orglab--pending-p (orglab-index-process (orglab-index)))))))

(defun orglab--bounds ()
  "Return the bounds of the reference at point, without its brackets, or nil."
  (save-match-data
    (save-excursion
      (when (and (thing-at-point-looking-at (orglab--regexp) 80)
                 (orglab--match-counts-p))
        (cons (match-beginning 1) (match-end 1))))))

(defun orglab-link-at-point ()
  "Return the reference in the text at point, such as \"e201.1\", or nil."
  (when-let ((bounds (orglab--bounds)))
    (buffer-substring-no-properties (car bounds) (cdr bounds))))

(defun orglab-follow (reference &optional _argument)
  "Show the experiment or step REFERENCE in the log."
  (interactive (list (orglab-read-reference "Go to: ")))
  (let ((place (orglab--place reference)))
    (xref-push-marker-stack)
    (orglab-goto (car place) (cdr place))))

(defun orglab--place (reference)
  "Return a cons of the file and the line of REFERENCE.
Lines that are not saved are saved first, as orglab counts those of the file."
  (let* ((default-directory (orglab--current-root))
         (row (and (orglab--index-current-p (orglab-index))
                   (orglab--row reference)))
         (shown (if row (or (cdr row) (car row))
                  (orglab--save)
                  (orglab--revert)
                  (orglab--call "show" "--" reference)))
         (file (or (alist-get 'file shown) (alist-get 'file (car row)))))
    (cons (orglab-local-file file) (alist-get 'line shown))))

(defun orglab-follow-at-point ()
  "Follow the reference at point; return nil if there is none."
  (interactive)
  (when-let ((reference (orglab-link-at-point)))
    (orglab-follow reference)
    t))

(defun orglab-follow-mouse (event)
  "Follow the reference at the position of EVENT."
  (interactive "e")
  (mouse-set-point event)
  (orglab-follow-at-point))

;;;; Buttons

(defvar orglab-button-map
  (let ((map (make-sparse-keymap)))
    (define-key map [mouse-2] #'orglab-follow-mouse)
    map)
  "Keymap of references.")

(defun orglab--describe (reference)
  "Return a line that describes REFERENCE, or nil if it is not known."
  (when-let ((row (orglab--row reference)))
    (let-alist (car row)
      (let ((note (alist-get 'text (car (last (if (cdr row)
                                                  (alist-get 'notes (cdr row))
                                                .notes))))))
        (string-join
         (delq nil
               (list (concat .ref "  " (orglab--describe-experiment (car row)))
                     (and (cdr row)
                          (format "%s. [%s] %s" (alist-get 'number (cdr row))
                                  (alist-get 'state (cdr row))
                                  (alist-get 'text (cdr row))))
                     (and note (concat "Note: " note))))
         " — ")))))

(defun orglab--fontify (begin end)
  "Make the references between BEGIN and END buttons."
  (let ((begin (save-excursion (goto-char begin) (line-beginning-position)))
        (end (save-excursion (goto-char end) (line-end-position))))
    (remove-overlays begin end 'category 'orglab-button)
    (when (orglab-index-rows (orglab-index))
      (save-match-data
        (save-excursion
          (goto-char begin)
          (while (re-search-forward (orglab--regexp) end t)
            (when (orglab--match-counts-p)
              (let ((overlay (make-overlay (match-beginning 1) (match-end 1)
                                           nil t)))
                (overlay-put overlay 'category 'orglab-button)))))))))

(put 'orglab-button 'face 'orglab-reference)
(put 'orglab-button 'mouse-face 'highlight)
(put 'orglab-button 'keymap orglab-button-map)
(put 'orglab-button 'evaporate t)
(put 'orglab-button 'help-echo
     (lambda (_window overlay position)
       (with-current-buffer (overlay-buffer overlay)
         (save-excursion
           (goto-char position)
           (when-let ((reference (orglab-link-at-point)))
             (orglab--describe reference))))))

(defvar orglab-mode)

(declare-function orglab-runs-mode "orglab-runs")

(defun orglab--show-runs ()
  "Turn on `orglab-runs-mode', unless it was turned on or off before."
  (when (and orglab-show-runs (not (local-variable-p 'orglab-runs-mode))
             (orglab-log-buffer-p))
    (require 'orglab-runs)
    (orglab-runs-mode)))

(defun orglab--refresh-buffers (root index)
  "Display again what INDEX has in the buffers of ROOT."
  (when-let ((one (car (orglab-index-experiments index))))
    (puthash root (orglab-local-file (alist-get 'file one)) orglab--logs))
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (bound-and-true-p orglab-mode) (equal orglab--root root))
        (jit-lock-refontify)
        (unless (orglab--big-p index) (orglab--show-runs))
        (run-hooks 'orglab-index-hook)))))

;;;; Eldoc

(defun orglab--eldoc (callback &rest _)
  "Call CALLBACK with what is known of the reference at point."
  (when-let ((reference (orglab-link-at-point)))
    (orglab--notice-change (orglab-index))
    (when-let ((text (orglab--describe reference)))
      (funcall callback text :thing reference :face 'orglab-reference))))

;;;; Completion

(add-to-list 'completion-styles-alist
             '(orglab orglab--try-completion orglab--all-completions
                      "Words of a title in any order, or a number."))
(add-to-list 'completion-category-defaults
             '(orglab-reference (styles orglab basic)))

(defun orglab--all-completions (text table predicate _point)
  "Return what TABLE and PREDICATE have for TEXT: all words, in any case.
If TEXT begins with a digit, its first word is the beginning of a number."
  (let* ((completion-ignore-case t)
         (words (mapcar #'regexp-quote (split-string text)))
         (completion-regexp-list
          (if (string-match-p "\\`[0-9]" text)
              (cons (concat "\\`" (car words)) (cdr words))
            words)))
    (all-completions "" table predicate)))

(defun orglab--try-completion (text table predicate point)
  "Complete TEXT with POINT in it, if TABLE and PREDICATE have one completion."
  (let ((found (orglab--all-completions text table predicate point)))
    (cond ((cdr found) (cons text point))
          ((equal found (list text)) t)
          (found (cons (car found) (length (car found)))))))

(defun orglab--candidate (one cut)
  "Return what can be completed to the reference of ONE, which has a state.
It is the reference without its first CUT letters, and the title or the text."
  (let-alist one
    (propertize (concat (substring .ref cut) " " (or .text .title))
                'orglab-state (or .state ""))))

(defun orglab--candidates (index)
  "Return what can be completed from INDEX, in the order of the log."
  (let ((cut (length (orglab-index-letter index))))
    (mapcan (lambda (experiment)
              (mapcar (lambda (one) (orglab--candidate one cut))
                      (cons experiment (alist-get 'steps experiment))))
            (orglab-index-experiments index))))

(defun orglab--complete-exit (text _status)
  "Leave of TEXT, a candidate, only the reference, and close the bracket."
  (let ((reference (car (split-string text " "))))
    (delete-char (- (length text)))
    (insert reference)
    (if (eq (char-after) ?\])
        (forward-char)
      (insert "]"))))

(defun orglab-completion-at-point ()
  "Complete a reference after \"[e\", by its number or by words of its title.
In code, do so only in comments and strings."
  (save-match-data
    (when (and (or (not (derived-mode-p 'prog-mode)) (nth 8 (syntax-ppss)))
               (looking-back (concat "\\(?:^\\|[^][:alnum:]_[]\\)\\["
                                     (regexp-quote (orglab-index-letter
                                                    (orglab-index)))
                                     "\\([^][\n]*\\)")
                             (line-beginning-position)))
      (let ((begin (match-beginning 1)) (end (point))
            (index (orglab--wait-for-index)))
        (when (orglab-index-rows index)
          (orglab--complete-region
           begin end
           (or (orglab-index-candidates index)
               (setf (orglab-index-candidates index)
                     (orglab--candidates index)))))))))

(defun orglab--complete-region (begin end candidates)
  "Return what completes the text between BEGIN and END by CANDIDATES.
Return nil if none has its words, so that it can be completed otherwise."
  (when (orglab--all-completions (buffer-substring begin end) candidates nil 0)
    (list begin end
          (lambda (text predicate action)
            (if (eq action 'metadata)
                '(metadata (category . orglab-reference)
                           (display-sort-function . identity))
              (complete-with-action action candidates text predicate)))
          :annotation-function
          (lambda (candidate)
            (concat " " (get-text-property 0 'orglab-state candidate)))
          :exit-function #'orglab--complete-exit)))

;;;; Definition and references

(defun orglab--xref-backend ()
  "Return the xref backend of references, if point is in one."
  (orglab--wait-for-index)
  (and (orglab-link-at-point) 'orglab))

(cl-defmethod xref-backend-identifier-at-point ((_backend (eql 'orglab)))
  "Return the reference at point."
  (orglab-link-at-point))

(cl-defmethod xref-backend-identifier-completion-table ((_backend (eql 'orglab)))
  "Return all references."
  (hash-table-keys (orglab-index-rows (orglab--wait-for-index))))

(cl-defmethod xref-backend-definitions ((_backend (eql 'orglab)) reference)
  "Return the place of REFERENCE in the log."
  (let ((place (orglab--place reference)))
    (list (xref-make (or (orglab--describe reference) reference)
                     (xref-make-file-location (car place) (cdr place) 0)))))

(cl-defstruct (orglab-commit-location
               (:constructor orglab--make-commit-location (folder hash)))
  "A commit, by its HASH in the repository of FOLDER."
  folder hash)

(cl-defmethod xref-location-marker ((location orglab-commit-location))
  "Return a marker in a buffer that shows the commit LOCATION."
  (let* ((hash (orglab-commit-location-hash location))
         (buffer (get-buffer-create (format "*commit %.9s*" hash))))
    (with-current-buffer buffer
      (let ((inhibit-read-only t)
            (default-directory (orglab-commit-location-folder location)))
        (erase-buffer)
        (process-file "git" nil t nil "show" "--stat" "--patch" "--no-color"
                      ;; The settings of a repository may name programs.
                      "--no-ext-diff" "--no-textconv" "--no-show-signature"
                      hash "--")
        (goto-char (point-min))
        (diff-mode)
        (setq buffer-read-only t))
      (point-min-marker))))

(cl-defmethod xref-location-group ((_location orglab-commit-location))
  "Return the group of commits."
  "commits")

(defun orglab--xref-of (place)
  "Return the xref of PLACE, as `orglab refs' prints it."
  (let-alist place
    (xref-make (string-trim (or .text ""))
               (if .file
                   (xref-make-file-location (orglab-local-file .file) .line 0)
                 (orglab--make-commit-location
                  default-directory
                  (or (alist-get 'hash .commit) (format "%s" .commit)))))))

(cl-defmethod xref-backend-references ((_backend (eql 'orglab)) reference)
  "Return the commits, files and lines that name REFERENCE."
  (let ((default-directory (orglab--current-root)))
    (mapcar #'orglab--xref-of
            (alist-get 'references (orglab--call "refs" "--" reference)))))

;;;; Org links

(defun orglab--link-complete (&optional _argument)
  "Return an Org link to an experiment or step, which is read."
  (concat "orglab:" (orglab--choose "Link to: " nil)))

(defun orglab--link-export (path description _backend &optional _info)
  "Return the text for a link to PATH with DESCRIPTION in an export."
  (or description (format "[%s]" path)))

(org-link-set-parameters "orglab"
                         :follow #'orglab-follow
                         :complete #'orglab--link-complete
                         :export #'orglab--link-export
                         :face 'orglab-reference)

;;;; The mode

(defun orglab--saved ()
  "Read again what is known of the log, if this buffer visits it."
  (when (orglab-log-buffer-p)
    (run-hooks 'orglab-changed-hook)))

(defvar orglab-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c M-e") #'orglab-dispatch)
    map)
  "Keymap of `orglab-mode'.")

(defconst orglab--hooks
  '((eldoc-documentation-functions . orglab--eldoc)
    (completion-at-point-functions . orglab-completion-at-point)
    (xref-backend-functions . orglab--xref-backend)
    (org-open-at-point-functions . orglab-follow-at-point)
    (after-save-hook . orglab--saved)
    (after-revert-hook . orglab--saved))
  "What `orglab-mode' adds to hooks of its buffer.")

;;;###autoload
(define-minor-mode orglab-mode
  "Make references to experiments and steps, such as [e201.1], buttons.
Also complete them after \"[e\", describe them with eldoc, and find their
definition and what refers to them with xref.

\\{orglab-mode-map}"
  :lighter " orglab"
  (setq orglab--root nil)
  (pcase-dolist (`(,hook . ,function) orglab--hooks)
    (if orglab-mode (add-hook hook function -10 t)
      (remove-hook hook function t)))
  (cond (orglab-mode
         (orglab--begin-index)
         (jit-lock-register #'orglab--fontify))
        (t
         (jit-lock-unregister #'orglab--fontify)
         (save-restriction
           (widen)
           (remove-overlays (point-min) (point-max)
                            'category 'orglab-button)))))

(defconst orglab--methods-of-others '("sudo" "su" "doas" "sg" "sudoedit" "ksu")
  "Methods of Tramp to be another user, whose files orglab is not to write.")

(defun orglab--turn-on ()
  "Turn on `orglab-mode' in buffers of files, if orglab is installed.
On a remote host, that is not looked for."
  (when (and buffer-file-name (not (minibufferp))
             (if-let ((method (file-remote-p default-directory 'method)))
                 (not (member method orglab--methods-of-others))
               (executable-find orglab-program)))
    (orglab-mode)))

;;;###autoload
(define-globalized-minor-mode global-orglab-mode orglab-mode orglab--turn-on
  :group 'orglab)

(provide 'orglab-link)
;;; orglab-link.el ends here
