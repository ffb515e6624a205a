"""Text for people: aligned by what a terminal shows, coloured only there, paged when long."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from orglab.text import clean as clean  # noqa: PLC0414 - shown text is cleaned by all that print

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

# What is written without blanks and breaks anywhere: Chinese, Japanese, and what is as wide.
_WIDE = (
    "\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\U00020000-\U0003fffd"
)
_PIECE = rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+"
_MARGIN = r"\s*(?:[-+*] |\d+[.)] )?"
# Lines longer than this are hard to read, and shorter than that hard to bear.
_WIDEST = 100
_NARROWEST = 24
# As `click.style` writes them, which would end each with a reset of its own.
_COLOURS = {"doing": "\x1b[33m", "done": "\x1b[32m", "dropped": "\x1b[35m", "todo": "\x1b[36m"}
_BOLD, _DIM, _FOUND, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
_STYLE = r"\x1b\[[0-?]*[ -/]*[@-~]"


def width(text: str) -> int:
    """Return how many columns a terminal gives to `text`."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # noqa: PLC0415 - its tables cost 10 ms, and most logs are ASCII

    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)


def fit(text: str, columns: int) -> str:
    """Return `text` cut to `columns`, with an ellipsis where something is cut, and filled up with blanks."""
    if text.isascii() and len(text) <= columns:
        return text.ljust(columns)
    if width(text) > columns:
        # A character takes a column or two, but for those that go on top of another.
        text = text[: 8 * columns + 8]
        while text and width(text) > columns - 1:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text + " " * (columns - width(text))


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def columns() -> int:
    """Return the width to write for: the terminal's; 0, no limit, in a pipe."""
    return _terminal_size().columns if is_terminal() else 0


def _terminal_size() -> os.terminal_size:
    """Return the size of the terminal, or of what a terminal used to be."""
    import shutil  # noqa: PLC0415 - in a pipe nobody asks

    return shutil.get_terminal_size((80, 24))


def paint(text: str, *, state: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """Return text in the colour of a kind of state; `show` takes the colour out where it is not wanted."""
    return f"{_COLOURS.get(state or '', '')}{_BOLD * bold}{_DIM * dim}{text}{_RESET}"


def mark(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return text, cleaned, in which some spans of it stand out."""
    pieces: list[str] = []
    done = 0
    for begin, end in spans:
        pieces += (clean(text[done:begin]), f"{_BOLD}{_FOUND}{clean(text[begin:end])}{_RESET}")
        done = end
    return "".join((*pieces, clean(text[done:])))


def plain(text: str) -> str:
    """Return painted text without its paint."""
    return re.sub(_STYLE, "", text)


def wrap(text: str, indent: str, first: str | None = None) -> list[str]:
    """Return the lines of a text, each paragraph wrapped to the terminal and indented; unwrapped in a pipe.

    Args:
        text: The text; its own line ends stay.
        indent: What each line begins with.
        first: What the first line begins with instead.
    """
    first = indent if first is None else first
    room = min(columns(), _WIDEST) - width(indent)
    taken = width(plain(first)) - width(indent)
    lines: list[str] = []
    for line in clean(text).split("\n"):
        # On narrower terminals wrapping is no help.
        lines += _wrapped(line, room, taken) if room >= _NARROWEST else [line]
        taken = 0
    starts = [first, *[indent] * (len(lines) - 1)]
    return [(start + line).rstrip() for start, line in zip(starts, lines, strict=True)]


def has_room(begin: str) -> bool:
    """Return whether there is room for text in a line that begins so."""
    return not is_terminal() or min(columns(), _WIDEST) - width(plain(begin)) >= _NARROWEST


def flow(pieces: Iterable[str]) -> list[str]:
    """Return pieces of text beside each other, on as many lines as the terminal needs."""
    lines: list[str] = []
    for piece in pieces:
        line = f"{lines[-1]}  {piece}" if lines else piece
        if lines and (not is_terminal() or width(plain(line)) <= columns()):
            lines[-1] = line
        else:
            lines.append(piece)
    return lines


def _wrapped(line: str, room: int, taken: int) -> list[str]:
    """Return a line as lines of at most `room` columns, the first of so many fewer as are taken.

    What follows a bullet stays behind it.  A word that is longer, such as a URL, stays in one piece.
    """
    match = re.match(_MARGIN, line)
    current = match.group() if match else ""
    after = " " * min(len(current), room // 2)
    found: list[str] = []
    for piece in re.findall(_PIECE, line[len(current) :]):
        if current.strip() and width(current + piece.rstrip()) > room - taken:
            found.append(current.rstrip())
            current, taken = after, 0
            if piece.isspace():
                continue
        current += piece
    return [*found, current.rstrip()]


def show(lines: Iterable[str]) -> None:
    """Print lines; on a terminal that they do not fit, through the pager (`PAGER`, else `less -FRX`)."""
    text = "\n".join(lines) + "\n"
    if is_terminal() and sys.stdin.isatty() and text.count("\n") + 1 > _terminal_size().lines:
        os.environ.setdefault("LESS", "-FRX")
        os.environ.setdefault("LESSCHARSET", "utf-8")
        click.echo_via_pager(text, color=False if os.environ.get("NO_COLOR") else None)
    else:
        sys.stdout.write(text if is_terminal() and not os.environ.get("NO_COLOR") else plain(text))
        sys.stdout.flush()


def show_json(form: Mapping[str, object]) -> None:
    """Print JSON values as a document."""
    from orglab.api.serialize import render  # noqa: PLC0415 - most commands print none

    show([render(form)])


def tell(sentence: str) -> None:
    """Print a sentence to standard error: what is not the answer itself, so that a script can use that."""
    click.echo(clean(sentence), err=True)


def tolerate_encoding_errors() -> None:
    """Have the standard streams show what their encoding does not have, as well as they can; ASCII is none."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            is_ascii = (stream.encoding or "").lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646")
            reconfigure(encoding="utf-8" if is_ascii else None, errors="replace")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give what is told how much is done, of how much: it shows a bar on a terminal's stderr, after a second."""
    begun = time.monotonic()
    bar: ProgressBar[int] | None = None

    with ExitStack() as stack:

        def update(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                if time.monotonic() - begun < 1 or not sys.stderr.isatty():
                    return
                bar = stack.enter_context(click.progressbar(length=total, label=label, file=sys.stderr))
            bar.update(done - bar.pos)

        yield update
