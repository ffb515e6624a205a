"""What Org writes into a log by itself, wherever its settings put it, is no step, note, description or conclusion."""

import datetime
import itertools
import re

import pytest

from orglab.api import Log
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.consequences import Added, add_consequences
from orglab.org.edit import Edit

NOW = datetime.datetime(2026, 11, 28, 9, 0)  # noqa: DTZ001 - the log holds local times
LOG = """\
#+TODO: TODO(t) DOING(g!) | DONE(d!)
#+STARTUP: STARTUP
* TODO [1] Warmup :exp:
:PROPERTIES:
:ID: 1
:END:
[2026-01-01 Thu 10:00]

- A slower start helps.

** Notes
- The first note.

** TODO Experiments [1/2]
1. [X] one (83d45cd)
2. [ ] two

** TODO Conclusions
It does.
"""
DRAWERS = ("nil", "t", '"HISTORY"')
EMACS = """
(require 'org-clock)
(setq org-log-reschedule 'time org-log-redeadline 'time)
(defun at (name work)
  (goto-char (point-min)) (re-search-forward (concat "^\\\\*+ .*" name)) (beginning-of-line) (funcall work))
(defun finish ()
  (when org-log-setup (org-add-log-note))
  (when (equal (buffer-name) "*Org Note*") (org-ctrl-c-ctrl-c)))
(while command-line-args-left
  (let* ((file (pop command-line-args-left))
         (org-log-into-drawer (read (pop command-line-args-left)))
         (org-clock-into-drawer org-log-into-drawer)
         (org-log-states-order-reversed (read (pop command-line-args-left))))
    (find-file file)
    (dolist (name '("Warmup" "Notes" "Experiments" "Conclusions"))
      (dolist (work (list (lambda () (org-todo "DOING") (finish))
                          (lambda () (org-add-note) (finish))
                          (lambda () (org-schedule nil "2026-02-01"))
                          (lambda () (org-schedule nil "2026-03-01") (finish))
                          (lambda () (org-deadline nil "2026-04-01"))
                          (lambda () (org-deadline nil "2026-04-02") (finish))
                          (lambda () (org-clock-in nil (encode-time 0 0 10 2 1 2026))
                                     (org-clock-out nil t (encode-time 0 0 11 2 1 2026)))))
        (at name work)))
    (save-buffer)))
"""

RECOUNT = "(dolist (file command-line-args-left) (find-file file) (org-update-statistics-cookies t) (save-buffer))"


def parts(log):
    """Return what a reader has of the experiment, without states and times that Org has changed."""
    one = log.experiment("1")
    return {
        "created": one.created,
        "description": one.description,
        "notes": [note.text for note in one.all_notes],
        "steps": [(step.ref, step.text, step.state, step.commits) for step in one.steps],
        "conclusion": [entry.text for entry in one.conclusion.entries],
    }


@pytest.fixture(scope="module")
def written(emacs, tmp_path_factory):
    """An experiment before, and the logs after Org has written to them with different settings."""
    folder = tmp_path_factory.mktemp("logs")
    arguments = []
    for number, (drawer, order, startup) in enumerate(
        itertools.product(DRAWERS, ("t", "nil"), ("logdone", "lognotedone", "nologdone"))
    ):
        path = folder / f"{number}.org"
        path.write_text(LOG.replace("#+STARTUP: STARTUP", f"#+STARTUP: {startup}"))
        arguments += [path, drawer, order]
    before = parts(Log(arguments[0]))
    emacs(EMACS, *arguments)
    return before, [Log(path) for path in arguments[::3]]


def test_what_org_logs_is_no_part_of_an_experiment(written):
    before, logs = written
    assert before["steps"] == [("e1.1", "one", "done", ("83d45cd",)), ("e1.2", "two", "open", ())]
    for log in logs:
        text = log.path.read_text()
        for logged in ('State "DOING"', "Note taken on", "Rescheduled from", "New deadline from", "CLOCK:"):
            assert text.count(logged) == 4, text
        assert parts(log) == before, text


def test_steps_are_done_reopened_and_added_beside_what_org_logs(written, emacs):
    _, logs = written
    for log in logs:
        before = log.experiment("1")
        log.complete_step("1.2")
        assert [step.state for step in log.experiment("1").steps] == ["done", "done"]
        log.reopen_step("1.2")
        assert [step.state for step in log.experiment("1").steps] == ["done", "open"]
        assert log.add_step("1", "three").ref == "e1.3"
        log.add_note("1", "another note")
        log.conclude("1", "At last.")
        after = log.experiment("1")
        assert [step.text for step in after.steps] == ["one", "two", "three"]
        assert [note.text for note in after.notes][-1] == "another note"
        assert after.conclusion.text == "At last."
        assert after.description == before.description
        assert log.check() == []
    paths = [log.path for log in logs]
    texts = [path.read_bytes() for path in paths]
    emacs(RECOUNT, *paths)
    assert [path.read_bytes() for path in paths] == texts


def test_the_last_step_of_a_log_that_logs_in_the_body_can_be_done_and_reopened(tmp_path):
    log = Log(tmp_path / "log.org")
    for keywords in ("TODO(t!) | DONE(d!)", "TODO(t) | DONE(d!)", "TODO(t@) | DONE(d@/!)", "TODO | DONE"):
        for startup in ("logdone", "lognotedone", "nologdone", "nologstatesreversed", "logdrawer"):
            log.path.write_text(
                f"#+TODO: {keywords}\n#+STARTUP: {startup}\n* TODO [1] A :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n"
                "[2026-01-01 Thu 10:00]\n** TODO Experiments [0/1]\n1. [ ] one\n** TODO Conclusions\n"
            )
            for _ in range(2):
                log.complete_step("1.1")
                done = log.experiment("1")
                assert [(step.ref, step.text, step.state) for step in done.steps] == [("e1.1", "one", "done")]
                assert done.steps_heading.state == "DONE"
                log.reopen_step("1.1")
                opened = log.experiment("1")
                assert [(step.ref, step.text, step.state) for step in opened.steps] == [("e1.1", "one", "open")]
                assert opened.steps_heading.state == "TODO"


FOOTNOTES = """\
* TODO [1] A :exp:
:PROPERTIES:
:ID: 1
:END:
[2026-01-01 Thu 10:00]

- First[fn:1].

** Notes
- old note[fn:2]

[fn:2] Footnote of notes.

** TODO Experiments [1/1]
1. [X] one

[fn:3] Of the steps.

** TODO Conclusions

[fn:1] The footnote.
"""


def test_nothing_is_written_into_a_footnote(tmp_path):
    log = Log(tmp_path / "log.org")
    log.path.write_text(FOOTNOTES)
    one = log.experiment("1")
    assert [note.text for note in one.notes] == ["old note[fn:2]"]
    assert not one.conclusion.text
    log.add_note("1", "new")
    log.add_step("1", "two")
    log.conclude("1", "It is so.")
    one = log.experiment("1")
    assert [note.text for note in one.notes] == ["old note[fn:2]", "new"]
    assert [step.text for step in one.steps] == ["one", "two"]
    assert one.conclusion.text == "It is so."
    definitions = {line for line in FOOTNOTES.splitlines() if line.startswith("[fn:")}
    assert definitions <= set(log.path.read_text().splitlines())
    for label, text in (("1", "The footnote."), ("2", "Footnote of notes."), ("3", "Of the steps.")):
        assert log.document().find_footnote(label.encode()).strip() == text.encode()


def test_steps_in_a_footnote_are_explained(tmp_path):
    log = Log(tmp_path / "log.org")
    log.path.write_text(
        "* TODO [1] A :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n[2026-01-01 Thu 10:00]\n"
        "** TODO Experiments\nText[fn:1].\n\n[fn:1] A footnote.\n\n1. [ ] one\n"
    )
    with pytest.raises(NotFoundError, match="the list in line 11 belongs to the footnote definition before it"):
        log.complete_step("1.1")
    (found,) = log.check()
    assert (found.code, found.line) == ("no-steps", 11)
    log.path.write_text(log.path.read_text().replace("A footnote.\n\n", "A footnote.\n\n\n"))
    assert log.complete_step("1.1").step.state == "done"


@pytest.mark.parametrize(
    ("notes", "cause"),
    [
        (
            "#+begin_quote\n- old\n",
            "change the meaning of the lines after it, because #+begin_quote in line 7 is not closed",
        ),
        ("- old\n\n[fn:1] A footnote.\n", "be in the footnote definition that begins in line 9"),
        ("- old\n#+begin_src sh\nls\n#+end_src\n", "be in the block that begins in line 8"),
    ],
)
def test_a_refusal_names_its_cause(tmp_path, notes, cause):
    log = Log(tmp_path / "log.org")
    log.path.write_text(
        "* TODO [1] A :exp:\n:PROPERTIES:\n:ID: 1\n:END:\n[2026-01-01 Thu 10:00]\n"
        f"** Notes\n{notes}** TODO Experiments\n1. [ ] one\n"
    )
    one = log.experiment("1")
    at = one.document.text.index(b"** TODO Exp") - (len("#+end_src\n") if "src" in notes else 0)
    with pytest.raises(UsageError, match=f"^The text would {re.escape(cause)}; nothing was written.$"):
        add_consequences(one, [Edit(at, at, b"- new\n")], NOW, Added(notes=3))
