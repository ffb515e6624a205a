"""The successor of a rewritten commit, and comparisons of the messages and authors of two commits.

The confidence values are judgement, checked against generated histories (benchmarks/bench_hashes.py). They follow two
principles: properties that commits often share by chance count for nothing (a common line, a subject such as `wip`, a
date that other commits have, too), and 0.9 or more needs two kinds of evidence, or one that does not occur by chance.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orglab.git.commit import Commit

APPLIED = 0.9
"""Successors with at least this confidence are applied by `orglab check --fix`."""
SUGGESTED = 0.55
"""Successors with less confidence than this are dropped."""
AUTOSQUASH = re.compile(r"(?:(?:fixup|squash|amend)! )+")
PICKED = re.compile(r"\(cherry picked from commit ([0-9a-f]{7,64})\)")
_UNDOES = re.compile(r'(?:Revert|Reapply) "')
_LIST_MARK = re.compile(r"^(?:[*+-]|\d+[.)])\s+")
_SHORT = 8
_SKEW = 3600  # seconds by which the clocks of two machines may differ


@dataclass(frozen=True, slots=True)
class Successor:
    """The commit that replaced one that no branch reaches any more.

    Attributes:
        hash: The full hash of the new commit; None if the old one was dropped, or nothing is known.
        confidence: From 0 to 1.
        method: How it was found: `rewrite map`, `reflog`, `patch id`, `branch diff`, ...
        evidence: The reason, in words.
    """

    hash: str | None
    confidence: float
    method: str
    evidence: str


def author_of(commit: Commit) -> tuple[str, str, int]:
    """Return the author, email and author date of a commit."""
    return commit.author, commit.email, commit.authored


def is_revert_of(new: Commit, old: Commit) -> bool:
    """Return whether a commit is a revert or reapply; it names the other commit, but did not replace it."""
    return _UNDOES.match(new.subject) is not None and new.subject != old.subject


def predates(new: Commit, old: Commit) -> bool:
    """Return whether a commit was made before another, so that it can hardly have replaced it."""
    return new.committed < old.committed - _SKEW


def is_short(subject: str) -> bool:
    """Return whether a subject is too short to mean anything, such as `wip`."""
    return len(subject) < _SHORT


def body_lines(message: str) -> Iterator[str]:
    """Yield the lines of a message after the first, without list markers."""
    for line in message.split("\n")[1:]:
        words = _LIST_MARK.sub("", line.strip())
        if words:
            yield AUTOSQUASH.sub("", words)


def lists_subject(commit: Commit, subject: str, *, may_be_short: bool = False) -> bool:
    """Return whether a commit's message contains a subject as a line of its body, or the subject is a fixup of it."""
    target = AUTOSQUASH.sub("", subject)
    if not target or (is_short(target) and not may_be_short):
        return False
    return (target != subject and commit.subject == target) or target in body_lines(commit.message)
