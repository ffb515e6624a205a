"""The journal: entries of an Org date tree, read as values.

As the author's capture template writes it:

    * 2018
    ** 2018-06 June
    *** 2018-06-06 Wednesday
    **** [[file:experiment_log.org::#201][201]] why the loss explodes :201:
    [2018-06-06 Wed 16:16]
"""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.model import section_text
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.source import decode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, parse_timestamp
from orglab.reference import Reference, find_references, link_pattern

_DAY = compile_late(r"(\d{4})-(\d{2})-(\d{2})(?: |$)")
# org-datetree.el: year, month, day.
_DAY_LEVEL = 3


class Entry(NamedTuple):
    """One entry of the journal.

    Attributes:
        at: When: the time that it begins with, else the day that it stands under; None if it stands under none.
        title: Its heading, without the link that it begins with.
        text: What stands below it.
        references: The experiments and steps that it names, by link or by reference, each once, in order.
        line: The 1-based line of its heading.
    """

    at: Timestamp | None
    title: str
    text: str
    references: tuple[Reference, ...]
    line: int


def read_entries(document: Document, config: Config) -> Iterator[Entry]:
    """Yield the entries of a journal, in its order.

    An entry is a heading below a day's, with all that is below it; of a journal that is no date tree, each heading
    that has none above it but such.
    """
    day: Timestamp | None = None
    index = 0
    while index < len(document):
        heading = document.heading(index)
        index += 1
        named = _day_of(heading.title)
        if heading.stars <= _DAY_LEVEL and (named is not None or re.match(r"\d{4}(?:-\d{2})?\b", heading.title)):
            day = named
            continue
        after = document.after_subtree(heading.index)
        yield _entry(heading, [document.heading(below) for below in range(index, after)], day, config)
        index = after


def _day_of(title: str) -> Timestamp | None:
    """Return the day that a heading of the date tree names, or None."""
    match = _DAY.match(title)
    try:
        year, month, day = map(int, match.groups()) if match else (0, 0, 0)
        return Timestamp(datetime.datetime(year, month, day), has_time=False)  # noqa: DTZ001 - local times
    except ValueError:
        return None


def _entry(heading: Heading, below: list[Heading], day: Timestamp | None, config: Config) -> Entry:
    """Return the entry at a heading."""
    document = heading.document
    raw = document.text[heading.begin : heading.subtree_end]
    text = section_text(heading)
    stamp = INACTIVE.match(text.encode("utf-8", "surrogateescape"))
    at = parse_timestamp(stamp.group()) if stamp else None
    if stamp and at:
        text = decode(text.encode("utf-8", "surrogateescape")[stamp.end() :]).strip()
    parts = [text, *("\n".join(filter(None, (one.title, section_text(one)))) for one in below)]
    title = re.sub(r"^\s*\[\[[^\]]*\](?:\[[^\]]*\])?\]\s*", "", heading.title) or heading.title
    return Entry(at or day, title, "\n\n".join(filter(None, parts)), _named(raw, config), heading.line_number)


def _named(text: bytes, config: Config) -> tuple[Reference, ...]:
    """Return what an entry names, in the order of its text."""
    found = [(match.start(), Reference(match.group(1).decode())) for match in link_pattern().finditer(text)]
    found += find_references(text, config.letter)
    return tuple(dict.fromkeys(reference for _, reference in sorted(found, key=lambda one: one[0])))
