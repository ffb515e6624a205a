"""Where the index of a log lies: in the clone's own git directory, else in the user's cache folder."""

import os
import sys
import zlib
from functools import cache

from orglab.config import CLONE_FOLDER

SCHEMA = 1
# A file here may be changed by another machine while this one believes its own old idea of it.
_SHARED_TYPES = (
    "nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2", "gfs", "fuse",
    "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "davfs", "ncpfs", "coda", "orangefs", "pvfs2",
)  # fmt: skip


def index_path(log: str, git_dir: str | None) -> str | None:
    """Return the file for the index of a log, whether it is there or not; None if there is no place for one.

    The name depends on the log, and on the program: two versions of orglab that work on one log have an index
    each, and neither has to read what the other wrote.

    Args:
        log: The log, as the user knows it.
        git_dir: The git directory of the clone that it lies in, if it lies in one.
    """
    if os.environ.get("ORGLAB_NO_INDEX"):
        return None
    name = f"index-{_mark(os.path.realpath(log))}-{_mark(program_version())}.db"
    if git_dir is not None and _is_ours(git_dir) and not is_shared(git_dir):
        return os.path.join(git_dir, CLONE_FOLDER, name)
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(folder, CLONE_FOLDER, f"{os.uname().nodename}-{name}") if os.path.isabs(folder) else None


def _is_ours(folder: str) -> bool:
    """Return whether a folder is this user's, and can be written: a shared one has an index of somebody else."""
    try:
        return os.stat(folder).st_uid == os.geteuid() and os.access(folder, os.W_OK)
    except OSError:
        return False


def is_shared(folder: str) -> bool:
    """Return whether a folder is on a file system that other machines may write too.

    There neither locks nor times can be relied upon.  Where the system does not say, it is taken to be local.
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
    """Return what tells this program from another that reads a log otherwise: its own files, and what it runs on."""
    import sqlite3  # noqa: PLC0415 - not for who only asks where the index lies
    import unicodedata  # noqa: PLC0415

    versions = f"{SCHEMA} {sys.version_info[:2]} {unicodedata.unidata_version} {sqlite3.sqlite_version}"
    return f"{versions} {_code(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))}"


def _code(folder: str) -> str:
    """Return what changes when a file of the program does: names, sizes and times, for reading them all takes longer.

    The terms that likeness knows are part of it, and packages within packages.

    Where it has no files (in an archive), the version that was installed has to do.
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
    """Return a short name for a text."""
    return f"{zlib.crc32(os.fsencode(text)):08x}"
