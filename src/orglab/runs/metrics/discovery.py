"""Find the files in which a run left its metrics: those that the user named, or those that look like it."""

import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from orglab.errors import NotReadableError
from orglab.git import Repository
from orglab.runs.job import Job
from orglab.runs.metrics.attribution import Attribution, find_named_paths
from orglab.runs.metrics.candidates import (
    Mark,
    drop_checkpoints,
    find_first_row,
    find_matches,
    find_start,
    is_candidate,
    mark_files,
    skip_rows,
)
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.metrics.values import MetricSummary, Row, find_step
from orglab.runs.results import Stamp, find_changed_since, read_stamp
from orglab.text import MEGABYTE, Tell, listed

_FILES = 20
_BYTES = 16 * MEGABYTE  # of the files that are found, together
_ROWS = 100_000  # of the history in them
_MARKS = 200

LOGGED = "orglab-metrics.jsonl"
"""The file in the folder `out` of a run with the metrics that a script logged (`orglab.run`)."""


class Written(NamedTuple):
    """What is known of the files of a command that has ended.

    Attributes:
        files: The files that it wrote under its results paths or, if it has none, in its folder.
        began: The state of the record when the command was started.
        attribution: Tells which files are its own.
        stop: Returns True if the user wants to wait no longer.
    """

    files: Sequence[Path]
    began: Stamp | None
    attribution: Attribution
    stop: Callable[[], bool]


class MetricsSource:
    """A file with metrics, read lazily.

    Attributes:
        path: The file; None for the output of the command.
        is_history: Whether it has a history, not only final values.
        summary: A summary of the rows that were read.
    """

    def __init__(
        self, path: Path | None, read: Callable[[], Iterable[Row]], *, is_history: bool, limit: float = math.inf
    ) -> None:
        """Take a function that returns the rows, and the largest number of rows to yield."""
        self.path = path
        self.is_history = is_history
        self.summary = MetricSummary()
        self._read = read
        self._limit = limit
        self._is_told = False

    def read_rows(self, tell: Tell) -> Iterator[Row]:
        """Yield the rows, each with its `step`, and summarize all; tell the user once if they cannot be read."""
        self.summary = MetricSummary()
        try:
            for number, row in enumerate(self._read(), 1):
                step = find_step(row)
                step = number if step is None else step
                self.summary.add(row, step if self.is_history else None)
                if number <= self._limit:
                    yield {"step": step, **{name: row[name] for name in row if name != "step"}}
        except NotReadableError as error:
            if not self._is_told:
                tell(str(error))
            self._is_told = True


def mark_metrics_files(job: Job) -> dict[Path, Mark]:
    """Return the state, before the command starts, of the files that may have metrics when it has ended."""
    if job.request.metrics:
        named = (find_matches(job.repository, name, job.folder) for name in job.request.metrics)
        return mark_files(job.repository, chain.from_iterable(named))
    if job.request.printed_metrics:
        return {}
    places = chain(job.watch.before, find_named_paths(job.request.argv, job.folder))
    return mark_files(job.repository, islice(filter(is_candidate, places), _MARKS))


def open_named_files(job: Job, marks: dict[Path, Mark]) -> Iterator[MetricsSource]:
    """Yield the files that the user named as metrics, if the run wrote them, and tell the user about the others.

    Args:
        job: The run.
        marks: The result of `mark_metrics_files`.
    """
    for name in job.request.metrics:
        written = [path for path in find_matches(job.repository, name, job.folder) if not _is_unchanged(path, marks)]
        if not written:
            job.tell(f"Metrics not recorded: {name} was not written by this run.")
        for path in written:
            try:
                start = find_start(job.repository, path, marks.get(path))
                read = partial(read_metrics, job.repository, path, start)
                is_history = read().is_history
            except NotReadableError as error:
                job.tell(str(error))
            else:
                yield MetricsSource(path, read, is_history=is_history)


def _is_unchanged(path: Path, marks: dict[Path, Mark]) -> bool:
    return path in marks and read_stamp(path) == marks[path].stamp


def open_logged_file(job: Job) -> Iterator[MetricsSource]:
    """Yield the file of metrics that the run logged with `orglab.run`, if there is one."""
    path = job.record.out / LOGGED
    if _read_size(path):
        yield MetricsSource(path, partial(read_metrics, job.repository, path), is_history=True, limit=_ROWS)


def find_metrics_files(job: Job, marks: dict[Path, Mark], written: Written) -> tuple[list[MetricsSource], list[Path]]:
    """Return the files in which a run left metrics, and those that may be of another run instead.

    Args:
        job: The run.
        marks: The result of `mark_metrics_files`.
        written: What is known of its files.
    """
    out, attribution = job.record.out, written.attribution
    named = attribution.named
    changed = (_find_changed(job.repository, place, written.began) for place in (out, *named))
    files = sorted({*filter(is_candidate, chain(written.files, *changed))} - {out / LOGGED})
    sources: list[MetricsSource] = []
    unattributed: list[Path] = []
    left_out: list[str] = []
    room = _BYTES
    for path in drop_checkpoints(files):
        size = _read_size(path)
        if not size or written.stop():
            continue
        if size > room or len(sources) == _FILES:
            left_out.append(os.path.relpath(path, job.base))
            continue
        is_in_out = out in path.parents
        is_new_result = attribution.is_result(path) and path not in job.watch.before
        is_new = is_in_out or is_new_result or path in named or path in marks
        source = _open_file(job, path, marks.get(path), is_named=is_in_out or path in named, is_new=is_new)
        is_own = source is not None and (is_in_out or attribution.is_own(path))
        if source is not None and is_own:
            room -= size
            sources.append(source)
        elif is_own is None:
            unattributed.append(path)
    if left_out:
        limit = f"{_FILES} files or {_BYTES // MEGABYTE} MB"
        job.tell(f"Not searched for metrics, because there are more than {limit}: {listed(left_out)}; use --metrics.")
    return sources, unattributed


def _open_file(job: Job, path: Path, mark: Mark | None, *, is_named: bool, is_new: bool) -> MetricsSource | None:
    """Return a file as a source, or None if it holds no metrics."""
    repository, settings = job.repository, job.log.config.metrics
    start = find_start(repository, path, mark)
    first = find_first_row(repository, path, start, settings, is_named=is_named, is_new=is_new)
    if first is None:
        return None

    def read() -> Iterator[Row]:
        return skip_rows(read_metrics(repository, path, start), first)

    return MetricsSource(path, read, is_history=read_metrics(repository, path, start).is_history, limit=_ROWS)


def _find_changed(repository: Repository | None, place: Path, began: Stamp | None) -> Iterable[Path]:
    """Return the files at or below a place that were written since the command was started."""
    if began is None:
        return ()
    if os.path.isdir(place):  # noqa: PTH112 - Path.is_dir raises an error for a folder that may not be searched
        return find_changed_since(repository, place, began.ctime) or ()
    stamp = read_stamp(place)
    return (place,) if stamp is not None and max(stamp.mtime, stamp.ctime) >= began.ctime else ()


def _read_size(path: Path) -> int:
    """Return the size of a regular file; 0 for anything else, such as a symbolic link."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
