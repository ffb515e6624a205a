"""One run while it is being made: what was asked for, where, and its record."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orglab.git import Repository
from orglab.log.log import LogFile
from orglab.runs.record_writer import RecordWriter
from orglab.runs.results import ResultsWatch
from orglab.runs.run_request import RunRequest
from orglab.text import Tell


class Job(NamedTuple):
    """One run while it is being made.

    Attributes:
        log: The log.
        request: What was asked for.
        ref: The step, or the experiment, as the log spells it.
        record: Its record, open for writing.
        folder: Where the command runs.
        repository: The repository of that folder, or else the log's; None without git.
        watch: The files under the results paths, as they stood before.
        tell: Hears sentences for the user.
    """

    log: LogFile
    request: RunRequest
    ref: str
    record: RecordWriter
    folder: Path
    repository: Repository | None
    watch: ResultsWatch
    tell: Tell

    @property
    def base(self) -> Path:
        """What the paths in the record are relative to: the top of the repository, or else the log's folder."""
        return self.repository.top if self.repository is not None else self.log.top

    def record_event(self, event: str, fields: Mapping[str, object], *, durable: bool = False) -> None:
        """Add to the record if that can be; the command has run, so the user hears if not."""
        try:
            self.record.append(event, fields, durable=durable)
        except OSError as error:
            self.tell(f"The record of the run is not complete: {error.strerror}.")
