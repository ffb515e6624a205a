"""Statistics cookies: `[1/2]` and `[50%]`, in headings, items and text, counted as Org 9.8.9 counts them.

There are two passes, as in `org-update-statistics-cookies`: `org-update-checkbox-count`
counts checkboxes, then `org-update-parent-todo-statistics` counts the TODO keywords of
subheadings.  Where both apply to a heading, the second wins.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from orglab.org import syntax
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.element import Element
from orglab.org.heading import Heading, element_objects
from orglab.org.list import Item, Structure
from orglab.org.objects import parse_objects
from orglab.org.syntax import compile_late

# A cookie outside all of these counts the whole section.
_COUNTED_IN = frozenset(
    ("drawer", "center-block", "dynamic-block", "item", "quote-block", "special-block", "verse-block")
)
_RECURSIVE = compile_late(rb"COOKIE_DATA:.*recursive", re.I)


def recount_cookies(document: Document, headings: Iterable[Heading | None] | None = None) -> list[Edit]:
    """Return the edits that correct statistics cookies, as `org-update-statistics-cookies` does for a whole file.

    Args:
        document: The document.
        headings: Recount only the cookies of these headings and their own sections; an
            element None means the text before the first heading.  All if None.
    """
    if headings is None:
        chosen: list[Heading | None] = [None, *document.headings()]
    else:
        # Top-down, because counting the keywords of a subtree once serves all headings in it.
        chosen = sorted(headings, key=lambda heading: -1 if heading is None else heading.index)
    keywords: _Keywords | None = None
    edits: list[Edit] = []
    for heading in chosen:
        by_keywords: list[Edit] = []
        if heading is not None and syntax.COOKIE.search(document.text, heading.begin, heading.line_end):
            if keywords is None or not keywords.begin <= heading.index < keywords.end:
                begin, end = heading.index, document.after_subtree(heading.index)
                whole = (0, len(document)) if headings is None else (begin, end)
                keywords = _Keywords(document, *whole, hierarchical=True)
            by_keywords = keywords.edits(heading)
        replaced = {edit.start for edit in by_keywords}
        edits += by_keywords
        edits += [edit for edit in recount_checkbox_cookies(document, heading) if edit.start not in replaced]
    return [edit for edit in edits if document.text[edit.start : edit.end] != edit.replacement]


def format_cookie(old: bytes, done: int, total: int) -> bytes:
    """Return a cookie in the format of `old` (org-format-percent-cookie rounds down)."""
    if old.endswith(b"%]"):
        return b"[%d%%]" % (100 * done // max(1, total))
    return b"[%d/%d]" % (done, total)


def recount_checkbox_cookies(document: Document, heading: Heading | None, *, hierarchical: bool = True) -> list[Edit]:
    """Return the edits that count a section's checkboxes in its heading and text (org-update-checkbox-count).

    Args:
        document: The document.
        heading: The section's heading; None for the text before the first heading.
        hierarchical: Org's `org-checkbox-hierarchical-statistics`: count direct children only.

    Returns:
        An edit for every cookie, even if it is already correct.
    """
    text = document.text
    begin = 0 if heading is None else heading.begin
    end = document.heading_begin(0) if heading is None else heading.end
    if not syntax.COOKIE.search(text, begin, end):
        return []
    data = document.file_property("COOKIE_DATA") if heading is None else heading.property("COOKIE_DATA")
    words = re.findall(r"\w+", (data or "").lower())
    if "todo" in words:
        return []
    boxes = _Boxes(document.get_section(heading), recursive=not hierarchical or "recursive" in words)
    edits = []
    for start, stop, container, in_list in _cookies(text, heading, boxes):
        counted = boxes.count_all() if container is None else boxes.count_in(container, in_list=in_list)
        edits.append(Edit(start, stop, format_cookie(text[start:stop], *counted)))
    return edits


def _cookies(text: bytes, heading: Heading | None, boxes: "_Boxes") -> Iterator[tuple[int, int, Element | None, bool]]:
    """Yield each cookie's span, the element whose boxes it counts (None: the section), and whether it is in a list."""
    if heading is not None:
        for cookie in parse_objects(text, *heading.line.title):
            if cookie.type == "statistics-cookie":
                yield cookie.begin, cookie.end, None, False
    section = boxes.section
    places = [match.start() for match in syntax.COOKIE.finditer(text, section.begin, section.end)]
    for element, container, in_list in boxes.elements if places else ():
        # The element's own text ends where its first child begins.
        end = element.children[0].begin if element.children else element.end
        place = bisect_left(places, element.begin)
        if place < len(places) and places[place] < end:
            for cookie in element_objects(text, element):
                if cookie.type == "statistics-cookie":
                    yield cookie.begin, cookie.end, container, in_list


class _Boxes:
    """The checkboxes of a section, counted for each of its elements."""

    def __init__(self, section: Element, *, recursive: bool) -> None:
        self.section = section
        self.recursive = recursive
        # Each element, the container whose boxes a cookie in it counts, and whether that container is in a list.
        self.elements: list[tuple[Element, Element | None, bool]] = []
        self._items: list[Element] = []
        # The first item with a box in each outermost list.
        first: list[Element] = []
        last: Element | None = None
        todo: list[tuple[Element, Element | None, bool, Element | None]] = [(section, None, False, None)]
        while todo:
            element, container, in_list, outermost = todo.pop()
            if element.type in _COUNTED_IN:
                container, in_list = element, outermost is not None
            if element.type == "plain-list" and outermost is None:
                outermost = element
            self.elements.append((element, container, in_list))
            if element.type == "item" and element.item is not None and element.item.checkbox is not None:
                self._items.append(element)
                if outermost is not last:
                    last = outermost
                    first.append(element)
            todo.extend((child, container, in_list, outermost) for child in reversed(element.children))
        self._begins = [element.begin for element in self._items]
        self._list_begins = [element.begin for element in first]
        # Checked boxes and all boxes in the lists before each of `first`.
        self._sums = [(0, 0)]
        for element in first:
            done, total = self._count(element.structure, None)
            self._sums.append((self._sums[-1][0] + done, self._sums[-1][1] + total))

    def count_all(self) -> tuple[int, int]:
        """Return how many boxes in the section are checked, and how many there are."""
        return self._sums[-1]

    def count_in(self, container: Element, *, in_list: bool) -> tuple[int, int]:
        """Return how many boxes in `container` are checked, and how many there are."""
        begin, end = container.contents
        index = bisect_left(self._begins, begin)
        if index == len(self._begins) or self._begins[index] >= end:
            return 0, 0
        first = self._items[index]
        if in_list:
            # Org continues after the outermost list around the first box, which lies past the container.
            return self._count(first.structure, container.item if container.type == "item" else None)
        low = self._sums[bisect_left(self._list_begins, begin)]
        high = self._sums[bisect_left(self._list_begins, end)]
        return high[0] - low[0], high[1] - low[1]

    def _count(self, structure: Structure | None, item: Item | None) -> tuple[int, int]:
        """Return how many boxes are checked and how many there are, below `item` or in the whole list."""
        if structure is None:
            return 0, 0
        if item is None:
            return structure.count_boxes(nested=self.recursive)
        inside = structure.item_at(item.begin) is not None
        items = structure.subtree(item) if self.recursive and inside else structure.children(item)
        boxes = [other for other in items if other.checkbox is not None]
        return sum(other.is_checked for other in boxes), len(boxes)


def recount_todo_cookies(heading: Heading, *, hierarchical: bool = True) -> list[Edit]:
    """Return the edits that count the keywords of subheadings in a heading (org-update-parent-todo-statistics).

    At each heading in turn, Org recounts the cookies of the parent and, if recursive,
    of the ancestors above it.  Only the last recount survives, so only that one is done here.

    Args:
        heading: The heading whose cookies are recounted.
        hierarchical: Org's `org-hierarchical-todo-statistics`: count direct children only.

    Returns:
        An edit for every cookie in the heading's line, even if it is already correct.
    """
    document = heading.document
    if not syntax.COOKIE.search(document.text, heading.begin, heading.line_end):
        return []
    end = document.after_subtree(heading.index)
    return _Keywords(document, heading.index, end, hierarchical=hierarchical).edits(heading)


class _Keywords:
    """The TODO keywords of the headings with index `begin` to `end`: a subtree or the whole document."""

    def __init__(self, document: Document, begin: int, end: int, *, hierarchical: bool) -> None:
        self.begin = begin
        self.end = end
        self._document = document
        self._hierarchical = hierarchical
        self._counts_boxes: dict[int, bool] = {}
        # For each heading, the last heading whose recount reaches it: whether it counts recursively, and its stars.
        self._last: dict[int, tuple[bool, int]] = {}
        # By number of stars (0: all headings): the indices, and the running totals of done and of all keywords.
        self._counted: dict[int, tuple[list[int], list[tuple[int, int]]]] = {0: ([], [(0, 0)])}
        self._read()

    def edits(self, heading: Heading) -> list[Edit]:
        """Return an edit for every cookie in the heading's line."""
        last = self._last.get(heading.index)
        if last is None or self._counts_checkboxes(heading):
            return []
        recursive, stars = last
        indices, sums = self._counted[0 if recursive else stars]
        low = sums[bisect_left(indices, heading.index + 1)]
        high = sums[bisect_left(indices, self._document.after_subtree(heading.index))]
        counted = (high[0] - low[0], high[1] - low[1])
        text = self._document.text
        return [
            Edit(*match.span(), format_cookie(match.group(), *counted))
            for match in syntax.COOKIE.finditer(text, heading.begin, heading.line_end)
        ]

    def _read(self) -> None:
        """Visit all headings in order, like `org-map-region`."""
        document = self._document
        inherited = self._inherited_data()
        for index in range(self.begin, self.end):
            heading = document.heading(index)
            for key in (0, heading.stars):
                indices, sums = self._counted.setdefault(key, ([], [(0, 0)]))
                done, total = sums[-1]
                indices.append(index)
                sums.append((done + heading.is_done, total + (heading.state is not None)))
            above = document.parent_index(index)
            if above < self.begin:
                continue
            data, holder = inherited[above] if inherited else ("", 0)
            if self._hierarchical and not re.search(r"\brecursive\b", data):
                self._last[above] = (False, heading.stars)
                continue
            while above >= self.begin:
                ancestor = document.heading(above)
                if ancestor.begin < holder or self._counts_checkboxes(ancestor):
                    break
                self._last[above] = (True, heading.stars)
                above = document.parent_index(above)

    def _inherited_data(self) -> dict[int, tuple[str, int]]:
        """Return each heading's own or inherited `COOKIE_DATA`, and where the heading that defines it begins."""
        document = self._document
        above = document.heading(self.begin).parent if self.begin < self.end else None
        name = "COOKIE_DATA"
        data = document.file_property(name) if above is None else above.inherited_property(name)
        begin, end = document.heading_begin(self.begin), document.heading_begin(self.end)
        if "recursive" not in (data or "") and not _RECURSIVE.search(document.text, begin, end):
            # "recursive" is the only word that matters here.
            return {}
        inherited: dict[int, tuple[str, int]] = {}
        for index in range(self.begin, self.end):
            heading = document.heading(index)
            own = heading.property(name)
            parent = document.parent_index(index)
            if own is not None:
                inherited[index] = (own, heading.begin)
            elif parent >= self.begin:
                inherited[index] = inherited[parent]
            else:
                holder = heading.property_holder(name)
                inherited[index] = (data or "", 0 if holder is None else holder.begin)
        return inherited

    def _counts_checkboxes(self, heading: Heading) -> bool:
        """Return whether the heading's `COOKIE_DATA` makes its cookies count checkboxes."""
        counts_boxes = self._counts_boxes.get(heading.index)
        if counts_boxes is None:
            data = (heading.property("COOKIE_DATA") or "").lower()
            counts_boxes = self._counts_boxes[heading.index] = bool(re.search(r"\bcheckbox\b", data))
        return counts_boxes
