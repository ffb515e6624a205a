"""Output for people: aligned by the width of characters, and on a terminal coloured, wrapped and paged."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import click

from orglab.text import clean as clean  # noqa: PLC0414 - for the modules that print
from orglab.text import one_line as one_line  # noqa: PLC0414 - the same

# Characters between which a line can break, because their scripts have no spaces: Chinese, Japanese and others.
_WIDE = (
    "\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\U00020000-\U0003fffd"
)
_PIECE = rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+"
_MARGIN = r"\s*(?:[-+*] |\d+[.)] )?"
# Longer lines than _WIDEST are hard to read, and wrapping to fewer columns than _NARROWEST is no help.
_WIDEST = 100
_NARROWEST = 24
# The codes of `click.style`, which would add a reset after each.
_COLOURS = {
    "doing": "\x1b[33m", "done": "\x1b[32m", "dropped": "\x1b[35m", "todo": "\x1b[36m",
    "supported": "\x1b[32m", "refuted": "\x1b[31m", "inconclusive": "\x1b[33m",
}  # fmt: skip
_SIGNS = {"supported": "●", "refuted": "✕", "inconclusive": "◆"}
_BOLD, _DIM, _FOUND, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
_STYLE = r"\x1b\[[0-?]*[ -/]*[@-~]"


def width(text: str) -> int:
    """Return the number of columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # noqa: PLC0415 - its tables cost 10 ms, and most logs are ASCII

    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)


def fit(text: str, columns: int) -> str:
    """Return `text` cut to `columns`, with an ellipsis if it is cut, or padded with spaces."""
    if text.isascii() and len(text) <= columns:
        return text.ljust(columns)
    if width(text) > columns:
        # Cut roughly first: almost every character takes one column or two, and a few combine with others.
        text = text[: 8 * columns + 8]
        while text and width(text) > columns - 1:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text + " " * (columns - width(text))


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def columns() -> int:
    """Return the width of the terminal; 0, which means no limit, in a pipe."""
    return _terminal_size().columns if is_terminal() else 0


def lines() -> int:
    """Return the height of the terminal."""
    return _terminal_size().lines


def _terminal_size() -> os.terminal_size:
    """Return the size of the terminal; 80 by 24 if it is unknown."""
    import shutil  # noqa: PLC0415 - not needed in a pipe

    return shutil.get_terminal_size((80, 24))


def paint(text: str, *, state: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """Return text in the colour of a kind of state; `show` removes the colours if the output has none."""
    return f"{_COLOURS.get(state or '', '')}{_BOLD * bold}{_DIM * dim}{text}{_RESET}"


def verdict(word: str) -> str:
    """Return a verdict with its sign, in its colour."""
    sign = _SIGNS.get(word)
    return paint(f"{sign} {word}" if sign else clean(word), state=word)


def mark(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return cleaned text with some spans of it highlighted."""
    pieces: list[str] = []
    position = 0
    for begin, end in spans:
        pieces += (clean(text[position:begin]), f"{_BOLD}{_FOUND}{clean(text[begin:end])}{_RESET}")
        position = end
    return "".join((*pieces, clean(text[position:])))


def plain(text: str) -> str:
    """Return text without its colours."""
    return re.sub(_STYLE, "", text)


def wrap(text: str, indent: str, first: str | None = None) -> list[str]:
    """Return the lines of a text, wrapped to the terminal and indented; in a pipe they are not wrapped.

    Args:
        text: The text; its line breaks are kept.
        indent: The indentation of each line.
        first: The beginning of the first line, in place of the indentation.
    """
    first = indent if first is None else first
    room = min(columns(), _WIDEST) - width(indent)
    taken = width(plain(first)) - width(indent)
    lines: list[str] = []
    for line in clean(text).split("\n"):
        lines += _wrapped(line, room, taken) if room >= _NARROWEST else [line]
        taken = 0
    starts = [first, *[indent] * (len(lines) - 1)]
    return [(start + line).rstrip() for start, line in zip(starts, lines, strict=True)]


def has_room(begin: str) -> bool:
    """Return whether a line that begins with `begin` has room for text."""
    return not is_terminal() or min(columns(), _WIDEST) - width(plain(begin)) >= _NARROWEST


def flow(pieces: Iterable[str]) -> list[str]:
    """Return lines with the pieces of text next to each other, as many per line as fit the terminal."""
    lines: list[str] = []
    for piece in pieces:
        line = f"{lines[-1]}  {piece}" if lines else piece
        if lines and (not is_terminal() or width(plain(line)) <= columns()):
            lines[-1] = line
        else:
            lines.append(piece)
    return lines


def _wrapped(line: str, room: int, taken: int) -> list[str]:
    """Return a line as lines of at most `room` columns; of the first, `taken` columns are in use already.

    After a bullet, the following lines are indented.  A longer word, such as a URL, is not broken.
    """
    match = re.match(_MARGIN, line)
    current = match.group() if match else ""
    after = " " * min(len(current), room // 2)
    lines: list[str] = []
    for piece in re.findall(_PIECE, line[len(current) :]):
        if current.strip() and width(current + piece.rstrip()) > room - taken:
            lines.append(current.rstrip())
            current, taken = after, 0
            if piece.isspace():
                continue
        current += piece
    return [*lines, current.rstrip()]


def show(lines: Iterable[str]) -> None:
    """Print lines; if they do not fit the terminal, through the pager (`PAGER`, or else `less -FRX`)."""
    text = "\n".join(lines) + "\n"
    if is_terminal() and sys.stdin.isatty() and text.count("\n") + 1 > _terminal_size().lines:
        os.environ.setdefault("LESS", "-FRX")
        os.environ.setdefault("LESSCHARSET", "utf-8")
        click.echo_via_pager(text, color=False if os.environ.get("NO_COLOR") else None)
    else:
        sys.stdout.write(text if is_terminal() and not os.environ.get("NO_COLOR") else plain(text))
        sys.stdout.flush()


def show_json(form: Mapping[str, object], *, is_short: bool = False) -> None:
    """Print JSON values as a document, or with each of its fields on one line."""
    from orglab.api.serialize import render, render_rows  # noqa: PLC0415 - only for JSON

    show([render_rows(form) if is_short else render(form)])


def say(sentence: str) -> None:
    """Print a sentence as the result of a command; the name of a file in it may have control characters."""
    click.echo(clean(sentence))


def tell(sentence: str) -> None:
    """Print a sentence to standard error, so that scripts can read the result from standard output."""
    click.echo(clean(sentence), err=True)


def tolerate_encoding_errors() -> None:
    """Have the standard streams replace characters that their encoding does not have; ASCII becomes UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            is_ascii = (stream.encoding or "").lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646")
            reconfigure(encoding="utf-8" if is_ascii else None, errors="replace")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with the work done and its total; after a second a bar on a terminal shows it.

    At the end the bar is removed.
    """
    if not sys.stderr.isatty():
        yield lambda _completed, _total: None
        return
    import threading  # noqa: PLC0415 - only on a terminal

    begun = time.monotonic()
    share, shown, lock = 0, "", threading.Lock()

    def draw() -> None:
        nonlocal shown
        bar = f"{label}  [{('#' * (share * 36 // 100)).ljust(36, '-')}]  {share:3}%"
        if bar != shown:
            shown = bar
            sys.stderr.write(f"\r{bar}")
            sys.stderr.flush()

    def update(completed: int, total: int) -> None:
        nonlocal share
        with lock:
            share = 100 * completed // max(total, 1)
            if time.monotonic() - begun >= 1:
                draw()

    def draw_late() -> None:
        with lock:
            draw()

    # A part of the work may take long, and nothing is called meanwhile.
    timer = threading.Timer(1, draw_late)
    timer.daemon = True
    timer.start()
    try:
        yield update
    finally:
        timer.cancel()
        timer.join()
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
