"""What the cursor is on: a reference in brackets, in a link or as a word, a heading, or the first line of a step."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from orglab.lsp.log_view import Found
from orglab.lsp.open_files import LogOfFile, OpenFile
from orglab.lsp.parted_text import Place
from orglab.reference import Reference, link_pattern, reference_pattern


class Pointed(NamedTuple):
    """A reference in a line, and what it names.

    Attributes:
        reference: The reference, with the id as the log has it.
        found: The experiment.
        line: The 0-based line.
        begin: The byte of the line where it begins.
        end: The byte where it ends.
    """

    reference: Reference
    found: Found
    line: int
    begin: int
    end: int


def find_pointed(opened: OpenFile, log: LogOfFile, place: Place) -> Pointed | None:
    """Return the reference at a place of an open file, or what has its heading or first line there; else None."""
    for begin, end, reference in find_in_line(opened, log, opened.text.line(place.line)):
        if begin <= place.column <= end and (found := log.find(reference.id)) is not None:
            return Pointed(Reference(found.experiment.id, reference.step), found, place.line, begin, end)
    if log.is_log:
        enclosing = log.view.find_enclosing(place.line)
        step = enclosing.find_step_at(place.line) if enclosing is not None else None
        number = step.number if step is not None else None
        if enclosing is not None and enclosing.find_line(number) == place.line:
            line = opened.text.line(place.line)
            return Pointed(Reference(enclosing.experiment.id, number), enclosing, place.line, 0, len(line))
    return None


def find_in_line(opened: OpenFile, log: LogOfFile, line: bytes) -> Iterator[tuple[int, int, Reference]]:
    """Yield where references begin and end in a line: those in brackets, links, then words that may be references."""
    letter = log.log.config.letter
    for match in reference_pattern(letter).finditer(line):
        yield *match.span(), _read(match)
    if opened.is_org:
        for match in link_pattern(log.log.path.name).finditer(line):
            yield *match.span(), Reference(match.group(1).decode())
    word = rb"(?<![\w.-])%b([A-Za-z0-9_-]+)(?:\.(\d{1,9}))?(?!\w)" % re.escape(letter.encode())
    for match in re.finditer(word, line):
        yield *match.span(), _read(match)


def _read(match: "re.Match[bytes]") -> Reference:
    step = match.group(2)
    return Reference(match.group(1).decode(), int(step) if step else None)
