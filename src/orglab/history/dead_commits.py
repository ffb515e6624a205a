"""What became of the commits that a log records: git is asked, the answers are weighed, and said as diagnostics."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from orglab.config import Config
from orglab.errors import GitError
from orglab.experiment.check import Diagnostic, Moved
from orglab.experiment.recorded_commits import Place, find_places
from orglab.git import Repository
from orglab.git.commit import Commit, read_commits, read_named
from orglab.git.keep_refs import keep_also
from orglab.git.patches import Patch, read_patches
from orglab.git.reachability import Standing, find_commits, standing_of, unreachable
from orglab.git.rewrites.matcher import History, Succession
from orglab.git.rewrites.rewrite_map import Moves, Rewrite, read_moves, read_rewrites
from orglab.git.rewrites.traces import APPLIED, Successor
from orglab.org.document import Document
from orglab.reference import find_references

_MOST_SEEN = 5000
_LINKS = 50
_FEW_DEAD = 2000


class Resolver:
    """Says of recorded commits whether they live, and under which hash; what it once found it does not look for again.

    It stands for one moment of the repository.
    """

    def __init__(self, repository: Repository, log: Path, config: Config) -> None:
        """Take the repository, and the log that lies in it."""
        self.repository = repository
        self.log = log
        self.config = config
        self.shorts: dict[str, str] = {}
        self._answers: dict[str, Successor] = {}

    def diagnose(self, document: Document, file: str) -> list[Diagnostic]:
        """Return a diagnostic for each recorded commit that no branch reaches; those that are there are kept alive.

        Raises:
            GitError: git is not installed, or refuses.
        """
        places = list(find_places(document, self.config, file))
        if not places:
            return []
        names = dict.fromkeys(name for place in places for name in place.recorded)
        standing = standing_of(self.repository, names)
        if not standing.tips:
            return []
        self._keep(standing)
        dead = [place for place in places if not standing.is_alive(place.recorded.living)]
        self._answers |= self._told_by_log(places, standing)
        new = [place for place in dead if place.recorded.living not in self._answers]
        if new:
            self._answers |= self._resolve(new, standing)
        return [self._diagnostic(document, file, place) for place in dead if place.recorded.living in self._answers]

    def _told_by_log(self, places: Sequence[Place], standing: Standing) -> dict[str, Successor]:
        """Return what other lines of the log say: a clone that did not rewrite has no map, but the same log."""
        found: dict[str, Successor] = {}
        for place in places:
            original, living = place.recorded
            if original != living and original not in found and standing.is_alive(living):
                full = standing.full[living]
                self.shorts.setdefault(full, living)
                found[original] = Successor(full, 0.98, "log", "another line of the log says so")
        return found

    def _keep(self, standing: Standing) -> None:
        # Whoever may only read the repository may ask, too.
        with suppress(GitError):
            keep_also(self.repository, frozenset(standing.full.values()), standing.kept)

    def _diagnostic(self, document: Document, file: str, place: Place) -> Diagnostic:
        answer = self._answers[place.recorded.living]
        source = document.source
        where = file, source.line_number(place.begin), source.column(place.begin)
        name = place.recorded.living
        living = self.shorts.get(answer.hash or "", answer.hash)
        moved = Moved(name, living, answer.confidence, answer.method, answer.evidence)
        why = f"({answer.confidence:.2f}, {answer.method}: {answer.evidence})"
        if living is not None and answer.confidence >= APPLIED:
            return Diagnostic(*where, "moved-hash", f"{name} lives on as {living} {why}.", (place.edit(living),), moved)
        if living is not None:
            return Diagnostic(*where, "dead-hash", f"{name} is on no branch; perhaps it is {living} {why}.", (), moved)
        said = "is on no branch" if answer.method == "dropped" else "names no commit here"
        return Diagnostic(*where, "dead-hash", f"{name} {said}: {answer.evidence}.", (), moved)

    def _resolve(self, dead: Sequence[Place], standing: Standing) -> dict[str, Successor]:
        """Return what became of dead commits, by the hash that the log has of them."""
        search = _Search(self.repository, self._aside(), self.config.letter, dead, standing)
        answers = search.run()
        self.shorts |= search.shorts
        return answers

    def _aside(self) -> frozenset[bytes]:
        """Return the log and the journal as git names them: a commit is seldom about them."""
        top = self.repository.top.resolve()
        found = []
        for path in (self.log, self.log.parent / self.config.journal):
            try:
                found.append(os.fsencode(path.absolute().resolve().relative_to(top).as_posix()))
            except ValueError:
                continue
        return frozenset(found)


class _Search:
    """One search for what became of recorded commits."""

    def __init__(
        self, repository: Repository, aside: frozenset[bytes], letter: str, dead: Sequence[Place], standing: Standing
    ) -> None:
        self.repository = repository
        self.aside = aside
        self.letter = letter
        self.standing = standing
        self.places: dict[str, list[Place]] = defaultdict(list)
        for place in dead:
            self.places[place.recorded.living].append(place)
        self.shorts: dict[str, str] = {}

    def run(self) -> dict[str, Successor]:
        """Return the answers, by the hash that the log has."""
        answers: dict[str, Successor] = {}
        for name, places in self.places.items():
            original = places[0].recorded.original
            if self.standing.is_alive(original):
                answers[name] = Successor(
                    self.standing.full[original], 0.99, "reachable", "the hash that was recorded first is on a branch"
                )
        told = read_rewrites(self.repository, self._beginnings())
        if told:
            answers = self._by_map(told) | answers
        left = {name: places for name, places in self.places.items() if name not in answers}
        if not left:
            return answers
        moves = read_moves(self.repository)
        self._load_dead(told, moves)
        self._load_living()
        return answers | self._answer(left, self._follow(told, moves))

    def _by_map(self, told: Sequence[Rewrite]) -> dict[str, Successor]:
        """Return what the map alone tells, which is all that a hook asks for, and cheap."""
        following: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        for rewrite in told:
            following[rewrite.old].append((rewrite.new, True))
        there = set(find_commits(self.repository, sorted({rewrite.new for rewrite in told})).values())
        alive = there - unreachable(self.repository, there, self.standing.tips) if there else set()
        answers: dict[str, Successor] = {}
        for name in self.places:
            for old in [one for one in following if one.startswith(name)]:
                answer = self._last(old, following, alive)
                if answer is not None:
                    answers[name] = answer
        found = read_named(self.repository, tuple({answer.hash for answer in answers.values() if answer.hash}))
        self.shorts |= {name: commit.short for name, commit in found.items()}
        return answers

    def _beginnings(self) -> set[str]:
        """Return the hashes to look for in the map: full where they are known."""
        names = {name for places in self.places.values() for place in places for name in place.recorded}
        return {self.standing.full.get(name, name) for name in names}

    def _anchor(self, place: Place) -> str | None:
        """Return the full hash of a recorded commit that is still there, or None."""
        full = self.standing.full
        return full.get(place.recorded.living) or full.get(place.recorded.original)

    def _load_dead(self, told: Sequence[Rewrite], moves: Moves) -> None:
        """Read the recorded dead commits, and all dead ones that stood in a line with them."""
        anchors = {anchor for places in self.places.values() for place in places if (anchor := self._anchor(place))}
        further = {*moves.seen[-_MOST_SEEN:], *self.standing.kept, *(one for pair in told for one in pair[:2])}
        there = find_commits(self.repository, sorted(further - anchors)).values()
        asked = _lines(sorted({*anchors, *there}), self.standing.tips)
        try:
            commits = list(read_commits(self.repository, "--topo-order", "--reverse", "--stdin", stdin=asked))
        except GitError:
            # Their ancestors are gone: so they are read alone.
            asked = _lines(sorted(anchors), ())
            commits = list(read_commits(self.repository, "--no-walk=unsorted", "--stdin", stdin=asked))
        ends = anchors | {one for pair in told for one in pair[:2]}
        self.dead = commits if len(commits) <= _FEW_DEAD else _related(commits, ends)
        self.all_dead = {commit.hash: commit for commit in commits}

    def _load_living(self) -> None:
        """Read the living commits that are not older than all that is dead."""
        asked = _lines(self.standing.tips, self._base())
        self.living = list(read_commits(self.repository, "--topo-order", "--reverse", "--stdin", stdin=asked))
        self.by_hash = {commit.hash: commit for commit in self.living}
        self.shorts |= {commit.hash: commit.short for commit in self.living}

    def _base(self) -> list[str]:
        """Return a living commit that all dead ones come from; none if something recorded is gone altogether."""
        if any(self._anchor(place) is None for places in self.places.values() for place in places):
            return []
        dead = {commit.hash for commit in self.dead}
        parents = {parent for commit in self.dead for parent in commit.parents if parent not in dead}
        if not parents or any(not commit.parents for commit in self.dead):
            return []
        found = self.repository.read("merge-base", "--octopus", "--end-of-options", *sorted(parents))
        return (found or b"").decode().split()[:1]

    def _follow(self, told: Sequence[Rewrite], moves: Moves) -> dict[str, Successor]:
        """Return what git told of dead commits, by hash, short ones of the log too."""
        following: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        for old, new in moves.amended:
            if old in self.all_dead and self._stands_in_its_place(old, new):
                following[old].append((new, False))
        for rewrite in told:
            following[rewrite.old].append((rewrite.new, True))
        starts = {commit.hash: commit.hash for commit in self.dead}
        for old in following:
            starts |= {name: old for name in self.places if old.startswith(name)}
        found = ((name, self._last(start, following, self.by_hash)) for name, start in starts.items())
        return {name: answer for name, answer in found if answer is not None}

    def _stands_in_its_place(self, old: str, new: str) -> bool:
        """Return whether a commit was made on the same parent as another, as one that amends it is."""
        after = self.by_hash.get(new) or self.all_dead.get(new)
        return after is not None and old != new and after.parents[:1] == self.all_dead[old].parents[:1]

    def _last(
        self, start: str, following: dict[str, list[tuple[str, bool]]], alive: Collection[str]
    ) -> Successor | None:
        """Return the living commit at the end of what git told of one, or None."""
        seen = {start}
        edge = [(start, True)]
        for _ in range(_LINKS):
            # What was told last comes first.
            edge = [
                (new, is_told and told)
                for old, is_told in edge
                for new, told in reversed(following.get(old, ()))
                if new not in seen
            ]
            for new, is_told in edge:
                if new in alive:
                    method, sure = ("rewrite map", 0.99) if is_told else ("reflog", 0.96)
                    return Successor(new, sure, method, "git said so when it was rewritten")
            seen |= {new for new, _ in edge}
            if not edge:
                return None
        return None

    def _answer(self, places: dict[str, list[Place]], known: dict[str, Successor]) -> dict[str, Successor]:
        """Return what became of recorded commits."""
        answers = {name: known[name] for name in places if name in known}
        anchors = {name: self._anchor(found[0]) for name, found in places.items() if name not in answers}
        answers |= {name: known[full] for name, full in anchors.items() if full is not None and full in known}
        there = {name: full for name, full in anchors.items() if full is not None and name not in answers}
        if there:
            succession = self._succession({name: one for name, one in known.items() if name in self.all_dead})
            found = succession.answers(dict.fromkeys(there.values()))
            answers |= {name: found[full] for name, full in there.items()}
        gone = {name: places[name] for name, full in anchors.items() if full is None}
        if gone and not self.standing.is_shallow:
            from orglab.history.guessing import Guess  # noqa: PLC0415 - for commits of which nothing is left

            every = sorted((place for found in gone.values() for place in found), key=lambda place: place.begin)
            guess = Guess(self.repository, self.living, every, self.aside, self.letter)
            answers |= {name: guess.of(found[0]) for name, found in gone.items()}
        return answers

    def _succession(self, known: dict[str, Successor]) -> Succession:
        """Return the search among commits that are there."""
        patches = self._patches(self.dead)
        patches |= self._patches(self.living)
        on_head = _reached(self.standing.head or "", self.by_hash)
        succession = Succession(History(self.dead, self.living, patches, on_head), known)
        for commit in (*self.dead, *self.living):
            found = find_references(commit.message.encode(), self.letter)
            succession.refs[commit.hash] = frozenset(f"{one.id}.{one.step}" for _, one in found if one.step)
        return succession

    def _patches(self, commits: Sequence[Commit]) -> dict[str, Patch]:
        try:
            return read_patches(self.repository, commits, self.aside)
        except GitError:
            return {}  # a tree is gone: messages, authors and dates are left


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


def _reached(head: str, commits: dict[str, Commit]) -> frozenset[str]:
    """Return the commits that one reaches."""
    found: set[str] = set()
    waiting = [head]
    while waiting:
        name = waiting.pop()
        if name in commits and name not in found:
            found.add(name)
            waiting += commits[name].parents
    return frozenset(found)
