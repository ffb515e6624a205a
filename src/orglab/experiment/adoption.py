"""An existing Org file as a log: what is understood of it, what is not, and what would make experiments of it."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.diagnostic import Diagnostic
from orglab.experiment.model import Experiment, read_experiments, read_id, tagged_headings
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.syntax import compile_late

_NUMBERED = compile_late(r"(?:\[[\w-]+\]|<<[\w-]+>>)\s")
_DATE = r"[<\[]?\d{4}-\d{2}-\d{2}(?:\b[^\]>\n]*[\]>])?"
_DATED = compile_late(rf"{_DATE}\s*\S")
_ONLY_DATE = compile_late(rf"{_DATE}(?:\s+[A-Z][a-z]+)?")
_CHECKLIST = compile_late(rb"^[ \t]*\d+[.)][ \t]+\[[ Xx-]\]", re.M)


class Candidates(NamedTuple):
    """Headings that could be experiments, and why.

    Attributes:
        why: What they have in common, to stand behind "headings".
        headings: They; at least one.
        example: What the first would be as an experiment.
    """

    why: str
    headings: tuple[Heading, ...]
    example: Experiment


class Adoption(NamedTuple):
    """What a log is made of, as it is.

    Attributes:
        document: The log.
        experiments: What is read as experiments.
        nameless: The headings that have the tag but no id, which `check --fix` gives one.
        candidates: The headings that could be experiments with the tag, the likeliest first.
        diagnostics: What is wrong or not understood, but for the missing ids.
        free_number: The first number that is no id.
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
    """Return what is understood of an Org file that may not have been written as a log.

    Args:
        document: The file.
        config: The settings.
        file: The file as the user knows it.
        diagnostics: What `check` says of it.
        free_number: The first number that is no id.
    """
    return Adoption(
        document,
        tuple(read_experiments(document, config, file)),
        tuple(one for one in tagged_headings(document, config.tag) if not read_id(one, config)),
        tuple(_candidates(document, config, file)),
        tuple(one for one in diagnostics if one.code != "no-id"),
        free_number,
    )


def _candidates(document: Document, config: Config, file: str) -> Iterator[Candidates]:
    """Yield the headings that could be experiments, each for the first reason that fits it."""
    reasons: list[tuple[str, Callable[[Heading], bool]]] = [
        ("with a number in the title", lambda one: _NUMBERED.match(one.title) is not None),
        (f"with a tag that begins with {config.tag}", lambda one: any(tag.startswith(config.tag) for tag in one.tags)),
        ("with a numbered checklist below", _has_checklist),
        ("with a date in front of the title", lambda one: _DATED.match(one.title) is not None and not _is_day(one)),
        ("below a date", lambda one: one.parent is not None and _is_day(one.parent)),
    ]
    found: dict[str, list[Heading]] = {why: [] for why, _ in reasons}
    outside = [one for one in document.headings() if not _is_template(one) and not _is_inside(one, config)]
    for heading in outside:
        why = next((why for why, fits in reasons if fits(heading)), None)
        if why is not None:
            found[why].append(heading)
    if not any(found.values()):
        found["naming an experiment"] = [one for one in outside if "experiment" in one.title.lower()]
    for why, headings in found.items():
        if headings:
            yield Candidates(why, tuple(headings), Experiment(headings[0], config, file))


def _is_day(heading: Heading) -> bool:
    """Return whether a heading is a day of a journal and no more."""
    return _ONLY_DATE.fullmatch(heading.title) is not None


def _is_template(heading: Heading) -> bool:
    """Return whether a heading is one to copy."""
    return "template" in heading.title.lower() or any("template" in tag.lower() for tag in heading.all_tags)


def _is_inside(heading: Heading, config: Config) -> bool:
    """Return whether a heading is an experiment or part of one."""
    return any(config.tag in one.tags for one in (heading, *heading.ancestors()))


def _has_checklist(heading: Heading) -> bool:
    """Return whether a numbered checklist stands under a heading directly below this one, as steps do."""
    text = heading.document.text
    return any(_CHECKLIST.search(text, below.body, below.end) for below in heading.children())
