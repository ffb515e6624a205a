"""The objects inside a paragraph or a title: timestamps, links, targets, cookies, and what hides them.

As `org-element--object-lex` and the parsers it calls.  Sub- and superscripts,
entities and line breaks are left out: they neither hold nor hide any of these.
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
# Where an object may begin (org-element--object-regexp).  Plain links of the types Org knows at start.
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
# The path of a plain link is two characters at least; a pair of brackets counts as one.
_TWO_OF_PATH = compile_late(r"(?:[^()]|\((?:[^()]|\([^()]*\))*\)){2}")
_PUNCTUATION = "!\"#$%&'*+,-.:;=?@\\^_`{|}~"
_ANGLE_LINK = compile_late(rb"<(" + _LINK_TYPES + rb"):", re.I)
_LINK_PATH = compile_late(rb"\[\[((?:[^\]\[\\]|\\(?:\\\\)*+[\]\[]|\\+[^\]\[])++)\]")
_DATE = compile_late(rb"[\[<][0-9]{4}-[0-9]{2}-[0-9]{2}(?=[ \]>])")
_TIME_RANGE = compile_late(rb"[012]?[0-9]:[0-5][0-9]-[012]?[0-9]:[0-5][0-9]")
_TARGET = compile_late(rb"<<([^<>\n\r \t](?:[^<>\n\r]*[^<>\n\r \t])?)>>")
RADIO_TARGET = compile_late(rb"<<<([^<>\n\r \t](?:[^<>\n\r]*[^<>\n\r \t])?)>>>")
_MACRO = compile_late(rb"\{\{\{[a-zA-Z][-a-zA-Z0-9_]*(?:\}\}\}|\()")
_SNIPPET = compile_late(rb"@@[-A-Za-z0-9]+:")
_FOOTNOTE = compile_late(rb"\[fn:(?:([\w\x80-\xff-]+)\]|([\w\x80-\xff-]+)?:)", re.I)
_CITATION = compile_late(rb"\[cite(?:/[/\w\x80-\xff-]+)?:", re.I)
# What ends something; in a lookahead, for `]]]` holds two ends.
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
    """One object; `begin` and `end` are positions in `Source.text`, blanks after it left out.

    Attributes:
        type: Org's name for it.
        begin: Where it begins.
        end: Where it ends.
        kind: The type of a link (`id`, `custom-id`, `fuzzy`, `file`...) or timestamp (`active`, `inactive-range`...).
        value: The path of a link, the name of a target, else the text; empty for what holds objects.
        contents: Where objects may stand in it; (-1, -1) if none may.
    """

    type: str
    begin: int
    end: int
    kind: str = ""
    value: bytes = b""
    contents: tuple[int, int] = (-1, -1)


# Text that links to a radio target is looked for by all of their names at once.  A file of thousands is no log.
_MOST_RADIO_TARGETS = 100


def radio_pattern(names: Iterable[bytes]) -> "re.Pattern[bytes] | None":
    """Return the regexp of the text that links to radio targets of these names (org-update-radio-target-regexp)."""
    chosen = sorted(set(names), key=lambda name: (-len(name), name))[:_MOST_RADIO_TARGETS]
    if not chosen:
        return None
    spelt = b"|".join(rb"\s+".join(map(re.escape, re.split(b" +", name))) for name in chosen)
    return re.compile(rb"(?<![0-9A-Za-z\x80-\xff])(?:" + spelt + rb")(?![0-9A-Za-z\x80-\xff])", re.I)


class _Places:
    """Where things end in a stretch of text: each kind is looked for once, when first asked for.

    A search from each opening would take quadratic time where thousands have no end.
    """

    __slots__ = ("_begin", "_end", "_found", "_pairs", "_text")

    def __init__(self, text: bytes, begin: int, end: int) -> None:
        self._text = text
        self._begin = begin
        self._end = end
        self._found: dict[re.Pattern[bytes], list[int]] = {}
        self._pairs: dict[bytes, dict[int, int]] = {}

    def find(self, pattern: "re.Pattern[bytes]", start: int, limit: int) -> int:
        """Return the first place of `pattern` at or after `start` and before `limit`; -1 if there is none."""
        places = self._found.get(pattern)
        if places is None:
            places = [match.start() for match in pattern.finditer(self._text, self._begin, self._end)]
            self._found[pattern] = places
        index = bisect_left(places, start)
        return places[index] if index < len(places) and places[index] < limit else -1

    def find_pair_end(self, brackets: bytes, at: int, limit: int) -> int:
        """Return the place after the bracket that closes the one at `at`; -1 if there is none before `limit`."""
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
    """Yield the objects of `text[begin:end]`, each before those in it.

    Args:
        text: The text that the parser reads.
        begin: Where the paragraph, title or tag begins.
        end: Where it ends.
        in_link: Whether it is the description of a link, where no link or timestamp may stand.
        radio: What text links to a radio target.
    """
    places = _Places(text, begin, end)
    # Without recursion: emphasis may nest as deep as the line is long.
    todo = [(begin, begin, end, in_link)]
    while todo:
        position, begin, end, in_link = todo.pop()
        linked = radio.search(text, position, end) if radio is not None and not in_link else None
        while (match := _START.search(text, position, end)) is not None:
            if linked is not None and linked.start() <= match.start():
                break
            found = _parse_object(text, match, begin, end, places, in_link=in_link)
            if found is None:
                position = match.start() + 1
                continue
            yield found
            position = max(found.end, match.start() + 1)
            if found.contents[0] >= 0:
                todo.append((position, begin, end, in_link))
                todo.append((found.contents[0], *found.contents, in_link or found.type == "link"))
                break
            if linked is not None and linked.start() < position and radio is not None:
                linked = radio.search(text, position, end)
        if linked is not None and (match is None or linked.start() <= match.start()):
            yield Object("link", *linked.span(), "radio", linked.group())
            todo.append((linked.end(), begin, end, in_link))


def _parse_object(
    text: bytes, match: "re.Match[bytes]", begin: int, end: int, places: _Places, *, in_link: bool
) -> Object | None:
    """Return the object that begins where `match` does, or None; in a link no link, timestamp, target or citation."""
    at = match.start()
    char = text[at : at + 1]
    if char in _EMPHASIS:
        return _parse_emphasis(text, at, begin, end, char, places)
    if char == b"[":
        return _parse_bracketed(text, at, end, places, in_link=in_link)
    if char == b"<":
        return None if in_link else _parse_angled(text, at, end, places)
    if char in (b"$", b"\\"):
        return _parse_latex(text, at, begin, end, places)
    if char == b"@":
        return _parse_delimited(text, at, end, _SNIPPET, _SNIPPET_END, places)
    if char == b"{":
        return _parse_delimited(text, at, end, _MACRO, _MACRO_END, places)
    if match.group() in (b"src_", b"call_"):
        return _parse_inline(text, at, match.end(), end, places)
    return None if in_link else _parse_plain_link(text, at, end)


def _parse_emphasis(text: bytes, at: int, begin: int, end: int, mark: bytes, places: _Places) -> Object | None:
    """Return the emphasised text that `mark` opens (org-element--parse-generic-emphasis)."""
    if at > begin and text[at - 1] not in _BEFORE_EMPHASIS:
        return None
    last = places.find(_CLOSING[mark], at + 2, end - 1)
    if last < 0:
        # What ends the text around it ends it too.
        last = end - 1
        if last < at + 2 or text[last : last + 1] != mark or text[last - 1] in _SPACE:
            return None
    kind = _EMPHASIS[mark]
    if kind in ("verbatim", "code"):
        return Object(kind, at, last + 1, value=text[at + 1 : last])
    return Object(kind, at, last + 1, contents=(at + 1, last))


_ENDS = {_SNIPPET_END: ("export-snippet", 2), _MACRO_END: ("macro", 4)}


def _parse_delimited(
    text: bytes, at: int, end: int, opening: "re.Pattern[bytes]", closing: "re.Pattern[bytes]", places: _Places
) -> Object | None:
    """Return the export snippet or macro call at `at`."""
    kind, length = _ENDS[closing]
    match = opening.match(text, at, end)
    if match is None:
        return None
    if match.group().endswith(b"}"):
        return Object(kind, at, match.end())
    last = places.find(closing, match.end(), end - length + 1)
    return None if last < 0 else Object(kind, at, last + length)


def _parse_bracketed(text: bytes, at: int, end: int, places: _Places, *, in_link: bool) -> Object | None:
    """Return the cookie, timestamp, link, footnote or citation at `at`."""
    if match := syntax.COOKIE.match(text, at, end):
        return Object("statistics-cookie", at, match.end(), value=match.group())
    following = text[at + 1 : at + 2].lower()
    if following == b"f":
        match = _FOOTNOTE.match(text, at, end)
        last = places.find_pair_end(b"[]", at, end) if match else -1
        if match is None or last < 0:
            return None
        contents = (match.end(), last - 1) if match.group(1) is None else (-1, -1)
        return Object("footnote-reference", at, last, value=match.group(1) or b"", contents=contents)
    if in_link:
        return None
    if following == b"[":
        return _parse_bracket_link(text, at, end, places)
    if following == b"c":
        match = _CITATION.match(text, at, end)
        last = places.find_pair_end(b"[]", at, end) if match else -1
        found = match is not None and places.find(_CITATION_KEY, match.end(), last) >= 0
        return Object("citation", at, last) if found else None
    return _parse_timestamp(text, at, end, places)


def _parse_timestamp(text: bytes, at: int, end: int, places: _Places) -> Object | None:
    """Return the timestamp or range of timestamps at `at`, or None (org-element-timestamp-parser)."""
    last = places.find(_TIMESTAMP_END, at + 1, end)
    if last < 0 or text[last] == 0x0A:
        return None
    last += 1
    if text.startswith(b"<%%(", at):
        closing = places.find(_ANGLE_END, at + 4, end)
        found = closing > at and text[closing] != 0x0A and places.find(_ROUND_BRACKET, at + 5, closing) >= 0
        return Object("timestamp", at, last, "diary", text[at:last]) if found else None
    if not _DATE.match(text, at, end):
        return None
    kind = "active" if text[at : at + 1] == b"<" else "inactive"
    if text.startswith(b"--", last) and _DATE.match(text, last + 2, end):
        closing = places.find(_TIMESTAMP_END, last + 3, end)
        if closing >= 0 and text[closing] != 0x0A:
            return Object("timestamp", at, closing + 1, f"{kind}-range", text[at : closing + 1])
    if _TIME_RANGE.search(text, at, last):
        kind += "-range"
    return Object("timestamp", at, last, kind, text[at:last])


def _parse_bracket_link(text: bytes, at: int, end: int, places: _Places) -> Object | None:
    """Return the link `[[path]]` or `[[path][description]]` at `at`."""
    match = _LINK_PATH.match(text, at, end)
    if match is None:
        return None
    after = match.end()
    contents = (-1, -1)
    if text[after : after + 1] == b"[":
        closing = places.find(_TWO_BRACKETS, after + 2, end - 1)
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
    """Return the type of a link's path and what it points at (org-element-link-parser)."""
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


def _parse_angled(text: bytes, at: int, end: int, places: _Places) -> Object | None:
    """Return the target, timestamp or link at `at`."""
    if match := RADIO_TARGET.match(text, at, end):
        return Object("radio-target", at, match.end(), value=match.group(1))
    if match := _TARGET.match(text, at, end):
        return Object("target", at, match.end(), value=match.group(1))
    if match := _ANGLE_LINK.match(text, at, end):
        last = places.find(_ANGLE, match.end(), end)
        # It may go over lines, but not over a blank one, and no line begins with its end.
        if last < 0 or places.find(_EMPTY_LINE, match.end(), last) >= 0:
            return None
        return Object("link", at, last + 1, match.group(1).decode(), text[match.end() : last])
    return _parse_timestamp(text, at, end, places)


def _parse_plain_link(text: bytes, at: int, end: int) -> Object | None:
    """Return the link without brackets at `at`; punctuation that ends it is left out."""
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


def _parse_latex(text: bytes, at: int, begin: int, end: int, places: _Places) -> Object | None:
    r"""Return the LaTeX fragment at `at`: `\(..\)`, `\[..\]`, `$$..$$` or `$..$`."""
    closing = _LATEX_ENDS.get(text[at : at + 2])
    if closing is None:
        return _parse_dollars(text, at, begin, end, places)
    last = places.find(closing, at + 2, end - 1)
    return None if last < 0 else Object("latex-fragment", at, last + 2)


def _parse_dollars(text: bytes, at: int, begin: int, end: int, places: _Places) -> Object | None:
    """Return the fragment `$..$` at `at`, by the rules that keep prices out."""
    if (at > begin and text[at - 1 : at] == b"$") or text[at + 1 : at + 2] in b" \t\n,.;":
        return None
    last = places.find(_DOLLAR, at + 1, end)
    if last < 0:
        return None
    following = text[last + 1 : last + 2] if last + 1 < end else b""
    if text[last - 1 : last] in b" \t\n,." or re.match(rb"[\w\x80-\xff]", following):
        return None
    return Object("latex-fragment", at, last + 1)


def _parse_inline(text: bytes, at: int, after: int, end: int, places: _Places) -> Object | None:
    """Return the inline source block or babel call at `at`, whose name begins at `after`."""
    source = text.startswith(b"src_", at)
    brackets = b"{}" if source else b"()"
    last = places.find(_SOURCE_NAME_END if source else _CALL_NAME_END, after, end)
    if last <= after:
        return None
    if text[last : last + 1] == b"[" and (last := places.find_pair_end(b"[]", last, end)) < 0:
        return None
    if text[last : last + 1] != brackets[:1] or (last := places.find_pair_end(brackets, last, end)) < 0:
        return None
    return Object("inline-src-block" if source else "inline-babel-call", at, last)
