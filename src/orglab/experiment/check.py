"""Checks of the text of a log: diagnostics with positions, and edits for what can be fixed safely.

Checks that need git or other files are in `history/audit.py`.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from orglab.config import Config
from orglab.experiment.diagnostic import Diagnostic
from orglab.experiment.format_version import describe_newer_format, find_newer_mark
from orglab.experiment.ids import read_aliases
from orglab.experiment.model import Experiment, is_uuid, read_experiments, read_id, strip_cookies, tagged_headings
from orglab.experiment.note_text import RUN_MARK
from orglab.experiment.section_text import find_unclosed
from orglab.experiment.states import find_near_verdict
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
ReadTargets = Callable[[str], frozenset[str] | None]


def find_targets(text: bytes) -> frozenset[str]:
    """Return the values of all properties ID and CUSTOM_ID in a file, which links name."""
    return frozenset(decode(match.group(1)) for match in _TARGET.finditer(text))


def check(  # noqa: PLR0917 - what is known of other files
    document: Document, config: Config, file: str, next_number: NextNumber, progress: Progress | None = None,
    archived: Sequence[Experiment] = (), read_targets: ReadTargets = lambda _: None,
) -> list[Diagnostic]:  # fmt: skip
    """Return the diagnostics of a log, in line order.

    Args:
        document: The log.
        config: The settings.
        file: The path of the log, for display.
        next_number: Returns the first number that is not an id yet; called only if needed.
        progress: Called with the number of experiments checked so far and the total.
        archived: The experiments of the archive, which references may name.
        read_targets: Returns the targets of links in another file, which is named as in a link; None if it is not
            known which it has.
    """
    diagnostics = _Checker(document, config, file, next_number, archived, read_targets).run(progress)
    return sorted(diagnostics, key=lambda diagnostic: (diagnostic.line, diagnostic.column))


class _Checker:
    def __init__(
        self, document: Document, config: Config, file: str, next_number: NextNumber, archived: Sequence[Experiment],
        read_targets: ReadTargets,
    ) -> None:  # fmt: skip
        self.document = document
        self.config = config
        self.file = file
        self.next_number = next_number
        self.archived = archived
        self.read_targets = read_targets
        self.boxes: list[Edit] = []

    def at(self, position: int, code: str, message: str, *fix: Edit) -> Diagnostic:
        source = self.document.source
        return Diagnostic(self.file, source.line_number(position), source.column(position), code, message, fix)

    def run(self, progress: Progress | None) -> Iterator[Diagnostic]:
        experiments = list(read_experiments(self.document, self.config, self.file))
        yield from self.whole_file()
        yield from self.ids(experiments)
        yield from self.references(experiments)
        yield from self.runs()
        for number, experiment in enumerate(experiments, 1):
            yield from self.experiment(experiment)
            if progress is not None:
                progress(number, len(experiments))
        yield from self.cookies()

    def whole_file(self) -> Iterator[Diagnostic]:
        position = self.document.conflict
        if position is not None:
            yield self.at(position, "conflict", "Git conflict marker; resolve the conflict first.")
        newer = find_newer_mark(self.document.text)
        if newer is not None:
            yield self.at(newer[1], "newer-format", describe_newer_format(newer[0]))
        for name in self.document.settings.setupfiles:
            position = max(0, self.document.text.upper().find(b"#+SETUPFILE:"))
            yield self.at(position, "setup-file", f"#+SETUPFILE: {name} is not read; copy its #+TODO line here.")

    def ids(self, experiments: list[Experiment]) -> Iterator[Diagnostic]:
        first: dict[str, Experiment] = {}
        for experiment in experiments:
            other = first.setdefault(experiment.id, experiment)
            if other is not experiment:
                found = f"The experiment in line {other.line} also has the id {experiment.id}"
                if self.document.conflict is None:
                    message, subject = f"{found}; `renumber` changes the one that was created later.", experiment.id
                else:
                    message, subject = f"{found}; resolve the conflict first, because both may be one experiment.", ""
                yield self.at(experiment.heading.begin, "duplicate-id", message)._replace(subject=subject)
        nameless: list[Heading] = []
        for heading in tagged_headings(self.document, self.config.tag):
            misplaced = self.misplaced_drawer(heading)
            if misplaced is not None:
                yield misplaced
            # The id in the drawer is not to get a second one beside it.
            if not read_id(heading, self.config) and misplaced is None:
                nameless.append(heading)
        first_number = self.next_number() if nameless else 0
        for number, heading in enumerate(nameless, first_number):
            yield self.missing_id(heading, number)

    def misplaced_drawer(self, heading: Heading) -> Diagnostic | None:
        """Return the problem of properties that Org does not read, because something stands before their drawer."""
        if heading.drawer is not None:
            return None
        for element in heading.section.children:
            if element.type == "drawer" and _PROPERTIES.match(self.document.text, element.start):
                after = heading.after_planning
                if _PLANNING.match(self.document.text, after):
                    line = self.document.source.line_number(after)
                    why = f"because line {line} is a second planning line; put all of it into one line"
                elif element.start == after:
                    why = "because it contains a line that is no property"
                else:
                    why = "because it does not directly follow the heading or its planning line"
                return self.at(element.start, "misplaced-drawer", f"Org does not read this PROPERTIES drawer, {why}.")
        return None

    def missing_id(self, heading: Heading, number: int) -> Diagnostic:
        for name in ("ID", "CUSTOM_ID"):
            if value := heading.property(name):
                message = f"Invalid id {value!r}; use letters, digits, - and _."
                return self.at(heading.begin, "bad-id", message)
        message = f"A heading with the tag {self.config.tag} has no id."
        return self.at(
            heading.begin, "no-id", message, *put_property(heading, self.config.id_property.upper(), str(number))
        )

    def references(self, experiments: list[Experiment]) -> Iterator[Diagnostic]:
        everywhere = (*self.archived, *experiments)
        known = {alias: experiment for experiment in everywhere for alias in read_aliases(experiment.heading)}
        known |= {experiment.id: experiment for experiment in everywhere}
        for position, reference in find_references(self.document.text, self.config.letter):
            spelled = f"{self.config.letter}{reference.id}" + (f".{reference.step}" if reference.step else "")
            experiment = known.get(reference.id)
            if experiment is None:
                # `[end]` and `[e2e]` are probably ordinary words.
                if reference.id.isdecimal():
                    yield self.at(position, "unknown-reference", f"[{spelled}] is not an experiment in this log.")
            elif reference.step is not None and all(step.number != reference.step for step in experiment.steps):
                yield self.at(position, "unknown-reference", f"[{spelled}] is not a step of {experiment.ref}.")
        yield from self.links(known)

    def links(self, known: Collection[str]) -> Iterator[Diagnostic]:
        """Yield the links to ids that are nowhere; `known` are the ids and former ids of experiments."""
        own = os.fsencode(Path(self.file).name)
        for match in _LINK.finditer(self.document.text):
            kind, file, name = match.group(1).lower(), match.group(2), decode(match.group(3))
            named = (file or b"").removeprefix(b"./")
            if named and named != own:
                targets = self.read_targets(decode(named))
                is_dead = targets is not None and name not in targets
            else:
                # A UUID may be that of a heading in any other file.
                is_elsewhere = kind.startswith(b"id") and (is_uuid(name) or name in (self.read_targets("") or ()))
                is_dead = not is_elsewhere and name not in known and name not in self.targets
            if is_dead and not self.is_verbatim(match.start()):
                target = decode(match.group()[2:-1])
                yield self.at(match.start(), "unknown-reference", f"The link target {target} does not exist.")

    def is_verbatim(self, position: int) -> bool:
        """Return whether a position is in a block or a comment, where Org reads no links."""
        heading = self.document.heading_at(position)
        if heading is not None and position < heading.line_end:
            return False
        return self.document.get_section(heading).at(position).type in _VERBATIM

    def runs(self) -> Iterator[Diagnostic]:
        first: dict[bytes, int] = {}
        for match in RUN_MARK.finditer(self.document.text):
            line = self.document.source.line_number(match.start())
            if (other := first.setdefault(match.group(1), line)) != line:
                message = f"The run {decode(match.group(1))} has another note in line {other}; delete one of them."
                yield self.at(match.start(1), "twice", message)

    @cached_property
    def targets(self) -> frozenset[str]:
        """The targets of links in the log, also those that are not experiments."""
        return find_targets(self.document.text)

    def experiment(self, experiment: Experiment) -> Iterator[Diagnostic]:
        heading = experiment.heading
        word = re.match(r"([A-Z]{3,})\s+(?:\[|<<)", heading.title)
        if heading.state is None and word:
            message = f"{word.group(1)} is not a TODO keyword of this file; add it to a #+TODO line to use it."
            yield self.at(heading.begin, "unknown-keyword", message)
        if experiment.created is None:
            yield self.at(heading.begin, "no-created", f"{experiment.ref} has no timestamp.")
        yield from self.steps(experiment)
        yield from self.verdict(experiment)
        yield from self.duplicates(experiment)
        for child in (heading, *heading.children()):
            yield from self.unclosed(child)

    def verdict(self, experiment: Experiment) -> Iterator[Diagnostic]:
        word, heading = experiment.verdict, experiment.conclusions_heading or experiment.heading
        if word is None:
            return
        entries = [entry for entry in experiment.conclusion.entries if entry.begin is not None and entry.has_verdict]
        places = {word: heading.begin} | {entry.verdict: entry.begin for entry in entries if entry.verdict != word}
        for verdict, position in places.items():
            if verdict and position and (near := find_near_verdict(verdict, self.config.all_verdicts)) is not None:
                yield self.at(position, "unknown-verdict", f"Unknown verdict {verdict!r}; did you mean {near}?")
        newest = experiment.conclusion.entries[-1:]
        for entry in newest:
            if entry in entries and entry.begin and entry.verdict and entry.verdict.casefold() != word.casefold():
                message = f"The newest conclusion says {entry.verdict}, but the property VERDICT is {word}."
                yield self.at(entry.begin, "other-verdict", message)

    def steps(self, experiment: Experiment) -> Iterator[Diagnostic]:
        heading, steps = experiment.steps_heading, experiment.steps_list
        if heading is None or steps is None or steps.structure is None:
            taken = experiment.taken_steps
            if taken is not None:
                message = "This list belongs to the footnote definition before it, which only two blank lines end."
                yield self.at(taken, "no-steps", message)
            # One that was adopted, or written by hand without the template, may never have been meant to have steps.
            if heading is None and experiment.heading.title.startswith((f"[{experiment.id}]", f"<<{experiment.id}>>")):
                name = self.config.steps
                message = f"{experiment.ref} has no {name} heading with steps."
                yield self.at(experiment.heading.begin, "no-steps", message)._replace(subject=experiment.id)
            return
        for item in steps.structure.items:
            if item.checkbox == b"[x]":
                edit = Edit(item.checkbox_at, item.checkbox_at + 3, b"[X]")
                self.boxes.append(edit)
                yield self.at(item.checkbox_at, "lower-case-box", "Org does not count [x]; it counts [X].", edit)
        times = Counter(experiment.step_numbers)
        for step in experiment.steps:
            if times[step.number] > 1:
                message = f"{experiment.ref} has more than one step with the number {step.number}."
                yield self.at(step.item.begin, "same-number", message)
        if experiment.has_own_steps:
            return
        for element in heading.section.children:
            if element.type == "plain-list" and element is not steps and element.begin > steps.begin:
                message = f"This second list is not read as steps of {experiment.ref} (two blank lines end a list)."
                yield self.at(element.start, "second-list", message)
        all_done = all(step.state == "done" for step in experiment.steps)
        if experiment.steps and heading.state is not None and all_done != heading.is_done:
            steps_state = "every step is done" if all_done else "a step is open"
            message = f"The steps heading is {heading.state}, but {steps_state}."
            yield self.at(heading.begin, "steps-state", message)

    def duplicates(self, experiment: Experiment) -> Iterator[Diagnostic]:
        names = {name.lower() for name in (self.config.notes, self.config.steps, self.config.conclusions)}
        seen: set[str] = set()
        for heading in experiment.heading.children():
            name = strip_cookies(heading.title)
            if name.lower() in names and name.lower() in seen:
                message = f"{experiment.ref} has a second heading {name}; only the first is read."
                yield self.at(heading.begin, "twice", message)
            seen.add(name.lower())
        numbers: dict[str, int] = {}
        for step in experiment.steps:
            text = strip_cookies(step.text)
            if text and text in numbers:
                message = f"{step.ref} has the same text as {experiment.ref}.{numbers[text]}."
                yield self.at(step.item.begin, "twice", message)
            numbers.setdefault(text, step.number)

    def unclosed(self, heading: Heading) -> Iterator[Diagnostic]:
        for position, opening in find_unclosed(heading):
            yield self.at(position, "unclosed", f"{opening} is not closed, so it is read as plain text.")

    def cookies(self) -> Iterator[Diagnostic]:
        # `[x]` is counted as the `[X]` that --fix writes; this does not shift any position.
        is_in_conflict = self.document.conflict_line() is not None
        for edit in recount_cookies(self.document if is_in_conflict else self.document.apply(self.boxes)):
            old = decode(self.document.text[edit.start : edit.end])
            message = f"{old} should be {decode(edit.replacement)}."
            yield self.at(edit.start, "stale-cookie", message, edit)


_TARGET = compile_late(rb"^[ \t]*:(?:CUSTOM_)?ID:[ \t]+(\S[^\n]*?)[ \t\r]*$", re.I | re.M)
# A link to an id in the log, in any file, or in a named one.
_LINK = compile_late(rb"\[\[(#|id:|(?:file:)?([^\]\[\n]+?)::#)([^\]\[\n]+)\](?=[\]\[])", re.I)
_VERBATIM = frozenset((
    "comment", "comment-block", "example-block", "export-block", "fixed-width", "latex-environment", "src-block",
))  # fmt: skip
_PROPERTIES = compile_late(rb"[ \t]*:PROPERTIES:[ \t]*$", re.I | re.M)
_PLANNING = compile_late(rb"[ \t]*(?:SCHEDULED|DEADLINE|CLOSED):")
