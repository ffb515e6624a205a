"""Pending entries: runs, and steps that a commit says are done, which are not written to the log yet.

Each is a file, named by the id of the run, or by the step and the log.  It is a JSON object with the log that the entry
is for (`log`, a real path; missing if any log may take it), for a step `ref` and `commit`, and `unlike`, the version of
the log that could not take the entry.  So a command only has to list one folder to see that nothing is pending.
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
    """A pending entry.

    Attributes:
        path: The file of the entry.
        ref: The step that a commit says is done; None for a run.
        commit: The full hash of that commit; None for a run.
        run: The folder of the record of the run; None for a step, and for a run without a record.
    """

    path: Path
    ref: str | None = None
    commit: str | None = None
    run: Path | None = None

    @property
    def name(self) -> str:
        """The name of the file; for a run, its id."""
        return self.path.name


def find_pending(top: Path, log: Path) -> list[PendingEntry]:
    """Return the entries that may be written to a log now, steps before runs.

    Runs that are still going on, and entries postponed until the log changes, are left out.

    Args:
        top: The top of the repository, or else the folder of the log.
        log: The log.
    """
    entries = list_entries(top, PENDING)
    if not entries:
        return []
    real_log = os.path.realpath(log)
    steps, run_paths = [], {}
    for name, path in sorted(entries.items()):
        fields = _read(path)
        target = fields.get("log")
        if isinstance(target, str) and target != real_log and os.path.lexists(target):
            continue
        if fields.get("unlike") not in (None, "") and fields["unlike"] == _read_state(log):
            continue
        ref, commit = fields.get("ref"), fields.get("commit")
        if isinstance(ref, str) and isinstance(commit, str):
            steps.append(PendingEntry(path, ref, commit))
        else:
            run_paths[name] = path
    if not run_paths:
        return steps
    folders = list_entries(top, RUNS)
    runs = [PendingEntry(path, run=folders.get(name)) for name, path in run_paths.items()]
    return steps + [entry for entry in runs if entry.run is None or not is_locked(entry.run / RECORD)]


def is_locked(path: Path) -> bool | None:
    """Return whether a process holds the lock of a record; None if that cannot be determined."""
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
    """Add a run to the pending entries for a log, or for any log if None, and return the entry.

    Raises:
        OSError: The entry cannot be written.
    """
    path = make_folder(storage, PENDING) / name
    _replace(path, {"log": os.path.realpath(log)} if log is not None else {})
    return PendingEntry(path, run=storage / RUNS / name)


def add_pending_step(top: Path, log: Path, ref: str, commit: str) -> None:
    """Add a step that a commit says is done to the pending entries, durably.

    A later commit for the same step replaces the earlier one, which was amended.

    Args:
        top: The top of the repository, or else the folder of the log.
        log: The log.
        ref: The step, such as `e201.1`.
        commit: The full hash.

    Raises:
        NotWritableError: The entry cannot be written anywhere.
    """
    import json  # noqa: PLC0415 - most commands find nothing pending

    real_log = os.path.realpath(log)
    import zlib  # noqa: PLC0415 - most commands find nothing pending

    name = f"{ref}-{zlib.crc32(os.fsencode(real_log)):08x}"
    data = json.dumps({"log": real_log, "ref": ref, "commit": commit}).encode()
    failed: OSError | None = None
    for storage in find_storage_folders(top):
        try:
            with _open_locked(make_folder(storage, PENDING) / name) as fd:
                os.ftruncate(fd, 0)
                os.write(fd, data)
                os.fsync(fd)
        except OSError as error:
            failed = failed or error
        else:
            return
    raise NotWritableError(f"Cannot record that {ref} is done: {failed.strerror if failed else 'no folder for it'}.")


@contextlib.contextmanager
def lock_step(entry: PendingEntry) -> Iterator[bool]:
    """Lock a pending step; yield whether it is still pending for the same commit."""
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
def _open_locked(path: Path) -> Iterator[int]:
    """Open the file of an entry for writing and lock it, so that no other process removes it meanwhile."""
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
    """Leave an entry pending until the log has changed, because the log does not have its step now."""
    with contextlib.suppress(OSError):
        _replace(entry.path, {**_read(entry.path), "unlike": _read_state(log)})


def remove_pending(entry: PendingEntry) -> None:
    """Remove a pending entry; if that fails, the next command finds it in the log and tries again."""
    with contextlib.suppress(OSError):
        entry.path.unlink()


def remove_pending_run(top: Path, name: str) -> None:
    """Remove the pending entry of a run, wherever it is stored."""
    path = list_entries(top, PENDING).get(name)
    if path is not None:
        remove_pending(PendingEntry(path))


def _read(path: Path) -> dict[str, Any]:
    """Return the fields of a pending entry; none if its file is empty or not valid."""
    import json  # noqa: PLC0415 - most commands find nothing pending

    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
            fields = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _replace(path: Path, fields: dict[str, object]) -> None:
    """Write the file of a pending entry.

    Raises:
        OSError: It cannot be written.
    """
    import json  # noqa: PLC0415 - most commands find nothing pending

    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(fields), "ascii")
    new.replace(path)


def _read_state(log: Path) -> str:
    """Return a string that differs between versions of a log."""
    try:
        status = log.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size}"
