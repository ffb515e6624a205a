;;; orglab-runs.el --- Results of runs beside the steps of an experiment log  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; URL: https://git.example/orglab
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; `orglab-runs-mode' shows beside each step of the log what its runs resulted
;; in.  The text of the log does not change: the numbers are overlays.

;;; Code:

(require 'orglab)
(require 'orglab-link)
(require 'seq)

(defface orglab-result '((t :inherit shadow))
  "Face of the results of runs."
  :group 'orglab)

(defvar orglab-runs-mode)

(defun orglab-runs--number (mean deviation)
  "Return MEAN and its DEVIATION, which may be nil, as text.
As on the command line, the deviation has two significant digits."
  (if (and deviation (> deviation 0))
      (let ((decimals (max 0 (- 1 (floor (log deviation 10))))))
        (format (format "%%.%df ± %%.%df" decimals decimals) mean deviation))
    (format "%.4g" mean)))

(defun orglab-runs--result (setting)
  "Return the main metric of SETTING and its summary; nil if it has no number."
  (let ((main (car (alist-get 'metrics setting))))
    (and (alist-get 'mean (cdr main)) main)))

(defun orglab-runs--describe (settings)
  "Return the result of the newest of SETTINGS, which are those of one step.
Those without a result, such as failed ones, do not count."
  (when-let* ((settings (seq-filter #'orglab-runs--result settings))
              (result (orglab-runs--result (car (last settings)))))
    (let-alist (cdr result)
      (concat (format "%s %s" (car result) (orglab-runs--number .mean .sd))
              (if (eql .n .of) (format " (n = %d" .n)
                (format " (n = %d of %d" .n .of))
              (if (cdr settings)
                  (format "; newest of %d settings)" (length settings))
                ")")))))

(defun orglab-runs--newest (setting)
  "Return the time of the newest run of SETTING, with which its id begins."
  (car (last (sort (mapcar (lambda (id) (substring id 0 (min 15 (length id))))
                           (alist-get 'runs setting))
                   #'string<))))

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
    (remove-overlays (point-min) (point-max) 'category 'orglab-runs)))

(defun orglab-runs--put (line text)
  "Show TEXT at the end of LINE."
  (goto-char (point-min))
  (forward-line (1- line))
  (let ((overlay (make-overlay (line-beginning-position) (line-end-position))))
    (overlay-put overlay 'category 'orglab-runs)
    (overlay-put overlay 'after-string
                 (propertize (concat "  " text) 'face 'orglab-result))))

(put 'orglab-runs 'evaporate t)

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

(defvar-local orglab-runs--groups nil
  "The settings of runs by reference, as `orglab-runs--group' returns them.")

(defun orglab-runs-refresh ()
  "Read the results of runs in the background, and show them.
If the log has changed when they are known, they are shown once it is saved."
  (interactive)
  (when (buffer-modified-p)
    (message "Results are shown once the log is saved"))
  (let ((buffer (current-buffer)) (default-directory (orglab-root)))
    (orglab--start
     '("runs" "--by" "setting")
     (lambda (document _said)
       (when (buffer-live-p buffer)
         (with-current-buffer buffer
           (setq orglab-runs--groups
                 (orglab-runs--group (alist-get 'settings document)))
           (orglab-runs--show-known))))
     #'ignore)))

(defun orglab-runs--show-known ()
  "Show the results that are known, if the lines of the steps are, too."
  (let ((index (orglab-index)))
    (when (and orglab-runs-mode
               (eql (orglab-index-tick index) (buffer-chars-modified-tick)))
      (orglab-runs--show orglab-runs--groups
                         (orglab-index-experiments index)))))

;;;###autoload
(define-minor-mode orglab-runs-mode
  "Show beside each step of the log what its runs resulted in.
That is the main metric of the setting with the newest run.  The numbers are
not part of the text."
  :lighter nil
  (cond (orglab-runs-mode
         (add-hook 'orglab-index-hook #'orglab-runs-refresh nil t)
         (if (or (buffer-modified-p)
                 (eql (orglab-index-tick (orglab-index))
                      (buffer-chars-modified-tick)))
             (orglab-runs-refresh)
           (ignore-error user-error
             (orglab--read-index (orglab--current-root) (orglab-index)))))
        (t
         (remove-hook 'orglab-index-hook #'orglab-runs-refresh t)
         (orglab-runs--clear))))

(provide 'orglab-runs)
;;; orglab-runs.el ends here
