"""The user's words inside Org text: without indentation, times, commits and what Org logs by itself."""

from collections.abc import Iterator
from typing import NamedTuple

from orglab.experiment.commit_notation import CHAIN, RecordedHash, parse_chain
from orglab.org.element import Element
from orglab.org.heading import element_objects
from orglab.org.objects import Object
from orglab.org.source import decode
from orglab.org.syntax import compile_late

_STAMP = r"\[\d{4}-\d{2}-\d{2}[^\]\n]*\]"
_HEAD = compile_late(rf"(?:({_STAMP}))?\s*(?:\(({CHAIN})\))?\s*")
_LOGGED = compile_late(
    rf'(?:State\s+(?:"(?P<new>[^"]*)")?\s*from\s*(?:"(?P<old>[^"]*)")?\s*|(?P<kind>CLOSING NOTE|Note taken on)\s+)'
    rf"(?P<stamp>{_STAMP})"
)
_REST = compile_late(r"[ \t]*\\\\[ \t]*\n?")


def plain_text(text: bytes) -> str:
    """Return text without common indentation and without blank lines around it.

    Args:
        text: Whole lines; the first may begin within a line.
    """
    first, *rest = decode(text).expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip(" ")), default=0)
    return "\n".join([first.strip(), *(line[margin:] if line.strip(" ") else "" for line in rest)]).strip("\n").rstrip()


def split_note_head(words: str) -> tuple[str | None, RecordedHash | None, str]:
    """Return the time and the commit that a note begins with, each or None, and the rest."""
    match = _HEAD.match(words)
    if match is None or (match.group(1) is None and match.group(2) is None):
        return None, None, words
    commit = parse_chain(match.group(2)) if match.group(2) else None
    return match.group(1), commit, words[match.end() :].strip()


class Logged(NamedTuple):
    """What Org logged of a heading (org-log-note-headings).

    Attributes:
        kind: `state`, `closing` or `note`.
        stamp: When, as it stands there.
        new: The state that was set, or None.
        old: The state before, or None.
        text: What the user said of it, in one line; perhaps empty.
    """

    kind: str
    stamp: str
    new: str | None
    old: str | None
    text: str


def read_logged(words: str) -> Logged | None:
    """Return what Org logged in an item, or None if it is the user's own.

    `State "DONE" from "TODO" [time]`, `CLOSING NOTE [time]` and `Note taken on
    [time]` (org-log-note-headings); the user's words follow two backslashes.
    """
    match = _LOGGED.match(words)
    if match is None:
        return None
    rest = words[match.end() :]
    said = _REST.match(rest)
    text = " ".join(rest[said.end() if said else 0 :].split())
    kind = {"CLOSING NOTE": "closing", "Note taken on": "note"}.get(match["kind"] or "", "state")
    return Logged(kind, match["stamp"], match["new"] or None, match["old"] or None, text)


def read_log_note(words: str) -> tuple[str, str] | None:
    """Return the time of a note that Org took, and what the user said in it; None if it is not such a note."""
    logged = read_logged(words)
    if logged is None:
        return None
    return logged.stamp, f"{logged.new}: {logged.text}" if logged.new and logged.text else logged.text


def find_user_objects(text: bytes, section: Element) -> Iterator[Object]:
    """Yield the objects of what the user wrote in a section: not of drawers, nor of what Org logs."""
    stack = list(reversed(section.children))
    while stack:
        element = stack.pop()
        if element.type in ("drawer", "property-drawer", "planning"):
            continue
        if element.type == "item":
            begin = element.contents[0]
            if begin >= 0 and read_log_note(plain_text(text[begin : element.end])) is not None:
                continue
        yield from element_objects(text, element)
        stack.extend(reversed(element.children))
