"""Read the runs in the SQLite file that Trackio keeps for a project."""

import json
import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

from orglab import clock
from orglab.errors import NotFoundError, NotReadableError
from orglab.git import Repository
from orglab.runs.parameters.arguments import Value
from orglab.runs.parameters.config_files import read_values
from orglab.runs.sources.sqlite_file import Database, open_database
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.runs.sources.trackio import TRACKER, choose_column, open_run, parse_time
from orglab.runs.stores.stored_run import MOST_RUNS, StoredExperiment, StoredRun

_TABLES = {
    "metrics": {"id", "timestamp", "run_name", "step", "metrics"},
    "configs": {"run_name", "config", "created_at"},
}
_LONGEST = 1 << 20  # bytes of a configuration
_SILENT = 3600.0  # seconds after which a run counts as done
_CREATED, _GROUP = "_Created", "_Group"


class _Times(NamedTuple):
    """The first and the last time of a run, in seconds since 1970, and its name."""

    first: float
    last: float
    name: str


def read_store(repository: Repository | None, path: Path) -> list[StoredExperiment]:
    """Return the project in an SQLite file of Trackio, with its runs.

    Trackio does not record that a run has ended, so each counts as done that has logged nothing for an hour.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: The file.

    Raises:
        NotFoundError: It does not exist.
        NotReadableError: It is not Trackio's, is damaged or locked, or holds too much.
    """
    if not os.path.lexists(path):
        raise NotFoundError(f"There is no file {path}.")
    file = TrackerFile(repository, path, "", 0.0)
    with open_database(file, _TABLES, _LONGEST) as database:
        if database is None:
            raise NotReadableError(f"{path} is no database of Trackio.")
        times = _read_times(database)
        configs = _read_configs(database, times)
        # In older versions a run has only a name, which another project may have too.
        is_unique = choose_column(database) == "run_id"
    if len(times) > MOST_RUNS:
        raise NotReadableError(f"{path} has more than {MOST_RUNS:,} runs.")
    runs = [_make_run(file, run, times[run], configs.get(run, {}), is_unique=is_unique) for run in times]
    ordered = tuple(sorted(runs, key=lambda run: (run.began, run.id)))
    return [StoredExperiment(TRACKER, path.stem, "", ordered[0].began if ordered else None, ordered)]


def _read_times(database: Database) -> dict[str, _Times]:
    """Return the runs that have logged something."""
    column = choose_column(database)
    statement = (
        f"SELECT {column}, min(timestamp), max(timestamp), max(run_name) FROM metrics "  # noqa: S608 - a name of our own
        f"GROUP BY {column} LIMIT ?"
    )
    return {
        run: _Times(parse_time(first) or 0.0, parse_time(last) or 0.0, str(name))
        for run, first, last, name in database.select(statement, (MOST_RUNS + 1,))
        if isinstance(run, str)
    }


def _read_configs(database: Database, times: dict[str, _Times]) -> dict[str, dict[str, Value]]:
    """Return the parameters of runs; one that has logged nothing yet is added to `times`."""
    has_id = "run_id" in database.columns["configs"]
    column = "run_id" if has_id and choose_column(database) == "run_id" else "run_name"
    statement = f"SELECT {column}, run_name, config, created_at FROM configs LIMIT ?"  # noqa: S608 - the same
    found = {}
    for run, name, config, created in database.select(statement, (MOST_RUNS + 1,)):
        if not isinstance(run, str) or not isinstance(config, str | bytes):
            continue
        found[run] = read_values(config.encode() if isinstance(config, str) else config)
        began = parse_time(_read_created(config)) or parse_time(created)
        if began is not None:
            known = times.get(run, _Times(began, began, str(name)))
            times[run] = known._replace(first=min(began, known.first))
    return found


def _read_created(config: str | bytes) -> object:
    try:
        fields = json.loads(config)
    except (ValueError, RecursionError):
        return None
    return fields.get(_CREATED) if isinstance(fields, dict) else None


def _make_run(file: TrackerFile, run: str, times: _Times, config: dict[str, Value], *, is_unique: bool) -> StoredRun:
    group = config.get(_GROUP)
    tags = (f"group={group}",) if group not in (None, "", "null") else ()
    # The names that Trackio adds begin with an underscore.
    parameters = {name: value for name, value in config.items() if not name.startswith("_")}
    status = "running" if times.last > clock.now().timestamp() - _SILENT else "done"
    return StoredRun(
        TRACKER, run if is_unique else f"{file.path.stem}/{run}", times.name, status, times.first,
        max(times.first, times.last), tags=tags, parameters=parameters, seen=times.last,
        find_metrics=partial(_find_metrics, file, run),
    )  # fmt: skip


def _find_metrics(file: TrackerFile, run: str) -> list[TrackedRun]:
    return [open_run(TrackerFile(file.repository, file.path, "", 0.0), run)]
