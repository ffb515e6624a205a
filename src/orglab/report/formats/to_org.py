"""The Org writer; zero-width spaces keep plain text from being read as markup."""

import re
from typing import ClassVar

from orglab.experiment.escape import ESCAPE
from orglab.report import blocks as b
from orglab.report.characters import printable, unwrapped
from orglab.report.charts import chart_table
from orglab.report.formats.assets import Assets
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.pictures import Picture
from orglab.report.formats.writer import TextWriter, find_anchors

_Z = ESCAPE
_MARKERS = "*/_+=~"
# The beginning of emphasis, and text that has an end of it too. Emacs treats a zero-width space as whitespace and our
# parser does not, so a marker that is escaped gets one on both sides.
_EMPHASIS = {mark: re.compile(rf"(?:(?<=[\s\-('\"{{\[{_Z}])|^)\{mark}+(?=\S)", re.M) for mark in _MARKERS}
_EMPHASIZED = {
    mark: re.compile(rf"{begin.pattern}.*?[^\s{_Z}]\{mark}(?=[\s\-.,;:!?'\")}}\]\\\[{_Z}]|$)", re.M | re.S)
    for mark, begin in _EMPHASIS.items()
}
# Each of these would begin an object, unless a zero-width space follows.
_OPENINGS = re.compile(
    r"\[(?=\[|fn:|cite|\d*(?:%|/\d*)\])|<(?=<|%%|\d{4}-\d|[A-Za-z])|@(?=@)|\{(?=\{\{)|\\(?=[A-Za-z(\[\\_])|[_^](?=\{)|\](?=\])"
    r"|(?<![A-Za-z])(?:src|call)(?=_)"
    r"|\b(?:attachment|bbdb|bibtex|coderef|custom-id|docview|doi|elisp|file\+emacs|file\+sys|file|ftp|fuzzy|gnus|help|id"
    r"|info|irc|man|mhe|news|radio|rmail|shell|w3m|eww)(?=:(?:\S|$))",
    re.I,
)
# Text without any of these needs no escape.
_SPECIAL = re.compile(r"[*/_+=~\[\]<@{\\^:$|]")
_LINE = re.compile(
    r"(?:\*+(?=\s)|#|:|\||[-+](?=\s|$)|-{5}|\d+[.)](?=\s|$)|\+-|%%\(|\[fn:|CLOCK:|(?:SCHEDULED|DEADLINE|CLOSED):)", re.I
)
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")
_COMMA = re.compile(r"^([ \t]*)(,*(?:\*|#\+))", re.M)
_ENVIRONMENT = re.compile(r"\\begin\{([A-Za-z0-9*]+)\}.*\\end\{\1\}\Z", re.S)
_DRAWER_END = re.compile(r"^[ \t]*:END:[ \t]*$", re.M | re.I)
_BOXES = {"open": "[ ] ", "partial": "[-] ", "done": "[X] "}


def to_org(document: b.Document, assets: Assets | None = None) -> str:
    """Return a document as Org text; the output is deterministic.

    Args:
        document: The document.
        assets: Collects pictures and charts; without it charts become tables and pictures their file names.
    """
    return OrgWriter(document, assets).page()


def _text(text: str, markers: str = _MARKERS) -> str:
    """Return a text escaped so that Org finds no object in it, and no emphasis by these markers."""
    text = " ".join(printable(text).split("\n"))
    if _NUMBER.fullmatch(text):
        return text
    if not _SPECIAL.search(text):
        return text
    for mark in markers:
        if mark in text:
            text = _EMPHASIS[mark].sub(lambda match: f"{_Z}{_Z.join(match[0])}{_Z}", text)
    text = _OPENINGS.sub(rf"\g<0>{_Z}", text)
    text = text.replace("$", "\\dollar{}").replace("|", "\\vert{}")
    # After `_` or `^`, an entity would be read as the script, or as its end.
    return re.sub(r"([_^])(?=[+-]?[\w.,]*\\(?:dollar|vert)\{\})", rf"\1{_Z}", text)


def _guarded(lines: str) -> str:
    """Return the lines of a paragraph, escaped so that none begins another element."""
    escaped = []
    for line in lines.split("\n"):
        words = line.strip(" \t")
        escaped.append(_Z + words if _LINE.match(words) else words)
    return "\n".join(escaped)


class OrgWriter(TextWriter):
    """A writer of Org text."""

    marks: ClassVar = {
        b.Emphasis: ("/", "/"),
        b.Strong: ("*", "*"),
        b.Underline: ("_", "_"),
        b.Small: ("", ""),
        b.Isolated: ("\u2068", "\u2069"),
        b.Strike: ("+", "+"),
    }
    fixed: ClassVar = {b.Rule: "-----", b.LineBreak: "\\\\\n"}

    def __init__(self, document: b.Document, assets: Assets | None) -> None:
        """Prepare to write `document` once."""
        super().__init__(document, assets)
        headings = (block for block in document.blocks if isinstance(block, b.Heading))
        self._headings = frozenset(find_anchors(headings))
        self._markers: str | None = None

    def page(self) -> str:
        """Return the complete text."""
        document = self.document
        author = " · ".join(part for part in (document.author, document.source) if part)
        keywords = (("TITLE", document.title), ("SUBTITLE", document.subtitle), ("AUTHOR", author),
                 ("DATE", document.date), ("LANGUAGE", document.language))  # fmt: skip
        lines = [f"#+{name}: {self.inlines((b.Text(value),))}" for name, value in keywords if value]
        # Subscripts only in braces, since names of metrics are full of underscores. With the default for the beginning,
        # Emacs would fold neither drawers nor headings that ask for it.
        lines += ["#+OPTIONS: ^:{} toc:nil num:nil", "#+STARTUP: showall"]
        parts = ["\n".join(lines), self.joined(document.blocks)]
        if notes := [f"[fn:{number}] {text or '…'}" for number, text in self.endnotes(self.joined)]:
            parts += ["* Notes", *notes]
        if document.evidence is not None:
            parts.append("\n".join(f"# {line}" for line in pack(document.evidence).split("\n")))
        return "\n\n".join(part for part in parts if part) + "\n"

    def joined(self, blocks: b.Blocks) -> str:
        """Return blocks separated by an empty line, and by two between lists, which would otherwise be merged."""
        parts: list[str] = []
        before: b.Block | None = None
        for block in blocks:
            piece = self._write[type(block)](block)
            if piece:
                apart = "\n\n\n" if isinstance(block, b.List) and isinstance(before, b.List) else "\n\n"
                parts += [apart, piece] if parts else [piece]
                before = block
        return "".join(parts)

    def inlines(self, content: b.Inlines) -> str:
        """Return the text of inlines; a marker in the text is escaped only if there could be emphasis with it."""
        if self._markers is not None:
            return self.adjacent(content)
        self._markers = ""
        text = self.adjacent(content)
        self._markers = "".join(mark for mark in _MARKERS if text.count(mark) > 1 and _EMPHASIZED[mark].search(text))
        if self._markers:
            text = self.adjacent(content)
        self._markers = None
        return text

    def adjacent(self, content: b.Inlines) -> str:
        """Return the text of inlines; a zero-width space separates markers from adjacent letters, so that they work."""
        parts: list[str] = []
        follows_mark = False
        for inline in content:
            piece = self._write[type(inline)](inline)
            if not piece:
                continue
            if (parts and isinstance(inline, _MARKED) and parts[-1][-1] not in " \t\n-('\"{" + _Z) or (
                follows_mark and piece[0] not in " \t\n-.,;:!?')}\\[\"" + _Z
            ):
                parts.append(_Z)
            parts.append(piece)
            follows_mark = not isinstance(inline, b.Text) and piece[-1] in _MARKERS
        return "".join(parts)

    # ---- blocks ----

    def _write_heading(self, block: b.Heading) -> str:
        """Write a heading, with its anchor as CUSTOM_ID."""
        title = re.sub(r":(?=[\w@#%:]+:$)", f":{_Z}", self.line(block.content))
        head = f"{'*' * block.level} {title}"
        if not block.anchor:
            return head
        return f"{head}\n:PROPERTIES:\n:CUSTOM_ID: {b.make_anchor(block.anchor)}\n:END:"

    def _write_paragraph(self, block: b.Paragraph) -> str:
        """Write a paragraph on one line, except for the user's line breaks."""
        target = f"<<{b.make_anchor(block.anchor)}>> " if block.anchor else ""
        return target + _guarded(self.inlines(block.content))

    def _write_list(self, block: b.List) -> str:
        if block.kind == "plain" and not any(item.checkbox or item.anchor for item in block.items):
            return self.plain_list(block)
        lines: list[str] = []
        number, is_loose = 0, block.is_loose
        for item in block.items:
            bullet, jumps = "- ", False
            if block.kind == "numbers":
                jumps = item.number is not None and item.number != number + 1
                number = item.number if item.number is not None else number + 1
                bullet = f"{number}. "
            head = f"[@{number}] " if jumps else ""
            head += _BOXES[item.checkbox] if item.checkbox else ""
            head += f"{self.line(item.term)} :: " if item.term else ""
            head += f"<<{b.make_anchor(item.anchor)}>> " if item.anchor else ""
            body = self.joined(item.content)
            if not is_loose:
                body = body.replace("\n\n", "\n")
            if not head and re.match(r"\[[ Xx@-]", body):
                body = _Z + body
            width = len(bullet)
            if item.content and not isinstance(item.content[0], b.Paragraph | b.Image):
                # Org reads a block or a list only at the beginning of a line.
                bullet, body = bullet if head else bullet.rstrip(), f"\n{body}"
            lines.append(f"{bullet}{head}{self.indented(body, width)}".rstrip())
        return ("\n\n" if is_loose else "\n").join(lines)

    def _write_table(self, block: b.Table) -> str:
        """Write a table, with a row of alignment cookies."""
        width = block.width
        if not width:
            return ""
        header, *rows = block.cells
        lines = [f"#+CAPTION: {self.line(block.caption)}"] if block.caption else []
        rule = f"|{'+'.join(['---'] * width)}|"
        if block.header:
            lines += [self.row(header), rule]
        cookies = {"left": "<l>", "right": "<r>", "center": "<c>"}
        lines.append(f"| {' | '.join(cookies[kind] for kind in block.columns)} |")
        rules = set(block.rules)
        for index, row in enumerate(rows):
            if index in rules:
                lines.append(rule)
            lines.append(self.row(row))
        return "\n".join(lines)

    def row(self, row: tuple[b.Inlines, ...]) -> str:
        """Write the cells of a row."""
        cells = [self.line(cell) for cell in row]
        if re.fullmatch(r"[/#*!^_$]", cells[0]):
            # In the first column Org treats these as marking characters.
            cells[0] = _Z + cells[0]
        return f"| {' | '.join(cells)} |"

    def _write_code_block(self, block: b.CodeBlock) -> str:
        """Write a source block, with a comma before lines that would end it or begin a heading."""
        language = re.sub(r"[^\w+#.-]", "", block.language)
        kind = "SRC" if language else "EXAMPLE"
        caption = f"#+CAPTION: {self.line(block.caption)}\n" if block.caption else ""
        text = _COMMA.sub(r"\1,\2", printable(block.text))
        return f"{caption}#+BEGIN_{kind}{f' {language}' if language else ''}\n{text}\n#+END_{kind}"

    def _write_math_block(self, block: b.MathBlock) -> str:
        """Write a display formula."""
        tex = re.sub(r"\n\s*\n", "\n", printable(block.tex).strip())
        match = _ENVIRONMENT.match(tex)
        if match and tex.count("\\end{" + match.group(1)) == 1:
            return tex
        if "\\]" in tex or not tex:
            return self._write_code_block(b.CodeBlock(block.tex, "latex"))
        return f"\\[{' '.join(tex.split(chr(10)))}\\]"

    def note(self, why: str) -> str:
        """Write a note on why something is not shown as intended."""
        return f"/[{_text(why)}]/"

    def _write_quote(self, block: b.Quote) -> str:
        return f"#+BEGIN_QUOTE\n{self.joined(block.content)}\n#+END_QUOTE"

    def _write_verse(self, block: b.Verse) -> str:
        lines = []
        for line in map(self.inlines, block.lines):
            words = " ".join(line.split("\n"))
            indent = len(words) - len(words.lstrip(" "))
            lines.append(" " * indent + _guarded(words))
        return "#+BEGIN_VERSE\n" + "\n".join(lines) + "\n#+END_VERSE"

    def _write_centered(self, block: b.Centered) -> str:
        return f"#+BEGIN_CENTER\n{self.joined(block.content)}\n#+END_CENTER"

    def _write_image(self, block: b.Image) -> str:
        picture = self.picture(block.path, block.alt)
        if not picture.startswith("[[file:"):
            return picture
        caption = f"#+CAPTION: {self.line(block.caption)}\n" if block.caption else ""
        alt = " ".join(printable(block.alt).replace('"', "'").split())
        return f'{caption}#+ATTR_HTML: :alt "{alt}"\n{picture}'

    def embedded(self, assets: Assets, stem: str, picture: Picture, _alt: str) -> str:
        """Add a picture to the assets and write a link that shows it."""
        return f"[[file:{assets.add(stem, picture.suffix, picture.content, is_url=False)}]]"

    def _write_chart(self, block: b.Chart) -> str:
        """Write a chart as a picture, with its data folded below; without a picture only the data."""
        caption = self.line((b.Text(block.title), *((b.Text(": "), *block.caption) if block.caption else ())))
        drawn, table = self.drawn(block), self._write_table(chart_table(block))
        return f"#+CAPTION: {caption}\n" + (f"{drawn}\n\n{self.folded('DATA', table)}" if drawn else table)

    def _write_details(self, block: b.Details) -> str:
        """Write blocks that Emacs shows folded: below a heading if there are headings inside, else in a drawer."""
        summary, content = self.line(block.summary), self.joined(block.content)
        if block.level:
            return f"{'*' * block.level} {summary}\n:PROPERTIES:\n:VISIBILITY: folded\n:END:\n\n{content}"
        return f"{_guarded(summary)}\n\n{self.folded('DETAILS', content)}"

    def folded(self, name: str, content: str) -> str:
        """Return a drawer; content that would end it early stays outside."""
        return content if _DRAWER_END.search(content) else f":{name}:\n{content}\n:END:"

    # ---- inlines ----

    def _write_text(self, inline: b.Text) -> str:
        return self.text(inline.text)

    def text(self, text: str) -> str:
        """Return a text escaped for where it stands."""
        return _text(text, _MARKERS if self._markers is None else self._markers)

    def _write_superscript(self, inline: b.Superscript) -> str:
        return f"^{{{self.script(inline.content)}}}"

    def _write_subscript(self, inline: b.Subscript) -> str:
        return f"_{{{self.script(inline.content)}}}"

    def script(self, content: b.Inlines) -> str:
        """Return the text inside the braces of a script, with parentheses instead of braces."""
        return _text(b.plain(content).replace("{", "(").replace("}", ")"))

    def _write_code(self, inline: b.Code) -> str:
        """Write inline code; text that cannot be marked up is written as plain text."""
        text = printable(unwrapped(inline.text))
        mark = next((mark for mark in "=~" if mark not in text), "")
        if not text.strip() or text != text.strip() or not mark or "|" in text:
            return self.text(text)
        return f"{mark}{text}{mark}"

    def _write_math(self, inline: b.Math) -> str:
        tex = " ".join(printable(inline.tex).split())
        if not tex or "\\)" in tex or "|" in tex:
            return self._write_code(b.Code(inline.tex))
        return f"\\({tex}\\)"

    def _write_link(self, inline: b.Link) -> str:
        return self.linked(self.target(inline), self.line(inline.content), inline.url)

    def _write_reference(self, inline: b.Reference) -> str:
        return self.linked(self.target(inline), _text(inline.text), "")

    def linked(self, target: str, content: str, url: str) -> str:
        """Write a link with a description; within the document it goes to a CUSTOM_ID or a target."""
        if not target:
            return content or _text(url)
        if target.startswith("#") and target[1:] not in self._headings:
            target = target[1:]
        target = target.replace("[", "%5B").replace("]", "%5D")
        # A description must not contain links or two closing brackets.
        content = content.replace("[[", "[").replace("]]", f"]{_Z}]")
        if content.endswith("]"):
            content += _Z
        return f"[[{target}][{content}]]" if content else f"[[{target}]]"

    def _write_footnote_mark(self, inline: b.FootnoteMark) -> str:
        return f"[fn:{self.number_footnote(inline)}]"

    def _write_badge(self, inline: b.Badge) -> str:
        sign = b.SIGNS.get(inline.tone, "")
        if inline.is_sign and sign:
            return sign
        return f"*{f'{sign} ' if sign else ''}{_text(inline.text)}*"


_MARKED = (b.Emphasis, b.Strong, b.Underline, b.Strike, b.Code, b.Badge)
