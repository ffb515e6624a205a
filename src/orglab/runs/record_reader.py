"""Read the records of many runs, find one of them, and read the end of what a run printed."""

import contextlib
import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from orglab.errors import NotFoundError, UsageError
from orglab.runs.pending import RECORD
from orglab.runs.record import OUTPUT, Run
from orglab.runs.record_lines import RECORD_BYTES, is_run_id, open_file, read_id_time, read_lines
from orglab.runs.storage import RUNS, list_entries
from orglab.text import file_size

_TIME_ZONES = datetime.timedelta(hours=26)  # the most by which two local times of one instant differ
_HEAD_BYTES = 1 << 13
SHORTEST_ID = 4
"""The fewest characters of an id that are looked for: a shorter part may be anything, such as the reference e2."""


def list_runs(top: Path) -> dict[str, Path]:
    """Return the folders of the runs of all logs, by id; a folder of any other name is no run.

    Args:
        top: The top of the repository, or else the folder of the log.
    """
    return {name: folder for name, folder in list_entries(top, RUNS).items() if is_run_id(name)}


def read_runs(top: Path, read: Callable[[Path], Run | None] | None = None) -> list[Run]:
    """Return the recorded runs of all logs, oldest first; `LogRuns` has those of one log.

    Args:
        top: The top of the repository, or else the folder of the log.
        read: Returns the run in a folder, as `read_run` does, which is the default.
    """
    runs = [(read or read_run)(folder) for folder in list_runs(top).values()]
    # Ids have a resolution of one second, so they do not suffice.
    return sorted((run for run in runs if run is not None), key=lambda run: (run.began_at or 0, run.id))


def read_newest_runs(top: Path, count: int) -> Iterator[Run]:
    """Yield the newest runs of all logs, newest first; records are read lazily.

    Args:
        top: The top of the repository, or else the folder of the log.
        count: The largest number of records to read.
    """
    folders = list_runs(top)
    names = sorted(folders, reverse=True)
    # An id is the local time of the machine that made the run, so only the beginning of a record tells the order.
    for last in names[count - 1 : count]:
        oldest = f"{read_id_time(last) - _TIME_ZONES:%Y%m%d-%H%M%S}"
        names = [name for name in names if name >= min(oldest, last)]
    newest = sorted(names, key=lambda name: (_read_instant(folders[name]), name), reverse=True)
    yield from filter(None, (read_run(folders[name]) for name in newest[:count]))


def read_changed_runs(top: Path, since: float) -> Iterator[Run]:
    """Yield the runs of all logs whose records have changed since a time, in any order.

    Args:
        top: The top of the repository, or else the folder of the log.
        since: The time, in seconds since 1970.
    """
    for folder in list_runs(top).values():
        with contextlib.suppress(OSError):
            if (folder / RECORD).lstat().st_mtime >= since and (run := read_run(folder)) is not None:
                yield run


def _read_instant(folder: Path) -> float:
    """Return when a run began, in seconds since 1970, from the beginning of its record, or else from its id."""
    try:
        with open_file(folder / RECORD) as file:
            match = re.search(rb'"began": "([^"\\]{1,40})"', file.read(_HEAD_BYTES))
        moment = datetime.datetime.fromisoformat(match[1].decode("ascii")) if match else read_id_time(folder.name)
        return moment.timestamp()
    except (OSError, ValueError, OverflowError):
        return read_id_time(folder.name).timestamp()


def find_run(runs: Iterable[Run], name: str) -> Run:
    """Return the run with an id, with a part of an id that no other run has, or else with the id of a tracker's run.

    Raises:
        NotFoundError: There is no such run.
        UsageError: Several runs match, or the part is too short.
    """
    if len(name) < SHORTEST_ID:
        raise UsageError(f"{name!r} is too short for the id of a run; give at least {SHORTEST_ID} characters.")
    runs = list(runs)
    matches = [run for run in runs if name in run.id]
    exact = [run for run in matches if run.id == name]
    tracked = [] if matches else [run for run in runs if any(one.id == name for one in run.trackers)]
    found = exact or matches or tracked
    if len(found) > 1:
        what = "is the id of a tracker's run in" if tracked else "matches"
        raise UsageError(f"{name!r} {what} several runs: {', '.join(run.id for run in found[:5])}.")
    if not found:
        raise NotFoundError(f"Unknown run {name!r}; `orglab runs` lists all.")
    return found[0]


def read_run(folder: Path) -> Run | None:
    """Return the run in a folder, or None if no line of its record can be read."""
    fields: dict[str, Any] = {}
    for line in read_lines(folder / RECORD, RECORD_BYTES):
        fields |= line
    return Run(folder, fields) if fields else None


def describe_record(folder: Path) -> str:
    """Return the folder of a run, and whether its record is so large that only the beginning is read."""
    try:
        is_cut = (folder / RECORD).lstat().st_size > RECORD_BYTES
    except OSError:
        is_cut = False
    return f"{folder}; only the first {file_size(RECORD_BYTES)} of the record are read" if is_cut else str(folder)


def read_earlier_runs(folder: Path) -> list[Run]:
    """Return the run in a folder as it was each time before it was resumed, kept or discarded."""
    fields: dict[str, Any] = {}
    earlier = []
    for line in read_lines(folder / RECORD, RECORD_BYTES):
        if line.get("event") in ("resumed", "kept_code", "discarded"):
            earlier.append(Run(folder, fields))
        fields |= line
    return earlier


def read_output_end(folder: Path, size: int) -> bytes:
    """Return the last bytes of the output of a run; none if it printed nothing, or its output is not here."""
    try:
        with open_file(folder / OUTPUT) as file:
            file.seek(-min(size, file.seek(0, 2)), 2)
            return file.read(size)
    except OSError:
        return b""
