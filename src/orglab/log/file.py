"""Reading and replacing one file without ever losing what is in it.

`update` and `edit` write a new file beside the old one, sync it to disk, and swap
the two names atomically (Linux `RENAME_EXCHANGE`, macOS `RENAME_SWAP`).  The
displaced file is then compared before it is removed: if it is not byte for byte
what the change was based on, because an editor saved at that moment in place or
by renaming, the names are swapped back and the change is applied again to the
editor's text.  So after any interruption a reader finds the old bytes or the new
bytes, and our text never replaces an editor's.

In-place writers are detected through a lease (`lock.claim`): a program that opens
the file during the swap blocks in its `open` for a few milliseconds, until the
names are final.  A program that already has it open is waited for.

The limits:

* Without leases (macOS, NFS, FUSE, a log that another user owns), an editor that
  has opened the file but not written to it when the displaced bytes are
  compared, after the folder's fsync, writes to a file that is being removed.
  And a save in progress can be told from a short file only by its growth.
* Without an atomic swap (NFS and some FUSE), the file is replaced by a plain
  rename.  The old file stays open, and what an editor writes to it is restored;
  but a save by renaming between our last check and our rename is lost.
* If two editors save at the same moment, only one text can have the name: the
  other is kept beside it as `NAME.orglab-kept-*`, and an error says so.
* An editor that loaded the log, and saves it later without checking whether it
  changed, overwrites what was written meanwhile.  Emacs and vim check.

Hard links to the file keep the old text, as after a save by Emacs or a checkout
by git: a `cp -al` backup must not change with the original.
"""

import errno
import fcntl
import io
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from orglab import lock
from orglab.errors import LogChangedError, LogHeldError, NotFoundError, NotReadableError, NotWritableError, OrglabError
from orglab.lock import EditorLock, Writers, editor_holding

__all__ = ["EditorLock", "FileContent", "create", "edit", "editor_holding", "read", "size_limit", "update"]

_TRIES = 4  # the first attempt, and three more on newer text
_SAVE_SECONDS = 2.0  # no editor takes longer to write a file
_RECENT_SECONDS = 5.0
_PAUSE = 0.02
_STILL = 15  # pauses without a change, after which a save counts as complete
_CHUNK = 1 << 18
_SMALL = 1 << 25  # files up to this size are read without checking the free memory
Decided = TypeVar("Decided")

_ACL = "system.posix_acl_access"
_SWAP = (2, 2)  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_NO_REPLACE = (1, 4)  # RENAME_NOREPLACE, RENAME_EXCL
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


class FileContent:
    """A file's bytes at one moment.

    Attributes:
        path: The file.
        data: Its bytes.
        status: The file's status after reading, or None if the bytes were written rather than read.
        read_at: The time before reading, in nanoseconds.
    """

    def __init__(self, path: Path, data: bytes, status: os.stat_result | None = None, read_at: int = 0) -> None:
        """Record the bytes that were read or written."""
        self.path = path
        self.data = data
        self.status = status
        self.read_at = read_at

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the bytes in hexadecimal."""
        import hashlib  # noqa: PLC0415 - it loads OpenSSL, which takes as long as starting Python

        return hashlib.sha256(self.data).hexdigest()


class _Text(NamedTuple):
    """The text that one attempt to change the file is based on; `fd` is open for reading."""

    shown: Path
    target: str
    fd: int
    status: os.stat_result
    data: bytes
    watched: bool


class _Temp(NamedTuple):
    """A new file beside the log, synced to disk, not yet under the log's name."""

    path: str
    status: os.stat_result

    def is_at(self, path: str) -> bool:
        """Return whether the file at `path` is this one."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.lstat(path), self.status)
        return False

    def remove(self) -> None:
        """Remove the file, unless another file has its temporary name now."""
        if self.is_at(self.path):
            lock.remove(self.path)


def read(path: str | os.PathLike[str]) -> FileContent:
    """Return the bytes of a file, without locking it or waiting for writers.

    Raises:
        NotFoundError: The file does not exist, or is a folder.
        NotReadableError: The file cannot be read, is not a regular file, or is too large.
    """
    shown = Path(path)
    with ExitStack() as stack:
        stack.enter_context(_explaining(f"cannot read {shown}", "", NotReadableError, absent=shown))
        read_at = time.time_ns()
        fd = _open(shown, os.fspath(path))
        stack.callback(lock.close, fd)
        return FileContent(shown, _read_steady(fd), os.fstat(fd), read_at)


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; an empty text if the file does not exist or cannot be read."""
    try:
        return read(path).data.decode("utf-8", "replace")
    except NotFoundError:
        return ""


def size_limit() -> int:
    """Return the size in bytes above which a file is refused: a 20th of the available memory.

    A change holds a log in memory several times (old bytes, new bytes, their
    trees); an error message is better than a machine that swaps.
    """
    available = 1 << 32
    with suppress(OSError, ValueError):
        available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as file:
        available = int(file.read().split("MemAvailable:")[1].split()[0]) * 1024
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
        available = min(available, int(file.read()))  # in a container; "max" raises ValueError
    return available // 20


def update(
    path: str | os.PathLike[str],
    change: Callable[[bytes], bytes],
    *,
    wait_for_editor: float = 2.0,
    anyway: bool = False,
    lock_timeout: float = 30.0,
) -> tuple[FileContent, FileContent]:
    """Replace the bytes of a file by what `change` returns for them; return the file before and after; see `edit`."""
    before, after, _ = edit(
        path, lambda data: (change(data), None), wait_for_editor=wait_for_editor, anyway=anyway,
        lock_timeout=lock_timeout,
    )  # fmt: skip
    return before, after


def edit(
    path: str | os.PathLike[str],
    change: Callable[[bytes], tuple[bytes, Decided]],
    *,
    wait_for_editor: float = 2.0,
    anyway: bool = False,
    lock_timeout: float = 30.0,
) -> tuple[FileContent, FileContent, Decided]:
    """Replace the bytes of a file by what `change` returns for them, durably and atomically.

    Afterwards the file holds the new bytes, on disk, under the same name (a
    symbolic link is followed), with its mode, owner, access list and extended
    attributes.  After any error it holds the old bytes or an editor's newer
    ones.  If `change` returns the bytes unchanged, or raises, nothing is written.

    Args:
        path: The file.
        change: Returns the new bytes for the old ones, and any result.  Called again if the file changes
            meanwhile.
        wait_for_editor: Seconds to wait for Emacs to save its unsaved changes.
        anyway: Whether to write although an editor holds the file.
        lock_timeout: Seconds to wait for other orglab processes.

    Returns:
        The file before, the file after, and the result of the last call of `change`.

    Raises:
        NotFoundError: The file does not exist, or is a folder.
        LogHeldError: An editor has unsaved changes, or has the file open for writing.
        LogChangedError: The file changed during each of four attempts.
        NotWritableError: The file cannot be written; the message says why.
        NotReadableError: The file is not a regular file, or is too large.
    """
    shown = Path(path)
    target = os.path.realpath(path)
    deadline = time.monotonic() + wait_for_editor
    with _writing(shown):
        lock.close(_open(shown, target, to_write=True))  # fail at once if the file can never be written
    texts = None
    while texts is None:
        if not anyway:
            # Outside the lock, so that several processes can wait for the editor at the same time.
            lock.wait_for_editor(target, deadline)
        with lock.held(target, lock_timeout):
            if anyway or editor_holding(target) is None:
                texts = _change_under_lock(shown, target, change, watched=not anyway)
    before, after, decided = texts
    return FileContent(shown, before), FileContent(shown, after), decided


def create(path: str | os.PathLike[str], data: bytes) -> FileContent:
    """Create a file with `data`, durably; no reader ever sees a partly written file.

    Raises:
        NotWritableError: A file of that name exists, or it cannot be written.
    """
    shown = Path(path)
    target = os.path.join(os.path.realpath(shown.parent), shown.name)
    with ExitStack() as stack:
        stack.enter_context(_explaining(f"cannot create {shown}", "; nothing was written"))
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "it already exists")
        folder = _open_folder(target, stack)
        temp = _write_temp(target, data)
        stack.callback(temp.remove)
        if not _rename(temp.path, target, _NO_REPLACE):
            os.link(temp.path, target)
        stack.enter_context(_explaining(f"{shown} was created", "; it may not survive a power cut"))
        _sync_folder(folder)
    return FileContent(shown, data)


def _change_under_lock(
    shown: Path, target: str, change: Callable[[bytes], tuple[bytes, Decided]], *, watched: bool
) -> tuple[bytes, bytes, Decided]:
    """Under the lock, retry until no editor saves between our read and our replacement."""
    for attempt in range(_TRIES):
        with ExitStack() as stack:
            with _writing(shown):
                fd = _open_saved(shown, target, _SAVE_SECONDS if attempt else 0.0)
                stack.callback(lock.close, fd)
                text = _read_saved(shown, target, fd, watched=watched)
            after, decided = change(text.data)
            if after == text.data:
                return text.data, text.data, decided
            with _writing(shown):
                if _replace(text, after):
                    return text.data, after, decided
    msg = f"{shown} was saved by another program during each of {_TRIES} attempts; nothing was written, try again"
    raise LogChangedError(msg)


def _open(shown: Path, path: str, *, to_write: bool = False) -> int:
    """Open a regular file within the size limit for reading, and refuse anything else (a FIFO would block)."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise NotFoundError(f"{shown} is a folder, not a log; name the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise NotReadableError(f"{shown} is not a regular file, so orglab neither reads nor writes it")
    if status.st_size > _SMALL and status.st_size > (limit := size_limit()):
        msg = (
            f"{shown} is too large ({status.st_size >> 20} MB; this machine has memory for {limit >> 20} MB): "
            "move old experiments to another file"
        )
        raise NotReadableError(msg)
    if to_write and not os.access(path, os.W_OK):
        # A rename would still succeed: it needs write permission for the folder, not the file.
        raise NotWritableError(
            f"cannot write {shown}: the file or its file system is read-only for you; the file is unchanged"
        )
    return os.open(path, os.O_RDONLY | os.O_NOCTTY)


def _open_saved(shown: Path, target: str, patience: float) -> int:
    """Open the log, waiting up to `patience` seconds for it to exist: a save by renaming briefly leaves no file."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _open(shown, target)
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def _read_saved(shown: Path, target: str, fd: int, *, watched: bool) -> _Text:
    """Read the log once no program is in the middle of writing it."""
    try:
        writers = lock.wait_and_claim(fd, _SAVE_SECONDS) if watched else Writers.UNKNOWN
        if writers is Writers.SOME:
            raise _held_open(shown)
        data = _read_steady(fd)
        if writers is Writers.UNKNOWN and not data.endswith(b"\n") and _is_recent(fd):
            data = _read_at_rest(fd)  # it looks like the first half of a save
        return _Text(shown, target, fd, os.fstat(fd), data, watched)
    finally:
        lock.release(fd)


def _read_steady(fd: int) -> bytes:
    """Return the bytes of a file, read again if it changed during the read."""
    data, steady, tries = b"", False, 0
    while not steady and tries < _TRIES:
        first = os.fstat(fd)
        os.lseek(fd, 0, os.SEEK_SET)
        with io.FileIO(fd, closefd=False) as raw:
            data = raw.readall() or b""
        last = os.fstat(fd)
        steady = (first.st_size, first.st_mtime_ns) == (len(data), last.st_mtime_ns)
        tries += 1
    return data


def _is_recent(fd: int) -> bool:
    """Return whether a file was written within the last seconds (or will be, by the clock of another machine)."""
    return abs(time.time() - os.fstat(fd).st_mtime) < _RECENT_SECONDS


def _read_at_rest(fd: int) -> bytes:
    """Read a file that may be being written: once it has not changed for a while, or after the longest save."""
    deadline = time.monotonic() + _SAVE_SECONDS
    data, still = _read_steady(fd), 0
    while still < _STILL and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        still += 1
        if not _has_bytes(fd, data):
            data, still = _read_steady(fd), 0
    return data


def _replace(text: _Text, after: bytes) -> bool:
    """Replace the log by `after`; return False and change nothing if its text is no longer `text`."""
    with ExitStack() as stack:
        folder = _open_folder(text.target, stack)
        temp = _write_temp(text.target, after, text)
        stack.callback(temp.remove)
        stack.callback(lock.release, text.fd)
        writers = lock.claim(text.fd) if text.watched else Writers.UNKNOWN
        if writers is Writers.SOME or not _is_at_name(text) or not _has_bytes(text.fd, text.data):
            return False
        try:
            swapped = _rename(temp.path, text.target, _SWAP)
        except FileNotFoundError:
            return False  # an editor that saves by renaming is halfway
        if swapped:
            return _finish_swap(text, temp, after, folder, is_claimed=writers is Writers.NONE)
        os.rename(temp.path, text.target)
        return _finish_rename(text, after, folder, is_claimed=writers is Writers.NONE)


def _finish_swap(text: _Text, temp: _Temp, after: bytes, folder: int, *, is_claimed: bool) -> bool:
    """Remove the displaced file if it is the one we read; otherwise swap back and return False."""
    is_unchanged = False
    try:
        _sync_folder(folder)
        if os.path.samestat(os.lstat(temp.path), text.status):
            is_unchanged = lock.is_intact(text.fd) if is_claimed else _has_bytes(text.fd, text.data)
    finally:  # also when the disk failed, or the user pressed Ctrl-C
        if not is_unchanged:
            _swap_back(text, temp, after)
    if is_unchanged:
        lock.remove(temp.path)
    return is_unchanged


def _swap_back(text: _Text, temp: _Temp, after: bytes) -> None:
    """Give the displaced file its name back, so that an editor waiting to write it writes the log."""
    try:
        _rename(temp.path, text.target, _SWAP)
    except OSError as error:
        raise _keep(text, temp.path) from error
    if not temp.is_at(temp.path) or not _file_has(temp.path, after):
        raise _keep(text, temp.path)  # a second editor saved over our new text


def _finish_rename(text: _Text, after: bytes, folder: int, *, is_claimed: bool) -> bool:
    """Check the replaced file; if an editor wrote to it since we read it, restore that text and return False."""
    with _explaining(f"{text.shown} was written", "; it may not survive a power cut"):
        _sync_folder(folder)
        if lock.is_intact(text.fd) if is_claimed else _has_bytes(text.fd, text.data):
            return True
    with _explaining(f"{text.shown} was written", "; what an editor saved at that moment is not in it"):
        lock.release(text.fd)
        writers = lock.wait_and_claim(text.fd, _SAVE_SECONDS) if is_claimed else Writers.UNKNOWN
        late = _read_steady(text.fd) if is_claimed else _read_at_rest(text.fd)
        if writers is Writers.NONE and late == text.data:
            return True
        if writers is Writers.UNKNOWN and text.data.startswith(late):
            return True  # truncated and not written again: there is no text to restore
        temp = _write_temp(text.target, late, text)
        if not _file_has(text.target, after):
            raise _keep(text, temp.path)
        os.rename(temp.path, text.target)
        _sync_folder(folder)
    if writers is Writers.SOME:
        raise _held_open(text.shown)
    return False


def _write_temp(target: str, data: bytes, like: _Text | None = None) -> _Temp:
    """Write a new file beside `target`, synced to disk, with the attributes of `like`; after an error none is left."""
    folder, name = os.path.split(target)
    path = os.path.join(folder, f".{name}.orglab-{os.urandom(6).hex()}")
    with ExitStack() as stack:
        stack.callback(lock.remove, path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600 if like else 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if like:  # after writing: a write clears set-id bits and capabilities, unless root does it
                _copy_attributes(like, fd)
            _sync(fd)
            status = os.fstat(fd)
        finally:
            os.close(fd)  # NFS and quotas may report here what fsync did not
        stack.pop_all()
    return _Temp(path, status)


def _copy_attributes(like: _Text, fd: int) -> None:
    """Give a new file, still accessible to its owner only, the owner, attributes, access list and mode of the log."""
    made = os.fstat(fd)
    mode = stat.S_IMODE(like.status.st_mode)
    names = _attribute_names(like.fd)
    if (made.st_uid, made.st_gid) != (like.status.st_uid, like.status.st_gid):
        mode = _copy_owner(like, fd, mode, has_acl=_ACL in names)
    if sys.platform == "linux":
        if _ACL not in names and _ACL in _attribute_names(fd):
            os.removexattr(fd, _ACL)  # inherited from the folder; the log has none
        for name in names:
            try:
                os.setxattr(fd, name, os.getxattr(like.fd, name))
            except OSError:
                if not name.startswith(("security.", "trusted.")):  # the kernel gives those by policy
                    raise
    os.fchmod(fd, mode)


def _attribute_names(fd: int) -> list[str]:
    """Return the names of the extended attributes to copy."""
    names: list[str] = []
    if sys.platform == "linux":
        try:
            names = os.listxattr(fd)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    # The two excluded ones are checksums of the old bytes: a new file with them could not be opened.
    return [name for name in names if name not in ("security.ima", "security.evm")]


def _copy_owner(like: _Text, fd: int, mode: int, *, has_acl: bool) -> int:
    """Keep owner and group as far as permitted; return a mode that grants no user more access than before."""
    for owner in (like.status.st_uid, -1):
        try:
            os.fchown(fd, owner, like.status.st_gid)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL):  # EINVAL: no such user in this container
                raise
        else:
            return mode if owner != -1 else mode & ~(stat.S_ISUID | stat.S_ISGID)
    if has_acl:
        raise PermissionError(errno.EPERM, "its group and access list cannot be kept")
    # The group has changed: it gets no more permissions than everyone.
    return mode & 0o707 | (mode & 0o007) << 3 & mode


def _rename(old: str, new: str, flags: tuple[int, int]) -> bool:
    """Rename with a flag, to swap or not to replace; return False where that is not supported."""
    import ctypes  # noqa: PLC0415 - takes 2 ms, and commands that only read do not need it

    libc = ctypes.CDLL(None, use_errno=True)
    source, destination = os.fsencode(old), os.fsencode(new)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(source, destination, flags[1])
        else:
            at_cwd = -100
            failed = libc.renameat2(at_cwd, source, at_cwd, destination, flags[0])
    except AttributeError:  # an old or small C library
        return False
    if failed:
        code = ctypes.get_errno()
        if code in _UNSUPPORTED:
            return False
        raise OSError(code, os.strerror(code), old)
    return True


def _open_folder(target: str, stack: ExitStack) -> int:
    """Open the folder of a file before anything is changed: later there may be no descriptor left."""
    fd = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(lock.close, fd)
    return fd


def _sync_folder(fd: int) -> None:
    """Sync the names in a folder to disk, where the file system supports it (EINVAL: it does not)."""
    try:
        _sync(fd)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _sync(fd: int) -> None:
    """Sync a file to disk."""
    if sys.platform == "darwin":
        with suppress(OSError):  # fsync on macOS leaves the data in the disk's own cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
    os.fsync(fd)


def _is_at_name(text: _Text) -> bool:
    """Return whether the file that we read is still the one under the log's name."""
    try:
        return os.path.samestat(os.lstat(text.target), text.status)
    except FileNotFoundError:
        return False


def _has_bytes(fd: int, data: bytes) -> bool:
    """Return whether a file holds `data`: compared byte by byte, as no timestamp is precise enough, without a copy."""
    if os.fstat(fd).st_size != len(data):
        return False
    return all(os.pread(fd, _CHUNK, at) == data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))


def _file_has(path: str, data: bytes) -> bool:
    """Return whether the file at `path` holds `data` and no program is writing it."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return lock.wait_and_claim(fd, _SAVE_SECONDS) is not Writers.SOME and _has_bytes(fd, data)
    finally:
        lock.release(fd)
        lock.close(fd)


@contextmanager
def _explaining(
    what: str, end: str, kind: type[OrglabError] = NotWritableError, *, absent: Path | None = None
) -> Iterator[None]:
    """Turn an OSError into one of orglab's errors: `what`, the reason, and `end`, the state of the file."""
    try:
        yield
    except OSError as error:
        if absent is not None and isinstance(error, FileNotFoundError | NotADirectoryError):
            raise NotFoundError(f"{absent} does not exist") from error
        raise kind(f"{what}: {error.strerror or error}{end}") from error


def _writing(shown: Path) -> AbstractContextManager[None]:
    """Explain errors that happen before the log is replaced."""
    return _explaining(f"cannot write {shown}", "; the file is unchanged", absent=shown)


def _held_open(shown: Path) -> LogHeldError:
    """Return the error for a file that another program keeps open."""
    return LogHeldError(
        f"another program has {shown} open for writing: close it there, or pass --anyway; nothing was written"
    )


def _keep(text: _Text, path: str) -> LogChangedError:
    """Keep a text that would otherwise be lost, and return the error that says where."""
    kept = f"{text.target}.orglab-kept-{os.urandom(3).hex()}"
    try:
        os.rename(path, kept)
    except OSError:
        kept = path
    return LogChangedError(
        f"another program saved {text.shown} at the same moment; one of the two texts is in {kept}: "
        "compare the files and merge them by hand"
    )
