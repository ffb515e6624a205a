;; ~/.emacs.d/init.el
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((org-mode text-mode prog-mode) . ("orglab" "lsp"))
               t)) ; after the servers of languages: eglot starts one for each buffer
(add-hook 'org-mode-hook #'eglot-ensure)
