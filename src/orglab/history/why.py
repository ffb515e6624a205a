"""From a result back to the reason: a commit, a file or a line, to the steps and experiments that it is of.

What leads there is a chain of links: the run that wrote a file, found by the file's content; the commits that
changed it; what these name, or which steps record them.  Where nothing leads anywhere, what is nearest is said to
be that.
"""

import datetime
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from orglab.errors import NotFoundError, UsageError
from orglab.experiment.model import Experiment, Note, Step
from orglab.git import Repository, is_installed
from orglab.git.commit import Commit, read_commits, read_named
from orglab.git.files import blame, changed_files, commits_of_file, is_tracked, path_in
from orglab.history.events import run_noted
from orglab.history.references import experiment_around
from orglab.history.sources import History
from orglab.log.log import LogFile
from orglab.reference import Reference, find_references, parse_reference
from orglab.runs.record import Run

_HASH = re.compile(rb"(?<![\w-])[0-9a-f]{7,64}(?![\w-])")
_LINE = re.compile(r"(.+):([0-9]{1,9})", re.S)
_PREFIX = 7
_MOST_COMMITS = 1000
# How many of a file's commits are links of the chain; what is older is counted.
_MOST_LINKS = 5


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain.

    Attributes:
        how: What it has to do with the one before, in words: `wrote this file`, `changed line 3`.
        references: The experiments and steps that it is of.
        commit: The commit that it is, or None.
        run: The run that it is, or None.
        is_near: Whether it is only what is nearest.
    """

    how: str
    references: tuple[Reference, ...]
    commit: Commit | None = None
    run: Run | None = None
    is_near: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """An experiment that the chain leads to.

    Attributes:
        experiment: The experiment.
        steps: The steps of it that the chain leads to.
        note: The note on it, or on these steps, that is nearest in time to the chain's first link; or None.
    """

    experiment: Experiment
    steps: tuple[Step, ...]
    note: Note | None


@dataclass(frozen=True, slots=True)
class Why:
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
    trace = _Trace(History(log))
    if what and os.path.lexists(folder / what):
        return trace.file(folder / what)
    match = _LINE.fullmatch(what)
    if match is not None and os.path.lexists(folder / match[1]):
        return trace.line(folder / match[1], int(match[2]))
    repository = trace.repository
    if repository is not None:
        try:
            return trace.revision(repository.commit(what))
        except NotFoundError:
            if what and "\0" not in what and trace.has_been(folder / what):
                return trace.file(folder / what)
    raise NotFoundError(f"{what!r} is neither a commit, nor a file that is there or was, nor FILE:LINE.")


class _Trace:
    """The way back from one thing."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.log = history.log
        self.remarks: list[str] = []

    @cached_property
    def repository(self) -> Repository | None:
        """The repository, where git can be asked."""
        return self.log.repository if is_installed() else None

    def revision(self, name: str) -> Why:
        """Return why a commit is there."""
        commit = self._commit(name)
        if commit is None:
            raise NotFoundError(f"The commit {name} cannot be read.")
        return self._answer(f"commit {commit.short}", self._links_of(commit, "is the commit"))

    def file(self, path: Path) -> Why:
        """Return why a file, or what is in a folder, is what it is."""
        name = self._name(path)
        links = [*self._runs_of(path, name)]
        commits = [*self._commits_of(name, _MOST_COMMITS)]
        if (remark := self._state_of(path, name, is_committed=bool(commits))) is not None:
            self.remarks.append(remark)
        return self._answer(name or str(path), [*links, *self._links_of_file(commits)])

    def _state_of(self, path: Path, name: str | None, *, is_committed: bool) -> str | None:
        """Say what is special about a file that is not committed as it is."""
        if not os.path.lexists(path):
            return f"{name} is not there any more, but its history is."
        if self.repository is None or name is None:
            return "No git repository holds it."
        if is_committed:
            return f"{name} has changes that are not committed." if changed_files(self.repository, name) else None
        return f"{name} is not committed yet." if is_tracked(self.repository, name) else f"git does not know {name}."

    def line(self, path: Path, number: int) -> Why:
        """Return why a line of a file is what it is."""
        name = self._name(path)
        subject = f"{name or path}:{number}"
        is_log = os.path.realpath(path) == os.path.realpath(self.log.path)
        links = self._links_of_log_line(number) if is_log else []
        found = blame(self.repository, name, [number]) if self.repository is not None and name is not None else []
        if not found:
            self._refuse_missing_line(path, number)
            if (remark := self._state_of(path, name, is_committed=False)) is not None:
                self.remarks.append(remark)
            return self._answer(subject, [*links, *self._runs_of(path, name)])
        if found[0].commit is None:
            self.remarks.append(f"Line {number} is not committed yet.")
            return self._answer(subject, [*links, *self._active(), *self._near_line(name)])
        commit = self._commit(found[0].commit)
        links += self._links_of(commit, f"changed line {number} last") if commit is not None else []
        return self._answer(subject, links)

    def has_been(self, path: Path) -> bool:
        """Return whether a file that is not there was committed, or written by a run."""
        name = self._name(path)
        was_written = any(output.path == name for run in self.history.runs for output in run.outputs)
        return was_written or any(True for _ in self._commits_of(name, 1))

    def _name(self, path: Path) -> str | None:
        """Return a path relative to the top of the repository, or None if it is not in it."""
        return path_in(self.log.repository, path) if self.log.repository is not None else None

    def _commit(self, name: str) -> Commit | None:
        return read_named(self.repository, (name,)).get(name) if self.repository is not None else None

    def _commits_of(self, name: str | None, limit: int) -> Iterator[Commit]:
        """Yield the last commits of a file or folder; none before the first commit."""
        if self.repository is not None and name is not None and self.repository.head() is not None:
            yield from commits_of_file(self.repository, name, limit=limit)

    def _refuse_missing_line(self, path: Path, number: int) -> None:
        """Raise NotFoundError if a file has no such line."""
        try:
            with path.open("rb") as lines:
                count = sum(1 for _ in lines)
        except OSError as error:
            raise NotFoundError(f"{path} cannot be read: {error.strerror}.") from error
        if not 1 <= number <= count:
            raise NotFoundError(f"There is no line {number} in {path}; it has {count}.")

    # Runs

    def _runs_of(self, path: Path, name: str | None) -> Iterator[Link]:
        """Yield the runs that wrote a file's content, and then the commits of their code; of a folder, all in it."""
        if path.is_dir():
            below = "" if name == "." else f"{name}/"
            for run in reversed(self.history.runs):
                if any(output.path.startswith(below) for output in run.outputs):
                    yield from self._links_of_run(run, "wrote files here")
            return
        outputs = [(run, output) for run in self.history.runs for output in run.outputs]
        sizes = {output.size for _, output in outputs}
        # What no run wrote in this size is not read: it may be a checkpoint of many gigabytes.
        content = _sha256(path) if path.is_file() and path.stat().st_size in sizes else None
        wrote = [(run, output) for run, output in outputs if output.sha256 == content]
        for run, output in wrote:
            called = "" if output.path == name else f", as {output.path}"
            yield from self._links_of_run(run, f"wrote this file{called}")
        if not wrote and (others := [run for run, output in outputs if output.path == name]):
            is_there = os.path.lexists(path)
            if is_there:
                self.remarks.append(f"A run wrote {name}, but with other content than it has now.")
            yield from self._links_of_run(others[-1], "wrote this path last", is_near=is_there)

    def _links_of_run(self, run: Run, how: str, *, is_near: bool = False) -> Iterator[Link]:
        """Yield a run, and the commits that hold its code and its results."""
        references = tuple(self._parsed(run.ref))
        yield Link(how, references, run=run, is_near=is_near)
        names = {run.snapshot: "holds the code that it ran", run.commit: "holds its results"}
        if run.snapshot is None:
            changed = ", with changes that no commit holds" if run.patch else ""
            names = {run.before: f"is the code that it ran{changed}", **names}
        for name, what in names.items():
            if name is not None:
                commit = self._commit(name)
                if commit is None:
                    self.remarks.append(f"The commit {name[:_PREFIX]} that {what} is not here.")
                else:
                    yield Link(what, references, commit, is_near=is_near)

    def _parsed(self, ref: str | None) -> list[Reference]:
        """Return the reference that a run or the active step has, as the log knows it."""
        if ref is None:
            return []
        try:
            reference = parse_reference(ref)
        except UsageError:
            return []
        letter = self.log.config.letter
        name = reference.id if reference.id in self.history.experiments else reference.id.removeprefix(letter)
        return [Reference(name, reference.step)]

    # Commits

    def _links_of(self, commit: Commit, how: str) -> list[Link]:
        """Return a commit and what it leads to; what is nearest to it, if it leads nowhere."""
        link = self._link_of(commit, how)
        if link.references:
            return [link]
        return [link, *self._near(commit)]

    def _link_of(self, commit: Commit, how: str) -> Link:
        """Return a commit as a link, with what it is of: what it names, which steps and notes have it, which runs."""
        letter = self.log.config.letter
        named = [one for _, one in find_references(commit.message.encode(), letter)]
        for one in dict.fromkeys(named):
            if self.history.find(one) is None and one.id.isdecimal():
                self.remarks.append(f"{commit.short} names {letter}{one.id}, which the log does not have.")
        known = [one for one in named if self.history.find(one) is not None]
        words = self._hashes.get(commit.hash[:_PREFIX], ())
        recorded = [*filter(None, (self._at(at) for word, at in words if commit.hash.startswith(word)))]
        runs = [run for run in self.history.runs if commit.hash in (run.before, run.snapshot, run.commit)]
        ran = [reference for run in runs for reference in self._parsed(run.ref)]
        told = [
            f"{way} {', '.join(one.spell(letter) for one in dict.fromkeys(found))}"
            for way, found in (("names", known), ("recorded for", recorded), ("of a run of", ran))
            if found
        ]
        return Link("; ".join([how, *told]), tuple(dict.fromkeys([*known, *recorded, *ran])), commit)

    @cached_property
    def _hashes(self) -> dict[str, list[tuple[str, int]]]:
        """What looks like a hash in the log, and where, by its first seven digits."""
        found: dict[str, list[tuple[str, int]]] = {}
        for match in _HASH.finditer(self.history.document.text):
            word = match.group().decode()
            found.setdefault(word[:_PREFIX], []).append((word, match.start()))
        return found

    def _at(self, at: int) -> Reference | None:
        """Return the step of the log that a position belongs to, else the experiment, or None."""
        document = self.history.document
        experiment = experiment_around(document, at, self.history)
        if experiment is None:
            return None
        line = document.source.line_number(at)
        for step in experiment.steps:
            if line in (step.line, *(note.line for note in step.notes)):
                return Reference(experiment.id, step.number)
        return Reference(experiment.id)

    def _links_of_log_line(self, number: int) -> list[Link]:
        """Return what stands in a line of the log itself."""
        text = self.history.document.text
        at = 0
        for _ in range(number - 1):
            at = text.find(b"\n", at) + 1
            if at == 0:
                return []
        found = self._at(at)
        return [Link("is the line of the log", (found,))] if found is not None else []

    def _links_of_file(self, commits: list[Commit]) -> list[Link]:
        """Return those of a file's commits that lead to an experiment, the newest first; what is nearest, if none."""
        links = [link for link in (self._link_of(commit, "changed it") for commit in commits) if link.references]
        if len(links) > _MOST_LINKS:
            self.remarks.append(f"{len(links)} of its {len(commits)} commits lead to experiments; these are the last.")
        return links[:_MOST_LINKS] if links or not commits else self._links_of(commits[0], "changed it last")

    def _near_line(self, name: str | None) -> list[Link]:
        """Return the last commit of a file that leads to an experiment, as what is nearest to a line of it."""
        links = (self._link_of(one, "changed the file") for one in self._commits_of(name, _MOST_COMMITS))
        return [replace(link, is_near=True) for link in islice((link for link in links if link.references), 1)]

    def _active(self) -> list[Link]:
        """Return the active step of this clone."""
        active = self._parsed(self.log.active.get())
        return [Link("is the active step of this clone", tuple(active), is_near=True)] if active else []

    def _near(self, commit: Commit) -> list[Link]:
        """Return what is nearest to a commit that leads nowhere: what it merged, else what comes next and before."""
        if len(commit.parents) > 1:
            merged = self._naming(commit.hash, f"^{commit.parents[0]}")
            if links := [replace(self._link_of(one, "was merged by it"), is_near=True) for one in
                         islice(merged, _MOST_LINKS)]:  # fmt: skip
                self.remarks.append(f"{commit.short} is a merge and names nothing itself; what it merged does.")
                return links
        after = self._naming("--ancestry-path", "--reverse", f"^{commit.hash}", "--branches", "--remotes", "HEAD")
        before = self._naming(*commit.parents) if commit.parents else iter(())
        links = [replace(self._link_of(one, how), is_near=True) for found, how in
                 ((after, "is the next commit after it that names an experiment"),
                  (before, "is the last commit before it that names one")) for one in islice(found, 1)]  # fmt: skip
        self.remarks.append(
            f"Nothing says what {commit.short} is of; what follows is only near." if links else
            f"Nothing says what {commit.short} is of, and no commit before or after it names an experiment."
        )  # fmt: skip
        return links

    def _naming(self, *revisions: str) -> Iterator[Commit]:
        """Yield the commits among some that name an experiment of the log, as `git log` lists them."""
        if self.repository is None:
            return
        letter = self.log.config.letter
        for commit in read_commits(
            self.repository, "--ignore-missing", "--fixed-strings", f"--grep=[{letter}", *revisions, "--"
        ):
            if any(self.history.find(one) is not None for _, one in find_references(commit.message.encode(), letter)):
                yield commit

    # The answer

    def _answer(self, subject: str, links: Iterable[Link]) -> Why:
        """Return the answer that links make: each experiment once, with the note that is nearest in time."""
        chain = tuple(links)
        steps: dict[str, list[Step]] = {}
        for reference in dict.fromkeys(one for link in chain for one in link.references):
            experiment = self.history.find(reference)
            if experiment is not None:
                wanted = [one for one in experiment.steps if one.number == reference.step]
                steps.setdefault(experiment.id, []).extend(wanted)
        moment = next(filter(None, map(_moment, chain)), None)
        reasons = [Reason(one, tuple(found), _nearest_note(one, found, moment)) for one, found in
                   ((self.history.experiments[name], found) for name, found in steps.items())]  # fmt: skip
        return Why(subject, chain, tuple(reasons), tuple(dict.fromkeys(self.remarks)))


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
        timed = [(abs(note.at.when - moment), note) for note in notes if note.at and run_noted(note.text) is None]
        if timed:
            return min(timed, key=lambda one: one[0])[1]
    return None


def _sha256(path: Path) -> str | None:
    """Return the digest of a file's content, or None if it cannot be read."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return None
