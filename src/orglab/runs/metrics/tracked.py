"""The metrics that trackers wrote: TensorBoard, W&B and the others that have a reader in `runs.sources`."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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
from orglab.runs.sources.installed import explain_failures, load_installed
from orglab.runs.sources.registry import TITLES, Reader, load_readers
from orglab.runs.sources.tracked_run import Room, TrackedRun, TrackerFile
from orglab.text import MEGABYTE, count, listed

_FILES = 200
_BYTES = 128 * MEGABYTE  # of the files that are found, together
_HISTORY = 100_000  # rows that are kept
_ROWS = 1_000_000  # that are read of a run


class _Found(NamedTuple):
    """A run that a reader found in a file."""

    file: TrackerFile
    reader: Reader
    run: TrackedRun


class TrackedSource(MetricsSource):
    """What a tracker has of a run, which may be in several files.

    Attributes:
        tracker: The name of the tracker.
        id: The id of the run there; None if it has none.
        place: What tells the run from others: its id, or else its folder.
        parts: The parts of what its metrics are named by, if those of another source have the same names.
        count: How many values were read.
    """

    def __init__(self, found: Sequence[_Found], place: str) -> None:
        """Take the run as it is in each file, and what tells it from others."""
        run = found[0].run
        super().__init__(found[0].file.path, self._read_files, is_history=run.is_history, limit=_HISTORY)
        self.tracker = run.tracker
        self.id = run.id
        self.place = place
        self.parts: tuple[str, ...] = (run.tracker,)
        self.is_single = run.tracker == "tensorboard"
        self.count = 0
        self._found = found
        self._steps = 0  # of work, of the last reading

    @property
    def files(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(one.file.path for one in self._found)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files; none if no metrics are in them."""
        return self.files if self.summary.final else ()

    def _read_files(self) -> Iterator[Row]:
        """Yield the numbers in all files.

        Raises:
            NotReadableError: One of them could not be read to the end; the others have been read.
        """
        self.count = 0
        room = self._found[0].file.room
        room.left += self._steps  # so that what was read once is read again
        self._steps = 0
        failed: NotReadableError | None = None
        for one in self._found:
            before = room.left
            try:
                yield from self._read_file(one)
            except NotReadableError as error:
                failed = failed or error
            self._steps += before - room.left
        if failed is not None:
            raise failed

    def _read_file(self, found: _Found) -> Iterator[Row]:
        """Yield the numbers in a file.

        Raises:
            NotReadableError: It could not be read to the end.
        """
        for number, row in enumerate(_read_numbers(found)):
            if number == _ROWS:
                raise NotReadableError(
                    f"The metrics file {found.file.path} has more than {_ROWS:,} rows; the others were not read."
                )
            self.count += len(row) - ("step" in row)
            yield row


class TrackedFiles(NamedTuple):
    """What trackers have of a run.

    Attributes:
        sources: Their runs.
        unattributed: The files that may be of another run of ours instead.
    """

    sources: list[TrackedSource]
    unattributed: list[Path]


def load_all_readers(job: Job) -> list[Reader]:
    """Return the readers, those of other packages last; tell the user about those that cannot be loaded."""
    installed, problems = load_installed(job.base)
    for problem in problems:
        job.tell(problem)
    return [*load_readers(), *installed]


def find_places(job: Job, readers: Iterable[Reader]) -> list[Path]:
    """Return where the environment of a command says that trackers keep their runs, or where they do by default.

    Args:
        job: The run.
        readers: The readers that are asked; if one fails, the user is told.
    """
    environment = {**os.environ, **(job.request.environment or {})}
    found: list[Path] = []
    for reader in readers:
        if reader.find_places is None:
            continue
        with _tell_failures(job, reader):
            found += [Path(os.path.normpath(place)) for place in reader.find_places(environment, job.folder)]
    return [place for place in dict.fromkeys(found) if place != job.folder and place not in job.folder.parents]


def choose_readers(job: Job, readers: Iterable[Reader], files: Iterable[Path]) -> dict[Path, list[Reader]]:
    """Return the readers of each file that may be a tracker's, by its name, in the order in which they are asked.

    Args:
        job: The run.
        readers: All readers; if one fails, the user is told.
        files: The files.
    """
    chosen: dict[Path, list[Reader]] = {path: [] for path in files}
    for reader in readers:
        with _tell_failures(job, reader):
            for path in [path for path in chosen if reader.is_file(path)]:
                chosen[path].append(reader)
    return {path: found for path, found in chosen.items() if found}


@contextlib.contextmanager
def _tell_failures(job: Job, reader: Reader) -> Iterator[None]:
    """Tell the user if a reader fails."""
    try:
        with explain_failures(f"The reader {reader.name} of metrics failed"):
            yield
    except NotReadableError as error:
        job.tell(str(error))


def find_tracked_runs(
    job: Job,
    readers: Mapping[Path, Sequence[Reader]],
    began: Stamp,
    attribution: Attribution,
    stop: Callable[[], bool],
) -> TrackedFiles:
    """Return what trackers have of a run in the files that it wrote.

    Args:
        job: The run.
        readers: The files, each with its readers.
        began: The state of its record when the command was started.
        attribution: Tells which files are its own.
        stop: Returns True if the user wants to wait no longer.
    """
    found: list[_Found] = []
    unattributed: list[Path] = []
    left_out: list[Path] = []
    left = _BYTES
    room = Room()
    process = _find_process(job)
    number = 0
    for path, chosen in readers.items():
        size = read_size(path)
        if not size or stop():
            continue
        if size > left or number >= _FILES:
            left_out.append(path)
            continue
        is_own = job.record.out in path.parents or attribution.is_own(path)
        file = TrackerFile(job.repository, path, job.record.id, began.ctime / 1e9, process, room)
        try:
            runs = _find_runs(file, chosen)
        except NotReadableError as error:
            job.tell(str(error))
            continue
        own = [one for one in runs or () if is_own or one.run.is_ours]
        if own:
            found += own
            left -= size
            number += 1
        elif runs and is_own is None:
            unattributed.append(path)
    if left_out:
        limit = f"{_FILES} files or {_BYTES // MEGABYTE} MB"
        names = listed(os.path.relpath(path, job.base) for path in left_out)
        job.tell(f"Trackers have more than {limit} of metrics, so these were not read: {names}; use --metrics.")
    return TrackedFiles(_group_runs(found), unattributed)


def open_tracked_files(job: Job, readers: Mapping[Path, Sequence[Reader]], began: Stamp) -> list[TrackedSource]:
    """Return what trackers have of a run in files that the user named, and tell the user where there is nothing.

    Args:
        job: The run.
        readers: The files, each with its readers.
        began: The state of its record when the command was started.
    """
    found: list[_Found] = []
    room = Room()
    for path, chosen in readers.items():
        file = TrackerFile(job.repository, path, job.record.id, began.ctime / 1e9, room=room)
        try:
            runs = _find_runs(file, chosen)
        except NotReadableError as error:
            job.tell(str(error))
            continue
        if not runs:
            name = os.path.relpath(path, job.base)
            why = "is of no tracker that orglab can read" if runs is None else "has no run that began during this one"
            job.tell(f"Metrics not recorded: {name} {why}.")
        found += runs or ()
    return _group_runs(found)


def _find_process(job: Job) -> int | None:
    """Return the id of the process of a command, or of the script that made the run; None if it is not known."""
    run = read_run(job.record.folder)
    if run is None:
        return None
    return read_whole(run.fields.get("pid" if run.is_of_script else "child_pid"))


def _find_runs(file: TrackerFile, readers: Iterable[Reader]) -> list[_Found] | None:
    """Return the runs in a file, as the first of its readers finds them that takes it for its own; None if none does.

    Raises:
        NotReadableError: None does, and one could not read it.
    """
    failed: NotReadableError | None = None
    for reader in readers:
        try:
            with explain_failures(_name_failure(file.path, reader)):
                found = reader.find_runs(file)
                if found is not None:
                    return [_Found(file, reader, run) for run in found]
        except NotReadableError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return None


def _name_failure(path: Path, reader: Reader) -> str:
    return f"The reader {reader.name} of metrics failed on {path}"


def _group_runs(found: Iterable[_Found]) -> list[TrackedSource]:
    """Return runs as sources, with the files of each together."""
    groups: dict[tuple[str, str, bool], list[_Found]] = {}
    for one in found:
        key = (one.run.tracker, one.run.id or os.fspath(one.file.path.parent), one.run.is_history)
        groups.setdefault(key, []).append(one)
    sources = [TrackedSource(group, place) for (_, place, _), group in groups.items()]
    for tracker in {source.tracker for source in sources}:
        _set_parts([source for source in sources if source.tracker == tracker])
    return sources


def _read_numbers(found: _Found) -> Iterator[Row]:
    """Yield the numbers of a run in a file, row by row.

    Raises:
        NotReadableError: The file cannot be read, or the reader failed.
    """
    with explain_failures(_name_failure(found.file.path, found.reader)):
        for row in map(keep_numbers, MetricsRows(found.run.read(), is_history=found.run.is_history)):
            if row.keys() - {"step"}:
                yield row


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
