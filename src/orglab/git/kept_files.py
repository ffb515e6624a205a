"""Files that are kept beside the branches: the results of a run in a commit of their own, held by a ref.

Index, branches and working tree stay as they are.  The refs are not pushed by default.
"""

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

from orglab.errors import GitError
from orglab.git.process import IDENTITY, NO_HOOKS
from orglab.git.repository import Repository, is_full_hash
from orglab.git.scratch import scratch_folder
from orglab.git.snapshot import PLAIN_INDEX
from orglab.git.worktree import literal_pathspecs

RESULTS_REFS = "refs/orglab/results/"


class Kept(NamedTuple):
    """What was kept.

    Attributes:
        commit: The full hash of the commit; None if there was nothing to keep.
        large: The new files that were left out because of their size.
    """

    commit: str | None
    large: tuple[str, ...] = ()


def keep_files(
    repository: Repository, name: str, parent: str | None, paths: Sequence[str], message: str, size_limit: int
) -> Kept:
    """Commit files as they are in the working tree under `refs/orglab/results/NAME`, and return the commit.

    Ignored files and large new ones are left out, as in a commit of results.  There is no commit if nothing is left, or
    if the parent has the same files.

    Args:
        repository: The repository.
        name: The id of the run.
        parent: The full hash of the commit that the run began on, if there was one.
        paths: The files that the run wrote or removed, relative to the top.
        message: The message of the commit.
        size_limit: Bytes of a new file.

    Raises:
        GitError: git fails, or is not installed.
    """
    top = repository.at_top
    parent = parent if parent is not None and is_full_hash(parent) else None
    with scratch_folder(top) as folder:
        environment = {"GIT_INDEX_FILE": os.fspath((folder / "index").absolute())}
        top.run(*PLAIN_INDEX, "read-tree", parent or "--empty", environment=environment)
        before = top.run(*PLAIN_INDEX, "write-tree", environment=environment)
        known = _list_index(top, environment)
        new = [path for path in paths if path not in known]
        ignored = _find_ignored(top, new)
        large = tuple(path for path in new if path not in ignored and _measure(top, path) > size_limit)
        left_out = ignored.union(large)
        names = b"".join(os.fsencode(path) + b"\0" for path in paths if path not in left_out)
        update = ("update-index", "--add", "--replace", "--remove", "-z", "--stdin")
        top.run(*PLAIN_INDEX, *update, stdin=names, environment=environment)
        tree = top.run(*PLAIN_INDEX, "write-tree", environment=environment)
    if tree == before:
        return Kept(None, large)
    parents = ("-p", parent) if parent is not None else ()
    text = message.encode("utf-8", "replace")
    commit = top.run("commit-tree", *parents, tree.decode().strip(), stdin=text, environment=IDENTITY).decode().strip()
    top.run("update-ref", f"{RESULTS_REFS}{name}", commit, environment=NO_HOOKS)
    return Kept(commit, large)


def _list_index(repository: Repository, environment: dict[str, str]) -> frozenset[str]:
    """Return the paths of an index."""
    listed = repository.query("ls-files", "-z", environment=environment)
    return frozenset(map(os.fsdecode, listed.split(b"\0")))


def _find_ignored(repository: Repository, paths: Collection[str]) -> set[str]:
    """Return those of some untracked paths that git ignores.

    Raises:
        GitError: git fails, or is not installed.
    """
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    listed = repository.find("check-ignore", "-z", "--no-index", "--stdin", stdin=names) if names else b""
    return {os.fsdecode(path) for path in listed.split(b"\0") if path}


def _measure(repository: Repository, path: str) -> int:
    try:
        return (repository.top / path).lstat().st_size
    except OSError:
        return 0


def find_kept(repository: Repository, name: str) -> str | None:
    """Return the full hash of the commit that keeps the files of a run, or None."""
    full = repository.read("rev-parse", "--quiet", "--verify", f"{RESULTS_REFS}{name}")
    return full.decode().strip() if full is not None else None


def list_kept(repository: Repository, commit: str) -> dict[str, bool]:
    """Return the paths in which a commit of kept files differs from its parent, and whether each is there.

    There are none if the commit is not in this clone, or is not a full hash.
    """
    if not is_full_hash(commit):
        return {}
    listed = repository.at_top.read("diff-tree", "--root", "--no-commit-id", "-r", "-z", "--no-renames",
                                    "--name-status", commit, "--") or b""  # fmt: skip
    pieces = iter(listed.split(b"\0"))
    return {os.fsdecode(path): state != b"D" for state, path in zip(pieces, pieces, strict=False)}


def find_differences(repository: Repository, kept: str, *, since_run: bool = False) -> set[str]:
    """Return the paths whose content at HEAD is not that of a commit of kept files, or not that of its parent.

    Args:
        repository: The repository.
        kept: The full hash of the commit of kept files.
        since_run: Whether to compare HEAD with the parent, on which the run began.

    Raises:
        GitError: git fails, or `kept` is not a full hash.
    """
    if not is_full_hash(kept):
        raise GitError(f"{kept!r} is not the full hash of a commit.")
    top = repository.at_top
    revisions = (f"{kept}^" if since_run else kept, "HEAD")
    empty = top.query("hash-object", "-t", "tree", "--stdin").decode().strip()
    trees = [top.read("rev-parse", "--quiet", "--verify", f"{name}^{{tree}}") for name in revisions]
    names = [tree.decode().strip() if tree is not None else empty for tree in trees]
    pieces = iter(top.query("diff-tree", "-r", "-z", "--no-renames", "--raw", *names, "--").split(b"\0"))
    # A file whose mode alone was changed has the same content.
    changes = ((entry.split(), path) for entry, path in zip(pieces, pieces, strict=False))
    return {os.fsdecode(path) for (_, _, before, after, _), path in changes if before != after}


def restore_files(repository: Repository, commit: str, paths: Collection[str]) -> None:
    """Write files of a commit to the working tree; the index stays as it is.

    Args:
        repository: The repository.
        commit: The full hash.
        paths: The files; each is in the commit.

    Raises:
        GitError: git fails.
    """
    pathspecs = b"\0".join(map(os.fsencode, literal_pathspecs(paths)))
    repository.at_top.run("restore", "--worktree", f"--source={commit}", "--pathspec-from-file=-",
                          "--pathspec-file-nul", stdin=pathspecs, environment=NO_HOOKS)  # fmt: skip


def forget_files(repository: Repository, name: str) -> None:
    """Remove the ref that keeps the files of a run.

    Raises:
        GitError: git fails.
    """
    repository.run("update-ref", "-d", f"{RESULTS_REFS}{name}", environment=NO_HOOKS)
