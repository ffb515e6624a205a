"""Statistics cookies: `[1/2]` and `[50%]`, in headings, items and text, counted as Org 9.8.9 counts them.

Two passes, as in `org-update-statistics-cookies`: `org-update-checkbox-count`
counts boxes, then `org-update-parent-todo-statistics` counts the keywords of
sub-headings, and where both have something to say of a heading, the second has
the last word.
"""

import re
from collections.abc import Iterable, Iterator

from orglab.org import syntax
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.element import Element
from orglab.org.heading import Heading, element_objects
from orglab.org.list import Item, Structure
from orglab.org.objects import parse_objects

# What a cookie outside these counts is the whole section.
_COUNTED_IN = frozenset(
    ("drawer", "center-block", "dynamic-block", "item", "quote-block", "special-block", "verse-block")
)
_RECURSIVE = re.compile(rb"COOKIE_DATA:.*recursive", re.I)


def recount(document: Document, headings: Iterable[Heading | None] | None = None) -> list[Edit]:
    """Return the edits that make cookies true, as `org-update-statistics-cookies` for the whole file.

    Args:
        document: The file.
        headings: Only the cookies of these headings and of their own sections;
            None among them is the text before the first heading.  All if None.
    """
    chosen = [None, *document.headings()] if headings is None else list(headings)
    edits: list[Edit] = []
    for heading in chosen:
        by_keywords = [] if heading is None else keyword_cookies(heading)
        replaced = {edit.start for edit in by_keywords}
        edits += by_keywords
        edits += [edit for edit in checkbox_cookies(document, heading) if edit.start not in replaced]
    return [edit for edit in edits if document.text[edit.start : edit.end] != edit.replacement]


def format_cookie(old: bytes, done: int, total: int) -> bytes:
    """Return a cookie of the kind of `old` (org-format-percent-cookie rounds down)."""
    if old.endswith(b"%]"):
        return b"[%d%%]" % (100 * done // max(1, total))
    return b"[%d/%d]" % (done, total)


def checkbox_cookies(document: Document, heading: Heading | None, *, hierarchical: bool = True) -> list[Edit]:
    """Return what the boxes of one section make of the cookies in its heading and text (org-update-checkbox-count).

    Args:
        document: The file.
        heading: The section's heading; None for the text before the first.
        hierarchical: Org's `org-checkbox-hierarchical-statistics`: count direct children only.

    Returns:
        An edit for every cookie, also where it is true already.
    """
    text = document.text
    begin = 0 if heading is None else heading.begin
    end = document.begin_of(0) if heading is None else heading.end
    if not syntax.COOKIE.search(text, begin, end):
        return []
    data = document.file_property("COOKIE_DATA") if heading is None else heading.property("COOKIE_DATA")
    words = re.findall(r"\w+", (data or "").lower())
    if "todo" in words:
        return []
    recursive = not hierarchical or "recursive" in words
    section = document.section_of(heading)
    counts: dict[int, tuple[int, int]] = {}
    edits = []
    for start, stop, container in _cookies(text, heading, section):
        first, last = (begin, end) if container is None else container.contents
        if first not in counts:
            structures = list(_structures(text, section, first, last))
            item = container.item if container is not None and container.type == "item" else None
            counts[first] = _count(item, structures, recursive=recursive)
        edits.append(Edit(start, stop, format_cookie(text[start:stop], *counts[first])))
    return edits


def _cookies(text: bytes, heading: Heading | None, section: Element) -> Iterator[tuple[int, int, Element | None]]:
    """Yield the span of each cookie and the element whose boxes it counts; None for the section."""
    if heading is not None:
        for found in parse_objects(text, *heading.line.title):
            if found.type == "statistics-cookie":
                yield found.begin, found.end, None
    read: set[int] = set()
    for match in syntax.COOKIE.finditer(text, section.begin, section.end):
        element = section.at(match.start())
        if id(element) in read:
            continue
        read.add(id(element))
        around = (element, *element.ancestors())
        container = next((other for other in around if other.type in _COUNTED_IN), None)
        for found in element_objects(text, element):
            if found.type == "statistics-cookie":
                yield found.begin, found.end, container


def _structures(text: bytes, section: Element, begin: int, end: int) -> Iterator[Structure]:
    """Yield the lists between two positions that have a box, each outermost list once."""
    position = begin
    while (match := syntax.BOX.search(text, position, end)) is not None:
        position = match.end()
        element = section.at(match.start()) if match.start() >= section.begin else section
        if element.type != "item" or element.item is None or element.item.checkbox is None:
            continue
        if element.structure is not None:
            yield element.structure
        for other in element.ancestors():
            if other.type == "plain-list":
                position = min(other.end, end)


def _count(item: Item | None, structures: list[Structure], *, recursive: bool) -> tuple[int, int]:
    """Return how many boxes are checked and how many there are, below `item` or in whole lists."""
    done = total = 0
    for structure in structures:
        if item is not None:
            inside = structure.item_at(item.begin) is not None
            items = structure.subtree(item) if recursive and inside else structure.children(item)
        else:
            items = structure.items if recursive else structure.siblings(structure.items[0])
        boxes = [other for other in items if other.checkbox is not None]
        total += len(boxes)
        done += sum(other.is_checked for other in boxes)
    return done, total


def keyword_cookies(heading: Heading, *, hierarchical: bool = True) -> list[Edit]:
    """Return what the keywords of sub-headings make of the cookies in a heading (org-update-parent-todo-statistics).

    Org recounts at each heading in turn, its parent's cookies and, if told to,
    those further up; what the last one writes stays.  So only that one is counted.

    Args:
        heading: The heading whose cookies are counted.
        hierarchical: Org's `org-hierarchical-todo-statistics`: count direct children only.

    Returns:
        An edit for every cookie in the heading's line, also where it is true already.
    """
    document = heading.document
    cookies = list(syntax.COOKIE.finditer(document.text, heading.begin, heading.line_end))
    if not cookies or _counts_boxes(heading):
        return []
    last = _last_below(heading, hierarchical=hierarchical)
    if last is None:
        return []
    recursive, stars = last
    done = total = 0
    for index in range(heading.index + 1, document.after_subtree(heading.index)):
        if recursive or document.stars(index) == stars:
            other = document.heading(index)
            total += other.state is not None
            done += other.is_done
    return [
        Edit(match.start(), match.end(), format_cookie(match.group(), done, total))
        for match in cookies
    ]  # fmt: skip


def _counts_boxes(heading: Heading) -> bool:
    """Return whether the heading's `COOKIE_DATA` says that its cookies are of boxes."""
    return bool(re.search(r"\bcheckbox\b", (heading.property("COOKIE_DATA") or "").lower()))


def _last_below(heading: Heading, *, hierarchical: bool) -> tuple[bool, int] | None:
    """Return, of the last heading whose recount reaches `heading`, whether it counts recursively, and its stars."""
    document = heading.document
    if hierarchical and not _RECURSIVE.search(document.text, 0):
        last = None
        for last in heading.children():
            pass
        return None if last is None else (False, last.stars)
    for index in range(document.after_subtree(heading.index) - 1, heading.index, -1):
        below = document.heading(index)
        parent = below.parent
        if parent is None:
            continue
        data = parent.inherited_property("COOKIE_DATA") or ""
        recursive = not hierarchical or bool(re.search(r"\brecursive\b", data))
        if _reaches(below, heading, recursive=recursive):
            return recursive, below.stars
    return None


def _reaches(below: Heading, heading: Heading, *, recursive: bool) -> bool:
    """Return whether the recount at `below` goes as far up as `heading`."""
    parent = below.parent
    if parent is None or not recursive:
        return parent is heading
    holder = parent.property_holder("COOKIE_DATA")
    limit = holder.begin if holder is not None else 0
    for ancestor in below.ancestors():
        if ancestor.begin < limit or _counts_boxes(ancestor):
            return False
        if ancestor is heading:
            return True
    return False
