"""The contents of a log as it is now: from the index where they are of these bytes, else read, and then kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orglab.experiment.model import Experiment
from orglab.search.building import build_contents, experiments_of, settings_form
from orglab.search.contents import read_about, read_contents, write_about, write_contents
from orglab.search.forms import form_text
from orglab.search.freshness import stamp, was_at_rest
from orglab.search.store import open_store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from orglab.config import Config
    from orglab.log.file import Snapshot
    from orglab.log.log import LogFile
    from orglab.org.document import Document
    from orglab.search.contents import Contents
    from orglab.search.store import Store

# How many experiments are parsed whole in passing: that takes some tens of milliseconds.
_IN_PASSING = 100


def current_contents(store: Store, snapshot: Snapshot, document: Document, config: Config) -> Contents:
    """Return the contents of a log, and keep them in the index where it has others.

    Args:
        store: The index.
        snapshot: The log's bytes.
        document: The same, as a document.
        config: The log's settings.
    """
    about, old = store.ask(_read_both) or ({}, None)
    if old is not None and about["config"] == repr(config):
        if about["at_rest"] and snapshot.status is not None and about["stamp"] == stamp(snapshot.status):
            return old
        if about["digest"] == snapshot.digest:
            again = {**about, **_look(snapshot)}
            store.change(lambda connection: write_about(connection, again))
            return old
    form = settings_form(document.settings, config)
    if old is not None and any(about[name] != value for name, value in form.items()):
        old = None
    known = old.rows() if old is not None else {}
    before = frozenset(known)
    contents = build_contents(document, config, known)
    if store.path is not None:
        new = [number for number in range(len(contents)) if contents.part(number) not in before]

        def write(connection: sqlite3.Connection) -> None:
            if old is None:
                connection.execute("DELETE FROM form")
            write_contents(connection, contents, {**form, **_look(snapshot), "digest": snapshot.digest})
            if len(new) <= _IN_PASSING:
                write_forms(connection, contents, document, config, new)
            _forget_forms(connection, contents)

        store.change(write)
    return contents


def keyed_experiments(log: LogFile) -> tuple[list[Experiment], list[bytes] | None, tuple[str, str]]:
    """Return all experiments, what tells each from one of other bytes, and what all of that depends on.

    Without an index there are no keys: None.  The last is the digest of the log, and the form of its settings.
    """
    snapshot = log.snapshot()
    document = log.parse(snapshot.data)
    store = open_store(log)
    if store.path is None:
        return log.read_experiments(document), None, ("", "")
    contents = current_contents(store, snapshot, document, log.config)
    keys = [contents.part(number) + b"%d" % nth for number, nth in enumerate(contents.nths)]
    found = experiments_of(contents, document, log.config, str(log.path))
    return found, keys, (snapshot.digest, repr(settings_form(document.settings, log.config)))


def _read_both(connection: sqlite3.Connection) -> tuple[dict[str, object], Contents] | None:
    about = read_about(connection)
    return None if about is None else (about, read_contents(connection))


def experiment_called(
    store: Store, snapshot: Snapshot, document: Document, config: Config, name: str, file: str
) -> Experiment | None:
    """Return the one experiment with an id, as it is spelled, else without the letter; None if there is not one.

    It is kept in the index whole, so that it can be shown again without the parser.

    Args:
        store: The index.
        snapshot: The log's bytes.
        document: The same, as a document.
        config: The log's settings.
        name: The id.
        file: The log, as the user knows it.
    """
    contents = current_contents(store, snapshot, document, config)
    without = name.removeprefix(config.letter) or name
    for one in dict.fromkeys((name, without)):
        if (count := contents.ids.count(one)) > 1:
            return None
        if count:
            number = contents.ids.index(one)
            _keep(store, contents, document, config, number)
            return _experiment_at(contents, document, config, number, file)
    return None


def _keep(store: Store, contents: Contents, document: Document, config: Config, number: int) -> None:
    """Keep an experiment in the index whole."""
    place = contents.part(number), contents.nths[number]
    held = store.ask(lambda connection: connection.execute(_FORM, place).fetchone() or (0,))
    if held == (0,):
        store.change(lambda connection: write_forms(connection, contents, document, config, [number]))


def _experiment_at(contents: Contents, document: Document, config: Config, number: int, file: str) -> Experiment:
    """Return an experiment; its document is the part of the log that it stands in: no other is looked at."""
    begin = contents.begins[number]
    part = document.part_at(begin)
    heading = part.heading_at(begin - part.begin)
    if heading is None:
        raise AssertionError(number)
    return Experiment(heading, config, file)


_FORM = "SELECT 1 FROM form WHERE part = ? AND nth = ?"


def _look(snapshot: Snapshot) -> dict[str, object]:
    """Return by what the bytes are known without reading them, and whether that can be relied upon."""
    if snapshot.status is None:
        return {"stamp": [], "at_rest": False}
    return {
        "stamp": stamp(snapshot.status),
        "at_rest": was_at_rest(snapshot.status, snapshot.read_at, str(snapshot.path)),
    }


def _forget_forms(connection: sqlite3.Connection, contents: Contents) -> None:
    """Remove the forms of what is in the log no more, once they are many: branches come back."""
    count: tuple[int] = connection.execute("SELECT count(*) FROM form").fetchone()
    if count[0] <= 2 * len(contents) + _IN_PASSING:
        return
    current = {contents.part(number) for number in range(len(contents))}
    parts: list[tuple[bytes]] = connection.execute("SELECT DISTINCT part FROM form").fetchall()
    gone = [(part,) for (part,) in parts if part not in current]
    connection.executemany("DELETE FROM form WHERE part = ?", gone)


def write_forms(
    connection: sqlite3.Connection, contents: Contents, document: Document, config: Config, numbers: Iterable[int]
) -> None:
    """Put experiments into the index whole; the arguments as for `form_bodies`."""
    rows = [
        (contents.part(number), contents.nths[number], body)
        for number, body in form_bodies(contents, document, config, numbers)
    ]
    connection.executemany("INSERT OR REPLACE INTO form VALUES (?, ?, ?)", rows)


def form_bodies(
    contents: Contents, document: Document, config: Config, numbers: Iterable[int]
) -> Iterator[tuple[int, str]]:
    """Yield experiments as the index keeps them whole, each with its number.

    Args:
        contents: The contents of the log.
        document: The log.
        config: Its settings.
        numbers: Which experiments.
    """
    for number in numbers:
        yield number, form_text(_experiment_at(contents, document, config, number, ""))
