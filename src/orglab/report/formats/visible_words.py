"""The visible words of a report: what a reader sees of its file, without evidence, markup and style.

The file may be hostile: it is read in one pass, nothing in it is expanded, and its size is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import chain
from typing import NamedTuple

from orglab.report.formats.evidence_block import PDF_MARK, ZIP_MARK, read_parts, remove_blocks
from orglab.text import clean

_MAX_TAGS = 2_000_000
_MAX_TEXT = 20_000_000  # bytes
# The tags of HTML that separate no words, and the elements that are not shown.
_INLINE = frozenset(
    (b"a", b"abbr", b"b", b"code", b"del", b"em", b"i", b"mi", b"mn", b"mo", b"s", b"small", b"span",
     b"strong", b"sub", b"sup", b"tspan", b"u")
)  # fmt: skip
_HIDDEN = frozenset((b"script", b"style"))
# The tags of docx that separate words, and the elements that are shown.
_BREAKS = frozenset((b"w:br", b"w:cr", b"w:p", b"w:tab", b"w:tc"))
_SHOWN = frozenset((b"m:t", b"w:t"))
_DOCX_PARTS = ("word/document.xml", "word/footnotes.xml")
_TAG = re.compile(rb"<([^<>]*)>")
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
        text = _read_docx(content)
        return None if text is None else Words(text.split())
    content = remove_blocks(content).replace(b"\r", b"\n")
    if content[:1000].lstrip(b"\xef\xbb\xbf \t\n").lower().startswith((b"<!doctype html", b"<html")):
        text = _read_html(content)
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


def _read_html(markup: bytes) -> str | None:
    """Return the text of HTML that is shown, with spaces where its tags separate words; None if it is too long."""
    return _join(
        (b"" if name.strip(b"/") in _INLINE else b" ", b"" if name in _HIDDEN else text)
        for name, text in _read_tags(_remove_comments(markup))
    )


def _read_docx(content: bytes) -> str | None:
    """Return the same of a docx; what a tracked change deletes is not shown."""
    return _join(
        (b" " if name.strip(b"/") in _BREAKS else b"", text if name in _SHOWN else b"")
        for part in read_parts(content, _DOCX_PARTS)
        for name, text in _read_tags(part)
    )


def _remove_comments(markup: bytes) -> bytes:
    pieces: list[bytes] = []
    end = 0
    while (begin := markup.find(b"<!--", end)) >= 0:
        pieces.append(markup[end:begin])
        end = markup.find(b"-->", begin) + len(b"-->")
        if end < begin:
            return b"".join(pieces)
    return b"".join((*pieces, markup[end:]))


def _read_tags(markup: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each tag's name in lower case, with the slash of an end tag, and the text that follows the tag."""
    if markup.count(b">") > _MAX_TAGS:
        yield b"", b" " * (_MAX_TEXT + 1)
        return
    parts = _TAG.split(markup)
    yield b"", parts[0]
    for tag, text in zip(parts[1::2], parts[2::2], strict=True):
        yield tag.split(None, 1)[0].lower() if tag.strip() else b"", text


def _join(pieces: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return pieces of markup as text; None if they are too long."""
    whole = b"".join(chain.from_iterable(pieces))
    if len(whole) > _MAX_TEXT:
        return None
    text = whole.decode("utf-8", "replace")
    try:
        return clean(unescape(text))
    except ValueError:  # a reference to a character by thousands of digits
        return clean(text)
