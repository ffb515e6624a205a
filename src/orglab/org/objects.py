"""The objects in a paragraph or title: timestamps, links, targets, cookies, and objects that can hide those.

Follows `org-element--object-lex` and the parsers it calls.  Subscripts, superscripts,
entities and line breaks are left out: they neither contain nor hide any of these.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orglab.org import syntax
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late

_EMPHASIS = {b"*": "bold", b"/": "italic", b"_": "underline", b"+": "strike-through", b"=": "verbatim", b"~": "code"}
_SPACE = b" \t\n\r\f\v"
_BEFORE_EMPHASIS = _SPACE + b"-('\"{"
_CLOSING = {
    mark: compile_late(rb"(?<=[^\s])" + re.escape(mark) + rb"(?=[\s.,;:!?'\")}\\\[-]|\Z)")
    for mark in _EMPHASIS
}  # fmt: skip
# Where an object may begin (org-element--object-regexp).  Plain links have the types that Org defines by default.
_LINK_TYPES = (
    rb"attachment|bbdb|bibtex|coderef|custom-id|docview|doi|elisp|file\+emacs|file\+sys|file|ftp|fuzzy|gnus|help"
    rb"|https?|id|info|irc|mailto|man|mhe|news|radio|rmail|shell|w3m|eww"
)
_START = compile_late(
    rb"[*/_+=~][^\s]|(?<![0-9A-Za-z'\x80-\xff])(?:(?:" + _LINK_TYPES + rb"):[^\s\[\]<>)]|(?-i:src_|call_))"
    rb"|\[(?:cite[:/]|fn:|[0-9%/]|\[)|@@|\{\{\{|<(?:%%|<|[0-9]|(?:" + _LINK_TYPES + rb"):)|\$|\\[(\[]",
    re.I,
)
_PLAIN_LINK = compile_late(
    rb"(" + _LINK_TYPES + rb"):((?:[^\]\[ \t\n()<>]|\((?:[^\]\[ \t\n()<>]|\([^\]\[ \t\n()<>]*\))*\))+)", re.I
)
# The path of a plain link has at least two characters; a pair of brackets counts as one.
_TWO_OF_PATH = compile_late(r"(?:[^()]|\((?:[^()]|\([^()]*\))*\)){2}")
_PUNCTUATION = "!\"#$%&'*+,-.:;=?@\\^_`{|}~"
_ANGLE_LINK = compile_late(rb"<(" + _LINK_TYPES + rb"):", re.I)
_LINK_PATH = compile_late(rb"\[\[((?>(?:[^\]\[\\]|\\(?>(?:\\\\)*)[\]\[]|\\+[^\]\[])+))\]")
_DATE = compile_late(rb"[\[<][0-9]{4}-[0-9]{2}-[0-9]{2}(?=[ \]>])")
_TIME_RANGE = compile_late(rb"[012]?[0-9]:[0-5][0-9]-[012]?[0-9]:[0-5][0-9]")
_TARGET = compile_late(rb"<<([^<>\n\r \t](?:[^<>\n\r]*[^<>\n\r \t])?)>>")
RADIO_TARGET = compile_late(rb"<<<([^<>\n\r \t](?:[^<>\n\r]*[^<>\n\r \t])?)>>>")
_MACRO = compile_late(rb"\{\{\{[a-zA-Z][-a-zA-Z0-9_]*(?:\}\}\}|\()")
_SNIPPET = compile_late(rb"@@[-A-Za-z0-9]+:")
_FOOTNOTE = compile_late(rb"\[fn:(?:([\w\x80-\xff-]+)\]|([\w\x80-\xff-]+)?:)", re.I)
_CITATION = compile_late(rb"\[cite(?:/[/\w\x80-\xff-]+)?:", re.I)
# Ends of objects; as lookaheads where ends may overlap: `]]]` contains two.
_TWO_BRACKETS = compile_late(rb"(?=\]\])")
_SNIPPET_END = compile_late(rb"(?=@@)")
_MACRO_END = compile_late(rb"(?=\)\}\}\})")
_LATEX_ENDS = {
    b"\\(": compile_late(rb"\\\)"),
    b"\\[": compile_late(rb"\\\]"),
    b"$$": compile_late(rb"(?=\$\$)"),
}
_DOLLAR = compile_late(rb"\$")
_TIMESTAMP_END = compile_late(rb"[\]>\n]")
_ANGLE_END = compile_late(rb"[>\n]")
_ANGLE = compile_late(rb">")
_ROUND_BRACKET = compile_late(rb"\)")
_EMPTY_LINE = compile_late(rb"\n[ \t]*(?=[\n>])")
_SOURCE_NAME_END = compile_late(rb"[ \t\n\[{]")
_CALL_NAME_END = compile_late(rb"[ \t\n\[(]")
_CITATION_KEY = compile_late(rb"@[\w\x80-\xff.:?!`'/*@+|(){}<>&^$#%~-]")


class Object(NamedTuple):
    """One object; positions are in `Source.text`.

    Attributes:
        type: The org-element type, such as `link` or `timestamp`.
        begin: Where it begins.
        end: Where it ends, without the blanks after it.
        kind: The type of a link (`id`, `custom-id`, `fuzzy`, `file`...) or timestamp (`active`, `inactive-range`...).
        value: The path of a link, the name of a target, or else the text; empty for objects with contents.
        contents: The span that may contain objects; (-1, -1) if there is none.
    """

    type: str
    begin: int
    end: int
    kind: str = ""
    value: bytes = b""
    contents: tuple[int, int] = (-1, -1)


# All radio targets are searched for with one pattern, so their number is limited.
_MOST_RADIO_TARGETS = 100


def radio_pattern(names: Iterable[bytes]) -> "re.Pattern[bytes] | None":
    """Return the pattern for text that links to radio targets with these names (org-update-radio-target-regexp)."""
    chosen = sorted(set(names), key=lambda name: (-len(name), name))[:_MOST_RADIO_TARGETS]
    if not chosen:
        return None
    spelt = b"|".join(rb"\s+".join(map(re.escape, re.split(b" +", name))) for name in chosen)
    return re.compile(rb"(?<![0-9A-Za-z\x80-\xff])(?:" + spelt + rb")(?![0-9A-Za-z\x80-\xff])", re.I)


class _Ends:
    """Positions where objects may end in a range of the text; each kind is searched for once, on first use.

    Searching from each opening would take quadratic time if thousands of them have no end.
    """

    __slots__ = ("_begin", "_end", "_pairs", "_positions", "_text")

    def __init__(self, text: bytes, begin: int, end: int) -> None:
        self._text = text
        self._begin = begin
        self._end = end
        self._positions: dict[re.Pattern[bytes], list[int]] = {}
        self._pairs: dict[bytes, dict[int, int]] = {}

    def find(self, pattern: "re.Pattern[bytes]", start: int, limit: int) -> int:
        """Return the first position of `pattern` at or after `start` and before `limit`, or -1."""
        positions = self._positions.get(pattern)
        if positions is None:
            positions = [match.start() for match in pattern.finditer(self._text, self._begin, self._end)]
            self._positions[pattern] = positions
        index = bisect_left(positions, start)
        return positions[index] if index < len(positions) and positions[index] < limit else -1

    def find_pair_end(self, brackets: bytes, at: int, limit: int) -> int:
        """Return the position after the bracket that closes the one at `at`, or -1 if it is not before `limit`."""
        pairs = self._pairs.get(brackets)
        if pairs is None:
            pairs = self._pairs[brackets] = {}
            opened: list[int] = []
            for match in re.finditer(b"[" + re.escape(brackets) + b"]", self._text[self._begin : self._end]):
                if match.group() == brackets[:1]:
                    opened.append(match.start())
                elif opened:
                    pairs[self._begin + opened.pop()] = self._begin + match.end()
        after = pairs.get(at, -1)
        return after if after <= limit else -1


def parse_objects(
    text: bytes, begin: int, end: int, *, in_link: bool = False, radio: "re.Pattern[bytes] | None" = None
) -> Iterator[Object]:
    """Yield the objects in `text[begin:end]`, each before the objects in it.

    Args:
        text: The text of the document.
        begin: Where the paragraph, title or tag begins.
        end: Where it ends.
        in_link: Whether it is the description of a link, which cannot contain links or timestamps.
        radio: The pattern for text that links to a radio target.
    """
    ends = _Ends(text, begin, end)
    # Iterative, because emphasis may be nested very deeply.
    todo = [(begin, begin, end, in_link)]
    while todo:
        position, begin, end, in_link = todo.pop()
        linked = radio.search(text, position, end) if radio is not None and not in_link else None
        while (match := _START.search(text, position, end)) is not None:
            if linked is not None and linked.start() <= match.start():
                break
            parsed = _parse_object(text, match, begin, end, ends, in_link=in_link)
            if parsed is None:
                position = match.start() + 1
                continue
            yield parsed
            position = max(parsed.end, match.start() + 1)
            if parsed.contents[0] >= 0:
                todo.append((position, begin, end, in_link))
                todo.append((parsed.contents[0], *parsed.contents, in_link or parsed.type == "link"))
                break
            if linked is not None and linked.start() < position and radio is not None:
                linked = radio.search(text, position, end)
        if linked is not None and (match is None or linked.start() <= match.start()):
            yield Object("link", *linked.span(), "radio", linked.group())
            todo.append((linked.end(), begin, end, in_link))


def _parse_object(
    text: bytes, match: "re.Match[bytes]", begin: int, end: int, ends: _Ends, *, in_link: bool
) -> Object | None:
    """Return the object at the start of `match`, or None; links, timestamps, targets and citations not in links."""
    at = match.start()
    char = text[at : at + 1]
    if char in _EMPHASIS:
        return _parse_emphasis(text, at, begin, end, char, ends)
    if char == b"[":
        return _parse_bracketed(text, at, end, ends, in_link=in_link)
    if char == b"<":
        return None if in_link else _parse_angled(text, at, end, ends)
    if char in (b"$", b"\\"):
        return _parse_latex(text, at, begin, end, ends)
    if char == b"@":
        return _parse_delimited(text, at, end, _SNIPPET, _SNIPPET_END, ends)
    if char == b"{":
        return _parse_delimited(text, at, end, _MACRO, _MACRO_END, ends)
    if match.group() in (b"src_", b"call_"):
        return _parse_inline(text, at, match.end(), end, ends)
    return None if in_link else _parse_plain_link(text, at, end)


def _parse_emphasis(text: bytes, at: int, begin: int, end: int, mark: bytes, ends: _Ends) -> Object | None:
    """Return the emphasis that `mark` opens, or None (org-element--parse-generic-emphasis)."""
    if at > begin and text[at - 1] not in _BEFORE_EMPHASIS:
        return None
    last = ends.find(_CLOSING[mark], at + 2, end - 1)
    if last < 0:
        # A mark at the end of the surrounding text also closes it.
        last = end - 1
        if last < at + 2 or text[last : last + 1] != mark or text[last - 1] in _SPACE:
            return None
    kind = _EMPHASIS[mark]
    if kind in ("verbatim", "code"):
        return Object(kind, at, last + 1, value=text[at + 1 : last])
    return Object(kind, at, last + 1, contents=(at + 1, last))


_DELIMITED = {_SNIPPET_END: ("export-snippet", 2), _MACRO_END: ("macro", 4)}


def _parse_delimited(
    text: bytes, at: int, end: int, opening: "re.Pattern[bytes]", closing: "re.Pattern[bytes]", ends: _Ends
) -> Object | None:
    """Return the export snippet or macro at `at`, or None."""
    kind, length = _DELIMITED[closing]
    match = opening.match(text, at, end)
    if match is None:
        return None
    if match.group().endswith(b"}"):
        return Object(kind, at, match.end())
    last = ends.find(closing, match.end(), end - length + 1)
    return None if last < 0 else Object(kind, at, last + length)


def _parse_bracketed(text: bytes, at: int, end: int, ends: _Ends, *, in_link: bool) -> Object | None:
    """Return the cookie, timestamp, link, footnote reference or citation at `at`, or None."""
    if match := syntax.COOKIE.match(text, at, end):
        return Object("statistics-cookie", at, match.end(), value=match.group())
    following = text[at + 1 : at + 2].lower()
    if following == b"f":
        match = _FOOTNOTE.match(text, at, end)
        last = ends.find_pair_end(b"[]", at, end) if match else -1
        if match is None or last < 0:
            return None
        contents = (match.end(), last - 1) if match.group(1) is None else (-1, -1)
        return Object("footnote-reference", at, last, value=match.group(1) or b"", contents=contents)
    if in_link:
        return None
    if following == b"[":
        return _parse_bracket_link(text, at, end, ends)
    if following == b"c":
        match = _CITATION.match(text, at, end)
        last = ends.find_pair_end(b"[]", at, end) if match else -1
        has_key = match is not None and ends.find(_CITATION_KEY, match.end(), last) >= 0
        return Object("citation", at, last) if has_key else None
    return _parse_timestamp(text, at, end, ends)


def _parse_timestamp(text: bytes, at: int, end: int, ends: _Ends) -> Object | None:
    """Return the timestamp or timestamp range at `at`, or None (org-element-timestamp-parser)."""
    last = ends.find(_TIMESTAMP_END, at + 1, end)
    if last < 0 or text[last] == 0x0A:
        return None
    last += 1
    if text.startswith(b"<%%(", at):
        closing = ends.find(_ANGLE_END, at + 4, end)
        is_closed = closing > at and text[closing] != 0x0A and ends.find(_ROUND_BRACKET, at + 5, closing) >= 0
        return Object("timestamp", at, last, "diary", text[at:last]) if is_closed else None
    if not _DATE.match(text, at, end):
        return None
    kind = "active" if text[at : at + 1] == b"<" else "inactive"
    if text.startswith(b"--", last) and _DATE.match(text, last + 2, end):
        closing = ends.find(_TIMESTAMP_END, last + 3, end)
        if closing >= 0 and text[closing] != 0x0A:
            return Object("timestamp", at, closing + 1, f"{kind}-range", text[at : closing + 1])
    if _TIME_RANGE.search(text, at, last):
        kind += "-range"
    return Object("timestamp", at, last, kind, text[at:last])


def _parse_bracket_link(text: bytes, at: int, end: int, ends: _Ends) -> Object | None:
    """Return the link `[[path]]` or `[[path][description]]` at `at`, or None."""
    match = _LINK_PATH.match(text, at, end)
    if match is None:
        return None
    after = match.end()
    contents = (-1, -1)
    if text[after : after + 1] == b"[":
        closing = ends.find(_TWO_BRACKETS, after + 2, end - 1)
        if closing < 0:
            return None
        contents = (after + 1, closing)
        after = closing + 2
    elif text[after : after + 1] == b"]" and after < end:
        after += 1
    else:
        return None
    path = re.sub(rb"\\([\[\]\\])", rb"\1", match.group(1).strip())
    kind, value = read_link_type(path)
    return Object("link", at, after, kind, value, contents)


def read_link_type(path: bytes) -> tuple[str, bytes]:
    """Return the type and the target of a link path (org-element-link-parser)."""
    if path.startswith(b"#"):
        return "custom-id", path[1:]
    if path.startswith(b"(") and path.endswith(b")"):
        return "coderef", path[1:-1]
    if match := re.match(rb"(" + _LINK_TYPES + rb"):", path, re.I):
        kind = match.group(1).decode()
        value = path[match.end() :]
        return ("file", value.split(b"::")[0]) if kind.lower().startswith("file") else (kind, value)
    if path.startswith((b"/", b"./", b"../", b"~/")):
        return "file", path.split(b"::")[0]
    return "fuzzy", path


def _parse_angled(text: bytes, at: int, end: int, ends: _Ends) -> Object | None:
    """Return the target, timestamp or link at `at`, or None."""
    if match := RADIO_TARGET.match(text, at, end):
        return Object("radio-target", at, match.end(), value=match.group(1))
    if match := _TARGET.match(text, at, end):
        return Object("target", at, match.end(), value=match.group(1))
    if match := _ANGLE_LINK.match(text, at, end):
        last = ends.find(_ANGLE, match.end(), end)
        # It may span lines, but not an empty one, and `>` must not start a line.
        if last < 0 or ends.find(_EMPTY_LINE, match.end(), last) >= 0:
            return None
        return Object("link", at, last + 1, match.group(1).decode(), text[match.end() : last])
    return _parse_timestamp(text, at, end, ends)


def _parse_plain_link(text: bytes, at: int, end: int) -> Object | None:
    """Return the plain link at `at`, without punctuation at its end, or None."""
    match = _PLAIN_LINK.match(text, at, end)
    if match is None:
        return None
    path = decode(match.group(2))
    length = len(path)
    while length and (path[length - 1] in _PUNCTUATION or unicodedata.category(path[length - 1])[0] in "PS"):
        if path[length - 1] in "/)":
            break
        length -= 1
    if not _TWO_OF_PATH.match(path, 0, length):
        return None
    value = encode(path[:length])
    return Object("link", at, match.start(2) + len(value), match.group(1).decode(), value)


def _parse_latex(text: bytes, at: int, begin: int, end: int, ends: _Ends) -> Object | None:
    r"""Return the LaTeX fragment `\(..\)`, `\[..\]`, `$$..$$` or `$..$` at `at`, or None."""
    closing = _LATEX_ENDS.get(text[at : at + 2])
    if closing is None:
        return _parse_dollars(text, at, begin, end, ends)
    last = ends.find(closing, at + 2, end - 1)
    return None if last < 0 else Object("latex-fragment", at, last + 2)


def _parse_dollars(text: bytes, at: int, begin: int, end: int, ends: _Ends) -> Object | None:
    """Return the LaTeX fragment `$..$` at `at`, or None; Org's rules exclude prices."""
    if (at > begin and text[at - 1 : at] == b"$") or text[at + 1 : at + 2] in b" \t\n,.;":
        return None
    last = ends.find(_DOLLAR, at + 1, end)
    if last < 0:
        return None
    following = text[last + 1 : last + 2] if last + 1 < end else b""
    if text[last - 1 : last] in b" \t\n,." or re.match(rb"[\w\x80-\xff]", following):
        return None
    return Object("latex-fragment", at, last + 1)


def _parse_inline(text: bytes, at: int, after: int, end: int, ends: _Ends) -> Object | None:
    """Return the inline source block or babel call at `at`, or None; its name begins at `after`."""
    source = text.startswith(b"src_", at)
    brackets = b"{}" if source else b"()"
    last = ends.find(_SOURCE_NAME_END if source else _CALL_NAME_END, after, end)
    if last <= after:
        return None
    if text[last : last + 1] == b"[" and (last := ends.find_pair_end(b"[]", last, end)) < 0:
        return None
    if text[last : last + 1] != brackets[:1] or (last := ends.find_pair_end(brackets, last, end)) < 0:
        return None
    return Object("inline-src-block" if source else "inline-babel-call", at, last)
