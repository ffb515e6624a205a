"""Entries lost in a merge: notes, steps and experiments that one side added and the result does not have."""

import re
from collections.abc import Iterator
from itertools import pairwise

from orglab.experiment.author import MARK
from orglab.experiment.note_text import RUN_MARK
from orglab.log.merge.node import COMMITS

_ENTRY = re.compile(rb"^(?:\*+ |[ \t]*(?:[-+]|\d+[.)])[ \t])[^\n]*$", re.M)
_CHANGING = re.compile(rb"\[(?:\d*%|\d*/\d*|[ Xx-])\]")
_HEAD = re.compile(rb"^\[\d{4}-\d{2}-\d{2}[^\]\n]*\](?:[ \t]*%b)?" % MARK.encode())
_BULLET = re.compile(rb"^(?:\*+[ \t]+(?:[A-Z]+[ \t]+)?|[ \t]*(?:[-+]|\d+[.)])[ \t]+)")


def find_lost_entries(
    base: bytes, sides: tuple[bytes, bytes], merged: bytes, now: bytes
) -> Iterator[tuple[int, bytes]]:
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
    known = {key for text in (base, merged, now) for key in _entries(text)}
    for number, side in enumerate(sides):
        for key, line in _entries(side).items():
            if key and key not in known:
                yield number, line


def _entries(text: bytes) -> dict[bytes, bytes]:
    """Return the line of each entry by what it is known by: its words, or the last line of the note of a run."""
    text = text.replace(b"\r\n", b"\n")
    entries: dict[bytes, bytes] = {}
    places = [*_ENTRY.finditer(text), None]
    for entry, following in pairwise(places):
        if entry is not None:
            mark = RUN_MARK.search(text, entry.end(), following.start() if following is not None else len(text))
            entries.setdefault(mark.group().strip() if mark is not None else _words(entry.group()), entry.group())
    return entries


def _words(line: bytes) -> bytes:
    """Return the words of a line, without bullet, keyword, checkbox, cookies, timestamp and commits."""
    bare = _HEAD.sub(b"", COMMITS.sub(b"", _CHANGING.sub(b"", _BULLET.sub(b"", line))))
    return b" ".join(bare.split())
