"""Where the records of runs lie, and what waits to be told in a log; no other module names these folders.

They lie in the git directory that all worktrees share: no `git clean`, no switch of branches and no end of a worktree
takes them, and no clone brings any.  Where that cannot be written, or there is no git, they lie in the folder that the
user's own variable ORGLAB_RECORDS names, else in the hidden folder `.orglab` at the top of the repository, or beside a
log that is in none.  All these places are read.

    runs/ID/      the record of a run
    waiting/NAME  what a log does not tell of yet, see `waiting`
    worktrees/    the working trees of reruns

A storage is told by the top of the repository, or else the log's folder.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orglab.config import CLONE_FOLDER
from orglab.errors import GitError
from orglab.git import Repository, find_repository

HIDDEN_FOLDER = ".orglab"
RUNS = "runs"
PENDING = "waiting"
WORKTREES = "worktrees"
FORMER_PENDING = "pending"  # what former versions called what waits

_VARIABLE = "ORGLAB_RECORDS"
_IGNORE = "*\n"
_LONGEST = 200


def find_storage_folders(top: Path) -> list[Path]:
    """Return the folders in which records may lie, those that are preferred for writing first; none has to exist."""
    repository = find_repository(top)
    found = [repository.shared_folder] if repository is not None else []
    named = os.environ.get(_VARIABLE, "")
    if Path(named).is_absolute():
        # Records of other repositories may lie there too.
        clone = repository.common_dir if repository is not None else top
        found.append(Path(named, os.path.realpath(clone).replace(os.sep, "%")[-_LONGEST:]))
    return [*found, top / HIDDEN_FOLDER]


def find_worktrees_folder(repository: Repository) -> Path:
    """Return the folder for the working trees of reruns; git itself has to write beside it, so it has no other."""
    return repository.shared_folder / WORKTREES


def make_folder(storage: Path, kind: str) -> Path:
    """Make a folder of a storage, and return it.

    Args:
        storage: One of `find_storage_folders`.
        kind: RUNS or PENDING.

    Raises:
        OSError: It cannot be made, or written, or it is a link.
    """
    folder = storage / kind
    folder.mkdir(parents=True, exist_ok=True)
    if storage.name == HIDDEN_FOLDER:
        if not (_is_real_folder(storage) and _is_real_folder(folder)):
            raise NotADirectoryError(20, "A symbolic link is not followed", os.fspath(folder))
        ignore = storage / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text(_IGNORE, "ascii")
    return folder


def list_entries(top: Path, kind: str) -> dict[str, Path]:
    """Return what lies in the folders of one kind, by name; of two of one name the one in the preferred storage.

    What a clone brought in its working tree is left out, and so are links.

    Args:
        top: The top of the repository, or else the log's folder.
        kind: RUNS or PENDING.
    """
    found: dict[str, Path] = {}
    for storage in find_storage_folders(top):
        if storage.name == HIDDEN_FOLDER:
            for name, path in list_hidden(top, kind).items():
                found.setdefault(name, path)
            continue
        folder = storage / kind
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 - names are wanted
                if name[0] != ".":
                    found.setdefault(name, folder / name)
    return found


def list_hidden(top: Path, kind: str) -> dict[str, Path]:
    """Return what lies in a folder of the storage beside the log, as far as it is no link and git does not track it."""
    storage = top / HIDDEN_FOLDER
    if not (_is_real_folder(storage) and _is_real_folder(storage / kind)):
        return {}
    entries = {}
    with contextlib.suppress(OSError), os.scandir(storage / kind) as listing:
        entries = {entry.name: Path(entry.path) for entry in listing if entry.name[0] != "." and not entry.is_symlink()}
    if not entries:
        return {}
    brought = _read_tracked_paths(top)
    if brought is None or not brought.isdisjoint({HIDDEN_FOLDER, f"{HIDDEN_FOLDER}/{kind}"}):
        return {}
    return {name: path for name, path in entries.items() if f"{HIDDEN_FOLDER}/{kind}/{name}".lower() not in brought}


def _read_tracked_paths(top: Path) -> frozenset[str] | None:
    """Return the paths in the storage beside the log that git tracks or that lead to what it tracks, from the top.

    None if git refuses to tell.  The storage itself is not among them unless it is tracked as such, as a link is.
    """
    repository = find_repository(top)
    if repository is None:
        return frozenset()
    try:
        # Where the file system does not tell cases apart, a folder of another case is this one.
        told = repository.read("ls-files", "-z", "--full-name", "--", f":(top,literal,icase){HIDDEN_FOLDER}")
    except GitError:
        return frozenset()  # no git is installed, so nothing was cloned
    if told is None:
        return None
    found = set()
    for path in os.fsdecode(told).lower().split("\0"):
        parts = path.split("/")
        found |= {path, "/".join(parts[:3])} if len(parts) > 2 else {path}  # noqa: PLR2004 - storage, kind, name
    return frozenset(found)


def remove_hidden_folder(top: Path) -> None:
    """Remove the storage beside the log, if nothing is left in it that somebody may miss."""
    storage = top / HIDDEN_FOLDER
    if not _is_real_folder(storage):
        return
    with contextlib.suppress(OSError):
        for kind in (FORMER_PENDING, PENDING, RUNS, WORKTREES):
            with contextlib.suppress(OSError):
                (storage / kind).rmdir()
        if os.listdir(storage) == [".gitignore"] and _read_tracked_paths(top) == frozenset({""}):  # noqa: PTH208 - names are wanted
            (storage / ".gitignore").unlink()
            storage.rmdir()


def _is_real_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def is_writable_folder(storage: Path) -> bool:
    """Return whether folders and files can be made in a storage, which need not exist yet."""
    there = storage
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    return os.access(there, os.W_OK | os.X_OK)


def list_worktrees(repository: Repository) -> Iterator[tuple[Path, Path]]:
    """Yield the top and the git directory of each worktree of a repository, the one of `repository` first.

    Asking git costs a process, and every command looks here (gitrepository-layout(5) says where they are).
    """
    yield repository.top, repository.git_dir
    common = repository.common_dir
    if common != repository.git_dir and common.name == ".git":
        yield common.parent, common
    with contextlib.suppress(OSError):
        for name in os.listdir(common / "worktrees"):  # noqa: PTH208 - names are wanted
            git_dir = common / "worktrees" / name
            with contextlib.suppress(OSError):
                link = git_dir / os.fsdecode((git_dir / "gitdir").read_bytes().rstrip(b"\n"))
                if link.is_file() and not git_dir.samefile(repository.git_dir):
                    yield link.parent, git_dir


def find_old_storage(top: Path) -> list[tuple[Path, Path]]:
    """Return where something lies that belongs elsewhere by now, each with the top of the worktree that it is of.

    These are the places beside the logs of all worktrees, where the git directory is to hold records; and files
    `pending` of former versions, in git directories or beside the log.

    Args:
        top: The top of the repository, or else the log's folder.
    """
    repository = find_repository(top)
    if repository is None:
        return [(top, top / HIDDEN_FOLDER)] if os.path.lexists(top / HIDDEN_FOLDER / FORMER_PENDING) else []
    found = []
    for tree, git_dir in list_worktrees(repository):
        beside, pending = tree / HIDDEN_FOLDER, git_dir / CLONE_FOLDER / FORMER_PENDING
        if os.path.lexists(beside) and any(os.path.lexists(beside / kind) for kind in (RUNS, PENDING, FORMER_PENDING)):
            found.append((tree, beside))
        if pending.is_file():
            found.append((tree, pending))
    return found
