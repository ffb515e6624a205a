"""Save the working state before a run: commit, capture or refuse the changes in the working tree."""

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

_MOST_UNTRACKED = 1000  # untracked files that a record names


class WorkingState(NamedTuple):
    """The code that a run uses.

    Attributes:
        head: The full hash of HEAD, after the changes were committed; None before the first commit.
        short: The short hash of HEAD.
        snapshot: The full hash of the snapshot, or None.
        patch: The patch id of the changes in the snapshot relative to HEAD, or None.
        untracked: Untracked files that are not in a snapshot.
        uncaptured: Changes that neither a commit nor the snapshot holds.
        large: Untracked files of which the snapshot holds only the hash.
    """

    head: str | None = None
    short: str | None = None
    snapshot: str | None = None
    patch: str | None = None
    untracked: tuple[str, ...] = ()
    uncaptured: tuple[str, ...] = ()
    large: tuple[HashedFile, ...] = ()

    def record_fields(self) -> dict[str, Any]:
        """Return the fields for the record."""
        fields: dict[str, Any] = {
            "before": self.head, "hash": self.short, "snapshot": self.snapshot, "patch": self.patch,
            "untracked": list(self.untracked[:_MOST_UNTRACKED]), "uncaptured": list(self.uncaptured),
            "large_files": [file._asdict() for file in self.large],
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value}


class Policy(NamedTuple):
    """How to save the working state before a run.

    Attributes:
        before: `commit`, `snapshot` or `clean`.
        size_limit: Megabytes; of a larger untracked file, a snapshot holds only the hash.
        excluded: Paths of the log and the journal, relative to the top; they are never committed with code.
        expected: Paths of results and metrics, which may be untracked.
    """

    before: str
    size_limit: int
    excluded: tuple[str, ...]
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
    """Commit, capture or refuse the uncommitted changes, and return the working state.

    Args:
        repository: The repository.
        policy: What to do.
        name: The id of the run.
        tell: Called with each message for the user.
        ref: The step.
        argv: The command.
        why: Why it is run.

    Raises:
        GitError: git or a hook refuses; or `clean` allows no changes; or a conflict or a merge is unresolved.
    """
    if not is_writable(repository):
        return _describe_read_only(repository, policy, tell)
    if policy.before == "snapshot":
        return _capture(repository, policy, name, f"{reference_prefix(ref)}Snapshot: {command_text(argv)}\n", tell)
    changes = read_changes(repository, all_files=False)
    commit = None
    changed = [path for path in changes.tracked if path not in policy.excluded]
    if changed or changes.unmerged:
        with lock_commits(repository):
            # Read again, because another run may have committed them in the meantime.
            changes = read_changes(repository, all_files=False)
            paths = _find_paths_to_commit(repository, policy, changes)
            if paths:
                commit = commit_paths(repository, before_message(ref, argv, why), paths)
                tell(f"Committed {listed(paths)} before the run.")
    return _describe(repository, policy, changes, commit, tell)


def _describe_read_only(repository: Repository, policy: Policy, tell: Tell) -> WorkingState:
    """Tell the user about changes that a read-only git directory cannot take, and return the working state.

    Raises:
        GitError: `clean` allows no changes.
    """
    changes = read_changes(repository, all_files=False)
    changed = find_committable(repository, changes) if changes.tracked else ()
    paths = [path for path in changed if path not in policy.excluded]
    if paths and policy.before == "clean":
        raise GitError(f"There are uncommitted changes: {listed(paths)}; commit them, or run with --before commit.")
    if paths:
        action = "in a snapshot" if policy.before == "snapshot" else "committed"
        tell(f"Not {action}: {listed(paths)} ({repository.git_dir} cannot be written).")
    state = _describe(repository, policy, changes, None, tell)
    return state._replace(uncaptured=(*paths, *state.uncaptured))


def _describe(
    repository: Repository, policy: Policy, changes: Changes, commit: Committed | None, tell: Tell
) -> WorkingState:
    """Tell the user what is not committed, and return the working state."""
    untracked = tuple(path for path in changes.untracked if path not in policy.excluded)
    if surprising := [path for path in untracked if not _is_below(path, policy.expected)]:
        tell(f"Not committed: {listed(surprising)} (untracked).")
    if changes.submodules:
        tell(f"Not committed: changes in the submodules {listed(changes.submodules)}.")
    if commit is None and changes.head is not None:
        commit = Committed(changes.head, short_hash(repository, changes.head))
    return WorkingState(
        commit.full if commit else None,
        commit.short if commit else None,
        untracked=untracked,
        uncaptured=changes.submodules,
    )


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Return whether a path is one of some folders, or below one."""
    return any(f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _find_paths_to_commit(repository: Repository, policy: Policy, changes: Changes) -> list[str]:
    """Return the paths to commit.

    Raises:
        GitError: They cannot be committed, or `clean` allows no changes.
    """
    if changes.unmerged:
        raise GitError(
            f"{changes.unmerged[0]} has a conflict; resolve it, then finish the merge or run with --before snapshot."
        )
    paths = [path for path in find_committable(repository, changes) if path not in policy.excluded]
    if paths and policy.before == "clean":
        raise GitError(f"There are uncommitted changes: {listed(paths)}; commit them, or run with --before commit.")
    if paths and (operation := find_operation(repository)):
        raise GitError(
            f"Cannot commit {listed(paths)} during {operation}; finish it first, or run with --before snapshot."
        )
    return paths


def _capture(repository: Repository, policy: Policy, name: str, message: str, tell: Tell) -> WorkingState:
    """Make a snapshot, tell the user what it does not hold, and return the working state."""
    changes = read_changes(repository)
    snapshot = make_snapshot(repository, name, message, policy.size_limit * MEGABYTE, changes)
    patch = None
    if changes.head is not None and snapshot.commit != changes.head:
        patch = patch_id(repository, changes.head, snapshot.commit, policy.excluded)
        tell(f"Took a snapshot of the working tree: {short_hash(repository, snapshot.commit)}.")
    if snapshot.large:
        tell(f"In the snapshot only by hash: {listed([file.path for file in snapshot.large])} "
             f"(larger than run.size_limit, {policy.size_limit} MB).")  # fmt: skip
    if snapshot.uncaptured:
        tell(f"Not in the snapshot: {listed(snapshot.uncaptured)}.")
    return WorkingState(
        # The log names the commit on the branch; the snapshot, which is on no branch, is in the record.
        changes.head or snapshot.commit, short_hash(repository, changes.head or snapshot.commit),
        snapshot.commit, patch,
        uncaptured=snapshot.uncaptured, large=snapshot.large,
    )  # fmt: skip
