"""Plain lists: which lines are items, how they nest, and where each ends.

Follows `org-element--list-struct`, `org-list-parents-alist` and `org-list-prevs-alist`.
"""

import copy
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from orglab.org import syntax
from orglab.org.ends import Ends
from orglab.org.syntax import indentation


class Item:
    """One item of a plain list; positions are in `Source.text`.

    Attributes:
        begin: Where its first line begins.
        indent: The column of its bullet.
        bullet: The bullet and the blanks after it, such as `1. `.
        counter: The counter, such as `5` in `[@5]`, or None.
        checkbox: `[ ]`, `[-]`, `[X]`, `[x]` or None.
        checkbox_at: Where the checkbox begins, or -1.
        tag: The text before ` ::`, or None; also set for a numbered item, where Org does not use it as a tag.
        body: Where the text of the first line begins: after bullet, counter, checkbox and tag.
        end: Where it ends, including sub-items and blank lines before the next item.
    """

    __slots__ = ("begin", "body", "bullet", "checkbox", "checkbox_at", "counter", "end", "indent", "tag")

    def __init__(
        self,
        *,
        begin: int,
        indent: int,
        bullet: bytes,
        counter: bytes | None,
        checkbox: bytes | None,
        checkbox_at: int,
        tag: bytes | None,
        body: int,
    ) -> None:
        """Create an item whose end is not known yet."""
        self.begin = begin
        self.indent = indent
        self.bullet = bullet
        self.counter = counter
        self.checkbox = checkbox
        self.checkbox_at = checkbox_at
        self.tag = tag
        self.body = body
        self.end = -1

    @property
    def is_ordered(self) -> bool:
        """Whether the bullet is a number or a letter."""
        return self.bullet[:1] not in b"-+*"

    @property
    def is_checked(self) -> bool:
        """Whether Org counts the item as done: only with an upper-case `[X]`."""
        return self.checkbox == b"[X]"


def read_item(text: bytes, begin: int, indent: int) -> Item:
    """Return the item whose first line begins at `begin`; its end is not known yet (org-list-full-item-re)."""
    match = syntax.FULL_ITEM.match(text, begin)
    if match is None:
        raise AssertionError(begin)
    line_end = text.find(b"\n", begin)
    line_end = len(text) if line_end < 0 else line_end
    body = min(match.end(), line_end)
    tag_end, after = find_tag(text, body, line_end)
    checkbox = match.group(4)
    return Item(
        begin=begin,
        indent=indent,
        bullet=match.group(2),
        counter=match.group(3),
        checkbox=checkbox,
        checkbox_at=match.start(4),
        tag=None if tag_end < 0 else text[body:tag_end],
        body=after if tag_end >= 0 and match.group(2)[:1] in b"-+*" else body,
    )


def find_tag(text: bytes, body: int, line_end: int) -> tuple[int, int]:
    """Return where the description tag of an item ends, and where the text after ` :: ` begins; (-1, body) if none.

    The tag ends at the last ` ::` that is followed by a blank or the end of the line.  This is not a
    regexp because Org's takes quadratic time on a line of blanks.
    """
    at = line_end
    while (at := text.rfind(b"::", body, at)) >= 0:
        after = at + 2
        if text[at - 1 : at] in (b" ", b"\t") and at > body and (after == line_end or text[after] in b" \t"):
            end = at
            while end > body and text[end - 1] in b" \t":
                end -= 1
            while after < line_end and text[after] in b" \t":
                after += 1
            return end, after
        at += 1
    return -1, body


class Structure:
    """The items of a list and of all its sub-lists, in text order.

    Lists that begin further down in the same run of items share `run`, so that
    a run with ever smaller indentation is not copied for each list in it.
    """

    __slots__ = ("_first", "_nesting", "positions", "run")

    def __init__(self, run: list[Item]) -> None:
        """Create the structure of the list that begins with the first item of `run`."""
        self.run = run
        self.positions = {item.begin: index for index, item in enumerate(run)}
        self._first = 0
        self._nesting = _Nesting(run)

    def starting_at(self, begin: int) -> "Structure | None":
        """Return the list that starts at the item at `begin`, which is indented less than this list; else None."""
        if begin not in self.positions:
            return None
        rest = copy.copy(self)
        rest._first = self.positions[begin]  # noqa: SLF001 - our own
        return rest

    @property
    def items(self) -> list[Item]:
        """All items, including nested ones."""
        return self.run[self._first :] if self._first else self.run

    def item_at(self, begin: int) -> Item | None:
        """Return the item that begins at `begin`, or None."""
        index = self.positions.get(begin, -1)
        return self.run[index] if index >= self._first else None

    def parents(self) -> dict[int, Item | None]:
        """Return the parent of each item, by where the item begins (org-list-parents-alist)."""
        return self._nesting.parents

    def children(self, item: Item) -> list[Item]:
        """Return the items directly below `item`."""
        return self._nesting.children.get(item.begin, [])

    def subtree(self, item: Item) -> list[Item]:
        """Return all items nested in `item`."""
        begin = self.positions[item.begin] + 1
        return self.run[begin : bisect_left(self.run, item.end, begin, key=lambda other: other.begin)]

    def count_boxes(self, *, nested: bool) -> tuple[int, int]:
        """Return how many checkboxes are checked, and how many there are; in nested lists only if `nested`."""
        counts = self._nesting.counts_of_all if nested else self._nesting.counts_of_list
        return counts[self._first]


class _Nesting:
    """The nesting of the items of a run, computed on first use.

    It is the same for all lists of the run, because each begins less indented than those before it.
    """

    def __init__(self, run: list[Item]) -> None:
        self._run = run

    @cached_property
    def parents(self) -> dict[int, Item | None]:
        """The parent of each item, by where the item begins."""
        return dict(_parents(self._run))

    @cached_property
    def children(self) -> dict[int, list[Item]]:
        """The items directly below each item that has any, by where the item begins."""
        children: dict[int, list[Item]] = {}
        for item in self._run:
            parent = self.parents[item.begin]
            if parent is not None:
                children.setdefault(parent.begin, []).append(item)
        return children

    @cached_property
    def counts_of_all(self) -> list[tuple[int, int]]:
        """For each item, the number of checked and of all checkboxes from that item on."""
        return self._count([index + 1 for index in range(len(self._run))])

    @cached_property
    def counts_of_list(self) -> list[tuple[int, int]]:
        """The same without nested items: the next item begins where an item ends (org-list-get-all-items)."""
        places = {item.begin: index for index, item in enumerate(self._run)}
        return self._count([places.get(item.end, len(self._run)) for item in self._run])

    def _count(self, following: list[int]) -> list[tuple[int, int]]:
        counts = [(0, 0)] * (len(self._run) + 1)
        for index in reversed(range(len(self._run))):
            item = self._run[index]
            done, total = counts[following[index]]
            counts[index] = (done + item.is_checked, total + (item.checkbox is not None))
        return counts


def _parents(items: list[Item]) -> Iterator[tuple[int, Item | None]]:
    """Yield where each item begins and its parent, found by indentation like org-list-parents-alist."""
    yield items[0].begin, None
    levels: list[tuple[int, Item | None]] = [(items[0].indent, None)]
    before = items[0]
    for item in items[1:]:
        if levels[-1][0] > item.indent:
            # A sub-list ends.  In an ill-formed list, no level may have exactly this
            # indentation; then the nearest less indented level is used.
            rest = list(levels)
            while rest and rest[-1][0] != item.indent:
                rest.pop()
            while not rest and levels and levels[-1][0] >= item.indent:
                levels.pop()
            levels = rest or levels or [(item.indent, None)]
        elif levels[-1][0] < item.indent:
            levels.append((item.indent, before))
        yield item.begin, levels[-1][1]
        before = item


def read_structure(text: bytes, begin: int, limit: int, ends: Ends) -> Structure:
    """Return the structure of the list at `begin` (org-element--list-struct).

    Args:
        text: The text of the document.
        begin: Where the first item begins.
        limit: The list ends here at the latest.
        ends: The ends of blocks and drawers in this part of the text.
    """
    run: list[Item] = []
    open_items: list[Item] = []
    position = begin
    while True:
        if position >= limit:
            _close(open_items, -1, _after_blanks(text, limit))
            break
        if syntax.LIST_END.match(text, position):
            _close(open_items, -1, position)
            break
        line_end = text.find(b"\n", position)
        after = len(text) if line_end < 0 else line_end + 1
        if syntax.ITEM.match(text, position):
            indent = indentation(text, position)
            _close(open_items, indent, position)
            item = read_item(text, position, indent)
            run.append(item)
            open_items.append(item)
            position = after
        elif syntax.BLANK_LINE.match(text, position):
            position = after
        else:
            indent = indentation(text, position)
            if indent <= open_items[-1].indent:
                _close(open_items, indent, _after_blanks(text, position))
                if not open_items:
                    break
            position = ends.after_hidden(text, position, limit) or after
    return Structure(run)


def _close(open_items: list[Item], indent: int, end: int) -> None:
    """Set the end of the open items that are indented by `indent` or more, and remove them."""
    while open_items and open_items[-1].indent >= indent:
        open_items.pop().end = end


def _after_blanks(text: bytes, position: int) -> int:
    """Return where the last non-blank line before `position` ends, after its newline."""
    while position > 0 and text[position - 1] in b" \t\r\n":
        position -= 1
    newline = text.find(b"\n", position)
    return len(text) if newline < 0 else newline + 1
