"""Positions where blocks, drawers and LaTeX environments may end.

For each opening line, the parser needs the next matching end.  Searching the text
each time would take quadratic time if thousands of openings have no end, so all
ends are found once and looked up by bisection.
"""

from bisect import bisect_left

from orglab.org import syntax

_LATEX = b"\\end"
_DRAWER = b":end:"


class Ends:
    """The ends between two positions of a text, found on first use."""

    __slots__ = ("_begin", "_end", "_positions", "_text")

    def __init__(self, text: bytes, begin: int, end: int) -> None:
        """Create the ends in `text[begin:end]`."""
        self._text = text
        self._begin = begin
        self._end = end
        self._positions: dict[bytes, list[int]] | None = None

    def drawer(self, start: int, limit: int) -> int | None:
        """Return where the first `:END:` line between `start` and `limit` begins."""
        return self._next(_DRAWER, start, limit)

    def block(self, name: bytes, start: int, limit: int) -> int | None:
        """Return where the first `#+END_name` line begins; `#+END:` for the name `:`."""
        return self._next(name.lower(), start, limit)

    def dynamic_block(self, start: int, limit: int) -> int | None:
        """Return where the first `#+END:` or `#+END` line begins."""
        both = [self._next(name, start, limit) for name in (b":", b"")]
        return min((place for place in both if place is not None), default=None)

    def latex(self, name: bytes, start: int, limit: int) -> int | None:
        r"""Return where the first `\end{name}` at the end of a line begins."""
        return self._next(_LATEX + name.lower(), start, limit)

    def after_hidden(self, text: bytes, position: int, limit: int) -> int | None:
        """Return the line after the block or drawer that opens at `position`, or None if there is no closed one."""
        place = None
        begin = syntax.HIDING.match(text, position)
        if begin is not None:
            place = self.block(begin.group(1) or b":", position, limit)
        elif syntax.DRAWER.match(text, position):
            # The search starts at the line itself, so that an orphaned `:END:` hides only its own line.
            place = self.drawer(position, limit)
        return None if place is None else _line_after(text, place)

    def _next(self, key: bytes, start: int, limit: int) -> int | None:
        """Return the first position for `key` at or after `start` and before `limit`."""
        if self._positions is None:
            self._positions = self._find()
        positions = self._positions.get(key, ())
        index = bisect_left(positions, start)
        return positions[index] if index < len(positions) and positions[index] < limit else None

    def _find(self) -> dict[bytes, list[int]]:
        """Return the sorted positions of each kind of end."""
        positions: dict[bytes, list[int]] = {}
        text, begin, end = self._text, self._begin, self._end
        positions[_DRAWER] = [match.start() for match in syntax.DRAWER_END.finditer(text, begin, end)]
        for match in syntax.BLOCK_END.finditer(text, begin, end):
            name = match.group(1)
            positions.setdefault(match.group(2) if name is None else name.lower(), []).append(match.start())
        for match in syntax.LATEX_END.finditer(text, begin, end):
            positions.setdefault(_LATEX + match.group(1).lower(), []).append(match.start())
        return positions


def _line_after(text: bytes, position: int) -> int:
    """Return where the line after `position` begins."""
    newline = text.find(b"\n", position)
    return len(text) if newline < 0 else newline + 1
