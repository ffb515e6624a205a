"""A run in progress: the request, the folder and the record."""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from orglab.git import Repository
from orglab.log.log import LogFile
from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.runs.record_writer import RecordWriter
from orglab.runs.results import ResultsWatch
from orglab.runs.run_request import RunRequest
from orglab.runs.secrets import find_hidden, mask_fields, mask_rows, mask_text
from orglab.text import Tell

_MOST_EARLIER_RUNS = 200  # so that a long history does not slow a run down


class EarlierRuns:
    """The newest earlier runs of a log, newest first, read when they are first needed."""

    def __init__(self, log: LogFile, run_id: str) -> None:
        """Take the log, and the id of the run that is about to start."""
        self._log = log
        self._run_id = run_id

    @cached_property
    def all(self) -> list[Run]:
        """These runs."""
        newest = LogRuns(self._log).read_newest(_MOST_EARLIER_RUNS)
        return [run for run in newest if run.id != self._run_id]


class Job(NamedTuple):
    """A run in progress.

    Attributes:
        log: The log.
        request: What to run.
        ref: The step or the experiment, as written in the log; None if the run belongs to none.
        record: The record, open for writing.
        folder: Where the command runs.
        repository: The repository of that folder, or else of the log; None without git.
        watch: The files under the results paths before the run.
        tell: Called with each message for the user.
        earlier_runs: The earlier runs of the log.
        batch: The scheduler's job that this is part of, in which nothing is committed or written to the log; or None.
        earlier: The run as it was before its job was requeued, if it continues one.
        secrets: The secrets of the command and what it reads, by name, which the record does not have.
        home: The repository of the user's working tree, if the run has one of its own.
    """

    log: LogFile
    request: RunRequest
    ref: str | None
    record: RecordWriter
    folder: Path
    repository: Repository | None
    watch: ResultsWatch
    tell: Tell
    earlier_runs: EarlierRuns
    batch: SchedulerJob | None = None
    earlier: Run | None = None
    secrets: dict[str, str] | None = None
    home: Repository | None = None

    @property
    def is_deferred(self) -> bool:
        """Whether committing the results and writing the note is left to the next command."""
        is_of_script = bool((self.request.extra_fields or {}).get("script"))
        return self.batch is not None or is_of_script or self.is_swept

    @property
    def is_swept(self) -> bool:
        """Whether it is a version of a sweep, whose end does all that for its versions."""
        return bool((self.request.extra_fields or {}).get("sweep"))

    @property
    def author(self) -> str | None:
        """Who makes the run: whoever began its sweep, or the author of the log; None for a person."""
        name = (self.request.extra_fields or {}).get("author", self.log.author)
        return name if isinstance(name, str) else None

    @property
    def base(self) -> Path:
        """The base of the paths in the record: the top of the repository, or else the folder of the log."""
        return self.repository.top if self.repository is not None else self.log.top

    def find_known(self) -> set[str]:
        """Return the secrets of the command, of what it reads, and of its environment."""
        variables = {**os.environ, **(self.request.environment or {})}
        return {*(self.secrets or {}).values(), *find_hidden(variables).values()}

    @property
    def why(self) -> str | None:
        """Why the command is run, without secrets."""
        return mask_text(self.request.why or "", self.find_known()) or None

    def append(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add an event to the record, without secrets.

        Raises:
            OSError: It cannot be written.
        """
        self.record.append(event, mask_fields(fields, self.find_known()), durable=durable)

    def write_history(self, rows: Iterator[Mapping[str, object]]) -> None:
        """Write the history of the metrics, without secrets.

        Raises:
            OSError: It cannot be written.
        """
        self.record.write_history(mask_rows(rows, self.find_known()))

    def record_event(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add an event to the record; if that fails, tell the user, because the command has already run."""
        try:
            self.append(event, fields, durable=durable)
        except OSError as error:
            self.tell(f"The record of the run is incomplete: {error.strerror}.")
