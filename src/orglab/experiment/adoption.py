"""Adopting an existing Org file as a log: which headings could be experiments, and the edits that make them so.

Nothing is moved: a heading gets the tag, an id, and properties for what cannot be read where it is.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from orglab.config import Config
from orglab.errors import UsageError
from orglab.experiment.candidate_headings import Finder
from orglab.experiment.diagnostic import Diagnostic
from orglab.experiment.free_parts import find_description, name_parts
from orglab.experiment.ids import ALIASES, read_aliases
from orglab.experiment.model import Experiment, is_uuid, read_experiments, read_id, strip_cookies
from orglab.experiment.named_parts import DESCRIPTION_IN
from orglab.experiment.notebook_style import NotebookStyle, read_style
from orglab.experiment.title_numbers import read_number
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.heading import Heading
from orglab.org.properties import put_properties
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late

_ID_LINE = compile_late(rb"^[ \t]*:(?:ID|CUSTOM_ID):[ \t]+(\S+)[ \t]*$", re.I | re.M)
_SHORT = compile_late(r"[0-9]{1,6}")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Candidate(NamedTuple):
    """A heading that could be an experiment.

    Attributes:
        line: The 1-based line of the heading.
        id: The id that it gets.
        wanted: The number in its title, if another heading has that already; else empty.
        experiment: How it is read as an experiment.
    """

    line: int
    id: str
    wanted: str
    experiment: Experiment


class Candidates(NamedTuple):
    """Headings that could be experiments, and why.

    Attributes:
        letter: What the user names them by: `A`, `B`.
        why: What they have in common, phrased to follow the word "headings".
        is_certain: Whether they are experiments as far as one can tell.
        headings: The headings; at least one.
    """

    letter: str
    why: str
    is_certain: bool
    headings: tuple[Candidate, ...]


class Adoption(NamedTuple):
    """What orglab recognizes in an existing Org file.

    Attributes:
        document: The file.
        experiments: The experiments that are recognized.
        candidates: The headings that could become experiments: certain ones, then doubtful ones.
        chosen: Those that are to become experiments, in the order of the file, with the ids that they get.
        ids: Their ids, by the index of the heading.
        diagnostics: The diagnostics of `check`, except for missing ids.
    """

    document: Document
    experiments: tuple[Experiment, ...]
    candidates: tuple[Candidates, ...]
    chosen: tuple[Candidate, ...]
    ids: "Mapping[int, ChosenId]"
    diagnostics: tuple[Diagnostic, ...]


def read_adoption(
    document: Document, config: Config, file: str, diagnostics: Iterable[Diagnostic], free_number: int,
    *, include: Collection[str] = (), exclude: Collection[str] = (),
) -> Adoption:  # fmt: skip
    """Return what orglab recognizes in an Org file that may not have been written as a log.

    Args:
        document: The file.
        config: The settings.
        file: The path of the file, for display.
        diagnostics: The diagnostics of `check` for it.
        free_number: The first number that is not used as an id.
        include: As for `choose_headings`.
        exclude: As for `choose_headings`.

    Raises:
        UsageError: As for `choose_headings`.
    """
    found = Finder(document, config, file).find()
    parts = [
        [one for kind, headings in found.items() if kind.is_certain is sure for one in headings]
        for sure in (True, False)
    ]
    # What is left out may become an experiment later, with its number.
    wanted = {_read_wanted_id(heading, config) for heading in parts[0]}
    free_number = max([free_number, *(int(number) + 1 for number in wanted if _SHORT.fullmatch(number))])
    read = _preview(document, config, file, choose_ids(parts, document, config, free_number))
    candidates = tuple(
        Candidates(letter, kind.why, kind.is_certain, tuple(read[heading.index] for heading in headings))
        for letter, (kind, headings) in zip(LETTERS, found.items(), strict=False)
    )
    experiments = tuple(read_experiments(document, config, file))
    problems = tuple(one for one in diagnostics if one.code != "no-id")
    adoption = Adoption(document, experiments, candidates, (), {}, problems)
    ids = choose_ids([choose_headings(adoption, include, exclude)], document, config, free_number)
    chosen = _preview(document, config, file, ids)
    return adoption._replace(chosen=tuple(chosen[index] for index in sorted(chosen)), ids=ids)


def _preview(document: Document, config: Config, file: str, ids: "Mapping[int, ChosenId]") -> dict[int, Candidate]:
    """Return how headings are read once they are experiments, by their index."""
    after = document.apply(make_edits(document, config, ids))
    return {
        index: Candidate(
            document.heading(index).line_number, chosen.id, chosen.wanted,
            Experiment(after.heading(index), config, file),
        )
        for index, chosen in ids.items()
    }  # fmt: skip


# Which ids


class ChosenId(NamedTuple):
    """The id for a heading.

    Attributes:
        id: The id.
        property: The property to write it to; empty if the heading has this id already.
        wanted: The number in the title, if another heading has that already; else empty.
        alias: What the title or a tag calls it, if that is too long for an id; else empty.
    """

    id: str
    property: str
    wanted: str
    alias: str = ""


def choose_ids(
    parts: Iterable[Iterable[Heading]], document: Document, config: Config, free_number: int
) -> dict[int, ChosenId]:
    """Return an id for each heading by its index: the one that it has, else its number, else the next free number.

    Args:
        parts: The headings, the most important ones first; the ids of a part do not depend on the next one.
        document: The file.
        config: The settings.
        free_number: The first number that is not used as an id.
    """
    taken = {decode(match.group(1)) for match in _ID_LINE.finditer(document.text)}
    for experiment in read_experiments(document, config, ""):
        taken |= {experiment.id, *read_aliases(experiment.heading)}
    chosen: dict[int, ChosenId] = {}
    for part in parts:
        _choose_part(part, config, free_number, taken, chosen)
    return chosen


def _choose_part(
    headings: Iterable[Heading], config: Config, free_number: int, taken: set[str], chosen: dict[int, ChosenId]
) -> None:
    """Add the ids for some headings to those that are taken, and to those that were chosen."""
    others: list[tuple[Heading, str, str]] = []
    for heading in headings:
        own, wanted = _read_own_id(heading, config), _read_wanted_id(heading, config)
        if own and (own not in taken or _has_id_property(heading, own)):
            chosen[heading.index] = ChosenId(own, "", "")
        elif wanted and wanted not in taken:
            chosen[heading.index] = ChosenId(wanted, _choose_property(heading, config), "", _read_name(heading, config))
        else:
            others.append((heading, wanted, _read_name(heading, config)))
            continue
        taken.add(chosen[heading.index].id)
    number = max([free_number - 1, *(int(name) for name in taken if _SHORT.fullmatch(name))])
    for heading, wanted, alias in sorted(others, key=lambda other: other[0].index):
        number += 1
        chosen[heading.index] = ChosenId(str(number), _choose_property(heading, config), wanted, alias)
        taken.add(str(number))


def _read_own_id(heading: Heading, config: Config) -> str:
    """Return the id that a heading has, unless it is a UUID, or not what its title calls the experiment."""
    own = read_id(heading, config)
    if is_uuid(own) and _choose_property(heading, config):
        return ""
    number = read_number(heading, config)
    is_in_title = own and not _has_id_property(heading, own)
    if is_in_title:
        return "" if number is None or (number.id and number.id != own) else own
    # Links may lead to it; the number can stand before it.
    has_place = _choose_property(heading, config) == _name_properties(config)[0]
    has_other = number is not None and (number.id not in ("", own) or number.name == own)
    return "" if has_place and has_other else own


def _has_id_property(heading: Heading, name: str) -> bool:
    return name in (heading.property("ID"), heading.property("CUSTOM_ID"))


def _read_wanted_id(heading: Heading, config: Config) -> str:
    """Return the id that the title of a heading or one of its tags asks for; empty if none does."""
    number = read_number(heading, config)
    return number.id if number is not None else ""


def _read_name(heading: Heading, config: Config) -> str:
    """Return what the title of a heading or one of its tags calls it besides a number; empty if that is all."""
    number = read_number(heading, config)
    return number.name if number is not None else ""


def _choose_property(heading: Heading, config: Config) -> str:
    """Return the property to write an id to, so that it is read; empty if the heading has both."""
    return next((name for name in _name_properties(config) if heading.property(name) is None), "")


def _name_properties(config: Config) -> tuple[str, str]:
    """Return the properties with an id, the one that is read first before the other."""
    return ("ID", "CUSTOM_ID") if config.id_property.upper() == "ID" else ("CUSTOM_ID", "ID")


# Which headings


def choose_headings(adoption: Adoption, include: Collection[str] = (), exclude: Collection[str] = ()) -> list[Heading]:
    """Return the headings to make experiments of: the certain ones, with others and without some.

    Args:
        adoption: What could be experiments.
        include: Letters of groups, and lines of headings; any heading that is no experiment may be named.
        exclude: Letters of groups, and lines of headings, which are left out.

    Raises:
        UsageError: There is no such group, or no heading in that line that could be an experiment.
    """
    chosen = {
        one.line for group in adoption.candidates if group.is_certain for one in group.headings
    }  # fmt: skip
    # A line is meant, whatever is said of its group.
    named = [(name, is_added) for names, is_added in ((include, True), (exclude, False)) for name in names]
    for is_line in (False, True):
        for name, is_added in ((name, is_added) for name, is_added in named if name.isdecimal() is is_line):
            lines = _find_lines(adoption, name, needs_candidate=not is_added)
            chosen = chosen | lines if is_added else chosen - lines
    # In the order of the groups, because the first heading with a number keeps it.
    known = {one.line: one.experiment.heading.index for group in adoption.candidates for one in group.headings}
    others = [_heading_at_line(adoption.document, line) for line in sorted(chosen - known.keys())]
    return [*(adoption.document.heading(index) for line, index in known.items() if line in chosen), *others]


def _find_lines(adoption: Adoption, name: str, *, needs_candidate: bool) -> set[int]:
    """Return the lines of the headings that the letter of a group, or a line, names.

    Raises:
        UsageError: There is none.
    """
    groups = {group.letter: {one.line for one in group.headings} for group in adoption.candidates}
    if name.upper() in groups:
        return groups[name.upper()]
    if not re.fullmatch(r"[0-9]{1,9}", name):
        known = f"; there are {', '.join(groups)}" if groups else ""
        raise UsageError(f"{name!r} is neither the letter of a group nor the line of a heading{known}.")
    line = int(name)
    if any(line in lines for lines in groups.values()):
        return {line}
    if needs_candidate:
        raise UsageError(f"Line {line} is not that of a heading that could become an experiment.")
    heading = _heading_at_line(adoption.document, line)
    if any(heading.begin == experiment.begin for experiment in adoption.experiments):
        raise UsageError(f"The heading in line {line} is an experiment already.")
    return {line}


def _heading_at_line(document: Document, line: int) -> Heading:
    """Return the heading in a line.

    Raises:
        UsageError: There is none.
    """
    for heading in document.headings():
        if heading.line_number == line:
            return heading
    raise UsageError(f"There is no heading in line {line}.")


# The edits


def make_edits(document: Document, config: Config, ids: Mapping[int, ChosenId]) -> list[Edit]:
    """Return the edits that make headings experiments; nothing but their tags and property drawers changes.

    Args:
        document: The file.
        config: The settings.
        ids: The id for each heading, by its index.
    """
    style = read_style(document)
    properties = {
        index: _choose_properties(document.heading(index), config, style, chosen) for index, chosen in ids.items()
    }
    # The description is in what the other parts leave.
    after = document.apply(_write_properties(document, config, properties))
    for index, named in properties.items():
        place = find_description(Experiment(after.heading(index), config, ""), style)
        if place:
            named[DESCRIPTION_IN] = place
    return _write_properties(document, config, properties)


def _choose_properties(heading: Heading, config: Config, style: NotebookStyle, chosen: ChosenId) -> dict[str, str]:
    """Return the properties for a heading, except for that of its description."""
    properties = {chosen.property: chosen.id} if chosen.property else {}
    if chosen.alias:
        properties[ALIASES] = " ".join(dict.fromkeys((*read_aliases(heading), chosen.alias)))
    return properties | name_parts(Experiment(heading, config, ""), style)


def _write_properties(document: Document, config: Config, properties: Mapping[int, Mapping[str, str]]) -> list[Edit]:
    """Return the edits that add the tag and properties to headings, which are named by their indexes."""
    edits: list[Edit] = []
    for index, named in sorted(properties.items()):
        heading = document.heading(index)
        if config.tag not in heading.tags:
            edits.append(_add_tag(heading, config.tag))
        edits += put_properties(heading, named) if named else []
    return edits


def _add_tag(heading: Heading, tag: str) -> Edit:
    """Return the edit that adds a tag to those of a heading; all that is written there stays."""
    end = heading.line.tags[1]
    at = heading.line.title[1]
    return Edit(end, end, encode(f"{tag}:")) if end >= 0 else Edit(at, at, encode(f" :{tag}:"))


def find_difference(before: Document, after: Document, config: Config, ids: Mapping[int, ChosenId]) -> str:
    """Return the line of a heading that is not the experiment that it should be after its edits; empty if all are."""
    for index, chosen in ids.items():
        heading = after.heading(index)
        is_same = strip_cookies(heading.title) == strip_cookies(before.heading(index).title)
        if not is_same or config.tag not in heading.tags or read_id(heading, config) != chosen.id:
            return str(before.heading(index).line_number)
    return ""
