"""What one version of a log has and no other one: experiments, steps, notes and conclusions."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.fast_reader import scan_experiments
from orglab.experiment.ids import read_aliases
from orglab.experiment.model import Experiment
from orglab.experiment.note_text import RUN_MARK
from orglab.experiment.section_text import Note
from orglab.experiment.template_moves import find_lost_line
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.source import encode


class MissingPart(NamedTuple):
    """A part of an experiment that other versions of the log lack.

    Attributes:
        ref: The reference of the experiment, or of the step.
        kind: `experiment`, `step`, `tick` (the step was done), `note` or `conclusion`.
        text: Its title or text.
    """

    ref: str
    kind: str
    text: str


def find_missing_parts(text: bytes, others: Sequence[bytes], config: Config) -> list[MissingPart]:
    """Return the parts of a version of a log that none of some other versions has.

    Args:
        text: The version.
        others: The other versions.
        config: The settings.
    """
    document = Document(text, config.keywords)
    # All with the same line ends.  Whole lines: what follows an experiment may be a longer last line.
    others = [b"\n%b\n" % Document(other).text for other in others]
    differing = [
        experiment for experiment in scan_experiments(document, config, "")
        if not any(b"\n%b\n" % _read_bytes(experiment) in other or _is_unmarked(experiment, other) for other in others)
    ]  # fmt: skip
    if not differing:
        return []
    # One of the versions may know an experiment by another id, and have the note of a run at another step.
    known: dict[str, list[Experiment]] = {name: [] for experiment in differing for name in _list_names(experiment)}
    told = {mark for other in others for mark in RUN_MARK.findall(other)}
    for other in others:
        for experiment in scan_experiments(Document(other, config.keywords), config, ""):
            for name in known.keys() & {*_list_names(experiment)}:
                known[name].append(experiment)
    parts = []
    for experiment in differing:
        same = [other for name in _list_names(experiment) for other in known[name]]
        parts += [part for part, note in _compare(experiment, same) if note is None or not _is_told(note, told)]
    return parts


def _list_names(experiment: Experiment) -> tuple[str, ...]:
    """Return the id of an experiment, and those that it had before."""
    return (experiment.id, *read_aliases(experiment.heading))


def _is_unmarked(experiment: Experiment, other: bytes) -> bool:
    """Return whether a text has all that is written in an experiment, which is just not marked as one there.

    That is so if the adoption of a heading is undone before it is committed.
    """
    heading = experiment.heading
    title = experiment.document.text[heading.begin : heading.line.title[1]].rstrip()
    for match in re.finditer(rb"^%b(?=[ \t]*(?::[^ \n]*:)?[ \t]*$)([^\n]*)" % re.escape(title), other, re.MULTILINE):
        if b":%b:" % encode(experiment.config.tag) in match.group(1):
            continue
        bare = Document(other[match.start() :], experiment.config.keywords).heading(0)
        written, unmarked = (_read_written(one) for one in (heading, bare))
        # The parts may have been moved to the headings of the template.
        if written == unmarked or not find_lost_line(Document(written), Document(unmarked)):
            return True
    return False


def _read_written(heading: Heading) -> bytes:
    """Return the text of a subtree after the planning and the drawer of its heading."""
    begin = heading.drawer.end() if heading.drawer else heading.after_planning
    return heading.document.text[begin : heading.subtree_end].strip()


def _read_bytes(experiment: Experiment) -> bytes:
    return experiment.document.text[experiment.begin : experiment.end].rstrip()


def _compare(experiment: Experiment, others: Sequence[Experiment]) -> Iterator[tuple[MissingPart, Note | None]]:
    """Yield the parts of an experiment that no other version of it has, each with the note if it is one."""
    # Another experiment may have taken the id.
    created = experiment.created
    others = [
        other for other in others
        if other.title == experiment.title or (created is not None and other.created == created)
    ]  # fmt: skip
    if not others:
        yield MissingPart(experiment.ref, "experiment", experiment.title), None
        return
    steps = {step.text for other in others for step in other.steps}
    done = {step.text for other in others for step in other.steps if step.state == "done"}
    for step in experiment.steps:
        ref = f"{experiment.ref}.{step.number}"
        if step.text not in steps:
            yield MissingPart(ref, "step", step.text), None
        elif step.state == "done" and step.text not in done:
            yield MissingPart(ref, "tick", step.text), None
    versions = [Counter(_identify(note) for _, note in _list_notes(other)) for other in others]
    seen: Counter[str] = Counter()
    for ref, note in _list_notes(experiment):
        name = _identify(note)
        seen[name] += 1
        # Two notes may have the same words.
        if seen[name] > max(version[name] for version in versions):
            yield MissingPart(ref, "note", note.text.partition("\n")[0]), note
    concluded = {(entry.text.strip(), entry.verdict) for other in others for entry in other.conclusion.entries}
    for entry in experiment.conclusion.entries:
        if (entry.text or entry.verdict) and (entry.text.strip(), entry.verdict) not in concluded:
            yield MissingPart(experiment.ref, "conclusion", entry.text.partition("\n")[0] or entry.verdict or ""), None


def _list_notes(experiment: Experiment) -> Iterable[tuple[str, Note]]:
    """Return all notes with the reference of the experiment or step that has them."""
    yield from ((experiment.ref, note) for note in experiment.notes)
    yield from ((f"{experiment.ref}.{step.number}", note) for step in experiment.steps for note in step.notes)


def _is_told(note: Note, runs: Collection[bytes]) -> bool:
    """Return whether a note is that of one of some runs."""
    mark = RUN_MARK.search(b"\n" + encode(note.text))
    return mark is not None and mark.group(1) in runs


def _identify(note: Note) -> str:
    """Return what a note is known by: the id of its run, or its words."""
    mark = RUN_MARK.search(b"\n" + encode(note.text))
    return mark.group().decode("utf-8", "replace").strip() if mark else " ".join(note.text.split())


def find_nearest(versions: Sequence[bytes], text: bytes) -> bytes:
    """Return the version of a log that differs from a text in the fewest lines."""
    lines = Counter(text.splitlines())

    def count_differences(version: bytes) -> int:
        others = Counter(version.splitlines())
        return (lines - others).total() + (others - lines).total()

    return min(versions, key=count_differences)


def count_common_lines(one: bytes, other: bytes) -> int:
    """Return how many lines two texts have in common."""
    return (Counter(one.splitlines()) & Counter(other.splitlines())).total()
