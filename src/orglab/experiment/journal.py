"""The journal: reading the entries of an Org date tree.

This is the format that an Org capture template writes:

    * 2018
    ** 2018-06 June
    *** 2018-06-06 Wednesday
    **** [[file:experiment_log.org::#201][201]] why the loss explodes :201:
    [2018-06-06 Wed 16:16]

An author may follow the time: `(by: claude)`.
"""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.author import AUTHOR
from orglab.experiment.section_text import section_text
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.source import decode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, parse_timestamp
from orglab.reference import Reference, find_references, link_pattern

_DAY = compile_late(r"(\d{4})-(\d{2})-(\d{2})(?: |$)")
_DATED = compile_late(r"\d{4}(?:-\d{2})?\b")
_YEAR = compile_late(r"\d{4}")
# On the line of the time: what follows is the user's own.
_SIGNED = compile_late(rf"[ \t]+\({AUTHOR}\)")
# org-datetree.el: year, month, day.
_DAY_LEVEL = 3


class Entry(NamedTuple):
    """One entry of the journal.

    Attributes:
        at: The time that the entry begins with, else the day of its date tree heading, else None.
        title: The title of its heading, without a link at the start.
        text: The text below the heading.
        references: The experiments and steps it links or refers to, each once, in order.
        line: The 1-based line of its heading.
        author: The name of its author; None if it has no mark, so that a person wrote it.
    """

    at: Timestamp | None
    title: str
    text: str
    references: tuple[Reference, ...]
    line: int
    author: str | None = None


def read_entries(document: Document, config: Config) -> Iterator[Entry]:
    """Yield the entries of a journal, in file order.

    An entry is a heading below a day heading, with its whole subtree.  In a journal without a date tree, every
    top heading is an entry.
    """
    day: Timestamp | None = None
    day_stars = index = 0
    while index < len(document):
        heading = document.heading(index)
        index += 1
        if _is_of_tree(heading):
            day, day_stars = _parse_day(heading.title), heading.stars
            continue
        if heading.stars <= day_stars:
            day = None
        after = document.after_subtree(heading.index)
        yield _read_entry(heading, [document.heading(below) for below in range(index, after)], day, config)
        index = after


def _is_of_tree(heading: Heading) -> bool:
    """Return whether a heading is a year, a month or a day of a date tree, or has the years below it."""
    parent = heading.parent
    may_be = heading.stars <= _DAY_LEVEL or (parent is not None and _DATED.match(parent.title) is not None)
    if may_be and _DATED.match(heading.title):
        # The entries of a day may begin with a date, too.
        return parent is None or _parse_day(parent.title) is None
    return any(_YEAR.fullmatch(child.title) for child in heading.children())


def _parse_day(title: str) -> Timestamp | None:
    """Return the day of a date tree heading, or None."""
    match = _DAY.match(title)
    try:
        year, month, day = map(int, match.groups()) if match else (0, 0, 0)
        return Timestamp(datetime.datetime(year, month, day), has_time=False)  # noqa: DTZ001 - local times
    except ValueError:
        return None


def _read_entry(heading: Heading, below: list[Heading], day: Timestamp | None, config: Config) -> Entry:
    """Return the entry of a heading and the headings below it."""
    document = heading.document
    raw = document.text[heading.begin : heading.subtree_end]
    text = section_text(heading)
    stamp = INACTIVE.match(text.encode("utf-8", "surrogateescape"))
    at = parse_timestamp(stamp.group()) if stamp else None
    author = None
    if stamp and at:
        text = decode(text.encode("utf-8", "surrogateescape")[stamp.end() :])
        if (signed := _SIGNED.match(text)) is not None:
            author, text = signed.group(1), text[signed.end() :]
        text = text.strip()
    parts = [text, *("\n".join(filter(None, (child.title, section_text(child)))) for child in below)]
    title = re.sub(r"^\s*\[\[[^\]]*\](?:\[[^\]]*\])?\]\s*", "", heading.title) or heading.title
    words, references = "\n\n".join(filter(None, parts)), _read_references(raw, config)
    return Entry(at or day, title, words, references, heading.line_number, author)


def _read_references(text: bytes, config: Config) -> tuple[Reference, ...]:
    """Return the links and references in a text, in order, each once."""
    positions = [(match.start(), Reference(match.group(1).decode())) for match in link_pattern().finditer(text)]
    positions += find_references(text, config.letter)
    return tuple(dict.fromkeys(reference for _, reference in sorted(positions, key=lambda pair: pair[0])))
