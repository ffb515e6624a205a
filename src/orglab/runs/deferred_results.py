"""Commit the results of a run that could not do that itself: one of a scheduler's job, or one that a script made.

What cannot be committed now is left to a later command: the pending entry of the run stays until its results are
committed, or are no longer as the run wrote them.
"""

import contextlib
from collections.abc import Collection, Iterator

from orglab.errors import GitError, OrglabError
from orglab.git import Repository
from orglab.git.files import path_in
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.reachability import find_unreachable
from orglab.git.worktree import Committed, commit_paths, find_operation, lock_commits, read_changes
from orglab.log.log import LogFile
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.description import results_message
from orglab.runs.pending import PendingEntry, keep_refused
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import resume_record
from orglab.runs.results import read_stamp, select_results
from orglab.text import Tell, listed


def commit_deferred_results(log: LogFile, run: Run, entry: PendingEntry, tell: Tell) -> tuple[Run, bool]:
    """Commit the results that a run left to the next command.

    Only what is still as the run wrote it is committed, and only on a branch that holds the commit that the run began
    on.  After a refusal this is tried again once HEAD has moved or an operation of git has ended, and the user is told
    each reason once.

    Args:
        log: The log.
        run: The run.
        entry: Its pending entry.
        tell: Called with each message for the user.

    Returns:
        The run as it is recorded then, and whether results are left to a later command.
    """
    if not run.uncommitted or log.repository is None or run.is_foreign:
        return run, False
    if find_batch_job() is not None:
        return run, True
    repository = log.repository
    if not any(_has_size(repository, file) for file in run.outputs) and not _find_removed(repository, run):
        tell(f"The results of the run {run.id} are not there any more, and were not committed: "
             f"{listed(run.uncommitted)}.")  # fmt: skip
        return run, False
    state = ""
    try:
        operation = find_operation(repository)
        state = f"{repository.head()} {operation or ''}"
        if entry.refused is not None and entry.refused[0] == state:
            return run, True
        _check_place(repository, run, operation)
        committed = _commit(log, repository, run, tell)
    except (OrglabError, OSError) as error:
        reason = str(error)
        is_new = entry.refused is None or entry.refused[1] != reason
        if keep_refused(entry, state, reason) and is_new:
            tell(f"The results of the run {run.id} are not committed yet: {reason}")
        return run, True
    if committed is None:
        return run, False
    if (record := resume_record(entry)) is not None:
        try:
            record.append("committed", {"commit": committed.full, "hash": committed.short})
        finally:
            record.close()
    tell(f"Committed the results of the run {run.id} as {committed.short}.")
    return read_run(run.folder) or run, False


def _check_place(repository: Repository, run: Run, operation: str | None) -> None:
    """Check that the results of a run can be committed to the branch that is checked out.

    Raises:
        GitError: They cannot.
    """
    if operation is not None:
        raise GitError(f"git is in the middle of {operation}: {listed(run.uncommitted)}.")
    if run.before is not None and find_unreachable(repository, [run.before], ["HEAD"]):
        raise GitError(f"this branch does not hold the commit that the run began on: {listed(run.uncommitted)}.")


def _commit(log: LogFile, repository: Repository, run: Run, tell: Tell) -> Committed | None:
    """Commit the results of a run; return None if there is nothing to commit.

    Raises:
        GitError: git or a hook refuses.
    """
    with lock_commits(repository):
        folders = [path_in(repository, repository.top / path) for path in run.results]
        inside = [path for path in folders if path is not None]
        if not inside:
            return None
        changes = read_changes(repository, inside)
        excluded = log.find_own_paths(repository)
        removed = _find_removed(repository, run)
        touched = {file.path for file in run.outputs}.union(removed).difference(excluded)
        # What is left out is told once it is certain that the rest is committed.
        messages: list[str] = []
        size_limit = log.config.run.size_limit
        changed, new = select_results(repository, changes, touched, size_limit, messages.append)
        selected = {*changed, *new}
        others = set(_find_others(repository, run, selected))
        if others:
            messages.append(f"Changed since the run {run.id} wrote them, and not committed: {listed(sorted(others))}.")
        new = [path for path in new if path not in others]
        paths = [path for path in changed if path not in others] + new
        committed = (
            commit_paths(repository, results_message(run, log.config.hooks.position), paths, new) if paths else None
        )
    for message in messages:
        tell(message)
    return committed


def _find_others(repository: Repository, run: Run, selected: Collection[str]) -> Iterator[str]:
    """Yield the paths of the outputs that are gone, and of selected ones that are not as the run wrote them."""
    for file in run.outputs:
        path = repository.top / file.path
        if file.path not in selected:
            if read_stamp(path) is None:
                yield file.path
            continue
        with contextlib.suppress(OSError):
            if _has_size(repository, file) and hash_file(path) == file.sha256:
                continue
        yield file.path


def _has_size(repository: Repository, file: HashedFile) -> bool:
    """Return whether a file is there, is no link, and has the size with which it was written."""
    path = repository.top / file.path
    stamp = read_stamp(path)
    return stamp is not None and stamp.size == file.size and not path.is_symlink()


def _find_removed(repository: Repository, run: Run) -> list[str]:
    """Return the files that a run removed and that are still missing."""
    return [path for path in run.removed if read_stamp(repository.top / path) is None]
