"""The visible words of a report: what a reader sees of its file, without evidence, markup and style.

The file may be hostile: it is read in one pass, nothing in it is expanded, and its size is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import islice
from typing import NamedTuple

from orglab.report.formats.evidence_block import PDF_MARK, ZIP_MARK, read_parts, remove_blocks
from orglab.text import clean

_MAX_PIECES = 10_000_000
_MAX_TEXT = 20_000_000  # bytes
# The tags of HTML that separate no words, and the elements that are not shown.
_INLINE = frozenset(
    (b"!--", b"a", b"abbr", b"b", b"code", b"del", b"em", b"i", b"mi", b"mn", b"mo", b"s", b"small", b"span",
     b"strong", b"sub", b"sup", b"tspan", b"u")
)  # fmt: skip
_HIDDEN = frozenset((b"script", b"style"))
# The tags of docx that separate words, and the elements that are shown.
_BREAKS = frozenset((b"w:br", b"w:cr", b"w:p", b"w:tab", b"w:tc"))
_SHOWN = frozenset((b"m:t", b"w:t"))
_DOCX_PARTS = ("word/document.xml", "word/footnotes.xml")
_TAG_NAME = re.compile(rb"!--|[^\s>]*")
_QUOTE_MARKS = re.compile(r"[>\s]*")


class Words(NamedTuple):
    """The words of a text.

    Attributes:
        words: The words, in order.
        starts: The indices of those that begin a line; empty for a format in which lines mean nothing.
    """

    words: list[str]
    starts: frozenset[int] = frozenset()


def read_words(content: bytes) -> Words | None:
    """Return the visible words of a report; None for a PDF, whose words only a program can tell, or if it is too long.

    Args:
        content: The content of the file.
    """
    if content.startswith(PDF_MARK):
        return None
    if content.startswith(ZIP_MARK):
        text = _decode(piece for part in read_parts(content, _DOCX_PARTS) for piece in _find_docx_text(part))
        return None if text is None else Words(text.split())
    content = remove_blocks(content).replace(b"\r", b"\n")
    if content[:1000].lstrip(b"\xef\xbb\xbf \t\n").lower().startswith((b"<!doctype html", b"<html")):
        text = _decode(_find_html_text(content))
        return None if text is None else Words(text.split())
    return _read_text(content)


def _read_text(content: bytes) -> Words | None:
    """Return the words of a text, without the marks of mail that quotes it."""
    if len(content) > _MAX_TEXT:
        return None
    words: list[str] = []
    starts = set()
    for line in clean(content.decode("utf-8-sig", "replace")).split("\n"):
        starts.add(len(words))
        words += _QUOTE_MARKS.sub("", line, count=1).split()
    return Words(words, frozenset(starts))


def _find_html_text(markup: bytes) -> Iterator[bytes]:
    """Yield the pieces of text of HTML that are shown, and spaces where its tags separate words."""
    for name, text in _read_tags(markup):
        yield b"" if name.strip(b"/") in _INLINE else b" "
        yield b"" if name in _HIDDEN else text


def _find_docx_text(markup: bytes) -> Iterator[bytes]:
    """Yield the same of a part of a docx; what a tracked change deletes is not shown."""
    for name, text in _read_tags(markup):
        yield b" " if name.strip(b"/") in _BREAKS else b""
        yield text if name in _SHOWN else b""


def _read_tags(markup: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each tag's name in lower case, with the slash of an end tag, and the text that follows the tag."""
    name, end = b"", 0
    while (begin := markup.find(b"<", end)) >= 0:
        yield name, markup[end:begin]
        match = _TAG_NAME.match(markup, begin + 1)
        name = match.group().lower() if match is not None else b""
        mark = b"-->" if name == b"!--" else b">"
        end = markup.find(mark, begin + 1) + len(mark)
        if end < len(mark):
            return
    yield name, markup[end:]


def _decode(pieces: Iterable[bytes]) -> str | None:
    """Return pieces of markup as text; None if they are too many or too long."""
    limited = list(islice(pieces, _MAX_PIECES + 1))
    if len(limited) > _MAX_PIECES or sum(map(len, limited)) > _MAX_TEXT:
        return None
    text = b"".join(limited).decode("utf-8", "replace")
    try:
        return clean(unescape(text))
    except ValueError:  # a reference to a character by thousands of digits
        return clean(text)
