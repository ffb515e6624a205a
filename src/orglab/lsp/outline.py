"""The symbols of a log: experiments with their notes, steps and conclusions, and experiments by words."""

from collections.abc import Iterator
from itertools import islice

from lsprotocol import types

from orglab.lsp.hover import BOXES
from orglab.lsp.log_view import Found, LogView
from orglab.lsp.open_files import OpenFiles
from orglab.lsp.positions import count_units
from orglab.text import cut, one_line

MOST_WITH_PARTS = 1000
"""The most experiments of a log whose steps, notes and conclusions are symbols, too."""
_MOST_FOUND = 100
_LONGEST = 100


class Written(list[dict[str, object]]):
    """Symbols as they are written, because converting ten thousand of them takes longer than all the rest."""


def list_symbols(files: OpenFiles, view: LogView) -> "list[types.DocumentSymbol] | Written":
    """Return the experiments of a log, each with its parts unless there are too many."""
    found = list(view.list_found())
    if len(found) <= MOST_WITH_PARTS:
        return [_make_experiment(files, one) for one in found]
    return Written(_write_experiment(one, files.encoding) for one in found)


def _write_experiment(found: Found, encoding: str) -> dict[str, object]:
    """Return the symbol of an experiment without its parts; what it needs of the text is read once."""
    fields, line = vars(found.experiment), found.line
    if "symbol" not in fields:
        experiment = found.experiment
        text = experiment.document.text[experiment.begin : experiment.end].rstrip(b"\n").split(b"\n")
        units = count_units(text[0], encoding), count_units(text[-1], encoding)
        fields["symbol"] = _name_experiment(found), _describe_state(found), units, len(text) - 1
    name, state, (first, last), lines = fields["symbol"]
    start, end = {"line": line, "character": 0}, {"line": line + lines, "character": last}
    return {
        "name": name, "kind": types.SymbolKind.Class.value, "detail": state, "range": {"start": start, "end": end},
        "selectionRange": {"start": start, "end": {"line": line, "character": first}},
    }  # fmt: skip


def _name_experiment(found: Found) -> str:
    return cut(f"{found.experiment.ref} {one_line(found.experiment.title)}", _LONGEST)


def search_symbols(files: OpenFiles, view: LogView, words: str) -> Iterator[types.WorkspaceSymbol]:
    """Yield the first experiments of a log that have some words, or the reference that is one of them."""
    uri = files.spell_uri(view.path)
    for found in islice(view.search(words), _MOST_FOUND):
        experiment = found.experiment
        location = types.Location(uri, files.make_range(found.line, view.text.line(found.line)))
        yield types.WorkspaceSymbol(
            location, _name_experiment(found), types.SymbolKind.Class, container_name=experiment.state
        )


def _make_experiment(files: OpenFiles, found: Found) -> types.DocumentSymbol:
    experiment, text = found.experiment, found.view.text
    heading = files.make_range(found.line, text.line(found.line))
    lines = experiment.document.text[experiment.begin : experiment.end].rstrip(b"\n").count(b"\n")
    last = found.line + lines
    return types.DocumentSymbol(
        name=_name_experiment(found),
        kind=types.SymbolKind.Class,
        range=types.Range(heading.start, files.make_range(last, text.line(last)).end),
        selection_range=heading,
        detail=_describe_state(found),
        children=list(_list_parts(files, found)),
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
        name = f"{BOXES[step.state]} {step.number}. {step.text}"
        parts.append(make(step.line, name, types.SymbolKind.Event, ", ".join(step.commits) or None))
    heading = experiment.conclusions_heading
    if heading is not None and experiment.conclusion.text:
        text = experiment.conclusion.text
        parts.append(make(heading.line_number, text, types.SymbolKind.Constant, experiment.verdict))
    yield from sorted(parts, key=lambda one: one.range.start.line)
