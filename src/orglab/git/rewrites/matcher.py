"""Which living commit a dead one became: an ordered list of rules, of which the first that is sure answers.

In this order: what git told the post-rewrite hook, what the reflogs tell, what `cherry-pick -x` wrote, the same patch,
the same author, date or subject, the sum of a squash, and the lines or the message of one. What costs reading is read
when a rule needs it, so that what the hook wrote is found in a moment.

The rules are asked of all dead commits together, those too that nobody recorded: what is already known to be another
cannot be the one that is looked for.
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
_DROPPED = Successor(None, 0.9, "dropped", "no living commit has its change, its message, or its author and date")
_GONE = Successor(None, 0.0, "gone", "nothing that git or the log says leads to another")


class RewriteMatcher:
    """Finds what became of commits that no branch reaches, at one moment of a repository."""

    def __init__(
        self, repository: Repository, reachability: Reachability, aside: AbstractSet[bytes], letter: str
    ) -> None:
        """Take what is to be asked.

        Args:
            repository: The repository.
            reachability: What of it lives.
            aside: Files that are no part of what a commit is about, such as the log.
            letter: What references to experiments begin with.
        """
        self._repository = repository
        self._reachability = reachability
        self._aside = aside
        self._letter = letter
        self._lineage: Lineage | None = None
        self._found: dict[str, Successor] = {}

    def find(self, wanted: Collection[str]) -> dict[str, Successor]:
        """Return what became of commits.

        Args:
            wanted: Full hashes of commits that are there, and hashes of any length of those that are gone.
        """
        for rule in self._rules(wanted):
            names = {*wanted, *(self._lineage.dead if self._lineage else ())}
            for name, answer in rule.find({name for name in names if not self._is_sure(name)}).items():
                if name not in self._found or answer.confidence > self._found[name].confidence:
                    self._found[name] = answer
            if all(map(self._is_sure, wanted)):
                break
        there = self._lineage.dead if self._lineage else ()
        return {name: self._found.get(name, _DROPPED if name in there else _GONE) for name in wanted}

    def _is_sure(self, name: str) -> bool:
        return name in self._found and self._found[name].confidence >= APPLIED

    def _rules(self, wanted: Collection[str]) -> Iterator[Rule]:
        """Yield the rules in their order; each that needs more than those before reads it first."""
        told = read_rewrites(self._repository, wanted)
        if told:
            yield ReportedRewrite(told, self._alive({new for _, new in told}), "rewrite map", 0.99)
        moves = read_reflogs(self._repository)
        lineage = self._lineage = self._read_lineage(wanted, told, moves)
        yield ReportedRewrite([*_amended(moves, lineage), *told], lineage.living, "reflog", 0.96)
        yield CherryPick(self._read_picks(wanted, lineage), lineage.on_head)
        if all(self._is_sure(name) or name not in lineage.dead for name in wanted):
            return
        lineage.patches = self._read_patches(lineage.dead.values()) | self._read_patches(lineage.living.values())
        yield SamePatch(lineage, self._found)
        yield AuthorAndSubject(lineage, self._found)
        yield SquashSum(lineage)
        yield SquashLines(lineage, self._found, wanted)

    def _alive(self, hashes: Collection[str]) -> AbstractSet[str]:
        """Return those of some commits that a tip reaches."""
        there = set(find_commits(self._repository, sorted(hashes)).values())
        return there - find_unreachable(self._repository, there, self._reachability.tips) if there else there

    # Reading

    def _read_lineage(self, wanted: Collection[str], told: Sequence[Rewrite], moves: Reflogs) -> Lineage:
        """Read the dead commits, and the living ones that are not older than all of them."""
        dead = self._read_dead(wanted, told, moves)
        asked = _lines(self._reachability.tips, self._base(dead))
        living = list(read_commits(self._repository, "--topo-order", "--reverse", "--stdin", stdin=asked))
        return Lineage(dead, living, self._reachability.head, self._letter)

    def _read_dead(self, wanted: Collection[str], told: Sequence[Rewrite], moves: Reflogs) -> list[Commit]:
        """Read those of the wanted commits that are there, and all dead ones that stood in a line with them."""
        anchors = self._reachability.dead & frozenset(wanted)
        known = {name for pair in told for name in pair}
        further = {*moves.seen[-_MOST_SEEN:], *self._reachability.kept, *known}
        there = find_commits(self._repository, sorted(further - anchors)).values()
        asked = _lines(sorted({*anchors, *there}), self._reachability.tips)
        try:
            commits = list(read_commits(self._repository, "--topo-order", "--reverse", "--stdin", stdin=asked))
        except GitError:
            # Their ancestors are gone: so they are read alone.
            asked = _lines(sorted(anchors), ())
            commits = list(read_commits(self._repository, "--no-walk=unsorted", "--stdin", stdin=asked))
        return commits if len(commits) <= _FEW_DEAD else _related(commits, anchors | known)

    def _base(self, commits: Sequence[Commit]) -> list[str]:
        """Return a living commit that all dead ones come from, if there is one."""
        dead = {commit.hash for commit in commits}
        parents = {parent for commit in commits for parent in commit.parents if parent not in dead}
        if not parents or any(not commit.parents for commit in commits):
            return []
        found = self._repository.read("merge-base", "--octopus", "--end-of-options", *sorted(parents))
        return (found or b"").decode().split()[:1]

    def _read_picks(self, wanted: Collection[str], lineage: Lineage) -> Iterable[Commit]:
        """Return the living commits that may say what they were picked from; for what is gone, however old they are."""
        if self._reachability.dead.issuperset(wanted):
            return lineage.living.values()
        asked = _lines(self._reachability.tips, ())
        options = ("--reverse", "--fixed-strings", "--grep=(cherry picked from commit ", "--stdin")
        return read_commits(self._repository, *options, stdin=asked)

    def _read_patches(self, commits: Iterable[Commit]) -> dict[str, Patch]:
        try:
            return read_patches(self._repository, commits, self._aside)
        except GitError:
            return {}  # a tree is gone: messages, authors and dates are left


def _amended(moves: Reflogs, lineage: Lineage) -> list[Rewrite]:
    """Return the pairs of the reflogs of which the second was made on the parent of the first, as an amend is."""
    found = []
    for old, new in moves.amended:
        before, after = lineage.dead.get(old), lineage.living.get(new) or lineage.dead.get(new)
        if before is not None and after is not None and old != new and after.parents[:1] == before.parents[:1]:
            found.append((old, new))
    return found


def _lines(wanted: Iterable[str], unwanted: Iterable[str]) -> bytes:
    return "".join([f"{name}\n" for name in wanted] + [f"^{name}\n" for name in unwanted]).encode()


def _related(commits: Sequence[Commit], anchors: Collection[str]) -> list[Commit]:
    """Return those of commits, parents before children, that some come from or that come from them."""
    wanted = set(anchors)
    for commit in commits:
        if not wanted.isdisjoint(commit.parents):
            wanted.add(commit.hash)
    for commit in reversed(commits):
        if commit.hash in wanted:
            wanted.update(commit.parents)
    return [commit for commit in commits if commit.hash in wanted]
