"""Find the files in which a run left its metrics: those that the user named, or those that look like it."""

import os
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
    SUFFIXES,
    Mark,
    drop_checkpoints,
    find_first_row,
    find_matches,
    find_start,
    is_candidate,
    mark_files,
    skip_rows,
)
from orglab.runs.metrics.metrics_source import MetricsSource
from orglab.runs.metrics.reading import read_metrics
from orglab.runs.metrics.tracked import (
    choose_readers,
    find_places,
    find_tracked_runs,
    load_all_readers,
    open_tracked_files,
)
from orglab.runs.metrics.values import Row
from orglab.runs.results import Stamp, find_changed_since, read_size, read_stamp
from orglab.runs.sources.registry import Reader
from orglab.text import MEGABYTE, listed

_FILES = 20
_BYTES = 16 * MEGABYTE  # of the files that are found, together
_ROWS = 100_000  # of the history in them
_MARKS = 200
_JOURNAL = "-wal"  # the end of its name

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


def mark_metrics_files(job: Job) -> dict[Path, Mark]:
    """Return the state, before the command starts, of the files that may have metrics when it has ended."""
    if job.request.metrics:
        named = (find_matches(job.repository, name, job.folder) for name in job.request.metrics)
        return mark_files(job.repository, chain.from_iterable(named))
    if job.request.printed_metrics:
        return {}
    places = chain(job.watch.before, find_named_paths(job.request.argv, job.folder))
    return mark_files(job.repository, islice(filter(is_candidate, places), _MARKS))


def open_named_files(job: Job, marks: dict[Path, Mark], began: Stamp | None) -> Iterator[MetricsSource]:
    """Yield the files that the user named as metrics, if the run wrote them, and tell the user about the others.

    Args:
        job: The run.
        marks: The result of `mark_metrics_files`.
        began: The state of its record when the command was started.
    """
    named = {
        name: [path for path in find_matches(job.repository, name, job.folder) if not _is_unchanged(path, marks)]
        for name in job.request.metrics
    }
    # What every reader of tables can read is read as it is named.
    others = dict.fromkeys(path for path in chain.from_iterable(named.values()) if path.suffix not in SUFFIXES)
    readers = choose_readers(job, load_all_readers(job), others) if others and began is not None else {}
    for name, written in named.items():
        if not written:
            job.tell(f"Metrics not recorded: {name} was not written by this run.")
        for path in written:
            if path in readers:
                continue
            try:
                start = find_start(job.repository, path, marks.get(path))
                read = partial(read_metrics, job.repository, path, start)
                is_history = read().is_history
            except NotReadableError as error:
                job.tell(str(error))
            else:
                yield MetricsSource(path, read, is_history=is_history)
    if began is not None:
        yield from open_tracked_files(job, readers, began)


def _is_unchanged(path: Path, marks: dict[Path, Mark]) -> bool:
    return path in marks and read_stamp(path) == marks[path].stamp


def open_logged_file(job: Job) -> Iterator[MetricsSource]:
    """Yield the file of metrics that the run logged with `orglab.run`, if there is one."""
    path = job.record.out / LOGGED
    if read_size(path):
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
    found = sorted({*written.files, *chain.from_iterable(changed)} - {out / LOGGED})
    readers = _choose_readers(job, found, written.began)
    files = [path for path in found if path not in readers and is_candidate(path)]
    sources: list[MetricsSource] = []
    unattributed: list[Path] = []
    left_out: list[str] = []
    room = _BYTES
    for path in drop_checkpoints(files):
        size = read_size(path)
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
    if written.began is not None:
        tracked = find_tracked_runs(job, readers, written.began, attribution, written.stop)
        sources += tracked.sources
        unattributed += tracked.unattributed
    return sources, unattributed


def _choose_readers(job: Job, found: Sequence[Path], began: Stamp | None) -> dict[Path, list[Reader]]:
    """Return the files that may be of trackers, each with its readers: those found, and those that are elsewhere."""
    readers = load_all_readers(job)
    places = find_places(job, readers)
    elsewhere = chain.from_iterable(_find_changed(job.repository, place, began) for place in places)
    files = dict.fromkeys((*found, *elsewhere))
    # SQLite writes to a second file first.
    databases = (path.with_name(path.name.removesuffix(_JOURNAL)) for path in files if path.name.endswith(_JOURNAL))
    return choose_readers(job, readers, dict.fromkeys((*files, *filter(os.path.lexists, databases))))


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
