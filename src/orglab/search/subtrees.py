"""The experiments of a log in the index, by the first-level subtrees that contain them.

A subtree is identified by the digest of its bytes and of the file's settings, so what is derived from it stays valid
until these change, wherever the subtree moves.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from orglab.git.inside import find_tracked_link
from orglab.org.source import encode
from orglab.search.freshness import file_fingerprint, is_same, is_untouched
from orglab.search.store import Store, read_fingerprint, write_fingerprint

if TYPE_CHECKING:
    from orglab.experiment.fast_reader import Span
    from orglab.experiment.model import Experiment
    from orglab.log.file import FileContent
    from orglab.log.log import LogFile
    from orglab.org.document import Document

_DIGEST = 16  # bytes of a subtree's digest
# Ids are never reused, so that data derived from a removed experiment is never taken for that of another.
_TABLES = """CREATE TABLE IF NOT EXISTS experiment(
    id INTEGER PRIMARY KEY AUTOINCREMENT, subtree BLOB NOT NULL, nth INTEGER NOT NULL, copy INTEGER NOT NULL,
    place INTEGER NOT NULL, line INTEGER NOT NULL, lines_before INTEGER NOT NULL, name TEXT NOT NULL,
    UNIQUE (subtree, nth, copy))"""
_NAMES = "CREATE INDEX IF NOT EXISTS experiment_name ON experiment(name)"


class Place(NamedTuple):
    """The position of an experiment in the log.

    Attributes:
        subtree: The digest of the subtree that contains the experiment.
        nth: The 0-based number of the experiment within the subtree.
        copy: The 0-based number of the subtree among those with the same bytes.
        place: The 0-based number of the experiment within the log.
        line: The 1-based line of its heading.
        lines_before: How many lines of the subtree precede the heading.
        name: The experiment's id.
    """

    subtree: bytes
    nth: int
    copy: int
    place: int
    line: int
    lines_before: int
    name: str


class LogText:
    """The current text of a log, read only if the index is not up to date.

    Attributes:
        log: The log.
    """

    def __init__(self, log: "LogFile") -> None:
        """Give access to the text of a log; nothing is read yet."""
        self.log = log

    @cached_property
    def content(self) -> "FileContent":
        """The bytes of the log."""
        return self.log.read_file()

    @cached_property
    def document(self) -> "Document":
        """The log as a document."""
        return self.log.parse(self.content.data)

    @cached_property
    def spans(self) -> "list[tuple[bytes, Span]]":
        """The subtrees that may hold experiments, in order, each with its digest."""
        return [*self._digest_subtrees()]

    def is_current(self, index: sqlite3.Connection) -> bool:
        """Return whether an index holds the current experiments of the log."""
        indexed = read_fingerprint(index, "log")
        if indexed.get("config") != repr(self.log.config) or find_tracked_link(self.log.repository, self.log.path):
            return False
        return is_same(os.fspath(self.log.path), indexed)

    def update(self, index: sqlite3.Connection) -> str:
        """Bring the experiments in an index up to date; return a key that changes with the log."""
        key, config = f"{self.content.digest} {self._settings}", repr(self.log.config)
        if read_fingerprint(index, "log").get("key") != key:
            index.execute(_TABLES)
            index.execute(_NAMES)
            _write_places(index, list(self._places(index)))
        write_fingerprint(index, "log", {**file_fingerprint(self.content), "config": config, "key": key})
        return key

    def refresh_stamp(self, store: Store) -> None:
        """Store the current stamp of the log if only the stamp changed, so that the log need not be read again."""
        indexed = store.read(lambda index: read_fingerprint(index, "log")) or {}
        if indexed and not is_untouched(os.fspath(self.log.path), indexed):
            current = file_fingerprint(self.log.read_file())
            if current["at_rest"] and current["digest"] == indexed["digest"]:
                store.change(
                    lambda index: write_fingerprint(index, "log", {**read_fingerprint(index, "log"), **current})
                )

    def experiment(self, subtree: bytes, nth: int) -> "Experiment":
        """Return an experiment, with the subtree that contains it as its document; other subtrees are not parsed."""
        from orglab.experiment.model import Experiment  # noqa: PLC0415 - not needed if the index is up to date

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
        """The function that reads the experiments of a subtree."""
        from orglab.experiment.fast_reader import make_subtree_reader  # noqa: PLC0415 - the same

        return make_subtree_reader(self.document, self.log.config, "")

    @cached_property
    def _settings(self) -> str:
        """A digest of what the reading of each subtree depends on besides its bytes."""
        import hashlib  # noqa: PLC0415 - it loads OpenSSL

        settings, config = self.document.settings, self.log.config
        groups = {tag: list(members) for tag, members in (settings.tag_groups or {}).items()}
        form = (
            config, [list(word) for word in settings.keywords.values()], list(settings.filetags),
            groups, sorted(settings.startup), settings.properties, settings.category,
        )  # fmt: skip
        return hashlib.sha256(repr(form).encode("utf-8", "surrogatepass")).hexdigest()

    def _digest_subtrees(self) -> "Iterator[tuple[bytes, Span]]":
        """Yield the subtrees that may hold experiments, in order, each with its digest."""
        import hashlib  # noqa: PLC0415 - the same

        from orglab.experiment.fast_reader import split_subtrees  # noqa: PLC0415 - the same

        tag, settings = encode(f":{self.log.config.tag}:"), self._settings.encode()
        spans = [*split_subtrees(self.document.text)]
        for number, span in enumerate(spans):
            if tag in span.chunk:
                digest = hashlib.sha256(span.chunk)
                # The last subtree may lack the final newline.
                is_last = number == len(spans) - 1
                digest.update(b"\0%s %d %d" % (settings, span.is_subtree, is_last))
                yield digest.digest()[:_DIGEST], span

    def _places(self, index: sqlite3.Connection) -> Iterator[Place]:
        """Yield the experiments of the log in order, without parsing subtrees that the index already has."""
        known: dict[bytes, list[tuple[int, str]]] = {}
        query = "SELECT subtree, lines_before, name FROM experiment WHERE copy = 0 ORDER BY nth"
        for subtree, lines, name in index.execute(query):
            known.setdefault(subtree, []).append((lines, name))
        text = self.document.text
        copies: Counter[bytes] = Counter()
        place, line, counted = 0, self.document.source.line_number(0), 0
        for subtree, span in self.spans:
            headings = known.get(subtree)
            if headings is None:
                headings = known[subtree] = [
                    (text.count(b"\n", span.begin, experiment.begin), experiment.id)
                    for experiment in self._glance(span)
                ]
            line += text.count(b"\n", counted, span.begin)
            counted = span.begin
            for nth, (lines, name) in enumerate(headings):
                yield Place(subtree, nth, copies[subtree], place, line + lines, lines, name)
                place += 1
            copies[subtree] += 1


def _write_places(index: sqlite3.Connection, places: list[Place]) -> None:
    """Replace the experiments in an index by the given ones."""
    query = "SELECT subtree, nth, copy, id, place, line FROM experiment"
    indexed = {(subtree, nth, copy): rest for subtree, nth, copy, *rest in index.execute(query)}
    new, moved = [], []
    for place in places:
        row = indexed.pop(place[:3], None)
        if row is None:
            new.append((None, *place))
        elif row[1:] != [place.place, place.line]:
            moved.append((place.place, place.line, row[0]))
    index.executemany("DELETE FROM experiment WHERE id = ?", [(number,) for number, _, _ in indexed.values()])
    index.executemany("INSERT INTO experiment VALUES (?, ?, ?, ?, ?, ?, ?, ?)", new)
    index.executemany("UPDATE experiment SET place = ?, line = ? WHERE id = ?", moved)
