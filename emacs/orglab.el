;;; orglab.el --- An experiment log tied to git  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: outlines, tools, vc
;; URL: https://pypi.org/project/orglab/
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
(require 'json)
(require 'project)
(require 'subr-x)
(require 'transient)

(defgroup orglab nil
  "An experiment log tied to git."
  :group 'org
  :group 'tools
  :prefix "orglab-")

(defcustom orglab-program "orglab"
  "The program to run; on a remote host, the program there.
Set it as a connection-local variable if it differs between hosts."
  :type 'string
  :risky t)

(defcustom orglab-save-silently t
  "Whether commands save the buffer of the log without asking."
  :type 'boolean)

(defcustom orglab-tried-delay 0.5
  "Seconds without typing after which `orglab-new' looks up what was tried.
If nil, it does not look it up."
  :type '(choice (number :tag "Seconds") (const :tag "Never" nil)))

(defcustom orglab-run-options nil
  "Options of `orglab run' that `orglab-run' uses, such as \"--stdout-metrics\"."
  :type '(repeat string))

(defface orglab-reference '((t :inherit link))
  "Face of references to experiments and steps.")

(defvar orglab-changed-hook nil
  "Hook run after a command may have changed the log.
`default-directory' is the folder that the command ran in.")

;;;; Processes

(defun orglab--program ()
  "Return the program to run for `default-directory'."
  (with-connection-local-variables orglab-program))

(defun orglab--with-json (arguments)
  "Return ARGUMENTS, which begin with the name of a command, with `--json'."
  `(,(car arguments) "--json" ,@(cdr arguments)))

(defun orglab--parse (buffer)
  "Return the JSON document in BUFFER, or nil if BUFFER is empty."
  (with-current-buffer buffer
    (goto-char (point-min))
    (skip-chars-forward " \t\n")
    (unless (eobp)
      (if (fboundp 'json-parse-buffer)
          (json-parse-buffer :object-type 'alist :array-type 'list
                             :null-object nil :false-object nil)
        (let ((json-object-type 'alist) (json-array-type 'list)
              (json-null nil) (json-false nil))
          (json-read))))))

(defun orglab--text (buffer)
  "Return the text of BUFFER."
  (with-current-buffer buffer (buffer-string)))

(defun orglab--sentence (text code)
  "Return what orglab wrote to standard error, TEXT, as one sentence.
CODE is its exit code."
  (let ((said (string-trim text)))
    (cond ((eql code 127)
           (format "There is no program %s here; see `orglab-program'"
                   (orglab--program)))
          ((string-empty-p said)
           (format "orglab ended with exit code %s" code))
          (said))))

(defun orglab--call (&rest arguments)
  "Run orglab with ARGUMENTS and `--json', and return its document.
Signal a `user-error' with orglab's own sentence if it fails."
  (let ((errors (make-temp-file "orglab-")))
    (unwind-protect
        (with-temp-buffer
          (let* ((coding-system-for-read 'utf-8)
                 (coding-system-for-write 'utf-8)
                 (code (apply #'process-file (orglab--program) nil
                              (list (current-buffer) errors) nil
                              (orglab--with-json arguments))))
            (unless (eql code 0)
              (user-error "%s" (with-temp-buffer
                                 (insert-file-contents errors)
                                 (orglab--sentence (buffer-string) code))))
            (orglab--parse (current-buffer))))
      (delete-file errors))))

(defconst orglab--script
  "{ e=$(\"$@\" 2>&1 1>&3); c=$?; } 3>&1; printf '\\036%s' \"$e\"; exit $c"
  "What runs a command, and prints its standard error after its output.
A process of Tramp has one stream, and to read a file when it ends could
disturb another of Tramp's commands.")

(defvar orglab--processes nil
  "Processes whose result has not been taken yet.")

(defun orglab--pending-p (process)
  "Return whether the result of PROCESS has not been taken yet."
  (memq process orglab--processes))

(defun orglab--split (buffer)
  "Remove what orglab wrote to standard error from BUFFER, and return it."
  (with-current-buffer buffer
    (goto-char (point-max))
    (if (search-backward "\036" nil t)
        (prog1 (buffer-substring (1+ (point)) (point-max))
          (delete-region (point) (point-max)))
      "")))

(defun orglab--finish (process read success failure)
  "Call SUCCESS or FAILURE for PROCESS, which has ended.
READ returns the result from its buffer."
  (let ((buffer (process-buffer process)) (code (process-exit-status process)))
    (setq orglab--processes (delq process orglab--processes))
    (when (buffer-live-p buffer)
      (unwind-protect
          (let ((said (orglab--split buffer))
                (default-directory
                 (buffer-local-value 'default-directory buffer)))
            (if (eql code 0)
                (funcall success (funcall read buffer) (string-trim said))
              (funcall failure (orglab--sentence said code))))
        (kill-buffer buffer)))))

(defun orglab--start (arguments success &optional failure as-text)
  "Run orglab with ARGUMENTS and `--json' in the background.
Then call SUCCESS with its document and what it wrote to standard error, or
FAILURE with a sentence; by default that is shown.  With AS-TEXT, run it without
`--json'; the document is what it prints.  Return the process."
  (let* ((folder default-directory)
         (output (generate-new-buffer " *orglab*" t))
         (read (if as-text #'orglab--text #'orglab--parse))
         (failure (or failure (lambda (sentence) (message "%s" sentence)))))
    (with-current-buffer output (setq default-directory folder))
    (condition-case problem
        (let ((process
               (make-process
                :name "orglab" :buffer output
                :command `("/bin/sh" "-c" ,orglab--script "orglab"
                           ,(orglab--program)
                           ,@(if as-text arguments
                               (orglab--with-json arguments)))
                :coding 'utf-8 :connection-type 'pipe :noquery t
                :file-handler t
                ;; Not at once: it may end while Tramp waits for another one.
                :sentinel (lambda (process _event)
                            (unless (process-live-p process)
                              (run-at-time 0 nil #'orglab--finish process
                                           read success failure))))))
          (push process orglab--processes)
          process)
      (file-error
       (kill-buffer output)
       (user-error "Cannot start orglab: %s" (error-message-string problem))))))

;;;; The log and its buffer

(defvar orglab--logs (make-hash-table :test #'equal)
  "The file of the log, or `none', by the folder that commands run in.")

(defun orglab-root ()
  "Return the folder that commands run in: the top of the project."
  (if-let ((project (project-current)))
      (project-root project)
    default-directory))

(defun orglab-log-file ()
  "Return the file of the log that belongs to the current buffer."
  (let* ((folder (orglab-root)) (known (gethash folder orglab--logs)))
    (if (stringp known) known
      (let* ((default-directory folder)
             (log (alist-get 'log (orglab--call "status"))))
        (puthash folder (orglab-local-file log) orglab--logs)))))

(defun orglab--find-log ()
  "Return the same as `orglab-log-file', or nil if there is no log.
That there is none is remembered."
  (let* ((folder (orglab-root)) (known (gethash folder orglab--logs)))
    (cond ((eq known 'none) nil)
          (known)
          ((ignore-error user-error (orglab-log-file)))
          (t (puthash folder 'none orglab--logs) nil))))

(defun orglab-local-file (name)
  "Return NAME, which orglab has printed, as a file name for Emacs."
  (concat (file-remote-p default-directory)
          (expand-file-name name (file-local-name default-directory))))

(defun orglab-log-buffer-p (&optional buffer)
  "Return whether BUFFER, by default the current one, visits the log."
  (with-current-buffer (or buffer (current-buffer))
    (let ((file (buffer-file-name (buffer-base-buffer))))
      (and file (derived-mode-p 'org-mode)
           (when-let ((log (orglab--find-log)))
             (file-equal-p file log))))))

(defun orglab--visiting ()
  "Return the buffer that visits the log, or nil."
  (find-buffer-visiting (orglab-log-file)))

(defun orglab--save ()
  "Save the buffer of the log, if it has unsaved changes."
  (when-let ((buffer (orglab--visiting)))
    (with-current-buffer buffer
      (when (and (buffer-modified-p)
                 (or orglab-save-silently
                     (y-or-n-p (format "Save %s? " (buffer-name)))
                     (user-error "The log has unsaved changes")))
        (let ((inhibit-message t)) (save-buffer))))))

(defun orglab--revert ()
  "Read the buffer of the log again, if the file has changed.
Point, folding and narrowing stay.  A buffer that has unsaved changes is left
as it is.  Return nil only then."
  (let ((buffer (orglab--visiting)))
    (cond
     ((null buffer) t)
     ((verify-visited-file-modtime buffer) t)
     ((buffer-modified-p buffer)
      (message "%s" (substitute-command-keys
                     (format "%s has changed on disk, and %s has unsaved \
changes: \\[revert-buffer] or \\[save-buffer]"
                             (file-name-nondirectory (orglab-log-file))
                             (buffer-name buffer))))
      nil)
     (t (with-current-buffer buffer
          (let ((revert-buffer-function #'revert-buffer--default)
                (revert-buffer-insert-file-contents-function
                 #'revert-buffer-insert-file-contents-delicately)
                (inhibit-message t))
            (revert-buffer t t t)))
        t))))

(defun orglab--changed (sentence)
  "Read the log again, and show SENTENCE."
  (when (and (orglab--revert) sentence)
    (message "%s" sentence))
  (run-hooks 'orglab-changed-hook))

(defun orglab--write (arguments describe)
  "Save the log, run orglab with ARGUMENTS, and read the log again.
DESCRIBE is called with the document that orglab printed, and returns what to
show; it is a string if that does not depend on the document."
  (orglab--save)
  (let ((default-directory (orglab-root)))
    (orglab--start
     arguments
     (lambda (document said)
       (orglab--changed
        (let ((sentence (if (stringp describe) describe
                          (funcall describe document))))
          (if (string-empty-p said) sentence
            (concat sentence "\n" said)))))
     (lambda (sentence)
       (orglab--changed nil)
       (message "%s" sentence)))))

;;;; References

(declare-function orglab-link-at-point "orglab-link")
(declare-function orglab-link-experiments "orglab-link")

(defun orglab--reference-of-line ()
  "Return the reference of the experiment or step of the current line, or nil."
  (orglab--save)
  (let ((line (save-restriction (widen) (line-number-at-pos)))
        (default-directory (orglab-root)))
    (condition-case nil
        (alist-get 'ref (orglab--call "show" "--line" (number-to-string line)))
      (user-error nil))))

(defun orglab-reference-at-point ()
  "Return the reference at point, or nil.
It is the one in the text, such as [e201.1]; or else, in the log, that of the
step or the experiment that point is in."
  (require 'orglab-link)
  (when (eq (gethash (orglab-root) orglab--logs) 'none)
    (remhash (orglab-root) orglab--logs))
  (or (orglab-link-at-point)
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

(defun orglab--rows (experiments kind)
  "Return an alist of references of EXPERIMENTS and what describes each.
KIND is as for `orglab-read-reference'."
  (mapcan
   (lambda (experiment)
     (let-alist experiment
       (append
        (unless (eq kind 'step)
          (list (cons .ref (orglab--describe-experiment experiment))))
        (unless (eq kind 'experiment)
          (mapcar (lambda (step)
                    (cons (alist-get 'ref step)
                          (concat (alist-get 'state step) "  "
                                  (alist-get 'text step))))
                  .steps)))))
   experiments))

(defun orglab--choose (prompt kind)
  "Read the reference of a KIND with completion; PROMPT is shown."
  (let* ((default-directory (orglab-root))
         (table (orglab--rows
                 (alist-get 'experiments
                            (apply #'orglab--call "list" "--sort" "-log"
                                   (unless (eq kind 'experiment)
                                     '("--full"))))
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
     nil t)))

(defun orglab--fits-p (reference kind)
  "Return whether REFERENCE can be used where a KIND is wanted."
  (not (and (eq kind 'step) (not (string-match-p "\\." reference)))))

(defun orglab-read-reference (prompt &optional kind)
  "Return the reference at point or in the menu, or read one with PROMPT.
KIND is `step', `experiment', or nil for both."
  (let ((found (or (and (eq transient-current-command 'orglab-dispatch)
                        (oref transient-current-prefix scope))
                   (orglab-reference-at-point))))
    (cond ((not (and found (orglab--fits-p found kind)))
           (orglab--choose prompt kind))
          ((eq kind 'experiment) (orglab--experiment-of found))
          (t found))))

;;;; Commands that write

;;;###autoload
(defun orglab-done (reference)
  "Complete the step REFERENCE, with the commit that holds its results."
  (interactive (list (orglab-read-reference "Complete step: " 'step)))
  (orglab--write (list "done" reference)
                 (lambda (document)
                   (let ((hashes (alist-get 'recorded document)))
                     (if hashes
                         (format "%s done (%s)" reference
                                 (string-join hashes ", "))
                       (format "%s done, without a commit" reference))))))

;;;###autoload
(defun orglab-reopen (reference)
  "Reopen the completed step REFERENCE; its commits are kept."
  (interactive (list (orglab-read-reference "Reopen step: " 'step)))
  (orglab--write (list "done" "--undo" reference)
                 (format "%s is open again" reference)))

;;;###autoload
(defun orglab-note (reference text)
  "Add the note TEXT to the experiment or step REFERENCE."
  (interactive (let ((reference (orglab-read-reference "Note on: ")))
                 (list reference
                       (read-string (format "Note on %s: " reference)))))
  (orglab--write (list "note" reference "--" text)
                 (format "Noted in %s" reference)))

;;;###autoload
(defun orglab-step (reference text)
  "Add a step with TEXT to the experiment REFERENCE."
  (interactive (let ((reference (orglab-read-reference "Add step to: "
                                                       'experiment)))
                 (list reference
                       (read-string (format "Step of %s: " reference)))))
  (orglab--write (list "step" reference "--" text)
                 (lambda (document)
                   (format "Added %s" (alist-get 'ref document)))))

;;;###autoload
(defun orglab-start (reference)
  "Start work on the experiment or step REFERENCE."
  (interactive (list (orglab-read-reference "Start: ")))
  (orglab--write (list "start" reference)
                 (format "%s is now active" reference)))

(defconst orglab--verdicts '("supported" "refuted" "inconclusive")
  "The verdicts that every log has.")

;;;###autoload
(defun orglab-conclude (reference verdict text)
  "Conclude the experiment REFERENCE with VERDICT and TEXT, and close it.
VERDICT may be empty."
  (interactive
   (let ((reference (orglab-read-reference "Conclude: " 'experiment)))
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
   (let ((reference (orglab-read-reference "State of: " 'experiment)))
     (list reference
           (completing-read (format "State of %s: " reference)
                            (orglab--keywords) nil t)
           (read-string "Why (may be empty): "))))
  (orglab--write (append (list "state")
                         (unless (string-empty-p reason)
                           (list "-m" reason))
                         (list reference keyword))
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

(defun orglab-goto (file line)
  "Show LINE of FILE in this window."
  (find-file file)
  (widen)
  (goto-char (point-min))
  (forward-line (1- line))
  (when (derived-mode-p 'org-mode)
    (org-show-context 'link-search)
    (when (org-at-heading-p) (org-show-subtree))))

(declare-function org-show-context "org")
(declare-function org-show-subtree "org")
(declare-function org-at-heading-p "org")

;;;###autoload
(defun orglab-new (title description)
  "Add an experiment with TITLE and DESCRIPTION to the log, and show it."
  (interactive (list (orglab-read-title)
                     (read-string "What do you expect? (may be empty) ")))
  (let ((window (selected-window)))
    (orglab--write
     (orglab-new-arguments title description)
     (lambda (document)
       (let-alist (alist-get 'experiment document)
         (let ((file (orglab-local-file .file)))
           (orglab--revert)
           (when (window-live-p window)
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
  (orglab--view (format "*orglab %s*" reference) "show" reference))

;;;###autoload
(defun orglab-history (reference)
  "Show everything that happened to the experiment or step REFERENCE."
  (interactive (list (orglab-read-reference "History of: ")))
  (orglab--view (format "*orglab %s history*" reference)
                "show" reference "--history"))

;;;###autoload
(defun orglab-why ()
  "Show why the current line of a file exists: run, step and experiment."
  (interactive)
  (unless buffer-file-name
    (user-error "This buffer visits no file"))
  (let ((place (format "%s:%d" (file-relative-name buffer-file-name
                                                   (orglab-root))
                       (save-restriction (widen) (line-number-at-pos)))))
    (orglab--view "*orglab why*" "why" place)))

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
  (orglab--save)
  (let ((default-directory (orglab-root)))
    (orglab--start (list "report" "-o" (file-local-name file))
                   (lambda (_text said)
                     (when (member (file-name-extension file) '("md" "org"))
                       (display-buffer (find-file-noselect file)))
                     (message "%s" said))
                   nil t)))

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
  "Read the log again after the command of BUFFER."
  (with-current-buffer buffer (orglab--changed nil)))

(defvar orglab-run-history nil "Commands that `orglab-run' has run.")

;;;###autoload
(defun orglab-run (reference command)
  "Run COMMAND as a run of the experiment or step REFERENCE.
COMMAND is what follows `orglab run REFERENCE --' in a shell."
  (interactive
   (let ((reference (orglab-read-reference "Run for: ")))
     (list reference
           (read-shell-command (format "Run for %s: " reference)
                               (car orglab-run-history)
                               'orglab-run-history))))
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
