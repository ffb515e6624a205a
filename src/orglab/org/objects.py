"""The objects inside a paragraph or a title: timestamps, links, targets, cookies, and what hides them.

As `org-element--object-lex` and the parsers it calls.  Sub- and superscripts,
entities and line breaks are left out: they neither hold nor hide any of these.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orglab.org import syntax

_EMPHASIS = {b"*": "bold", b"/": "italic", b"_": "underline", b"+": "strike-through", b"=": "verbatim", b"~": "code"}
_SPACE = b" \t\n\r\f\v"
_BEFORE_EMPHASIS = _SPACE + b"-('\"{"
_CLOSING = {
    mark: re.compile(rb"[^\s]" + re.escape(mark) + rb"(?=[\s.,;:!?'\")}\\\[-]|\Z)")
    for mark in _EMPHASIS
}  # fmt: skip
# Where an object may begin (org-element--object-regexp).  Plain links of the types Org knows at start.
_LINK_TYPES = (
    rb"attachment|bbdb|bibtex|coderef|custom-id|docview|doi|elisp|file\+emacs|file\+sys|file|ftp|fuzzy|gnus|help"
    rb"|https?|id|info|irc|mailto|man|mhe|news|radio|rmail|shell|w3m|eww"
)
_START = re.compile(
    rb"[*/_+=~][^\s]|(?<![\w\x80-\xff])(?:(?:" + _LINK_TYPES + rb"):[^\s\[\]<>()]|src_|call_)"
    rb"|\[(?:cite[:/]|fn:|[0-9%/]|\[)|@@|\{\{\{|<(?:%%|<|[0-9]|(?:" + _LINK_TYPES + rb"):)|\$|\\[(\[]"
)
_PLAIN_LINK = re.compile(
    rb"(" + _LINK_TYPES + rb"):((?:[^\]\[ \t\n()<>]|\((?:[^\]\[ \t\n()<>]|\([^\]\[ \t\n()<>]*\))*\))+)"
)
_ANGLE_LINK = re.compile(rb"<(" + _LINK_TYPES + rb"):([^>\n]*(?:\n[ \t]*[^> \t\n][^>\n]*)*)>")
_LINK_PATH = re.compile(rb"\[\[((?:[^\]\[\\]|\\(?:\\\\)*+[\]\[]|\\+[^\]\[])++)\]")
_TIMESTAMP = re.compile(
    rb"(?:<[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [^\n>]*?)?>|\[[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [^\n\]]*?)?\])"
)
_TIMESTAMP_START = re.compile(rb"[\[<](?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [^\n]*?)?|%%\([^\n>]+\))[\]>]")
_RANGE_END = re.compile(rb"--([<\[][0-9]{4}-[0-9]{2}-[0-9]{2}(?: [^\n]*?)?[\]>])")
_TIME_RANGE = re.compile(rb"[012]?[0-9]:[0-5][0-9]-[012]?[0-9]:[0-5][0-9]")
_TARGET = re.compile(rb"<<([^<>\n\r \t](?:[^<>\n\r]*[^<>\n\r \t])?)>>")
_RADIO_TARGET = re.compile(rb"<<<([^<>\n\r \t](?:[^<>\n\r]*[^<>\n\r \t])?)>>>")
_MACRO = re.compile(rb"\{\{\{[a-zA-Z][-a-zA-Z0-9_]*(?:\}\}\}|\()")
_SNIPPET = re.compile(rb"@@[-A-Za-z0-9]+:")
_FOOTNOTE = re.compile(rb"\[fn:(?:([\w\x80-\xff-]+)\]|([\w\x80-\xff-]+)?:)")
_CITATION = re.compile(rb"\[cite(?:/[^\s:\]]*)?:[ \t\n]*")
_INLINE = re.compile(rb"(?:src_[^ \t\n\[{]+|call_[^ \t\n\[(]+)")


@dataclass(frozen=True, slots=True)
class Object:
    """One object; `begin` and `end` are positions in `Source.text`, blanks after it left out.

    Attributes:
        type: Org's name for it.
        begin: Where it begins.
        end: Where it ends.
        kind: The type of a link (`id`, `custom-id`, `fuzzy`, `file`...) or timestamp (`active`, `inactive-range`...).
        value: The path of a link, the name of a target, else the text.
        contents: Where objects may stand in it; (-1, -1) if none may.
    """

    type: str
    begin: int
    end: int
    kind: str = ""
    value: bytes = b""
    contents: tuple[int, int] = (-1, -1)


def parse_objects(text: bytes, begin: int, end: int, *, in_link: bool = False) -> Iterator[Object]:
    """Yield the objects of `text[begin:end]`, each before those in it.

    Args:
        text: The text that the parser reads.
        begin: Where the paragraph, title or tag begins.
        end: Where it ends.
        in_link: Whether it is the description of a link, where no link or timestamp may stand.
    """
    missing: set[bytes] = set()
    position = begin
    while (match := _START.search(text, position, end)) is not None:
        found = _object_at(text, match.start(), begin, end, missing)
        if found is None or (in_link and found.type in ("link", "timestamp", "target", "radio-target", "citation")):
            position = match.start() + 1
            continue
        yield found
        if found.contents[0] >= 0:
            yield from parse_objects(text, *found.contents, in_link=in_link or found.type == "link")
        position = max(found.end, match.start() + 1)


def _object_at(text: bytes, at: int, begin: int, end: int, missing: set[bytes]) -> Object | None:
    """Return the object at `at`, or None.  `missing` holds what was searched for and is not there: once is enough."""
    char = text[at : at + 1]
    if char in _EMPHASIS:
        return _emphasis(text, at, begin, end, char, missing)
    if char == b"[":
        return _bracketed(text, at, end, missing)
    if char == b"<":
        return _angled(text, at, end)
    if char == b"$" or char == b"\\":
        return _latex(text, at, begin, end, missing)
    if char == b"@":
        return _until(text, at, end, _SNIPPET, b"@@", "export-snippet", missing)
    if char == b"{":
        return _macro(text, at, end, missing)
    if match := _INLINE.match(text, at, end):
        return _inline(text, match, end)
    return _plain_link(text, at, end)


def _emphasis(text: bytes, at: int, begin: int, end: int, mark: bytes, missing: set[bytes]) -> Object | None:
    """Return the emphasised text that `mark` opens (org-element--parse-generic-emphasis)."""
    if mark in missing or (at > begin and text[at - 1] not in _BEFORE_EMPHASIS):
        return None
    closing = _CLOSING[mark].search(text, at + 1, end)
    if closing is None:
        missing.add(mark)
        return None
    last = closing.end() - 1
    kind = _EMPHASIS[mark]
    contents = (-1, -1) if kind in ("verbatim", "code") else (at + 1, last)
    return Object(kind, at, last + 1, value=text[at + 1 : last], contents=contents)


def _until(
    text: bytes, at: int, end: int, opening: "re.Pattern[bytes]", closing: bytes, kind: str, missing: set[bytes]
) -> Object | None:
    """Return what `opening` opens at `at` and the next `closing` closes."""
    match = opening.match(text, at, end)
    if match is None or closing in missing:
        return None
    last = text.find(closing, match.end(), end)
    if last < 0:
        missing.add(closing)
        return None
    return Object(kind, at, last + len(closing))


def _macro(text: bytes, at: int, end: int, missing: set[bytes]) -> Object | None:
    """Return the macro call at `at`."""
    match = _MACRO.match(text, at, end)
    if match is None:
        return None
    if match.group().endswith(b"}}}"):
        return Object("macro", at, match.end())
    return _until(text, at, end, _MACRO, b")}}}", "macro", missing)


def _bracketed(text: bytes, at: int, end: int, missing: set[bytes]) -> Object | None:
    """Return the cookie, timestamp, link, footnote or citation at `at`."""
    if match := syntax.COOKIE.match(text, at, end):
        return Object("statistics-cookie", at, match.end(), value=match.group())
    following = text[at + 1 : at + 2]
    if following == b"[":
        return _bracket_link(text, at, end, missing)
    if following == b"f":
        match = _FOOTNOTE.match(text, at, end)
        last = _closing_bracket(text, at, end, b"[", b"]") if match else -1
        if match is None or last < 0:
            return None
        contents = (match.end(), last - 1) if match.group(1) is None else (-1, -1)
        return Object("footnote-reference", at, last, value=match.group(1) or b"", contents=contents)
    if following == b"c":
        match = _CITATION.match(text, at, end)
        last = _closing_bracket(text, at, end, b"[", b"]") if match else -1
        found = last > 0 and b"@" in text[at:last]
        return Object("citation", at, last) if found else None
    return timestamp_at(text, at, end)


def timestamp_at(text: bytes, at: int, end: int) -> Object | None:
    """Return the timestamp or range of timestamps at `at`, or None (org-element-timestamp-parser)."""
    match = _TIMESTAMP_START.match(text, at, end)
    if match is None:
        return None
    if text[at + 1 : at + 3] == b"%%":
        return Object("timestamp", at, match.end(), "diary", match.group())
    kind = "active" if text[at : at + 1] == b"<" else "inactive"
    last = match.end()
    if range_end := _RANGE_END.match(text, last, end):
        last = range_end.end()
        kind += "-range"
    elif _TIME_RANGE.search(match.group()):
        kind += "-range"
    return Object("timestamp", at, last, kind, text[at:last])


def _bracket_link(text: bytes, at: int, end: int, missing: set[bytes]) -> Object | None:
    """Return the link `[[path]]` or `[[path][description]]` at `at`."""
    match = _LINK_PATH.match(text, at, end)
    if match is None:
        return None
    after = match.end()
    contents = (-1, -1)
    if text[after : after + 1] == b"[" and b"]]" not in missing:
        closing = text.find(b"]]", after + 2, end)
        if closing < 0:
            missing.add(b"]]")
            return None
        contents = (after + 1, closing)
        after = closing + 2
    elif text[after : after + 1] == b"]":
        after += 1
    else:
        return None
    path = re.sub(rb"\\([\[\]\\])", rb"\1", match.group(1).strip())
    kind, value = link_type(path)
    return Object("link", at, after, kind, value, contents)


def link_type(path: bytes) -> tuple[str, bytes]:
    """Return the type of a link's path and what it points at (org-element-link-parser)."""
    if path.startswith(b"#"):
        return "custom-id", path[1:]
    if path.startswith(b"(") and path.endswith(b")"):
        return "coderef", path[1:-1]
    if match := re.match(rb"(" + _LINK_TYPES + rb"):", path):
        kind = match.group(1).decode()
        value = path[match.end() :]
        return ("file", value.split(b"::")[0]) if kind.startswith("file") else (kind, value)
    if path.startswith((b"/", b"./", b"../", b"~/")):
        return "file", path.split(b"::")[0]
    return "fuzzy", path


def _angled(text: bytes, at: int, end: int) -> Object | None:
    """Return the target, timestamp or link at `at`."""
    if match := _RADIO_TARGET.match(text, at, end):
        return Object("radio-target", at, match.end(), value=match.group(1))
    if match := _TARGET.match(text, at, end):
        return Object("target", at, match.end(), value=match.group(1))
    if match := _ANGLE_LINK.match(text, at, end):
        return Object("link", at, match.end(), match.group(1).decode(), match.group(2))
    return timestamp_at(text, at, end)


def _plain_link(text: bytes, at: int, end: int) -> Object | None:
    """Return the link without brackets at `at`; punctuation that ends it is left out."""
    match = _PLAIN_LINK.match(text, at, end)
    if match is None:
        return None
    last = match.end()
    while last > match.start(2) and text[last - 1 : last] in b"!\"#$%&'*+,-.:;=?@\\^_`{|}~":
        last -= 1
    if last == match.start(2):
        return None
    return Object("link", at, last, match.group(1).decode(), text[match.start(2) : last])


def _latex(text: bytes, at: int, begin: int, end: int, missing: set[bytes]) -> Object | None:
    """Return the LaTeX fragment at `at`: `\\(..\\)`, `\\[..\\]`, `$$..$$` or `$..$`."""
    mark = text[at : at + 2]
    closing = {b"\\(": b"\\)", b"\\[": b"\\]", b"$$": b"$$"}.get(mark)
    if closing is None:
        return _dollars(text, at, begin, end, missing)
    if closing in missing:
        return None
    last = text.find(closing, at + 2, end)
    if last < 0:
        missing.add(closing)
        return None
    return Object("latex-fragment", at, last + 2)


def _dollars(text: bytes, at: int, begin: int, end: int, missing: set[bytes]) -> Object | None:
    """Return the fragment `$..$` at `at`, by the rules that keep prices out."""
    if b"$" in missing or (at > begin and text[at - 1 : at] == b"$") or text[at + 1 : at + 2] in b" \t\n,.;":
        return None
    last = text.find(b"$", at + 1, end)
    if last < 0:
        missing.add(b"$")
        return None
    following = text[last + 1 : last + 2] if last + 1 < end else b""
    if text[last - 1 : last] in b" \t\n,." or re.match(rb"[\w\x80-\xff]", following):
        return None
    return Object("latex-fragment", at, last + 1)


def _inline(text: bytes, match: "re.Match[bytes]", end: int) -> Object | None:
    """Return the inline source block or babel call that `match` opens."""
    last = match.end()
    source = match.group().startswith(b"src_")
    if text[last : last + 1] == b"[" and (last := _closing_bracket(text, last, end, b"[", b"]")) < 0:
        return None
    pair = (b"{", b"}") if source else (b"(", b")")
    if text[last : last + 1] != pair[0] or (last := _closing_bracket(text, last, end, *pair)) < 0:
        return None
    return Object("inline-src-block" if source else "inline-babel-call", match.start(), last)


def _closing_bracket(text: bytes, at: int, end: int, opening: bytes, closing: bytes) -> int:
    """Return where the bracket at `at` is closed, after nested pairs; -1 if it is not within 10,000 bytes.

    The bound keeps a row of a hundred thousand open brackets from taking quadratic time.
    """
    depth = 0
    for match in re.finditer(re.escape(opening) + rb"|" + re.escape(closing), text[at : min(end, at + 10_000)]):
        depth += 1 if match.group() == opening else -1
        if depth == 0:
            return at + match.end()
    return -1
