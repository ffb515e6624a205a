"""Read the metrics that MLflow keeps in an SQLite file, or, until its version 3, in a folder for each run.

A folder `mlruns/EXPERIMENT/RUN/` has `meta.yaml`, and in `metrics/` a file for each metric, with a line `TIME VALUE
STEP` for each value.  The metrics that MLflow takes of the machine (`system/...`) are left out.
"""

import contextlib
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotReadableError
from orglab.git.inside import open_inside, read_inside, walk_inside
from orglab.runs.metrics.values import NAME, Row, Value, to_value
from orglab.runs.sources.sqlite_file import Database, open_database
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.text import MEGABYTE

TRACKER = "mlflow"
TAG = "orglab.run"
"""The tag with the id of our run, which MLflow's runs get in it."""

_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_META = "meta.yaml"
_ID = re.compile("[0-9a-f]{32}")
_TABLES = {
    "runs": {"run_uuid", "start_time", "lifecycle_stage"},
    "tags": {"run_uuid", "key", "value"},
    "metrics": {"run_uuid", "key", "value", "timestamp", "step", "is_nan"},
}
_RUNS = 1000
_LONGEST = 1 << 11  # bytes of a value: the name of a metric has 250 characters at most
_FILES = 2000  # of the metrics of a run
_BYTES = 16 * MEGABYTE  # of these, together
_SMALL = 1 << 16  # bytes of a file that is not a metric
_LINE = 1 << 12
_SYSTEM = "system/"
_SCHEMA = "CREATE TABLE metrics (run_uuid, key, value, timestamp, step, is_nan)"


class _Amount(NamedTuple):
    """How many values and metrics a run has, and its first and last steps."""

    values: int
    metrics: int
    first: object
    last: object


def is_file(path: Path) -> bool:
    """Return whether a file may be one of MLflow's: a database, or the description of a run in its folder."""
    if path.name == _META:
        return _ID.fullmatch(path.parent.name) is not None
    return path.suffix.lower() in _SUFFIXES


def find_places(environment: Mapping[str, str], folder: Path) -> list[Path]:
    """Return the file or folder in which MLflow keeps the runs of a command; none if it sends them to a server.

    Args:
        environment: The environment of the command.
        folder: The folder that it runs in.
    """
    uri = environment.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        return [folder / "mlflow.db", folder / "mlruns"]
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - few runs have an address

    try:
        parts = urlsplit(uri)
    except ValueError:
        return []
    if parts.scheme.partition("+")[0] == "sqlite":
        # Three slashes begin a relative path, and four an absolute one.
        return [folder / unquote(parts.path[1:])]
    return [folder / unquote(parts.path)] if parts.scheme in ("", "file") and not parts.netloc else []


def find_runs(file: TrackerFile) -> list[TrackedRun] | None:
    """Return the runs in a file that began since ours, or that are tagged with its id, oldest first.

    A run that is tagged with another id is not one of them.  The result is None for a database without MLflow's tables.

    Raises:
        NotReadableError: The file is damaged or locked, or holds too much.
    """
    if file.path.name == _META:
        tag, is_new = _read_folder(file)
        is_ours = tag == file.run_id
        if not is_ours and (tag is not None or not is_new):
            return []
        run = file.path.parent.name
        with _open_points(file, run) as database:
            return [_make_run(file, database, run, is_ours=is_ours)]
    with open_database(file, _TABLES, _LONGEST) as database:
        if database is None:
            return None
        return [_make_run(file, database, run, is_ours=is_ours) for run, is_ours in _find_own(database, file)]


def open_run(file: TrackerFile, run: str) -> TrackedRun:
    """Return a run in a file, whenever it began and whoever recorded it.

    Args:
        file: The file.
        run: The id of the run.

    Raises:
        NotReadableError: It cannot be read.
    """
    with _open_points(file, run) as database:
        return _make_run(file, database, run, is_ours=False)


def _find_own(database: Database, file: TrackerFile) -> list[tuple[str, bool]]:
    """Return the ids of the runs in a database that may be of our run, and whether they are tagged with its id."""
    found = database.select(
        "SELECT runs.run_uuid, tags.value FROM runs "
        "LEFT JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = ? "
        "WHERE runs.lifecycle_stage = 'active' AND (runs.start_time >= ? OR tags.value = ?) "
        "ORDER BY runs.start_time LIMIT ?",
        (TAG, int(file.began * 1000), file.run_id, _RUNS),
    )
    return [(run, tag is not None) for run, tag in found if isinstance(run, str) and tag in (None, file.run_id)]


def _read_folder(file: TrackerFile) -> tuple[str | None, bool]:
    """Return the id of our run with which the run in a folder is tagged, and whether that began since ours.

    Raises:
        NotReadableError: It cannot be read.
    """
    tag = None
    try:
        meta = read_inside(file.repository, file.path, _SMALL).decode("utf-8", "replace")
        with contextlib.suppress(FileNotFoundError):
            tag = read_inside(file.repository, file.path.with_name("tags") / TAG, _SMALL).decode("utf-8", "replace")
    except OSError as error:
        raise NotReadableError(f"Cannot read the run in {file.path.parent}: {error.strerror}.") from error
    fields = dict(re.findall(r"^(start_time|lifecycle_stage): *'?(\w{1,20})", meta, re.MULTILINE))
    if fields.get("lifecycle_stage", "active") != "active":
        return "", False
    start = fields.get("start_time", "")
    is_new = start.isdecimal() and int(start) >= int(file.began * 1000)
    return tag.strip() if tag is not None else None, is_new


def _make_run(file: TrackerFile, database: Database, run: str, *, is_ours: bool) -> TrackedRun:
    amount = _measure(database, run)
    is_history = amount.values > amount.metrics
    return TrackedRun(TRACKER, run, partial(_read_rows, file, run), is_history=is_history, is_ours=is_ours)


@contextlib.contextmanager
def _open_points(file: TrackerFile, run: str) -> Iterator[Database]:
    """Open the values of a run as a table `metrics`.

    Raises:
        NotReadableError: They cannot be read.
    """
    if file.path.name != _META:
        with open_database(file, _TABLES, _LONGEST) as database:
            if database is None:
                raise NotReadableError(f"Cannot read the runs in {file.path}: it is no longer a database of MLflow.")
            yield database
        return
    import sqlite3  # noqa: PLC0415 - few runs have such a folder

    # A temporary database, which is on the disk if it is large, sorts what is in many files.
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute(_SCHEMA)
        connection.execute("BEGIN")
        points = ((run, *point) for point in _read_files(file))
        connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", points)
        yield Database(connection, file)


def _measure(database: Database, run: str) -> _Amount:
    amounts = "SELECT count(*), count(DISTINCT key), min(step), max(step) FROM metrics WHERE run_uuid = ?"
    return _Amount(*next(database.select(amounts, (run,))))


def _read_rows(file: TrackerFile, run: str) -> Iterator[Row]:
    """Yield the values of a run, those of one step in one row, unless a metric has several at that step.

    MLflow takes the step for 0 if it is not told.  So if no value has another, the rows have none.

    Raises:
        NotReadableError: They cannot be read.
    """
    with _open_points(file, run) as database:
        amount = _measure(database, run)
        is_stepless = (amount.first, amount.last) == (0, 0)
        found = database.select(
            "SELECT step, key, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY step, timestamp", (run,)
        )
        row: Row = {}
        last = None
        for step, name, value in _read_points(found):
            if row and (step != last or name in row):
                yield row
                row = {}
            if not row and not is_stepless:
                row["step"] = step
            row[name] = value
            last = step
        if row:
            yield row


def _read_points(found: Iterable[tuple[object, ...]]) -> Iterator[tuple[float, str, Value]]:
    """Yield those values that are valid, each with its step and its name."""
    for step, name, value, is_nan in found:
        if not (isinstance(step, int | float) and isinstance(name, str) and isinstance(value, int | float)):
            continue
        if name != "step" and not name.startswith(_SYSTEM):
            yield step, name[:NAME], _to_value(value, is_nan=bool(is_nan))


def _to_value(value: float, *, is_nan: bool) -> Value:
    """Return a value as MLflow means it: it writes NaN as 0, and an infinite value as the largest number."""
    if is_nan:
        return "NaN"
    return to_value(math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value)


def _read_files(file: TrackerFile) -> Iterator[tuple[str, float, int, int, bool]]:
    """Yield the values in the folder of a run: name, value, time, step, and whether it is not a number.

    Raises:
        NotReadableError: They cannot be read, or are too many.
    """
    folder = file.path.with_name("metrics")
    names = (Path(place, name) for place, _, found in walk_inside(file.repository, folder) for name in found)
    left = _BYTES
    for count, path in enumerate(names):
        metric = path.relative_to(folder).as_posix()
        try:
            with open_inside(file.repository, path) as opened:
                while line := opened.readline(_LINE):
                    file.take()
                    left -= len(line)
                    if left < 0 or count == _FILES:
                        limit = f"{_BYTES // MEGABYTE} MB or {_FILES} files"
                        raise NotReadableError(f"The run in {file.path.parent} has metrics of more than {limit}.")
                    if (point := _parse_line(line)) is not None:
                        yield metric, *point
        except OSError as error:
            raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error


def _parse_line(line: bytes) -> tuple[float, int, int, bool] | None:
    """Return the value, time and step in a line, and whether the value is not a number; None if it is not valid."""
    words = line.split()
    try:
        value = float(words[1])
        time, step = int(words[0]), int(words[2]) if len(words) > 2 else 0  # noqa: PLR2004 - older lines have no step
    except (ValueError, IndexError):
        return None
    is_nan = math.isnan(value)
    limit = 1 << 63
    return (0.0 if is_nan else value, time, step, is_nan) if max(abs(time), abs(step)) < limit else None
