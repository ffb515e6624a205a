"""Read the metrics in a file: final values, or a history with one row for each step.

A JSON object holds final values; a list of objects, JSON Lines, CSV and TSV hold a history.  So does a JSON object with
such a list that has a step, as the `log_history` of Hugging Face's Trainer.  Objects in objects are flattened:
`{"val": {"acc": 0.9}}` is `val.acc`.  A value that is not a finite number is kept as text; lists and `null` are left
out.
"""

import codecs
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from orglab.errors import NotReadableError
from orglab.git import Repository
from orglab.git.inside import open_inside
from orglab.runs.metrics.values import NAME, Row, find_step_name, parse_cell, parse_number, to_value

_WHOLE = 64 << 20  # bytes of a JSON document, which is held in memory
_LINE = 1 << 20
_DEPTH = 8  # objects in objects
_VALUES = 1000  # of one row
_TEXT = 10_000  # characters of a value: it is cut again once its secrets are hidden
_UNNAMED = "unnamed"


class _File(NamedTuple):
    """A metrics file, and the repository that may have named it."""

    repository: Repository | None
    path: Path

    def open(self, start: int) -> BinaryIO:
        """Return the file, opened at a byte.

        Raises:
            OSError: It cannot be opened.
        """
        opened = open_inside(self.repository, self.path)
        opened.seek(start)
        return opened


class MetricsRows:
    """The rows of a metrics file, read lazily.

    Attributes:
        is_history: Whether the file has a history, not only final values.
    """

    def __init__(self, rows: Iterable[Mapping[str, object]], *, is_history: bool) -> None:
        """Take rows of values; iterating reads them."""
        self._rows = rows
        self.is_history = is_history

    def __iter__(self) -> Iterator[Row]:
        """Yield the values of each row that has any."""
        for row in self._rows:
            values: Row = {}
            _flatten(row, "", values, _DEPTH)
            if values:
                yield values


def _flatten(raw: Mapping[str, object], prefix: str, values: Row, depth: int) -> None:
    """Add the values of an object and of the objects in it to `values`, with their names joined by dots."""
    for name, value in raw.items():
        if isinstance(value, Mapping):
            if depth:
                _flatten(value, f"{prefix}{name}."[:NAME], values, depth - 1)
        elif name and value is not None and not isinstance(value, list) and len(values) < _VALUES:
            values[f"{prefix}{name}"[:NAME]] = to_value(value, _TEXT)


def read_metrics(repository: Repository | None, path: Path, start: int = 0) -> MetricsRows:
    """Return the rows of a metrics file.

    Args:
        repository: The repository, out of which no link that git tracks is followed; None if there is none.
        path: A JSON, JSON Lines, CSV or TSV file; the format is detected from its content.
        start: The byte to start at, after the rows of an earlier run.

    Raises:
        NotReadableError: The file is missing, empty or in another format.
    """
    file = _File(repository, path)
    try:
        with file.open(start) as opened:
            first = opened.read(_LINE).removeprefix(codecs.BOM_UTF8).lstrip()[:2]
            size = os.fstat(opened.fileno()).st_size - start
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error
    if not first:
        raise NotReadableError(f"The metrics file {path} is empty.")
    is_json = first[:1] in (b"{", b"[") or first in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if not is_json:
        return MetricsRows(_read_table(file, start), is_history=True)
    if size <= _WHOLE and not start:
        document = _read_document(file, start)
        history = document if isinstance(document, list) else _find_history(document)
        if history is not None:
            return MetricsRows([row for row in history if isinstance(row, dict)], is_history=True)
        if isinstance(document, dict):
            return MetricsRows([document], is_history=False)
    return MetricsRows(_read_json_lines(file, start), is_history=True)


def _read_document(file: _File, start: int) -> object:
    """Return a file as one JSON document, or None if it is not one."""
    try:
        with file.open(start) as opened:
            return _parse_json(opened.read())
    except (OSError, ValueError, RecursionError):
        return None


def _find_history(document: object) -> list[object] | None:
    """Return the list of rows with a step in a JSON object, or None."""
    for value in document.values() if isinstance(document, dict) else ():
        if isinstance(value, list) and value and all(isinstance(row, dict) and find_step_name(row) for row in value):
            return value
    return None


def _parse_json(text: bytes) -> object:
    # A number that neither an int nor a float represents is kept as text.
    return json.loads(text, parse_int=parse_number, parse_float=parse_number, parse_constant=str)


def _read_json_lines(file: _File, start: int) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a JSON Lines file.

    Raises:
        NotReadableError: No line is a JSON object.
    """
    count = 0
    for line in _read_lines(file, start):
        try:
            row = _parse_json(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            count += 1
            yield row
    if not count:
        raise NotReadableError(f"The metrics file {file.path} is neither JSON nor JSON Lines.")


def _read_table(file: _File, start: int) -> Iterator[Mapping[str, object]]:
    """Yield the rows of a CSV or TSV file with a header line."""
    import csv  # noqa: PLC0415 - few runs write a table

    texts = (line.decode("utf-8", "replace").replace("\0", "") for line in _read_lines(file, 0))
    try:
        head = next(texts, "").removeprefix("\ufeff")
        separator = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
        names = [name.strip() for name in next(csv.reader([head], delimiter=separator), [])]
        if len(names) < 2 and file.path.suffix.lower() not in (".csv", ".tsv"):  # noqa: PLR2004 - a table has several columns
            raise NotReadableError(f"The metrics file {file.path} is not JSON, JSON Lines, CSV or TSV.")
        if start:
            texts = (line.decode("utf-8", "replace").replace("\0", "") for line in _read_lines(file, start))
        for cells in csv.reader(texts, delimiter=separator):
            values = (parse_cell(cell.strip()) for cell in cells)
            # A column without a name is an index, if it has numbers, or names the rows, and then they are no history.
            yield {
                name or (_UNNAMED if isinstance(value, str) else ""): value
                for name, value in zip(names, values, strict=False)
                if value != ""
            }
    except csv.Error as error:
        raise NotReadableError(f"The metrics file {file.path} is not a valid table: {error}.") from error


def _read_lines(file: _File, start: int) -> Iterator[bytes]:
    """Yield the lines of a file; a very long line is split.

    Raises:
        NotReadableError: The file cannot be read.
    """
    try:
        with file.open(start) as opened:
            while line := opened.readline(_LINE):
                yield line
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {file.path}: {error.strerror}.") from error


def ends_a_line(path: Path) -> bool:
    """Return whether a file ends with the end of a line."""
    try:
        with open_inside(None, path) as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
    except OSError:
        return False
