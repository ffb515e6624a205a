"""Pending entries: runs, sweeps, and steps that a commit says are done, which are not written to the log yet.

Each is a file, named by the id of the run, or by the step and the log.  It is a JSON object with the log that the entry
is for (`name`, its path relative to the top of the repository, and `log`, its real path in the working tree of the run;
missing if any log, or that log in any working tree, may take it), for a step `ref` and `commit`, and `unlike`, the
version of the log that could not take the entry.  The entry of a run whose note or results do not belong to HEAD has
`waiting`: the state of the repository then, and the reasons; it stays after its note was written (`noted`), until its
results are committed.  That of a run whose note is only to be brought up to date is `known`.  A sweep has one entry
(`sweep`), which stays until it has ended, and its runs have none.  So a command only has to list one folder to see that
nothing is pending.
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orglab.errors import NotWritableError
from orglab.git.private_files import is_path_text, open_regular, read_regular, write_new
from orglab.git.repository import is_full_hash
from orglab.runs.storage import PENDING, RUNS, SWEEPS, find_storage_folders, is_entry_name, list_entries, make_folder

if TYPE_CHECKING:
    from orglab.log.log import LogFile

RECORD = "record.jsonl"
_LARGEST = 1 << 16
_LOOK_SECONDS = 0.001  # more than it takes to look whether a record is locked
STEP = r"[A-Za-z0-9_-]+(?:\.[0-9]{1,9})?"
"""A regexp for the reference of a step, or of an experiment, without brackets."""


class Waiting(NamedTuple):
    """What a run waits for.

    Attributes:
        state: The state of the repository when that was found out.
        note: Why its note could not be written then; None if it could.
        results: Why its results could not be committed then; None if they could, or there are none.
    """

    state: str
    note: str | None = None
    results: str | None = None


class PendingEntry(NamedTuple):
    """A pending entry.

    Attributes:
        path: The file of the entry.
        ref: The step that a commit says is done; None for a run or a sweep.
        commit: The full hash of that commit; None for a run or a sweep.
        run: The folder of the record of the run or the sweep; None for a step, and for a run without a record.
        is_noted: Whether the log has the note of the run, and only its results are left to commit.
        waiting: What the run waits for; None if that is not known yet.
        is_postponed: Whether the log, as it is, does not have the step.
        is_sweep: Whether it is that of a sweep.
        is_known: Whether the log had the note of the run, which is only brought up to date.
    """

    path: Path
    ref: str | None = None
    commit: str | None = None
    run: Path | None = None
    is_noted: bool = False
    waiting: Waiting | None = None
    is_postponed: bool = False
    is_sweep: bool = False
    is_known: bool = False

    @property
    def name(self) -> str:
        """The name of the file; for a run or a sweep, its id."""
        return self.path.name


def find_pending(
    top: Path, log: Path, owns: Callable[[str], bool], *, with_postponed: bool = False
) -> list[PendingEntry]:
    """Return the entries that may be written to a log now, steps before runs.

    Runs that are still going on are left out, and so are those postponed until the log changes unless `with_postponed`.

    Args:
        top: The top of the repository, or else the folder of the log.
        log: The log.
        owns: Returns whether a name is, or was, that of the log: a path relative to the top.
        with_postponed: Whether to return also those that the log cannot take as it is.
    """
    entries = list_entries(top, PENDING)
    if not entries:
        return []
    real_log = os.path.realpath(log)
    steps, runs = [], []
    for _, path in sorted(entries.items()):
        fields = _read(path)
        if not _is_for(fields, real_log, owns):
            continue
        is_postponed = fields.get("unlike") not in (None, "") and fields["unlike"] == _read_state(log)
        if is_postponed and not with_postponed:
            continue
        ref, commit = fields.get("ref"), fields.get("commit")
        if isinstance(ref, str) and re.fullmatch(STEP, ref) and is_full_hash(commit):
            steps.append(PendingEntry(path, ref, commit, is_postponed=is_postponed))
        else:
            entry = PendingEntry(path, waiting=_read_waiting(fields), is_postponed=is_postponed)
            is_noted, is_sweep, is_known = (fields.get(name) is True for name in ("noted", "sweep", "known"))
            runs.append(entry._replace(is_noted=is_noted, is_sweep=is_sweep, is_known=is_known))
    if not runs:
        return steps
    folders = {kind: list_entries(top, SWEEPS if kind else RUNS) for kind in {entry.is_sweep for entry in runs}}
    runs = [entry._replace(run=folders[entry.is_sweep].get(entry.name)) for entry in runs]
    return steps + [entry for entry in runs if entry.run is None or not is_locked(entry.run / RECORD)]


def _read_waiting(fields: Mapping[str, Any]) -> Waiting | None:
    match fields.get("waiting"):
        case [str(state), (str() | None) as note, (str() | None) as results]:
            if all(map(is_path_text, filter(None, (state, note, results)))):
                return Waiting(state, note, results)
    return None


def _is_for(fields: Mapping[str, Any], real_log: str, owns: Callable[[str], bool]) -> bool:
    """Return whether an entry with some fields is for a log."""
    path, name = fields.get("log"), fields.get("name")
    if isinstance(path, str) and (path == real_log or os.path.lexists(path)):
        return path == real_log
    # The log, its working tree or the repository was moved or removed, or another branch is checked out.
    return not isinstance(name, str) or owns(name)


def find_homeless(top: Path) -> dict[str, str]:
    """Return the pending entries for a log that no longer has its path, with that path relative to the top.

    It was moved in a way that git does not know of, or is on another branch.

    Args:
        top: The top of the repository, or else the folder of the log.
    """
    found = {}
    for name, path in list_entries(top, PENDING).items():
        fields = _read(path)
        place, log = fields.get("log"), fields.get("name")
        is_there = isinstance(place, str) and os.path.lexists(place)
        if isinstance(log, str) and not is_there and not os.path.lexists(top / log):
            found[name] = log
    return found


def is_locked(path: Path) -> bool | None:
    """Return whether a process holds the lock of a record; None if that cannot be determined."""
    try:
        fd = open_regular(path)
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


def take_lock(fd: int) -> bool:
    """Take the lock that `is_locked` looks for, for as long as a file is open; return whether no other process has it.

    Whoever looks has the lock for a moment, shared with others who look; that is waited for. Otherwise a process that
    is looked at just when it begins would count as gone for as long as it lives.

    Args:
        fd: The descriptor of the file.
    """
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            fcntl.flock(fd, fcntl.LOCK_UN)
            time.sleep(_LOOK_SECONDS)
        except OSError:
            return True  # this file system has no locks; the process is looked for instead
        else:
            return True


def add_pending_run(
    storage: Path, name: str, log_name: str | None, log: Path | None = None, *, is_sweep: bool = False,
    is_known: bool = False,
) -> PendingEntry:  # fmt: skip
    """Add a run or a sweep to the pending entries for a log, and return the entry.

    Args:
        storage: The storage folder of its record.
        name: The id of the run or the sweep.
        log_name: The name of the log in records; None for any log.
        log: The log in the working tree of the run; None for that log in any working tree.
        is_sweep: Whether it is a sweep.
        is_known: Whether the log has its note, which is only brought up to date.

    Raises:
        OSError: The entry cannot be written.
    """
    path = make_folder(storage, PENDING) / name
    known = {
        "name": log_name, "log": os.path.realpath(log) if log is not None else None, "sweep": is_sweep or None,
        "known": is_known or None,
    }  # fmt: skip
    _replace(path, {field: value for field, value in known.items() if value is not None})
    folder = storage / (SWEEPS if is_sweep else RUNS) / name
    return PendingEntry(path, run=folder, is_sweep=is_sweep, is_known=is_known)


def add_pending_step(log: "LogFile", ref: str, commit: str) -> None:
    """Add a step that a commit says is done to the pending entries, durably.

    A later commit for the same step replaces the earlier one, which was amended.

    Args:
        log: The log.
        ref: The step, such as `e201.1`.
        commit: The full hash.

    Raises:
        NotWritableError: The entry cannot be written anywhere.
    """
    import json  # noqa: PLC0415 - most commands find nothing pending

    real_log = os.path.realpath(log.path)
    import zlib  # noqa: PLC0415 - most commands find nothing pending

    name = f"{ref}-{zlib.crc32(os.fsencode(real_log)):08x}"
    if not (re.fullmatch(STEP, ref) and is_entry_name(PENDING, name)):
        raise NotWritableError(f"Cannot record that {ref} is done: it is not a reference.")
    data = json.dumps({"name": log.name, "log": real_log, "ref": ref, "commit": commit}).encode()
    failed: OSError | None = None
    for storage in find_storage_folders(log.top):
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
        fd = open_regular(entry.path)
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
        fd = open_regular(path, os.O_RDWR | os.O_CREAT)
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


def keep_waiting(entry: PendingEntry, waiting: Waiting, *, is_noted: bool) -> bool:
    """Leave a run pending with what it waits for, and whether the log has its note; return whether that was written."""
    if entry.waiting == waiting and entry.is_noted == is_noted:
        return True
    try:
        _replace(entry.path, {**_read(entry.path), "waiting": list(waiting), "noted": is_noted})
    except OSError:
        return False
    return True


def needs_note(top: Path, name: str) -> bool:
    """Return whether a run is pending because the log does not have its note yet."""
    path = list_entries(top, PENDING).get(name)
    fields = _read(path) if path is not None else {"noted": True}
    return fields.get("noted") is not True and fields.get("known") is not True


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
        fields = json.loads(read_regular(path, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(fields, dict):
        return {}
    return {name: value for name, value in fields.items() if not isinstance(value, str) or is_path_text(value)}


def _replace(path: Path, fields: dict[str, object]) -> None:
    """Write the file of a pending entry.

    Raises:
        OSError: It cannot be written.
    """
    import json  # noqa: PLC0415 - most commands find nothing pending

    write_new(path, json.dumps(fields).encode("ascii"))


def _read_state(log: Path) -> str:
    """Return a string that differs between versions of a log."""
    try:
        status = log.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size}"
