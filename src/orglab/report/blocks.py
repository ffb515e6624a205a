"""The document model shared by all formats: blocks, and the inlines in them.

All values are frozen and hold text as the user wrote it. Nothing is escaped here; each writer escapes for its format,
and never trusts a text or a URL.

What cannot be shown as intended becomes a `Raw` block or a `RawText`, with a note that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from orglab.report.chart_model import MetricHistory, StepResults, Timeline

# ---- inlines ----


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; a newline in it counts as a space."""

    text: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Text with markup; each kind of markup is a subclass."""

    content: Inlines


class Emphasis(Marked):
    """Emphasized (italic) text."""


class Strong(Marked):
    """Bold text."""


class Underline(Marked):
    """Underlined text."""


class Strike(Marked):
    """Struck-out text."""


class Superscript(Marked):
    """Superscript text."""


class Subscript(Marked):
    """Subscript text."""


class Small(Marked):
    """Text of lesser weight, such as the evidence below a statement."""


class Isolated(Marked):
    """Text whose direction does not mix with that of what surrounds it, as in Unicode's bidirectional algorithm."""


@dataclass(frozen=True, slots=True)
class Code:
    """Inline code, such as a file name or a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """An inline formula.

    Attributes:
        tex: LaTeX source without the dollar signs.
        display: Whether it was written as a display formula; within a line it is typeset like any other.
    """

    tex: str
    display: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link that the user wrote.

    Attributes:
        content: The text of the link; empty for the URL itself.
        url: An `http:`, `https:` or `mailto:` URL; any other is shown as text.
        anchor: An anchor in this document, which takes precedence over the URL if it exists.
    """

    content: Inlines
    url: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A citation of the source of a statement: an experiment, a step, a commit or a run.

    Attributes:
        text: The text shown: `e201.1`, `83d45cd`, `r7k2`.
        url: A web page about it, or empty.
        anchor: Its anchor in this document, or empty; takes precedence over the URL if it exists.
        kind: `experiment`, `step`, `commit`, `run` or `other`.
        title: A short description (such as a commit's subject), shown where there is room, or empty.
    """

    text: str
    url: str = ""
    anchor: str = ""
    kind: str = "other"
    title: str = ""

    @property
    def cited(self) -> str:
        """The text as in logs and commit messages: experiments and steps in brackets."""
        return f"[{self.text}]" if self.kind in ("experiment", "step") else self.text


@dataclass(frozen=True, slots=True)
class FootnoteMark:
    """A footnote mark together with the footnote's text; marks with the same label share one number.

    Attributes:
        label: The label, unique in the document.
        content: The text; empty for a repeated mark.
    """

    label: str
    content: Blocks = ()


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A forced line break."""


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An inline picture; see `Image`."""

    path: Path
    alt: str


SIGNS = {"good": "●", "bad": "✕", "unsure": "◆", "active": "△", "waiting": "▽"}
"""The symbol for the tone of a badge, as in charts, for grey print and colour-blind readers."""


@dataclass(frozen=True, slots=True)
class Badge:
    """A highlighted word, such as a verdict or a state.

    Attributes:
        text: The word: `supported`, `WAIT`.
        tone: `good`, `bad`, `unsure`, `active`, `waiting` or `plain`; determines its colour and symbol.
        is_sign: Whether only the symbol is shown, and the word only where there is none.
    """

    text: str
    tone: str = "plain"
    is_sign: bool = False


@dataclass(frozen=True, slots=True)
class RawText:
    """Text that cannot be shown as intended: a dangling link, an export snippet, a missing picture.

    Attributes:
        text: The text from the log.
        note: The reason, in a few words: `no such file`.
    """

    text: str
    note: str


# ---- blocks ----


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading.

    Attributes:
        level: From 1 (a section of the document) to 5.
        content: The text.
        anchor: Its anchor, as `make_anchor` returns it: letters, digits, `-`, `_` and `.`.
    """

    level: int
    content: Inlines
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    content: Inlines
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list.

    Attributes:
        content: Its blocks; usually one paragraph, possibly with nested lists.
        checkbox: `open`, `partial`, `done`, or None for an item without a checkbox.
        term: The term defined, in a definition list.
        number: Its number, if it does not follow that of the previous item.
        anchor: Its anchor, or empty.
    """

    content: Blocks
    checkbox: str | None = None
    term: Inlines = ()
    number: int | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """A list.

    Attributes:
        items: Its items.
        kind: `bullets`, `numbers`, `definitions`, or `plain` for lines without a marker. A sign at the beginning of
            such a line, and small text at its end, stand in columns of their own where the format has them.
    """

    items: tuple[ListItem, ...]
    kind: str = "bullets"

    @property
    def is_loose(self) -> bool:
        """Whether an item has more than a paragraph and nested lists, so that items are separated by space."""
        return any(not isinstance(inside, List) for item in self.items for inside in item.content[1:])


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        header: The cells of the header row; empty for none.
        rows: The rows of cells; short rows are padded.
        alignment: `left`, `right` or `center` for each column; `left` if missing.
        caption: The caption.
        rules: Indices of `rows` before which a rule is drawn, to separate groups of rows.
    """

    header: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]
    alignment: tuple[str, ...] = ()
    caption: Inlines = ()
    rules: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """The number of columns."""
        return max([len(self.header), *map(len, self.rows)], default=0)

    @property
    def columns(self) -> list[str]:
        """The alignment of each column: `left`, `right` or `center`."""
        known = [kind if kind in ("right", "center") else "left" for kind in self.alignment[: self.width]]
        return known + ["left"] * (self.width - len(known))

    @property
    def cells(self) -> list[tuple[Inlines, ...]]:
        """The header and the rows, each padded to the width of the table."""
        width = self.width
        return [row + ((),) * (width - len(row)) for row in (self.header, *self.rows)]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A block of code or other preformatted text.

    Attributes:
        text: The lines, without a trailing newline.
        language: The language as named in Org (`python`, `sh`), or empty.
        caption: The caption.
    """

    text: str
    language: str = ""
    caption: Inlines = ()


@dataclass(frozen=True, slots=True)
class MathBlock:
    r"""A display formula; LaTeX source, including `\begin{..}` if it is an environment."""

    tex: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A block quotation."""

    content: Blocks


@dataclass(frozen=True, slots=True)
class Verse:
    """Verse: its line breaks are kept."""

    lines: tuple[Inlines, ...]


@dataclass(frozen=True, slots=True)
class Centered:
    """Centered blocks."""

    content: Blocks


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a paragraph of its own.

    Attributes:
        path: The absolute path of the file. If it does not exist, its name is shown with a note.
        alt: The alternative text.
        caption: The caption.
    """

    path: Path
    alt: str
    caption: Inlines = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart; each writer draws it as its format allows, and adds a table of its data.

    Attributes:
        plot: The data to draw.
        title: The title, one line.
        caption: The caption.
    """

    plot: Timeline | MetricHistory | StepResults
    title: str
    caption: Inlines = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal rule."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Lines that cannot be shown as intended; see `RawText`."""

    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that are collapsed under a summary, or simply follow it in formats that cannot collapse.

    Attributes:
        summary: The line that is always visible.
        content: The collapsed blocks. If there are headings among them, the summary is a heading too, so that what
            follows the details has to begin with a heading.
    """

    summary: Inlines
    content: Blocks

    @property
    def level(self) -> int:
        """The level of the summary as a heading; 0 if it is not one."""
        levels = [block.level for block in self.content if isinstance(block, Heading)]
        return max(1, min(levels) - 1) if levels else 0


Inline: TypeAlias = (
    Text
    | Emphasis
    | Strong
    | Underline
    | Strike
    | Superscript
    | Subscript
    | Small
    | Isolated
    | Code
    | Math
    | Link
    | Reference
    | FootnoteMark
    | LineBreak
    | InlineImage
    | Badge
    | RawText
)
Inlines: TypeAlias = tuple[Inline, ...]
Block: TypeAlias = (
    Heading
    | Paragraph
    | List
    | Table
    | CodeBlock
    | MathBlock
    | Quote
    | Verse
    | Centered
    | Image
    | Chart
    | Rule
    | Raw
    | Details
)
Blocks: TypeAlias = tuple[Block, ...]


# ---- the document ----


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Attributes:
        title: Its title.
        blocks: Its content.
        subtitle: A line below the title, such as the period.
        date: The formatted date when it was made.
        language: Its language, as a BCP 47 tag.
        author: The author, or empty.
        source: What it reports on, `REPOSITORY@COMMIT`, or empty.
        made: When it was made, for the properties of the file; None leaves that out.
        evidence: The evidence for its statements, as JSON values; stored in the file for `--check`.
        contents: Whether it has a table of contents if it is long, in formats with room for one.
    """

    title: str
    blocks: Blocks
    subtitle: str = ""
    date: str = ""
    language: str = "en"
    author: str = ""
    source: str = ""
    made: datetime | None = None
    evidence: Mapping[str, object] | None = None
    contents: bool = True


_ANCHOR = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@lru_cache(8192)
def make_anchor(text: str) -> str:
    """Return the anchor for a text: forbidden characters become `-`, and `a-` goes before anything but a letter.

    The same text always has the same anchor.
    """
    name = "".join(char if char in _ANCHOR else "-" for char in text)
    return name if name[:1].isalpha() else f"a-{name}"


def plain(content: Inlines) -> str:
    """Return the text of inlines without markup, for a title, an outline or an alternative text."""
    parts: list[str] = []
    stack = list(reversed(content))
    while stack:
        inline = stack.pop()
        match inline:
            case Badge():
                parts.append((inline.is_sign and SIGNS.get(inline.tone)) or inline.text)
            case Text(text) | Code(text) | RawText(text) | Reference(text):
                parts.append(text)
            case Math(tex):
                parts.append(tex)
            case Link():
                stack.extend(reversed(inline.content or (Text(inline.url),)))
            case InlineImage():
                parts.append(inline.alt)
            case LineBreak():
                parts.append(" ")
            case Marked():
                stack.extend(reversed(inline.content))
    return " ".join("".join(parts).split())
