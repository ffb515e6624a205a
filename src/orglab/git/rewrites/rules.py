"""Rules that tell which living commit a dead one is: what git said, then what both change, then what both say.

A rule is asked for names, and answers for those of which it knows. `matcher` has the order.
"""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from orglab.git.commit import Commit
from orglab.git.patches import containment, similarity
from orglab.git.rewrites.lineage import Lineage
from orglab.git.rewrites.successor import (
    APPLIED,
    AUTOSQUASH,
    PICKED,
    SUGGESTED,
    Successor,
    author_of,
    is_revert_of,
    is_short,
    predates,
)  # fmt: skip
from orglab.text import percent

_LINKS = 50
_TWIN = 0.7
_HALF = 0.5
_SOME = 0.2
_FEW_LINES = 2  # a line that is changed is taken away and added


class Rule(Protocol):
    """One way to find what became of commits."""

    def find(self, dead: Collection[str]) -> Mapping[str, Successor]:
        """Return what became of those of some commits that the rule knows of."""
        ...


class ReportedRewrite:
    """What git itself said when it rewrote a commit, to a hook or in a reflog."""

    def __init__(self, links: Sequence[tuple[str, str]], alive: Container[str], method: str, confidence: float) -> None:
        """Take pairs of an old and a new full hash, the last told last."""
        self._alive = alive
        self._method, self._confidence = method, confidence
        self._following: dict[str, list[str]] = defaultdict(list)
        for old, new in links:
            self._following[old].insert(0, new)

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the living commits at the end of what was told; a short hash is told of all that it begins."""
        found = {}
        for name in dead:
            olds = [name] if name in self._following else [old for old in self._following if old.startswith(name)]
            for living in filter(None, map(self._last, olds)):
                why = "git said so when it was rewritten"
                found[name] = Successor(living, self._confidence, self._method, why)
        return found

    def _last(self, start: str) -> str | None:
        """Return the living commit at the end of the links from one, or None."""
        seen, edge = {start}, [start]
        for _ in range(_LINKS):
            edge = [new for old in edge for new in self._following.get(old, ()) if new not in seen]
            living = next((new for new in edge if new in self._alive), None)
            if living is not None or not edge:
                return living
            seen.update(edge)
        return None


class CherryPick:
    """What `git cherry-pick -x` wrote into the message of the commit that it made."""

    def __init__(self, living: Iterable[Commit], on_head: Container[str]) -> None:
        """Read the messages of living commits."""
        self._picks: dict[str, list[str]] = defaultdict(list)
        for commit in living:
            for picked in PICKED.findall(commit.message):
                self._picks[picked].append(commit.hash)
        self._on_head = on_head

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the commits that were picked from others; of several, the first one on HEAD is meant."""
        found = {}
        for name in dead:
            full = [name] if name in self._picks else [picked for picked in self._picks if picked.startswith(name)]
            picks = [pick for picked in full for pick in self._picks[picked]]
            for pick in sorted(picks, key=lambda one: one not in self._on_head)[:1]:
                found[name] = Successor(pick, 0.95, "cherry-pick", "it says that it was picked from it")
        return found


class Claim(NamedTuple):
    """A dead commit's claim that a living one is it.

    Attributes:
        strength: How much is alike: of two claims of commits that stood side by side, the stronger is right.
        answer: What it comes to; its hash is the living commit.
    """

    strength: float
    answer: Successor


class _OneToOne:
    """What two rules have in common: a living commit is at most one of the dead ones that stood in one line."""

    def __init__(self, lineage: Lineage, known: Mapping[str, Successor]) -> None:
        self.lineage = lineage
        self.known = known

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return which living commits dead ones are; all that are not yet known are asked for together."""
        names = [name for name in self.lineage.dead if name in dead]
        claims = {name: self._claims(name) for name in names}
        # Of commits alike in all the n-th became the n-th: the names are in their order, and so are their claims.
        ordered = sorted(
            ((name, claim) for name in names for claim in claims[name]), key=lambda one: -round(one[1].strength, 2)
        )
        found: dict[str, Successor] = {}
        taken: dict[str, list[str]] = defaultdict(list)
        for name, answer in self.known.items():
            if answer.hash and answer.confidence >= APPLIED and name in self.lineage.dead:
                taken[answer.hash].append(name)
        for name, claim in ordered:
            living = claim.answer.hash or ""
            if name not in found and not any(self.lineage.are_related(name, other) for other in taken[living]):
                found[name] = _at_most(self._limit(name, claims), claim.answer)
                taken[living].append(name)
        return found

    def candidates(self, dead: str) -> Collection[str]:
        """Return the living commits that share what the rule is about."""
        raise NotImplementedError

    def claim(self, dead: str, living: str) -> Claim:
        """Return what speaks for a living commit being a dead one."""
        raise NotImplementedError

    def _claims(self, dead: str) -> list[Claim]:
        """Return the claims of a dead commit, the strongest first."""
        lineage = self.lineage
        found = []
        for living in dict.fromkeys(self.candidates(dead)):
            old, new = lineage.dead[dead], lineage.living[living]
            if lineage.is_ancestor(living, dead) or is_revert_of(new, old):
                continue
            claim = self.claim(dead, living)
            if predates(new, old) and not (author_of(old) == author_of(new) and self.has_own_date(dead)):
                claim = claim._replace(answer=_at_most(_TWIN, claim.answer))
            if claim.answer.confidence >= SUGGESTED:
                found.append(claim)
        return sorted(found, key=lambda one: (-round(one.strength, 2), self._rank(one)))

    def _rank(self, claim: Claim) -> tuple[bool, bool, int]:
        """Return what orders commits alike in all: the same one stands on other branches, or again behind its revert.

        The first one on HEAD is meant, and none that was picked from it.
        """
        name = claim.answer.hash or ""
        is_pick = PICKED.search(self.lineage.living[name].message) is not None
        return name not in self.lineage.on_head, is_pick, self.lineage.place[name]

    def has_own_date(self, dead: str) -> bool:
        """Return whether no other commit beside a dead one has its author and date."""
        return self.lineage.is_own(dead, ("author", author_of(self.lineage.dead[dead])))

    def has_own_subject(self, dead: str) -> bool:
        """Return whether no other commit beside a dead one has its subject."""
        subject = self.lineage.dead[dead].subject
        return bool(subject) and self.lineage.is_own(dead, ("subject", subject))

    def _limit(self, dead: str, claims: Mapping[str, list[Claim]]) -> float:
        """Return how sure an answer can be, for of several claims alike it may not be clear which one is meant.

        It is clear if as many dead commits beside each other claim the same, or if one claims them and one is on HEAD.
        """
        tied = _strongest(claims[dead])
        if len(tied) <= 1:
            return 1.0
        names = {claim.answer.hash for claim in tied}
        peers = 1 + sum(
            self.lineage.are_related(name, dead) and {one.answer.hash for one in _strongest(found)} == names
            for name, found in claims.items()
        )
        first, second = self._rank(tied[0]), self._rank(tied[1])
        is_clear = peers == len(tied) or (peers == 1 and (not first[0] or first[:2] != second[:2]))
        return 0.92 if is_clear else 0.8

    def words(self, dead: str, living: str) -> tuple[float, list[str]]:
        """Return how much messages and authors speak for a living commit being a dead one, and what does."""
        old, new = self.lineage.dead[dead], self.lineage.living[living]
        strength, said = float(old.message == new.message), []
        if old.subject and old.subject == new.subject:
            strength += 2
            said.append("the same subject")
        if author_of(old) == author_of(new):
            strength += 3 if self.has_own_date(dead) else 1
            said.append("the same author and date")
        return strength, said


def _strongest(claims: list[Claim]) -> list[Claim]:
    """Return the claims that are as strong as the first one."""
    return [claim for claim in claims if round(claim.strength, 2) == round(claims[0].strength, 2)]


def _at_most(confidence: float, answer: Successor) -> Successor:
    return replace(answer, confidence=min(confidence, answer.confidence))


class SamePatch(_OneToOne):
    """Both change the same: the same patch, or the same lines with others around them or in another file."""

    def candidates(self, dead: str) -> list[str]:
        """Return the living commits that change the same."""
        lineage = self.lineage
        keys = [key for key in lineage.keys(dead) if key[0] in ("patch", "lines", "bare")]
        size = lineage.patch(dead).size
        return [
            name for key in keys for name in lineage.living_with.get(key, ())
            if key[0] != "bare" or lineage.patch(name).size == size
        ]  # fmt: skip

    def claim(self, dead: str, living: str) -> Claim:
        """Return what speaks for a living commit that changes the same."""
        before, after = self.lineage.patch(dead), self.lineage.patch(living)
        old, new = self.lineage.dead[dead], self.lineage.living[living]
        is_patch, is_moved = before.digest == after.digest, before.lines != after.lines
        strength, said = self.words(dead, living)
        same_date = author_of(old) == author_of(new)
        if (old.subject and old.subject == new.subject) or (same_date and self.has_own_date(dead)):
            sure = 0.99 if is_patch or not is_moved else 0.97
        elif is_patch or not is_moved:
            sure = 0.93 if before.size > _FEW_LINES or (before.size and same_date) else 0.86 if before.size else 0.0
        else:
            sure = 0.7 if before.size > _FEW_LINES else 0.0
        what = "the same patch" if is_patch else "the same lines" + (" in another file" if is_moved else "")
        strength += 4 if is_patch else 2.5 if is_moved else 3.5
        method = "patch id" if is_patch else "changed lines"
        return Claim(strength, Successor(living, sure, method, ", ".join((what, *said))))


class AuthorAndSubject(_OneToOne):
    """Both say the same, or were written at the same time by the same person, and their changes are alike."""

    def candidates(self, dead: str) -> list[str]:
        """Return the living commits with its subject, that of what it was to mend, or its author and date."""
        commit = self.lineage.dead[dead]
        keys = (("subject", commit.subject), ("subject", AUTOSQUASH.sub("", commit.subject)),
                ("author", author_of(commit)))  # fmt: skip
        return [name for key in keys for name in self.lineage.living_with.get(key, ())]

    def claim(self, dead: str, living: str) -> Claim:
        """Return what speaks for a living commit that says the same or is as old."""
        strength, said = self.words(dead, living)
        alike = similarity(self.lineage.patch(dead).lines, self.lineage.patch(living).lines)
        sure = self._confidence(dead, living, alike)
        if alike:
            said.insert(0, f"{percent(alike)} of the changed lines are the same")
        same_date = author_of(self.lineage.dead[dead]) == author_of(self.lineage.living[living])
        method = "author and date" if same_date else "message and lines"
        return Claim(strength + alike, Successor(living, sure, method, ", ".join(said)))

    def _confidence(self, dead: str, living: str, alike: float) -> float:
        """Return how sure it is that a living commit is a dead one whose changes are so much alike."""
        old, new = self.lineage.dead[dead], self.lineage.living[living]
        before, after = self.lineage.patch(dead), self.lineage.patch(living)
        shares_path = self.lineage.share_path(dead, living)
        is_empty = before.is_empty and after.is_empty
        same_subject = bool(old.subject) and old.subject == new.subject
        same_date = author_of(old) == author_of(new)
        if same_subject and same_date and (self.has_own_date(dead) or self.has_own_subject(dead)):
            return 0.97 if alike >= _SOME or is_empty else 0.95 if shares_path else 0.91
        if same_subject and self.has_own_subject(dead) and not is_short(old.subject):
            return 0.94 if alike >= _HALF else 0.85 if alike >= _SOME or is_empty else 0.7 if shares_path else 0.0
        if same_subject:
            return 0.85 if alike >= _HALF else 0.6 if alike >= _SOME else 0.0
        if same_date and self.has_own_date(dead):
            held = max(alike, containment(before.lines, after.lines))
            return 0.93 if held >= _HALF else 0.85 if held >= _SOME else 0.7 if shares_path or is_empty else 0.0
        return 0.0
