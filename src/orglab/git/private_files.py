"""Files that orglab keeps for itself: opened so that nothing that an archive brings with it leads elsewhere.

Somebody else may have filled the git directory of an unpacked archive.  So each folder below it is opened by its name
in the one above, and neither a folder nor a file is opened through a symbolic link.  Only regular files are opened, as
a pipe would block, and a file larger than expected is not read.  What is refused counts as not there when it is read;
when it is written, that is an `OSError`, as in a folder that cannot be written.
"""

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

LARGEST = 1 << 24
"""The largest file, in bytes, that is read unless the caller allows more."""
NOWHERE = Path(os.devnull)
"""Below this path nothing is ever found, and nothing can be written."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{16}\.new")
_LEFTOVER_SECONDS = 3600.0  # a temporary file exists for milliseconds


class PrivateFolder:
    """A folder of orglab's own, which may not exist.

    Attributes:
        base: The folder that contains it, such as the git directory; links on the way there are followed.
        names: The names that lead from there to it.
    """

    def __init__(self, base: str | os.PathLike[str], *names: str) -> None:
        """Name a folder by one that exists and is trusted, and the names below that; nothing is opened yet."""
        self.base = os.fspath(base)
        self.names = names

    @property
    def path(self) -> Path:
        """Its path, for messages."""
        return Path(self.base, *self.names)

    def folder(self, *names: str) -> "PrivateFolder":
        """Return a folder inside of this one."""
        return PrivateFolder(self.base, *self.names, *names)

    def open(self, name: str, most: int = LARGEST) -> BinaryIO | None:
        """Return a file, opened for reading; None if it is missing, too large or not a regular file.

        Args:
            name: Its name.
            most: The largest size, in bytes.
        """
        try:
            with self._entered() as folder:
                fd = open_regular(name, dir_fd=folder)
        except OSError:
            return None
        if os.fstat(fd).st_size > most:
            os.close(fd)
            return None
        return open(fd, "rb")  # noqa: PTH123 - a descriptor

    def read(self, name: str, most: int = LARGEST) -> bytes | None:
        """Return the content of a file; None if it is missing, too large or not a regular file.

        Args:
            name: Its name.
            most: The largest size, in bytes.
        """
        file = self.open(name, most)
        if file is None:
            return None
        with file:
            return file.read(most)

    def stat(self, name: str) -> os.stat_result | None:
        """Return the attributes of a file, or None if it is missing or not a regular file."""
        try:
            with self._entered() as folder:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def list_names(self) -> list[str]:
        """Return the names in the folder, sorted; none if it is missing."""
        try:
            with self._entered() as folder:
                return sorted(os.listdir(folder))  # noqa: PTH208 - a descriptor
        except OSError:
            return []

    def make(self) -> None:
        """Create the folder.

        Raises:
            OSError: It cannot be created, or is not a real folder.
        """
        with self._entered(create=True):
            pass

    def write(self, name: str, data: bytes, mode: int | None = None) -> None:
        """Replace a file at once, and create the folder if it is missing.

        Args:
            name: Its name.
            data: The new content.
            mode: Its permissions; None for those of a new file.

        Raises:
            OSError: It cannot be written.
        """
        with self._entered(create=True) as folder, _replacing(name, folder) as new:
            _write(new, data, folder, mode)

    def append(self, name: str, data: bytes, *, durable: bool = False) -> None:
        """Append lines to a file under a lock, after completing a last line that was cut off.

        Args:
            name: Its name.
            data: The lines.
            durable: Whether to wait until they are on the disk.

        Raises:
            OSError: It cannot be written.
        """
        with self._entered(create=True) as folder:
            fd = open_regular(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, dir_fd=folder)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(fd, fcntl.LOCK_EX)
            end = os.fstat(fd).st_size
            if end and os.pread(fd, 1, end - 1) != b"\n":
                data = b"\n" + data
            while data:
                data = data[os.write(fd, data) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)

    def touch(self, name: str) -> None:
        """Set the time of a file to now, and create it and the folder if they are missing.

        Raises:
            OSError: It cannot be written.
        """
        with self._entered(create=True) as folder:
            fd = open_regular(name, os.O_WRONLY | os.O_CREAT, dir_fd=folder)
        try:
            os.utime(fd)
        finally:
            os.close(fd)

    def link(self, source: str | os.PathLike[str], name: str) -> None:
        """Give a regular file a second name in this folder, or copy it there where that is not possible.

        Raises:
            OSError: Neither can be written, or the source is a link.
        """
        if not stat.S_ISREG(os.lstat(source).st_mode):
            raise OSError(errno.EINVAL, "It is not a regular file", os.fspath(source))
        with self._entered(create=True) as folder, _replacing(name, folder) as new:
            try:
                os.link(source, new, dst_dir_fd=folder, follow_symlinks=False)
            except OSError:
                # Another file system, or one without links.
                _write(new, read_regular(source, None), folder)

    def unlink(self, name: str) -> None:
        """Remove a file, if it exists.

        Raises:
            OSError: It cannot be removed.
        """
        with suppress(FileNotFoundError, NotADirectoryError), self._entered() as folder:
            os.unlink(name, dir_fd=folder)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of processes that were killed."""
        with suppress(OSError), self._entered() as folder:
            for name in os.listdir(folder):  # noqa: PTH208 - a descriptor
                if _TEMPORARY.fullmatch(name):
                    with suppress(OSError):
                        age = time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
                        if age > _LEFTOVER_SECONDS:
                            os.unlink(name, dir_fd=folder)

    @contextmanager
    def _entered(self, *, create: bool = False) -> Iterator[int]:
        """Yield a descriptor of the folder.

        Raises:
            OSError: It does not exist, or a name on the way from the base to it is a link.
        """
        # What runs on a system without `dir_fd` has no `fcntl` either.
        fd = os.open(self.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in self.names:
                inner = _open_folder(name, fd, create=create)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)


def _open_folder(name: str, parent: int, *, create: bool) -> int:
    """Return a descriptor of a folder, which is created if it is missing and `create` says so.

    Raises:
        OSError: It cannot be opened, or it is a link.
    """
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise NotADirectoryError(errno.ENOTDIR, "A symbolic link is not followed", name) from error
        raise
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
    return os.open(name, _FOLDER, dir_fd=parent)


def _write(name: str, data: bytes, folder: int, mode: int | None = None) -> None:
    """Write a file that does not exist yet.

    Raises:
        OSError: It exists, or cannot be written.
    """
    with open(os.open(name, _NEW, 0o666, dir_fd=folder), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(data)
        if mode is not None:
            os.fchmod(file.fileno(), mode)


@contextmanager
def _replacing(name: str, folder: int) -> Iterator[str]:
    """Yield the name of a temporary file that replaces a file at the end; if that fails, it is removed.

    Nobody can guess the name, and so prepare a link of that name.
    """
    new = f".{name[:100]}.{os.urandom(8).hex()}.new"
    try:
        yield new
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        # Also if both are names of one file, as replacing does nothing then.
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)


def open_regular(
    path: str | os.PathLike[str], flags: int = os.O_RDONLY, dir_fd: int | None = None, *, follow: bool = False
) -> int:
    """Return a descriptor of a regular file.

    Args:
        path: The file.
        flags: How to open it; a pipe is not waited for.
        dir_fd: The folder that a relative path begins at.
        follow: Whether to follow a link.

    Raises:
        OSError: It cannot be opened, or it is not a regular file.
    """
    try:
        fd = os.open(
            path, flags | (0 if follow else os.O_NOFOLLOW) | os.O_NONBLOCK | os.O_CLOEXEC, 0o666, dir_fd=dir_fd
        )
    except ValueError as error:  # a NUL, or half of a surrogate pair
        raise OSError(errno.EINVAL, "It is not the name of a file", os.fspath(path)) from error
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise OSError(errno.ELOOP, "A symbolic link is not followed", os.fspath(path)) from error
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise OSError(errno.EINVAL, "It is not a regular file", os.fspath(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "It is not a regular file", os.fspath(path))
    return fd


def read_regular(path: str | os.PathLike[str], most: int | None = LARGEST, *, follow: bool = False) -> bytes:
    """Return the content of a regular file.

    Args:
        path: The file.
        most: The largest size, in bytes; None for any.
        follow: Whether to follow a link, as git does to its own files.

    Raises:
        OSError: It cannot be read, or it is not a regular file, or too large.
    """
    with open(open_regular(path, follow=follow), "rb") as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, "It is too large", os.fspath(path))
        return file.read()


def write_new(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace a file at once, in a folder that was checked; the temporary file has a name that nobody can guess.

    Raises:
        OSError: It cannot be written.
    """
    PrivateFolder(path.parent.parent, path.parent.name).write(path.name, data, mode)


def is_real_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def find_real_folder(path: Path) -> Path:
    """Return the path of a folder that may not exist; if it is a link, a path below which nothing is or can be."""
    return NOWHERE / path.name if path.is_symlink() else path


def is_path_text(text: str) -> bool:
    """Return whether a text that was read can be a path, or a part of one: it has no NUL, and no half of a pair."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
