"""The history of the metrics of a run, also while it goes on."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from orglab.errors import NotReadableError
from orglab.runs.metrics.discovery import LOGGED
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.metrics.values import find_step_name
from orglab.runs.record import METRICS, OUT, Metric, Run

_MOST = 1 << 22  # bytes of a history that is read for its last values


def find_history_file(run: Run) -> Path:
    """Return the file with the history of a run: while it goes on, that of what it logs with `orglab.run`."""
    logged = run.folder / OUT / LOGGED
    return logged if run.is_going_on and logged.is_file() and not logged.is_symlink() else run.folder / METRICS


def read_history(run: Run) -> Iterator[Mapping[str, Metric]]:
    """Yield the rows of the history of a run, oldest first.

    Of a run that goes on these are the rows so far: those that it has logged with `orglab.run` or else those that
    `live_metrics.py` has written.
    """
    path = find_history_file(run)
    if path.name != LOGGED:
        yield from run.history()
        return
    with suppress(NotReadableError):
        yield from read_metrics(None, path)


def read_last_values(run: Run) -> dict[str, Metric]:
    """Return the last value of each metric in the history of a run, without its steps; none if the history is long."""
    values: dict[str, Metric] = {}
    with suppress(OSError):
        if find_history_file(run).stat().st_size <= _MOST:
            for row in read_history(run):
                values |= row
    step = find_step_name(values)
    return {name: value for name, value in values.items() if name != step}
