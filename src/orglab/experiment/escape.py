"""Escaping of text that goes into a log, so that Org reads it as plain text.

A line that begins with a star must not become a heading, nor `[50%]` a cookie
that Org recounts, nor `- [ ]` a checkbox that it counts, nor `:END:` the end of the
surrounding drawer.  Where indentation is not enough, a zero-width space is inserted,
as the Org manual recommends (Escape Character).  Closed blocks are kept, because
notes may contain code and quotations.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orglab.errors import UsageError
from orglab.experiment.author import MARK
from orglab.experiment.commit_notation import CHAINS
from orglab.org.source import encode
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    import re

ESCAPE = "\u200b"
_CONTROL = compile_late(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONE = compile_late("[\ud800-\udc7f\udd00-\udfff]")
_LINE_END = compile_late(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ANSI = compile_late(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_COOKIE = compile_late(r"\[(?=\d*%\]|\d*/\d*\])")
_BOX = compile_late(r"([ \t]*(?:[-+*]|(?:\d+|[A-Za-z])[.)])[ \t]+(?:\[@(?:start:)?\w+\][ \t]*)?\[)(?=[ Xx-]\])")
# Near the end of a file, Emacs interprets the lines after these words as variable settings.
_VARIABLES = compile_late(r"(?i)(Local )(?=Variables:)")
_BEGIN = compile_late(r"(?i)[ \t]*#\+begin_(\S+)")
_END = compile_late(r"(?i)[ \t]*#\+end_(\S+)")
_BLOCK = compile_late(r"(?i)[ \t]*#\+(?:begin|end)(?:_\S|:|[ \t]*$)")
# The blocks whose contents Org does not parse
_VERBATIM = ("src", "example", "export")
# The block whose contents would be hidden
_HIDING = "comment"
# Lines that Org or orglab would not show as text: a keyword (except those that belong to a table or an image),
# a comment, a drawer line, planning, a clock, a log note of Org.
_STRUCTURE = compile_late(
    r"(?i)(?!#\+(?:(?:caption|results?|headers?|name|plot|tblname|label|attr_[\w-]+)(?:\[.*\])?|tblfm):)#\+\S+:"
    r"|#(?: |$)|:[\w'-]+:[ \t]*$|(?:closed|deadline|scheduled|clock):"
    r'|(?:[-+*][ \t]+)?(?:State[ \t]+"|CLOSING NOTE \[|Note taken on \[|Refiled on \[|Rescheduled from "|'
    r'New deadline from "|Not scheduled, was "|Removed deadline, was ")'
)
# At the margin: a heading, a footnote definition, or a git conflict marker
_AT_MARGIN = compile_late(r"\*+ |\[fn:[^\]\n]+\]|<<<<<<< |>>>>>>> ")
# After a bullet: a checkbox or counter, or the time, the commit or the author that a note begins with
_AFTER_BULLET = compile_late(rf"\[[ Xx-]\]|\[@|\[\d{{4}}-\d{{2}}-\d{{2}}[^\]\n]*\]|{MARK}")
_TIME = compile_late(r"\[\d{4}-\d{2}-\d{2}[^\]\n]*\]")
_COMMITS = compile_late(rf"\({CHAINS}\)$")


def check_one_line(text: str, what: str) -> str:
    """Return `text` without surrounding blanks, if it is one line that Org would keep as it is.

    Args:
        text: A title, or the text of a step.
        what: What the text is, for error messages.

    Raises:
        UsageError: It is empty, has several lines, or contains something that Org would change.
    """
    text = text.strip()
    if not text:
        raise UsageError(f"{what} cannot be empty.")
    if "\n" in text or "\r" in text:
        raise UsageError(f"{what} must be one line; put the rest in a note or a description.")
    if match := _CONTROL.search(text.replace("\t", " ")):
        raise UsageError(f"{what} cannot contain control characters (found {match.group()!r}).")
    if not text.isascii() and _replace_invalid(text) != text:
        raise UsageError(f"{what} is not valid UTF-8; encode it as UTF-8.")
    if match := _COOKIE.search(text):
        cookie = text[match.start() : text.index("]", match.start()) + 1]
        raise UsageError(f"{what} cannot contain {cookie}, which Org would overwrite with a count; omit the brackets.")
    if _VARIABLES.search(text):
        raise UsageError(
            f"{what} cannot contain 'Local Variables:', because Emacs would interpret the lines after it; reword it."
        )
    return text


def escape_title(text: str) -> str:
    """Return a text of another program as a title that `check_one_line` accepts; empty if nothing is left of it."""
    line = " ".join(" ".join(split_lines(text)).split())
    return _VARIABLES.sub(rf"\g<1>{ESCAPE}", _COOKIE.sub(f"[{ESCAPE}", line))


def check_step_text(text: str) -> str:
    """Return the text of a step without surrounding blanks, if it is valid.

    Raises:
        UsageError: It is not one valid line, or it ends like the commits of a step.
    """
    text = check_one_line(text, "A step")
    if match := _COMMITS.search(text):
        raise UsageError(f"A step cannot end in {match.group()}; to record its commits, use `orglab done -c`.")
    return text


def escape_lines(text: str, *, at_margin: bool = False, blocks: bool = False, times: bool = False) -> list[str]:
    """Return the lines of a text, escaped so that Org reads them as plain text.

    Control characters are removed.  Consecutive blank lines are reduced to one, because
    two would end the list around the text.

    Args:
        text: The text.
        at_margin: Whether the lines will be written at the margin, where a star starts a heading.
        blocks: Whether to keep closed blocks; otherwise their lines are escaped too.
        times: Whether to escape a time at the beginning of a line, where it would begin another conclusion.

    Raises:
        UsageError: The text is empty.
    """
    safe = list(_safe_lines(split_lines(text), at_margin=at_margin, blocks=blocks, times=times))
    while safe and not safe[0]:
        del safe[0]
    while safe and not safe[-1]:
        del safe[-1]
    if not safe:
        raise UsageError("The text is empty; give one, or - to read it from standard input.")
    return safe


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as a log has them: without control characters, tabs and blanks at their ends."""
    text = _LINE_END.sub("\n", _ANSI.sub("", _replace_invalid(text))).expandtabs()
    return [line.rstrip() for line in _CONTROL.sub("", text).split("\n")]


def _replace_invalid(text: str) -> str:
    """Return the text with U+FFFD for invalid UTF-8."""
    # Only these surrogates stand for bytes; another one may come out of JSON.
    text = _LONE.sub("\ufffd", text)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _safe_lines(lines: list[str], *, at_margin: bool, blocks: bool, times: bool) -> Iterator[str]:
    """Yield the lines, escaped outside of closed blocks, without consecutive blank lines."""
    ends = _block_ends(lines) if blocks else {}
    open_ends: list[int] = []
    verbatim_until = -1
    for number, line in enumerate(lines):
        begin = _BEGIN.match(line)
        if number < verbatim_until:
            # Inside a block, Org's own escape is a comma.
            yield f",{line}" if at_margin and _AT_MARGIN.match(line) else line
        elif open_ends and number == open_ends[-1]:
            open_ends.pop()
            yield line
        elif begin and (end := _find_block_end(begin, number, ends, open_ends)) is not None:
            open_ends.append(end)
            if begin.group(1).lower() in _VERBATIM:
                verbatim_until = end
            yield line
        elif line or (number > 0 and lines[number - 1]):
            yield _safe_line(line, at_margin=at_margin, times=times)


def _block_ends(lines: list[str]) -> dict[str, list[int]]:
    """Return the numbers of the lines that end blocks, by the name of the block."""
    ends: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if match := _END.fullmatch(line):
            ends.setdefault(match.group(1).lower(), []).append(number)
    return ends


def _find_block_end(
    begin: "re.Match[str]", number: int, ends: dict[str, list[int]], open_ends: list[int]
) -> int | None:
    """Return the number of the line that ends a block, or None if the block is not closed within the one around it."""
    name = begin.group(1).lower()
    places = ends.get(name, [])
    index = bisect_right(places, number)
    if name == _HIDING or index == len(places) or (open_ends and places[index] >= open_ends[-1]):
        return None
    return places[index]


def _safe_line(line: str, *, at_margin: bool, times: bool) -> str:
    """Return an escaped line outside of blocks."""
    line = _VARIABLES.sub(rf"\g<1>{ESCAPE}", _COOKIE.sub(f"[{ESCAPE}", line))
    line = _BOX.sub(rf"\g<1>{ESCAPE}", line)
    words = line.lstrip()
    is_structure = _STRUCTURE.match(words) or _BLOCK.match(words) or (times and _TIME.match(words))
    if is_structure or (at_margin and _AT_MARGIN.match(line)):
        return line[: len(line) - len(words)] + ESCAPE + words
    return line


def escape_item_start(lines: list[str]) -> list[str]:
    """Return the lines of an item, escaped so that the first does not begin with a checkbox, counter or time."""
    return [ESCAPE + lines[0], *lines[1:]] if _AFTER_BULLET.match(lines[0].lstrip()) else lines


def add_note_head(head: str, lines: list[str]) -> list[str]:
    """Return the lines of a note with its head before them, on a separate line before a block or table."""
    first = lines[0].strip()
    if _BEGIN.match(first) or first.startswith("|"):
        return [head, *lines]
    if _AFTER_BULLET.match(first):
        first = ESCAPE + first
    return [f"{head} {first}", *lines[1:]]


def format_item(bullet: str, lines: list[str], indent: int = 0) -> bytes:
    """Return a list item: the bullet and the first line, then the other lines, indented.

    Args:
        bullet: The bullet with the blank after it, such as `- `.
        lines: The text.
        indent: The number of columns before the bullet.
    """
    first = " " * indent + bullet + lines[0].strip()
    rest = [(" " * (indent + len(bullet)) + line).rstrip() for line in _dedent(lines[1:])]
    return encode("\n".join((first, *rest)) + "\n")


def format_body(lines: list[str]) -> bytes:
    """Return lines as text of a section; the first is not indented, so that it is not part of an item before it."""
    return encode("\n".join((lines[0].lstrip(), *lines[1:])) + "\n")


def _dedent(lines: list[str]) -> list[str]:
    """Return lines without their common indentation."""
    shared = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [line[shared:] for line in lines]
