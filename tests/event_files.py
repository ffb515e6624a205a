"""TensorBoard's event files, written by hand: any event can be in them, and at any time."""

import struct

from orglab.runs.sources.tfrecord import _compute_crc


def frame(content):
    """Return a record with right checksums."""
    return make_header(len(content)) + content + _mask(_compute_crc(content))


def make_header(length):
    """Return what a record of some length begins with."""
    packed = struct.pack("<Q", length)
    return packed + _mask(_compute_crc(packed))


def _mask(crc):
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def make_varint(value):
    """Return a number of variable length."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def part(number, content):
    """Return a field with bytes in it."""
    return make_varint(number << 3 | 2) + make_varint(len(content)) + content


def scalar(tag, value):
    """Return a value of a summary, as PyTorch writes it."""
    return part(1, part(1, tag.encode()) + b"\x15" + struct.pack("<f", value))


def event(step, *values, wall_time=1e9):
    """Return an event with a summary."""
    return b"\x09" + struct.pack("<d", wall_time) + b"\x10" + make_varint(step % 2**64) + part(5, b"".join(values))


LATER = 4e9
"""A time after that of any test, so that an event is not earlier than a run."""


def write_events(path, rows, wall_time=LATER):
    """Write an event file with rows such as `{"step": 1, "loss": 0.5}`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"".join(
            frame(event(row["step"], scalar(name, value), wall_time=wall_time))
            for row in rows
            for name, value in row.items()
            if name != "step"
        )
    )
