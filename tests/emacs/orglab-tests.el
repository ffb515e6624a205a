;;; orglab-tests.el --- Tests of emacs/  -*- lexical-binding: t; -*-

;;; Commentary:

;; Each test runs in an Emacs of its own, in a new repository, with the real
;; orglab (tests/emacs/test_package.py).

;;; Code:

(require 'ert)
(require 'log-edit)
(require 'org)
(require 'org-lint)
(require 'ox-ascii)
(require 'package)
(require 'tramp)
(require 'vc)
(require 'orglab)
(require 'orglab-agenda)
(require 'orglab-commit)
(require 'orglab-link)
(require 'orglab-runs)

(defconst orglab-tests-log "\
#+TITLE: Log
#+TODO: TODO INPROGRESS WAIT | DONE CANCELED
#+STARTUP: overview

* TODO [7] Label smoothing [50%]   :exp:
:PROPERTIES:
:ID:       7
:END:
[2018-06-01 Fri 10:00]

- Smoother labels generalize better.

** Notes
- [2018-06-02 Sat 10:00] No change at 0.1

** TODO Experiments [0/1]
1. [ ] Smooth with 0.1

** DONE Conclusions
:PROPERTIES:
:VERDICT:  refuted
:END:
[2018-06-03 Sun 10:00] refuted:
No effect.

* INPROGRESS [201] ABC in XYZ model [0%]   :exp:
:PROPERTIES:
:ID:       201
:END:
[2018-06-06 Wed 16:16]

- Test if adding ABC to XYZ improves results.

** Notes

** TODO Experiments [0/2]
1. [ ] Test XYZ without ABC
2. [ ] Test XYZ with ABC

** TODO Conclusions
")

(defun orglab-tests-git (&rest arguments)
  "Run git with ARGUMENTS and return what it prints."
  (with-temp-buffer
    (unless (eql 0 (apply #'call-process "git" nil t nil arguments))
      (error "Git %s: %s" arguments (buffer-string)))
    (string-trim (buffer-string))))

(defun orglab-tests-orglab (&rest arguments)
  "Run orglab with ARGUMENTS and return what it prints."
  (with-temp-buffer
    (unless (eql 0 (apply #'call-process "orglab" nil t nil arguments))
      (error "Orglab %s: %s" arguments (buffer-string)))
    (string-trim (buffer-string))))

(defmacro orglab-tests-wait (condition)
  "Wait until CONDITION is non-nil, and return its value."
  `(let ((deadline (time-add nil 60)) value)
     (while (not (setq value ,condition))
       (when (time-less-p deadline nil)
         (error "This did not happen: %S" ',condition))
       (accept-process-output nil 0.05))
     value))

(defun orglab-tests-idle-p ()
  "Return whether no orglab is running or about to be started."
  (not (or orglab--processes orglab--refresh-timers)))

(defun orglab-tests-settle ()
  "Wait until what runs in the background has ended."
  (orglab-tests-wait (orglab-tests-idle-p)))

(defun orglab-tests-open (&optional hooks)
  "Make a log, with git HOOKS if that is non-nil, and visit it."
  (write-region orglab-tests-log nil "experiment_log.org")
  (write-region "lr = 1  # [e201.1]\nx = foo[e201] + [e999] [else]\n" nil
                "train.py")
  (orglab-tests-git "add" "--all")
  (orglab-tests-git "commit" "--quiet" "-m" "[e201.1] start")
  (when hooks (orglab-tests-orglab "setup" "git"))
  (find-file "experiment_log.org"))

(defun orglab-tests-goto (text)
  "Go to the first TEXT in the buffer, and show it."
  (goto-char (point-min))
  (search-forward text)
  (let ((start (match-beginning 0)))
    (org-show-context)
    (goto-char start)))

(defun orglab-tests-text (file)
  "Return the text of FILE."
  (with-temp-buffer (insert-file-contents file) (buffer-string)))

(defun orglab-tests-visible-p (text)
  "Return whether TEXT can be seen in the current buffer."
  (save-excursion
    (goto-char (point-min))
    (search-forward text)
    (not (invisible-p (match-beginning 0)))))

(defmacro orglab-tests-answering (answers &rest body)
  "Evaluate BODY with ANSWERS to what is read in the minibuffer."
  (declare (indent 1))
  `(let ((answers ,answers))
     (cl-letf (((symbol-function 'read-string)
                (lambda (&rest _) (pop answers)))
               ((symbol-function 'completing-read)
                (lambda (_prompt table &rest _)
                  (let ((answer (pop answers)))
                    (should (test-completion answer table))
                    answer))))
       ,@body
       (should (null answers)))))

;;;; Commands

(ert-deftest orglab-tests-done-keeps-the-view ()
  (orglab-tests-open)
  (switch-to-buffer "experiment_log.org")
  (orglab-tests-goto "2. [ ] Test XYZ with ABC")
  (forward-char (length "2. [ ] Test "))
  (set-window-start nil (line-beginning-position -3))
  (let ((start (window-start)))
    (should-not (orglab-tests-visible-p "No effect."))
    (should (equal (orglab-reference-at-point) "e201.2"))
    (call-interactively #'orglab-done)
    (orglab-tests-settle)
    (should (looking-at-p "XYZ with ABC"))
    (should (equal (window-start) start))
    (should (string-prefix-p "2. [X]" (buffer-substring
                                       (line-beginning-position)
                                       (line-end-position))))
    (should-not (buffer-modified-p))
    (should-not (orglab-tests-visible-p "No effect."))
    (should (orglab-tests-visible-p "1. [ ] Test XYZ without"))
    (should (equal (buffer-string) (orglab-tests-text "experiment_log.org")))))

(ert-deftest orglab-tests-what-is-added-below-a-folded-heading-is-folded ()
  (orglab-tests-open)
  (orglab-note "e201" "First")
  (orglab-tests-settle)
  (orglab-tests-goto "* INPROGRESS [201]")
  (orglab--org-fold "show-subtree")
  (search-forward "** Notes")
  (orglab--org-fold "hide-subtree")
  (let ((notes (copy-marker (line-beginning-position))))
    (orglab-note "e201" "Second")
    (orglab-tests-settle)
    (orglab-conclude "e7" "refuted" "Still none.")
    (orglab-tests-settle)
    (goto-char notes)
    (should (looking-at-p "\\*\\* Notes")))
  (should-not (orglab-tests-visible-p "Second"))
  (should-not (orglab-tests-visible-p "Still none."))
  (should (orglab-tests-visible-p "1. [ ] Test XYZ without")))

(ert-deftest orglab-tests-narrowing-stays ()
  (orglab-tests-open)
  (orglab-tests-goto "[201]")
  (org-narrow-to-subtree)
  (orglab-note "e201.1" "--seed 2 [50%] is slower")
  (orglab-tests-settle)
  (should (buffer-narrowed-p))
  (should (string-prefix-p "* INPROGRESS [201]" (buffer-string)))
  (should (string-match-p "--seed 2" (buffer-string)))
  (should-not (string-match-p "Label smoothing" (buffer-string))))

(ert-deftest orglab-tests-unsaved-text-is-saved-first ()
  (orglab-tests-open)
  (orglab-tests-goto "2. [ ] Test XYZ with ABC")
  (end-of-line)
  (insert ", twice")
  (orglab-done "e201.2")
  (orglab-tests-settle)
  (should (string-match-p "2\\. \\[X\\] Test XYZ with ABC, twice"
                          (orglab-tests-text "experiment_log.org")))
  (should-not (buffer-modified-p)))

(ert-deftest orglab-tests-text-typed-meanwhile-is-saved ()
  (orglab-tests-open)
  (dolist (create-lockfiles '(nil t))
    (orglab-note "e201" (format "With locks: %s" create-lockfiles))
    (orglab-tests-goto "Smoother labels")
    (insert (format "Perhaps %s: " create-lockfiles))
    (orglab-tests-settle)
    (should-not (buffer-modified-p))
    (should (equal (orglab-tests-text "experiment_log.org")
                   (buffer-string))))
  (dolist (text '("Perhaps nil: Perhaps t: Smoother" "With locks: nil"
                  "With locks: t"))
    (should (string-match-p text (buffer-string)))))

(ert-deftest orglab-tests-text-typed-meanwhile-is-not-lost ()
  (orglab-tests-open)
  (let ((create-lockfiles nil) (orglab-save-silently nil))
    (orglab-done "e201.2")
    (orglab-tests-goto "Smoother labels")
    (insert "Perhaps: ")
    (orglab-tests-settle)
    (should (buffer-modified-p))
    (should (string-match-p "Perhaps: Smoother" (buffer-string)))
    (should (string-match-p "2\\. \\[ \\]" (buffer-string)))
    (should (string-match-p "2\\. \\[X\\]"
                            (orglab-tests-text "experiment_log.org")))
    (with-current-buffer "*Messages*"
      (should (string-match-p "has changed on disk" (buffer-string))))))

(ert-deftest orglab-tests-a-locked-log-is-not-written ()
  (orglab-tests-open)
  (let ((create-lockfiles t) (orglab-save-silently nil))
    (orglab-done "e201.2")
    (orglab-tests-goto "Smoother labels")
    (insert "Perhaps: ")
    (should (file-symlink-p ".#experiment_log.org"))
    (orglab-tests-settle)
    (with-current-buffer "*Messages*"
      (should (string-match-p "unsaved changes" (buffer-string))))
    (should (equal (orglab-tests-text "experiment_log.org")
                   orglab-tests-log))
    (save-buffer)
    (should (string-match-p "Perhaps: Smoother"
                            (orglab-tests-text "experiment_log.org")))))

(ert-deftest orglab-tests-undo-takes-back-what-orglab-wrote ()
  (orglab-tests-open)
  (buffer-enable-undo)
  (let ((before (buffer-string)))
    (undo-boundary)
    (orglab-done "e201.2")
    (orglab-tests-settle)
    (should-not (equal before (buffer-string)))
    (undo-boundary)
    (undo-only)
    (should (equal before (buffer-string)))))

(ert-deftest orglab-tests-an-error-is-orglabs-sentence ()
  (orglab-tests-open)
  (orglab-done "e201.9")
  (orglab-tests-settle)
  (with-current-buffer "*Messages*"
    (should (string-match-p "There is no step 9 in e201" (buffer-string))))
  (should-error (orglab--call "show" "999") :type 'user-error)
  (let ((orglab-program "no-such-program"))
    (orglab-done "e201.1")
    (orglab-tests-settle))
  (with-current-buffer "*Messages*"
    (should (string-match-p "There is no program no-such-program here"
                            (buffer-string)))))

(ert-deftest orglab-tests-every-command-writes ()
  (orglab-tests-open)
  (dolist (call '((orglab-done "e201.1") (orglab-reopen "e201.1")
                  (orglab-start "e7.1") (orglab-step "e7" "Smooth with 0.2")
                  (orglab-note "e7" "- not\n* a heading")
                  (orglab-state "e7" "WAIT" "")
                  (orglab-conclude "e201" "supported" "ABC helps.")))
    (apply (car call) (cdr call))
    (orglab-tests-settle))
  (let ((text (buffer-string)))
    (dolist (written '("1. [ ] Test XYZ without" "2. [ ] Smooth with 0.2"
                       "a heading" "* WAIT [7]" "ABC helps." "* DONE [201]"))
      (should (string-match-p (regexp-quote written) text))))
  (should (equal (orglab-tests-orglab "check") "No problems found.")))

(ert-deftest orglab-tests-the-menu-acts-on-the-step-at-point ()
  (orglab-tests-open)
  (switch-to-buffer "experiment_log.org")
  (orglab-tests-goto "1. [ ] Test XYZ without")
  (execute-kbd-macro (kbd "M-x orglab-dispatch RET d"))
  (orglab-tests-settle)
  (should (string-match-p "1\\. \\[X\\] Test XYZ without" (buffer-string))))

(ert-deftest orglab-tests-a-reference-is-chosen-where-point-is-in-none ()
  (orglab-tests-open)
  (goto-char (point-min))
  (orglab-tests-orglab "done" "201.1" "--no-commit")
  (revert-buffer t t)
  (orglab-tests-answering '("e201.2")
    (should (equal (orglab-read-reference "Step: " 'open-step) "e201.2")))
  (should-error (orglab-tests-answering '("e201.1")
                  (orglab-read-reference "Step: " 'open-step))
                :type 'ert-test-failed)
  (orglab-tests-goto "[201]")
  (orglab-tests-answering '("e7.1")
    (should (equal (orglab-read-reference "Step: " 'open-step) "e7.1")))
  (should (equal (orglab-read-reference "Experiment: " 'experiment) "e201")))

(ert-deftest orglab-tests-a-run-is-noted ()
  (orglab-tests-open)
  (let ((compilation-ask-about-save nil)
        (orglab-run-options '("--stdout-metrics")))
    (orglab-run "e201.2" "echo metric loss=$((6 * 7))"))
  (orglab-tests-wait (string-match-p "ran echo metric loss=42, .*: loss 42"
                                     (buffer-string)))
  (with-current-buffer "*orglab run*"
    (should (string-match-p "^metric loss=42" (buffer-string)))))

(ert-deftest orglab-tests-what-orglab-prints-is-shown ()
  (orglab-tests-open)
  (orglab-show "e201")
  (orglab-tests-settle)
  (with-current-buffer "*orglab e201*"
    (should (string-prefix-p "e201  ABC in XYZ model" (buffer-string)))
    (should buffer-read-only))
  (find-file "train.py")
  (orglab-why)
  (orglab-tests-settle)
  (with-current-buffer "*orglab why*"
    (should (string-match-p "e201" (buffer-string))))
  (orglab-report (expand-file-name "report.org"))
  (orglab-tests-settle)
  (should (get-buffer "report.org")))

;;;; Beside other programs and other buffers

(ert-deftest orglab-tests-the-step-is-that-of-the-line-on-disk ()
  (orglab-tests-open)
  (orglab-tests-goto "2. [ ] Test XYZ with ABC")
  ;; The lines below it are others on disk now.
  (orglab-tests-orglab "note" "7" "Written elsewhere")
  (should (equal (orglab-reference-at-point) "e201.2"))
  (should (looking-at-p "2\\. \\[ \\] Test XYZ with ABC")))

(ert-deftest orglab-tests-a-step-that-has-another-number-now-is-not-written ()
  (orglab-tests-open)
  (orglab-tests-goto "2. [ ] Test XYZ with ABC")
  (end-of-line)
  (cl-letf (((symbol-function 'read-string)
             (lambda (&rest _)
               (write-region
                (string-replace
                 "2. [ ] Test XYZ with ABC"
                 "2. [ ] Inserted\n3. [ ] Test XYZ with ABC"
                 (orglab-tests-text "experiment_log.org"))
                nil "experiment_log.org")
               "Seed 2")))
    (should-error (call-interactively #'orglab-note) :type 'user-error))
  (should-not (string-match-p "Seed 2"
                              (orglab-tests-text "experiment_log.org")))
  (should (equal (orglab-reference-at-point) "e201.3")))

(ert-deftest orglab-tests-a-run-is-in-the-log-though-something-was-typed ()
  (orglab-tests-open)
  (let ((compilation-ask-about-save nil) (create-lockfiles t))
    (orglab-run "e201.2" "sh -c 'while ! test -e typed; do :; done'")
    (orglab-tests-goto "Smoother labels")
    (insert "Perhaps: ")
    (write-region "" nil "typed")
    (orglab-tests-wait (string-match-p "ran sh -c" (buffer-string)))
    (orglab-tests-settle)
    (should (string-match-p "Perhaps: Smoother" (buffer-string)))
    (should (equal (buffer-string)
                   (orglab-tests-text "experiment_log.org")))))

(ert-deftest orglab-tests-what-is-written-is-seen-soon ()
  (orglab-tests-open)
  (let ((default-directory (orglab-root)))
    (orglab--write '("run" "201.2" "--" "sh" "-c"
                     "orglab note 7 Early; while ! test -e seen; do :; done")
                   "Done")
    (orglab-tests-wait (string-match-p "Early" (buffer-string)))
    (should orglab--processes)
    (write-region "" nil "seen"))
  (orglab-tests-settle))

(ert-deftest orglab-tests-another-buffer-is-left-alone ()
  (orglab-tests-open)
  (switch-to-buffer "experiment_log.org")
  (let ((create-lockfiles nil) (orglab-save-silently nil))
    (orglab-new "Wider nets" "")
    (switch-to-buffer "*scratch*")
    (orglab-tests-settle)
    (should (equal (buffer-name (window-buffer)) "*scratch*"))
    ;; What was typed meanwhile stays, and nothing asks for it.
    (switch-to-buffer "experiment_log.org")
    (orglab-new "Deeper nets" "")
    (goto-char (point-min))
    (insert "# Typed\n")
    (orglab-tests-settle)
    (should (string-prefix-p "# Typed\n" (buffer-string)))
    (should (buffer-modified-p))))

(ert-deftest orglab-tests-a-log-in-a-subfolder ()
  (make-directory "study/src" t)
  (write-region orglab-tests-log nil "study/experiment_log.org")
  (write-region "lr = 1  # [e201.1]\n" nil "study/src/train.py")
  (write-region "lr = 1  # [e201.1]\n" nil "train.py")
  (orglab-tests-git "add" "--all")
  (orglab-tests-git "commit" "--quiet" "-m" "start")
  (find-file "train.py")
  (orglab-mode)
  (find-file "study/src/train.py")
  (orglab-mode)
  (find-file "../experiment_log.org")
  (orglab-mode)
  (orglab-tests-settle)
  (should (orglab-log-buffer-p))
  (orglab-tests-goto "2. [ ] Test XYZ with ABC")
  (call-interactively #'orglab-done)
  (orglab-tests-settle)
  (should (looking-at-p "2\\. \\[X\\] Test"))
  (with-current-buffer (get-file-buffer "src/train.py")
    (should (equal (orglab-tests-buttons) '("e201.1"))))
  (with-current-buffer (get-file-buffer "../train.py")
    (should-not (orglab-tests-buttons))))

(ert-deftest orglab-tests-a-folder-without-a-log ()
  (write-region "z = [elem]\n" nil "train.py")
  (find-file "train.py")
  (orglab-mode)
  (orglab-tests-settle)
  (search-forward "[el")
  (should-not (orglab-tests-buttons))
  (should-not (eq (xref-find-backend) 'orglab))
  (should-not (orglab-completion-at-point)))

(ert-deftest orglab-tests-visiting-a-file-sets-nothing-up ()
  (write-region "lr = 1  # [e1]\n" nil "train.py")
  (orglab-tests-git "add" "train.py")
  (orglab-tests-git "commit" "--quiet" "-m" "start")
  (orglab-tests-orglab "init")
  (orglab-tests-orglab "new" "One")
  (orglab-tests-orglab "commit")
  (let ((origin default-directory) (clone (make-temp-file "clone-" t)))
    (orglab-tests-git "clone" "--quiet" origin clone)
    (let* ((default-directory (file-name-as-directory clone))
           (files (directory-files-recursively clone "")))
      (find-file (expand-file-name "train.py" clone))
      (orglab-mode)
      (orglab-tests-settle)
      (should (equal files (directory-files-recursively clone "")))
      ;; A command does.
      (goto-char (point-min))
      (search-forward "[e")
      (should (equal (orglab-reference-at-point) "e1"))
      (should (string-suffix-p "experiment_log.org" (orglab-log-file))))
    (delete-directory clone t)))

(ert-deftest orglab-tests-a-report-does-not-replace-a-file-unasked ()
  (orglab-tests-open)
  (write-region "Mine\n" nil "mine.org")
  (cl-letf (((symbol-function 'read-file-name)
             (lambda (&rest _) (expand-file-name "mine.org")))
            ((symbol-function 'y-or-n-p) #'ignore)
            ((symbol-function 'called-interactively-p) (lambda (&rest _) t)))
    (should-error (call-interactively #'orglab-report) :type 'user-error))
  (should (equal (orglab-tests-text "mine.org") "Mine\n")))

(ert-deftest orglab-tests-a-link-is-no-option ()
  (orglab-tests-open)
  (should-error (orglab-follow "--log=/etc/passwd") :type 'user-error)
  (orglab-note "e201" "-")
  (orglab-tests-settle)
  (let ((orglab-program "no-such-program"))
    (should-error (orglab--call "show" "7") :type 'user-error)))

(ert-deftest orglab-tests-a-reference-is-followed-below-unsaved-lines ()
  (orglab-tests-open)
  (orglab-mode)
  (orglab-tests-settle)
  (goto-char (point-min))
  (insert "# one\n# two\n# three\n")
  (orglab-follow "e201.2")
  (should (looking-at-p "2\\. \\[ \\] Test XYZ with ABC"))
  (orglab-tests-settle))

;;;; References

(defun orglab-tests-buttons ()
  "Return the texts of the buttons in the current buffer."
  (font-lock-ensure)
  (jit-lock-fontify-now)
  (sort (mapcar (lambda (overlay)
                  (buffer-substring-no-properties (overlay-start overlay)
                                                  (overlay-end overlay)))
                (seq-filter (lambda (overlay)
                              (eq (overlay-get overlay 'category)
                                  'orglab-button))
                            (overlays-in (point-min) (point-max))))
        #'string<))

(ert-deftest orglab-tests-references-are-buttons ()
  (orglab-tests-open)
  (find-file "train.py")
  (orglab-mode)
  (orglab-tests-settle)
  (should (equal (orglab-tests-buttons) '("e201.1")))
  (search-forward "[e2")
  (let (told)
    (orglab--eldoc (lambda (text &rest _) (setq told text)))
    (should (equal told "e201  INPROGRESS  ABC in XYZ model — \
1. [open] Test XYZ without ABC")))
  (orglab-follow-at-point)
  (should (equal (buffer-name) "experiment_log.org"))
  (should (looking-at-p "1\\. \\[ \\] Test XYZ without"))
  (should-not (invisible-p (point)))
  (goto-char (point-min))
  (insert "[e201] ")
  (should-not (progn (find-file "train.py") (orglab-mode -1)
                     (orglab-tests-buttons))))

(ert-deftest orglab-tests-eldoc-has-verdict-and-last-note ()
  (orglab-tests-open)
  (find-file "train.py")
  (orglab-mode)
  (orglab-tests-settle)
  (should (equal (orglab--describe "e7")
                 "e7  TODO  refuted  Label smoothing — Note: No change at 0.1")))

(ert-deftest orglab-tests-a-changed-log-is-known ()
  (orglab-tests-open)
  (orglab-mode)
  (orglab-tests-settle)
  (should-not (orglab--row "e201.3"))
  (orglab-step "e201" "Once more")
  (orglab-tests-settle)
  (should (orglab--row "e201.3"))
  (goto-char (point-max))
  (search-backward "2. [ ] ")
  (goto-char (match-end 0))
  (insert "Carefully ")
  (save-buffer)
  (orglab-tests-settle)
  (should (string-match-p "Carefully" (orglab--describe "e201.2")))
  (orglab-tests-orglab "step" "201" "Beside Emacs")
  (find-file "train.py")
  (orglab-mode)
  (goto-char (point-min))
  (search-forward "[e2")
  (orglab--eldoc #'ignore)
  (orglab-tests-settle)
  (should (orglab--row "e201.4")))

(defun orglab-tests-complete (typed)
  "Return the line after TYPED is completed in train.py."
  (find-file "train.py")
  (orglab-mode)
  (goto-char (point-max))
  (insert typed)
  (completion-at-point)
  (buffer-substring-no-properties (line-beginning-position)
                                  (line-end-position)))

(ert-deftest orglab-tests-references-are-completed ()
  (orglab-tests-open)
  (should (equal (orglab-tests-complete "# [e7.") "# [e7.1]"))
  (should (equal (orglab-tests-complete "\n# [esmooth with") "# [e7.1]"))
  (should (equal (orglab-tests-complete "\n# [exyz model") "# [e201]"))
  (should (equal (orglab-tests-complete "\n# [emodel in abc") "# [e201]"))
  (should (equal (orglab-tests-complete "\n# [e201 without") "# [e201.1]"))
  (should (equal (orglab-tests-complete "\n# [e20") "# [e20"))
  (should (equal (orglab-tests-complete "\n# foo[e7 ") "# foo[e7 "))
  ;; In code, it may be a list.
  (should (equal (orglab-tests-complete "\nfoo = [exyz model") "foo = [exyz model")))

(ert-deftest orglab-tests-definition-and-references ()
  (orglab-tests-open)
  (orglab-tests-git "commit" "--quiet" "--allow-empty" "-m" "[e201.1] again")
  (find-file "train.py")
  (orglab-mode)
  (orglab-tests-settle)
  (search-forward "[e2")
  (should (eq (xref-find-backend) 'orglab))
  (let ((place (xref-item-location
                (car (xref-backend-definitions 'orglab "e201.1")))))
    (should (equal (xref-location-line place) 37)))
  (let ((found (xref-backend-references 'orglab "e201.1")))
    (should (member "[e201.1] again" (mapcar #'xref-item-summary found)))
    (should (member "lr = 1  # [e201.1]" (mapcar #'xref-item-summary found)))
    (let ((marker (xref-location-marker (xref-item-location (car found)))))
      (with-current-buffer (marker-buffer marker)
        (should (string-match-p "\\[e201.1\\] again" (buffer-string)))))))

(ert-deftest orglab-tests-org-links ()
  (orglab-tests-open)
  (orglab-mode)
  (orglab-tests-settle)
  (org-link-open-from-string "[[orglab:e7.1]]")
  (should (looking-at-p "1\\. \\[ \\] Smooth"))
  (orglab-tests-answering '("e201.1")
    (should (equal (orglab--link-complete) "orglab:e201.1")))
  (should (string-match-p "\\[e201\\]" (org-export-string-as
                                        "[[orglab:e201]]" 'ascii t))))

;;;; A new experiment

(ert-deftest orglab-tests-what-was-tried-is-shown-while-typing ()
  (orglab-tests-open)
  (with-temp-buffer
    (insert "Smoother labels for the loss")
    (cl-letf (((symbol-function 'minibuffer-contents-no-properties)
               #'buffer-string))
      (orglab--show-tried (current-buffer)))
    (let ((shown (orglab-tests-wait
                  (seq-some (lambda (overlay)
                              (and (overlay-get overlay 'orglab-tried)
                                   (overlay-get overlay 'after-string)))
                            (overlays-in (point-min) (point-max))))))
      (should (string-match-p "e7  TODO  refuted  Label smoothing" shown)))
    (should (equal (buffer-string) "Smoother labels for the loss")))
  (orglab--stop-looking-up)
  (orglab-tests-settle))

(ert-deftest orglab-tests-a-new-experiment-is-shown ()
  (orglab-tests-open)
  (switch-to-buffer "experiment_log.org")
  (let ((orglab-tried-delay nil))
    (orglab-tests-answering '("-Wide nets" "--more is better")
      (call-interactively #'orglab-new)))
  (orglab-tests-settle)
  (should (looking-at-p "\\* TODO \\[202\\] -Wide nets"))
  (should (orglab-tests-visible-p "--more is better")))

(ert-deftest orglab-tests-capture ()
  (orglab-tests-open)
  (let ((org-capture-templates '(("t" "Task" entry (file "x.org"))))
        (org-agenda-custom-commands nil)
        (orglab-tried-delay nil)
        (before (buffer-string)))
    (orglab-setup)
    (orglab-setup)
    (should (equal (mapcar #'car org-capture-templates) '("t" "e")))
    (orglab-tests-answering '("Wider nets" "What I expect: more.")
      (org-capture nil "e"))
    (should (string-match-p "\\`CAPTURE-" (buffer-name)))
    (should (string-prefix-p "* TODO [202] Wider nets" (buffer-string)))
    (insert " But slower.")
    (org-capture-finalize)
    (orglab-tests-settle)
    (let ((text (orglab-tests-text "experiment_log.org")))
      (should (string-prefix-p before text))
      (should (string-match-p "What I expect: more" text))
      (should (equal (alist-get 'description
                                (orglab--call "show" "202"))
                     "What I expect: more. But slower.")))
    (orglab-tests-answering '("Deeper nets" "") (org-capture nil "e"))
    (org-capture-kill)
    (orglab-tests-settle)
    (with-current-buffer "*Messages*"
      (should (string-match-p "e203 stays in the log" (buffer-string))))
    (should (equal (alist-get 'title (orglab--call "show" "203"))
                   "Deeper nets"))))

(ert-deftest orglab-tests-a-taken-key-stays-the-users ()
  (let ((org-agenda-custom-commands '(("e" "Mine" agenda ""))))
    (dolist (command (orglab-agenda-commands))
      (orglab-agenda--add command 'org-agenda-custom-commands))
    (should (equal org-agenda-custom-commands '(("e" "Mine" agenda "")))))
  (let ((org-capture-templates '(("e" "Mine" entry (file "x.org"))))
        (org-agenda-custom-commands '(("ee" "Mine" agenda ""))))
    (orglab-setup)
    (should (equal org-capture-templates
                   '(("e" "Mine" entry (file "x.org")))))
    (should (equal (assoc "ee" org-agenda-custom-commands)
                   '("ee" "Mine" agenda "")))
    (should (assoc "en" org-agenda-custom-commands))))

(ert-deftest orglab-tests-agenda ()
  (orglab-tests-open)
  (let ((org-agenda-custom-commands (orglab-agenda-commands)) shown)
    (dolist (key '("ee" "ew" "en" "ec"))
      (with-current-buffer "experiment_log.org" (org-agenda nil key))
      (push (string-trim (with-current-buffer org-agenda-buffer
                           (buffer-substring-no-properties
                            (point-min) (point-max))))
            shown))
    (pcase-let ((`(,open ,next ,waiting ,doing) shown))
      (should (string-match-p "INPROGRESS e201  ABC in XYZ model  \\[0/2\\]"
                              doing))
      (should-not (string-match-p "e7" doing))
      (should (equal waiting "Waiting experiments"))
      (should (string-match-p "e201\\.2 \\[ \\] Test XYZ with ABC" next))
      (should (string-match-p "e201" open))
      (should-not (string-match-p "e7" open)))
    (org-agenda nil "en")
    (with-current-buffer org-agenda-buffer
      (goto-char (point-min))
      (search-forward "e201.1")
      (should (equal (orglab-reference-at-point) "e201.1"))
      (should (eq (key-binding (kbd "C-c M-e")) #'orglab-dispatch))
      ;; `t' is what Org does to headings.
      (should (eq (key-binding "t") #'orglab-agenda-done))
      (should (eq (key-binding ":") #'orglab-agenda--refuse))
      (call-interactively (key-binding "t"))
      (orglab-tests-settle)
      (should-not (string-match-p "e201\\.1" (buffer-string)))
      (should (string-match-p "^1\\. \\[X\\] Test XYZ without"
                              (orglab-tests-text "experiment_log.org")))
      (goto-char (point-min))
      (search-forward "e201.2")
      (org-agenda-switch-to)
      (should (looking-at-p "2\\. \\[ \\] Test XYZ with ABC"))
      (with-current-buffer org-agenda-buffer
        (org-agenda-redo)
        (should (string-match-p "e201.2" (buffer-string)))))))

;;;; Results of runs

(defun orglab-tests-results ()
  "Return the results that are shown, by the text of their line."
  (mapcar (lambda (overlay)
            (cons (buffer-substring-no-properties (overlay-start overlay)
                                                  (overlay-end overlay))
                  (substring-no-properties
                   (overlay-get overlay 'after-string))))
          (seq-filter (lambda (overlay)
                        (eq (overlay-get overlay 'category) 'orglab-runs))
                      (overlays-in (point-min) (point-max)))))

(ert-deftest orglab-tests-results-are-beside-steps ()
  (orglab-tests-open)
  (dolist (seed '(1 2))
    (orglab-tests-orglab "run" "201.2" "--stdout-metrics" "--" "sh" "-c"
                         "echo metric acc=0.$2" "--seed" "--seed"
                         (number-to-string seed)))
  (ignore-errors
    (orglab-tests-orglab "run" "201.2" "--stdout-metrics" "--" "false"))
  (revert-buffer t t)
  (let ((text (buffer-string)))
    (orglab-mode)
    (let ((shown (orglab-tests-wait (orglab-tests-results))))
      (should (equal (length shown) 1))
      (should (string-prefix-p "2. [ ] Test XYZ with ABC" (caar shown)))
      (should (equal (cdar shown) "  acc 0.150 ± 0.071 (n = 2)"))
      (should-not (facep (overlay-get (car (overlays-in (point-min) (point-max)))
                                      'category))))
    (should (equal text (buffer-string)))
    (should-not (buffer-modified-p))
    (orglab-runs-mode -1)
    (should-not (orglab-tests-results))
    (orglab-tests-settle)))

;;;; Commit messages

(defun orglab-tests-magit ()
  "Load git-commit of Debian's Magit."
  (add-to-list 'package-directory-list "/usr/share/emacs/site-lisp/elpa")
  (package-initialize)
  (require 'git-commit))

(defun orglab-tests-message (name text)
  "Return the message that Magit shows for a file with NAME and TEXT.
That is without comments, and the blank line that Magit adds before them."
  (let ((file (expand-file-name (concat ".git/" name) (orglab-root))))
    (write-region (concat text "\n# Please enter the message\n") nil file)
    (find-file file))
  (orglab-tests-settle)
  (goto-char (point-min))
  (re-search-forward "\n?\n#")
  (buffer-substring-no-properties (point-min) (match-beginning 0)))

(ert-deftest orglab-tests-git-commit ()
  (orglab-tests-magit)
  (orglab-tests-open)
  (orglab-tests-orglab "start" "201.2")
  (orglab-commit-setup)
  (should (equal (orglab-tests-message "COMMIT_EDITMSG" "") "[e201.2] "))
  (should orglab-mode)
  (should (equal (orglab-tests-message "MERGE_MSG" "[e7] by the hook")
                 "[e7] by the hook"))
  (should (equal (orglab-tests-message "PULLREQ_EDITMSG" "[e201.2] ")
                 "[e201.2] "))
  (goto-char (point-min))
  (orglab-commit-message)
  (should (equal (buffer-substring (point-min) (point)) "[e201.2] "))
  (should (equal (orglab-tests-message "NOTES_EDITMSG" "Fix: by hand")
                 "Fix: by hand"))
  (should (equal (orglab-tests-message "EDIT_DESCRIPTION"
                                       "\n\nSigned-off-by: A <a@b>")
                 "[e201.2] \n\nSigned-off-by: A <a@b>"))
  (write-region "[hooks]\nposition = \"trailer\"\n" nil
                (expand-file-name "orglab.toml" (orglab-root)))
  (should (equal (orglab-tests-message "TAG_EDITMSG" "")
                 "\n\nRefs: e201.2\n")))

(ert-deftest orglab-tests-vc ()
  (orglab-tests-open t)
  (orglab-tests-orglab "start" "201.2")
  (orglab-tests-orglab "commit")
  (orglab-commit-setup)
  (find-file "train.py")
  (goto-char (point-max))
  (insert "y = 2\n")
  (save-buffer)
  (vc-next-action nil)
  (should (derived-mode-p 'log-edit-mode))
  (orglab-tests-wait (string-match-p "Summary: \\[e201\\.2\\] \n"
                                     (buffer-string)))
  (insert "Tune")
  (log-edit-done)
  (orglab-tests-wait (equal (orglab-tests-git "log" "-1" "--format=%B")
                            "[e201.2] Tune")))

;;;; Remote files

(defun orglab-tests-remote ()
  "Return the current folder as a remote one, by the method of Tramp's tests."
  (add-to-list 'tramp-methods
               '("mock"
                 (tramp-login-program "sh")
                 (tramp-login-args (("-i")))
                 (tramp-remote-shell "/bin/sh")
                 (tramp-remote-shell-args ("-c"))
                 (tramp-connection-timeout 10)))
  (setq tramp-default-host-alist '(("\\`mock\\'" nil "localhost"))
        tramp-verbose 1
        tramp-remote-path (cons (directory-file-name
                                 (file-name-directory
                                  (executable-find "orglab")))
                                tramp-remote-path))
  (concat "/mock::" (expand-file-name default-directory)))

(ert-deftest orglab-tests-tramp ()
  (orglab-tests-open)
  (kill-buffer)
  (let ((default-directory (orglab-tests-remote))
        (enable-remote-dir-locals nil))
    (find-file (expand-file-name "experiment_log.org"))
    (should (file-remote-p default-directory))
    (orglab-tests-goto "2. [ ] Test XYZ with ABC")
    (should (equal (orglab-reference-at-point) "e201.2"))
    (should (equal (file-remote-p (orglab-log-file))
                   (file-remote-p default-directory)))
    ;; Saved at the same time as orglab writes, as far as Tramp can tell.
    (end-of-line)
    (insert ", twice")
    (orglab-done "e201.2")
    (orglab-tests-wait (string-match-p "2\\. \\[X\\] Test XYZ with ABC, twice"
                                       (buffer-string)))
    (orglab-tests-settle)
    (goto-char (point-max))
    (insert "\n")
    (save-buffer)
    (should (string-match-p "2\\. \\[X\\] Test"
                            (with-temp-buffer
                              (insert-file-contents "experiment_log.org")
                              (buffer-string))))
    (orglab-done "e201.9")
    (orglab-tests-settle)
    (with-current-buffer "*Messages*"
      (should (string-match-p "There is no step 9 in e201" (buffer-string))))
    (should-error (orglab--call "show" "999") :type 'user-error)
    (orglab-follow "e7.1")
    (should (file-remote-p buffer-file-name))
    (should (looking-at-p "1\\. \\[ \\] Smooth"))
    (let ((compilation-ask-about-save nil))
      (orglab-run "e7.1" "echo $((6 * 7)) remotely"))
    (orglab-tests-wait (string-match-p "ran echo 42 remotely"
                                       (buffer-string)))))

;;;; The day of the article

(defun orglab-tests-lint ()
  "Return what Org reports of the current buffer, and whether it changes it."
  (let ((before (buffer-string)) (org-auto-align-tags nil))
    (org-update-checkbox-count t)
    (org-map-entries #'org-update-parent-todo-statistics)
    (list (org-lint) (equal before (buffer-string)))))

(ert-deftest orglab-tests-a-day ()
  (orglab-tests-magit)
  (orglab-tests-open t)
  (orglab-tests-orglab "commit")
  (let ((org-capture-templates nil) (org-agenda-custom-commands nil)
        (orglab-tried-delay nil) (compilation-ask-about-save nil))
    (orglab-setup)
    (orglab-mode)
    ;; Capture an experiment, and write what it is about.
    (orglab-tests-answering '("Wider nets" "") (org-capture nil "e"))
    (insert "\n- Wider nets need fewer epochs.\n")
    (search-forward "** TODO Experiments [0/0]\n")
    (insert "1. [ ] Width 64\n2. [ ] Width 128\n")
    (org-capture-finalize)
    (orglab-tests-settle)
    (orglab-start "e202.1")
    (orglab-tests-settle)
    (org-agenda nil "en")
    (should (string-match-p "e202\\.1 \\[ \\] Width 64"
                            (with-current-buffer org-agenda-buffer
                              (buffer-string))))
    ;; Commit code: the message names the step.
    (find-file "train.py")
    (goto-char (point-max))
    (insert "print('metric acc=0.93')\n")
    (save-buffer)
    (vc-next-action nil)
    (orglab-tests-wait (string-match-p "\\[e202\\.1\\] \n" (buffer-string)))
    (insert "Width 64")
    (log-edit-done)
    (orglab-tests-wait (equal (orglab-tests-git "log" "-1" "--format=%s")
                              "[e202.1] Width 64"))
    ;; Tick it in the buffer, as in any Org file.
    (switch-to-buffer "experiment_log.org")
    (orglab-tests-goto "1. [ ] Width 64")
    (org-ctrl-c-ctrl-c)
    (should (looking-at-p "1\\. \\[X\\] Width 64"))
    ;; Run the other one, complete it, and conclude.
    (orglab-run "e202.2" "sh -c 'echo metric acc=0.95'")
    (orglab-tests-wait (string-match-p "ran sh -c" (buffer-string)))
    (orglab-tests-settle)
    (orglab-tests-goto "2. [ ] Width 128")
    (call-interactively #'orglab-done)
    (orglab-tests-settle)
    (orglab-note "e202" "128 is slower")
    (orglab-tests-settle)
    (orglab-conclude "e202" "supported" "Wider is better.")
    (orglab-tests-settle)
    (orglab-report (expand-file-name "report.org"))
    (orglab-tests-settle)
    (should (string-match-p "Wider is better"
                            (orglab-tests-text "report.org"))))
  (switch-to-buffer "experiment_log.org")
  (should-not (buffer-modified-p))
  (let ((text (buffer-string)))
    (should (equal text (orglab-tests-text "experiment_log.org")))
    ;; Nothing is lost, and there is nothing for Org to correct.
    (should (string-prefix-p orglab-tests-log text))
    (dolist (line '("- Wider nets need fewer epochs." "1. [X] Width 64"
                    "2. [X] Width 128" "Experiments [2/2]" "* DONE [202]"
                    "128 is slower" "Wider is better."))
      (should (string-match-p (regexp-quote line) text)))
    (should (equal (orglab-tests-lint) '(nil t))))
  (should (equal (orglab-tests-orglab "check") "No problems found."))
  (orglab-tests-orglab "commit")
  (should (equal (orglab-tests-git "status" "--porcelain"
                                   "experiment_log.org") "")))

(provide 'orglab-tests)
;;; orglab-tests.el ends here
