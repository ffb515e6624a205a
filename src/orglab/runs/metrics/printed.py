"""Read metrics from the output of a command: lines `metric NAME=VALUE`, or several with numbers in one line.

A step in the same line is that of the others: `metric epoch=3 loss=0.5 acc=0.8`.
"""

import re

from orglab.runs.metrics.values import MetricSummary, Row, find_step, is_not_finite, parse_cell, to_value

_PRINTED = re.compile(rb"metric[ \t]+([^\s=][^=\n]{0,199}?)[ \t]*=[ \t]*(\S[^\n]{0,499}?)[ \t\r]*")
# The escape sequences of terminals: colours and the like, titles and links, and others (ECMA-48).
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
_PAIR = re.compile(r"([^\s=]+)[ \t]*=[ \t]*([^\s=]+)(?:[ \t]+|$)")
_PAIRS = re.compile(rf"(?:{_PAIR.pattern}){{2,}}")
_BUFFER = 1 << 16
_NAMES = 1000
_ROWS = 100_000


class PrintedMetrics:
    """Finds lines `metric NAME=VALUE` in a stream of output, in bounded memory.

    Of a line that was written over, as by a progress bar, what stands after the last carriage return counts.

    Attributes:
        summary: The last, smallest and largest value of each metric.
        rows: The history: each value with its position among the values of its metric.
    """

    def __init__(self) -> None:
        """Start at the beginning of a line."""
        self.summary = MetricSummary()
        self.rows: list[Row] = []
        self._rest = b""
        self._too_long = False
        self._counts: dict[str, int] = {}

    def feed(self, piece: bytes) -> None:
        """Process the next piece of output."""
        first, newline, rest = piece.partition(b"\n")
        self._append(first)
        if not newline:
            return
        self.end()
        lines, _, last = rest.rpartition(b"\n")
        if b"metric" in lines:
            for line in lines.split(b"\n"):
                self._parse_line(line)
        self._append(last)

    def end(self) -> None:
        """Process the last, incomplete line."""
        self._parse_line(self._rest)
        self._rest, self._too_long = b"", False

    def _append(self, piece: bytes) -> None:
        """Append to the incomplete line, unless it is too long for a metric."""
        rest = self._rest + piece
        # A progress bar writes one line for hours.
        written_over = rest.rstrip(b"\r").rfind(b"\r")
        if written_over >= 0:
            rest, self._too_long = rest[written_over + 1 :], False
        self._too_long = self._too_long or len(rest) > _BUFFER
        if self._too_long:
            rest = b"\r" if rest.endswith(b"\r") else b""
        self._rest = rest

    def _parse_line(self, line: bytes) -> None:
        if b"metric" not in line:
            return
        match = _PRINTED.fullmatch(_ESCAPES.sub(b"", line.rstrip(b"\r").rpartition(b"\r")[2]))
        if match is None:
            return
        name, text = (part.decode("utf-8", "replace") for part in match.groups())
        values = _split_numbers(f"{name}={text}") or {name: to_value(parse_cell(text))}
        known = {one: value for one, value in values.items() if one in self._counts or len(self._counts) < _NAMES}
        if not known:
            return
        for one in known:
            self._counts[one] = self._counts.get(one, 0) + 1
        step = find_step(known) if len(known) > 1 else None
        row_step = max(self._counts[one] for one in known) if step is None else step
        self.summary.add(known, row_step)
        if len(self.rows) < _ROWS:
            self.rows.append({"step": row_step, **{one: value for one, value in known.items() if one != "step"}})


def _split_numbers(text: str) -> Row | None:
    """Return the numbers in `epoch=3 loss=0.5`, by name; None if it is something else, such as a text with a `=`."""
    if _PAIRS.fullmatch(text) is None:
        return None
    values = {name: to_value(parse_cell(value)) for name, value in _PAIR.findall(text)}
    return values if all(not isinstance(one, str) or is_not_finite(one) for one in values.values()) else None
