"""The dead commits of a repository, the living ones that may have replaced them, and how they are related."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from orglab.git.commit import Commit
from orglab.git.message import read_references
from orglab.git.patches import MODULUS, Patch, signature
from orglab.git.rewrites.successor import author_of

_NOTHING = Patch()


class Lineage:
    """Dead and living commits, with their patches.

    Attributes:
        dead: Commits that no branch reaches, by full hash, parents before children.
        living: Commits that may have replaced them, in the same form.
        patches: Their patches, by full hash; a commit without a patch changes nothing.
        head: The commit that is checked out, or None.
        letter: The letter of references.
        position: The position of each commit in `dead` and then `living`, by full hash.
    """

    def __init__(self, dead: Sequence[Commit], living: Sequence[Commit], head: str | None, letter: str) -> None:
        """Take the commits; parents that are in neither list are older than all of them."""
        self.dead = {commit.hash: commit for commit in dead}
        self.living = {commit.hash: commit for commit in living}
        self.patches: Mapping[str, Patch] = {}
        self.head = head
        self.letter = letter
        self._unique: dict[tuple[str, tuple[str, object]], bool] = {}
        self._steps: dict[str, frozenset[tuple[str, int]]] = {}
        self.position = {name: number for number, name in enumerate((*self.dead, *self.living))}

    def patch(self, name: str) -> Patch:
        """Return the patch of a commit."""
        return self.patches.get(name, _NOTHING)

    def share_file(self, dead: str, living: str) -> bool:
        """Return whether two commits change the same file."""
        return not self.patch(dead).paths.isdisjoint(self.patch(living).paths)

    @cached_property
    def signatures(self) -> dict[str, tuple[int, int]]:
        """The signatures of each commit's changes, without and with the excluded files."""
        signatures = {}
        for name in self.position:
            patch = self.patch(name)
            lines = signature(patch.lines)
            signatures[name] = lines, (lines + signature(patch.excluded)) % MODULUS
        return signatures

    def find_keys(self, name: str) -> Iterator[tuple[str, object]]:
        """Yield the properties that two versions of a commit may share: author and date, subject, patch, lines."""
        commit, patch = self.dead.get(name) or self.living[name], self.patch(name)
        yield "author", author_of(commit)
        if commit.subject:
            yield "subject", commit.subject
        if not patch.is_empty:
            yield "patch", patch.digest
            if self.signatures[name][0]:
                yield "lines", self.signatures[name][0]
            if patch.bare:
                yield "bare", patch.bare

    @cached_property
    def living_by_key(self) -> dict[tuple[str, object], list[str]]:
        """The living commits by the properties that they may share with a dead one."""
        return self._group_by_key(self.living)

    @cached_property
    def dead_by_key(self) -> dict[tuple[str, object], list[str]]:
        """The dead commits by the same properties."""
        return self._group_by_key(self.dead)

    def _group_by_key(self, names: Mapping[str, Commit]) -> dict[tuple[str, object], list[str]]:
        groups: dict[tuple[str, object], list[str]] = defaultdict(list)
        for name in names:
            for key in self.find_keys(name):
                groups[key].append(name)
        return groups

    def is_unique(self, dead: str, key: tuple[str, object]) -> bool:
        """Return whether a property identifies a dead commit: no related one has it, nor two different living ones."""
        if (dead, key) not in self._unique:
            self._unique[dead, key] = self._check_unique(dead, key)
        return self._unique[dead, key]

    def _check_unique(self, dead: str, key: tuple[str, object]) -> bool:
        if any(self.are_related(dead, peer) for peer in self.dead_by_key.get(key, ())):
            return False
        others = [name for name in self.living_by_key.get(key, ()) if not self.is_ancestor(name, dead)]
        return (
            len(others) <= 1
            or len({self.living[name].subject for name in others}) == 1
            or len({self.signatures[name][0] for name in others}) == 1
        )

    def read_steps(self, name: str) -> frozenset[tuple[str, int]]:
        """Return the steps that a commit's message mentions."""
        if name not in self._steps:
            commit = self.dead.get(name) or self.living[name]
            references = read_references(commit.message.encode(), self.letter)
            self._steps[name] = frozenset((reference.id, reference.step) for reference in references if reference.step)
        return self._steps[name]

    @cached_property
    def on_head(self) -> frozenset[str]:
        """The living commits that HEAD reaches."""
        reached: set[str] = set()
        unvisited = [self.head or ""]
        while unvisited:
            name = unvisited.pop()
            if name in self.living and name not in reached:
                reached.add(name)
                unvisited += self.living[name].parents
        return frozenset(reached)

    # Ancestry.  Sets of commits are the bits of an int, because there may be thousands of sets of thousands of commits.

    @cached_property
    def _boundary(self) -> dict[str, int]:
        """A bit for each living commit that is a parent of a dead one."""
        parents = (parent for commit in self.dead.values() for parent in commit.parents if parent in self.living)
        return {name: 1 << number for number, name in enumerate(dict.fromkeys(parents))}

    @cached_property
    def _boundary_below(self) -> dict[str, int]:
        """The bits of the boundary commits that are ancestors of each dead one."""
        ancestors: dict[str, int] = {}
        for name, commit in self.dead.items():
            ancestors[name] = 0
            for parent in commit.parents:
                ancestors[name] |= ancestors.get(parent, 0) | self._boundary.get(parent, 0)
        return ancestors

    @cached_property
    def _boundary_above(self) -> dict[str, int]:
        """The bits of the boundary commits that are equal to or descend from each living one."""
        descendants = dict.fromkeys(self.living, 0)
        for name in reversed(self.living):
            descendants[name] |= self._boundary.get(name, 0)
            for parent in self.living[name].parents:
                if parent in descendants:
                    descendants[parent] |= descendants[name]
        return descendants

    def is_ancestor(self, living: str, dead: str) -> bool:
        """Return whether a living commit is an ancestor of a dead one, so that it cannot have replaced it."""
        return bool(self._boundary_above[living] & self._boundary_below[dead])

    @cached_property
    def _dead_ancestors(self) -> dict[str, int]:
        """The bits of each dead commit and its dead ancestors."""
        ancestors: dict[str, int] = {}
        for number, (name, commit) in enumerate(self.dead.items()):
            ancestors[name] = 1 << number
            for parent in commit.parents:
                ancestors[name] |= ancestors.get(parent, 0)
        return ancestors

    def are_related(self, first: str, second: str) -> bool:
        """Return whether one of two dead commits is an ancestor of the other, so that they are not versions of one."""
        return first != second and bool(
            self._dead_ancestors[first] >> self.position[second] & 1
            or self._dead_ancestors[second] >> self.position[first] & 1
        )

    def walk_ancestors(self, name: str) -> Iterator[str]:
        """Yield the dead ancestors of a dead commit along first parents, nearest first."""
        parents = self.dead[name].parents
        while parents and parents[0] in self.dead:
            yield parents[0]
            parents = self.dead[parents[0]].parents

    @cached_property
    def _child(self) -> dict[str, str]:
        """The last dead child of each commit, by first parents."""
        return {commit.parents[0]: name for name, commit in self.dead.items() if commit.parents}

    def walk_descendants(self, name: str) -> Iterator[str]:
        """Yield the dead descendants of a dead commit, nearest first."""
        child = self._child.get(name)
        while child is not None:
            yield child
            child = self._child.get(child)
