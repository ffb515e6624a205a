"""Plain commands that read, answered from the index without click and the parser: to import those takes longer.

What is not plain, or not in the index, is left to the commands, which print the same.
"""

from __future__ import annotations

import os

from orglab.cli import answers, output
from orglab.errors import OrglabError
from orglab.index.answers import Declined, IndexedLog
from orglab.index.store import Store
from orglab.index.where import index_path
from orglab.place import (
    active_file,
    as_seen_from_here,
    find_git_dir,
    find_log_file,
    find_settings,
    read_active,
    tidy,
)
from orglab.spelling import read_spelling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_KINDS = ("todo", "doing", "waiting", "done", "all")
# The options of each command that are read here: those without a value, and those with one.
_FLAGS = {"show": ("json",), "list": ("json", *_KINDS), "next": ("json",)}
_VALUES = {"show": ("log",), "list": ("log", "since", "tag", "sort"), "next": ("log",)}
_ARGUMENTS = {"show": 1, "list": 0, "next": 0}


class Words:
    """The words of a command.

    Attributes:
        command: Its name.
        arguments: What is no option.
        flags: The options without a value.
        values: The values of the others, in order.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Read the words.

        Raises:
            Declined: They are not plain.
        """
        self.arguments: list[str] = []
        self.flags: list[str] = []
        self.values: dict[str, list[str]] = {}
        rest = list(words)
        if len(rest) > 2 and rest[0] == "--log":  # noqa: PLR2004 - the option, its value and the command
            rest += [rest.pop(0), rest.pop(0)]
        self.command = rest.pop(0) if rest else ""
        if self.command not in _FLAGS:
            raise Declined
        while rest:
            word = rest.pop(0)
            name, equals, value = word.removeprefix("--").partition("=")
            if not word.startswith("-"):
                self.arguments.append(word)
            elif not word.startswith("--"):
                raise Declined
            elif name in _FLAGS[self.command] and not equals:
                self.flags.append(name)
            elif name in _VALUES[self.command] and (equals or (rest and not rest[0].startswith("-"))):
                self.values.setdefault(name, []).append(value if equals else rest.pop(0))
            else:
                raise Declined
        if len(self.arguments) != _ARGUMENTS[self.command]:
            raise Declined

    def value(self, name: str) -> str | None:
        """Return the value of an option, the last one if it stands twice."""
        return self.values.get(name, [None])[-1]


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
    log, git_dir = _find_log(words.value("log"))
    active = read_active(active_file(log.path, git_dir))
    as_json = "json" in words.flags
    if words.command == "next":
        in_progress = log.in_progress()
        return lambda: answers.show_next(in_progress, active, as_json=as_json)
    if words.command == "list":
        kinds = tuple(kind for kind in words.flags if kind in _KINDS)
        since, tags = words.value("since"), tuple(words.values.get("tag", ()))
        found = log.whole() if as_json else log.experiments()
        found = answers.choose(found, kinds, since, tags, words.value("sort") or "log")
        is_chosen = bool(kinds or since or tags)
        return lambda: answers.show_list(found, active, as_json=as_json, is_chosen=is_chosen)
    spelled = read_spelling(words.arguments[0])
    if spelled is None:
        raise Declined
    experiment = log.experiment(spelled[0])
    if spelled[1] is None:
        return lambda: answers.show_experiment(experiment, active, as_json=as_json)
    for step in experiment.steps:
        if step.number == spelled[1]:
            return lambda: answers.show_step(experiment, step, active, as_json=as_json)
    raise Declined


def _find_log(given: str | None) -> tuple[IndexedLog, str | None]:
    """Return the log that a command is about, and the git directory that it lies in.

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
    git_dir = git[1] if git is not None else None
    if _waits_for(path, git[0] if git is not None else os.path.dirname(os.path.abspath(path))):
        raise Declined
    return IndexedLog(path, Store(index_path(path, git_dir)), lambda about: _is_by(about, table, settings)), git_dir


def _waits_for(log: str, top: str) -> bool:
    """Return whether a run waits to be told in the log, which the other way of each command does first."""
    try:
        if not os.listdir(os.path.join(top, ".orglab", "pending")):
            return False
    except OSError:
        return False
    from pathlib import Path  # noqa: PLC0415 - mostly nothing waits

    from orglab.pending import waiting_runs  # noqa: PLC0415

    return bool(waiting_runs(Path(top), Path(log)))


def _is_by(about: Mapping[str, Any], table: Mapping[str, object], settings: str) -> bool:
    """Return whether an index was made by the settings of a table."""
    if not table:
        return bool(about["is_default"])
    from pathlib import Path  # noqa: PLC0415 - few logs have settings

    from orglab.config import read_config  # noqa: PLC0415

    return bool(about["config"] == repr(read_config(table, Path(settings))))
