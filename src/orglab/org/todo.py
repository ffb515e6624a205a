"""Changing the TODO keyword of a heading, with the timestamps and notes that the file's settings require.

Follows `org-todo`, `org-add-planning-info` and `org-store-log-note`.
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

# A state note in the list of an entry (org-skip-over-state-notes).
_STATE_NOTE = compile_late(rb'[ \t]*- +State +(?:"\S+")? +from +(?:"\S+")? +\[[0-9]{4}-[0-9]{2}-[0-9]{2}[^\n]*?\]')
_CLOSED = compile_late(rb"CLOSED:[ \t]*[\[<][^\]>\n]*[\]>]?[ \t]*", re.I)


class Logging(NamedTuple):
    """What a state change of a heading logs.

    Attributes:
        done: `time` adds CLOSED, `note` also adds a closing note, None adds nothing (org-log-done).
        keywords: The keywords, with what each of them logs.
        drawer: The drawer for notes, or None (org-log-into-drawer).
        reversed: Whether the newest note comes first (org-log-states-order-reversed).
    """

    done: str | None
    keywords: dict[str, Keyword]
    drawer: str | None
    reversed: bool = True


def read_logging(heading: Heading) -> Logging:
    """Return what to log at `heading` according to `#+STARTUP`, `:LOGGING:` and `:LOG_INTO_DRAWER:`."""
    settings = heading.document.settings
    done = settings.log_done
    keywords = settings.keywords
    if (local := heading.inherited_property("LOGGING")) is not None:
        done, keywords = _local_logging(local, settings)
    drawer = "LOGBOOK" if "logdrawer" in settings.startup else None
    if (value := heading.inherited_property("LOG_INTO_DRAWER")) is not None:
        drawer = {"nil": None, "t": "LOGBOOK", "": None}.get(value, value)
    return Logging(done, keywords, drawer, "nologstatesreversed" not in settings.startup)


def _local_logging(value: str, settings: Settings) -> tuple[str | None, dict[str, Keyword]]:
    """Return what a `:LOGGING:` property requires; it overrides the whole file's settings (org-local-logging)."""
    words = value.split()
    done = "note" if "lognotedone" in words else "time" if "logdone" in words else None
    local = read_settings([(b"TODO", encode(" ".join(word for word in words if "(" in word)))], "").keywords
    keywords = {
        name: Keyword(name, word.is_done, word.sequence, *_keyword_logging(local.get(name)))
        for name, word in settings.keywords.items()
    }
    return done, keywords


def _keyword_logging(word: Keyword | None) -> tuple[str | None, str | None]:
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
    """Return the edits that set the heading's TODO keyword and log the change; none if it has that keyword already.

    Args:
        heading: The heading.
        state: The new keyword; None removes the keyword.
        now: Local time for CLOSED and notes.
        note: The text of the note, for states that log one.
        logging: What to log; according to the file if None.
        indent: The indentation of a new CLOSED line; Org uses none.

    Raises:
        UsageError: The file has no such keyword.
    """
    settings = heading.document.settings
    if state is not None and encode(state) not in heading.document.state_names:
        raise UsageError(f"Unknown state {state}; use one of {', '.join(settings.keywords)}.")
    before = heading.state
    if state == before:
        return []
    logging = logging or read_logging(heading)
    edits = [_set_keyword(heading, state)]
    if not (logging.done or any(word.on_enter or word.on_leave for word in logging.keywords.values())):
        return edits
    entered = logging.keywords.get(state) if state else None
    left = logging.keywords.get(before) if before else None
    log = (entered.on_enter if entered else None) or (left.on_leave if left else None)
    is_done, was_done = settings.is_done(state), settings.is_done(before)
    if state is None or (not is_done and (before is None or was_done)):
        edits += _remove_closed(heading)
    if is_done and not was_done and logging.done:
        edits += _add_closed(heading, now, indent)
        if not log and logging.done == "note":
            edits.append(_add_note(heading, f"CLOSING NOTE {format_inactive(now).decode()}", note, logging))
    if state and log:
        line = f"State {_quoted(state):<12} from {_quoted(before):<12} {format_inactive(now).decode()}"
        edits.append(_add_note(heading, line, note, logging))
    return edits


def _quoted(state: str | None) -> str:
    return f'"{state}"' if state else ""


def _set_keyword(heading: Heading, state: str | None) -> Edit:
    """Return the edit that sets or removes the keyword itself."""
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
    """Return the edit that removes CLOSED from the planning line, or the whole line if it has nothing else."""
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
    """Return the edit that adds or updates CLOSED in the planning line, or adds a planning line."""
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


def _add_note(heading: Heading, line: str, note: str | None, logging: Logging) -> Edit:
    """Return the edit that adds a log note where Org would (org-log-beginning)."""
    text = heading.document.text
    place = _find_note_place(heading, logging) if logging.drawer is None else _find_drawer_place(heading, logging)
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
    """Where to write a note.

    Attributes:
        at: The position where it begins.
        indent: The indentation.
        line_end: Where the blank line that the note replaces ends; None to insert a new line.
        is_new_drawer: Whether the drawer must be created.
    """

    at: int
    indent: bytes
    line_end: int | None = None
    is_new_drawer: bool = False


def _find_note_place(heading: Heading, logging: Logging) -> _Place:
    """Return where to write a note without a drawer: at the start of the section, or after the state notes there."""
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
    # Like Org, reuse an existing blank line.
    end = at + len(blanks_at(text, at))
    return _Place(at, indent, end if end < heading.end and text[end : end + 1] == b"\n" else None)


def _find_drawer_place(heading: Heading, logging: Logging) -> _Place:
    """Return where to write a note in the log drawer, which may have to be created."""
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
    """Return where the line after the heading, planning line and property drawer begins (org-end-of-meta-data)."""
    if heading.drawer is not None:
        return min(heading.drawer.end() + 1, len(heading.document.text))
    return heading.after_planning


def meta_indent(heading: Heading) -> bytes:
    """Return the indentation of the heading's property drawer, or else of its planning line."""
    text = heading.document.text
    start = heading.drawer.start() if heading.drawer is not None else heading.planning[0]
    return b"" if start < 0 else blanks_at(text, start)


def blanks_at(text: bytes, start: int) -> bytes:
    """Return the blanks at `start`."""
    end = start
    while text[end : end + 1] in (b" ", b"\t"):
        end += 1
    return text[start:end]
