"""What is searched: experiments, commit messages and journal entries, as rows of text in a full-text index.

Two tables of SQLite's FTS5 share the texts: one has the words as they are, the other their English stems.
"""

from __future__ import annotations

import json

from orglab.search.fold import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from typing import Any

# In the order of the tables' columns, with what a word there counts in the ranking.
WEIGHTS = {
    "title": 8.0, "description": 4.0, "step": 3.0, "note": 2.0, "conclusion": 5.0, "message": 2.5, "entry": 2.0,
    "tags": 4.0,
}  # fmt: skip
COLUMNS = tuple(WEIGHTS)
_EXACT = "unicode61 remove_diacritics 2"
STEMMED = f"porter {_EXACT}"
_NAMES = ", ".join(COLUMNS)
_SHARED = "content='document', content_rowid='id'"
TABLES = (
    # What is asked of many stands apart from what is long.
    """CREATE TABLE fact(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key BLOB NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
        state TEXT NOT NULL, marks TEXT NOT NULL, verdict TEXT NOT NULL, UNIQUE (kind, key))""",
    f"CREATE TABLE document(id INTEGER PRIMARY KEY, form TEXT NOT NULL, {_NAMES})",
    "CREATE TABLE source(name TEXT PRIMARY KEY, look TEXT NOT NULL)",
    f"CREATE VIRTUAL TABLE words USING fts5({_NAMES}, {_SHARED}, tokenize='{_EXACT}')",
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


def has_tables(connection: sqlite3.Connection) -> bool:
    """Return whether the index has something to search."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'stems'"
    return connection.execute(query).fetchone() is not None


def keys_of(connection: sqlite3.Connection, kind: str) -> set[bytes]:
    """Return what there is of a kind."""
    return {key for (key,) in connection.execute("SELECT key FROM fact WHERE kind = ?", (kind,))}


def remove(connection: sqlite3.Connection, kind: str, keys: Iterable[bytes]) -> None:
    """Take documents out."""
    find = "SELECT id FROM fact WHERE kind = ? AND key = ?"
    gone = [row for key in keys for row in connection.execute(find, (kind, key))]
    for statement in _GO:
        connection.executemany(statement, gone)


def add(connection: sqlite3.Connection, kind: str, forms: Mapping[bytes, Mapping[str, Any]]) -> None:
    """Put documents in, each a form under its key, which no other has."""
    make = {"experiment": _experiment_row, "commit": _commit_row, "journal": _journal_row}[kind]
    newest: tuple[int] = connection.execute("SELECT coalesce(max(id), 0) FROM fact").fetchone()
    rows = ((number, key, make(form)) for number, (key, form) in enumerate(forms.items(), newest[0] + 1))
    columns = ", ".join("?" * (2 + len(COLUMNS)))
    for number, key, (facts, texts) in rows:
        connection.execute("INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, kind, key, *facts))
        connection.execute(f"INSERT INTO document VALUES ({columns})", (number, *texts))  # noqa: S608 - marks
    for statement in _COME:
        connection.execute(statement, newest)


def _row(
    days: list[str],
    form: Mapping[str, Any],
    texts: Mapping[str, str],
    state: str = "",
    verdict: str = "",
    tags: str = "",
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the facts of a document, id, kind and key left out, and its texts, id left out."""
    days = sorted(day[:10] for day in days if day)
    columns = tuple(fold(texts.get(name, "")) for name in COLUMNS)
    facts = (days[0] if days else "", days[-1] if days else "", state, tags, verdict)
    return facts, (json.dumps(form), *columns)


def _experiment_row(form: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the row of an experiment, made of its form in the index."""
    steps, conclusion = form["steps"], form["conclusion"]
    notes = [*form["notes"], *(note for step in steps for note in step["notes"])]
    days = [form["created"], form["closed"], conclusion["closed"], *(note["at"] for note in notes)]
    texts = {
        "title": f"{form['ref']} {form['title']}",
        "description": form["description"],
        "step": "\n".join(f"{step['ref']} {step['text']}" for step in steps),
        "note": "\n\n".join(note["text"] for note in notes),
        "conclusion": "\n".join(filter(None, (conclusion["verdict"], conclusion["text"]))),
        "tags": " ".join(form["tags"]),
    }
    kinds = " ".join(filter(None, (form["state"], form["kind"])))
    tags = f":{':'.join(form['tags'])}:"
    verdict = fold(form["verdict"] or conclusion["verdict"] or "")
    return _row(days, {}, texts, f" {fold(kinds)} ", verdict, fold(tags))


def _commit_row(form: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the row of a commit."""
    return _row([form["day"]], form, {"message": form["message"]})


def _journal_row(form: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the row of an entry of the journal."""
    return _row([form["at"] or ""], form, {"entry": f"{form['title']}\n{form['text']}"})


def look_of(connection: sqlite3.Connection, name: str) -> str | None:
    """Return what a source looked like when it was read last: `experiments`, `commits` or `journal`."""
    found: tuple[str] | None = connection.execute("SELECT look FROM source WHERE name = ?", (name,)).fetchone()
    return found[0] if found is not None else None


def set_look(connection: sqlite3.Connection, name: str, look: str) -> None:
    """Write down what a source looked like when it was read."""
    connection.execute("INSERT OR REPLACE INTO source VALUES (?, ?)", (name, look))
