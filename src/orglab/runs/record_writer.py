"""The record of a run, as the one process that runs it writes it (what it says is read by `runs`)."""

import contextlib
import datetime
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from orglab.errors import NotWritableError
from orglab.runs.record import METRICS, OUTPUT, RECORD, RUNS
from orglab.runs.waiting import set_pending

_IGNORE = "*\n"
_TRIES = 100


class Record:
    """The record of one run, open for writing; locked, so that others know that its writer lives.

    Attributes:
        id: The run's id.
        folder: The folder of the run.
    """

    def __init__(self, top: Path, name: str, fd: int) -> None:
        """Stand for the record of the run `name`; `begin_record` makes it."""
        self.id = name
        self.folder = top / RUNS / name
        self._top = top
        self._fd = fd

    def end_line(self) -> None:
        """End the line in which a killed writer may have stopped, so that the next one is read."""
        os.write(self._fd, b"\n")

    def append(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add a line to the record, in one write.

        Args:
            event: `began`, `ended`, `committed` or `lost`.
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
        set_pending(self._top, self.id, pending=False)

    def close(self) -> None:
        """Let go of the record."""
        os.close(self._fd)


def begin_record(top: Path, now: datetime.datetime) -> Record:
    """Make the folder and the record of a new run, and return it.

    Args:
        top: The top of the repository, or else the log's folder.
        now: Local time, which the id begins with.

    Raises:
        NotWritableError: They cannot be made.
    """
    try:
        _make_folders(top)
        for _ in range(_TRIES):
            name = f"{now:%Y%m%d-%H%M%S}-{_chance()}"
            with contextlib.suppress(FileExistsError):
                (top / RUNS / name).mkdir()
                record = Record(top, name, _open_record(top / RUNS / name))
                # In this order: who finds it pending finds its lock held.
                set_pending(top, name, pending=True)
                return record
    except OSError as error:
        raise NotWritableError(f"The run cannot be recorded in {top / RUNS}: {error.strerror}.") from error
    raise NotWritableError(f"The run cannot be recorded in {top / RUNS}: no free name was found; try again.")


def resume_record(top: Path, name: str) -> Record | None:
    """Return the record of a run whose writer is no more, locked by us; None while somebody else has it.

    Raises:
        OSError: It cannot be opened for writing.
    """
    fd = os.open(top / RUNS / name / RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        pass  # no locks on this file system; `runs` looked for the process
    return Record(top, name, fd)


def write_copy(top: Path, name: str, file: str, writer: str, version: str, read: Callable[[], bytes]) -> bool:
    """Keep a file of another writer's run, as it stands there; return whether it is news.

    Args:
        top: The top of the repository.
        name: The run's id.
        file: The file.
        writer: The other writer.
        version: What names the content; if the last copy was of the same, nothing is done.
        read: Returns the content.

    Raises:
        OSError: It cannot be written.
    """
    folder = top / RUNS / name
    stamp = folder / f".{file}.version"
    with contextlib.suppress(OSError):
        if stamp.read_text("ascii") == version:
            return False
    _make_folders(top)
    folder.mkdir(exist_ok=True)
    data = read()
    if file == RECORD:
        data = data.rstrip(b"\n") + b"\n" + json.dumps({"event": "copied", "writer": writer}).encode() + b"\n"
    for path, content in ((folder / file, data), (stamp, version.encode())):
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(content)
        new.replace(path)
    return True


def _make_folders(top: Path) -> None:
    """Make the folder of the runs, which git ignores."""
    (top / RUNS).mkdir(parents=True, exist_ok=True)
    ignore = top / RUNS.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text(_IGNORE, "ascii")


def _open_record(folder: Path) -> int:
    fd = os.open(folder / RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return fd


def _chance() -> str:
    """Return six hexadecimal digits."""
    return os.urandom(3).hex()
