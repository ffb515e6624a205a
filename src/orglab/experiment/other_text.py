"""The text of an experiment that is none of its parts, so that it can be shown and found."""

from collections.abc import Iterator

from orglab.experiment.model import Experiment
from orglab.experiment.note_text import plain_text
from orglab.experiment.section_text import (
    FIRST_STAMP,
    Note,
    headings_below,
    read_written_parts,
    split_first_text,
    title_and_text,
)
from orglab.org.heading import Heading


def read_other_text(experiment: Experiment) -> list[Note]:
    """Return what is below an experiment and is no description, note, step or conclusion, in the order of the log.

    That is the rest of its own section, such as further paragraphs, tables and code, and other subheadings.
    """
    return [*_read_own_section(experiment), *_read_subheadings(experiment)]


def _read_own_section(experiment: Experiment) -> Iterator[Note]:
    document = experiment.heading.document
    spans = [(one.begin, one.end) for one in experiment.marked_conclusion]
    known = {experiment.description, " ".join(experiment.conclusion.text.split()), ""}
    for element, begin, part in read_written_parts(experiment.heading):
        is_conclusion = any(start <= begin < end for start, end in spans)
        if element.type in ("plain-list", "keyword") or is_conclusion:
            continue
        for one in experiment.marked_description:
            if begin <= one.begin < begin + len(part):
                part = part[: one.begin - begin] + part[one.end - begin :]  # noqa: PLW2901 - without what is shown above
        stamp = FIRST_STAMP.match(part)
        text = plain_text(part[stamp.end() :] if stamp is not None else part)
        if " ".join(text.split()) not in known:
            yield Note(None, None, text, document.source.line_number(begin))


def _read_subheadings(experiment: Experiment) -> Iterator[Note]:
    tag = experiment.config.tag
    read = (experiment.steps_heading, experiment.conclusions_heading, experiment.child(experiment.config.notes))
    known = {one.begin for one in read if one is not None}
    described = experiment.description_heading
    for child in experiment.heading.children():
        if child.begin in known or tag in child.tags:
            continue
        is_description = described is not None and child.begin == described.begin
        if is_description:
            for begin, part in split_first_text(child)[1]:
                yield Note(None, None, plain_text(part), child.document.source.line_number(begin))
        for heading in headings_below(child) if is_description else (child, *headings_below(child)):
            if not _is_in_experiment(heading, child, tag) and (text := title_and_text(heading)):
                yield Note(None, None, text, heading.line_number)


def _is_in_experiment(heading: Heading, top: Heading, tag: str) -> bool:
    """Return whether a heading is another experiment, or in one."""
    above = (one for one in heading.ancestors() if one.begin >= top.begin)
    return tag in heading.tags or any(tag in one.tags for one in above)
