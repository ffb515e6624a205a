"""Read the experiments and runs that MLflow keeps in an SQLite file, or in the folders `mlruns/EXPERIMENT/RUN/`."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from orglab.errors import NotFoundError, NotReadableError
from orglab.git import Repository
from orglab.git.inside import read_inside, walk_inside
from orglab.runs.parameters.arguments import Value, parse_value
from orglab.runs.sources.mlflow import TAG, TRACKER, open_run
from orglab.runs.sources.sqlite_file import Database, open_database
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.runs.stores.stored_run import MOST_RUNS, StoredExperiment, StoredRun, describe_tags

_TABLES = {
    "experiments": {"experiment_id", "name", "lifecycle_stage"},
    "runs": {"run_uuid", "name", "status", "start_time", "end_time", "lifecycle_stage", "experiment_id"},
    "params": {"key", "value", "run_uuid"},
    "tags": {"key", "value", "run_uuid"},
    "metrics": {"run_uuid", "key", "value", "timestamp", "step", "is_nan"},
}
_ID = re.compile("[0-9a-f]{32}")
_LONGEST = 1 << 16  # bytes of a value
_SMALL = 1 << 16  # bytes of a file
_FILES = 5000  # of the parameters or tags of a run
_NOTE = "mlflow.note.content"
_OWN_TAGS = "mlflow."
# The statuses as the database and the folders spell them.
_STATUSES = {"FINISHED": "done", "FAILED": "failed", "KILLED": "killed", "3": "done", "4": "failed", "5": "killed"}


def read_store(repository: Repository | None, path: Path) -> list[StoredExperiment]:
    """Return the experiments in an SQLite file of MLflow, or in a folder such as `mlruns`.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file or the folder.

    Raises:
        NotFoundError: It does not exist.
        NotReadableError: It is not MLflow's, is damaged or locked, or holds too much.
    """
    if not os.path.lexists(path):
        raise NotFoundError(f"There is no file or folder {path}.")
    found = list(_read_folders(repository, path)) if path.is_dir() else _read_database(repository, path)
    if not found:
        raise NotReadableError(f"{path} has no experiments of MLflow.")
    return found


# ---- an SQLite file ----


def _read_database(repository: Repository | None, path: Path) -> list[StoredExperiment]:
    file = TrackerFile(repository, path, "", 0.0)
    with open_database(file, _TABLES, _LONGEST) as database:
        if database is None:
            raise NotReadableError(f"{path} is no database of MLflow.")
        runs: dict[object, list[tuple[Any, ...]]] = {}
        statement = (
            "SELECT experiment_id, run_uuid, name, status, start_time, end_time FROM runs "
            "WHERE lifecycle_stage = 'active' ORDER BY start_time LIMIT ?"
        )
        for experiment, *columns in database.select(statement, (MOST_RUNS + 1,)):
            runs.setdefault(experiment, []).append(tuple(columns))
        if sum(map(len, runs.values())) > MOST_RUNS:
            raise NotReadableError(f"{path} has more than {MOST_RUNS:,} runs.")
        parameters, tags = _read_pairs(database, "params"), _read_pairs(database, "tags")
        seen = dict(database.select("SELECT run_uuid, max(timestamp) FROM metrics GROUP BY run_uuid"))
        marks = _read_experiment_tags(file)
        found = []
        for number, name in list(database.select("SELECT experiment_id, name FROM experiments ORDER BY experiment_id")):
            of_it = []
            for run, title, status, start, end in runs.get(number, ()):
                times = (start, end, seen.get(run))
                row = _Row(str(run), str(title or ""), str(status), times, parameters.get(run, {}), tags.get(run, {}))
                of_it.append(_make_run(file, row))
            found.append(_make_experiment(str(name), marks.get(number, {}), of_it))
        return found


def _read_pairs(database: Database, table: str, column: str = "run_uuid") -> dict[object, dict[str, str]]:
    """Return the parameters or the tags of all runs, or those of experiments."""
    found: dict[object, dict[str, str]] = {}
    for run, key, value in database.select(f"SELECT {column}, key, value FROM {table}"):  # noqa: S608 - a name of our own
        found.setdefault(run, {})[str(key)] = str(value)
    return found


def _read_experiment_tags(file: TrackerFile) -> dict[object, dict[str, str]]:
    """Return the tags of experiments; older databases have none."""
    with open_database(file, {"experiment_tags": {"key", "value", "experiment_id"}}, _LONGEST) as database:
        return _read_pairs(database, "experiment_tags", "experiment_id") if database is not None else {}


# ---- folders ----


def _read_folders(repository: Repository | None, top: Path) -> Iterator[StoredExperiment]:
    """Yield the experiments in a folder, or the one that the folder is."""
    _, names, files = next(walk_inside(repository, top), ("", [], []))
    folders = [top] if "meta.yaml" in files else [top / name for name in sorted(names) if not name.startswith(".")]
    left = MOST_RUNS
    for folder in folders:
        meta = _read_meta(repository, folder)
        if "name" not in meta or meta.get("lifecycle_stage", "active") != "active":
            continue
        _, runs, _ = next(walk_inside(repository, folder), ("", [], []))
        names = sorted(name for name in runs if _ID.fullmatch(name))
        left -= len(names)
        if left < 0:
            raise NotReadableError(f"{top} has more than {MOST_RUNS:,} runs.")
        found = [run for name in names if (run := _read_run(repository, folder / name)) is not None]
        marks = _read_values(repository, folder / "tags")
        yield _make_experiment(meta["name"], marks, sorted(found, key=lambda one: (one[0].began, one[0].id)))


def _read_run(repository: Repository | None, folder: Path) -> tuple[StoredRun, bool] | None:
    meta = _read_meta(repository, folder)
    if meta.get("lifecycle_stage", "active") != "active" or not meta:
        return None
    start, end = (_to_whole(meta.get(name)) for name in ("start_time", "end_time"))
    times = (start, end, _find_last_write(repository, folder))
    file = TrackerFile(repository, folder / "meta.yaml", "", 0.0)
    parameters, tags = (_read_values(repository, folder / name) for name in ("params", "tags"))
    row = _Row(folder.name, meta.get("run_name", ""), meta.get("status", ""), times, parameters, tags)
    return _make_run(file, row)


def _find_last_write(repository: Repository | None, folder: Path) -> int:
    """Return when a metric was written last, in milliseconds since 1970."""
    paths = (Path(place, name) for place, _, names in walk_inside(repository, folder / "metrics") for name in names)
    return max((path.lstat().st_mtime_ns // 1_000_000 for path in islice(paths, _FILES)), default=0)


def _read_meta(repository: Repository | None, folder: Path) -> dict[str, str]:
    """Return the fields of a description, which has one in each line."""
    text = _read_file(repository, folder / "meta.yaml") or ""
    return {name: _unquote(value) for name, value in re.findall(r"^(\w+): ?(.*)$", text, re.MULTILINE)}


def _unquote(value: str) -> str:
    """Return a value of YAML, which may be in quotes."""
    value = value.strip()
    if value[:1] == value[-1:] == '"' and len(value) > 1:
        try:
            return str(json.loads(value))
        except ValueError:
            return value[1:-1]
    return value[1:-1].replace("''", "'") if value[:1] == value[-1:] == "'" and len(value) > 1 else value


def _read_file(repository: Repository | None, path: Path) -> str | None:
    """Return the text of a small file; None if there is none.

    Raises:
        NotReadableError: It cannot be read.
    """
    try:
        return read_inside(repository, path, _SMALL).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotReadableError(f"Cannot read {path}: {error.strerror}.") from error


def _read_values(repository: Repository | None, folder: Path) -> dict[str, str]:
    """Return the values in the files of a folder, by their names."""
    paths = (Path(place, name) for place, _, names in walk_inside(repository, folder) for name in sorted(names))
    return {path.relative_to(folder).as_posix(): _read_file(repository, path) or "" for path in islice(paths, _FILES)}


def _to_whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 16 else None  # noqa: PLR2004 - digits of milliseconds


# ---- both ----


class _Row(NamedTuple):
    """What a run has in the database or its folder: its times are in milliseconds, the last one that of a metric."""

    id: str
    name: str
    status: str
    times: tuple[object, object, object]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def _make_run(file: TrackerFile, row: _Row) -> tuple[StoredRun, bool]:
    """Return a run, and whether orglab recorded it itself."""
    began, ended, seen = (time / 1000 if isinstance(time, int | float) and time >= 0 else None for time in row.times)
    known, tags = _STATUSES.get(row.status, "running"), row.tags
    values: dict[str, Value] = {key: parse_value(value) for key, value in sorted(row.parameters.items())}
    source = tags.get("mlflow.source.name", "")
    stored = StoredRun(
        TRACKER, row.id, tags.get("mlflow.runName", row.name) or row.name, known if ended is not None else "running",
        began or 0.0, ended, {"done": 0, "failed": 1}.get(known),
        ("python", source) if source.endswith(".py") else tuple(filter(None, (source,))),
        tags.get("mlflow.source.git.commit") or None, tags.get(_NOTE, ""), tuple(_list_tags(tags)), values,
        max(began or 0.0, seen or 0.0), partial(_find_metrics, file, row.id),
    )  # fmt: skip
    return stored, TAG in tags


def _find_metrics(file: TrackerFile, run: str) -> list[TrackedRun]:
    return [open_run(TrackerFile(file.repository, file.path, "", 0.0), run)]


def _make_experiment(name: str, tags: Mapping[str, str], runs: list[tuple[StoredRun, bool]]) -> StoredExperiment:
    found = tuple(run for run, is_own in runs if not is_own)
    description = "\n".join(filter(None, (tags.get(_NOTE, "").strip(), describe_tags(_list_tags(tags)))))
    return StoredExperiment(
        TRACKER, name, description, found[0].began if found else None, found, len(runs) - len(found)
    )  # fmt: skip


def _list_tags(tags: Mapping[str, str]) -> list[str]:
    """Return the tags that users have set."""
    return [f"{key}={value}" if value else key for key, value in sorted(tags.items()) if not key.startswith(_OWN_TAGS)]
