"""Which documents a query means, and in what order: by how well the words fit, and by how new they are."""

import datetime
import sqlite3
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from orglab.search.documents import COLUMNS, WEIGHTS

if TYPE_CHECKING:
    from orglab.search.query import Query

# What fits to the letter counts above what has the same stem, and words in the order that they were typed above that.
_EXACT = 2.0
_IN_ORDER = 1.0
# The newest counts so much more than the oldest; what is a year older, half of that.
_RECENCY = 0.3
_YEAR = 365.25
_WEIGHTS = ", ".join(map(str, WEIGHTS.values()))


class Ranked(NamedTuple):
    """The documents that a query means.

    Attributes:
        best: Id, kind and key of the best of them, the best first.
        total: How many there are in all.
    """

    best: list[tuple[int, str, bytes]]
    total: int


def rank(connection: sqlite3.Connection, query: "Query", limit: int) -> tuple[Ranked, bool]:
    """Return the documents that a query means, and whether they have all that it asks for.

    Where none has all of the words, those are meant that have some.
    """
    found = _select(connection, query, " AND ", limit)
    if found.total or len(query.wanted) < 2:  # noqa: PLR2004 - of one word there is no some
        return found, True
    return _select(connection, query, " OR ", limit), False


def _select(connection: sqlite3.Connection, query: "Query", joint: str, limit: int) -> Ranked:
    """Return the documents that have all words, or with ` OR ` some."""
    expression = query.expression(joint)
    literals = [term for term in query.wanted if not term.is_plain]
    conditions, values = _conditions(query)
    if joint == " OR ":
        conditions, values = _any_of(query, expression, conditions, values)
    else:
        conditions += [_holds(query)] * len(literals)
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
    # Those that are as good and as new as the last one that is shown may come before it.
    best = rated[:limit]
    best += [one for one in rated[limit:] if one[:2] == best[-1][:2]] if best else []
    named = "SELECT kind, key FROM fact WHERE id = ?"
    rows = [(*one, *connection.execute(named, one[2:]).fetchone()) for one in best]
    # Ties: an order that does not depend on how the index came about.
    rows.sort(key=itemgetter(3, 4))
    rows.sort(key=itemgetter(0, 1), reverse=True)
    return Ranked([(number, kind, key) for _, _, number, kind, key in rows[:limit]], len(rated))


def _scores(connection: sqlite3.Connection, query: "Query", expression: str | None) -> dict[int, float]:
    """Return how well the words fit each document, the more the better."""
    found: dict[int, float] = {}
    asked = [("stems", expression, 1.0), ("words", expression, _EXACT), ("words", query.phrase(), _IN_ORDER)]
    for table, match, weight in asked:
        if match is not None:
            query_text = f"SELECT rowid, bm25({table}, {_WEIGHTS}) FROM {table} WHERE {table} MATCH ?"  # noqa: S608
            for number, score in connection.execute(query_text, (match,)):
                found[number] = found.get(number, 0.0) - weight * score
    return found


def _conditions(query: "Query") -> tuple[list[str], list[str]]:
    """Return what must hold whatever the words are: the fields, the days, what is excluded."""
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
            conditions.append(f"NOT {_holds(query)}")
            values.append(term.text)
    if query.columns and not query.wanted:
        filled = " OR ".join(f"{name} <> ''" for name in query.columns)
        conditions.append(f"id IN (SELECT id FROM document WHERE {filled})")  # noqa: S608 - names of columns
    return conditions, values


def _any_of(
    query: "Query", expression: str | None, conditions: list[str], values: list[str]
) -> tuple[list[str], list[str]]:
    """Return the conditions with one more: that there is one of the words."""
    alternatives = [_holds(query) for term in query.wanted if not term.is_plain]
    added = [term.text for term in query.wanted if not term.is_plain]
    if expression is not None:
        alternatives.append("id IN (SELECT rowid FROM stems WHERE stems MATCH ?)")
        added.append(expression)
    return [*conditions, f"({' OR '.join(alternatives)})"], [*values, *added]


def _holds(query: "Query") -> str:
    """Return the condition that a text stands somewhere, for what the full-text index has no words for."""
    names = " || char(10) || ".join(query.columns or COLUMNS)
    return f"id IN (SELECT id FROM document WHERE instr({names}, ?))"  # noqa: S608 - names of columns


def _recency(days: set[str]) -> dict[str, float]:
    """Return how much more a document counts for being of a day; of no day, as of one long ago."""
    numbers = {day: datetime.date.fromisoformat(day).toordinal() if day else 0 for day in days}
    newest = max(numbers.values(), default=0)
    return {day: _RECENCY * 2 ** ((number - newest) / _YEAR) for day, number in numbers.items()}
