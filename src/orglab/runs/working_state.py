"""What a run runs on: the changes in the working tree are committed, captured, or refused before it begins."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.hashed_file import HashedFile
from orglab.git.snapshot import make_snapshot, patch_id
from orglab.git.worktree import (
    Changes,
    Committed,
    commit_paths,
    find_committable,
    find_operation,
    is_writable,
    lock_commits,
    read_changes,
    short_hash,
)
from orglab.runs.description import before_message, command_text, reference_prefix
from orglab.text import MEGABYTE, Tell, listed

_RECORDED = 1000  # names that a record holds of what git does not know


class WorkingState(NamedTuple):
    """What a run runs on.

    Attributes:
        head: The full hash of HEAD, with what was committed before; None without a commit.
        short: The same, short.
        snapshot: The full hash of the snapshot, or None.
        patch: The patch id of the snapshot over HEAD, or None.
        untracked: Files that git does not know, and that no snapshot holds.
        uncaptured: What neither commit nor snapshot holds.
        large: Untracked files that the snapshot holds by hash alone.
    """

    head: str | None = None
    short: str | None = None
    snapshot: str | None = None
    patch: str | None = None
    untracked: tuple[str, ...] = ()
    uncaptured: tuple[str, ...] = ()
    large: tuple[HashedFile, ...] = ()

    def record_fields(self) -> dict[str, Any]:
        """Return what a record holds of it."""
        found: dict[str, Any] = {
            "before": self.head, "hash": self.short, "snapshot": self.snapshot, "patch": self.patch,
            "untracked": list(self.untracked[:_RECORDED]), "uncaptured": list(self.uncaptured),
            "large_files": [one._asdict() for one in self.large],
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}


class Policy(NamedTuple):
    """What is done before a run.

    Attributes:
        before: `commit`, `snapshot` or `clean`.
        size_limit: Megabytes; a larger untracked file is in a snapshot by its hash alone.
        apart: Paths that are never committed with code, relative to the top: the log and the journal.
        expected: Paths of results and metrics, which need not be listed as unknown to git.
    """

    before: str
    size_limit: int
    apart: tuple[str, ...]
    expected: tuple[str, ...] = ()


def save_working_state(
    repository: Repository,
    policy: Policy,
    name: str,
    tell: Tell,
    *,
    ref: str | None,
    argv: Sequence[str],
    why: str | None,
) -> WorkingState:
    """Commit, capture or refuse what has changed, and return what the run runs on.

    Args:
        repository: The repository.
        policy: What to do.
        name: The run's id.
        tell: Hears sentences for the user.
        ref: The step or experiment, or None.
        argv: The command.
        why: What the user said of the run.

    Raises:
        GitError: git or a hook refuses; or there are changes where none may be; or a conflict or a merge is open.
    """
    if not is_writable(repository):
        return _describe_read_only(repository, policy, tell)
    if policy.before == "snapshot":
        return _capture(repository, policy, name, f"{reference_prefix(ref)}Snapshot: {command_text(argv)}\n", tell)
    changes = read_changes(repository, all_files=False)
    made = None
    changed = [path for path in changes.tracked if path not in policy.apart]
    if changed or changes.unmerged:
        with lock_commits(repository):
            # Once more, for another run may just have committed them.
            changes = read_changes(repository, all_files=False)
            wanted = _find_paths_to_commit(repository, policy, changes)
            if wanted:
                made = commit_paths(repository, before_message(ref, argv, why), wanted)
                tell(f"Committed {listed(wanted)} before the run.")
    return _describe(repository, policy, changes, made, tell)


def _describe_read_only(repository: Repository, policy: Policy, tell: Tell) -> WorkingState:
    """Say what cannot be committed, for the git directory cannot be written, and return the state.

    Raises:
        GitError: There are changes where none may be.
    """
    changes = read_changes(repository, all_files=False)
    left = (
        [path for path in find_committable(repository, changes) if path not in policy.apart] if changes.tracked else []
    )
    if left and policy.before == "clean":
        raise GitError(f"Changes are not committed: {listed(left)}; commit them, or run with --before commit.")
    if left:
        what = "captured" if policy.before == "snapshot" else "committed"
        tell(f"Not {what}, for {repository.git_dir} cannot be written: {listed(left)}.")
    state = _describe(repository, policy, changes, None, tell)
    return state._replace(uncaptured=(*left, *state.uncaptured))


def _describe(
    repository: Repository, policy: Policy, changes: Changes, made: Committed | None, tell: Tell
) -> WorkingState:
    """Say what no commit holds of a working tree, of which one may have been made, and return the state."""
    untracked = tuple(path for path in changes.untracked if path not in policy.apart)
    if surprising := [path for path in untracked if not _is_below(path, policy.expected)]:
        tell(f"Not committed, for git does not know {_them(surprising)}: {listed(surprising)}.")
    if changes.submodules:
        tell(f"Not captured, for they are repositories of their own with changes: {listed(changes.submodules)}.")
    if made is None and changes.head is not None:
        made = Committed(changes.head, short_hash(repository, changes.head))
    return WorkingState(
        made.full if made else None, made.short if made else None, untracked=untracked, uncaptured=changes.submodules
    )


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Return whether a path is one of some others, or below one."""
    return any(f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _them(paths: Sequence[str]) -> str:
    return "it" if len(paths) == 1 else "them"


def _find_paths_to_commit(repository: Repository, policy: Policy, changes: Changes) -> list[str]:
    """Return the paths to commit.

    Raises:
        GitError: They must not, or cannot, be committed.
    """
    if changes.unmerged:
        raise GitError(f"{changes.unmerged[0]} has a conflict; resolve it, or run with --before snapshot afterwards.")
    wanted = [path for path in find_committable(repository, changes) if path not in policy.apart]
    if wanted and policy.before == "clean":
        raise GitError(f"Changes are not committed: {listed(wanted)}; commit them, or run with --before commit.")
    if wanted and (what := find_operation(repository)):
        raise GitError(
            f"In the middle of {what} no commit is made of {listed(wanted)}; finish it, or run with --before snapshot."
        )
    return wanted


def _capture(repository: Repository, policy: Policy, name: str, message: str, tell: Tell) -> WorkingState:
    """Make a snapshot, say what is not in it, and return the state."""
    changes = read_changes(repository)
    snapshot = make_snapshot(repository, name, message, policy.size_limit * MEGABYTE, changes)
    patch = None
    if changes.head is not None and snapshot.commit != changes.head:
        patch = patch_id(repository, changes.head, snapshot.commit, policy.apart)
        tell(f"Captured the working state as {short_hash(repository, snapshot.commit)}.")
    if snapshot.large:
        tell(f"Captured by hash alone, for of the size: {listed([one.path for one in snapshot.large])}.")
    if snapshot.uncaptured:
        tell(f"Not captured: {listed(snapshot.uncaptured)}.")
    return WorkingState(
        # The log records what is on a branch; the snapshot, which is on none, is in the record.
        changes.head or snapshot.commit, short_hash(repository, changes.head or snapshot.commit),
        snapshot.commit, patch,
        uncaptured=snapshot.uncaptured, large=snapshot.large,
    )  # fmt: skip
