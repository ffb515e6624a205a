"""What the writers of all formats share: which method writes which block, the numbers of footnotes, what a link may be.

A writer has a method `_write_heading` for a `Heading`, and so on for each kind of block and inline. A class that lacks
one cannot be made, so no format forgets a kind.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, get_args
from urllib.parse import urlsplit

from orglab.report import blocks as b
from orglab.report.characters import printable
from orglab.report.charts import LIGHT, draw_chart
from orglab.report.formats.assets import Assets
from orglab.report.formats.pictures import Picture, read_picture

SAFE_SCHEMES = frozenset(("http", "https", "mailto", "ftp"))
"""What a link may begin with.  A `javascript:` or `data:` of a hostile log is shown, not followed."""
MAX_URL_LENGTH = 4000
"""The most characters of a url that is followed."""

SIGNS = {"good": "●", "bad": "✕", "unsure": "◆", "active": "△", "waiting": "▽"}
"""The shape that goes with the tone of a badge, as in charts: for grey print, and for who does not see colours."""

_MAX_HEADING_LEVEL = 6
_NOT_IN_URL = frozenset(' \t\n"<>\\^`{|}')


def safe_url(url: str) -> str:
    """Return a url that may be followed, what may not stand in one as `%XX`; empty for any other."""
    url = printable(url).strip()
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return ""
    if scheme not in SAFE_SCHEMES or len(url) > MAX_URL_LENGTH:
        return ""
    return "".join("".join(f"%{byte:02X}" for byte in char.encode()) if char in _NOT_IN_URL else char for char in url)


def find_anchors(blocks: Iterable[b.Block]) -> Iterator[str]:
    """Yield the anchors of blocks and of those in them, in order."""
    stack: list[Any] = list(reversed(tuple(blocks)))
    while stack:
        block = stack.pop()
        if isinstance(block, b.Heading | b.Paragraph | b.ListItem) and block.anchor:
            yield b.make_anchor(block.anchor)
        if isinstance(block, b.List):
            stack.extend(reversed(block.items))
        elif isinstance(block, b.ListItem | b.Quote | b.Centered | b.Details):
            stack.extend(reversed(block.content))


_KINDS: tuple[type, ...] = (*get_args(b.Block), *get_args(b.Inline))


def _method_name(kind: type) -> str:
    """Return the method for a kind: `_write_code_block` for a `CodeBlock`."""
    return "_write" + re.sub("(?=[A-Z])", "_", kind.__name__).lower()


class Writer:
    """Writes the blocks of one document, each as a piece of text.

    Attributes:
        marks: What stands before and after inlines that are only marked, such as stressed ones.
        fixed: What is written for kinds that hold nothing, such as a rule.
        between: What stands between two blocks.
        document: What is written.
        anchors: The anchors that the document has.
        footnotes: The footnotes met so far, by label, in the order of their numbers.
    """

    marks: ClassVar[Mapping[type, tuple[str, str]]] = {}
    fixed: ClassVar[Mapping[type, str]] = {}
    between: ClassVar[str] = "\n\n"

    def __init_subclass__(cls) -> None:
        """Refuse a writer that forgets a kind of block or inline; one without marks is no format yet."""
        missing = [_method_name(kind) for kind in _KINDS if kind not in cls.marks and kind not in cls.fixed]
        missing = [name for name in missing if not hasattr(cls, name)]
        if missing and cls.marks:
            raise TypeError(f"{cls.__name__} lacks {', '.join(missing)}")

    def __init__(self, document: b.Document) -> None:
        """Be ready to write `document`, once."""
        self.document = document
        self.anchors = frozenset(find_anchors(document.blocks))
        self.footnotes: dict[str, b.Blocks] = {}
        self._numbers: dict[str, int] = {}
        self._given: set[str] = set()
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
        """Return each block as it is written; one that makes no text is left out."""
        return [piece for block in blocks if (piece := self._write[type(block)](block))]

    def content(self, blocks: Iterable[b.Block]) -> str:
        """Return blocks as one piece of text."""
        return self.between.join(self.pieces(blocks))

    def inlines(self, content: b.Inlines) -> str:
        """Return inlines as they are written."""
        write = self._write
        return "".join([write[type(inline)](inline) for inline in content])

    def number_footnote(self, mark: b.FootnoteMark) -> int:
        """Return the number of a footnote, counted from 1 as marks are met, and keep its text for the end."""
        number = self._numbers.setdefault(mark.label, len(self._numbers) + 1)
        if mark.content or mark.label not in self.footnotes:
            self.footnotes[mark.label] = self.footnotes.get(mark.label) or mark.content
        return number

    def give_anchor(self, anchor: str) -> str:
        """Return an anchor the first time it is asked for, else nothing: a document has each once."""
        name = b.make_anchor(anchor) if anchor else ""
        if name in self._given:
            return ""
        self._given.add(name)
        return name

    def limit_level(self, level: int) -> int:
        """Return the level of the next heading: not more than one below that before, as screen readers expect it."""
        self._level = min(level, self._level + 1, _MAX_HEADING_LEVEL)
        return self._level

    def endnotes(self, write: Callable[[b.Blocks], str]) -> Iterator[tuple[int, str]]:
        """Yield the number and the text of each footnote; those that stand in footnotes come after them."""
        written = 0
        while written < len(self.footnotes):
            label = list(self.footnotes)[written]
            written += 1
            yield self._numbers[label], write(self.footnotes[label])

    def target(self, link: "b.Link | b.Reference") -> str:
        """Return what a link leads to: `#anchor` in this document, a url, or nothing."""
        anchor = b.make_anchor(link.anchor) if link.anchor else ""
        return f"#{anchor}" if anchor in self.anchors else safe_url(link.url)

    def _write_marked(self, inline: b.Marked) -> str:
        before, after = self.marks[type(inline)]
        return f"{before}{self.inlines(inline.content)}{after}"

    def _write_fixed(self, piece: "b.Block | b.Inline") -> str:
        return self.fixed[type(piece)]


class TextWriter(Writer):
    """What Markdown and Org share: text that is read as it is, with pictures in files beside it.

    Attributes:
        assets: Where pictures and charts are kept for later; without it a chart is its table, a picture its name.
    """

    def __init__(self, document: b.Document, assets: Assets | None) -> None:
        """Be ready to write `document`, once."""
        super().__init__(document)
        self.assets = assets
        self._charts = 0

    def line(self, content: b.Inlines) -> str:
        """Return inlines on one line, as in a heading or a cell."""
        return " ".join(self.inlines(content).replace(self.fixed[b.LineBreak], " ").split("\n")).strip(" \t")

    def indented(self, text: str, width: int) -> str:
        """Return lines that are indented, but for the first and for empty ones."""
        return re.sub(r"\n(?!\n|\Z)", "\n" + " " * width, text)

    def picture(self, path: Path, alt: str) -> str:
        """Write a picture that is kept beside, or its name."""
        picture = read_picture(path)
        if isinstance(picture, str):
            return f"{self._write_code(b.Code(path.name))} {self.note(picture)}"
        if self.assets is None:
            return self._write_code(b.Code(path.name))
        return self.embedded(self.assets, path.stem, picture, alt)

    def drawn(self, chart: b.Chart) -> str:
        """Write a chart that is kept beside; nothing where there is no assets."""
        self._charts += 1
        if self.assets is None:
            return ""
        name = f"chart-{self._charts}"
        svg = Picture(draw_chart(chart, LIGHT, name).encode(), "svg", "image/svg+xml")
        return self.embedded(self.assets, name, svg, chart.title)

    def note(self, why: str) -> str:
        """Write why something is not shown as it was meant."""
        raise NotImplementedError

    def embedded(self, assets: Assets, stem: str, picture: Picture, alt: str) -> str:
        """Keep a picture beside, and write what shows it."""
        raise NotImplementedError

    def _write_code(self, inline: b.Code) -> str:
        raise NotImplementedError

    def _write_code_block(self, block: b.CodeBlock) -> str:
        raise NotImplementedError

    def _write_marked(self, inline: b.Marked) -> str:
        """Write text between marks, which stand at its first and last character that is no blank."""
        mark, _ = self.marks[type(inline)]
        text = self.inlines(inline.content)
        inside = text.strip(" \n\t\u00a0")
        if not inside:
            return text
        before, after = text.split(inside, 1)
        return f"{before}{mark}{inside}{mark}{after}"

    def _write_raw(self, block: b.Raw) -> str:
        return f"{self._write_code_block(b.CodeBlock(block.text))}\n\n{self.note(block.note)}"

    def _write_inline_image(self, inline: b.InlineImage) -> str:
        return self.picture(inline.path, inline.alt)

    def _write_raw_text(self, inline: b.RawText) -> str:
        text = self._write_code(b.Code(inline.text)) if inline.text else ""
        return f"{text} {self.note(inline.note)}"
