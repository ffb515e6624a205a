"""Which runs the log does not tell of yet: a file of its name for each, in `.orglab/pending/`.

So a command that has nothing to fold in sees it by one look at a folder; this module loads next to nothing.
"""

import fcntl
import os
from pathlib import Path

PENDING = Path(".orglab") / "pending"
RECORDS = Path(".orglab") / "runs"
RECORD = "record.jsonl"


def pending_runs(top: Path) -> list[str]:
    """Return the ids of the runs that the log may not tell of yet, oldest first.

    Args:
        top: The top of the repository, or else the log's folder.
    """
    try:
        return sorted(os.listdir(top / PENDING))  # noqa: PTH208 - names are wanted
    except OSError:
        return []


def waiting_runs(top: Path, log: Path) -> list[str]:
    """Return those among them that may be told now: nobody is running or writing them, and they are not put off.

    Args:
        top: The top of the repository, or else the log's folder.
        log: The log.
    """
    return [
        name
        for name in pending_runs(top)
        if not (is_put_off(top, name, log) or is_locked(top / RECORDS / name / RECORD))
    ]


def is_locked(path: Path) -> bool | None:
    """Return whether a process holds the lock of a record; None if that cannot be told here."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        return False
    finally:
        os.close(fd)


def put_off(top: Path, name: str, log: Path) -> None:
    """Look for a run's step again only when the log is another: it is on another branch, or not yet."""
    try:
        (top / PENDING / name).write_text(_state(log), "ascii")
    except OSError:
        return


def is_put_off(top: Path, name: str, log: Path) -> bool:
    """Return whether the log that did not have a run's step is still the same."""
    try:
        noted = (top / PENDING / name).read_text("ascii", "replace")
    except OSError:
        return False
    return bool(noted) and noted == _state(log)


def _state(log: Path) -> str:
    try:
        status = log.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size}"


def set_pending(top: Path, name: str, *, pending: bool) -> None:
    """Note that the log does not tell of a run yet, or that it does.

    Raises:
        OSError: That cannot be noted.
    """
    if pending:
        (top / PENDING).mkdir(parents=True, exist_ok=True)
        (top / PENDING / name).touch()
    else:
        (top / PENDING / name).unlink(missing_ok=True)
