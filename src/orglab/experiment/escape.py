"""Text that goes into a log: checked, cleaned and indented so that it stays the text it is.

A line that begins with a star must not become a heading, nor `[50%]` a cookie
that Org recounts, nor `- [ ]` a box that it counts, nor `:END:` the end of the
drawer around it.  Where plain indentation does not help, a zero-width space
does, as the Org manual advises (Escape Character).  Blocks that are closed stay
as they are, for code and quotations belong into notes.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orglab.errors import UsageError
from orglab.experiment.commit_notation import CHAIN, CHAINS
from orglab.org.source import encode
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    import re

ESCAPE = "\u200b"
_CONTROL = compile_late(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_END = compile_late(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ANSI = compile_late(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_COOKIE = compile_late(r"\[(?=\d*%\]|\d*/\d*\])")
_BOX = compile_late(r"([ \t]*(?:[-+*]|(?:\d+|[A-Za-z])[.)])[ \t]+(?:\[@(?:start:)?\w+\][ \t]*)?\[)(?=[ Xx-]\])")
# Emacs obeys what follows these words near the end of a file, whatever stands around them.
_VARIABLES = compile_late(r"(?i)(Local )(?=Variables:)")
_BEGIN = compile_late(r"(?i)[ \t]*#\+begin_(\S+)")
_END = compile_late(r"(?i)[ \t]*#\+end_(\S+)")
_BLOCK = compile_late(r"(?i)[ \t]*#\+(?:begin|end)(?:_\S|:|[ \t]*$)")
# In these Org reads nothing.
_VERBATIM = ("src", "example", "export")
# This one would hide what somebody has said.
_HIDING = "comment"
# A line that Org, or we, would not show as the text that it is: a setting or another keyword (but not those that
# go with a table or a picture), a comment, the line of a drawer, planning, a clock, what Org logs by itself.
_STRUCTURE = compile_late(
    r"(?i)(?!#\+(?:(?:caption|results?|headers?|name|plot|tblname|label|attr_[\w-]+)(?:\[.*\])?|tblfm):)#\+\S+:"
    r"|#(?: |$)|:[\w'-]+:[ \t]*$|(?:closed|deadline|scheduled|clock):"
    r'|(?:[-+*][ \t]+)?(?:State[ \t]+"|CLOSING NOTE \[|Note taken on \[)'
)
# What at the margin is a heading, or a conflict that git left.
_AT_MARGIN = compile_late(r"\*+ |<<<<<<< |>>>>>>> ")
# What right behind a bullet is a box or a number, and what at the begin of a note is its time or commit.
_BEHIND_BULLET = compile_late(rf"\[[ Xx-]\]|\[@|\[\d{{4}}-\d{{2}}-\d{{2}}[^\]\n]*\]|\({CHAIN}\)")
_COMMITS = compile_late(rf"\({CHAINS}\)$")


def check_one_line(text: str, what: str) -> str:
    """Return `text` without blanks around it.

    Args:
        text: A title, or the text of a step.
        what: What it is, for the message of an error.

    Raises:
        UsageError: It is empty, has more than one line, or holds what Org would not leave as it is.
    """
    text = text.strip()
    if not text:
        raise UsageError(f"{what} cannot be empty.")
    if "\n" in text or "\r" in text:
        raise UsageError(f"{what} is one line; put the rest into a note or a description.")
    if found := _CONTROL.search(text.replace("\t", " ")):
        raise UsageError(f"{what} cannot hold control characters (found {found.group()!r}).")
    if not text.isascii() and _readable(text) != text:
        raise UsageError(f"{what} holds bytes that are not UTF-8; write it in UTF-8.")
    if found := _COOKIE.search(text):
        cookie = text[found.start() : text.index("]", found.start()) + 1]
        raise UsageError(f"{what} cannot hold {cookie}: Org would overwrite it as a count; write it without brackets.")
    if _VARIABLES.search(text):
        raise UsageError(f"{what} cannot hold 'Local Variables:': Emacs would obey what follows; word it differently.")
    return text


def check_step_text(text: str) -> str:
    """Return the text of a step, one line.

    Raises:
        UsageError: It is none, or it ends as a step with commits does.
    """
    text = check_one_line(text, "A step")
    if found := _COMMITS.search(text):
        raise UsageError(f"A step cannot end in {found.group()}: its commits are written there, by `orglab done -c`.")
    return text


def escape_lines(text: str, *, at_margin: bool = False, blocks: bool = False) -> list[str]:
    """Return the lines of a longer text, made safe: what Org would count, obey, hide or log is escaped.

    Control characters go.  Two blank lines would end the list that the text
    stands in, so one is left.

    Args:
        text: The text.
        at_margin: Whether its lines are to stand at the margin, where a star makes a heading.
        blocks: Whether blocks that are closed stay blocks; else their lines are text too.

    Raises:
        UsageError: There is no text.
    """
    text = _LINE_END.sub("\n", _ANSI.sub("", _readable(text))).expandtabs()
    lines = [line.rstrip() for line in _CONTROL.sub("", text).split("\n")]
    safe = list(_safe_lines(lines, at_margin=at_margin, blocks=blocks))
    while safe and not safe[0]:
        del safe[0]
    while safe and not safe[-1]:
        del safe[-1]
    if not safe:
        raise UsageError("There is no text; give one, or - to read standard input.")
    return safe


def _readable(text: str) -> str:
    """Return text with U+FFFD for the bytes that were not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _safe_lines(lines: list[str], *, at_margin: bool, blocks: bool) -> Iterator[str]:
    """Yield lines, those outside closed blocks escaped, without runs of blank ones."""
    ends = _block_ends(lines) if blocks else {}
    open_ends: list[int] = []
    verbatim_until = -1
    for number, line in enumerate(lines):
        begin = _BEGIN.match(line)
        if number < verbatim_until:
            # Org's own escape in a block of code is a comma.
            yield f",{line}" if at_margin and _AT_MARGIN.match(line) else line
        elif open_ends and number == open_ends[-1]:
            open_ends.pop()
            yield line
        elif begin and (end := _end_of(begin, number, ends, open_ends)) is not None:
            open_ends.append(end)
            if begin.group(1).lower() in _VERBATIM:
                verbatim_until = end
            yield line
        elif line or (number > 0 and lines[number - 1]):
            yield _safe_line(line, at_margin=at_margin)


def _block_ends(lines: list[str]) -> dict[str, list[int]]:
    """Return the numbers of the lines that end blocks, by the block's name."""
    ends: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if match := _END.fullmatch(line):
            ends.setdefault(match.group(1).lower(), []).append(number)
    return ends


def _end_of(begin: "re.Match[str]", number: int, ends: dict[str, list[int]], open_ends: list[int]) -> int | None:
    """Return the number of the line that ends the block of a line, or None: it has no end in the block around it."""
    name = begin.group(1).lower()
    places = ends.get(name, [])
    index = bisect_right(places, number)
    if name == _HIDING or index == len(places) or (open_ends and places[index] >= open_ends[-1]):
        return None
    return places[index]


def _safe_line(line: str, *, at_margin: bool) -> str:
    """Return a line outside blocks, escaped."""
    line = _VARIABLES.sub(rf"\g<1>{ESCAPE}", _COOKIE.sub(f"[{ESCAPE}", line))
    line = _BOX.sub(rf"\g<1>{ESCAPE}", line)
    words = line.lstrip()
    if _STRUCTURE.match(words) or _BLOCK.match(words) or (at_margin and _AT_MARGIN.match(line)):
        return line[: len(line) - len(words)] + ESCAPE + words
    return line


def escape_item_start(lines: list[str]) -> list[str]:
    """Return lines whose first is to stand right behind a bullet: it must not be read as a box, a number or a time."""
    return [ESCAPE + lines[0], *lines[1:]] if _BEHIND_BULLET.match(lines[0].lstrip()) else lines


def add_note_head(head: str, lines: list[str]) -> list[str]:
    """Return lines behind a time and commit: on that line, or below it where the first is a block's or a table's."""
    first = lines[0].strip()
    if _BEGIN.match(first) or first.startswith("|"):
        return [head, *lines]
    if _BEHIND_BULLET.match(first):
        first = ESCAPE + first
    return [f"{head} {first}", *lines[1:]]


def format_item(bullet: str, lines: list[str], indent: int = 0) -> bytes:
    """Return a list item: `bullet` and the first line, the others indented to stand under it.

    Args:
        bullet: The bullet with the blank after it, such as `- `.
        lines: The text.
        indent: Columns before the bullet.
    """
    first = " " * indent + bullet + lines[0].strip()
    rest = [(" " * (indent + len(bullet)) + line).rstrip() for line in _dedent(lines[1:])]
    return encode("\n".join((first, *rest)) + "\n")


def format_body(lines: list[str]) -> bytes:
    """Return lines as text of a section; the first at the margin, or it would belong to an item before it."""
    return encode("\n".join((lines[0].lstrip(), *lines[1:])) + "\n")


def _dedent(lines: list[str]) -> list[str]:
    """Return lines without the indentation that all of them share."""
    shared = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [line[shared:] for line in lines]
