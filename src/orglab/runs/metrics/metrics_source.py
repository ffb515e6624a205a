"""A source of metrics: a file, what a tracker has of a run, or the output of the command."""

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from orglab.errors import NotReadableError
from orglab.runs.metrics.reading import ends_a_line
from orglab.runs.metrics.values import MetricSummary, Row, find_step
from orglab.text import Tell

_TABLES = (".csv", ".tsv")


class MetricsSource:
    """A file with metrics, read lazily.

    Attributes:
        path: The file; None for the output of the command.
        is_history: Whether it has a history, not only final values.
        summary: A summary of the rows that were read.
        is_single: Whether its numbers were rounded to single precision.
        is_growing: Whether it may be written to while it is read, so that the last number of a table may be cut.
    """

    def __init__(
        self, path: Path | None, read: Callable[[], Iterable[Row]], *, is_history: bool, limit: float = math.inf
    ) -> None:
        """Take a function that returns the rows, and the largest number of rows to yield."""
        self.path = path
        self.is_history = is_history
        self.summary = MetricSummary()
        self.is_single = False
        self.is_growing = False
        self._read = read
        self._limit = limit

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""
        return (self.path,) if self.path is not None else ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files with the metrics."""
        return self.files

    def read_rows(self, tell: Tell) -> Iterator[Row]:
        """Yield the rows, each with its `step`, and summarize all; tell the user if they cannot be read."""
        self.summary = MetricSummary()
        try:
            rows = self._read()
            if self.is_growing and self.path is not None and self.path.suffix.lower() in _TABLES:
                rows = _drop_unfinished(self.path, rows)
            for number, row in enumerate(rows, 1):
                step = find_step(row)
                step = number if step is None else step
                self.summary.add(row, step if self.is_history else None)
                if number <= self._limit:
                    yield {"step": step, **{name: row[name] for name in row if name != "step"}}
        except NotReadableError as error:
            tell(str(error))


def _drop_unfinished(path: Path, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of a table without the last one, unless its line is written to its end."""
    held: Row | None = None
    for row in rows:
        if held is not None:
            yield held
        held = row
    if held is not None and ends_a_line(path):
        yield held
