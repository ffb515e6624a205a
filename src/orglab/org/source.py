r"""The bytes of an Org file, and the plain text that the parser reads.

Org's grammar has one line ending, but files use two and may begin with a
byte-order mark.  Therefore the parser reads `Source.text`, in which `\r\n` is `\n`
and the mark is removed; every position in it can be converted to a position in
`Source.raw`, the original bytes.  Everything else is kept: a lone `\r`, NUL, form
feeds, U+2028 and invalid UTF-8 are ordinary characters of a line.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable

from orglab.errors import UnsafeEditError
from orglab.org.edit import Edit

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Bytes are compared in pieces of this size, which fit in the processor cache, to avoid copying a large file.
_PIECE = 1 << 16
# Lines before each block of this size are counted once, for callers that go through a file in another order.
_BLOCK = 1 << 14


def decode(text: bytes) -> str:
    """Return `text` as a string; invalid UTF-8 becomes lone surrogates, which `encode` turns back into the bytes."""
    return text.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes of `text`, the inverse of `decode`."""
    return text.encode("utf-8", "surrogateescape")


class Source:
    r"""One version of a file: its bytes, and the text that the parser reads.

    Attributes:
        raw: The bytes of the file.
        text: The same bytes without the byte-order mark and with `\n` for `\r\n`.
    """

    __slots__ = ("_blocks", "_column", "_counted", "_crlf", "_mark", "_top", "raw", "text")

    def __init__(self, raw: bytes) -> None:
        """Create a source from `raw`; any bytes are accepted."""
        self.raw = raw
        self._mark = len(BYTE_ORDER_MARK) if raw.startswith(BYTE_ORDER_MARK) else 0
        self._crlf: list[int] = []
        self._counted, self._top = (0, 1), 1
        self._blocks = [0]
        self._column = (-1, 0)
        self.text = raw[self._mark :] if self._mark else raw
        # Searching for one character first is four times as fast as searching for two.
        if b"\r" in raw and b"\r\n" in raw:
            # The n-th removed `\r` was n positions to the right of where its newline is now.
            matches = re.finditer(rb"\r\n", self.text)
            self._crlf = [match.start() - n for n, match in enumerate(matches)]
            self.text = self.text.replace(b"\r\n", b"\n")

    @classmethod
    def plain(cls, text: bytes, first_line: int) -> "Source":
        r"""Return a source for text that is already normalized: its only line ending is `\n`.

        Args:
            text: A part of a `Source.text`, possibly edited.
            first_line: The line number in the file where `text` begins.
        """
        source = cls(b"")
        source.raw = source.text = text
        source._counted, source._top = (0, first_line), first_line
        return source

    def raw_offset(self, position: int) -> int:
        r"""Return the position in `raw` for a position in `text`; at the end of a line, the one before its `\r`."""
        if not self._crlf:
            return position + self._mark
        return position + self._mark + bisect_left(self._crlf, position)

    def line_ending(self, position: int) -> bytes:
        """Return the line ending to use for text inserted at `position`: that of its line, or of the last line."""
        if not self._crlf:
            return b"\n"
        newline = self.text.find(b"\n", position)
        if newline < 0:
            newline = self.text.rfind(b"\n")
        place = bisect_left(self._crlf, newline)
        return b"\r\n" if place < len(self._crlf) and self._crlf[place] == newline else b"\n"

    def line_number(self, position: int) -> int:
        """Return the 1-based line number of `position`.

        It is counted from the last position asked for, because callers usually go from top to bottom, or else from the
        block that has the position.
        """
        place, line = self._counted
        if abs(position - place) > _BLOCK:
            blocks, number = self._blocks, position // _BLOCK
            while len(blocks) <= number:
                begin = (len(blocks) - 1) * _BLOCK
                blocks.append(blocks[-1] + self.text.count(b"\n", begin, begin + _BLOCK))
            place, line = number * _BLOCK, self._top + blocks[number]
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
            # Counted from the last position asked for in the same line, which may be long.
            column += len(decode(self.text[before:position]))
        else:
            column = len(decode(self.text[start:position])) + 1
        self._column = (position, column)
        return column

    def apply(self, edits: Iterable[Edit]) -> bytes:
        """Return the bytes of the file after `edits`.

        Args:
            edits: Edits of `text` that do not overlap, in any order.  Two insertions
                at one position are applied in the order given.

        Raises:
            UnsafeEditError: Edits overlap or lie outside the text.
        """
        pieces: list[bytes | memoryview] = []
        raw = memoryview(self.raw)
        done = 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            start, end = self.raw_offset(edit.start), self.raw_offset(edit.end)
            if start < done or end < start or edit.end > len(self.text):
                raise UnsafeEditError(
                    f"The edit of bytes {start} to {end} overlaps another edit or the end of the file; "
                    "nothing was written."
                )
            pieces += (raw[done:start], edit.replacement.replace(b"\n", self.line_ending(edit.start)))
            done = end
        pieces.append(raw[done:])
        return b"".join(pieces)

    def verify(self, edits: Iterable[Edit], after: bytes) -> None:
        """Raise an error unless `after` differs from `raw` by exactly `edits`.

        Args:
            edits: Edits of `text`, as for `apply`.
            after: The bytes of the file after the edits.

        Raises:
            UnsafeEditError: Any other byte differs.
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


def _is_same(content: bytes, begin: int, end: int, other: bytes, at: int) -> bool:
    """Return whether `content[begin:end]` equals the bytes at `at` in `other`."""
    return all(
        other.startswith(content[place : min(place + _PIECE, end)], at + place - begin)
        for place in range(begin, end, _PIECE)
    )
