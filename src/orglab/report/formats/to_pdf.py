"""The PDF writer; the document is typeset by typst, whose Python package includes the compiler and fonts.

User text is written only as typst string literals, never as markup, so none of it can be read as a command.
"""

import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from orglab.errors import OrglabError, UsageError
from orglab.extras import describe_install
from orglab.report import blocks as b
from orglab.report.characters import printable, unwrapped
from orglab.report.charts import chart_table, draw_pages
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.pictures import Picture, read_picture
from orglab.report.formats.table_fit import fit_columns, list_rows
from orglab.report.formats.typst_math import string, to_typst_math
from orglab.report.formats.writer import Writer, is_right_to_left, make_byline, split_line
from orglab.report.tex import NotConvertedError

if TYPE_CHECKING:
    from datetime import datetime
    from types import ModuleType

EVIDENCE_NAME = "orglab-evidence.txt"
"""The name of the attachment with the evidence."""
_MAX_HEADING_LEVEL = 5
# A longer word would run off the page, or into the next cell.
_LONG_WORD = re.compile(r"[^\s\u200b]{48}(?=[^\s\u200b]{4})")
_LONG_WORD_IN_CELL = re.compile(r"[^\s\u200b]{22}(?=[^\s\u200b]{4})")
# The characters of a table's text in the width of the page.
_ROOM = 114
# From this share of the page on, the widths of columns are given; below, typst finds them.
_FULL = 0.9
# Drawn, because few fonts have checkboxes; screen readers read the text inside.
_BOXES = {"open": "#check-box[]", "partial": "#check-box[\u2013]", "done": "#check-box[\u2713]"}
# A page of the size of a picture, at most 17 cm by 24 cm.
_PAGE = """#set page(width: auto, height: auto, margin: 0pt)
#context {
  let size = measure(image("PICTURE"))
  let share = calc.min(1, 17cm / calc.max(size.width, 1pt), 24cm / calc.max(size.height, 1pt))
  image("PICTURE", width: size.width * share, height: size.height * share)
}"""
_NO_FONT = re.compile(r"the text `?\"?(.*?)\"?`? could not be displayed")


class _NotTypesetError(OrglabError):
    """typst failed, which is a bug in orglab unless it is due to a picture or a formula."""


def load_typst() -> "ModuleType":
    """Return the typst package.

    Raises:
        UsageError: typst is not installed.
    """
    try:
        import typst  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise UsageError(f"PDF needs typst; install it with: {describe_install('pdf')}") from None
    return typst


def to_pdf(document: b.Document) -> bytes:
    """Return a document as PDF; it is accessible (PDF/UA) if there are fonts for all of its characters.

    Raises:
        UsageError: typst is not installed.
        OrglabError: typst fails, which is a bug in orglab.
    """
    typst = load_typst()
    with tempfile.TemporaryDirectory(prefix="orglab-pdf-") as name:
        folder = Path(name)
        try:
            return _compile(typst, folder, _TypstWriter(document, folder).page(), "ua-1")
        except _NotTypesetError as error:
            missing = _NO_FONT.search(str(error))
        note = ""
        if missing:
            note = _describe_missing(missing.group(1))
        try:
            return _compile(typst, folder, _TypstWriter(document, folder).page(note), None)
        except _NotTypesetError:
            # A picture is damaged or a formula fails; compile each separately to leave out only those.
            return _compile(typst, folder, _TypstWriter(document, folder, typst).page(note), None)


def _compile(typst: "ModuleType", folder: Path, source: str, standard: str | None) -> bytes:
    """Return a source compiled to PDF, without access to packages or to files outside `folder`."""
    nothing = folder / "no-packages"
    with _stop_panics(typst):
        compiler = typst.Compiler(source.encode(), root=folder, package_path=nothing, package_cache_path=nothing)
        # The date of a document without one, so that its bytes are the same each time.
        pdf = compiler.compile(format="pdf", pdf_standards=standard or [], timestamp=0)
    if not isinstance(pdf, bytes):
        raise OrglabError("typst returned no PDF.")
    return pdf


def _describe_missing(text: str) -> str:
    """Return a sentence that names characters without a font, with the script of letters."""
    chars = list(dict.fromkeys(char for char in text if not char.isspace()))[:3]
    codes = ", ".join(f"U+{ord(char):04X}" for char in chars)
    name = unicodedata.name(chars[0], "") if chars else ""
    if unicodedata.category((chars or " ")[0]).startswith("L"):  # A letter; its name begins with its script.
        name = name.partition(" ")[0]
    known = f" ({name if name == 'CJK' else name.capitalize()})" if name else ""
    return f"No font on the machine that made this file has some of its characters, such as {codes}{known}."


@contextmanager
def _stop_panics(typst: "ModuleType") -> Iterator[None]:
    """Raise a _NotTypesetError for an error of typst, also for one that ends a program: a panic is no Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, typst.TypstError):
            raise
        raise _NotTypesetError(f"typst could not typeset the report: {error}") from None


def svg_to_png(svg: bytes, suffix: str = "svg", ppi: float = 192) -> bytes:
    """Return a picture converted to PNG, at its natural size or as large as fits a page.

    Args:
        svg: The bytes of the picture.
        suffix: Its format.
        ppi: The resolution in pixels per inch; a CSS pixel is 1/96 inch.

    Raises:
        UsageError: typst is not installed.
        OrglabError: typst cannot read the picture.
    """
    typst = load_typst()
    with tempfile.TemporaryDirectory(prefix="orglab-png-") as name:
        folder = Path(name)
        (folder / f"picture.{suffix}").write_bytes(svg)
        source = _PAGE.replace("PICTURE", f"picture.{suffix}")
        with _stop_panics(typst):
            compiler = typst.Compiler(source.encode(), root=folder, package_path=folder, package_cache_path=folder)
            png = compiler.compile(format="png", ppi=ppi)
    if not isinstance(png, bytes):
        raise OrglabError("typst returned no picture.")
    return png


def _str(text: str, long_word: re.Pattern[str] = _LONG_WORD) -> str:
    """Return a text as a typst string literal, with break opportunities in long words."""
    text = " ".join(printable(text).split("\n"))
    return string(long_word.sub("\\g<0>\u200b", text) if len(text) > 22 else text)  # noqa: PLR2004 - see _LONG_WORD_IN_CELL


# Inlines that are one expression each.
_SINGLE = (b.Text, b.Marked, b.Reference, b.Badge)


class _TypstWriter(Writer):
    """A writer of typst source: a sequence of expressions, each after a `#`."""

    marks: ClassVar = {
        b.Emphasis: ("#emph", ""),
        b.Strong: ("#strong", ""),
        b.Underline: ("#underline", ""),
        b.Strike: ("#strike", ""),
        b.Small: ("#small", ""),
        b.Isolated: ("#isolated", ""),
        b.Superscript: ("#super", ""),
        b.Subscript: ("#sub", ""),
    }
    fixed: ClassVar = {b.Rule: "#divider()", b.LineBreak: "#linebreak()"}

    def __init__(self, document: b.Document, folder: Path, checked_by: "ModuleType | None" = None) -> None:
        super().__init__(document)
        self.folder = folder
        self.checked_by = checked_by
        self._anchor = ""
        self._files = 0
        self._long_word = _LONG_WORD
        self._tables: list[tuple[str, b.Table]] = []

    def _byline(self) -> str:
        byline = self.inlines(make_byline(self.document))
        return f"[{byline}]" if byline else "none"

    def page(self, note: str = "") -> str:
        """Return the complete source, with `note` below the title."""
        document = self.document
        body = self.pieces(document.blocks)
        style = files("orglab.report.formats").joinpath("page.typ").read_text("utf-8")
        title = document.title or "Report"
        language = re.sub(r"[^a-z]", "", document.language.split("-")[0].lower())[:3] or "en"
        author = _str(document.author) if document.author else "()"
        properties = {"title": _str(title), "author": author, "date": _date(document.made)}
        parts = [
            style,
            f"#set document({', '.join(f'{name}: {value}' for name, value in properties.items())})",
            f"#set text(lang: {_str(language)})",
            f"#front({_str(title)}, {_or_none(document.subtitle)}, {self._byline()})",
        ]
        if note:
            parts.append(f"#note[#{_str(note)}]")
        parts += body
        if document.evidence is not None:
            kind = 'mime-type: "text/plain", relationship: "data"'
            about = 'description: "Evidence for the statements in this report"'
            parts.append(f'#pdf.attach("{EVIDENCE_NAME}", bytes({string(pack(document.evidence))}), {kind}, {about})')
        return "\n\n".join(parts)

    def argument(self, content: b.Inlines) -> str:
        """Return inlines as an argument: a single one without a content block, which would cost time and memory."""
        text = self.inlines(content)
        return text[1:] if len(content) == 1 and isinstance(content[0], _SINGLE) else f"[{text}]"

    def _write_marked(self, inline: b.Marked) -> str:
        return f"{self.marks[type(inline)][0]}({self.argument(inline.content)})"

    def label(self, anchor: str) -> str:
        """Return the label of an anchor on its first use, else nothing."""
        name = self.give_anchor(anchor)
        return f"#label({string(name)})" if name else ""

    def label_element(self, anchor: str) -> str:
        """Return an invisible element with the label of an anchor."""
        label = self.label(anchor)
        return f"#metadata(none){label}" if label else ""

    def note(self, why: object) -> str:
        """Write a note on why something is not shown as intended."""
        return f"#note[#{_str(f'[{why}]')}]"

    # ---- blocks ----

    def _write_heading(self, block: b.Heading) -> str:
        level = self.limit_level(min(block.level, _MAX_HEADING_LEVEL))
        self._anchor = b.make_anchor(block.anchor) if block.anchor else ""
        return f"#heading(level: {level})[{self.inlines(block.content)}]{self.label(block.anchor)}"

    def _write_paragraph(self, block: b.Paragraph) -> str:
        content = f"{self.label_element(block.anchor)}{self.inlines(block.content)}"
        return f"#right-to-left[{content}]" if is_right_to_left(block) else content

    def _write_list(self, block: b.List) -> str:
        tight = "false" if block.is_loose else "true"
        if block.kind == "plain" or (block.kind == "bullets" and all(item.checkbox for item in block.items)):
            return self.lines(block, tight)
        items = []
        for item in block.items:
            box = f"{_BOXES[item.checkbox]} " if item.checkbox else ""
            body = f"{self.label_element(item.anchor)}{box}{self.content(item.content)}"
            if block.kind == "numbers":
                items.append(f"enum.item({'' if item.number is None else f'{item.number}'})[{body}]".replace("()", ""))
            elif block.kind == "definitions":
                items.append(f"terms.item([{self.inlines(item.term)}], [{body}])")
            else:
                items.append(f"list.item[{body}]")
        kind = {"numbers": "enum", "definitions": "terms"}.get(block.kind, "list")
        return f"#{kind}(tight: {tight}, {', '.join(items)})"

    def lines(self, block: b.List, tight: str) -> str:
        """Write a list without markers; signs and checkboxes stand in a column to the left."""
        split = [split_line(item) for item in block.items]
        is_signed = any(sign or item.checkbox for item, (sign, _, _) in zip(block.items, split, strict=True))
        items = []
        for item, (sign, content, end) in zip(block.items, split, strict=True):
            text = self.inlines(content) + (f"#end({self.argument(end.content)})" if end else "")
            text = self.label_element(item.anchor) + text
            rest = item.content[1:] if content or sign or end else item.content
            body = self.between.join([text, *self.pieces(rest)])
            mark = _BOXES[item.checkbox] if item.checkbox else self._write_badge(sign) if sign else ""
            items.append(f"list.item[#signed[{mark}][{body}]]" if is_signed else f"list.item[{body}]")
        return f"#plain-list(tight: {tight}, {', '.join(items)})"

    def _write_table(self, block: b.Table) -> str:
        """Write a table, whose header is repeated on each page; one that is too wide becomes a list."""
        if not block.width:
            return ""
        shares = fit_columns(block, _ROOM)
        if shares is None:
            return f"#rows[{self.content(list_rows(block))}]"
        self._long_word = _LONG_WORD_IN_CELL
        table = self.grid(block, shares)
        self._long_word = _LONG_WORD
        return f"#caption[{self.inlines(block.caption)}]\n{table}" if block.caption else table

    def grid(self, block: b.Table, shares: list[float]) -> str:
        """Write the cells of a table, with columns of these shares of the page if they fill it."""
        header, *rows = block.cells
        widths = f"({', '.join(f'{share:.4f}fr' for share in shares)},)" if sum(shares) > _FULL else str(block.width)
        parts = [f"columns: {widths}", f"align: ({', '.join(block.columns)},)"]
        if block.header:
            head = ", ".join(f"strong({self.argument(cell)})" for cell in header)
            parts += [f"table.header({head})", "head-rule"]
        rules = set(block.rules)
        for index, row in enumerate(rows):
            if index in rules:
                parts.append("row-rule")
            parts.append(", ".join(map(self.argument, row)))
        return f"#table({', '.join(parts)})"

    def _write_code_block(self, block: b.CodeBlock) -> str:
        language = re.sub(r"[^\w+#.-]", "", block.language)
        text = _LONG_WORD.sub("\\g<0>\u200b", printable(block.text))
        code = f"#raw({string(text)}, block: true{f', lang: {string(language)}' if language else ''})"
        return f"{code}\n#caption[{self.inlines(block.caption)}]" if block.caption else code

    def _write_math_block(self, block: b.MathBlock) -> str:
        """Write a formula, or its source."""
        try:
            return self.formula(block.tex, "true")
        except NotConvertedError as error:
            return f"{self._write_code_block(b.CodeBlock(block.tex, 'latex'))}\n{self.note(error)}"

    def formula(self, tex: str, display: str) -> str:
        """Return a formula with its LaTeX source as alternative text."""
        formula = f"#math.equation(block: {display}, alt: {_str(tex)}, ${to_typst_math(tex)}$)"
        if self.checked_by is not None:
            try:
                with _stop_panics(self.checked_by):
                    self.checked_by.compile(formula.encode())
            except _NotTypesetError:
                raise NotConvertedError("the formula could not be typeset") from None
        return formula

    def _write_quote(self, block: b.Quote) -> str:
        return f"#quoted[{self.content(block.content)}]"

    def _write_verse(self, block: b.Verse) -> str:
        lines = []
        for line in block.lines:
            first = line[0].text if line and isinstance(line[0], b.Text) else ""
            indent = len(first) - len(first.lstrip(" "))
            lines.append(f"#h({indent * 0.5}em)#{{}}{self.inlines(line)}")
        return f"#verse[{'#linebreak()'.join(lines)}]"

    def _write_centered(self, block: b.Centered) -> str:
        return f"#align(center)[{self.content(block.content)}]"

    def _write_image(self, block: b.Image) -> str:
        picture = self.picture(block.path, block.alt, "auto")
        caption = f"\n#align(center)[#caption[{self.inlines(block.caption)}]]" if block.caption else ""
        return f"#picture[{picture}]{caption}"

    def picture(self, path: Path, alt: str, height: str) -> str:
        """Write a picture at its natural size or as large as fits, or only its name."""
        picture = read_picture(path)
        if isinstance(picture, Picture) and self.checked_by is not None:
            try:
                svg_to_png(picture.content, picture.suffix, 36)
            except OrglabError:
                picture = "the picture could not be read"
        if isinstance(picture, str):
            return f"{self._write_code(b.Code(path.name))}#{_str(' ')}{self.note(picture)}"
        self._files += 1
        name = f"picture-{self._files}.{picture.suffix}"
        (self.folder / name).write_bytes(picture.content)
        size = f", height: {height}" if height != "auto" else ""
        image = f'image("{name}", alt: {_str(alt)}{size}{{}})'
        if height != "auto":
            return f"#box({image.format('')})"
        natural, fitted = image.format(""), image.format(", width: 100%")
        limit = image.format(", height: 18cm")
        return (
            f"#layout(room => {{ let size = measure({natural}); if size.width > room.width"
            f" {{ {fitted} }} else if size.height > 18cm {{ {limit} }} else {{ {natural} }} }})"
        )

    def _write_chart(self, block: b.Chart) -> str:
        """Write a chart, in one part for each page; its data goes to the end of the appendix."""
        caption = f"\n#caption[{self.inlines(block.caption)}]" if block.caption else ""
        parts = [f"#chart-title[#strong[#{_str(block.title)}]]"]
        for svg, alt in draw_pages(block):
            parts.append(f'#image(bytes({string(svg)}), format: "svg", width: 70%, alt: {_str(alt)})')
        self._tables.append((block.title, chart_table(block)))
        return "\n".join(parts) + caption

    def _write_raw(self, block: b.Raw) -> str:
        """Write lines unchanged, followed by the note."""
        return f"{self._write_code_block(b.CodeBlock(block.text))}\n{self.note(block.note)}"

    def _write_details(self, block: b.Details) -> str:
        """Write the summary, followed by the blocks; as a section if it has headings, with the data of the charts."""
        if not block.level:
            return f"#details([{self.inlines(block.summary)}], [{self.content(block.content)}])"
        parts = [self._write_heading(b.Heading(block.level, block.summary)), *self.pieces(block.content)]
        if self._tables:
            parts.append(self._write_heading(b.Heading(block.level + 1, (b.Text("Chart data"),))))
        for name, table in self._tables:
            parts += [f"#chart-title[#strong[#{_str(name)}]]", self._write_table(table)]
        self._tables = []
        return self.between.join(parts)

    # ---- inlines ----

    def _write_text(self, inline: b.Text) -> str:
        return f"#{_str(inline.text, self._long_word)}"

    def _write_code(self, inline: b.Code) -> str:
        """Write inline code; long code, and that in a table, gets no box, so that it can wrap."""
        text = _str(unwrapped(inline.text), self._long_word)
        if self._long_word is not _LONG_WORD:
            return f"#cell-code({text})"
        return f"#raw({text})" if len(inline.text) > 40 else f"#code-text(raw({text}))"  # noqa: PLR2004 - half a line

    def _write_math(self, inline: b.Math) -> str:
        """Write an inline formula, or its source."""
        try:
            return self.formula(inline.tex, "false")
        except NotConvertedError as error:
            return f"{self._write_code(b.Code(inline.tex))}#{_str(' ')}{self.note(error)}"

    def _write_link(self, inline: b.Link) -> str:
        content = inline.content or (b.Text(inline.url),)
        target = self.target(inline)
        return self.linked(target, self.argument(content)) if target else self.inlines(content)

    def linked(self, target: str, argument: str) -> str:
        """Write a link to a URL or a label."""
        place = f"label({string(target[1:])})" if target.startswith("#") else string(target)
        return f"#link({place}, {argument})"

    def _write_reference(self, inline: b.Reference) -> str:
        """Write a citation, without a link if it would lead to its own section: each link costs time."""
        target = self.target(inline)
        if self._anchor and (target == f"#{self._anchor}" or target.startswith(f"#{self._anchor}.")):
            target = ""
        text = f"ref-text({_str(inline.cited)})"
        return self.linked(target, text) if target else f"#{text}"

    def _write_footnote_mark(self, inline: b.FootnoteMark) -> str:
        """Write a footnote mark; the first one includes the text."""
        is_new = inline.label not in self._numbers
        label = f"label({string(f'fn-{self.number_footnote(inline)}')})"
        if not is_new:
            return f"#footnote({label})"
        return f"#footnote[{self.content(inline.content) or '#' + _str('…')}]#{label}"

    def _write_inline_image(self, inline: b.InlineImage) -> str:
        return self.picture(inline.path, inline.alt, "2.4em")

    def _write_badge(self, inline: b.Badge) -> str:
        sign = b.SIGNS.get(inline.tone, "")
        if inline.is_sign and sign:
            return f"#sign({_tone(inline.tone)}, {_str(sign)})"
        return f"#badge({_tone(inline.tone)}, {_str(f'{sign} {inline.text}'.strip())})"

    def _write_raw_text(self, inline: b.RawText) -> str:
        """Write text unchanged, followed by the note."""
        text = self._write_code(b.Code(inline.text)) if inline.text else ""
        return f"{text}#{_str(' ')}{self.note(inline.note)}"


def _date(made: "datetime | None") -> str:
    """Return a time as a typst expression, in UTC as in the properties of a PDF."""
    if made is None:
        return "none"
    made = made.astimezone(UTC)
    fields = ("year", "month", "day", "hour", "minute", "second")
    return f"datetime({', '.join(f'{name}: {getattr(made, name)}' for name in fields)})"


def _or_none(text: str) -> str:
    """Return a text as a typst string literal, or `none` if it is empty."""
    return _str(text) if text else "none"


def _tone(tone: str) -> str:
    """Return the name of a tone as a typst string literal."""
    return string(tone if tone in b.SIGNS else "plain")
