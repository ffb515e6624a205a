"""A log as its index tells of it, for commands that only read: what it cannot answer, it declines."""

from __future__ import annotations

import datetime
import os
from types import SimpleNamespace

from orglab.config import TERMS_NAME
from orglab.search import Declined
from orglab.search.contents import find_id, read_about, read_contents
from orglab.search.forms import moment, read_form
from orglab.search.freshness import NOTHING, read_and_hash, stamp
from orglab.search.kept import read_kept
from orglab.search.known import KIND, Known, known_key, look_at_git, read_known, runs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from orglab.experiment.model import Experiment
    from orglab.runs.record import Run
    from orglab.search.contents import Contents
    from orglab.search.hits import Found
    from orglab.search.similar.answering import Precedent
    from orglab.search.store import Store

    Answer = TypeVar("Answer")


class IndexedLog:
    """A log that is not read: its index is asked, if that is of the bytes that the log has now.

    Attributes:
        path: The log, as the user knows it.
        letter: What stands before the number in a reference; known once something was asked.
        journal: The journal; the same.
    """

    def __init__(self, path: str, store: Store, is_ours: Callable[[Mapping[str, Any]], bool]) -> None:
        """Stand for a log.

        Args:
            path: The log.
            store: Its index.
            is_ours: Says of the settings by which the index was made whether they are those that hold now.
        """
        self.path = path
        self.letter = self.journal = ""
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
            self.letter = about["letter"]
            self.journal = os.path.join(os.path.dirname(self.path), about["journal"])
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

    def known(self, experiment: Experiment, git: tuple[str, str] | None) -> Known:
        """Return what else is known of an experiment; its runs are read, for they may be running.

        Args:
            experiment: The experiment.
            git: The top of the repository, and its git directory; None without git.
        """
        top = git[0] if git is not None else os.path.dirname(os.path.abspath(self.path))
        runs: list[Run] = []
        from pathlib import Path  # noqa: PLC0415 - for this command alone

        from orglab.runs.places import RUNS, list_entries  # noqa: PLC0415 - the same

        if list_entries(Path(top), RUNS):
            from orglab.runs.record import read_runs  # noqa: PLC0415

            runs = runs_of(read_runs(Path(top)), experiment)
        if git is None:
            return Known({}, (), tuple(runs))
        key, look = known_key(experiment), look_at_git(git[1])
        content = read_kept(self._store, KIND, [key]).get(key)
        held = read_known(content, look) if content is not None else None
        if held is None:
            raise Declined
        return Known(*held, tuple(runs))

    def search(self, text: str, limit: int, git_dir: str | None) -> Found:
        """Return what a query finds.

        Raises:
            Declined: The index has not gathered what is to be searched, as it is now.
            UsageError: The query asks for nothing, or for a day that is none.
        """
        from orglab.search.hits import find, git_look, is_gathered  # noqa: PLC0415
        from orglab.search.query import read_query  # noqa: PLC0415 - other commands search nothing

        query = read_query(text, datetime.date.today())  # noqa: DTZ011 - the log holds local times
        if query.is_empty:
            raise Declined

        def read(connection: sqlite3.Connection, about: Mapping[str, Any]) -> Found | None:
            looks = {"experiments": about["digest"], "journal": _digest(self.journal), "commits": git_look(git_dir)}
            return find(connection, query, limit) if is_gathered(connection, looks) else None

        return self._ask(read)

    def precedents(self, text: str) -> list[Precedent]:
        """Return the experiments that tried an idea."""
        from orglab.search.quick_precedents import read_precedents  # noqa: PLC0415 - for one command of several

        terms = ""
        own = os.path.join(os.path.dirname(self.path), TERMS_NAME)
        if os.path.lexists(own):
            from orglab.log.file import read_text  # noqa: PLC0415 - few have terms of their own

            terms = read_text(own)
        return self._ask(lambda connection, about: read_precedents(connection, about, self.path, terms, text))

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


def _digest(path: str) -> str:
    """Return the SHA-256 of a file, of nothing where there is none."""
    try:
        return read_and_hash(path)[1]
    except FileNotFoundError:
        return NOTHING
