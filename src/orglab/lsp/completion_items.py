"""The references that an editor offers where one is begun: `[e2`, `[elearning rate`, `[e201.`."""

import re
from itertools import islice
from typing import NamedTuple

from lsprotocol import types

from orglab.experiment.model import Experiment
from orglab.lsp.log_view import Found
from orglab.lsp.open_files import LogOfFile, OpenFile, OpenFiles
from orglab.lsp.parted_text import Place
from orglab.text import cut, one_line

_MOST = 50
_LONGEST = 100
_LONGEST_WORDS = 80


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
    own = log.view.find_enclosing(position.line) if log.is_log else None
    matching, is_incomplete = _find_matching(log, begun.text, own)
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


def _find_matching(log: LogOfFile, text: str, own: Found | None) -> tuple[list[Experiment], bool]:
    """Return experiments with an id that begins with a text, or with all of its words, and whether there are more.

    The likeliest come first: the one with that id, the active one, the open ones, then the newest.

    Args:
        log: The log.
        text: The text.
        own: The experiment that it is typed in, which has those words for that reason; None outside of the log.
    """
    active = log.log.active.get()
    found = log.view.search_by_number(text, active) if text.isdecimal() else log.view.search(text, active)
    left_out = own.experiment if own is not None and text and not text.isdecimal() else None
    matching = [one.experiment for one in islice(found, _MOST + 2) if one.experiment is not left_out]
    return matching[:_MOST], len(matching) > _MOST


def _make_item(ref: str, text: str, state: str, begun: _Begun, place: int, data: list[object]) -> types.CompletionItem:
    title = cut(text, _LONGEST)
    # Editors leave out what does not match what is typed, and some match only the beginning.
    is_by_words = not ref.startswith(begun.typed)
    return types.CompletionItem(
        label=f"{ref} {title}",
        kind=types.CompletionItemKind.Reference,
        detail=state or None,
        sort_text=f"{place:04}",
        filter_text=f"{begun.typed} {ref} {title}" if is_by_words else None,
        text_edit=types.TextEdit(begun.range, f"{ref}]"),
        data=data,
    )
