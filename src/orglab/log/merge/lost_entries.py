"""Entries lost in a merge: notes, steps and experiments that one side added and the result does not have."""

import re
from collections.abc import Iterator

from orglab.experiment.commit_notation import CHAINS
from orglab.log.merge.node import COMMITS

_ENTRY = re.compile(rb"^(?:\*+ |[ \t]*(?:[-+]|\d+[.)])[ \t])[^\n]*$", re.M)
_CHANGING = re.compile(rb"\[(?:\d*%|\d*/\d*|[ Xx-])\]")
_HEAD = re.compile(rb"^\[\d{4}-\d{2}-\d{2}[^\]\n]*\](?:[ \t]*\(%b\))?" % CHAINS.encode())
_BULLET = re.compile(rb"^(?:\*+[ \t]+(?:[A-Z]+[ \t]+)?|[ \t]*(?:[-+]|\d+[.)])[ \t]+)")


def find_losses(base: bytes, sides: tuple[bytes, bytes], merged: bytes, now: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each entry (the line of a heading or an item) that a side added and that is missing from merge and log.

    Prose is ignored, because resolving a conflict often means rewording it.

    Args:
        base: The common ancestor of both sides.
        sides: The log on each side.
        merged: The log after the merge.
        now: The current log.

    Yields:
        The side, 0 or 1, and the line.
    """
    known = {*map(_words, _entries(base)), *map(_words, _entries(merged)), *map(_words, _entries(now))}
    for number, side in enumerate(sides):
        for line in _entries(side):
            if _words(line) and _words(line) not in known:
                yield number, line


def _entries(text: bytes) -> list[bytes]:
    return _ENTRY.findall(text.replace(b"\r\n", b"\n"))


def _words(line: bytes) -> bytes:
    """Return the words of a line, without bullet, keyword, checkbox, cookies, timestamp and commits."""
    bare = _HEAD.sub(b"", COMMITS.sub(b"", _CHANGING.sub(b"", _BULLET.sub(b"", line))))
    return b" ".join(bare.split())
