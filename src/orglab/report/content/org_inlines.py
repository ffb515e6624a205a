r"""Org objects as inlines: emphasis, links, formulas, footnotes, and the text between them.

Nothing is executed, fetched or guessed. What has no meaning outside Emacs becomes text with a note.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.entities import name2codepoint
from pathlib import Path

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
"""How deeply emphasis may be nested; deeper markup is shown as text."""
OUTSIDE = RawText("", "outside the repository")
"""The note on a file that is not in the repository; it does not tell whether the file exists."""
IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"))

_CONTAINERS: dict[str, type[Strong | Emphasis | Underline | Strike]] = {
    "bold": Strong,
    "italic": Emphasis,
    "underline": Underline,
    "strike-through": Strike,
}
# The org-entities that have the same name in HTML or LaTeX, and a few more.
_ENTITIES = {
    **{name: chr(code) for name, code in name2codepoint.items()},
    **LETTERS,
    **OPERATORS,
    "vert": "|", "deg": "°", "infin": "∞", "rarr": "→", "larr": "←", "harr": "↔", "EUR": "€", "plusmn": "±",
    "lbrace": "{", "rbrace": "}", "under": "_", "equal": "=", "tilde": "~", "slash": "/", "plus": "+", "dollar": "$",
}  # fmt: skip
# In the text between objects: a line break, an entity, a subscript or superscript.
_INSIDE = re.compile(
    rb"\\\\[ \t]*(?:\n|\Z)"
    rb"|\\(?P<entity>there4|sup[123]|frac[13][24]|[a-zA-Z]+)(?:\{\}|(?![a-zA-Z]))"
    rb"|(?<=[^\s])(?P<script>[_^])(?:\{(?P<braces>[^{}\n]*)\}"
    # A zero-width space is there to prevent a script.
    rb"|(?P<bare>(?!\xe2\x80\x8b)[+-]?[0-9A-Za-z\x80-\xff.,\\]*[0-9A-Za-z\x80-\xff]))"
)
_NUMBER = re.compile(rb"[+-]?[0-9][0-9.,]*")
_LONE_LETTER = re.compile(rb"(?:^|[^0-9A-Za-z_\x80-\xff])[A-Za-z0-9)]\Z")
_SOURCE = re.compile(rb"src_[^\s\[{]*(?:\[[^\n]*?\])?\{(.*)\}\Z", re.S)
_WEB = ("http", "https", "mailto", "ftp")


def _resolve_nothing(_id: str, _step: int | None) -> Reference | None:
    """Resolve no reference."""
    return None


def find_no_footnote(_label: bytes) -> None:
    """Find no footnote."""


@dataclass(frozen=True, slots=True)
class TextContext:
    """The context of a text, which determines the meaning of its links.

    Attributes:
        folder: The folder of the log, which file links are relative to.
        resolve: Resolves `[e201.1]` or a link to the id `201`: takes the id and the step (or None), and returns
            the reference to show, or None if there is none.
        letter: The letter before the number in a reference.
        prefix: A prefix that keeps this text's footnote labels unique in the document: `e201`.
        root: The folder outside of which files are only named; None if they may be anywhere.
        find_footnote: Returns the definition of a footnote outside of the text by its label; empty or None if there is
            none.
    """

    folder: Path
    resolve: Callable[[str, int | None], Reference | None] = _resolve_nothing
    letter: str = "e"
    prefix: str = ""
    root: Path | None = None
    find_footnote: Callable[[bytes], bytes | None] = find_no_footnote


@dataclass(slots=True)
class _Frame:
    """An object whose contents are being read."""

    object: Object | None
    end: int
    inlines: list[Inline] = field(default_factory=list)


class TextReader:
    """A reader of the inlines of one text.

    Args:
        text: The bytes that positions refer to.
        context: The context of the text.
        find_footnote: Returns the definition of a footnote by its label; None if there is none.
    """

    def __init__(self, text: bytes, context: TextContext, find_footnote: Callable[[bytes], Blocks | None]) -> None:
        """Read `text`."""
        self.text = text
        self.context = context
        self._find_footnote = find_footnote
        self._anonymous = 0
        self._references = reference_pattern(context.letter)

    def read(self, begin: int, end: int, *, in_link: bool = False) -> Inlines:
        """Return the inlines of `text[begin:end]`; not recursive, since emphasis may be nested arbitrarily deep."""
        frames = [_Frame(None, end)]
        position = begin
        for obj in parse_objects(self.text, begin, end, in_link=in_link):
            position = self._close(frames, position, obj.begin)
            if obj.begin < position:
                continue
            frames[-1].inlines.extend(self.plain(position, obj.begin))
            position = obj.begin
            if obj.contents[0] >= 0 and len(frames) <= MAX_DEPTH:
                frames.append(_Frame(obj, obj.contents[1]))
                position = obj.contents[0]
            elif obj.contents[0] < 0:
                frames[-1].inlines.extend(self.object(obj))
                position = obj.end
        self._close(frames, position, end + 1)
        return tuple(frames[0].inlines)

    def _close(self, frames: list[_Frame], position: int, until: int) -> int:
        """Close the frames that end at or before `until`, and return the position to continue from."""
        while frames[-1].end <= until:
            frame = frames[-1]
            frame.inlines.extend(self.plain(position, frame.end))
            position = max(position, frame.end)
            if frame.object is None:
                break
            frames.pop()
            frames[-1].inlines.extend(self.container(frame.object, tuple(frame.inlines)))
            position = frame.object.end
        return position

    def container(self, obj: Object, content: Inlines) -> Iterator[Inline]:
        """Yield the inlines of an object with contents."""
        kind = _CONTAINERS.get(obj.type)
        if kind is not None:
            yield kind(content)
        elif obj.type == "link":
            yield from self.link(obj, content)
        elif obj.type == "footnote-reference":
            label = decode(obj.value)
            if not label:
                self._anonymous += 1
                label = f"{obj.begin}.{self._anonymous}"
            yield FootnoteMark(self.label(label), (Paragraph(content),))
        else:
            yield from content

    def label(self, label: str) -> str:
        """Return a footnote's label, unique in the document."""
        return printable(f"{self.context.prefix}:{label}" if self.context.prefix else label)

    def object(self, obj: Object) -> Iterator[Inline]:
        """Yield the inlines of an object without contents."""
        raw = self.words(obj.begin, obj.end)
        match obj.type:
            case "verbatim" | "code":
                yield Code(printable(unwrapped(decode(obj.value))))
            case "link":
                yield from self.link(obj, ())
            case "latex-fragment":
                display = raw.startswith(("$$", r"\["))
                tex = raw[2:-2] if display or raw.startswith("\\") else raw[1:-1]
                yield Math(tex.strip(), display)
            case "footnote-reference":
                content = self._find_footnote(obj.value)
                if content is None:
                    yield RawText(raw, "undefined footnote")
                else:
                    yield FootnoteMark(self.label(decode(obj.value)), content)
            case "export-snippet" | "macro":
                yield RawText(raw, "for one export format only" if raw.startswith("@@") else "macro, not expanded")
            case "inline-src-block":
                source = _SOURCE.match(self.text[obj.begin : obj.end])
                yield Code(printable(unwrapped(decode(source.group(1)))) if source else raw)
            case "inline-babel-call":
                yield Code(raw)
            case "radio-target":
                yield Text(printable(decode(obj.value)))
            case _ if obj.type != "target":
                yield Text(raw)

    def words(self, begin: int, end: int) -> str:
        """Return a part of the text on one line."""
        return printable(unwrapped(decode(self.text[begin:end])))

    def link(self, obj: Object, content: Inlines) -> Iterator[Inline]:
        """Yield the inlines of a link; only web links and links to known experiments stay links."""
        kind, target = obj.kind.lower(), printable(decode(obj.value)).strip()
        if kind in _WEB:
            content = content or (() if kind != "mailto" else (Text(target),))
            yield Link(content, f"{kind}:{target}")
        elif kind == "doi":
            yield Link(content or (Text(f"doi:{target}"),), f"https://doi.org/{target}")
        elif kind in ("id", "custom-id"):
            yield from self.inside(target, content, obj)
        elif kind.startswith("file"):
            yield from self.file(target, content)
        elif kind == "radio":
            yield Text(self.words(obj.begin, obj.end))
        elif kind == "fuzzy":
            yield from content or (Text(target),)
        else:
            yield from content
            yield RawText(self.words(obj.begin, obj.end) if not content else "", f"unsupported link type {kind}")

    def inside(self, target: str, content: Inlines, obj: Object) -> Iterator[Inline]:
        """Yield a link to an id: a link to the experiment if it is known."""
        reference = self.context.resolve(target, None)
        if reference is None:
            yield from content
            yield RawText(self.words(obj.begin, obj.end) if not content else "", "not in this report")
        elif content:
            yield Link(content, reference.url, reference.anchor)
        else:
            yield reference

    def file(self, target: str, content: Inlines) -> Iterator[Inline]:
        """Yield a link to a file: a picture is shown, any other file is named, since the reader does not have it."""
        path = self.path(target)
        search = re.search(r"::#([A-Za-z0-9_-]+)", target)
        reference = self.context.resolve(search.group(1), None) if search else None
        if reference is not None:
            yield Link(content, reference.url, reference.anchor) if content else reference
        elif path.suffix.lower() in IMAGE_SUFFIXES and not content and not self.is_outside(path):
            yield InlineImage(path, path.name)
        else:
            yield from content
            if content:
                yield Text(" (")
            yield Code(target)
            if content:
                yield Text(")")
            if self.is_outside(path):
                yield OUTSIDE
            elif not _exists(path):
                yield RawText("", "no such file")

    def path(self, target: str) -> Path:
        """Return the path of a file link."""
        name = target.split("::", maxsplit=1)[0]
        return self.context.folder / (Path(name).expanduser() if name.startswith("~/") else Path(name))

    def is_outside(self, path: Path) -> bool:
        """Return whether a file, links resolved, is not one of the repository's: its name may come from a stranger."""
        root = self.context.root
        if root is None:
            return False
        try:
            # A path of git's own, such as `.git/config`, is no file of the repository either.
            return ".git" in [part.lower() for part in Path(os.path.realpath(path)).relative_to(root.resolve()).parts]
        except (OSError, ValueError):
            return True

    # ---- the text between objects ----

    def plain(self, begin: int, end: int) -> Iterator[Inline]:
        """Yield `text[begin:end]`, which contains no objects, with references, entities, scripts and line breaks."""
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
        """Yield `text[begin:end]` with entities, subscripts, superscripts and line breaks."""
        parts: list[str] = []
        position = searched = begin
        while (match := _INSIDE.search(self.text, searched, end)) is not None:
            inline = self.script(match) if match.group("script") else None
            entity = _ENTITIES.get(match.group("entity").decode()) if match.group("entity") else None
            is_break = match.group().startswith(b"\\\\")
            if inline is None and entity is None and not is_break:
                # What would have been in the script may have an entity.
                searched = match.start() + 1 if match.group("script") else match.end()
                continue
            parts.append(self.words(position, match.start()))
            position = searched = match.end()
            if entity is not None:
                parts.append(entity)
                continue
            yield from _join(parts)
            parts = []
            yield LineBreak() if inline is None else inline
        parts.append(self.words(position, end))
        yield from _join(parts)

    def script(self, match: "re.Match[bytes]") -> Inline | None:
        """Return the subscript or superscript of a match, or None if it may be part of a name.

        With braces it is always a script; without, only a number or a letter after a single letter, because `val_loss`
        and `seed_1` are names.
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


def _join(parts: list[str]) -> Iterator[Inline]:
    """Yield the joined parts as one text, if any."""
    text = "".join(parts)
    if text:
        yield Text(text)


def _exists(path: Path) -> bool:
    """Return whether a file exists; an invalid name does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def trimmed(inlines: list[Inline]) -> Inlines:
    """Return inlines without leading and trailing whitespace."""
    if inlines and isinstance(first := inlines[0], Text):
        inlines = [Text(first.text.lstrip()), *inlines[1:]]
    if inlines and isinstance(last := inlines[-1], Text):
        inlines = [*inlines[:-1], Text(last.text.rstrip())]
    return tuple(inline for inline in inlines if inline != Text(""))


def image_link(text: bytes, begin: int, end: int) -> bytes | None:
    """Return the link target of `text[begin:end]` if it is a single link to a picture, else None."""
    stripped = text[begin:end].strip()
    if not (stripped.startswith(b"[[") and stripped.endswith(b"]]")) or b"[" in stripped[2:]:
        return None
    kind, value = read_link_type(stripped[2:-2])
    suffix = Path(printable(decode(value))).suffix.lower()
    return value if kind.lower().startswith("file") and suffix in IMAGE_SUFFIXES else None
