"""A log as its index tells of it, for commands that only read: what it cannot answer, it declines."""

from __future__ import annotations

import os
from types import SimpleNamespace

from orglab.index.contents import find_id, read_about, read_contents
from orglab.index.forms import moment, read_form
from orglab.index.freshness import read_and_hash, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from orglab.index.contents import Contents
    from orglab.index.store import Store
    from orglab.model import Experiment

    Answer = TypeVar("Answer")


class Declined(Exception):  # noqa: N818 - it is no error: the answer is had another way
    """The index cannot answer: it is not there, or of other bytes, or does not hold what is asked."""


class IndexedLog:
    """A log that is not read: its index is asked, if that is of the bytes that the log has now.

    Attributes:
        path: The log, as the user knows it.
    """

    def __init__(self, path: str, store: Store, is_ours: Callable[[Mapping[str, Any]], bool]) -> None:
        """Stand for a log.

        Args:
            path: The log.
            store: Its index.
            is_ours: Says of the settings by which the index was made whether they are those that hold now.
        """
        self.path = path
        self._store = store
        self._is_ours = is_ours

    def _ask(self, question: Callable[[sqlite3.Connection, Mapping[str, Any]], Answer | None]) -> Answer:
        """Return what the index answers.

        Raises:
            Declined: It does not.
        """

        def ask(connection: sqlite3.Connection) -> Answer | None:
            about: Mapping[str, Any] | None = read_about(connection)
            if about is None or not self._is_ours(about) or not self._is_current(about):
                return None
            return question(connection, about)

        answer = self._store.ask(ask)
        if answer is None:
            raise Declined
        return answer

    def _is_current(self, about: Mapping[str, Any]) -> bool:
        """Return whether the log has the bytes that the index was made of."""
        status = os.stat(self.path)
        if status.st_size != about["stamp"][0]:
            return False
        if about["at_rest"] and stamp(status) == about["stamp"]:
            return True
        return bool(read_and_hash(self.path)[1] == about["digest"])

    def experiments(self) -> list[Experiment]:
        """Return all experiments, with what a list shows of each."""
        return self._ask(self._read_experiments)

    def _read_experiments(self, connection: sqlite3.Connection, about: Mapping[str, Any]) -> list[Experiment]:
        contents = read_contents(connection)
        letter, kinds = about["letter"], about["kinds"]
        words = {word[0]: number for number, word in enumerate(about["keywords"])}
        done_words = {word[0] for word in about["keywords"] if word[1]}
        columns = zip(
            contents.ids, contents.states, contents.titles, contents.tags, contents.created, contents.done,
            contents.total, strict=True,
        )  # fmt: skip
        return [
            SimpleNamespace(
                id=name, ref=letter + name, state=state or None, title=title, tags=tags.split(":"),
                created=moment(created), progress=SimpleNamespace(done=done, total=total), kind=kinds.get(state),
                is_done=state in done_words, state_number=words.get(state, -1), verdict=contents.verdicts.get(number),
            )  # type: ignore[misc]  # the same names, less parsing
            for number, (name, state, title, tags, created, done, total) in enumerate(columns)
        ]  # fmt: skip

    def experiment(self, name: str) -> Experiment:
        """Return an experiment, whole, by its id, with or without the letter before it."""

        def read(connection: sqlite3.Connection, about: Mapping[str, Any]) -> Experiment | None:
            letter = about["letter"]
            names = [name, *([name.removeprefix(letter)] if name.startswith(letter) and name != letter else [])]
            for one in names:
                found = find_id(connection, one)
                if len(found) > 1:
                    return None  # two of one id: an error, which says where they are
                for place in found:
                    return self._form(connection, *place)
            return None

        return self._ask(read)

    def in_progress(self) -> list[Experiment]:
        """Return the experiments in progress, whole."""

        def read(connection: sqlite3.Connection, about: Mapping[str, Any]) -> list[Experiment] | None:
            contents, kinds = read_contents(connection), about["kinds"]
            numbers = [number for number, state in enumerate(contents.states) if kinds.get(state) == "doing"]
            return self._forms(connection, contents, numbers)

        return self._ask(read)

    def whole(self) -> list[Experiment]:
        """Return all experiments, whole."""

        def read(connection: sqlite3.Connection, _: Mapping[str, Any]) -> list[Experiment] | None:
            contents = read_contents(connection)
            return self._forms(connection, contents, list(range(len(contents))))

        return self._ask(read)

    def _forms(self, connection: sqlite3.Connection, contents: Contents, numbers: list[int]) -> list[Experiment] | None:
        """Return whole experiments, or None if one of them is not held."""
        found = [
            self._form(connection, contents.part(number), contents.nths[number], contents.lines[number])
            for number in numbers
        ]
        return [one for one in found if one is not None] if None not in found else None

    def _form(self, connection: sqlite3.Connection, part: bytes, nth: int, line: int) -> Experiment | None:
        query = "SELECT body FROM form WHERE part = ? AND nth = ?"
        body: tuple[str] | None = connection.execute(query, (part, nth)).fetchone()
        return read_form(body[0], self.path, line) if body is not None else None
