"""Searching the index: what a query means, as hits that can be shown."""

from __future__ import annotations

import datetime
import json
import time

from orglab.search.contents import PART, lines_of
from orglab.search.documents import has_tables, look_of
from orglab.search.known import look_at_git
from orglab.search.pieces import commit_pieces, experiment_pieces, find_pieces, journal_pieces
from orglab.search.ranking import rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from orglab.search.pieces import Piece
    from orglab.search.query import Query

# How many hits are shown where nobody says.
LIMIT = 20


class Hit:
    """A document that a query means.

    Attributes:
        kind: `experiment`, `commit` or `journal`.
        form: What is known of it: the experiment's form, the commit, the entry.
        line: The line of the experiment's heading or the entry's, or None.
        pieces: Where the query was found in it.
    """

    __slots__ = ("form", "kind", "line", "pieces")

    def __init__(self, kind: str, form: Mapping[str, Any], line: int | None) -> None:
        """Stand for a hit."""
        self.kind = kind
        self.form = form
        self.line = line
        self.pieces: list[Piece] = []


class Found:
    """What a query found.

    Attributes:
        hits: The best hits.
        count: How many there are in all.
        has_all: Whether they have all of the words; if not, some.
    """

    __slots__ = ("count", "has_all", "hits")

    def __init__(self, hits: list[Hit], count: int, *, has_all: bool) -> None:
        """Stand for what was found."""
        self.hits = hits
        self.count = count
        self.has_all = has_all


def git_look(git_dir: str | None) -> str:
    """Return what changes when there are other commits, or when it is another day somewhere.

    Raises:
        OSError: It cannot be told.
    """
    return f"{time.tzname} {time.timezone} {look_at_git(git_dir) if git_dir is not None else ''}"


def is_gathered(connection: sqlite3.Connection, looks: Mapping[str, str]) -> bool:
    """Return whether the index has what is to be searched, as it is now.

    Args:
        connection: The index.
        looks: What each source looks like: `experiments`, `journal`, `commits`.
    """
    return has_tables(connection) and all(
        (held := look_of(connection, name)) is not None and json.loads(held)["look"] == look
        for name, look in looks.items()
    )


def find(connection: sqlite3.Connection, query: Query, limit: int) -> Found:
    """Return what a query finds in an index that has gathered everything."""
    ranked, has_all = rank(connection, query)
    best = ranked[:limit]
    places = [_place(key) for _, kind, key, _ in best if kind == "experiment"]
    lines = dict(zip(places, lines_of(connection, places), strict=True))
    hits = [_hit(connection, number, kind, key, lines) for number, kind, key, _ in best]
    for hit, pieces in zip(hits, find_pieces(query, [_pieces(hit) for hit in hits]), strict=True):
        hit.pieces = pieces
    return Found(hits, len(ranked), has_all=has_all)


def _place(key: bytes) -> tuple[bytes, int]:
    """Return the part that an experiment stands in, and which of it it is."""
    return key[:PART], int.from_bytes(key[PART:], "big")


def _hit(
    connection: sqlite3.Connection, number: int, kind: str, key: bytes, lines: Mapping[tuple[bytes, int], int]
) -> Hit:
    """Return the hit that a document is."""
    if kind == "experiment":
        place = _place(key)
        body = connection.execute("SELECT body FROM form WHERE part = ? AND nth = ?", place).fetchone()[0]
        return Hit(kind, json.loads(body), lines[place])
    form = json.loads(connection.execute("SELECT form FROM document WHERE id = ?", (number,)).fetchone()[0])
    return Hit(kind, form, form.get("line"))


def _pieces(hit: Hit) -> list[Piece]:
    """Return all pieces of a hit."""
    if hit.kind == "experiment":
        return list(experiment_pieces(hit.form, hit.line or 0))
    if hit.kind == "commit":
        return list(commit_pieces(hit.form, commit_day(hit.form)))
    return list(journal_pieces(hit.form))


def commit_day(form: Mapping[str, Any]) -> str:
    """Return when a commit was written, as ISO 8601 has it, in local time."""
    return datetime.datetime.fromtimestamp(form["authored"]).isoformat()  # noqa: DTZ006 - the log holds local times
