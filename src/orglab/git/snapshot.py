"""Snapshots: commits of the whole working tree, on no branch; index, branch and working tree stay as they are."""

import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.hashed_file import LeftOut
from orglab.git.index import Entry, HiddenChanges, find_hidden_changes
from orglab.git.private_files import open_regular
from orglab.git.process import IDENTITY, NO_HOOKS, run_readonly
from orglab.git.reachability import RUN_REFS
from orglab.git.repository import Repository, find_repository
from orglab.git.scratch import scratch_folder
from orglab.git.untracked import Budget, choose_files, list_files
from orglab.git.worktree import Changes, read_changes

# git must write nothing but the copy of the index: no shared index, no fsmonitor state, no untracked cache.
PLAIN_INDEX = ("-c", "core.splitIndex=false", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")


class Snapshot(NamedTuple):
    """A captured working tree.

    Attributes:
        commit: The full hash of its commit; HEAD itself if the working tree is equal to HEAD.
        uncaptured: Paths that are not in the commit: nested repositories that are not submodules, unreadable files.
        left_out: Untracked files that are outside the budget, in submodules too.
    """

    commit: str
    uncaptured: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def make_snapshot(
    repository: Repository,
    name: str,
    message: str,
    budget: Budget,
    changes: Changes | None = None,
    *,
    hidden: HiddenChanges | None = None,
) -> Snapshot:
    """Commit the whole working tree under `refs/orglab/runs/NAME`, and return the snapshot.

    Submodules with changes are captured in the same way, in their own repositories.  Ignored files are left out.

    Args:
        repository: The repository.
        name: The run's id.
        message: The commit's message.
        budget: The limits of the untracked files that are not in `changes`.
        changes: The changes to capture, if they have been read already; all of their untracked files are captured.
        hidden: The changes that `git status` does not show, if they have been looked for already.

    Raises:
        GitError: git fails, is not installed, or a file has a conflict.
    """
    top = repository.at_top
    left_out: list[LeftOut] = []
    if changes is None:
        changes, left_out = choose_changes(top, read_changes(top, all_files=False), budget)
    hidden = hidden if hidden is not None else find_hidden_changes(top)
    if changes.unmerged:
        raise GitError(f"{changes.unmerged[0]} has a conflict; resolve it first.")
    submodules = dict.fromkeys((*changes.submodules, *hidden.submodules))
    if changes.head is not None and changes.is_clean and not (hidden.entries or submodules):
        top.run("update-ref", f"{RUN_REFS}{name}", changes.head, environment=NO_HOOKS)
        return Snapshot(changes.head, left_out=tuple(left_out))
    files, uncaptured = _sort_untracked(repository.top, changes.untracked)
    modules: dict[str, str] = {}
    for path in submodules:
        inner = find_repository(repository.top / path)
        if inner is None or inner.top != repository.top / path:
            uncaptured.append(path)
            continue
        snapshot = make_snapshot(inner, name, message, budget)
        modules[path] = snapshot.commit
        uncaptured += [f"{path}/{inner_path}" for inner_path in snapshot.uncaptured]
        left_out += [one._replace(path=f"{path}/{one.path}") for one in snapshot.left_out]
    tree = _write_tree(top, [*changes.tracked, *files], modules, hidden.entries)
    parents = ("-p", changes.head) if changes.head is not None else ()
    commit = top.run("commit-tree", *parents, tree, stdin=message.encode("utf-8", "replace"), environment=IDENTITY)
    full = commit.decode().strip()
    top.run("update-ref", f"{RUN_REFS}{name}", full, environment=NO_HOOKS)
    return Snapshot(full, tuple(uncaptured), tuple(left_out))


def choose_changes(
    repository: Repository, changes: Changes, budget: Budget, first: Iterable[str] = ()
) -> tuple[Changes, list[LeftOut]]:
    """Return changes with the untracked files to capture, and what is left out.

    Args:
        repository: The repository.
        changes: Its changes, in which an untracked folder may stand for its files.
        budget: What may be captured.
        first: Files to capture before all others.
    """
    files, environments = list_files(repository, changes.untracked)
    kept, too_much = choose_files(repository.top, files, budget, first)
    return changes._replace(untracked=tuple(kept)), [*environments, *too_much]


def _sort_untracked(top: Path, untracked: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the untracked files to capture, and those that cannot be captured."""
    files: list[str] = []
    uncaptured: list[str] = []
    for path in untracked:
        file = top / path
        try:
            is_readable = not stat.S_ISREG(file.lstat().st_mode) or os.access(file, os.R_OK)
        except OSError:
            is_readable = False
        (uncaptured if path.endswith("/") or not is_readable else files).append(path)
    return files, uncaptured


def _write_tree(top: Repository, paths: list[str], modules: dict[str, str], hidden: Sequence[Entry] = ()) -> str:
    """Write the tree of the index with these paths as they are in the working tree, and return its hash."""
    with scratch_folder(top) as folder:
        private = folder / "index"
        environment = {"GIT_INDEX_FILE": os.fspath(private.absolute())}
        copy_index(top.git_dir / "index", private)
        if hidden:
            # An entry that is entered anew loses the mark that hides its file.
            entries = os.fsencode("".join(f"{entry.mode} {entry.hash}\t{entry.path}\0" for entry in hidden))
            top.run(*PLAIN_INDEX, "update-index", "-z", "--index-info", stdin=entries, environment=environment)
        names = b"".join(os.fsencode(path) + b"\0" for path in (*paths, *(entry.path for entry in hidden)))
        update = ("update-index", "--add", "--remove", "-z", "--stdin")
        top.run(*PLAIN_INDEX, *update, stdin=names, environment=environment)
        if modules:
            entries = os.fsencode("".join(f"160000 {commit}\t{path}\0" for path, commit in modules.items()))
            top.run(*PLAIN_INDEX, "update-index", "-z", "--index-info", stdin=entries, environment=environment)
        return top.run(*PLAIN_INDEX, "write-tree", environment=environment).decode().strip()


def copy_index(index: Path, private: Path) -> None:
    """Copy an index, if there is one, with its modification time.

    git compares a file's content only if its entry is not older than the index.  With a newer time, the copy would
    hide an edit that keeps the size, made within the same second (see racy-git in git's documentation).
    """
    try:
        source = open(open_regular(index, follow=True), "rb")  # noqa: PTH123, SIM115 - a descriptor
    except FileNotFoundError:
        return
    with source, private.open("wb") as copy:
        # From the open file: git may replace the index meanwhile.
        modified = os.fstat(source.fileno()).st_mtime_ns
        shutil.copyfileobj(source, copy)
    os.utime(private, ns=(modified, modified))


def patch_id(repository: Repository, old: str, new: str, excluded: tuple[str, ...] = ()) -> str | None:
    """Return the stable patch id of the differences between two commits, or None if there are none.

    Args:
        repository: The repository.
        old: The full hash of the old commit.
        new: The full hash of the new commit.
        excluded: Paths to leave out, relative to the top, such as the log.

    Raises:
        GitError: git fails, or is not installed.
    """
    top = repository.at_top
    pathspecs = [f":(top,literal,exclude){path}" for path in excluded]
    diff = top.query(
        "diff-tree", "-p", "--no-ext-diff", "--no-textconv", "--full-index", "--no-renames", old, new, "--", ".",
        *pathspecs,
    )  # fmt: skip
    fields = run_readonly(top.top, ("patch-id", "--stable"), diff).stdout.split()
    return fields[0].decode() if fields else None
