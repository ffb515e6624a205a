"""Text for people: aligned by what a terminal shows, coloured only there, paged when long."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Self

import click

# Control characters, and those that turn the direction of text around: a log is hostile until shown.
_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff]")
_COLOURS = {"doing": "yellow", "done": "green", "dropped": "magenta", "todo": "cyan"}


def clean(text: str) -> str:
    """Return text without what a terminal would obey instead of show; bytes that are no UTF-8 become U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return _HOSTILE.sub(lambda match: "\ufffd" if match.group() >= "\ud800" else "", text)


def width(text: str) -> int:
    """Return how many columns a terminal gives to `text`."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # noqa: PLC0415 - its tables cost 10 ms, and most logs are ASCII

    return max(wcswidth(text), 0)


def fit(text: str, columns: int) -> str:
    """Return `text` cut to `columns`, with an ellipsis where something is cut, and filled up with blanks."""
    if width(text) > columns:
        while text and width(text) > columns - 1:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text + " " * (columns - width(text))


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def columns() -> int:
    """Return the width to write for: the terminal's; 0, no limit, in a pipe."""
    return shutil.get_terminal_size((80, 24)).columns if is_terminal() else 0


def paint(text: str, *, state: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """Return text in the colour of a kind of state; click takes the colour out where it is not wanted."""
    return click.style(text, fg=_COLOURS.get(state or ""), bold=bold or None, dim=dim or None)


def wrap(text: str, indent: str, first: str | None = None) -> list[str]:
    """Return the lines of a text, each paragraph wrapped to the terminal and indented; unwrapped in a pipe.

    Args:
        text: The text; its own line ends stay.
        indent: What each line begins with.
        first: What the first line begins with instead.
    """
    limit = min(columns(), 100)
    lines: list[str] = []
    for line in clean(text).split("\n"):
        room = limit - width(indent)
        if limit and width(line) > room and room > 20:  # noqa: PLR2004 - narrower columns are no help
            lines += _wrapped(line, room)
        else:
            lines.append(line)
    starts = [indent if first is None else first, *[indent] * (len(lines) - 1)]
    return [(start + line).rstrip() for start, line in zip(starts, lines, strict=True)]


def _wrapped(line: str, room: int) -> list[str]:
    """Return a line as lines of at most `room` columns; text without blanks (CJK) breaks anywhere."""
    if line.isascii():
        hang = re.match(r"\s*(?:[-+*] |\d+[.)] )?", line)
        after = " " * len(hang.group()) if hang else ""
        return textwrap.wrap(line, room, subsequent_indent=after, break_on_hyphens=False) or [""]
    found, current = [], ""
    for piece in re.findall(r"\s+|[\x21-\x7e]+|[^\x21-\x7e\s]", line):
        if current and width(current + piece.rstrip()) > room:
            found.append(current.rstrip())
            current = ""
        current += piece if current else piece.lstrip()
    return [*found, current.rstrip()]


def show(lines: Iterable[str]) -> None:
    """Print lines; on a terminal that they do not fit, through the pager (`PAGER`, else `less -FRX`)."""
    text = "\n".join(lines)
    height = shutil.get_terminal_size((80, 24)).lines
    if is_terminal() and text.count("\n") + 2 > height and sys.stdin.isatty():
        os.environ.setdefault("LESS", "-FRX")
        os.environ.setdefault("LESSCHARSET", "utf-8")
        click.echo_via_pager(text + "\n")
    else:
        click.echo(text)


class Bar:
    """Progress on a terminal's stderr, once it has taken a second; nothing in a pipe."""

    def __init__(self, label: str) -> None:
        """Make a bar that is not shown yet."""
        import time  # noqa: PLC0415

        self._label = label
        self._clock = time.monotonic
        self._begun = self._last = self._clock()
        self._shown = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def update(self, done: int, total: int) -> None:
        """Show how much is done, ten times a second at the most."""
        now = self._clock()
        if now - self._begun > 1 and now - self._last > 0.1 and sys.stderr.isatty():  # noqa: PLR2004
            self._last = now
            self._shown = True
            sys.stderr.write(f"\r{self._label} {done} of {total} \x1b[K")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        """Take the line away again."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
