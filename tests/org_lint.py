"""What Emacs finds in a log, and whether it would change it."""

LINT = r"""
(require 'org-lint)
(setq org-auto-align-tags nil)
(find-file (car command-line-args-left))
(org-mode)
(dolist (report (org-lint)) (princ (format "%S\n" report)))
(let ((before (buffer-string)))
  (org-update-checkbox-count t)
  (org-map-entries (lambda () (org-update-parent-todo-statistics)))
  (goto-char (point-min))
  (while (re-search-forward "^[ \t]*|" nil t) (when (org-at-table-p) (org-table-align) (goto-char (org-table-end))))
  (unless (equal before (buffer-string)) (princ "changed\n")))
(org-map-entries (lambda () (princ (format "%d %s %s\n" (org-outline-level) (or (org-get-todo-state) "-") (org-get-heading t t t t)))))
(org-element-map (org-element-parse-buffer) '(src-block table footnote-definition quote-block link latex-fragment)
  (lambda (element) (princ (format "%s\n" (org-element-type element)))))
(org-element-map (org-element-parse-buffer) 'src-block (lambda (element) (princ (org-element-property :value element))))
"""
"""Lisp that prints the reports of org-lint, `changed` if Emacs would count or align otherwise, headings and elements."""
