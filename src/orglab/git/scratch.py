"""Temporary folders and working trees in the git directory, which a later process removes if theirs was killed.

A process holds a lock on what it has made.  What nobody holds is collected, with what git has registered for it, and
nothing else: worktrees of the user stay, even where their disk is unplugged.
"""

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from orglab.errors import GitError
from orglab.git.repository import Repository
from orglab.git.trees import Checkout, remove_worktree

_PREFIX = "temporary-"
_MOST_BYTES = 1 << 20
WORKTREES = "worktrees"


@contextlib.contextmanager
def scratch_folder(repository: Repository) -> Iterator[Path]:
    """Yield a new folder that only this user can read, and remove it; what killed processes left there goes too.

    Raises:
        GitError: It cannot be made.
    """
    own = repository.own_folder
    try:
        _make_real_folder(own)
        _collect_scratch(own)
        folder, fd = _claim(own, _PREFIX, lambda path: path.mkdir(mode=0o700))
    except OSError as error:
        raise GitError(f"{own} cannot be written: {error.strerror}.") from error
    try:
        yield folder
    finally:
        os.close(fd)
        _remove_folder(folder)


@contextlib.contextmanager
def scratch_worktree(repository: Repository, name: str) -> Iterator[tuple[Checkout, Callable[[], None]]]:
    """Yield the place for a temporary working tree, and a function that has it kept; else it is removed afterwards.

    Args:
        repository: The repository.
        name: What the name of its folder begins with.

    Raises:
        GitError: The place cannot be made.
    """
    folder = repository.shared_folder / WORKTREES
    try:
        _make_real_folder(repository.shared_folder)
        _make_real_folder(folder)
        marker, fd = _claim(folder, f".{name}-", lambda path: path.touch(mode=0o600, exist_ok=False))
        checkout = Checkout(repository, folder / marker.name[1:], lambda module: _append(marker, module))
        checkout.place.mkdir(mode=0o700)
    except OSError as error:
        raise GitError(f"Cannot create a working tree in {folder}: {error.strerror}.") from error
    try:
        yield checkout, marker.unlink
    finally:
        if marker.exists():
            with contextlib.suppress(OSError):
                remove_worktree(repository, checkout.place, _read_modules(marker))
                marker.unlink(missing_ok=True)
        os.close(fd)


def collect_scratch(repository: Repository) -> None:
    """Remove the temporary folders and working trees in a git directory that no living process has."""
    with contextlib.suppress(OSError):
        for own in {repository.own_folder, repository.shared_folder}:
            _collect_scratch(own)
        folder = repository.shared_folder / WORKTREES
        if _is_real(repository.shared_folder) and _is_real(folder):
            for name in os.listdir(folder):  # noqa: PTH208 - names are wanted
                if name.startswith("."):
                    _collect_worktree(repository, folder / name)


def _collect_scratch(own: Path) -> None:
    if not _is_real(own):
        return
    for name in os.listdir(own):  # noqa: PTH208 - names are wanted
        if name.startswith(_PREFIX) and _is_real(own / name):
            with _try_lock(own / name) as is_free:
                if is_free:
                    _remove_folder(own / name)


def _collect_worktree(repository: Repository, marker: Path) -> None:
    """Remove a working tree whose process is gone, unless the command of that goes on in it."""
    place = marker.with_name(marker.name[1:])
    with _try_lock(marker) as is_free:
        if is_free and not _is_used(place):
            remove_worktree(repository, place, _read_modules(marker))
            marker.unlink(missing_ok=True)


def _claim(folder: Path, prefix: str, make: Callable[[Path], None]) -> tuple[Path, int]:
    """Make a file or folder with a new name, lock it, and return it with what holds the lock.

    Raises:
        OSError: It cannot be made.
    """
    while True:
        path = folder / f"{prefix}{os.urandom(6).hex()}"
        make(path)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another process has collected it, before it was locked
        with contextlib.suppress(OSError):  # this file system has no locks: nothing there is collected
            fcntl.flock(fd, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return path, fd
        os.close(fd)


@contextlib.contextmanager
def _try_lock(path: Path) -> Iterator[bool]:
    """Yield whether no other process holds the lock of a file or folder; hold it meanwhile."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        is_kind = stat.S_ISREG(os.fstat(fd).st_mode) or stat.S_ISDIR(os.fstat(fd).st_mode)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_free = is_kind and os.path.lexists(path)
    except OSError:
        is_free = False
    try:
        yield is_free
    finally:
        os.close(fd)


def _is_used(place: Path) -> bool:
    """Return whether a process works in a folder; False without `/proc`."""
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if cwd.readlink().is_relative_to(os.path.realpath(place)):
                return True
    return False


def _append(marker: Path, module: str) -> None:
    with open(os.open(marker, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC), "ab") as file:  # noqa: PTH123
        file.write(os.fsencode(module) + b"\0")


def _read_modules(marker: Path) -> list[str]:
    try:
        with open(os.open(marker, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            return [os.fsdecode(name) for name in file.read(_MOST_BYTES).split(b"\0")[:-1]]
    except OSError:
        return []


def _remove_folder(folder: Path) -> None:
    import shutil  # noqa: PLC0415 - it imports archive modules, and most commands make no such folder

    shutil.rmtree(folder, ignore_errors=True)


def _make_real_folder(path: Path) -> None:
    """Make a folder.

    Raises:
        OSError: It cannot be made, or is a symbolic link.
    """
    path.mkdir(exist_ok=True)
    if not _is_real(path):
        raise NotADirectoryError(20, "a symbolic link is not followed", os.fspath(path))


def _is_real(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
