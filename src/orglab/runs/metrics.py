"""Read the metrics that a command wrote to a file or printed: their final values and their history.

A JSON object holds final values; a list of objects, JSON Lines, CSV and TSV hold a history with one row per step.  A
value that is not a finite number is kept as text.
"""

import codecs
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
_TEXT = 500  # characters kept of a value that is not a number
_NAME = 200
_EXACT = 2**53  # larger integers are not exact as a float
_WHOLE = 64 << 20  # bytes of a JSON document, which is held in memory
_LINE = 1 << 20
_PRINTED = re.compile(rb"metric[ \t]+([^\s=][^=\n]{0,199}?)[ \t]*=[ \t]*(\S[^\n]{0,499}?)[ \t\r]*")
_BUFFER = 1 << 16


class MetricsHistory:
    """The history of the metrics in a file, read lazily.

    Attributes:
        is_history: Whether the file has a history, not only final values.
        final: The last value of each metric read so far.
    """

    def __init__(self, rows: Iterable[Mapping[str, object]], *, is_history: bool) -> None:
        """Take rows of values; iterating reads them."""
        self._rows = rows
        self.is_history = is_history
        self.final: Row = {}

    def __iter__(self) -> Iterator[Row]:
        """Yield each row with a `step`."""
        for number, raw in enumerate(self._rows, 1):
            row = {name[:_NAME]: to_value(value) for name, value in raw.items() if name}
            self.final |= row
            if row:
                yield {"step": _find_step(row, number), **{name: row[name] for name in row if name != "step"}}


def read_metrics(path: Path, start: int = 0) -> MetricsHistory:
    """Return the metrics in a file.

    Args:
        path: A JSON, JSON Lines, CSV or TSV file; the format is detected from its content.
        start: The byte to start at, after the rows of an earlier run.

    Raises:
        NotReadableError: The file is missing, empty or in another format.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            first = file.read(_LINE).removeprefix(codecs.BOM_UTF8).lstrip()[:2]
        size = path.stat().st_size - start
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error
    if not first:
        raise NotReadableError(f"The metrics file {path} is empty.")
    is_json = first[:1] in (b"{", b"[") or first in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if not is_json:
        return MetricsHistory(_read_table(path, start), is_history=True)
    if size <= _WHOLE:
        document = _read_document(path, start)
        if isinstance(document, dict):
            return MetricsHistory([document], is_history=False)
        if isinstance(document, list):
            return MetricsHistory([row for row in document if isinstance(row, dict)], is_history=True)
    return MetricsHistory(_read_json_lines(path, start), is_history=True)


def _read_document(path: Path, start: int) -> object:
    """Return a file as one JSON document, or None if it is not one."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return _parse_json(file.read())
    except (OSError, ValueError, RecursionError):
        return None


def _parse_json(text: bytes) -> object:
    # A number that neither an int nor a float represents is kept as text.
    return json.loads(text, parse_int=_parse_number, parse_float=_parse_number, parse_constant=str)


def _read_json_lines(path: Path, start: int) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a JSON Lines file.

    Raises:
        NotReadableError: No line is a JSON object.
    """
    count = 0
    for line in _read_lines(path, start):
        try:
            row = _parse_json(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            count += 1
            yield row
    if not count:
        raise NotReadableError(f"The metrics file {path} is neither JSON nor JSON Lines.")


def _read_table(path: Path, start: int) -> Iterator[Mapping[str, object]]:
    """Yield the rows of a CSV or TSV file with a header line."""
    import csv  # noqa: PLC0415 - few runs write a table

    texts = (line.decode("utf-8", "replace").replace("\0", "") for line in _read_lines(path, 0))
    try:
        head = next(texts, "").removeprefix("\ufeff")
        separator = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
        names = [name.strip() for name in next(csv.reader([head], delimiter=separator), [])]
        if len(names) < 2 and path.suffix.lower() not in (".csv", ".tsv"):  # noqa: PLR2004 - a table has several columns
            raise NotReadableError(f"The metrics file {path} is not JSON, JSON Lines, CSV or TSV.")
        if start:
            texts = (line.decode("utf-8", "replace").replace("\0", "") for line in _read_lines(path, start))
        for cells in csv.reader(texts, delimiter=separator):
            yield {name: _parse_cell(cell.strip()) for name, cell in zip(names, cells, strict=False) if cell.strip()}
    except csv.Error as error:
        raise NotReadableError(f"The metrics file {path} is not a valid table: {error}.") from error


def _read_lines(path: Path, start: int) -> Iterator[bytes]:
    """Yield the lines of a file; a very long line is split.

    Raises:
        NotReadableError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            while line := file.readline(_LINE):
                yield line
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error


def _parse_cell(text: str) -> object:
    try:
        return _parse_number(text)
    except ValueError:
        return text


def _parse_number(text: str) -> Value:
    """Return a text as a number, or unchanged if an int or float would lose digits or is not finite.

    Raises:
        ValueError: The text is not a number.
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
    """Return the value of a metric: a finite number, or else a text cut to a fixed length."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _EXACT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str):
        return _to_text(value)
    return _to_text(json.dumps(value, ensure_ascii=False) if not isinstance(value, float) else str(value))


def _to_text(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return cut(text, _TEXT)


def _find_step(row: Row, number: int) -> Value:
    """Return the step of a row: the value of its step column, or else its number."""
    names = {name.lower(): name for name in reversed(row)}
    value = next((row[names[name]] for name in _STEPS if name in names), number)
    return value if isinstance(value, int | float) else number


class PrintedMetrics:
    """Finds lines `metric NAME=VALUE` in a stream of output, in bounded memory.

    Attributes:
        final: The last value of each metric.
        rows: The history: each value with its position among the values of its metric.
    """

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self.final: Row = {}
        self.rows: list[Row] = []
        self._rest = b""
        self._too_long = False
        self._counts: dict[str, int] = {}

    def feed(self, piece: bytes) -> None:
        """Process the next piece of output."""
        first, newline, rest = piece.partition(b"\n")
        if not newline:
            self._append(first)
            return
        self._append(first)
        self._parse_line(self._rest)
        lines, _, self._rest = rest.rpartition(b"\n")
        if b"metric" in lines:
            for line in lines.split(b"\n"):
                self._parse_line(line)
        self._too_long = len(self._rest) > _BUFFER
        self._rest = b"" if self._too_long else self._rest

    def end(self) -> None:
        """Process the last, incomplete line."""
        self._parse_line(self._rest)
        self._rest = b""

    def _append(self, piece: bytes) -> None:
        """Append to the incomplete line, unless it is too long for a metric."""
        self._too_long = self._too_long or len(self._rest) + len(piece) > _BUFFER
        self._rest = b"" if self._too_long else self._rest + piece

    def _parse_line(self, line: bytes) -> None:
        match = _PRINTED.fullmatch(line)
        if match is None:
            return
        name, text = (part.decode("utf-8", "replace") for part in match.groups())
        if name not in self._counts and len(self._counts) >= _NAMES:
            return
        value = to_value(_parse_cell(text))
        self.final[name] = value
        self._counts[name] = self._counts.get(name, 0) + 1
        if len(self.rows) < _ROWS:
            self.rows.append({"step": self._counts[name], name: value})


_NAMES = 1000
_ROWS = 100_000
