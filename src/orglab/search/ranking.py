"""Selection and ranking of the documents that match a query: by how well the words match, and by age."""

import datetime
import sqlite3
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from orglab.search.documents import COLUMNS, WEIGHTS

if TYPE_CHECKING:
    from orglab.search.query import Query

# Added to the score of matching stems (1.0): exact words, and all words in the order typed.
_EXACT = 2.0
_IN_ORDER = 1.0
# The bonus of the newest document, as a fraction of the score; it halves with each year of age.
_RECENCY = 0.3
_YEAR = 365.25
_WEIGHTS = ", ".join(map(str, WEIGHTS.values()))


class Ranked(NamedTuple):
    """The documents that match a query.

    Attributes:
        best: Id, kind and key of the best documents, best first.
        total: The number of all matching documents.
    """

    best: list[tuple[int, str, bytes]]
    total: int


def rank(connection: sqlite3.Connection, query: "Query", limit: int) -> tuple[Ranked, bool]:
    """Return the documents that match a query, and whether they contain all of its words.

    If no document contains all words, those with some of them match.
    """
    ranked = _select(connection, query, " AND ", limit)
    if ranked.total or len(query.included) < 2:  # noqa: PLR2004 - a single word cannot match in part
        return ranked, True
    return _select(connection, query, " OR ", limit), False


def _select(connection: sqlite3.Connection, query: "Query", joint: str, limit: int) -> Ranked:
    """Return the documents that contain all words, or some of them if `joint` is ` OR `."""
    expression = query.expression(joint)
    literals = [term for term in query.included if not term.is_plain]
    conditions, values = _conditions(query)
    if joint == " OR ":
        conditions, values = _require_any(query, expression, conditions, values)
    else:
        conditions += [_contains(query)] * len(literals)
        values += [term.text for term in literals]
        if expression is not None:
            conditions.append("id IN (SELECT rowid FROM stems WHERE stems MATCH ?)")
            values.append(expression)
    where = " AND ".join(conditions) or "1"
    days: dict[int, str] = dict(connection.execute(f"SELECT id, last FROM fact WHERE {where}", values))  # noqa: S608
    scores = _scores(connection, query, expression)
    recency = _recency(set(days.values()))
    rated = [(round(scores.get(number, 0.0) * (1 + recency[last]), 6), last, number) for number, last in days.items()]
    rated.sort(reverse=True)
    # Documents with the same score and day as the last one shown may be ordered before it.
    best = rated[:limit]
    best += [rating for rating in rated[limit:] if rating[:2] == best[-1][:2]] if best else []
    keys = "SELECT kind, key FROM fact WHERE id = ?"
    rows = [(*rating, *connection.execute(keys, rating[2:]).fetchone()) for rating in best]
    # Break ties in an order that does not depend on the history of the index.
    rows.sort(key=itemgetter(3, 4))
    rows.sort(key=itemgetter(0, 1), reverse=True)
    return Ranked([(number, kind, key) for _, _, number, kind, key in rows[:limit]], len(rated))


def _scores(connection: sqlite3.Connection, query: "Query", expression: str | None) -> dict[int, float]:
    """Return the score of each document by how well the words match; higher is better."""
    scores: dict[int, float] = {}
    searches = [("stems", expression, 1.0), ("words", expression, _EXACT), ("words", query.phrase(), _IN_ORDER)]
    for table, match, weight in searches:
        if match is not None:
            statement = f"SELECT rowid, bm25({table}, {_WEIGHTS}) FROM {table} WHERE {table} MATCH ?"  # noqa: S608
            for number, score in connection.execute(statement, (match,)):
                scores[number] = scores.get(number, 0.0) - weight * score
    return scores


def _conditions(query: "Query") -> tuple[list[str], list[str]]:
    """Return the SQL conditions, with their values, for fields, days and excluded terms."""
    conditions: list[str] = []
    values: list[str] = []
    for name, value, is_excluded in query.filters:
        condition = {
            "tag": "instr(marks, ':' || ? || ':')", "state": "instr(state, ' ' || ? || ' ')", "verdict": "verdict = ?",
        }[name]  # fmt: skip
        conditions.append(f"{'NOT ' * is_excluded}({condition})")
        values.append(value)
    if query.since is not None:
        conditions.append("last >= ?")
        values.append(query.since)
    if query.until is not None:
        conditions.append("first <= ? AND first <> ''")
        values.append(query.until)
    if (excluded := query.excluded()) is not None:
        conditions.append("id NOT IN (SELECT rowid FROM stems WHERE stems MATCH ?)")
        values.append(excluded)
    for term in query.terms:
        if term.is_excluded and not term.is_plain:
            conditions.append(f"NOT {_contains(query)}")
            values.append(term.text)
    if query.columns and not query.included:
        filled = " OR ".join(f"{name} <> ''" for name in query.columns)
        conditions.append(f"id IN (SELECT id FROM document WHERE {filled})")  # noqa: S608 - names of columns
    return conditions, values


def _require_any(
    query: "Query", expression: str | None, conditions: list[str], values: list[str]
) -> tuple[list[str], list[str]]:
    """Return the conditions, with the added one that a document contains at least one of the words."""
    alternatives = [_contains(query) for term in query.included if not term.is_plain]
    added = [term.text for term in query.included if not term.is_plain]
    if expression is not None:
        alternatives.append("id IN (SELECT rowid FROM stems WHERE stems MATCH ?)")
        added.append(expression)
    return [*conditions, f"({' OR '.join(alternatives)})"], [*values, *added]


def _contains(query: "Query") -> str:
    """Return the SQL condition that a document contains a text, for text that the full-text index cannot find."""
    names = " || char(10) || ".join(query.columns or COLUMNS)
    return f"id IN (SELECT id FROM document WHERE instr({names}, ?))"  # noqa: S608 - names of columns


def _recency(days: set[str]) -> dict[str, float]:
    """Return the bonus for recency of documents by day; an unknown day (empty) counts as long ago."""
    numbers = {day: datetime.date.fromisoformat(day).toordinal() if day else 0 for day in days}
    newest = max(numbers.values(), default=0)
    return {day: _RECENCY * 2 ** ((number - newest) / _YEAR) for day, number in numbers.items()}
