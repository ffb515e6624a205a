"""The folders that store run records and pending entries; no other module names them.

They are in the git directory that all worktrees share, so that `git clean`, a switch of branches or the removal of a
worktree does not delete them, and no clone contains them.  If that directory cannot be written, or there is no git,
they are in the folder named by the variable ORGLAB_RECORDS, else in the hidden folder `.orglab` at the top of the
repository, or beside a log that is in no repository.  All these folders are read.

    runs/ID/      the record of a run
    sweeps/ID/    the record and the tasks of a sweep, see `sweeps.tasks`
    waiting/NAME  a pending entry, see `pending`
    worktrees/    the working trees of reruns
"""

import contextlib
import errno
import os
import re
from pathlib import Path

from orglab.config import CLONE_FOLDER
from orglab.errors import GitError
from orglab.git import Repository, find_repository
from orglab.git.private_files import find_real_folder, is_real_folder
from orglab.git.repository import list_worktrees

HIDDEN_FOLDER = ".orglab"
RUNS = "runs"
SWEEPS = "sweeps"
PENDING = "waiting"
WORKTREES = "worktrees"
FORMER_PENDING = "pending"  # the name of that folder in earlier versions

_VARIABLE = "ORGLAB_RECORDS"
_IGNORE = "*\n"
_LONGEST = 200
_RUN = r"(?:19[7-9]\d|2[01]\d\d)\d{4}-\d{6}-[0-9a-f]{4,16}"
# The second is that of a step: its reference, and a hash of the path of the log.
_NAMES = {
    kind: re.compile(pattern, re.ASCII)
    for kind, pattern in {
        RUNS: _RUN, SWEEPS: _RUN, PENDING: rf"{_RUN}|[A-Za-z0-9_-][A-Za-z0-9_.-]{{0,240}}-[0-9a-f]{{8}}",
        FORMER_PENDING: _RUN,
    }.items()
}  # fmt: skip


def find_storage_folders(top: Path) -> list[Path]:
    """Return the folders that may store records, the preferred one for writing first; they need not exist."""
    repository = find_repository(top)
    folders = [repository.shared_folder] if repository is not None else []
    named = os.environ.get(_VARIABLE, "")
    if Path(named).is_absolute():
        # That folder may hold the records of several repositories.
        clone = repository.common_dir if repository is not None else top
        folders.append(Path(named, os.path.realpath(clone).replace(os.sep, "%")[-_LONGEST:]))
    return [*folders, top / HIDDEN_FOLDER]


def remove_leftovers(repository: Repository) -> None:
    """Remove the temporary files that killed processes have left in the folders of orglab's own."""
    shared = repository.shared_files
    for folder in (repository.own_files, shared, *(shared.folder(name) for name in ("texts", "losses", PENDING))):
        folder.remove_leftovers()


def is_entry_name(kind: str, name: str) -> bool:
    """Return whether an entry of one kind (RUNS, SWEEPS, PENDING or FORMER_PENDING) can have a name."""
    return _NAMES[kind].fullmatch(name) is not None


def make_folder(storage: Path, kind: str) -> Path:
    """Create a folder inside a storage folder, and return it.

    Args:
        storage: One of `find_storage_folders`.
        kind: RUNS, SWEEPS or PENDING.

    Raises:
        OSError: It cannot be created or written, or it is a symbolic link.
    """
    folder = storage / kind
    for path in (storage, folder):
        if path.is_symlink():
            raise NotADirectoryError(errno.ENOTDIR, "A symbolic link is not followed", os.fspath(path))
    folder.mkdir(parents=True, exist_ok=True)
    if storage.name == HIDDEN_FOLDER:
        ignore = storage / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text(_IGNORE, "ascii")
    return folder


def list_entries(top: Path, kind: str) -> dict[str, Path]:
    """Return the entries of one kind in all storage folders, by name; the preferred folder wins.

    Symbolic links, and files that git tracks, are left out.

    Args:
        top: The top of the repository, or else the folder of the log.
        kind: RUNS, SWEEPS or PENDING.
    """
    return {name: Path(path) for name, path in list_paths(top, kind).items()}


def list_paths(top: Path, kind: str) -> dict[str, str]:
    """Return what `list_entries` does, with the paths as text: to make thousands of them takes longer than the rest."""
    entries: dict[str, str] = {}
    for storage in find_storage_folders(top):
        own = _list_hidden(top, kind) if storage.name == HIDDEN_FOLDER else _list_folder(storage, kind)
        for name, path in own.items():
            entries.setdefault(name, path)
    return entries


def _list_folder(storage: Path, kind: str) -> dict[str, str]:
    """Return the entries of one kind in a storage folder, by name: folders of records, files of pending entries."""
    if not (is_real_folder(storage) and is_real_folder(storage / kind)):
        return {}
    is_kind = os.DirEntry.is_dir if kind in (RUNS, SWEEPS) else os.DirEntry.is_file
    with contextlib.suppress(OSError), os.scandir(storage / kind) as listing:
        return {
            entry.name: entry.path
            for entry in listing
            if is_entry_name(kind, entry.name) and is_kind(entry, follow_symlinks=False)
        }
    return {}


def list_hidden(top: Path, kind: str) -> dict[str, Path]:
    """Return the entries of one kind in the hidden folder that are neither symbolic links nor tracked by git."""
    return {name: Path(path) for name, path in _list_hidden(top, kind).items()}


def _list_hidden(top: Path, kind: str) -> dict[str, str]:
    entries = _list_folder(top / HIDDEN_FOLDER, kind)
    if not entries:
        return {}
    tracked = _read_tracked_paths(top)
    if tracked is None or not tracked.isdisjoint({HIDDEN_FOLDER, f"{HIDDEN_FOLDER}/{kind}"}):
        return {}
    return {name: path for name, path in entries.items() if f"{HIDDEN_FOLDER}/{kind}/{name}".lower() not in tracked}


def _read_tracked_paths(top: Path) -> frozenset[str] | None:
    """Return the tracked paths in the hidden folder and their parent folders, relative to the top; None if git fails.

    The hidden folder itself is only included if git tracks it as a symbolic link or a submodule.
    """
    repository = find_repository(top)
    if repository is None:
        return frozenset()
    try:
        # On a file system that ignores case, `.OrgLab` is the same folder.
        output = repository.read("ls-files", "-z", "--full-name", "--", f":(top,literal,icase){HIDDEN_FOLDER}")
    except GitError:
        return frozenset()  # git is not installed, so nothing was cloned
    if output is None:
        return None
    paths = set()
    for path in os.fsdecode(output).lower().split("\0"):
        parts = path.split("/")
        paths |= {path, "/".join(parts[:3])} if len(parts) > 2 else {path}  # noqa: PLR2004 - folder, kind, name
    return frozenset(paths)


def remove_hidden_folder(top: Path) -> None:
    """Remove the hidden folder if it holds nothing but empty folders and our `.gitignore`."""
    storage = top / HIDDEN_FOLDER
    if not is_real_folder(storage):
        return
    with contextlib.suppress(OSError):
        for kind in (FORMER_PENDING, PENDING, RUNS, SWEEPS, WORKTREES):
            with contextlib.suppress(OSError):
                (storage / kind).rmdir()
        if os.listdir(storage) == [".gitignore"] and _read_tracked_paths(top) == frozenset({""}):  # noqa: PTH208 - names are wanted
            (storage / ".gitignore").unlink()
            storage.rmdir()


def is_writable_folder(storage: Path) -> bool:
    """Return whether files can be created in a folder, which need not exist yet."""
    existing = storage
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    return os.access(existing, os.W_OK | os.X_OK)


def find_old_storage(top: Path) -> list[tuple[Path, Path]]:
    """Return the paths with records that should be moved, each with the top of its worktree.

    These are the hidden folders of all worktrees, and the `pending` files of earlier versions.

    Args:
        top: The top of the repository, or else the folder of the log.
    """
    repository = find_repository(top)
    if repository is None:
        return [(top, top / HIDDEN_FOLDER)] if os.path.lexists(top / HIDDEN_FOLDER / FORMER_PENDING) else []
    old_paths = []
    for tree, git_dir in list_worktrees(repository):
        hidden, pending = tree / HIDDEN_FOLDER, find_real_folder(git_dir / CLONE_FOLDER) / FORMER_PENDING
        if os.path.lexists(hidden) and any(os.path.lexists(hidden / kind) for kind in (RUNS, PENDING, FORMER_PENDING)):
            old_paths.append((tree, hidden))
        if pending.is_file() and not pending.is_symlink():
            old_paths.append((tree, pending))
    return old_paths
