"""From a result back to the reason: a commit, a file or a line, to the steps and experiments that it is of.

What leads there is a chain of links (`provenance`).
"""

import datetime
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotFoundError
from orglab.experiment.model import Experiment, Note, Step
from orglab.git.files import blame, find_changed_files, is_tracked
from orglab.history.events import read_noted_run
from orglab.history.provenance import MOST_COMMITS, Link, LinkFinder
from orglab.history.sources import Sources
from orglab.log.log import LogFile

_LINE = re.compile(r"(.+):([0-9]{1,9})", re.S)


class Reason(NamedTuple):
    """An experiment that the chain leads to.

    Attributes:
        experiment: The experiment.
        steps: The steps of it that the chain leads to.
        note: The note on it, or on these steps, that is nearest in time to the chain's first link; or None.
    """

    experiment: Experiment
    steps: tuple[Step, ...]
    note: Note | None


class Why(NamedTuple):
    """The answer.

    Attributes:
        subject: What was asked about, in words.
        links: The chain, what is nearest first.
        reasons: What it leads to.
        remarks: What else is to be said: what is not committed, what is missing, what is only near.
    """

    subject: str
    links: tuple[Link, ...]
    reasons: tuple[Reason, ...]
    remarks: tuple[str, ...]


def find_why(log: LogFile, what: str, folder: Path) -> Why:
    """Return where a commit, a file or a line of a file comes from.

    A file that is there is meant before a revision of the same name.

    Args:
        log: The log.
        what: A revision, a file or folder, or FILE:LINE.
        folder: What a path is relative to.

    Raises:
        NotFoundError: It is none of these.
        GitError: git refuses.
    """
    question = _Question(Sources(log))
    if what and os.path.lexists(folder / what):
        return question.file(folder / what)
    match = _LINE.fullmatch(what)
    if match is not None and os.path.lexists(folder / match[1]):
        return question.line(folder / match[1], int(match[2]))
    repository = question.repository
    if repository is not None:
        try:
            return question.revision(repository.commit(what))
        except NotFoundError:
            if what and "\0" not in what and question.has_been(folder / what):
                return question.file(folder / what)
    raise NotFoundError(f"{what!r} is neither a commit, nor a file that is there or was, nor FILE:LINE.")


class _Question:
    """A question for one thing."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.log = sources.log
        self.repository = sources.repository
        self.finder = LinkFinder(sources)

    def revision(self, name: str) -> Why:
        """Return why a commit is there."""
        commit = self.finder.find_commit(name)
        if commit is None:
            raise NotFoundError(f"The commit {name} cannot be read.")
        return self._answer(f"commit {commit.short}", self.finder.find_links(commit, "is the commit"))

    def file(self, path: Path) -> Why:
        """Return why a file, or what is in a folder, is what it is."""
        name = self.finder.locate(path)
        links = [*self.finder.find_runs(path, name)]
        commits = [*self.finder.find_commits(name, MOST_COMMITS)]
        if (remark := self._state_of(path, name, is_committed=bool(commits))) is not None:
            self.finder.remarks.append(remark)
        return self._answer(name or str(path), [*links, *self.finder.link_file(commits)])

    def _state_of(self, path: Path, name: str | None, *, is_committed: bool) -> str | None:
        """Say what is special about a file that is not committed as it is."""
        if not os.path.lexists(path):
            return f"{name} is not there any more, but its history is."
        if self.repository is None or name is None:
            return "No git repository holds it."
        if is_committed:
            return f"{name} has changes that are not committed." if find_changed_files(self.repository, name) else None
        return f"{name} is not committed yet." if is_tracked(self.repository, name) else f"git does not know {name}."

    def line(self, path: Path, number: int) -> Why:
        """Return why a line of a file is what it is."""
        name = self.finder.locate(path)
        subject = f"{name or path}:{number}"
        is_log = os.path.realpath(path) == os.path.realpath(self.log.path)
        links = self.finder.find_log_line(number) if is_log else []
        found = blame(self.repository, name, [number]) if self.repository is not None and name is not None else []
        if not found:
            self._refuse_missing_line(path, number)
            if (remark := self._state_of(path, name, is_committed=False)) is not None:
                self.finder.remarks.append(remark)
            return self._answer(subject, [*links, *self.finder.find_runs(path, name)])
        if found[0].commit is None:
            self.finder.remarks.append(f"Line {number} is not committed yet.")
            return self._answer(subject, [*links, *self.finder.find_active(), *self.finder.find_near_line(name)])
        commit = self.finder.find_commit(found[0].commit)
        links += self.finder.find_links(commit, f"changed line {number} last") if commit is not None else []
        return self._answer(subject, links)

    def has_been(self, path: Path) -> bool:
        """Return whether a file that is not there was committed, or written by a run."""
        name = self.finder.locate(path)
        was_written = any(output.path == name for run in self.sources.runs for output in run.outputs)
        return was_written or any(True for _ in self.finder.find_commits(name, 1))

    def _refuse_missing_line(self, path: Path, number: int) -> None:
        """Raise NotFoundError if a file has no such line."""
        try:
            with path.open("rb") as lines:
                count = sum(1 for _ in lines)
        except OSError as error:
            raise NotFoundError(f"{path} cannot be read: {error.strerror}.") from error
        if not 1 <= number <= count:
            raise NotFoundError(f"There is no line {number} in {path}; it has {count}.")

    def _answer(self, subject: str, links: Iterable[Link]) -> Why:
        """Return the answer that links make: each experiment once, with the note that is nearest in time."""
        chain = tuple(links)
        steps: dict[str, list[Step]] = {}
        for reference in dict.fromkeys(one for link in chain for one in link.references):
            experiment = self.sources.find(reference)
            if experiment is not None:
                wanted = [one for one in experiment.steps if one.number == reference.step]
                steps.setdefault(experiment.id, []).extend(wanted)
        moment = next(filter(None, map(_moment, chain)), None)
        reasons = [Reason(one, tuple(found), _nearest_note(one, found, moment)) for one, found in
                   ((self.sources.experiments[name], found) for name, found in steps.items())]  # fmt: skip
        return Why(subject, chain, tuple(reasons), tuple(dict.fromkeys(self.finder.remarks)))


def _moment(link: Link) -> datetime.datetime | None:
    """Return when a link was, local time."""
    if link.commit is not None:
        return link.commit.when
    return (link.run.ended or link.run.began) if link.run is not None else None


def _nearest_note(experiment: Experiment, steps: list[Step], moment: datetime.datetime | None) -> Note | None:
    """Return the note nearest in time to a moment: on the steps, else on the experiment and all its steps."""
    if moment is None:
        return None
    on_steps = [note for step in steps for note in step.notes]
    everywhere = [*experiment.notes, *(note for step in experiment.steps for note in step.notes)]
    for notes in (on_steps, everywhere):
        # What a run noted of itself is no reason.
        timed = [(abs(note.at.when - moment), note) for note in notes if note.at and read_noted_run(note.text) is None]
        if timed:
            return min(timed, key=lambda one: one[0])[1]
    return None
