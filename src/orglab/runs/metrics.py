"""Metrics that a command left in a file or printed: their final values, and their history.

JSON holds final values; a list of objects, JSON lines, CSV and TSV hold a history, a row a step.  A value that is no
finite number is kept as text.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from orglab.errors import NotReadableError
from orglab.text import cut

Value = float | str
Row = dict[str, Value]

_STEPS = ("step", "global_step", "iteration", "iter", "epoch")
_TEXT = 500  # characters that are kept of a value that is no number
_NAME = 200
_EXACT = 2**53  # beyond it a number is not what its digits say
_WHOLE = 64 << 20  # bytes of a JSON document, which has to be held whole
_LINE = 1 << 20
_PRINTED = re.compile(rb"metric[ \t]+([^\s=][^=\n]{0,199}?)[ \t]*=[ \t]*(\S[^\n]{0,499}?)[ \t\r]*")
_BUFFER = 1 << 16


class MetricsHistory:
    """The history of metrics that a file holds, read as it is asked for; afterwards, the final values.

    Attributes:
        final: The last value of each metric, so far.
    """

    def __init__(self, rows: Iterable[Mapping[str, object]], *, is_history: bool) -> None:
        """Stand for rows of values."""
        self._rows = rows
        self.is_history = is_history
        self.final: Row = {}

    def __iter__(self) -> Iterator[Row]:
        """Yield each row, with a `step`."""
        for number, raw in enumerate(self._rows, 1):
            row = {name[:_NAME]: to_value(value) for name, value in raw.items() if name}
            self.final |= row
            if row:
                yield {"step": _find_step(row, number), **{name: row[name] for name in row if name != "step"}}


def read_metrics(path: Path, start: int = 0) -> MetricsHistory:
    """Return the metrics in a file.

    Args:
        path: The file: JSON, JSON lines, CSV or TSV; its content decides, but for the separator of columns.
        start: The byte to begin at: what stands before it is of an earlier run.

    Raises:
        NotReadableError: It is not there, or none of these.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            first = file.read(_LINE).lstrip()[:1]
        size = path.stat().st_size - start
    except OSError as error:
        raise NotReadableError(f"The metrics file {path} cannot be read: {error.strerror}.") from error
    if not first:
        raise NotReadableError(f"The metrics file {path} is empty.")
    if first not in b"{[":
        return MetricsHistory(_columns(path, start), is_history=True)
    if size <= _WHOLE:
        document = _document(path, start)
        if isinstance(document, dict):
            return MetricsHistory([document], is_history=False)
        if isinstance(document, list):
            return MetricsHistory([row for row in document if isinstance(row, dict)], is_history=True)
    return MetricsHistory(_lines(path, start), is_history=True)


def _document(path: Path, start: int) -> object:
    """Return what a file is as one JSON document, or None if it is none."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return _loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None


def _loads(text: bytes) -> object:
    # Numbers as they are written: what no float or int holds is kept as text.
    return json.loads(text, parse_int=_number, parse_float=_number, parse_constant=str)


def _lines(path: Path, start: int) -> Iterator[Mapping[str, object]]:
    """Yield the objects of JSON lines.

    Raises:
        NotReadableError: No line is one.
    """
    count = 0
    for line in _read_pieces(path, start):
        try:
            row = _loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            count += 1
            yield row
    if not count:
        raise NotReadableError(f"The metrics file {path} is no JSON, and no line of it is.")


def _columns(path: Path, start: int) -> Iterator[Mapping[str, object]]:
    """Yield the rows of a table whose first line names its columns."""
    import csv  # noqa: PLC0415 - few runs leave a table

    texts = (line.decode("utf-8", "replace").replace("\0", "") for line in _read_pieces(path, 0))
    try:
        head = next(texts, "").removeprefix("\ufeff")
        separator = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
        names = [name.strip() for name in next(csv.reader([head], delimiter=separator), [])]
        if len(names) < 2 and path.suffix.lower() not in (".csv", ".tsv"):  # noqa: PLR2004 - a table has columns
            raise NotReadableError(f"The metrics file {path} is no JSON, JSON lines, CSV or TSV.")
        if start:
            texts = (line.decode("utf-8", "replace").replace("\0", "") for line in _read_pieces(path, start))
        for cells in csv.reader(texts, delimiter=separator):
            yield {name: _cell(cell.strip()) for name, cell in zip(names, cells, strict=False) if cell.strip()}
    except csv.Error as error:
        raise NotReadableError(f"The metrics file {path} is no table: {error}.") from error


def _read_pieces(path: Path, start: int) -> Iterator[bytes]:
    """Yield the lines of a file; what is longer than a line of metrics can be is cut.

    Raises:
        NotReadableError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            while line := file.readline(_LINE):
                yield line
    except OSError as error:
        raise NotReadableError(f"The metrics file {path} cannot be read: {error.strerror}.") from error


def _cell(text: str) -> object:
    try:
        return _number(text)
    except ValueError:
        return text


def _number(text: str) -> Value:
    """Return the number that a text is, or the text where no float is it.

    Raises:
        ValueError: It is no number at all.
    """
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        return text
    if value.is_integer() and abs(value) < _EXACT and not set(".eE") & set(text):
        return int(value)
    if abs(value) >= _EXACT and not set(".eE") & set(text):
        return text
    return value


def to_value(value: object) -> Value:
    """Return a metric's value: a finite number, or else text of bearable length."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _EXACT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str):
        return _as_text(value)
    return _as_text(json.dumps(value, ensure_ascii=False) if not isinstance(value, float) else str(value))


def _as_text(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return cut(text, _TEXT)


def _find_step(row: Row, number: int) -> Value:
    """Return a row's step: the column that is called so, else its number."""
    names = {name.lower(): name for name in reversed(row)}
    found = next((row[names[name]] for name in _STEPS if name in names), number)
    return found if isinstance(found, int | float) else number


class PrintedMetrics:
    """Finds lines `metric NAME=VALUE` in output that comes in pieces, in bounded memory.

    Attributes:
        final: The last value of each.
        rows: Each value with its place among those of its name, the history.
    """

    def __init__(self) -> None:
        """Begin at the start of a line."""
        self.final: Row = {}
        self.rows: list[Row] = []
        self._rest = b""
        self._too_long = False
        self._counts: dict[str, int] = {}

    def feed(self, piece: bytes) -> None:
        """Take the next piece of output."""
        first, newline, behind = piece.partition(b"\n")
        if not newline:
            self._keep(first)
            return
        self._keep(first)
        self._read(self._rest)
        whole, _, self._rest = behind.rpartition(b"\n")
        if b"metric" in whole:
            for line in whole.split(b"\n"):
                self._read(line)
        self._too_long = len(self._rest) > _BUFFER
        self._rest = b"" if self._too_long else self._rest

    def end(self) -> None:
        """Take what came last as a line."""
        self._read(self._rest)
        self._rest = b""

    def _keep(self, piece: bytes) -> None:
        """Keep the begin of a line, unless it is too long for a metric."""
        self._too_long = self._too_long or len(self._rest) + len(piece) > _BUFFER
        self._rest = b"" if self._too_long else self._rest + piece

    def _read(self, line: bytes) -> None:
        found = _PRINTED.fullmatch(line)
        if found is None:
            return
        name, text = (part.decode("utf-8", "replace") for part in found.groups())
        if name not in self._counts and len(self._counts) >= _NAMES:
            return
        value = to_value(_cell(text))
        self.final[name] = value
        self._counts[name] = self._counts.get(name, 0) + 1
        if len(self.rows) < _ROWS:
            self.rows.append({"step": self._counts[name], name: value})


_NAMES = 1000
_ROWS = 100_000
