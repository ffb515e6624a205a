;;; orglab-runs.el --- Results of runs beside the steps of an experiment log  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; URL: https://pypi.org/project/orglab/
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; `orglab-runs-mode' shows beside each step of the log what its runs resulted
;; in.  The text of the log does not change: the numbers are overlays.

;;; Code:

(require 'orglab)
(require 'orglab-link)

(defface orglab-result '((t :inherit shadow))
  "Face of the results of runs."
  :group 'orglab)

(defvar orglab-runs-mode)

(defun orglab-runs--number (number)
  "Return NUMBER with four significant digits, as text."
  (format "%.4g" number))

(defun orglab-runs--describe (settings)
  "Return the result of the newest of SETTINGS, which are those of one step."
  (let-alist (car (last settings))
    (pcase (car .metrics)
      (`(,metric . ,summary)
       (let-alist summary
         (when .mean
           (concat (format "%s %s" metric (orglab-runs--number .mean))
                   (and .sd (concat " ± " (orglab-runs--number .sd)))
                   (and (> .of 1) (format " (%d of %d runs)" .n .of))
                   (and (cdr settings)
                        (format ", %d settings" (length settings))))))))))

(defun orglab-runs--newest (setting)
  "Return the id of the newest run of SETTING; ids begin with the time."
  (car (last (sort (copy-sequence (alist-get 'runs setting)) #'string<))))

(defun orglab-runs--group (settings)
  "Return an alist of references and their SETTINGS, the newest last."
  (mapcar (lambda (group)
            (cons (car group)
                  (sort (cdr group)
                        (lambda (one other)
                          (string< (or (orglab-runs--newest one) "")
                                   (or (orglab-runs--newest other) ""))))))
          (seq-group-by (lambda (setting) (alist-get 'ref setting)) settings)))

(defun orglab-runs--clear ()
  "Remove the results from the current buffer."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'category 'orglab-result)))

(defun orglab-runs--put (line text)
  "Show TEXT at the end of LINE."
  (goto-char (point-min))
  (forward-line (1- line))
  (let ((overlay (make-overlay (line-beginning-position) (line-end-position))))
    (overlay-put overlay 'category 'orglab-result)
    (overlay-put overlay 'after-string
                 (propertize (concat "  " text) 'face 'orglab-result))))

(put 'orglab-result 'evaporate t)

(defun orglab-runs--show (groups experiments)
  "Show the results in GROUPS beside the steps of EXPERIMENTS."
  (orglab-runs--clear)
  (save-excursion
    (save-restriction
      (widen)
      (dolist (experiment experiments)
        (dolist (step (alist-get 'steps experiment))
          (when-let ((settings (cdr (assoc (alist-get 'ref step) groups)))
                     (text (orglab-runs--describe settings)))
            (orglab-runs--put (alist-get 'line step) text)))))))

(defun orglab-runs-refresh ()
  "Read the results of runs in the background, and show them.
If the log has changed when they are known, they are shown once it is saved."
  (interactive)
  (let ((buffer (current-buffer)) (tick (buffer-chars-modified-tick))
        (default-directory (orglab-root)))
    (unless (buffer-modified-p)
      (orglab--start
       '("runs" "--by" "setting")
       (lambda (document _said)
         (let ((groups (orglab-runs--group (alist-get 'settings document))))
           (when groups
             (orglab--start
              '("list" "--full")
              (lambda (document _said)
                (when (and (buffer-live-p buffer)
                           (eql tick (buffer-chars-modified-tick buffer)))
                  (with-current-buffer buffer
                    (when orglab-runs-mode
                      (orglab-runs--show
                       groups (alist-get 'experiments document))))))
              #'ignore))))
       #'ignore))))

(defun orglab-runs--changed ()
  "Show the results again in the buffer of the log, if it shows them."
  (when-let ((log (orglab--find-log))
             (buffer (find-buffer-visiting log)))
    (with-current-buffer buffer
      (when orglab-runs-mode (orglab-runs-refresh)))))

;;;###autoload
(define-minor-mode orglab-runs-mode
  "Show beside each step of the log what its runs resulted in.
That is the main metric of the setting with the newest run.  The numbers are
not part of the text."
  :lighter nil
  (cond (orglab-runs-mode
         (add-hook 'orglab-changed-hook #'orglab-runs--changed)
         (orglab-runs-refresh))
        (t (orglab-runs--clear))))

(provide 'orglab-runs)
;;; orglab-runs.el ends here
