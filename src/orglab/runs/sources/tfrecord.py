"""Read the records of a TFRecord file: each has its length, a checksum of that, its content, and a checksum of that.

The checksums are CRC-32C, which Python has not.  Of the content it is not checked, since that would take longer than
all the rest; of the length it is where the length is doubtful.
"""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO

from orglab.errors import NotReadableError

_HEADER = Struct("<QI")
_LENGTH = Struct("<Q")
_FOOTER = 4
_CHUNK = 1 << 20
_LARGEST = 1 << 20  # a larger record is passed over: a picture or a model
_RECORDS = 1_000_000
_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8


Content = tuple[bytes, int, int]
"""The content of a record: what it is in, where it starts and where it ends."""


def read_records(opened: BinaryIO, path: Path, first_byte: int) -> Iterator[Content]:
    """Yield the content of each record of a file; a last one that is not complete yet is left out.

    Args:
        opened: The file, at its start.
        path: The file.
        first_byte: With what the content of a record usually begins.

    Raises:
        NotReadableError: It is another file, is damaged, cannot be read, or has more than a million records.
    """
    try:
        size = os.fstat(opened.fileno()).st_size
        data, start, before = b"", 0, 0  # of the file, `before` bytes are before `data`
        for _ in range(_RECORDS):
            if len(data) - start < _HEADER.size:
                data, start, before = data[start:] + opened.read(_CHUNK), 0, before + start
                if len(data) < _HEADER.size:
                    return
            (length,) = _LENGTH.unpack_from(data, start)
            is_doubtful = not before + start or not 0 < length <= _LARGEST
            if is_doubtful and not _is_header(data[start : start + _HEADER.size]):
                raise NotReadableError(_explain(path, before + start))
            end = start + _HEADER.size + length
            if before + end + _FOOTER > size:
                return
            if length > _LARGEST:
                before += end + _FOOTER
                opened.seek(before)
                data, start = b"", 0
                continue
            if end + _FOOTER > len(data):
                data, before = data[start:] + opened.read(_CHUNK + length), before + start
                start, end = 0, end - start
                if end + _FOOTER > len(data):
                    return
            if data[start + _HEADER.size] != first_byte and not _is_header(data[start : start + _HEADER.size]):
                raise NotReadableError(_explain(path, before + start))
            yield data, start + _HEADER.size, end
            start = end + _FOOTER
    except OSError as error:
        raise NotReadableError(f"Cannot read the metrics file {path}: {error.strerror}.") from error
    raise NotReadableError(f"The metrics file {path} has more than {_RECORDS:,} records; the others were not read.")


def _explain(path: Path, place: int) -> str:
    if place:
        return f"The metrics file {path} is damaged after {place:,} bytes; what follows was not read."
    return f"The metrics file {path} is not a valid event file."


def _is_header(header: bytes) -> bool:
    """Return whether the checksum of a header is right."""
    length, checksum = header[: _LENGTH.size], _HEADER.unpack(header)[1]
    crc = _compute_crc(length)
    return bool(checksum == (((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF))


def _compute_crc(data: bytes) -> int:
    """Return the CRC-32C of some bytes."""
    table = _make_table()
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@functools.cache
def _make_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return table
