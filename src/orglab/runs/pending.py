"""What waits to be told in a log: a run that has ended, or a step that a commit said is done.  A file for each.

The file is named by the run's id, or by the step and the log.  It is a JSON object: the log that it is for (`log`, a
real path; none if any log may tell it), for a step `ref` and `commit`, and `unlike`, how the log stood when it could
not take it.  A command that has nothing to tell sees that by one look at a folder.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from orglab.errors import NotWritableError
from orglab.runs.storage import PENDING, RUNS, find_storage_folders, list_entries, make_folder

RECORD = "record.jsonl"
_LARGEST = 1 << 16


class PendingEntry(NamedTuple):
    """One thing that waits.

    Attributes:
        path: Its file.
        ref: The step that a commit said is done; None for a run.
        commit: The full hash of that commit; None for a run.
        run: The folder of the run's record; None for a step, and for a run without one.
    """

    path: Path
    ref: str | None = None
    commit: str | None = None
    run: Path | None = None

    @property
    def name(self) -> str:
        """The name of its file: of a run the id."""
        return self.path.name


def find_pending(top: Path, log: Path) -> list[PendingEntry]:
    """Return what may be told in a log now: what is for it, is not still running, and is not put off; runs last.

    Args:
        top: The top of the repository, or else the log's folder.
        log: The log.
    """
    entries = list_entries(top, PENDING)
    if not entries:
        return []
    here = os.path.realpath(log)
    steps, others = [], {}
    for name, path in sorted(entries.items()):
        fields = _read(path)
        wanted = fields.get("log")
        if isinstance(wanted, str) and wanted != here and os.path.lexists(wanted):
            continue
        if fields.get("unlike") not in (None, "") and fields["unlike"] == _read_state(log):
            continue
        ref, commit = fields.get("ref"), fields.get("commit")
        if isinstance(ref, str) and isinstance(commit, str):
            steps.append(PendingEntry(path, ref, commit))
        else:
            others[name] = path
    if not others:
        return steps
    folders = list_entries(top, RUNS)
    runs = [PendingEntry(path, run=folders.get(name)) for name, path in others.items()]
    return steps + [one for one in runs if one.run is None or not is_locked(one.run / RECORD)]


def is_locked(path: Path) -> bool | None:
    """Return whether a process holds the lock of a record; None if that cannot be told here."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
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


def add_pending_run(storage: Path, name: str, log: Path | None) -> PendingEntry:
    """Note in a storage that a run waits to be told in a log, or in any; return that.

    Raises:
        OSError: That cannot be noted.
    """
    path = make_folder(storage, PENDING) / name
    _replace(path, {"log": os.path.realpath(log)} if log is not None else {})
    return PendingEntry(path, run=storage / RUNS / name)


def add_pending_step(top: Path, log: Path, ref: str, commit: str) -> None:
    """Note that a commit said a step is done; it is on disk before the log is tried.

    Of two commits that say so of one step, the last counts: the other was amended.

    Args:
        top: The top of the repository, or else the log's folder.
        log: The log.
        ref: The step, such as `e201.1`.
        commit: The full hash.

    Raises:
        NotWritableError: That cannot be noted anywhere.
    """
    import json  # noqa: PLC0415 - most commands find nothing that waits

    real = os.path.realpath(log)
    import zlib  # noqa: PLC0415 - every command looks whether something waits, and mostly nothing does

    name = f"{ref}-{zlib.crc32(os.fsencode(real)):08x}"
    data = json.dumps({"log": real, "ref": ref, "commit": commit}).encode()
    failed: OSError | None = None
    for storage in find_storage_folders(top):
        try:
            with _open_alone(make_folder(storage, PENDING) / name) as fd:
                os.ftruncate(fd, 0)
                os.write(fd, data)
                os.fsync(fd)
        except OSError as error:
            failed = failed or error
        else:
            return
    raise NotWritableError(f"That {ref} is done could not be kept: {failed.strerror if failed else 'no storage'}.")


@contextlib.contextmanager
def lock_step(entry: PendingEntry) -> Iterator[bool]:
    """Be alone with a step that waits; yield whether it still waits, for the same commit."""
    try:
        fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield os.fstat(fd).st_nlink > 0 and _read(entry.path).get("commit") == entry.commit
    finally:
        os.close(fd)


@contextlib.contextmanager
def _open_alone(path: Path) -> Iterator[int]:
    """Open a file that waits for writing, alone: nobody tells and removes it meanwhile."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink:
                yield fd
                return
        finally:
            os.close(fd)


def postpone(entry: PendingEntry, log: Path) -> None:
    """Try again only when the log is another: the step is on another branch, or not yet."""
    with contextlib.suppress(OSError):
        _replace(entry.path, {**_read(entry.path), "unlike": _read_state(log)})


def remove_pending(entry: PendingEntry) -> None:
    """Have something wait no more; where that cannot be written, the next look finds it told."""
    with contextlib.suppress(OSError):
        entry.path.unlink()


def remove_pending_run(top: Path, name: str) -> None:
    """Have a run wait no more, wherever it does."""
    path = list_entries(top, PENDING).get(name)
    if path is not None:
        remove_pending(PendingEntry(path))


def _read(path: Path) -> dict[str, Any]:
    """Return what a file that waits says; nothing if it is empty or makes no sense."""
    import json  # noqa: PLC0415 - most commands find nothing that waits

    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
            fields = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _replace(path: Path, fields: dict[str, object]) -> None:
    """Write a file that waits.

    Raises:
        OSError: It cannot be written.
    """
    import json  # noqa: PLC0415 - most commands find nothing that waits

    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(fields), "ascii")
    new.replace(path)


def _read_state(log: Path) -> str:
    """Return what tells one state of a log from another."""
    try:
        status = log.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size}"
