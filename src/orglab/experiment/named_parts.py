"""Parts of an experiment that does not follow the template: its properties name them, and nothing is moved.

    :DESCRIPTION_IN: Goal:
    :STEPS_IN: Protocol
    :CONCLUSION_IN: Result:

Each of these names a subheading directly below.  A name that ends with a colon is the beginning of a line: the steps
are the list after it, the description and the conclusion are the text after the colon.  A dot is the section of the
experiment itself: each item with a checkbox is a step; the description is the first paragraph, although there is a
list.

    :CREATED_IN: drawer

The time of creation is the property CREATED, although there are other times in the section.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple

from orglab.experiment.note_text import plain_text
from orglab.experiment.section_text import headings_below
from orglab.org.element import Element
from orglab.org.heading import Heading
from orglab.org.source import encode
from orglab.org.syntax import compile_late

DESCRIPTION_IN = "DESCRIPTION_IN"
STEPS_IN = "STEPS_IN"
CONCLUSION_IN = "CONCLUSION_IN"
CREATED_IN = "CREATED_IN"
OWN_SECTION = "."
DRAWER = "drawer"
_SEPARATOR = ", "


class MarkedText(NamedTuple):
    """A text that begins with a word and a colon, such as `Result: 0.91`.

    Attributes:
        begin: Where its line begins in the document.
        start: Where the text after the colon begins.
        end: Where it ends.
    """

    begin: int
    start: int
    end: int


def split_marks(value: str) -> tuple[str, ...]:
    """Return the words that lines begin with, from a property whose names end with a colon; none if one does not."""
    words = value.split(_SEPARATOR)
    return tuple(word[:-1].strip() for word in words) if all(word.endswith(":") for word in words) else ()


def join_marks(words: Collection[str]) -> str:
    """Return the value of a property that names words which lines begin with."""
    return _SEPARATOR.join(f"{word}:" for word in words)


def mark_pattern(words: str) -> str:
    """Return a regexp for the beginning of a line up to the text after a word and a colon or a dash.

    Args:
        words: A regexp for the words.
    """
    bullet = r"(?:(?:[-+*]|\d+[.)])[ \t]+)?(?:\[[ Xx-]\][ \t]+)?"
    dash = "(?:-|\u2013|\u2014)"
    colon = rf"(?::{{1,2}}[*/_]{{0,2}}|[*/_]{{1,2}}[ \t]*:{{1,2}}|[ \t]{dash}(?=[ \t]))"
    # `Result (12.06.): …`
    about = r"(?:[ \t]*\([^()\n]{1,40}\))?"
    return rf"^[ \t]*{bullet}[*/_]{{0,2}}({words}){about}[ \t]*{colon}(?=\s|$)[ \t]*"


def _compile(words: Sequence[str]) -> "re.Pattern[bytes]":
    return re.compile(encode(mark_pattern("|".join(map(re.escape, words)))), re.IGNORECASE | re.MULTILINE)


def find_marked_texts(heading: Heading, words: Sequence[str]) -> tuple[MarkedText, ...]:
    """Return the texts of a subtree that begin with one of some words: those of the first section that has any."""
    return next(filter(None, (find_texts_in_section(one, words) for one in (heading, *headings_below(heading)))), ())


def find_texts_in_section(heading: Heading, words: Sequence[str]) -> tuple[MarkedText, ...]:
    """Return the texts of a section that begin with one of some words."""
    pattern = _compile(words)
    has_some = pattern.search(heading.document.text, heading.body, heading.end) is not None
    return tuple(_find_in_section(heading, pattern)) if has_some else ()


def _find_in_section(heading: Heading, pattern: "re.Pattern[bytes]") -> Iterator[MarkedText]:
    """Yield the texts in paragraphs and list items of a section."""
    text = heading.document.text
    children = heading.section.children
    for element, following in zip_longest(children, children[1:]):
        if element.type == "plain-list":
            for item in element.children:
                if match := pattern.match(text, item.begin, item.end):
                    yield MarkedText(item.begin, match.end(), item.end)
        elif element.type == "paragraph":
            end = element.contents[1]
            matches = list(pattern.finditer(text, element.start, end))
            # `Results:` with a list or a table on the next line.
            if matches and following is not None and following.type != "paragraph" and element.end == end:
                end = end if text[matches[-1].end() : end].strip() else following.end
            for match, after in zip(matches, [*(other.start() for other in matches[1:]), end], strict=False):
                yield MarkedText(match.start(), match.end(), after)


_LABEL = compile_late(rb"^[ \t]*(?:[*/_]{0,2}\w[\w ()-]{0,30}[*/_]{0,2}:{1,2}[*/_]{0,2}(?=\s|$))", re.M)


def find_described(heading: Heading, words: Sequence[str]) -> tuple[MarkedText, ...]:
    """Return the first text of a section that begins with one of some words, up to the next line with any such word."""
    for one in find_texts_in_section(heading, words)[:1]:
        following = _LABEL.search(heading.document.text, one.start, one.end)
        return (one._replace(end=following.start() if following is not None else one.end),)
    return ()


def find_marked_list(heading: Heading, words: Sequence[str]) -> tuple[int, Element] | None:
    """Return the first list of a section that follows a line with one of some words and a colon; None without one.

    It comes with the position where that line begins.
    """
    pattern = _compile(words)
    text = heading.document.text
    children = heading.section.children
    for element, following in pairwise(children):
        if element.type == "paragraph" and following.type == "plain-list":
            end = element.contents[1]
            last = list(pattern.finditer(text, element.start, end))[-1:]
            if last and not text[last[0].end() : end].strip():
                return last[0].start(), following
    return None


def read_marked_text(text: bytes, marked: Sequence[MarkedText]) -> str:
    """Return the words of marked texts, without what they are marked with."""
    return "\n\n".join(filter(None, (plain_text(text[one.start : one.end]).strip() for one in marked)))
