"""The base classes of the writers: dispatch by kind of block, footnote numbers, anchors and safe links.

A writer has a method `_write_heading` for a `Heading`, and so on for each kind of block and inline. Defining a class
that lacks one fails, so no format can forget a kind.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, get_args
from urllib.parse import urlsplit

from orglab.report import blocks as b
from orglab.report import characters
from orglab.report.characters import printable
from orglab.report.charts import LIGHT, draw_chart
from orglab.report.formats.assets import Assets
from orglab.report.formats.pictures import Picture, read_picture

SAFE_SCHEMES = frozenset(("http", "https", "mailto", "ftp"))
"""The URL schemes allowed in links. A `javascript:` or `data:` URL from a hostile log is shown as text."""
MAX_URL_LENGTH = 4000
"""The maximum length of a URL in a link."""

_MAX_HEADING_LEVEL = 6
_MAX_END = 40
_NOT_IN_URL = frozenset(' \t\n"<>\\^`{|}')


def safe_url(url: str) -> str:
    """Return a URL if it is safe to link to, with forbidden characters percent-encoded; otherwise an empty string."""
    url = printable(url).strip()
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return ""
    if scheme not in SAFE_SCHEMES or len(url) > MAX_URL_LENGTH:
        return ""
    return "".join("".join(f"%{byte:02X}" for byte in char.encode()) if char in _NOT_IN_URL else char for char in url)


def find_anchors(blocks: Iterable[b.Block]) -> Iterator[str]:
    """Yield the anchors of blocks and of nested blocks, in order."""
    stack: list[Any] = list(reversed(tuple(blocks)))
    while stack:
        block = stack.pop()
        if isinstance(block, b.Heading | b.Paragraph | b.ListItem) and block.anchor:
            yield b.make_anchor(block.anchor)
        if isinstance(block, b.List):
            stack.extend(reversed(block.items))
        elif isinstance(block, b.ListItem | b.Quote | b.Centered | b.Details):
            stack.extend(reversed(block.content))


def split_line(item: b.ListItem) -> tuple[b.Badge | None, b.Inlines, b.Small | None]:
    """Return the sign, the text and the small end of an item's first paragraph, as for a plain list.

    An end that may be longer than half a line remains in the text.
    """
    content = item.content[0].content if item.content and isinstance(item.content[0], b.Paragraph) else ()
    sign, end = None, None
    if content and isinstance(content[0], b.Badge) and content[0].is_sign and content[0].tone in b.SIGNS:
        sign, content = content[0], content[1:]
        if content and isinstance(content[0], b.Text):
            content = (b.Text(content[0].text.lstrip()), *content[1:])
    if len(content) > 1 and isinstance(content[-1], b.Small) and len(b.plain((content[-1],))) <= _MAX_END:
        end, content = content[-1], content[:-1]
    return sign, content, end


def make_byline(document: b.Document) -> b.Inlines:
    """Return who made a document, from what and when, on one line; nothing if that is unknown."""
    parts: list[b.Inline] = []
    for part in filter(None, (document.author, document.source, document.date)):
        text = b.Text(part)
        is_isolated = characters.has_right_to_left(part)
        parts += [*([b.Text(" · ")] if parts else []), b.Isolated((text,)) if is_isolated else text]
    return tuple(parts)


def is_right_to_left(block: b.Paragraph) -> bool:
    """Return whether a paragraph is read from right to left, whatever the direction of what is isolated in it."""
    content = tuple(inline for inline in block.content if not isinstance(inline, b.Isolated | b.Strong))
    return characters.is_right_to_left(b.plain(content))


_KINDS: tuple[type, ...] = (*get_args(b.Block), *get_args(b.Inline))


def _method_name(kind: type) -> str:
    """Return the name of the method for a kind: `_write_code_block` for `CodeBlock`."""
    return "_write" + re.sub("(?=[A-Z])", "_", kind.__name__).lower()


class Writer:
    """A writer of the blocks of one document, each as a piece of text.

    Attributes:
        marks: The text before and after inlines that only have markup, such as emphasis.
        fixed: The text for kinds without content, such as a rule.
        between: The separator between two blocks.
        document: The document.
        anchors: The anchors in the document.
        footnotes: The footnotes so far, by label, in the order of their numbers.
    """

    marks: ClassVar[Mapping[type, tuple[str, str]]] = {}
    fixed: ClassVar[Mapping[type, str]] = {}
    between: ClassVar[str] = "\n\n"

    def __init_subclass__(cls) -> None:
        """Reject a writer that lacks a kind of block or inline, unless it is abstract (without marks)."""
        missing = [_method_name(kind) for kind in _KINDS if kind not in cls.marks and kind not in cls.fixed]
        missing = [name for name in missing if not hasattr(cls, name)]
        if missing and cls.marks:
            raise TypeError(f"{cls.__name__} lacks {', '.join(missing)}")

    def __init__(self, document: b.Document) -> None:
        """Prepare to write `document` once."""
        self.document = document
        self.anchors = frozenset(find_anchors(document.blocks))
        self.footnotes: dict[str, b.Blocks] = {}
        self._numbers: dict[str, int] = {}
        self._used_anchors: set[str] = set()
        self._level = 0
        self._write: dict[type, Callable[[Any], str]] = {
            kind: self._write_marked
            if kind in self.marks
            else self._write_fixed
            if kind in self.fixed
            else getattr(self, _method_name(kind))
            for kind in _KINDS
        }

    def pieces(self, blocks: Iterable[b.Block]) -> list[str]:
        """Return the text of each block, without empty ones."""
        return [piece for block in blocks if (piece := self._write[type(block)](block))]

    def content(self, blocks: Iterable[b.Block]) -> str:
        """Return the text of some blocks."""
        return self.between.join(self.pieces(blocks))

    def inlines(self, content: b.Inlines) -> str:
        """Return the text of some inlines."""
        write = self._write
        return "".join([write[type(inline)](inline) for inline in content])

    def number_footnote(self, mark: b.FootnoteMark) -> int:
        """Return the number of a footnote, in the order of first use from 1, and keep its text for the end."""
        number = self._numbers.setdefault(mark.label, len(self._numbers) + 1)
        if mark.content or mark.label not in self.footnotes:
            self.footnotes[mark.label] = self.footnotes.get(mark.label) or mark.content
        return number

    def give_anchor(self, anchor: str) -> str:
        """Return an anchor on its first use, afterwards an empty string: anchors are unique in a document."""
        name = b.make_anchor(anchor) if anchor else ""
        if name in self._used_anchors:
            return ""
        self._used_anchors.add(name)
        return name

    def limit_level(self, level: int) -> int:
        """Return the level for the next heading: at most one deeper than the last, as screen readers expect."""
        self._level = min(level, self._level + 1, _MAX_HEADING_LEVEL)
        return self._level

    def endnotes(self, write: Callable[[b.Blocks], str]) -> Iterator[tuple[int, str]]:
        """Yield the number and text of each footnote; footnotes within footnotes come last."""
        written = 0
        while written < len(self.footnotes):
            label = list(self.footnotes)[written]
            written += 1
            yield self._numbers[label], write(self.footnotes[label])

    def target(self, link: "b.Link | b.Reference") -> str:
        """Return the target of a link: `#anchor` in this document, a URL, or an empty string."""
        anchor = b.make_anchor(link.anchor) if link.anchor else ""
        return f"#{anchor}" if anchor in self.anchors else safe_url(link.url)

    def _write_marked(self, inline: b.Marked) -> str:
        before, after = self.marks[type(inline)]
        return f"{before}{self.inlines(inline.content)}{after}"

    def _write_fixed(self, piece: "b.Block | b.Inline") -> str:
        return self.fixed[type(piece)]


class TextWriter(Writer):
    """The base of the Markdown and Org writers: readable text, with pictures in separate files.

    Attributes:
        assets: Collects pictures and charts; without it charts become tables and pictures their file names.
    """

    def __init__(self, document: b.Document, assets: Assets | None) -> None:
        """Prepare to write `document` once."""
        super().__init__(document)
        self.assets = assets
        self._charts = 0

    def line(self, content: b.Inlines) -> str:
        """Return inlines on one line, as for a heading or a cell."""
        return " ".join(self.inlines(content).replace(self.fixed[b.LineBreak], " ").split("\n")).strip(" \t")

    def indented(self, text: str, width: int) -> str:
        """Return text with all lines indented except the first and empty ones."""
        return re.sub(r"\n(?!\n|\Z)", "\n" + " " * width, text)

    def picture(self, path: Path, alt: str) -> str:
        """Add a picture to the assets and write a reference to it, or only its name."""
        picture = read_picture(path)
        if isinstance(picture, str):
            return f"{self._write_code(b.Code(path.name))} {self.note(picture)}"
        if self.assets is None:
            return self._write_code(b.Code(path.name))
        return self.embedded(self.assets, path.stem, picture, alt)

    def drawn(self, chart: b.Chart) -> str:
        """Add a chart to the assets and write a reference to it; nothing without assets."""
        self._charts += 1
        if self.assets is None:
            return ""
        name = f"chart-{self._charts}"
        svg = Picture(draw_chart(chart, LIGHT, name).encode(), "svg", "image/svg+xml")
        return self.embedded(self.assets, name, svg, chart.title)

    def plain_list(self, block: b.List) -> str:
        """Write a list without markers as paragraphs, since a marker before a sign would be one too many."""
        return "\n\n".join(filter(None, (self.content(item.content) for item in block.items)))

    def note(self, why: str) -> str:
        """Write a note on why something is not shown as intended."""
        raise NotImplementedError

    def embedded(self, assets: Assets, stem: str, picture: Picture, alt: str) -> str:
        """Add a picture to the assets and write a reference to it."""
        raise NotImplementedError

    def _write_code(self, inline: b.Code) -> str:
        raise NotImplementedError

    def _write_code_block(self, block: b.CodeBlock) -> str:
        raise NotImplementedError

    def _write_marked(self, inline: b.Marked) -> str:
        """Write text between marks, which go next to the first and last characters that are not whitespace."""
        begin, end = self.marks[type(inline)]
        text = self.inlines(inline.content)
        inside = text.strip(" \n\t\u00a0")
        if not inside:
            return text
        before, after = text.split(inside, 1)
        return f"{before}{begin}{inside}{end}{after}"

    def _write_raw(self, block: b.Raw) -> str:
        return f"{self._write_code_block(b.CodeBlock(block.text))}\n\n{self.note(block.note)}"

    def _write_inline_image(self, inline: b.InlineImage) -> str:
        return self.picture(inline.path, inline.alt)

    def _write_raw_text(self, inline: b.RawText) -> str:
        text = self._write_code(b.Code(inline.text)) if inline.text else ""
        return f"{text} {self.note(inline.note)}"
