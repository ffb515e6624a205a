"""Searching a log, its journal and the commits around it: in the index, or without one, which takes longer."""

import datetime
import json
import os
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from orglab.errors import GitError, NotFoundError, UsageError
from orglab.experiment.check import Progress
from orglab.experiment.journal import read_entries
from orglab.git import is_installed
from orglab.log import file
from orglab.log.log import LogFile
from orglab.org.document import Document
from orglab.search.current import current_contents, form_bodies
from orglab.search.documents import TABLES, add, has_tables, keys_of, look_of, remove, set_look
from orglab.search.hits import LIMIT, Found, commit_day, find, git_look, is_gathered
from orglab.search.query import read_query
from orglab.search.store import memory, open_store

if TYPE_CHECKING:
    import sqlite3

    from orglab.git.mentions import Tips

Forms = dict[bytes, Mapping[str, Any]]


def search_log(log: LogFile, text: str, *, limit: int = LIMIT, progress: Progress | None = None) -> Found:
    """Return what a query finds in a log, its journal and the messages of commits.

    Args:
        log: The log.
        text: The query, as `index.query` says.
        limit: How many hits at the most.
        progress: Told how many experiments are read, of how many, where many are.

    Raises:
        NotFoundError: There is no log.
        UsageError: The query asks for nothing, or for a day that is none.
    """
    query = read_query(text, datetime.date.today())  # noqa: DTZ011 - the log holds local times
    if query.is_empty:
        raise UsageError("There is nothing to look for; give a word.")
    sources, store = _Sources(log), open_store(log)
    looks = sources.looks
    found = store.ask(lambda index: find(index, query, limit) if is_gathered(index, looks) else None)
    if found is not None:
        return found
    gathered = sources.gather(store.ask(_held) or _Held(set(), None), progress)
    store.change(lambda index: _put(index, gathered))
    found = store.ask(lambda index: find(index, query, limit) if is_gathered(index, looks) else None)
    if found is not None:
        return found
    with closing(memory()) as index:
        sources.put_contents(index)
        _put(index, sources.gather(_Held(set(), None), progress))
        return find(index, query, limit)


class _Held(NamedTuple):
    """What the index has already: the experiments that it has whole, and the tips up to which commits are in it."""

    whole: set[bytes]
    tips: "Tips | None"


def _held(index: "sqlite3.Connection") -> _Held:
    whole = {part + nth.to_bytes(4, "big") for part, nth in index.execute("SELECT part, nth FROM form")}
    look = json.loads(look_of(index, "commits") or "{}") if has_tables(index) else {}
    if "tips" not in look:
        return _Held(whole, None)
    from orglab.git.mentions import Tips  # noqa: PLC0415 - where there is no git, none of it is needed

    return _Held(whole, Tips(frozenset(look["tips"]), look["basis"]))


class _Gathered(NamedTuple):
    """What is to be searched, or is new in it.

    Attributes:
        looks: What each source looks like, with what else is to be remembered of it, as JSON.
        experiments: The keys of all experiments.
        bodies: The forms of those that were not in the index, by key.
        journal: The entries.
        commits: The commits that were not in the index, by hash.
        gone: The hashes of those that are no more; None if all that are there go.
    """

    looks: dict[str, str]
    experiments: set[bytes]
    bodies: dict[bytes, str]
    journal: Forms
    commits: Forms
    gone: frozenset[str] | None


class _Sources:
    """What is searched, as it is now."""

    def __init__(self, log: LogFile) -> None:
        """Read the log and the journal."""
        self.log = log
        self.snapshot = file.read(log.path)
        self.document = Document(self.snapshot.data, log.config.keywords)
        self.contents = current_contents(open_store(log), self.snapshot, self.document, log.config)
        try:
            self.journal = file.read(log.path.parent / log.config.journal)
        except NotFoundError:
            self.journal = file.Snapshot(log.path, b"")

    @cached_property
    def looks(self) -> dict[str, str]:
        """What each source looks like."""
        repository = self.log.repository
        try:
            commits = git_look(os.fspath(repository.git_dir) if repository is not None else None)
        except OSError:
            commits = "unknown"
        return {"experiments": self.snapshot.digest, "journal": self.journal.digest, "commits": commits}

    def put_contents(self, index: "sqlite3.Connection") -> None:
        """Put into an index what a list shows of the experiments."""
        from orglab.search.contents import write_contents  # noqa: PLC0415 - only without an index

        write_contents(index, self.contents, {})

    def gather(self, held: _Held, progress: Progress | None) -> _Gathered:
        """Return what is not in an index yet."""
        looks: dict[str, dict[str, Any]] = {name: {"look": look} for name, look in self.looks.items()}
        commits, gone, tips = self._commits(held.tips)
        if tips is not None:
            looks["commits"] |= {"tips": sorted(tips.commits), "basis": tips.basis}
        contents = self.contents
        keys = [contents.part(number) + nth.to_bytes(4, "big") for number, nth in enumerate(contents.nths)]
        missing = [number for number, key in enumerate(keys) if key not in held.whole]
        bodies: dict[bytes, str] = {}
        for number, body in form_bodies(contents, self.document, self.log.config, missing):
            bodies[keys[number]] = body
            if progress is not None:
                progress(len(bodies), len(missing))
        return _Gathered(
            {name: json.dumps(look) for name, look in looks.items()}, set(keys), bodies, self._entries(), commits, gone
        )

    def _entries(self) -> Forms:
        """Return the entries of the journal, by their number."""
        document = Document(self.journal.data, self.log.config.keywords)
        return {
            str(number).encode(): {
                "at": entry.at.isoformat() if entry.at is not None else None,
                "title": entry.title,
                "text": entry.text,
                "line": entry.line,
                "references": [one.spell(self.log.config.letter) for one in entry.references],
            }
            for number, entry in enumerate(read_entries(document, self.log.config))
        }

    def _commits(self, known: "Tips | None") -> "tuple[Forms, frozenset[str] | None, Tips | None]":
        """Return the commits that are new, the hashes of those that are gone, and the tips."""
        repository = self.log.repository
        if repository is None or not is_installed():
            return {}, None, None
        from orglab.git.messages import read_messages  # noqa: PLC0415 - where there is no git, none of it is needed

        try:
            commits, gone, tips = read_messages(repository, known)
            forms: Forms = {}
            for commit in commits:
                form = {
                    "hash": commit.hash,
                    "short": commit.short,
                    "author": commit.author,
                    "authored": commit.authored,
                    "message": commit.message,
                }
                forms[commit.hash.encode()] = {**form, "day": commit_day(form)}
        except GitError:
            return {}, None, None
        return forms, gone, tips


def _put(index: "sqlite3.Connection", gathered: _Gathered) -> None:
    """Have an index hold what was gathered, and nothing else.

    Raises:
        LookupError: It has not what it had when that was gathered.
    """
    if not has_tables(index):
        for statement in TABLES:
            index.execute(statement)
    rows = [(key[:-4], int.from_bytes(key[-4:], "big"), body) for key, body in gathered.bodies.items()]
    index.executemany("INSERT OR REPLACE INTO form VALUES (?, ?, ?)", rows)
    there = keys_of(index, "experiment")
    remove(index, "experiment", there - gathered.experiments)
    add(index, "experiment", {key: _form_of(index, gathered, key) for key in gathered.experiments - there})
    remove(index, "journal", keys_of(index, "journal"))
    add(index, "journal", gathered.journal)
    held = look_of(index, "commits")
    gone = keys_of(index, "commit") if gathered.gone is None else {name.encode() for name in gathered.gone}
    remove(index, "commit", gone)
    add(index, "commit", gathered.commits)
    if gathered.gone is not None and held is None:
        raise LookupError(held)
    for name, look in gathered.looks.items():
        set_look(index, name, look)


def _form_of(index: "sqlite3.Connection", gathered: _Gathered, key: bytes) -> dict[str, Any]:
    """Return the form of an experiment that an index holds whole."""
    body = gathered.bodies.get(key)
    if body is None:
        place = key[:-4], int.from_bytes(key[-4:], "big")
        found: tuple[str] | None = index.execute("SELECT body FROM form WHERE part = ? AND nth = ?", place).fetchone()
        if found is None:
            raise LookupError(key)
        body = found[0]
    form: dict[str, Any] = json.loads(body)
    return form
