"""Where in a document a query was found: its passages, and the places of the words in them."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from orglab.search.folding import STEMMED, fold_with_offsets

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment
    from orglab.org.timestamp import Timestamp
    from orglab.search.hits import FoundCommit, FoundEntry
    from orglab.search.query import Query

# So many passages of a document are told.
MOST = 3
_PARAGRAPH = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*(?:[-+*]|\d+[.)]) )")
_COLUMN = {"commit": "message", "journal": "entry", "tag": "tags"}
_BEGIN, _END = "\x02", "\x03"


class Passage:
    """A line of text in a document, such as a title, a step, a paragraph of a note.

    Attributes:
        place: `title`, `description`, `step`, `note`, `conclusion`, `tag`, `commit` or `journal`.
        ref: The experiment or step that it is of, or None.
        at: When it was written, as ISO 8601 has it, or None.
        line: The line of the file that it begins in, or None.
        text: The text, in one line.
        spans: Where in the text what was looked for stands: first character and the one after the last.
    """

    __slots__ = ("at", "line", "place", "ref", "spans", "text")

    def __init__(self, place: str, ref: str | None, at: str | None, line: int | None, text: str) -> None:
        """Stand for a passage in which nothing was found yet."""
        self.place = place
        self.ref = ref
        self.at = at
        self.line = line
        self.text = text
        self.spans: list[tuple[int, int]] = []

    def stored(self) -> tuple[str, str | None, str | None, int | None, str]:
        """Return it as it is kept, to be read by `restore_passage`."""
        return self.place, self.ref, self.at, self.line, self.text


def restore_passage(kept: Sequence[Any], line: int) -> Passage:
    """Return a passage that was kept.

    Args:
        kept: What `Passage.stored` returned, its line counted from that of the experiment's heading.
        line: The line of that heading.
    """
    place, ref, at, offset, text = kept
    return Passage(place, ref, at, None if offset is None else line + offset, text)


def split_experiment(experiment: "Experiment") -> Iterator[Passage]:
    """Yield the passages of an experiment, in their order; their lines count from that of its heading."""
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
    conclusion = experiment.conclusion
    closed = iso(experiment.concluded)
    yield from _paragraphs("conclusion", ref, closed, None, conclusion.verdict or "")
    yield from _paragraphs("conclusion", ref, closed, None, conclusion.text)


def _paragraphs(place: str, ref: str | None, at: str | None, line: int | None, text: str) -> Iterator[Passage]:
    """Yield a passage for each paragraph and item of a text, in one line."""
    for paragraph in _PARAGRAPH.split(text):
        if joined := " ".join(paragraph.split()):
            yield Passage(place, ref, at, line, joined)


def iso(time: "Timestamp | None") -> str | None:
    """Return a time as ISO 8601 has it."""
    return None if time is None else time.isoformat()


def split_commit(commit: "FoundCommit") -> Iterator[Passage]:
    """Yield the passages of a commit's message."""
    return _paragraphs("commit", None, commit.at, None, commit.message)


def split_entry(entry: "FoundEntry") -> Iterator[Passage]:
    """Yield the passages of an entry of the journal."""
    yield Passage("journal", None, entry.at, entry.line, entry.title)
    yield from _paragraphs("journal", None, entry.at, entry.line, entry.text)


def find_passages(query: "Query", documents: list[list[Passage]]) -> list[list[Passage]]:
    """Return of each document the passages in which a query was found, the best few, in their order.

    Args:
        query: The query.
        documents: The passages of each document.
    """
    passages = [passage for document in documents for passage in document if _is_asked(passage, query)]
    # A reference stands before what it is of, as in what was searched; of it no span is told, for it is shown anyway.
    begins = [f"{passage.ref} " if passage.ref and passage.place in ("title", "step") else "" for passage in passages]
    folded = [fold_with_offsets(begin + passage.text) for begin, passage in zip(begins, passages, strict=True)]
    found: list[list[tuple[int, int]]] = [[] for _ in passages]
    counts = [0] * len(passages)
    for spans_of in _find_terms(query, [text for text, _ in folded]):
        for number, spans in spans_of.items():
            places, before = folded[number][1], len(begins[number])
            own = [(max(places[begin] - before, 0), places[end - 1] + 1 - before) for begin, end in spans]
            found[number] += [span for span in own if span[1] > span[0]]
            counts[number] += 1
    for passage, spans in zip(passages, found, strict=True):
        passage.spans = _joined(spans)
    count_of = {id(passage): count for passage, count in zip(passages, counts, strict=True)}
    return [_best(document, count_of) for document in documents]


def _is_asked(passage: Passage, query: "Query") -> bool:
    return not query.columns or _COLUMN.get(passage.place, passage.place) in query.columns


def _best(document: list[Passage], counts: Mapping[int, int]) -> list[Passage]:
    """Return the passages of a document that have most of the terms, in their order."""
    having = [passage for passage in document if counts.get(id(passage), 0)]
    best = sorted(having, key=lambda passage: -counts[id(passage)])[:MOST]
    return [passage for passage in having if any(passage is one for one in best)]


def _find_terms(query: "Query", texts: list[str]) -> Iterator[dict[int, list[tuple[int, int]]]]:
    """Yield for each term where it stands: the spans in the folded text of each passage, by the passage's number."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE passage USING fts5(text, tokenize='{STEMMED}')")
        connection.executemany("INSERT INTO passage(rowid, text) VALUES (?, ?)", enumerate(texts))
        marked = "SELECT rowid, highlight(passage, 0, ?, ?) FROM passage WHERE passage MATCH ?"
        for term in query.wanted:
            if term.is_plain:
                rows_found = connection.execute(marked, (_BEGIN, _END, term.expression))
                yield {number: list(_spans(text)) for number, text in rows_found}
            else:
                yield {
                    number: spans
                    for number, text in enumerate(texts)
                    if (spans := [match.span() for match in re.finditer(re.escape(term.text), text)])
                }


def _spans(marked: str) -> Iterator[tuple[int, int]]:
    """Yield the spans that are marked, as they are in the text without the marks."""
    begin = 0
    for removed, match in enumerate(re.finditer(f"[{_BEGIN}{_END}]", marked)):
        place = match.start() - removed
        if match.group() == _BEGIN:
            begin = place
        elif place > begin:
            yield begin, place


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in their order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
