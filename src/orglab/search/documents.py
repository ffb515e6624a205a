"""The documents of the search: experiments, commit messages and journal entries, as rows of a full-text index.

Two SQLite FTS5 tables share the texts: one indexes the exact words, the other their English stems.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orglab.search.folding import EXACT, STEMMED, fold
from orglab.search.hits import FoundCommit, FoundEntry, FoundExperiment
from orglab.search.passages import iso, split_experiment

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment

# The columns of the tables in order, with the weight of their words in the ranking.
WEIGHTS = {
    "title": 8.0, "description": 4.0, "step": 3.0, "note": 2.0, "conclusion": 5.0, "message": 2.5, "entry": 2.0,
    "tags": 4.0,
}  # fmt: skip
COLUMNS = tuple(WEIGHTS)
_NAMES = ", ".join(COLUMNS)
_SHARED = "content='document', content_rowid='id'"
_TABLES = (
    # Short values that are read for many documents are kept apart from long texts.
    """CREATE TABLE fact(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key BLOB NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
        state TEXT NOT NULL, marks TEXT NOT NULL, verdict TEXT NOT NULL, UNIQUE (kind, key))""",
    f"CREATE TABLE document(id INTEGER PRIMARY KEY, shown TEXT NOT NULL, pieces TEXT NOT NULL, {_NAMES})",
    f"CREATE VIRTUAL TABLE words USING fts5({_NAMES}, {_SHARED}, tokenize='{EXACT}')",
    f"CREATE VIRTUAL TABLE stems USING fts5({_NAMES}, {_SHARED}, tokenize='{STEMMED}')",
)
# Not as triggers: those may not do this with an untrusted schema.
_INSERT = tuple(
    f"INSERT INTO {table}(rowid, {_NAMES}) SELECT id, {_NAMES} FROM document WHERE id > ?"  # noqa: S608 - literals
    for table in ("words", "stems")
)
_DELETE = (
    *(
        f"INSERT INTO {table}({table}, rowid, {_NAMES})"  # noqa: S608 - literals
        f" SELECT 'delete', id, {_NAMES} FROM document WHERE id = ?"
        for table in ("words", "stems")
    ),
    "DELETE FROM document WHERE id = ?",
    "DELETE FROM fact WHERE id = ?",
)


def make_tables(connection: sqlite3.Connection) -> None:
    """Create the tables, unless they exist."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'stems'").fetchone() is None:
        for statement in _TABLES:
            connection.execute(statement)


def read_keys(connection: sqlite3.Connection, kind: str) -> set[bytes]:
    """Return the keys of all documents of a kind."""
    return {key for (key,) in connection.execute("SELECT key FROM fact WHERE kind = ?", (kind,))}


def remove(connection: sqlite3.Connection, kind: str, keys: Iterable[bytes]) -> None:
    """Remove documents by their keys."""
    query = "SELECT id FROM fact WHERE kind = ? AND key = ?"
    ids = [row for key in keys for row in connection.execute(query, (kind, key))]
    for statement in _DELETE:
        connection.executemany(statement, ids)


class Document(NamedTuple):
    """A document to search.

    Attributes:
        shown: The fields shown in a hit.
        texts: The searched text, by column.
        days: The days of the document, in ISO 8601.
        state: The TODO keyword of an experiment and its kind, between spaces.
        tags: The tags, between colons.
        verdict: The verdict.
        passages: The passages in JSON form, unless they can be derived from `shown`.
    """

    shown: FoundExperiment | FoundCommit | FoundEntry
    texts: dict[str, str]
    days: Sequence[str | None]
    state: str = ""
    tags: str = ""
    verdict: str = ""
    passages: Sequence[object] = ()


def add(connection: sqlite3.Connection, kind: str, documents: Iterable[tuple[bytes, Document]]) -> None:
    """Insert documents, each under its key, which must be unique within the kind."""
    newest: tuple[int] = connection.execute("SELECT coalesce(max(id), 0) FROM fact").fetchone()
    marks = ", ".join("?" * (3 + len(COLUMNS)))
    for number, (key, document) in enumerate(documents, newest[0] + 1):
        days = sorted(day[:10] for day in document.days if day)
        facts = (
            days[0] if days else "", days[-1] if days else "",
            fold(document.state), fold(document.tags), fold(document.verdict),
        )  # fmt: skip
        connection.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, kind, key, *facts))
        columns = (fold(document.texts.get(name, "")) for name in COLUMNS)
        connection.execute(
            f"INSERT INTO document VALUES ({marks})",  # noqa: S608 - marks
            (number, json.dumps(document.shown), json.dumps(document.passages), *columns),
        )
    for statement in _INSERT:
        connection.execute(statement, newest)


def experiment_document(experiment: "Experiment") -> Document:
    """Return an experiment as a document."""
    from orglab.experiment.other_text import read_other_text  # noqa: PLC0415 - not needed if the index is up to date

    steps, conclusion, others = experiment.steps, experiment.conclusion, read_other_text(experiment)
    notes = [*experiment.notes, *(note for step in steps for note in step.notes)]
    times = [entry.at for entry in conclusion.entries]
    stamps = [experiment.created, experiment.closed, conclusion.closed, *times, *(note.at for note in notes)]
    verdict = experiment.verdict
    shown = FoundExperiment(
        experiment.id, experiment.ref, experiment.title, experiment.state, experiment.kind, experiment.is_done,
        experiment.tags, iso(experiment.created), verdict,
    )  # fmt: skip
    texts = {
        "title": f"{experiment.ref} {experiment.title}",
        "description": experiment.description,
        "step": "\n".join(f"{step.ref} {step.text}" for step in steps),
        "note": "\n\n".join(note.text for note in (*notes, *others)),
        "conclusion": "\n".join(filter(None, (conclusion.verdict, *(entry.text for entry in conclusion.entries)))),
        "tags": " ".join(experiment.tags),
    }
    state = f" {' '.join(filter(None, (experiment.state, experiment.kind)))} "
    tags = f":{':'.join(experiment.tags)}:"
    passages = [passage.to_row() for passage in split_experiment(experiment, others)]
    return Document(shown, texts, [*map(iso, stamps)], state, tags, verdict or conclusion.verdict or "", passages)


def commit_document(commit: FoundCommit) -> Document:
    """Return a commit as a document."""
    return Document(commit, {"message": commit.message}, [commit.at])


def entry_document(entry: FoundEntry) -> Document:
    """Return a journal entry as a document."""
    return Document(entry, {"entry": f"{entry.title}\n{entry.text}"}, [entry.at])
