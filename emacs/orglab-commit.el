;;; orglab-commit.el --- References to experiments in commit messages  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; URL: https://git.example/orglab
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A new commit message, in Magit, in an editor that git starts or in vc, begins
;; with the reference of the active step, as orglab's git hooks write it, even
;; where the hooks are not installed.

;;; Code:

(require 'orglab)

(declare-function orglab-mode "orglab-link")

(defvar git-commit-setup-hook)
(defvar log-edit-hook)

(defun orglab-commit--start ()
  "Return where the message begins, or nil if it is not empty."
  (save-excursion
    (goto-char (point-min))
    (when (looking-at "Summary:[ \t]*")
      (goto-char (match-end 0)))
    ;; Trailers and the headers of vc do not stand in the first line, and
    ;; git has a choice of characters that begin a comment.
    (when (looking-at "[ \t]*\\(?:[#;@!$%^&|:]\\|\\'\\|\n[ \t\n]*\
\\(?:[#;@!$%^&|:]\\|\\'\\|[A-Z][A-Za-z-]+:\\)\\)")
      (point))))

(defun orglab-commit--insert (status)
  "Insert the reference of the active step, if the message is empty.
STATUS is what `orglab status' prints."
  (let-alist status
    (when-let ((start (and .active (orglab-commit--start))))
      (goto-char start)
      (if (equal .position "trailer")
          (save-excursion (insert "\n\nRefs: " .active "\n"))
        (insert "[" .active "] ")))))

(defun orglab-commit--go-on ()
  "Go to where the message goes on that a git hook has begun."
  (when (and (bobp) (looking-at "\\[[^]\n]+\\][ \t]*$"))
    (goto-char (match-end 0))))

(defun orglab-commit-message ()
  "Insert the reference of the active step into a new commit message.
It is inserted as soon as orglab has told it, and only if nothing was typed."
  (require 'orglab-link)
  (orglab-mode)
  (orglab-commit--go-on)
  (when (orglab-commit--start)
    (let ((buffer (current-buffer))
          (default-directory (orglab-root)))
      (orglab--start '("status")
                     (lambda (status _said)
                       (when (buffer-live-p buffer)
                         (with-current-buffer buffer
                           (orglab-commit--insert status))))
                     #'ignore))))

;;;###autoload
(defun orglab-commit-setup ()
  "Have new commit messages begin with the reference of the active step."
  (interactive)
  (add-hook 'git-commit-setup-hook #'orglab-commit-message)
  (add-hook 'log-edit-hook #'orglab-commit-message 90))

(provide 'orglab-commit)
;;; orglab-commit.el ends here
