"""What a list of experiments shows, of all of them, as columns: read in a few milliseconds for ten thousand.

Beside the columns stands of which file they were read, and by which settings.
"""

from __future__ import annotations

import json
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    # Id, state, title, tags, created, done, total, verdict, part, nth in it, and how many bytes and lines of the part
    # stand before the heading.
    Row = tuple[str, str, str, str, str, int, int, str | None, bytes, int, int, int]

PART = 16
"""Bytes of a part's digest: a part is a subtree of the first level, or what stands before the first one."""
TABLES = """
CREATE TABLE contents(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE form(part BLOB NOT NULL, nth INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (part, nth));
"""
_TEXTS = ("ids", "states", "titles", "tags", "created")
_COUNTS = ("done", "total", "nths", "begins", "lines", "inner", "inner_lines")


class Contents:
    """The columns; each has a value for each experiment, in the order of the log.

    Attributes:
        ids: The ids.
        states: The TODO keyword, or an empty text.
        titles: The titles.
        tags: The tags, joined by colons.
        created: When, as ISO 8601, or an empty text.
        done: How many steps are done.
        total: How many there are.
        verdicts: The verdicts, by the number of the experiment.
        parts: The digests of the parts that they stand in, `PART` bytes each.
        nths: Which experiment of its part it is, from 0 on.
        begins: Where its heading begins in the text of the document.
        lines: The 1-based line of its heading.
        inner: How many bytes of its part stand before the heading.
        inner_lines: How many lines.
    """

    __slots__ = (*_TEXTS, *_COUNTS, "parts", "verdicts")

    ids: list[str]
    states: list[str]
    titles: list[str]
    tags: list[str]
    created: list[str]
    done: array[int]
    total: array[int]
    nths: array[int]
    begins: array[int]
    lines: array[int]
    inner: array[int]
    inner_lines: array[int]
    parts: bytes
    verdicts: dict[int, str]

    def __len__(self) -> int:
        """Return how many experiments there are."""
        return len(self.nths)

    def part(self, number: int) -> bytes:
        """Return the digest of the part that experiment `number` stands in."""
        return self.parts[number * PART : number * PART + PART]

    def rows(self) -> dict[bytes, list[Row]]:
        """Return the experiments of each part, by its digest."""
        found: dict[bytes, list[Row]] = {}
        columns = zip(
            self.ids, self.states, self.titles, self.tags, self.created, self.done, self.total, self.nths,
            self.inner, self.inner_lines, strict=True,
        )  # fmt: skip
        for number, (name, state, title, tags, created, done, total, nth, inner, lines) in enumerate(columns):
            part = self.part(number)
            rows = found.setdefault(part, [])
            if nth == len(rows):  # a part that stands in the log twice is told once
                verdict = self.verdicts.get(number)
                rows.append((name, state, title, tags, created, done, total, verdict, part, nth, inner, lines))
        return found


def gather(rows: Iterable[Row], begins: Iterable[int], lines: Iterable[int]) -> Contents:
    """Return the columns of rows, and of where each begins in the document."""
    found = Contents()
    columns = list(zip(*rows, strict=True)) or [()] * 12
    found.ids, found.states, found.titles, found.tags, found.created = map(list, columns[:5])
    found.done, found.total = array("I", columns[5]), array("I", columns[6])
    found.verdicts = {number: verdict for number, verdict in enumerate(columns[7]) if verdict is not None}
    found.parts = b"".join(columns[8])
    found.nths, found.inner, found.inner_lines = (
        array("I", columns[9]),
        array("Q", columns[10]),
        array("Q", columns[11]),
    )
    found.begins, found.lines = array("Q", begins), array("Q", lines)
    return found


def write_contents(connection: sqlite3.Connection, contents: Contents, about: dict[str, object]) -> None:
    """Put the columns into the index, in place of those that are there, and what they were read of."""
    values: list[tuple[str, bytes]] = [("about", json.dumps(about).encode())]
    values += [(name, "\n".join(getattr(contents, name)).encode("utf-8", "surrogateescape")) for name in _TEXTS]
    values += [(name, getattr(contents, name).tobytes()) for name in _COUNTS]
    values += [("parts", contents.parts), ("verdicts", json.dumps(list(contents.verdicts.items())).encode())]
    connection.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?)", values)


def write_about(connection: sqlite3.Connection, about: dict[str, object]) -> None:
    """Write anew what the columns were read of."""
    connection.execute("INSERT OR REPLACE INTO contents VALUES ('about', ?)", (json.dumps(about).encode(),))


def read_about(connection: sqlite3.Connection) -> dict[str, object] | None:
    """Return what the columns were read of; None if there are none yet."""
    found: tuple[bytes] | None = connection.execute("SELECT value FROM contents WHERE name = 'about'").fetchone()
    return json.loads(found[0]) if found is not None else None


def read_contents(connection: sqlite3.Connection) -> Contents:
    """Return the columns that the index holds."""
    values: dict[str, bytes] = dict(connection.execute("SELECT name, value FROM contents"))
    found = Contents()
    for name in _COUNTS:
        setattr(found, name, _numbers(name, values[name]))
    for name in _TEXTS:
        text = values[name].decode("utf-8", "surrogateescape")
        setattr(found, name, text.split("\n") if found.nths else [])
    found.parts = values["parts"]
    found.verdicts = dict(json.loads(values["verdicts"]))
    return found


def _numbers(name: str, value: bytes) -> array[int]:
    found = array("I" if name in ("done", "total", "nths") else "Q")
    found.frombytes(value)
    return found


def find_id(connection: sqlite3.Connection, name: str) -> list[tuple[bytes, int, int]]:
    """Return the experiments with an id: the part of each, which of the part it is, and its line."""
    names = "('ids', 'parts', 'nths', 'lines')"
    values: dict[str, bytes] = dict(
        connection.execute(f"SELECT name, value FROM contents WHERE name IN {names}")  # noqa: S608 - a literal
    )
    ids, wanted = b"\n" + values["ids"] + b"\n", b"\n" + name.encode() + b"\n"
    found = []
    at = ids.find(wanted)
    while at >= 0:
        number = ids.count(b"\n", 0, at)
        part = values["parts"][number * PART : number * PART + PART]
        nth, line = _numbers("nths", values["nths"])[number], _numbers("lines", values["lines"])[number]
        found.append((part, nth, line))
        at = ids.find(wanted, at + 1)
    return found


def lines_of(connection: sqlite3.Connection, places: list[tuple[bytes, int]]) -> list[int]:
    """Return the lines of experiments, each named by its part and which of that it is; of one told twice, the first."""
    query = "SELECT name, value FROM contents WHERE name IN ('parts', 'nths', 'lines')"
    values: dict[str, bytes] = dict(connection.execute(query))
    nths, lines, parts = _numbers("nths", values["nths"]), _numbers("lines", values["lines"]), values["parts"]
    found = []
    for part, nth in places:
        at = parts.index(part)
        while at % PART or nths[at // PART] != nth:
            at = parts.index(part, at + 1)
        found.append(lines[at // PART])
    return found
