"""Save the working state before a run: commit, capture or refuse the changes in the working tree."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from orglab.config import RunConfig
from orglab.errors import GitError
from orglab.git import Repository
from orglab.git.hashed_file import LeftOut
from orglab.git.index import HiddenChanges, find_hidden_changes
from orglab.git.merge_config import is_own_attributes
from orglab.git.snapshot import Snapshot, choose_changes, make_snapshot, patch_id
from orglab.git.untracked import Budget, choose_files, hash_left_out, list_files
from orglab.git.worktree import (
    Changes,
    commit_paths,
    find_committable,
    find_operation,
    is_writable,
    lock_commits,
    read_changes,
    short_hash,
)
from orglab.runs.description import before_message, snapshot_message
from orglab.text import MEGABYTE, Tell, listed

_JOB_OUTPUT = r"slurm-\d+(?:[._]\d+)?\.(?:out|err)"
_MOST_UNTRACKED = 1000  # untracked files that a record names


class WorkingState(NamedTuple):
    """The code that a run uses.

    Attributes:
        head: The full hash of HEAD, after the changes were committed; None before the first commit.
        base: The full hash of HEAD before that, if they were committed and it was there.
        short: The short hash of HEAD.
        snapshot: The full hash of the snapshot, or None.
        patch: The patch id of the changes in the snapshot relative to HEAD, or None.
        untracked: Untracked files that are not in a snapshot.
        uncaptured: Changes that neither a commit nor the snapshot holds.
        left_out: Untracked files that are not code, or too large, so that nothing holds them.
    """

    head: str | None = None
    short: str | None = None
    snapshot: str | None = None
    patch: str | None = None
    untracked: tuple[str, ...] = ()
    uncaptured: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    base: str | None = None

    @property
    def code(self) -> str | None:
        """The full hash of the commit with the code: the snapshot, or else HEAD."""
        return self.snapshot or self.head

    def record_fields(self) -> dict[str, Any]:
        """Return the fields for the record."""
        fields: dict[str, Any] = {
            "before": self.head, "base": self.base, "hash": self.short, "snapshot": self.snapshot, "patch": self.patch,
            "untracked": list(self.untracked[:_MOST_UNTRACKED]), "uncaptured": list(self.uncaptured),
            "left_out": [one._asdict() for one in self.left_out[:_MOST_UNTRACKED]],
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value}


class Policy(NamedTuple):
    """How to save the working state before a run.

    Attributes:
        before: `commit`, `snapshot` or `clean`.
        config: The settings, with the limits of the untracked files in a snapshot.
        excluded: Paths of the log and the journal, relative to the top; they are never committed with code.
        expected: Paths of results and metrics, which may be untracked.
        scripts: Files that the command runs.
        find_outputs: Returns those of some files that earlier runs wrote.
        find_kept: Returns those of some files that are as a run wrote them whose results are kept beside the branch.
        streams: Files that the standard streams of this process are redirected to.
        is_ignored: Returns whether a file is no code, so that a snapshot of the working tree does not have it.
        position: The setting `hooks.position`.
    """

    before: str
    config: RunConfig
    excluded: tuple[str, ...]
    expected: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    find_outputs: Callable[[Sequence[str]], Collection[str]] = lambda _paths: ()
    find_kept: Callable[[Sequence[str]], Collection[str]] = lambda _paths: ()
    streams: tuple[str, ...] = ()
    position: str = "start"
    is_ignored: Callable[[str], bool] = lambda _path: False

    def is_stream(self, path: str) -> bool:
        """Return whether a file takes what this process or a scheduler's job prints, and so is no code."""
        return path in self.streams or re.fullmatch(_JOB_OUTPUT, path.rpartition("/")[2]) is not None

    def make_budget(self) -> Budget:
        """Return what may be kept in a snapshot."""
        config = self.config
        return Budget(config.size_limit * MEGABYTE, config.snapshot_files, config.snapshot_size * MEGABYTE)


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
    message = snapshot_message(ref, argv, policy.position)
    if policy.before == "snapshot":
        return _capture(repository, policy, name, message, tell)
    changes = _read_changes(repository, policy)
    hidden = find_hidden_changes(repository)
    hidden = hidden._replace(entries=[entry for entry in hidden.entries if entry.path not in policy.excluded])
    if policy.before == "clean":
        entries = (entry.path for entry in hidden.entries)
        _require_clean(list(dict.fromkeys((*changes.edited_submodules, *hidden.submodules, *entries))))
    commit = base = None
    changed = [path for path in changes.tracked if path not in policy.excluded]
    if changed or changes.unmerged:
        with lock_commits(repository):
            # Read again, because another run may have committed them in the meantime.
            changes = _read_changes(repository, policy)
            paths = _find_paths_to_commit(repository, policy, changes, tell)
            if paths:
                commit = commit_paths(repository, before_message(ref, argv, why, policy.position), paths)
                if commit is None:
                    changes = _read_changes(repository, policy)
                else:
                    base, changes = changes.head, changes._replace(head=commit.full)
                    tell(f"Committed {listed(paths)} before the run.")
    rest = _find_rest(repository, policy, changes, hidden)
    state = _keep_rest(repository, policy, rest, name, message, tell)
    head = state.head or changes.head
    if head is None:
        return state
    return state._replace(head=head, short=commit.short if commit else short_hash(repository, head), base=base)


def _read_changes(repository: Repository, policy: Policy) -> Changes:
    """Return the changes, in which a log or journal with a conflict is merely changed, as no run needs it."""
    changes = read_changes(repository, all_files=False)
    own = [path for path in changes.unmerged if path in policy.excluded]
    unmerged = tuple(path for path in changes.unmerged if path not in own)
    return changes._replace(tracked=(*changes.tracked, *own), unmerged=unmerged)


def _require_clean(paths: Sequence[str]) -> None:
    """Raise GitError if there are changes, which `clean` does not allow."""
    if paths:
        raise GitError(f"There are uncommitted changes: {listed(paths)}; commit them, or run with --before commit.")


class _Rest(NamedTuple):
    """What differs from the commit before a run.

    Attributes:
        changes: The changes; the untracked files are those to keep.
        hidden: Changes that `git status` does not show.
        results: Untracked results of earlier runs.
        left_out: Untracked files that are not kept.
        budget: What may still be kept.
    """

    changes: Changes
    hidden: HiddenChanges
    results: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    budget: Budget

    @property
    def paths(self) -> list[str]:
        """The paths to keep."""
        submodules = dict.fromkeys((*self.changes.submodules, *self.hidden.submodules))
        return [*self.changes.untracked, *submodules, *(entry.path for entry in self.hidden.entries)]


def _find_rest(repository: Repository, policy: Policy, changes: Changes, hidden: HiddenChanges) -> _Rest:
    """Return what is not in the commit, without log, journal, and what orglab itself made."""
    budget = policy.make_budget()
    if not changes.untracked:
        return _Rest(changes, hidden, (), (), budget)
    # A results folder with the script in it is a folder of code.
    scripts = [path for path in policy.scripts if path not in policy.expected]
    expected = [folder for folder in policy.expected if not any(_is_below(path, (folder,)) for path in scripts)]
    files, left_out = list_files(repository, changes.untracked)
    files = [
        path
        for path in files
        if not (path in policy.excluded or policy.is_stream(path) or is_own_attributes(repository.top / path))
    ]
    code = [path for path in files if not _is_below(path, expected)]
    written = policy.find_outputs(code) if code else ()
    code = [path for path in code if path not in written or path in policy.scripts]
    known = frozenset(code)
    results = tuple(path for path in files if path not in known)
    kept, too_much = choose_files(repository.top, code, budget, policy.scripts)
    left_out = [one for one in (*left_out, *too_much) if not _is_below(one.path, expected)]
    return _Rest(changes._replace(untracked=tuple(kept)), hidden, results, tuple(left_out), budget)


def _keep_rest(
    repository: Repository, policy: Policy, rest: _Rest, name: str, message: str, tell: Tell
) -> WorkingState:
    """Keep what is not in the commit in a snapshot, tell the user, and return the working state."""
    changes = rest.changes
    snapshot = None
    if rest.paths:
        try:
            snapshot = make_snapshot(repository, name, message, rest.budget, changes, hidden=rest.hidden)
        except GitError as error:
            # The run goes on, as it would without a snapshot.
            tell(f"Not committed: {listed(rest.paths)}; no snapshot was made, because {error}")
            return WorkingState(untracked=rest.results, uncaptured=tuple(rest.paths), left_out=rest.left_out)
        tell(f"Took a snapshot of what is not committed: {listed(rest.paths)}.")
    found = snapshot or Snapshot("")
    left_out = hash_left_out(repository, (*rest.left_out, *found.left_out))
    _tell_left_out((*found.uncaptured, *(_describe_left_out(one, policy) for one in left_out)), tell)
    state = WorkingState(
        snapshot=found.commit or None, untracked=rest.results, uncaptured=found.uncaptured, left_out=left_out
    )
    if snapshot is None:
        return state
    if changes.head is None:
        return state._replace(head=snapshot.commit)
    return state._replace(patch=patch_id(repository, changes.head, snapshot.commit, policy.excluded))


def _describe_left_out(one: LeftOut, policy: Policy) -> str:
    """Return what is left out, and why."""
    reasons = {
        "environment": "an environment or a cache", "secret": "may be secret",
        "large": f"larger than run.size_limit, {policy.config.size_limit} MB", "limit": "too many files, or too large",
    }  # fmt: skip
    return f"{one.path} ({reasons[one.reason]})"


def _tell_left_out(names: Sequence[str], tell: Tell) -> None:
    """Tell the user what no commit holds."""
    if names:
        tell(f"Not in any commit or snapshot: {listed(names)}; add it to .gitignore if it is not code.")


def _describe_read_only(repository: Repository, policy: Policy, tell: Tell) -> WorkingState:
    """Tell the user about changes that a read-only git directory cannot take, and return the working state.

    Raises:
        GitError: `clean` allows no changes.
    """
    changes = read_changes(repository, all_files=False)
    changed = find_committable(repository, changes) if changes.tracked else ()
    paths = [path for path in changed if path not in policy.excluded]
    if policy.before == "clean":
        _require_clean((*paths, *changes.edited_submodules))
    if paths:
        action = "in a snapshot" if policy.before == "snapshot" else "committed"
        tell(f"Not {action}: {listed(paths)} ({repository.git_dir} cannot be written).")
    untracked = tuple(path for path in changes.untracked if path not in policy.excluded)
    surprising = [path for path in untracked if not _is_below(path, policy.expected)]
    if surprising:
        tell(f"Not committed: {listed(surprising)} (untracked).")
    if changes.submodules:
        tell(f"Not committed: changes in the submodules {listed(changes.submodules)}.")
    return WorkingState(
        changes.head,
        short_hash(repository, changes.head) if changes.head is not None else None,
        untracked=tuple(path for path in untracked if path not in surprising),
        uncaptured=(*paths, *surprising, *changes.submodules),
    )


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Return whether a path is one of some folders, or below one."""
    return any(f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/") for folder in folders)


def _find_paths_to_commit(repository: Repository, policy: Policy, changes: Changes, tell: Tell) -> list[str]:
    """Return the paths to commit.

    Raises:
        GitError: They cannot be committed, or `clean` allows no changes.
    """
    if changes.unmerged:
        raise GitError(
            f"{changes.unmerged[0]} has a conflict; resolve it, then finish the merge or run with --before snapshot."
        )
    paths = [path for path in find_committable(repository, changes) if path not in policy.excluded]
    if kept := policy.find_kept(paths):
        # They are no code, and the run that wrote them has left the branch alone.
        tell(f"Not committed: {listed(sorted(kept))}, as an earlier run left it.")
        paths = [path for path in paths if path not in kept]
    if policy.before == "clean":
        _require_clean(paths)
    if paths and (operation := find_operation(repository)):
        raise GitError(
            f"Cannot commit {listed(paths)} during {operation}; finish it first, or run with --before snapshot."
        )
    return paths


def _capture(repository: Repository, policy: Policy, name: str, message: str, tell: Tell) -> WorkingState:
    """Make a snapshot, tell the user what it does not hold, and return the working state."""
    budget = policy.make_budget()
    changes, left_out = choose_changes(repository, _read_changes(repository, policy), budget, first=policy.scripts)
    kept = (path for path in changes.untracked if not (policy.is_stream(path) or policy.is_ignored(path)))
    changes = changes._replace(untracked=tuple(kept))
    snapshot = make_snapshot(repository, name, message, budget, changes)
    patch = None
    if changes.head is not None and snapshot.commit != changes.head:
        patch = patch_id(repository, changes.head, snapshot.commit, policy.excluded)
        tell(f"Took a snapshot of the working tree: {short_hash(repository, snapshot.commit)}.")
    left_out = [*left_out, *snapshot.left_out]
    _tell_left_out((*snapshot.uncaptured, *(_describe_left_out(one, policy) for one in left_out)), tell)
    return WorkingState(
        # The log names the commit on the branch; the snapshot, which is on no branch, is in the record.
        changes.head or snapshot.commit, short_hash(repository, changes.head or snapshot.commit),
        snapshot.commit, patch,
        uncaptured=snapshot.uncaptured, left_out=hash_left_out(repository, left_out),
    )  # fmt: skip
