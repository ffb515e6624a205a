"""A run in a working tree of its own: on the present code of the user's, who may edit that meanwhile."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from orglab.errors import GitError, UsageError
from orglab.git import Repository
from orglab.git.process import NO_HOOKS
from orglab.runs.code_tree import is_below, open_code_tree, redirect_imports
from orglab.runs.job import Job
from orglab.runs.preparation import make_job, save_code
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.tree_files import save_files
from orglab.runs.working_state import WorkingState


@contextlib.contextmanager
def enter_own_tree(job: Job) -> Iterator[tuple[Job, WorkingState]]:
    """Yield a job that runs in a working tree of its own, and its code; the working tree is removed afterwards.

    What the run wrote there and no commit has, such as ignored weights, is moved to the folder of its record before.

    Args:
        job: The job, as if it ran where the user is; its request asks for a snapshot.

    Raises:
        UsageError: There is no git, or the job is part of one of a scheduler.
        GitError: The code cannot be captured, or git cannot make the working tree.
    """
    home = job.repository
    if home is None:
        raise UsageError("--worktree needs a git repository; create one with `git init`.")
    if job.batch is not None:
        raise UsageError(
            "--worktree is not for the jobs of a scheduler, which may go on with a run on another machine."
        )
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
    top = os.path.realpath(home.top)

    def move(path: Path) -> Path:
        name = os.path.relpath(Path(os.path.realpath(path.parent), path.name), top)
        return path if name.startswith("..") else Path(os.path.normpath(tree / name))

    folder = move(job.folder.absolute())
    if is_below(tree, os.path.relpath(folder, tree)):
        folder.mkdir(parents=True, exist_ok=True)
    environment = redirect_imports(request.argv, dict(request.environment or {}), home, tree, folder, job.tell)
    results = tuple(move(path.absolute()) for path in request.results)
    request = request._replace(folder=folder, results=results, environment=environment)
    moved = make_job(job.log, request, job.ref, job.record, job.tell)
    return moved._replace(home=home, earlier_runs=job.earlier_runs)
