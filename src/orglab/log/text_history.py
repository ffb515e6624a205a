"""What git tells of the log's own text: in which commit a box was ticked, and an experiment closed."""

from collections.abc import Iterable

from orglab.errors import OrglabError
from orglab.experiment.lookup import find_experiment, find_step
from orglab.experiment.model import Experiment, Step
from orglab.git import is_installed
from orglab.git.commit import Commit, read_commits_by_hash
from orglab.git.files import blame, path_in, read_file_at
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.org.source import encode
from orglab.reference import Reference

# How often a step is followed to the version before, where a line that was ticked already was changed.
_ROUNDS = 20
# How many bytes of the log's versions `git blame` may have to compare: some seconds.
_BLAMED_BYTES = 4 << 30


def find_ticking_commits(log: LogFile, steps: dict[str, tuple[Experiment, Step]]) -> dict[str, Commit]:
    """Return the commit of the log in which the box of each step was first ticked, by the step's reference.

    The step's line is blamed, all lines by one git; where it was ticked in the version before already (its words were
    changed, or a step was put before it) it is followed there.  What was ticked and is not committed has none.

    Args:
        log: The log.
        steps: Experiment and step by the step's reference, as they stand in the log's file.
    """
    repository = log.repository
    path = path_in(repository, log.path) if repository is not None and is_installed() else None
    if repository is None or path is None or not _can_be_blamed(log, path):
        return {}
    found: dict[str, str] = {}
    versions: dict[tuple[str, str] | None, Document | None] = {}
    pending = {("", path): {step.line: (experiment, step, step.ref) for experiment, step in steps.values()}}
    for _ in range(_ROUNDS):
        following: dict[tuple[str, str], dict[int, tuple[Experiment, Step, str]]] = {}
        for (revision, name), lines in pending.items():
            for blamed in blame(repository, name, lines, revision or None):
                experiment, step, ref = lines[blamed.line]
                if blamed.commit is None:
                    continue
                found[ref] = blamed.commit
                if blamed.before not in versions:
                    versions[blamed.before] = _version(log, blamed.before)
                version = versions[blamed.before]
                before = _ticked_in(version, log, experiment, step) if version is not None else None
                if before is not None and blamed.before is not None:
                    following.setdefault(blamed.before, {})[before.line] = (experiment, before, ref)
        pending = following
    known = read_commits_by_hash(repository, tuple(sorted(set(found.values()))))
    return {ref: known[commit] for ref, commit in found.items() if commit in known}


def find_closing_commits(log: LogFile, experiments: Iterable[Experiment]) -> dict[str, Commit]:
    """Return the commit of the log that wrote the heading of each experiment's conclusion as it is, by its reference.

    That is when it was closed, where the log keeps no dates of it (without `#+STARTUP: logdone`).

    Args:
        log: The log.
        experiments: Some that are closed, as they stand in the log's file.
    """
    repository = log.repository
    path = path_in(repository, log.path) if repository is not None and is_installed() else None
    lines = {}
    for one in experiments:
        heading = one.child(log.config.conclusions)
        lines[heading.line_number if heading is not None and heading.state is not None else one.line] = one.ref
    if repository is None or path is None or not lines or not _can_be_blamed(log, path):
        return {}
    found = {lines[one.line]: one.commit for one in blame(repository, path, lines) if one.commit is not None}
    known = read_commits_by_hash(repository, tuple(sorted(set(found.values()))))
    return {ref: known[commit] for ref, commit in found.items() if commit in known}


def _can_be_blamed(log: LogFile, path: str) -> bool:
    """Return whether all versions of the log can be compared in some seconds."""
    repository = log.repository
    size = log.path.stat().st_size
    if repository is None or size <= 1 << 20:
        return True
    count = repository.read("rev-list", "--count", "HEAD", "--", f":(top,literal){path}") or b"0"
    return int(count) * size <= _BLAMED_BYTES


def _version(log: LogFile, before: tuple[str, str] | None) -> Document | None:
    """Return the log as it was in a commit, or None if nothing was ticked there."""
    content = read_file_at(log.repository, *before) if log.repository is not None and before is not None else None
    # Most are not parsed to say that.
    is_empty = content is None or encode(f":{log.config.tag}:") not in content or b"[X]" not in content.upper()
    return None if content is None or is_empty else Document(content, log.config.keywords)


def _ticked_in(document: Document, log: LogFile, experiment: Experiment, step: Step) -> Step | None:
    """Return a step as it was in a version of the log, if its box was ticked there: that of its words, else number."""
    try:
        then = find_experiment(document, Reference(experiment.id), log.config, log.path)
        same = [one for one in then.steps if one.text == step.text]
        before = same[0] if same else find_step(then, Reference(experiment.id, step.number))
    except OrglabError:
        return None
    return before if before.state == "done" else None
