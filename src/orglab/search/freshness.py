"""Whether a file is still the one that was read: by its digest, or, where that is safe, by what the system says of it.

And whether branches are where they were, which is told without running git.

Size, times, inode and device of a file tell whether it changed, but for one case: it was written again in the same
tick of the clock in which it had been read.  git calls such a file racily clean.  So they are believed only where the
file had been at rest for a while when it was read, and never on a file system that other machines write too.
"""

import os
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orglab.git import find_program
from orglab.search.location import is_shared

if TYPE_CHECKING:
    from orglab.log.file import Snapshot

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


def file_fingerprint(snapshot: "Snapshot") -> dict[str, Any]:
    """Return by what a file is known again: its digest, its stamp, and whether that can be relied upon."""
    if snapshot.status is None:
        return {"digest": snapshot.digest, "stamp": [0], "at_rest": False}
    at_rest = was_at_rest(snapshot.status, snapshot.read_at, str(snapshot.path))
    return {"digest": snapshot.digest, "stamp": stamp(snapshot.status), "at_rest": at_rest}


def is_untouched(path: str, look: Mapping[str, Any]) -> bool:
    """Return whether a file's stamp says that it is as it looked; if not, it may be so all the same."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return bool(look["digest"] == NOTHING)
    return bool(look["at_rest"] and stamp(status) == look["stamp"])


def is_same(path: str, look: Mapping[str, Any]) -> bool:
    """Return whether a file has the bytes that it had when it looked so; it is read where its stamp does not tell."""
    if is_untouched(path, look):
        return True
    try:
        if os.stat(path).st_size != look["stamp"][0]:
            return False
        with open(path, "rb") as file:
            import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most of the time the stamp is enough

            return bool(hashlib.sha256(file.read()).hexdigest() == look["digest"])
    except FileNotFoundError:
        return False


def read_git_fingerprint(git_dir: str) -> str:
    """Return what changes when a branch, HEAD or what there is of commits does: files are read, git is not run.

    Raises:
        OSError: It cannot be told.
    """
    common = _common_dir(git_dir)
    pieces = [_read(os.path.join(git_dir, "HEAD"))]
    # Refs in a table of their own are listed in one file, which each change replaces.
    pieces += [
        _read(os.path.join(common, *name)) for name in (("packed-refs",), ("shallow",), ("reftable", "tables.list"))
    ]
    for name in ("heads", "remotes", "replace"):
        pieces += _read_refs(os.path.join(common, "refs", name))
    for folder in ("objects", os.path.join("objects", "pack")):
        pieces.append(str(os.stat(os.path.join(common, folder)).st_mtime_ns).encode())
    # Without a git on the PATH nothing is known.
    pieces.append(os.fsencode(find_program() or ""))
    text = b"\0".join(pieces)
    return f"{len(text)}-{zlib.crc32(text):08x}-{zlib.adler32(text):08x}"


def _common_dir(git_dir: str) -> str:
    """Return the git directory that all worktrees share."""
    named = _read(os.path.join(git_dir, "commondir"))
    return os.path.join(git_dir, os.fsdecode(named.strip())) if named else git_dir


def _read_refs(folder: str) -> Iterator[bytes]:
    """Yield the names of loose refs and what they hold."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _read_refs(entry.path)
        else:
            yield os.fsencode(entry.path)
            yield _read(entry.path)


def _read(path: str) -> bytes:
    """Return what a file holds; nothing if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
