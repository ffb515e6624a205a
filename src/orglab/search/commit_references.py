"""The commits that name experiments, from the index: after new commits, only those are scanned."""

import os
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orglab.git.commit import read_commit_time
from orglab.git.mentions import Mention, Tips, read_mentions, scan_mentions
from orglab.search.freshness import read_git_fingerprint
from orglab.search.store import Answer, Reader, Store, read_fingerprint, write_fingerprint

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
    """Return the commits that name experiments or steps, newest first, like `git.mentions.scan_mentions`.

    Args:
        store: The index.
        repository: The repository.
        letter: The letter before the number in a reference.

    Raises:
        GitError: git fails.
    """
    return _read_commits(store, repository, letter, "SELECT record FROM mention ORDER BY number DESC")


def find_experiment_mentions(store: Store, repository: "Repository", letter: str, name: str) -> list[Mention]:
    """Return the commits that name one experiment, or a step of it, newest first; `name` is the experiment's id.

    Raises:
        GitError: git fails.
    """
    query = "SELECT record FROM mentioned JOIN mention USING (number) WHERE id = ? ORDER BY number DESC"
    return _read_commits(store, repository, letter, query, name)


def find_named_ids(store: Store, repository: "Repository", letter: str) -> list[str]:
    """Return the ids that commits name, each once; they need not exist in the log.

    Raises:
        GitError: git fails.
    """
    query = "SELECT DISTINCT id FROM mentioned"
    return _answer(store, repository, letter, lambda index: [name for (name,) in index.execute(query)])


def _read_commits(store: Store, repository: "Repository", letter: str, query: str, *values: str) -> list[Mention]:
    """Return the commits whose records a query selects."""
    return _answer(
        store,
        repository,
        letter,
        lambda index: [*read_mentions((record for (record,) in index.execute(query, values)), letter)],
    )


def _answer(store: Store, repository: "Repository", letter: str, read: Reader[Answer]) -> Answer:
    """Return what `read` reads from an index that knows all commits."""
    try:
        fingerprint = f"{letter} {read_git_fingerprint(os.fspath(repository.git_dir))}"
    except OSError:
        fingerprint = ""

    def is_current(index: sqlite3.Connection) -> bool:
        return bool(fingerprint) and read_fingerprint(index, _SOURCE).get("look") == fingerprint

    def update(index: sqlite3.Connection) -> None:
        _update(index, repository, letter)
        write_fingerprint(index, _SOURCE, {**read_fingerprint(index, _SOURCE), "look": fingerprint})

    return store.answer(is_current, update, read)


def _update(index: sqlite3.Connection, repository: "Repository", letter: str) -> None:
    """Bring the commits that name experiments in an index up to date."""
    for table in _TABLES:
        index.execute(table)
    indexed = read_fingerprint(index, _SOURCE)
    known = Tips(frozenset(indexed["tips"]), indexed["basis"]) if indexed.get("letter") == letter else None
    result = scan_mentions(repository, letter, known)
    if result.gone is not None and not _can_prepend(index, result.mentions, result.gone):
        result = scan_mentions(repository, letter)
    if result.gone is None:
        index.execute("DELETE FROM mention")
        index.execute("DELETE FROM mentioned")
    _add(index, result.mentions)
    tips = result.tips
    write_fingerprint(index, _SOURCE, {"letter": letter, "tips": sorted(tips.commits), "basis": tips.basis})


def _can_prepend(index: sqlite3.Connection, new: list[Mention], gone: frozenset[str]) -> bool:
    """Return whether the new commits followed by the indexed ones are in git's order."""
    if gone and any(name in gone for (name,) in index.execute("SELECT hash FROM mention")):
        return False
    newest: tuple[int | None] = index.execute("SELECT max(committed) FROM mention").fetchone()
    return not new or newest[0] is None or min(read_commit_time(mention.raw) for mention in new) > newest[0]


def _add(index: sqlite3.Connection, new: Iterable[Mention]) -> None:
    """Add commits, newest first, before the indexed ones."""
    newest: tuple[int] = index.execute("SELECT coalesce(max(number), 0) FROM mention").fetchone()
    numbered = [*enumerate(reversed([*new]), newest[0] + 1)]
    rows = ((number, read_commit_time(mention.raw), mention.hash, mention.raw) for number, mention in numbered)
    index.executemany("INSERT INTO mention VALUES (?, ?, ?, ?)", rows)
    ids = {(reference.id, number) for number, mention in numbered for reference in mention.references}
    # Inserted in the order of the primary key, to avoid scattered writes.
    index.executemany("INSERT INTO mentioned VALUES (?, ?)", sorted(ids))
