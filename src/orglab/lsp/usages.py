"""Where an experiment or a step is named: in the log, the journal, and files that git tracks."""

from collections.abc import Iterable, Iterator

from lsprotocol import types

from orglab.api import Log
from orglab.history.references import Occurrence
from orglab.lsp.cursor import find_in_line
from orglab.lsp.open_files import LogOfFile, OpenFile, OpenFiles
from orglab.lsp.positions import count_units
from orglab.reference import Reference


def list_places(log: Log, reference: Reference) -> list[Occurrence]:
    """Return where an experiment or a step is named in files, as `orglab refs` finds it.

    Raises:
        OrglabError: There is no such experiment, or git fails.
    """
    places = log.refs(reference.spell(log.config.letter)).places
    return [place for place in places if place.path is not None]


def find_usages(
    files: OpenFiles, log: LogOfFile, reference: Reference, places: Iterable[Occurrence]
) -> Iterator[types.Location]:
    """Yield where an experiment or a step is named, each place once; in files that are open, by their text there.

    Args:
        files: The open files.
        log: The log.
        reference: What is named.
        places: What `list_places` returned.
    """
    opened = list(files)
    shown = {one.uri for one in opened}
    for one in opened:
        yield from _find_in_open(files, one, log, reference)
    for place in places:
        uri = files.spell_uri(place.path) if place.path is not None else ""
        if uri and uri not in shown and place.line is not None:
            start = count_units(place.before, files.encoding)
            ends = (types.Position(place.line - 1, at) for at in (start, start + place.length))
            yield types.Location(uri, types.Range(*ends))


def _find_in_open(files: OpenFiles, opened: OpenFile, log: LogOfFile, target: Reference) -> Iterator[types.Location]:
    """Yield where an experiment or a step is named in the text of an open file, if that belongs to the same log."""
    own = files.find_log(opened.path)
    if own is None or own.view is not log.view:
        return
    for number, line in enumerate(bytes(opened.text).split(b"\n")):
        if b"[" not in line:
            continue
        for begin, end, reference in find_in_line(opened, log, line):
            found = log.find(reference.id) if line.startswith(b"[", begin) else None
            if found is not None and found.experiment.id == target.id and target.step in (None, reference.step):
                yield types.Location(opened.uri, files.make_range(number, line, begin, end))
