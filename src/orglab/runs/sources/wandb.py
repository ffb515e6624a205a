"""Read the history and the summary in W&B's run files: `wandb/offline-run-*/run-*.wandb`, and those of runs online.

A file is a sequence of records (wandb_internal.proto) in LevelDB's log format: blocks of 32 KB, in which each piece has
its checksum, its length, and whether it is a whole record or the first, a middle or the last part of one.
"""

import contextlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from orglab.errors import NotReadableError
from orglab.git.inside import open_inside
from orglab.runs.metrics.values import NAME, Row, is_not_finite, parse_number
from orglab.runs.sources.protobuf import BYTES, FIXED64, VARINT, Field, read_fields, read_text, to_signed
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile
from orglab.runs.tracker_variables import find_noted_run

TRACKER = "wandb"

_FOLDER = re.compile(r"(?:^|/)\.?wandb/(?:offline-)?run-\d{8}_\d{6}-[^/]+/")
_ID = 200

_HEADER = Struct("<4sHB")
_IDENT, _MAGIC = b":W&B", 0xBEE1
_BLOCK = 1 << 15
_PIECE = Struct("<IHB")
_FULL, _FIRST, _LAST = 1, 2, 4  # 3 is a middle one
_LARGEST = 16 << 20  # a larger record is passed over
_RECORDS = 1_000_000
_EARLY = 50  # records of a file among which the description of the run is

# The fields of a record, and of the messages in it.
_HISTORY, _SUMMARY, _RUN = 2, 3, 17
_RUN_ID, _NOTES, _START_TIME = 1, 9, 17
_ITEM, _STEP = 1, 2
_UPDATE, _REMOVE = 1, 2
_KEY, _NESTED_KEY, _INTEGER, _NUMBER, _JSON, _VALUE_JSON = 1, 2, 5, 6, 8, 16
_VALUE_BYTES = b"\x82\x01"  # with which the field `value_json` begins
_SHORT = 128  # a length below is one byte
_NAMES = 10_000
_VALUES = 1000  # of a row with objects in it
_DOUBLE = Struct("<d")
_NUMBER_STARTS = frozenset(bytes([byte]) for byte in b"-0123456789NI")
_TYPE = "._type"
_DEPTH = 8
_VALUE = 1 << 16  # bytes of a value; a longer one is no number
_BYTES_A_STEP = 16  # of JSON


def is_file(path: Path) -> bool:
    """Return whether a file is one of W&B's, by its name: that of a run, or what else is in the folder of a run."""
    return path.suffix == ".wandb" or _FOLDER.search(path.as_posix()) is not None


def find_places(environment: Mapping[str, str], folder: Path) -> list[Path]:
    """Return the folders in one of which W&B keeps the runs of a command.

    Args:
        environment: The environment of the command.
        folder: The folder that it runs in.
    """
    return [folder / environment.get("WANDB_DIR", "") / name for name in ("wandb", ".wandb")]


def find_runs(file: TrackerFile) -> list[TrackedRun] | None:
    """Return the run in a file, once for its history and once for what only its summary has; none of an earlier time.

    A run whose notes name another run of ours is not one of them.  The result is None for what else is in its folder.

    Raises:
        NotReadableError: It is not a run file, or cannot be read.
    """
    if file.path.suffix != ".wandb":
        return None
    name, start, noted = _find_run(file)
    reader = _RunReader(file, start)
    if noted not in (None, file.run_id):
        return []  # a run of another run of ours
    if start is not None and start < file.began and next(reader.read_history(), None) is None:
        return []  # an earlier run
    return [
        TrackedRun(TRACKER, name, reader.read_history, is_ours=noted is not None),
        TrackedRun(TRACKER, name, reader.read_summary, is_history=False, is_ours=noted is not None),
    ]


def _find_run(file: TrackerFile) -> tuple[str, float | None, str | None]:
    """Return the id of a run, when it began, in seconds since the epoch, and the id of the run of ours in its notes.

    What is not known is None.
    """
    name, start, noted = file.path.stem.removeprefix("run-"), None, None
    for number, record in enumerate(read_records(file)):
        if number == _EARLY:
            break
        try:
            run = next((one for one in read_fields(record, 0, len(record), file) if one.number == _RUN), None)
            if run is not None and run.kind == BYTES:
                for field in read_fields(record, run.start, run.end, file):
                    if field.number == _RUN_ID and field.kind == BYTES:
                        name = read_text(record, field)
                    elif field.number == _NOTES and field.kind == BYTES:
                        noted = find_noted_run(read_text(record, field))
                    elif field.number == _START_TIME and field.kind == BYTES:
                        start = _read_time(record, field, file)
                break
        except ValueError:
            continue
    return name[:_ID], start, noted


def _read_time(record: bytes, field: Field, file: TrackerFile) -> float:
    parts = {part.number: part.value for part in read_fields(record, field.start, field.end, file)}
    return to_signed(parts.get(1, 0)) + parts.get(2, 0) / 1e9


# ---- the records of a file ----


def read_records(file: TrackerFile) -> Iterator[bytes]:
    """Yield the records of a file; a last one that is not complete yet is left out.

    Raises:
        NotReadableError: It is another file, is damaged, cannot be read, or has more than a million records.
    """
    path = file.path
    try:
        with open_inside(file.repository, path) as opened:
            header = opened.read(_HEADER.size)
            if len(header) < _HEADER.size and _IDENT.startswith(header[:4]):
                return
            if header[:4] != _IDENT or _HEADER.unpack(header)[1] != _MAGIC:
                raise NotReadableError(f"The metrics file {path} is not a valid file of W&B.")
            records = _join_pieces(_read_pieces(opened, path, has_checksums=header[-1] == 0))
            for count, record in enumerate(records):
                yield record
                if count + 1 == _RECORDS:
                    raise NotReadableError(
                        f"The metrics file {path} has more than {_RECORDS:,} records; the others were not read."
                    )
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error


def _read_pieces(opened: BinaryIO, path: Path, *, has_checksums: bool) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces of records with their kinds.

    Raises:
        NotReadableError: A checksum is wrong.
        OSError: The file cannot be read.
    """
    place, before = _HEADER.size, 0
    block = bytes(place) + opened.read(_BLOCK - place)
    while True:
        while len(block) - place >= _PIECE.size:
            checksum, length, kind = _PIECE.unpack_from(block, place)
            end = place + _PIECE.size + length
            if end > len(block) or not kind:
                # What is not written yet, or a piece that would not end in its block.
                if end <= len(block) or len(block) < _BLOCK:
                    return
                raise NotReadableError(_explain(path, before + place))
            if has_checksums and zlib.crc32(block[place + _PIECE.size - 1 : end]) != checksum:
                raise NotReadableError(_explain(path, before + place))
            yield kind, block[place + _PIECE.size : end]
            place = end
        if len(block) < _BLOCK:
            return
        before += _BLOCK
        block, place = opened.read(_BLOCK), 0


def _explain(path: Path, place: int) -> str:
    return f"The metrics file {path} is damaged after {place:,} bytes; what follows was not read."


def _join_pieces(pieces: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield whole records; one that is too large is left out."""
    parts: list[bytes] = []
    size = 0
    for kind, piece in pieces:
        if kind == _FULL:
            yield piece
            continue
        if kind == _FIRST:
            parts, size = [], 0
        size += len(piece)
        if size <= _LARGEST:
            parts.append(piece)
        if kind == _LAST:
            if size <= _LARGEST:
                yield b"".join(parts)
            parts, size = [], 0


# ---- the values of a run ----


class _RunReader:
    """Reads the values of a run.

    The bytes of an item before its value are kept with the name that they mean, and found again without parsing.
    """

    def __init__(self, file: TrackerFile, start: float | None) -> None:
        """Take a file, and when its run began."""
        self._file = file
        self._since = file.began if start is not None and start < file.began else None
        self._names: dict[bytes, str] = {}

    def read_history(self) -> Iterator[Row]:
        """Yield the rows that were logged since our run began.

        Raises:
            NotReadableError: The file is damaged, or cannot be read.
        """
        for number, record, start, end in self._read_parts():
            if number == _HISTORY and (row := self._read_row(record, start, end)):
                yield row

    def read_summary(self) -> Iterator[Row]:
        """Yield the values of the summary that are not in the history.

        Raises:
            NotReadableError: The file is damaged, or cannot be read.
        """
        items: dict[str, bytes] = {}
        logged: set[str] = set()
        for number, record, start, end in self._read_parts() if self._since is None else ():
            with contextlib.suppress(ValueError):
                if number == _SUMMARY:
                    self._change_summary(items, record, start, end)
                    continue
                fields = read_fields(record, start, end, self._file)
                logged.update(
                    self._find_name(record[field.start : field.end]) for field in fields if field.number == _ITEM
                )
        final: Row = {}
        for item in items.values():
            with contextlib.suppress(ValueError):
                self._add_item(final, item)
        rest = {name: value for name, value in _select_metrics(final).items() if name not in logged}
        if rest:
            yield rest

    def _read_parts(self) -> Iterator[tuple[int, bytes, int, int]]:
        """Yield the histories and summaries in the records: which it is, the record, where it starts and ends."""
        for record in read_records(self._file):
            try:
                found = [
                    (field.number, record, field.start, field.end)
                    for field in read_fields(record, 0, len(record), self._file)
                    if field.number in (_HISTORY, _SUMMARY) and field.kind == BYTES
                ]
            except ValueError:
                continue
            yield from found

    def _read_row(self, record: bytes, start: int, end: int) -> Row:
        """Return the values of a history; none if it was logged before our run."""
        step: float | str | None = None
        row: Row = {}
        try:
            for field in read_fields(record, start, end, self._file):
                if field.number == _ITEM and field.kind == BYTES:
                    self._add_item(row, record[field.start : field.end])
                elif field.number == _STEP and field.kind == BYTES:
                    parts = read_fields(record, field.start, field.end, self._file)
                    step = next((to_signed(part.value) for part in parts if part.kind == VARINT), 0)
        except ValueError:
            return {}
        logged = row.get("_timestamp")
        if self._since is not None and isinstance(logged, int | float) and logged < self._since:
            return {}
        step = row.get("_step") if step is None else step
        values = _select_metrics(row)
        return {"step": step, **values} if values and isinstance(step, int | float) else values

    def _change_summary(self, items: dict[str, bytes], record: bytes, start: int, end: int) -> None:
        """Change the items of a summary as a record says.

        Raises:
            ValueError: It is not valid.
        """
        for field in read_fields(record, start, end, self._file):
            if field.kind == BYTES and field.number in (_UPDATE, _REMOVE):
                item = record[field.start : field.end]
                name = self._find_name(item)
                if field.number == _REMOVE:
                    items.pop(name, None)
                elif name in items or len(items) < _NAMES:
                    items[name] = item

    def _find_name(self, item: bytes) -> str:
        """Return the name of an item.

        Raises:
            ValueError: It is not valid.
        """
        head = item.rpartition(_VALUE_BYTES)[0]
        return self._names.get(head) or _read_name(item, self._file)

    def _add_item(self, row: Row, item: bytes) -> None:
        """Add the numbers of an item to a row.

        Raises:
            ValueError: It is not valid.
        """
        head, separator, tail = item.rpartition(_VALUE_BYTES)
        if separator and tail and tail[0] == len(tail) - 1 < _SHORT:
            name = self._names.get(head)
            if name is None:
                name = _read_name(head, self._file)
                if len(self._names) >= _NAMES:
                    raise NotReadableError(
                        f"The metrics file {self._file.path} has more than {_NAMES:,} names; what follows was not read."
                    )
                self._names[head] = name
            self._add_json(row, name, tail[1:])
            return
        name = _read_name(item, self._file)
        for field in read_fields(item, 0, len(item), self._file):
            if field.number in (_JSON, _VALUE_JSON) and field.kind == BYTES:
                self._add_json(row, name, item[field.start : field.end])
            elif field.number == _NUMBER and field.kind == FIXED64:
                row[name] = _DOUBLE.unpack_from(item, field.start)[0]
            elif field.number == _INTEGER and field.kind == VARINT:
                row[name] = (field.value >> 1) ^ -(field.value & 1)

    def _add_json(self, row: Row, name: str, text: bytes) -> None:
        """Add the numbers in JSON to a row, and the types of what is no number."""
        if text[:1] in _NUMBER_STARTS:
            try:
                row[name] = parse_number(text.decode("ascii", "replace"))
            except ValueError:
                return
        elif text[:1] in (b"{", b'"') and len(text) <= _VALUE:
            self._file.take(len(text) // _BYTES_A_STEP)
            try:
                value = json.loads(text, parse_int=parse_number, parse_float=parse_number, parse_constant=str)
            except (ValueError, RecursionError):
                return
            _add_value(row, name, value, _DEPTH)


def _read_name(item: bytes, file: TrackerFile) -> str:
    """Return the name of an item: its key, or its nested keys joined by dots.

    Raises:
        ValueError: It is not valid.
    """
    fields = read_fields(item, 0, len(item), file)
    keys = [read_text(item, field) for field in fields if field.number in (_KEY, _NESTED_KEY) and field.kind == BYTES]
    return ".".join(keys)[:NAME]


def _add_value(row: Row, name: str, value: object, depth: int) -> None:
    """Add the numbers in a value to a row, and the types of what is no number."""
    if len(row) >= _VALUES:
        return
    if isinstance(value, dict):
        for key, one in value.items() if depth else ():
            _add_value(row, f"{name}.{key}"[:NAME], one, depth - 1)
    elif isinstance(value, str) and not name.endswith(_TYPE):
        if is_not_finite(value):
            row[name] = value
    elif isinstance(value, int | float | str) and not isinstance(value, bool):
        row[name] = value


def _select_metrics(row: Row) -> Row:
    """Return the metrics in a row: not what W&B adds to it, nor the fields of pictures, tables and histograms."""
    others = tuple(name.removesuffix("_type") for name in row if name.endswith(_TYPE))
    return {
        name: value
        for name, value in sorted(row.items())  # the order in the file is random
        if name and name[0] != "_" and name != "step" and not (others and name.startswith(others))
    }
