"""Assessing an existing Org file as a log: what is recognized, what is not, and what could become experiments."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.diagnostic import Diagnostic
from orglab.experiment.model import Experiment, read_experiments, read_id, tagged_headings
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.syntax import compile_late
from orglab.org.timestamp import LEADING_DATE, skip_date

_NUMBERED = compile_late(r"(?:\[[\w-]+\]|<<[\w-]+>>)\s")
_ONLY_DATE = compile_late(rf"{LEADING_DATE}(?:\s+[A-Z][a-z]+)?")
_CHECKLIST = compile_late(rb"^[ \t]*\d+[.)][ \t]+\[[ Xx-]\]", re.M)


class Candidates(NamedTuple):
    """Headings that could be experiments, and why.

    Attributes:
        why: What they have in common, phrased to follow the word "headings".
        headings: The headings; at least one.
        example: The first of them, read as an experiment.
    """

    why: str
    headings: tuple[Heading, ...]
    example: Experiment


class Adoption(NamedTuple):
    """What orglab recognizes in an existing Org file.

    Attributes:
        document: The file.
        experiments: The experiments that are recognized.
        nameless: The headings that have the tag but no id; `check --fix` gives them one.
        candidates: The headings that would be experiments if they had the tag, most likely first.
        diagnostics: The diagnostics of `check`, except for missing ids.
        free_number: The first number that is not used as an id.
    """

    document: Document
    experiments: tuple[Experiment, ...]
    nameless: tuple[Heading, ...]
    candidates: tuple[Candidates, ...]
    diagnostics: tuple[Diagnostic, ...]
    free_number: int


def read_adoption(
    document: Document, config: Config, file: str, diagnostics: list[Diagnostic], free_number: int
) -> Adoption:
    """Return what orglab recognizes in an Org file that may not have been written as a log.

    Args:
        document: The file.
        config: The settings.
        file: The path of the file, for display.
        diagnostics: The diagnostics of `check` for it.
        free_number: The first number that is not used as an id.
    """
    return Adoption(
        document,
        tuple(read_experiments(document, config, file)),
        tuple(heading for heading in tagged_headings(document, config.tag) if not read_id(heading, config)),
        tuple(_find_candidates(document, config, file)),
        tuple(diagnostic for diagnostic in diagnostics if diagnostic.code != "no-id"),
        free_number,
    )


def _find_candidates(document: Document, config: Config, file: str) -> Iterator[Candidates]:
    """Yield the headings that could be experiments, grouped by the first reason that applies."""
    reasons: list[tuple[str, Callable[[Heading], bool]]] = [
        ("with a number in the title", lambda heading: _NUMBERED.match(heading.title) is not None),
        (f"with a tag that begins with {config.tag}", lambda heading: _has_tag_like(heading, config.tag)),
        ("with a numbered checklist below", _has_checklist),
        ("with a date before the title", _is_dated),
        ("below a date", lambda heading: heading.parent is not None and _is_day(heading.parent)),
    ]
    groups: dict[str, list[Heading]] = {why: [] for why, _ in reasons}
    outside = [
        heading for heading in document.headings() if not _is_template(heading) and not _is_inside(heading, config)
    ]
    for heading in outside:
        why = next((why for why, fits in reasons if fits(heading)), None)
        if why is not None:
            groups[why].append(heading)
    if not any(groups.values()):
        groups["with the word experiment"] = [heading for heading in outside if "experiment" in heading.title.lower()]
    for why, headings in groups.items():
        if headings:
            yield Candidates(why, tuple(headings), Experiment(headings[0], config, file))


def _has_tag_like(heading: Heading, tag: str) -> bool:
    """Return whether a heading has a tag that begins with `tag`."""
    return any(other.startswith(tag) for other in heading.tags)


def _is_dated(heading: Heading) -> bool:
    """Return whether a title follows a date."""
    return skip_date(heading.title) != heading.title and not _is_day(heading)


def _is_day(heading: Heading) -> bool:
    """Return whether the title of a heading is just a date, as in a journal."""
    return _ONLY_DATE.fullmatch(heading.title) is not None


def _is_template(heading: Heading) -> bool:
    """Return whether a heading is a template to be copied."""
    return "template" in heading.title.lower() or any("template" in tag.lower() for tag in heading.all_tags)


def _is_inside(heading: Heading, config: Config) -> bool:
    """Return whether a heading is an experiment or part of one."""
    return any(config.tag in other.tags for other in (heading, *heading.ancestors()))


def _has_checklist(heading: Heading) -> bool:
    """Return whether a direct subheading contains a numbered checklist, like the steps of an experiment."""
    text = heading.document.text
    return any(_CHECKLIST.search(text, child.body, child.end) for child in heading.children())
