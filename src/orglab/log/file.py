"""One file, read and replaced so that nothing in it is ever lost.

`update` and `edit` make a new file beside the old one, has the disk confirm it, and swap
the two names in one step (Linux `RENAME_EXCHANGE`, macOS `RENAME_SWAP`).  What
stood at the name then stands at ours, and is looked at before it goes: if it is
not byte for byte what the change was made from, because an editor saved in that
instant by writing in place or by renaming, the names are swapped back and the
change is made again, from the editor's text.  So whatever stops us, a reader
finds the old bytes or the new bytes, and an editor's text is never below ours.

In-place writers are seen through a lease (`lock.claim`): one that opens the file
while we swap waits inside its `open` for the few milliseconds until the names
stand as they will stay.  One that has it open before is waited for.

What cannot be had everywhere:

* Without leases (macOS, NFS, FUSE, a log that another user owns) an editor that
  has opened the file but not yet written when we look at the displaced bytes,
  after the folder's fsync, writes to a file that is going away.  Nor can a save
  in progress be told from a short file, but by its changing under us.
* Without an atomic swap (NFS and some FUSE) the file is replaced by a plain
  rename.  The old file stays open and what an editor wrote in it is put back;
  but one that saves by renaming between our last look and our rename is lost.
* Two editors that save at once are one too many: the text that cannot be put
  back under the name is kept beside it as `NAME.orglab-kept-*`, and an error
  says so.
* An editor that loaded the log, and saves it later without looking whether it
  changed, overwrites what was written between.  Emacs and vim look.

Other names of the file (hard links) keep the old text, as after a save by Emacs
or a checkout by git: a `cp -al` backup must not change with the original.
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

__all__ = ["EditorLock", "Snapshot", "create", "edit", "editor_holding", "read", "size_limit", "update"]

_TRIES = 4  # once, and three times more on newer text
_SAVE_SECONDS = 2.0  # no editor takes longer to write a file
_RECENT_SECONDS = 5.0
_PAUSE = 0.02
_STILL = 15  # pauses without a change, after which a save is taken to be complete
_CHUNK = 1 << 18
_SMALL = 1 << 25  # read without asking how much memory is free
Decided = TypeVar("Decided")

_ACL = "system.posix_acl_access"
_SWAP = (2, 2)  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_NO_REPLACE = (1, 4)  # RENAME_NOREPLACE, RENAME_EXCL
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


class Snapshot:
    """A file's bytes at one moment.

    Attributes:
        path: The file.
        data: Its bytes.
        status: What the system said of it after they were read, if they were read and not written.
        read_at: The time before that, in nanoseconds.
    """

    def __init__(self, path: Path, data: bytes, status: os.stat_result | None = None, read_at: int = 0) -> None:
        """Remember what was read or written."""
        self.path = path
        self.data = data
        self.status = status
        self.read_at = read_at

    @cached_property
    def digest(self) -> str:
        """Their SHA-256 in hexadecimal."""
        import hashlib  # noqa: PLC0415 - it loads OpenSSL, which costs as much as starting Python

        return hashlib.sha256(self.data).hexdigest()


class _Text(NamedTuple):
    """What one attempt to change the file started from; `fd` is open for reading."""

    shown: Path
    target: str
    fd: int
    status: os.stat_result
    data: bytes
    watched: bool


class _Temp(NamedTuple):
    """A new file beside the log, on the disk, not yet under the log's name."""

    path: str
    status: os.stat_result

    def is_at(self, path: str) -> bool:
        """Say whether this file, and no other, stands at `path`."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.lstat(path), self.status)
        return False

    def remove(self) -> None:
        """Remove the file, if it still has its temporary name and not another's text is there."""
        if self.is_at(self.path):
            lock.remove(self.path)


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Return the bytes of a file.  It is neither locked nor waited for.

    Raises:
        NotFoundError: There is none, or it is a folder.
        NotReadableError: It cannot be read, is no regular file, or is too large.
    """
    shown = Path(path)
    with ExitStack() as stack:
        stack.enter_context(_explaining(f"cannot read {shown}", "", NotReadableError, absent=shown))
        read_at = time.time_ns()
        fd = _open(shown, os.fspath(path))
        stack.callback(lock.close, fd)
        return Snapshot(shown, _read_steady(fd), os.fstat(fd), read_at)


def read_text(path: str | os.PathLike[str]) -> str:
    """Return the text of a file that may be absent: then, and where it cannot be read, it is empty."""
    try:
        return read(path).data.decode("utf-8", "replace")
    except NotFoundError:
        return ""


def size_limit() -> int:
    """Return the size in bytes above which a file is refused: a 20th of the memory that can be had.

    A log is held several times over while it is changed (old bytes, new bytes,
    their trees); a machine that swaps is worse than a sentence.
    """
    available = 1 << 32
    with suppress(OSError, ValueError):
        available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as file:
        available = int(file.read().split("MemAvailable:")[1].split()[0]) * 1024
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
        available = min(available, int(file.read()))  # a container; "max" is no number
    return available // 20


def update(
    path: str | os.PathLike[str],
    change: Callable[[bytes], bytes],
    *,
    wait_for_editor: float = 2.0,
    anyway: bool = False,
    lock_timeout: float = 30.0,
) -> tuple[Snapshot, Snapshot]:
    """Replace the bytes of a file by `change` of them, and return the file before and after; see `edit`."""
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
) -> tuple[Snapshot, Snapshot, Decided]:
    """Replace the bytes of a file by those that `change` makes of them, durably and in one step.

    Afterwards the file holds the new bytes, on disk, under the same name (a
    symbolic link is followed), with the mode, owner, access list and extended
    attributes that it had.  After any error it holds the old bytes or an
    editor's newer ones.  If `change` returns what it was given, or raises,
    nothing is written.

    Args:
        path: The file.
        change: From the old bytes to the new ones, and whatever else it decided.  Called again if the file changes
            meanwhile.
        wait_for_editor: Seconds to wait for Emacs to save its unsaved changes.
        anyway: Write although an editor holds the file.
        lock_timeout: Seconds to wait for other orglab processes.

    Returns:
        The file before, the file after, and what `change` decided when it was called last.

    Raises:
        NotFoundError: There is no such file, or it is a folder.
        LogHeldError: An editor has unsaved changes, or has it open for writing.
        LogChangedError: It changed under us four times.
        NotWritableError: It cannot be written; the sentence says why.
        NotReadableError: It is no regular file, or is too large.
    """
    shown = Path(path)
    target = os.path.realpath(path)
    deadline = time.monotonic() + wait_for_editor
    with _writing(shown):
        lock.close(_open(shown, target, to_write=True))  # what can never be written is said at once
    texts = None
    while texts is None:
        if not anyway:
            # Outside the lock, so that all who wait for the editor wait at once.
            lock.wait_for_editor(target, deadline)
        with lock.held(target, lock_timeout):
            if anyway or editor_holding(target) is None:
                texts = _change_under_lock(shown, target, change, watched=not anyway)
    before, after, decided = texts
    return Snapshot(shown, before), Snapshot(shown, after), decided


def create(path: str | os.PathLike[str], data: bytes) -> Snapshot:
    """Make a new file with `data`, on disk; at no moment does it stand there half written.

    Raises:
        NotWritableError: Something of that name exists, or it cannot be written.
    """
    shown = Path(path)
    target = os.path.join(os.path.realpath(shown.parent), shown.name)
    with ExitStack() as stack:
        stack.enter_context(_explaining(f"cannot create {shown}", "; nothing was written"))
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "it exists already")
        folder = _open_folder(target, stack)
        temp = _write_temp(target, data)
        stack.callback(temp.remove)
        if not _rename(temp.path, target, _NO_REPLACE):
            os.link(temp.path, target)
        stack.enter_context(_explaining(f"{shown} was created", "; it may not survive a power cut"))
        _sync_folder(folder)
    return Snapshot(shown, data)


def _change_under_lock(
    shown: Path, target: str, change: Callable[[bytes], tuple[bytes, Decided]], *, watched: bool
) -> tuple[bytes, bytes, Decided]:
    """Under the lock, try until no editor saved between our reading and our replacing."""
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
    msg = f"{shown} was saved {_TRIES} times while it was being written; nothing of ours is in it, try again"
    raise LogChangedError(msg)


def _open(shown: Path, path: str, *, to_write: bool = False) -> int:
    """Open a regular file of bearable size for reading, and touch nothing else (a FIFO would block)."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise NotFoundError(f"{shown} is a folder, not a log; name the file in it")
    if not stat.S_ISREG(status.st_mode):
        raise NotReadableError(f"{shown} is not a regular file, so it is neither read nor written")
    if status.st_size > _SMALL and status.st_size > (limit := size_limit()):
        msg = (
            f"{shown} has {status.st_size >> 20} MB, and this machine has memory for {limit >> 20} MB: "
            "move old experiments to another file"
        )
        raise NotReadableError(msg)
    if to_write and not os.access(path, os.W_OK):
        # A rename would replace it all the same: it asks the folder, not the file.
        raise NotWritableError(
            f"cannot write {shown}: the file or its file system is read-only for you; it is unchanged"
        )
    return os.open(path, os.O_RDONLY | os.O_NOCTTY)


def _open_saved(shown: Path, target: str, patience: float) -> int:
    """Open the log; an editor that saves by renaming leaves a moment without a file."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _open(shown, target)
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def _read_saved(shown: Path, target: str, fd: int, *, watched: bool) -> _Text:
    """Read the log when nobody is in the middle of writing it."""
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
    """Read a file to its end, again if it changed while it was read."""
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
    """Say whether a file was written in the last seconds, or a clock elsewhere is wrong."""
    return abs(time.time() - os.fstat(fd).st_mtime) < _RECENT_SECONDS


def _read_at_rest(fd: int) -> bytes:
    """Read a file that somebody is writing, when it has not changed for a while, or not stopped to."""
    deadline = time.monotonic() + _SAVE_SECONDS
    data, still = _read_steady(fd), 0
    while still < _STILL and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        still += 1
        if not _has_bytes(fd, data):
            data, still = _read_steady(fd), 0
    return data


def _replace(text: _Text, after: bytes) -> bool:
    """Put `after` in the place of the log; False, and nothing is changed, if its text is no longer `text`."""
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
            return _settle_swap(text, temp, after, folder, told=writers is Writers.NONE)
        os.rename(temp.path, text.target)
        return _settle_rename(text, after, folder, told=writers is Writers.NONE)


def _settle_swap(text: _Text, temp: _Temp, after: bytes, folder: int, *, told: bool) -> bool:
    """Remove what the swap displaced, if it is what we read; else swap back and return False."""
    clean = False
    try:
        _sync_folder(folder)
        if os.path.samestat(os.lstat(temp.path), text.status):
            clean = lock.is_intact(text.fd) if told else _has_bytes(text.fd, text.data)
    finally:  # also when the disk failed, or the user pressed Ctrl-C
        if not clean:
            _swap_back(text, temp, after)
    if clean:
        lock.remove(temp.path)
    return clean


def _swap_back(text: _Text, temp: _Temp, after: bytes) -> None:
    """Give the displaced text its name again; an editor that waits to write it then writes the log."""
    try:
        _rename(temp.path, text.target, _SWAP)
    except OSError as error:
        raise _keep(text, temp.path) from error
    if not temp.is_at(temp.path) or not _file_has(temp.path, after):
        raise _keep(text, temp.path)  # a second editor saved over our new text


def _settle_rename(text: _Text, after: bytes, folder: int, *, told: bool) -> bool:
    """Look what was written in the old file since we read it; put that back and return False."""
    with _explaining(f"{text.shown} was written", "; it may not survive a power cut"):
        _sync_folder(folder)
        if lock.is_intact(text.fd) if told else _has_bytes(text.fd, text.data):
            return True
    with _explaining(f"{text.shown} was written", "; what an editor saved at that moment is not in it"):
        lock.release(text.fd)
        writers = lock.wait_and_claim(text.fd, _SAVE_SECONDS) if told else Writers.UNKNOWN
        late = _read_steady(text.fd) if told else _read_at_rest(text.fd)
        if writers is Writers.NONE and late == text.data:
            return True
        if writers is Writers.UNKNOWN and text.data.startswith(late):
            return True  # cut short, and not written again: that is no text to put back
        temp = _write_temp(text.target, late, text)
        if not _file_has(text.target, after):
            raise _keep(text, temp.path)
        os.rename(temp.path, text.target)
        _sync_folder(folder)
    if writers is Writers.SOME:
        raise _held_open(text.shown)
    return False


def _write_temp(target: str, data: bytes, like: _Text | None = None) -> _Temp:
    """Write a new file beside `target`, on disk, with the attributes of `like`; on an error there is none."""
    folder, name = os.path.split(target)
    path = os.path.join(folder, f".{name}.orglab-{os.urandom(6).hex()}")
    with ExitStack() as stack:
        stack.callback(lock.remove, path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600 if like else 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if like:  # not before: a write takes set-id bits and capabilities away, unless root does it
                _copy_attributes(like, fd)
            _sync(fd)
            status = os.fstat(fd)
        finally:
            os.close(fd)  # NFS and quotas may report here what fsync did not
        stack.pop_all()
    return _Temp(path, status)


def _copy_attributes(like: _Text, fd: int) -> None:
    """Give a new file, which nobody else may open yet, the owner, attributes, access list and mode of the log."""
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
    """List the extended attributes that are the user's to keep."""
    names: list[str] = []
    if sys.platform == "linux":
        try:
            names = os.listxattr(fd)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    # Those two are checksums of the old bytes: a new file with them could not be opened.
    return [name for name in names if name not in ("security.ima", "security.evm")]


def _copy_owner(like: _Text, fd: int, mode: int, *, has_acl: bool) -> int:
    """Keep owner and group as far as we may; return the mode that gives nobody more than before."""
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
    # The group is another now: it may do what everybody may.
    return mode & 0o707 | (mode & 0o007) << 3 & mode


def _rename(old: str, new: str, flags: tuple[int, int]) -> bool:
    """Rename with a flag, to swap or not to replace; False where that cannot be done."""
    import ctypes  # noqa: PLC0415 - 2 ms that a command that only reads need not pay

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
    """Open the folder before anything is changed: afterwards there may be no descriptor left."""
    fd = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(lock.close, fd)
    return fd


def _sync_folder(fd: int) -> None:
    """Have the names in a folder on disk, where the file system knows how (EINVAL: it does not)."""
    try:
        _sync(fd)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _sync(fd: int) -> None:
    """Have a file on disk."""
    if sys.platform == "darwin":
        with suppress(OSError):  # fsync there leaves it in the disk's own cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
    os.fsync(fd)


def _is_at_name(text: _Text) -> bool:
    """Say whether the file that we read is still the one under the log's name."""
    try:
        return os.path.samestat(os.lstat(text.target), text.status)
    except FileNotFoundError:
        return False


def _has_bytes(fd: int, data: bytes) -> bool:
    """Compare a file with `data`, byte by byte: no time stamp is fine enough, and no copy is made."""
    if os.fstat(fd).st_size != len(data):
        return False
    return all(os.pread(fd, _CHUNK, at) == data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))


def _file_has(path: str, data: bytes) -> bool:
    """Say whether nobody writes the file at `path`, and it holds `data`."""
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
    """Turn an error of the system into one sentence, which ends with what the file holds now."""
    try:
        yield
    except OSError as error:
        if absent is not None and isinstance(error, FileNotFoundError | NotADirectoryError):
            raise NotFoundError(f"there is no file {absent}") from error
        raise kind(f"{what}: {error.strerror or error}{end}") from error


def _writing(shown: Path) -> AbstractContextManager[None]:
    """Explain errors until the new text stands."""
    return _explaining(f"cannot write {shown}", "; it is unchanged", absent=shown)


def _held_open(shown: Path) -> LogHeldError:
    """Make the error of a file that a program keeps open."""
    return LogHeldError(
        f"a program has {shown} open for writing: close it there, or pass --anyway; orglab wrote nothing"
    )


def _keep(text: _Text, path: str) -> LogChangedError:
    """Keep a text that has no other name, and make the error that says where."""
    kept = f"{text.target}.orglab-kept-{os.urandom(3).hex()}"
    try:
        os.rename(path, kept)
    except OSError:
        kept = path
    return LogChangedError(
        f"{text.shown} was saved by somebody at the same moment; one of the two texts is in {kept}: "
        "compare them and join them by hand"
    )
