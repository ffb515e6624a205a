"""The document as an Org file, in which text stays text: what would be markup is kept apart by zero-width spaces."""

import re
from pathlib import Path

from orglab.experiment.escape import ESCAPE
from orglab.report import blocks as b
from orglab.report.characters import printable, unwrapped
from orglab.report.charts import LIGHT, chart_table, draw_chart
from orglab.report.formats.attachments import Beside
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.pictures import read_picture
from orglab.report.formats.writer import SIGNS, Writer, anchors_of

_Z = ESCAPE
# Org reads more than Emacs shows: each of these would begin an object, and no longer does with what is put in.
# Emacs takes the space for a blank and our own parser does not, so emphasis is kept from both sides.
_EMPHASIS = re.compile(r"(?:(?<=[\s\-('\"{])|^)([*/_+=~])(?=\S)")
_OPENINGS = re.compile(
    r"\[(?=\[|fn:|cite|\d+[%/]|[%/])|<(?=[<\d%A-Za-z])|@(?=@)|\{(?=\{\{)|\\(?=[A-Za-z(\[\\_])|[_^](?=\{)|\](?=\])"
    r"|(?<![A-Za-z])(?:src|call)(?=_)"
    r"|\b(?:attachment|bbdb|bibtex|coderef|custom-id|docview|doi|elisp|file\+emacs|file\+sys|file|ftp|fuzzy|gnus|help|id"
    r"|info|irc|man|mhe|news|radio|rmail|shell|w3m|eww)(?=:)",
    re.I,
)
_LINE = re.compile(
    r"(?:\*+(?=\s)|#|:|\||[-+](?=\s|$)|-{5}|\d+[.)](?=\s|$)|\+-|%%\(|\[fn:|CLOCK:|(?:SCHEDULED|DEADLINE|CLOSED):)", re.I
)
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")
_COMMA = re.compile(r"^([ \t]*)(,*(?:\*|#\+))", re.M)
_ENVIRONMENT = re.compile(r"\\begin\{([A-Za-z0-9*]+)\}.*\\end\{\1\}\Z", re.S)
_BOXES = {"open": "[ ] ", "partial": "[-] ", "done": "[X] "}


def to_org(document: b.Document, beside: Beside | None = None) -> str:
    """Return the document as Org; the same document makes the same text.

    Args:
        document: What is written.
        beside: Where pictures and charts are kept for later; without it a chart is its table, a picture its name.
    """
    return _OrgWriter(document, beside).page()


def _text(text: str) -> str:
    """Return a text in which Org finds no object."""
    text = " ".join(printable(text).split("\n"))
    if _NUMBER.fullmatch(text):
        return text
    text = _OPENINGS.sub(rf"\g<0>{_Z}", _EMPHASIS.sub(rf"{_Z}\1{_Z}", text))
    text = text.replace("$", "\\dollar{}").replace("|", "\\vert{}")
    # Behind these an entity would be read as raised or lowered text.
    return re.sub(r"([_^])(?=\\(?:dollar|vert)\{\})", rf"\1{_Z}", text)


def _guarded(lines: str) -> str:
    """Return the lines of a paragraph so that none begins an element."""
    kept = []
    for line in lines.split("\n"):
        words = line.strip(" \t")
        kept.append(_Z + words if _LINE.match(words) else words)
    return "\n".join(kept)


def _indented(text: str, width: int) -> str:
    """Return lines that are indented, but for the first and for empty ones."""
    return re.sub(r"\n(?!\n|\Z)", "\n" + " " * width, text)


class _OrgWriter(Writer):
    """Writes Org."""

    def __init__(self, document: b.Document, beside: Beside | None) -> None:
        super().__init__(document)
        self.beside = beside
        self._charts = 0
        headings = (block for block in document.blocks if isinstance(block, b.Heading))
        self._headings = frozenset(anchors_of(headings))

    def page(self) -> str:
        """Return the whole text."""
        document = self.document
        named = (("TITLE", document.title), ("SUBTITLE", document.subtitle), ("AUTHOR", document.author),
                 ("DATE", document.date), ("LANGUAGE", document.language))  # fmt: skip
        lines = [f"#+{name}: {_text(value)}" for name, value in named if value]
        # With a brace only is a subscript one: names of metrics are full of underscores.
        parts = ["\n".join([*lines, "#+OPTIONS: ^:{} toc:nil num:nil"]), self.joined(document.blocks)]
        notes: list[str] = []
        while len(notes) < len(self.footnotes):
            label = list(self.footnotes)[len(notes)]
            notes.append("")
            notes[-1] = f"[fn:{self._numbers[label]}] {self.joined(self.footnotes[label]) or '…'}"
        if notes:
            parts += ["* Notes", *notes]
        if document.evidence is not None:
            parts.append("\n".join(f"# {line}" for line in pack(document.evidence).split("\n")))
        return "\n\n".join(part for part in parts if part) + "\n"

    def joined(self, blocks: b.Blocks) -> str:
        """Return blocks with an empty line between them, and two between two lists, which would be one."""
        parts: list[str] = []
        before: b.Block | None = None
        for block in blocks:
            piece = self._block[type(block)](block)
            if piece:
                apart = "\n\n\n" if isinstance(block, b.List) and isinstance(before, b.List) else "\n\n"
                parts += [apart, piece] if parts else [piece]
                before = block
        return "".join(parts)

    def inlines(self, content: b.Inlines) -> str:
        """Return inlines; marks that touch a letter are kept apart from it, for they would be none."""
        parts: list[str] = []
        for inline in content:
            piece = self._inline[type(inline)](inline)
            if not piece:
                continue
            if (parts and isinstance(inline, _MARKED) and parts[-1][-1] not in " \t\n-('\"{" + _Z) or (
                parts and piece[0] not in " \t\n-.,;:!?')}\\[\"" + _Z and parts[-1][-1] in "*/_+=~"
            ):
                parts.append(_Z)
            parts.append(piece)
        return "".join(parts)

    def line(self, content: b.Inlines) -> str:
        """Return inlines on one line, as in a heading or a cell."""
        return " ".join(self.inlines(content).replace("\\\\\n", " ").split("\n")).strip(" \t")

    # ---- blocks ----

    def heading(self, block: b.Heading) -> str:
        """Write a heading, with its anchor as its CUSTOM_ID."""
        title = re.sub(r":(?=[\w@#%:]+:$)", f":{_Z}", self.line(block.content))
        head = f"{'*' * block.level} {title}"
        if not block.anchor:
            return head
        return f"{head}\n:PROPERTIES:\n:CUSTOM_ID: {b.anchor_of(block.anchor)}\n:END:"

    def paragraph(self, block: b.Paragraph) -> str:
        """Write a paragraph on one line, but for breaks of the user's own."""
        target = f"<<{b.anchor_of(block.anchor)}>> " if block.anchor else ""
        return target + _guarded(self.inlines(block.content))

    def item_list(self, block: b.List) -> str:
        """Write a list."""
        lines: list[str] = []
        is_loose = any(not isinstance(inside, b.List) for item in block.items for inside in item.content[1:])
        number = 0
        for item in block.items:
            bullet, jumps = "- ", False
            if block.kind == "numbers":
                jumps = item.number is not None and item.number != number + 1
                number = item.number if item.number is not None else number + 1
                bullet = f"{number}. "
            head = f"[@{number}] " if jumps else ""
            head += _BOXES[item.checkbox] if item.checkbox else ""
            head += f"{self.line(item.term)} :: " if item.term else ""
            head += f"<<{b.anchor_of(item.anchor)}>> " if item.anchor else ""
            body = self.joined(item.content)
            if not is_loose:
                body = body.replace("\n\n", "\n")
            if not head and re.match(r"\[[ Xx@-]", body):
                body = _Z + body
            lines.append(f"{bullet}{head}{_indented(body, len(bullet))}".rstrip())
        return ("\n\n" if is_loose else "\n").join(lines)

    def table(self, block: b.Table) -> str:
        """Write a table, its columns aligned by a row of cookies."""
        width = block.width
        if not width:
            return ""
        lines = [f"#+CAPTION: {self.line(block.caption)}"] if block.caption else []
        rule = f"|{'+'.join(['---'] * width)}|"
        if block.header:
            lines += [self.row(block.header, width), rule]
        cookies = {"left": "<l>", "right": "<r>", "center": "<c>"}
        align = [cookies.get(kind, "<l>") for kind in block.alignment[:width]]
        lines.append(f"| {' | '.join(align + ['<l>'] * (width - len(align)))} |")
        rules = set(block.rules)
        for index, row in enumerate(block.rows):
            if index in rules:
                lines.append(rule)
            lines.append(self.row(row, width))
        return "\n".join(lines)

    def row(self, row: tuple[b.Inlines, ...], width: int) -> str:
        """Write the cells of a row."""
        cells = [self.line(cell) for cell in row] + [""] * (width - len(row))
        if re.fullmatch(r"[/#*!^_$]", cells[0]):
            # In the first column these are marks for Org.
            cells[0] = _Z + cells[0]
        return f"| {' | '.join(cells)} |"

    def code_block(self, block: b.CodeBlock) -> str:
        """Write lines of code; what would end them, or begin a heading, has a comma before it."""
        language = re.sub(r"[^\w+#.-]", "", block.language)
        kind = "SRC" if language else "EXAMPLE"
        caption = f"#+CAPTION: {self.line(block.caption)}\n" if block.caption else ""
        text = _COMMA.sub(r"\1,\2", printable(block.text))
        return f"{caption}#+BEGIN_{kind}{f' {language}' if language else ''}\n{text}\n#+END_{kind}"

    def math_block(self, block: b.MathBlock) -> str:
        """Write a formula, as it was read."""
        tex = re.sub(r"\n\s*\n", "\n", printable(block.tex).strip())
        found = _ENVIRONMENT.match(tex)
        if found and tex.count("\\end{" + found.group(1)) == 1:
            return tex
        if "\\]" in tex or not tex:
            return self.code_block(b.CodeBlock(block.tex, "latex"))
        return f"\\[{' '.join(tex.split(chr(10)))}\\]"

    def note(self, why: str) -> str:
        """Write why something is not shown as it was meant."""
        return f"/[{_text(why)}]/"

    def quote(self, block: b.Quote) -> str:
        """Write someone else's words."""
        return f"#+BEGIN_QUOTE\n{self.joined(block.content)}\n#+END_QUOTE"

    def verse(self, block: b.Verse) -> str:
        """Write lines that stay lines."""
        lines = []
        for line in map(self.inlines, block.lines):
            words = " ".join(line.split("\n"))
            indent = len(words) - len(words.lstrip(" "))
            lines.append(" " * indent + _guarded(words))
        return "#+BEGIN_VERSE\n" + "\n".join(lines) + "\n#+END_VERSE"

    def centered(self, block: b.Centered) -> str:
        """Write what stands in the middle."""
        return f"#+BEGIN_CENTER\n{self.joined(block.content)}\n#+END_CENTER"

    def image(self, block: b.Image) -> str:
        """Write a picture."""
        picture = self.picture(block.path)
        if not picture.startswith("[[file:"):
            return picture
        caption = f"#+CAPTION: {self.line(block.caption)}\n" if block.caption else ""
        alt = " ".join(printable(block.alt).replace('"', "'").split())
        return f'{caption}#+ATTR_HTML: :alt "{alt}"\n{picture}'

    def picture(self, path: Path) -> str:
        """Write a link to a picture that is kept beside, or its name."""
        picture = read_picture(path)
        if isinstance(picture, str):
            return f"{self.code(b.Code(path.name))} {self.note(picture)}"
        if self.beside is None:
            return self.code(b.Code(path.name))
        return f"[[file:{self.beside.add(path.stem, picture.suffix, picture.content, is_url=False)}]]"

    def chart(self, block: b.Chart) -> str:
        """Write a chart as a picture beside, and its numbers."""
        self._charts += 1
        name = f"chart-{self._charts}"
        caption = f"{_text(block.title)}{': ' if block.caption else ''}{self.line(block.caption)}"
        parts = []
        if self.beside is not None:
            svg = draw_chart(block, LIGHT, name).encode()
            link = self.beside.add(name, "svg", svg, is_url=False)
            parts.append(f"#+CAPTION: {caption}\n[[file:{link}]]")
        table = self.table(chart_table(block))
        parts.append(table if parts else f"#+CAPTION: {caption}\n{table}")
        return "\n\n".join(parts)

    def rule(self, block: b.Rule) -> str:  # noqa: ARG002 - one is as any other
        """Write a line across."""
        return "-----"

    def raw(self, block: b.Raw) -> str:
        """Write lines as they are, and why."""
        return f"{self.code_block(b.CodeBlock(block.text))}\n\n{self.note(block.note)}"

    def details(self, block: b.Details) -> str:
        """Write blocks under their summary."""
        return f"{_guarded(self.line(block.summary))}\n\n{self.joined(block.content)}"

    def figures(self, block: b.Figures) -> str:
        """Write a few numbers as a list."""
        return "\n".join(f"- {_text(item.value)} {_text(item.label)}" for item in block.items)

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
        return self.wrapped(inline.content, "/")

    def strong(self, inline: b.Strong) -> str:
        """Write text of weight."""
        return self.wrapped(inline.content, "*")

    def underline(self, inline: b.Underline) -> str:
        """Write underlined text."""
        return self.wrapped(inline.content, "_")

    def strike(self, inline: b.Strike) -> str:
        """Write text that was struck out."""
        return self.wrapped(inline.content, "+")

    def superscript(self, inline: b.Superscript) -> str:
        """Write raised text."""
        return f"^{{{self.script(inline.content)}}}"

    def subscript(self, inline: b.Subscript) -> str:
        """Write lowered text."""
        return f"_{{{self.script(inline.content)}}}"

    def script(self, content: b.Inlines) -> str:
        """Return the inside of braces, without any."""
        return _text(b.plain(content).replace("{", "(").replace("}", ")"))

    def code(self, inline: b.Code) -> str:
        """Write a word of code; one that no marks can hold is text."""
        text = printable(unwrapped(inline.text))
        mark = next((mark for mark in "=~" if mark not in text), "")
        if not text.strip() or text != text.strip() or not mark or "|" in text:
            return _text(text)
        return f"{mark}{text}{mark}"

    def math(self, inline: b.Math) -> str:
        """Write a formula within the line."""
        tex = " ".join(printable(inline.tex).split())
        if not tex or "\\)" in tex or "|" in tex:
            return self.code(b.Code(inline.tex))
        return f"\\({tex}\\)"

    def link(self, inline: b.Link) -> str:
        """Write a link."""
        return self.linked(self.target(inline), self.line(inline.content), inline.url)

    def reference(self, inline: b.Reference) -> str:
        """Write where a statement comes from."""
        return self.linked(self.target(inline), _text(inline.text), "")

    def linked(self, target: str, content: str, url: str) -> str:
        """Write a link with a description; into the document by CUSTOM_ID or by target."""
        if not target:
            return content or _text(url)
        if target.startswith("#") and target[1:] not in self._headings:
            target = target[1:]
        target = target.replace("[", "%5B").replace("]", "%5D")
        # A description holds no links, and ends at two brackets.
        content = content.replace("[[", "[").replace("]]", f"]{_Z}]")
        if content.endswith("]"):
            content += _Z
        return f"[[{target}][{content}]]" if content else f"[[{target}]]"

    def footnote_mark(self, inline: b.FootnoteMark) -> str:
        """Write the mark of a footnote."""
        return f"[fn:{self.number_of(inline)}]"

    def line_break(self, inline: b.LineBreak) -> str:  # noqa: ARG002 - one is as any other
        """Write the end of a line."""
        return "\\\\\n"

    def inline_image(self, inline: b.InlineImage) -> str:
        """Write a picture within the line."""
        return self.picture(inline.path)

    def badge(self, inline: b.Badge) -> str:
        """Write a word that stands out."""
        sign = SIGNS.get(inline.tone, "")
        return f"*{f'{sign} ' if sign else ''}{_text(inline.text)}*"

    def raw_text(self, inline: b.RawText) -> str:
        """Write text as it is, and why."""
        text = self.code(b.Code(inline.text)) if inline.text else ""
        return f"{text} {self.note(inline.note)}"


_MARKED = (b.Emphasis, b.Strong, b.Underline, b.Strike, b.Code, b.Badge)
