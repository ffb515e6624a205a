"""The commits that name experiments, as the cache has them: after new commits, only those are looked through."""

import os
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orglab.git.commit import read_commit_time
from orglab.git.mentions import Mention, Tips, read_mentions, scan_mentions
from orglab.search.freshness import read_git_fingerprint
from orglab.search.store import Store, read_fingerprint, write_fingerprint

if TYPE_CHECKING:
    from orglab.git import Repository

# The newest commit has the greatest number.
_TABLES = (
    """CREATE TABLE IF NOT EXISTS mention(
        number INTEGER PRIMARY KEY, committed INTEGER NOT NULL, hash TEXT NOT NULL, record BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS mentioned(
        id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (id, number)) WITHOUT ROWID""",
)
_SOURCE = "references"


def find_mentions(store: Store, repository: "Repository", letter: str) -> list[Mention]:
    """Return the commits that name experiments or steps, newest first, as `git.mentions.scan_mentions` does.

    Args:
        store: The index.
        repository: Where.
        letter: What stands before the number in a reference.

    Raises:
        GitError: git refuses.
    """
    return _answer(store, repository, letter, "SELECT record FROM mention ORDER BY number DESC")


def find_experiment_mentions(store: Store, repository: "Repository", letter: str, name: str) -> list[Mention]:
    """Return the commits that name one experiment, or a step of it, newest first; `name` is the experiment's id.

    Raises:
        GitError: git refuses.
    """
    query = "SELECT record FROM mentioned JOIN mention USING (number) WHERE id = ? ORDER BY number DESC"
    return _answer(store, repository, letter, query, name)


def _answer(store: Store, repository: "Repository", letter: str, query: str, *values: str) -> list[Mention]:
    try:
        look = f"{letter} {read_git_fingerprint(os.fspath(repository.git_dir))}"
    except OSError:
        look = ""

    def is_current(index: sqlite3.Connection) -> bool:
        return bool(look) and read_fingerprint(index, _SOURCE).get("look") == look

    def update(index: sqlite3.Connection) -> None:
        _update(index, repository, letter)
        write_fingerprint(index, _SOURCE, {**read_fingerprint(index, _SOURCE), "look": look})

    def read(index: sqlite3.Connection) -> list[Mention]:
        return [*read_mentions((record for (record,) in index.execute(query, values)), letter)]

    return store.answer(is_current, update, read)


def _update(index: sqlite3.Connection, repository: "Repository", letter: str) -> None:
    """Have an index hold the commits that name something."""
    for table in _TABLES:
        index.execute(table)
    held = read_fingerprint(index, _SOURCE)
    known = Tips(frozenset(held["tips"]), held["basis"]) if held.get("letter") == letter else None
    found = scan_mentions(repository, letter, known)
    if found.gone is not None and not _continues(index, found.mentions, found.gone):
        found = scan_mentions(repository, letter)
    if found.gone is None:
        index.execute("DELETE FROM mention")
        index.execute("DELETE FROM mentioned")
    _add(index, found.mentions)
    write_fingerprint(index, _SOURCE, {"letter": letter, "tips": sorted(found.tips.commits), "basis": found.tips.basis})


def _continues(index: sqlite3.Connection, new: list[Mention], gone: frozenset[str]) -> bool:
    """Return whether the commits that are held, with the new ones before them, are in the order that git has."""
    if gone and any(name in gone for (name,) in index.execute("SELECT hash FROM mention")):
        return False
    newest: tuple[int | None] = index.execute("SELECT max(committed) FROM mention").fetchone()
    return not new or newest[0] is None or min(read_commit_time(one.raw) for one in new) > newest[0]


def _add(index: sqlite3.Connection, new: Iterable[Mention]) -> None:
    """Put commits, newest first, before those that are held."""
    newest: tuple[int] = index.execute("SELECT coalesce(max(number), 0) FROM mention").fetchone()
    numbered = [*enumerate(reversed([*new]), newest[0] + 1)]
    rows = ((number, read_commit_time(one.raw), one.hash, one.raw) for number, one in numbered)
    index.executemany("INSERT INTO mention VALUES (?, ?, ?, ?)", rows)
    ids = {(each.id, number) for number, one in numbered for each in one.references}
    # As they lie in the table: one by one they would fall all over it.
    index.executemany("INSERT INTO mentioned VALUES (?, ?)", sorted(ids))
