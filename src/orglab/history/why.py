"""Explain a result: find the experiments and steps of a commit, a file, a line or a run.

They are found by a chain of links (`provenance`).
"""

import datetime
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotFoundError
from orglab.experiment.model import Experiment, Step
from orglab.experiment.section_text import Note
from orglab.git.files import blame, find_changed_files, is_ignored, is_tracked
from orglab.git.inside import open_inside
from orglab.history.completion import read_noted_run
from orglab.history.provenance import MOST_COMMITS, Link, LinkFinder
from orglab.history.sources import Sources
from orglab.log.log import LogFile
from orglab.runs.record import Run
from orglab.runs.record_reader import SHORTEST_ID, find_run
from orglab.runs.sources.registry import TITLES
from orglab.text import count

_LINE = re.compile(r"(.+):([0-9]{1,9})", re.S)


class Reason(NamedTuple):
    """An experiment that the chain leads to.

    Attributes:
        experiment: The experiment.
        steps: Its steps that the chain leads to.
        note: The note on these steps, or on the experiment, that is nearest in time to the first link; or None.
    """

    experiment: Experiment
    steps: tuple[Step, ...]
    note: Note | None


class Why(NamedTuple):
    """The explanation of a result.

    Attributes:
        subject: The commit, file, line or run.
        links: The chain of links, starting at the subject.
        reasons: The experiments that it leads to.
        remarks: Remarks on what is uncommitted, missing or uncertain.
    """

    subject: str
    links: tuple[Link, ...]
    reasons: tuple[Reason, ...]
    remarks: tuple[str, ...]


def find_why(log: LogFile, what: str, folder: Path) -> Why:
    """Return where a commit, a file, a line of a file or a run comes from.

    An existing file takes precedence over a revision of the same name, and both over a run.

    Args:
        log: The log.
        what: A revision, a file or folder, FILE:LINE, or the id of a run, of ours or of a tracker.
        folder: The base of relative paths.

    Raises:
        NotFoundError: It is none of these.
        UsageError: Several runs have the id.
        GitError: git refuses.
    """
    explainer = _Explainer(Sources(log))
    if what and os.path.lexists(folder / what):
        return explainer.explain_file(folder / what)
    match = _LINE.fullmatch(what)
    if match is not None and os.path.lexists(folder / match[1]):
        return explainer.explain_line(folder / match[1], int(match[2]))
    repository = explainer.repository
    if repository is not None:
        try:
            return explainer.explain_commit(repository.commit(what))
        except NotFoundError:
            if what and "\0" not in what and explainer.existed(folder / what):
                return explainer.explain_file(folder / what)
    run = explainer.find_run(what)
    if log.is_reference(what) and not explainer.is_run(what):
        if _is_in_log(log, what):
            shown = log.spell(what)
            raise NotFoundError(f"{shown} is not a commit or file, but in the log; see `orglab show {shown}`.")
        if run is None:  # digits may be a part of the id of a run
            log.experiment(what)
    if run is not None:
        return explainer.explain_run(run, what)
    raise NotFoundError(f"There is no commit, file or run {what!r}, now or in the history.")


def _is_in_log(log: LogFile, reference: str) -> bool:
    with suppress(NotFoundError):
        log.experiment(reference)
        return True
    return False


class _Explainer:
    """Explains a commit, a file, a line or a run."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.log = sources.log
        self.repository = sources.repository
        self.finder = LinkFinder(sources)

    def explain_commit(self, name: str) -> Why:
        """Return where a commit comes from."""
        commit = self.finder.find_commit(name)
        if commit is None:
            raise NotFoundError(f"Cannot read the commit {name}.")
        links = self.finder.find_links(commit, "is the commit")
        return self._make_answer(
            f"commit {commit.short}", [*links[:1], *self.finder.find_successor(commit), *links[1:]]
        )

    def explain_file(self, path: Path) -> Why:
        """Return where a file or folder comes from."""
        name = self.finder.locate(path)
        links = [*self.finder.find_runs(path, name)]
        commits = [*self.finder.find_commits(name, MOST_COMMITS)]
        if (remark := self._describe_state(path, name, is_committed=bool(commits))) is not None:
            self.finder.remarks.append(remark)
        shown = {link.commit.hash for link in links if link.commit is not None and not link.is_near}
        others = (
            link for link in self.finder.link_file(commits) if link.commit is None or link.commit.hash not in shown
        )
        return self._make_answer(name or str(path), [*links, *others])

    def _describe_state(self, path: Path, name: str | None, *, is_committed: bool) -> str | None:
        """Return a remark on a file whose current content is not committed, or None."""
        if not os.path.lexists(path):
            return f"{name} no longer exists; this is its history."
        if self.repository is None or name is None:
            return "It is not in a git repository."
        if is_committed:
            return f"{name} has uncommitted changes." if find_changed_files(self.repository, name) else None
        if is_tracked(self.repository, name):
            return f"{name} is not committed yet."
        # Models and data are often ignored on purpose.
        return None if is_ignored(self.repository, name) else f"{name} is untracked."

    def explain_line(self, path: Path, number: int) -> Why:
        """Return where a line of a file comes from."""
        name = self.finder.locate(path)
        subject = f"{name or path}:{number}"
        is_log = os.path.realpath(path) == os.path.realpath(self.log.path)
        links = self.finder.find_log_line(number) if is_log else []
        blamed = blame(self.repository, name, [number]) if self.repository is not None and name is not None else []
        if not blamed:
            self._check_line_number(path, number)
            if (remark := self._describe_state(path, name, is_committed=False)) is not None:
                self.finder.remarks.append(remark)
            return self._make_answer(subject, [*links, *self.finder.find_runs(path, name)])
        if blamed[0].commit is None:
            self.finder.remarks.append(f"Line {number} is not committed yet.")
            return self._make_answer(subject, [*links, *self.finder.find_active(), *self.finder.find_near_line(name)])
        commit = self.finder.find_commit(blamed[0].commit)
        links += self.finder.find_links(commit, f"changed line {number} last") if commit is not None else []
        return self._make_answer(subject, links)

    def is_run(self, name: str) -> bool:
        """Return whether a name is the whole id of a run, ours or that of a tracker."""
        return any(name == run.id or any(one.id == name for one in run.trackers) for run in self.sources.runs)

    def find_run(self, name: str) -> Run | None:
        """Return the run with an id or a part of one, or None if there is none.

        Raises:
            UsageError: Several runs have it.
        """
        with suppress(NotFoundError):
            return find_run(self.sources.runs, name) if len(name) >= SHORTEST_ID else None
        return None

    def explain_run(self, run: Run, name: str) -> Why:
        """Return where a run comes from, which a user has named by its id or by that of a tracker's run."""
        tracker = next((one.tracker for one in run.trackers if one.id == name and name not in run.id), None)
        how = "is the run" if tracker is None else f"is the run {name} of {TITLES.get(tracker, tracker)}"
        return self._make_answer(f"run {run.id}", self.finder.link_run(run, how))

    def existed(self, path: Path) -> bool:
        """Return whether a missing file was once committed, or written by a run."""
        name = self.finder.locate(path)
        was_written = any(output.path == name for run in self.sources.runs for output in run.outputs)
        return was_written or any(True for _ in self.finder.find_commits(name, 1))

    def _check_line_number(self, path: Path, number: int) -> None:
        """Raise NotFoundError if a file has no line with this number."""
        try:
            with open_inside(self.repository, path) as file:
                lines = sum(1 for _ in file)
        except OSError as error:
            raise NotFoundError(f"Cannot read {path}: {error.strerror}.") from error
        if not 1 <= number <= lines:
            raise NotFoundError(f"{path} has no line {number}; it has {count(lines, 'line')}.")

    def _make_answer(self, subject: str, links: Iterable[Link]) -> Why:
        """Return the answer for a chain of links: each experiment once, with the note that is nearest in time."""
        chain = tuple(links)
        steps: dict[str, tuple[Experiment, list[Step]]] = {}
        for reference in dict.fromkeys(named for link in chain for named in link.references):
            experiment = self.sources.find(reference)
            if experiment is not None:
                matching = [step for step in experiment.steps if step.number == reference.step]
                steps.setdefault(experiment.id, (experiment, []))[1].extend(matching)
        moment = next(filter(None, map(_read_time, chain)), None)
        reasons = []
        for experiment, its_steps in steps.values():
            reasons.append(Reason(experiment, tuple(its_steps), _find_nearest_note(experiment, its_steps, moment)))
        return Why(subject, chain, tuple(reasons), tuple(dict.fromkeys(self.finder.remarks)))


def _read_time(link: Link) -> datetime.datetime | None:
    """Return the time of a link where it was made, as the log has its times, or None."""
    if link.commit is not None:
        return link.commit.when_there
    return (link.run.ended_there or link.run.began_there) if link.run is not None else None


def _find_nearest_note(experiment: Experiment, steps: list[Step], moment: datetime.datetime | None) -> Note | None:
    """Return the note nearest to a time: on the steps, or else on the experiment or any of its steps."""
    if moment is None:
        return None
    on_steps = [note for step in steps for note in step.notes]
    everywhere = [*experiment.notes, *(note for step in experiment.steps for note in step.notes)]
    for notes in (on_steps, everywhere):
        # The note of a run is not a reason.
        timed = [(abs(note.at.when - moment), note) for note in notes if note.at and read_noted_run(note.text) is None]
        if timed:
            return min(timed, key=lambda pair: pair[0])[1]
    return None
