"""Ids of experiments: giving one another, and what it was called before."""

import re
from collections.abc import Collection, Iterator

from orglab.config import Config
from orglab.experiment.model import Experiment, Step, tagged_headings
from orglab.org import syntax
from orglab.org.document import Document
from orglab.org.edit import Edit
from orglab.org.heading import Heading
from orglab.org.properties import put_property
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.reference import Reference, link_pattern

ALIASES = "ALIASES"
_NUMBER = compile_late(
    rb"(?:^[ \t]*:(?:ID|CUSTOM_ID):[ \t]+|^\*+ (?:[^\n\[<]|\[#\w+\])*+(?:\[|<<))(\d{1,18})(?=[ \t\r]*$|\]|>>)",
    re.I | re.M,
)
_PROPERTY = compile_late(rb"^[ \t]*:ALIASES:[ \t]+(\S[^\n]*)$", re.I | re.M)


def read_aliases(heading: Heading) -> tuple[str, ...]:
    """Return the ids that an experiment had before, so that old commit messages still find it."""
    return tuple((heading.property(ALIASES) or "").split())


def list_ids(experiment: Experiment) -> tuple[str, ...]:
    """Return the id that an experiment has, and those that it had before."""
    return (experiment.id, *read_aliases(experiment.heading))


def list_references(experiment: Experiment, step: Step | None = None) -> tuple[str, ...]:
    """Return the references that an experiment, or a step of it, has and had before: `e7.1`, `e1.1`."""
    number = step.number if step is not None else None
    return tuple(Reference(name, number).spell(experiment.config.letter) for name in list_ids(experiment))


def find_headings_by_alias(document: Document, name: str, config: Config) -> Iterator[Heading]:
    """Yield the headings of experiments that had the id `name` before; each in a document of its own part."""
    for match in _PROPERTY.finditer(document.text):
        if name.encode() in match.group(1).split():
            part = document.part_at(match.start())
            heading = part.heading_at(match.start() - part.begin)
            if heading is not None and config.tag in heading.tags and name in read_aliases(heading):
                yield heading


def find_id_numbers(text: bytes) -> set[int]:
    """Return the whole numbers that are ids of headings in a log's text, experiments or not."""
    return {int(number) for number in _NUMBER.findall(text)}


def next_number(text: bytes, elsewhere: Collection[int] = ()) -> int:
    """Return the next whole number that is and was no id.

    Args:
        text: The log.
        elsewhere: The numbers that are ids in other versions of it.
    """
    return max({0, *elsewhere} | find_id_numbers(text) | find_alias_numbers(text)) + 1


def find_alias_numbers(text: bytes) -> set[int]:
    """Return the whole numbers that experiments of a log's text had before: a new one would be taken for an old one."""
    return {int(word) for match in _PROPERTY.finditer(text) for word in match.group(1).split() if word.isdigit()}


def renumber(heading: Heading, old: str, new: str, config: Config, name: str) -> list[Edit]:
    """Return the edits after which an experiment has another id, and the old one as an alias.

    Links of the log to the old id lead to the new one, unless another
    experiment still has the old one; references such as `[e205]` in any text
    are left, for the alias answers them.

    Args:
        heading: The experiment's heading, in the whole document.
        old: The id that it has.
        new: The id that it gets.
        config: The settings.
        name: The name of the log's file.
    """
    document = heading.document
    edits = _own_edits(heading, old, new)
    shared = any(one.begin != heading.begin and _has_id(one, old) for one in tagged_headings(document, config.tag))
    if not shared:
        links = link_pattern(name).finditer(document.text)
        edits += [Edit(*match.span(1), new.encode()) for match in links if match.group(1) == old.encode()]
    return edits


def _own_edits(heading: Heading, old: str, new: str) -> list[Edit]:
    """Return the edits of the heading's line and drawer."""
    text = heading.document.text
    edits = []
    start, end = heading.line.title
    if match := re.match(rb"(?:\[|<<)(%s)(?:\]|>>)" % re.escape(old.encode()), text[start:end]):
        edits.append(Edit(start + match.start(1), start + match.end(1), new.encode()))
    alias = encode(f":{ALIASES}:".ljust(10) + " " + " ".join((*read_aliases(heading), old)))
    if heading.drawer is None:
        return edits + put_property(heading, ALIASES, " ".join((*read_aliases(heading), old)))
    begin, drawer_end = heading.drawer.span(1)
    has_aliases = False
    for match in syntax.NODE_PROPERTY.finditer(text, begin, drawer_end):
        key = decode(match.group(2)).upper()
        if key in ("ID", "CUSTOM_ID") and decode(match.group(3) or b"") == old:
            edits.append(Edit(*match.span(3), new.encode()))
        elif key == ALIASES:
            has_aliases = True
            edits.append(Edit(match.end(1), match.end(), alias))
    if not has_aliases:
        edits += put_property(heading, ALIASES, old)
    return edits


def _has_id(heading: Heading, name: str) -> bool:
    """Return whether a heading is called so by a property or in its title."""
    named = re.match(r"(?:\[|<<)([\w-]+)(?:\]|>>)", heading.title)
    return name in (heading.property("ID"), heading.property("CUSTOM_ID"), named and named.group(1))
