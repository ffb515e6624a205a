"""Temporary folders and working trees in the git directory, which a later process removes if theirs was killed.

A process holds a lock on what it has made.  What nobody holds is collected, with what git has registered for it, and
nothing else: worktrees of the user stay, even where their disk is unplugged.
"""

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from orglab.config import find_git_dir
from orglab.errors import GitError
from orglab.git.private_files import NOWHERE, read_regular
from orglab.git.process import NO_HOOKS
from orglab.git.repository import Repository

_PREFIX = "temporary-"
_MOST_BYTES = 1 << 20
WORKTREES = "worktrees"


class Checkout(NamedTuple):
    """A working tree that is made for a while.

    Attributes:
        repository: The repository.
        place: Its folder, which is empty.
        note: Called with the path of each submodule before that is added, so that all is removed again.
    """

    repository: Repository
    place: Path
    note: Callable[[str], None]


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


def collect_scratch(repository: Repository, save: Callable[[Path], bool] = lambda _: True) -> None:
    """Remove the temporary folders and working trees in a git directory that no living process has.

    Args:
        repository: The repository.
        save: Called with each such working tree before it is removed; returns whether it may be.
    """
    with contextlib.suppress(OSError):
        for own in {repository.own_folder, repository.shared_folder}:
            _collect_scratch(own)
        folder = repository.shared_folder / WORKTREES
        if _is_real(repository.shared_folder) and _is_real(folder):
            for name in os.listdir(folder):  # noqa: PTH208 - names are wanted
                if name.startswith("."):
                    _collect_worktree(repository, folder / name, save)


def _collect_scratch(own: Path) -> None:
    if not _is_real(own):
        return
    for name in os.listdir(own):  # noqa: PTH208 - names are wanted
        if name.startswith(_PREFIX) and _is_real(own / name):
            with _try_lock(own / name) as is_free:
                if is_free:
                    _remove_folder(own / name)


def _collect_worktree(repository: Repository, marker: Path, save: Callable[[Path], bool]) -> None:
    """Remove a working tree whose process is gone, unless the command of that goes on in it, or it is not saved."""
    place = marker.with_name(marker.name[1:])
    with _try_lock(marker) as is_free:
        if is_free and not place.is_symlink() and not _is_used(place) and save(place):
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
    if path.parent != NOWHERE:
        path.mkdir(exist_ok=True)
    if not _is_real(path):
        raise NotADirectoryError(20, "a symbolic link is not followed", os.fspath(path))


def _is_real(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def add_worktree(checkout: Checkout, commit: str) -> None:
    """Add a worktree with a detached HEAD at `commit`.

    Its submodules are added as worktrees of the submodules of this working tree: of those that are submodules here too,
    and are reached through no link.

    Raises:
        GitError: git fails, or is not installed.
    """
    repository, place = checkout.repository, checkout.place
    # A hook of the user's is for the working trees of the user.
    repository.run("worktree", "add", "--quiet", "--detach", os.fspath(place), commit, environment=NO_HOOKS)
    git_dir = os.fsdecode(Repository(place, place, place).query("rev-parse", "--absolute-git-dir").strip())
    worktree = Repository(place, place, Path(git_dir))
    present = {path for path, _ in _list_submodules(repository.query("ls-files", "-z", "--stage", "--", ":(top)"))}
    for name, head in _list_submodules(worktree.query("ls-tree", "-r", "-z", "--full-tree", "HEAD")):
        if name in present and (module := _find_module(repository, name)) is not None:
            checkout.note(name)
            module.run("worktree", "add", "--quiet", "--detach", os.fspath(place / name), head, environment=NO_HOOKS)


def _list_submodules(printed: bytes) -> Iterator[tuple[str, str]]:
    """Yield the paths and hashes of the submodules in the output of `git ls-tree -z` or `git ls-files -z --stage`."""
    for line in printed.split(b"\0"):
        head, _, name = line.partition(b"\t")
        if head.startswith(b"160000 "):
            yield os.fsdecode(name), next(word.decode() for word in head.split()[1:] if word != b"commit")


def _find_module(repository: Repository, name: str) -> Repository | None:
    """Return the submodule at a path of the working tree; None if there is none, or a link leads to it."""
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        return None
    inner = repository.top
    for part in parts:
        inner = inner / part
        if inner.is_symlink():
            return None
    found = find_git_dir(os.fspath(inner))
    if found is None or Path(found[0]) != inner or (inner / ".git").is_symlink():
        return None
    return Repository(inner, inner, Path(found[1]))


def remove_worktree(repository: Repository, place: Path, modules: Iterable[str]) -> None:
    """Remove a worktree that `add_worktree` added, with all changes in it.

    `git worktree prune` would also drop worktrees of the user that are unavailable, such as on an unplugged disk.

    Args:
        repository: The repository.
        place: The folder.
        modules: The submodules that were added in it.

    Raises:
        GitError: git is not installed.
    """
    import shutil  # noqa: PLC0415 - only one command needs it

    for name in modules:
        if (module := _find_module(repository, name)) is not None:
            _remove(module, place / name)
    _remove(repository, place)
    shutil.rmtree(place, ignore_errors=True)


def _remove(repository: Repository, place: Path) -> None:
    """Remove a worktree and what git knows of it, even where it was only begun."""
    import shutil  # noqa: PLC0415 - the same

    with contextlib.suppress(GitError):
        repository.run("worktree", "remove", "--force", "--force", os.fspath(place), environment=NO_HOOKS)
    known = os.fsencode(os.path.realpath(place / ".git"))
    with contextlib.suppress(OSError):
        for folder in (repository.common_dir / "worktrees").iterdir():
            with contextlib.suppress(OSError):
                link = os.path.realpath(read_regular(folder / "gitdir").rstrip(b"\n"))
                if link == known and not folder.is_symlink():
                    shutil.rmtree(folder)
