r"""The inlines that Org text makes: emphasis, links, formulas, footnotes, and the text between them.

Nothing is executed, fetched or guessed.  What has no meaning outside of Emacs is text with a note.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import name2codepoint
from pathlib import Path
from types import MappingProxyType

from orglab.org.objects import Object, parse_objects, read_link_type
from orglab.org.source import decode
from orglab.reference import reference_pattern
from orglab.report.blocks import (
    Blocks,
    Code,
    Emphasis,
    FootnoteMark,
    Inline,
    InlineImage,
    Inlines,
    LineBreak,
    Link,
    Math,
    Paragraph,
    RawText,
    Reference,
    Strike,
    Strong,
    Subscript,
    Superscript,
    Text,
    Underline,
)
from orglab.report.characters import printable, unwrapped
from orglab.report.tex import LETTERS, OPERATORS

MAX_DEPTH = 24
"""How deeply emphasis may nest; what lies deeper is text as it is."""
IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"))

_CONTAINERS: dict[str, type[Strong | Emphasis | Underline | Strike]] = {
    "bold": Strong,
    "italic": Emphasis,
    "underline": Underline,
    "strike-through": Strike,
}
# org-entities, as far as HTML and LaTeX name them alike.
_ENTITIES = {
    **{name: chr(code) for name, code in name2codepoint.items()},
    **LETTERS,
    **OPERATORS,
    "vert": "|", "deg": "°", "infin": "∞", "rarr": "→", "larr": "←", "harr": "↔", "EUR": "€", "plusmn": "±",
    "lbrace": "{", "rbrace": "}", "under": "_", "equal": "=", "tilde": "~", "slash": "/", "plus": "+", "dollar": "$",
}  # fmt: skip
# What is looked for in the text between objects: a line break, an entity, a sub- or superscript.
_INSIDE = re.compile(
    rb"\\\\[ \t]*(?:\n|\Z)"
    rb"|\\(?P<entity>there4|sup[123]|frac[13][24]|[a-zA-Z]+)(?:\{\}|(?![a-zA-Z]))"
    rb"|(?<=[^\s])(?P<script>[_^])(?:\{(?P<braces>[^{}\n]*)\}"
    # A zero-width space is no letter: it is put there so that this is none.
    rb"|(?P<bare>(?!\xe2\x80\x8b)[+-]?[0-9A-Za-z\x80-\xff.,\\]*[0-9A-Za-z\x80-\xff]))"
)
_NUMBER = re.compile(rb"[+-]?[0-9][0-9.,]*")
_LONE_LETTER = re.compile(rb"(?:^|[^0-9A-Za-z_\x80-\xff])[A-Za-z0-9)]\Z")
_SOURCE = re.compile(rb"src_[^\s\[{]*(?:\[[^\n]*?\])?\{(.*)\}\Z", re.S)
_NO_NOTES: Mapping[bytes, Blocks] = MappingProxyType({})
_WEB = ("http", "https", "mailto", "ftp")


def _nothing(_id: str, _step: int | None) -> Reference | None:
    """Know no experiment."""
    return None


@dataclass(frozen=True, slots=True)
class TextContext:
    """What a text stands in, and so what its links mean.

    Attributes:
        folder: The folder of the log, which links to files start from.
        resolve: What `[e201.1]` or a link to the id `201` refers to: takes the id and the step (or None), and returns
            the reference to show, or None if there is none.
        letter: What stands before the number in a reference.
        prefix: What tells the footnotes of this text from those of others in the same document: `e201`.
    """

    folder: Path
    resolve: Callable[[str, int | None], Reference | None] = _nothing
    letter: str = "e"
    prefix: str = ""


@dataclass(slots=True)
class _Frame:
    """Something that holds inlines, while it is read."""

    found: Object | None
    end: int
    inlines: list[Inline] = field(default_factory=list)


class TextReader:
    """Reads the inlines of one text.

    Args:
        text: The bytes that positions refer to.
        context: What it stands in.
        footnotes: The definitions of its footnotes, by label; a mark takes its text from here.
    """

    def __init__(self, text: bytes, context: TextContext, footnotes: Mapping[bytes, Blocks] = _NO_NOTES) -> None:
        """Read `text`."""
        self.text = text
        self.context = context
        self.footnotes = footnotes
        self._anonymous = 0
        self._references = reference_pattern(context.letter)

    def read(self, begin: int, end: int, *, in_link: bool = False) -> Inlines:
        """Return the inlines of `text[begin:end]`, without recursion: emphasis may nest as deep as the line is long."""
        frames = [_Frame(None, end)]
        position = begin
        for found in parse_objects(self.text, begin, end, in_link=in_link):
            position = self._close(frames, position, found.begin)
            if found.begin < position:
                continue
            frames[-1].inlines.extend(self.plain(position, found.begin))
            position = found.begin
            if found.contents[0] >= 0 and len(frames) <= MAX_DEPTH:
                frames.append(_Frame(found, found.contents[1]))
                position = found.contents[0]
            elif found.contents[0] < 0:
                frames[-1].inlines.extend(self.object(found))
                position = found.end
        self._close(frames, position, end + 1)
        return tuple(frames[0].inlines)

    def _close(self, frames: list[_Frame], position: int, until: int) -> int:
        """End the frames that end at or before `until`, and return where the text goes on."""
        while frames[-1].end <= until:
            frame = frames[-1]
            frame.inlines.extend(self.plain(position, frame.end))
            position = max(position, frame.end)
            if frame.found is None:
                break
            frames.pop()
            frames[-1].inlines.extend(self.container(frame.found, tuple(frame.inlines)))
            position = frame.found.end
        return position

    def container(self, found: Object, content: Inlines) -> Iterator[Inline]:
        """Yield what an object that holds inlines makes."""
        kind = _CONTAINERS.get(found.type)
        if kind is not None:
            yield kind(content)
        elif found.type == "link":
            yield from self.link(found, content)
        elif found.type == "footnote-reference":
            label = decode(found.value)
            if not label:
                self._anonymous += 1
                label = f"{found.begin}.{self._anonymous}"
            yield FootnoteMark(self.label(label), (Paragraph(content),))
        else:
            yield from content

    def label(self, label: str) -> str:
        """Return a footnote's label as it is in the whole document."""
        return printable(f"{self.context.prefix}:{label}" if self.context.prefix else label)

    def object(self, found: Object) -> Iterator[Inline]:
        """Yield what an object without contents makes."""
        raw = self.words(found.begin, found.end)
        match found.type:
            case "verbatim" | "code":
                yield Code(printable(unwrapped(decode(found.value))))
            case "link":
                yield from self.link(found, ())
            case "latex-fragment":
                display = raw.startswith(("$$", r"\["))
                tex = raw[2:-2] if display or raw.startswith("\\") else raw[1:-1]
                yield Math(tex.strip(), display)
            case "footnote-reference":
                content = self.footnotes.get(found.value)
                if content is None:
                    yield RawText(raw, "this footnote has no text")
                else:
                    yield FootnoteMark(self.label(decode(found.value)), content)
            case "export-snippet" | "macro":
                yield RawText(raw, "meant for one format only" if raw.startswith("@@") else "a macro, not expanded")
            case "inline-src-block":
                source = _SOURCE.match(self.text[found.begin : found.end])
                yield Code(printable(unwrapped(decode(source.group(1)))) if source else raw)
            case "inline-babel-call":
                yield Code(raw)
            case "radio-target":
                yield Text(printable(decode(found.value)))
            case _ if found.type != "target":
                yield Text(raw)

    def words(self, begin: int, end: int) -> str:
        """Return a stretch of the text as one line."""
        return printable(unwrapped(decode(self.text[begin:end])))

    def link(self, found: Object, content: Inlines) -> Iterator[Inline]:
        """Yield what a link makes; only those to the web and into the document are links."""
        kind, target = found.kind.lower(), printable(decode(found.value)).strip()
        if kind in _WEB:
            content = content or (() if kind != "mailto" else (Text(target),))
            yield Link(content, f"{kind}:{target}")
        elif kind == "doi":
            yield Link(content or (Text(f"doi:{target}"),), f"https://doi.org/{target}")
        elif kind in ("id", "custom-id"):
            yield from self.inside(target, content, found)
        elif kind.startswith("file"):
            yield from self.file(target, content)
        elif kind == "radio":
            yield Text(self.words(found.begin, found.end))
        elif kind == "fuzzy":
            yield from content or (Text(target),)
        else:
            yield from content
            yield RawText(self.words(found.begin, found.end) if not content else "", f"a link of the type {kind}")

    def inside(self, target: str, content: Inlines, found: Object) -> Iterator[Inline]:
        """Yield a link to an id: to the experiment, if it is known."""
        reference = self.context.resolve(target, None)
        if reference is None:
            yield from content
            yield RawText(self.words(found.begin, found.end) if not content else "", "not in this report")
        elif content:
            yield Link(content, reference.url, reference.anchor)
        else:
            yield reference

    def file(self, target: str, content: Inlines) -> Iterator[Inline]:
        """Yield a link to a file: a picture is shown, any other is named, for its reader has not got it."""
        path = self.path(target)
        search = re.search(r"::#([A-Za-z0-9_-]+)", target)
        reference = self.context.resolve(search.group(1), None) if search else None
        if reference is not None:
            yield Link(content, reference.url, reference.anchor) if content else reference
        elif path.suffix.lower() in IMAGE_SUFFIXES and not content:
            yield InlineImage(path, path.name)
        else:
            yield from content
            if content:
                yield Text(" (")
            yield Code(target)
            if content:
                yield Text(")")
            if not _exists(path):
                yield RawText("", "no such file")

    def path(self, target: str) -> Path:
        """Return the file that a link names."""
        name = target.split("::", maxsplit=1)[0]
        return self.context.folder / (Path(name).expanduser() if name.startswith("~/") else Path(name))

    # ---- the text between objects ----

    def plain(self, begin: int, end: int) -> Iterator[Inline]:
        """Yield the text between `begin` and `end`, where no object is: with references, entities, scripts, breaks."""
        if begin >= end:
            return
        for match in self._references.finditer(self.text, begin, end):
            step = match.group(2)
            reference = self.context.resolve(match.group(1).decode(), int(step) if step else None)
            if reference is not None:
                yield from self.scripted(begin, match.start())
                yield reference
                begin = match.end()
        yield from self.scripted(begin, end)

    def scripted(self, begin: int, end: int) -> Iterator[Inline]:
        """Yield the text between `begin` and `end` with entities, sub- and superscripts and line breaks."""
        parts: list[str] = []
        position = begin
        for match in _INSIDE.finditer(self.text, begin, end):
            if match.start() < position:
                continue
            inline = self.script(match) if match.group("script") else None
            entity = _ENTITIES.get(match.group("entity").decode()) if match.group("entity") else None
            is_break = match.group().startswith(b"\\\\")
            if inline is None and entity is None and not is_break:
                continue
            parts.append(self.words(position, match.start()))
            position = match.end()
            if entity is not None:
                parts.append(entity)
                continue
            yield from _joined(parts)
            parts = []
            yield LineBreak() if inline is None else inline
        parts.append(self.words(position, end))
        yield from _joined(parts)

    def script(self, match: "re.Match[bytes]") -> Inline | None:
        """Return the sub- or superscript of a match, if it can only be meant so.

        What has braces is one; and without them a number, or a letter after a letter. `val_loss`, `seed_1` are names.
        """
        braces, bare = match.group("braces"), match.group("bare")
        if braces is None:
            is_lone = _LONE_LETTER.search(self.text[max(match.start() - 2, 0) : match.start()]) is not None
            if _NUMBER.fullmatch(bare):
                if match.group("script") == b"_" and not is_lone:
                    return None
            elif len(bare) > 1 or not is_lone or self.text[match.end() : match.end() + 1] == b"_":
                return None
        kind = Superscript if match.group("script") == b"^" else Subscript
        inside = printable(decode(bare if braces is None else braces))
        return kind((Text(inside),))


def _joined(parts: list[str]) -> Iterator[Inline]:
    """Yield the text that parts make, if any."""
    text = "".join(parts)
    if text:
        yield Text(text)


def _exists(path: Path) -> bool:
    """Return whether a file is there; a name that no file may have is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def trimmed(inlines: list[Inline]) -> Inlines:
    """Return inlines without blanks at their begin and end."""
    if inlines and isinstance(first := inlines[0], Text):
        inlines = [Text(first.text.lstrip()), *inlines[1:]]
    if inlines and isinstance(last := inlines[-1], Text):
        inlines = [*inlines[:-1], Text(last.text.rstrip())]
    return tuple(inline for inline in inlines if inline != Text(""))


def image_link(text: bytes, begin: int, end: int) -> bytes | None:
    """Return the file that `text[begin:end]` links to, if it is a link to a picture and nothing else."""
    stripped = text[begin:end].strip()
    if not (stripped.startswith(b"[[") and stripped.endswith(b"]]")) or b"[" in stripped[2:]:
        return None
    kind, value = read_link_type(stripped[2:-2])
    suffix = Path(printable(decode(value))).suffix.lower()
    return value if kind.lower().startswith("file") and suffix in IMAGE_SUFFIXES else None
