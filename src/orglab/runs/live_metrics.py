"""Write the history of the metrics of a run while its command goes on, for those who watch it."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from orglab.errors import OrglabError
from orglab.runs.finalization import find_written
from orglab.runs.job import Job
from orglab.runs.metrics.attribution import Attribution
from orglab.runs.metrics.candidates import Mark
from orglab.runs.metrics.discovery import LOGGED, Written
from orglab.runs.metrics.measurement import find_sources, record_history
from orglab.runs.metrics.metrics_source import MetricsSource
from orglab.runs.metrics.printed import PrintedMetrics
from orglab.runs.results import Stamp, read_size, read_stamp

_PAUSE_SECONDS = 0.3
_SHARE = 50
"""How many times as long as it takes to look for metrics the pause is at least, so that the command is not slowed."""


class LiveMetrics:
    """Writes the history of the metrics of a run while its command goes on, as a context manager.

    It is what the history would be if the command ended now, and the history at the end replaces it.  What a script
    logs with `orglab.run` has a file in the record already (`live_history.py`), so nothing is written for it.
    """

    def __init__(self, job: Job, printed: PrintedMetrics | None, marks: dict[Path, Mark], began: Stamp | None) -> None:
        """Take what `finish_run` takes; `start` begins, once the command has started."""
        self._job = job._replace(tell=lambda _: None)  # what is to be told is told at the end
        self._printed = printed
        self._marks = marks
        self._began = began
        self._seen: object = None
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="orglab-metrics", daemon=True)

    def start(self) -> None:
        """Begin to write the history, in another thread: the command is not to wait for that."""
        self._thread.start()

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write nothing from here on."""
        self._has_ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._has_ended.wait(pause):
            start = time.monotonic()
            with suppress(OrglabError, OSError):
                self._write()
            pause = max(_PAUSE_SECONDS, _SHARE * (time.monotonic() - start))

    def _write(self) -> None:
        """Write the history, if it has changed."""
        job, began = self._job, self._began
        if read_size(job.record.out / LOGGED):
            return
        # A copy, because the command prints more meanwhile.
        rows = self._printed.rows[:] if self._printed is not None else []
        printed = MetricsSource(None, lambda: rows, is_history=True) if self._printed is not None else None
        written = Written(find_written(job, began), began, Attribution(job, began), self._has_ended.is_set)
        sources, _ = find_sources(job, printed, self._marks, written)
        seen = [len(rows), *map(_read_stamps, sources)]
        if seen != self._seen and not self._has_ended.is_set():
            for source in sources:
                source.is_growing = True
            record_history(job, sources)
            self._seen = seen


def _read_stamps(source: MetricsSource) -> list[Stamp | None]:
    """Return the stamps of the files of a source; a database has new rows in a second file first."""
    return [read_stamp(Path(f"{path}{end}")) for path in source.files for end in ("", "-wal")]
