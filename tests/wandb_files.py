"""W&B's run files, written by hand: any record can be in them, and at any time."""

import json
import struct
import zlib

from event_files import make_varint, part

BLOCK = 1 << 15
START = b":W&B\xe1\xbe\x00"
"""With what a file begins."""


def frame(records):
    """Return a file of some records, in pieces as LevelDB writes them."""
    content = bytearray(START)
    for record in records:
        rest, is_first = record, True
        while rest or is_first:
            room = BLOCK - len(content) % BLOCK
            if room < 7:
                content += bytes(room)
                continue
            piece, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if not rest else 2) if is_first else (4 if not rest else 3)
            data = bytes([kind]) + piece
            content += struct.pack("<IH", zlib.crc32(data), len(piece)) + data
            is_first = False
    return bytes(content)


def item(name, value):
    """Return a value in a history or a summary, with a name such as `val.acc`."""
    return part(1, b"".join(part(2, key.encode()) for key in name.split(".")) + part(16, json.dumps(value).encode()))


def history(step, **values):
    """Return a record with values of a step; `val__acc` is `val.acc`."""
    items = b"".join(item(name.replace("__", "."), value) for name, value in values.items())
    return b"\x08\x01" + part(2, items + part(2, b"\x08" + make_varint(step)))


def summary(*items):
    """Return a record that changes the summary."""
    return part(3, b"".join(items))


def describe_run(name, start, notes=""):
    """Return a record with the id of a run, when it began, and its notes."""
    return part(17, part(1, name.encode()) + part(9, notes.encode()) + part(17, b"\x08" + make_varint(start)))
