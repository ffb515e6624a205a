"""The git history of the log's text: the commits in which checkboxes were ticked and experiments closed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orglab.errors import OrglabError
from orglab.experiment.lookup import find_experiment, find_step
from orglab.experiment.model import Experiment, Step
from orglab.git import is_installed
from orglab.git.commit import Commit, read_commits_by_hash
from orglab.git.files import blame, path_in, read_file_at
from orglab.git.log_branch import LOG_REF, find_tip
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.org.source import encode
from orglab.reference import Reference

# How many versions back a step is followed when a commit changed a line that was already ticked.
_ROUNDS = 20
# How many bytes of the log's versions `git blame` may compare: this takes some seconds.
_BLAMED_BYTES = 4 << 30


class TickingCommits(NamedTuple):
    """The commits of the log in which checkboxes were first ticked, by the references of their steps.

    Attributes:
        ticked: Those that ticked a checkbox of the log.
        imported: Those that added the log to git, in which the checkbox was ticked already.
    """

    ticked: Mapping[str, Commit] = {}
    imported: Mapping[str, Commit] = {}


def find_ticking_commits(log: LogFile, steps: dict[str, tuple[Experiment, Step]]) -> TickingCommits:
    """Return the commit of the log in which each step's checkbox was first ticked, by the step's reference.

    One `git blame` finds the commit that last changed each step's line.  If the step was already ticked in the version
    before that commit (it was reworded, or another step was inserted before it), the search continues there.  Steps
    ticked but not committed yet are left out.

    Args:
        log: The log.
        steps: Experiment and step by the step's reference, as read from the log's file.
    """
    repository = log.repository
    path = _find_path(log)
    if repository is None or path is None or not _can_be_blamed(log, path):
        return TickingCommits()
    hashes: dict[str, str] = {}
    imported: set[str] = set()
    versions: dict[tuple[str, str] | None, Document | None] = {}
    pending = {("", path): {step.line: (experiment, step, step.ref) for experiment, step in steps.values()}}
    if log.is_apart:
        pending = _find_in_history(log, steps)
    for _ in range(_ROUNDS):
        following: dict[tuple[str, str], dict[int, tuple[Experiment, Step, str]]] = {}
        for (revision, name), lines in pending.items():
            for blamed in blame(repository, name, lines, revision or None):
                experiment, step, ref = lines[blamed.line]
                if blamed.commit is None:
                    continue
                hashes[ref] = blamed.commit
                if blamed.before is None:
                    imported.add(ref)
                if blamed.before not in versions:
                    versions[blamed.before] = _read_version(log, blamed.before)
                version = versions[blamed.before]
                before = _find_ticked_step(version, log, experiment, step) if version is not None else None
                if before is not None and blamed.before is not None:
                    following.setdefault(blamed.before, {})[before.line] = (experiment, before, ref)
        pending = following
    commits = read_commits_by_hash(repository, tuple(sorted(set(hashes.values()))))
    known = {ref: commits[name] for ref, name in hashes.items() if name in commits}
    return TickingCommits(
        {ref: commit for ref, commit in known.items() if ref not in imported},
        {ref: commit for ref, commit in known.items() if ref in imported},
    )


def find_closing_commits(log: LogFile, experiments: Iterable[Experiment]) -> dict[str, Commit]:
    """Return the commit of the log that last changed the heading of each experiment's conclusion, by its reference.

    It tells when an experiment was closed where the log has no closing dates (without `#+STARTUP: logdone`).

    Args:
        log: The log.
        experiments: Closed experiments, as read from the log's file.
    """
    repository = log.repository
    path = _find_path(log)
    lines = {}
    tip, saved = _read_tip(log) if repository is not None and path is not None and log.is_apart else (None, None)
    for current in experiments:
        experiment = _find_saved(log, saved, current) if saved is not None else current
        if experiment is None:
            continue
        heading = experiment.child(log.config.conclusions)
        line = heading.line_number if heading is not None and heading.state is not None else experiment.line
        lines[line] = experiment.ref
    if repository is None or path is None or not lines or not _can_be_blamed(log, path):
        return {}
    if log.is_apart and tip is None:
        return {}
    blamed_lines = blame(repository, path, lines, tip)
    hashes = {lines[blamed.line]: blamed.commit for blamed in blamed_lines if blamed.commit is not None}
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


def _find_saved(log: LogFile, saved: Document, experiment: Experiment) -> Experiment | None:
    """Return an experiment as a version of the log has it, or None if it has it otherwise."""
    try:
        found = find_experiment(saved, Reference(experiment.id), log.config, log.path)
    except OrglabError:
        return None
    return found if found.state == experiment.state else None


def _find_in_history(
    log: LogFile, steps: dict[str, tuple[Experiment, Step]]
) -> dict[tuple[str, str], dict[int, tuple[Experiment, Step, str]]]:
    """Return the lines of steps in the newest version of a log that is kept apart; those not saved yet are left out."""
    tip, saved = _read_tip(log)
    if tip is None or saved is None:
        return {}
    lines = {}
    for experiment, step in steps.values():
        before = _find_ticked_step(saved, log, experiment, step)
        if before is not None:
            lines[before.line] = (experiment, before, step.ref)
    return {(tip, log.name): lines}


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


def _read_version(log: LogFile, before: tuple[str, str] | None) -> Document | None:
    """Return the log as of a commit, or None if no step was ticked in it."""
    content = read_file_at(log.repository, *before) if log.repository is not None and before is not None else None
    # Checked on the bytes, so that most versions need not be parsed.
    is_empty = content is None or encode(f":{log.config.tag}:") not in content or b"[X]" not in content.upper()
    return None if content is None or is_empty else Document(content, log.config.keywords)


def _find_ticked_step(document: Document, log: LogFile, experiment: Experiment, step: Step) -> Step | None:
    """Return the step of a version of the log with the same text, else the same number; None if it is not ticked."""
    try:
        old = find_experiment(document, Reference(experiment.id), log.config, log.path)
        same = [other for other in old.steps if other.text == step.text]
        before = same[0] if same else find_step(old, Reference(experiment.id, step.number))
    except OrglabError:
        return None
    return before if before.state == "done" else None
