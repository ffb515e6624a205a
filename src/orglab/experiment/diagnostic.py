"""Diagnostics: problems in a log, with their position and, if they can be fixed safely, the edits."""

from typing import NamedTuple

from orglab.org.edit import Edit

# The meaning of each code, as listed in docs/reference/checks.md.
CODES = {
    "conflict": "A git conflict marker; no command writes until it is resolved.",
    "duplicate-id": "Two experiments have the same id.",
    "no-id": "A heading has the tag of an experiment but no id. --fix gives it the next number.",
    "bad-id": "An id contains characters other than letters, digits, - and _, so it is not read.",
    "misplaced-drawer": "Org does not read a PROPERTIES drawer, because of what is before it or in it.",
    "lower-case-box": "A checkbox is `[x]`, which orglab reads as done but Org does not count. --fix writes `[X]`.",
    "stale-cookie": "A cookie such as [1/2] differs from what Org would count. --fix recounts it.",
    "steps-state": "The steps heading is done although a step is open, or the other way round.",
    "no-steps": "An experiment whose title begins with its id, as `new` writes it, has no list of steps.",
    "second-list": "The steps are followed by a second list, whose items are not read as steps.",
    "same-number": "Two steps have the same number.",
    "no-created": "An experiment has no timestamp that says when it was created.",
    "unknown-reference": "A reference or link points to an experiment or step that is not in the log.",
    "unknown-keyword": "A heading begins with a word in capitals that is not a TODO keyword of the file.",
    "unknown-verdict": "A verdict looks like a misspelling of a known one.",
    "other-verdict": "The newest conclusion and the property VERDICT have different verdicts.",
    "unclosed": "A block or drawer is not closed, so it is read as plain text.",
    "twice": "Two headings or two steps of an experiment are the same, or a run has two notes (after a merge?).",
    "lost-in-merge": "A merge dropped a note, a step or an experiment that one side had added.",
    "lost": "git took an experiment, a step, a note or a conclusion out of the log; --restore puts it back.",
    "tracked-name": "A commit has a file of the name of a log that is kept apart; checking it out would overwrite it.",
    "bad-term": "A line of orglab-terms.txt, or a term in it, is invalid; the others are used.",
    "newer-format": "The log has a later version of the format than this orglab knows; no command writes it.",
    "setup-file": "The file has a #+SETUPFILE line; that file is not read.",
    "moved-hash": "A recorded commit was rewritten and now has another hash. --fix adds the current hash.",
    "dead-hash": "A recorded commit is not on any branch or tag, and its current hash is not certain.",
    "discarded": "A recorded commit was discarded: no branch or tag has it any more, and no other commit replaced it.",
}
ERRORS = frozenset(("conflict", "newer-format", "duplicate-id", "bad-id", "same-number"))
NOTES = frozenset(("discarded",))
"""What is true of a log without being a problem."""


class Moved(NamedTuple):
    """What happened to a recorded commit that is not on any branch or tag.

    Attributes:
        hash: The hash in the log.
        living: The current short hash; None if the commit was dropped or its current hash is unknown.
        confidence: From 0 to 1.
        method: How it was found, such as `rewrite map` or `patch id`.
        evidence: An explanation for the user.
    """

    hash: str
    living: str | None
    confidence: float
    method: str
    evidence: str


class Diagnostic(NamedTuple):
    """A problem in the log, or a note on it.

    Attributes:
        file: The path of the log, for display.
        line: The 1-based line.
        column: The 1-based column, in characters.
        code: One of `CODES`.
        message: The problem, in one sentence.
        fix: The edits that fix it, if that is safe.
        moved: For `moved-hash`, `dead-hash` and `discarded`: what happened to the commit.
        subject: The id of the experiment, if the command that fixes the problem needs it.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    fix: tuple[Edit, ...] = ()
    moved: Moved | None = None
    subject: str = ""

    @property
    def remedy(self) -> str:
        """The command that fixes it, or that opens the place to be fixed by hand."""
        if self.fix:
            return "orglab check --fix"
        if self.code == "duplicate-id" and self.subject:
            return f"orglab renumber {self.subject}"
        if self.code == "no-steps":
            return f'orglab step {self.subject} "TEXT"'
        if self.code == "lost":
            return f"orglab check --restore {self.subject}"
        if self.code == "tracked-name":
            return "orglab init --apart"
        if self.code == "bad-term":
            return f"edit line {self.line} of {self.file}"
        if self.code == "discarded" and self.moved is not None:
            return f"orglab why {self.moved.hash}"
        return f"orglab edit --line {self.line}"

    @property
    def is_problem(self) -> bool:
        """Whether there is something to fix; otherwise it is a note."""
        return self.code not in NOTES

    @property
    def is_error(self) -> bool:
        """Whether the problem makes commands fail or do the wrong thing."""
        return self.code in ERRORS
