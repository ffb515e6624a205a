"""Commit the results of a run that could not do that itself: one of a scheduler's job, or one that a script made."""

import contextlib

from orglab.errors import OrglabError
from orglab.git import Repository
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.reachability import find_unreachable
from orglab.git.worktree import commit_paths, find_committable, find_operation, lock_commits, read_changes
from orglab.log.log import LogFile
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.description import results_message
from orglab.runs.pending import PendingEntry
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import resume_record
from orglab.text import MEGABYTE, Tell, listed


def commit_deferred_results(log: LogFile, run: Run, entry: PendingEntry, tell: Tell) -> Run:
    """Commit the results that a run left to the next command, and return the run as it is recorded then.

    Only what is still as the run wrote it is committed, and only on a branch that holds the commit that the run began
    on; what is not committed is told.

    Args:
        log: The log.
        run: The run.
        entry: Its pending entry.
        tell: Called with each message for the user.
    """
    if not run.uncommitted or log.repository is None or find_batch_job() is not None or run.is_foreign:
        return run
    try:
        return _commit(log, log.repository, run, entry, tell)
    except (OrglabError, OSError) as error:
        tell(f"The results of the run {run.id} were not committed: {error}")
        return run


def _commit(log: LogFile, repository: Repository, run: Run, entry: PendingEntry, tell: Tell) -> Run:
    with lock_commits(repository):
        if (operation := find_operation(repository)) is not None:
            tell(f"The results of the run {run.id} are not committed during {operation}: {listed(run.uncommitted)}.")
            return run
        if run.before is not None and find_unreachable(repository, [run.before], ["HEAD"]):
            tell(
                f"The results of the run {run.id} are not committed, because this branch does not hold the commit "
                f"that it began on: {listed(run.uncommitted)}."
            )
            return run
        paths = [file.path for file in run.outputs if _is_as_written(repository, file)]
        if len(paths) < len(run.outputs):
            others = [file.path for file in run.outputs if file.path not in paths]
            tell(f"Changed since the run {run.id} wrote them, and not committed: {listed(others)}.")
        if not paths:
            return run
        changes = read_changes(repository, paths)
        limit = log.config.run.size_limit * MEGABYTE
        new = [path for path in changes.untracked if path in paths and (repository.top / path).lstat().st_size <= limit]
        changed = [path for path in find_committable(repository, changes) if path in paths]
        if not changed and not new:
            return run
        committed = commit_paths(repository, results_message(run), [*changed, *new], new)
    if (record := resume_record(entry)) is not None:
        try:
            record.append("committed", {"commit": committed.full, "hash": committed.short})
        finally:
            record.close()
    tell(f"Committed the results of the run {run.id} as {committed.short}.")
    return read_run(run.folder) or run


def _is_as_written(repository: Repository, file: HashedFile) -> bool:
    path = repository.top / file.path
    with contextlib.suppress(OSError):
        return not path.is_symlink() and path.stat().st_size == file.size and hash_file(path) == file.sha256
    return False
