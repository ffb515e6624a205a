"""Where the log records commits: behind its steps, and at the begin of its notes."""

import datetime
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from orglab.config import Config
from orglab.experiment.commit_notation import CHAIN, CHAINS, RecordedHash, parse_chain, parse_chains
from orglab.experiment.model import Experiment, Note, Step, read_experiments
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    import re

_CHAIN = compile_late(CHAIN.encode())
_PARENTHESES = compile_late(rb"\((%s)\)(?=([ \t]*)(\n|\Z)?)" % CHAINS.encode())


class RecordedCommit(NamedTuple):
    """One commit that the log records.

    Attributes:
        begin: Where its first hash begins in the text.
        end: Where its last one ends.
        recorded: The hash that was written first, and the one that counts.
        ref: The step, or experiment, that it is recorded for: `e201.1`.
        words: The step's text, or the note's.
        at: When it was noted, or None.
    """

    begin: int
    end: int
    recorded: RecordedHash
    ref: str
    words: str
    at: datetime.datetime | None

    def edit(self, living: str) -> Edit:
        """Return the edit after which the hash `living` stands behind the original, or alone if it is that."""
        original = self.recorded.original
        begin = self.begin + len(original)
        return Edit(begin, self.end, b"" if _is_same(original, living) else f" -> {living}".encode())


def _is_same(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def find_recorded_hashes(text: bytes) -> set[RecordedHash]:
    """Return all that stands in parentheses as commits do: those that a log records, and perhaps some words."""
    return {one for match in _PARENTHESES.finditer(text) for one in parse_chains(match.group(1).decode())}


def find_recorded_commits(
    document: Document, config: Config, file: str, wanted: AbstractSet[RecordedHash] | None = None
) -> Iterator[RecordedCommit]:
    """Yield the commits that a log records, in the order of the text.

    Args:
        document: The log.
        config: The settings.
        file: The log as the user knows it.
        wanted: Those that are looked for, all if None; an experiment with no other is not parsed.
    """
    seen: set[int] = set()
    for experiment in read_experiments(document, config, file):
        found = list(_PARENTHESES.finditer(document.text, experiment.begin, experiment.end))
        if wanted is not None:
            found = [match for match in found if not wanted.isdisjoint(parse_chains(match.group(1).decode()))]
        for place in _places_of(experiment, found) if found else ():
            if place.begin not in seen and (wanted is None or place.recorded in wanted):
                seen.add(place.begin)
                yield place


def _places_of(experiment: Experiment, found: list["re.Match[bytes]"]) -> Iterator[RecordedCommit]:
    """Yield the commits that an experiment records, of parentheses in its text."""
    steps: dict[int, Step] = {step.line: step for step in experiment.steps}
    notes: dict[int, tuple[Note, str]] = {note.line: (note, experiment.ref) for note in experiment.notes}
    for step in experiment.steps:
        notes |= {note.line: (note, step.ref) for note in step.notes}
    for match in found:
        line = experiment.document.source.line_number(match.start())
        if line in steps and match.group(3) is not None and steps[line].originals:
            yield from (_of_step(steps[line], chain) for chain in _CHAIN.finditer(match.string, *match.span(1)))
            continue
        # The time of a note may stand on a line of its own.
        note, ref = notes.get(line) or notes.get(line - 1) or (None, "")
        recorded = parse_chain(match.group(1).decode())
        if note is not None and (note.original, note.commit) == recorded:
            del notes[note.line]
            at = note.at.when if note.at is not None else None
            yield RecordedCommit(*match.span(1), recorded, ref, note.text, at)


def _of_step(step: Step, chain: "re.Match[bytes]") -> RecordedCommit:
    return RecordedCommit(*chain.span(), parse_chain(chain.group().decode()), step.ref, step.text, None)
