"""Reading a text with git's conflict markers (git-merge(1), "How conflicts are presented")."""

from orglab.log.merge.node import split_lines

_OURS, _BASE, _THEIRS = 1, 2, 3
_BEGINS = {b"<<<<<<<": _OURS, b"|||||||": _BASE, b"=======": _THEIRS, b">>>>>>>": 0}


def split_sides(text: bytes) -> tuple[bytes, bytes]:
    """Return a text as it is with our side of each conflict, and with theirs; neither has markers."""
    sides = bytearray(), bytearray()
    part = 0
    for line in split_lines(text):
        begins = _BEGINS.get(line[:7]) if line[7:8] in (b" ", b"\n", b"\r", b"") else None
        # A line of equals signs is a marker only in a conflict.
        if begins is not None and (part or begins == _OURS):
            part = begins
            continue
        for number, side in zip((_OURS, _THEIRS), sides, strict=True):
            if part in (0, number):
                side.extend(line)
    return bytes(sides[0]), bytes(sides[1])
