"""The references that an editor offers where one is begun: `[e2`, `[elearning rate`, `[e201.`."""

import datetime
import heapq
import re
from typing import NamedTuple

from lsprotocol import types

from orglab.experiment.lookup import is_active
from orglab.experiment.model import Experiment
from orglab.lsp.open_files import LogOfFile, OpenFile, OpenFiles
from orglab.lsp.parted_text import Place
from orglab.text import cut, one_line

_MOST = 50
_LONGEST = 100
_LONGEST_WORDS = 80
_CLOSED = ("done", "dropped")


class _Begun(NamedTuple):
    """A reference that is begun: its text after the letter, and the range to replace, which is what follows `[`."""

    text: str
    range: types.Range
    typed: str


def complete(files: OpenFiles, opened: OpenFile, log: LogOfFile, position: types.Position) -> types.CompletionList:
    """Return the references that may be meant by what is typed before a position; none if that begins no reference."""
    begun = _find_begun(files, opened, log.log.config.letter, files.find_place(opened.text, position))
    if begun is None:
        return types.CompletionList(is_incomplete=False, items=[])
    name, dot, number = begun.text.partition(".")
    found = log.find(name) if dot and re.fullmatch(r"[A-Za-z0-9_-]+", name) else None
    if found is not None and re.fullmatch(r"\d*", number):
        items = [
            _make_item(step.ref, one_line(step.text), step.state, begun, place, [opened.uri, name, step.number])
            for place, step in enumerate(found.experiment.steps)
            if str(step.number).startswith(number)
        ]
        return types.CompletionList(is_incomplete=False, items=items)
    matching, is_incomplete = _find_matching(log, begun.text)
    items = [
        _make_item(one.ref, one_line(one.title), one.state or "", begun, place, [opened.uri, one.id, None])
        for place, one in enumerate(matching)
    ]
    # With other words there are others.
    is_incomplete = is_incomplete or not begun.text.isdecimal()
    return types.CompletionList(is_incomplete=is_incomplete, items=items)


def _find_begun(files: OpenFiles, opened: OpenFile, letter: str, place: Place) -> _Begun | None:
    """Return the reference that is begun at a place, or None."""
    line = opened.text.line(place.line)
    before = line[max(0, place.column - _LONGEST_WORDS) : place.column]
    opening = re.escape(letter.encode())
    match = re.search(rb"(?<![\w\[\]\x80-\xff])\[%b([^\[\]]*)$" % opening, before)
    if match is None:
        return None
    begin = place.column - len(before) + match.start() + 1
    end = place.column + line[place.column :].startswith(b"]")
    text = match.group(1).decode("utf-8", "replace")
    return _Begun(text, files.make_range(place.line, line, begin, end), letter + text)


def _find_matching(log: LogOfFile, text: str) -> tuple[list[Experiment], bool]:
    """Return experiments with an id that begins with a text, or with all of its words, and whether there are more.

    The likeliest come first: the one with that id, the active one, the open ones, then the newest.
    """
    is_number = text.isdecimal()
    experiments = [one.experiment for one in log.view.search("" if is_number else text)]
    if is_number:
        experiments = [one for one in experiments if one.id.startswith(text)]
    active = log.log.active.get()

    def rate(one: Experiment) -> tuple[bool, bool, bool, datetime.datetime]:
        return one.id == text, is_active(one, active), one.kind not in _CLOSED, _read_time(one)

    return heapq.nlargest(_MOST, experiments, key=rate), len(experiments) > _MOST


def _read_time(experiment: Experiment) -> datetime.datetime:
    created = experiment.created
    return created.when if created is not None else datetime.datetime.min  # noqa: DTZ901 - times of Org are local


def _make_item(ref: str, text: str, state: str, begun: _Begun, place: int, data: list[object]) -> types.CompletionItem:
    title = cut(text, _LONGEST)
    # Editors leave out what does not match what is typed, and some match only the beginning.
    typed = begun.typed if not ref.startswith(begun.typed) else ""
    return types.CompletionItem(
        label=f"{ref} {title}",
        kind=types.CompletionItemKind.Reference,
        detail=state or None,
        sort_text=f"{place:04}",
        filter_text=f"{typed} {ref} {title}".strip(),
        text_edit=types.TextEdit(begun.range, f"{ref}]"),
        data=data,
    )
