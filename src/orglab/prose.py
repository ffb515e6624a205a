"""The user's words inside Org text: without indentation, times, commits and what Org logs by itself."""

import re
import textwrap
from collections.abc import Iterator

from orglab.hashes import CHAIN, Recorded, parse_chain
from orglab.org.element import Element
from orglab.org.heading import element_objects
from orglab.org.objects import Object
from orglab.org.source import decode

_STAMP = r"\[\d{4}-\d{2}-\d{2}[^\]\n]*\]"
_HEAD = re.compile(rf"(?:({_STAMP}))?\s*(?:\(({CHAIN})\))?\s*")
_STATE = re.compile(rf'(?:State\s+(?:"([^"]*)")?\s*from\s*(?:"[^"]*")?\s*|CLOSING NOTE\s+|Note taken on\s+)({_STAMP})')
_REST = re.compile(r"[ \t]*\\\\[ \t]*\n?")


def plain_text(text: bytes) -> str:
    """Return text without common indentation and without blank lines around it.

    Args:
        text: Whole lines; the first may begin within a line.
    """
    lines = decode(text).expandtabs().split("\n")
    first, rest = lines[0].strip(), textwrap.dedent("\n".join(lines[1:]))
    return f"{first}\n{rest}".strip("\n").rstrip()


def note_head(words: str) -> tuple[str | None, Recorded | None, str]:
    """Return the time and the commit that a note begins with, each or None, and the rest."""
    match = _HEAD.match(words)
    if match is None or (match.group(1) is None and match.group(2) is None):
        return None, None, words
    commit = parse_chain(match.group(2)) if match.group(2) else None
    return match.group(1), commit, words[match.end() :].strip()


def log_note(words: str) -> tuple[str, str] | None:
    """Return the time of a note that Org took, and what the user said in it; None if it is not such a note.

    `State "DONE" from "TODO" [time]`, `CLOSING NOTE [time]` and `Note taken on
    [time]` (org-log-note-headings); the user's words follow two backslashes.
    """
    match = _STATE.match(words)
    if match is None:
        return None
    rest = words[match.end() :]
    said = _REST.match(rest)
    text = " ".join(rest[said.end() if said else 0 :].split())
    return match.group(2), f"{match.group(1)}: {text}" if match.group(1) and text else text


def own_text(text: bytes, section: Element) -> Iterator[Object]:
    """Yield the objects of what the user wrote in a section: not of drawers, nor of what Org logs."""
    stack = list(reversed(section.children))
    while stack:
        element = stack.pop()
        if element.type in ("drawer", "property-drawer", "planning"):
            continue
        if element.type == "item":
            begin = element.contents[0]
            if begin >= 0 and log_note(plain_text(text[begin : element.end])) is not None:
                continue
        yield from element_objects(text, element)
        stack.extend(reversed(element.children))
