"""The document as one HTML file that needs nothing else: no network, no script, no other file."""

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import ClassVar

from orglab.report import blocks as b
from orglab.report.characters import printable, unwrapped
from orglab.report.charts import chart_table, draw_chart
from orglab.report.charts.canvas import CSS
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.mathml import to_mathml
from orglab.report.formats.pictures import read_picture
from orglab.report.formats.writer import SIGNS, Writer
from orglab.report.tex import NotConvertedError

_BOXES = {"open": ("☐", "open"), "partial": ("◪", "partly done"), "done": ("☑", "done")}
_LINES_IN_CONTENTS = 40


def to_html(document: b.Document) -> str:
    """Return the document as a whole HTML page."""
    return _HtmlWriter(document).page()


def _text(text: str) -> str:
    """Return a text that stands in an element or in an attribute."""
    return escape(printable(text))


class _HtmlWriter(Writer):
    """Writes HTML."""

    marks: ClassVar = {
        b.Emphasis: ("<em>", "</em>"),
        b.Strong: ("<strong>", "</strong>"),
        b.Underline: ("<u>", "</u>"),
        b.Strike: ("<del>", "</del>"),
        b.Superscript: ("<sup>", "</sup>"),
        b.Subscript: ("<sub>", "</sub>"),
    }
    fixed: ClassVar = {b.Rule: "<hr>", b.LineBreak: "<br>"}
    between = ""

    def __init__(self, document: b.Document) -> None:
        super().__init__(document)
        self._level = 1
        self._charts = 0
        self._contents: list[tuple[str, str]] = []

    def page(self) -> str:
        """Return the page."""
        document = self.document
        main = "\n".join(self.pieces(document.blocks))
        notes = self.notes()
        style = files("orglab.report.formats").joinpath("page.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
        subtitle = f'<p class="subtitle">{_text(document.subtitle)}</p>' if document.subtitle else ""
        byline = " · ".join(_text(part) for part in (document.author, document.date) if part)
        byline = f'<p class="byline">{byline}</p>' if byline else ""
        return f"""<!DOCTYPE html>
<html lang="{_text(document.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="orglab">
<title>{_text(document.title) or "Report"}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>{_text(document.title) or "Report"}</h1>
{subtitle}
{byline}
</header>
{self.contents()}
<main id="content" tabindex="-1">
{main}
{notes}
</main>
<footer><p>Written by orglab from the log, its git history and its runs.</p></footer>
{self.evidence()}</body>
</html>
"""

    def contents(self) -> str:
        """Return the list of the sections, where there are some to choose from."""
        if not self.document.contents or not 1 < len(self._contents) <= _LINES_IN_CONTENTS:
            return ""
        lines = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title in self._contents)
        return f'<nav aria-label="Sections"><ol>{lines}</ol></nav>'

    def notes(self) -> str:
        """Return the footnotes; those that stand in footnotes come after them."""
        written: list[str] = []
        for number, text in self.endnotes(lambda blocks: "\n".join(self.pieces(blocks)) or "<p>…</p>"):
            back = f'<a class="back" href="#fnref-{number}" aria-label="Back to the text of note {number}">↩</a>'
            written.append(f'<li id="fn-{number}">{text}{back}</li>')
        if not written:
            return ""
        return f'<section class="notes" aria-label="Notes"><h2>Notes</h2><ol>{"".join(written)}</ol></section>'

    def evidence(self) -> str:
        """Return the evidence in a comment, which its letters cannot end."""
        return "" if self.document.evidence is None else f"<!--\n{pack(self.document.evidence)}\n-->\n"

    def identity(self, anchor: str) -> str:
        """Return the attribute for an anchor, which is given once."""
        name = self.give_anchor(anchor)
        return f' id="{name}"' if name else ""

    # ---- blocks ----

    def _write_heading(self, block: b.Heading) -> str:
        level = self.limit_level(block.level + 1)
        anchor = block.anchor
        if level == 2 and not anchor:  # noqa: PLR2004 - a section
            anchor = f"section-{len(self._contents) + 1}"
        if level == 2:  # noqa: PLR2004 - a section
            self._contents.append((b.make_anchor(anchor), _text(b.plain(block.content))))
        return f"<h{level}{self.identity(anchor)}>{self.inlines(block.content)}</h{level}>"

    def _write_paragraph(self, block: b.Paragraph) -> str:
        return f"<p{self.identity(block.anchor)}>{self.inlines(block.content)}</p>"

    def _write_list(self, block: b.List) -> str:
        if block.kind == "definitions":
            items = [
                f"<dt{self.identity(item.anchor)}>{self.inlines(item.term)}</dt><dd>{self.item(item)}</dd>"
                for item in block.items
            ]
            return f"<dl>{''.join(items)}</dl>"
        tag = "ol" if block.kind == "numbers" else "ul"
        boxes = ' class="boxes"' if tag == "ul" and any(item.checkbox for item in block.items) else ""
        items = []
        for item in block.items:
            value = f' value="{item.number}"' if item.number is not None and tag == "ol" else ""
            items.append(f"<li{self.identity(item.anchor)}{value}>{self.item(item)}</li>")
        return f"<{tag}{boxes}>{''.join(items)}</{tag}>"

    def item(self, item: b.ListItem) -> str:
        """Write what an item holds: its first paragraph without a tag, for it to stand beside the bullet."""
        sign = ""
        if item.checkbox is not None:
            box, said = _BOXES[item.checkbox]
            sign = f'<span class="box {item.checkbox}" role="img" aria-label="{said}">{box}</span> '
        blocks = item.content
        if blocks and isinstance(blocks[0], b.Paragraph):
            sign += self.inlines(blocks[0].content)
            blocks = blocks[1:]
        return sign + self.content(blocks)

    def _write_table(self, block: b.Table) -> str:
        """Write a table in a box of its own, which scrolls where it is wider than the page."""
        header, *rows = block.cells
        align = [f' class="{kind}"' if kind != "left" else "" for kind in block.columns]
        parts = [f"<caption>{self.inlines(block.caption)}</caption>"] if block.caption else []
        if block.header:
            cells = "".join(
                f'<th scope="col"{kind}>{self.inlines(cell)}</th>' for cell, kind in zip(header, align, strict=True)
            )
            parts.append(f"<thead><tr>{cells}</tr></thead>")
        rules = set(block.rules)
        parts.append("<tbody>")
        for index, row in enumerate(rows):
            kind = ' class="rule"' if index in rules else ""
            cells = "".join(f"<td{kind}>{self.inlines(cell)}</td>" for cell, kind in zip(row, align, strict=True))
            parts.append(f"<tr{kind}>{cells}</tr>")
        parts.append("</tbody>")
        said = _text(b.plain(block.caption)) or "Table"
        return (
            f'<div class="scroll" tabindex="0" role="group" aria-label="{said}"><table>{"".join(parts)}</table></div>'
        )

    def _write_code_block(self, block: b.CodeBlock) -> str:
        language = b.make_anchor(block.language) if block.language else ""
        kind = f' class="language-{language}"' if language else ""
        said = _text(b.plain(block.caption) or (f"Code: {block.language}" if block.language else "Lines as they are"))
        pre = f'<pre tabindex="0" role="group" aria-label="{said}"><code{kind}>{_text(block.text)}</code></pre>'
        if not block.caption:
            return pre
        return f"<figure>{pre}<figcaption>{self.inlines(block.caption)}</figcaption></figure>"

    def _write_math_block(self, block: b.MathBlock) -> str:
        """Write a formula, or its source."""
        try:
            formula = to_mathml(block.tex, display=True)
        except NotConvertedError as error:
            return f'<pre tabindex="0" role="group" aria-label="LaTeX">{_text(block.tex)}</pre>{self.note(error, "p")}'
        return f'<div class="scroll math" tabindex="0" role="group" aria-label="Formula">{formula}</div>'

    def note(self, why: object, tag: str = "span") -> str:
        """Write why something is not shown as it was meant."""
        return f'<{tag} class="note">[{_text(str(why))}]</{tag}>'

    def _write_quote(self, block: b.Quote) -> str:
        return f"<blockquote>{self.content(block.content)}</blockquote>"

    def _write_verse(self, block: b.Verse) -> str:
        lines = "\n".join(self.inlines(line) for line in block.lines)
        return f'<p class="verse">{lines}</p>'

    def _write_centered(self, block: b.Centered) -> str:
        return f'<div class="centered">{self.content(block.content)}</div>'

    def _write_image(self, block: b.Image) -> str:
        caption = f"<figcaption>{self.inlines(block.caption)}</figcaption>" if block.caption else ""
        return f"<figure>{self.picture(b.InlineImage(block.path, block.alt))}{caption}</figure>"

    def picture(self, image: b.InlineImage) -> str:
        """Write an `img` element, or the file's name where there is no picture."""
        picture = read_picture(image.path)
        if isinstance(picture, str):
            return f"<code>{_text(image.path.name)}</code> {self.note(picture)}"
        return f'<img src="{picture.data_url}" alt="{_text(image.alt)}">'

    def _write_chart(self, block: b.Chart) -> str:
        """Write a chart, and its numbers."""
        self._charts += 1
        name = f"chart-{self._charts}"
        caption = f" {self.inlines(block.caption)}" if block.caption else ""
        table = self._write_table(chart_table(block))
        return (
            f'<figure class="chart"><figcaption><strong>{_text(block.title)}</strong>{caption}</figcaption>'
            f"{draw_chart(block, CSS, name)}"
            f"<details><summary>The numbers of this chart</summary>{table}</details></figure>"
        )

    def _write_raw(self, block: b.Raw) -> str:
        """Write lines as they are, and why."""
        lines = f'<pre tabindex="0" role="group" aria-label="As it is written">{_text(block.text)}</pre>'
        return f'<div class="raw">{lines}{self.note(block.note, "p")}</div>'

    def _write_details(self, block: b.Details) -> str:
        return f"<details><summary>{self.inlines(block.summary)}</summary>{self.content(block.content)}</details>"

    def _write_figures(self, block: b.Figures) -> str:
        """Write numbers side by side."""
        items = "".join(
            f'<div class="{_tone(item.tone)}"><dt>{_text(item.label)}</dt><dd>{_text(item.value)}</dd></div>'
            for item in block.items
        )
        return f'<dl class="figures">{items}</dl>'

    # ---- inlines ----

    def _write_text(self, inline: b.Text) -> str:
        return _text(inline.text)

    def _write_code(self, inline: b.Code) -> str:
        return f"<code>{_text(unwrapped(inline.text))}</code>"

    def _write_math(self, inline: b.Math) -> str:
        """Write a formula within the line, or its source."""
        try:
            return to_mathml(inline.tex, display=False)
        except NotConvertedError as error:
            return f"<code>{_text(inline.tex)}</code> {self.note(error)}"

    def _write_link(self, inline: b.Link) -> str:
        target = self.target(inline)
        content = self.inlines(inline.content) or _text(inline.url)
        if not target:
            return f"{content} {self.note('a link that is not followed')}" if inline.url else content
        return f'<a href="{_text(target)}">{content}</a>'

    def _write_reference(self, inline: b.Reference) -> str:
        target = self.target(inline)
        text = _text(inline.cited)
        kind = f"ref {inline.kind}" if inline.kind in ("experiment", "step", "commit", "run") else "ref"
        title = f' title="{_text(inline.title)}"' if inline.title else ""
        if not target:
            return f'<span class="{kind}"{title}>{text}</span>'
        return f'<a class="{kind}" href="{_text(target)}"{title}>{text}</a>'

    def _write_footnote_mark(self, inline: b.FootnoteMark) -> str:
        number = self.number_footnote(inline)
        identity = self.identity(f"fnref-{number}")
        return f'<sup><a{identity} href="#fn-{number}" aria-label="Note {number}">{number}</a></sup>'

    def _write_inline_image(self, inline: b.InlineImage) -> str:
        return self.picture(inline)

    def _write_badge(self, inline: b.Badge) -> str:
        sign = SIGNS.get(inline.tone, "")
        shape = f'<span aria-hidden="true">{sign}</span> ' if sign else ""
        return f'<span class="badge {_tone(inline.tone)}">{shape}{_text(inline.text)}</span>'

    def _write_raw_text(self, inline: b.RawText) -> str:
        """Write text as it is, and why."""
        text = f"<code>{_text(inline.text)}</code>" if inline.text else ""
        return f"{text} {self.note(inline.note)}"


def _tone(tone: str) -> str:
    """Return the class of a tone."""
    return tone if tone in SIGNS else "plain"
