"""The commits recorded in a log: after its steps and at the beginning of its notes."""

import datetime
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from orglab.config import Config
from orglab.experiment.author import AUTHOR
from orglab.experiment.commit_notation import CHAIN, CHAINS, RecordedHash, parse_chain, parse_chains
from orglab.experiment.model import Experiment, Step, read_experiments
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.syntax import compile_late

if TYPE_CHECKING:
    import re

    from orglab.experiment.section_text import Note

_CHAIN = compile_late(CHAIN.encode())
# A note also has its author there.
_PARENTHESES = compile_late(rb"\((%s)(?:, %s)?\)(?=[ \t]*(\n|\Z)?)" % (CHAINS.encode(), AUTHOR.encode()))


class RecordedCommit(NamedTuple):
    """One commit recorded in a log.

    Attributes:
        begin: Where its first hash begins in the text.
        end: Where its last hash ends.
        recorded: The original and the current hash.
        ref: The step or experiment that it is recorded for: `e201.1`.
        words: The text of the step or note.
        at: The time of the note, or None.
    """

    begin: int
    end: int
    recorded: RecordedHash
    ref: str
    words: str
    at: datetime.datetime | None

    def edit(self, current: str) -> Edit:
        """Return the edit that writes the current hash after the original one, unless they are the same."""
        original = self.recorded.original
        begin = self.begin + len(original)
        return Edit(begin, self.end, b"" if _is_same(original, current) else f" -> {current}".encode())


def _is_same(first: str, second: str) -> bool:
    return first.startswith(second) or second.startswith(first)


def find_recorded_hashes(text: bytes) -> set[RecordedHash]:
    """Return all hashes in parentheses: those that a log records, and perhaps words that look like hashes."""
    return {recorded for match in _PARENTHESES.finditer(text) for recorded in parse_chains(match.group(1).decode())}


def find_recorded_commits(
    document: Document, config: Config, file: str, wanted: AbstractSet[RecordedHash] | None = None
) -> Iterator[RecordedCommit]:
    """Yield the commits recorded in a log, in text order.

    Args:
        document: The log.
        config: The settings.
        file: The path of the log, for display.
        wanted: The hashes to search for; None for all.  Experiments without any of them are not parsed.
    """
    seen: set[int] = set()
    for experiment in read_experiments(document, config, file):
        matches = list(_PARENTHESES.finditer(document.text, experiment.begin, experiment.end))
        if wanted is not None:
            matches = [match for match in matches if not wanted.isdisjoint(parse_chains(match.group(1).decode()))]
        for commit in _read_commits(experiment, matches) if matches else ():
            if commit.begin not in seen and (wanted is None or commit.recorded in wanted):
                seen.add(commit.begin)
                yield commit


def _read_commits(experiment: Experiment, matches: list["re.Match[bytes]"]) -> Iterator[RecordedCommit]:
    """Yield the recorded commits among the parentheses in an experiment's text."""
    steps: dict[int, Step] = {step.line: step for step in experiment.steps}
    notes: dict[int, tuple[Note, str]] = {note.line: (note, experiment.ref) for note in experiment.notes}
    for step in experiment.steps:
        notes |= {note.line: (note, step.ref) for note in step.notes}
    for match in matches:
        line = experiment.document.source.line_number(match.start())
        if line in steps and match.group(3) is not None and steps[line].originals:
            yield from (
                _read_step_commit(steps[line], chain) for chain in _CHAIN.finditer(match.string, *match.span(1))
            )
            continue
        # The time of a note may be on a line of its own.
        note, ref = notes.get(line) or notes.get(line - 1) or (None, "")
        recorded = parse_chain(match.group(1).decode())
        if note is not None and (note.original, note.commit) == recorded:
            del notes[note.line]
            at = note.at.when if note.at is not None else None
            yield RecordedCommit(*match.span(1), recorded, ref, note.text, at)


def _read_step_commit(step: Step, chain: "re.Match[bytes]") -> RecordedCommit:
    return RecordedCommit(*chain.span(), parse_chain(chain.group().decode()), step.ref, step.text, None)
