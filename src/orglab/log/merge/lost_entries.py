"""What a merge lost: notes, steps and experiments that one side had added and that the result does not have."""

import re
from collections.abc import Iterator

from orglab.experiment.commit_notation import CHAINS
from orglab.log.merge.node import COMMITS

_ENTRY = re.compile(rb"^(?:\*+ |[ \t]*(?:[-+]|\d+[.)])[ \t])[^\n]*$", re.M)
_CHANGING = re.compile(rb"\[(?:\d*%|\d*/\d*|[ Xx-])\]")
_HEAD = re.compile(rb"^\[\d{4}-\d{2}-\d{2}[^\]\n]*\](?:[ \t]*\(%b\))?" % CHAINS.encode())
_BULLET = re.compile(rb"^(?:\*+[ \t]+(?:[A-Z]+[ \t]+)?|[ \t]*(?:[-+]|\d+[.)])[ \t]+)")


def find_losses(base: bytes, sides: tuple[bytes, bytes], merged: bytes, now: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each entry (a heading's or an item's line) that a side added and neither the merge nor the log now has.

    Prose is left out: whoever resolves a conflict may well word it anew.

    Args:
        base: The log that both sides grew from.
        sides: The log of each.
        merged: The log that the merge made.
        now: The log as it is.

    Yields:
        Which side, 0 or 1, and the line.
    """
    known = {*map(_words, _entries(base)), *map(_words, _entries(merged)), *map(_words, _entries(now))}
    for number, side in enumerate(sides):
        for line in _entries(side):
            if _words(line) and _words(line) not in known:
                yield number, line


def _entries(text: bytes) -> list[bytes]:
    return _ENTRY.findall(text.replace(b"\r\n", b"\n"))


def _words(line: bytes) -> bytes:
    """Return a line without what changes while its words stay: bullet, keyword, box, cookies, time, commits."""
    bare = _HEAD.sub(b"", COMMITS.sub(b"", _CHANGING.sub(b"", _BULLET.sub(b"", line))))
    return b" ".join(bare.split())
