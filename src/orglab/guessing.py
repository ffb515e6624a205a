"""What may have become of a recorded commit of which git has nothing left: only the log's own words tell.

The commit of the log that wrote the hash down came soon after the recorded commit, and a rebase keeps that order.
The step's reference, its words and the time of a note say more.  None of it is sure, so an answer is a suggestion.
"""

import re
from collections import defaultdict
from collections.abc import Sequence, Set
from functools import cached_property

from orglab.git import Repository
from orglab.git.commit import Commit
from orglab.git.process import stream
from orglab.hashes import HASH
from orglab.recorded import Place
from orglab.reference import find_references
from orglab.succession import SUGGESTED, Successor

_HASHES = re.compile(HASH.encode())
_WORD = re.compile(r"[a-z0-9]{3,}")
_UNDOES = re.compile(r'(?:Revert|Reapply) "')
_REVERTED = re.compile(r'Revert "(.*)"\n\nThis reverts commit ([0-9a-f]{7,64})', re.DOTALL)
_PICKED = re.compile(r"\(cherry picked from commit ([0-9a-f]{7,64})\)")
# A clock may be a little ahead of another, and a note is written to the minute.
_SLACK = 120


class Guess:
    """Looks for commits by what the log says of them."""

    def __init__(self, repository: Repository, living: Sequence[Commit], aside: Set[bytes], letter: str) -> None:
        """Take all living commits, parents before children."""
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
            if any(picked.startswith(name) for picked in _PICKED.findall(commit.message)):
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
            if name in self.work and not _UNDOES.match(commit.subject):
                for _, one in find_references(commit.message.encode(), self.letter):
                    spelled = self.letter + one.id + (f".{one.step}" if one.step else "")
                    if name not in found[spelled]:
                        found[spelled].append(name)
        return found

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

    def _before(self, name: str) -> str | None:
        """Return the nearest commit at or before another, by first parents, that changes something beside the log."""
        following: str | None = name
        while following is not None and following in self.living:
            if following in self.work:
                return following
            parents = self.living[following].parents
            following = parents[0] if parents else None
        return None

    def _by_order(self, place: Place) -> list[Successor]:
        """Return the answer by the commit that wrote the hash into the log."""
        writer = self.written.get(place.recorded.living)
        near = self._before(writer) if writer is not None else None
        if near is None:
            return []
        named = {spelled for spelled, found in self.by_reference.items() if near in found}
        why = "it is the last commit before the hash was written into the log"
        if place.ref in named:
            return [Successor(near, 0.88, "log history", f"{why}, and it names {place.ref}")]
        experiment = place.ref.partition(".")[0]
        if any(one == experiment for one in named):
            return [Successor(near, 0.8, "log history", f"{why}, and it names {experiment}")]
        return [Successor(near, 0.6 if named else 0.72, "log history", why)]

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
            return [Successor(names[0], 0.82, "reference", f"it is the only one that names {place.ref}")]
        alike = max(names, key=lambda name: (_shared(place.words, self.living[name].subject), self.place[name]))
        return [Successor(alike, 0.66, "reference", f"of {len(names)} that name {place.ref}, it fits best")]

    def _by_words(self, place: Place) -> list[Successor]:
        """Return the answers by the words of the step or note, and by its time."""
        answers = []
        scored = [(_shared(place.words, commit.subject), name) for name, commit in self.living.items()
                  if name in self.work and not _UNDOES.match(commit.subject)]  # fmt: skip
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


def _shared(one: str, other: str) -> float:
    """Return how many of the words of two texts are in both, from 0 to 1."""
    words, others = set(_WORD.findall(one.lower())), set(_WORD.findall(other.lower()))
    return 2 * len(words & others) / (len(words) + len(others)) if words and others else 0.0
