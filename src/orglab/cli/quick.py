"""Plain commands that read, answered from the index without click and the parser: to import those takes longer.

What is not plain, or not in the index, is left to the commands, which print the same.
"""

from __future__ import annotations

import os

from orglab.cli import answers, output
from orglab.cli.words import KINDS, Words
from orglab.config import (
    active_file,
    as_seen_from_here,
    find_git_dir,
    find_log_file,
    find_settings,
    read_active,
    tidy,
)
from orglab.errors import OrglabError
from orglab.reference import read_spelling
from orglab.search import Declined
from orglab.search.answers import IndexedLog
from orglab.search.store import Store
from orglab.search.where import index_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


def answer(words: Sequence[str]) -> bool:
    """Answer a command from the index, if that can be done; return whether it was.

    Args:
        words: The arguments of the program.
    """
    try:
        show = _find_answer(Words(words))
    except (Declined, OrglabError, OSError):
        return False
    output.bear_any_text()
    show()
    return True


def _find_answer(words: Words) -> Callable[[], None]:
    """Return what prints the answer to a command.

    Raises:
        Declined: The index does not have it.
        OrglabError: There is none.
    """
    log, git = _find_log(words.value("log"))
    active = read_active(active_file(log.path, git[1] if git is not None else None))
    as_json = "json" in words.flags
    if words.command == "next":
        in_progress = log.in_progress()
        return lambda: answers.show_next(in_progress, active, as_json=as_json)
    if words.command == "list":
        kinds = tuple(kind for kind in words.flags if kind in KINDS)
        since, tags = words.value("since"), tuple(words.values.get("tag", ()))
        found = log.whole() if as_json else log.experiments()
        found = answers.choose(found, kinds, since, tags, words.value("sort") or "log")
        is_chosen = bool(kinds or since or tags)
        return lambda: answers.show_list(found, active, as_json=as_json, is_chosen=is_chosen)
    if words.command == "search":
        return _find_hits(words, log, git)
    if words.command == "similar":
        from orglab.cli.likeness import show_precedents  # noqa: PLC0415 - for one command of several

        precedents = log.precedents(" ".join(words.arguments))
        return lambda: show_precedents(precedents, as_json=as_json)
    spelled = read_spelling(words.arguments[0])
    if spelled is None:
        raise Declined
    experiment = log.experiment(spelled[0])
    steps = [step for step in experiment.steps if step.number == spelled[1]]
    if spelled[1] is not None and not steps:
        raise Declined
    step = steps[0] if steps else None
    known = log.known(experiment, git).narrowed(experiment.id, step)
    return lambda: answers.show_experiment(experiment, step, known, active, log.letter, as_json=as_json)


def _find_hits(words: Words, log: IndexedLog, git: tuple[str, str] | None) -> Callable[[], None]:
    """Return what prints the answer to a search.

    Raises:
        Declined: The index does not have it.
        OrglabError: There is none.
    """
    from orglab.cli.hits import show_found  # noqa: PLC0415 - for one command of four
    from orglab.search.hits import LIMIT  # noqa: PLC0415

    limit = words.value("limit") or str(LIMIT)
    if not (limit.isascii() and limit.isdigit() and int(limit) > 0):
        raise Declined
    text = " ".join(words.arguments)
    found = log.search(text, int(limit), git[1] if git is not None else None)
    return lambda: show_found(found, text, log.path, log.journal, as_json="json" in words.flags)


def _find_log(given: str | None) -> tuple[IndexedLog, tuple[str, str] | None]:
    """Return the log that a command is about, and the top and the git directory of the repository that it lies in.

    Raises:
        Declined: There is none.
        OrglabError: The settings cannot be read.
    """
    settings, table = find_settings(".")
    name = table.get("log")
    named = tidy(os.path.join(os.path.dirname(settings), name)) if isinstance(name, str) else None
    path = find_log_file(".", given, named)
    if path is None:
        raise Declined
    path = tidy(path) if given is not None else as_seen_from_here(tidy(path))
    git = find_git_dir(os.path.dirname(path))
    if _waits_for(path, git[0] if git is not None else os.path.dirname(os.path.abspath(path))):
        raise Declined
    store = Store(index_path(path, git[1] if git is not None else None))
    return IndexedLog(path, store, lambda about: _is_by(about, table, settings)), git


def _waits_for(log: str, top: str) -> bool:
    """Return whether a run waits to be told in the log, which the other way of each command does first."""
    from pathlib import Path  # noqa: PLC0415 - mostly nothing waits

    from orglab.runs.waiting import find_waiting  # noqa: PLC0415

    return bool(find_waiting(Path(top), Path(log)))


def _is_by(about: Mapping[str, Any], table: Mapping[str, object], settings: str) -> bool:
    """Return whether an index was made by the settings of a table."""
    if not table:
        return bool(about["is_default"])
    from pathlib import Path  # noqa: PLC0415 - few logs have settings

    from orglab.config import read_config  # noqa: PLC0415

    return bool(about["config"] == repr(read_config(table, Path(settings))))
