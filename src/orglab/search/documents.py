"""What is searched: experiments, commit messages and journal entries, as rows of text in a full-text index.

Two tables of SQLite's FTS5 share the texts: one has the words as they are, the other their English stems.
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

# In the order of the tables' columns, with what a word there counts in the ranking.
WEIGHTS = {
    "title": 8.0, "description": 4.0, "step": 3.0, "note": 2.0, "conclusion": 5.0, "message": 2.5, "entry": 2.0,
    "tags": 4.0,
}  # fmt: skip
COLUMNS = tuple(WEIGHTS)
_NAMES = ", ".join(COLUMNS)
_SHARED = "content='document', content_rowid='id'"
_TABLES = (
    # What is asked of many stands apart from what is long.
    """CREATE TABLE fact(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key BLOB NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
        state TEXT NOT NULL, marks TEXT NOT NULL, verdict TEXT NOT NULL, UNIQUE (kind, key))""",
    f"CREATE TABLE document(id INTEGER PRIMARY KEY, shown TEXT NOT NULL, pieces TEXT NOT NULL, {_NAMES})",
    f"CREATE VIRTUAL TABLE words USING fts5({_NAMES}, {_SHARED}, tokenize='{EXACT}')",
    f"CREATE VIRTUAL TABLE stems USING fts5({_NAMES}, {_SHARED}, tokenize='{STEMMED}')",
)
# A trigger may not do this where a schema is not trusted.
_COME = tuple(
    f"INSERT INTO {table}(rowid, {_NAMES}) SELECT id, {_NAMES} FROM document WHERE id > ?"  # noqa: S608 - literals
    for table in ("words", "stems")
)
_GO = (
    *(
        f"INSERT INTO {table}({table}, rowid, {_NAMES})"  # noqa: S608 - literals
        f" SELECT 'delete', id, {_NAMES} FROM document WHERE id = ?"
        for table in ("words", "stems")
    ),
    "DELETE FROM document WHERE id = ?",
    "DELETE FROM fact WHERE id = ?",
)


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, unless they are there."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'stems'").fetchone() is None:
        for statement in _TABLES:
            connection.execute(statement)


def keys_of(connection: sqlite3.Connection, kind: str) -> set[bytes]:
    """Return what there is of a kind."""
    return {key for (key,) in connection.execute("SELECT key FROM fact WHERE kind = ?", (kind,))}


def remove(connection: sqlite3.Connection, kind: str, keys: Iterable[bytes]) -> None:
    """Take documents out."""
    find = "SELECT id FROM fact WHERE kind = ? AND key = ?"
    gone = [row for key in keys for row in connection.execute(find, (kind, key))]
    for statement in _GO:
        connection.executemany(statement, gone)


class Document(NamedTuple):
    """A row of what is searched.

    Attributes:
        shown: What a hit shows of it.
        texts: Its text, by column.
        days: The days that it is of, as ISO 8601 has them.
        state: The words for the state of an experiment.
        tags: Its tags.
        verdict: Its verdict.
        passages: Its passages as JSON has them, where those are not made of what is shown.
    """

    shown: FoundExperiment | FoundCommit | FoundEntry
    texts: dict[str, str]
    days: Sequence[str | None]
    state: str = ""
    tags: str = ""
    verdict: str = ""
    passages: Sequence[object] = ()


def add(connection: sqlite3.Connection, kind: str, documents: Iterable[tuple[bytes, Document]]) -> None:
    """Put documents in, each under its key, which no other of its kind has."""
    newest: tuple[int] = connection.execute("SELECT coalesce(max(id), 0) FROM fact").fetchone()
    marks = ", ".join("?" * (3 + len(COLUMNS)))
    for number, (key, one) in enumerate(documents, newest[0] + 1):
        days = sorted(day[:10] for day in one.days if day)
        facts = (days[0] if days else "", days[-1] if days else "", fold(one.state), fold(one.tags), fold(one.verdict))
        connection.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, kind, key, *facts))
        columns = (fold(one.texts.get(name, "")) for name in COLUMNS)
        connection.execute(
            f"INSERT INTO document VALUES ({marks})",  # noqa: S608 - marks
            (number, json.dumps(one.shown), json.dumps(one.passages), *columns),
        )
    for statement in _COME:
        connection.execute(statement, newest)


def experiment_document(experiment: "Experiment") -> Document:
    """Return the row of an experiment."""
    steps, conclusion = experiment.steps, experiment.conclusion
    notes = [*experiment.notes, *(note for step in steps for note in step.notes)]
    stamps = [experiment.created, experiment.closed, conclusion.closed, *(note.at for note in notes)]
    verdict = experiment.verdict
    shown = FoundExperiment(
        experiment.id, experiment.ref, experiment.title, experiment.state, experiment.kind, experiment.is_done,
        experiment.tags, iso(experiment.created), verdict,
    )  # fmt: skip
    texts = {
        "title": f"{experiment.ref} {experiment.title}",
        "description": experiment.description,
        "step": "\n".join(f"{step.ref} {step.text}" for step in steps),
        "note": "\n\n".join(note.text for note in notes),
        "conclusion": "\n".join(filter(None, (conclusion.verdict, conclusion.text))),
        "tags": " ".join(experiment.tags),
    }
    state = f" {' '.join(filter(None, (experiment.state, experiment.kind)))} "
    tags = f":{':'.join(experiment.tags)}:"
    passages = [one.stored() for one in split_experiment(experiment)]
    return Document(shown, texts, [*map(iso, stamps)], state, tags, verdict or conclusion.verdict or "", passages)


def commit_document(commit: FoundCommit) -> Document:
    """Return the row of a commit."""
    return Document(commit, {"message": commit.message}, [commit.at])


def entry_document(entry: FoundEntry) -> Document:
    """Return the row of an entry of the journal."""
    return Document(entry, {"entry": f"{entry.title}\n{entry.text}"}, [entry.at])
