"""A heading of the outline and what belongs to it: state, tags, planning, properties, section."""

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
    """The parts of a heading's line; spans are positions in `Source.text`, (-1, -1) for a part that is not there.

    Attributes:
        state: The span of the TODO keyword.
        priority: The span of `[#A]` and the blanks after it.
        title: The span of the title, blanks around it left out.
        tags: The span of `:a:b:`.
        is_comment: Whether the word COMMENT stands before the title.
    """

    state: tuple[int, int]
    priority: tuple[int, int]
    title: tuple[int, int]
    tags: tuple[int, int]
    is_comment: bool


class Heading:
    """One heading.  What costs reading is read when first asked for."""

    def __init__(self, document: "Document", index: int, begin: int, stars: int) -> None:
        """Stand for the heading number `index` of `document`."""
        self.document = document
        self.index = index
        self.begin = begin
        self.stars = stars

    def __repr__(self) -> str:
        """Return the line number and the title."""
        return f"<Heading {self.line_number}: {self.title!r}>"

    @property
    def level(self) -> int:
        """The level: how many stars; where the file says `#+STARTUP: odd`, half as many and one (org-reduced-level)."""
        return self.stars // 2 + 1 if "odd" in self.document.settings.startup else self.stars

    @cached_property
    def line_end(self) -> int:
        """Where the line of the heading ends, before its newline."""
        end = self.document.text.find(b"\n", self.begin)
        return len(self.document.text) if end < 0 else end

    @property
    def line_number(self) -> int:
        """The 1-based line of the heading."""
        return self.document.source.line_number(self.begin)

    @property
    def body(self) -> int:
        """Where the line after the heading begins."""
        return min(self.line_end + 1, len(self.document.text))

    @cached_property
    def end(self) -> int:
        """Where the heading's own section ends: at the next heading of any level."""
        return self.document.heading_begin(self.index + 1)

    @cached_property
    def subtree_end(self) -> int:
        """Where its sub-headings end too."""
        return self.document.heading_begin(self.document.after_subtree(self.index))

    @cached_property
    def line(self) -> Line:
        """The parts of the line (org-element-headline-parser)."""
        text = self.document.text
        end = self.line_end
        position = _skip(text, self.begin + self.stars, end)
        state = priority = (-1, -1)
        word = text.find(b" ", position, end)
        word = end if word < 0 else word
        if text[position:word] in self.document.state_names:
            state = (position, word)
            position = _skip(text, word, end)
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
        if text[last - 1 : last] == b":" and (found := _tags_span(text, position, last)) is not None:
            tags = found
            last = found[0]
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
        """Whether the state is one of the done keywords."""
        return self.document.settings.is_done(self.state)

    @property
    def priority(self) -> str | None:
        """The letter or number in `[#A]`, or None."""
        start, end = self.line.priority
        return None if start < 0 else self.document.text[start + 2 : end].rstrip(b" \t]").decode()

    @cached_property
    def title(self) -> str:
        """The text of the heading without keyword, priority, COMMENT and tags; cookies are kept."""
        start, end = self.line.title
        return decode(self.document.text[start:end])

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags that the heading itself carries."""
        start, end = self.line.tags
        return () if start < 0 else tuple(tag for tag in decode(self.document.text[start:end]).split(":") if tag)

    @cached_property
    def all_tags(self) -> tuple[str, ...]:
        """The tags of the file, of the headings above, and its own, each once: where it stands last (org-get-tags)."""
        # Not from the parent's: thousands of levels would be as many calls deep.
        upwards = [tag for heading in (self, *self.ancestors()) for tag in reversed(heading.tags)]
        upwards += reversed(self.document.settings.filetags)
        return tuple(reversed(dict.fromkeys(upwards)))

    @property
    def parent(self) -> "Heading | None":
        """The heading that this one is below, or None."""
        index = self.document.parent_index(self.index)
        return None if index < 0 else self.document.heading(index)

    def ancestors(self) -> "Iterator[Heading]":
        """Yield the headings above it, nearest first."""
        heading = self.parent
        while heading is not None:
            yield heading
            heading = heading.parent

    def children(self) -> "Iterator[Heading]":
        """Yield the headings directly below it."""
        index = self.index + 1
        end = self.document.after_subtree(self.index)
        while index < end:
            yield self.document.heading(index)
            index = self.document.after_subtree(index)

    @cached_property
    def planning(self) -> tuple[int, int]:
        """The span of the planning line without its newline, or (-1, -1)."""
        text, body = self.document.text, self.body
        if body >= self.end or not syntax.PLANNING.match(text, body):
            return -1, -1
        end = text.find(b"\n", body)
        return body, len(text) if end < 0 else end

    def _planned(self, keyword: bytes) -> str | None:
        start, end = self.planning
        if start >= 0:
            text = self.document.text
            # Up to the last bracket: else each keyword without one would look for it to the line's end.
            last = max(text.rfind(b"]", start, end), text.rfind(b">", start, end)) + 1
            for match in syntax.PLANNING_ITEM.finditer(text, start, last):
                if match.group(1).upper() == keyword:
                    return decode(match.group(2))
        return None

    @property
    def closed(self) -> str | None:
        """The timestamp after `CLOSED:`, or None."""
        return self._planned(b"CLOSED")

    @property
    def scheduled(self) -> str | None:
        """The timestamp after `SCHEDULED:`, or None."""
        return self._planned(b"SCHEDULED")

    @property
    def deadline(self) -> str | None:
        """The timestamp after `DEADLINE:`, or None."""
        return self._planned(b"DEADLINE")

    @property
    def after_planning(self) -> int:
        """Where the line after the heading and its planning line begins: the property drawer's place."""
        end = self.planning[1]
        return self.body if end < 0 else min(end + 1, len(self.document.text))

    @cached_property
    def drawer(self) -> "re.Match[bytes] | None":
        """The property drawer: group 1 spans its properties."""
        return syntax.PROPERTY_DRAWER.match(self.document.text, self.after_planning, self.end)

    @cached_property
    def properties(self) -> dict[str, str]:
        """The properties of the drawer, names in upper case; of a name that stands twice the first (org-entry-get)."""
        return read_properties(self.document.text, self.drawer)

    def inherited_property(self, name: str) -> str | None:
        """Return the value of a property of the heading, of the nearest heading above that has it, or of the file."""
        holder = self.property_holder(name)
        return self.document.file_property(name) if holder is None else holder.property(name)

    def property_holder(self, name: str) -> "Heading | None":
        """Return the heading that gives this one its value of a property; None if none, or the file."""
        for heading in (self, *self.ancestors()):
            if heading.property(name) is not None:
                return heading
        return None

    @property
    def category(self) -> str | None:
        """The category: its own, inherited, or the file's."""
        return self.inherited_property("CATEGORY") or self.document.settings.category

    @cached_property
    def section(self) -> Element:
        """The elements between this heading and the next."""
        return parse_section(self.document.text, self.body, self.end, first=False)

    def objects(self) -> Iterator[Object]:
        """Yield the objects of the title and of the section, in order."""
        radio = self.document.radio_pattern
        yield from parse_objects(self.document.text, *self.line.title, radio=radio)
        for element in self.section.walk():
            yield from element_objects(self.document.text, element, radio)

    def _timestamp(self, kind: str) -> str | None:
        for found in self.objects():
            if found.type == "timestamp" and found.kind.startswith(kind):
                return decode(found.value)
        return None

    @property
    def timestamp(self) -> str | None:
        """The first active timestamp of title or section, planning and drawers of properties left out."""
        return self._timestamp("active")

    @property
    def timestamp_ia(self) -> str | None:
        """The first inactive timestamp of title or section."""
        return self._timestamp("inactive")

    # Last, for in the class body it hides the builtin.
    def property(self, name: str) -> str | None:
        """Return the value of a property of the heading itself, whatever the case of its name."""
        return self.properties.get(name.upper())


def element_objects(text: bytes, element: Element, radio: "re.Pattern[bytes] | None" = None) -> Iterator[Object]:
    """Yield the objects directly in `element`: of its text, its tag, or a keyword's value that Org parses.

    Args:
        text: The text that the parser reads.
        element: The element.
        radio: The document's `radio_pattern`; without it links to radio targets are not found.
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
    """Yield the objects of a table's cells; those of table.el have none."""
    if not syntax.TABLE.match(text, table.start):
        return
    for row in _TABLE_ROW.finditer(text, *table.contents):
        for cell in _TABLE_CELL.finditer(text, *row.span(1)):
            inside = -1
            for found in parse_objects(text, *cell.span(), radio=radio):
                # A cookie counts in what stands in a cell, such as emphasis, but not in the cell itself.
                if found.type != "statistics-cookie" or found.begin < inside:
                    yield found
                if found.contents[0] >= 0:
                    inside = max(inside, found.end)


_TABLE_ROW = compile_late(rb"^[ \t]*\|(?!-)(.*)$", re.M)
_TABLE_CELL = compile_late(rb"[^|\s](?:[^|]*[^|\s])?")
_TITLE_KEYWORD = compile_late(rb"[ \t]*#\+(?:TITLE|AUTHOR|DATE):", re.I)
_CAPTION = compile_late(rb"^[ \t]*#\+CAPTION:(.*)$", re.I | re.M)


def read_properties(text: bytes, drawer: "re.Match[bytes] | None") -> dict[str, str]:
    """Return the properties of a drawer; `name+` adds to `name`, with a space between."""
    if drawer is None:
        return {}
    found: dict[str, list[str]] = {}
    for match in syntax.NODE_PROPERTY.finditer(text, *drawer.span(1)):
        name = decode(match.group(2)).upper()
        value = decode(match.group(3) or b"")
        if name.endswith("+"):
            found.setdefault(name[:-1], []).append(value)
        else:
            found.setdefault(name, [value])
    return {name: " ".join(values) for name, values in found.items()}


def _skip(text: bytes, position: int, end: int) -> int:
    """Return the first place from `position` on that is not blank."""
    while position < end and text[position] in b" \t":
        position += 1
    return position


def _tags_span(text: bytes, title: int, last: int) -> tuple[int, int] | None:
    """Return the span of the tags that end a heading's text at `last`, or None (org-tag-line-re)."""
    start = last
    while start > title and text[start - 1] not in b" \t":
        start -= 1
    if text[start - 1] not in b" \t" or not _TAGS.fullmatch(text, start, last):
        return None
    tags = text[start:last]
    if not tags.isascii() and not all(char.isalnum() or char in "_@#%:" for char in decode(tags)):
        return None
    return (start, last) if tags.strip(b":") else None
