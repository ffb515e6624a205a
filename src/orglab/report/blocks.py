"""What a document is made of, whatever format it is written in: blocks, and inlines in them.

Every value is frozen, and holds text as the user wrote it: nothing here is escaped, each writer does that for its
format.  A writer never trusts a text or a url: it may be built from anything.

What cannot be shown as it is meant is a `Raw` block or a `RawText` with a note that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

# ---- inlines ----


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it is read; a newline in it is a blank."""

    text: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Text with something done to it; each kind is a class of its own."""

    content: Inlines


class Emphasis(Marked):
    """Text that is stressed (italic)."""


class Strong(Marked):
    """Text of weight (bold)."""


class Underline(Marked):
    """Underlined text."""


class Strike(Marked):
    """Text that was struck out."""


class Superscript(Marked):
    """Raised text."""


class Subscript(Marked):
    """Lowered text."""


@dataclass(frozen=True, slots=True)
class Code:
    """A word of code, a file name, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """A formula within the line.

    Attributes:
        tex: LaTeX source without its dollars.
        display: Whether it was written to stand on a line of its own; within a line it is set as any other.
    """

    tex: str
    display: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link that the user wrote.

    Attributes:
        content: What is read; empty: the url itself.
        url: `http:`, `https:` or `mailto:`; any other is shown as text, never followed.
        anchor: The anchor in this document that it leads to instead; it has precedence where that exists.
    """

    content: Inlines
    url: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a statement comes from: an experiment, a step, a commit, a run.

    Attributes:
        text: What is read: `e201.1`, `83d45cd`, `r7k2`.
        url: A page of the web about it, or empty.
        anchor: The anchor in this document about it, or empty; it has precedence where that exists.
        kind: `experiment`, `step`, `commit`, `run` or `other`.
        title: A few words about what it is (a commit's subject), shown where there is room, or empty.
    """

    text: str
    url: str = ""
    anchor: str = ""
    kind: str = "other"
    title: str = ""

    @property
    def cited(self) -> str:
        """The text as people write it in a log and in messages: an experiment and a step in brackets."""
        return f"[{self.text}]" if self.kind in ("experiment", "step") else self.text


@dataclass(frozen=True, slots=True)
class FootnoteMark:
    """The mark of a footnote, which carries its text; marks with the same label share one number.

    Attributes:
        label: What tells it from the others of the document.
        content: Its text; empty for a mark that repeats one.
    """

    label: str
    content: Blocks = ()


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A line ends here."""


@dataclass(frozen=True, slots=True)
class InlineImage:
    """A picture within the line: see `Image`."""

    path: Path
    alt: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A word that stands out, such as a verdict or a state.

    Attributes:
        text: The word: `supported`, `WAIT`.
        tone: `good`, `bad`, `unsure`, `active`, `waiting` or `plain`: its colour, and the shape that goes with it.
    """

    text: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class RawText:
    """Text that could not be shown as it was meant: a dangling link, an export snippet, a picture that is missing.

    Attributes:
        text: The text as it stands in the log.
        note: Why, in a few words: `no such file`.
    """

    text: str
    note: str


# ---- blocks ----


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading.

    Attributes:
        level: From 1 (a section of the document) to 5.
        content: What it says.
        anchor: Its name for links: letters, digits, `-`, `_` and `.`; made from nothing else by `make_anchor`.
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
        content: Its blocks; mostly one paragraph, and lists below it.
        checkbox: `open`, `partial`, `done`, or None for an item without a box.
        term: What is defined, in a list of definitions.
        number: Its number, where it is not that of the one before plus one.
        anchor: Its name for links, or empty.
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
        kind: `bullets`, `numbers` or `definitions`.
    """

    items: tuple[ListItem, ...]
    kind: str = "bullets"

    @property
    def is_loose(self) -> bool:
        """Whether an item holds more than a paragraph and lists below it, and so stands apart from the next."""
        return any(not isinstance(inside, List) for item in self.items for inside in item.content[1:])


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        header: The cells of its head; empty for none.
        rows: The rows of cells below; a row that is too short is filled up.
        alignment: `left`, `right`, `center` for each column; what is missing is `left`.
        caption: What it shows.
        rules: Indices of `rows` before which a line is drawn, for groups of rows.
    """

    header: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]
    alignment: tuple[str, ...] = ()
    caption: Inlines = ()
    rules: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """How many columns it has."""
        return max([len(self.header), *map(len, self.rows)], default=0)

    @property
    def columns(self) -> list[str]:
        """How each column is aligned: `left`, `right` or `center`."""
        known = [kind if kind in ("right", "center") else "left" for kind in self.alignment[: self.width]]
        return known + ["left"] * (self.width - len(known))

    @property
    def cells(self) -> list[tuple[Inlines, ...]]:
        """The head and the rows, each with as many cells as the table is wide."""
        width = self.width
        return [row + ((),) * (width - len(row)) for row in (self.header, *self.rows)]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines of code, or of anything whose lines and blanks matter.

    Attributes:
        text: The lines, without a last newline.
        language: The language as Org names it (`python`, `sh`), or empty.
        caption: What it shows.
    """

    text: str
    language: str = ""
    caption: Inlines = ()


@dataclass(frozen=True, slots=True)
class MathBlock:
    r"""A formula on lines of its own; LaTeX source, with `\begin{..}` where it is an environment."""

    tex: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Someone else's words."""

    content: Blocks


@dataclass(frozen=True, slots=True)
class Verse:
    """Lines that stay lines."""

    lines: tuple[Inlines, ...]


@dataclass(frozen=True, slots=True)
class Centered:
    """Blocks in the middle of the page."""

    content: Blocks


@dataclass(frozen=True, slots=True)
class Image:
    """A picture on its own.

    Attributes:
        path: Its file, absolute.  It need not exist: then its name is shown, with a note.
        alt: What it shows, for those who cannot see it.
        caption: What stands below it.
    """

    path: Path
    alt: str
    caption: Inlines = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, drawn by each writer as its format can; a table of its numbers goes with it.

    Attributes:
        plot: What is drawn.
        title: What it shows, in one line.
        caption: A sentence below it.
    """

    plot: Timeline | MetricHistory | StepResults
    title: str
    caption: Inlines = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the page."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Lines that could not be shown as they were meant: see `RawText`."""

    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that a reader opens who wants to check; where nothing opens, they stand there under their summary.

    Attributes:
        summary: The line that is always read.
        content: What it opens.
    """

    summary: Inlines
    content: Blocks


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of `Figures`.

    Attributes:
        value: The number as it is read: `12`, `3.5 h`.
        label: What it counts: `runs`.
        tone: As of a `Badge`.
    """

    value: str
    label: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Figures:
    """A few numbers at a glance, side by side."""

    items: tuple[Figure, ...]


# ---- charts ----


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One experiment of a time line.

    Attributes:
        label: Its reference: `e201`.
        title: Its title; cut where there is no room.
        start: When it was opened.
        end: When it was concluded; None while it is open.
        status: The verdict, or the state of one that is open; words other than `supported`, `refuted`,
            `inconclusive`, `open`, `waiting` and `canceled` are drawn as `other`, with the word in the legend.
        anchor: The anchor of this document about it, or empty.
    """

    label: str
    title: str
    start: date
    end: date | None
    status: str = "open"
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars from when experiments were opened to when they were concluded.

    Attributes:
        rows: The experiments, in the order they are drawn.
        until: The day that open bars reach: today, or the report's last day.
        since: The first day shown; None: that of the first row.  Bars that begin earlier are cut there.
    """

    rows: tuple[TimelineRow, ...]
    until: date
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one run.

    Attributes:
        name: What the legend calls it.
        points: Pairs of x and y, in the order of x; NaN, infinity or None in y is a gap.
        group: Series of one group (the seeds of a step) share their colour; empty: the name.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    group: str = ""


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """How a metric went, run by run.

    Attributes:
        series: The runs.
        metric: Its name, for the axis: `val_loss`.
        x: What x counts: `step`, `epoch`.
        log: Whether the axis of values is logarithmic; None: where it helps, and can.
    """

    series: tuple[Series, ...]
    metric: str
    x: str = "step"
    log: bool | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """The final values of one step.

    Attributes:
        label: Its reference: `e201.1`.
        title: A few words on it, or empty.
        values: One for each seed or run; those that are not finite are left out, and counted.
        is_baseline: Whether the others are measured against it.
        anchor: The anchor of this document about it, or empty.
    """

    label: str
    title: str
    values: tuple[float, ...]
    is_baseline: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class StepResults:
    """The final metric, step by step, against the baseline.

    Attributes:
        rows: The steps.
        metric: Its name.
        better: `higher`, `lower` or empty where nobody said.
        log: Whether the axis is logarithmic; None: where it helps, and can.
    """

    rows: tuple[StepResult, ...]
    metric: str
    better: str = ""
    log: bool | None = None


Inline: TypeAlias = (
    Text
    | Emphasis
    | Strong
    | Underline
    | Strike
    | Superscript
    | Subscript
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
    | Figures
)
Blocks: TypeAlias = tuple[Block, ...]


# ---- the document ----


@dataclass(frozen=True, slots=True)
class Document:
    """A document.

    Attributes:
        title: Its title.
        blocks: What it says.
        subtitle: A line below the title, such as the span of time.
        date: When it was made, as it is read.
        language: The language it is written in, as BCP 47 names it.
        author: Whose work it is about, or empty.
        evidence: What its statements rest on, as JSON; kept in the file, for `--check` to read again.
        contents: Whether a list of its sections goes first, where the format has room for one.
    """

    title: str
    blocks: Blocks
    subtitle: str = ""
    date: str = ""
    language: str = "en"
    author: str = ""
    evidence: Mapping[str, object] | None = None
    contents: bool = True


_ANCHOR = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@lru_cache(8192)
def make_anchor(text: str) -> str:
    """Return a text as an anchor: what an anchor may not hold is `-`; one that begins otherwise gets an `a-` before.

    It begins with a letter, as every format wants it; the same text has the same anchor.
    """
    name = "".join(char if char in _ANCHOR else "-" for char in text)
    return name if name[:1].isalpha() else f"a-{name}"


def plain(content: Inlines) -> str:
    """Return the text of inlines without any markup, for a title, an outline or an alternative text."""
    parts: list[str] = []
    stack = list(reversed(content))
    while stack:
        inline = stack.pop()
        match inline:
            case Text(text) | Code(text) | RawText(text) | Badge(text) | Reference(text):
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
