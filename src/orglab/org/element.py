"""The elements of a section: paragraphs, lists, blocks, drawers and the rest.

Follows `org-element--current-element` and the parsers it calls, to agree with
Org on which lines are items, checkboxes or keywords.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orglab.org import syntax
from orglab.org.ends import Ends
from orglab.org.list import Item, Structure, read_structure
from orglab.org.source import decode

if TYPE_CHECKING:
    import re

# Elements that contain other elements ("greater elements").
CONTAINERS = frozenset(
    ("center-block", "drawer", "dynamic-block", "footnote-definition", "item", "plain-list", "property-drawer",
     "quote-block", "section", "special-block")
)  # fmt: skip
_BLOCKS = {
    b"CENTER": "center-block",
    b"COMMENT": "comment-block",
    b"EXAMPLE": "example-block",
    b"EXPORT": "export-block",
    b"QUOTE": "quote-block",
    b"SRC": "src-block",
    b"VERSE": "verse-block",
}


class Element:
    """One element; positions are in `Source.text`.

    Attributes:
        type: The org-element type, such as `paragraph` or `src-block`.
        begin: Where it begins, including its affiliated keywords.
        end: Where it ends, including the blank lines after it.
        start: Where it begins after its affiliated keywords (Org's `:post-affiliated`).
        contents: Where its contents begin and end; (-1, -1) if it has none.
        parent: The element around it, or None.
        children: The elements directly in it.
        item: The list item, for the type `item`.
        structure: The list structure, for `plain-list` and `item`.
    """

    __slots__ = ("begin", "children", "contents", "end", "item", "parent", "start", "structure", "type")

    def __init__(
        self,
        type: str,  # noqa: A002 - Org's term
        begin: int,
        end: int,
        start: int,
        contents: tuple[int, int] = (-1, -1),
        *,
        item: Item | None = None,
        structure: Structure | None = None,
    ) -> None:
        """Create an element without parent or children."""
        self.type = type
        self.begin = begin
        self.end = end
        self.start = start
        self.contents = contents
        self.parent: Element | None = None
        self.children: list[Element] = []
        self.item = item
        self.structure = structure

    def walk(self) -> Iterator["Element"]:
        """Yield this element and all elements in it, in text order."""
        stack = [self]
        while stack:
            element = stack.pop()
            yield element
            stack.extend(reversed(element.children))

    def ancestors(self) -> Iterator["Element"]:
        """Yield the elements around it, nearest first."""
        element = self.parent
        while element is not None:
            yield element
            element = element.parent

    def at(self, position: int) -> "Element":
        """Return the innermost element, this one or one in it, whose span contains `position`."""
        element = self
        while True:
            index = bisect_right(element.children, position, key=lambda child: child.begin) - 1
            if index < 0 or position >= element.children[index].end:
                return element
            element = element.children[index]


def parse_section(text: bytes, begin: int, end: int, *, first: bool) -> Element:
    """Return the section between `begin` and `end`, with all its elements.

    Args:
        text: The text of the document.
        begin: Where the section begins: the line after its heading.
        end: Where the next heading begins.
        first: Whether it is the section before the first heading.
    """
    begin = _skip_blank_lines(text, begin, end)
    section = Element("section", begin, end, begin, (begin, end))
    _Parser(text, begin, end).parse(section, "top" if first else "planning")
    return section


class _Parser:
    """A parser for one section."""

    def __init__(self, text: bytes, begin: int, end: int) -> None:
        self.text = text
        self.ends = Ends(text, begin, end)
        # Remembered within one parent, to avoid quadratic time: where a run of orphaned keywords ends;
        # where a possible table.el table ends, and whether its last line is a rule.
        self.orphans_end = -1
        self.table_el_end = (-1, False)

    def parse(self, root: Element, mode: str) -> None:
        """Parse the elements in `root`; iteratively, because lists may be nested very deeply."""
        todo = [(root, mode)]
        while todo:
            parent, mode = todo.pop()
            position, limit = parent.contents
            self.orphans_end, self.table_el_end = -1, (-1, False)
            while position < limit:
                element = self.parse_element(position, limit, mode, parent)
                element.parent = parent
                parent.children.append(element)
                if element.end <= position:
                    raise AssertionError((element.type, position))
                if element.contents[0] >= 0 and element.type in CONTAINERS:
                    todo.append((element, _MODE_IN.get(element.type, "")))
                position = element.end
                mode = _MODE_AFTER.get((mode, element.type), "")

    def parse_element(self, position: int, limit: int, mode: str, parent: Element) -> Element:
        """Return the element that begins at `position`."""
        text = self.text
        if mode == "item":
            return self.parse_item(position, limit, parent)
        if mode == "node-property":
            return self.parse_node_property(position, limit)
        at_line_begin = position == 0 or text[position - 1] == 0x0A
        if syntax.COMMENT.match(text, position) and at_line_begin:
            return self.parse_lines("comment", position, position, limit, syntax.COMMENT)
        if mode == "planning" and self.follows_heading(position) and syntax.PLANNING.match(text, position):
            return self.make_element("planning", position, position, self.line_after(position), limit)
        if self.may_hold_properties(position, mode) and (drawer := syntax.PROPERTY_DRAWER.match(text, position, limit)):
            element = self.make_element("property-drawer", position, position, self.line_after(drawer.end()), limit)
            if drawer.start(1) < drawer.end(1):
                element.contents = drawer.span(1)
            return element
        if not at_line_begin:
            return self.parse_paragraph(position, position, limit)
        if syntax.CLOCK.match(text, position):
            return self.make_element("clock", position, position, self.line_after(position), limit)
        return self.parse_with_affiliated(position, limit, parent)

    def parse_with_affiliated(self, begin: int, limit: int, parent: Element) -> Element:
        """Return the element at `begin`, including any affiliated keywords."""
        text = self.text
        start = self.skip_affiliated(begin, limit)
        first = text[start : start + 1]
        if first in b" \t":
            first = text[start : self.line_after(start)].lstrip(b" \t")[:1]
        if first in b"#:\\%[" and (element := self.parse_marked(begin, start, limit)):
            return element
        if first == b"-" and syntax.HORIZONTAL_RULE.match(text, start):
            return self.make_element("horizontal-rule", begin, start, self.line_after(start), limit)
        if first in b"|+" and (element := self.parse_table(begin, start, limit)):
            return element
        if syntax.ITEM.match(text, start):
            return self.parse_plain_list(begin, start, limit, parent)
        return self.parse_paragraph(begin, start, limit)

    def skip_affiliated(self, begin: int, limit: int) -> int:
        """Return where the element that the affiliated keywords at `begin` belong to starts.

        This is `begin` if there are no such keywords, or no element follows that can have them.
        """
        if begin < self.orphans_end:
            return begin
        text = self.text
        start = begin
        while start < limit and syntax.AFFILIATED.match(text, start):
            start = self.line_after(start)
        if start >= limit or syntax.NOT_AFFILIATED.match(text, start):
            # This keyword and the rest of the run are orphaned: they are ordinary keywords.
            self.orphans_end = start
            return begin
        return start

    def parse_marked(self, begin: int, start: int, limit: int) -> Element | None:
        r"""Return the element marked by `#+`, `:`, `\begin`, `[fn:` or `%%(` at `start`, or None."""
        text = self.text
        if match := syntax.LATEX_BEGIN.match(text, start):
            end = self.ends.latex(match.group(1), start, limit)
            after = None if end is None else self.line_after(end)
            return None if after is None else self.make_element("latex-environment", begin, start, after, limit)
        if syntax.DRAWER.match(text, start):
            end = self.ends.drawer(self.line_after(start), limit)
            return None if end is None else self.make_delimited("drawer", begin, start, end, limit)
        if syntax.FIXED_WIDTH.match(text, start):
            return self.parse_lines("fixed-width", begin, start, limit, syntax.FIXED_WIDTH)
        if match := syntax.BLOCK_BEGIN.match(text, start):
            end = self.ends.block(match.group(1), self.line_after(start), limit)
            kind = _BLOCKS.get(match.group(1).upper(), "special-block")
            return None if end is None else self.make_delimited(kind, begin, start, end, limit)
        keyword = syntax.KEYWORD.match(text, start)
        if keyword is not None and f"{decode(keyword.group(1)).upper()}:".startswith("CALL:"):
            return self.make_element("babel-call", begin, start, self.line_after(start), limit)
        if syntax.DYNAMIC_BLOCK.match(text, start):
            end = self.ends.dynamic_block(self.line_after(start), limit)
            return None if end is None else self.make_delimited("dynamic-block", begin, start, end, limit)
        if keyword is not None:
            return self.make_element("keyword", begin, start, self.line_after(start), limit)
        if syntax.FOOTNOTE_DEFINITION.match(text, start):
            return self.parse_footnote_definition(begin, start, limit)
        if text.startswith(b"%%(", start):
            return self.make_element("diary-sexp", begin, start, self.line_after(start), limit)
        return None

    def may_hold_properties(self, position: int, mode: str) -> bool:
        """Return whether a property drawer is allowed at `position`: after a heading or its planning, or at the top."""
        return self.follows_heading(position) if mode == "planning" else mode in ("property-drawer", "top")

    def follows_heading(self, position: int) -> bool:
        """Return whether the line before `position` begins with a star."""
        before = self.text.rfind(b"\n", 0, max(position - 1, 0)) + 1
        return self.text[before : before + 1] == b"*"

    def line_after(self, position: int) -> int:
        """Return where the line after `position` begins."""
        newline = self.text.find(b"\n", position)
        return len(self.text) if newline < 0 else newline + 1

    def make_element(self, kind: str, begin: int, start: int, after: int, limit: int) -> Element:
        """Return an element without contents whose last line ends at `after`, plus the blank lines after it."""
        return Element(kind, begin, _skip_blank_lines(self.text, min(after, limit), limit), start)

    def make_delimited(self, kind: str, begin: int, start: int, end_line: int, limit: int) -> Element:
        """Return a block or drawer that opens at `start` and closes with the line at `end_line`."""
        element = self.make_element(kind, begin, start, self.line_after(end_line), limit)
        contents = self.line_after(start)
        if contents < end_line:
            element.contents = (contents, end_line)
        return element

    def parse_lines(self, kind: str, begin: int, start: int, limit: int, pattern: "re.Pattern[bytes]") -> Element:
        """Return the element made of the consecutive lines that match `pattern`."""
        after = start
        while after < limit and pattern.match(self.text, after):
            after = self.line_after(after)
        return self.make_element(kind, begin, start, after, limit)

    def parse_node_property(self, position: int, limit: int) -> Element:
        """Return the node property at `position`, a line of a property drawer."""
        after = self.line_after(position)
        while after < limit and not syntax.NODE_PROPERTY.match(self.text, after):
            after = self.line_after(after)
        return Element("node-property", position, min(after, limit), position)

    def parse_table(self, begin: int, start: int, limit: int) -> Element | None:
        """Return the Org or table.el table at `start`, or None."""
        text = self.text
        end_re = syntax.TABLE_END
        if not syntax.TABLE.match(text, start):
            if not self.is_table_el(start, limit):
                return None
            end_re = syntax.TABLE_EL_END
        match = end_re.search(text, start, limit)
        after = match.start() if match else limit
        while after < limit and syntax.TABLE_FORMULA.match(text, after):
            after = self.line_after(after)
        element = self.make_element("table", begin, start, after, limit)
        element.contents = (start, after)
        return element

    def is_table_el(self, start: int, limit: int) -> bool:
        """Return whether a table.el table starts at `start`: its first and last lines are full rules."""
        text = self.text
        after = self.line_after(start)
        if after >= limit or not syntax.TABLE_EL.match(text, start):
            return False
        end, ends_with_rule = self.table_el_end
        if after > end:
            match = syntax.TABLE_EL_END.search(text, after, limit)
            end = match.start() if match else limit
            last = text.rfind(b"\n", 0, max(end - 1, 0)) + 1
            ends_with_rule = bool(syntax.TABLE_EL.match(text, last))
            self.table_el_end = (end, ends_with_rule)
        # The first rule does not count as the last one.
        return ends_with_rule and end > after

    def parse_footnote_definition(self, begin: int, start: int, limit: int) -> Element:
        """Return the footnote definition at `start`; it ends at the next one, two blank lines or `limit`."""
        text = self.text
        match = syntax.FOOTNOTE_SEPARATOR.search(text, self.line_after(start) - 1, limit)
        if match is None:
            end = limit
        elif text[match.start() : match.start() + 1] == b"[":
            end = match.start()
            while end > start:
                before = text.rfind(b"\n", 0, end - 1) + 1
                if before <= start or not syntax.AFFILIATED.match(text, before):
                    break
                end = before
        else:
            end = _skip_blank_lines(text, match.end(), limit)
        element = Element("footnote-definition", begin, end, start)
        inside = text.index(b"]", start) + 1
        element.contents = self.find_contents(inside, start, end)
        return element

    def find_contents(self, position: int, line: int, end: int) -> tuple[int, int]:
        """Return where the contents from `position` to `end` begin and end; `line` is the element's first line."""
        text = self.text
        while position < end and text[position] in b" \t\r\n":
            position += 1
        if position >= end:
            return -1, -1
        if text.find(b"\n", line, position) >= 0:
            position = text.rfind(b"\n", 0, position) + 1
        return position, self.after_last_line(position, end)

    def after_last_line(self, begin: int, end: int) -> int:
        """Return where the last non-blank line before `end` ends, after its newline."""
        while end > begin and self.text[end - 1] in b" \t\r\n":
            end -= 1
        return self.line_after(end)

    def parse_plain_list(self, begin: int, start: int, limit: int, parent: Element) -> Element:
        """Return the plain list whose first item begins at `start`."""
        structure = parent.structure if parent.structure and parent.structure.item_at(start) else None
        if structure is None and parent.children and parent.children[-1].end == start:
            before = parent.children[-1].structure
            structure = None if before is None else before.starting_at(start)
        if structure is None:
            structure = read_structure(self.text, start, limit, self.ends)
        first = structure.item_at(start)
        item = first
        end = start
        while first is not None and item is not None and item.indent == first.indent:
            end = item.end
            item = structure.item_at(end)
        element = self.make_element("plain-list", begin, start, end, limit)
        # Blank lines after the last item belong to the list, not to the item.
        element.contents = (start, self.after_last_line(start, min(end, limit)))
        element.structure = structure
        return element

    def parse_item(self, position: int, limit: int, parent: Element) -> Element:
        """Return the item of `parent` at `position`; blank lines after a nested list belong to the item around it."""
        item = parent.structure.item_at(position) if parent.structure else None
        if item is None:
            raise AssertionError(position)
        end = min(item.end, limit)
        element = Element("item", position, end, position, item=item, structure=parent.structure)
        element.contents = self.find_contents(item.body, position, end)
        return element

    def parse_paragraph(self, begin: int, start: int, limit: int) -> Element:
        """Return the paragraph at `start`, which ends before the first line that starts another element."""
        text = self.text
        position = self.line_after(start) - 1 if text.find(b"\n", start) >= 0 else len(text)
        stop = limit
        while (match := syntax.PARAGRAPH_SEPARATE.search(text, max(position, start), limit)) is not None:
            line = match.start()
            # The line at `start` itself is only considered if it is empty.
            if self.is_separator(line, limit):
                stop = line
                break
            position = max(self.line_after(line) - 1, line + 1)
            if position >= limit:
                break
        element = Element("paragraph", begin, _skip_blank_lines(text, stop, limit), start)
        element.contents = (start, min(self.after_last_line(start, stop), limit))
        return element

    def is_separator(self, line: int, limit: int) -> bool:
        """Return whether the line at `line` really separates paragraphs: a block or drawer it opens must be closed."""
        text = self.text
        if syntax.DRAWER.match(text, line):
            return self.ends.drawer(line, limit) is not None
        if match := syntax.BLOCK_BEGIN.match(text, line):
            return self.ends.block(match.group(1), line, limit) is not None
        if match := syntax.LATEX_BEGIN.match(text, line):
            return self.ends.latex(match.group(1), line, limit) is not None
        if match := syntax.DUAL_KEYWORD.match(text, line):
            return match.group(1).upper() in syntax.DUAL_KEYWORDS
        return True


_MODE_IN = {"plain-list": "item", "property-drawer": "node-property"}
_MODE_AFTER = {
    ("item", "item"): "item",
    ("node-property", "node-property"): "node-property",
    ("planning", "planning"): "property-drawer",
    ("top", "comment"): "top",
}


def _skip_blank_lines(text: bytes, position: int, limit: int) -> int:
    """Return where the first non-blank line at or after `position` begins, at most `limit`."""
    while position < limit and text[position] in b" \t\r\n":
        position += 1
    if position >= limit:
        return limit
    return text.rfind(b"\n", 0, position) + 1
