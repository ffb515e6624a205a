"""Whether a file changed since it was read, by its digest or, where that is safe, by its size, times and inode.

And whether branches changed, without running git.

The size, times, inode and device of a file show a change, unless the file was written again within the same clock
tick in which it was read; git calls such a file racily clean.  So they are trusted only if the file had not been
modified for a while when it was read, and never on a file system to which other machines may write.
"""

import os
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orglab.git import find_program
from orglab.git.private_files import open_regular, read_regular
from orglab.search.location import is_shared

if TYPE_CHECKING:
    from orglab.log.file import FileContent

# The coarsest clock tick of local file systems, in nanoseconds, except those that count whole seconds.
_TICK = 50_000_000
_WHOLE_SECONDS = 2_100_000_000

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The SHA-256 of no bytes."""


def stamp(status: os.stat_result) -> list[int]:
    """Return the size, times, inode and device of a file."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def was_at_rest(status: os.stat_result, read_at: int, path: str) -> bool:
    """Return whether any change of a file after it was read will show in its stamp.

    Args:
        status: The status of the file when it was read.
        read_at: The time before it was opened, in nanoseconds.
        path: The file.
    """
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    counts_seconds = status.st_mtime_ns % 1_000_000_000 == 0
    rested = read_at - newest > (_WHOLE_SECONDS if counts_seconds else _TICK)
    return rested and not is_shared(os.path.dirname(os.path.realpath(path)))


def file_fingerprint(content: "FileContent") -> dict[str, Any]:
    """Return the fingerprint of a file: its digest, its stamp, and whether the stamp is reliable."""
    if content.status is None:
        return {"digest": content.digest, "stamp": [0], "at_rest": False}
    at_rest = was_at_rest(content.status, content.read_at, str(content.path))
    return {"digest": content.digest, "stamp": stamp(content.status), "at_rest": at_rest}


def is_untouched(path: str, fingerprint: Mapping[str, Any]) -> bool:
    """Return whether a file's stamp proves that the file has not changed; False leaves it open."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return bool(fingerprint["digest"] == NOTHING)
    return bool(fingerprint["at_rest"] and stamp(status) == fingerprint["stamp"])


def is_same(path: str, fingerprint: Mapping[str, Any]) -> bool:
    """Return whether a file has the same bytes as when its fingerprint was taken; it is read only if necessary."""
    if is_untouched(path, fingerprint):
        return True
    try:
        if os.stat(path).st_size != fingerprint["stamp"][0]:
            return False
        with open(open_regular(path, follow=True), "rb") as file:
            import hashlib  # noqa: PLC0415 - it loads OpenSSL, and most of the time the stamp is enough

            return bool(hashlib.sha256(file.read()).hexdigest() == fingerprint["digest"])
    except OSError:
        return False


def read_git_fingerprint(git_dir: str) -> str:
    """Return a fingerprint of HEAD, the branches and the commits, computed from files without running git.

    Raises:
        OSError: The files of the repository cannot be read.
    """
    common = _common_dir(git_dir)
    parts = [_read(os.path.join(git_dir, "HEAD"))]
    # Reftables are listed in one file, which every change replaces.
    parts += [
        _read(os.path.join(common, *name)) for name in (("packed-refs",), ("shallow",), ("reftable", "tables.list"))
    ]
    for name in ("heads", "remotes", "replace"):
        parts += _read_refs(os.path.join(common, "refs", name))
    for folder in ("objects", os.path.join("objects", "pack")):
        parts.append(str(os.stat(os.path.join(common, folder)).st_mtime_ns).encode())
    # Without git on the PATH no commits can be read.
    parts.append(os.fsencode(find_program() or ""))
    text = b"\0".join(parts)
    return f"{len(text)}-{zlib.crc32(text):08x}-{zlib.adler32(text):08x}"


def _common_dir(git_dir: str) -> str:
    """Return the git directory that all worktrees share."""
    named = _read(os.path.join(git_dir, "commondir"))
    return os.path.join(git_dir, os.fsdecode(named.strip())) if named else git_dir


def _read_refs(folder: str) -> Iterator[bytes]:
    """Yield the names and contents of loose refs."""
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
    """Return the bytes of a file of git's; empty if it does not exist."""
    try:
        return read_regular(path, None, follow=True)
    except (FileNotFoundError, NotADirectoryError):
        return b""
