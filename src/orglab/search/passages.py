"""The passages of a document that match a query, with the positions of the matches."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from orglab.search.folding import STEMMED, fold_with_offsets

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment
    from orglab.experiment.section_text import Note
    from orglab.org.timestamp import Timestamp
    from orglab.search.hits import FoundCommit, FoundEntry
    from orglab.search.query import Query

# The number of passages shown of a document.
MOST = 3
_PARAGRAPH = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-+*]|\d+[.)]) )")
_COLUMN = {"commit": "message", "journal": "entry", "tag": "tags", "other_text": "note"}
_BEGIN, _END = "\x02", "\x03"


class Passage:
    """A unit of text in a document, such as a title, a step or a paragraph of a note.

    Attributes:
        place: `title`, `description`, `step`, `note`, `conclusion`, `tag`, `commit` or `journal`.
        ref: The experiment or step that it belongs to, or None.
        at: When it was written, in ISO 8601, or None.
        line: The line of the file at which it begins, or None.
        text: The text, on one line.
        spans: The matches in the text, as start and end positions.
    """

    __slots__ = ("at", "line", "place", "ref", "spans", "text")

    def __init__(self, place: str, ref: str | None, at: str | None, line: int | None, text: str) -> None:
        """Create a passage without matches."""
        self.place = place
        self.ref = ref
        self.at = at
        self.line = line
        self.text = text
        self.spans: list[tuple[int, int]] = []

    def to_row(self) -> tuple[str, str | None, str | None, int | None, str]:
        """Return the passage without its matches, in the form that `restore_passage` reads."""
        return self.place, self.ref, self.at, self.line, self.text


def restore_passage(row: Sequence[Any], line: int) -> Passage:
    """Return a passage from its stored form.

    Args:
        row: The result of `Passage.to_row`, with a line relative to the experiment's heading.
        line: The line of that heading.
    """
    place, ref, at, offset, text = row
    return Passage(place, ref, at, None if offset is None else line + offset, text)


def split_experiment(experiment: "Experiment", others: Sequence["Note"]) -> Iterator[Passage]:
    """Yield the passages of an experiment in order, with lines relative to its heading.

    Args:
        experiment: The experiment.
        others: The text that belongs to no part of it (`read_other_text`).
    """
    ref = experiment.ref
    created = iso(experiment.created)
    yield Passage("title", ref, created, 0, experiment.title)
    for tag in experiment.tags:
        yield Passage("tag", ref, created, 0, tag)
    yield from _paragraphs("description", ref, created, None, experiment.description)
    for step in experiment.steps:
        yield Passage("step", step.ref, None, step.line - experiment.line, step.text)
        for note in step.notes:
            yield from _paragraphs("note", step.ref, iso(note.at), None, note.text)
    for note in experiment.notes:
        yield from _paragraphs("note", ref, iso(note.at), None, note.text)
    for other in others:
        yield from _paragraphs("other_text", ref, None, other.line - experiment.line, other.text)
    conclusion = experiment.conclusion
    closed = iso(experiment.concluded)
    yield from _paragraphs("conclusion", ref, closed, None, conclusion.verdict or "")
    yield from _paragraphs("conclusion", ref, closed, None, conclusion.text)
    for entry in conclusion.entries[:-1]:
        if entry.text and entry.text != conclusion.text:
            words = f"{entry.verdict}: {entry.text}" if entry.verdict else entry.text
            yield from _paragraphs("conclusion", ref, iso(entry.at), None, words)


def _paragraphs(place: str, ref: str | None, at: str | None, line: int | None, text: str) -> Iterator[Passage]:
    """Yield a passage for each paragraph and list item of a text."""
    for paragraph in _PARAGRAPH.split(text):
        if joined := " ".join(paragraph.split()):
            yield Passage(place, ref, at, line, joined)


def iso(time: "Timestamp | None") -> str | None:
    """Return a time in ISO 8601."""
    return None if time is None else time.isoformat()


def split_commit(commit: "FoundCommit") -> Iterator[Passage]:
    """Yield the passages of a commit's message."""
    return _paragraphs("commit", None, commit.at, None, commit.message)


def split_entry(entry: "FoundEntry") -> Iterator[Passage]:
    """Yield the passages of a journal entry."""
    yield Passage("journal", None, entry.at, entry.line, entry.title)
    yield from _paragraphs("journal", None, entry.at, entry.line, entry.text)


def find_passages(query: "Query", documents: list[list[Passage]]) -> list[list[Passage]]:
    """Return the passages of each document that match a query best, in the order of the document.

    Args:
        query: The query.
        documents: The passages of each document.
    """
    passages = [passage for document in documents for passage in document if _is_in_columns(passage, query)]
    # As in the searched text, a reference precedes a title or step; it gets no span, because it is shown anyway.
    prefixes = [f"{passage.ref} " if passage.ref and passage.place in ("title", "step") else "" for passage in passages]
    folded = [fold_with_offsets(prefix + passage.text) for prefix, passage in zip(prefixes, passages, strict=True)]
    matches: list[list[tuple[int, int]]] = [[] for _ in passages]
    counts = [0] * len(passages)
    for term_spans in _find_terms(query, [text for text, _ in folded]):
        for number, spans in term_spans.items():
            offsets, shift = folded[number][1], len(prefixes[number])
            original = [(max(offsets[begin] - shift, 0), offsets[end - 1] + 1 - shift) for begin, end in spans]
            matches[number] += [span for span in original if span[1] > span[0]]
            counts[number] += 1
    for passage, spans in zip(passages, matches, strict=True):
        passage.spans = _merge_spans(spans)
    term_counts = {id(passage): count for passage, count in zip(passages, counts, strict=True)}
    return [_select_best(document, term_counts) for document in documents]


def _is_in_columns(passage: Passage, query: "Query") -> bool:
    return not query.columns or _COLUMN.get(passage.place, passage.place) in query.columns


def _select_best(document: list[Passage], counts: Mapping[int, int]) -> list[Passage]:
    """Return the passages of a document with the most terms, in the order of the document."""
    matching = [passage for passage in document if counts.get(id(passage), 0)]
    best = sorted(matching, key=lambda passage: -counts[id(passage)])[:MOST]
    return [passage for passage in matching if any(passage is other for other in best)]


def _find_terms(query: "Query", texts: list[str]) -> Iterator[dict[int, list[tuple[int, int]]]]:
    """Yield for each term its spans in the folded texts, by the index of the text."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE passage USING fts5(text, tokenize='{STEMMED}')")
        connection.executemany("INSERT INTO passage(rowid, text) VALUES (?, ?)", enumerate(texts))
        marked = "SELECT rowid, highlight(passage, 0, ?, ?) FROM passage WHERE passage MATCH ?"
        for term in query.included:
            if term.is_plain:
                rows = connection.execute(marked, (_BEGIN, _END, term.expression))
                yield {number: list(_read_spans(text)) for number, text in rows}
            else:
                yield {
                    number: spans
                    for number, text in enumerate(texts)
                    if (spans := [match.span() for match in re.finditer(re.escape(term.text), text)])
                }


def _read_spans(marked: str) -> Iterator[tuple[int, int]]:
    """Yield the marked spans, as positions in the text without the marks."""
    begin = 0
    for removed, match in enumerate(re.finditer(f"[{_BEGIN}{_END}]", marked)):
        place = match.start() - removed
        if match.group() == _BEGIN:
            begin = place
        elif place > begin:
            yield begin, place


def _merge_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, with overlapping ones merged."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
