"""The docx writer: pandoc converts the document from its own JSON tree, so there is no markup to escape.

pandoc runs in its sandbox, without access to files or the network; pictures are embedded in the tree.
"""

import json
import re
import subprocess
from typing import TYPE_CHECKING, ClassVar

from orglab.errors import OrglabError, UsageError
from orglab.extras import describe_install
from orglab.report import blocks as b
from orglab.report.characters import printable
from orglab.report.charts import chart_table, draw_pages
from orglab.report.formats.docx_parts import finish_docx
from orglab.report.formats.pictures import Picture, read_picture
from orglab.report.formats.table_fit import fit_columns, list_rows
from orglab.report.formats.to_pdf import svg_to_png
from orglab.report.formats.writer import Writer, is_right_to_left, make_byline, split_line
from orglab.report.tex import NotConvertedError, read_tex

if TYPE_CHECKING:
    from pathlib import Path

_API = [1, 23, 1]
_SECONDS = 120
# The characters of a table's text in the width of the page.
_ROOM = 104
_BOXES = {"open": "☐ ", "partial": "◪ ", "done": "☑ "}
# A tab between the columns of a line; nothing of the user's is ever raw.
_TAB = '{"t":"RawInline","c":["openxml","<w:r><w:tab/></w:r>"]}'
_NO_ATTRIBUTES = ["", [], []]


def to_docx(document: b.Document) -> bytes:
    """Return a document as a docx file.

    Raises:
        UsageError: pandoc is not installed.
        OrglabError: pandoc fails, which is a bug in orglab.
    """
    pandoc = find_pandoc()
    try:
        docx = _run_pandoc(pandoc, _TreeWriter(document).page())
    except OrglabError:
        # Most likely a picture; the text is worth a report.
        docx = _run_pandoc(pandoc, _TreeWriter(document, "pandoc could not write the report with its pictures").page())
    return finish_docx(docx, document)


def find_pandoc() -> str:
    """Return the path of pandoc.

    Raises:
        UsageError: pandoc is not installed.
    """
    try:
        import pypandoc  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional extra

        return str(pypandoc.get_pandoc_path())
    except (ImportError, OSError):
        raise UsageError(f"docx needs pandoc; install it with: {describe_install('docx')}") from None


def _run_pandoc(pandoc: str, tree: str) -> bytes:
    """Return a tree converted to docx by pandoc."""
    command = [pandoc, "--from=json", "--to=docx", "--sandbox", "--output=-", "--quiet"]
    try:
        # No argument comes from the user.
        completed = subprocess.run(command, input=tree.encode(), capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OrglabError(f"pandoc could not write the report: {error}") from error
    if completed.returncode != 0:
        raise OrglabError(f"pandoc could not write the report: {completed.stderr.decode(errors='replace').strip()}")
    return completed.stdout


def _node(kind: str, content: object = None) -> str:
    """Return a node of pandoc's tree, as JSON."""
    return json.dumps({"t": kind} if content is None else {"t": kind, "c": content})


def _raw_paragraph(style: str) -> str:
    """Return an empty paragraph in one of the styles of page_styles.xml, which pandoc would leave out."""
    return _node("RawBlock", ["openxml", f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr></w:p>'])


def _str(text: str) -> str:
    """Return a text as a single node; spaces need no nodes of their own."""
    return _node("Str", " ".join(printable(text).split("\n"))) if text else ""


def _delimiters(kind: str) -> tuple[str, str]:
    """Return the JSON before and after the inlines of a node."""
    return f'{{"t":"{kind}","c":[', "]}"


def _styled(style: str) -> list[object]:
    """Return the attributes of a node in one of the styles of page_styles.xml."""
    return ["", [], [["custom-style", style]]]


def _attributes(identifier: str = "", classes: "tuple[str, ...]" = (), **pairs: str) -> str:
    """Return the attributes of a node, as JSON."""
    return json.dumps([identifier, list(classes), list(pairs.items())])


class _TreeWriter(Writer):
    """A writer of pandoc's tree: each node is JSON, and several are separated by commas."""

    marks: ClassVar = {
        b.Emphasis: _delimiters("Emph"),
        b.Strong: _delimiters("Strong"),
        b.Underline: _delimiters("Underline"),
        b.Strike: _delimiters("Strikeout"),
        b.Small: ('{"t":"Span","c":[' + json.dumps(_styled("Small")) + ",[", "]]}"),
        b.Isolated: ('{"t":"Str","c":"\\u2068"},', ',{"t":"Str","c":"\\u2069"}'),
        b.Superscript: _delimiters("Superscript"),
        b.Subscript: _delimiters("Subscript"),
    }
    fixed: ClassVar = {b.Rule: _raw_paragraph("ReportRule"), b.LineBreak: _node("LineBreak")}
    between = ","

    def __init__(self, document: b.Document, no_pictures: str = "") -> None:
        """Prepare to write `document`; with a reason in `no_pictures`, pictures are only named."""
        super().__init__(document)
        self._no_pictures = no_pictures
        self._tables: list[tuple[str, b.Table]] = []
        self._depth = 0

    def page(self) -> str:
        """Return the complete tree."""
        document = self.document
        front = (("Title", document.title or "Report"), ("Subtitle", document.subtitle))
        blocks = [self.styled_para(style, _str(text)) for style, text in front if text]
        byline = self.inlines(make_byline(document))
        blocks += [self.styled_para("Byline", byline)] if byline else []
        blocks += self.pieces(document.blocks)
        language = re.sub(r"[^A-Za-z0-9-]", "", document.language) or "en"
        meta = {"lang": {"t": "MetaInlines", "c": [{"t": "Str", "c": language}]}}
        return f'{{"pandoc-api-version":{_API},"meta":{json.dumps(meta)},"blocks":[{",".join(blocks)}]}}'

    def inlines(self, content: b.Inlines) -> str:
        """Return inlines as nodes separated by commas."""
        write = self._write
        return ",".join([piece for inline in content if (piece := write[type(inline)](inline))])

    def para(self, inlines: str, kind: str = "Para") -> str:
        """Return a paragraph node."""
        return f'{{"t":"{kind}","c":[{inlines}]}}'

    def styled_para(self, style: str, inlines: str) -> str:
        """Return a paragraph node in one of the styles of page_styles.xml."""
        return f'{{"t":"Div","c":[{json.dumps(_styled(style))},[{self.para(inlines)}]]}}'

    def title_line(self, inlines: str) -> str:
        """Return a bold paragraph on the same page as the next one."""
        return self.styled_para("Report Title Line", f'{{"t":"Strong","c":[{inlines}]}}')

    def note(self, why: object) -> str:
        """Write a note on why something is not shown as intended."""
        return f'{{"t":"Emph","c":[{_str(f"[{why}]")}]}}'

    def anchor_span(self, anchor: str) -> str:
        """Return an empty span with an anchor, followed by a comma; empty without an anchor."""
        name = self.give_anchor(anchor)
        return f'{{"t":"Span","c":[{_attributes(name)},[]]}},' if name else ""

    # ---- blocks ----

    def _write_heading(self, block: b.Heading) -> str:
        level, attributes = self.limit_level(block.level), _attributes(self.give_anchor(block.anchor))
        return f'{{"t":"Header","c":[{level},{attributes},[{self.inlines(block.content)}]]}}'

    def _write_paragraph(self, block: b.Paragraph) -> str:
        text = self.para((self.anchor_span(block.anchor) + self.inlines(block.content)).rstrip(","))
        return f'{{"t":"Div","c":[{_attributes(dir="rtl")},[{text}]]}}' if is_right_to_left(block) else text

    def _write_list(self, block: b.List) -> str:
        """Write a list; where its numbers jump, a new one begins."""
        if block.kind == "definitions":
            items = ",".join(f"[[{self.inlines(item.term)}],[[{self.item(item)}]]]" for item in block.items)
            return f'{{"t":"DefinitionList","c":[{items}]}}'
        if block.kind == "plain" or (block.kind == "bullets" and all(item.checkbox for item in block.items)):
            return self.lines(block)
        if block.kind != "numbers":
            items = ",".join(f"[{self.item(item)}]" for item in block.items)
            return f'{{"t":"BulletList","c":[{items}]}}'
        lists: list[tuple[int, list[str]]] = []
        number = 0
        for item in block.items:
            following = number + 1
            number = following if item.number is None else item.number
            if not lists or number != following:
                lists.append((number, []))
            lists[-1][1].append(f"[{self.item(item)}]")
        style = '{"t":"Decimal"},{"t":"Period"}'
        return ",".join(f'{{"t":"OrderedList","c":[[{first},{style}],[{",".join(items)}]]}}' for first, items in lists)

    def lines(self, block: b.List) -> str:
        """Write a list without markers; signs and checkboxes stand in a column to the left, small ends at the right."""
        if self._depth:  # The indentation of a style does not add to that of a list.
            return ",".join(self.item(item) for item in block.items)
        split = [split_line(item) for item in block.items]
        is_signed = any(sign or item.checkbox for item, (sign, _, _) in zip(block.items, split, strict=True))
        pieces = []
        for item, (sign, content, end) in zip(block.items, split, strict=True):
            mark = _str(_BOXES[item.checkbox].strip()) if item.checkbox else self._write_badge(sign) if sign else ""
            text = self.anchor_span(item.anchor) + (f"{mark}," if mark else "") + (f"{_TAB}," if is_signed else "")
            text += self.inlines(content) + (f",{_TAB},{self._write_marked(end)}" if end else "")
            style = "Report Signed Line" if is_signed else "Report Line"
            pieces.append(self.styled_para(style, text.rstrip(",")))
            pieces += self.pieces(item.content[1:] if content or sign or end else item.content)
        return ",".join(pieces)

    def item(self, item: b.ListItem) -> str:
        """Write the content of an item, with its first paragraph next to the bullet."""
        self._depth += 1
        head = self.anchor_span(item.anchor)
        if item.checkbox:
            head += f"{_str(_BOXES[item.checkbox])},"
        blocks = item.content
        if blocks and isinstance(blocks[0], b.Paragraph):
            head += self.inlines(blocks[0].content)
            blocks = blocks[1:]
        rest = self.content(blocks)
        self._depth -= 1
        first = self.para(head.rstrip(","), "Plain")
        return f"{first},{rest}" if rest else first

    def _write_table(self, block: b.Table) -> str:
        """Write a table with columns as wide as their words; one that is too wide for the page becomes a list."""
        if not block.width:
            return ""
        shares = fit_columns(block, _ROOM)
        if shares is None:
            return self.content(list_rows(block))
        header, *rows = block.cells
        columns = ",".join(
            f'[{{"t":"Align{kind.capitalize()}"}},{{"t":"ColWidth","c":{share:.4f}}}]'
            for kind, share in zip(block.columns, shares, strict=True)
        )
        none = json.dumps(_NO_ATTRIBUTES)
        caption = f"[null,[{self.para(self.inlines(block.caption), 'Plain')}]]" if block.caption else "[null,[]]"
        head = self.row(tuple((b.Strong(cell),) if cell else () for cell in header)) if block.header else ""
        body = ",".join(map(self.row, rows))
        parts = f"{none},{caption},[{columns}],[{none},[{head}]],[[{none},0,[],[{body}]]],[{none},[]]"
        return f'{{"t":"Table","c":[{parts}]}},{_raw_paragraph("ReportGap")}'

    def row(self, row: tuple[b.Inlines, ...]) -> str:
        """Write the cells of a row."""
        none = json.dumps(_NO_ATTRIBUTES)
        cells = [self.inlines(cell) for cell in row]
        styled = (self.styled_para("Report Cell", cell) for cell in cells)
        nodes = (f'[{none},{{"t":"AlignDefault"}},1,1,[{cell}]]' for cell in styled)
        return f"[{none},[{','.join(nodes)}]]"

    def _write_code_block(self, block: b.CodeBlock) -> str:
        language = re.sub(r"[^\w+#.-]", "", block.language)
        attributes = json.dumps(["", [language] if language else [], []])
        code = f'{{"t":"CodeBlock","c":[{attributes},{json.dumps(printable(block.text))}]}}'
        return f"{code},{self.para(self.inlines(block.caption))}" if block.caption else code

    def _write_math_block(self, block: b.MathBlock) -> str:
        """Write a formula, or its source."""
        try:
            read_tex(block.tex)
        except NotConvertedError as error:
            return f"{self._write_code_block(b.CodeBlock(block.tex, 'latex'))},{self.para(self.note(error))}"
        return self.para(_node("Math", [{"t": "DisplayMath"}, printable(block.tex)]))

    def _write_quote(self, block: b.Quote) -> str:
        return f'{{"t":"BlockQuote","c":[{self.content(block.content)}]}}'

    def _write_verse(self, block: b.Verse) -> str:
        lines = ",".join(f"[{self.inlines(line)}]" for line in block.lines)
        return f'{{"t":"LineBlock","c":[{lines}]}}'

    def _write_centered(self, block: b.Centered) -> str:
        """Write centered blocks as ordinary ones; pandoc has no centering."""
        return self.content(block.content)

    def _write_image(self, block: b.Image) -> str:
        """Write a picture, followed by its caption."""
        picture = self.picture(block.path, block.alt)
        caption = f",{self.para(self.inlines(block.caption))}" if block.caption else ""
        return self.para(picture) + caption

    def picture(self, path: "Path", alt: str) -> str:
        """Write a picture, or its name."""
        picture = self._no_pictures or read_picture(path)
        if isinstance(picture, Picture) and picture.suffix in ("svg", "webp"):
            # Not all versions of Word show these.
            try:
                picture = Picture(svg_to_png(picture.content, picture.suffix), "png", "image/png")
            except OrglabError:
                picture = f"this {picture.suffix} picture could not be converted"
        if isinstance(picture, str):
            return f"{self._write_code(b.Code(path.name))},{_str(' ')},{self.note(picture)}"
        return self.embedded(picture, alt, _attributes())

    def embedded(self, picture: Picture, alt: str, attributes: str) -> str:
        """Return a node with an embedded picture."""
        return f'{{"t":"Image","c":[{attributes},[{_str(alt)}],{json.dumps([picture.data_url, ""])}]}}'

    def _write_chart(self, block: b.Chart) -> str:
        """Write a chart as a picture, with its data at the end of the appendix; without typst only the data."""
        title = self.title_line(_str(block.title))
        caption = f",{self.para(self.inlines(block.caption))}" if block.caption else ""
        pictures = []
        for svg, alt in draw_pages(block):
            try:
                png = Picture(svg_to_png(svg.encode(), "svg"), "png", "image/png")
            except UsageError as error:
                return f"{title},{self.para(self.note(error))},{self._write_table(chart_table(block))}{caption}"
            pictures.append(self.para(self.embedded(png, alt, _attributes(width="11.5cm"))))
        self._tables.append((block.title, chart_table(block)))
        return f"{title},{','.join(pictures)}{caption}"

    def _write_raw(self, block: b.Raw) -> str:
        """Write lines unchanged, followed by the note."""
        return f"{self._write_code_block(b.CodeBlock(block.text))},{self.para(self.note(block.note))}"

    def _write_details(self, block: b.Details) -> str:
        """Write the summary, followed by the blocks; as a section if it has headings, with the data of the charts."""
        if not block.level:
            return ",".join([self.title_line(self.inlines(block.summary)), *self.pieces(block.content)])
        parts = [self._write_heading(b.Heading(block.level, block.summary)), *self.pieces(block.content)]
        if self._tables:
            parts.append(self._write_heading(b.Heading(block.level + 1, (b.Text("Chart data"),))))
        for title, table in self._tables:
            parts += [self.title_line(_str(title)), self._write_table(table)]
        self._tables = []
        return ",".join(parts)

    # ---- inlines ----

    def _write_text(self, inline: b.Text) -> str:
        return _str(inline.text)

    def _write_code(self, inline: b.Code) -> str:
        return _node("Code", [_NO_ATTRIBUTES, " ".join(printable(inline.text).split("\n"))])

    def _write_math(self, inline: b.Math) -> str:
        """Write an inline formula, or its source if pandoc might silently show it wrong."""
        try:
            read_tex(inline.tex)
        except NotConvertedError as error:
            return f"{self._write_code(b.Code(inline.tex))},{_str(' ')},{self.note(error)}"
        return _node("Math", [{"t": "InlineMath"}, printable(inline.tex)])

    def _write_link(self, inline: b.Link) -> str:
        return self.linked(self.target(inline), self.inlines(inline.content) or _str(inline.url), "")

    def linked(self, target: str, content: str, title: str) -> str:
        """Write a link to the web or to an anchor."""
        if not target:
            return content
        return f'{{"t":"Link","c":[{json.dumps(_NO_ATTRIBUTES)},[{content}],{json.dumps([target, printable(title)])}]}}'

    def _write_reference(self, inline: b.Reference) -> str:
        return self.linked(self.target(inline), _str(inline.cited), inline.title)

    def _write_footnote_mark(self, inline: b.FootnoteMark) -> str:
        """Write a footnote; a repeated mark is only its number, since Word does not support several marks."""
        is_new = inline.label not in self._numbers
        number = self.number_footnote(inline)
        if not is_new:
            return f'{{"t":"Superscript","c":[{_str(str(number))}]}}'
        return f'{{"t":"Note","c":[{self.content(inline.content) or self.para(_str("…"))}]}}'

    def _write_inline_image(self, inline: b.InlineImage) -> str:
        return self.picture(inline.path, inline.alt)

    def _write_badge(self, inline: b.Badge) -> str:
        sign = b.SIGNS.get(inline.tone, "")
        style = json.dumps(_styled(inline.tone.capitalize() if sign else "Plain"))
        if inline.is_sign and sign:
            text = _str(sign)
        else:
            text = f'{{"t":"Strong","c":[{_str(f"{sign} {inline.text}".strip())}]}}'
        return f'{{"t":"Span","c":[{style},[{text}]]}}'

    def _write_raw_text(self, inline: b.RawText) -> str:
        """Write text unchanged, followed by the note."""
        text = f"{self._write_code(b.Code(inline.text))}," if inline.text else ""
        return f"{text}{_str(' ')},{self.note(inline.note)}"
