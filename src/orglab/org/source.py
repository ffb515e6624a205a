r"""The bytes of an Org file, and the plain text that the parser reads.

Org's grammar knows one line ending.  Files have two, and sometimes a
byte-order mark.  So the parser reads `Source.text`, where `\r\n` is `\n` and
the mark is gone, and every position in it can be turned back into a position
of `Source.raw`, the bytes as they are.  All else stays: a lone `\r`, NUL, form
feeds, U+2028 and bytes that are not UTF-8 are ordinary characters of a line.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable

from orglab.errors import UnsafeEditError
from orglab.org.edit import Edit

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Pieces of a large file: as much as the processor keeps near, where a copy of all of it would cost new memory.
_PIECE = 1 << 16


def decode(text: bytes) -> str:
    """Return `text` as a string; bytes that are not UTF-8 become lone surrogates, and come back by `encode`."""
    return text.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes of `text`, the inverse of `decode`."""
    return text.encode("utf-8", "surrogateescape")


class Source:
    r"""One version of a file: its bytes, and the text that the parser reads.

    Attributes:
        raw: The bytes of the file.
        text: The same without byte-order mark, with `\n` for `\r\n`.
    """

    __slots__ = ("_column", "_counted", "_crlf", "_mark", "_top", "raw", "text")

    def __init__(self, raw: bytes) -> None:
        """Read `raw`; any bytes will do."""
        self.raw = raw
        self._mark = len(BYTE_ORDER_MARK) if raw.startswith(BYTE_ORDER_MARK) else 0
        self._crlf: list[int] = []
        self._counted = self._top = (0, 1)
        self._column = (-1, 0)
        self.text = raw[self._mark :] if self._mark else raw
        # A single character is looked for four times as fast as two.
        if b"\r" in raw and b"\r\n" in raw:
            # The n-th removed `\r` stood n places further right than its newline stands now.
            found = re.finditer(rb"\r\n", self.text)
            self._crlf = [match.start() - n for n, match in enumerate(found)]
            self.text = self.text.replace(b"\r\n", b"\n")

    @classmethod
    def plain(cls, text: bytes, first_line: int) -> "Source":
        r"""Return a source of text that a source has been made of already: nothing in it is a line ending but `\n`.

        Args:
            text: A part of `Source.text`, or what edits have made of one.
            first_line: The line of the file that it begins with.
        """
        source = cls(b"")
        source.raw = source.text = text
        source._counted = source._top = (0, first_line)
        return source

    def raw_offset(self, position: int) -> int:
        r"""Return where in `raw` the place `position` of `text` is; at a line's end, before its `\r`."""
        if not self._crlf:
            return position + self._mark
        return position + self._mark + bisect_left(self._crlf, position)

    def line_ending(self, position: int) -> bytes:
        """Return the line ending to use for text written at `position`: that of the line there, or before it."""
        if not self._crlf:
            return b"\n"
        newline = self.text.find(b"\n", position)
        if newline < 0:
            newline = self.text.rfind(b"\n")
        place = bisect_left(self._crlf, newline)
        return b"\r\n" if place < len(self._crlf) and self._crlf[place] == newline else b"\n"

    def line_number(self, position: int) -> int:
        """Return the 1-based line of `position`.

        Counted from where it was last asked for: a list asks from top to bottom.
        """
        place, line = self._counted
        if position < place:
            line -= self.text.count(b"\n", position, place)
        else:
            line += self.text.count(b"\n", place, position)
        self._counted = position, line
        return line

    def column(self, position: int) -> int:
        """Return the 1-based column of `position`, in characters."""
        start = self.text.rfind(b"\n", 0, position) + 1
        before, column = self._column
        if start < before <= position:
            # Further on in the line asked for last, which may be long.
            column += len(decode(self.text[before:position]))
        else:
            column = len(decode(self.text[start:position])) + 1
        self._column = (position, column)
        return column

    def apply(self, edits: Iterable[Edit]) -> bytes:
        """Return the bytes of the file after `edits`.

        Args:
            edits: Changes of `text`, in any order, that do not overlap.  Two
                insertions at one place stand in the order given.

        Raises:
            UnsafeEditError: Edits overlap or lie outside the text.
        """
        pieces: list[bytes | memoryview] = []
        raw = memoryview(self.raw)
        done = 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            start, end = self.raw_offset(edit.start), self.raw_offset(edit.end)
            if start < done or end < start or edit.end > len(self.text):
                raise UnsafeEditError(f"The edit of bytes {start} to {end} overlaps another; nothing was written.")
            pieces += (raw[done:start], edit.replacement.replace(b"\n", self.line_ending(edit.start)))
            done = end
        pieces.append(raw[done:])
        return b"".join(pieces)

    def verify(self, edits: Iterable[Edit], after: bytes) -> None:
        """Do nothing if `after` is these bytes with `edits` in them, and all bytes outside the edits as they were.

        Args:
            edits: Changes of `text`, as for `apply`.
            after: The bytes of the file after them.

        Raises:
            UnsafeEditError: Another byte differs.
        """
        old = new = 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            start, end = self.raw_offset(edit.start), self.raw_offset(edit.end)
            replacement = edit.replacement.replace(b"\n", self.line_ending(edit.start))
            kept = new + start - old
            if not _is_same(self.raw, old, start, after, new) or not after.startswith(replacement, kept):
                raise UnsafeEditError(f"The edit would have changed other bytes before {end}; nothing was written.")
            old, new = end, kept + len(replacement)
        if len(after) - new != len(self.raw) - old or not _is_same(self.raw, old, len(self.raw), after, new):
            raise UnsafeEditError(f"The edit would have changed bytes after {old}; nothing was written.")


def _is_same(one: bytes, begin: int, end: int, other: bytes, at: int) -> bool:
    """Return whether the bytes `one[begin:end]` stand at `at` in others."""
    return all(
        other.startswith(one[place : min(place + _PIECE, end)], at + place - begin)
        for place in range(begin, end, _PIECE)
    )
