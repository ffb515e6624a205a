"""Whether HEAD is the place for the note and the results of a run, or what is to be waited for.

A note in a log that git tracks belongs where the code of the run is, and results on the branch that the run began on.
Otherwise the end of a rebase, or the next switch of branches, would take the note away or put the results elsewhere.
"""

import os
from typing import NamedTuple

from orglab.errors import OrglabError
from orglab.git import Repository
from orglab.git.files import is_tracked, path_in
from orglab.git.reachability import find_commits, find_unreachable, read_reachability
from orglab.git.repository import is_full_hash
from orglab.git.worktree import find_operation, is_commit_in_progress, is_known_to_be_at, lock_commits, read_branch
from orglab.log.log import LogFile
from orglab.runs.record import Run

COMMITTING = "another commit is being written"
_HERE, _ELSEWHERE, _NOWHERE = range(3)


class Place(NamedTuple):
    """Where HEAD is.

    Attributes:
        state: What `read_state` returned, if it was read.
        note: Why the note of a run cannot be written now; None if it can.
        results: Why its results cannot be committed now; None if they can.
    """

    state: str = ""
    note: str | None = None
    results: str | None = None


def read_state(repository: Repository, run: Run) -> str:
    """Return a text that differs when HEAD, its branch or git's operation differs, or the branch of the run is gone.

    Raises:
        GitError: git is not installed, or cannot read the repository.
    """
    branch, operation = read_branch(repository), find_operation(repository) or ""
    gone = "" if run.branch in (None, "", branch) or _has_branch(repository, str(run.branch)) else "gone"
    return f"{repository.head()} {branch} {operation} {gone}"


def find_place(log: LogFile, repository: Repository, run: Run) -> Place:
    """Return whether the note and the results of a run belong to HEAD.

    Usually nothing has changed since the run began, and then no git process is needed.

    Args:
        log: The log.
        repository: The repository of the results.
        run: The run.

    Raises:
        GitError: git fails.
    """
    operation = find_operation(repository)
    is_same = run.branch is not None and is_known_to_be_at(repository, run.branch, run.before or "")
    is_other = log.repository is not None and log.repository.git_dir != repository.git_dir
    if operation is None and is_same and not is_other:
        return Place(results=_find_other_commit(repository) if run.results else None)
    state = read_state(repository, run)
    code = _HERE if operation is not None else _locate_code(log, repository, run)
    results = _find_obstacle(repository, run, operation, code)
    if is_other and log.repository is not None:
        operation, code = find_operation(log.repository), _HERE
    note = f"git is in the middle of {operation}" if operation is not None else None
    if code == _ELSEWHERE:
        note = "this branch does not hold the commit that the run began on"
    is_safe = note is None or log.is_apart or log.repository is None or not _is_versioned(log, log.repository)
    return Place(state, None if is_safe else note, results)


def _is_versioned(log: LogFile, repository: Repository) -> bool:
    """Return whether git tracks the log, so that a checkout may replace it."""
    path = path_in(repository, log.path.absolute().resolve())
    return path is not None and is_tracked(repository, path)


def _find_obstacle(repository: Repository, run: Run, operation: str | None, code: int) -> str | None:
    """Return why the results of a run cannot be committed now, or None."""
    if operation is not None:
        return f"git is in the middle of {operation}"
    if code != _HERE:
        return "this branch does not hold the commit that the run began on"
    branch = read_branch(repository)
    if run.branch and run.branch != branch and _has_branch(repository, run.branch):
        return f"the run began on the branch {run.branch}, which is not checked out"
    if run.branch == "" and branch:
        return "the run began on a detached HEAD, and a branch is checked out"
    if run.branch and not branch:
        return "HEAD is detached, and the run began on a branch"
    return _find_other_commit(repository)


def _find_other_commit(repository: Repository) -> str | None:
    """Return why nothing can be committed now although HEAD is the place, or None."""
    try:
        with lock_commits(repository):
            return COMMITTING if is_commit_in_progress(repository) else None
    except (OrglabError, OSError) as error:
        return str(error).rstrip(".")


def _has_branch(repository: Repository, name: str) -> bool:
    return repository.read("rev-parse", "--quiet", "--verify", f"refs/heads/{name}") is not None


def _locate_code(log: LogFile, repository: Repository, run: Run) -> int:
    """Return whether the commit that a run began on, or what replaced it, is below HEAD, elsewhere, or nowhere.

    That of another clone's run, or of a rerun, counts as here.
    """
    commit = run.before
    if commit is None or not is_full_hash(commit) or run.is_foreign or run.fields.get("rerun_of"):
        return _HERE
    if not find_unreachable(repository, [commit], ["HEAD"]):
        return _HERE
    if not find_commits(repository, [commit]):
        return _NOWHERE
    if repository.read("for-each-ref", "--count=1", "--contains", commit, "refs/heads", "refs/remotes", "refs/tags"):
        return _ELSEWHERE
    if commit == run.snapshot and repository.read("rev-parse", "--quiet", "--verify", f"{commit}^") is None:
        return _HERE  # there was no commit yet
    from orglab.git.rewrites.matcher import RewriteMatcher  # noqa: PLC0415 - few commits are rewritten during a run
    from orglab.git.rewrites.successor import APPLIED  # noqa: PLC0415 - the same

    # The snapshots that keep the commit do not count: it may have been amended.
    reachability = read_reachability(repository, [commit])._replace(dead=frozenset((commit,)))
    own_paths = frozenset(map(os.fsencode, log.find_own_paths(repository)))
    successor = RewriteMatcher(repository, reachability, own_paths, log.config.letter).find({commit})[commit]
    if successor.hash is None or successor.confidence < APPLIED:
        return _NOWHERE
    return _ELSEWHERE if find_unreachable(repository, [successor.hash], ["HEAD"]) else _HERE
