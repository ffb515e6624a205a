"""Org text as blocks of a document, for any format.

What has no meaning outside Emacs, or is nested too deeply, becomes text with a note. The time taken is linear in the
length of the text.
"""

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from orglab.org import syntax
from orglab.org.element import Element, parse_section
from orglab.org.source import Source, decode, encode
from orglab.report.blocks import (
    Block,
    Blocks,
    Centered,
    Code,
    CodeBlock,
    Heading,
    Image,
    Inline,
    Inlines,
    List,
    ListItem,
    Math,
    MathBlock,
    Paragraph,
    Quote,
    Raw,
    Rule,
    Table,
    Text,
    Verse,
    plain,
)
from orglab.report.characters import printable
from orglab.report.content.org_inlines import OUTSIDE, TextContext, TextReader, find_no_footnote, image_link, trimmed

MAX_DEPTH = 12
"""How deeply lists and blocks may be nested; deeper ones are shown as source."""
MAX_ROWS = 1000
"""The maximum number of rows shown of a table."""
MAX_LINES = 2000
"""The maximum number of lines shown of a code block."""

_CAPTION = re.compile(rb"^[ \t]*#\+CAPTION(?:\[[^\n]*\])?:[ \t]*([^\n]*)$", re.I | re.M)
_ALT = re.compile(rb"^[ \t]*#\+ATTR_HTML:[^\n]*:alt[ \t]+(?:\"([^\"\n]*)\"|([^\n:]*))", re.I | re.M)
_LANGUAGE = re.compile(rb"[ \t]*#\+BEGIN_SRC[ \t]+([^\s:-][^\s]*)", re.I)
_COMMA = re.compile(r"^([ \t]*),(,*(?:\*|#\+))", re.M)
_ALIGN = re.compile(rb"<([lrcLRC]?)(?:[0-9]*)>\Z")
_NUMBER = re.compile(rb"[-+<>~]?[0-9.,]*[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?%?\Z|(?:nan|inf|-inf|NaN)\Z")
_COUNTER = re.compile(rb"[0-9]{1,9}")
_RULE = re.compile(rb"[ \t]*\|-")
_ENVIRONMENT = re.compile(r"\\begin\{(?:equation|displaymath|math)\*?\}(.*)\\end\{[^}]*\}\s*\Z", re.S)
_EXPORT_KEYWORD = re.compile(rb"[ \t]*#\+(?:HTML|LATEX|ASCII|ODT|TEXINFO|BEAMER|MD):", re.I)
_TITLE = re.compile(rb"\*+[ \t]+(?:(?:TODO|DONE)[ \t]+)?([^\n]*?)(?:[ \t]+:[\w@#%:\x80-\xff]+:)?[ \t]*(?:\n|\Z)")
_ALIGNMENTS = {b"l": "left", b"r": "right", b"c": "center"}
_LOGS = (b"LOGBOOK", b"CLOCK")


def read_org(text: str | bytes, context: TextContext, level: int = 4) -> Blocks:
    """Return the blocks of a text, such as the description or the conclusion of an experiment.

    Args:
        text: Org text, possibly with headings.
        context: The context of the text.
        level: The level of the first heading.
    """
    source = Source(encode(text) if isinstance(text, str) else text).text
    blocks: list[Block] = []
    begin, stars = 0, 0
    for match in syntax.HEADING.finditer(source):
        if begin < match.start():
            blocks.extend(read_section(source, parse_section(source, begin, match.start(), first=not stars), context))
        count = match.end() - match.start() - 1
        stars = stars or count
        title = _TITLE.match(source, match.start())
        if title is None:
            raise AssertionError(match.start())
        content = TextReader(source, context, partial(_find_footnote, context)).read(*title.span(1))
        blocks.append(Heading(min(6, level + max(0, count - stars)), content or (Text("…"),)))
        begin = title.end()
    if begin < len(source):
        blocks.extend(read_section(source, parse_section(source, begin, len(source), first=not stars), context))
    return tuple(blocks)


def read_line(text: str | bytes, context: TextContext) -> Inlines:
    """Return the inlines of a text, such as the title of an experiment or the text of a step."""
    source = encode(text) if isinstance(text, str) else text
    return TextReader(source, context, partial(_find_footnote, context)).read(0, len(source))


def _find_footnote(context: TextContext, label: bytes) -> Blocks | None:
    """Return a footnote that is defined elsewhere in the log, as under a heading `Footnotes`; None if there is none."""
    definition = context.find_footnote(label)
    return read_org(definition, replace(context, find_footnote=find_no_footnote)) if definition else None


def read_section(text: bytes, section: Element, context: TextContext) -> Blocks:
    """Return the blocks of the children of a section or other element.

    Args:
        text: The text that the elements' positions refer to.
        section: A section, an item, or any other element with children.
        context: The context of the text.
    """
    return _Reader(text, context, section).children(section, 0)


class _Reader:
    """A reader of the elements of one section."""

    def __init__(self, text: bytes, context: TextContext, section: Element) -> None:
        self.text = text
        self.context = context
        self.footnotes: dict[bytes, Blocks] = {}
        self.inline_reader = TextReader(text, context, self.find_footnote)
        self.makers: dict[str, Callable[[Element, int], Iterator[Block]]] = {
            "paragraph": self.paragraph,
            "plain-list": self.plain_list,
            "table": self.table,
            "src-block": self.code,
            "example-block": self.code,
            "fixed-width": self.fixed_width,
            "export-block": self.export,
            "quote-block": self.quote,
            "verse-block": self.verse,
            "center-block": self.centered,
            "special-block": self.children_of_block,
            "dynamic-block": self.children_of_block,
            "drawer": self.drawer,
            "keyword": self.keyword,
            "babel-call": self.call,
            "horizontal-rule": self.rule,
            "latex-environment": self.environment,
        }
        self.define(section)

    def find_footnote(self, label: bytes) -> Blocks | None:
        """Return the definition of a footnote; None if there is none."""
        return self.footnotes.get(label) or _find_footnote(self.context, label)

    def define(self, section: Element) -> None:
        """Read the footnote definitions; footnotes within footnotes are not resolved."""
        definitions: dict[bytes, Blocks] = {}
        for element in section.walk():
            if element.type == "footnote-definition" and (
                match := syntax.FOOTNOTE_DEFINITION.match(self.text, element.start)
            ):
                definitions.setdefault(match.group(1), self.children(element, 1))
        self.footnotes.update(definitions)

    def children(self, parent: Element, depth: int) -> Blocks:
        """Return the blocks of the children of `parent`."""
        blocks: list[Block] = []
        for element in parent.children:
            maker = self.makers.get(element.type)
            if maker is None:
                continue
            if depth > MAX_DEPTH and element.children:
                blocks.append(Raw(self.lines(element.start, element.end), "nested too deeply"))
            else:
                blocks.extend(maker(element, depth))
        return tuple(blocks)

    def lines(self, begin: int, end: int) -> str:
        """Return whole lines without their common indentation."""
        return printable(textwrap.dedent(decode(self.text[begin:end]).expandtabs()).strip("\n").rstrip())

    def caption(self, element: Element) -> Inlines:
        """Return the caption of an element from its `#+CAPTION:`."""
        match = _CAPTION.search(self.text, element.begin, element.start)
        return self.inline_reader.read(*match.span(1)) if match else ()

    # ---- one method for each type of element ----

    def paragraph(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a paragraph; a picture on its own and display formulas become blocks of their own."""
        begin, end = self.span(element)
        target = image_link(self.text, begin, end)
        if target is not None:
            yield self.image(element, target)
            return
        inlines: list[Inline] = []
        for inline in self.inline_reader.read(begin, end):
            if isinstance(inline, Math) and inline.display:
                if content := trimmed(inlines):
                    yield Paragraph(content)
                inlines = []
                yield MathBlock(inline.tex)
            else:
                inlines.append(inline)
        if content := trimmed(inlines):
            yield Paragraph(content)

    def span(self, element: Element) -> tuple[int, int]:
        """Return the begin and end of a paragraph's text, without surrounding whitespace."""
        begin, end = element.contents
        while begin < end and self.text[begin] in b" \t\n\r":
            begin += 1
        while end > begin and self.text[end - 1] in b" \t\n\r":
            end -= 1
        return begin, end

    def image(self, element: Element, target: bytes) -> Image | Paragraph:
        """Return the image of a paragraph that consists of a link to a picture; its name if it is not to be shown."""
        name = printable(decode(target))
        path = self.inline_reader.path(name)
        caption = self.caption(element)
        if self.inline_reader.is_outside(path):
            return Paragraph((Code(name), OUTSIDE, *((Text(" "), *caption) if caption else ())))
        alt = _ALT.search(self.text, element.begin, element.start)
        words = printable(decode(alt.group(1) or alt.group(2) or b"")).strip() if alt else ""
        return Image(path, words or plain(caption) or path.name, caption)

    def plain_list(self, element: Element, depth: int) -> Iterator[Block]:
        """Yield a list."""
        items = [self.item(child, depth) for child in element.children]
        first = element.children[0].item if element.children else None
        if first is None:
            return
        kind = "numbers" if first.is_ordered else "definitions" if first.tag is not None else "bullets"
        yield List(tuple(items), kind)

    def item(self, element: Element, depth: int) -> ListItem:
        """Return an item of a list."""
        item = element.item
        if item is None:
            raise AssertionError(element.begin)
        boxes = {b"[ ]": "open", b"[-]": "partial", b"[X]": "done", b"[x]": "done", None: None}
        term: Inlines = ()
        if item.tag is not None and not item.is_ordered:
            begin = self.text.index(item.tag, element.begin)
            term = self.inline_reader.read(begin, begin + len(item.tag))
        number = int(item.counter) if item.counter and _COUNTER.fullmatch(item.counter) else None
        return ListItem(self.children(element, depth + 1), boxes[item.checkbox], term, number)

    def table(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a table; a table.el table is shown as preformatted text."""
        if not syntax.TABLE.match(self.text, element.start):
            yield CodeBlock(self.lines(*element.contents), "", self.caption(element))
            return
        rows: list[list[tuple[int, int]]] = []
        rules: list[int] = []
        position, end = element.contents
        left_out = 0
        while position < end:
            line_end = self.text.find(b"\n", position, end)
            line_end = end if line_end < 0 else line_end
            if _RULE.match(self.text, position):
                if rows and rules[-1:] != [len(rows)]:
                    rules.append(len(rows))
            elif syntax.TABLE.match(self.text, position):
                if len(rows) < MAX_ROWS:
                    rows.append(self.cells(position, line_end))
                else:
                    left_out += 1
            position = line_end + 1
        yield self.build_table(rows, rules, self.caption(element))
        if left_out:
            yield Raw("…", f"{left_out} more rows of this table are in the log")

    def cells(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Return the begin and end of the cells of a row, without surrounding whitespace."""
        begin = self.text.index(b"|", begin, end) + 1
        cells = []
        while begin <= end:
            stop = self.text.find(b"|", begin, end)
            after = end if stop < 0 else stop
            text = self.text[begin:after]
            lead = len(text) - len(text.lstrip())
            if stop >= 0 or text.strip():
                cells.append((begin + lead, max(begin + lead, begin + len(text.rstrip()))))
            if stop < 0:
                break
            begin = after + 1
        return cells

    def build_table(self, rows: list[list[tuple[int, int]]], rules: list[int], caption: Inlines) -> Table:
        """Return a table of cells: the rows above its first rule are its header, if rows follow.

        A row of alignment cookies, or one that groups columns (`/`), is not part of the table.
        """
        alignment: dict[int, str] = {}
        kept: list[tuple[Inlines, ...]] = []
        marks: list[int] = []
        numbers: dict[int, list[bool]] = {}
        head = rules[0] if rules and rules[0] < len(rows) else 0
        head_rows = 0
        for index, row in enumerate(rows):
            if index in rules:
                marks.append(len(kept))
            words = [self.text[begin:end] for begin, end in row]
            cookies = [_ALIGN.match(word) for word in words]
            is_special = all(match or not word for match, word in zip(cookies, words, strict=True)) and any(cookies)
            if is_special or words[:1] == [b"/"]:
                alignment.update(
                    {n: _ALIGNMENTS[m.group(1).lower()] for n, m in enumerate(cookies) if m and m.group(1)}
                )
                continue
            if index < head:
                head_rows += 1
            else:
                for column, word in enumerate(words):
                    if word:
                        numbers.setdefault(column, []).append(bool(_NUMBER.match(word)))
            kept.append(tuple(self.inline_reader.read(begin, end) for begin, end in row))
        width = max(map(len, kept), default=0)
        aligned = tuple(
            alignment.get(column, "right" if _mostly(numbers.get(column, [])) else "left") for column in range(width)
        )
        # Not all formats support a header of several rows; those stay ordinary rows, followed by a rule.
        header = kept[0] if head_rows == 1 else ()
        body = kept[1:] if header else kept
        lines = tuple(mark - (1 if header else 0) for mark in marks)
        return Table(header, tuple(body), aligned, caption, tuple(line for line in lines if 0 < line < len(body)))

    def code(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a code or example block."""
        language = _LANGUAGE.match(self.text, element.start)
        text = self.lines(*element.contents) if element.contents[0] >= 0 else ""
        yield from self.truncated_code(
            _COMMA.sub(r"\1\2", text), printable(decode(language.group(1))) if language else "", self.caption(element)
        )

    def truncated_code(self, text: str, language: str, caption: Inlines) -> Iterator[Block]:
        """Yield a block of code, truncated after `MAX_LINES` lines."""
        lines = text.split("\n")
        yield CodeBlock("\n".join(lines[:MAX_LINES]), language, caption)
        if len(lines) > MAX_LINES:
            yield Raw("…", f"{len(lines) - MAX_LINES} more lines are in the log")

    def fixed_width(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a fixed-width area: lines that begin with a colon."""
        text = re.sub(r"(?m)^[ \t]*: ?", "", decode(self.text[element.start : element.end]).rstrip())
        yield from self.truncated_code(printable(text), "", self.caption(element))

    def export(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield an export block as text, as it may contain anything."""
        if element.contents[0] >= 0:
            yield Raw(self.lines(*element.contents), "for one export format only")

    def quote(self, element: Element, depth: int) -> Iterator[Block]:
        """Yield a quote block."""
        yield Quote(self.children(element, depth + 1))

    def centered(self, element: Element, depth: int) -> Iterator[Block]:
        """Yield a center block."""
        yield Centered(self.children(element, depth + 1))

    def verse(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a verse block."""
        begin, end = element.contents
        if begin < 0:
            return
        lines: list[Inlines] = []
        while begin < end:
            line_end = self.text.find(b"\n", begin, end)
            line_end = end if line_end < 0 else line_end
            lines.append(self.inline_reader.read(begin, line_end))
            begin = line_end + 1
        yield Verse(tuple(lines))

    def children_of_block(self, element: Element, depth: int) -> Iterator[Block]:
        """Yield the contents of a special or dynamic block."""
        yield from self.children(element, depth + 1)

    def drawer(self, element: Element, depth: int) -> Iterator[Block]:
        """Yield the contents of a drawer, as Org exports them, except for Org's own log drawers."""
        name = self.text[element.start : element.end].lstrip()[1:].split(b":", maxsplit=1)[0].upper()
        if name not in _LOGS:
            yield from self.children(element, depth + 1)

    def keyword(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield an export keyword such as `#+HTML:` as text; other keywords are omitted."""
        if _EXPORT_KEYWORD.match(self.text, element.start):
            yield Raw(self.lines(element.start, element.end), "for one export format only")

    def call(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a Babel call as text; it is not executed."""
        yield CodeBlock(self.lines(element.start, element.end))

    def rule(self, _element: Element, _depth: int) -> Iterator[Block]:
        """Yield a horizontal rule."""
        yield Rule()

    def environment(self, element: Element, _depth: int) -> Iterator[Block]:
        """Yield a LaTeX environment as a formula, without a plain `equation` or similar environment around it."""
        tex = self.lines(element.start, element.end)
        only = _ENVIRONMENT.match(tex)
        yield MathBlock(only.group(1).strip() if only else tex)


def _mostly(flags: list[bool]) -> bool:
    """Return whether at least half of the flags are true, Org's rule for aligning a column of numbers."""
    return bool(flags) and 2 * sum(flags) >= len(flags)
