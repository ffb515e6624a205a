"""The dead commits of a repository and the living ones that may have taken their place: who stood beside whom."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from orglab.git.commit import Commit
from orglab.git.patches import MODULUS, Patch, signature
from orglab.git.rewrites.successor import author_of
from orglab.reference import find_references

_NOTHING = Patch()


class Lineage:
    """Dead and living commits, with what they change.

    Attributes:
        dead: Commits that no branch reaches, by hash, parents before children.
        living: Those that may have taken their place, the same.
        patches: What they change, by hash; a commit without is one that changes nothing of interest.
        head: The commit that is checked out, or None.
        letter: What references to experiments begin with.
    """

    def __init__(self, dead: Sequence[Commit], living: Sequence[Commit], head: str | None, letter: str) -> None:
        """Take commits; parents outside of both are older than all."""
        self.dead = {commit.hash: commit for commit in dead}
        self.living = {commit.hash: commit for commit in living}
        self.patches: Mapping[str, Patch] = {}
        self.head = head
        self.letter = letter
        self._own: dict[tuple[str, tuple[str, object]], bool] = {}
        self._steps: dict[str, frozenset[tuple[str, int]]] = {}
        self.place = {name: number for number, name in enumerate((*self.dead, *self.living))}

    def patch(self, name: str) -> Patch:
        """Return what a commit changes."""
        return self.patches.get(name, _NOTHING)

    def share_path(self, dead: str, living: str) -> bool:
        """Return whether two commits change one file."""
        return not self.patch(dead).paths.isdisjoint(self.patch(living).paths)

    @cached_property
    def sums(self) -> dict[str, tuple[int, int]]:
        """The signatures of what each commit changes: without the files set aside, and with them."""
        found = {}
        for name in self.place:
            patch = self.patch(name)
            lines = signature(patch.lines)
            found[name] = lines, (lines + signature(patch.aside)) % MODULUS
        return found

    def keys(self, name: str) -> Iterator[tuple[str, object]]:
        """Yield all that a commit may share with another: patch, lines, subject, author and date."""
        commit, patch = self.dead.get(name) or self.living[name], self.patch(name)
        yield "author", author_of(commit)
        if commit.subject:
            yield "subject", commit.subject
        if not patch.is_empty:
            yield "patch", patch.digest
            if self.sums[name][0]:
                yield "lines", self.sums[name][0]
            if patch.bare:
                yield "bare", patch.bare

    @cached_property
    def living_with(self) -> dict[tuple[str, object], list[str]]:
        """The living commits by what they may share with a dead one."""
        return self._by_keys(self.living)

    @cached_property
    def dead_with(self) -> dict[tuple[str, object], list[str]]:
        """The dead commits by the same."""
        return self._by_keys(self.dead)

    def _by_keys(self, names: Mapping[str, Commit]) -> dict[tuple[str, object], list[str]]:
        found: dict[tuple[str, object], list[str]] = defaultdict(list)
        for name in names:
            for key in self.keys(name):
                found[key].append(name)
        return found

    def is_own(self, dead: str, key: tuple[str, object]) -> bool:
        """Return whether what a dead commit shares with living ones is its own: no other beside it has the same."""
        if (dead, key) not in self._own:
            self._own[dead, key] = self._has_own(dead, key)
        return self._own[dead, key]

    def _has_own(self, dead: str, key: tuple[str, object]) -> bool:
        if any(self.are_related(dead, peer) for peer in self.dead_with.get(key, ())):
            return False
        others = [name for name in self.living_with.get(key, ()) if not self.is_ancestor(name, dead)]
        return (
            len(others) <= 1
            or len({self.living[name].subject for name in others}) == 1
            or len({self.sums[name][0] for name in others}) == 1
        )

    def steps(self, name: str) -> frozenset[tuple[str, int]]:
        """Return the steps that a commit's message names."""
        if name not in self._steps:
            commit = self.dead.get(name) or self.living[name]
            found = find_references(commit.message.encode(), self.letter)
            self._steps[name] = frozenset((one.id, one.step) for _, one in found if one.step)
        return self._steps[name]

    @cached_property
    def on_head(self) -> frozenset[str]:
        """The living commits that HEAD reaches."""
        found: set[str] = set()
        waiting = [self.head or ""]
        while waiting:
            name = waiting.pop()
            if name in self.living and name not in found:
                found.add(name)
                waiting += self.living[name].parents
        return frozenset(found)

    # Who was made on whom: sets of commits are the bits of a number, for there may be thousands of sets of thousands

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

    def before(self, name: str) -> Iterator[str]:
        """Yield the dead commits that a dead one was made on, nearest first, by first parents."""
        parents = self.dead[name].parents
        while parents and parents[0] in self.dead:
            yield parents[0]
            parents = self.dead[parents[0]].parents

    @cached_property
    def _child(self) -> dict[str, str]:
        """The last dead commit that was made on each dead one."""
        return {commit.parents[0]: name for name, commit in self.dead.items() if commit.parents}

    def after(self, name: str) -> Iterator[str]:
        """Yield the dead commits that were made on a dead one, nearest first."""
        following = self._child.get(name)
        while following is not None:
            yield following
            following = self._child.get(following)
