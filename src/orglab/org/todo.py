"""Changing a heading's TODO keyword, with the timestamps and notes that the file asks for.

As `org-todo`, `org-add-planning-info` and `org-store-log-note`.
"""

import datetime
import re
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.org import syntax
from orglab.org.edit import Edit
from orglab.org.heading import Heading
from orglab.org.settings import Keyword, Settings, read_settings
from orglab.org.source import encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import format_inactive

# A note of a state among the items of an entry (org-skip-over-state-notes).
_STATE_NOTE = compile_late(rb'[ \t]*- +State +(?:"\S+")? +from +(?:"\S+")? +\[[0-9]{4}-[0-9]{2}-[0-9]{2}[^\n]*?\]')
_CLOSED = compile_late(rb"CLOSED:[ \t]*[\[<][^\]>\n]*[\]>]?[ \t]*", re.I)


class Logging(NamedTuple):
    """What a change of state logs in one place of the file.

    Attributes:
        done: `time` adds CLOSED, `note` a closing note too, None nothing (org-log-done).
        keywords: What each keyword logs.
        drawer: The drawer that notes go into, or None (org-log-into-drawer).
        reversed: Whether the newest note stands first (org-log-states-order-reversed).
    """

    done: str | None
    keywords: dict[str, Keyword]
    drawer: str | None
    reversed: bool = True


def read_logging(heading: Heading) -> Logging:
    """Return what the file asks to log at `heading`: `#+STARTUP`, `:LOGGING:`, `:LOG_INTO_DRAWER:`."""
    settings = heading.document.settings
    done = settings.log_done
    keywords = settings.keywords
    if (local := heading.inherited_property("LOGGING")) is not None:
        done, keywords = _local_logging(local, settings)
    drawer = "LOGBOOK" if "logdrawer" in settings.startup else None
    if (named := heading.inherited_property("LOG_INTO_DRAWER")) is not None:
        drawer = {"nil": None, "t": "LOGBOOK", "": None}.get(named, named)
    return Logging(done, keywords, drawer, "nologstatesreversed" not in settings.startup)


def _local_logging(value: str, settings: Settings) -> tuple[str | None, dict[str, Keyword]]:
    """Return what a `:LOGGING:` property asks for; it replaces all that the file says (org-local-logging)."""
    words = value.split()
    done = "note" if "lognotedone" in words else "time" if "logdone" in words else None
    asked = read_settings([(b"TODO", encode(" ".join(word for word in words if "(" in word)))], "").keywords
    keywords = {
        name: Keyword(name, word.is_done, word.sequence, *_asked(asked.get(name)))
        for name, word in settings.keywords.items()
    }
    return done, keywords


def _asked(word: Keyword | None) -> tuple[str | None, str | None]:
    """Return what is logged on entering and on leaving a keyword."""
    return (None, None) if word is None else (word.on_enter, word.on_leave)


def set_state(
    heading: Heading,
    state: str | None,
    now: datetime.datetime,
    *,
    note: str | None = None,
    logging: Logging | None = None,
    indent: bytes = b"",
) -> list[Edit]:
    """Return the edits after which the heading's keyword is `state`, logged as asked; none if it is already.

    Args:
        heading: The heading.
        state: The keyword; None takes it away.
        now: Local time for CLOSED and notes.
        note: The text of the note, for states that ask for one.
        logging: What to log; what the file asks for if None.
        indent: What a new CLOSED line begins with; Org writes none.

    Raises:
        UsageError: The file has no such keyword.
    """
    settings = heading.document.settings
    if state is not None and state not in settings.keywords:
        raise UsageError(f"There is no state {state} in this file; it has {', '.join(settings.keywords)}.")
    before = heading.state
    if state == before:
        return []
    asked = logging or read_logging(heading)
    edits = [_keyword_edit(heading, state)]
    if not (asked.done or any(word.on_enter or word.on_leave for word in asked.keywords.values())):
        return edits
    entered = asked.keywords.get(state) if state else None
    left = asked.keywords.get(before) if before else None
    log = (entered.on_enter if entered else None) or (left.on_leave if left else None)
    is_done, was_done = settings.is_done(state), settings.is_done(before)
    if state is None or (not is_done and (before is None or was_done)):
        edits += _remove_closed(heading)
    if is_done and not was_done and asked.done:
        edits += _add_closed(heading, now, indent)
        if not log and asked.done == "note":
            edits.append(_note_edit(heading, f"CLOSING NOTE {format_inactive(now).decode()}", note, asked))
    if state and log:
        line = f"State {_quoted(state):<12} from {_quoted(before):<12} {format_inactive(now).decode()}"
        edits.append(_note_edit(heading, line, note, asked))
    return edits


def _quoted(state: str | None) -> str:
    return f'"{state}"' if state else ""


def _keyword_edit(heading: Heading, state: str | None) -> Edit:
    """Return the edit of the keyword itself."""
    text = heading.document.text
    start, end = heading.line.state
    if start >= 0 and state:
        return Edit(start, end, encode(state))
    if start >= 0:
        while text[end : end + 1] in (b" ", b"\t"):
            end += 1
        return Edit(start, end, b"")
    at = heading.begin + heading.stars
    while text[at : at + 1] in (b" ", b"\t"):
        at += 1
    return Edit(at, at, encode(f"{state} "))


def _remove_closed(heading: Heading) -> list[Edit]:
    """Return the edit that takes CLOSED from the planning line, and the line if nothing else is on it."""
    text = heading.document.text
    start, end = heading.planning
    match = _CLOSED.search(text, start, end) if start >= 0 else None
    if match is None:
        return []
    rest = text[start : match.start()] + text[match.end() : end]
    if not rest.strip(b" \t"):
        return [Edit(start - 1, end, b"")]
    if match.end() < end:
        return [Edit(match.start(), match.end(), b"")]
    begin = match.start()
    while text[begin - 1 : begin] in (b" ", b"\t"):
        begin -= 1
    return [Edit(begin, end, b"")]


def _add_closed(heading: Heading, now: datetime.datetime, indent: bytes) -> list[Edit]:
    """Return the edit that writes CLOSED: first in the planning line, or in a new line below the heading."""
    text = heading.document.text
    start, end = heading.planning
    closed = b"CLOSED: " + format_inactive(now)
    if start < 0:
        return [Edit(heading.line_end, heading.line_end, b"\n" + indent + closed)]
    if match := _CLOSED.search(text, start, end):
        blanks = match.group()[len(match.group().rstrip(b" \t")) :]
        return [Edit(match.start(), match.end() - len(blanks), closed)]
    at = start
    while text[at : at + 1] in (b" ", b"\t"):
        at += 1
    return [Edit(at, at, closed + b" ")]


def _note_edit(heading: Heading, line: str, note: str | None, logging: Logging) -> Edit:
    """Return the edit that writes a log note where Org would (org-log-beginning)."""
    text = heading.document.text
    place = _place_of_note(heading, logging) if logging.drawer is None else _place_in_drawer(heading, logging)
    indent = place.indent
    lines = [encode(part) for part in (note or "").rstrip().splitlines()]
    first = encode(line) + (b" \\\\" if lines else b"")
    written = b"\n".join((indent + b"- " + first, *((indent + b"  " + part).rstrip() for part in lines)))
    if place.is_new_drawer:
        written = b"\n".join((indent + encode(f":{logging.drawer}:"), written, indent + b":END:"))
    if place.line_end is not None:
        return Edit(place.at, place.line_end, written)
    if place.at > 0 and text[place.at - 1 : place.at] != b"\n":
        return Edit(place.at, place.at, b"\n" + written)
    return Edit(place.at, place.at, written + b"\n")


class _Place(NamedTuple):
    """Where a note goes, and how far it is indented.

    Attributes:
        at: Where it begins.
        indent: The blanks before it.
        line_end: Where the empty line that it takes ends, or None: a new line.
        is_new_drawer: Whether its drawer is still to be made.
    """

    at: int
    indent: bytes
    line_end: int | None = None
    is_new_drawer: bool = False


def _place_of_note(heading: Heading, logging: Logging) -> _Place:
    """Return where a note goes that goes into no drawer: before what stands there, or after the notes of states."""
    text = heading.document.text
    begin = after_meta(heading)
    indent = meta_indent(heading)
    first = begin
    while first < len(text) and text[first] in b" \t\n":
        first += 1
    first = max(text.rfind(b"\n", 0, first) + 1, begin)
    if logging.reversed:
        return _Place(first, indent)
    element = heading.section.at(first)
    item = element.item if element.begin == first else None
    if item is not None and element.structure is not None and _STATE_NOTE.match(text, first):
        indent = blanks_at(text, first)
        while item is not None and _STATE_NOTE.match(text, item.begin):
            first = item.end
            item = element.structure.item_at(item.end)
    while text[first - 1] in b" \t\n":
        first -= 1
    newline = text.find(b"\n", first)
    at = max(begin, len(text) if newline < 0 else newline + 1)
    # Like Org it takes an empty line that is there.
    end = at + len(blanks_at(text, at))
    return _Place(at, indent, end if end < heading.end and text[end : end + 1] == b"\n" else None)


def _place_in_drawer(heading: Heading, logging: Logging) -> _Place:
    """Return where a note goes in the log drawer, which may have to be made."""
    text = heading.document.text
    name = encode(logging.drawer or "").lower()
    for element in heading.section.walk():
        match = syntax.DRAWER.match(text, element.start) if element.type == "drawer" else None
        if match and match.group(1).lower() == name:
            at = text.find(b"\n", element.start) + 1
            if not logging.reversed and element.contents[1] > 0:
                at = element.contents[1]
            return _Place(at, blanks_at(text, element.start))
    at = after_meta(heading)
    return _Place(at, meta_indent(heading), is_new_drawer=True)


def after_meta(heading: Heading) -> int:
    """Return where the line after heading, planning line and property drawer begins (org-end-of-meta-data)."""
    if heading.drawer is not None:
        return min(heading.drawer.end() + 1, len(heading.document.text))
    return heading.after_planning


def meta_indent(heading: Heading) -> bytes:
    """Return the blanks that the heading's drawer, or else its planning line, begins with."""
    text = heading.document.text
    start = heading.drawer.start() if heading.drawer is not None else heading.planning[0]
    return b"" if start < 0 else blanks_at(text, start)


def blanks_at(text: bytes, start: int) -> bytes:
    """Return the blanks that begin at `start`."""
    end = start
    while text[end : end + 1] in (b" ", b"\t"):
        end += 1
    return text[start:end]
