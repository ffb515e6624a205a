"""Read the history and the last values that DVCLive keeps in its folder.

`metrics.json` there has the last values, and `plots/metrics/` has a table for each metric: `train/loss.tsv` is
`train.loss`, with a column `step` and a column `loss`.
"""

import os
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from orglab.errors import NotReadableError
from orglab.git.inside import walk_inside
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.metrics.values import NAME, Row, find_step
from orglab.runs.results import read_stamp
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.text import MEGABYTE

TRACKER = "dvclive"

_FINAL = "metrics.json"
_TABLES = ("plots", "metrics")
_SUFFIX = ".tsv"
_FILES = 1000
_BYTES = 16 * MEGABYTE  # of the tables, together
_STEPS = 100_000


def is_file(path: Path) -> bool:
    """Return whether a file may be DVCLive's: its last values, or a table of a metric."""
    if path.name == _FINAL:
        return path.parent.joinpath(*_TABLES).is_dir()
    if path.suffix != _SUFFIX:
        return False
    parts = path.parts
    places = [place for place in range(len(parts) - 2) if parts[place : place + 2] == _TABLES]
    return any(Path(*parts[:place], _FINAL).is_file() for place in places if place)


def find_runs(file: TrackerFile) -> list[TrackedRun]:
    """Return the run whose last values are in a file, once for its history and once for what only the last values have.

    A table is read with the last values, and has no run by itself.
    """
    if file.path.name != _FINAL:
        return []
    return [
        TrackedRun(TRACKER, None, lambda: _read_history(file)),
        TrackedRun(TRACKER, None, lambda: _read_final(file), is_history=False),
    ]


def _read_history(file: TrackerFile) -> Iterator[Row]:
    """Yield the values in the tables, by step.

    Raises:
        NotReadableError: A table cannot be read, or they are too large; the others are yielded.
    """
    steps: dict[float, Row] = {}
    failed: NotReadableError | None = None
    room = _BYTES
    for name, path, size in _find_tables(file):
        room -= size
        if room < 0:
            failed = NotReadableError(f"The tables in {path.parent} are larger than 16 MB, so some were not read.")
            break
        column = path.name.removesuffix(_SUFFIX)
        try:
            for row in read_metrics(file.repository, path):
                file.take(1 + len(row))
                step = find_step(row)
                if step is not None and column in row and (step in steps or len(steps) < _STEPS):
                    steps.setdefault(step, {"step": step})[name] = row[column]
        except NotReadableError as error:
            failed = error
    yield from (steps[step] for step in sorted(steps))
    if failed is not None:
        raise failed


def _find_tables(file: TrackerFile) -> Iterator[tuple[str, Path, int]]:
    """Yield the tables that were written since our run began: the name of the metric, the file and its size."""
    top = file.path.parent.joinpath(*_TABLES)
    walk = walk_inside(file.repository, top)
    paths = chain.from_iterable((Path(folder, name) for name in sorted(names)) for folder, _, names in walk)
    for path in islice(paths, _FILES):
        stamp = read_stamp(path)
        if path.suffix == _SUFFIX and stamp is not None and stamp.mtime / 1e9 >= file.began:
            name = ".".join(Path(os.path.relpath(path, top)).parts).removesuffix(_SUFFIX)
            if name != "step":
                yield name[:NAME], path, stamp.size


def _read_final(file: TrackerFile) -> Iterator[Row]:
    """Yield the last values that no table has.

    Raises:
        NotReadableError: They cannot be read.
    """
    logged = {name for name, _, _ in _find_tables(file)}
    for row in read_metrics(file.repository, file.path):
        rest = {name: value for name, value in row.items() if name not in logged and name != "step"}
        if rest:
            yield rest
