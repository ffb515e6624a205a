"""The experiments of a log, as the cache knows them: by the first-level subtrees that they stand in.

A subtree is known by the digest of its bytes and of the file's settings, so what was made of one is good as long as
these are what they were, wherever it stands.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orglab.org.source import encode
from orglab.search.freshness import file_fingerprint, is_same, is_untouched
from orglab.search.store import Store, read_fingerprint, write_fingerprint

if TYPE_CHECKING:
    from orglab.experiment.fast_reader import Span
    from orglab.experiment.model import Experiment
    from orglab.log.file import Snapshot
    from orglab.log.log import LogFile
    from orglab.org.document import Document

_DIGEST = 16  # bytes of a subtree's
# An id is used once: what was made of an experiment that is gone is never taken for another's.
_TABLES = """CREATE TABLE IF NOT EXISTS experiment(
    id INTEGER PRIMARY KEY AUTOINCREMENT, subtree BLOB NOT NULL, nth INTEGER NOT NULL, copy INTEGER NOT NULL,
    place INTEGER NOT NULL, line INTEGER NOT NULL, lines_before INTEGER NOT NULL, name TEXT NOT NULL,
    UNIQUE (subtree, nth, copy))"""
_NAMES = "CREATE INDEX IF NOT EXISTS experiment_name ON experiment(name)"


class Place(NamedTuple):
    """An experiment in the log.

    Attributes:
        subtree: The digest of the subtree that it stands in.
        nth: Which experiment of the subtree it is, from 0 on.
        copy: Which of the subtrees with these bytes that is, from 0 on.
        place: Which experiment of the log it is, from 0 on.
        line: The 1-based line of its heading.
        lines_before: How many lines of the subtree stand before the heading.
        name: Its id.
    """

    subtree: bytes
    nth: int
    copy: int
    place: int
    line: int
    lines_before: int
    name: str


class LogText:
    """The text of a log as it is now; read when an index does not know it.

    Attributes:
        log: The log.
    """

    def __init__(self, log: "LogFile") -> None:
        """Stand for the text of a log; nothing is read."""
        self.log = log

    @cached_property
    def snapshot(self) -> "Snapshot":
        """Its bytes."""
        return self.log.snapshot()

    @cached_property
    def document(self) -> "Document":
        """The same, as a document."""
        return self.log.parse(self.snapshot.data)

    @cached_property
    def spans(self) -> "list[tuple[bytes, Span]]":
        """The subtrees that may hold experiments, in order, each with its digest."""
        return [*self._digested()]

    def is_current(self, index: sqlite3.Connection) -> bool:
        """Return whether an index knows the experiments of the log as it is now."""
        look = read_fingerprint(index, "log")
        return look.get("config") == repr(self.log.config) and is_same(os.fspath(self.log.path), look)

    def update(self, index: sqlite3.Connection) -> str:
        """Have an index know the experiments of the log; return what changes when the log does."""
        look = read_fingerprint(index, "log")
        key, config = f"{self.snapshot.digest} {self._settings}", repr(self.log.config)
        if look.get("key") != key:
            index.execute(_TABLES)
            index.execute(_NAMES)
            _put(index, list(self._places(index)))
        write_fingerprint(index, "log", {**file_fingerprint(self.snapshot), "config": config, "key": key})
        return key

    def refresh_stamp(self, store: Store) -> None:
        """Have an index know the log by its stamp, where it was read again only because that was another."""
        look = store.read(lambda index: read_fingerprint(index, "log")) or {}
        if look and not is_untouched(os.fspath(self.log.path), look):
            now = file_fingerprint(self.log.snapshot())
            if now["at_rest"] and now["digest"] == look["digest"]:
                store.change(lambda index: write_fingerprint(index, "log", {**read_fingerprint(index, "log"), **now}))

    def experiment(self, subtree: bytes, nth: int) -> "Experiment":
        """Return an experiment; its document is the subtree that it stands in: no other is looked at."""
        from orglab.experiment.model import Experiment  # noqa: PLC0415 - where all is known, none is read

        begin = self._glance(self._by_digest[subtree])[nth].begin
        part = self.document.part_at(begin)
        heading = part.heading_at(begin - part.begin)
        if heading is None:
            raise AssertionError(begin)
        return Experiment(heading, self.log.config, os.fspath(self.log.path))

    @cached_property
    def _by_digest(self) -> "dict[bytes, Span]":
        return dict(self.spans)

    @cached_property
    def _glance(self) -> "Callable[[Span], Sequence[Experiment]]":
        """What reads the experiments of a subtree."""
        from orglab.experiment.fast_reader import make_subtree_reader  # noqa: PLC0415 - the same

        return make_subtree_reader(self.document, self.log.config, "")

    @cached_property
    def _settings(self) -> str:
        """What the reading of each subtree depends on, beside its bytes."""
        import hashlib  # noqa: PLC0415 - it loads OpenSSL

        settings, config = self.document.settings, self.log.config
        groups = {tag: list(members) for tag, members in (settings.tag_groups or {}).items()}
        form = (
            config, [list(word) for word in settings.keywords.values()], list(settings.filetags),
            groups, sorted(settings.startup), settings.properties, settings.category,
        )  # fmt: skip
        return hashlib.sha256(repr(form).encode("utf-8", "surrogatepass")).hexdigest()

    def _digested(self) -> "Iterator[tuple[bytes, Span]]":
        """Yield the subtrees that may hold experiments, in order, each with its digest."""
        import hashlib  # noqa: PLC0415 - the same

        from orglab.experiment.fast_reader import split_subtrees  # noqa: PLC0415 - the same

        tag, settings = encode(f":{self.log.config.tag}:"), self._settings.encode()
        spans = [*split_subtrees(self.document.text)]
        for number, span in enumerate(spans):
            if tag in span.chunk:
                mark = hashlib.sha256(span.chunk)
                # The last one may lack the newline that ends the others.
                is_last = number == len(spans) - 1
                mark.update(b"\0%s %d %d" % (settings, span.is_subtree, is_last))
                yield mark.digest()[:_DIGEST], span

    def _places(self, index: sqlite3.Connection) -> Iterator[Place]:
        """Yield the experiments of the log, in order; those of subtrees that an index knows are not parsed."""
        known: dict[bytes, list[tuple[int, str]]] = {}
        held = "SELECT subtree, lines_before, name FROM experiment WHERE copy = 0 ORDER BY nth"
        for subtree, lines, name in index.execute(held):
            known.setdefault(subtree, []).append((lines, name))
        text = self.document.text
        copies: Counter[bytes] = Counter()
        place, line, counted = 0, self.document.source.line_number(0), 0
        for subtree, span in self.spans:
            found = known.get(subtree)
            if found is None:
                read = self._glance(span)
                found = known[subtree] = [(text.count(b"\n", span.begin, one.begin), one.id) for one in read]
            line += text.count(b"\n", counted, span.begin)
            counted = span.begin
            for nth, (lines, name) in enumerate(found):
                yield Place(subtree, nth, copies[subtree], place, line + lines, lines, name)
                place += 1
            copies[subtree] += 1


def _put(index: sqlite3.Connection, places: list[Place]) -> None:
    """Have an index know these experiments, and no others."""
    query = "SELECT subtree, nth, copy, id, place, line FROM experiment"
    held = {(subtree, nth, copy): rest for subtree, nth, copy, *rest in index.execute(query)}
    new, moved = [], []
    for one in places:
        there = held.pop(one[:3], None)
        if there is None:
            new.append((None, *one))
        elif there[1:] != [one.place, one.line]:
            moved.append((one.place, one.line, there[0]))
    index.executemany("DELETE FROM experiment WHERE id = ?", [(number,) for number, _, _ in held.values()])
    index.executemany("INSERT INTO experiment VALUES (?, ?, ?, ?, ?, ?, ?, ?)", new)
    index.executemany("UPDATE experiment SET place = ?, line = ? WHERE id = ?", moved)
