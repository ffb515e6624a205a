"""The document as Markdown: CommonMark with the tables, boxes and footnotes of GitHub; no HTML but one comment."""

import re
from collections.abc import Iterable
from pathlib import Path

from orglab.report import blocks as b
from orglab.report.characters import lowered, printable, raised, unwrapped
from orglab.report.charts import LIGHT, chart_table, draw_chart
from orglab.report.formats.attachments import Beside
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.pictures import read_picture
from orglab.report.formats.writer import SIGNS, Writer

# What means something wherever it stands; an underscore within a word does not, and a name of a metric stays readable.
_SPECIAL = re.compile(r"[\\`*\[\]<>$~^|]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w]+;)")
# What means something where a line begins.
_AT_BEGIN = re.compile(r"(#{1,6}(?=\s|$)|[-+=:](?=[\s=-]|$)|[-=+]{2,}|\d{1,9}(?=[.)](?:\s|$)))")
_BOXES = {"open": "[ ] ", "partial": "[ ] *(in part)* ", "done": "[x] "}


def to_markdown(document: b.Document, beside: Beside | None = None) -> str:
    """Return the document as Markdown; the same document makes the same text.

    Args:
        document: What is written.
        beside: Where pictures and charts are kept for later; without it a chart is its table, a picture its name.
    """
    return _MarkdownWriter(document, beside).page()


def _text(text: str) -> str:
    """Return a text without what Markdown would read."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(printable(text).split("\n")))


def _guarded(lines: str) -> str:
    """Return the lines of a paragraph so that none begins a heading, a list, a rule or a definition."""
    kept = []
    for line in lines.split("\n"):
        line = line.strip(" \t")  # noqa: PLW2901
        match = _AT_BEGIN.match(line)
        if match:
            number = match.group().isdigit()
            line = f"{match.group()}\\{line[match.end() :]}" if number else f"\\{line}"  # noqa: PLW2901
        kept.append(line)
    return "\n".join(kept)


def _indented(text: str, width: int) -> str:
    """Return lines that are indented, but for the first and for empty ones."""
    return re.sub(r"\n(?!\n|\Z)", "\n" + " " * width, text)


class _MarkdownWriter(Writer):
    """Writes Markdown."""

    def __init__(self, document: b.Document, beside: Beside | None) -> None:
        super().__init__(document)
        self.beside = beside
        self._charts = 0
        self._in_table = False
        self._follows_list = False

    def page(self) -> str:
        """Return the whole text."""
        document = self.document
        parts = [f"# {self.title(document.title)}"] if document.title else []
        byline = " · ".join(_text(part) for part in (document.subtitle, document.author, document.date) if part)
        if byline:
            parts.append(_guarded(byline))
        parts += self.pieces(document.blocks)
        written = 0
        while written < len(self.footnotes):
            label = list(self.footnotes)[written]
            text = "\n\n".join(self.pieces(self.footnotes[label])) or "…"
            written += 1
            parts.append(f"[^{self._numbers[label]}]: {_indented(text, 4)}")
        if document.evidence is not None:
            parts.append(f"<!--\n{pack(document.evidence)}\n-->")
        return "\n\n".join(parts) + "\n"

    def pieces(self, blocks: Iterable[b.Block]) -> list[str]:
        """Return each block as it is written; two lists that follow each other have different bullets, to stay two."""
        made: list[str] = []
        follows = False
        for block in blocks:
            self._follows_list = follows
            if piece := self._block[type(block)](block):
                made.append(piece)
                follows = isinstance(block, b.List) and not follows
        return made

    def title(self, text: str) -> str:
        """Return the text of a heading, where a `#` at the end would be none of it."""
        return _text(text).replace("#", "\\#")

    def line(self, content: b.Inlines) -> str:
        """Return inlines on one line, as in a heading or a cell."""
        return " ".join(self.inlines(content).replace("\\\n", " ").split("\n")).strip(" \t")

    # ---- blocks ----

    def heading(self, block: b.Heading) -> str:
        """Write a heading."""
        return f"{'#' * min(block.level + 1, 6)} {self.line(block.content).replace('#', chr(92) + '#')}"

    def paragraph(self, block: b.Paragraph) -> str:
        """Write a paragraph on one line, but for breaks of the user's own."""
        return _guarded(self.inlines(block.content))

    def item_list(self, block: b.List) -> str:
        """Write a list; where its numbers jump, another kind of bracket begins a new one."""
        lines: list[str] = []
        is_loose = any(not isinstance(inside, b.List) for item in block.items for inside in item.content[1:])
        number, sign = 0, ")" if self._follows_list else "."
        dash = "* " if self._follows_list else "- "
        for item in block.items:
            bullet = dash
            if block.kind == "numbers":
                jumps = item.number is not None and item.number != number + 1
                if jumps and lines:
                    sign = ")" if sign == "." else "."
                number = item.number if item.number is not None else number + 1
                bullet = f"{number}{sign} "
            head = _BOXES[item.checkbox] if item.checkbox else ""
            if item.term:
                head += f"**{self.line(item.term)}**: "
            pieces = self.pieces(item.content)
            tight = "\n" if not is_loose else "\n\n"
            body = tight.join(pieces)
            lines.append(f"{bullet}{head}{_indented(body, len(bullet))}".rstrip())
        return ("\n\n" if is_loose else "\n").join(lines)

    def table(self, block: b.Table) -> str:
        """Write a table; one without a head gets an empty one, for GitHub knows no other."""
        width = block.width
        if not width:
            return ""
        marks = {"left": "---", "right": "--:", "center": ":-:"}
        align = [marks.get(kind, "---") for kind in block.alignment[:width]]
        rows = [block.header, *block.rows]
        lines = [self.row(row, width) for row in rows]
        lines.insert(1, f"| {' | '.join(align + ['---'] * (width - len(align)))} |")
        table = "\n".join(lines)
        return f"*{self.line(block.caption)}*\n\n{table}" if block.caption else table

    def row(self, row: tuple[b.Inlines, ...], width: int) -> str:
        """Write the cells of a row."""
        self._in_table = True
        cells = [self.line(cell) for cell in row]
        self._in_table = False
        return f"| {' | '.join(cells + [''] * (width - len(cells)))} |"

    def code_block(self, block: b.CodeBlock) -> str:
        """Write lines of code, in a fence longer than any in them."""
        language = re.sub(r"[^\w+#.-]", "", block.language)
        fence = self.fence(block.text)
        code = f"{fence}{language}\n{printable(block.text)}\n{fence}"
        return f"*{self.line(block.caption)}*\n\n{code}" if block.caption else code

    def fence(self, text: str) -> str:
        """Return more backticks than stand together anywhere in a text."""
        return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))

    def math_block(self, block: b.MathBlock) -> str:
        """Write a formula, as GitHub and GitLab know it."""
        fence = self.fence(block.tex)
        return f"{fence}math\n{printable(block.tex)}\n{fence}"

    def note(self, why: str) -> str:
        """Write why something is not shown as it was meant."""
        return f"*\\[{_text(why)}\\]*"

    def quote(self, block: b.Quote) -> str:
        """Write someone else's words."""
        lines = "\n\n".join(self.pieces(block.content)).split("\n")
        return "\n".join(f"> {line}".rstrip() for line in lines)

    def verse(self, block: b.Verse) -> str:
        """Write lines that stay lines."""
        lines = [self.line(line) for line in block.lines]
        indents = [len(text) - len(text.lstrip()) for text in map(self.inlines, block.lines)]
        return "\\\n".join("\u00a0" * indent + _guarded(line) for indent, line in zip(indents, lines, strict=True))

    def centered(self, block: b.Centered) -> str:
        """Write what stands in the middle, where no middle is."""
        return "\n\n".join(self.pieces(block.content))

    def image(self, block: b.Image) -> str:
        """Write a picture."""
        picture = self.picture(block.path, block.alt)
        return f"{picture}\n\n*{self.line(block.caption)}*" if block.caption else picture

    def picture(self, path: Path, alt: str) -> str:
        """Write a picture that is kept beside, or its name."""
        picture = read_picture(path)
        if isinstance(picture, str):
            return f"{self.code(b.Code(path.name))} {self.note(picture)}"
        if self.beside is None:
            return self.code(b.Code(path.name))
        return f"![{_text(alt)}]({self.beside.add(path.stem, picture.suffix, picture.content)})"

    def chart(self, block: b.Chart) -> str:
        """Write a chart as a picture beside, and its numbers."""
        self._charts += 1
        name = f"chart-{self._charts}"
        parts = [f"**{_text(block.title)}**" + (f" {self.line(block.caption)}" if block.caption else "")]
        if self.beside is not None:
            svg = draw_chart(block, LIGHT, name).encode()
            parts.append(f"![{_text(block.title)}]({self.beside.add(name, 'svg', svg)})")
        parts.append(self.table(chart_table(block)))
        return "\n\n".join(parts)

    def rule(self, block: b.Rule) -> str:  # noqa: ARG002 - one is as any other
        """Write a line across."""
        return "---"

    def raw(self, block: b.Raw) -> str:
        """Write lines as they are, and why."""
        return f"{self.code_block(b.CodeBlock(block.text))}\n\n{self.note(block.note)}"

    def details(self, block: b.Details) -> str:
        """Write blocks under their summary."""
        return "\n\n".join([_guarded(self.line(block.summary)), *self.pieces(block.content)])

    def figures(self, block: b.Figures) -> str:
        """Write a few numbers on a line."""
        return _guarded(" · ".join(f"**{_text(item.value)}** {_text(item.label)}" for item in block.items))

    # ---- inlines ----

    def text(self, inline: b.Text) -> str:
        """Write text."""
        return _text(inline.text)

    def wrapped(self, content: b.Inlines, mark: str) -> str:
        """Write text between marks, which stand at its first and last character that is no blank."""
        text = self.inlines(content)
        inside = text.strip(" \n\t\u00a0")
        if not inside:
            return text
        before, after = text.split(inside, 1)
        return f"{before}{mark}{inside}{mark}{after}"

    def emphasis(self, inline: b.Emphasis) -> str:
        """Write stressed text."""
        return self.wrapped(inline.content, "*")

    def strong(self, inline: b.Strong) -> str:
        """Write text of weight."""
        return self.wrapped(inline.content, "**")

    def underline(self, inline: b.Underline) -> str:
        """Write underlined text, for which there is no mark, as stressed."""
        return self.wrapped(inline.content, "*")

    def strike(self, inline: b.Strike) -> str:
        """Write text that was struck out."""
        return self.wrapped(inline.content, "~~")

    def superscript(self, inline: b.Superscript) -> str:
        """Write raised text."""
        return _text(raised(b.plain(inline.content)))

    def subscript(self, inline: b.Subscript) -> str:
        """Write lowered text."""
        return _text(lowered(b.plain(inline.content)))

    def code(self, inline: b.Code) -> str:
        """Write a word of code, between more backticks than are in it; a cell ends at a bar even there."""
        text = printable(unwrapped(inline.text))
        if self._in_table:
            text = text.replace("|", "\\|")
        if not text.strip():
            return _text(text)
        marks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
        blank = " " if text[0] in "` " or text[-1] in "` " else ""
        return f"{marks}{blank}{text}{blank}{marks}"

    def math(self, inline: b.Math) -> str:
        """Write a formula within the line, as GitHub and GitLab know it: nothing in it is read as Markdown."""
        text = " ".join(printable(inline.tex).split())
        return f"$`{text}`$" if "`" not in text and text else self.code(b.Code(inline.tex))

    def link(self, inline: b.Link) -> str:
        """Write a link."""
        target = self.target(inline)
        content = self.line(inline.content)
        if not target or target.startswith("#"):
            return content or _text(inline.url)
        return f"[{content or _text(inline.url)}](<{target}>)"

    def reference(self, inline: b.Reference) -> str:
        """Write where a statement comes from; what stands in the same text has no address that all renderers share."""
        target = self.target(inline)
        text = _text(inline.text)
        if target and not target.startswith("#"):
            return f"[{text}](<{target}>)"
        return f"[{text}]" if inline.cited != inline.text else text

    def footnote_mark(self, inline: b.FootnoteMark) -> str:
        """Write the mark of a footnote."""
        return f"[^{self.number_of(inline)}]"

    def line_break(self, inline: b.LineBreak) -> str:  # noqa: ARG002 - one is as any other
        """Write the end of a line."""
        return "\\\n"

    def inline_image(self, inline: b.InlineImage) -> str:
        """Write a picture within the line."""
        return self.picture(inline.path, inline.alt)

    def badge(self, inline: b.Badge) -> str:
        """Write a word that stands out."""
        sign = SIGNS.get(inline.tone, "")
        return f"**{f'{sign} ' if sign else ''}{_text(inline.text)}**"

    def raw_text(self, inline: b.RawText) -> str:
        """Write text as it is, and why."""
        text = self.code(b.Code(inline.text)) if inline.text else ""
        return f"{text} {self.note(inline.note)}"
