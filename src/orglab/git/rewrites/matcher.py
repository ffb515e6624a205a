"""Finding the living commit that replaced a dead one, with an ordered list of rules; the first certain answer wins.

The rules use, in this order: the map of the post-rewrite hook, the reflogs, the messages of `cherry-pick -x`, equal
patches, equal authors, dates or subjects, the sum of a squash, and the lines or the message of a squash.  Data is read
only when a rule needs it, so answers from the map are fast.

The rules match all dead commits together, including those that the log does not record: a living commit that is known
to have replaced one of them has not replaced another.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from orglab.errors import GitError
from orglab.git.commit import Commit, read_commits
from orglab.git.patches import Patch, read_patches
from orglab.git.reachability import Reachability, find_commits, find_unreachable
from orglab.git.repository import Repository
from orglab.git.rewrites.lineage import Lineage
from orglab.git.rewrites.rewrite_map import Reflogs, Rewrite, read_reflogs, read_rewrites
from orglab.git.rewrites.rules import AuthorAndSubject, CherryPick, ReportedRewrite, Rule, SamePatch
from orglab.git.rewrites.squash import SquashLines, SquashSum
from orglab.git.rewrites.successor import APPLIED, Successor

_MOST_SEEN = 5000
_FEW_DEAD = 2000
_DROPPED = Successor(None, 0.9, "dropped", "no reachable commit has its changes, its message, or its author and date")
_GONE = Successor(None, 0.0, "gone", "neither git nor the log names a commit that replaced it")


class RewriteMatcher:
    """Finds the successors of commits that no branch reaches; it does not notice later changes of the repository."""

    def __init__(
        self, repository: Repository, reachability: Reachability, excluded: AbstractSet[bytes], letter: str
    ) -> None:
        """Store the arguments; nothing is read.

        Args:
            repository: The repository.
            reachability: The reachability of its recorded commits.
            excluded: Files to leave out of patches, such as the log.
            letter: The letter of references.
        """
        self._repository = repository
        self._reachability = reachability
        self._excluded = excluded
        self._letter = letter
        self._lineage: Lineage | None = None
        self._found: dict[str, Successor] = {}

    def find(self, wanted: Collection[str]) -> dict[str, Successor]:
        """Return the successors of commits.

        Args:
            wanted: Full hashes of commits that exist, and hashes of any length of those that do not.
        """
        for rule in self._build_rules(wanted):
            names = {*wanted, *(self._lineage.dead if self._lineage else ())}
            for name, answer in rule.find({name for name in names if not self._is_certain(name)}).items():
                if name not in self._found or answer.confidence > self._found[name].confidence:
                    self._found[name] = answer
            if all(map(self._is_certain, wanted)):
                break
        existing = self._lineage.dead if self._lineage else ()
        return {name: self._found.get(name, _DROPPED if name in existing else _GONE) for name in wanted}

    def _is_certain(self, name: str) -> bool:
        return name in self._found and self._found[name].confidence >= APPLIED

    def _build_rules(self, wanted: Collection[str]) -> Iterator[Rule]:
        """Yield the rules in order, and read the data of each rule just before it."""
        rewrites = read_rewrites(self._repository, wanted)
        if rewrites:
            yield ReportedRewrite(rewrites, self._find_alive({new for _, new in rewrites}), "rewrite map", 0.99)
        reflogs = read_reflogs(self._repository)
        lineage = self._lineage = self._read_lineage(wanted, rewrites, reflogs)
        yield ReportedRewrite([*_find_amended(reflogs, lineage), *rewrites], lineage.living, "reflog", 0.96)
        yield CherryPick(self._read_picks(wanted, lineage), lineage.on_head)
        if all(self._is_certain(name) or name not in lineage.dead for name in wanted):
            return
        lineage.patches = self._read_patches(lineage.dead.values()) | self._read_patches(lineage.living.values())
        yield SamePatch(lineage, self._found)
        yield AuthorAndSubject(lineage, self._found)
        yield SquashSum(lineage)
        yield SquashLines(lineage, self._found, wanted)

    def _find_alive(self, hashes: Collection[str]) -> AbstractSet[str]:
        """Return the commits that a tip reaches."""
        existing = set(find_commits(self._repository, sorted(hashes)).values())
        return (
            existing - find_unreachable(self._repository, existing, self._reachability.tips) if existing else existing
        )

    # Reading

    def _read_lineage(self, wanted: Collection[str], rewrites: Sequence[Rewrite], reflogs: Reflogs) -> Lineage:
        """Read the dead commits, and the living ones that are not older than all of them."""
        dead = self._read_dead(wanted, rewrites, reflogs)
        revisions = _revision_lines(self._reachability.tips, self._find_base(dead))
        living = list(read_commits(self._repository, "--topo-order", "--reverse", "--stdin", stdin=revisions))
        return Lineage(dead, living, self._reachability.head, self._letter)

    def _read_dead(self, wanted: Collection[str], rewrites: Sequence[Rewrite], reflogs: Reflogs) -> list[Commit]:
        """Read the wanted commits that exist, and all dead commits of the same histories."""
        anchors = self._reachability.dead & frozenset(wanted)
        known = {name for pair in rewrites for name in pair}
        further = {*reflogs.seen[-_MOST_SEEN:], *self._reachability.kept, *known}
        existing = find_commits(self._repository, sorted(further - anchors)).values()
        revisions = _revision_lines(sorted({*anchors, *existing}), self._reachability.tips)
        try:
            commits = list(read_commits(self._repository, "--topo-order", "--reverse", "--stdin", stdin=revisions))
        except GitError:
            # Ancestors of them are gone, so read only the commits themselves.
            revisions = _revision_lines(sorted(anchors), ())
            commits = list(read_commits(self._repository, "--no-walk=unsorted", "--stdin", stdin=revisions))
        return commits if len(commits) <= _FEW_DEAD else _find_related(commits, anchors | known)

    def _find_base(self, commits: Sequence[Commit]) -> list[str]:
        """Return a living commit that is an ancestor of all dead ones, if there is one."""
        dead = {commit.hash for commit in commits}
        parents = {parent for commit in commits for parent in commit.parents if parent not in dead}
        if not parents or any(not commit.parents for commit in commits):
            return []
        found = self._repository.read("merge-base", "--octopus", "--end-of-options", *sorted(parents))
        return (found or b"").decode().split()[:1]

    def _read_picks(self, wanted: Collection[str], lineage: Lineage) -> Iterable[Commit]:
        """Return the living commits that may be cherry-picks; older ones, too, if a wanted commit is gone."""
        if self._reachability.dead.issuperset(wanted):
            return lineage.living.values()
        revisions = _revision_lines(self._reachability.tips, ())
        options = ("--reverse", "--fixed-strings", "--grep=(cherry picked from commit ", "--stdin")
        return read_commits(self._repository, *options, stdin=revisions)

    def _read_patches(self, commits: Iterable[Commit]) -> dict[str, Patch]:
        try:
            return read_patches(self._repository, commits, self._excluded)
        except GitError:
            return {}  # a tree is gone, so only messages, authors and dates can be compared


def _find_amended(reflogs: Reflogs, lineage: Lineage) -> list[Rewrite]:
    """Return the amended commits of the reflogs; old and new commit of an amend have the same first parent."""
    amended = []
    for old, new in reflogs.amended:
        before, after = lineage.dead.get(old), lineage.living.get(new) or lineage.dead.get(new)
        if before is not None and after is not None and old != new and after.parents[:1] == before.parents[:1]:
            amended.append((old, new))
    return amended


def _revision_lines(included: Iterable[str], excluded: Iterable[str]) -> bytes:
    return "".join([f"{name}\n" for name in included] + [f"^{name}\n" for name in excluded]).encode()


def _find_related(commits: Sequence[Commit], anchors: Collection[str]) -> list[Commit]:
    """Return the commits, given parents first, that are ancestors or descendants of the anchors."""
    related = set(anchors)
    for commit in commits:
        if not related.isdisjoint(commit.parents):
            related.add(commit.hash)
    for commit in reversed(commits):
        if commit.hash in related:
            related.update(commit.parents)
    return [commit for commit in commits if commit.hash in related]
