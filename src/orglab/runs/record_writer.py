"""The record of a run, as the one process that runs it writes it (`record` reads it)."""

import contextlib
import datetime
import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orglab.errors import NotWritableError
from orglab.runs.pending import RECORD, PendingEntry, add_pending_run, remove_pending
from orglab.runs.record import METRICS, OUTPUT
from orglab.runs.storage import RUNS, find_storage_folders, make_folder

_TRIES = 100


class RecordWriter:
    """The record of one run, open for writing; locked, so that others know that its writer lives.

    Attributes:
        id: The run's id.
        folder: The folder of the run.
        pending: What says that the log does not tell of it yet.
    """

    def __init__(self, folder: Path, fd: int, pending: PendingEntry) -> None:
        """Stand for the record in `folder`; `begin_record` makes it."""
        self.id = folder.name
        self.folder = folder
        self.pending = pending
        self._fd = fd

    def end_line(self) -> None:
        """End the line in which a killed writer may have stopped, so that the next one is read."""
        os.write(self._fd, b"\n")

    def append(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add a line to the record, in one write.

        Args:
            event: `began`, `ended`, `committed`, `measured`, `copied` or `lost`.
            fields: What it tells.
            durable: Whether the disk confirms it before this returns.

        Raises:
            OSError: It cannot be written.
        """
        line = json.dumps({"event": event, **fields}, ensure_ascii=True, allow_nan=False) + "\n"
        left = memoryview(line.encode())
        while left:
            left = left[os.write(self._fd, left) :]
        if durable:
            os.fsync(self._fd)

    @property
    def output(self) -> Path:
        """The file for what the command prints."""
        return self.folder / OUTPUT

    def write_history(self, rows: Iterator[Mapping[str, object]]) -> None:
        """Write the history of the metrics.

        Raises:
            OSError: It cannot be written.
        """
        with (self.folder / METRICS).open("w", encoding="ascii") as file:
            file.writelines(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)

    def remove(self) -> None:
        """Remove the record and its folder: the run never began.

        Raises:
            OSError: They cannot be removed.
        """
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()
        remove_pending(self.pending)

    def close(self) -> None:
        """Let go of the record."""
        os.close(self._fd)


def begin_record(top: Path, log: Path, now: datetime.datetime) -> RecordWriter:
    """Make the folder and the record of a new run, where it can be written first, and return it.

    Args:
        top: The top of the repository, or else the log's folder.
        log: The log that is to tell of it.
        now: Local time, which the id begins with.

    Raises:
        NotWritableError: They cannot be made.
    """
    failed: NotWritableError | None = None
    for storage in find_storage_folders(top):
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(FileExistsError):
                    return _begin_in(storage, log, f"{now:%Y%m%d-%H%M%S}-{choose_suffix()}")
        except OSError as error:
            why = f"The run cannot be recorded in {storage / RUNS}: {error.strerror}."
            failed = failed or NotWritableError(why)
    raise failed or NotWritableError("The run cannot be recorded: no free name was found; try again.")


def _begin_in(storage: Path, log: Path, name: str) -> RecordWriter:
    folder = make_folder(storage, RUNS) / name
    folder.mkdir()
    fd = os.open(folder / RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # In this order: who finds it pending finds its lock held.
    return RecordWriter(folder, fd, add_pending_run(storage, name, log))


def resume_record(pending: PendingEntry) -> RecordWriter | None:
    """Return the record of a run whose writer is no more, locked by us; None while somebody else has it.

    None also where it lies in a storage that cannot be written now.

    Raises:
        OSError: It cannot be opened for writing.
    """
    if pending.run is None:
        return None
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(pending.run / RECORD, flags, 0o666)
    except OSError as error:
        if error.errno == errno.EROFS:
            return None
        raise
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        pass  # no locks on this file system; `record` looked for the process
    return RecordWriter(pending.run, fd, pending)


def write_copy(folder: Path, file: str, writer: str, version: str, read: Callable[[], bytes]) -> bool:
    """Keep a file of another writer's run, as it stands there; return whether it is news.

    Args:
        folder: The folder of the run.
        file: The file.
        writer: The other writer.
        version: What names the content; if the last copy was of the same, nothing is done.
        read: Returns the content.

    Raises:
        OSError: It cannot be written.
    """
    stamp = folder / f".{file}.version"
    with contextlib.suppress(OSError):
        if stamp.read_text("ascii") == version:
            return False
    folder.mkdir(exist_ok=True)
    data = read()
    if file == RECORD:
        data = data.rstrip(b"\n") + b"\n" + json.dumps({"event": "copied", "writer": writer}).encode() + b"\n"
    for path, content in ((folder / file, data), (stamp, version.encode())):
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(content)
        new.replace(path)
    return True


def choose_suffix() -> str:
    """Return six hexadecimal digits, which chance chooses: they end the id of a run."""
    return os.urandom(3).hex()
