"""What the writers of all formats share: which method writes which block, the numbers of footnotes, what a link may be.

A writer has a method for each kind of block and inline, and `Writer` calls it.  One that lacks a method does not
pass the type checker, so no format forgets a kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from orglab.report import blocks as b
from orglab.report.characters import printable

SAFE_SCHEMES = frozenset(("http", "https", "mailto", "ftp"))
"""What a link may begin with.  A `javascript:` or `data:` of a hostile log is shown, not followed."""
LONGEST_URL = 4000
"""The most characters of a url that is followed."""

SIGNS = {"good": "●", "bad": "✕", "unsure": "◆", "active": "△", "waiting": "▽"}
"""The shape that goes with the tone of a badge, as in charts: for grey print, and for who does not see colours."""

_NOT_IN_URL = frozenset(' \t\n"<>\\^`{|}')


def safe_url(url: str) -> str:
    """Return a url that may be followed, what may not stand in one as `%XX`; empty for any other."""
    url = printable(url).strip()
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return ""
    if scheme not in SAFE_SCHEMES or len(url) > LONGEST_URL:
        return ""
    return "".join("".join(f"%{byte:02X}" for byte in char.encode()) if char in _NOT_IN_URL else char for char in url)


def anchors_of(blocks: Iterable[b.Block]) -> Iterator[str]:
    """Yield the anchors of blocks and of those in them, in order."""
    stack: list[Any] = list(reversed(tuple(blocks)))
    while stack:
        block = stack.pop()
        if isinstance(block, b.Heading | b.Paragraph | b.ListItem) and block.anchor:
            yield b.anchor_of(block.anchor)
        if isinstance(block, b.List):
            stack.extend(reversed(block.items))
        elif isinstance(block, b.ListItem | b.Quote | b.Centered | b.Details):
            stack.extend(reversed(block.content))


class Writer(ABC):
    """Writes the blocks of one document, each as a piece of text.

    Attributes:
        document: What is written.
        anchors: The anchors that the document has.
        footnotes: The footnotes met so far, by label, in the order of their numbers.
    """

    def __init__(self, document: b.Document) -> None:
        """Be ready to write `document`, once."""
        self.document = document
        self.anchors = frozenset(anchors_of(document.blocks))
        self.footnotes: dict[str, b.Blocks] = {}
        self._numbers: dict[str, int] = {}
        self._block: dict[type, Callable[[Any], str]] = {
            b.Heading: self.heading,
            b.Paragraph: self.paragraph,
            b.List: self.item_list,
            b.Table: self.table,
            b.CodeBlock: self.code_block,
            b.MathBlock: self.math_block,
            b.Quote: self.quote,
            b.Verse: self.verse,
            b.Centered: self.centered,
            b.Image: self.image,
            b.Chart: self.chart,
            b.Rule: self.rule,
            b.Raw: self.raw,
            b.Details: self.details,
            b.Figures: self.figures,
        }
        self._inline: dict[type, Callable[[Any], str]] = {
            b.Text: self.text,
            b.Emphasis: self.emphasis,
            b.Strong: self.strong,
            b.Underline: self.underline,
            b.Strike: self.strike,
            b.Superscript: self.superscript,
            b.Subscript: self.subscript,
            b.Code: self.code,
            b.Math: self.math,
            b.Link: self.link,
            b.Reference: self.reference,
            b.FootnoteMark: self.footnote_mark,
            b.LineBreak: self.line_break,
            b.InlineImage: self.inline_image,
            b.Badge: self.badge,
            b.RawText: self.raw_text,
        }

    def pieces(self, blocks: Iterable[b.Block]) -> list[str]:
        """Return each block as it is written; one that makes no text is left out."""
        return [piece for block in blocks if (piece := self._block[type(block)](block))]

    def inlines(self, content: b.Inlines) -> str:
        """Return inlines as they are written."""
        write = self._inline
        return "".join([write[type(inline)](inline) for inline in content])

    def number_of(self, mark: b.FootnoteMark) -> int:
        """Return the number of a footnote, counted from 1 as marks are met, and keep its text for the end."""
        number = self._numbers.setdefault(mark.label, len(self._numbers) + 1)
        if mark.content or mark.label not in self.footnotes:
            self.footnotes[mark.label] = self.footnotes.get(mark.label) or mark.content
        return number

    def target(self, link: "b.Link | b.Reference") -> str:
        """Return what a link leads to: `#anchor` in this document, a url, or nothing."""
        anchor = b.anchor_of(link.anchor) if link.anchor else ""
        return f"#{anchor}" if anchor in self.anchors else safe_url(link.url)

    @abstractmethod
    def heading(self, block: b.Heading) -> str:
        """Write a heading."""

    @abstractmethod
    def paragraph(self, block: b.Paragraph) -> str:
        """Write a paragraph."""

    @abstractmethod
    def item_list(self, block: b.List) -> str:
        """Write a list."""

    @abstractmethod
    def table(self, block: b.Table) -> str:
        """Write a table."""

    @abstractmethod
    def code_block(self, block: b.CodeBlock) -> str:
        """Write lines of code."""

    @abstractmethod
    def math_block(self, block: b.MathBlock) -> str:
        """Write a formula on lines of its own."""

    @abstractmethod
    def quote(self, block: b.Quote) -> str:
        """Write someone else's words."""

    @abstractmethod
    def verse(self, block: b.Verse) -> str:
        """Write lines that stay lines."""

    @abstractmethod
    def centered(self, block: b.Centered) -> str:
        """Write what stands in the middle."""

    @abstractmethod
    def image(self, block: b.Image) -> str:
        """Write a picture, or its name where there is none."""

    @abstractmethod
    def chart(self, block: b.Chart) -> str:
        """Write a chart, and its numbers as a table."""

    @abstractmethod
    def rule(self, block: b.Rule) -> str:
        """Write a line across."""

    @abstractmethod
    def raw(self, block: b.Raw) -> str:
        """Write lines that could not be shown as they were meant, and why."""

    @abstractmethod
    def details(self, block: b.Details) -> str:
        """Write blocks that a reader may open."""

    @abstractmethod
    def figures(self, block: b.Figures) -> str:
        """Write a few numbers side by side."""

    @abstractmethod
    def text(self, inline: b.Text) -> str:
        """Write text."""

    @abstractmethod
    def emphasis(self, inline: b.Emphasis) -> str:
        """Write stressed text."""

    @abstractmethod
    def strong(self, inline: b.Strong) -> str:
        """Write text of weight."""

    @abstractmethod
    def underline(self, inline: b.Underline) -> str:
        """Write underlined text."""

    @abstractmethod
    def strike(self, inline: b.Strike) -> str:
        """Write text that was struck out."""

    @abstractmethod
    def superscript(self, inline: b.Superscript) -> str:
        """Write raised text."""

    @abstractmethod
    def subscript(self, inline: b.Subscript) -> str:
        """Write lowered text."""

    @abstractmethod
    def code(self, inline: b.Code) -> str:
        """Write a word of code."""

    @abstractmethod
    def math(self, inline: b.Math) -> str:
        """Write a formula within the line."""

    @abstractmethod
    def link(self, inline: b.Link) -> str:
        """Write a link, or its text where it may not be followed."""

    @abstractmethod
    def reference(self, inline: b.Reference) -> str:
        """Write where a statement comes from."""

    @abstractmethod
    def footnote_mark(self, inline: b.FootnoteMark) -> str:
        """Write the mark of a footnote."""

    @abstractmethod
    def line_break(self, inline: b.LineBreak) -> str:
        """Write the end of a line."""

    @abstractmethod
    def inline_image(self, inline: b.InlineImage) -> str:
        """Write a picture within the line."""

    @abstractmethod
    def badge(self, inline: b.Badge) -> str:
        """Write a word that stands out."""

    @abstractmethod
    def raw_text(self, inline: b.RawText) -> str:
        """Write text that could not be shown as it was meant, and why."""
