"""What may have become of a recorded commit of which git has nothing left: only the log's own words tell.

The commit of the log that wrote the hash down came soon after the recorded commit, and a rebase keeps that order.
The step's reference, its words and the time of a note say more.  None of it is sure, so an answer is a suggestion.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from orglab.experiment.commit_notation import HASH
from orglab.experiment.recorded_commits import Place
from orglab.git import Repository
from orglab.git.commit import Commit
from orglab.git.process import stream
from orglab.git.rewrites.traces import PICKED, SUGGESTED, UNDOES, Successor
from orglab.reference import find_references

_HASHES = re.compile(HASH.encode())
_WORD = re.compile(r"[a-z0-9]{3,}")
_REVERTED = re.compile(r'Revert "(.*)"\n\nThis reverts commit ([0-9a-f]{7,64})', re.DOTALL)
# A clock may be a little ahead of another, and a note is written to the minute.
_SLACK = 120
_FARTHEST = 300
_CLOSE = 5
_SHARING = 0.35


class Guess:
    """Looks for commits by what the log says of them."""

    def __init__(
        self,
        repository: Repository,
        living: Sequence[Commit],
        places: Sequence[Place],
        aside: AbstractSet[bytes],
        letter: str,
    ) -> None:
        """Take all living commits, parents before children, and what is looked for, in the order of the log."""
        self.places = places
        self.repository = repository
        self.aside = aside
        self.letter = letter
        self.living = {commit.hash: commit for commit in living}
        self.place = {name: number for number, name in enumerate(self.living)}

    def of(self, place: Place) -> Successor:
        """Return what may have become of a recorded commit."""
        name = place.recorded.living
        answers = [*self._told(name), *self._by_order(place), *self._by_reference(place), *self._by_words(place)]
        best = max(answers, key=lambda one: one.confidence, default=None)
        if best is None or best.confidence < SUGGESTED:
            return Successor(None, 0.0, "gone", "nothing that git or the log says leads to another")
        return best

    def _told(self, name: str) -> list[Successor]:
        """Return the answers that messages give which name the hash itself."""
        answers = []
        for commit in self.living.values():
            if any(picked.startswith(name) for picked in PICKED.findall(commit.message)):
                answers.append(Successor(commit.hash, 0.95, "cherry-pick", "it says that it was picked from it"))
            reverted = _REVERTED.match(commit.message)
            if reverted is not None and reverted.group(2).startswith(name):
                same = self.by_subject.get(reverted.group(1), [])
                if len(same) == 1:
                    why = "the revert of it tells its subject, and one commit has that"
                    answers.append(Successor(same[0], 0.88, "revert", why))
        return answers

    @cached_property
    def by_subject(self) -> dict[str, list[str]]:
        """The living commits by subject."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, commit in self.living.items():
            found[commit.subject].append(name)
        return found

    @cached_property
    def by_reference(self) -> dict[str, list[str]]:
        """The living commits that change something beside the log, by what their messages refer to."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, commit in self.living.items():
            if name in self.work and not UNDOES.match(commit.subject):
                for _, one in find_references(commit.message.encode(), self.letter):
                    spelled = self.letter + one.id + (f".{one.step}" if one.step else "")
                    if name not in found[spelled]:
                        found[spelled].append(name)
        return found

    @cached_property
    def names(self) -> dict[str, frozenset[str]]:
        """What the message of each living commit refers to."""
        found: dict[str, set[str]] = {name: set() for name in self.living}
        for spelled, names in self.by_reference.items():
            for name in names:
                found[name].add(spelled)
        return {name: frozenset(spelled) for name, spelled in found.items()}

    @cached_property
    def work(self) -> frozenset[str]:
        """The living commits that change something beside the log."""
        if not self.aside:
            return frozenset(self.living)
        tips = "".join(f"{name}\n" for name in self._tips()).encode()
        out = [b":(top)", *(b":(top,exclude,literal)" + path for path in sorted(self.aside))]
        asked = tips + b"--\n" + b"".join(one + b"\n" for one in out)
        listed = self.repository.read("rev-list", "--full-history", "--stdin", stdin=asked)
        return frozenset(self.living) if listed is None else frozenset(listed.decode().split())

    def _tips(self) -> list[str]:
        """Return the living commits that no other was made on."""
        parents = {parent for commit in self.living.values() for parent in commit.parents}
        return [name for name in self.living if name not in parents]

    @cached_property
    def written(self) -> dict[str, str]:
        """The living commit that first wrote each hash into the log."""
        found: dict[str, str] = {}
        if not self.aside:
            return found
        paths = [":(top,literal)" + path.decode("utf-8", "surrogateescape") for path in sorted(self.aside)]
        options = ("log", "--format=%x00%H", "-p", "--unified=0", "--no-renames", "--no-color", "--no-ext-diff",
                   "--no-textconv", "--topo-order", "--first-parent", "-m", "--stdin", "--", *paths)  # fmt: skip
        tips = "".join(f"{name}\n" for name in self._tips()).encode()
        commit = ""
        for line in stream(self.repository.folder, options, b"\n", tips):
            if line.startswith(b"\0"):
                commit = line[1:].decode()
            elif line.startswith(b"+") and commit in self.living:
                for name in _HASHES.findall(line):
                    # Older ones come later.
                    found[name.decode()] = commit
        return found

    def _work_before(self, name: str) -> list[str]:
        """Return the commits at and before another, by first parents, that change something beside the log."""
        found: list[str] = []
        following: str | None = name
        while following is not None and following in self.living and len(found) < _FARTHEST:
            if following in self.work:
                found.append(following)
            parents = self.living[following].parents
            following = parents[0] if parents else None
        return found

    @cached_property
    def ordered(self) -> dict[str, Successor]:
        """The answers by order: hashes that one commit of the log wrote down name the commits before it, in turn."""
        together: dict[tuple[str, str], list[Place]] = defaultdict(list)
        experiments: dict[str, set[str]] = defaultdict(set)
        for place in self.places:
            writer = self.written.get(place.recorded.living)
            if writer is not None:
                together[writer, _experiment(place)].append(place)
                experiments[writer].add(_experiment(place))
        answers: dict[str, Successor] = {}
        for (writer, _), places in together.items():
            if writer in self.work:
                # It holds work and log in one: so it is a squash, of what was recorded too.
                why = "it wrote the hash into the log, and holds work too"
                answers |= {one.recorded.living: Successor(writer, 0.86, "log history", why) for one in places}
                continue
            # A log that was committed once, for many experiments, tells no order.
            answers |= self._align(places, self._work_before(writer), is_close=len(experiments[writer]) == 1)
        return answers

    def _align(self, places: Sequence[Place], commits: Sequence[str], *, is_close: bool) -> dict[str, Successor]:
        """Return the answers of the best way to match places, in their order, with commits, the newest first.

        No later place gets an earlier commit; two get the same one only where it pays, as in a squash.
        """
        if not commits:
            return {}
        scores = [
            [self._fit(place, name, abs(far - (len(places) - 1 - number)), is_close=is_close)
             for far, name in enumerate(commits)]
            for number, place in enumerate(places)
        ]  # fmt: skip
        # For each commit, oldest first: the best sum of scores so far, and which commit the place before got.
        best: list[list[tuple[float, int]]] = []
        for number, row in enumerate(scores):
            sums: list[tuple[float, int]] = []
            top, origin = 0.0, -1
            for far in range(len(commits) - 1, -1, -1):
                shared = best[-1][len(commits) - 1 - far][0] - _SHARING if number else 0.0
                before, chosen = (shared, far) if number and (origin < 0 or shared > top) else (top, origin)
                sums.append((before + row[far][0], chosen))
                if number and (origin < 0 or best[-1][len(commits) - 1 - far][0] > top):
                    top, origin = best[-1][len(commits) - 1 - far][0], far
            best.append(sums)
        far = max(range(len(commits)), key=lambda one: best[-1][len(commits) - 1 - one][0])
        answers: dict[str, Successor] = {}
        for number in range(len(places) - 1, -1, -1):
            _, sure, why = scores[number][far]
            answers[places[number].recorded.living] = Successor(commits[far], sure, "log history", why)
            far = best[number][len(commits) - 1 - far][1]
        return answers

    def _fit(self, place: Place, name: str, off: int, *, is_close: bool) -> tuple[float, float, str]:
        """Return how well a commit fits a place, how sure that alone is, and why; `off` is how far it is off."""
        named = self.names[name]
        words = 0.1 * _shared(place.words, self.living[name].subject)
        where = "it comes shortly before the hash was written into the log"
        if place.ref in named:
            return max(0.5, 1.0 - 0.03 * off) + words, max(0.6, 0.88 - 0.02 * off), f"{where}, and it names {place.ref}"
        if named and _experiment(place) not in named:
            return 0.1 + words, 0.0, where
        near = max(0.0, 0.65 - 0.06 * off) if is_close else 0.0
        return near + words, max(0.56, 0.76 - 0.05 * off) if is_close and off < _CLOSE else 0.0, where

    def _by_order(self, place: Place) -> list[Successor]:
        """Return the answer by the commit that wrote the hash into the log."""
        answer = self.ordered.get(place.recorded.living)
        return [answer] if answer is not None else []

    def _by_reference(self, place: Place) -> list[Successor]:
        """Return the answer by the commits whose messages name the step."""
        names = self.by_reference.get(place.ref, [])
        writer = self.written.get(place.recorded.living)
        if writer is not None:
            names = [name for name in names if self.place[name] <= self.place[writer]]
        if place.at is not None:
            until = place.at.timestamp() + _SLACK
            names = [name for name in names if self.living[name].authored <= until] or names
        if not names:
            return []
        if len(names) == 1:
            # Without the log's history, a false reference is the more likely one.
            sure = 0.82 if writer is None else 0.64
            return [Successor(names[0], sure, "reference", f"it is the only one that names {place.ref}")]
        alike = max(names, key=lambda name: (_shared(place.words, self.living[name].subject), self.place[name]))
        return [Successor(alike, 0.66, "reference", f"of {len(names)} that name {place.ref}, it fits best")]

    def _by_words(self, place: Place) -> list[Successor]:
        """Return the answers by the words of the step or note, and by its time."""
        answers = []
        scored = [(_shared(place.words, commit.subject), name) for name, commit in self.living.items()
                  if name in self.work and not UNDOES.match(commit.subject)]  # fmt: skip
        best = max((score for score, _ in scored), default=0.0)
        same = [name for score, name in scored if score == best]
        if best >= 0.6 and len(same) == 1:  # noqa: PLR2004 - more than half of the words
            answers.append(Successor(same[0], 0.7, "words", "its subject says what the log says"))
        if place.at is not None:
            until = place.at.timestamp() + _SLACK
            before = [name for name in self.work if name in self.living and self.living[name].authored <= until]
            if before:
                near = max(before, key=lambda name: (self.living[name].authored, self.place[name]))
                answers.append(Successor(near, 0.56, "time", "it was the newest when the note was taken"))
        return answers


def _experiment(place: Place) -> str:
    return place.ref.partition(".")[0]


def _shared(one: str, other: str) -> float:
    """Return how many of the words of two texts are in both, from 0 to 1."""
    words, others = set(_WORD.findall(one.lower())), set(_WORD.findall(other.lower()))
    return 2 * len(words & others) / (len(words) + len(others)) if words and others else 0.0
