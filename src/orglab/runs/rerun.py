"""A run is done again: its command, on its code in a working tree of its own, as far as it can be had."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from orglab.errors import NotFoundError, NotWritableError
from orglab.git import Repository
from orglab.git.hashed_file import hash_file
from orglab.git.trees import add_worktree, find_ignored_paths, has_commit, remove_worktree
from orglab.log.log import LogFile
from orglab.runs.comparison import find_differences
from orglab.runs.description import value_text
from orglab.runs.environment import find_python, read_python
from orglab.runs.launch import launch
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run, find_run
from orglab.runs.run_request import RunRequest
from orglab.runs.storage import HIDDEN_FOLDER, find_worktrees_folder
from orglab.text import Tell, listed


def rerun(log: LogFile, name: str, tell: Tell, *, links: Sequence[str] = (), keep: bool = False) -> int:
    """Run the command of a run again, on its code, and return its exit code.

    The code is checked out into a working tree of its own, so nothing of the present one changes.  Afterwards there
    is a record of the new run; what could not be reproduced is told, and whether metrics and files came out the same.

    Args:
        log: The log.
        name: The run's id, or its begin or end.
        tell: Hears sentences for the user.
        links: What git ignores and the command needs, such as `data`: linked into the working tree.
        keep: Whether the working tree stays.

    Raises:
        NotFoundError: There is no such run, or its code is not here.
        GitError: git refuses to make the working tree.
    """
    run = find_run(LogRuns(log).all, name)
    repository, commit = _code(log, run)
    with _worktree(repository, commit, tell, keep=keep) as place:
        folder = place / (run.cwd or ".")
        for why in [*_missing(run, repository, place, links), *_changed(run, folder, repository)]:
            tell(f"Not reproduced: {why}.")
        if not folder.is_dir():
            raise NotFoundError(f"The folder {run.cwd} of the run {run.id} is not in its commit.")
        before = {one.id for one in LogRuns(log).all}
        metrics = run.fields.get("metrics_file")
        request = RunRequest(
            run.ref, run.argv,
            results=tuple(place / path for path in run.fields.get("results") or ()),
            metrics=place / metrics if isinstance(metrics, str) else None,
            printed_metrics=run.fields.get("printed_metrics") is True, pty=run.fields.get("pty") is True,
            why=f"A rerun of {run.id}", folder=folder, commit_results=False,
            environment=run.environment, extra_fields={"rerun_of": run.id},
        )  # fmt: skip
        code = launch(log, request, tell)
        again = next(
            (one for one in LogRuns(log).all if one.id not in before and one.fields.get("rerun_of") == run.id),
            None,
        )
        if again is not None:
            for line in _compared(run, again):
                tell(line)
    return code


def _code(log: LogFile, run: Run) -> tuple[Repository, str]:
    """Return the repository and the commit of a run's code.

    Raises:
        NotFoundError: They are not here.
    """
    commit = run.code
    if log.repository is None or commit is None:
        raise NotFoundError(f"The run {run.id} names no commit, so its code is not known.")
    if not has_commit(log.repository, commit):
        raise NotFoundError(f"The commit {commit} of the run {run.id} is not here; fetch it from {run.host} first.")
    return log.repository, commit


@contextlib.contextmanager
def _worktree(repository: Repository, commit: str, tell: Tell, *, keep: bool) -> Iterator[Path]:
    """Have a working tree of a commit for a while."""
    folder = find_worktrees_folder(repository)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f"{commit[:7]}-", dir=folder))
    except OSError as error:
        raise NotWritableError(f"No working tree can be made in {folder}: {error.strerror}.") from error
    try:
        add_worktree(repository, place, commit)
        yield place
    finally:
        if keep:
            tell(f"The working tree stays: {place}; remove it with `git worktree remove --force`.")
        else:
            remove_worktree(repository, place)


def _missing(run: Run, repository: Repository, place: Path, links: Sequence[str]) -> Iterator[str]:
    """Bring what no commit holds into a working tree, and yield what cannot be brought."""
    for large in run.large_files:
        source = repository.top / large.path
        if source.is_file() and hash_file(source) == large.sha256:
            (place / large.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / large.path)
        else:
            yield f"{large.path} ({large.size} bytes) is not here as it was, and no commit holds it"
    if run.uncaptured:
        yield f"no commit holds {listed(run.uncaptured)}"
    if run.untracked:
        yield f"git did not know {listed(run.untracked)}"
    for link in links:
        target = place / link
        if os.path.lexists(repository.top / link) and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(repository.top / link)
    made = (run.fields.get("metrics_file"), *(one.path for one in run.outputs), *links)
    brought = {path.rstrip("/") for path in made if isinstance(path, str)}
    unwanted = (f"{HIDDEN_FOLDER}/", "__pycache__")
    ignored = [path for path in find_ignored_paths(repository) if not any(part in path for part in unwanted)]
    left = [path for path in ignored if path.rstrip("/") not in brought]
    if left:
        yield f"git ignores {listed(left)} (bring what is needed with --link)"


def _changed(run: Run, folder: Path, repository: Repository) -> Iterator[str]:
    """Yield what is different around the command."""
    top = os.fspath(repository.top.resolve())
    if any(top in argument for argument in run.argv):
        yield f"the command names files of {top}, which are those of now"
    python = find_python(run.argv, folder, repository.top)
    version, packages = read_python(python) if python is not None else (None, {})
    if run.python is not None and version != run.python:
        yield f"the Python is {version or 'none'}, and was {run.python}"
    changed = find_differences(run.packages, packages) if run.packages else {}
    if changed:
        pairs = [f"{name} {new or 'none'} (was {old or 'none'})" for name, (old, new) in changed.items()]
        yield f"packages are others: {listed(pairs)}"
    host = os.uname().nodename
    if run.host is not None and run.host != host:
        yield f"this is {host}, and it ran on {run.host}"


def _compared(run: Run, again: Run) -> Iterator[str]:
    """Yield what came out the same, and what did not."""
    metrics = [name for name in run.metrics if run.metrics[name] != again.metrics.get(name)]
    if run.metrics:
        now = {name: value_text(value) for name, value in again.metrics.items()}
        other = [f"{name} {now.get(name, 'none')} (was {value_text(run.metrics[name])})" for name in metrics]
        yield f"The metrics are others: {listed(other)}." if metrics else "The metrics are the same."
    before = {one.path: one.sha256 for one in run.outputs}
    after = {one.path: one.sha256 for one in again.outputs}
    files = [path for path in before if before[path] != after.get(path)]
    if before:
        yield f"Files came out different: {listed(files)}." if files else "The files came out the same, byte for byte."
