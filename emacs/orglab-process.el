;;; orglab-process.el --- Running orglab, and reading its log again  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 orglab contributors

;; Author: orglab contributors
;; URL: https://git.example/orglab
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; How the other files of this package run orglab: in the background or while
;; Emacs waits, here or on a remote host.  The buffer of the log is saved before
;; and read again afterwards.

;;; Code:

(require 'json)
(require 'outline)
(require 'project)
(require 'subr-x)

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

(defconst orglab--no-program 127
  "The exit code where there is no orglab, as in a shell.")

(defun orglab--sentence (text code)
  "Return what orglab wrote to standard error, TEXT, as one sentence.
CODE is its exit code."
  (let ((said (string-trim text)))
    (cond ((eql code orglab--no-program)
           (format "There is no program %s here; see `orglab-program'"
                   (orglab--program)))
          ((string-empty-p said)
           (format "orglab ended with exit code %s" code))
          (said))))

(define-error 'orglab-no-program "There is no orglab" 'user-error)

(defun orglab--call (&rest arguments)
  "Run orglab with ARGUMENTS and `--json', and return its document.
Signal a `user-error' with orglab's own sentence if it fails."
  (let ((errors (make-temp-file "orglab-")))
    (unwind-protect
        (with-temp-buffer
          (let* ((coding-system-for-read 'utf-8)
                 (coding-system-for-write 'utf-8)
                 (code (condition-case nil
                           (apply #'process-file (orglab--program) nil
                                  (list (current-buffer) errors) nil
                                  (orglab--with-json arguments))
                         (file-missing orglab--no-program))))
            (unless (eql code 0)
              (signal (if (eql code orglab--no-program) 'orglab-no-program
                        'user-error)
                      (list (with-temp-buffer
                              (insert-file-contents errors)
                              (orglab--sentence (buffer-string) code)))))
            (orglab--parse (current-buffer))))
      (delete-file errors))))

(defconst orglab--script
  "{ e=$(\"$@\" </dev/null 2>&1 1>&3); c=$?; } 3>&1; printf '\\036%s' \"$e\"; exit $c"
  "What runs a command, and prints its standard error after its output.
A process of Tramp has one stream, and to read a file when it ends could
disturb another of Tramp's commands.")

(defvar orglab--processes nil
  "Processes whose result has not been taken yet.")

(defun orglab--pending-p (process)
  "Return non-nil if the result of PROCESS has not been taken yet."
  (and process (memq process orglab--processes)))

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
          (unless process
            (user-error "Cannot start orglab in %s" folder))
          (push process orglab--processes)
          process)
      ((file-error user-error)
       (kill-buffer output)
       (user-error "%s" (error-message-string problem))))))

;;;; The log and its buffer

(defconst orglab--log-name "experiment_log.org"
  "The name that a log has if no setting gives it another one.")

(defvar orglab--logs (make-hash-table :test #'equal)
  "The file of the log, or `none', by the folder that commands run in.")

(defun orglab--root-p (folder)
  "Return non-nil if FOLDER has a log, or settings of orglab."
  (seq-some (lambda (name) (file-exists-p (expand-file-name name folder)))
            (list orglab--log-name "orglab.toml")))

(defun orglab-root ()
  "Return the folder that commands run in.
It is the nearest folder of the project that has a log or settings of orglab,
or else the top of the project; in an agenda, that of the log of the line."
  (or (get-text-property (line-beginning-position) 'orglab-folder)
      (orglab--find-root)))

(defun orglab--find-root ()
  "Return the folder that commands run in for `default-directory'."
  (let* ((project (project-current))
         (top (and project (project-root project)))
         (found (locate-dominating-file default-directory #'orglab--root-p)))
    (file-name-as-directory
     (expand-file-name
      (cond ((null top) (or found default-directory))
            ((and found (file-in-directory-p found top)) found)
            (top))))))

(defun orglab--git-folders (folder)
  "Return where git may keep what orglab records of the repository of FOLDER."
  (when-let ((top (locate-dominating-file folder ".git")))
    (let ((git (expand-file-name ".git" top)))
      (if (file-directory-p git) (list git)
        ;; A worktree: its folder is in that of the repository.
        (with-temp-buffer
          (insert-file-contents git)
          (when (looking-at "gitdir: \\(.+\\)")
            (let ((own (concat (file-remote-p top)
                               (expand-file-name (match-string 1)
                                                 (file-local-name top)))))
              (list own (expand-file-name "../.." own)))))))))

(defun orglab--has-log-p (folder)
  "Return non-nil if FOLDER is known to have a log.
Nothing is run to find out: where orglab finds a log in a new clone, it sets
the clone up, and to visit a file should not do that."
  (or (locate-dominating-file folder orglab--log-name)
      (seq-some (lambda (git)
                  (file-directory-p (expand-file-name "orglab" git)))
                (orglab--git-folders folder))))

(defun orglab-log-file ()
  "Return the file of the log that belongs to the current buffer."
  (let* ((folder (orglab-root)) (known (gethash folder orglab--logs)))
    (if (and (stringp known) (or (file-remote-p known) (file-exists-p known)))
        known
      (let* ((default-directory folder)
             (log (alist-get 'log (orglab--call "status"))))
        (puthash folder (orglab-local-file log) orglab--logs)))))

(defun orglab--find-log ()
  "Return the same as `orglab-log-file', or nil if there is no log.
That orglab finds none is remembered."
  (let ((folder (orglab-root)))
    (cond ((eq (gethash folder orglab--logs) 'none) nil)
          ((not (orglab--has-log-p folder)) nil)
          ((ignore-error user-error (orglab-log-file)))
          (t (puthash folder 'none orglab--logs) nil))))

(defun orglab-local-file (name)
  "Return NAME, which orglab has printed, as a file name for Emacs."
  (concat (file-remote-p default-directory)
          (expand-file-name name (file-local-name default-directory))))

(defun orglab-log-buffer-p (&optional buffer)
  "Return non-nil if BUFFER, by default the current one, visits the log."
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

(defun orglab--current-p (buffer)
  "Return non-nil if BUFFER surely has seen the last change of its file.
Tramp takes times that are less than two seconds apart for the same one."
  (and (not (file-remote-p (buffer-file-name buffer)))
       (verify-visited-file-modtime buffer)))

(declare-function org-at-heading-p "org")
(declare-function org-end-of-subtree "org")
(declare-function org-invisible-p "org-macs")

(defun orglab--org-fold (what &rest arguments)
  "Fold or unfold WHAT of an Org file with ARGUMENTS.
The functions have other names since Org 9.6."
  (let ((name (intern (format "org-fold-%s" what))))
    (apply (cond ((fboundp name) name)
                 ((intern (format "%s-%s" (if (string-prefix-p "hide" what)
                                              "outline" "org")
                                  what))))
           arguments)))

(defun orglab--fold-end (folded-subtree)
  "Return where the text of the heading at point ends.
If FOLDED-SUBTREE, the headings below it belong to it."
  (save-excursion
    (if folded-subtree (org-end-of-subtree t)
      (outline-next-heading)
      (skip-chars-backward "\n"))
    (point)))

(defun orglab--folds ()
  "Return a list of the folded headings of the current Org buffer.
Each is a marker, and whether the headings below it are folded, too."
  (let (folds)
    (save-excursion
      (save-restriction
        (widen)
        (goto-char (point-min))
        (while (re-search-forward "^\\*+ " nil t)
          (beginning-of-line)
          (let ((hidden (line-end-position)))
            (when (and (not (org-invisible-p (point))) (org-invisible-p hidden))
              (let* ((end (next-single-char-property-change hidden 'invisible))
                     (subtree (>= end (orglab--fold-end t))))
                (push (cons (point-marker) subtree) folds)
                (when subtree (goto-char (max (1- end) (point))))))
            (end-of-line)))))
    folds))

(defun orglab--fold-again (folds)
  "Fold what was added to the text of FOLDS, as `orglab--folds' returns them."
  (save-excursion
    (save-restriction
      (widen)
      (pcase-dolist (`(,marker . ,subtree) folds)
        (goto-char marker)
        (set-marker marker nil)
        (when (and (org-at-heading-p)
                   (< (next-single-char-property-change (line-end-position)
                                                        'invisible)
                      (orglab--fold-end subtree)))
          (orglab--org-fold (if subtree "hide-subtree" "hide-entry")))))))

(defun orglab--read-again (buffer)
  "Read the file of BUFFER again.  Point, folding and narrowing stay."
  (with-current-buffer buffer
    (let ((folds (and (derived-mode-p 'org-mode) (orglab--folds))))
      (orglab--revert-text)
      (when folds (orglab--fold-again folds)))))

(defun orglab--revert-text ()
  "Read the file of the current buffer again, and change only what differs."
  (let ((revert-buffer-function #'revert-buffer--default)
        (revert-buffer-insert-file-contents-function
         #'revert-buffer-insert-file-contents-delicately)
        (inhibit-message t))
    (revert-buffer t t t)))

(defun orglab--revert ()
  "Read the buffer of the log again, if the file may have changed.
A buffer that has unsaved changes is left as it is.  Return nil only then."
  (let ((buffer (orglab--visiting)))
    (cond
     ((or (null buffer) (orglab--current-p buffer)) t)
     ((not (file-exists-p (buffer-file-name buffer))) t)
     ((not (buffer-modified-p buffer)) (orglab--read-again buffer) t)
     (t
      (when (file-remote-p (buffer-file-name buffer))
        ;; Otherwise, Tramp might let it be saved without a question.
        (with-current-buffer buffer (set-visited-file-modtime 0)))
      (message "%s" (substitute-command-keys
                     (format "%s has changed on disk, and %s has unsaved \
changes: \\[revert-buffer] or \\[save-buffer]"
                             (file-name-nondirectory (orglab-log-file))
                             (buffer-name buffer))))
      nil))))

(defun orglab--changed (sentence)
  "Read the log again, and show SENTENCE."
  (when (and (orglab--revert) sentence)
    (message "%s" sentence))
  (run-hooks 'orglab-changed-hook))

(defun orglab--follow-file (buffer)
  "Keep BUFFER and its file the same while a command runs.
A key that is typed into a buffer with an older text leads to a question, and
orglab does not write a file of which Emacs has unsaved changes."
  (when (and (buffer-live-p buffer) (buffer-file-name buffer)
             (not (file-remote-p (buffer-file-name buffer)))
             (file-exists-p (buffer-file-name buffer)))
    (let ((is-current (verify-visited-file-modtime buffer))
          (is-modified (buffer-modified-p buffer)))
      (cond ((and is-modified is-current orglab-save-silently)
             (with-current-buffer buffer
               (let ((inhibit-message t)) (save-buffer))))
            ((not (or is-modified is-current))
             (orglab--read-again buffer))))))

;;;; What a command acts on

(defvar orglab--target nil
  "The reference that was found at point last: itself, its text, and the time.
The time is that of the log, or nil if the text has to be compared anyway.")

(defun orglab--log-time (root)
  "Return when the log of ROOT was written, or nil if that takes long to tell."
  (let ((log (gethash root orglab--logs)))
    (and (stringp log) (not (file-remote-p log))
         (file-attribute-modification-time (file-attributes log)))))

(defun orglab--text-of (document)
  "Return the text of the step, or the title of the experiment, in DOCUMENT."
  (or (alist-get 'text document) (alist-get 'title document)))

(defun orglab--check-target (reference)
  "Signal an error if REFERENCE is that of another thing than it was at point.
While an answer is typed, something else may add steps to the log."
  (pcase orglab--target
    ((and `(,(pred (equal reference)) ,text ,time)
          (guard (not (and time (equal time (orglab--log-time (orglab-root)))))))
     (let* ((default-directory (orglab-root))
            (now (orglab--text-of (orglab--call "show" "--" reference))))
       (unless (equal text now)
         (setq orglab--target nil)
         (user-error "The log has changed: %s is now \"%s\"; nothing was written"
                     reference now))))))

;;;; Commands that write

(defun orglab--write (arguments describe)
  "Save the log, run orglab with ARGUMENTS, and read the log again.
DESCRIBE is called with the document that orglab printed, and returns what to
show; it is a string if that does not depend on the document, or nil if what
orglab writes to standard error is enough."
  (orglab--check-target (cadr (member "--" arguments)))
  (orglab--save)
  (let ((default-directory (orglab-root)) (buffer (orglab--visiting)) timer)
    (orglab--start
     arguments
     (lambda (document said)
       (cancel-timer timer)
       (orglab--changed
        (let ((sentence (if (functionp describe) (funcall describe document)
                          describe)))
          (if (string-empty-p said) sentence
            (concat sentence (and sentence "\n") said)))))
     (lambda (sentence)
       (cancel-timer timer)
       (orglab--changed nil)
       (message "%s" sentence)))
    (setq timer (run-at-time 0.05 0.05 #'orglab--follow-file buffer))))

(provide 'orglab-process)
;;; orglab-process.el ends here
