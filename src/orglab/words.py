"""Text that goes into a log: checked, cleaned and indented so that it stays the text it is.

A line that begins with a star must not become a heading, nor `[50%]` a cookie
that Org recounts, nor `- [ ]` a box that it counts.  Where plain indentation
does not help, a zero-width space does, as the Org manual advises (Escape Character).
"""

import re

from orglab.errors import UsageError
from orglab.org.source import encode

ESCAPE = "\u200b"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_COOKIE = re.compile(r"\[(?=\d*%\]|\d*/\d*\])")
# Such a line would speak for the whole file, wherever it stands.
_SETTING = re.compile(r"(?im)^(\s*)(?=#\+(?:\w+_)?(?:TODO|FILETAGS|TAGS|STARTUP|PROPERTY|CATEGORY|SETUPFILE):)")
_BOX = re.compile(r"(?m)^(\s*(?:[-+*]|\d+[.)])\s+(?:\[@\d+\]\s*)?\[)(?=[ Xx-]\])")


def one_line(text: str, what: str) -> str:
    """Return `text` without blanks around it.

    Args:
        text: A title, or the text of a step.
        what: What it is, for the message of an error.

    Raises:
        UsageError: It is empty, has more than one line, control characters or a statistics cookie.
    """
    text = text.strip()
    if not text:
        raise UsageError(f"{what} cannot be empty.")
    if "\n" in text or "\r" in text:
        raise UsageError(f"{what} is one line; put the rest into a note or a description.")
    if found := _CONTROL.search(text.replace("\t", " ")):
        raise UsageError(f"{what} cannot hold control characters (found {found.group()!r}).")
    if found := _COOKIE.search(text):
        cookie = text[found.start() : text.index("]", found.start()) + 1]
        raise UsageError(f"{what} cannot hold {cookie}: Org would overwrite it as a count; write it without brackets.")
    return text


def paragraphs(text: str) -> list[str]:
    """Return the lines of a longer text, made safe: no control characters, cookies, boxes, settings or blank runs.

    Two blank lines would end the list that the text stands in, so one is left.

    Raises:
        UsageError: There is no text.
    """
    text = _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n").expandtabs()))
    text = _SETTING.sub(rf"\g<1>{ESCAPE}", text)
    text = _BOX.sub(rf"\g<1>{ESCAPE}", _COOKIE.sub(f"[{ESCAPE}", text))
    text = re.sub(r"\n\s*\n", "\n\n", text).strip("\n").rstrip()
    if not text.strip():
        raise UsageError("There is no text; give one, or - to read standard input.")
    return [line.rstrip() for line in text.split("\n")]


def item_lines(bullet: str, lines: list[str], indent: int = 0) -> bytes:
    """Return a list item: `bullet` and the first line, the others indented to stand under it.

    Args:
        bullet: The bullet with the blank after it, such as `- `.
        lines: The text.
        indent: Columns before the bullet.
    """
    first = " " * indent + bullet + lines[0].strip()
    rest = [(" " * (indent + len(bullet)) + line).rstrip() for line in _dedent(lines[1:])]
    return encode("\n".join((first, *rest)) + "\n")


def body_lines(lines: list[str]) -> bytes:
    """Return text for a section of its own: a line that Org would take for a heading is escaped."""
    return encode("\n".join(ESCAPE + line if re.match(r"\*+ ", line) else line for line in lines) + "\n")


def _dedent(lines: list[str]) -> list[str]:
    """Return lines without the indentation that all of them share."""
    shared = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [line[shared:] for line in lines]
