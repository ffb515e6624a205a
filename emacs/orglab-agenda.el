;;; orglab-agenda.el --- A capture template and agenda views of an experiment log  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; URL: https://git.example/orglab
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; `orglab-setup' adds a capture template, with which orglab itself writes the
;; new experiment, and agenda views of experiments in progress, those that wait,
;; open steps, and experiments without a conclusion.  What a view shows is what
;; the command `orglab list' or `orglab next' shows.

;;; Code:

(require 'org)
(require 'org-agenda)
(require 'org-capture)
(require 'orglab)

(defcustom orglab-folders nil
  "Folders of the repositories whose logs the agenda views show.
If nil, they show the log of the current folder.  A new experiment is captured
in the log of the current folder, or else in that of the first of these."
  :type '(repeat directory)
  :group 'orglab)

(defcustom orglab-capture-key "e"
  "Key of the capture template that `orglab-setup' adds."
  :type 'string
  :group 'orglab)

(defcustom orglab-agenda-key "e"
  "First key of the agenda views that `orglab-setup' adds."
  :type 'string
  :group 'orglab)

;;;; Agenda views

(defun orglab-agenda--is-open-p (experiment)
  "Return whether EXPERIMENT has no conclusion."
  (let-alist experiment
    (and (null .conclusion.verdict)
         (string-empty-p (or .conclusion.text "")))))

(defun orglab-agenda--experiments (&rest arguments)
  "Return the experiments that `orglab list' prints with ARGUMENTS."
  (alist-get 'experiments (apply #'orglab--call "list" arguments)))

(defconst orglab-agenda--views
  `((doing "Experiments in progress"
           ,(lambda () (orglab-agenda--experiments "--doing")))
    (waiting "Waiting experiments"
             ,(lambda () (orglab-agenda--experiments "--waiting")))
    (next "Open steps of experiments in progress"
          ,(lambda () (alist-get 'steps (orglab--call "next"))))
    (unconcluded "Experiments without a conclusion"
                 ,(lambda () (seq-filter #'orglab-agenda--is-open-p
                                         (orglab-agenda--experiments
                                          "--full" "--sort" "-progress")))))
  "The agenda views: for each its title, and what returns its entries.")

(defun orglab-agenda--text (entry)
  "Return the text of ENTRY, an experiment or a step."
  (let-alist entry
    (if .number
        (format "%s [%s] %s" .ref (if (equal .state "partial") "-" " ") .text)
      (concat (and .state (propertize .state 'face
                                      (org-get-todo-face .state)))
              " " .ref "  " .title
              (and .progress (format "  [%d/%d]" .progress.done
                                     .progress.total))))))

(defvar orglab-agenda-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c M-e") #'orglab-dispatch)
    map)
  "Keymap of the lines of experiments in the agenda.")

(defvar orglab-agenda-step-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map orglab-agenda-map)
    (define-key map [remap org-agenda-todo] #'orglab-agenda-done)
    (dolist (command '(org-agenda-todo-nextset
                       org-agenda-todo-previousset org-agenda-priority
                       org-agenda-priority-up org-agenda-priority-down
                       org-agenda-set-tags org-agenda-ctrl-c-ctrl-c
                       org-agenda-set-effort org-agenda-set-property
                       org-agenda-schedule org-agenda-deadline
                       org-agenda-kill org-agenda-refile org-agenda-archive
                       org-agenda-archive-default
                       org-agenda-archive-default-with-confirmation
                       org-agenda-toggle-archive-tag org-agenda-bulk-mark
                       org-agenda-bulk-mark-all org-agenda-bulk-mark-regexp
                       org-agenda-bulk-toggle org-agenda-bulk-toggle-all
                       org-agenda-add-note org-agenda-clock-in
                       org-agenda-do-date-later org-agenda-do-date-earlier
                       org-agenda-date-prompt))
      (define-key map (vector 'remap command) #'orglab-agenda--refuse))
    map)
  "Keymap of the lines of steps in the agenda.
What Org would do there, it would do to the heading that the step is below.")

(defun orglab-agenda--refuse ()
  "Tell that a command of the agenda does not apply to steps."
  (interactive)
  (user-error "This is a step, not a heading; t completes it"))

(defun orglab-agenda-done ()
  "Complete the step of the current line, and show the agenda again."
  (interactive)
  (let ((reference (orglab-reference-at-point)) (buffer (current-buffer)))
    (orglab--write (list "done" "--" reference)
                   (lambda (_document)
                     (when (and (orglab--revert) (buffer-live-p buffer))
                       (with-current-buffer buffer (org-agenda-redo)))
                     (format "%s done" reference)))))

(defun orglab-agenda--insert (entry)
  "Insert a line of the agenda for ENTRY of the log of `default-directory'."
  (let* ((file (orglab-local-file (alist-get 'file entry)))
         (line (alist-get 'line entry))
         (folder default-directory)
         (text (orglab-agenda--text entry)))
    (insert
     (with-current-buffer (find-file-noselect file)
       (org-with-wide-buffer
        (goto-char (point-min))
        (forward-line (1- line))
        (let ((marker (org-agenda-new-marker (point)))
              (tags (org-get-tags)))
          (org-back-to-heading t)
          (org-add-props (org-agenda-format-item
                          nil text nil (org-get-category) tags)
              (list 'face 'default)
            'org-marker marker
            'orglab-reference (alist-get 'ref entry)
            'orglab-text (orglab--text-of entry)
            'orglab-folder folder
            'keymap (if (alist-get 'number entry) orglab-agenda-step-map
                      orglab-agenda-map)
            ;; A step has no heading of its own that Org might change.
            'org-hd-marker (unless (alist-get 'number entry)
                             (org-agenda-new-marker (point)))
            'todo-state (org-get-todo-state)
            'org-not-done-regexp org-not-done-regexp
            'org-todo-regexp org-todo-regexp
            'org-complex-heading-regexp org-complex-heading-regexp
            'mouse-face 'highlight
            'help-echo (format "mouse-2 or RET jump to %s" file)
            'type "tagsmatch"))))
     "\n")))

(defun orglab-agenda-view (view &optional folders)
  "Show VIEW, one of `orglab-agenda--views', of the logs of FOLDERS."
  (pcase-let* ((folders (or folders orglab-folders (list (orglab-root))))
               (`(,title ,read) (alist-get view orglab-agenda--views))
               (entries (mapcar (lambda (folder)
                                  (let ((default-directory
                                         (file-name-as-directory
                                          (expand-file-name folder))))
                                    (orglab--save)
                                    (cons default-directory (funcall read))))
                                folders)))
    (catch 'exit
      (org-agenda-prepare title)
      (org-compile-prefix-format 'tags)
      (let ((begin (point)))
        (insert (propertize title 'face 'org-agenda-structure) "\n")
        (pcase-dolist (`(,folder . ,rows) entries)
          (let ((default-directory folder))
            (mapc #'orglab-agenda--insert rows)))
        (add-text-properties
         begin (point)
         `(org-agenda-type tags
           org-redo-cmd (orglab-agenda-view ',view ',folders))))
      (org-agenda-finalize)
      (goto-char (point-min))
      (setq buffer-read-only t))))

(defun orglab-agenda-doing (&optional _match)
  "Show the experiments in progress."
  (interactive)
  (orglab-agenda-view 'doing))

(defun orglab-agenda-waiting (&optional _match)
  "Show the experiments that wait."
  (interactive)
  (orglab-agenda-view 'waiting))

(defun orglab-agenda-next (&optional _match)
  "Show the open steps of experiments in progress."
  (interactive)
  (orglab-agenda-view 'next))

(defun orglab-agenda-unconcluded (&optional _match)
  "Show the experiments without a conclusion, the most complete first."
  (interactive)
  (orglab-agenda-view 'unconcluded))

(defun orglab-agenda-commands ()
  "Return entries for `org-agenda-custom-commands'."
  (let ((key orglab-agenda-key))
    `((,key . "Experiments")
      (,(concat key "e") "In progress" orglab-agenda-doing "")
      (,(concat key "w") "Waiting" orglab-agenda-waiting "")
      (,(concat key "n") "Open steps" orglab-agenda-next "")
      (,(concat key "c") "Without a conclusion" orglab-agenda-unconcluded ""))))

;;;; Capture

(defun orglab-capture-target ()
  "Add an experiment, and go to where it is in the log.
This is the target of the capture template; orglab writes the entry."
  (add-hook 'org-capture-mode-hook #'orglab-capture--show)
  (add-hook 'org-capture-after-finalize-hook #'orglab-capture--tell)
  (let* ((default-directory
          (if (or (orglab--find-log) (null orglab-folders)) (orglab-root)
            (file-name-as-directory (expand-file-name (car orglab-folders)))))
         (_log (orglab-log-file)) ; an error if there is none
         (title (orglab-read-title))
         (expected (orglab-read-expectation)))
    (orglab--save)
    (let-alist (alist-get 'experiment
                          (apply #'orglab--call
                                 (orglab-new-arguments title expected)))
      (orglab--revert)
      (set-buffer (find-file-noselect (orglab-local-file .file)))
      (run-hooks 'orglab-changed-hook)
      (org-capture-put :orglab-reference .ref)
      (widen)
      (goto-char (point-min))
      ;; Nothing is inserted here, and there are no blank lines to clean up.
      (forward-line .line))))

(defun orglab-capture--show ()
  "Show the whole experiment that is captured, for editing."
  (when (org-capture-get :orglab-reference)
    (widen)
    (org-back-to-heading t)
    (org-narrow-to-subtree)
    (funcall (if (fboundp 'org-fold-show-all) 'org-fold-show-all 'org-show-all))
    ;; Where the description goes on, or where there is a place for it.
    (when (re-search-forward "^\\*+ " nil t 2)
      (forward-line -1)
      (when (save-excursion (forward-line -1) (looking-at-p "- "))
        (end-of-line 0)))))

(defun orglab-capture--tell ()
  "Tell that an experiment stays in the log, if its capture was aborted."
  (when-let ((reference (and org-note-abort
                             (org-capture-get :orglab-reference))))
    (message "%s stays in the log" reference)))

(defun orglab-capture-template ()
  "Return an entry for `org-capture-templates'."
  (list orglab-capture-key "Experiment" 'plain
        '(function orglab-capture-target) ""))

;;;; Setting up

(defun orglab-agenda--add (entry variable)
  "Add ENTRY to the list that is the value of VARIABLE, unless its key is taken."
  (let ((taken (or (assoc (car entry) (symbol-value variable))
                   ;; Org would not find what is behind a key with a command.
                   (seq-find (lambda (one)
                               (and (string-prefix-p (car one) (car entry))
                                    (consp (cdr one)) (cddr one)))
                             (symbol-value variable)))))
    (cond ((null taken)
           (set variable (append (symbol-value variable) (list entry))))
          ((not (equal taken entry))
           (display-warning
            'orglab (format "The key %s is taken in `%s'" (car entry)
                            variable))))))

(declare-function orglab-commit-setup "orglab-commit")
(declare-function global-orglab-mode "orglab-link")

;;;###autoload
(defun orglab-setup ()
  "Add orglab to capture, agenda, commit messages and the files you visit.
Entries of your own in `org-capture-templates' and `org-agenda-custom-commands'
stay.  To have only a part, use `orglab-capture-template',
`orglab-agenda-commands', `orglab-commit-setup' and `global-orglab-mode'."
  (interactive)
  (require 'orglab-commit)
  (require 'orglab-link)
  (orglab-agenda--add (orglab-capture-template) 'org-capture-templates)
  (dolist (command (orglab-agenda-commands))
    (orglab-agenda--add command 'org-agenda-custom-commands))
  (orglab-commit-setup)
  (global-orglab-mode))

(provide 'orglab-agenda)
;;; orglab-agenda.el ends here
