"""What a dead and a living commit have in common, and what each kind of evidence is worth.

The figures are judgement, held against generated histories (benchmarks/bench_hashes.py).  Two rules stand behind
them: what two histories share by chance is worth nothing (a common line, a subject such as `wip`, a date that other
commits have too), and an answer of 0.9 or more needs two kinds of evidence, or one that chance does not make.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from orglab.git.commit import Commit
from orglab.git.patches import Patch, Vector

APPLIED = 0.9
"""An answer as sure as this is written into the log when asked to mend it."""
SUGGESTED = 0.55
"""An answer less sure than this is none."""
_MOST = 0.9
_HALF = 0.5
_SOME = 0.2
_FEW_LINES = 2  # a line that is changed is taken away and added
_MANY_LINES = 6
_SHORT = 8
_SKEW = 3600  # seconds that the clocks of two machines may differ by
UNDOES = re.compile(r'(?:Revert|Reapply) "')
AUTOSQUASH = re.compile(r"(?:(?:fixup|squash|amend)! )+")
PICKED = re.compile(r"\(cherry picked from commit ([0-9a-f]{7,64})\)")
_LIST_MARK = re.compile(r"^(?:[*+-]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Successor:
    """What became of a dead commit.

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


@dataclass(frozen=True, slots=True)
class Alike:
    """What speaks for a living commit being a dead one.

    Attributes:
        old: The dead commit.
        new: The living one.
        before: What the dead one changes.
        after: What the living one changes.
        own_subject: Whether no other commit beside the dead one has its subject.
        own_date: The same of its author and date.
    """

    old: Commit
    new: Commit
    before: Patch
    after: Patch
    own_subject: bool
    own_date: bool

    @property
    def likeness(self) -> float:
        """How alike the changed lines are, from 0 to 1."""
        return likeness(self.before.lines, self.after.lines)

    @property
    def same_patch(self) -> bool:
        """Whether both change the same, at the same places."""
        return not self.before.is_empty and self.before.digest == self.after.digest

    @property
    def same_lines(self) -> bool:
        """Whether both change the same lines, with other lines around them."""
        return bool(self.before.lines) and self.before.lines == self.after.lines

    @property
    def is_moved(self) -> bool:
        """Whether both change the same lines in different files."""
        before, after = self.before, self.after
        return bool(before.bare) and (before.bare, before.size) == (after.bare, after.size) and not self.same_lines

    @property
    def same_subject(self) -> bool:
        """Whether both have the same subject."""
        return bool(self.old.subject) and self.old.subject == self.new.subject

    @property
    def same_date(self) -> bool:
        """Whether both have the same author and author date, which a rebase keeps."""
        return author_of(self.old) == author_of(self.new)

    @property
    def is_told(self) -> bool:
        """Whether the living one says that it was picked from the dead one."""
        return self.old.hash in PICKED.findall(self.new.message)

    def rank(self) -> float:
        """Return how much is alike: of two claims of commits that stood side by side, the higher is right."""
        patch = 4.0 if self.same_patch else 3.5 if self.same_lines else 2.5 if self.is_moved else 0.0
        words = 2 * self.same_subject + (self.old.message == self.new.message) + 8 * self.is_told
        return patch + words + (3 if self.own_date else 1) * self.same_date + self.likeness

    def weigh(self) -> Successor | None:
        """Return the answer that this makes, or None."""
        if UNDOES.match(self.new.subject) and not self.same_subject:
            # The revert of a commit names it, and what puts it back changes the same; neither is the commit.
            return None
        by_patch = self.same_patch or self.same_lines or self.is_moved
        answer = self._by_patch() if by_patch else self._by_words()
        if self.new.committed < self.old.committed - _SKEW and not (self.same_date and self.own_date):
            # It was there before: at most a twin.
            answer = replace(answer, confidence=min(answer.confidence, 0.7))
        return answer if answer.confidence >= SUGGESTED else None

    def _words(self, *first: str) -> str:
        return ", ".join((
            *first,
            *(["the same subject"] if self.same_subject else []),
            *(["the same author and date"] if self.same_date else []),
            *(["it says that it was picked from it"] if self.is_told else []),
        ))  # fmt: skip

    def _by_patch(self) -> Successor:
        """Return the answer for commits that change the same."""
        size = self.before.size
        what = "the same patch" if self.same_patch else "the same lines" + (" in another file" if self.is_moved else "")
        if self.is_told or self.same_subject or (self.same_date and self.own_date):
            sure = 0.97 if self.is_moved else 0.99
        elif self.is_moved:
            sure = 0.7 if size > _FEW_LINES else 0.0
        else:
            sure = 0.93 if size > _FEW_LINES or (size and self.same_date) else 0.86 if size else 0.0
        return Successor(self.new.hash, sure, "patch id" if self.same_patch else "changed lines", self._words(what))

    def _by_words(self) -> Successor:
        """Return the answer for commits that say the same, or were written at the same time by the same person."""
        alike = self.likeness
        shares_path = bool(self.before.paths & self.after.paths)
        is_empty = self.before.is_empty and self.after.is_empty
        sure = 0.0
        if self.is_told:
            sure = 0.95
        elif self.same_subject and self.same_date and (self.own_date or self.own_subject):
            sure = 0.97 if alike >= _SOME or is_empty else 0.95 if shares_path else 0.91
        elif self.same_subject and self.own_subject and not is_short(self.old.subject):
            sure = 0.94 if alike >= _HALF else 0.85 if alike >= _SOME or is_empty else 0.7 if shares_path else 0
        elif self.same_subject:
            sure = 0.85 if alike >= _HALF else 0.6 if alike >= _SOME else 0
        elif self.same_date and self.own_date:
            held = max(alike, inside(self.before.lines, self.after.lines))
            sure = 0.93 if held >= _HALF else 0.85 if held >= _SOME else 0.7 if shares_path or is_empty else 0
        method = "author and date" if self.same_date else "message and lines"
        words = self._words(f"{alike:.0%} of the changed lines are the same") if alike else self._words()
        return Successor(self.new.hash, sure, method, words)


@dataclass(frozen=True, slots=True)
class Holding:
    """What speaks for a living commit holding the change of a dead one among others, as a squash does.

    Attributes:
        old: The dead commit.
        new: The living one.
        inside: How much of what is left of the dead one's change is in the living one's, from 0 to 1.
        size: How many lines that say something the dead one changes.
        is_undone: Whether nothing is left of its change behind those that came after it.
        shares_path: Whether both change one file.
        is_before: Whether a commit shortly before the dead one surely became the living one.
        is_after: The same of one shortly after.
        names_step: Whether both name one step.
    """

    old: Commit
    new: Commit
    inside: float
    size: int
    is_undone: bool
    shares_path: bool
    is_before: bool
    is_after: bool
    names_step: bool

    def weigh(self) -> Successor | None:
        """Return the answer that this makes, or None."""
        is_near = self.is_before or self.is_after
        is_listed = lists(self.new, self.old.subject, may_be_short=is_near)
        if is_listed:
            sure = 0.96 if self.inside >= _HALF else 0.93 if self.shares_path else 0.8
        elif is_near:
            sure = self._by_neighbours()
        else:
            sure = self._by_lines()
        if self.new.committed < self.old.committed - _SKEW:
            sure = min(sure, 0.7)
        method = "squash message" if is_listed else "changed lines"
        words = self._words(is_listed=is_listed)
        return Successor(self.new.hash, sure, method, words) if sure >= SUGGESTED else None

    def _by_neighbours(self) -> float:
        """Return how sure it is where a commit beside it became the same."""
        is_between = self.is_before and self.is_after
        if is_between and self.is_undone:
            return 0.93
        if self.inside >= _MOST:
            if not self.size:
                return 0.92 if is_between else 0.85
            return 0.95 if self.size > 1 else 0.92
        return 0.85 if self.inside >= _HALF else 0.6 if self.inside > _SOME else 0.0

    def _by_lines(self) -> float:
        """Return how sure it is by lines, and the step that both name."""
        if self.inside >= _MOST and self.size:
            # Another may have made the same change later, so lines alone are never enough.
            return 0.92 if self.names_step and self.size > 1 else 0.88 if self.size >= _MANY_LINES else 0.82
        return 0.78 if self.names_step and self.inside >= _HALF else 0.0

    def _words(self, *, is_listed: bool) -> str:
        beside = {2: "the commits around it became the same one", 1: "a commit beside it became the same one", 0: ""}
        return ", ".join(filter(None, (
            "its message lists it" if is_listed else "",
            f"it holds {self.inside:.0%} of its lines" if self.inside > 0 else "",
            beside[self.is_before + self.is_after],
            "both name the same step" if self.names_step else "",
        )))  # fmt: skip


def author_of(commit: Commit) -> tuple[str, str, int]:
    """Return who wrote a commit, and when."""
    return commit.author, commit.email, commit.authored


def is_short(subject: str) -> bool:
    """Return whether a subject says as good as nothing, such as `wip`."""
    return len(subject) < _SHORT


def inside(part: Vector, whole: Vector) -> float:
    """Return how much of a vector is in another, from 0 to 1."""
    size = sum(map(abs, part.values()))
    return _shared(part, whole) / size if size else 0.0


def likeness(one: Vector, other: Vector) -> float:
    """Return how alike two vectors are, from 0 to 1."""
    size = sum(map(abs, one.values())) + sum(map(abs, other.values()))
    return 2 * _shared(one, other) / size if size else 0.0


def _shared(one: Vector, other: Vector) -> int:
    """Return how many lines two vectors both add, or both take away."""
    smaller, larger = (one, other) if len(one) < len(other) else (other, one)
    return sum(min(abs(count), abs(larger[key])) for key, count in smaller.items() if larger.get(key, 0) * count > 0)


def without(whole: Vector, part: Vector) -> Vector:
    """Return a vector without what another shares with it."""
    left = {**whole}
    for key, count in part.items():
        if left.get(key, 0) * count > 0:
            left[key] -= count if abs(count) < abs(left[key]) else left[key]
    return {key: count for key, count in left.items() if count}


def body_lines(message: str) -> Iterator[str]:
    """Yield the lines of a message below its first, without the marks of a list."""
    for line in message.split("\n")[1:]:
        words = _LIST_MARK.sub("", line.strip())
        if words:
            yield AUTOSQUASH.sub("", words)


def lists(commit: Commit, subject: str, *, may_be_short: bool = False) -> bool:
    """Return whether a message holds a subject as a line of its own below the first, or is what a fixup was for."""
    wanted = AUTOSQUASH.sub("", subject)
    if not wanted or (is_short(wanted) and not may_be_short):
        return False
    return (wanted != subject and commit.subject == wanted) or wanted in body_lines(commit.message)
