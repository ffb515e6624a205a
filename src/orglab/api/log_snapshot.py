"""A log for programs that go on: what it is made of is read once, and again when it has changed."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.api import Log
from orglab.config import CONFIG_NAME, TERMS_NAME
from orglab.experiment.model import Experiment
from orglab.org.document import Document
from orglab.reference import Reference, without_letter
from orglab.runs.log_runs import LogRuns
from orglab.runs.metrics.live_history import read_last_values
from orglab.runs.pending import RECORD
from orglab.runs.record import OUT, Run
from orglab.runs.record_reader import read_run, read_runs
from orglab.runs.storage import PENDING, RUNS, SWEEPS, find_storage_folders

if TYPE_CHECKING:
    from orglab.history.sources import Sources
    from orglab.log.file import FileContent
    from orglab.runs.run_table import RunTable, TableRequest

_REFS = ("refs/heads", "refs/remotes", "refs/tags", "reftable")
_DEEPEST = 6
"""How many folders deep the names of branches are looked for."""


class Snapshot(Log):
    """A log as it is at one moment: what one method has read, the next one finds again.

    Its methods that write work as those of `Log` do, but what it read before stays as it was.

    Attributes:
        known_runs: The runs that earlier snapshots have read, or None.
    """

    known_runs: "KnownRuns | None" = None

    @classmethod
    def of(cls, log: Log, known_runs: "KnownRuns | None" = None) -> "Snapshot":
        """Return a snapshot of a log; nothing is read yet.

        Args:
            log: The log, as it was opened.
            known_runs: The runs that earlier snapshots have read.
        """
        snapshot = cls(log.path, log.config, author=log.author)
        vars(snapshot)["repository"] = log.repository
        snapshot.known_runs = known_runs
        return snapshot

    @cached_property
    def _file(self) -> "FileContent":
        return super().read_file()

    @cached_property
    def _document(self) -> Document:
        return self.parse(self._file.data)

    @cached_property
    def _experiments(self) -> list[Experiment]:
        return super().read_experiments(self._document)

    @cached_property
    def _all_sources(self) -> "Sources":
        sources = super()._sources()
        if self.known_runs is not None:
            vars(sources)["log_runs"] = LogRuns(self, lambda: self._document, self.known_runs.read)
        return sources

    def read_file(self) -> "FileContent":
        """Return the bytes of the log; errors as for `Log`."""
        return self._file

    def document(self) -> Document:
        """Return the log as an Org document; errors as for `Log`."""
        return self._document

    def read_experiments(self, document: Document) -> list[Experiment]:
        """Return the experiments of a version of the log."""
        return [*self._experiments] if document is self._document else super().read_experiments(document)

    @cached_property
    def _begins(self) -> dict[str, list[int]]:
        """Where the experiments begin in the text, by id."""
        begins: dict[str, list[int]] = {}
        for experiment in self._experiments:
            begins.setdefault(experiment.id, []).append(experiment.begin)
        return begins

    @cached_property
    def _found(self) -> dict[int, Experiment]:
        return {}

    def find(self, document: Document, reference: Reference) -> Experiment:
        """Return the experiment of a document that a reference names; errors as for `Log`."""
        if document is self._document:
            names = dict.fromkeys((reference.id, without_letter(reference.id, self.config.letter)))
            begins = next((self._begins[name] for name in names if name in self._begins), [])
            if len(begins) == 1:
                return self._read_at(document, begins[0])
        # By a former id; or there is none, or there are several.
        return super().find(document, reference)

    def _read_at(self, document: Document, begin: int) -> Experiment:
        """Return the experiment that begins somewhere, without parsing the rest of the document."""
        if begin not in self._found:
            part = document.part_at(begin)
            heading = part.heading_at(begin - part.begin)
            if heading is None:
                raise AssertionError(begin)
            self._found[begin] = Experiment(heading, self.config, str(self.path))
        return self._found[begin]

    @cached_property
    def _run_tables(self) -> "dict[object, RunTable]":
        return {}

    def run_table(
        self, reference: str | None = None, request: "TableRequest | None" = None, *, newest: int | None = None
    ) -> "RunTable":
        """Return a table of runs; the arguments and errors are those of `Log`."""
        key = reference, repr(request), newest
        if key not in self._run_tables:
            self._run_tables[key] = super().run_table(reference, request, newest=newest)
        return self._run_tables[key]

    def _sources(self) -> "Sources":
        return self._all_sources

    def _log_runs(self) -> "LogRuns":
        return self._all_sources.log_runs


class RunFiles(NamedTuple):
    """The files of a run.

    Attributes:
        record: The size and the times of the record.
        growing: Those of the other files, while the run has not ended.
    """

    record: tuple[int, ...]
    growing: tuple[tuple[int, ...], ...] = ()


class LogWatch:
    """Tells whether anything has changed that a log is made of: its file, the journal, the archive, git, and the runs.

    Only sizes and times are compared; of runs that have ended only those of the record.
    """

    def __init__(self, log: Log) -> None:
        """Take a log, as it was opened."""
        self._log = log
        self._ended: dict[str, tuple[int, ...]] = {}

    def is_of(self, log: Log) -> bool:
        """Return whether a log, opened anew, has the same files."""
        return (log.path, log.journal, log.top) == (self._log.path, self._log.journal, self._log.top)

    def read_state(self) -> tuple[object, ...]:
        """Return a value that differs from an earlier one if something has changed since."""
        log = self._log
        named = {CONFIG_NAME, "pyproject.toml"}
        files = [log.path, log.journal, log.archive, log.path.with_name(TERMS_NAME), *log.active.files]
        files += [folder / name for folder in {log.path.absolute().parent, log.top} for name in sorted(named)]
        state: list[object] = [_read_status(file) for file in files]
        state += self._read_git()
        for storage in find_storage_folders(log.top):
            state += [self._read_runs(storage / RUNS), _read_folder(storage / PENDING)]
            state += [_read_folder(sweep) for sweep in _list_folders(storage / SWEEPS)]
        return tuple(state)

    def _read_git(self) -> Iterator[object]:
        """Yield what changes with the commit that is checked out, and with each branch."""
        repository = self._log.repository
        if repository is None:
            return
        yield from (_read_status(repository.git_dir / name) for name in ("HEAD", "logs/HEAD"))
        yield _read_status(repository.common_dir / "packed-refs")
        for name in _REFS:
            yield from _read_tree(repository.common_dir / name, _DEEPEST)

    def _read_runs(self, folder: Path) -> dict[str, RunFiles]:
        """Return the files of the runs in a folder."""
        return {os.path.basename(path): self._read_run(path) for path in _list_folders(folder)}

    def _read_run(self, folder: str) -> RunFiles:
        record = _read_status(f"{folder}/{RECORD}")
        if self._ended.get(folder) == record:
            return RunFiles(record)
        run = read_run(Path(folder))
        if run is None or not run.is_going_on:
            self._ended[folder] = record
            return RunFiles(record)
        growing = (*_read_folder(folder), *_read_folder(f"{folder}/{OUT}"))
        return RunFiles(record, tuple(status for _, status in growing))


class KnownRuns:
    """Reads the runs of a clone, but those that have ended only once, unless their records change.

    A run that goes on has the metrics that it has so far.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._ended: dict[Path, tuple[tuple[int, ...], Run]] = {}

    def read(self, top: Path) -> list[Run]:
        """Return the recorded runs of all logs, oldest first; see `record_reader.read_runs`."""
        return read_runs(top, self._read_run)

    def _read_run(self, folder: Path) -> Run | None:
        record = _read_status(folder / RECORD)
        known, run = self._ended.get(folder, ((), None))
        if run is None or known != record:
            run = read_run(folder)
            if run is not None and run.has_end:
                self._ended[folder] = record, run
            elif run is not None and run.is_going_on:
                run.fields["metrics"] = read_last_values(run)
        return run


def _read_status(path: str | Path) -> tuple[int, ...]:
    """Return the size and the times of a file; nothing if there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read_folder(folder: str | Path) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the names in a folder, and the size and the times of each."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    return tuple((name, _read_status(os.path.join(folder, name))) for name in names)


def _list_folders(folder: str | Path) -> list[str]:
    try:
        with os.scandir(folder) as listing:
            return sorted(entry.path for entry in listing if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _read_tree(folder: str | Path, depth: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the folders below a folder with their times: git replaces a file in it for each change of a branch."""
    yield os.fspath(folder), _read_status(folder)
    if depth:
        for inner in _list_folders(folder):
            yield from _read_tree(inner, depth - 1)
