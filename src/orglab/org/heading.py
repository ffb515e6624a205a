"""Headings of the outline: TODO keyword, tags, planning, properties and section."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orglab.org import syntax
from orglab.org.element import Element, parse_section
from orglab.org.objects import Object, parse_objects
from orglab.org.source import decode
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    from orglab.org.document import Document

# org-priority-regexp: a letter, or a number below 65
_PRIORITY = compile_late(rb"\[#([A-Za-z]|[0-5]?[0-9]|6[0-4])\][ \t]*")
_COMMENT = compile_late(rb"COMMENT(?= |$)[ \t]*", re.M)
_TAGS = compile_late(rb":[\w@#%:\x80-\xff]+:")


class Line(NamedTuple):
    """The parts of a heading's line, as spans in `Source.text`; (-1, -1) for a missing part.

    Attributes:
        state: The span of the TODO keyword.
        priority: The span of `[#A]` and the blanks after it.
        title: The span of the title, without surrounding blanks.
        tags: The span of `:a:b:`.
        is_comment: Whether the title is preceded by the word COMMENT.
    """

    state: tuple[int, int]
    priority: tuple[int, int]
    title: tuple[int, int]
    tags: tuple[int, int]
    is_comment: bool


class Heading:
    """One heading.  Expensive attributes are parsed on first use."""

    def __init__(self, document: "Document", index: int, begin: int, stars: int) -> None:
        """Create the heading with the 0-based index `index` in `document`."""
        self.document = document
        self.index = index
        self.begin = begin
        self.stars = stars

    def __repr__(self) -> str:
        """Return the line number and the title."""
        return f"<Heading {self.line_number}: {self.title!r}>"

    @property
    def level(self) -> int:
        """The number of stars; with `#+STARTUP: odd`, half of it plus one (org-reduced-level)."""
        return self.stars // 2 + 1 if "odd" in self.document.settings.startup else self.stars

    @cached_property
    def line_end(self) -> int:
        """Where the heading line ends, before its newline."""
        end = self.document.text.find(b"\n", self.begin)
        return len(self.document.text) if end < 0 else end

    @property
    def line_number(self) -> int:
        """The 1-based line number of the heading."""
        return self.document.source.line_number(self.begin)

    @property
    def body(self) -> int:
        """Where the line after the heading line begins."""
        return min(self.line_end + 1, len(self.document.text))

    @cached_property
    def end(self) -> int:
        """Where the heading's own section ends: at the next heading, whatever its level."""
        return self.document.heading_begin(self.index + 1)

    @cached_property
    def subtree_end(self) -> int:
        """Where the heading's subtree ends."""
        return self.document.heading_begin(self.document.after_subtree(self.index))

    @cached_property
    def line(self) -> Line:
        """The parts of the heading line (org-element-headline-parser)."""
        text = self.document.text
        end = self.line_end
        position = _skip_blanks(text, self.begin + self.stars, end)
        state = priority = (-1, -1)
        word = text.find(b" ", position, end)
        word = end if word < 0 else word
        if text[position:word] in self.document.state_names:
            state = (position, word)
            position = _skip_blanks(text, word, end)
        if match := _PRIORITY.match(text, position, end):
            priority = match.span()
            position = match.end()
        comment = _COMMENT.match(text, position, end)
        if comment:
            position = comment.end()
        last = end
        while last > position and text[last - 1] in b" \t":
            last -= 1
        tags = (-1, -1)
        if text[last - 1 : last] == b":" and (span := _find_tags(text, position, last)) is not None:
            tags = span
            last = span[0]
            while last > position and text[last - 1] in b" \t":
                last -= 1
        return Line(state, priority, (position, max(last, position)), tags, comment is not None)

    @cached_property
    def state(self) -> str | None:
        """The TODO keyword, or None."""
        start, end = self.line.state
        return None if start < 0 else decode(self.document.text[start:end])

    @property
    def is_done(self) -> bool:
        """Whether the TODO keyword is a done state."""
        return self.document.settings.is_done(self.state)

    @property
    def priority(self) -> str | None:
        """The letter or number in `[#A]`, or None."""
        start, end = self.line.priority
        return None if start < 0 else self.document.text[start + 2 : end].rstrip(b" \t]").decode()

    @cached_property
    def title(self) -> str:
        """The title without TODO keyword, priority, COMMENT and tags, but with statistics cookies."""
        start, end = self.line.title
        return decode(self.document.text[start:end])

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The heading's own tags."""
        start, end = self.line.tags
        return () if start < 0 else tuple(tag for tag in decode(self.document.text[start:end]).split(":") if tag)

    @cached_property
    def all_tags(self) -> tuple[str, ...]:
        """The tags of the file, of the ancestors and of the heading; only the last of duplicates (org-get-tags)."""
        # Not computed from the parent's tags, because thousands of levels would exceed the recursion limit.
        upwards = [tag for heading in (self, *self.ancestors()) for tag in reversed(heading.tags)]
        upwards += reversed(self.document.settings.filetags)
        return tuple(reversed(dict.fromkeys(upwards)))

    @property
    def parent(self) -> "Heading | None":
        """The parent heading, or None."""
        index = self.document.parent_index(self.index)
        return None if index < 0 else self.document.heading(index)

    def ancestors(self) -> "Iterator[Heading]":
        """Yield the headings above this one, nearest first."""
        heading = self.parent
        while heading is not None:
            yield heading
            heading = heading.parent

    def children(self) -> "Iterator[Heading]":
        """Yield the headings directly below this one."""
        index = self.index + 1
        end = self.document.after_subtree(self.index)
        while index < end:
            yield self.document.heading(index)
            index = self.document.after_subtree(index)

    @cached_property
    def planning(self) -> tuple[int, int]:
        """The span of the planning line, without its newline; (-1, -1) if there is none."""
        text, body = self.document.text, self.body
        if body >= self.end or not syntax.PLANNING.match(text, body):
            return -1, -1
        end = text.find(b"\n", body)
        return body, len(text) if end < 0 else end

    def _read_planning(self, keyword: bytes) -> str | None:
        start, end = self.planning
        if start >= 0:
            text = self.document.text
            # Only up to the last bracket; otherwise each keyword without a timestamp would search the rest of the line.
            last = max(text.rfind(b"]", start, end), text.rfind(b">", start, end)) + 1
            for match in syntax.PLANNING_ITEM.finditer(text, start, last):
                if match.group(1).upper() == keyword:
                    return decode(match.group(2))
        return None

    @property
    def closed(self) -> str | None:
        """The timestamp after `CLOSED:`, or None."""
        return self._read_planning(b"CLOSED")

    @property
    def scheduled(self) -> str | None:
        """The timestamp after `SCHEDULED:`, or None."""
        return self._read_planning(b"SCHEDULED")

    @property
    def deadline(self) -> str | None:
        """The timestamp after `DEADLINE:`, or None."""
        return self._read_planning(b"DEADLINE")

    @property
    def after_planning(self) -> int:
        """Where the line after the heading and its planning line begins; a property drawer must be here."""
        end = self.planning[1]
        return self.body if end < 0 else min(end + 1, len(self.document.text))

    @cached_property
    def drawer(self) -> "re.Match[bytes] | None":
        """The match of the property drawer, or None; group 1 is its contents."""
        return syntax.PROPERTY_DRAWER.match(self.document.text, self.after_planning, self.end)

    @cached_property
    def properties(self) -> dict[str, str]:
        """The properties in the drawer, by upper-case name; the first of duplicates counts (org-entry-get)."""
        return read_properties(self.document.text, self.drawer)

    def inherited_property(self, name: str) -> str | None:
        """Return a property of the heading, of its nearest ancestor that has the property, or of the file."""
        holder = self.property_holder(name)
        return self.document.file_property(name) if holder is None else holder.property(name)

    def property_holder(self, name: str) -> "Heading | None":
        """Return the nearest heading, this one or an ancestor, that has the property; None if there is none."""
        for heading in (self, *self.ancestors()):
            if heading.property(name) is not None:
                return heading
        return None

    @property
    def category(self) -> str | None:
        """The category: the heading's own, inherited, or the file's."""
        return self.inherited_property("CATEGORY") or self.document.settings.category

    @cached_property
    def section(self) -> Element:
        """The elements between this heading and the next."""
        return parse_section(self.document.text, self.body, self.end, first=False)

    def objects(self) -> Iterator[Object]:
        """Yield the objects in the title and in the section, in order."""
        radio = self.document.radio_pattern
        yield from parse_objects(self.document.text, *self.line.title, radio=radio)
        for element in self.section.walk():
            yield from element_objects(self.document.text, element, radio)

    def _find_timestamp(self, kind: str) -> str | None:
        for timestamp in self.objects():
            if timestamp.type == "timestamp" and timestamp.kind.startswith(kind):
                return decode(timestamp.value)
        return None

    @property
    def timestamp(self) -> str | None:
        """The first active timestamp in title or section, ignoring planning and property drawers."""
        return self._find_timestamp("active")

    @property
    def timestamp_ia(self) -> str | None:
        """The first inactive timestamp in title or section."""
        return self._find_timestamp("inactive")

    # Must be last, because it shadows the builtin in the class body.
    def property(self, name: str) -> str | None:
        """Return the value of the heading's own property `name` (case-insensitive), or None."""
        return self.properties.get(name.upper())


def element_objects(text: bytes, element: Element, radio: "re.Pattern[bytes] | None" = None) -> Iterator[Object]:
    """Yield the objects directly in `element`: in its text, tag, table cells, caption or parsed keyword value.

    Args:
        text: The text of the document.
        element: The element.
        radio: The document's `radio_pattern`; without it, links to radio targets are not found.
    """
    if element.start > element.begin:
        for match in _CAPTION.finditer(text, element.begin, element.start):
            yield from parse_objects(text, *match.span(1), radio=radio)
    if element.type in ("paragraph", "verse-block"):
        yield from parse_objects(text, *element.contents, radio=radio)
    elif element.type == "table":
        yield from _table_objects(text, element, radio)
    elif element.type == "item" and element.item is not None and element.item.tag is not None:
        begin = text.index(element.item.tag, element.begin)
        yield from parse_objects(text, begin, begin + len(element.item.tag), radio=radio)
    elif element.type == "keyword" and (title := _TITLE_KEYWORD.match(text, element.begin)):
        yield from parse_objects(text, title.end(), element.end, radio=radio)


def _table_objects(text: bytes, table: Element, radio: "re.Pattern[bytes] | None") -> Iterator[Object]:
    """Yield the objects in the cells of an Org table; table.el tables have none."""
    if not syntax.TABLE.match(text, table.start):
        return
    for row in _TABLE_ROW.finditer(text, *table.contents):
        for cell in _TABLE_CELL.finditer(text, *row.span(1)):
            inside = -1
            for child in parse_objects(text, *cell.span(), radio=radio):
                # Cookies are recognized inside other objects in a cell, such as bold, but not directly in the cell.
                if child.type != "statistics-cookie" or child.begin < inside:
                    yield child
                if child.contents[0] >= 0:
                    inside = max(inside, child.end)


_TABLE_ROW = compile_late(rb"^[ \t]*\|(?!-)(.*)$", re.M)
_TABLE_CELL = compile_late(rb"[^|\s](?:[^|]*[^|\s])?")
_TITLE_KEYWORD = compile_late(rb"[ \t]*#\+(?:TITLE|AUTHOR|DATE):", re.I)
_CAPTION = compile_late(rb"^[ \t]*#\+CAPTION:(.*)$", re.I | re.M)


def read_properties(text: bytes, drawer: "re.Match[bytes] | None") -> dict[str, str]:
    """Return the properties in a drawer, by upper-case name; `name+` appends to `name`, separated by a space."""
    if drawer is None:
        return {}
    properties: dict[str, list[str]] = {}
    for match in syntax.NODE_PROPERTY.finditer(text, *drawer.span(1)):
        name = decode(match.group(2)).upper()
        value = decode(match.group(3) or b"")
        if name.endswith("+"):
            properties.setdefault(name[:-1], []).append(value)
        else:
            properties.setdefault(name, [value])
    return {name: " ".join(values) for name, values in properties.items()}


def _skip_blanks(text: bytes, position: int, end: int) -> int:
    """Return the first position from `position` on that is not a blank, at most `end`."""
    while position < end and text[position] in b" \t":
        position += 1
    return position


def _find_tags(text: bytes, title: int, last: int) -> tuple[int, int] | None:
    """Return the span of the tags that end at `last`, or None; `title` is where the title begins (org-tag-line-re)."""
    start = last
    while start > title and text[start - 1] not in b" \t":
        start -= 1
    if text[start - 1] not in b" \t" or not _TAGS.fullmatch(text, start, last):
        return None
    tags = text[start:last]
    if not tags.isascii() and not all(char.isalnum() or char in "_@#%:" for char in decode(tags)):
        return None
    return (start, last) if tags.strip(b":") else None
