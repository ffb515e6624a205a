"""Read the scalars in TensorBoard's event files: those of PyTorch, Lightning, Keras, TensorFlow, JAX and tensorboardX.

A file is a sequence of records, each an `Event` (tensorflow/core/util/event.proto): a time, a step and often a summary
of values with tags.  A scalar is a `simple_value`, or a tensor with one element that belongs to the plugin `scalars`.
A run is a folder of such files: each writer, such as a resumed one, begins a file of its own.
"""

import math
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from orglab.errors import NotReadableError
from orglab.git.inside import open_inside, walk_inside
from orglab.runs.metrics.values import Row
from orglab.runs.sources.protobuf import (
    BYTES,
    FIXED32,
    VARINT,
    Field,
    read_fields,
    read_text,
    read_varint,
    to_signed,
)
from orglab.runs.sources.tfrecord import Content, read_records
from orglab.runs.sources.tracked_run import TrackedRun, TrackerFile

# Most writers put the time, the machine, the process and a number into the name.
_NAME = re.compile(r"tfevents\.\d+\.(?P<host>.+)\.(?P<process>\d{1,9})\.\d+(?:\.v2)?$")
_PLACEHOLDER = "hp_metric"  # what Lightning logs as -1, unless a script gives it a value
_TAGS = 10_000
_PLACES = 8
_SIBLINGS = 20  # that are looked at, of each file
_FIRST = 4  # records of a file among which the start of a session is
_BYTES_A_STEP = 1 << 10

# The fields of an event, of a value, and of a tensor; and the first bytes of those of an event, in their usual order.
_SUMMARY, _SESSION_LOG = 5, 7
_TAG, _SIMPLE_VALUE, _TENSOR, _METADATA = 1, 2, 8, 9
_DTYPE, _CONTENT = 1, 4
_WALL_TIME_BYTE, _STEP_BYTE = 0x09, 0x10
_TIME_SIZE = 9  # bytes of the time, with the number of the field
_LARGEST_STEP = 1 << 63
_SESSION_START = 1

_DOUBLE, _SINGLE, _HALF = Struct("<d"), Struct("<f"), Struct("<e")
_PRECISION = 2**-25  # what is as close to a single is nearer to it than to any other
_BFLOAT16 = 14
# How an element of the content of a tensor is written, by its type.
_ELEMENTS = {
    number: Struct(f"<{form}")
    for number, form in {1: "f", 2: "d", 3: "i", 4: "B", 5: "h", 6: "b", 9: "q", 10: "B", 17: "H", 19: "e", 22: "I",
                         23: "Q"}.items()
}  # fmt: skip
# The fields of a tensor with its elements, if they are not in its content.
_FIXED = {5: _SINGLE, 6: _DOUBLE}
_INTEGERS = (7, 10, 11, 16)
_UNSIGNED = 17
_HALVES = 13
_WITH_ELEMENTS = frozenset((_CONTENT, *_FIXED, *_INTEGERS, _UNSIGNED, _HALVES))

_Number = int | float
_Event = tuple[float, int, bytes, int, int]
"""An event: its time and step, and where the rest of it is."""


class _Place(NamedTuple):
    """Where in a summary with one value its number is, and how it is written."""

    start: int
    end: int
    form: Struct


def is_file(path: Path) -> bool:
    """Return whether a file may be an event file, by its name."""
    return "tfevents" in path.name and not path.name.endswith(".profile-empty")


def find_runs(file: TrackerFile) -> list[TrackedRun]:
    """Return the run of an event file; none if nothing is in it yet.

    Raises:
        NotReadableError: It is not an event file, or cannot be read.
    """
    if next(_read_events(file, file.path), None) is None:
        return []
    return [TrackedRun("tensorboard", None, lambda: _read_rows(file), is_ours=_is_of_process(file))]


def _is_of_process(file: TrackerFile) -> bool:
    """Return whether the name of a file says that the process of our command began it."""
    match = _NAME.search(file.path.name)
    return match is not None and match["host"] == os.uname().nodename and int(match["process"]) == file.process


def _read_events(file: TrackerFile, path: Path) -> Iterator[_Event]:
    """Yield the events of a file.

    Raises:
        NotReadableError: It is not an event file, or cannot be read.
    """
    try:
        with open_inside(file.repository, path) as opened:
            yield from map(_parse_event, read_records(opened, path, _WALL_TIME_BYTE))
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error


def _parse_event(content: Content) -> _Event:
    """Return an event; one that does not begin with its time, or whose step is not valid, is empty."""
    data, start, end = content
    if data[start] != _WALL_TIME_BYTE or end - start < _TIME_SIZE:
        return 0.0, 0, data, end, end
    (wall_time,) = _DOUBLE.unpack_from(data, start + 1)
    start += _TIME_SIZE
    step = 0
    if start < end and data[start] == _STEP_BYTE:
        try:
            step, start = read_varint(data, start + 1, end)
        except ValueError:
            return wall_time, 0, data, end, end
        if step >= _LARGEST_STEP:
            step = to_signed(step)
    return wall_time, step, data, start, end


def _read_rows(file: TrackerFile) -> Iterator[Row]:
    """Yield the scalars of an event file, those of a step that follow each other in one row.

    Raises:
        NotReadableError: It is damaged, cannot be read, or has too many records or tags; what comes before is yielded.
    """
    row: Row = {}
    failed: NotReadableError | None = None
    scalars = _read_scalars(file)
    while True:
        try:
            step, values = next(scalars)
        except StopIteration:
            break
        except NotReadableError as error:
            failed = error
            break
        for tag, value in values:
            if row and (tag in row or row["step"] != step):
                yield row
                row = {}
            if not row:
                row["step"] = step
            row[tag] = value
    if row:
        yield row
    if failed is not None:
        raise failed


def _read_scalars(file: TrackerFile) -> Iterator[tuple[int, list[tuple[str, _Number]]]]:
    """Yield the scalars of each event of a file, with their step.

    What was logged before our run is left out, and so are the steps that a later writer in the folder begins again.

    Raises:
        NotReadableError: It is damaged, cannot be read, or has too many records or tags.
    """
    reader = _ScalarReader(file)
    since: float | None = None
    end_step = _find_end(file)
    for wall_time, step, data, start, end in _read_events(file, file.path):
        if since is None:  # the first event says when the file was begun
            since = file.began if wall_time < file.began else -math.inf
        if wall_time >= since and step < end_step and start != end:
            yield step, reader.read(data[start:end])


def _find_end(file: TrackerFile) -> float:
    """Return the step at which a later writer in the folder began again (`purge_step`); infinity if none did."""
    _, _, names = next(walk_inside(file.repository, file.path.parent), ("", [], []))
    later = (file.path.with_name(name) for name in sorted(names) if name > file.path.name)
    steps = (_find_restart(file, path) for path in islice(filter(is_file, later), _SIBLINGS))
    return min((step for step in steps if step is not None), default=math.inf)


def _find_restart(file: TrackerFile, path: Path) -> int | None:
    """Return the step with which an event file continues an earlier one, or None if it does not say so."""
    try:
        for event in islice(_read_events(file, path), _FIRST):
            _, step, data, start, end = event
            file.take((end - start) // _BYTES_A_STEP)
            for field in read_fields(data, start, end, file):
                if field.number == _SESSION_LOG and field.kind == BYTES:
                    session = read_fields(data, field.start, field.end, file)
                    if any(one.number == 1 and one.value == _SESSION_START for one in session):
                        return step
    except (NotReadableError, ValueError):
        return None
    return None


class _ScalarReader:
    """Reads the scalars in summaries.

    Most summaries have one value, and differ from an earlier one with the same tag in its number only.  So the bytes
    around the number are kept with the tag, and found again without parsing.
    """

    def __init__(self, file: TrackerFile) -> None:
        """Take the file of the summaries."""
        self._file = file
        self._tags: dict[bytes, str] = {}
        self._places: dict[int, list[_Place]] = {}
        self._are_scalars: dict[str, bool] = {}

    def read(self, rest: bytes) -> list[tuple[str, _Number]]:
        """Return the scalars in what follows the step of an event, with their tags.

        Raises:
            NotReadableError: There are too many tags, or fields.
        """
        for place in self._places.get(len(rest), ()):
            tag = self._tags.get(rest[: place.start] + rest[place.end :])
            if tag is not None:
                value = place.form.unpack_from(rest, place.start)[0]
                return [(tag, _shorten(value) if place.form is _SINGLE else value)]
        try:
            return self._parse(rest)
        except ValueError:
            return []  # the next record may be valid

    def _parse(self, rest: bytes) -> list[tuple[str, _Number]]:
        found = []
        count = 0
        for field in read_fields(rest, 0, len(rest), self._file):
            if field.number != _SUMMARY or field.kind != BYTES:
                continue
            for value in read_fields(rest, field.start, field.end, self._file):
                count += 1
                if value.number == 1 and value.kind == BYTES:
                    found += self._parse_value(rest, value)
        if len(found) == count == 1 and (place := found[0][2]) is not None:
            places = self._places.setdefault(len(rest), [])
            if place in places or len(places) < _PLACES:
                self._tags[rest[: place.start] + rest[place.end :]] = found[0][0]
                places += [place] if place not in places else []
        return [(tag, value) for tag, value, _ in found]

    def _parse_value(self, rest: bytes, field: Field) -> list[tuple[str, _Number, _Place | None]]:
        """Return the scalar that a value is, and where its number is, if it has a fixed length."""
        parts = {part.number: part for part in read_fields(rest, field.start, field.end, self._file)}
        if _TAG not in parts or parts[_TAG].kind != BYTES:
            return []
        tag = read_text(rest, parts[_TAG])
        if tag not in self._are_scalars:
            if len(self._are_scalars) >= _TAGS:
                raise NotReadableError(
                    f"The metrics file {self._file.path} has more than {_TAGS:,} names; what follows was not read."
                )
            self._are_scalars[tag] = _METADATA in parts and _describes_scalar(rest, parts[_METADATA], self._file)
        simple, tensor = parts.get(_SIMPLE_VALUE), parts.get(_TENSOR)
        place: _Place | None = None
        number: _Number | None = None
        if simple is not None and simple.kind == FIXED32:
            place = _Place(simple.start, simple.end, _SINGLE)
        elif tensor is not None and tensor.kind == BYTES and self._are_scalars[tag]:
            place, number = _read_tensor(rest, tensor, self._file)
        if place is not None:
            number = place.form.unpack_from(rest, place.start)[0]
            number = _shorten(number) if place.form is _SINGLE else number
        if number is None or tag in ("", "step"):
            return []
        if tag == _PLACEHOLDER:
            return [] if number == -1 else [(tag, number, None)]
        return [(tag, number, place)]


def _describes_scalar(rest: bytes, metadata: Field, file: TrackerFile) -> bool:
    """Return whether the metadata of a value says that it is a scalar."""
    for field in read_fields(rest, metadata.start, metadata.end, file):
        if field.number == 1 and field.kind == BYTES:
            names = (part for part in read_fields(rest, field.start, field.end, file) if part.number == 1)
            if any(read_text(rest, name) == "scalars" for name in names):
                return True
        if field.number == 4 and field.kind == VARINT and field.value == 1:  # noqa: PLR2004 - data_class: SCALAR
            return True
    return False


def _read_tensor(rest: bytes, tensor: Field, file: TrackerFile) -> tuple[_Place | None, _Number | None]:
    """Return where the only element of a tensor is or, if it has no fixed length, the number; None for other tensors.

    Raises:
        ValueError: It is not valid.
    """
    dtype = count = 0
    place: _Place | None = None
    number: _Number | None = None
    for field in read_fields(rest, tensor.start, tensor.end, file):
        size = field.end - field.start
        count += field.number in _WITH_ELEMENTS
        if count > 1:
            return None, None
        if field.number == _DTYPE and field.kind == VARINT:
            dtype = field.value
        elif field.number == _CONTENT and size:
            if (form := _ELEMENTS.get(dtype)) is not None and form.size == size:
                place = _Place(field.start, field.end, form)
            elif dtype == _BFLOAT16 and size == _HALF.size:
                number = _widen(int.from_bytes(rest[field.start : field.end], "little"))
        elif (form := _FIXED.get(field.number)) is not None and form.size == size:
            place = _Place(field.start, field.end, form)
        elif field.number in (*_INTEGERS, _UNSIGNED, _HALVES):
            value, end = (field.value, field.end) if field.kind == VARINT else read_varint(rest, field.start, field.end)
            if end == field.end:
                number = value if field.number == _UNSIGNED else to_signed(value)
                if field.number == _HALVES:
                    bits = number & 0xFFFF
                    number = _widen(bits) if dtype == _BFLOAT16 else _HALF.unpack(bits.to_bytes(2, "little"))[0]
    return place, number


def _widen(bits: int) -> float:
    """Return a number that is written as the upper half of a single."""
    return _shorten(_SINGLE.unpack((bits << 16).to_bytes(4, "little"))[0])


def _shorten(value: float) -> float:
    """Return the number with the fewest digits that is the same in single precision: 0.1 for 0.10000000149011612."""
    if not math.isfinite(value):
        return value
    short = float(f"{value:.7g}")
    if abs(short - value) < abs(value) * _PRECISION:
        return short
    longer = (float(f"{value:.{digits}g}") for digits in (7, 8))
    return next((one for one in longer if _SINGLE.unpack(_SINGLE.pack(one))[0] == value), float(f"{value:.9g}"))
