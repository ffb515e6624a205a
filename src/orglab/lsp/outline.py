"""The symbols of a log: experiments with their notes, steps and conclusions, and experiments by words."""

from collections.abc import Iterator
from itertools import islice

from lsprotocol import types

from orglab.lsp.log_view import Found, LogView
from orglab.lsp.open_files import OpenFiles
from orglab.text import cut, one_line

MOST_WITH_PARTS = 1000
"""The most experiments of a log whose steps, notes and conclusions are symbols, too."""
_MOST_FOUND = 100
_LONGEST = 100
_BOXES = {"done": "[X]", "partial": "[-]", "open": "[ ]"}


def list_symbols(files: OpenFiles, view: LogView) -> list[types.DocumentSymbol]:
    """Return the experiments of a log, each with its parts unless there are too many."""
    found = list(view.list_found())
    has_parts = len(found) <= MOST_WITH_PARTS
    return [_make_experiment(files, one, has_parts=has_parts) for one in found]


def search_symbols(files: OpenFiles, view: LogView, words: str) -> Iterator[types.WorkspaceSymbol]:
    """Yield the first experiments of a log that have some words, or the reference that is one of them."""
    uri = files.spell_uri(view.path)
    for found in islice(view.search(words), _MOST_FOUND):
        experiment = found.experiment
        location = types.Location(uri, files.make_range(found.line, view.text.line(found.line)))
        name = cut(f"{experiment.ref} {one_line(experiment.title)}", _LONGEST)
        yield types.WorkspaceSymbol(location, name, types.SymbolKind.Class, container_name=experiment.state)


def _make_experiment(files: OpenFiles, found: Found, *, has_parts: bool) -> types.DocumentSymbol:
    experiment, text = found.experiment, found.view.text
    heading = files.make_range(found.line, text.line(found.line))
    lines = experiment.document.text[experiment.begin : experiment.end].rstrip(b"\n").count(b"\n")
    last = found.line + lines
    return types.DocumentSymbol(
        name=cut(f"{experiment.ref} {one_line(experiment.title)}", _LONGEST),
        kind=types.SymbolKind.Class,
        range=types.Range(heading.start, files.make_range(last, text.line(last)).end),
        selection_range=heading,
        detail=_describe_state(found),
        children=list(_list_parts(files, found)) if has_parts else None,
    )


def _describe_state(found: Found) -> str:
    experiment = found.experiment
    progress = experiment.progress
    steps = f"{progress.done}/{progress.total}" if progress.total else None
    return " ".join(filter(None, (experiment.state, steps)))


def _list_parts(files: OpenFiles, found: Found) -> Iterator[types.DocumentSymbol]:
    """Yield the notes, the steps with theirs, and the conclusion of an experiment, in the order of the text."""
    experiment = found.experiment

    def make(line: int, name: str, kind: types.SymbolKind, detail: str | None = None) -> types.DocumentSymbol:
        number = found.first_line + line - 1
        where = files.make_range(number, found.view.text.line(number))
        return types.DocumentSymbol(cut(one_line(name), _LONGEST) or "-", kind, where, where, detail=detail)

    parts = [make(note.line, note.text, types.SymbolKind.String) for note in experiment.all_notes]
    for step in experiment.steps:
        name = f"{_BOXES[step.state]} {step.number}. {step.text}"
        parts.append(make(step.line, name, types.SymbolKind.Event, ", ".join(step.commits) or None))
    heading = experiment.conclusions_heading
    if heading is not None and experiment.conclusion.text:
        text = experiment.conclusion.text
        parts.append(make(heading.line_number, text, types.SymbolKind.Constant, experiment.verdict))
    yield from sorted(parts, key=lambda one: one.range.start.line)
