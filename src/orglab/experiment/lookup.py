"""Lookup of experiments in a document: one by its reference, without reading the others, or some by a match string."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orglab.config import Config
from orglab.errors import DuplicateIdError, NotFoundError, UsageError
from orglab.experiment.ids import ALIASES, find_headings_by_alias, read_own_aliases
from orglab.experiment.model import Experiment, Step, read_id, strip_cookies, tagged_headings
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.syntax import compile_late
from orglab.reference import Reference, without_letter
from orglab.text import listed

if TYPE_CHECKING:
    import datetime

_NEAR = 3
ARCHIVE_TAG = "ARCHIVE"
_HIDDEN = compile_late(rb"^\*+ [^\n]*(?:COMMENT|:ARCHIVE:)", re.M)


def find_experiment(document: Document, reference: Reference, config: Config, path: Path) -> Experiment:
    """Return the experiment with the id of a reference, as written or without the letter, or with it as a former id.

    The document of the returned experiment is only the part of the log that contains it.

    Raises:
        NotFoundError: There is no such experiment.
        DuplicateIdError: Several experiments have this id.
    """
    names = [*dict.fromkeys((reference.id, without_letter(reference.id, config.letter)))]
    for name in names:
        headings = {heading.line_number: heading for heading in _find_headings(document, name, config)}
        if len(headings) > 1:
            raise DuplicateIdError(_describe_duplicate(document, name, [*headings], path))
        for heading in headings.values():
            return Experiment(heading, config, str(path))
    for name in names:
        for heading in find_headings_by_alias(document, name, config):
            return Experiment(heading, config, str(path))
    raise NotFoundError(f"There is no experiment {config.letter}{names[-1]} in {path}; see `orglab list`.")


def _describe_duplicate(document: Document, name: str, lines: list[int], path: Path) -> str:
    """Return a sentence about the headings with one id: the two sides of a conflict, or two experiments."""
    where = f"lines {' and '.join(map(str, lines))} of {path}"
    if (conflict := document.conflict_line()) is not None:
        return (
            f"The id {name} is there twice ({where}), and the log has a git conflict marker in line {conflict}: "
            "resolve the conflict first."
        )
    return f"Two experiments have the id {name} ({where}); run `orglab renumber {name}`."


def find_renumbered(document: Document, read: Callable[[], Iterable[Experiment]]) -> dict[str, Experiment]:
    """Return the renumbered experiments by their former ids, unless another experiment has that id now.

    Args:
        document: The log.
        read: Returns the experiments of the log; not called if none was renumbered.
    """
    if ALIASES.encode() not in document.text.upper():
        return {}
    experiments = list(read())
    renumbered = {alias: experiment for experiment in experiments for alias in read_own_aliases(experiment.heading)}
    for experiment in experiments:
        renumbered.pop(experiment.id, None)
    return renumbered


def find_all_with_id(document: Document, reference: Reference, config: Config, path: Path) -> list[Experiment]:
    """Return the experiments with the id of a reference, in the order of the log; their document is the whole one.

    Raises:
        NotFoundError: There is no such experiment.
    """
    for name in dict.fromkeys((reference.id, without_letter(reference.id, config.letter))):
        lines = {heading.line_number for heading in _find_headings(document, name, config)}
        if lines:
            tagged = tagged_headings(document, config.tag)
            return [Experiment(heading, config, str(path)) for heading in tagged if heading.line_number in lines]
    raise NotFoundError(f"There is no experiment {reference.id} in {path}; see `orglab list`.")


def find_latest(experiments: Sequence[Experiment]) -> Experiment:
    """Return the experiment that was created last; the last one in the log if that is not known, or for a tie.

    Days are compared if one of the experiments has no time of day.
    """
    stamps = [stamp for one in experiments if (stamp := one.created) is not None]
    if len(stamps) < len(experiments):
        return experiments[-1]
    if all(stamp.has_time for stamp in stamps):
        times = [stamp.when for stamp in stamps]
    else:
        times = [stamp.when.replace(hour=0, minute=0) for stamp in stamps]
    return experiments[max(range(len(times)), key=lambda at: (times[at], at))]


def _find_headings(document: Document, name: str, config: Config) -> Iterator[Heading]:
    """Yield the headings of experiments with the id `name`, found by searching properties and titles for it."""
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


def find_section(document: Document, name: str) -> Heading:
    """Return the heading with a title, which may have those of the headings above before it, as in `Lab/Queries`.

    Raises:
        NotFoundError: There is none.
        UsageError: There are several.
    """
    wanted = name.strip().casefold()
    found = []
    paths: list[str] = []
    for heading in document.headings():
        above = document.parent_index(heading.index)
        path = f"{paths[above] if above >= 0 else ''}/{strip_cookies(heading.title).casefold()}"
        paths.append(path)
        if path.endswith(f"/{wanted}") and not heading.line.is_comment:
            found.append(heading)
    if not found:
        near = ", ".join(map(repr, _find_near_titles(wanted, document)))
        raise NotFoundError(f"There is no heading {name!r} in the log{f'; nearest: {near}' if near else ''}.")
    if len(found) > 1:
        lines = listed(str(heading.line_number) for heading in found)
        raise UsageError(f"There are {len(found)} headings {name!r}, in lines {lines}: write what is above, as in A/B.")
    return found[0]


def _find_near_titles(wanted: str, document: Document) -> list[str]:
    """Return up to three titles that may be meant by an unknown one: those that contain it, then similar ones."""
    import difflib  # noqa: PLC0415 - only needed for unknown titles

    headings = (heading for heading in document.headings() if not heading.line.is_comment)
    titles = {title.casefold(): title for title in (strip_cookies(heading.title) for heading in headings)}
    name = wanted.rpartition("/")[2]
    near = sorted((title for title in titles if name and name in title), key=lambda title: not title.startswith(name))
    near += [title for title in difflib.get_close_matches(name, titles, _NEAR, 0.6) if title not in near]
    return [titles[title] for title in near[:_NEAR]]


def find_last_experiment(document: Document, config: Config, path: Path) -> Experiment | None:
    """Return the last experiment of a document, or None if there is none."""
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
    """Return the step of an experiment that a reference refers to.

    Raises:
        NotFoundError: There is no such step.
        UsageError: The reference has no step number.
    """
    if reference.step is None:
        if experiment.steps:
            such = next((step for step in experiment.steps if step.state != "done"), experiment.steps[0])
            raise UsageError(f"Name a step of {experiment.ref}, such as {such.ref}.")
        hint = f"add one with `orglab step {experiment.id} TEXT`, or conclude it with `orglab conclude {experiment.id}`"
        raise UsageError(f"{experiment.ref} has no steps; {hint}.")
    for step in experiment.steps:
        if step.number == reference.step:
            return step
    number = f"it has {len(experiment.steps)}" if experiment.steps else "it has none"
    if (taken := experiment.taken_steps) is not None:
        line = experiment.document.source.line_number(taken)
        number = f"the list in line {line} belongs to the footnote definition before it"
    raise NotFoundError(
        f"There is no step {reference.step} in {experiment.ref} ({number}); see `orglab show {experiment.id}`."
    )


def is_active(experiment: Experiment, active: str | None) -> bool:
    """Return whether an experiment, or a step of it, is the active one."""
    return active is not None and f"{active}.".startswith(f"{experiment.ref}.")


def find_nearest_ids(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three ids that may be meant by an unknown id: those with similar spelling, then nearby numbers."""
    import difflib  # noqa: PLC0415 - only needed for unknown ids

    known = list(names)
    # Comparing with ten thousand dissimilar ids would take a second.
    similar = [other for other in known if abs(len(other) - len(name)) <= 1 and len(set(other) ^ set(name)) <= _NEAR]
    nearest = difflib.get_close_matches(name, similar, _NEAR, 0.6)
    if name.isdecimal() and len(nearest) < _NEAR:
        # Cut to 18 digits, because Python refuses to parse a number with thousands of digits.
        number = int(name[:18])
        numbers = sorted((other for other in known if other.isdecimal()), key=lambda id_: abs(int(id_[:18]) - number))
        nearest += [other for other in numbers[: 2 * _NEAR] if other not in nearest][: _NEAR - len(nearest)]
    return nearest


def leave_out_hidden(document: Document, experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return the experiments of a document that Org's agenda shows.

    It leaves out the subtrees of headings with the tag ARCHIVE, and of headings whose titles begin with COMMENT
    (`org-agenda-skip-archived-trees`, `org-agenda-skip-comment-trees`).
    """
    if ARCHIVE_TAG in document.settings.filetags:
        return []
    hidden: list[tuple[int, int]] = []
    for match in _HIDDEN.finditer(document.text):
        heading = document.heading_at(match.start())
        if heading is not None and heading.begin == match.start() and (not hidden or heading.begin >= hidden[-1][1]):  # noqa: SIM102
            if heading.line.is_comment or ARCHIVE_TAG in heading.tags:
                hidden.append((heading.begin, heading.subtree_end))
    if not hidden:
        return list(experiments)
    begins = [begin for begin, _ in hidden]
    shown = []
    for experiment in experiments:
        place = bisect_right(begins, experiment.begin) - 1
        if place < 0 or experiment.begin >= hidden[place][1]:
            shown.append(experiment)
    return shown


def select_experiments(
    experiments: list[Experiment], match: str, tag_groups: dict[str, tuple[str, ...]], now: "datetime.datetime"
) -> list[Experiment]:
    """Return the experiments that a match string selects.

    Args:
        experiments: The experiments to select from.
        match: The match string.
        tag_groups: The log's group tags and their members.
        now: The local time that `<today>` etc. refer to.

    Raises:
        MatchSyntaxError: The match string is invalid.
    """
    from orglab.org.match import compile_match  # noqa: PLC0415 - its regexps cost 15 ms, and few lists need them

    compiled = compile_match(match, now=now, tag_groups=tag_groups)
    return [
        experiment
        for experiment in experiments
        if compiled.matches(_Selectable(experiment))  # type: ignore[arg-type]  # missing attributes are the heading's
    ]


class _Selectable:
    """An experiment as a `MatchEntry`; it is parsed only for what is not already known from listing it."""

    def __init__(self, experiment: Experiment) -> None:
        """Wrap an experiment."""
        self._experiment = experiment
        self.state = experiment.state
        self.tags = experiment.tags

    def __getattr__(self, name: str) -> object:
        """Return the attribute of the heading."""
        return getattr(self._experiment.heading, name)

    @property
    def is_done(self) -> bool:
        """Whether its TODO keyword is a done state."""
        return self._experiment.is_done

    @cached_property
    def _is_level_1(self) -> bool:
        begin = self._experiment.begin
        return self._experiment.document.text[begin : begin + 2] == b"* "

    @property
    def level(self) -> int:
        """The level of the heading, as Org counts it."""
        return 1 if self._is_level_1 else self._experiment.heading.level

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags of the file, of the ancestors and of the heading, each once."""
        if not self._is_level_1:
            return self._experiment.heading.all_tags
        upwards = (*reversed(self.tags), *reversed(self._experiment.document.settings.filetags))
        return tuple(reversed(dict.fromkeys(upwards)))
