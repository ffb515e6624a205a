r"""A text that is edited, kept in the subtrees of level 1 that it has, so that a keystroke concerns only one of them.

Lines end with `\n` alone.  A text that is no Org is one part.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from orglab.experiment.model import Experiment
from orglab.org.document import Document
from orglab.org.source import BYTE_ORDER_MARK

_BETWEEN = b"\n* "


class PartExperiments(NamedTuple):
    """The experiments in a part of a log.

    Attributes:
        document: The document by whose settings they were read.
        experiments: The experiments, in order.
        renumbered: Those with former ids, by these.
    """

    document: Document
    experiments: list[Experiment]
    renumbered: dict[str, Experiment]


class TextPart:
    """A subtree of level 1, or the text before the first one.

    Attributes:
        text: Its text.
        mark: How long the byte-order mark is that it begins with, which is no text; 0 without.
        read: The experiments in it; None before they are read.
    """

    __slots__ = ("_starts", "lines", "mark", "read", "text")

    def __init__(self, text: bytes) -> None:
        """Take the text."""
        self.text = text
        self.mark = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
        self.lines = text.count(b"\n")
        self.read: PartExperiments | None = None
        self._starts: list[int] | None = None

    @property
    def starts(self) -> list[int]:
        """Where each line begins; also that after a newline at the end."""
        if self._starts is None:
            lengths = (len(line) for line in self.text.split(b"\n"))
            self._starts = [0, *accumulate(length + 1 for length in lengths)][:-1]
        return self._starts


class Place(NamedTuple):
    """A place in a text.

    Attributes:
        line: The 0-based line.
        column: The byte of the line.
    """

    line: int
    column: int


class PartedText:
    """A text that is edited.

    Attributes:
        parts: Its parts, in order; at least one.
        version: Counts the edits.
    """

    def __init__(self, text: bytes) -> None:
        """Take the text."""
        self.parts = [TextPart(one) for one in _split(text)]
        self.version = 0
        self._first_lines: list[int] | None = None
        self._whole: bytes | None = None

    def __bytes__(self) -> bytes:
        """Return the whole text."""
        if self._whole is None:
            self._whole = b"".join(part.text for part in self.parts)
        return self._whole

    def __len__(self) -> int:
        """Return how many bytes it has."""
        return sum(len(part.text) for part in self.parts)

    @property
    def first_lines(self) -> list[int]:
        """The line in which each part begins."""
        if self._first_lines is None:
            self._first_lines = [0, *accumulate(part.lines for part in self.parts)][:-1]
        return self._first_lines

    def find_part(self, line: int) -> int:
        """Return the index of the part that has a line; of the last one if the text ends before."""
        return max(0, bisect_right(self.first_lines, line) - 1)

    def line(self, number: int) -> bytes:
        """Return a line, without what ends it; empty if there is none."""
        index = self.find_part(number)
        part, starts = self.parts[index], self.parts[index].starts
        inner = number - self.first_lines[index]
        if not 0 <= inner < len(starts):
            return b""
        end = starts[inner + 1] - 1 if inner + 1 < len(starts) else len(part.text)
        return part.text[starts[inner] : end]

    def replace(self, start: Place, end: Place, new: bytes) -> tuple[list[TextPart], list[TextPart]]:
        """Replace the text between two places; return the parts that are gone, and those that are there instead.

        A place past the end of the text is the end.
        """
        first, begin = self._locate(start)
        last, stop = self._locate(end)
        last, stop = max((last, stop), (first, begin))
        text = self.parts[first].text[:begin] + new + self.parts[last].text[stop:]
        # What does not begin with a star any more belongs to the part before; and what ends without a newline now, ...
        if first > 0 and not text.startswith(b"* "):
            first -= 1
            text = self.parts[first].text + text
        # ... has the heading after it in its last line.
        while last + 1 < len(self.parts) and not text.endswith(b"\n"):
            last += 1
            text += self.parts[last].text
        gone, made = self.parts[first : last + 1], [TextPart(one) for one in _split(text)]
        self.parts[first : last + 1] = made
        self.version += 1
        self._first_lines = self._whole = None
        return gone, made

    def take_known(self, other: "PartedText") -> None:
        """Take from an earlier version of the text the parts that are the same, with what was read in them."""
        parts, others = self.parts, other.parts
        shortest = min(len(parts), len(others))
        same = next((n for n in range(shortest) if parts[n].text != others[n].text), shortest)
        parts[:same] = others[:same]
        rest = shortest - same
        tail = next((n for n in range(rest) if parts[-1 - n].text != others[-1 - n].text), rest)
        if tail:
            parts[-tail:] = others[-tail:]
        self.version = other.version + 1

    def _locate(self, place: Place) -> tuple[int, int]:
        """Return the index of the part that has a place, and where in it that is."""
        index = self.find_part(place.line)
        part = self.parts[index]
        inner = place.line - self.first_lines[index]
        if inner < 0:
            return 0, 0
        if inner >= len(part.starts):
            return index, len(part.text)
        return index, min(part.starts[inner] + place.column, len(part.text))


def _split(text: bytes) -> Iterable[bytes]:
    """Return the parts of a text."""
    pieces = text.split(_BETWEEN)
    if len(pieces) == 1:
        return pieces
    return [pieces[0] + b"\n", *(b"* %b\n" % piece for piece in pieces[1:-1]), b"* " + pieces[-1]]
