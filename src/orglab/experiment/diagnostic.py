"""What is wrong in a log, as values: with a position, and where it is safe to mend, the edits."""

from typing import NamedTuple

from orglab.org.edit import Edit

# What each code means, as the documentation lists them.
CODES = {
    "conflict": "A git conflict marker; no command writes until it is resolved.",
    "duplicate-id": "Two experiments have the same id.",
    "no-id": "A heading has the tag of an experiment but no id. --fix gives it the next number.",
    "bad-id": "An id holds something beside letters, digits, - and _, so it is not read.",
    "lower-case-box": "A box `[x]`: read as done here, but Org does not count it. --fix writes `[X]`.",
    "stale-cookie": "A cookie such as [1/2] is not what Org would count. --fix recounts it.",
    "steps-state": "The heading of the steps says done and a step is open, or the other way round.",
    "no-steps": "An experiment has no list of steps.",
    "second-list": "A further list stands under the steps; its items are not read as steps.",
    "same-number": "Two steps have the same number.",
    "no-created": "An experiment has no timestamp that says when it was written down.",
    "unknown-reference": "A reference or link names an experiment or step that is not in the log.",
    "unknown-keyword": "A heading begins with a word in capitals that is no TODO keyword of the file.",
    "unclosed": "A block or drawer is opened and not closed, so it is read as plain text.",
    "twice": "An experiment has two headings of one name, or two steps with the same words, as a merge can leave them.",
    "lost-in-merge": "A merge left out a note, a step or an experiment that one side had added.",
    "bad-term": "A line of orglab-terms.txt, or a term in it, cannot be read; the others count.",
    "setup-file": "The file names a #+SETUPFILE; what it says is not read.",
    "moved-hash": "A recorded commit was rewritten and lives under another hash. --fix writes that one after it.",
    "dead-hash": "A recorded commit is on no branch or tag, and what became of it is not certain.",
}
ERRORS = frozenset(("conflict", "duplicate-id", "bad-id", "same-number"))


class Moved(NamedTuple):
    """What became of a recorded commit that no branch or tag reaches.

    Attributes:
        hash: The hash as the log has it.
        living: The short hash under which it lives; None if it was dropped, or nothing is known.
        confidence: From 0 to 1.
        method: How that was found, such as `rewrite map` or `patch id`.
        evidence: Why, in words.
    """

    hash: str
    living: str | None
    confidence: float
    method: str
    evidence: str


class Diagnostic(NamedTuple):
    """Something in the log that is wrong or not understood.

    Attributes:
        file: The log.
        line: The 1-based line.
        column: The 1-based column, in characters.
        code: One of `CODES`.
        message: What it is, in one sentence.
        fix: The edits that mend it, where that is safe.
        moved: Of `moved-hash` and `dead-hash`: what became of the commit.
        subject: The id of the experiment, where the command that fixes the problem needs it.
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
        if self.code == "duplicate-id":
            return f"orglab renumber {self.subject}"
        if self.code == "no-steps":
            return f'orglab step {self.subject} "TEXT"'
        if self.code == "bad-term":
            return f"edit {self.file}"
        return f"orglab edit --line {self.line}"

    @property
    def is_error(self) -> bool:
        """Whether commands will stumble over it."""
        return self.code in ERRORS
