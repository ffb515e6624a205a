"""Finding experiments of a document: one by its reference, without reading the others, or some by a match string."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.config import Config
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.ids import ALIASES, find_headings_by_alias, read_aliases
from orglab.experiment.model import Experiment, Step, read_id, tagged_headings
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.reference import Reference, without_letter

if TYPE_CHECKING:
    import datetime

_NEAR = 3


def find_experiment(document: Document, reference: Reference, config: Config, path: Path) -> Experiment:
    """Return the experiment that a reference names: its id as it is spelled, else without the letter, else an old id.

    The experiment's document is the part of the log that it stands in.

    Raises:
        NotFoundError: There is none.
        UsageError: Two experiments have this id.
    """
    names = [*dict.fromkeys((reference.id, without_letter(reference.id, config.letter)))]
    for name in names:
        found = {heading.line_number: heading for heading in _headings_with(document, name, config)}
        if len(found) > 1:
            lines = " and ".join(map(str, found))
            raise UsageError(f"Two experiments have the id {name} (lines {lines} of {path}); change one.")
        for heading in found.values():
            return Experiment(heading, config, str(path))
    for name in names:
        for heading in find_headings_by_alias(document, name, config):
            return Experiment(heading, config, str(path))
    raise NotFoundError(f"There is no experiment {config.letter}{names[-1]} in {path}; see `orglab list`.")


def find_renumbered(document: Document, read: Callable[[], Iterable[Experiment]]) -> dict[str, Experiment]:
    """Return the experiments that were renumbered, by the ids that they had before and no other has now.

    Args:
        document: The log.
        read: Returns its experiments; not called for a log in which none was renumbered.
    """
    if ALIASES.encode() not in document.text.upper():
        return {}
    experiments = list(read())
    found = {alias: one for one in experiments for alias in read_aliases(one.heading)}
    for one in experiments:
        found.pop(one.id, None)
    return found


def find_last_with_id(document: Document, reference: Reference, config: Config, path: Path) -> Experiment:
    """Return the last experiment that has the id of a reference, in the whole document.

    Raises:
        NotFoundError: There is none.
    """
    for name in dict.fromkeys((reference.id, without_letter(reference.id, config.letter))):
        lines = [heading.line_number for heading in _headings_with(document, name, config)]
        if lines:
            heading = next(one for one in tagged_headings(document, config.tag) if one.line_number == max(lines))
            return Experiment(heading, config, str(path))
    raise NotFoundError(f"There is no experiment {reference.id} in {path}; see `orglab list`.")


def _headings_with(document: Document, name: str, config: Config) -> Iterator[Heading]:
    """Yield the headings of experiments with an id, found by its text in a property or a title."""
    text = document.text
    for match in re.finditer(re.escape(name.encode()) + rb"(?:[ \t]*(?:\n|\Z)|\]|>>)", text):
        at = match.start()
        line = text[text.rfind(b"\n", 0, at) + 1 : at].lstrip(b" \t").upper()
        in_title = text[max(0, at - 1) : at] in (b"[", b"<")
        if line.startswith(b"*" if in_title else (b":ID:", b":ID+:", b":CUSTOM_ID:", b":CUSTOM_ID+:")):
            part = document.part_at(at)
            heading = part.heading_at(at - part.begin)
            if heading is not None and config.tag in heading.tags and read_id(heading, config) == name:
                yield heading


def find_last_experiment(document: Document, config: Config, path: Path) -> Experiment | None:
    """Return the last experiment of a document, or None."""
    needle = f":{config.tag}:".encode()
    at = document.text.rfind(needle)
    while at >= 0:
        line = document.text.rfind(b"\n", 0, at) + 1
        if document.text[line : line + 1] == b"*":
            part = document.part_at(line)
            heading = part.heading_at(line - part.begin)
            if heading is not None and config.tag in heading.tags and read_id(heading, config):
                return Experiment(heading, config, str(path))
        at = document.text.rfind(needle, 0, line)
    return None


def find_step(experiment: Experiment, reference: Reference) -> Step:
    """Return the step that a reference names.

    Raises:
        NotFoundError: There is none.
        UsageError: The reference names no step.
    """
    if reference.step is None:
        raise UsageError(f"Name a step of {experiment.ref}, such as {experiment.ref}.1.")
    for step in experiment.steps:
        if step.number == reference.step:
            return step
    have = f"it has {len(experiment.steps)}" if experiment.steps else "it has none"
    raise NotFoundError(
        f"There is no step {reference.step} in {experiment.ref} ({have}); see `orglab show {experiment.id}`."
    )


def find_nearest_ids(name: str, names: Iterable[str]) -> list[str]:
    """Return the ids that one may have been meant to be: those written alike, then the numbers next to it; three."""
    import difflib  # noqa: PLC0415 - for what names nothing known

    known = list(names)
    # Not against ten thousand that are nothing like it: that takes a second.
    alike = [one for one in known if abs(len(one) - len(name)) <= 1 and len(set(one) ^ set(name)) <= _NEAR]
    near = difflib.get_close_matches(name, alike, _NEAR, 0.6)
    if name.isdecimal() and len(near) < _NEAR:
        # Of any length: Python refuses to read a number of thousands of digits.
        place = int(name[:18])
        numbers = sorted((one for one in known if one.isdecimal()), key=lambda one: abs(int(one[:18]) - place))
        near += [one for one in numbers[: 2 * _NEAR] if one not in near][: _NEAR - len(near)]
    return near


def select_experiments(
    found: list[Experiment], match: str, tag_groups: dict[str, tuple[str, ...]], now: "datetime.datetime"
) -> list[Experiment]:
    """Return the experiments that a match string selects.

    Args:
        found: The experiments.
        match: The match string.
        tag_groups: The log's group tags and their members.
        now: What `<today>` and its like are counted from, local time.

    Raises:
        MatchSyntaxError: It cannot be read.
    """
    from orglab.org.match import compile_match  # noqa: PLC0415 - its regexps cost 15 ms, and few lists need them

    wanted = compile_match(match, now=now, tag_groups=tag_groups)
    return [one for one in found if wanted.matches(_Selectable(one))]  # type: ignore[arg-type]  # the rest is the heading's


class _Selectable:
    """An experiment as a match string asks for it: what a list knows is told at once, for the rest it is parsed."""

    def __init__(self, experiment: Experiment) -> None:
        """Stand for an experiment."""
        self._experiment = experiment
        self.state = experiment.state
        self.tags = experiment.tags

    def __getattr__(self, name: str) -> object:
        """Return what the heading says."""
        return getattr(self._experiment.heading, name)

    @property
    def is_done(self) -> bool:
        """Whether its keyword is one for what is done."""
        return self._experiment.is_done

    @cached_property
    def _is_on_top(self) -> bool:
        begin = self._experiment.begin
        return self._experiment.document.text[begin : begin + 2] == b"* "

    @property
    def level(self) -> int:
        """How many stars it has, as Org counts them."""
        return 1 if self._is_on_top else self._experiment.heading.level

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The file's tags, its ancestors' and its own, each once."""
        if not self._is_on_top:
            return self._experiment.heading.all_tags
        upwards = (*reversed(self.tags), *reversed(self._experiment.document.settings.filetags))
        return tuple(reversed(dict.fromkeys(upwards)))
