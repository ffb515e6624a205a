"""What a terminal would show of the output of a command: progress bars at their end, and no colours."""

import re
from typing import NamedTuple

from orglab.text import clean

# Sequences with parameters, titles and links, other sequences, and single control characters (ECMA-48).
_CONTROL = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    r"|\x9b(?P<c1_parameters>[0-?]*)[ -/]*(?P<c1_final>[@-~])|(?P<single>[\n\r\b])"
)
_WIDEST = 4000
"""Where the cursor stops: lines of a terminal have an end."""


class _Cursor(NamedTuple):
    row: int
    column: int


class _Screen:
    """The lines of a terminal that has room for all of them."""

    def __init__(self) -> None:
        self.lines: list[list[str]] = [[]]
        self._at = _Cursor(0, 0)

    def write(self, text: str) -> None:
        """Write text over what stands at the cursor."""
        line, column = self.lines[self._at.row], self._at.column
        line += " " * (column - len(line))
        line[column : column + len(text)] = text
        self._at = self._at._replace(column=column + len(text))

    def control(self, match: re.Match[str]) -> None:
        """Move the cursor, or erase, as a control sequence says."""
        row, column = self._at
        single, final = match["single"], match["final"] or match["c1_final"]
        if single == "\n":
            self._move(row + 1, 0)
        elif single == "\r":
            self._move(row, 0)
        elif single == "\b":
            self._move(row, column - 1)
        elif final is not None:
            self._follow(final, _read_amount(match["parameters"] or match["c1_parameters"] or ""))

    def _follow(self, final: str, amount: int | None) -> None:
        row, column = self._at
        steps = amount or 1
        match final:
            case "A" | "F":
                self._move(row - steps, column if final == "A" else 0)
            case "B" | "E":
                self._move(min(row + steps, len(self.lines) - 1), column if final == "B" else 0)
            case "C":
                self._move(row, column + steps)
            case "D":
                self._move(row, column - steps)
            case "G":
                self._move(row, steps - 1)
            case "K":
                self._erase(amount or 0)

    def _move(self, row: int, column: int) -> None:
        self._at = _Cursor(max(row, 0), min(max(column, 0), _WIDEST))
        while len(self.lines) <= self._at.row:
            self.lines.append([])

    def _erase(self, part: int) -> None:
        """Erase the line after the cursor (0), before it (1), or all of it (2)."""
        line, column = self.lines[self._at.row], self._at.column
        if part == 1:
            line[: column + 1] = " " * min(column + 1, len(line))
        else:
            del line[column if part == 0 else 0 :]


def _read_amount(parameters: str) -> int | None:
    first = parameters.partition(";")[0]
    return int(first[:6]) if first.isascii() and first.isdigit() else None


def read_terminal_lines(output: bytes) -> list[str]:
    """Return the lines that a terminal shows in the end when a command prints something."""
    text, screen, end = output.decode("utf-8", "replace").replace("\r\n", "\n"), _Screen(), 0
    for match in _CONTROL.finditer(text):
        if match.start() > end:
            screen.write(text[end : match.start()])
        screen.control(match)
        end = match.end()
    if end < len(text):
        screen.write(text[end:])
    lines = [clean("".join(line)).rstrip() for line in screen.lines]
    while lines and not lines[-1]:
        lines.pop()
    return lines
