"""The user's text in notes and sections, separated from indentation, times, commits, authors and Org's log notes."""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from orglab.experiment.author import MARK, format_author
from orglab.experiment.commit_notation import RecordedHash, parse_chain
from orglab.org.element import Element
from orglab.org.heading import element_objects
from orglab.org.objects import Object
from orglab.org.source import decode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import format_inactive

_STAMP = r"\[\d{4}-\d{2}-\d{2}[^\]\n]*\]"
_HEAD = compile_late(rf"(?:({_STAMP}))?\s*(?:{MARK})?\s*")
_LOGGED = compile_late(
    rf'(?:State\s+(?:"(?P<new>[^"]*)")?\s*from\s*(?:"(?P<old>[^"]*)")?\s*|(?P<kind>CLOSING NOTE|Note taken on)\s+|'
    rf'(?P<planning>(?:Rescheduled|New deadline)\s+from\s+"[^"\n]*"\s+on|Refiled\s+on|'
    rf'(?:Not\s+scheduled|Removed\s+deadline),\s+was\s+"[^"\n]*"\s+on)\s+)(?P<stamp>{_STAMP})'
)
# The last line of the note of a run or a sweep (`runs.description.format_mark`)
RUN_MARK = compile_late(rb"^[ \t]*(?:run|sweep) (\d{8}-\d{6}-[0-9a-f]{4,16})[ \t\r]*$", re.M)
_SEPARATOR = compile_late(r"[ \t]*\\\\[ \t]*\n?")
# An item of a list: its indentation, its bullet unless that is a number, and its text
_ITEM = compile_late(r"(?P<indent> *)(?:(?:[-+]|(?<= )\*)(?= |$)|(?=\d+[.)](?: |$)))(?P<text>.*)")
_ENDS = (".", ":", ";", ",", "!", "?", "…")


def plain_text(text: bytes) -> str:
    """Return text without common indentation and surrounding blank lines.

    Args:
        text: Whole lines, except that the first may begin in the middle of a line.
    """
    first, *rest = decode(text).expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip(" ")) for line in rest if line.strip(" ")), default=0)
    return "\n".join([first.strip(), *(line[margin:] if line.strip(" ") else "" for line in rest)]).strip("\n").rstrip()


def join_lines(text: str) -> str:
    """Return a text in one line; the items of a list follow the text before it as prose does: `a: b; c`."""
    joined, indent, is_after_blank = "", -1, False
    for line in text.split("\n"):
        item = _ITEM.match(line)
        words = " ".join((item["text"] if item is not None else line).split())
        margin = len(item["indent"]) if item is not None else len(line) - len(line.lstrip())
        if not words:
            is_after_blank = is_after_blank or not line.strip()
            continue
        separator = ""
        if item is not None:
            separator = ":" if margin > indent else ";"
        elif is_after_blank and margin <= indent:
            separator = "."
        if not joined.endswith(_ENDS):
            joined += separator if joined else ""
        joined += f" {words}" if joined else words
        is_after_blank = False
        if separator:
            indent = margin if item is not None else -1
    return joined


class NoteHead(NamedTuple):
    """What a note begins with, and the rest of its text.

    Attributes:
        at: The timestamp, as written, or None.
        commit: The hashes of its commit, or None.
        author: The name of its author, or None.
        text: The rest.
    """

    at: str | None
    commit: RecordedHash | None
    author: str | None
    text: str


def split_note_head(words: str) -> NoteHead:
    """Return the time, the commit and the author that a note begins with, as far as it does, and the rest."""
    match = _HEAD.match(words)
    if match is None or not any(match.groups()):
        return NoteHead(None, None, None, words)
    at, commit, author, only = match.groups()
    return NoteHead(at, parse_chain(commit) if commit else None, author or only, words[match.end() :].strip())


def format_note_head(at: datetime.datetime, commit: str | None, author: str | None) -> str:
    """Return what a note begins with: its time, and in parentheses its commit and its author, if there are any."""
    inside = ", ".join(filter(None, (commit, format_author(author))))
    return format_inactive(at).decode() + (f" ({inside})" if inside else "")


class Logged(NamedTuple):
    """A log note that Org wrote (org-log-note-headings).

    Attributes:
        kind: `state`, `closing`, `note`, or `planning` for a change of its dates or of its place.
        stamp: The timestamp, as written.
        new: The new state, or None.
        old: The old state, or None.
        text: The user's text in one line; may be empty.
    """

    kind: str
    stamp: str
    new: str | None
    old: str | None
    text: str


def read_logged(words: str) -> Logged | None:
    """Return the log note in the text of an item, or None if the item is not a log note.

    Log notes begin with `State "DONE" from "TODO" [time]`, `CLOSING NOTE [time]`, `Note taken
    on [time]`, `Rescheduled from "[time]" on [time]` and the like (org-log-note-headings); the
    user's text follows two backslashes.
    """
    match = _LOGGED.match(words)
    if match is None:
        return None
    rest = words[match.end() :]
    separator = _SEPARATOR.match(rest)
    text = " ".join(rest[separator.end() if separator else 0 :].split())
    kinds = {"CLOSING NOTE": "closing", "Note taken on": "note"}
    kind = "planning" if match["planning"] else kinds.get(match["kind"] or "", "state")
    return Logged(kind, match["stamp"], match["new"] or None, match["old"] or None, text)


def read_log_note(words: str) -> tuple[str, str] | None:
    """Return the time and the user's text of a log note of Org, or None if the item is not a log note."""
    logged = read_logged(words)
    if logged is None:
        return None
    return logged.stamp, f"{logged.new}: {logged.text}" if logged.new and logged.text else logged.text


def find_user_objects(text: bytes, section: Element) -> Iterator[Object]:
    """Yield the objects in the text that the user wrote in a section, excluding drawers and log notes."""
    stack = list(reversed(section.children))
    while stack:
        element = stack.pop()
        if element.type in ("drawer", "property-drawer", "planning", "clock"):
            continue
        if element.type == "item":
            begin = element.contents[0]
            if begin >= 0 and read_log_note(plain_text(text[begin : element.end])) is not None:
                continue
        yield from element_objects(text, element)
        stack.extend(reversed(element.children))
