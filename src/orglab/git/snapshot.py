"""A commit of the whole working state, made beside the branch: index, branch and working tree stay as they are."""

import os
import shutil
import stat
from pathlib import Path
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.hashed_file import HashedFile, hash_file
from orglab.git.process import run_readonly
from orglab.git.reachability import RUN_REFS
from orglab.git.repository import Repository, find_repository
from orglab.git.worktree import Changes, read_changes

# Nothing may be written beside the user's own index: no shared index, no monitor's state.
_PRIVATE = ("-c", "core.splitIndex=false", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
# A machine without a git identity can run a command too; these commits are on no branch.
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "orglab"), ("EMAIL", "orglab@localhost"))
}


class Snapshot(NamedTuple):
    """What was captured of a working tree.

    Attributes:
        commit: The full hash of the commit that holds it; HEAD itself where the working tree is what HEAD is.
        large: Files above the size limit, by hash alone.
        uncaptured: What is not in it: repositories that are no submodules, files that cannot be read.
    """

    commit: str
    large: tuple[HashedFile, ...] = ()
    uncaptured: tuple[str, ...] = ()


def make_snapshot(
    repository: Repository, name: str, message: str, size_limit: int, changes: Changes | None = None
) -> Snapshot:
    """Commit the whole working state under `refs/orglab/runs/NAME`, and return what was captured.

    Submodules that have changes are captured in the same way, in their own repositories.  What git ignores is left
    out.

    Args:
        repository: The repository.
        name: The run's id.
        message: The commit's message.
        size_limit: In bytes; a larger file that git does not know is recorded by its hash alone.
        changes: What `git status` says, if it has been asked already.

    Raises:
        GitError: git refuses, or is not installed; or there is a conflict.
    """
    top = repository.at_top
    found = changes if changes is not None else read_changes(top)
    if found.unmerged:
        raise GitError(f"{found.unmerged[0]} has a conflict; resolve it first.")
    if found.head is not None and found.is_clean:
        top.run("update-ref", f"{RUN_REFS}{name}", found.head)
        return Snapshot(found.head)
    small, large, uncaptured = _sort(repository.top, found.untracked, size_limit)
    modules = {}
    for path in found.submodules:
        inner = find_repository(repository.top / path)
        if inner is None or inner.top != repository.top / path:
            uncaptured.append(path)
            continue
        snapshot = make_snapshot(inner, name, message, size_limit)
        modules[path] = snapshot.commit
        large += [HashedFile(f"{path}/{one.path}", one.sha256, one.size) for one in snapshot.large]
        uncaptured += [f"{path}/{one}" for one in snapshot.uncaptured]
    tree = _write_tree(top, name, [*found.tracked, *small], modules)
    parents = ("-p", found.head) if found.head is not None else ()
    commit = top.run("commit-tree", *parents, tree, stdin=message.encode("utf-8", "replace"), environment=IDENTITY)
    full = commit.decode().strip()
    top.run("update-ref", f"{RUN_REFS}{name}", full)
    return Snapshot(full, tuple(large), tuple(uncaptured))


def _sort(top: Path, untracked: tuple[str, ...], size_limit: int) -> tuple[list[str], list[HashedFile], list[str]]:
    """Return the untracked files to capture, those to record by their hashes, and those that cannot be captured."""
    small, large, uncaptured = [], [], []
    for path in untracked:
        place = top / path
        try:
            status = place.lstat()
            if path.endswith("/") or (stat.S_ISREG(status.st_mode) and not os.access(place, os.R_OK)):
                uncaptured.append(path)
            elif stat.S_ISREG(status.st_mode) and status.st_size > size_limit:
                large.append(HashedFile(path, hash_file(place), status.st_size))
            else:
                small.append(path)
        except OSError:
            uncaptured.append(path)
    return small, large, uncaptured


def _write_tree(top: Repository, name: str, paths: list[str], modules: dict[str, str]) -> str:
    """Return the tree that the index would be with these paths as they stand in the working tree."""
    folder = top.own_folder
    folder.mkdir(exist_ok=True)
    private = folder / f"index.{name}.{os.getpid()}"
    environment = {"GIT_INDEX_FILE": os.fspath(private.absolute())}
    try:
        _copy_index(top.git_dir / "index", private)
        given = b"".join(os.fsencode(path) + b"\0" for path in paths)
        top.run(*_PRIVATE, "update-index", "--add", "--remove", "-z", "--stdin", stdin=given, environment=environment)
        if modules:
            lines = "".join(f"160000 {commit}\t{path}\0" for path, commit in modules.items())
            top.run(*_PRIVATE, "update-index", "-z", "--index-info", stdin=os.fsencode(lines), environment=environment)
        return top.run(*_PRIVATE, "write-tree", environment=environment).decode().strip()
    finally:
        private.unlink(missing_ok=True)
        private.with_name(f"{private.name}.lock").unlink(missing_ok=True)


def _copy_index(index: Path, private: Path) -> None:
    """Copy an index with its time, if there is one.

    git looks into a file only if its entry is not older than the index that holds it, so a copy of now would hide
    an edit of the same size within the second (racy-git, in git's documentation).
    """
    try:
        source = index.open("rb")
    except FileNotFoundError:
        return
    with source, private.open("wb") as copy:
        # The time is that of what is read, though git may put another index there meanwhile.
        moment = os.fstat(source.fileno()).st_mtime_ns
        shutil.copyfileobj(source, copy)
    os.utime(private, ns=(moment, moment))


def patch_id(repository: Repository, old: str, new: str, without: tuple[str, ...] = ()) -> str | None:
    """Return the stable patch id of what lies between two commits, or None if nothing does.

    Args:
        repository: The repository.
        old: The full hash of one.
        new: The full hash of the other.
        without: Paths to leave out, relative to the top: the log is no code.

    Raises:
        GitError: git refuses, or is not installed.
    """
    top = repository.at_top
    excluded = [f":(top,literal,exclude){path}" for path in without]
    diff = top.query(
        "diff-tree", "-p", "--no-ext-diff", "--no-textconv", "--full-index", "--no-renames", old, new, "--", ".",
        *excluded,
    )  # fmt: skip
    told = run_readonly(top.top, ("patch-id", "--stable"), diff).stdout.split()
    return told[0].decode() if told else None
