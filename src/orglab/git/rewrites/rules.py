"""Rules that find the living commit that replaced a dead one, by git's own reports, the changes, or the messages.

A rule gets the hashes of dead commits, and returns the successors that it finds.  `matcher` defines the order.
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

_LONGEST_CHAIN = 50
_TWIN = 0.7
_HALF = 0.5
_SOME = 0.2
_FEW_LINES = 2  # a changed line counts as removed and added


class Rule(Protocol):
    """A way to find the successors of commits."""

    def find(self, dead: Collection[str]) -> Mapping[str, Successor]:
        """Return the successors of the commits for which the rule finds one."""
        ...


class ReportedRewrite:
    """git reported the rewrite itself, to a hook or in a reflog."""

    def __init__(self, links: Sequence[tuple[str, str]], alive: Container[str], method: str, confidence: float) -> None:
        """Take pairs of an old and a new full hash, the latest last."""
        self._alive = alive
        self._method, self._confidence = method, confidence
        self._replacements: dict[str, list[str]] = defaultdict(list)
        for old, new in links:
            self._replacements[old].insert(0, new)

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the living commits at the end of the chains; a short hash matches all hashes that begin with it."""
        found = {}
        for name in dead:
            olds = [name] if name in self._replacements else [old for old in self._replacements if old.startswith(name)]
            for living in filter(None, map(self._follow, olds)):
                why = "recorded by git when it was rewritten"
                found[name] = Successor(living, self._confidence, self._method, why)
        return found

    def _follow(self, start: str) -> str | None:
        """Return the living commit at the end of the chain from a commit, or None."""
        seen, newest = {start}, [start]
        for _ in range(_LONGEST_CHAIN):
            newest = [new for old in newest for new in self._replacements.get(old, ()) if new not in seen]
            living = next((new for new in newest if new in self._alive), None)
            if living is not None or not newest:
                return living
            seen.update(newest)
        return None


class CherryPick:
    """The message of a living commit names the dead one, as written by `git cherry-pick -x`."""

    def __init__(self, living: Iterable[Commit], on_head: Container[str]) -> None:
        """Read the messages of living commits."""
        self._picks: dict[str, list[str]] = defaultdict(list)
        for commit in living:
            for picked in PICKED.findall(commit.message):
                self._picks[picked].append(commit.hash)
        self._on_head = on_head

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the cherry-picks of commits; if there are several, the first one on HEAD."""
        found = {}
        for name in dead:
            full = [name] if name in self._picks else [picked for picked in self._picks if picked.startswith(name)]
            picks = [pick for picked in full for pick in self._picks[picked]]
            for pick in sorted(picks, key=lambda hash_: hash_ not in self._on_head)[:1]:
                found[name] = Successor(pick, 0.95, "cherry-pick", "its message says that it was cherry-picked")
        return found


class Claim(NamedTuple):
    """The claim of a dead commit that a living one has replaced it.

    Attributes:
        strength: How similar the commits are; among the claims of related commits, the strongest wins.
        answer: The resulting successor; its hash is the living commit.
    """

    strength: float
    answer: Successor


class _OneToOne:
    """Base of the rules in which a living commit replaces at most one of several related dead commits."""

    def __init__(self, lineage: Lineage, known: Mapping[str, Successor]) -> None:
        self.lineage = lineage
        self.known = known

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the successors of dead commits; all that are not known yet must be passed together."""
        names = [name for name in self.lineage.dead if name in dead]
        claims = {name: self._find_claims(name) for name in names}
        # The sort is stable, so among commits equal in everything the n-th dead one gets the n-th living one.
        ordered = sorted(
            ((name, claim) for name in names for claim in claims[name]), key=lambda pair: -round(pair[1].strength, 2)
        )
        found: dict[str, Successor] = {}
        taken: dict[str, list[str]] = defaultdict(list)
        for name, answer in self.known.items():
            if answer.hash and answer.confidence >= APPLIED and name in self.lineage.dead:
                taken[answer.hash].append(name)
        for name, claim in ordered:
            living = claim.answer.hash or ""
            if name not in found and not any(self.lineage.are_related(name, other) for other in taken[living]):
                found[name] = _limit_confidence(self._find_limit(name, claims), claim.answer)
                taken[living].append(name)
        return found

    def find_candidates(self, dead: str) -> Collection[str]:
        """Return the living commits that share the properties that the rule compares."""
        raise NotImplementedError

    def build_claim(self, dead: str, living: str) -> Claim:
        """Return the claim of a dead commit to a living one."""
        raise NotImplementedError

    def _find_claims(self, dead: str) -> list[Claim]:
        """Return the claims of a dead commit, the strongest first."""
        lineage = self.lineage
        claims = []
        for living in dict.fromkeys(self.find_candidates(dead)):
            old, new = lineage.dead[dead], lineage.living[living]
            if lineage.is_ancestor(living, dead) or is_revert_of(new, old):
                continue
            claim = self.build_claim(dead, living)
            if predates(new, old) and not (author_of(old) == author_of(new) and self.has_unique_date(dead)):
                claim = claim._replace(answer=_limit_confidence(_TWIN, claim.answer))
            if claim.answer.confidence >= SUGGESTED:
                claims.append(claim)
        return sorted(claims, key=lambda claim: (-round(claim.strength, 2), self._rank(claim)))

    def _rank(self, claim: Claim) -> tuple[bool, bool, int]:
        """Return the sort key among equally strong claims, such as to copies on other branches or after a revert.

        The first copy on HEAD comes first, and cherry-picks come after it.
        """
        name = claim.answer.hash or ""
        is_pick = PICKED.search(self.lineage.living[name].message) is not None
        return name not in self.lineage.on_head, is_pick, self.lineage.position[name]

    def has_unique_date(self, dead: str) -> bool:
        """Return whether the author and date identify a dead commit."""
        return self.lineage.is_unique(dead, ("author", author_of(self.lineage.dead[dead])))

    def has_unique_subject(self, dead: str) -> bool:
        """Return whether the subject identifies a dead commit."""
        subject = self.lineage.dead[dead].subject
        return bool(subject) and self.lineage.is_unique(dead, ("subject", subject))

    def _find_limit(self, dead: str, claims: Mapping[str, list[Claim]]) -> float:
        """Return the highest possible confidence, which is lower if it is unclear which of several claims is right.

        It is clear if as many related dead commits make the same claims, or if only this one does and one of the
        living commits is on HEAD.
        """
        tied = _find_strongest(claims[dead])
        if len(tied) <= 1:
            return 1.0
        names = {claim.answer.hash for claim in tied}
        peers = 1 + sum(
            self.lineage.are_related(name, dead) and {claim.answer.hash for claim in _find_strongest(others)} == names
            for name, others in claims.items()
        )
        first, second = self._rank(tied[0]), self._rank(tied[1])
        is_clear = peers == len(tied) or (peers == 1 and (not first[0] or first[:2] != second[:2]))
        return 0.92 if is_clear else 0.8

    def compare_texts(self, dead: str, living: str) -> tuple[float, list[str]]:
        """Return how much the messages and authors of two commits add to a claim's strength, and the evidence."""
        old, new = self.lineage.dead[dead], self.lineage.living[living]
        strength, evidence = float(old.message == new.message), []
        if old.subject and old.subject == new.subject:
            strength += 2
            evidence.append("the same subject")
        if author_of(old) == author_of(new):
            strength += 3 if self.has_unique_date(dead) else 1
            evidence.append("the same author and date")
        return strength, evidence


def _find_strongest(claims: list[Claim]) -> list[Claim]:
    """Return the claims that are as strong as the first one."""
    return [claim for claim in claims if round(claim.strength, 2) == round(claims[0].strength, 2)]


def _limit_confidence(confidence: float, answer: Successor) -> Successor:
    return replace(answer, confidence=min(confidence, answer.confidence))


class SamePatch(_OneToOne):
    """Both commits make the same change: the same patch, or the same lines in another context or file."""

    def find_candidates(self, dead: str) -> list[str]:
        """Return the living commits that make the same change."""
        lineage = self.lineage
        keys = [key for key in lineage.find_keys(dead) if key[0] in ("patch", "lines", "bare")]
        size = lineage.patch(dead).size
        return [
            name for key in keys for name in lineage.living_by_key.get(key, ())
            if key[0] != "bare" or lineage.patch(name).size == size
        ]  # fmt: skip

    def build_claim(self, dead: str, living: str) -> Claim:
        """Return the claim of a dead commit to a living one that makes the same change."""
        before, after = self.lineage.patch(dead), self.lineage.patch(living)
        old, new = self.lineage.dead[dead], self.lineage.living[living]
        is_patch, is_moved = before.digest == after.digest, before.lines != after.lines
        strength, evidence = self.compare_texts(dead, living)
        same_date = author_of(old) == author_of(new)
        if (old.subject and old.subject == new.subject) or (same_date and self.has_unique_date(dead)):
            confidence = 0.99 if is_patch or not is_moved else 0.97
        elif is_patch or not is_moved:
            is_enough = before.size > _FEW_LINES or (before.size and same_date)
            confidence = 0.93 if is_enough else 0.86 if before.size else 0.0
        else:
            confidence = 0.7 if before.size > _FEW_LINES else 0.0
        what = "the same patch" if is_patch else "the same lines" + (" in another file" if is_moved else "")
        strength += 4 if is_patch else 2.5 if is_moved else 3.5
        method = "patch id" if is_patch else "changed lines"
        return Claim(strength, Successor(living, confidence, method, ", ".join((what, *evidence))))


class AuthorAndSubject(_OneToOne):
    """Both commits have the same subject, or the same author and date, and similar changes."""

    def find_candidates(self, dead: str) -> list[str]:
        """Return the living commits with its subject, the subject that it is a fixup of, or its author and date."""
        commit = self.lineage.dead[dead]
        keys = (("subject", commit.subject), ("subject", AUTOSQUASH.sub("", commit.subject)),
                ("author", author_of(commit)))  # fmt: skip
        return [name for key in keys for name in self.lineage.living_by_key.get(key, ())]

    def build_claim(self, dead: str, living: str) -> Claim:
        """Return the claim of a dead commit to a living one with the same subject, or author and date."""
        strength, evidence = self.compare_texts(dead, living)
        alike = similarity(self.lineage.patch(dead).lines, self.lineage.patch(living).lines)
        confidence = self._rate(dead, living, alike)
        if alike:
            evidence.insert(0, f"{percent(alike)} of the changed lines are the same")
        same_date = author_of(self.lineage.dead[dead]) == author_of(self.lineage.living[living])
        method = "author and date" if same_date else "message and lines"
        return Claim(strength + alike, Successor(living, confidence, method, ", ".join(evidence)))

    def _rate(self, dead: str, living: str, alike: float) -> float:
        """Return the confidence that a living commit has replaced a dead one, given the similarity of their changes."""
        old, new = self.lineage.dead[dead], self.lineage.living[living]
        before, after = self.lineage.patch(dead), self.lineage.patch(living)
        shares_file = self.lineage.share_file(dead, living)
        is_empty = before.is_empty and after.is_empty
        same_subject = bool(old.subject) and old.subject == new.subject
        same_date = author_of(old) == author_of(new)
        if same_subject and same_date and (self.has_unique_date(dead) or self.has_unique_subject(dead)):
            return 0.97 if alike >= _SOME or is_empty else 0.95 if shares_file else 0.91
        if same_subject and self.has_unique_subject(dead) and not is_short(old.subject):
            return 0.94 if alike >= _HALF else 0.85 if alike >= _SOME or is_empty else 0.7 if shares_file else 0.0
        if same_subject:
            return 0.85 if alike >= _HALF else 0.6 if alike >= _SOME else 0.0
        if same_date and self.has_unique_date(dead):
            held = max(alike, containment(before.lines, after.lines))
            return 0.93 if held >= _HALF else 0.85 if held >= _SOME else 0.7 if shares_file or is_empty else 0.0
        return 0.0
