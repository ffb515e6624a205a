"""Full-text search of a log, its archive, its journal and commit messages: in the index or, more slowly, in memory."""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orglab import clock
from orglab.errors import GitError, OrglabError, UsageError
from orglab.git.inside import find_tracked_link
from orglab.search.documents import (
    add,
    commit_document,
    entry_document,
    experiment_document,
    make_tables,
    read_keys,
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
_KEY = 4  # bytes of an experiment's number within its subtree


def search_log(log: "LogFile", text: str, *, limit: int, progress: Progress | None = None) -> SearchResult:
    """Return the hits of a query in a log, its archive, its journal and commit messages.

    Args:
        log: The log.
        text: The query, in the syntax of `search.query`.
        limit: The maximum number of hits.
        progress: Called with the number of experiments read so far, and of all to read.

    Raises:
        NotFoundError: The log does not exist.
        UsageError: The query is empty, or contains an invalid date.
    """
    query = read_query(text, clock.now().date())
    if query.is_empty:
        raise UsageError("The query is empty; give at least one word.")
    store, sources = open_store(log), _Sources(log, progress)
    result = store.answer(sources.are_current, sources.update, lambda index: _find(index, query, limit))
    sources.text.refresh_stamp(store)
    return result


class _Sources:
    """The sources of the search: the experiments of a log and of its archive, the entries of its journal, commits."""

    def __init__(self, log: "LogFile", progress: Progress | None) -> None:
        self.log = log
        self.text = LogText(log)
        self._progress = progress

    def are_current(self, index: sqlite3.Connection) -> bool:
        """Return whether an index holds the current state of all sources."""
        return (
            self.text.is_current(index)
            and read_fingerprint(index, "documents").get("key") == read_fingerprint(index, "log")["key"]
            and self._is_same(index, "journal", self.log.journal)
            and self._is_same(index, "archive", self.log.archive)
            and read_fingerprint(index, "commits").get("look") == self._git_fingerprint()
        )

    def _is_same(self, index: sqlite3.Connection, name: str, path: Path) -> bool:
        """Return whether an index holds the current state of the journal or of the archive."""
        known = read_fingerprint(index, name)
        is_inside = find_tracked_link(self.log.repository, path) is None
        return is_inside and known.get("config") == repr(self.log.config) and is_same(os.fspath(path), known)

    def update(self, index: sqlite3.Connection) -> None:
        """Bring an index up to date, reading only what has changed."""
        make_tables(index)
        key = self.text.update(index)
        if read_fingerprint(index, "documents").get("key") != key:
            self._update_experiments(index)
            write_fingerprint(index, "documents", {"key": key})
        self._update_journal(index)
        self._update_archive(index)
        self._update_commits(index)

    def _update_experiments(self, index: sqlite3.Connection) -> None:
        query = "SELECT subtree, nth FROM experiment WHERE copy = 0 ORDER BY place"
        current = {subtree + nth.to_bytes(_KEY, "big"): (subtree, nth) for subtree, nth in index.execute(query)}
        indexed = read_keys(index, "experiment")
        remove(index, "experiment", indexed - current.keys())
        new = {key: place for key, place in current.items() if key not in indexed}
        add(index, "experiment", self._experiments(new))

    def _experiments(self, new: dict[bytes, tuple[bytes, int]]) -> "Iterator[tuple[bytes, Document]]":
        for count, (key, place) in enumerate(new.items(), 1):
            yield key, experiment_document(self.text.experiment(*place))
            if self._progress is not None:
                self._progress(count, len(new))

    def _update_journal(self, index: sqlite3.Connection) -> None:
        from orglab.experiment.journal import read_entries  # noqa: PLC0415 - not needed if the journal is unchanged
        from orglab.log import file  # noqa: PLC0415 - the same

        try:
            content = self.log.read_journal()
        except OrglabError:  # missing, or not to be read
            content = file.FileContent(self.log.journal, b"")
        entries = [
            FoundEntry(
                entry.at.isoformat() if entry.at is not None else None, entry.title, entry.text, entry.line,
                tuple(reference.spell(self.log.config.letter) for reference in entry.references),
            )
            for entry in read_entries(self.log.parse(content.data), self.log.config)
        ]  # fmt: skip
        remove(index, "journal", read_keys(index, "journal"))
        add(index, "journal", ((b"%d" % number, entry_document(entry)) for number, entry in enumerate(entries)))
        write_fingerprint(index, "journal", {**file_fingerprint(content), "config": repr(self.log.config)})

    def _update_archive(self, index: sqlite3.Connection) -> None:
        from orglab.log import file  # noqa: PLC0415 - not needed if nothing has changed

        try:
            content = self.log.read_archive_file()
        except OrglabError:  # missing, or not to be read
            content = file.FileContent(self.log.archive, b"")
        experiments = self.log.archived_experiments(self.log.document(), content.data) if content.data else []
        # The TODO keywords are those of the log.
        states = repr([(one.state, one.kind) for one in experiments])
        fields = {**file_fingerprint(content), "config": repr(self.log.config), "states": states}
        known = read_fingerprint(index, "archive")
        if any(known.get(name) != fields[name] for name in ("states", "digest", "config")):
            remove(index, "archived", read_keys(index, "archived"))
            add(index, "archived", ((b"%d" % one.line, experiment_document(one)) for one in experiments))
        write_fingerprint(index, "archive", fields)

    def _update_commits(self, index: sqlite3.Connection) -> None:
        fingerprint, indexed = self._git_fingerprint(), read_fingerprint(index, "commits")
        if indexed.get("look") == fingerprint:
            return
        from orglab.git import is_installed  # noqa: PLC0415 - the same
        from orglab.git.commit import parse_commit  # noqa: PLC0415
        from orglab.git.mentions import Tips, read_reached  # noqa: PLC0415

        commits: list[FoundCommit] = []
        gone: frozenset[str] | None = None
        tips = Tips()
        if self.log.repository is not None and is_installed():
            known = Tips(frozenset(indexed["tips"]), indexed["basis"]) if indexed.get("zone") == _zone() else None
            try:
                records, gone, tips = read_reached(self.log.repository, known)
                commits = [
                    FoundCommit(commit.hash, commit.short, commit.author, commit.authored, commit.message)
                    for commit in map(parse_commit, records)
                ]
            except GitError:
                commits, gone, tips = [], None, Tips()
        remove(index, "commit", read_keys(index, "commit") if gone is None else {name.encode() for name in gone})
        add(index, "commit", ((commit.hash.encode(), commit_document(commit)) for commit in commits))
        current = {"look": fingerprint, "tips": sorted(tips.commits), "basis": tips.basis, "zone": _zone()}
        write_fingerprint(index, "commits", current)

    def _git_fingerprint(self) -> str:
        """Return a fingerprint of the commits and the time zone, which determines the days of commits."""
        repository = self.log.repository
        try:
            return f"{_zone()} {read_git_fingerprint(os.fspath(repository.git_dir)) if repository is not None else ''}"
        except OSError:
            return "unknown"


def _zone() -> str:
    return f"{time.tzname} {time.timezone}"


def _find(index: sqlite3.Connection, query: "Query", limit: int) -> SearchResult:
    """Return the hits of a query in an up-to-date index."""
    ranked, has_all = rank(index, query, limit)
    documents = [_read_hit(index, number, kind, key) for number, kind, key in ranked.best]
    hits = [hit for hit, _ in documents]
    for hit, passages in zip(hits, find_passages(query, [passages for _, passages in documents]), strict=True):
        hit.passages = passages
    return SearchResult(hits, ranked.total, has_all)


def _read_hit(index: sqlite3.Connection, number: int, kind: str, key: bytes) -> "tuple[Hit, list[Passage]]":
    """Return a document as a hit, and all of its passages."""
    row = index.execute("SELECT shown, pieces FROM document WHERE id = ?", (number,)).fetchone()
    shown, stored = map(json.loads, row)
    if kind == "commit":
        commit = FoundCommit(*shown)
        return Hit(kind, commit, None), [*split_commit(commit)]
    if kind == "journal":
        entry = FoundEntry(*shown)
        return Hit(kind, entry, entry.line), [*split_entry(entry)]
    if kind == "archived":
        line = int(key)
        passages = [restore_passage(passage, line) for passage in stored]
        return Hit("experiment", FoundExperiment(*shown), line, is_archived=True), passages
    place = (key[:-_KEY], int.from_bytes(key[-_KEY:], "big"))
    query = "SELECT line FROM experiment WHERE subtree = ? AND nth = ? AND copy = 0"
    line = int(index.execute(query, place).fetchone()[0])
    return Hit(kind, FoundExperiment(*shown), line), [restore_passage(passage, line) for passage in stored]
