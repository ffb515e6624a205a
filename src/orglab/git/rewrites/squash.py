"""Rules that find the squash commit that contains the changes of a dead commit."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from orglab.git.patches import MODULUS, Patch, Vector, containment
from orglab.git.rewrites.lineage import Lineage
from orglab.git.rewrites.successor import (
    APPLIED,
    AUTOSQUASH,
    SUGGESTED,
    Successor,
    body_lines,
    is_revert_of,
    lists_subject,
    predates,
)  # fmt: skip
from orglab.text import percent

_LONGEST_SEQUENCE = 80
_COMMON = 40
_FEW = 4
_NEAR = 3
_ROUNDS = 3
_LIKELY = 0.81
_TIE = 0.04
_MOST = 0.9
_HALF = 0.5
_SOME = 0.2
_MANY_LINES = 6


class SquashSum:
    """The net change of consecutive dead commits is equal to the change of a living one."""

    def __init__(self, lineage: Lineage) -> None:
        """Store the commits."""
        self._lineage = lineage

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the living commits that are equal to a sequence of dead ones; the shortest sequence counts."""
        shortest: dict[str, list[list[str]]] = {}
        for kind in (0, 1):
            living: dict[int, list[str]] = defaultdict(list)
            for name in self._lineage.living:
                living[self._lineage.signatures[name][kind]].append(name)
            for last in self._lineage.dead:
                for name, sequence in self._find_sequences(last, living, kind):
                    known = shortest.setdefault(name, [sequence])
                    if len(sequence) < len(known[0]):
                        shortest[name] = [sequence]
                    elif len(sequence) == len(known[0]):
                        known.append(sequence)
        found: dict[str, Successor] = {}
        for name, sequences in shortest.items():
            for sequence in sequences:
                why = f"it contains exactly the changes of {len(sequence)} commits"
                for commit in sequence:
                    if commit in dead:
                        found.setdefault(commit, Successor(name, 0.97, "branch diff", why))
        return found

    def _find_sequences(self, last: str, living: Mapping[int, list[str]], kind: int) -> Iterator[tuple[str, list[str]]]:
        """Yield living commits and the sequences of dead ones, up to `last`, with the same net change."""
        signatures = self._lineage.signatures
        total, sequence = signatures[last][kind], [last]
        if not total:
            return
        for earlier in islice(self._lineage.walk_ancestors(last), _LONGEST_SEQUENCE - 1):
            total = (total + signatures[earlier][kind]) % MODULUS
            sequence.append(earlier)
            if total and signatures[earlier][kind] and all(signatures[name][kind] != total for name in sequence):
                yield from (
                    (name, sequence[:]) for name in living.get(total, ()) if not self._lineage.is_ancestor(name, last)
                )


class SquashLines:
    """A living commit lists a dead one in its message, contains its lines, or has replaced its neighbours."""

    def __init__(self, lineage: Lineage, known: Mapping[str, Successor], wanted: Collection[str]) -> None:
        """Take the commits, their known successors, and the commits to look for, because comparing lines is slow."""
        self._lineage = lineage
        self._wanted = wanted
        self._certain: dict[str, str] = {}
        self._remainders: dict[str, Vector] = {}
        self._add({name: answer for name, answer in known.items() if name in lineage.dead})
        self._replaced_singly = defaultdict(list)
        for name, living in self._certain.items():
            if known[name].method != "branch diff":
                self._replaced_singly[living].append(name)
        self._by_line: dict[int, list[str]] = defaultdict(list)
        self._by_listed: dict[str, list[str]] = defaultdict(list)
        for name, commit in lineage.living.items():
            patch = lineage.patch(name)
            for key in (*patch.lines, *patch.excluded):
                self._by_line[key].append(name)
            for line in dict.fromkeys(body_lines(commit.message)):
                self._by_listed[line].append(name)

    def _add(self, answers: Mapping[str, Successor]) -> bool:
        """Add the certain successors, and return whether any of them is new."""
        before = len(self._certain)
        self._certain |= {
            name: answer.hash for name, answer in answers.items() if answer.hash and answer.confidence >= APPLIED
        }
        return len(self._certain) > before

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the living commits that contain dead ones; each round uses the successors found in the one before."""
        names = [name for name in self._lineage.dead if name in dead and name in self._wanted]
        found: dict[str, Successor] = {}
        for _ in range(_ROUNDS):
            remaining = [name for name in names if name not in found or found[name].confidence < APPLIED]
            answers = {name: answer for name in remaining if (answer := self._find_squash(name)) is not None}
            found |= answers | self._find_agreed(answers)
            if not self._add(found):
                break
        return found

    def _find_agreed(self, answers: Mapping[str, Successor]) -> dict[str, Successor]:
        """Return the answers that become certain because related commits lead to the same living one."""
        agreed = {}
        for dead, answer in answers.items():
            others = sum(
                found.hash == answer.hash and found.confidence > _LIKELY and self._lineage.are_related(other, dead)
                for other, found in answers.items()
            )
            if others and _LIKELY < answer.confidence < APPLIED:
                why = f"{answer.evidence}, as for {others} neighbouring commit{'' if others == 1 else 's'}"
                agreed[dead] = replace(answer, confidence=0.93, evidence=why)
        return agreed

    def _find_squash(self, dead: str) -> Successor | None:
        """Return the living commit that contains the changes of a dead one, or None."""
        commit = self._lineage.dead[dead]
        candidates = set(self._by_listed.get(AUTOSQUASH.sub("", commit.subject), ()))
        for key in self._lineage.patch(dead).lines:
            changing = self._by_line.get(key, ())
            if len(changing) <= _COMMON:
                candidates.update(changing)
        before = self._find_neighbours(self._lineage.walk_ancestors(dead))
        after = self._find_neighbours(self._lineage.walk_descendants(dead))
        candidates |= before | after
        answers = [
            self._rate(dead, name, is_before=name in before, is_after=name in after)
            for name in sorted(candidates, key=self._lineage.position.__getitem__)
            if self._may_contain(name, dead)
        ]
        answers = [answer for answer in answers if answer.confidence >= SUGGESTED]
        answers.sort(key=lambda answer: -answer.confidence)
        if len(answers) > 1 and answers[1].confidence > answers[0].confidence - _TIE:
            return replace(answers[0], confidence=min(0.8, answers[0].confidence))
        return answers[0] if answers else None

    def _find_neighbours(self, names: Iterator[str]) -> set[str]:
        """Return the certain successors of the nearest dead commits, not counting those without changes."""
        changing = (name for name in names if not self._lineage.patch(name).is_empty)
        return {self._certain[name] for name in islice(changing, _NEAR) if name in self._certain}

    def _may_contain(self, living: str, dead: str) -> bool:
        """Return whether a living commit can be a squash that contains a dead one."""
        lineage = self._lineage
        old, new = lineage.dead[dead], lineage.living[living]
        if lineage.is_ancestor(living, dead) or is_revert_of(new, old):
            return False
        # A squash has the author and date of its first commit.  If this one has replaced a later commit, it was only
        # changed to resolve a conflict without the dead one.
        is_later = any(
            lineage.are_related(other, dead) and lineage.position[other] > lineage.position[dead]
            for other in self._replaced_singly.get(living, ())
        )
        return not is_later or lists_subject(new, old.subject, may_be_short=True)

    def _find_remainder(self, dead: str) -> Vector:
        """Return the part of a commit's change that the commits around it did not change again."""
        if dead in self._remainders:
            return self._remainders[dead]
        lineage = self._lineage
        remainder = {**lineage.patch(dead).lines}
        for names, sign in ((lineage.walk_descendants(dead), -1), (lineage.walk_ancestors(dead), 1)):
            for name in islice(names, _LONGEST_SEQUENCE):
                for key, count in lineage.patch(name).lines.items():
                    # Later commits remove what it added; earlier ones added what it removes.
                    if key in remainder and remainder[key] * -sign > 0 and count * sign > 0:
                        remainder[key] += count if abs(count) < abs(remainder[key]) else -remainder[key]
        self._remainders[dead] = {key: count for key, count in remainder.items() if count}
        return self._remainders[dead]

    def _select_rare(self, patch: Patch, lines: Vector) -> Vector:
        """Return the lines that few commits change; common ones, such as blank lines or `return x`, say nothing."""
        return {
            key: count
            for key, count in lines.items()
            if key not in patch.trivial and len(self._by_line.get(key, ())) <= _FEW
        }

    def _measure_share(self, dead: str, living: str, *, is_near: bool, is_lenient: bool) -> tuple[float, int]:
        """Return the share of a dead commit's lines that a living one contains, and the number of its rare lines.

        With `is_lenient`, lines that neighbouring commits changed again may be missing.
        """
        before, after = self._lineage.patch(dead), self._lineage.patch(living)
        remainder = self._find_remainder(dead)
        lines, left = self._select_rare(before, before.lines), self._select_rare(before, remainder)
        size = sum(map(abs, lines.values()))
        if is_near and not lines:
            lines, left = before.lines, remainder
        whole = {**after.excluded, **after.lines}
        share = containment(lines, whole)
        return max(share, containment(left, whole)) if is_lenient else share, size

    def _rate(self, dead: str, living: str, *, is_before: bool, is_after: bool) -> Successor:
        """Return the confidence and the evidence that a living commit contains a dead one.

        Args:
            dead: The dead commit.
            living: The living commit.
            is_before: Whether the living commit has replaced one shortly before the dead one.
            is_after: Whether it has replaced one shortly after the dead one.
        """
        lineage = self._lineage
        old, new = lineage.dead[dead], lineage.living[living]
        is_near, is_between = is_before or is_after, is_before and is_after
        is_listed = lists_subject(new, old.subject, may_be_short=is_near)
        share, size = self._measure_share(dead, living, is_near=is_near, is_lenient=is_near or is_listed)
        names_step = bool(lineage.read_steps(dead) & lineage.read_steps(living))
        if is_listed:
            confidence = 0.96 if share >= _HALF else 0.93 if lineage.share_file(dead, living) else 0.8
        elif is_between and not self._find_remainder(dead):
            confidence = 0.93
        elif is_near:
            confidence = _rate_by_neighbours(share, size, is_between=is_between)
        else:
            confidence = _rate_by_lines(share, size, names_step=names_step)
        if predates(new, old):
            confidence = min(confidence, 0.7)
        neighbours = ("", "it replaced a neighbouring commit, too", "it replaced the commits before and after, too")
        evidence = (
            "its message lists the subject" if is_listed else "",
            f"it contains {percent(share)} of the changed lines" if share > 0 else "",
            neighbours[is_before + is_after],
            "both name the same step" if names_step else "",
        )
        method = "squash message" if is_listed else "changed lines"
        return Successor(living, confidence, method, ", ".join(filter(None, evidence)))


def _rate_by_neighbours(share: float, size: int, *, is_between: bool) -> float:
    """Return the confidence if the living commit has replaced a neighbour, by the share of lines that it contains."""
    if share >= _MOST:
        if not size:
            return 0.92 if is_between else 0.85
        return 0.95 if size > 1 else 0.92
    return 0.85 if share >= _HALF else 0.6 if share > _SOME else 0.0


def _rate_by_lines(share: float, size: int, *, names_step: bool) -> float:
    """Return the confidence by the share of lines that the living commit contains, and the step that both name."""
    if share >= _MOST and size:
        # Another commit may have made the same change later, so lines alone are never enough.
        return 0.92 if names_step and size > 1 else 0.88 if size >= _MANY_LINES else 0.82
    return 0.78 if names_step and share >= _HALF else 0.0
