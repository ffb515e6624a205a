;; ~/.emacs.d/init.el
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((org-mode markdown-mode text-mode prog-mode) . ("orglab" "lsp"))))
(add-hook 'org-mode-hook #'eglot-ensure)
