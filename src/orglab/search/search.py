"""Searching a log, its journal and the commits around it: in the index, or without one, which takes longer."""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from orglab import clock
from orglab.errors import GitError, NotFoundError, UsageError
from orglab.search.documents import (
    add,
    commit_document,
    entry_document,
    experiment_document,
    keys_of,
    make_tables,
    remove,
)
from orglab.search.freshness import file_fingerprint, is_same, read_git_fingerprint
from orglab.search.hits import FoundCommit, FoundEntry, FoundExperiment, Hit, SearchResult
from orglab.search.passages import find_passages, restore_passage, split_commit, split_entry
from orglab.search.query import read_query
from orglab.search.ranking import rank
from orglab.search.store import open_store, read_fingerprint, write_fingerprint
from orglab.search.subtrees import LogText

if TYPE_CHECKING:
    from orglab.log.log import LogFile
    from orglab.search.documents import Document
    from orglab.search.passages import Passage
    from orglab.search.query import Query

Progress = Callable[[int, int], None]
_KEY = 4  # bytes of an experiment's number in its subtree


def search_log(log: "LogFile", text: str, *, limit: int, progress: Progress | None = None) -> SearchResult:
    """Return what a query finds in a log, its journal and the messages of commits.

    Args:
        log: The log.
        text: The query, as `search.query` says.
        limit: How many hits at the most.
        progress: Told how many experiments are read, of how many, where many are.

    Raises:
        NotFoundError: There is no log.
        UsageError: The query asks for nothing, or for a day that is none.
    """
    query = read_query(text, clock.now().date())
    if query.is_empty:
        raise UsageError("There is nothing to look for; give a word.")
    store, sources = open_store(log), _Sources(log, progress)
    found = store.answer(sources.are_current, sources.update, lambda index: _find(index, query, limit))
    sources.text.refresh_stamp(store)
    return found


class _Sources:
    """What is searched: the experiments of a log, the entries of its journal, commits."""

    def __init__(self, log: "LogFile", progress: Progress | None) -> None:
        self.log = log
        self.text = LogText(log)
        self._progress = progress

    def are_current(self, index: sqlite3.Connection) -> bool:
        """Return whether an index has all of it as it is now."""
        journal = read_fingerprint(index, "journal")
        return (
            self.text.is_current(index)
            and read_fingerprint(index, "documents").get("key") == read_fingerprint(index, "log")["key"]
            and journal.get("config") == repr(self.log.config)
            and is_same(os.fspath(self.log.journal), journal)
            and read_fingerprint(index, "commits").get("look") == self._git_look()
        )

    def update(self, index: sqlite3.Connection) -> None:
        """Have an index hold it; what it has already is not read again."""
        make_tables(index)
        key = self.text.update(index)
        if read_fingerprint(index, "documents").get("key") != key:
            self._update_experiments(index)
            write_fingerprint(index, "documents", {"key": key})
        self._update_journal(index)
        self._update_commits(index)

    def _update_experiments(self, index: sqlite3.Connection) -> None:
        query = "SELECT subtree, nth FROM experiment WHERE copy = 0 ORDER BY place"
        wanted = {subtree + nth.to_bytes(_KEY, "big"): (subtree, nth) for subtree, nth in index.execute(query)}
        there = keys_of(index, "experiment")
        remove(index, "experiment", there - wanted.keys())
        new = {key: place for key, place in wanted.items() if key not in there}
        add(index, "experiment", self._experiments(new))

    def _experiments(self, new: dict[bytes, tuple[bytes, int]]) -> "Iterator[tuple[bytes, Document]]":
        for count, (key, place) in enumerate(new.items(), 1):
            yield key, experiment_document(self.text.experiment(*place))
            if self._progress is not None:
                self._progress(count, len(new))

    def _update_journal(self, index: sqlite3.Connection) -> None:
        from orglab.experiment.journal import read_entries  # noqa: PLC0415 - where nothing changed, none is read
        from orglab.log import file  # noqa: PLC0415 - the same

        try:
            snapshot = file.read(self.log.journal)
        except NotFoundError:
            snapshot = file.Snapshot(self.log.journal, b"")
        entries = [
            FoundEntry(
                one.at.isoformat() if one.at is not None else None, one.title, one.text, one.line,
                tuple(reference.spell(self.log.config.letter) for reference in one.references),
            )
            for one in read_entries(self.log.parse(snapshot.data), self.log.config)
        ]  # fmt: skip
        remove(index, "journal", keys_of(index, "journal"))
        add(index, "journal", ((b"%d" % number, entry_document(one)) for number, one in enumerate(entries)))
        write_fingerprint(index, "journal", {**file_fingerprint(snapshot), "config": repr(self.log.config)})

    def _update_commits(self, index: sqlite3.Connection) -> None:
        look, held = self._git_look(), read_fingerprint(index, "commits")
        if held.get("look") == look:
            return
        from orglab.git import is_installed  # noqa: PLC0415 - the same
        from orglab.git.commit import parse_commit  # noqa: PLC0415
        from orglab.git.mentions import Tips, read_reached  # noqa: PLC0415

        commits: list[FoundCommit] = []
        gone: frozenset[str] | None = None
        tips = Tips()
        if self.log.repository is not None and is_installed():
            known = Tips(frozenset(held["tips"]), held["basis"]) if held.get("zone") == _zone() else None
            try:
                records, gone, tips = read_reached(self.log.repository, known)
                read = map(parse_commit, records)
                commits = [FoundCommit(one.hash, one.short, one.author, one.authored, one.message) for one in read]
            except GitError:
                commits, gone, tips = [], None, Tips()
        remove(index, "commit", keys_of(index, "commit") if gone is None else {name.encode() for name in gone})
        add(index, "commit", ((one.hash.encode(), commit_document(one)) for one in commits))
        now = {"look": look, "tips": sorted(tips.commits), "basis": tips.basis, "zone": _zone()}
        write_fingerprint(index, "commits", now)

    def _git_look(self) -> str:
        """Return what changes when there are other commits, or when it is another day somewhere."""
        repository = self.log.repository
        try:
            return f"{_zone()} {read_git_fingerprint(os.fspath(repository.git_dir)) if repository is not None else ''}"
        except OSError:
            return "unknown"


def _zone() -> str:
    return f"{time.tzname} {time.timezone}"


def _find(index: sqlite3.Connection, query: "Query", limit: int) -> SearchResult:
    """Return what a query finds in an index that holds everything."""
    ranked, has_all = rank(index, query, limit)
    read = [_hit(index, number, kind, key) for number, kind, key in ranked.best]
    hits = [hit for hit, _ in read]
    for hit, passages in zip(hits, find_passages(query, [passages for _, passages in read]), strict=True):
        hit.passages = passages
    return SearchResult(hits, ranked.total, has_all)


def _hit(index: sqlite3.Connection, number: int, kind: str, key: bytes) -> "tuple[Hit, list[Passage]]":
    """Return the hit that a document is, and all of its passages."""
    row = index.execute("SELECT shown, pieces FROM document WHERE id = ?", (number,)).fetchone()
    shown, kept = map(json.loads, row)
    if kind == "commit":
        commit = FoundCommit(*shown)
        return Hit(kind, commit, None), [*split_commit(commit)]
    if kind == "journal":
        entry = FoundEntry(*shown)
        return Hit(kind, entry, entry.line), [*split_entry(entry)]
    place = (key[:-_KEY], int.from_bytes(key[-_KEY:], "big"))
    query = "SELECT line FROM experiment WHERE subtree = ? AND nth = ? AND copy = 0"
    line = int(index.execute(query, place).fetchone()[0])
    return Hit(kind, FoundExperiment(*shown), line), [restore_passage(one, line) for one in kept]
