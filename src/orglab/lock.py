"""Locks against other writers of a log: orglab processes, editors and any other program.

* `held`: only one orglab process at a time changes a log.  The lock is `flock` on a
  hidden file beside the log, `.NAME.orglab-lock`, which exists only during a
  write, so that git and the user never see it.  It is beside the log because
  only there do all machines that share the log (NFS, a cluster) see the same
  file: a lock in a cache folder would be one lock per machine, and `flock` on
  the folder itself, which would need no file, is silently local to each NFS
  client.  The kernel releases the lock when its holder dies for any reason; the
  next writer takes over a lock file that a killed process left.  For file
  systems without `flock` (NFS without lockd) see `_hold_by_name`.
* `editor_holding`: whether Emacs has unsaved changes of the log.
* `claim`, `is_intact`, `release`: whether any program has the log open for
  writing.  Only the kernel knows; Linux tells the owner of the file (or root)
  through a lease.  Elsewhere the answer is `Writers.UNKNOWN`.
"""

import errno
import fcntl
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from orglab.errors import LogHeldError, NotWritableError

_POLL_SECONDS = 0.02
_NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
_EMACS_OWNER = r"(?P<user>.*)@(?P<host>[^@]*)\.(?P<pid>\d{1,9})(?:[:\uf022]\d+)?"


class Writers(Enum):
    """Whether any program has a file open for writing, according to the kernel."""

    NONE = "no program has, and a later attempt is detected"
    SOME = "at least one program has"
    UNKNOWN = "the system, the file system or the file's owner does not allow the question"


class EditorLock(NamedTuple):
    """An Emacs with unsaved changes of a file, as named by its lock."""

    path: Path
    user: str
    host: str
    pid: int

    @property
    def owner(self) -> str:
        """The owner in the form Emacs uses, `user@host.pid`."""
        return f"{self.user}@{self.host}.{self.pid}"


def editor_holding(path: str | os.PathLike[str]) -> EditorLock | None:
    """Return the lock of a running Emacs that has unsaved changes of `path`, or None.

    The lock may be beside `path` or beside the file it links to.  A lock from
    this host counts if its process is running; one from another host, where that
    cannot be checked, always counts.  The boot time after the process number is
    ignored: its clock differs between versions of Emacs, and wrongly ignoring a
    live lock costs the user more than wrongly respecting a stale one.
    """
    real = os.path.realpath(path)
    for name in dict.fromkeys((real, os.path.abspath(path))):
        lock = os.path.join(os.path.dirname(name), ".#" + os.path.basename(name))
        owner = re.fullmatch(_EMACS_OWNER, _read_emacs_lock(lock))
        if owner and _may_live(owner["host"], int(owner["pid"])):
            return EditorLock(Path(lock), owner["user"], owner["host"], int(owner["pid"]))
    return None


def wait_for_editor(path: str, deadline: float) -> None:
    """Return once no Emacs holds unsaved changes of `path`.

    Args:
        path: The log.
        deadline: A time of `time.monotonic`.

    Raises:
        LogHeldError: An Emacs still has unsaved changes at the deadline.
    """
    while (editor := editor_holding(path)) is not None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            msg = (
                f"{path} has unsaved changes in Emacs ({editor.owner}): save it there, or pass --anyway "
                f"(if that Emacs is no longer running, delete {editor.path}); nothing was written"
            )
            raise LogHeldError(msg)
        time.sleep(min(remaining, _POLL_SECONDS))


def claim(fd: int) -> Writers:
    """Return whether any program has the file open for writing; if none has, watch for one that tries.

    After `NONE`, a program that opens the file for writing or truncates it blocks
    in that call until `release`, so hold a claim for milliseconds only.

    Args:
        fd: A descriptor opened for reading only.
    """
    writers = Writers.UNKNOWN
    if sys.platform == "linux":
        import signal  # noqa: PLC0415 - a command that only reads claims nothing

        try:
            # By default the kernel reports a broken lease with SIGIO, which kills a process
            # without a handler.  SIGURG is ignored by default.
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            writers = Writers.NONE
        except BlockingIOError:
            writers = Writers.SOME
        except OSError:
            writers = Writers.UNKNOWN  # EACCES: another user's file.  EINVAL: a file system without leases.
    return writers


def wait_and_claim(fd: int, seconds: float) -> Writers:
    """Claim the file as soon as no program has it open for writing, waiting at most `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while (writers := claim(fd)) is Writers.SOME and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, _POLL_SECONDS)
    return writers


def is_intact(fd: int) -> bool:
    """Return whether no program has tried to open the file for writing since `claim` returned NONE."""
    # While another program waits for the lease it reads as F_UNLCK, although it is still ours.
    return sys.platform == "linux" and fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK


def release(fd: int) -> None:
    """Release the claim, so that programs waiting to open the file can proceed; without a claim, do nothing."""
    if sys.platform == "linux":
        with suppress(OSError):  # EAGAIN without a claim
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def remove(path: str) -> None:
    """Remove a temporary file, ignoring errors: a leftover file does no harm."""
    for _ in range(2):  # a network file system may fail once
        with suppress(OSError):
            os.unlink(path)
            return


def close(fd: int) -> None:
    """Close a descriptor through which nothing was written, ignoring errors."""
    with suppress(OSError):
        os.close(fd)


@contextmanager
def held(target: str, timeout: float) -> Iterator[None]:
    """Lock `target` against other orglab processes and threads for the duration of a `with` block.

    Args:
        target: The real path of the log, without symbolic links.
        timeout: Seconds to wait for the lock.

    Raises:
        NotWritableError: The lock was not free in time, or cannot be created.
    """
    folder, name = os.path.split(target)
    path = os.path.join(folder, f".{name}.orglab-lock")
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        try:
            fd = _acquire(path, target, deadline)
        except OSError as error:
            if error.errno not in _NO_FLOCK:
                msg = f"cannot write {target}: cannot create a lock beside it: {error.strerror}; the file is unchanged"
                raise NotWritableError(msg) from error
            stack.enter_context(_hold_by_name(path + ".by", target, deadline))
        else:
            stack.callback(_release_lock, path, fd)
        yield


def _acquire(path: str, target: str, deadline: float) -> int:
    """Return a locked descriptor of the lock file at `path`.

    The last holder removes the file that we wait for, and another process may then
    lock a new one: so check that the locked file is still the one at `path`.
    """
    while True:
        fd = _open_lock(path)
        try:
            ours = _flock(fd, deadline)
        except OSError:
            remove(path)  # without flock no process can hold it
            raise
        if not ours:
            raise _timeout_error(target, "another orglab process is writing it")
        try:
            is_current = _is_same_file(path, fd)
        except OSError:
            _release_lock(path, fd)
            raise
        if is_current:
            return fd
        close(fd)


def _release_lock(path: str, fd: int) -> None:
    """Release the lock; remove the lock file first if no other process waits for it."""
    is_last = True
    with suppress(OSError):
        is_last = not _is_waited_for(fd) and _is_same_file(path, fd)
    if is_last:
        remove(path)
    with suppress(OSError):  # closing is not enough: a forked child may have the descriptor too
        fcntl.flock(fd, fcntl.LOCK_UN)
    close(fd)


def _is_waited_for(fd: int) -> bool:
    """Return whether other processes wait for the lock on `fd`, where the kernel tells (Linux).

    Without this, each of 200 waiting processes would wake up 200 times only to find
    its lock file removed.
    """
    status = os.fstat(fd)
    if not status.st_size:
        # No process has had to wait (see _flock); reading /proc/locks would take 10 ms.
        return False
    inode = f":{status.st_ino} "
    with suppress(FileNotFoundError), open("/proc/locks", encoding="ascii") as locks:
        return any(" -> " in line and inode in line for line in locks)
    return False


def _open_lock(path: str) -> int:
    """Open the lock file for writing (NFS requires that for an exclusive lock), creating it if necessary."""
    while True:
        # Without O_CREAT first: in a sticky folder Linux refuses O_CREAT on a file of
        # another user (fs.protected_regular), which a killed process may have left.
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        with suppress(FileExistsError):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
            with suppress(OSError):
                # In a shared folder, our umask would lock other users out for good if we
                # were killed.  The file has no content to protect.
                os.fchmod(fd, 0o666)
            return fd


def _flock(fd: int, deadline: float) -> bool:
    """Return whether `fd` could be locked before the deadline; if not, `fd` is or will be closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # The size tells the holder that another process waits, or did.
        with suppress(OSError):
            os.ftruncate(fd, 1)
        # Polling would be unfair, and slow with 200 waiting processes; a library must not
        # use a timer signal.  A thread can sleep in the kernel's own queue.
        return _FlockWait(fd).wait(deadline - time.monotonic())
    except OSError:
        close(fd)
        raise
    return True


class _FlockWait:
    """A thread that waits in `flock`, and closes the descriptor if the caller has given up meanwhile."""

    def __init__(self, fd: int) -> None:
        """Prepare to lock `fd`."""
        self._fd = fd
        self._ended = threading.Event()
        self._handover = threading.Lock()
        self._given_up = False
        self._error: OSError | None = None

    def wait(self, seconds: float) -> bool:
        """Return whether `fd` was locked in time; if not, or on an exception, it is or will be closed."""
        threading.Thread(target=self._block, name="orglab-lock", daemon=True).start()
        ours = False
        try:
            ours = self._ended.wait(max(0.0, seconds)) and self._error is None
        finally:  # also on Ctrl-C
            with self._handover:
                self._given_up = not ours
                if self._given_up and self._ended.is_set():
                    close(self._fd)
        if self._error is not None:
            raise self._error
        return ours

    def _block(self) -> None:
        """Wait in the kernel's queue for as long as it takes."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._handover:
            if self._given_up:
                close(self._fd)
            self._ended.set()


@contextmanager
def _hold_by_name(path: str, target: str, deadline: float) -> Iterator[None]:
    """Hold the lock through the existence of `path`, which names its owner as `host:pid`.

    The lock of a dead process on this host is removed.  Processes on other hosts
    cannot be checked, so at the deadline the error names the file to delete.
    """
    mine = f"{path}.{os.urandom(6).hex()}"
    try:
        with open(mine, "x", encoding="utf-8") as file:
            file.write(f"{os.uname().nodename}:{os.getpid()}")
        while not _link(mine, path):
            _remove_dead_owner(path, mine)
            if time.monotonic() >= deadline:
                owner = _read_text(path) or "another process"
                raise _timeout_error(target, f"{owner} is writing it, according to {path}")
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        msg = f"cannot write {target}: its file system has no locks ({error.strerror}); the file is unchanged"
        raise NotWritableError(msg) from error
    finally:
        remove(mine)
    try:
        yield
    finally:
        remove(path)


def _link(mine: str, path: str) -> bool:
    """Give our owner file the shared name; return False if the name is taken.  Atomic on NFS too."""
    try:
        os.link(mine, path)
    except FileExistsError:
        return False
    return True


def _remove_dead_owner(path: str, mine: str) -> None:
    """Remove the lock at `path` if its owner was a process of this host and is dead."""
    owner = _read_text(path)
    host, _, pid = owner.rpartition(":")
    if not pid.isdecimal() or _may_live(host, int(pid)):
        return
    aside = mine + ".dead"
    with suppress(FileNotFoundError):
        os.rename(path, aside)
        # Between our reading and renaming, another process may have removed the dead
        # lock and created its own: then restore that one.
        if _read_text(aside) != owner:
            _link(aside, path)
        os.unlink(aside)


def _may_live(host: str, pid: int) -> bool:
    """Return whether a process may be running: False only if it was on this host and is gone."""
    if host != re.sub(r"[ \t]", "-", os.uname().nodename):  # the spelling of Emacs
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0


def _read_emacs_lock(path: str) -> str:
    """Return the owner in an Emacs lock: the target of a link, or the text of a file where links are unsupported."""
    try:
        return os.readlink(path)
    except OSError as error:
        return _read_text(path) if error.errno == errno.EINVAL else ""


def _read_text(path: str) -> str:
    """Return the text of a short file, or "" if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # do not block on a FIFO
    except OSError:
        return ""
    try:
        return os.fsdecode(os.read(fd, 4096)).strip()
    except OSError:
        return ""
    finally:
        close(fd)


def _is_same_file(path: str, fd: int) -> bool:
    """Return whether `fd` is the file at `path`."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _timeout_error(target: str, reason: str) -> NotWritableError:
    """Return the error for a lock that was not released in time."""
    return NotWritableError(f"cannot write {target}: {reason}; try again when it has finished; the file is unchanged")
