"""The git history of the log's text: the commits in which checkboxes were ticked and experiments closed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orglab.errors import NotFoundError, OrglabError
from orglab.experiment.lookup import find_experiment
from orglab.experiment.model import Experiment, Step
from orglab.git import is_installed
from orglab.git.commit import Commit, read_commits_by_hash
from orglab.git.files import blame, path_in, read_file_at
from orglab.git.log_branch import LOG_REF, find_tip
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.reference import Reference

# How many versions back a line is followed whose box was already ticked, or whose heading was already closed.
_ROUNDS = 20
# How many bytes of the log's versions `git blame` may compare: this takes some seconds.
_BLAMED_BYTES = 4 << 30


class _Line(NamedTuple):
    """A line of the log that is followed through its history.

    Attributes:
        ref: The reference of the step or experiment that it is about.
        experiment: The experiment, in the version where the line is.
        step: The step whose checkbox it has, or None for a heading that is closed.
        number: The 1-based number of the line.
    """

    ref: str
    experiment: Experiment
    step: Step | None
    number: int


def find_ticking_commits(log: LogFile, steps: Mapping[str, tuple[Experiment, Step]]) -> dict[str, Commit]:
    """Return the commit of the log in which each step's checkbox was first ticked, by the step's reference.

    Steps whose checkbox was ticked when the log was added to git are left out, as are those that are not committed.

    Args:
        log: The log.
        steps: Experiment and step by the step's reference, as read from the log's file.
    """
    return _find_first_commits(
        log, [_Line(step.ref, experiment, step, step.line) for experiment, step in steps.values()]
    )


def find_closing_commits(log: LogFile, experiments: Iterable[Experiment]) -> dict[str, Commit]:
    """Return the commit of the log in which each experiment was closed, by its reference.

    It tells when this was where the log has no closing dates (without `#+STARTUP: logdone`). The heading of the
    conclusion counts if it has a state, else that of the experiment. Experiments that were closed when the log was
    added to git are left out, as are those whose closing is not committed.

    Args:
        log: The log.
        experiments: Closed experiments, as read from the log's file.
    """
    lines = (_find_closed(experiment) for experiment in experiments)
    return _find_first_commits(log, [line for line in lines if line is not None])


def _find_closed(experiment: Experiment) -> _Line | None:
    """Return the line that says that an experiment is closed."""
    heading = experiment.child(experiment.config.conclusions)
    closed = heading if heading is not None and heading.state is not None else experiment.heading
    is_closed = experiment.document.settings.is_done(closed.state)
    return _Line(experiment.ref, experiment, None, closed.line_number) if is_closed else None


def _find_first_commits(log: LogFile, lines: list[_Line]) -> dict[str, Commit]:
    """Return the commit that first ticked or closed what each line is about, by its reference.

    One `git blame` finds the commit that last changed each line. If it says the same in the version before that commit
    (it was reworded, or another step was inserted before it), the search continues there.
    """
    repository = log.repository
    path = _find_path(log)
    if repository is None or path is None or not lines or not _can_be_blamed(log, path):
        return {}
    pending = _find_saved(log, lines) if log.is_apart else {("", path): lines}
    hashes: dict[str, str] = {}
    versions: dict[tuple[str, str], Document | None] = {}
    for _ in range(_ROUNDS):
        following: dict[tuple[str, str], list[_Line]] = {}
        for (revision, name), followed in pending.items():
            by_number = {line.number: line for line in followed}
            for blamed in blame(repository, name, by_number, revision or None):
                line = by_number[blamed.line]
                hashes.pop(line.ref, None)
                if blamed.commit is None or blamed.before is None:
                    continue
                if blamed.before not in versions:
                    versions[blamed.before] = _read_version(log, blamed.before)
                version = versions[blamed.before]
                hashes[line.ref] = blamed.commit
                if version is not None and (before := _find_before(version, log, line)) is not None:
                    following.setdefault(blamed.before, []).append(before)
        pending = following
    commits = read_commits_by_hash(repository, tuple(sorted(set(hashes.values()))))
    return {ref: commits[name] for ref, name in hashes.items() if name in commits}


def _find_path(log: LogFile) -> str | None:
    """Return the path of the log in its history; None without git."""
    if log.repository is None or not is_installed():
        return None
    return log.name if log.is_apart else path_in(log.repository, log.path)


def _read_tip(log: LogFile) -> tuple[str | None, Document | None]:
    """Return the newest commit of the branch of a log that is kept apart, and the log there."""
    tip = find_tip(log.repository, LOG_REF) if log.repository is not None else None
    text = read_file_at(log.repository, tip, log.name) if log.repository is not None and tip is not None else None
    return tip, log.parse(text) if text is not None else None


def _find_saved(log: LogFile, lines: list[_Line]) -> dict[tuple[str, str], list[_Line]]:
    """Return the lines in the newest version of a log that is kept apart; those not saved yet are left out."""
    tip, saved = _read_tip(log)
    if tip is None or saved is None:
        return {}
    return {(tip, log.name): [before for line in lines if (before := _find_before(saved, log, line)) is not None]}


def _can_be_blamed(log: LogFile, path: str) -> bool:
    """Return whether all versions of the log can be compared within some seconds."""
    repository = log.repository
    size = log.path.stat().st_size
    if repository is None or size <= 1 << 20:
        return True
    count = (
        repository.read("rev-list", "--count", LOG_REF if log.is_apart else "HEAD", "--", f":(top,literal){path}")
        or b"0"
    )
    return int(count) * size <= _BLAMED_BYTES


def _read_version(log: LogFile, before: tuple[str, str]) -> Document | None:
    """Return the log as of a commit, or None if it is not there."""
    content = read_file_at(log.repository, *before) if log.repository is not None else None
    return Document(content, log.config.keywords) if content is not None else None


def _find_before(version: Document, log: LogFile, line: _Line) -> _Line | None:
    """Return the line of a version of the log that says the same, or None if its step or heading was open there."""
    experiment = _find_experiment(version, log, line.experiment)
    if experiment is None:
        return None
    if line.step is None:
        before = _find_closed(experiment)
        return before._replace(ref=line.ref) if before is not None else None
    same = [step for step in experiment.steps if step.text == line.step.text]
    same = same or [step for step in experiment.steps if step.number == line.step.number]
    if not same or same[0].state != "done":
        return None
    return _Line(line.ref, experiment, same[0], same[0].line)


def _find_experiment(version: Document, log: LogFile, experiment: Experiment) -> Experiment | None:
    """Return an experiment in a version of the log.

    If no experiment had its id yet, that is the only heading of the same title, which had not been made an experiment.
    """
    try:
        return find_experiment(version, Reference(experiment.id), log.config, log.path)
    except NotFoundError:
        candidates = (Experiment(heading, log.config, experiment.file) for heading in version.headings())
        same = [one for one in candidates if one.title == experiment.title]
        return same[0] if len(same) == 1 else None
    except OrglabError:
        return None
