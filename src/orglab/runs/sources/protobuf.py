"""Read the fields of a serialized protocol buffer, without its schema and without the package `protobuf`.

What is read may come from anybody: each length is checked against the end of its message, a number has at most ten
bytes, how many fields are read is bounded by the room of the file, and none is read into depth by itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

from orglab.runs.sources.tracked_run import TrackerFile

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The kinds of fields."""
_LONGEST = 10  # bytes of a number
_BYTES_A_STEP = 4  # of a number, besides the step of its field
_SIZES = {FIXED64: 8, FIXED32: 4}
_CONTINUED = 0x80  # the bit of a byte that says that the number goes on
_BITS = 64
_ALL = (1 << _BITS) - 1


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: Its number in the schema.
        kind: One of the kinds of fields.
        value: The number, of a `VARINT`; 0 otherwise.
        start: Where its content starts in the data.
        end: Where its content ends.
    """

    number: int
    kind: int
    value: int
    start: int
    end: int


def read_fields(data: bytes, start: int, end: int, file: TrackerFile) -> Iterator[Field]:
    """Yield the fields of a message.

    Args:
        data: What the message is in.
        start: Where it starts.
        end: Where it ends.
        file: The file that it is from, in whose room each field takes a step.

    Raises:
        ValueError: It is not a valid message.
        NotReadableError: There is no room for its fields.
    """
    room = file.room
    while start < end:
        if room.left > 0:  # as in `file.take`
            room.left -= 1
        else:
            file.take()
        # Most numbers are one byte, and a call costs more than the rest.
        key = data[start]
        key, start = (key, start + 1) if key < _CONTINUED else read_varint(data, start, end)
        kind = key & 7
        value, stop = 0, start
        if kind == BYTES:
            length = data[start] if start < end else _CONTINUED
            length, start = (length, start + 1) if length < _CONTINUED else read_varint(data, start, end)
            stop = start + length
        elif kind == VARINT:
            value, stop = read_varint(data, start, end)
            room.left -= (stop - start) // _BYTES_A_STEP
        elif kind in _SIZES:
            stop = start + _SIZES[kind]
        else:
            raise ValueError(f"A field of kind {kind}")
        if stop > end:
            raise ValueError("A field that does not end in its message")
        yield Field(key >> 3, kind, value, start, stop)
        start = stop


def read_varint(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends.

    Args:
        data: What the number is in.
        start: Where it starts.
        end: Where it ends at the latest.

    Raises:
        ValueError: It does not end there, or has more than ten bytes.
    """
    value = shift = 0
    end = min(end, start + _LONGEST)
    while start < end:
        byte = data[start]
        start += 1
        if byte < _CONTINUED:
            return (value | byte << shift) & _ALL, start
        value |= (byte & 0x7F) << shift
        shift += 7
    raise ValueError("A number that does not end")


def to_signed(value: int) -> int:
    """Return a 64-bit number as a signed one."""
    return value - (1 << _BITS) if value >> (_BITS - 1) else value


def read_text(data: bytes, field: Field) -> str:
    """Return the text in a field; bytes that are not UTF-8 are replaced."""
    return data[field.start : field.end].decode("utf-8", "replace")
