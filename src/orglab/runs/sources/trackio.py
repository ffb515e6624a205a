"""Read the metrics that Trackio keeps in an SQLite file for each project, in a folder outside of the repository."""

import datetime
import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from orglab.git.inside import walk_inside
from orglab.runs.sources.sqlite_file import Database, open_database
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile

TRACKER = "trackio"

_SUFFIX = ".db"
_LOCK = ".lock"
_TABLES = {
    "metrics": {"id", "timestamp", "run_name", "step", "metrics"},
    "configs": {"run_name", "created_at"},
}
_RUN_ID = "run_id"  # since version 0.24
_PROJECTS = 1000
_RUNS = 1000
_NAME = 1 << 11  # bytes of a name or a time
_LONGEST = 1 << 22  # bytes of a row that is read
_ROW = 1 << 16  # bytes of a row that is taken for metrics: one with a table is larger
_BYTES_A_STEP = 16  # of a row
_MEDIA = "_type"  # in what is no metric


def is_file(path: Path) -> bool:
    """Return whether a file may be a project of Trackio, which has a lock beside it."""
    return path.suffix == _SUFFIX and os.path.lexists(path.with_suffix(_LOCK))


def find_places(environment: Mapping[str, str], folder: Path) -> list[Path]:
    """Return the projects in the folder in which Trackio keeps what a command logs, and the logs of their writers.

    Args:
        environment: The environment of the command.
        folder: The folder that it runs in.
    """
    place = folder / _find_folder(environment)
    _, _, names = next(walk_inside(None, place), ("", [], []))
    return [place / name for name in islice(filter(_is_project, sorted(names)), _PROJECTS)]


def _is_project(name: str) -> bool:
    return name.endswith((_SUFFIX, f"{_SUFFIX}-wal"))


def _find_folder(environment: Mapping[str, str]) -> str:
    if place := environment.get("TRACKIO_DIR"):
        return place
    home = environment.get("HF_HOME") or os.path.join(environment.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")  # noqa: PTH118 - a tilde
    return os.path.join(os.path.expandvars(os.path.expanduser(home)), TRACKER)  # noqa: PTH111, PTH118 - as Trackio does


def find_runs(file: TrackerFile) -> list[TrackedRun] | None:
    """Return the runs in a file that began since ours, oldest first; None if it has not the tables of Trackio.

    Raises:
        NotReadableError: The file is damaged or locked, or holds too much.
    """
    with open_database(file, _TABLES, _NAME) as database:
        if database is None:
            return None
        return [
            TrackedRun(TRACKER, run, partial(_read_rows, file, run), is_history=values > 1)
            for run, values in _find_own(database, file.began)
        ]


def open_run(file: TrackerFile, run: str) -> TrackedRun:
    """Return a run in a file, whenever it began.

    Args:
        file: The file.
        run: The id of the run; its name in older versions.
    """
    return TrackedRun(TRACKER, run, partial(_read_rows, file, run))


def _find_own(database: Database, began: float) -> Iterator[tuple[str, int]]:
    """Yield the ids of the runs that began since a time, each with the number of its rows."""
    column = choose_column(database)
    found = database.select(
        f"SELECT {column}, min(timestamp), count(*) FROM metrics GROUP BY {column} ORDER BY max(id) DESC"  # noqa: S608
    )
    own = [
        (start, run, values)
        for run, text, values in islice(found, _RUNS)
        if isinstance(run, str) and (start := parse_time(text)) is not None and start >= began
    ]
    yield from ((run, values) for _, run, values in sorted(own))


def choose_column(database: Database) -> str:
    """Return the column that tells the runs apart: older versions have only their names."""
    return _RUN_ID if _RUN_ID in database.columns["metrics"] else "run_name"


def parse_time(text: object) -> float | None:
    """Return a time in seconds since the epoch; one without an offset is local, as older versions wrote it."""
    try:
        return datetime.datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _read_rows(file: TrackerFile, run: str) -> Iterator[Mapping[str, object]]:
    """Yield what a run logged, in the order in which it logged it.

    Raises:
        NotReadableError: They cannot be read.
    """
    with open_database(file, _TABLES, _LONGEST) as database:
        if database is None:
            return
        # In the order of the table, because a sorter would write long rows to the disk.
        found = database.select(
            f"SELECT step, metrics FROM metrics NOT INDEXED WHERE {choose_column(database)} = ? ORDER BY rowid",  # noqa: S608
            (run,),
        )
        for step, text in found:
            if isinstance(text, str | bytes) and len(text) <= _ROW and isinstance(step, int | float):
                file.take(1 + len(text) // _BYTES_A_STEP)
                yield {**_parse_row(text), "step": step}


def _parse_row(text: str | bytes) -> dict[str, object]:
    """Return the values in a row; pictures are left out."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in raw.items() if not _is_media(value)} if isinstance(raw, dict) else {}


def _is_media(value: object) -> bool:
    return isinstance(value, dict) and _MEDIA in value
