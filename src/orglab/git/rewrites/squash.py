"""Rules that find the living commit that holds the change of a dead one among others, as a squash does."""

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

_LONGEST_RUN = 80
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
    """The net change of a run of dead commits is that of one living commit."""

    def __init__(self, lineage: Lineage) -> None:
        """Take the commits."""
        self._lineage = lineage

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the living commits that some dead ones together come to; the shortest run of them counts."""
        shortest: dict[str, list[list[str]]] = {}
        for kind in (0, 1):
            living: dict[int, list[str]] = defaultdict(list)
            for name in self._lineage.living:
                living[self._lineage.sums[name][kind]].append(name)
            for last in self._lineage.dead:
                for name, run in self._runs_to(last, living, kind):
                    known = shortest.setdefault(name, [run])
                    if len(run) < len(known[0]):
                        shortest[name] = [run]
                    elif len(run) == len(known[0]):
                        known.append(run)
        found: dict[str, Successor] = {}
        for name, runs in shortest.items():
            for run in runs:
                why = f"{len(run)} commits together change what it changes"
                for one in run:
                    if one in dead:
                        found.setdefault(one, Successor(name, 0.97, "branch diff", why))
        return found

    def _runs_to(self, last: str, living: Mapping[int, list[str]], kind: int) -> Iterator[tuple[str, list[str]]]:
        """Yield living commits, and the runs of two commits or more up to a dead one that come to the same."""
        sums = self._lineage.sums
        total, run = sums[last][kind], [last]
        if not total:
            return
        for earlier in islice(self._lineage.before(last), _LONGEST_RUN - 1):
            total = (total + sums[earlier][kind]) % MODULUS
            run.append(earlier)
            if total and sums[earlier][kind] and all(sums[one][kind] != total for one in run):
                yield from (
                    (name, run[:]) for name in living.get(total, ()) if not self._lineage.is_ancestor(name, last)
                )


class SquashLines:
    """A living commit lists a dead one in its message, holds its lines, or is what the commits beside it became."""

    def __init__(self, lineage: Lineage, known: Mapping[str, Successor], wanted: Collection[str]) -> None:
        """Take the commits, what is known of them, and those that are to be found: to look at lines costs time."""
        self._lineage = lineage
        self._wanted = wanted
        self._sure: dict[str, str] = {}
        self._lefts: dict[str, Vector] = {}
        self._add({name: answer for name, answer in known.items() if name in lineage.dead})
        self._is_one = defaultdict(list)
        for name, living in self._sure.items():
            if known[name].method != "branch diff":
                self._is_one[living].append(name)
        self._by_line: dict[int, list[str]] = defaultdict(list)
        self._by_listed: dict[str, list[str]] = defaultdict(list)
        for name, commit in lineage.living.items():
            patch = lineage.patch(name)
            for key in (*patch.lines, *patch.aside):
                self._by_line[key].append(name)
            for line in dict.fromkeys(body_lines(commit.message)):
                self._by_listed[line].append(name)

    def _add(self, answers: Mapping[str, Successor]) -> bool:
        """Learn what is sure, and return whether that is more than before."""
        before = len(self._sure)
        self._sure |= {
            name: answer.hash for name, answer in answers.items() if answer.hash and answer.confidence >= APPLIED
        }
        return len(self._sure) > before

    def find(self, dead: Collection[str]) -> dict[str, Successor]:
        """Return the living commits that hold dead ones; what is found of one tells of those beside it."""
        names = [name for name in self._lineage.dead if name in dead and name in self._wanted]
        found: dict[str, Successor] = {}
        for _ in range(_ROUNDS):
            left = [name for name in names if name not in found or found[name].confidence < APPLIED]
            answers = {name: answer for name in left if (answer := self._find_holder(name)) is not None}
            found |= answers | self._agreed(answers)
            if not self._add(found):
                break
        return found

    def _agreed(self, answers: Mapping[str, Successor]) -> dict[str, Successor]:
        """Return answers that are sure because commits of one line lead to the same living one."""
        agreed = {}
        for dead, answer in answers.items():
            others = sum(
                found.hash == answer.hash and found.confidence > _LIKELY and self._lineage.are_related(other, dead)
                for other, found in answers.items()
            )
            if others and _LIKELY < answer.confidence < APPLIED:
                why = f"{answer.evidence}, and so it does of {others} more that stood beside it"
                agreed[dead] = replace(answer, confidence=0.93, evidence=why)
        return agreed

    def _find_holder(self, dead: str) -> Successor | None:
        """Return the living commit that holds the change of a dead one among others, or None."""
        commit = self._lineage.dead[dead]
        candidates = set(self._by_listed.get(AUTOSQUASH.sub("", commit.subject), ()))
        for key in self._lineage.patch(dead).lines:
            holders = self._by_line.get(key, ())
            if len(holders) <= _COMMON:
                candidates.update(holders)
        before, after = self._beside(self._lineage.before(dead)), self._beside(self._lineage.after(dead))
        candidates |= before | after
        answers = [
            self._weigh(dead, name, is_before=name in before, is_after=name in after)
            for name in sorted(candidates, key=self._lineage.place.__getitem__)
            if self._may_hold(name, dead)
        ]
        answers = sorted((one for one in answers if one.confidence >= SUGGESTED), key=lambda one: -one.confidence)
        if len(answers) > 1 and answers[1].confidence > answers[0].confidence - _TIE:
            return replace(answers[0], confidence=min(0.8, answers[0].confidence))
        return answers[0] if answers else None

    def _beside(self, names: Iterator[str]) -> set[str]:
        """Return what the nearest of some dead commits surely became; those that change nothing do not count."""
        work = (name for name in names if not self._lineage.patch(name).is_empty)
        return {self._sure[name] for name in islice(work, _NEAR) if name in self._sure}

    def _may_hold(self, living: str, dead: str) -> bool:
        """Return whether a living commit can be a squash that holds a dead one."""
        lineage = self._lineage
        old, new = lineage.dead[dead], lineage.living[living]
        if lineage.is_ancestor(living, dead) or is_revert_of(new, old):
            return False
        # A squash has the author and date of the first that it holds.  What is another that came later was at most
        # mended, in a conflict, so that it does without this one.
        is_later = any(
            lineage.are_related(other, dead) and lineage.place[other] > lineage.place[dead]
            for other in self._is_one.get(living, ())
        )
        return not is_later or lists_subject(new, old.subject, may_be_short=True)

    def _left(self, dead: str) -> Vector:
        """Return what is left of a commit's change in the net change of its line: what was changed again is not."""
        if dead in self._lefts:
            return self._lefts[dead]
        lineage = self._lineage
        left = {**lineage.patch(dead).lines}
        for names, sign in ((lineage.after(dead), -1), (lineage.before(dead), 1)):
            for name in islice(names, _LONGEST_RUN):
                for key, count in lineage.patch(name).lines.items():
                    # Later ones take away what it added, earlier ones added what it takes away.
                    if key in left and left[key] * -sign > 0 and count * sign > 0:
                        left[key] += count if abs(count) < abs(left[key]) else -left[key]
        self._lefts[dead] = {key: count for key, count in left.items() if count}
        return self._lefts[dead]

    def _rare(self, patch: Patch, lines: Vector) -> Vector:
        """Return those of a patch's lines that few commits change: a blank line, or `return x`, says nothing."""
        return {
            key: count
            for key, count in lines.items()
            if key not in patch.trivial and len(self._by_line.get(key, ())) <= _FEW
        }

    def _share(self, dead: str, living: str, *, is_near: bool, is_lenient: bool) -> tuple[float, int]:
        """Return how much of a dead commit's change a living one holds, and how many lines that say something it has.

        Where it is likely that it came along, what a later one changed again need not be there.
        """
        before, after = self._lineage.patch(dead), self._lineage.patch(living)
        lines, left = self._rare(before, before.lines), self._rare(before, self._left(dead))
        size = sum(map(abs, lines.values()))
        if is_near and not lines:
            lines, left = before.lines, self._left(dead)
        whole = {**after.aside, **after.lines}
        share = containment(lines, whole)
        return max(share, containment(left, whole)) if is_lenient else share, size

    def _weigh(self, dead: str, living: str, *, is_before: bool, is_after: bool) -> Successor:
        """Return what speaks for a living commit holding a dead one.

        Args:
            dead: The one.
            living: The other.
            is_before: Whether a commit shortly before the dead one surely became the living one.
            is_after: The same of one shortly after.
        """
        lineage = self._lineage
        old, new = lineage.dead[dead], lineage.living[living]
        is_near, is_between = is_before or is_after, is_before and is_after
        is_listed = lists_subject(new, old.subject, may_be_short=is_near)
        share, size = self._share(dead, living, is_near=is_near, is_lenient=is_near or is_listed)
        names_step = bool(lineage.steps(dead) & lineage.steps(living))
        if is_listed:
            sure = 0.96 if share >= _HALF else 0.93 if lineage.share_path(dead, living) else 0.8
        elif is_between and not self._left(dead):
            sure = 0.93
        elif is_near:
            sure = _by_neighbours(share, size, is_between=is_between)
        else:
            sure = _by_lines(share, size, names_step=names_step)
        if predates(new, old):
            sure = min(sure, 0.7)
        beside = ("", "a commit beside it became the same one", "the commits around it became the same one")
        words = (
            "its message lists it" if is_listed else "",
            f"it holds {percent(share)} of its lines" if share > 0 else "",
            beside[is_before + is_after],
            "both name the same step" if names_step else "",
        )
        return Successor(
            living, sure, "squash message" if is_listed else "changed lines", ", ".join(filter(None, words))
        )


def _by_neighbours(share: float, size: int, *, is_between: bool) -> float:
    """Return how sure it is where a commit beside it became the same, by the share of its lines that is held."""
    if share >= _MOST:
        if not size:
            return 0.92 if is_between else 0.85
        return 0.95 if size > 1 else 0.92
    return 0.85 if share >= _HALF else 0.6 if share > _SOME else 0.0


def _by_lines(share: float, size: int, *, names_step: bool) -> float:
    """Return how sure it is by the share of its lines that is held, and the step that both name."""
    if share >= _MOST and size:
        # Another may have made the same change later, so lines alone are never enough.
        return 0.92 if names_step and size > 1 else 0.88 if size >= _MANY_LINES else 0.82
    return 0.78 if names_step and share >= _HALF else 0.0
