"""The Markdown writer: CommonMark with GitHub's tables, checkboxes and footnotes; HTML only for what is folded."""

import re
from collections.abc import Iterable
from html import escape
from typing import ClassVar

from orglab.report import blocks as b
from orglab.report.characters import printable, to_subscript, to_superscript, unwrapped
from orglab.report.charts import chart_table
from orglab.report.formats.assets import Assets
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.pictures import Picture
from orglab.report.formats.writer import TextWriter, make_byline

# Characters with a meaning anywhere; an underscore within a word has none, which keeps names of metrics readable.
_ANYWHERE = r"[\\`*<$~^|]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w]+;)"
_SPECIAL_IN_LINK = re.compile(rf"{_ANYWHERE}|[\[\]]")
# Outside of a link, brackets are text unless they begin a footnote, a checkbox or an alert, or a target follows. So the
# text of a report on a terminal has an interval as [2.1, 3.2].
_SPECIAL = re.compile(rf"{_ANYWHERE}|\[(?=[\^!]|[ xX]\]|$)|\](?=[(:\[])")
# Characters with a meaning at the beginning of a line.
_AT_BEGIN = re.compile(r"(>|#{1,6}(?=\s|$)|[-+=:](?=[\s=-]|$)|[-=+]{2,}|\d{1,9}(?=[.)](?:\s|$)))")
_BOXES = {"open": "[ ] ", "partial": "[ ] *(partly done)* ", "done": "[x] "}


def to_markdown(document: b.Document, assets: Assets | None = None) -> str:
    """Return a document as Markdown; the output is deterministic.

    Args:
        document: The document.
        assets: Collects pictures and charts; without it charts become tables and pictures their file names.
    """
    return _MarkdownWriter(document, assets).page()


def _text(text: str, special: re.Pattern[str] = _SPECIAL_IN_LINK) -> str:
    """Return a text with Markdown syntax escaped."""
    escaped = special.sub(r"\\\g<0>", " ".join(printable(text).split("\n")))
    return escaped.replace(">", "\\>") if "<" in escaped else escaped


def _guarded(lines: str) -> str:
    """Return the lines of a paragraph, escaped so that none begins a heading, a list, a rule or a definition."""
    escaped = []
    for line in lines.split("\n"):
        line = line.strip(" \t")  # noqa: PLW2901
        match = _AT_BEGIN.match(line)
        if match:
            number = match.group().isdigit()
            line = f"{match.group()}\\{line[match.end() :]}" if number else f"\\{line}"  # noqa: PLW2901
        escaped.append(line)
    return "\n".join(escaped)


class _MarkdownWriter(TextWriter):
    """A writer of Markdown."""

    marks: ClassVar = {
        b.Emphasis: ("*", "*"),
        b.Strong: ("**", "**"),
        b.Underline: ("*", "*"),
        b.Small: ("", ""),
        b.Isolated: ("\u2068", "\u2069"),
        b.Strike: ("~~", "~~"),
    }
    fixed: ClassVar = {b.Rule: "---", b.LineBreak: "\\\n"}

    def __init__(self, document: b.Document, assets: Assets | None) -> None:
        super().__init__(document, assets)
        self._in_table = False
        self._in_link = False
        self._follows_list = False

    def page(self) -> str:
        """Return the complete text."""
        document = self.document
        parts = [f"# {self.title(document.title)}"] if document.title else []
        parts += [_guarded(line) for line in (_text(document.subtitle), self.inlines(make_byline(document))) if line]
        parts += self.pieces(document.blocks)
        notes = self.endnotes(lambda blocks: self.content(blocks) or "…")
        parts += [f"[^{number}]: {self.indented(text, 4)}" for number, text in notes]
        if document.evidence is not None:
            parts.append(f"<!--\n{pack(document.evidence)}\n-->")
        return "\n\n".join(parts) + "\n"

    def pieces(self, blocks: Iterable[b.Block]) -> list[str]:
        """Return the text of each block; adjacent lists get different bullets so that they are not merged."""
        pieces: list[str] = []
        follows = False
        for block in blocks:
            self._follows_list = follows
            if piece := self._write[type(block)](block):
                pieces.append(piece)
                follows = isinstance(block, b.List) and not follows
        return pieces

    def inlines(self, content: b.Inlines) -> str:
        """Return the text of inlines, none of which is the target of a bracket in the one before."""
        parts: list[str] = []
        for inline in content:
            if piece := self._write[type(inline)](inline):
                parts += ["\\"] if parts and parts[-1].endswith("]") and piece[0] in "(:" else []
                parts.append(piece)
        return "".join(parts)

    def title(self, text: str) -> str:
        """Return the text of a heading, where a trailing `#` would be dropped unless escaped."""
        return _text(text).replace("#", "\\#")

    # ---- blocks ----

    def _write_heading(self, block: b.Heading) -> str:
        return f"{'#' * min(block.level + 1, 6)} {self.line(block.content).replace('#', chr(92) + '#')}"

    def _write_paragraph(self, block: b.Paragraph) -> str:
        """Write a paragraph on one line, except for the user's line breaks."""
        return _guarded(self.inlines(block.content))

    def _write_list(self, block: b.List) -> str:
        """Write a list; where its numbers jump, another delimiter begins a new list."""
        if block.kind == "plain" and not any(item.checkbox for item in block.items):
            return self.plain_list(block)
        lines: list[str] = []
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
            tight = "\n" if not block.is_loose else "\n\n"
            body = tight.join(pieces)
            lines.append(f"{bullet}{head}{self.indented(body, len(bullet))}".rstrip())
        return ("\n\n" if block.is_loose else "\n").join(lines)

    def _write_table(self, block: b.Table) -> str:
        """Write a table; without a header it gets an empty one, since GitHub requires one."""
        if not block.width:
            return ""
        marks = {"left": "---", "right": "--:", "center": ":-:"}
        lines = [self.row(row) for row in block.cells]
        lines.insert(1, f"| {' | '.join(marks[kind] for kind in block.columns)} |")
        table = "\n".join(lines)
        return f"*{self.line(block.caption)}*\n\n{table}" if block.caption else table

    def row(self, row: tuple[b.Inlines, ...]) -> str:
        """Write the cells of a row."""
        self._in_table = True
        cells = [self.line(cell) for cell in row]
        self._in_table = False
        return f"| {' | '.join(cells)} |"

    def _write_code_block(self, block: b.CodeBlock) -> str:
        """Write a code block, with a fence longer than any in it."""
        language = re.sub(r"[^\w+#.-]", "", block.language)
        fence = self.fence(block.text)
        code = f"{fence}{language}\n{printable(block.text)}\n{fence}"
        return f"*{self.line(block.caption)}*\n\n{code}" if block.caption else code

    def fence(self, text: str) -> str:
        """Return a fence longer than any run of backticks in a text."""
        return "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))

    def _write_math_block(self, block: b.MathBlock) -> str:
        """Write a display formula in the syntax of GitHub and GitLab."""
        fence = self.fence(block.tex)
        return f"{fence}math\n{printable(block.tex)}\n{fence}"

    def note(self, why: str) -> str:
        """Write a note on why something is not shown as intended."""
        return f"*\\[{_text(why)}\\]*"

    def _write_quote(self, block: b.Quote) -> str:
        lines = self.content(block.content).split("\n")
        return "\n".join(f"> {line}".rstrip() for line in lines)

    def _write_verse(self, block: b.Verse) -> str:
        lines = [self.line(line) for line in block.lines]
        indents = [len(text) - len(text.lstrip()) for text in map(self.inlines, block.lines)]
        return "\\\n".join("\u00a0" * indent + _guarded(line) for indent, line in zip(indents, lines, strict=True))

    def _write_centered(self, block: b.Centered) -> str:
        """Write centered blocks as ordinary ones; Markdown has no centering."""
        return self.content(block.content)

    def _write_image(self, block: b.Image) -> str:
        picture = self.picture(block.path, block.alt)
        return f"{picture}\n\n*{self.line(block.caption)}*" if block.caption else picture

    def embedded(self, assets: Assets, stem: str, picture: Picture, alt: str) -> str:
        """Add a picture to the assets and write an image that shows it."""
        return f"![{_text(alt)}]({assets.add(stem, picture.suffix, picture.content)})"

    def _write_chart(self, block: b.Chart) -> str:
        """Write a chart as a picture, with its data folded below; without a picture only the data."""
        title = f"**{_text(block.title)}**" + (f" {self.line(block.caption)}" if block.caption else "")
        drawn, table = self.drawn(block), self._write_table(chart_table(block))
        return "\n\n".join([title, drawn, self.folded("Data for this chart", [table])] if drawn else [title, table])

    def _write_details(self, block: b.Details) -> str:
        """Write blocks that a reader can unfold."""
        summary = escape(printable(b.plain(block.summary)), quote=False)
        return self.folded(f"<b>{summary}</b>" if block.level else summary, self.pieces(block.content))

    def folded(self, summary: str, pieces: list[str]) -> str:
        """Return pieces between tags; the empty lines are needed for Markdown to be read between them."""
        return "\n\n".join([f"<details>\n<summary>{summary}</summary>", *pieces, "</details>"])

    # ---- inlines ----

    def _write_text(self, inline: b.Text) -> str:
        return _text(inline.text, _SPECIAL_IN_LINK if self._in_link else _SPECIAL)

    def _write_superscript(self, inline: b.Superscript) -> str:
        return _text(to_superscript(b.plain(inline.content)))

    def _write_subscript(self, inline: b.Subscript) -> str:
        return _text(to_subscript(b.plain(inline.content)))

    def _write_code(self, inline: b.Code) -> str:
        """Write inline code, between more backticks than it contains; in a table a `|` is escaped even in code."""
        text = printable(unwrapped(inline.text))
        if self._in_table:
            text = text.replace("|", "\\|")
        if not text.strip():
            return _text(text)
        marks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
        blank = " " if text[0] in "` " or text[-1] in "` " else ""
        return f"{marks}{blank}{text}{blank}{marks}"

    def _write_math(self, inline: b.Math) -> str:
        """Write an inline formula in the syntax of GitHub and GitLab, where nothing in it is read as Markdown."""
        text = " ".join(printable(inline.tex).split())
        return f"$`{text}`$" if "`" not in text and text else self._write_code(b.Code(inline.tex))

    def _write_link(self, inline: b.Link) -> str:
        target = self.target(inline)
        self._in_link = True
        content = self.line(inline.content)
        self._in_link = False
        if not target or target.startswith("#"):
            return content or _text(inline.url)
        return f"[{content or _text(inline.url)}](<{target}>)"

    def _write_reference(self, inline: b.Reference) -> str:
        """Write a citation; it links only to the web, since renderers do not agree on anchors within a document."""
        target = self.target(inline)
        text = _text(inline.text)
        if target and not target.startswith("#"):
            return f"[{text}](<{target}>)"
        return f"[{text}]" if inline.cited != inline.text else text

    def _write_footnote_mark(self, inline: b.FootnoteMark) -> str:
        return f"[^{self.number_footnote(inline)}]"

    def _write_badge(self, inline: b.Badge) -> str:
        sign = b.SIGNS.get(inline.tone, "")
        if inline.is_sign and sign:
            return sign
        return f"**{f'{sign} ' if sign else ''}{_text(inline.text)}**"
