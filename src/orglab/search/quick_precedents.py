"""Experiments that tried the same idea, from what the index keeps of them."""

from __future__ import annotations

from array import array

from orglab.reference import read_spelling
from orglab.search.contents import find_id
from orglab.search.forms import read_form
from orglab.search.kept import kept_rows
from orglab.search.similar.answering import Precedent, answer, asked_by
from orglab.search.similar.features import question
from orglab.search.similar.lexicon import load_lexicon
from orglab.search.similar.postings import BASE, HEAD, KIND, LEXICON, Postings, has_terms, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from typing import Any

    from orglab.search.similar.features import Record


def read_precedents(
    connection: sqlite3.Connection, about: Mapping[str, Any], path: str, terms: str, text: str
) -> list[Precedent] | None:
    """Return the experiments that tried an idea, or None if the index cannot tell.

    Args:
        connection: The index.
        about: What it was made of, which is the log as it is now.
        path: The log.
        terms: The user's own terms.
        text: The idea in words, or the reference of an experiment.
    """
    rows: dict[bytes, bytes] = {}

    def read(names: Sequence[bytes]) -> dict[bytes, bytes]:
        rows.update(kept_rows(connection, KIND, [name for name in names if name not in rows]))
        return {name: rows[name] for name in names if name in rows}

    read([HEAD, BASE, LEXICON])
    if HEAD not in rows or (asked := _asked(connection, about["letter"], path, text)) is None:
        return None
    head = read_head(read)
    if head.digest != about["digest"] or not has_terms(head.form, terms):
        return None
    collection = Postings(head, read)
    found = answer(asked[0], load_lexicon(rows[LEXICON]), collection, collection.shown, but=asked[1])
    if not found:
        return found
    lines = array("Q")
    lines.frombytes(_column(connection, "lines"))
    return [one.standing(path, about["letter"] + one.id, lines[one.number]) for one in found]


def _column(connection: sqlite3.Connection, name: str) -> bytes:
    """Return a column of the contents as it is stored: the others need not be read."""
    found: tuple[bytes] = connection.execute("SELECT value FROM contents WHERE name = ?", (name,)).fetchone()
    return found[0]


def _asked(connection: sqlite3.Connection, letter: str, path: str, text: str) -> tuple[Record, int | None] | None:
    """Return what is asked, and the number of the experiment that asks it, if one does."""
    spelled = read_spelling(text)
    if spelled is None:
        return question(text), None
    names = [spelled[0], *([spelled[0].removeprefix(letter)] if spelled[0] != letter else [])]
    for name in dict.fromkeys(names):
        for part, nth, line in find_id(connection, name)[:1]:
            query = "SELECT body FROM form WHERE part = ? AND nth = ?"
            body: tuple[str] | None = connection.execute(query, (part, nth)).fetchone()
            ids = _column(connection, "ids").decode().split("\n")
            if body is None or ids.count(name) != 1:
                return None
            return asked_by(read_form(body[0], path, line)), ids.index(name)
    # What can be nothing but a reference names an experiment that is not there.
    return None if "[" in text or any(map(str.isdigit, text)) else (question(text), None)
