"""The text that a user wrote in a section: notes, a description, and what Org logged between them."""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from orglab.experiment.note_text import (
    Logged,
    plain_text,
    read_log_note,
    read_logged,
    split_note_head,
)
from orglab.experiment.title_dates import is_date_line
from orglab.org.document import Document
from orglab.org.element import Element
from orglab.org.heading import Heading
from orglab.org.list import Item
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, parse_timestamp

_NO_TEXT = ("clock", "footnote-definition")
"""What is no text of the section that it stands in, besides drawers and the like."""
_LONGEST_DATE = 60
_OPENING = compile_late(rb"^[ \t]*(?:#\+BEGIN_\S+|:[\w-]+:[ \t]*$)", re.I | re.M)
FIRST_STAMP = compile_late(rb"[ \t\n]*(" + INACTIVE.pattern + rb")")


class Note(NamedTuple):
    """A note on an experiment or a step.

    Attributes:
        at: The time of the note, or None.
        commit: The current hash of the recorded commit, or None.
        text: The text, without time and commit.
        line: The 1-based line where the note begins.
        original: The hash that was recorded first, or None; the same as `commit` unless that was rewritten.
        author: The name of its author; None if it has no mark, so that a person wrote it.
    """

    at: Timestamp | None
    commit: str | None
    text: str
    line: int
    original: str | None = None
    author: str | None = None


def headings_below(heading: Heading) -> Iterator[Heading]:
    """Yield all headings in the subtree of `heading`, excluding itself."""
    document = heading.document
    return (document.heading(index) for index in range(heading.index + 1, document.after_subtree(heading.index)))


def find_unclosed(heading: Heading) -> Iterator[tuple[int, str]]:
    """Yield where a block or drawer opens in a section that is closed nowhere, and the line that opens it."""
    text = heading.document.text
    for element in heading.section.walk():
        if element.type != "paragraph":
            continue
        for match in _OPENING.finditer(text, element.start, element.contents[1]):
            opening = decode(match.group().strip())
            if opening.upper() != ":END:":
                yield match.start(), opening


def read_step_notes(document: Document, element: Element, item: Item) -> Iterator[Note]:
    """Yield the notes under a step: the text after its first line, and the items of its nested lists."""
    text = document.text
    first_end = text.find(b"\n", item.begin) + 1 or len(text)
    for child in element.children:
        if child.type == "plain-list":
            yield from _list_notes(document, child)
        elif child.end > first_end:
            begin = max(child.begin, first_end)
            words = plain_text(text[begin : child.end])
            if words:
                yield _note(words, document.source.line_number(begin))


def _list_notes(document: Document, plain_list: Element) -> Iterator[Note]:
    """Yield a note for each item of a list, except log notes of Org without text by the user."""
    return (note for note, _ in _classify_notes(document, plain_list))


def _classify_notes(
    document: Document, plain_list: Element, others: Collection[int] = ()
) -> Iterator[tuple[Note, bool]]:
    """Yield the same notes, and whether each is a log note of Org; no note for the items that begin at `others`."""
    for child in plain_list.children:
        if child.item is None or child.begin in others:
            continue
        words = _item_text(document.text, child, child.item)
        line = document.source.line_number(child.begin)
        logged = read_log_note(words)
        if logged is None:
            yield _note(words, line), False
        elif logged[1]:
            yield Note(parse_timestamp(encode(logged[0])), None, logged[1], line), True


def _item_text(text: bytes, element: Element, item: Item) -> str:
    """Return the text of an item after its bullet, including its checkbox."""
    start = item.begin
    while text[start] in b" \t":
        start += 1
    start = item.checkbox_at if item.checkbox is not None else start + len(item.bullet.rstrip(b"\n"))
    return plain_text(b" " * (start - item.begin) + text[start : element.end])


def _note(words: str, line: int) -> Note:
    """Return a note for a text that may begin with a time, a commit and an author."""
    at, commit, author, rest = split_note_head(words)
    time = parse_timestamp(encode(at)) if at else None
    return Note(time, commit.current if commit else None, rest, line, commit.original if commit else None, author)


def read_notes(heading: Heading) -> Iterator[Note]:
    """Yield the notes of a section: each list item, and each paragraph with the blocks and tables after it."""
    document = heading.document
    pending: tuple[int, int] | None = None
    for element in heading.section.children:
        if element.type in ("planning", "property-drawer", "comment", "comment-block", "keyword"):
            continue
        if element.type in ("plain-list", "drawer", "paragraph", *_NO_TEXT) and pending is not None:
            yield _note(plain_text(document.text[slice(*pending)]), document.source.line_number(pending[0]))
            pending = None
        if element.type == "plain-list":
            yield from _list_notes(document, element)
        elif element.type == "drawer":
            for child in element.children:
                if child.type == "plain-list":
                    yield from _list_notes(document, child)
        elif element.type not in _NO_TEXT:
            pending = (pending[0] if pending else element.begin, element.end)
    if pending is not None and document.text[slice(*pending)].strip():
        yield _note(plain_text(document.text[slice(*pending)]), document.source.line_number(pending[0]))


def read_description(
    heading: Heading, others: Collection[int] = (), *, is_paragraph: bool = False
) -> tuple[str, tuple[Note, ...]]:
    """Return the description and the notes in the section of an experiment's heading.

    Args:
        heading: The heading.
        others: Where list items and lines begin that are something else, such as steps.
        is_paragraph: Whether the description is the first paragraph, although there may be a list.
    """
    document = heading.document
    text = document.text
    notes: list[Note] = []
    description: str | None = None
    paragraph: str | None = None
    for element in heading.section.children:
        if element.type == "paragraph" and paragraph is None:
            end = min((begin for begin in others if element.start <= begin < element.end), default=element.end)
            content = text[element.start : end]
            words = plain_text(INACTIVE.sub(b"", content, count=1) if FIRST_STAMP.match(content) else content)
            paragraph = words if words and not (len(words) <= _LONGEST_DATE and is_date_line(words)) else None
        lists = [element] if element.type == "plain-list" else element.children if element.type == "drawer" else []
        for plain_list in lists:
            if plain_list.type != "plain-list":
                continue
            for note, is_logged in _classify_notes(document, plain_list, others):
                if description is None and element.type == "plain-list" and not (is_logged or is_paragraph):
                    description = note.text
                else:
                    notes.append(note)
    if description is None:
        description = paragraph or ""
    return " ".join(description.split()), tuple(notes)


def read_logged_changes(heading: Heading) -> Iterator[tuple[Logged, int]]:
    """Yield the log notes that Org wrote for a heading, in a drawer or in its section, with their line numbers."""
    document = heading.document
    for element in heading.section.children:
        for plain_list in element.children if element.type == "drawer" else (element,):
            if plain_list.type != "plain-list":
                continue
            for child in plain_list.children:
                if child.item is not None and (logged := read_logged(_item_text(document.text, child, child.item))):
                    yield logged, document.source.line_number(child.begin)


def list_written_items(document: Document, plain_list: Element) -> list[Element]:
    """Return the items of a list, except the log notes that Org has put before them."""
    return [
        child for child in plain_list.children
        if child.item is not None and read_log_note(_item_text(document.text, child, child.item)) is None
    ]  # fmt: skip


def read_written_parts(heading: Heading) -> Iterator[tuple[Element, int, bytes]]:
    """Yield the text that the user wrote in each element of a section, without planning, drawers and log notes.

    Each comes with its element, and the position where it begins.
    """
    text = heading.document.text
    for element in heading.section.children:
        if element.type in ("planning", "property-drawer", "drawer", "comment", "comment-block", *_NO_TEXT):
            continue
        if element.type == "plain-list":
            if written := list_written_items(heading.document, element):
                # Affiliated keywords before a list, such as #+NAME:, belong to it.
                begin = element.begin if element.begin < element.start else written[0].begin
                items_text = b"".join(text[child.begin : child.end] for child in written)
                blanks = text[element.children[-1].end : element.end]
                yield element, begin, text[element.begin : element.start] + items_text + blanks
        else:
            yield element, element.begin, text[element.begin : element.end]


def split_first_text(heading: Heading) -> tuple[str, list[tuple[int, bytes]]]:
    """Return the paragraphs and lists that a section begins with, and its other elements, each with its position."""
    parts = list(read_written_parts(heading))
    size = next((at for at, (one, _, _) in enumerate(parts) if one.type not in ("paragraph", "plain-list")), len(parts))
    return plain_text(b"".join(part for _, _, part in parts[:size])), [(begin, part) for _, begin, part in parts[size:]]


def section_text(heading: Heading) -> str:
    """Return the text that the user wrote under a heading: its section without planning, drawers and log notes."""
    return plain_text(b"".join(part for _, _, part in read_written_parts(heading)))


def title_and_text(heading: Heading) -> str:
    """Return the title of a heading and the text under it."""
    return "\n".join(filter(None, (heading.title, section_text(heading))))
