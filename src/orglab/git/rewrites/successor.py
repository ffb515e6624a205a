"""What an answer is, and what the messages and authors of two commits say about their being one.

How sure an answer is, is judgement, held against generated histories (benchmarks/bench_hashes.py). Two principles
stand behind the figures: what two histories share by chance is worth nothing (a common line, a subject such as `wip`,
a date that other commits have too), and 0.9 or more needs two kinds of evidence, or one that chance does not make.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orglab.git.commit import Commit

APPLIED = 0.9
"""An answer as sure as this is written into the log when asked to mend it."""
SUGGESTED = 0.55
"""An answer less sure than this is none."""
AUTOSQUASH = re.compile(r"(?:(?:fixup|squash|amend)! )+")
PICKED = re.compile(r"\(cherry picked from commit ([0-9a-f]{7,64})\)")
_UNDOES = re.compile(r'(?:Revert|Reapply) "')
_LIST_MARK = re.compile(r"^(?:[*+-]|\d+[.)])\s+")
_SHORT = 8
_SKEW = 3600  # seconds that the clocks of two machines may differ by


@dataclass(frozen=True, slots=True)
class Successor:
    """What became of a commit that no branch reaches any more.

    Attributes:
        hash: The full hash of the commit under which it lives; None if it was dropped, or nothing is known.
        confidence: From 0 to 1.
        method: How it was found: `rewrite map`, `reflog`, `patch id`, `branch diff`, ...
        evidence: Why, in words.
    """

    hash: str | None
    confidence: float
    method: str
    evidence: str


def author_of(commit: Commit) -> tuple[str, str, int]:
    """Return who wrote a commit, and when."""
    return commit.author, commit.email, commit.authored


def is_revert_of(new: Commit, old: Commit) -> bool:
    """Return whether a commit reverts or reapplies another: it names that, but is not what became of it."""
    return _UNDOES.match(new.subject) is not None and new.subject != old.subject


def predates(new: Commit, old: Commit) -> bool:
    """Return whether a commit was made before another, so that it is at most a twin of it."""
    return new.committed < old.committed - _SKEW


def is_short(subject: str) -> bool:
    """Return whether a subject says as good as nothing, such as `wip`."""
    return len(subject) < _SHORT


def body_lines(message: str) -> Iterator[str]:
    """Yield the lines of a message below its first, without the marks of a list."""
    for line in message.split("\n")[1:]:
        words = _LIST_MARK.sub("", line.strip())
        if words:
            yield AUTOSQUASH.sub("", words)


def lists_subject(commit: Commit, subject: str, *, may_be_short: bool = False) -> bool:
    """Return whether a message holds a subject as a line of its own below the first, or is what a fixup was for."""
    wanted = AUTOSQUASH.sub("", subject)
    if not wanted or (is_short(wanted) and not may_be_short):
        return False
    return (wanted != subject and commit.subject == wanted) or wanted in body_lines(commit.message)
