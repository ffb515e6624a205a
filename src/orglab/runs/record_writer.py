"""Write the record of a run or a sweep, which `record_reader` reads, and store the copies of those of other clones."""

import contextlib
import datetime
import errno
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orglab.errors import NotWritableError
from orglab.git import private_files
from orglab.git.private_files import is_real_folder
from orglab.log.log import LogFile
from orglab.runs.pending import RECORD, PendingEntry, add_pending_run, remove_pending, take_lock
from orglab.runs.record import METRICS, OUT, OUTPUT, SHARED_BYTES
from orglab.runs.record_lines import open_file
from orglab.runs.storage import PENDING, RUNS, SWEEPS, find_storage_folders, make_folder

_TRIES = 100


class RecordWriter:
    """The record of a run, open for writing; its lock tells other processes that the run goes on.

    Attributes:
        id: The id of the run.
        folder: The folder of the run.
        pending: The pending entry of the run; that of a run of a sweep does not exist.
    """

    def __init__(self, folder: Path, fd: int, pending: PendingEntry) -> None:
        """Take an open record; `begin_record` creates one."""
        self.id = folder.name
        self.folder = folder
        self.pending = pending
        self._fd = fd

    def end_line(self) -> None:
        """End an incomplete line of a killed writer, so that the next line is valid."""
        os.write(self._fd, b"\n")

    def append(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Append an event to the record.

        Args:
            event: Its name, such as `began`; `docs/reference/runs.md` lists all.
            fields: Its fields, which replace those of the same name in earlier events.
            durable: Whether to flush it to the disk.

        Raises:
            OSError: It cannot be written.
        """
        written = {"event": event, **fields}
        if event == "began":
            from orglab.runs.seal import make_seal  # noqa: PLC0415 - few commands begin a run

            written |= make_seal(self.id, written)
        line = json.dumps(written, ensure_ascii=True, allow_nan=False) + "\n"
        left = memoryview(line.encode())
        while left:
            left = left[os.write(self._fd, left) :]
        if durable:
            os.fsync(self._fd)

    @property
    def output(self) -> Path:
        """The file for the output of the command."""
        return self.folder / OUTPUT

    @property
    def out(self) -> Path:
        """The folder that the command may write files to; they are kept with the record."""
        return self.folder / OUT

    def write_history(self, rows: Iterator[Mapping[str, object]]) -> None:
        """Write the history of the metrics; whoever reads it meanwhile has the earlier one.

        Raises:
            OSError: It cannot be written.
        """
        new = self.folder / f"{METRICS}.new"
        try:
            fd = private_files.open_regular(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with open(fd, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
                file.writelines(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
            new.replace(self.folder / METRICS)
        finally:
            new.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove the record of a run that was not started, with its folder, as far as that is possible."""
        import shutil  # noqa: PLC0415 - only after a failure

        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)
            remove_pending(self.pending)

    def close(self) -> None:
        """Close the record and release its lock."""
        os.close(self._fd)


def begin_record(log: LogFile, now: datetime.datetime, kind: str = RUNS, *, is_pending: bool = True) -> RecordWriter:
    """Create the folder and the record of a new run in the first storage folder that can be written.

    Args:
        log: The log that the run belongs to.
        now: Local time, for the id.
        kind: RUNS, or SWEEPS for the record of a sweep.
        is_pending: Whether the run is to be written to the log by itself; those of a sweep are not.

    Raises:
        NotWritableError: No record can be created.
    """
    failure: NotWritableError | None = None
    for storage in find_storage_folders(log.top):
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(FileExistsError):
                    name = f"{now:%Y%m%d-%H%M%S}-{choose_suffix()}"
                    return _begin_in(storage, kind, log, name, is_pending=is_pending)
        except OSError as error:
            failure = failure or NotWritableError(f"Cannot record the run in {storage / kind}: {error.strerror}.")
    raise failure or NotWritableError("Cannot record the run: no unused id was found; try again.")


def _begin_in(storage: Path, kind: str, log: LogFile, name: str, *, is_pending: bool) -> RecordWriter:
    folder = make_folder(storage, kind) / name
    folder.mkdir()
    fd = os.open(folder / RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    take_lock(fd)
    # Only after the lock is held: a pending run without a lock counts as ended.
    if not is_pending:
        return RecordWriter(folder, fd, PendingEntry(storage / PENDING / name, run=folder))
    return RecordWriter(folder, fd, add_pending_run(storage, name, log.name, log.path, is_sweep=kind == SWEEPS))


def write_ended_record(
    log: LogFile, name: str, rows: Iterator[Mapping[str, object]], describe: Callable[[], Mapping[str, object]]
) -> PendingEntry | None:
    """Write the record of a run that has ended elsewhere, in one event `imported`, and leave its note pending.

    It has no seal: the user has not run its command here.

    Args:
        log: The log that the run belongs to.
        name: The id of the run.
        rows: The history of its metrics.
        describe: Returns the fields, after the history was read.

    Returns:
        The pending entry; None if the run is recorded already.

    Raises:
        NotWritableError: It cannot be written.
    """
    storage = find_storage_folders(log.top)[0]
    folder = storage / RUNS / name
    try:
        make_folder(storage, RUNS)
        if folder.exists():
            if (folder / RECORD).exists() and (folder / RECORD).stat().st_size:
                return None
            import shutil  # noqa: PLC0415 - only after a failure

            shutil.rmtree(folder)  # it was begun, and never written
        folder.mkdir()
        fd = os.open(folder / RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        take_lock(fd)
        record = RecordWriter(folder, fd, PendingEntry(storage / PENDING / name, run=folder))
        try:
            if (first := next(rows, None)) is not None:
                record.write_history(itertools.chain([first], rows))
            record.append("imported", describe(), durable=True)
            return add_pending_run(storage, name, log.name, log.path)
        finally:
            record.close()
    except OSError as error:
        raise NotWritableError(f"Cannot record the run {name} in {storage / RUNS}: {error.strerror}.") from error


def resume_record(pending: PendingEntry) -> RecordWriter | None:
    """Open and lock the record of a run whose process is gone.

    Returns None if another process holds the lock, or if the record is on a read-only file system.

    Raises:
        OSError: The record cannot be opened for writing.
    """
    if pending.run is None:
        return None
    if not is_real_folder(pending.run):
        raise OSError(errno.ELOOP, "A symbolic link is not followed", os.fspath(pending.run))
    try:
        fd = private_files.open_regular(pending.run / RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        if error.errno == errno.EROFS:
            return None
        raise
    if not take_lock(fd):
        os.close(fd)
        return None
    return RecordWriter(pending.run, fd, pending)


def has_copy(folder: Path, file: str, version: str) -> bool:
    """Return whether a file of a run of another clone is stored in this version."""
    try:
        with open_file(folder / f".{file}.version") as stamp:
            return stamp.read(len(version) + 1) == version.encode()
    except OSError:
        return False


def write_copy(folder: Path, file: str, writer: str, version: str, read: Callable[[], bytes]) -> bool:
    """Store a file of a run of another clone; return whether it is new.

    Args:
        folder: The folder of the run.
        file: The name of the file.
        writer: The name of the other clone.
        version: Identifies the content; a version that is stored already is not read again.
        read: Returns the content.

    Raises:
        OSError: It cannot be written.
    """
    if has_copy(folder, file, version):
        return False
    stamp = folder / f".{file}.version"
    folder.mkdir(exist_ok=True)
    data = read()
    if file == RECORD:
        data = data.rstrip(b"\n") + b"\n" + json.dumps({"event": "copied", "writer": writer}).encode() + b"\n"
    if file == OUTPUT:
        data = data[-SHARED_BYTES:]
    for path, content in ((folder / file, data), (stamp, version.encode())):
        private_files.write_new(path, content)
    return True


def choose_suffix() -> str:
    """Return six random hexadecimal digits, the end of the id of a run."""
    return os.urandom(3).hex()
