"""A log as it is in the editor, or on disk if it is not open there: its experiments, looked up part by part."""

import datetime
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.ids import ALIASES, read_own_aliases
from orglab.experiment.lookup import is_active
from orglab.experiment.model import Experiment, Step
from orglab.lsp.parted_text import PartedText, PartExperiments, TextPart
from orglab.org.document import Document, Part
from orglab.org.settings import LINE

_CLOSED = ("done", "dropped")

# What concerns the whole file: settings, properties of the file, radio targets, conflict markers.
_OF_THE_FILE = (b"<<<", b">>>>>>>")


class Found(NamedTuple):
    """An experiment of a log, and where it is.

    Attributes:
        view: The log, or its archive.
        experiment: The experiment; its document is the part of the text that it is in.
        first_line: The 0-based line in which that part begins.
    """

    view: "LogView"
    experiment: Experiment
    first_line: int

    @property
    def line(self) -> int:
        """The 0-based line of its heading."""
        return self.first_line + self.experiment.line - 1

    def find_step(self, number: int | None) -> Step | None:
        """Return a step of it, or None."""
        return next((step for step in self.experiment.steps if step.number == number), None)

    def find_step_at(self, line: int) -> Step | None:
        """Return the step that has a 0-based line of the log, or None."""
        experiment, number = self.experiment, line - self.first_line + 1
        source = experiment.document.source
        for step, element in zip(experiment.steps, experiment.step_elements, strict=False):
            if step.line <= number <= source.line_number(max(element.begin, element.end - 1)):
                return step
        return None

    def find_line(self, number: int | None) -> int:
        """Return the 0-based line of a step; that of the heading if there is no such step."""
        step = self.find_step(number) if number is not None else None
        return self.line if step is None else self.first_line + step.line - 1


class LogView:
    """A log as it is in the editor or on disk.

    Attributes:
        path: The file.
        config: The settings.
        text: The text, which may be edited meanwhile.
    """

    def __init__(self, path: Path, config: Config, text: PartedText, keywords: str | None = None) -> None:
        """Take a text; nothing is read yet.

        Args:
            path: The file.
            config: The settings.
            text: The text.
            keywords: The TODO keywords if the text has none; those of the settings if None.
        """
        self.path = path
        self.config = config
        self.text = text
        self._keywords = keywords or config.keywords
        self._document: Document | None = None
        self._index: PartIndex | None = None
        for part in text.parts:
            part.read = None  # with other settings

    @property
    def keywords(self) -> str:
        """The TODO keywords of the text, as a line that defines them."""
        settings = self._read_document().settings
        return f"{' '.join(settings.todo_names)} | {' '.join(settings.done_names)}"

    def replace_text(self, text: PartedText) -> None:
        """Go on with another text."""
        self.text, self._document, self._index = text, None, None

    def follow_edit(self, gone: Sequence[TextPart], made: Sequence[TextPart]) -> None:
        """Take note of an edit of the text: other parts are read again only if settings may differ."""
        parts = [*gone, *made]
        if any(LINE.search(one.text) or any(mark in one.text for mark in _OF_THE_FILE) for one in parts):
            self._document = self._index = None
        elif any(not one.text.startswith(b"* ") for one in parts):
            self._document = self._index = None  # the text before all headings may have properties of the file
        elif self._index is not None:
            self._index.remove(gone)
            self._index.add(made, self._read_part)

    def read_document(self) -> Document:
        """Return the whole text as a document."""
        return Document(bytes(self.text), self._keywords)

    def _read_document(self) -> Document:
        """Return a document with the settings of the text, which may be that before the last edits."""
        if self._document is None:
            self._document = self.read_document()
        return self._document

    def _read_part(self, part: TextPart) -> PartExperiments:
        """Return the experiments in a part, which is read once."""
        read, document = part.read, self._read_document()
        if read is None or (read.document is not document and read.document.settings != document.settings):
            text = part.text[part.mark :]
            inner = Part(document, 0, len(text), text)
            experiments = list(scan_experiments(inner, self.config, str(self.path)))
            has_aliases = experiments and ALIASES.encode() in part.text.upper()
            renumbered = {name: one for one in experiments if has_aliases for name in read_own_aliases(one.heading)}
            read = part.read = PartExperiments(document, experiments, renumbered)
        return read

    def list_found(self) -> Iterator[Found]:
        """Yield the experiments, in the order of the log."""
        for part, line in zip(self.text.parts, self.text.first_lines, strict=True):
            for experiment in self._read_part(part).experiments:
                yield Found(self, experiment, line)

    def find(self, name: str) -> Found | None:
        """Return the experiment that has an id now, else the one that had it before; the first of several; or None."""
        index = self._read_index()
        parts = index.by_id.get(name) or index.by_former_id.get(name)
        return self._find_in(parts, name) if parts else None

    def is_ambiguous(self, name: str) -> bool:
        """Return whether several experiments have an id."""
        return len(self._read_index().by_id.get(name, ())) > 1

    def _read_index(self) -> "PartIndex":
        """Return which parts have an id; all parts are read then."""
        if self._index is None:
            self._index = PartIndex()
            self._index.add(self.text.parts, self._read_part)
        return self._index

    def _find_in(self, parts: Sequence[TextPart], name: str) -> Found:
        """Return the first experiment with an id in some parts that have it."""
        index = min(map(self.text.parts.index, parts))
        read = self._read_part(self.text.parts[index])
        experiment = next((one for one in read.experiments if one.id == name), None) or read.renumbered[name]
        return Found(self, experiment, self.text.first_lines[index])

    def find_enclosing(self, line: int) -> Found | None:
        """Return the innermost experiment whose subtree has a 0-based line, or None."""
        index = self.text.find_part(line)
        part, first_line = self.text.parts[index], self.text.first_lines[index]
        if line - first_line >= len(part.starts):
            return None
        at = max(0, part.starts[line - first_line] - part.mark)
        experiments = self._read_part(part).experiments
        inside = [one for one in experiments if one.begin <= at < max(one.end, one.begin + 1)]
        return Found(self, inside[-1], first_line) if inside else None

    def search(self, words: str, active: str | None = None) -> Iterator[Found]:
        """Return the experiments whose id, title or first section has all of some words, in any case.

        The likeliest come first: the active one, the open ones, then the newest.

        Args:
            words: The words.
            active: The reference of the active experiment or step, or None.
        """
        wanted = [word.encode() for word in re.findall(r"[^\W_]+", words.lower())]
        wanted.sort(key=len, reverse=True)  # the fewest have the longest
        return self._select(lambda one: all(word in one.searched for word in wanted), active)

    def search_by_number(self, digits: str, active: str | None = None) -> Iterator[Found]:
        """Yield the experiment with an id, then those whose ids begin with it; otherwise like `search`."""
        exact = self.find(digits)
        if exact is not None and exact.experiment.id == digits:
            yield exact
        yield from self._select(
            lambda one: one.experiment.id != digits and one.experiment.id.startswith(digits), active
        )

    def _select(self, is_wanted: "Callable[[Ranked], bool]", active: str | None) -> Iterator[Found]:
        """Yield the experiments that are wanted, the likeliest first."""
        ranked = self._read_index().list_likeliest()
        if active is not None:
            ranked = sorted(ranked, key=lambda one: not is_active(one.experiment, active))
        first_lines: dict[TextPart, int] = {}
        for one in ranked:
            if is_wanted(one):
                first_lines = first_lines or dict(zip(self.text.parts, self.text.first_lines, strict=True))
                yield Found(self, one.experiment, first_lines[one.part])


class Ranked(NamedTuple):
    """An experiment, and what tells whether it is likelier to be meant than another one.

    Attributes:
        rank: Whether it is open, when it was created, and its number; the greater, the likelier.
        experiment: The experiment.
        part: The part that it is in.
        searched: The text that it is found by, in lower case: its reference, title and first section.
    """

    rank: tuple[bool, datetime.datetime, int]
    experiment: Experiment
    part: TextPart
    searched: bytes


class PartIndex:
    """The parts of a log that have an experiment with an id.

    Attributes:
        by_id: The parts by the ids in them.
        by_former_id: The parts by the former ids.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._ranked: list[Ranked] = []
        self._is_sorted = True
        self.by_id: dict[str, list[TextPart]] = {}
        self.by_former_id: dict[str, list[TextPart]] = {}

    def add(self, parts: Iterable[TextPart], read: Callable[[TextPart], PartExperiments]) -> None:
        """Add parts, which are read."""
        for part in parts:
            experiments = read(part)
            for one in experiments.experiments:
                self.by_id.setdefault(one.id, []).append(part)
                self._ranked.append(Ranked(_rank(one), one, part, _read_searched(one)))
            for name in experiments.renumbered:
                self.by_former_id.setdefault(name, []).append(part)
        self._is_sorted = False

    def remove(self, parts: Collection[TextPart]) -> None:
        """Remove parts that were read."""
        self._ranked = [one for one in self._ranked if one.part not in parts]
        for part in parts:
            if part.read is not None:
                for one in part.read.experiments:
                    self.by_id[one.id].remove(part)
                for name in part.read.renumbered:
                    self.by_former_id[name].remove(part)

    def list_likeliest(self) -> Sequence[Ranked]:
        """Return the experiments of the parts, those first that are likelier to be meant."""
        if not self._is_sorted:
            self._ranked.sort(key=attrgetter("rank"), reverse=True)
            self._is_sorted = True
        return self._ranked


def _rank(experiment: Experiment) -> tuple[bool, datetime.datetime, int]:
    created = experiment.created
    when = created.when if created is not None else datetime.datetime.min  # noqa: DTZ901 - times of Org are local
    number = int(experiment.id) if experiment.id.isdecimal() else 0
    return experiment.kind not in _CLOSED, when, number


def _read_searched(experiment: Experiment) -> bytes:
    text = experiment.document.text
    end = text.find(b"\n*", experiment.begin + 1)
    section = text[experiment.begin : end if end >= 0 else experiment.end].decode("utf-8", "replace").lower()
    return f"{experiment.ref} {section}".encode()
