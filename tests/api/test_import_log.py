"""Any Markdown becomes a log that Org reads as it was meant, and no word of it is lost."""

import random
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orglab.api import Log

HEADINGS = [
    "# @", "## @", "### @", "#### @", "## Experiment 3: @", "## Exp 3 @", "## 2024-05-03 @", "### Results", "### Notes",
    "# Experiments", "### Todo", "## TODO @", "## [#A] @", "### Hypothesis", "## COMMENT @", "@\n===", "@\n---", "## @ :a:b:",
]  # fmt: skip
PIECES = [
    "- [x] @", "- [ ] @", "1. @", "3) @", "* @", "+ @", "> @", ">> @", "```python\n@\n* @\n#+end_src\n```", "```\n@", "    @",
    "\t@", "| @ | @ |\n|---|--:|\n| @ | `@|` |", "@ *@* **@** `@` ~~@~~", "[@](u/@.md)", "![@](p/@.png)", "@[^1]", "[^1]: @",
    "[^2]: @", "[@]: http://x/@", "<!-- @ -->", "<div>@</div>", "$$@$$", "$@$ @$", "@  \n@", "---", "  - @", "      @",
    "\\begin{x}\n@\n\\end{x}", "#+TODO: @ | X", ":PROPERTIES:\n@\n:END:", "[1/2] @", "<@@@.org>", "Local Variables: @",
    "<<<<<<< @\n=======\n>>>>>>> @", "@ {{{@}}} @@html:@@@ <<@>> [fn:@]", "Date: 2024-01-03", "**Result:** @", "CLOCK: @",
    "SCHEDULED: <2024-01-01 Mon> @", '- State "DONE" @', "[[@][@]]", "@|@", "#+begin_src\n@", "- [2024-01-01 Mon] @: @",
    "@<br>@", "a ^[@] b", "\\* @", "- # @", "- > @", "- - @", "| @", "%%(@)", "call_@(x) src_py{@}", "\u00a0@", "- @ :: @",
    "&#42; @", "&#35;+TODO: @", "\\#+TODO: @ | Y", "**@*", "@ \\alpha /@/ _@_ +@+ =@= ~@~",
]  # fmt: skip


def count_words(text):
    """Return a text with a word of its own in each of the places."""
    numbers = iter(range(10_000))
    return re.sub("@", lambda _: f"w{next(numbers)}q", text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(HEADINGS) | st.sampled_from(PIECES) | st.just(""), max_size=14))
@example(["[^1]: @", "@[^1]"])
@example(["## Exp 3 @", "- - @", "- > @"])
def test_no_word_is_lost(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("lab")
    text = count_words("\n".join(pieces))
    (folder / "notes.md").write_text(text)
    log = Log(folder / "log.org")
    found = log.import_markdown([folder / "notes.md"])
    written = log.path.read_text().replace("\u200b", "") if log.path.exists() else ""
    assert [word for word in re.findall(r"w\d+q", text) if not re.search(rf"{word}", written)] == []
    assert len([one for one in found.added if one.ref is not None]) == len(log.experiments())
    assert log.import_markdown([folder / "notes.md"]).added == ()


# What Org has and Markdown has not: none may come from a text. A time is that of an experiment, and stands alone.
FOREIGN = r"""
(require 'org-lint)
(setq org-auto-align-tags nil)
(dolist (file (directory-files (car command-line-args-left) t "org$"))
  (with-temp-buffer
    (insert-file-contents file)
    (org-mode)
    (let ((before (buffer-string)) (name (file-name-nondirectory file)))
      (org-update-checkbox-count t)
      (org-map-entries (lambda () (org-update-parent-todo-statistics)))
      (goto-char (point-min))
      (while (re-search-forward "^[ \t]*|" nil t)
        (when (org-at-table-p) (org-table-align) (goto-char (org-table-end))))
      (unless (equal before (buffer-string)) (princ (format "%s changed\n" name)))
      (dolist (report (org-lint))
        (let ((said (aref (cadr report) 2)))
          (unless (string-match "non-existent local file" said) (princ (format "%s %s\n" name said)))))
      (org-element-map (org-element-parse-buffer)
          '(planning clock macro target radio-target inline-src-block inline-babel-call babel-call dynamic-block
            diary-sexp citation entity underline drawer timestamp keyword)
        (lambda (element)
          (let ((text (buffer-substring-no-properties (org-element-property :begin element) (org-element-property :end element))))
            (unless (or (string-match "^#\\+\\(TITLE\\|TODO: TODO(t)\\|STARTUP\\)" text)
                        (and (eq (org-element-type element) 'timestamp)
                             (save-excursion (goto-char (org-element-property :begin element)) (beginning-of-line)
                                             (looking-at "  \\[2024-0[15]-0[0-9] ...\\]$"))))
              (princ (format "%s %s %S\n" name (org-element-type element) text)))))))))
"""


def test_emacs_reads_any_markdown_as_it_was_meant(tmp_path, emacs):
    """Three hundred texts at random, always the same ones."""
    pick = random.Random(6)  # noqa: S311 - no secret
    for number in range(300):
        parts = (
            pick.choice(HEADINGS if pick.random() < 0.25 else PIECES) + pick.choice(("\n", "\n\n")) for _ in range(12)
        )
        notes = tmp_path / f"{number}.md"
        notes.write_text(count_words("".join(parts)))
        Log(notes.with_suffix(".org")).import_markdown([notes])
    assert emacs(FOREIGN, tmp_path).splitlines() == []


def test_a_log_with_other_drawers_headings_and_states(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.org").write_text(
        "#+TODO: OPEN DOING | CLOSED\n* OPEN [1] Own :exp:\r\n:PROPERTIES:\n:ID: 1\n:END:\n".replace("\r", "")
    )
    (tmp_path / "notes.md").write_text("## Exp 2: A\n- [x] b\n- [ ] c\n\n### Results\nd\n")
    log = Log(tmp_path / "log.org")
    log.import_markdown(["notes.md"])
    assert log.path.read_text().split(":END:\n", 1)[1] == (
        "\n* CLOSED [2] A [50%]   :exp:\n:PROPERTIES:\n:ID:       2\n:IMPORTED_FROM: notes.md: Exp 2: A\n"
        f":IMPORTED_DIGEST: {re.search('DIGEST: (.*)', log.path.read_text())[1]}\n:END:\n\n** Notes\n\n"
        "** OPEN Experiments [1/2]\n1. [X] b\n2. [ ] c\n\n** CLOSED Conclusions\nd\n"
    )


@pytest.mark.parametrize("end", ["", "\r\n"])
def test_line_ends_and_the_last_line_stay_as_they_are(tmp_path, end):
    path, notes = tmp_path / "log.org", tmp_path / "notes.md"
    path.write_bytes(f"* A\r\ntext{end}".encode())
    notes.write_bytes(b"\xef\xbb\xbf## Exp 2: A\r\n\r\nb\r\n")
    Log(path).import_markdown([notes])
    data = path.read_bytes()
    assert data.startswith(b"* A\r\ntext\r\n")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert data.endswith(b"Conclusions\r\n" if end else b"Conclusions")
