"""Who else may be writing a log: other orglab processes, an editor, any program at all.

Three questions, three answers, each from the weakest thing that can hold it:

* `held`: one orglab process at a time changes a log.  The lock is `flock` on a
  hidden file beside the log, `.NAME.orglab-lock`, which is there only while
  somebody writes, so git and the user do not meet it.  It stands beside the log
  because only there do all machines that share the log (NFS, a cluster) see the
  same file: a lock in a cache folder is one lock per machine, and `flock` on the
  folder itself, which would need no file, is local to each NFS client without
  saying so.  The kernel gives the lock back when its holder dies, however it
  dies; a lock file left by a kill is taken over by the next writer.  Where the
  file system has no `flock` (NFS without lockd), see `_hold_by_name`.
* `editor_holding`: does Emacs have changes of it that are not saved?
* `claim`, `is_intact`, `release`: does anybody have it open for writing?  Only
  the kernel knows, and on Linux it tells the owner of the file (or root) through
  a lease.  Elsewhere the answer is `Writers.UNKNOWN`.
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
    """What the kernel says about programs that have a file open for writing."""

    NONE = "nobody has, and we are told if somebody tries"
    SOME = "somebody has"
    UNKNOWN = "this system, file system or owner does not let us ask"


class EditorLock(NamedTuple):
    """An Emacs that holds unsaved changes of a file, as its lock names it."""

    path: Path
    user: str
    host: str
    pid: int

    @property
    def owner(self) -> str:
        """The holder as Emacs writes it, `user@host.pid`."""
        return f"{self.user}@{self.host}.{self.pid}"


def editor_holding(path: str | os.PathLike[str]) -> EditorLock | None:
    """Say which live Emacs has unsaved changes of `path`, or None.

    The lock is looked for beside the name as given and beside the real file.  On
    this host it counts if its process lives; on another, where that cannot be
    asked, it always counts.  The boot time after the process number is not used:
    it comes from a different clock in each version of Emacs, and a lock wrongly
    called stale costs the user more than one wrongly called live.
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
        deadline: On the clock of `time.monotonic`.

    Raises:
        LogHeldError: At the deadline one still does.
    """
    while (editor := editor_holding(path)) is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            msg = (
                f"{path} has unsaved changes in Emacs ({editor.owner}): save it there, or pass --anyway "
                f"(if that Emacs is gone, delete {editor.path}); nothing was written"
            )
            raise LogHeldError(msg)
        time.sleep(min(left, _POLL_SECONDS))


def claim(fd: int) -> Writers:
    """Ask whether anybody has the file open for writing; if not, learn of anybody who tries.

    After `NONE` whoever opens the file for writing, or truncates it, waits inside
    that call until `release`.  So hold a claim for milliseconds only.

    Args:
        fd: A descriptor opened for reading only.
    """
    writers = Writers.UNKNOWN
    if sys.platform == "linux":
        import signal  # noqa: PLC0415 - who only reads claims nothing

        try:
            # The kernel tells of a broken lease by SIGIO, which kills a process that
            # does not expect it.  SIGURG is ignored unless somebody asks for it.
            fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            writers = Writers.NONE
        except BlockingIOError:
            writers = Writers.SOME
        except OSError:
            writers = Writers.UNKNOWN  # EACCES: another user's file.  EINVAL: no leases there.
    return writers


def wait_and_claim(fd: int, seconds: float) -> Writers:
    """Claim the file as soon as nobody has it open for writing, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while (writers := claim(fd)) is Writers.SOME and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, _POLL_SECONDS)
    return writers


def is_intact(fd: int) -> bool:
    """Say whether nobody has tried to open the file for writing since `claim` said NONE."""
    # A lease that somebody waits for reads as F_UNLCK although we still have it.
    return sys.platform == "linux" and fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK


def release(fd: int) -> None:
    """Let those in who wait to open the file for writing; without a claim, do nothing."""
    if sys.platform == "linux":
        with suppress(OSError):  # EAGAIN where there is no claim
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def remove(path: str) -> None:
    """Remove a temporary file; if that cannot be, its name stays and nothing else is wrong."""
    for _ in range(2):  # a network file system may fail once
        with suppress(OSError):
            os.unlink(path)
            return


def close(fd: int) -> None:
    """Close a descriptor that nothing was written through, so that no error of it matters."""
    with suppress(OSError):
        os.close(fd)


@contextmanager
def held(target: str, timeout: float) -> Iterator[None]:
    """Be the only orglab process (and thread) that changes `target`, for a `with` block.

    Args:
        target: The real path of the log, no symbolic link in it.
        timeout: Seconds to wait for the others.

    Raises:
        NotWritableError: Others kept it for that long, or there can be no lock.
    """
    folder, name = os.path.split(target)
    path = os.path.join(folder, f".{name}.orglab-lock")
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        try:
            fd = _acquire(path, target, deadline)
        except OSError as error:
            if error.errno not in _NO_FLOCK:
                msg = f"cannot write {target}: no lock can be made beside it: {error.strerror}; it is unchanged"
                raise NotWritableError(msg) from error
            stack.enter_context(_hold_by_name(path + ".by", target, deadline))
        else:
            stack.callback(_give_back, path, fd)
        yield


def _acquire(path: str, target: str, deadline: float) -> int:
    """Return a locked descriptor of the lock file that stands at `path`.

    The last holder removed the file that we waited for, and another process may
    have locked a new one since: so look again at what stands there.
    """
    while True:
        fd = _open_lock(path)
        try:
            ours = _flock(fd, deadline)
        except OSError:
            remove(path)  # no flock here, so nobody can hold it
            raise
        if not ours:
            raise _too_long(target, "another orglab process is writing it")
        try:
            stands = _is_same_file(path, fd)
        except OSError:
            _give_back(path, fd)
            raise
        if stands:
            return fd
        close(fd)


def _give_back(path: str, fd: int) -> None:
    """Let the next one in; if there is none, remove the lock file while it is still ours."""
    last = True
    with suppress(OSError):
        last = not _is_waited_for(fd) and _is_same_file(path, fd)
    if last:
        remove(path)
    with suppress(OSError):  # not by closing alone: a forked child may have the descriptor too
        fcntl.flock(fd, fcntl.LOCK_UN)
    close(fd)


def _is_waited_for(fd: int) -> bool:
    """Say whether others wait for the lock on `fd`, where the kernel tells (Linux).

    Without this each of 200 who wait would wake up 200 times, to find its lock
    file removed.
    """
    status = os.fstat(fd)
    if not status.st_size:
        # Nobody has had to wait (see _flock): the kernel needs 10 ms to gather its locks.
        return False
    inode = f":{status.st_ino} "
    with suppress(FileNotFoundError), open("/proc/locks", encoding="ascii") as locks:
        return any(" -> " in line and inode in line for line in locks)
    return False


def _open_lock(path: str) -> int:
    """Open the lock file for writing (NFS wants that for an exclusive lock), making it if need be."""
    while True:
        # Not O_CREAT at once: in a sticky folder Linux refuses that on the file of
        # another user (fs.protected_regular), who may have been killed.
        with suppress(FileNotFoundError):
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        with suppress(FileExistsError):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
            with suppress(OSError):
                # In a shared folder our umask would shut others out of a lock that
                # we leave by being killed.  There is nothing in the file.
                os.fchmod(fd, 0o666)
            return fd


def _flock(fd: int, deadline: float) -> bool:
    """Lock `fd` until the deadline.  Unless this returns True, `fd` is closed, or will be."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Whoever holds it sees by the size that somebody waits, or did.
        with suppress(OSError):
            os.ftruncate(fd, 1)
        # Polling would be unfair, and slow for 200 waiters; a timer signal is not
        # for a library.  A thread can sleep in the kernel's own queue.
        return _FlockWait(fd).wait(deadline - time.monotonic())
    except OSError:
        close(fd)
        raise
    return True


class _FlockWait:
    """A thread that waits in `flock`, and what becomes of the descriptor if nobody waits for it any more."""

    def __init__(self, fd: int) -> None:
        """Prepare to lock `fd`."""
        self._fd = fd
        self._ended = threading.Event()
        self._handover = threading.Lock()
        self._given_up = False
        self._error: OSError | None = None

    def wait(self, seconds: float) -> bool:
        """Return whether `fd` is locked; if not, or on an exception, it is or will be closed."""
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
    """Hold the lock by the existence of `path`, which names its owner `host:pid`.

    A dead owner of this host is noticed and its lock removed.  Of another host
    nobody can ask, so at the deadline the error names the file to delete.
    """
    mine = f"{path}.{os.urandom(6).hex()}"
    try:
        with open(mine, "x", encoding="utf-8") as file:
            file.write(f"{os.uname().nodename}:{os.getpid()}")
        while not _link(mine, path):
            _remove_dead_owner(path, mine)
            if time.monotonic() >= deadline:
                raise _too_long(target, f"{path} says that {_read_text(path) or 'somebody'} is writing it")
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        msg = f"cannot write {target}: its file system has no locks ({error.strerror}); it is unchanged"
        raise NotWritableError(msg) from error
    finally:
        remove(mine)
    try:
        yield
    finally:
        remove(path)


def _link(mine: str, path: str) -> bool:
    """Give our owner file the common name; False if another has it.  Atomic on NFS too."""
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
        # Between reading and renaming another may have removed the dead lock and
        # taken its own: then give that back.
        if _read_text(aside) != owner:
            _link(aside, path)
        os.unlink(aside)


def _may_live(host: str, pid: int) -> bool:
    """Say whether a process may be running: False only if it is of this host and is gone."""
    if host != re.sub(r"[ \t]", "-", os.uname().nodename):  # Emacs writes it so
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0


def _read_emacs_lock(path: str) -> str:
    """Return the owner in an Emacs lock: a link's target, or text where links cannot be made."""
    try:
        return os.readlink(path)
    except OSError as error:
        return _read_text(path) if error.errno == errno.EINVAL else ""


def _read_text(path: str) -> str:
    """Return the text of a short file, or "" if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO of that name must not stop us
    except OSError:
        return ""
    try:
        return os.fsdecode(os.read(fd, 4096)).strip()
    except OSError:
        return ""
    finally:
        close(fd)


def _is_same_file(path: str, fd: int) -> bool:
    """Say whether `fd` is the file that stands at `path`."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _too_long(target: str, why: str) -> NotWritableError:
    """Make the error of a lock that others kept."""
    return NotWritableError(f"cannot write {target}: {why}; wait for it to end and try again; it is unchanged")
