"""Read a Markdown file as sections of blocks, by a CommonMark library.

What has no counterpart in Org stays in the blocks as it is written, and is a `Problem` with its line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from orglab.errors import NotReadableError
from orglab.report import blocks as b

COMMENT = "comment"
"""The note on a `Raw` block, or `RawText`, that readers of the file do not see."""
_HTML = "HTML"

_DEEPEST = 40
_BOX = re.compile(r"\[([ xX])\][ \t\n]+")
_COMMENT = re.compile(r"\s*<!--(.*?)-->\s*\Z", re.S)
_BREAK = re.compile(r"<br\s*/?>\Z", re.I)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]*\Z", re.ASCII)
# Names of languages that Org knows by another one.
_LANGUAGES = {
    "bash": "sh", "console": "sh", "cpp": "C++", "c": "C", "js": "js", "javascript": "js", "py": "python", "r": "R",
    "python3": "python", "shell": "sh", "shell-session": "sh", "sh-session": "sh", "zsh": "sh", "yml": "yaml",
    "lisp": "lisp", "elisp": "emacs-lisp", "tex": "latex",
}  # fmt: skip
_PLAIN = ("text", "txt", "plain", "plaintext", "none")
# The names of labels that are used to write comments.
_COMMENT_LABELS = ("//", "COMMENT")


class Problem(NamedTuple):
    """Something in a file that has no counterpart in the log, and is kept there as text.

    Attributes:
        line: The line in the file, from 1.
        text: What it is, and how it was kept.
    """

    line: int
    text: str


class Section(NamedTuple):
    """A heading with the blocks up to the next one.

    Attributes:
        level: The level of the heading; 0 for what stands before the first one.
        title: The heading.
        blocks: The blocks.
        begin: The first line, from 0.
        end: The line after the last one.
    """

    level: int
    title: b.Inlines
    blocks: b.Blocks
    begin: int
    end: int

    @property
    def name(self) -> str:
        """The heading as plain text."""
        return b.plain(self.title)


class MarkdownFile(NamedTuple):
    """A Markdown file.

    Attributes:
        sections: Its sections, in order.
        footnotes: The definitions of its footnotes, by label.
        front_matter: The text between the lines `---` that it begins with; empty if there is none.
        lines: Its lines.
        problems: What has no counterpart in the log, by line.
    """

    sections: tuple[Section, ...]
    footnotes: dict[str, b.Blocks]
    front_matter: str
    lines: tuple[str, ...]
    problems: tuple[Problem, ...]


def read_markdown(text: str) -> MarkdownFile:
    """Return a Markdown file as sections.

    Args:
        text: Its text.

    Raises:
        NotReadableError: It is nested too deeply.
    """
    parser = MarkdownIt("commonmark", {"maxNesting": 2 * _DEEPEST}).enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin)
    parser.use(
        dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False,
        double_inline=True,
    ).use(amsmath_plugin)  # fmt: skip
    # This rule would move definitions to the end, and drop those that nothing refers to.
    parser.disable("footnote_tail")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    env: dict[str, Any] = {}
    tokens = parser.parse(text, env)
    if any(token.level > _DEEPEST for token in _walk(tokens)):
        raise NotReadableError("it is nested too deeply")
    return _Reader(text, env).read(SyntaxTreeNode(tokens))


def _walk(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield tokens, each followed by those inside of it."""
    for token in tokens:
        yield token
        yield from token.children or ()


class _Reader:
    """Reads the blocks of one file."""

    def __init__(self, text: str, env: Mapping[str, Any]) -> None:
        """Take the text, and what the parser has found in it."""
        self._lines = tuple(text.split("\n"))
        self._env = env
        self._line = 0
        self._problems: list[Problem] = []
        self._footnotes: dict[str, b.Blocks] = {}
        self._footnote_lines: dict[str, int] = {}
        # The footnotes that each footnote refers to; under None those that the text does.
        self._uses: dict[str | None, set[str]] = {None: set()}
        self._footnote: str | None = None

    def read(self, root: SyntaxTreeNode) -> MarkdownFile:
        """Return the file whose tree this is."""
        front_matter = ""
        heads: list[tuple[int, b.Inlines, int]] = [(0, (), 0)]
        found: list[list[b.Block]] = [[]]
        for node in root.children:
            self._find_line(node)
            if node.type == "front_matter":
                front_matter = node.content
            elif node.type == "heading":
                heads.append((int(node.tag[1:]), self._read_title(node), self._line))
                found.append([])
            else:
                found[-1] += self._read_block(node)
        self._keep_unused([begin for _, _, begin in heads], found)
        ends = [*(begin for _, _, begin in heads[1:]), len(self._lines)]
        sections = tuple(
            Section(level, title, tuple(blocks), begin, end)
            for (level, title, begin), blocks, end in zip(heads, found, ends, strict=True)
        )
        problems = tuple(sorted(set(self._problems)))
        return MarkdownFile(sections, self._footnotes, front_matter, self._lines, problems)

    def _find_line(self, node: SyntaxTreeNode) -> None:
        if node.map:
            self._line = node.map[0]

    def _report(self, text: str, line: int | None = None) -> None:
        self._problems.append(Problem((self._line if line is None else line) + 1, text))

    # ---- what nothing refers to ----

    def _keep_unused(self, begins: Sequence[int], found: Sequence[list[b.Block]]) -> None:
        """Add the footnotes and definitions of links that nothing refers to, to the sections where they stand."""

        def section_at(line: int) -> list[b.Block]:
            return found[max(sum(begin <= line for begin in begins) - 1, 0)]

        used = self._find_used()
        for label, line in self._footnote_lines.items():
            if label not in used:
                self._report(f"The footnote [^{label}], which nothing refers to, is kept as text.", line)
                section_at(line).extend((b.Paragraph((b.Text(f"[^{label}]:"),)), *self._footnotes.pop(label)))
        references = self._env.get("references", {})
        text = " ".join(" ".join(self._lines).split()).upper() if references else ""
        definitions = [*references.items(), *((one["label"], one) for one in self._env.get("duplicate_refs", ()))]
        for label, reference in definitions:
            line, title = reference["map"][0], str(reference.get("title") or "")
            is_used = references.get(label) is reference and text.count(f"[{label.upper()}]") > 1
            if label in _COMMENT_LABELS and title:
                section_at(line).append(b.Raw(title, COMMENT))
            elif not is_used:
                written = re.search(r"\[([^\]]*)\]:", self._lines[line])
                name = written[1] if written else label  # the parser has it in capitals
                self._report(f"The address of [{name}], which nothing refers to, is kept as text.", line)
                words = f"[{name}]: {reference['href']}" + (f' "{title}"' if title else "")
                section_at(line).append(b.Paragraph((b.Text(words),)))

    def _find_used(self) -> set[str]:
        """Return the footnotes to which the text refers, and those to which they do."""
        used: set[str] = set()
        found = set(self._uses[None])
        while found:
            used |= found
            found = {label for one in found for label in self._uses.get(one, ())} - used
        return used

    # ---- blocks ----

    def _read_blocks(self, nodes: Iterable[SyntaxTreeNode]) -> b.Blocks:
        return tuple(block for node in nodes for block in self._read_block(node))

    def _read_block(self, node: SyntaxTreeNode) -> Iterator[b.Block]:  # noqa: C901, PLR0912 - one case for each kind
        """Yield the blocks of a node; none for what has a place of its own, such as a footnote."""
        self._find_line(node)
        match node.type:
            case "paragraph":
                yield self._read_paragraph(node)
            case "heading":
                self._report("A heading inside of a list or a quotation is kept as bold text.")
                yield b.Paragraph((b.Strong(self._read_title(node)),))
            case "bullet_list" | "ordered_list":
                yield self._read_list(node)
            case "blockquote":
                yield b.Quote(self._read_blocks(node.children))
            case "fence" | "code_block":
                yield self._read_code(node)
            case "table":
                yield from self._read_table(node)
            case "math_block" | "amsmath":
                yield b.MathBlock(node.content.strip())
            case "hr":
                yield b.Rule()
            case "footnote_reference":
                label = str(node.meta["label"])
                if label in self._footnotes:
                    self._report(f"The second footnote [^{label}] is kept as text.")
                    yield b.Paragraph((b.Text(f"[^{label}]:"),))
                    yield from self._read_blocks(node.children)
                else:
                    self._footnote_lines[label] = self._line
                    outer, self._footnote = self._footnote, label
                    self._uses[label] = set()
                    self._footnotes[label] = self._read_blocks(node.children)
                    self._footnote = outer
            case "html_block":
                comment = _COMMENT.fullmatch(node.content)
                if comment is None:
                    self._report("HTML is kept as text.")
                yield b.Raw(comment[1] if comment else node.content.strip("\n"), COMMENT if comment else _HTML)
            case _:
                self._report(f"{node.type} is kept as text.")
                yield b.Raw(node.content, node.type)

    def _read_title(self, node: SyntaxTreeNode) -> b.Inlines:
        return self._read_inlines(node.children)

    def _read_paragraph(self, node: SyntaxTreeNode) -> b.Block:
        content = self._read_inlines(node.children)
        if len(content) == 1 and isinstance(content[0], b.InlineImage):
            image = content[0]
            return b.Image(image.path, image.alt, (b.Text(image.alt),) if image.alt else ())
        return b.Paragraph(content)

    def _read_list(self, node: SyntaxTreeNode) -> b.List:
        is_numbered = node.type == "ordered_list"
        start = int(node.attrs.get("start", 1)) if is_numbered else None
        items = []
        for number, child in enumerate(node.children):
            self._find_line(child)
            content = self._read_blocks(child.children)
            box, content = _split_box(content)
            items.append(b.ListItem(content, box, number=start if number == 0 and start != 1 else None))
        return b.List(tuple(items), "numbers" if is_numbered else "bullets")

    def _read_code(self, node: SyntaxTreeNode) -> b.CodeBlock:
        words = node.info.split(None, 1) if node.type == "fence" else []
        language = words[0].strip("{}.").lower() if words else ""
        if words and (len(words) > 1 or not _LANGUAGE.fullmatch(language)):
            self._report(f"Only the language of a block of code is kept, not all of: {node.info.strip()}")
        if language in _PLAIN or not _LANGUAGE.fullmatch(language):
            language = ""
        return b.CodeBlock(node.content.removesuffix("\n"), _LANGUAGES.get(language, language))

    def _read_table(self, node: SyntaxTreeNode) -> Iterator[b.Block]:
        """Yield a table, and what its rows have beyond its columns."""
        rows = [row for part in node.children for row in part.children]
        cells = [tuple(self._read_inlines(cell.children) for cell in row.children) for row in rows]
        styles = [str(cell.attrs.get("style", "")).removeprefix("text-align:") for cell in rows[0].children]
        yield b.Table(cells[0], tuple(cells[1:]), tuple(styles) if any(styles) else ())
        for row in rows[1:]:
            line = self._lines[row.map[0]] if row.map and row.map[0] < len(self._lines) else ""
            if len(re.findall(r"(?<!\\)\|", line.strip().strip("|"))) >= len(styles):
                self._report(
                    "A row has more cells than the table; it is kept as text too.", row.map[0] if row.map else None
                )
                yield b.Paragraph((b.Text(line.strip()),))

    # ---- inlines ----

    def _read_inlines(self, nodes: Iterable[SyntaxTreeNode]) -> b.Inlines:
        """Return inlines; texts side by side are one, as together they may be what has to be escaped."""
        found: list[b.Inline] = []
        for node in nodes:
            if node.type == "inline":
                self._find_line(node)
                inlines: Iterable[b.Inline] = self._read_inlines(node.children)
            else:
                inlines = self._read_inline(node)
            for inline in inlines:
                if found and isinstance(inline, b.Text) and isinstance(found[-1], b.Text):
                    found[-1] = b.Text(found[-1].text + inline.text)
                else:
                    found.append(inline)
        return tuple(found)

    def _read_inline(self, node: SyntaxTreeNode) -> Iterator[b.Inline]:  # noqa: C901, PLR0912 - one case for each kind
        match node.type:
            case "text":
                if node.content:
                    yield b.Text(node.content)
            case "softbreak":
                yield b.Text("\n")
            case "hardbreak":
                yield b.LineBreak()
            case "em":
                yield b.Emphasis(self._read_inlines(node.children))
            case "strong":
                yield b.Strong(self._read_inlines(node.children))
            case "s":
                yield b.Strike(self._read_inlines(node.children))
            case "code_inline":
                yield b.Code(node.content)
            case "math_inline" | "math_inline_double":
                yield b.Math(node.content, display=node.type == "math_inline_double")
            case "link":
                yield from self._read_link(node)
            case "image":
                yield from self._read_image(node)
            case "footnote_ref":
                yield self._read_footnote(node)
            case "html_inline":
                yield from self._read_html(node.content)
            case _:
                self._report(f"{node.type} is kept as text.")
                yield b.RawText(node.content, node.type)

    def _read_link(self, node: SyntaxTreeNode) -> Iterator[b.Inline]:
        content, href = self._read_inlines(node.children), str(node.attrs.get("href", ""))
        is_plain = b.plain(content) in (href, unquote(href), href.removeprefix("mailto:"))
        yield b.Link(() if is_plain else content, href)
        yield from self._read_hint(node)

    def _read_image(self, node: SyntaxTreeNode) -> Iterator[b.Inline]:
        href = str(node.attrs.get("src", ""))
        alt = node.content and b.plain(self._read_inlines(node.children))
        if _SCHEME.match(href):
            yield b.Link((b.Text(alt),) if alt else (), href)
        else:
            yield b.InlineImage(Path(unquote(href)), alt)
        yield from self._read_hint(node)

    def _read_hint(self, node: SyntaxTreeNode) -> Iterator[b.Inline]:
        """Yield the title of a link or a picture, which Org does not have, as text."""
        if title := str(node.attrs.get("title") or ""):
            self._report("The title of a link or a picture is kept as text after it.")
            yield b.Text(f" ({title})")

    def _read_footnote(self, node: SyntaxTreeNode) -> b.FootnoteMark:
        if "label" in node.meta:
            label = str(node.meta["label"])
            self._uses[self._footnote].add(label)
            return b.FootnoteMark(label)
        label = f"{node.meta['id']}^"  # no label of the file, which has no such sign
        tokens = self._env["footnotes"]["list"][node.meta["id"]]["tokens"]
        root = SyntaxTreeNode(tokens)
        self._footnotes[label] = (b.Paragraph(self._read_inlines(root.children)),)
        return b.FootnoteMark(label)

    def _read_html(self, html: str) -> Iterator[b.Inline]:
        if _BREAK.fullmatch(html):
            yield b.LineBreak()
        elif comment := _COMMENT.fullmatch(html):
            yield b.RawText(comment[1], COMMENT)
        else:
            self._report("HTML is kept as text.")
            yield b.Text(html)


def _split_box(content: b.Blocks) -> tuple[str | None, b.Blocks]:
    """Return the state of the checkbox that an item begins with, and the item without it."""
    first = content[0] if content else None
    if not isinstance(first, b.Paragraph) or not first.content or not isinstance(first.content[0], b.Text):
        return None, content
    # What follows the brackets may be another inline, such as emphasis.
    text = first.content[0].text
    box = _BOX.match(text)
    if box is None or not (len(text) > box.end() or len(first.content) > 1):
        return None, content
    rest = (b.Text(text[box.end() :]),) if len(text) > box.end() else ()
    paragraph = b.Paragraph((*rest, *first.content[1:]))
    return ("open" if box[1] == " " else "done"), (paragraph, *content[1:])
