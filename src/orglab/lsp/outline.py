"""The symbols of a log: experiments with their notes, steps and conclusions, and experiments by words."""

import re
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter

from lsprotocol import types

from orglab.lsp.hover import BOXES
from orglab.lsp.log_view import Found, LogView
from orglab.lsp.open_files import LogOfFile, OpenFiles
from orglab.lsp.positions import count_units
from orglab.text import cut, one_line

MOST_WITH_PARTS = 1000
"""The most experiments of a log whose steps, notes and conclusions are symbols, too."""
_MOST_FOUND = 100
_LONGEST = 100


class Written(list[dict[str, object]]):
    """Symbols as they are written, because converting ten thousand of them takes longer than all the rest."""


def list_symbols(files: OpenFiles, view: LogView) -> Written:
    """Return the experiments of a log, each with its parts unless there are too many."""
    found = list(view.list_found())
    has_parts = len(found) <= MOST_WITH_PARTS
    return Written(_write_experiment(one, files.encoding, has_parts=has_parts) for one in found)


def _write_experiment(found: Found, encoding: str, *, has_parts: bool) -> dict[str, object]:
    """Return the symbol of an experiment; what it needs of the text is read once."""
    fields, line = vars(found.experiment), found.line
    if "symbol" not in fields:
        experiment, text = found.experiment, found.view.text
        lines = experiment.document.text[experiment.begin : experiment.end].rstrip(b"\n").count(b"\n")
        units = [count_units(text.line(number), encoding) for number in (line, line + lines)]
        fields["symbol"] = _name_experiment(found), _describe_state(found), lines, units
    name, state, lines, (first, last) = fields["symbol"]
    end = {"line": line + lines, "character": last}
    symbol = _write_symbol(name, types.SymbolKind.Class, state, line, first)
    symbol["range"] = {"start": {"line": line, "character": 0}, "end": end}
    if has_parts:
        symbol["children"] = list(_write_parts(found, encoding))
    return symbol


def _write_symbol(name: str, kind: types.SymbolKind, detail: str, line: int, end: int) -> dict[str, object]:
    """Return a symbol that is a line."""
    where = {"start": {"line": line, "character": 0}, "end": {"line": line, "character": end}}
    return {"name": name, "kind": kind.value, "detail": detail, "range": where, "selectionRange": where}


def _name_experiment(found: Found) -> str:
    return cut(f"{found.experiment.ref} {one_line(found.experiment.title)}", _LONGEST)


def search_symbols(files: OpenFiles, log: LogOfFile, query: str) -> Iterator[types.WorkspaceSymbol]:
    """Yield the first experiments of a log whose ids begin with a number; if it is none, those with some words."""
    view = log.view
    number = re.fullmatch(rf"\s*(?:{re.escape(log.log.config.letter)})?([0-9]+)\s*", query)
    uri = files.spell_uri(view.path)
    found: list[Found] = list(islice(view.search_by_number(number[1]), _MOST_FOUND)) if number is not None else []
    for one in found or islice(view.search(query), _MOST_FOUND):
        location = types.Location(uri, files.make_range(one.line, view.text.line(one.line)))
        yield types.WorkspaceSymbol(
            location, _name_experiment(one), types.SymbolKind.Class, container_name=one.experiment.state
        )


def _describe_state(found: Found) -> str:
    experiment = found.experiment
    progress = experiment.progress
    steps = f"{progress.done}/{progress.total}" if progress.total else None
    return " ".join(filter(None, (experiment.state, steps)))


def _write_parts(found: Found, encoding: str) -> Iterator[dict[str, object]]:
    """Yield the notes, the steps with theirs, and the conclusion of an experiment, in the order of the text."""
    experiment = found.experiment
    parts = [(note.line, note.text, types.SymbolKind.String, "") for note in experiment.all_notes]
    for step in experiment.steps:
        name = f"{BOXES[step.state]} {step.number}. {step.text}"
        parts.append((step.line, name, types.SymbolKind.Event, ", ".join(step.commits)))
    heading, text = experiment.conclusions_heading, experiment.conclusion.text
    if heading is not None and text:
        parts.append((heading.line_number, text, types.SymbolKind.Constant, experiment.verdict or ""))
    for number, name, kind, detail in sorted(parts, key=itemgetter(0)):
        line = found.first_line + number - 1
        end = count_units(found.view.text.line(line), encoding)
        yield _write_symbol(cut(one_line(name), _LONGEST) or "-", kind, detail, line, end)
