"""Write the blocks of a Markdown file as Org for the log."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from wcwidth import wcswidth

from orglab.experiment.escape import ESCAPE
from orglab.report import blocks as b
from orglab.report.characters import printable, unwrapped
from orglab.report.formats.to_org import OrgWriter
from orglab.report.formats.writer import safe_url
from orglab.report.markdown.markdown_sections import COMMENT, Problem

_STAMP = re.compile(r"\[(?=\d{4}-\d{2}-\d{2})")
_COMMA = re.compile(r"^([ \t]*)(,*(?:\*|#\+))", re.M)
_AT_MARGIN = re.compile(r"^(?=<<<<<<< |>>>>>>> |=======|\|\|\|\|\|\|\|)", re.M)
_VARIABLES = re.compile(r"(?i)(Local )(?=Variables:)")
_END_INSIDE = r"\S{}(?=[\s\-.,;:!?'\")}}\]\\\[])"
_ORG = re.compile(r"^[ \t]*(?:\*|#\+)", re.M)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)
# What Org takes for a number in a table (org-table-number-regexp)
_FIGURE = re.compile(
    r"[<>]?[-+^.0-9]*[0-9][-+^.0-9eEdDx()%:]*|[<>]?[-+]?0[xX][0-9a-fA-F.]+|[<>]?[-+]?[0-9]+#[0-9a-zA-Z.]+"
    r"|nan|[-+u]?inf", re.ASCII
)  # fmt: skip
# What a reader of Org would take for a superscript or a subscript; `val_loss` is a name.
_SCRIPT = re.compile(r"(?<=\S)\^(?=[^\s^])|(?<=\S)_(?=\{)|(?<![^\W_]{2})(?<=[^\W\d_])_(?=[^\W_])")
_LINK = re.compile(r"(?<![=~])\[\[([^\]\n]*)\](?:\[(.*?)\])?\]")


class EntryWriter(OrgWriter):
    """Writes blocks as Org; what it cannot write as it was meant is a problem.

    Attributes:
        problems: What it could not write as it was meant; the line is that of the entry.
        indent: The blanks before the lines of a drawer, as in the entries that the log has.
        number: The number of the line of the entry that is written, from 1.
    """

    def __init__(
        self, footnotes: Mapping[str, b.Blocks], prefix: str, folder: str, anchors: Mapping[str, str],
        keywords: Callable[[str], bool],
    ) -> None:  # fmt: skip
        """Prepare to write the entries of one file.

        Args:
            footnotes: The definitions of the footnotes, by label.
            prefix: What the labels of footnotes begin with, so that they are unique in the log.
            folder: The folder of the file, relative to that of the log.
            anchors: Where links to headings of the file lead, by anchor.
            keywords: Returns whether a word is a TODO keyword of the log.
        """
        super().__init__(b.Document("", ()), None)
        self.problems: list[Problem] = []
        self.indent = "  "
        self.number = 1
        self._definitions = footnotes
        self._labels: dict[str, str] = {}
        self._defined: set[str] = set()
        self._prefix = prefix
        self._folder = folder
        self._anchors = anchors
        self._is_keyword = keywords
        self._in_table = False
        self._has_dollars = False
        self._lists = 0
        self._quotes = 0
        self._open: list[type] = []

    def _report(self, text: str) -> None:
        self.problems.append(Problem(self.number, text))

    def take_footnotes(self) -> str:
        """Return the definitions of the footnotes that were referred to and not defined yet."""
        parts = []
        while missing := [label for label in self._labels if label not in self._defined]:
            for label in missing:
                self._defined.add(label)
                parts.append(f"[fn:{self._labels[label]}] {self.joined(self._definitions.get(label, ())) or '…'}")
        return "\n\n".join(parts)

    # ---- blocks ----

    def joined(self, blocks: b.Blocks) -> str:
        """Return blocks separated by an empty line, and by a comment between lists, which would otherwise be merged."""
        parts: list[str] = []
        before: b.Block | None = None
        for block in blocks:
            if piece := self._write[type(block)](block):
                if parts:
                    parts.append("\n\n#\n\n" if isinstance(block, b.List) and isinstance(before, b.List) else "\n\n")
                parts.append(piece)
                before = block
        return "".join(parts)

    def write_title(self, content: b.Inlines) -> str:
        """Return a title on one line, which Org reads as nothing but a title."""
        title = re.sub(r":(?=[\w@#%:]+:$)", f":{ESCAPE}", self.line(content))
        first = title.partition(" ")[0]
        if self._is_keyword(first) or first == "COMMENT" or re.match(r"\[#.\]", title):
            title = ESCAPE + title
        return title or "…"

    def line(self, content: b.Inlines) -> str:
        """Return inlines on one line without blanks at its ends or several in a row."""
        return re.sub(r"[ \t]{2,}", " ", super().line(content)).strip()

    def _write_heading(self, block: b.Heading) -> str:
        return f"{'*' * block.level} {self.write_title(block.content)}"

    def write_steps(self, items: tuple[b.ListItem, ...]) -> str:
        """Return the steps of an experiment as a numbered list."""
        return self._write_list(b.List(items, "numbers"))

    def _write_list(self, block: b.List) -> str:
        self._lists += 1
        text = super()._write_list(block)
        self._lists -= 1
        return text

    def _write_quote(self, block: b.Quote) -> str:
        # A block ends at the first end of its name, so one inside has another.
        self._quotes += 1
        name = "quote" if self._quotes == 1 else f"quote{self._quotes}"
        text = f"#+begin_{name}\n{self.joined(block.content)}\n#+end_{name}"
        self._quotes -= 1
        return text

    def _write_code_block(self, block: b.CodeBlock) -> str:
        """Write a block of code, with a comma before lines that would end it or begin a heading."""
        text = printable(block.text)
        if text != block.text:
            self._report("Code has characters that are not text; they are shown or left out.")
        if _VARIABLES.search(text):
            self._report("Code has a line that sets variables of Emacs; a zero-width space in it prevents that.")
            text = _VARIABLES.sub(rf"\g<1>{ESCAPE}", text)
        kind = f"src {block.language}" if block.language else "example"
        lines = [line for line in text.split("\n") if line.strip()]
        # Org removes the indentation that all lines have in common.
        if not self._lists and lines and all(line[0] in " \t" for line in lines):
            kind += " -i"
        text = _COMMA.sub(r"\1,\2", text)
        if not self._lists and _AT_MARGIN.search(text):
            text = re.sub(r"^(?=.)", "  ", text, flags=re.M)
        return f"#+begin_{kind}\n{text}\n#+end_{kind.partition(' ')[0]}"

    def _write_raw(self, block: b.Raw) -> str:
        if block.note == COMMENT:
            lines = printable(block.text).strip("\n").split("\n")
            return "\n".join(f"# {line.strip()}".rstrip() for line in lines)
        return self._write_code_block(b.CodeBlock(block.text))

    def _write_math_block(self, block: b.MathBlock) -> str:
        if _ORG.search(block.tex) or re.search(r"(?<!\\)%", block.tex):
            return self._write_code_block(b.CodeBlock(block.tex, "latex"))
        return super()._write_math_block(block)

    def _write_table(self, block: b.Table) -> str:
        """Write a table with aligned columns, as Emacs would."""
        self._in_table = True
        rows = [[self.line(cell) for cell in row] for row in block.cells]
        self._in_table = False
        kinds = [*block.alignment, *[""] * block.width][: block.width]
        if any(kinds):
            rows.insert(1, [f"<{kind[0]}>" if kind else "" for kind in kinds])
        for row in rows:
            if re.fullmatch(r"[/#*!^_$]", row[0]):
                row[0] = ESCAPE + row[0]  # a mark in the first column
        widths = [max(1, *(_measure(row[column]) for row in rows)) for column in range(block.width)]
        kinds = [
            kind or ("right" if _is_of_figures(cells) else "left")
            for kind, cells in zip(kinds, zip(*rows, strict=True), strict=True)
        ]
        lines = [f"| {' | '.join(map(_pad, row, widths, kinds))} |" for row in rows]
        lines.insert(1, f"|{'+'.join('-' * (room + 2) for room in widths)}|")
        return "\n".join(lines)

    def _write_image(self, block: b.Image) -> str:
        caption = f"#+caption: {self.line(block.caption)}\n" if block.caption and not self._lists else ""
        return f"{caption}[[file:{self._locate(block.path)}]]"

    # ---- inlines ----

    def inlines(self, content: b.Inlines) -> str:
        """Return the text of inlines; a dollar sign alone begins no formula, and needs no escape."""
        if self._markers is None:
            self._has_dollars = b.plain(content).count("$") > 1
        return super().inlines(content)

    def text(self, text: str) -> str:
        """Return a text escaped for where it stands."""
        text = _VARIABLES.sub(rf"\g<1>{ESCAPE}", _STAMP.sub(f"[{ESCAPE}", super().text(text)))
        text = _SCRIPT.sub(rf"\g<0>{ESCAPE}", text)
        if not self._has_dollars:
            text = text.replace("\\dollar{}", "$")
        return text if self._in_table else text.replace("\\vert{}", "|")

    def _write_marked(self, inline: b.Marked) -> str:
        if type(inline) in self._open:
            return self.inlines(inline.content)
        self._open.append(type(inline))
        text = super()._write_marked(inline)
        self._open.pop()
        return text

    def _write_code(self, inline: b.Code) -> str:
        """Write inline code; what cannot be marked up is written as text."""
        text = " ".join(printable(unwrapped(inline.text)).split("\n"))
        is_plain = not text or text != text.strip() or (self._in_table and "|" in text) or ESCAPE in text
        marks = [
            mark for mark in "=~" if mark not in (text[:1], text[-1:]) and not re.search(_END_INSIDE.format(mark), text)
        ]
        if is_plain or not marks or _VARIABLES.search(text):
            return self.text(text)
        return f"{marks[0]}{text}{marks[0]}"

    def _write_math(self, inline: b.Math) -> str:
        tex = " ".join(printable(inline.tex).split())
        if not tex or "\\)" in tex or "\\]" in tex or (self._in_table and "|" in tex):
            return self.text(f"${inline.tex}$")
        return f"\\[{tex}\\]" if inline.display else f"\\({tex}\\)"

    def _write_link(self, inline: b.Link) -> str:
        content = self.line(inline.content)
        target = self._find_target(inline.url)
        if target is None:
            self._report(f"The link to {inline.url} leads nowhere in Org; it is kept as text.")
            return f"{content} ({self.text(inline.url)})" if content else self.text(inline.url)
        return self.linked(target, content, inline.url)

    def linked(self, target: str, content: str, url: str) -> str:
        """Write a link with a description."""
        if self._in_table:
            target = target.replace("|", "%7C")
        target = target.replace("\n", " ").replace("[", "%5B").replace("]", "%5D").replace("\\", "%5C")
        content = re.sub(r"\[\[[^\[\]]*\](?:\[(.*?)\])?\]", r"\1", content).replace("[[", f"[{ESCAPE}[")
        content = content.replace("]]", f"]{ESCAPE}]")
        return super().linked(target, content, url) if not target.startswith("#") else f"[[{target}][{content}]]"

    def _find_target(self, url: str) -> str | None:
        """Return the target of a link; None if there is none that is safe, or none of that name."""
        if url.startswith("#"):
            return self._anchors.get(url[1:].casefold())
        if _SCHEME.match(url):
            return safe_url(url) or None
        from urllib.parse import unquote  # noqa: PLC0415 - few texts have such links

        path = unquote(url.partition("#")[0])
        return f"file:{self._locate(Path(path))}" if path and path.isprintable() else None

    def _locate(self, path: Path) -> str:
        """Return the path of a file as the log names it."""
        return os.fspath(path) if path.is_absolute() else os.path.normpath(Path(self._folder, path))

    def _write_inline_image(self, inline: b.InlineImage) -> str:
        return self.linked(f"file:{self._locate(inline.path)}", self.text(inline.alt), "")

    def _write_raw_text(self, inline: b.RawText) -> str:
        if inline.note == COMMENT:
            text = printable(unwrapped(inline.text)).replace("@@", f"@{ESCAPE}@").strip()
            return "" if self._in_table and "|" in text else f"@@comment: {text}@@"
        return self.text(inline.text)

    def _write_footnote_mark(self, inline: b.FootnoteMark) -> str:
        if inline.label not in self._labels:
            name = re.sub(r"[^\w-]", "-", inline.label.rstrip("^"))
            label = f"{self._prefix}{name}{'-inline' if inline.label.endswith('^') else ''}"
            taken = set(self._labels.values())
            number = 1
            while label in taken:
                number += 1
                label = f"{self._prefix}{name}-{number}"
            self._labels[inline.label] = label
        return f"[fn:{self._labels[inline.label]}]"


def _is_of_figures(cells: Iterable[str]) -> bool:
    """Return whether half of the cells that are not empty are figures, so that Emacs aligns the column right."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and 2 * sum(_FIGURE.fullmatch(cell) is not None for cell in filled) >= len(filled)


def _measure(cell: str) -> int:
    """Return the width of a cell as Emacs shows it, with the descriptions of links alone."""
    return max(wcswidth(_LINK.sub(lambda match: match[2] or match[1], cell)), 0)


def _pad(cell: str, room: int, kind: str) -> str:
    blanks = max(room - _measure(cell), 0)
    before = {"left": 0, "center": blanks // 2, "right": blanks}[kind]
    return " " * before + cell + " " * (blanks - before)
