"""Which living commit a dead one became: by what both change, say and were written.

All here is computing: git was asked before.  Who became whom is settled among all dead commits at once, those too that
the log does not record: what is already known to be another cannot be the one that is looked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from orglab.git.commit import Commit
from orglab.git.patches import MODULUS, Patch, Vector, signature
from orglab.git.rewrites.traces import (
    APPLIED,
    AUTOSQUASH,
    PICKED,
    UNDOES,
    Alike,
    Holding,
    Successor,
    author_of,
    body_lines,
    inside,
    is_short,
    likeness,
    lists,
    without,
)

_LONGEST_RUN = 80
_COMMON = 40
_FEW = 4
_NEAR = 3
_ROUNDS = 3
_LIKELY = 0.81


@dataclass(frozen=True, slots=True)
class _Claim:
    """A dead commit's claim that a living one is it, or holds it.

    Attributes:
        living: The full hash.
        rank: What is alike, weighed: of two claims of commits that stood side by side, the higher is right.
        answer: What it comes to.
    """

    living: str
    rank: float
    answer: Successor


class History:
    """Dead and living commits, with what they change.

    Attributes:
        dead: Commits that no branch reaches, parents before children.
        living: Those that may have taken their place, parents before children.
        patches: What they change, by hash; a commit without is one that changes nothing of interest.
        on_head: The hashes of those that HEAD reaches.
    """

    def __init__(
        self, dead: Sequence[Commit], living: Sequence[Commit], patches: Mapping[str, Patch], on_head: frozenset[str]
    ) -> None:
        """Take commits; parents outside of both are older than all."""
        self.dead = {commit.hash: commit for commit in dead}
        self.living = {commit.hash: commit for commit in living}
        self.patches = patches
        self.on_head = on_head
        self.place = {name: number for number, name in enumerate((*self.dead, *self.living))}
        self._nothing = Patch()

    def patch(self, name: str) -> Patch:
        """Return what a commit changes."""
        return self.patches.get(name, self._nothing)

    @cached_property
    def _boundary(self) -> dict[str, int]:
        """A bit for each living commit that a dead one was made on."""
        parents = (parent for commit in self.dead.values() for parent in commit.parents if parent in self.living)
        return {name: 1 << number for number, name in enumerate(dict.fromkeys(parents))}

    @cached_property
    def _made_on(self) -> dict[str, int]:
        """The bits of the living commits that each dead one comes from."""
        found: dict[str, int] = {}
        for name, commit in self.dead.items():
            found[name] = 0
            for parent in commit.parents:
                found[name] |= found.get(parent, 0) | self._boundary.get(parent, 0)
        return found

    @cached_property
    def _below(self) -> dict[str, int]:
        """The bits of the boundary that each living commit is, or is an ancestor of."""
        found = dict.fromkeys(self.living, 0)
        for name in reversed(self.living):
            found[name] |= self._boundary.get(name, 0)
            for parent in self.living[name].parents:
                if parent in found:
                    found[parent] |= found[name]
        return found

    def is_ancestor(self, living: str, dead: str) -> bool:
        """Return whether a dead commit was made on a living one, which so cannot be what became of it."""
        return bool(self._below[living] & self._made_on[dead])

    @cached_property
    def _line(self) -> dict[str, int]:
        """The bits of each dead commit and its dead ancestors."""
        found: dict[str, int] = {}
        for number, (name, commit) in enumerate(self.dead.items()):
            found[name] = 1 << number
            for parent in commit.parents:
                found[name] |= found.get(parent, 0)
        return found

    def are_related(self, one: str, other: str) -> bool:
        """Return whether two different dead commits stood in one history, so that they are not versions of one."""
        return one != other and bool(
            self._line[one] >> self.place[other] & 1 or self._line[other] >> self.place[one] & 1
        )

    @cached_property
    def child(self) -> dict[str, str]:
        """The last dead commit that was made on each dead one."""
        return {commit.parents[0]: name for name, commit in self.dead.items() if commit.parents}

    def before(self, name: str) -> Iterator[str]:
        """Yield the dead commits that a dead one was made on, nearest first, by first parents."""
        parents = self.dead[name].parents
        while parents and parents[0] in self.dead:
            yield parents[0]
            parents = self.dead[parents[0]].parents

    def after(self, name: str) -> Iterator[str]:
        """Yield the dead commits that were made on a dead one, nearest first."""
        following = self.child.get(name)
        while following is not None:
            yield following
            following = self.child.get(following)


class Succession:
    """Finds what became of the dead commits of a history."""

    def __init__(self, history: History, known: Mapping[str, Successor] | None = None) -> None:
        """Take a history, and what git told of some of its dead commits."""
        self.history = history
        self.known = dict(known or {})
        self.refs: dict[str, frozenset[str]] = {}
        self._lines: dict[str, tuple[frozenset[str], frozenset[tuple[str, str, int]]]] = {}
        self._index()

    def _index(self) -> None:
        """Index the living commits by all that they may share with a dead one."""
        self.by_digest: dict[int, list[str]] = defaultdict(list)
        self.by_lines: dict[int, list[str]] = defaultdict(list)
        self.by_all: dict[int, list[str]] = defaultdict(list)
        self.by_bare: dict[int, list[str]] = defaultdict(list)
        self.by_subject: dict[str, list[str]] = defaultdict(list)
        self.by_author: dict[tuple[str, str, int], list[str]] = defaultdict(list)
        self.by_line: dict[int, list[str]] = defaultdict(list)
        self.by_pick: dict[str, list[str]] = defaultdict(list)
        self.sums: dict[str, tuple[int, int]] = {}
        for name, commit in (*self.history.living.items(), *self.history.dead.items()):
            patch = self.history.patch(name)
            lines = signature(patch.lines)
            self.sums[name] = lines, (lines + signature(patch.aside)) % MODULUS
            if name in self.history.dead:
                continue
            self.by_subject[commit.subject].append(name)
            self.by_author[author_of(commit)].append(name)
            for picked in PICKED.findall(commit.message):
                self.by_pick[picked].append(name)
            if not patch.is_empty:
                self.by_digest[patch.digest].append(name)
                self.by_lines[lines].append(name)
                self.by_all[self.sums[name][1]].append(name)
                self.by_bare[patch.bare].append(name)
                for key in patch.lines:
                    self.by_line[key].append(name)
                for key in patch.aside:
                    self.by_line[key].append(name)

    @cached_property
    def dead_by(self) -> tuple[dict[str, list[str]], dict[tuple[str, str, int], list[str]]]:
        """The dead commits by subject, and by author and date."""
        subjects: dict[str, list[str]] = defaultdict(list)
        authors: dict[tuple[str, str, int], list[str]] = defaultdict(list)
        for name, commit in self.history.dead.items():
            subjects[commit.subject].append(name)
            authors[author_of(commit)].append(name)
        return subjects, authors

    # What a dead commit and a living one share

    def is_own(self, dead: str, key: object, peers: Iterable[str], living: Sequence[str]) -> bool:
        """Return whether what a dead commit shares with living ones is its own: no other beside it has the same."""
        history = self.history
        if any(history.are_related(dead, peer) for peer in peers):
            return False
        others = [name for name in living if not history.is_ancestor(name, dead)]
        subjects = {history.living[name].subject for name in others}
        lines = {self.sums[name][0] for name in others}
        return key is not None and (len(others) <= 1 or len(subjects) == 1 or len(lines) == 1)

    def _claims(self, dead: str) -> list[_Claim]:
        """Return the claims of a dead commit to be the one that a living one is, the best first."""
        history = self.history
        commit, patch = history.dead[dead], history.patch(dead)
        candidates = dict.fromkeys((
            *self.by_subject.get(commit.subject, ()), *self.by_author.get(author_of(commit), ()),
            *self.by_pick.get(dead, ()), *self.by_subject.get(AUTOSQUASH.sub("", commit.subject), ()),
        ))  # fmt: skip
        if not patch.is_empty:
            lines = self.sums[dead][0]
            for found in (self.by_digest.get(patch.digest, ()), self.by_lines.get(lines, ()) if lines else ()):
                candidates |= dict.fromkeys(found)
            candidates |= dict.fromkeys(self.by_bare.get(patch.bare, ()) if patch.bare else ())
        subjects, authors = self.dead_by
        own_subject = self.is_own(dead, commit.subject or None, subjects[commit.subject],
                                  self.by_subject.get(commit.subject, ()))  # fmt: skip
        own_date = self.is_own(dead, 1, authors[author_of(commit)], self.by_author.get(author_of(commit), ()))
        claims = []
        for name in candidates:
            if not history.is_ancestor(name, dead):
                claim = self._claim(dead, name, own_subject=own_subject, own_date=own_date)
                if claim is not None:
                    claims.append(claim)
        return sorted(claims, key=lambda one: -one.rank)

    def _claim(self, dead: str, name: str, *, own_subject: bool, own_date: bool) -> _Claim | None:
        """Return the claim that a living commit is a dead one, or None."""
        history = self.history
        alike = Alike(
            history.dead[dead], history.living[name], history.patch(dead), history.patch(name), own_subject, own_date
        )
        answer = alike.weigh()
        return None if answer is None else _Claim(name, alike.rank(), answer)

    # Who is who

    @cached_property
    def identities(self) -> dict[str, Successor]:
        """What each dead commit became, as far as a living one is it: at most one of those that stood in one line."""
        claims = {dead: self._settle_ties(dead, found) for dead, found in self._all_claims.items()}
        held: dict[str, dict[str, _Claim]] = defaultdict(dict)
        waiting = list(claims)
        answers: dict[str, Successor] = dict(self.known)
        while waiting:
            dead = waiting.pop(0)
            answers.pop(dead, None) if dead not in self.known else None
            while claims[dead]:
                claim = claims[dead].pop(0)
                rivals = [one for one in held[claim.living] if self.history.are_related(one, dead)]
                if any(held[claim.living][one].rank >= claim.rank for one in rivals):
                    continue
                for one in rivals:
                    del held[claim.living][one]
                    answers.pop(one, None)
                    waiting.append(one)
                held[claim.living][dead] = claim
                answers[dead] = claim.answer
                break
        return answers

    @cached_property
    def _all_claims(self) -> dict[str, list[_Claim]]:
        return {dead: self._claims(dead) for dead in self.history.dead if dead not in self.known}

    def _settle_ties(self, dead: str, claims: list[_Claim]) -> list[_Claim]:
        """Return claims of which one is the best: of commits alike in all, the n-th became the n-th."""
        if len(claims) < 2 or claims[0].rank > claims[1].rank + 0.01:  # noqa: PLR2004 - two make a tie
            return list(claims)
        top = [claim for claim in claims if claim.rank > claims[0].rank - 0.01]
        names = {claim.living for claim in top}
        peers = [dead] + [
            other
            for other, found in self._all_claims.items()
            if self.history.are_related(other, dead)
            and found
            and {claim.living for claim in found if claim.rank > found[0].rank - 0.01} == names
        ]
        place = self.history.place.__getitem__
        top.sort(key=lambda claim: place(claim.living))
        if len(peers) == len(top):
            chosen, sure = top[sorted(peers, key=place).index(dead)], 0.93
        else:
            # The same commit stands on several branches, or again behind its revert: the first one on HEAD is meant,
            # and none that was picked from it.
            top.sort(key=lambda claim: (*self._standing(claim.living), -place(claim.living)))
            chosen = top[-1]
            is_clear = len(peers) == 1 and (
                chosen.living in self.history.on_head
                or sum(self._standing(chosen.living) == self._standing(claim.living) for claim in top) == 1
            )
            sure = 0.92 if is_clear else 0.8
        answer = replace(chosen.answer, confidence=min(sure, chosen.answer.confidence))
        # The others are no second choice: what they are alike in says nothing of them.
        return [replace(chosen, answer=answer)] + [claim for claim in claims if claim.living not in names]

    def _is_pick(self, living: str) -> bool:
        return bool(PICKED.search(self.history.living[living].message))

    def _standing(self, living: str) -> tuple[bool, bool]:
        """Return what makes one of several equal commits the one that is meant."""
        return living in self.history.on_head, not self._is_pick(living)

    # Squashes

    @cached_property
    def runs(self) -> dict[str, Successor]:
        """What each dead commit became, where the net change of a run of commits is that of one living commit."""
        shortest: dict[str, list[tuple[str, ...]]] = {}
        for index, kind in ((self.by_lines, 0), (self.by_all, 1)):
            for dead in self.history.dead:
                for name, run in self._runs_to(dead, index, kind):
                    known = shortest.get(name)
                    if known is None or len(run) < len(known[0]):
                        shortest[name] = [run]
                    elif len(run) == len(known[0]):
                        known.append(run)
        answers: dict[str, Successor] = {}
        for name, runs in shortest.items():
            for run in runs:
                for dead in run:
                    why = f"{len(run)} commits together change what it changes"
                    answers.setdefault(dead, Successor(name, 0.97, "branch diff", why))
        return answers

    def _runs_to(self, dead: str, index: Mapping[int, list[str]], kind: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield living commits, and the runs of two commits or more up to a dead one that come to the same."""
        history = self.history
        total = self.sums[dead][kind]
        if not total:
            return
        run = [dead]
        for earlier in history.before(dead):
            if len(run) >= _LONGEST_RUN:
                return
            total = (total + self.sums[earlier][kind]) % MODULUS
            run.append(earlier)
            if not total or not self.sums[earlier][kind]:
                continue
            for name in index.get(total, ()):
                alone = any(self.sums[one][kind] == total for one in run)
                if not alone and not history.is_ancestor(name, dead):
                    yield name, tuple(run)

    def expected(self, dead: str) -> Vector:
        """Return what is left of a commit's change in the net change of its line: what was changed again is not."""
        history = self.history
        left = {**history.patch(dead).lines}
        for names, sign in ((history.after(dead), -1), (history.before(dead), 1)):
            for number, name in enumerate(names):
                if number >= _LONGEST_RUN:
                    break
                for key, count in history.patch(name).lines.items():
                    # Later ones take away what it added, earlier ones added what it takes away.
                    if key in left and left[key] * -sign > 0 and count * sign > 0:
                        left[key] += count if abs(count) < abs(left[key]) else -left[key]
        return {key: count for key, count in left.items() if count}

    def remainder(self, living: str, dead: str) -> Vector:
        """Return what a living commit changes beyond what those commits change that became it, beside a dead one."""
        patch = self.history.patch(living)
        left = {**patch.aside, **patch.lines}
        for other in self.sources.get(living, ()):
            if other != dead and not self._is_version(other, dead):
                left = without(left, self.history.patch(other).lines)
        return left

    def _is_version(self, one: str, other: str) -> bool:
        """Return whether a dead commit may be another at a different time, or hold it, as one within a rebase does."""
        history = self.history
        if history.are_related(one, other):
            return False
        commit = history.dead[one]
        subjects, authors = self._line_of(other)
        if author_of(commit) in authors or commit.subject in subjects:
            return True
        return likeness(history.patch(one).lines, history.patch(other).lines) > 0.5  # noqa: PLR2004 - more than half

    def _line_of(self, dead: str) -> tuple[frozenset[str], frozenset[tuple[str, str, int]]]:
        """Return the subjects, and the authors and dates, of the dead commits that stood in one line with another."""
        if dead not in self._lines:
            dying = self.history.dead
            line = [dying[name] for name in dying if name == dead or self.history.are_related(name, dead)]
            subjects = frozenset(commit.subject for commit in line if not is_short(commit.subject))
            self._lines[dead] = subjects, frozenset(map(author_of, line))
        return self._lines[dead]

    @cached_property
    def sources(self) -> dict[str, list[str]]:
        """The dead commits that surely became each living one: are it, or together change what it changes."""
        found: dict[str, list[str]] = defaultdict(list)
        for dead, answer in (*self.identities.items(), *self.runs.items()):
            is_sure = answer.hash is not None and answer.confidence >= APPLIED
            if is_sure and dead in self.history.dead and dead not in found[answer.hash or ""]:
                found[answer.hash or ""].append(dead)
        return found

    def neighbours(self, dead: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return what the nearest commits before and after a dead one surely became."""
        found = []
        for names in (self.history.before(dead), self.history.after(dead)):
            near = set()
            work = (name for name in names if not self.history.patch(name).is_empty)
            for name in islice(work, _NEAR):
                answer = self.sure.get(name)
                if answer is not None and answer.hash is not None:
                    near.add(answer.hash)
            found.append(frozenset(near))
        return found[0], found[1]

    @cached_property
    def sure(self) -> dict[str, Successor]:
        """The sure answers of both ways; `answers` adds to them."""
        found = {dead: answer for dead, answer in self.runs.items() if answer.confidence >= APPLIED}
        return found | {dead: answer for dead, answer in self.identities.items() if answer.confidence >= APPLIED}

    def _held(self, dead: str) -> Successor | None:
        """Return the living commit that holds the change of a dead one among others, or None."""
        wanted = self.expected(dead)
        commit, patch = self.history.dead[dead], self.history.patch(dead)
        candidates: dict[str, None] = {}
        for key in (*patch.lines, *wanted):
            holders = self.by_line.get(key, ())
            if len(holders) <= _COMMON:
                candidates |= dict.fromkeys(holders)
        before, after = self.neighbours(dead)
        candidates |= dict.fromkeys((*before, *after))
        candidates |= dict.fromkeys(self._listing(commit.subject))
        answers = []
        for name in candidates:
            if not self._may_hold(name, dead):
                continue
            answer = self._holding(dead, name, wanted, (before, after)).weigh()
            if answer is not None:
                answers.append(answer)
        answers.sort(key=lambda one: -one.confidence)
        if len(answers) > 1 and answers[1].confidence > answers[0].confidence - 0.04:
            return replace(answers[0], confidence=min(0.8, answers[0].confidence))
        return answers[0] if answers else None

    def _may_hold(self, living: str, dead: str) -> bool:
        """Return whether a living commit can be a squash that holds a dead one."""
        history = self.history
        old, new = history.dead[dead], history.living[living]
        if history.is_ancestor(living, dead) or (UNDOES.match(new.subject) and not UNDOES.match(old.subject)):
            return False
        # A squash has the author and date of the first that it holds.  What is another that came later was at most
        # mended, in a conflict, so that it does without this one.
        is_later = any(
            history.are_related(other, dead) and history.place[other] > history.place[dead]
            for other in self.claimants.get(living, ())
        )
        return not is_later or lists(new, old.subject, may_be_short=True)

    @cached_property
    def claimants(self) -> dict[str, list[str]]:
        """The dead commits that surely are each living one."""
        found: dict[str, list[str]] = defaultdict(list)
        for dead, answer in self.identities.items():
            if answer.hash is not None and answer.confidence >= APPLIED and dead in self.history.dead:
                found[answer.hash].append(dead)
        return found

    def _holding(self, dead: str, name: str, wanted: Vector, near: tuple[frozenset[str], frozenset[str]]) -> Holding:
        """Return what speaks for a living commit holding a dead one, of whose change `wanted` is left."""
        old, new = self.history.dead[dead], self.history.living[name]
        patch = self.history.patch(dead)
        is_near = name in near[0] or name in near[1]
        whole, rest = self._rare(patch, patch.lines), self._rare(patch, wanted)
        size = sum(map(abs, whole.values()))
        if is_near and not whole:
            whole, rest = patch.lines, wanted
        left = self.remainder(name, dead)
        share = inside(whole, left)
        if is_near or lists(new, old.subject):
            # What a later one changed again need not be there, if it came along.
            share = max(share, inside(rest, left))
        return Holding(
            old, new, share, size, not wanted,
            shares_path=bool(patch.paths & self.history.patch(name).paths),
            is_before=name in near[0], is_after=name in near[1],
            names_step=bool(self.refs.get(dead, frozenset()) & self.refs.get(name, frozenset())),
        )  # fmt: skip

    def _rare(self, patch: Patch, vector: Vector) -> Vector:
        """Return the lines of a vector that few commits change: a blank line, or `return x`, says nothing."""
        return {
            key: count
            for key, count in vector.items()
            if key not in patch.trivial and len(self.by_line.get(key, ())) <= _FEW
        }

    def _listing(self, subject: str) -> list[str]:
        """Return the living commits whose messages hold a line that is the subject of another."""
        return self._mentions.get(AUTOSQUASH.sub("", subject), []) if subject else []

    @cached_property
    def _mentions(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, commit in self.history.living.items():
            for line in dict.fromkeys(body_lines(commit.message)):
                found[line].append(name)
        return found

    def answers(self, wanted: Iterable[str]) -> dict[str, Successor]:
        """Return what became of dead commits; what is found of one tells of those beside it."""
        found = {dead: self._known_of(dead) for dead in wanted}
        for _ in range(_ROUNDS):
            more: dict[str, Successor] = {}
            for dead, best in found.items():
                if best is None or best.confidence < APPLIED:
                    held = self._held(dead)
                    if held is not None and (best is None or held.confidence > best.confidence):
                        more[dead] = held
            more |= self._agreed(more)
            found |= more
            new = {dead: answer for dead, answer in more.items() if answer.confidence >= APPLIED}
            if not new.keys() - self.sure.keys():
                break
            self.sure |= new
        nothing = Successor(
            None, 0.9, "dropped", "no living commit has its change, its message, or its author and date"
        )
        return {dead: best or nothing for dead, best in found.items()}

    def _agreed(self, answers: Mapping[str, Successor]) -> dict[str, Successor]:
        """Return answers that are sure because commits of one line lead to the same living one."""
        agreed = {}
        for dead, answer in answers.items():
            others = [
                other
                for other, found in answers.items()
                if found.hash == answer.hash and found.confidence > _LIKELY and self.history.are_related(other, dead)
            ]
            if others and _LIKELY < answer.confidence < APPLIED:
                why = f"{answer.evidence}, and so it does of {len(others)} more that stood beside it"
                agreed[dead] = replace(answer, confidence=0.93, evidence=why)
        return agreed

    def _known_of(self, dead: str) -> Successor | None:
        """Return what is known of a dead commit without looking at single lines."""
        found = [self.identities.get(dead), self.runs.get(dead)]
        if dead in self.known and found[0] is not None:
            return found[0]
        return max((one for one in found if one is not None), key=lambda one: one.confidence, default=None)
