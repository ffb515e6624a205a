"""Checks the text of a log: diagnostics with positions, and edits for what can be fixed safely.

What needs git or other files is checked by `history/audit.py`.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from orglab.config import Config
from orglab.experiment.diagnostic import Diagnostic
from orglab.experiment.ids import read_aliases
from orglab.experiment.model import Experiment, number_items, read_experiments, read_id, strip_cookies, tagged_headings
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.heading import Heading
from orglab.org.properties import put_property
from orglab.org.source import decode
from orglab.org.syntax import compile_late
from orglab.reference import find_references

Progress = Callable[[int, int], None]
NextNumber = Callable[[], int]


def check(
    document: Document, config: Config, file: str, next_number: NextNumber, progress: Progress | None = None
) -> list[Diagnostic]:
    """Return what is wrong in a log, in the order of its lines.

    Args:
        document: The log.
        config: The settings.
        file: The log as the user knows it.
        next_number: Asked for the first number that is no id yet, if one is needed.
        progress: Told how many experiments are checked, of how many.
    """
    found = _Checker(document, config, file, next_number).run(progress)
    return sorted(found, key=lambda one: (one.line, one.column))


class _Checker:
    def __init__(self, document: Document, config: Config, file: str, next_number: NextNumber) -> None:
        self.document = document
        self.config = config
        self.file = file
        self.next_number = next_number
        self.boxes: list[Edit] = []

    def at(self, position: int, code: str, message: str, *fix: Edit) -> Diagnostic:
        source = self.document.source
        return Diagnostic(self.file, source.line_number(position), source.column(position), code, message, fix)

    def run(self, progress: Progress | None) -> Iterator[Diagnostic]:
        experiments = list(read_experiments(self.document, self.config, self.file))
        yield from self.whole_file()
        yield from self.ids(experiments)
        yield from self.references(experiments)
        for number, experiment in enumerate(experiments, 1):
            yield from self.experiment(experiment)
            if progress is not None:
                progress(number, len(experiments))
        yield from self.cookies()

    def whole_file(self) -> Iterator[Diagnostic]:
        position = self.document.conflict
        if position is not None:
            yield self.at(position, "conflict", "A git conflict marker: resolve it first.")
        for name in self.document.settings.setupfiles:
            position = max(0, self.document.text.upper().find(b"#+SETUPFILE:"))
            yield self.at(position, "setup-file", f"#+SETUPFILE: {name} is not read; put its #+TODO line here.")

    def ids(self, experiments: list[Experiment]) -> Iterator[Diagnostic]:
        first: dict[str, Experiment] = {}
        for experiment in experiments:
            other = first.setdefault(experiment.id, experiment)
            if other is not experiment:
                message = f"The id {experiment.id} is also that of line {other.line}: give one of them another."
                yield self.at(experiment.heading.begin, "duplicate-id", message)._replace(subject=experiment.id)
        nameless = [one for one in tagged_headings(self.document, self.config.tag) if not read_id(one, self.config)]
        following = self.next_number() if nameless else 0
        for number, heading in enumerate(nameless, following):
            yield self.without_id(heading, number)

    def without_id(self, heading: Heading, number: int) -> Diagnostic:
        for name in ("ID", "CUSTOM_ID"):
            if value := heading.property(name):
                message = f"The id {value!r} is not read: letters, digits, - and _ make one."
                return self.at(heading.begin, "bad-id", message)
        message = f"A heading with the tag {self.config.tag} has no id."
        return self.at(
            heading.begin, "no-id", message, *put_property(heading, self.config.id_property.upper(), str(number))
        )

    def references(self, experiments: list[Experiment]) -> Iterator[Diagnostic]:
        known = {alias: experiment for experiment in experiments for alias in read_aliases(experiment.heading)}
        known |= {experiment.id: experiment for experiment in experiments}
        for position, reference in find_references(self.document.text, self.config.letter):
            spelled = f"{self.config.letter}{reference.id}" + (f".{reference.step}" if reference.step else "")
            found = known.get(reference.id)
            if found is None:
                # `[end]` and `[e2e]` are words, as far as one can tell.
                if reference.id.isdecimal():
                    yield self.at(position, "unknown-reference", f"[{spelled}] names no experiment of this log.")
            elif reference.step is not None and all(step.number != reference.step for step in found.steps):
                yield self.at(position, "unknown-reference", f"[{spelled}] names no step of {found.ref}.")
        link = re.compile(rb"\[\[(?:#|id:|file:%s::#)(\d+)\]" % re.escape(os.fsencode(Path(self.file).name)))
        for match in link.finditer(self.document.text):
            value = decode(match.group(1))
            if value not in known and match.group(1) not in self.targets:
                said = decode(match.group()[2:-1])
                yield self.at(match.start(), "unknown-reference", f"The link to {said} leads nowhere.")

    @cached_property
    def targets(self) -> frozenset[bytes]:
        """What the ID and CUSTOM_ID properties of the file say, those of headings that are no experiments too."""
        lines = re.finditer(rb"(?im)^[ \t]*:(?:CUSTOM_)?ID:[ \t]+(\S+)[ \t]*$", self.document.text)
        return frozenset(match.group(1) for match in lines)

    def experiment(self, experiment: Experiment) -> Iterator[Diagnostic]:
        heading = experiment.heading
        word = re.match(r"([A-Z]{3,})\s+(?:\[|<<)", heading.title)
        if heading.state is None and word:
            message = f"{word.group(1)} is no TODO keyword of this file; a #+TODO line could make it one."
            yield self.at(heading.begin, "unknown-keyword", message)
        if experiment.created is None:
            yield self.at(heading.begin, "no-created", f"{experiment.ref} has no timestamp.")
        yield from self.steps(experiment)
        yield from self.twice(experiment)
        for below in (heading, *heading.children()):
            yield from self.unclosed(below)

    def steps(self, experiment: Experiment) -> Iterator[Diagnostic]:
        heading, found = experiment.steps_heading, experiment.steps_list
        if heading is None or found is None or found.structure is None:
            if heading is None:
                name = self.config.steps
                message = f"{experiment.ref} has no {name} heading with steps."
                yield self.at(experiment.heading.begin, "no-steps", message)._replace(subject=experiment.id)
            return
        for item in found.structure.items:
            if item.checkbox == b"[x]":
                edit = Edit(item.checkbox_at, item.checkbox_at + 3, b"[X]")
                self.boxes.append(edit)
                yield self.at(item.checkbox_at, "lower-case-box", "Org does not count [x]; it counts [X].", edit)
        numbers = number_items([child.item for child in found.children if child.item is not None])
        times = Counter(numbers)
        for child, number in zip(found.children, numbers, strict=True):
            if times[number] > 1:
                yield self.at(child.begin, "same-number", f"{experiment.ref} has two steps {number}.")
        for element in heading.section.children:
            if element.type == "plain-list" and element is not found and element.begin > found.begin:
                message = f"A second list (after two blank lines?) is not read as steps of {experiment.ref}."
                yield self.at(element.start, "second-list", message)
        all_done = all(step.state == "done" for step in experiment.steps)
        if experiment.steps and heading.state is not None and all_done != heading.is_done:
            said = f"says {heading.state}, but " + ("every step is done" if all_done else "a step is open")
            yield self.at(heading.begin, "steps-state", f"The heading of the steps {said}.")

    def twice(self, experiment: Experiment) -> Iterator[Diagnostic]:
        names = {name.lower() for name in (self.config.notes, self.config.steps, self.config.conclusions)}
        seen: set[str] = set()
        for heading in experiment.heading.children():
            name = strip_cookies(heading.title)
            if name.lower() in names and name.lower() in seen:
                message = f"{experiment.ref} has a second heading {name}; only the first is read."
                yield self.at(heading.begin, "twice", message)
            seen.add(name.lower())
        words: dict[str, int] = {}
        for step in experiment.steps:
            text = strip_cookies(step.text)
            if text and text in words:
                message = f"{step.ref} has the words of {experiment.ref}.{words[text]}."
                yield self.at(step.item.begin, "twice", message)
            words.setdefault(text, step.number)

    def unclosed(self, heading: Heading) -> Iterator[Diagnostic]:
        text = self.document.text
        for element in heading.section.walk():
            if element.type != "paragraph":
                continue
            for match in _OPENING.finditer(text, element.start, element.contents[1]):
                what = decode(match.group().strip())
                if what.upper() != ":END:":
                    yield self.at(match.start(), "unclosed", f"{what} is opened and not closed, so it hides nothing.")

    def cookies(self) -> Iterator[Diagnostic]:
        # A box `[x]` counts as what it will be when it is mended; that moves nothing.
        is_in_conflict = self.document.conflict_line() is not None
        for edit in recount_cookies(self.document if is_in_conflict else self.document.apply(self.boxes)):
            old = decode(self.document.text[edit.start : edit.end])
            message = f"{old} should be {decode(edit.replacement)}."
            yield self.at(edit.start, "stale-cookie", message, edit)


_OPENING = compile_late(rb"^[ \t]*(?:#\+BEGIN_\S+|:[\w-]+:[ \t]*$)", re.I | re.M)
