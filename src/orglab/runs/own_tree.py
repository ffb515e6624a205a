"""A run in a working tree of its own: on the present code of the user's, who may edit that meanwhile."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from orglab.errors import GitError, UsageError
from orglab.git import Repository
from orglab.git.process import NO_HOOKS
from orglab.git.untracked import ENVIRONMENT_MARKS
from orglab.runs.code_tree import is_below, open_code_tree, redirect_imports
from orglab.runs.job import Job
from orglab.runs.preparation import make_job, save_code
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.tree_files import save_files
from orglab.runs.working_state import WorkingState
from orglab.text import listed


@contextlib.contextmanager
def enter_own_tree(job: Job) -> Iterator[tuple[Job, WorkingState]]:
    """Yield a job that runs in a working tree of its own, and its code; the working tree is removed afterwards.

    What the run wrote there and no commit has, such as ignored weights, is moved to the folder of its record before.

    Args:
        job: The job, as if it ran where the user is; its request asks for a snapshot.

    Raises:
        UsageError: There is no git, the job is part of one of a scheduler, or the command names files of the user's.
        GitError: The code cannot be captured, or git cannot make the working tree.
    """
    home = job.repository
    if home is None:
        raise UsageError("--worktree needs a git repository; create one with `git init`.")
    if job.batch is not None:
        raise UsageError(
            "--worktree is not for the jobs of a scheduler, which may go on with a run on another machine."
        )
    _require_relative(job, home)
    state = save_code(job)
    if state.code is None or state.head is None:
        raise GitError(f"{home.git_dir} is not writable, so there can be no working tree of its own.")
    run = Run(job.record.folder, {"argv": list(job.request.argv), **state.record_fields()})
    with open_code_tree(job.log, home, run, state.code, job.tell) as (tree, keep):
        if state.code != state.head:
            # As in the user's working tree, the changes are uncommitted; `git describe --dirty` tells so.
            Repository(tree, tree, tree).run("reset", "--quiet", state.head, environment=NO_HOOKS)
        is_saved = False
        try:
            yield _move_job(job, home, tree), state
        finally:
            try:
                is_saved = save_files(read_run(job.record.folder) or run, home, tree, job.tell)
            finally:
                # Whatever happens, nothing is removed that is nowhere else.
                if not is_saved:
                    keep()


def _move_job(job: Job, home: Repository, tree: Path) -> Job:
    """Return a job as it is in another working tree."""
    request = job.request

    def move(path: Path) -> Path:
        name = _find_inner(home, path)
        return path if name is None else Path(os.path.normpath(tree / name))

    folder = move(job.folder.absolute())
    if is_below(tree, os.path.relpath(folder, tree)):
        folder.mkdir(parents=True, exist_ok=True)
    environment = redirect_imports(request.argv, dict(request.environment or {}), home, tree, folder, job.tell)
    results = tuple(move(path.absolute()) for path in request.results)
    metrics = tuple(os.fspath(move(Path(name))) if Path(name).is_absolute() else name for name in request.metrics)
    request = request._replace(folder=folder, results=results, metrics=metrics, environment=environment)
    moved = make_job(job.log, request, job.ref, job.record, job.tell)
    return moved._replace(home=home, earlier_runs=job.earlier_runs)


def _find_inner(home: Repository, path: Path) -> str | None:
    """Return an absolute path relative to the top of the user's working tree; None if it is not in that."""
    name = os.path.relpath(Path(os.path.realpath(path.parent), path.name), os.path.realpath(home.top))
    return None if Path(name).parts[:1] == ("..",) else name


def _require_relative(job: Job, home: Repository) -> None:
    """Check that the command names no file of the user's working tree that the run has, or makes, in its own.

    What git ignores, such as data, and environments are only there, so they may be named.

    Raises:
        UsageError: It names one, by its absolute path.
    """
    words = (part for word in job.request.argv for part in (word, word.partition("=")[2]) if part.startswith(os.sep))
    inner = {word: name for word in words if (name := _find_inner(home, Path(os.path.normpath(word)))) is not None}
    if not inner:
        return
    stdin = b"".join(os.fsencode(name) + b"\0" for name in inner.values())
    ignored = (home.at_top.read("check-ignore", "-z", "--stdin", stdin=stdin) or b"").split(b"\0")

    def is_shared(name: str) -> bool:
        folders = [*(home.top / name).parents][: len(Path(name).parts)]
        is_environment = any((folder / mark).exists() for folder in folders for mark in ENVIRONMENT_MARKS)
        return os.fsencode(name) in ignored or is_environment or name.startswith(".git" + os.sep)

    if own := [word for word, name in inner.items() if not is_shared(name)]:
        raise UsageError(
            f"With --worktree, the command would use {listed(own)} of your working tree; "
            "name it relative to the folder that the command runs in."
        )
