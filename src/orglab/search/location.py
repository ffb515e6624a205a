"""The path of the index of a log: in the clone's git directory, else in the user's cache folder."""

import os
import sys
import zlib
from functools import cache

from orglab.config import CLONE_FOLDER

SCHEMA = 1
# Another machine may change a file on these while this machine still sees its cached version.
_SHARED_TYPES = (
    "nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2", "gfs", "fuse",
    "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "davfs", "ncpfs", "coda", "orangefs", "pvfs2",
)  # fmt: skip


def index_path(log: str, git_dir: str | None) -> str | None:
    """Return the path of the index of a log, whether it exists or not; None if there is no place for one.

    The name depends on the log and on the version of orglab: two versions that work on one log use separate
    indexes, and neither needs to read what the other wrote.

    Args:
        log: The path of the log.
        git_dir: The git directory of the clone that contains the log, or None.
    """
    if os.environ.get("ORGLAB_NO_INDEX"):
        return None
    name = f"index-{_mark(os.path.realpath(log))}-{_mark(program_version())}.db"
    if git_dir is not None and _is_ours(git_dir) and not is_shared(git_dir):
        return os.path.join(git_dir, CLONE_FOLDER, name)
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(folder, CLONE_FOLDER, f"{os.uname().nodename}-{name}") if os.path.isabs(folder) else None


def _is_ours(folder: str) -> bool:
    """Return whether this user owns a folder and can write to it: an index in another user's folder is not ours."""
    try:
        return os.stat(folder).st_uid == os.geteuid() and os.access(folder, os.W_OK)
    except OSError:
        return False


def is_shared(folder: str) -> bool:
    """Return whether a folder is on a file system to which other machines may write.

    Neither locks nor timestamps are reliable there.  If the type is unknown, the file system counts as local.
    """
    try:
        device = os.stat(folder).st_dev
        # 36 35 98:0 /root /mount options - type source options
        with open("/proc/self/mountinfo", "rb") as mounts:
            _, found, rest = mounts.read().rpartition(b" %d:%d " % (os.major(device), os.minor(device)))
    except OSError:
        return False
    kind = rest.partition(b"\n")[0].partition(b" - ")[2].split(b" ")[0].decode("ascii", "replace")
    return bool(found) and kind.startswith(_SHARED_TYPES)


@cache
def program_version() -> str:
    """Return a string that identifies this version of orglab, by its files, and of Python, Unicode and SQLite."""
    import sqlite3  # noqa: PLC0415 - not needed for the path of the index
    import unicodedata  # noqa: PLC0415

    versions = f"{SCHEMA} {sys.version_info[:2]} {unicodedata.unidata_version} {sqlite3.sqlite_version}"
    return f"{versions} {_fingerprint_code(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))}"


def _fingerprint_code(folder: str) -> str:
    """Return a fingerprint of the code in a folder: names, sizes and times, as reading all files would take longer.

    It covers subpackages, and the built-in terms of `similar`.  If there are no files (in a zip archive), it is
    the path of the folder.
    """
    marks = []
    try:
        for place, _, names in os.walk(folder):
            for name in names:
                if name.endswith((".py", ".txt")):
                    status = os.stat(os.path.join(place, name))
                    marks.append(f"{place[len(folder) :]}/{name} {status.st_size} {status.st_mtime_ns}")
    except OSError:
        return folder
    return f"{_mark(chr(10).join(sorted(marks)))} {len(marks)}"


def _mark(text: str) -> str:
    """Return a short hash of a text."""
    return f"{zlib.crc32(os.fsencode(text)):08x}"
