"""The metrics that trackers wrote: TensorBoard, W&B and the others that have a reader in `runs.sources`."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from orglab.errors import NotReadableError
from orglab.runs.job import Job
from orglab.runs.metrics.attribution import Attribution
from orglab.runs.metrics.candidates import keep_numbers
from orglab.runs.metrics.metrics_source import MetricsSource
from orglab.runs.metrics.reading import MetricsRows
from orglab.runs.metrics.values import Row, is_step_name
from orglab.runs.record_lines import read_whole
from orglab.runs.record_reader import read_run
from orglab.runs.results import Stamp, read_size
from orglab.runs.sources.installed import explain, load_installed
from orglab.runs.sources.registry import TITLES, Reader, assign_readers
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.text import MEGABYTE, count, listed

_FILES = 200
_BYTES = 128 * MEGABYTE  # of the files that are found, together
_HISTORY = 100_000  # rows that are kept
_ROWS = 1_000_000  # that are read of a run

_T = TypeVar("_T")


class TrackedSource(MetricsSource):
    """What a tracker has of a run, which may be in several files.

    Attributes:
        tracker: The name of the tracker.
        id: The id of the run there; None if it has none.
        place: What tells the run from others: its id, or else its folder.
        parts: The parts of what its metrics are named by, if those of another source have the same names.
        count: How many values were read.
    """

    def __init__(self, run: TrackedRun, place: str, files: Sequence[tuple[Path, Callable[[], Iterator[Row]]]]) -> None:
        """Take a run, what tells it from others, and each of its files with a function that returns the rows in it."""
        super().__init__(files[0][0], self._read_files, is_history=run.is_history, limit=_HISTORY)
        self.tracker = run.tracker
        self.id = run.id
        self.place = place
        self.parts: tuple[str, ...] = (run.tracker,)
        self.is_single = run.tracker == "tensorboard"
        self.count = 0
        self._files = files

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files; none if no metrics are in them."""
        return tuple(path for path, _ in self._files) if self.summary.final else ()

    def _read_files(self) -> Iterator[Row]:
        """Yield the numbers in all files.

        Raises:
            NotReadableError: One of them could not be read to the end; the others have been read.
        """
        self.count = 0
        failed: NotReadableError | None = None
        for path, read in self._files:
            try:
                for number, row in enumerate(read()):
                    if number == _ROWS:
                        raise NotReadableError(  # noqa: TRY301 - as a reader does
                            f"The metrics file {path} has more than {_ROWS:,} rows; the others were not read."
                        )
                    self.count += len(row) - ("step" in row)
                    yield row
            except NotReadableError as error:
                failed = failed or error
        if failed is not None:
            raise failed


class TrackedFiles(NamedTuple):
    """What trackers have of a run.

    Attributes:
        sources: Their runs.
        unattributed: The files that may be of another run of ours instead.
    """

    sources: list[TrackedSource]
    unattributed: list[Path]


def choose_readers(job: Job, files: Iterable[Path]) -> dict[Path, Reader]:
    """Return the reader of each file that may be a tracker's; the readers of other packages are asked last.

    Args:
        job: The run.
        files: The files.
    """
    files = list(files)
    chosen = assign_readers(files)
    rest = [path for path in files if path not in chosen]
    if not rest:
        return chosen
    installed, problems = load_installed(job.base)
    for problem in problems:
        job.tell(problem)
    for reader in installed:
        try:
            chosen |= {path: reader for path in rest if path not in chosen and reader.is_file(path)}
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises, the others are asked
            job.tell(f"The reader {reader.name} of metrics failed: {explain(error)}")
    return chosen


def find_tracked_runs(
    job: Job, readers: Mapping[Path, Reader], began: Stamp, attribution: Attribution, stop: Callable[[], bool]
) -> TrackedFiles:
    """Return what trackers have of a run in the files that it wrote.

    Args:
        job: The run.
        readers: The files, each with its reader.
        began: The state of its record when the command was started.
        attribution: Tells which files are its own.
        stop: Returns True if the user wants to wait no longer.
    """
    found: list[tuple[Path, Reader, TrackedRun]] = []
    unattributed: list[Path] = []
    left_out: list[Path] = []
    room = _BYTES
    process = _find_process(job)
    number = 0
    for path, reader in readers.items():
        size = read_size(path)
        if not size or stop():
            continue
        if size > room or number >= _FILES:
            left_out.append(path)
            continue
        is_own = job.record.out in path.parents or attribution.is_own(path)
        runs = _find_runs(job, path, reader, began, process)
        own = [(path, reader, run) for run in runs if is_own or run.is_ours]
        if own:
            found += own
            room -= size
            number += 1
        elif runs and is_own is None:
            unattributed.append(path)
    if left_out:
        limit = f"{_FILES} files or {_BYTES // MEGABYTE} MB"
        names = listed(os.path.relpath(path, job.base) for path in left_out)
        job.tell(f"Trackers have more than {limit} of metrics, so these were not read: {names}; use --metrics.")
    return TrackedFiles(_group_runs(found), unattributed)


def open_tracked_files(job: Job, readers: Mapping[Path, Reader], began: Stamp) -> list[TrackedSource]:
    """Return what trackers have of a run in files that the user named.

    Args:
        job: The run.
        readers: The files, each with its reader.
        began: The state of its record when the command was started.
    """
    found = [(path, reader, run) for path, reader in readers.items() for run in _find_runs(job, path, reader, began)]
    return _group_runs(found)


def _find_process(job: Job) -> int | None:
    """Return the id of the process of a command, or of the script that made the run; None if it is not known."""
    run = read_run(job.record.folder)
    if run is None:
        return None
    return read_whole(run.fields.get("pid" if run.is_of_script else "child_pid"))


def _find_runs(job: Job, path: Path, reader: Reader, began: Stamp, process: int | None = None) -> list[TrackedRun]:
    """Return the runs in a file; if it cannot be read, tell the user."""
    file = TrackerFile(job.repository, path, job.record.id, began.ctime / 1e9, process)
    try:
        return list(_guard(reader, path, lambda: reader.find_runs(file)))
    except NotReadableError as error:
        job.tell(str(error))
        return []


def _guard(reader: Reader, path: Path, read: Callable[[], Iterable[_T]]) -> Iterator[_T]:
    """Yield what a reader returns.

    Raises:
        NotReadableError: The file cannot be read, or the reader failed.
    """
    try:
        yield from read()
    except NotReadableError:
        raise
    except (Exception, SystemExit) as error:
        raise NotReadableError(f"The reader {reader.name} of metrics failed on {path}: {explain(error)}") from error


def _group_runs(found: Sequence[tuple[Path, Reader, TrackedRun]]) -> list[TrackedSource]:
    """Return runs as sources, with the files of each together."""
    groups: dict[tuple[str, str, bool], list[tuple[Path, Reader, TrackedRun]]] = {}
    for path, reader, run in found:
        key = (run.tracker, run.id or os.fspath(path.parent), run.is_history)
        groups.setdefault(key, []).append((path, reader, run))
    sources = [
        TrackedSource(group[0][2], place, [(one[0], _make_reading(*one)) for one in group])
        for (_, place, _), group in groups.items()
    ]
    for tracker in {source.tracker for source in sources}:
        _set_parts([source for source in sources if source.tracker == tracker])
    return sources


def _make_reading(path: Path, reader: Reader, run: TrackedRun) -> Callable[[], Iterator[Row]]:
    """Return a function that returns the numbers of a run in a file, row by row."""

    def read() -> Iterator[Row]:
        rows = MetricsRows(_guard(reader, path, run.read), is_history=run.is_history)
        return filter(None, map(keep_numbers, _guard(reader, path, lambda: rows)))

    return read


def _set_parts(sources: Sequence[TrackedSource]) -> None:
    """Tell the runs of a tracker apart by their ids, or by their folders below that which has them all."""
    places = {source.place for source in sources}
    if len(places) == 1:
        return
    folders = [place for source in sources if source.id is None for place in (source.place,)]
    common = os.path.commonpath(folders) if folders else ""
    for source in sources:
        below = (source.id,) if source.id is not None else Path(os.path.relpath(source.place, common)).parts
        source.parts = tuple(below) or source.parts


def describe_tracked_runs(sources: Iterable[MetricsSource]) -> str | None:
    """Return what was found, once all was read: `Metrics of 1 TensorBoard run: 40 values of loss.`; None if nothing.

    Args:
        sources: All sources of metrics.
    """
    found = [source for source in sources if isinstance(source, TrackedSource) and source.count]
    if not found:
        return None
    runs = Counter(tracker for tracker, _ in {(source.tracker, source.place): None for source in found})
    amounts = [f"{count(amount, f'{TITLES.get(tracker, tracker)} run')}" for tracker, amount in runs.items()]
    names = dict.fromkeys(name for source in found for name in source.summary.final if not is_step_name(name))
    values = count(sum(source.count for source in found), "value")
    return f"Metrics of {' and '.join(amounts)}: {values} of {listed(names)}."


def list_trackers(sources: Iterable[MetricsSource]) -> list[dict[str, str | None]]:
    """Return each run of a tracker that has metrics or an id, as in a record, after all was read."""
    found = [source for source in sources if isinstance(source, TrackedSource) and (source.id or source.count)]
    return [{"tracker": tracker, "id": name} for tracker, name in dict.fromkeys((one.tracker, one.id) for one in found)]
