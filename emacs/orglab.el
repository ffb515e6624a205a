;;; orglab.el --- An experiment log tied to git  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: outlines, tools, vc
;; URL: https://git.example/orglab
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; orglab keeps an experiment log in one Org file, tied to git.  This package
;; runs its commands from Emacs, on the experiment or step at point:
;;
;;   M-x orglab-dispatch   a menu of commands
;;   M-x orglab-new        a new experiment; shows what was tried before
;;   M-x orglab-mode       references such as [e201.1] as buttons, with
;;                         completion, eldoc and M-.
;;   M-x orglab-setup      adds a capture template, agenda views, and hooks for
;;                         Org files, code and commit messages
;;
;; A command saves the log first, runs without blocking Emacs, and reads the
;; buffer again with point, folding and narrowing as they were.  All of it works
;; on remote files, if orglab is installed there.

;;; Code:

(require 'compile)
(require 'orglab-process)
(require 'subr-x)
(require 'transient)

(defcustom orglab-tried-delay 0.5
  "Seconds without typing after which `orglab-new' looks up what was tried.
If nil, it does not look it up."
  :type '(choice (number :tag "Seconds") (const :tag "Never" nil))
  :group 'orglab)

(defcustom orglab-run-options nil
  "Options of `orglab run' that `orglab-run' uses, such as \"--stdout-metrics\"."
  :type '(repeat string)
  :group 'orglab)

(defface orglab-reference '((t :inherit link))
  "Face of references to experiments and steps."
  :group 'orglab)

;;;; References

(declare-function orglab-link-at-point "orglab-link")

(defun orglab--reference-of-line ()
  "Return the reference of the experiment or step of the current line, or nil."
  (let ((default-directory (orglab-root)) (buffer (orglab--visiting))
        found again)
    (orglab--save)
    (orglab--revert)
    (while (not again)
      (setq found (condition-case problem
                      (orglab--call "show" "--line"
                                    (number-to-string
                                     (save-restriction
                                       (widen) (line-number-at-pos))))
                    (orglab-no-program (user-error "%s" (cadr problem)))
                    (user-error nil))
            ;; Something else may have written the log since it was read.
            again (or (null buffer) (verify-visited-file-modtime buffer)))
      (unless again (orglab--read-again buffer)))
    (when-let ((reference (alist-get 'ref found)))
      (setq orglab--target (list reference (orglab--text-of found)
                                 (orglab--log-time default-directory)))
      reference)))

(defun orglab--reference-of-agenda ()
  "Return the reference of the current line of an agenda, or nil."
  (when-let ((begin (line-beginning-position))
             (reference (get-text-property begin 'orglab-reference)))
    (setq orglab--target
          (list reference (get-text-property begin 'orglab-text) nil))
    reference))

(declare-function orglab-index "orglab-link")
(declare-function orglab-index-rows "orglab-link")
(declare-function orglab--begin-index "orglab-link")
(declare-function orglab--wait-for-index "orglab-link")

(defun orglab--set-up ()
  "Have orglab find the log, if nothing is known of one yet.
In a new clone, it sets the clone up then."
  (require 'orglab-link)
  (unless (orglab-index-rows (orglab-index))
    (remhash (orglab-root) orglab--logs)
    (when (condition-case problem (orglab-log-file)
            (orglab-no-program (user-error "%s" (cadr problem)))
            (user-error nil))
      (orglab--begin-index)
      (orglab--wait-for-index))))

(defun orglab-reference-at-point ()
  "Return the reference at point, or nil.
It is the one in the text, such as [e201.1], or that of the line of an agenda;
or else, in the log, that of the step or the experiment that point is in."
  (setq orglab--target nil)
  (orglab--set-up)
  (or (orglab-link-at-point)
      (orglab--reference-of-agenda)
      (and (orglab-log-buffer-p) (orglab--reference-of-line))))

(defun orglab--experiment-of (reference)
  "Return the experiment of REFERENCE, which may be that of a step."
  (car (split-string reference "\\.")))

(defun orglab--annotate (table)
  "Return a function that annotates the references in TABLE, an alist."
  (let ((width (apply #'max 0 (mapcar (lambda (row) (length (car row)))
                                      table))))
    (lambda (reference)
      (concat (make-string (- (+ width 2) (length reference)) ?\s)
              (cdr (assoc reference table))))))

(defun orglab--describe-experiment (experiment)
  "Return state, verdict and title of EXPERIMENT in one line."
  (let-alist experiment
    (string-join (delq nil (list (or .state "-")
                                 (or .verdict .conclusion.verdict) .title))
                 "  ")))

(defun orglab--steps (experiment kind)
  "Return the steps of EXPERIMENT that fit KIND."
  (seq-filter (lambda (step)
                (let ((done (equal (alist-get 'state step) "done")))
                  (pcase kind ('open-step (not done)) ('done-step done)
                         (_ t))))
              (alist-get 'steps experiment)))

(defun orglab--rows (experiments kind)
  "Return an alist of references of EXPERIMENTS and what describes each.
KIND is as for `orglab-read-reference'."
  (mapcan
   (lambda (experiment)
     (append
      (when (memq kind '(nil experiment))
        (list (cons (alist-get 'ref experiment)
                    (orglab--describe-experiment experiment))))
      (unless (eq kind 'experiment)
        (mapcar (lambda (step)
                  (cons (alist-get 'ref step)
                        (concat (alist-get 'state step) "  "
                                (alist-get 'text step))))
                (orglab--steps experiment kind)))))
   experiments))

(defvar orglab-reference-history nil "References that were chosen.")

(defun orglab--choose (prompt kind &optional near)
  "Read the reference of a KIND with completion; PROMPT is shown.
Those of the experiment NEAR are offered first."
  (let* ((default-directory (orglab-root))
         (experiments
          (alist-get 'experiments
                     (apply #'orglab--call "list" "--sort" "-log"
                            (unless (eq kind 'experiment) '("--full")))))
         (first (seq-filter (lambda (one) (equal (alist-get 'ref one) near))
                            experiments))
         (table (orglab--rows (append first (seq-difference experiments first))
                              kind))
         (annotate (orglab--annotate table)))
    (completing-read
     prompt
     (lambda (text predicate action)
       (if (eq action 'metadata)
           `(metadata (category . orglab-reference)
                      (display-sort-function . identity)
                      (annotation-function . ,annotate))
         (complete-with-action action (mapcar #'car table) text predicate)))
     nil t nil 'orglab-reference-history)))

(defun orglab--fits-p (reference kind)
  "Return whether REFERENCE can be used where a KIND is wanted."
  (or (memq kind '(nil experiment)) (string-match-p "\\." reference)))

(defun orglab-read-reference (prompt &optional kind)
  "Return the reference at point or in the menu, or read one with PROMPT.
KIND is `open-step', `done-step', `experiment', or nil for any."
  (let ((found (or (and (eq transient-current-command 'orglab-dispatch)
                        (oref transient-current-prefix scope))
                   (orglab-reference-at-point))))
    (cond ((not (and found (orglab--fits-p found kind)))
           (orglab--choose prompt kind
                           (and found (orglab--experiment-of found))))
          ((eq kind 'experiment) (orglab--experiment-of found))
          (t found))))

;;;; Commands that write

;;;###autoload
(defun orglab-done (reference)
  "Complete the step REFERENCE, with the commit that holds its results."
  (interactive (list (orglab-read-reference "Complete which step? " 'open-step)))
  (orglab--write (list "done" "--" reference)
                 (lambda (document)
                   (let ((hashes (alist-get 'recorded document)))
                     (if hashes
                         (format "%s done (%s)" reference
                                 (string-join hashes ", "))
                       (format "%s done, without a commit" reference))))))

;;;###autoload
(defun orglab-reopen (reference)
  "Reopen the completed step REFERENCE; its commits are kept."
  (interactive (list (orglab-read-reference "Reopen which step? " 'done-step)))
  (orglab--write (list "done" "--undo" "--" reference)
                 (format "%s is open again" reference)))

;;;###autoload
(defun orglab-note (reference text)
  "Add the note TEXT to the experiment or step REFERENCE."
  (interactive (let ((reference (orglab-read-reference "Note on what? ")))
                 (list reference
                       (read-string (format "Note on %s: " reference)))))
  (orglab--write (list "note" "--" reference text)
                 (format "Noted in %s" reference)))

;;;###autoload
(defun orglab-step (reference text)
  "Add a step with TEXT to the experiment REFERENCE."
  (interactive (let ((reference (orglab-read-reference "Add a step to what? "
                                                       'experiment)))
                 (list reference
                       (read-string (format "Step of %s: " reference)))))
  (orglab--write (list "step" "--" reference text)
                 (lambda (document)
                   (format "Added %s" (alist-get 'ref document)))))

;;;###autoload
(defun orglab-start (reference)
  "Start work on the experiment or step REFERENCE."
  (interactive (list (orglab-read-reference "Start what? ")))
  (orglab--write (list "start" "--" reference) nil))

(defconst orglab--verdicts '("supported" "refuted" "inconclusive")
  "The verdicts that every log has.")

;;;###autoload
(defun orglab-conclude (reference verdict text)
  "Conclude the experiment REFERENCE with VERDICT and TEXT, and close it.
VERDICT may be empty."
  (interactive
   (let ((reference (orglab-read-reference "Conclude what? " 'experiment)))
     (list reference
           (completing-read (format "Verdict of %s: " reference)
                            orglab--verdicts)
           (read-string (format "Conclusion of %s: " reference)))))
  (orglab--write (append (list "conclude")
                         (unless (string-empty-p verdict)
                           (list "--verdict" verdict))
                         (list "--" reference text))
                 (format "%s concluded" reference)))

(declare-function org-collect-keywords "org")
(defvar org-todo-keywords-1)

(defun orglab--keywords ()
  "Return the TODO keywords of the log."
  (with-current-buffer (find-file-noselect (orglab-log-file))
    org-todo-keywords-1))

;;;###autoload
(defun orglab-state (reference keyword reason)
  "Set the state of the experiment REFERENCE to KEYWORD.
REASON is written beside the change, unless it is empty."
  (interactive
   (let ((reference (orglab-read-reference "State of what? " 'experiment)))
     (list reference
           (completing-read (format "State of %s: " reference)
                            (orglab--keywords) nil t)
           (read-string "Why (may be empty): "))))
  (orglab--write (append (list "state")
                         (unless (string-empty-p reason)
                           (list "-m" reason))
                         (list "--" reference keyword))
                 (format "%s is %s" reference keyword)))

;;;; A new experiment

(defvar orglab--tried-timer nil "The timer of `orglab--show-tried'.")
(defvar orglab--tried-process nil "The process that looks up a title.")
(defvar orglab--tried-title nil "The title that was looked up last.")

(defun orglab--describe-tried (experiments)
  "Return EXPERIMENTS, which tried an idea, in a line each."
  (mapconcat (lambda (experiment)
               (let-alist experiment
                 (format "%s %s  %s%s" (if .is_sure "tried:" "near: ") .ref
                         (orglab--describe-experiment experiment)
                         (if (string-empty-p (or .outcome "")) ""
                           (concat " — " .outcome)))))
             experiments "\n"))

(defun orglab--stop-looking-up ()
  "Forget the title that is being looked up."
  (when orglab--tried-timer (cancel-timer orglab--tried-timer))
  (when (process-live-p orglab--tried-process)
    (delete-process orglab--tried-process))
  (setq orglab--tried-timer nil orglab--tried-process nil
        orglab--tried-title nil))

(defun orglab--show-tried (minibuffer)
  "Look up the title in MINIBUFFER, and show below it what was tried."
  (when (buffer-live-p minibuffer)
    (with-current-buffer minibuffer
      (let ((title (string-trim (minibuffer-contents-no-properties))))
        (unless (or (string-empty-p title) (equal title orglab--tried-title))
          (setq orglab--tried-title title)
          (when (process-live-p orglab--tried-process)
            (delete-process orglab--tried-process))
          (setq orglab--tried-process
                (orglab--start
                 (list "tried" "--" title)
                 (lambda (document _said)
                   (orglab--show-below minibuffer
                                       (alist-get 'experiments document)))
                 #'ignore)))))))

(defun orglab--show-below (minibuffer experiments)
  "Show EXPERIMENTS below what is typed in MINIBUFFER."
  (when (buffer-live-p minibuffer)
    (with-current-buffer minibuffer
      (remove-overlays (point-min) (point-max) 'orglab-tried t)
      (when experiments
        (let ((overlay (make-overlay (point-max) (point-max) nil nil t)))
          (overlay-put overlay 'orglab-tried t)
          (overlay-put
           overlay 'after-string
           (concat #(" " 0 1 (cursor t))
                   (propertize (concat "\n" (orglab--describe-tried experiments))
                               'face 'shadow))))))))

(defun orglab--look-up-later ()
  "Look up the title in the minibuffer once nothing is typed for a while."
  (when orglab--tried-timer (cancel-timer orglab--tried-timer))
  (setq orglab--tried-timer
        (run-with-idle-timer orglab-tried-delay nil #'orglab--show-tried
                             (current-buffer))))

(defun orglab-read-title ()
  "Read the title of a new experiment, and show what was tried before."
  (let ((folder (orglab-root)))
    (unwind-protect
        (minibuffer-with-setup-hook
            (lambda ()
              (setq default-directory folder)
              (when orglab-tried-delay
                (add-hook 'post-command-hook #'orglab--look-up-later nil t)))
          (let ((title (string-trim (read-string "Title: "))))
            (when (string-empty-p title)
              (user-error "An experiment needs a title"))
            title))
      (orglab--stop-looking-up))))

(defun orglab-read-expectation ()
  "Read what is expected of a new experiment; it may be empty."
  (read-string "What do you expect? (may be empty) "))

(defun orglab-goto (file line)
  "Show LINE of FILE in this window."
  (find-file file)
  (widen)
  (goto-char (point-min))
  (forward-line (1- line))
  (when (derived-mode-p 'org-mode)
    (orglab--org-fold "show-context" 'link-search)
    (when (org-at-heading-p) (orglab--org-fold "show-subtree"))))

(declare-function org-at-heading-p "org")

;;;###autoload
(defun orglab-new (title description)
  "Add an experiment with TITLE and DESCRIPTION to the log, and show it."
  (interactive (list (orglab-read-title)
                     (orglab-read-expectation)))
  (let ((window (selected-window)) (shown (current-buffer)))
    (orglab--write
     (orglab-new-arguments title description)
     (lambda (document)
       (let-alist (alist-get 'experiment document)
         (let ((file (orglab-local-file .file)))
           (when (and (orglab--revert) (window-live-p window)
                      (eq (window-buffer window) shown))
             (with-selected-window window (orglab-goto file .line))))
         (format "Added %s" .ref))))))

(defun orglab-new-arguments (title description)
  "Return the command that adds an experiment with TITLE and DESCRIPTION."
  (append (list "new")
          (unless (string-empty-p description)
            (list (concat "--description=" description)))
          (list "--" title)))

;;;; Commands that show

(define-derived-mode orglab-view-mode special-mode "orglab"
  "Major mode for what orglab prints."
  (setq-local revert-buffer-function #'orglab--view-again))

(defvar-local orglab--view-arguments nil "The arguments that printed a buffer.")

(defun orglab--view-again (&rest _)
  "Run the command of the current buffer again."
  (apply #'orglab--view (buffer-name) orglab--view-arguments))

(declare-function orglab-mode "orglab-link")

(defun orglab--view (name &rest arguments)
  "Show in the buffer NAME what orglab prints with ARGUMENTS."
  (orglab--save)
  (let ((folder (orglab-root)) (buffer (get-buffer-create name)))
    (with-current-buffer buffer
      (orglab-view-mode)
      (setq default-directory folder orglab--view-arguments arguments)
      (orglab--start arguments
                     (lambda (text said)
                       (orglab--print buffer (concat text said)))
                     (lambda (sentence) (orglab--print buffer sentence))
                     t))
    (display-buffer buffer)))

(defun orglab--print (buffer text)
  "Replace the content of BUFFER by TEXT."
  (require 'orglab-link)
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert text))
      (goto-char (point-min))
      (orglab-mode))))

;;;###autoload
(defun orglab-show (reference)
  "Show the experiment or step REFERENCE with its commits and runs."
  (interactive (list (orglab-read-reference "Show: ")))
  (orglab--view (format "*orglab %s*" reference) "show" "--" reference))

;;;###autoload
(defun orglab-history (reference)
  "Show everything that happened to the experiment or step REFERENCE."
  (interactive (list (orglab-read-reference "History of: ")))
  (orglab--view (format "*orglab %s history*" reference)
                "show" "--history" "--" reference))

;;;###autoload
(defun orglab-why ()
  "Show why the current line of a file exists: run, step and experiment."
  (interactive)
  (unless buffer-file-name
    (user-error "This buffer visits no file"))
  (let ((place (format "%s:%d" (file-relative-name buffer-file-name
                                                   (orglab-root))
                       (save-restriction (widen) (line-number-at-pos)))))
    (orglab--view "*orglab why*" "why" "--" place)))

;;;###autoload
(defun orglab-tried (idea)
  "Show whether IDEA, a text or a reference, was tried before."
  (interactive (list (read-string "Idea: " nil nil
                                  (orglab-reference-at-point))))
  (orglab--view "*orglab tried*" "tried" "--" idea))

;;;###autoload
(defun orglab-next ()
  "Show the open steps of the experiments in progress."
  (interactive)
  (orglab--view "*orglab next*" "next"))

;;;###autoload
(defun orglab-report (file)
  "Write a progress report to FILE, and show it.
The extension of FILE chooses the format, such as .org or .html."
  (interactive (list (expand-file-name
                      (read-file-name "Write report to: " (orglab-root) nil nil
                                      "report.org"))))
  (when (and (called-interactively-p 'any) (file-exists-p file)
             (not (y-or-n-p (format "Overwrite %s? "
                                    (abbreviate-file-name file)))))
    (user-error "The report was not written"))
  (orglab--save)
  (let ((default-directory (orglab-root)))
    (orglab--start (list "report" "-o" (file-local-name file))
                   (lambda (_text said)
                     (when (member (file-name-extension file) '("md" "org"))
                       (orglab--show-file file))
                     (message "%s" said))
                   nil t)))

(defun orglab--show-file (file)
  "Show FILE as it is on disk, in a window; leave alone what was typed in it."
  (let ((buffer (find-file-noselect file t)))
    (unless (buffer-modified-p buffer) (orglab--read-again buffer))
    (display-buffer buffer)))

;;;; Commands in a compilation buffer

(defun orglab--compile (arguments command name)
  "Run orglab with ARGUMENTS and the shell command COMMAND in a buffer NAME.
Read the log again at the end."
  (let* ((default-directory (orglab-root))
         (line (concat (mapconcat #'shell-quote-argument
                                  (cons (orglab--program) arguments) " ")
                       (and command (concat " -- " command))))
         (buffer (compilation-start line nil (lambda (_mode) name))))
    (with-current-buffer buffer
      (add-hook 'compilation-finish-functions #'orglab--compiled nil t))
    buffer))

(defun orglab--compiled (buffer _status)
  "Read the log again after the command of BUFFER.
What was typed in the log meanwhile may have kept orglab from writing: it does
so with the next command, once that is saved."
  (with-current-buffer buffer
    (let ((log (orglab--visiting)))
      (if (and log (buffer-modified-p log) orglab-save-silently)
          (orglab--write '("status") "The run has ended")
        (orglab--changed nil)))))

(defvar orglab-run-history nil "Commands that `orglab-run' has run.")

;;;###autoload
(defun orglab-run (reference command)
  "Run COMMAND as a run of the experiment or step REFERENCE.
COMMAND is what follows `orglab run REFERENCE --' in a shell."
  (interactive
   (let ((reference (orglab-read-reference "Run for what? ")))
     (list reference
           (read-shell-command (format "Run for %s: " reference)
                               (car orglab-run-history)
                               'orglab-run-history))))
  (orglab--check-target reference)
  (orglab--save)
  (let ((root (orglab-root)))
    (save-some-buffers
     (not compilation-ask-about-save)
     (lambda () (and buffer-file-name
                     (string-prefix-p (expand-file-name root)
                                      (expand-file-name buffer-file-name))))))
  (orglab--compile `("run" ,@orglab-run-options ,reference) command
                   "*orglab run*"))

;;;###autoload
(defun orglab-check ()
  "Show the problems in the log, as in `compile'."
  (interactive)
  (orglab--save)
  (orglab--compile (list "check") nil "*orglab check*"))

;;;; The menu

(defun orglab--menu-heading ()
  "Return the heading of the menu: the reference that commands act on."
  (if-let ((reference (oref transient--prefix scope)))
      (propertize reference 'face 'transient-heading)
    (propertize "No experiment at point" 'face 'transient-heading)))

;;;###autoload (autoload 'orglab-dispatch "orglab" nil t)
(transient-define-prefix orglab-dispatch ()
  "Act on the experiment or step at point."
  [:description
   orglab--menu-heading
   ["Write"
    ("d" "Complete step" orglab-done)
    ("u" "Reopen step" orglab-reopen)
    ("n" "Add note" orglab-note)
    ("a" "Add step" orglab-step)]
   ["Decide"
    ("s" "Start" orglab-start)
    ("r" "Run a command" orglab-run)
    ("c" "Conclude" orglab-conclude)
    ("t" "Set state" orglab-state)]
   ["Look"
    ("v" "Show" orglab-show)
    ("h" "History" orglab-history)
    ("w" "Why is this line here" orglab-why)
    ("i" "Tried before" orglab-tried)]
   ["Log"
    ("N" "New experiment" orglab-new)
    ("x" "Open steps" orglab-next)
    ("R" "Write report" orglab-report)
    ("C" "Check" orglab-check)]]
  (interactive)
  (transient-setup 'orglab-dispatch nil nil
                   :scope (orglab-reference-at-point)))

(provide 'orglab)
;;; orglab.el ends here
