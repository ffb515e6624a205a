"""Keep a run: bring its code and its results into the branch that is checked out.

The changes from the last commit that the code and the branch have in common are merged with the branch as git would,
and are one commit there.  Nothing is written before it is known that no file has changes of somebody else.
"""

import contextlib
from collections.abc import Collection, Sequence

from orglab.errors import GitError, UsageError
from orglab.git import Repository
from orglab.git.commit import find_commit_with
from orglab.git.log_branch import find_merge_base, find_tip
from orglab.git.reachability import find_unreachable
from orglab.git.repository import is_full_hash
from orglab.git.tree_changes import MergedChanges, build_tree, find_other_files, merge_changes, write_files
from orglab.git.worktree import (
    commit_paths,
    find_operation,
    is_commit_in_progress,
    lock_commits,
    read_branch,
    short_hash,
)
from orglab.log.log import LogFile
from orglab.runs.assignment import find_home, open_record, reread, update_note
from orglab.runs.code_paths import CodePaths
from orglab.runs.code_tree import find_code
from orglab.runs.description import discard_mark, keep_mark, keep_message
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.runs.record_reader import find_run
from orglab.runs.record_writer import RecordWriter
from orglab.runs.results_commit import ResultsRequest, settle_results
from orglab.text import Tell, listed


def keep_run(log: LogFile, name: str, why: str | None, tell: Tell) -> Run:
    """Bring the code and the results of a run into the branch that is checked out, and return the run.

    If the branch has them already, nothing changes, and the user knows it.  What an earlier process began that was
    killed is finished.

    Args:
        log: The log.
        name: The run's id, or a part of it.
        why: Why it is kept; None for the reason of the run.
        tell: Receives sentences for the user.

    Raises:
        NotFoundError: There is no such run, it was made without git, or its code is not in this repository.
        UsageError: Several runs have this name, or the run is discarded, or was made in another clone.
        GitError: A file has other changes, or was changed on the branch in another way; no branch is checked out,
            git is in the middle of something, or git or a hook refuses.
        NotWritableError: The record cannot be written, or the run is still going on.
    """
    runs = LogRuns(log).all
    run = find_run(runs, name)
    if run.discarded is not None:
        raise UsageError(f"The run {run.id} is discarded; `orglab runs discard {run.id} --undo` lets it count again.")
    repository = find_home(log, run)
    with contextlib.ExitStack() as locks:
        locks.enter_context(lock_commits(repository))
        run = reread(run)
        is_kept = run.kept_code is not None and not find_unreachable(repository, [run.kept_code], ["HEAD"])
        if run.kept_code is not None and is_kept:
            tell(f"The run {run.id} was kept before, as {short_hash(repository, run.kept_code)}.")
        # A process that was killed may have brought the code alone.
        if not is_kept or _find_results(repository, run).kept is not None:
            require_quiet(repository)
            if not (branch := read_branch(repository)):
                raise GitError("No branch is checked out here, so the commit would be on none; check one out first.")
            record = locks.enter_context(open_record(run))
            if not is_kept:
                kept = _bring_code(log, repository, run, CodePaths(log, repository, runs), why, tell)
                short = short_hash(repository, kept)
                # The log names the commit with the code, until that with the results is made.
                fields = {
                    "kept_code": kept,
                    "kept_branch": branch,
                    "keep_reason": why,
                    "hash": short,
                    "taken_back": None,
                }
                record.append("kept_code", fields, durable=True)
            run = _bring_results(log, repository, reread(run), record, tell)
    update_note(log, run, tell)
    return run


def require_quiet(repository: Repository) -> None:
    """Check that git is not in the middle of anything, and that there is a commit.

    Raises:
        GitError: It is, or there is none.
    """
    if (operation := find_operation(repository)) is not None:
        raise GitError(f"git is in the middle of {operation}; finish that first.")
    if is_commit_in_progress(repository):
        raise GitError("Another commit is being written; finish that first.")
    if find_tip(repository, "HEAD") is None:
        raise GitError("There is no commit yet; commit the code with `git commit`.")


def _bring_code(log: LogFile, repository: Repository, run: Run, paths: CodePaths, why: str | None, tell: Tell) -> str:
    """Have the branch hold the code of a run, and return the full hash of the commit with which it does.

    Raises:
        NotFoundError: The code is not in this repository.
        GitError: It cannot be brought here.
    """
    _, code = find_code(repository, run)
    base = find_merge_base(repository, "HEAD", code)
    if base == code and find_revert(repository, run) is None:
        tell(f"The branch has the code of the run {run.id} already.")
        return code
    if base == code:
        before = run.fields.get("base")
        base = before if is_full_hash(before) else None
    head = find_tip(repository, "HEAD")
    if head is None or base is None:
        raise GitError(f"The code of the run {run.id} and HEAD have no commit in common.")
    merged = merge_changes(repository, base, code, head, lambda change: paths.is_left_out(change.path, change.new))
    if merged.conflicts:
        raise GitError(
            f"The run {run.id} cannot be kept here: {listed(merged.conflicts)} was changed on the branch in another "
            "way. Nothing has changed; bring the code of the run there by hand, or run it again on this branch."
        )
    if not merged.after:
        tell(f"The branch has the code of the run {run.id} already.")
        return _find_keep_commit(repository, run) or head
    require_own_changes(repository, run, {path: (merged.before[path], merged.after[path]) for path in merged.after})
    message = keep_message(run, why, log.config.hooks.position)
    full, short = _commit_changes(repository, merged, message) or (head, short_hash(repository, head))
    tell(f"Committed the code of the run {run.id} as {short}: {listed(merged.after)}.")
    if missing := [path for path in run.missing if not paths.is_left_out(path, "")]:
        tell(f"Not in the commit, as no snapshot holds it: {listed(missing)}.")
    return full


def require_own_changes(repository: Repository, run: Run, known: dict[str, tuple[str, ...]]) -> None:
    """Check that the working tree has, at some paths, only what is known.

    Args:
        repository: The repository.
        run: The run that the changes are to be of.
        known: The known entries of each path.

    Raises:
        GitError: It has something else.
    """
    if others := find_other_files(repository, known):
        raise GitError(
            f"Nothing has changed, because of changes that are not of the run {run.id}: {listed(others)}; "
            "commit or stash them first."
        )


def _commit_changes(repository: Repository, merged: MergedChanges, message: str) -> tuple[str, str] | None:
    """Write changes to the working tree and commit them; if that is refused, all is as it was.

    Raises:
        GitError: git or a hook refuses.
    """
    tree = build_tree(repository, "HEAD", merged.after)
    there = find_other_files(repository, {path: (entry,) for path, entry in merged.after.items()})
    try:
        write_files(repository, tree, {path: merged.after[path] for path in there})
        new = [path for path, entry in merged.before.items() if entry.startswith("000000")]
        return commit_paths(repository, message, [*merged.after], new)
    except GitError:
        with contextlib.suppress(GitError):
            write_files(repository, "HEAD", {path: merged.before[path] for path in there})
        raise


def _find_keep_commit(repository: Repository, run: Run) -> str | None:
    """Return the commit of the code of a run that a process made that was killed before it could record it."""
    return find_commit_with(repository, [keep_mark(run)], run.before)


def find_revert(repository: Repository, run: Run) -> str | None:
    """Return the newest commit of HEAD that took back what had been pushed of a run, or None."""
    return find_commit_with(repository, [discard_mark(run)], run.before)


def _find_results(repository: Repository, run: Run) -> Run:
    """Return a run; if HEAD does not have the commit of its results, with that as one beside the branch (`kept`)."""
    if run.commit is not None and (
        find_unreachable(repository, [run.commit], ["HEAD"]) or find_revert(repository, run) is not None
    ):
        return Run(run.folder, {**run.fields, "commit": None, "kept": run.commit})
    return run


def _bring_results(log: LogFile, repository: Repository, run: Run, record: RecordWriter, tell: Tell) -> Run:
    """Commit the results of a run that wait, are kept beside the branch, or are on another; return the run then."""
    run = _find_results(repository, run)
    if not run.uncommitted:
        return run
    request = ResultsRequest(log, repository, run, record.append, tell, is_asked=True, replaces=True)
    after, reason = settle_results(request, None)
    if reason is not None:
        tell(f"The results of the run {run.id} were not committed: {reason}; `orglab commit --results {run.id}` does.")
    return Run(after.folder, {**after.fields, "ref": run.ref})


def name_commits(repository: Repository, commits: Collection[str] | Sequence[str]) -> str:
    """Return the short hashes of commits, in words."""
    return listed(short_hash(repository, commit) for commit in commits)
