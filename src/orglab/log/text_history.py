"""The git history of the log's text: its versions, and the commits that ticked steps and set states and verdicts."""

import datetime
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from orglab.errors import OrglabError
from orglab.experiment.lookup import find_experiment
from orglab.experiment.model import Experiment, Step
from orglab.experiment.origin import SOURCE
from orglab.experiment.states import get_state_kind
from orglab.git import is_installed
from orglab.git.commit import Commit, read_commits_by_hash
from orglab.git.files import blame, follow_file, path_in, read_file_at
from orglab.git.log_branch import LOG_REF, find_tip
from orglab.log.log import LogFile
from orglab.reference import Reference

# How many versions back a line is followed that said the same.
_ROUNDS = 20
# How many bytes of the log's versions `git blame` may compare: this takes some seconds.
_BLAMED_BYTES = 4 << 30


class LogVersion:
    """A version of the log in its history.

    Attributes:
        log: The log.
        commit: The full hash of the commit that has it.
        path: The path of the log in that commit.
        document: Its text.
    """

    def __init__(self, log: LogFile, commit: str, path: str, text: bytes) -> None:
        """Take the text of the log in a commit."""
        self.log, self.commit, self.path = log, commit, path
        self.document = log.parse(text)

    def find(self, experiment: Experiment) -> Experiment | None:
        """Return an experiment as it was in this version, or None.

        If no experiment had its id yet, or several had it, that is the only heading of the same title, which perhaps
        had not been made an experiment.
        """
        log = self.log
        try:
            return find_experiment(self.document, Reference(experiment.id), log.config, log.path)
        except OrglabError:
            return self._titled.get(experiment.title)

    @cached_property
    def _titled(self) -> dict[str, Experiment | None]:
        """The headings by their titles; None for a title that several have."""
        titled: dict[str, Experiment | None] = {}
        for heading in self.document.headings():
            one = Experiment(heading, self.log.config, str(self.log.path))
            titled[one.title] = None if one.title in titled else one
        return titled


class TextHistory:
    """The versions of the log in the history of HEAD; of a log that is kept apart, in that of its branch."""

    def __init__(self, log: LogFile) -> None:
        """Take a log; nothing is read yet."""
        self._log = log

    @cached_property
    def _versions(self) -> list[tuple[datetime.datetime, str, str]]:
        """The author's date in local time, the commit and the path of each version, newest commit first."""
        path, repository = _find_path(self._log), self._log.repository
        listed = follow_file(repository, path, _find_ref(self._log)) if repository is not None and path else []
        return [(datetime.datetime.fromtimestamp(one.authored), one.commit, one.path) for one in listed]  # noqa: DTZ006

    def goes_on_after(self, moment: datetime.datetime) -> bool:
        """Return whether the log was committed at or after a local time."""
        return any(when >= moment for when, _, _ in self._versions)

    def read_before(self, moment: datetime.datetime) -> LogVersion | None:
        """Return the newest version, by the author's date, from before a local time; None if there is none."""
        earlier = [version for version in self._versions if version[0] < moment]
        if not earlier:
            return None
        _, commit, path = max(earlier, key=lambda version: version[0])
        return _read_version(self._log, (commit, path))


class Change(NamedTuple):
    """A change of what the log says of an experiment or a step.

    Attributes:
        commit: The commit of the log that made it.
        old: What the log said before: a TODO keyword, a verdict; None if it said nothing.
    """

    commit: Commit
    old: str | None


class _Line(NamedTuple):
    """A line of the log that is followed through its history.

    Attributes:
        ref: The reference of the step or experiment that it is about.
        experiment: The experiment, in the version where the line is.
        number: The 1-based number of the line.
        what: What it tells: the `state` of a step or experiment, the state of the heading of the `conclusion`, or the
            `verdict`.
        says: What it says: the state of a step, the kind of another state, or a verdict in lower case.
        step: The step whose checkbox it has, or None.
    """

    ref: str
    experiment: Experiment
    number: int
    what: str
    says: str | None
    step: Step | None = None


def find_ticking_commits(log: LogFile, steps: Mapping[str, tuple[Experiment, Step]]) -> dict[str, Commit]:
    """Return the commit of the log in which each step's checkbox was first ticked, by the step's reference.

    Steps whose checkbox was ticked when the log was added to git, or when they were imported, are left out, as are
    those that are not committed.

    Args:
        log: The log.
        steps: Experiment and step by the step's reference, as read from the log's file.
    """
    lines = [_Line(step.ref, experiment, step.line, "state", "done", step) for experiment, step in steps.values()]
    return {ref: change.commit for (ref, _), change in _find_changes(log, lines).items()}


def find_state_changes(
    log: LogFile, experiments: Iterable[Experiment], version: LogVersion | None = None
) -> dict[str, Change]:
    """Return the change in which each experiment got its state, or another one of the same kind, by its reference.

    It tells when this was where the log has no dates of it (without `#+STARTUP: logdone`). A closed experiment whose
    conclusion has a heading that is closed later was closed then. Experiments that had their state when the log was
    added to git, or when they were imported, are left out, as are those whose state is not committed.

    Args:
        log: The log.
        experiments: The experiments, as they are in the version.
        version: A version in the log's history; None for the log's file.
    """
    lines = []
    for one in experiments:
        lines += [_find_line(one, "state")] if one.state is not None else []
        heading = one.conclusions_heading if one.is_done else None
        is_closed = heading is not None and one.document.settings.is_done(heading.state)
        lines += [_find_line(one, "conclusion")] if is_closed else []
    found: dict[str, Change] = {}
    for (ref, _), change in _find_changes(log, lines, version).items():
        if ref not in found or found[ref].commit.authored < change.commit.authored:
            found[ref] = change
    return found


def find_verdict_changes(
    log: LogFile, experiments: Iterable[Experiment], version: LogVersion | None = None
) -> dict[str, Change]:
    """Return the change in which each experiment got its verdict, by its reference; as `find_state_changes`."""
    lines = [_find_line(one, "verdict") for one in experiments if one.conclusion.verdict]
    return {ref: change for (ref, _), change in _find_changes(log, lines, version).items()}


def _find_line(experiment: Experiment, what: str) -> _Line:
    """Return the line that tells the state or the verdict of an experiment, or the state of its conclusion."""
    heading = experiment.heading
    if what == "verdict":
        verdict = experiment.conclusion.verdict
        says = verdict.casefold() if verdict else None
        return _Line(experiment.ref, experiment, _find_verdict_line(experiment), what, says)
    if what == "conclusion":
        heading = experiment.conclusions_heading or heading
    kind = get_state_kind(heading.state, experiment.document.settings)
    return _Line(experiment.ref, experiment, heading.line_number, what, kind)


def _find_verdict_line(experiment: Experiment) -> int:
    """Return the 1-based number of the line with the verdict: in a property drawer, else in the conclusion."""
    for heading in (experiment.conclusions_heading, experiment.heading):
        match = heading.drawer if heading is not None else None
        at = match.group().upper().find(b":VERDICT:") if match is not None else -1
        if match is not None and at >= 0:
            return experiment.document.source.line_number(match.start() + at)
    return max((entry.line for entry in experiment.conclusion.entries if entry.verdict), default=experiment.line)


def _find_changes(log: LogFile, lines: list[_Line], version: LogVersion | None = None) -> dict[tuple[str, str], Change]:
    """Return the change that made each line say what it says, by its reference and what it tells.

    One `git blame` finds the commit that last changed each line. If it says the same in the version before that commit
    (it was reworded, or another step was inserted before it), the search continues there.
    """
    repository = log.repository
    path = _find_path(log)
    if repository is None or path is None or not lines or not _can_be_blamed(log, path):
        return {}
    if version is not None:
        pending = {(version.commit, version.path): lines}
    else:
        pending = _find_saved(log, lines) if log.is_apart else {("", path): lines}
    found: dict[tuple[str, str], tuple[str, str | None]] = {}
    versions: dict[tuple[str, str], LogVersion | None] = {}
    for _ in range(_ROUNDS):
        following: dict[tuple[str, str], list[_Line]] = {}
        for (revision, name), followed in pending.items():
            blames = {
                one.line: one for one in blame(repository, name, {line.number for line in followed}, revision or None)
            }
            for line in followed:
                blamed = blames.get(line.number)
                found.pop((line.ref, line.what), None)
                if blamed is None or blamed.commit is None or blamed.before is None:
                    continue
                if blamed.before not in versions:
                    versions[blamed.before] = _read_version(log, blamed.before)
                before = _find_before(versions[blamed.before], line)
                if before is None and _is_imported(line, versions[blamed.before]):
                    continue
                found[line.ref, line.what] = blamed.commit, _spell(before)
                if before is not None and before.says == line.says:
                    following.setdefault(blamed.before, []).append(before)
        pending = following
    commits = read_commits_by_hash(repository, tuple(sorted({commit for commit, _ in found.values()})))
    return {key: Change(commits[name], old) for key, (name, old) in found.items() if name in commits}


def _is_imported(line: _Line, before: LogVersion | None) -> bool:
    """Return whether an experiment came with an import, so that what it said then had been so earlier."""
    is_new = before is None or before.find(line.experiment) is None
    return is_new and line.experiment.heading.property(SOURCE) is not None


def _find_path(log: LogFile) -> str | None:
    """Return the path of the log in its history; None without git."""
    if log.repository is None or not is_installed():
        return None
    return log.name if log.is_apart else path_in(log.repository, log.path)


def _find_ref(log: LogFile) -> str:
    """Return the revision whose history has the log."""
    return LOG_REF if log.is_apart else "HEAD"


def _find_saved(log: LogFile, lines: list[_Line]) -> dict[tuple[str, str], list[_Line]]:
    """Return the lines in the newest version of a log that is kept apart; those not saved yet are left out."""
    tip = find_tip(log.repository, LOG_REF) if log.repository is not None else None
    saved = _read_version(log, (tip, log.name)) if tip is not None else None
    if tip is None or saved is None:
        return {}
    found = ((line, _find_before(saved, line)) for line in lines)
    return {(tip, log.name): [one for line, one in found if one is not None and one.says == line.says]}


def _can_be_blamed(log: LogFile, path: str) -> bool:
    """Return whether all versions of the log can be compared within some seconds."""
    repository = log.repository
    size = log.path.stat().st_size
    if repository is None or size <= 1 << 20:
        return True
    count = repository.read("rev-list", "--count", _find_ref(log), "--", f":(top,literal){path}") or b"0"
    return int(count) * size <= _BLAMED_BYTES


def _read_version(log: LogFile, place: tuple[str, str]) -> LogVersion | None:
    """Return the log as of a commit, or None if it is not there."""
    content = read_file_at(log.repository, *place) if log.repository is not None else None
    return LogVersion(log, *place, content) if content is not None else None


def _find_before(version: LogVersion | None, line: _Line) -> _Line | None:
    """Return the line of a version that tells of the same, or None if none does."""
    experiment = version.find(line.experiment) if version is not None else None
    if experiment is None:
        return None
    if line.step is None:
        return _find_line(experiment, line.what)._replace(ref=line.ref)
    same = [step for step in experiment.steps if step.text == line.step.text]
    same = same or [step for step in experiment.steps if step.number == line.step.number]
    return _Line(line.ref, experiment, same[0].line, line.what, same[0].state, same[0]) if same else None


def _spell(line: _Line | None) -> str | None:
    """Return what a line says, as it is written in the log; None without one."""
    if line is None or line.step is not None:
        return line.says if line is not None else None
    return line.experiment.conclusion.verdict if line.what == "verdict" else line.experiment.state
