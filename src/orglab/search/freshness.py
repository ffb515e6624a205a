"""Whether a file is still the one that was read: by its digest, or, where that is safe, by what the system says of it.

Size, times, inode and device of a file tell whether it changed, but for one case: it was written again in the same
tick of the clock in which it had been read.  git calls such a file racily clean.  So they are believed only where the
file had been at rest for a while when it was read, and never on a file system that other machines write too.
"""

from __future__ import annotations

import os
import time

from orglab.search.where import is_shared

# No clock of a local file system ticks slower, but for those that count whole seconds.
_TICK = 50_000_000
_WHOLE_SECONDS = 2_100_000_000

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The SHA-256 of no bytes."""


def stamp(status: os.stat_result) -> list[int]:
    """Return what the system says of a file."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def was_at_rest(status: os.stat_result, read_at: int, path: str) -> bool:
    """Return whether a change of the file after it was read will show in its stamp.

    Args:
        status: Of the file, when it was read.
        read_at: The time before it was opened, in nanoseconds.
        path: The file.
    """
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    counts_seconds = status.st_mtime_ns % 1_000_000_000 == 0
    rested = read_at - newest > (_WHOLE_SECONDS if counts_seconds else _TICK)
    return rested and not is_shared(os.path.dirname(os.path.realpath(path)))


def now() -> int:
    """Return the time as file systems tell it, in nanoseconds."""
    return time.time_ns()


def read_and_hash(path: str) -> tuple[bytes, str, os.stat_result, int]:
    """Return the bytes of a file, their SHA-256, the file's status after they were read, and the time before."""
    read_at = now()
    with open(path, "rb") as file:
        import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most of the time the stamp is enough

        data = file.read()
        return data, hashlib.sha256(data).hexdigest(), os.fstat(file.fileno()), read_at
