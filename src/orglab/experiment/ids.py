"""Ids of experiments: current ids, former ids (aliases) and renumbering."""

import re
from collections.abc import Collection, Iterable, Iterator

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
SHARED = "SHARED"
"""The property with the former ids that another experiment kept, and what belongs to this one; see `shared_ids`."""
_WITHIN_REASON = 100
_NUMBER = compile_late(
    rb"(?:^[ \t]*:(?:ID|CUSTOM_ID):[ \t]+|^\*+ (?>(?:[^\n\[<]|\[#\w+\])*)(?:\[|<<))(\d{1,18})(?=[ \t\r]*$|\]|>>)",
    re.I | re.M,
)
_PROPERTY = compile_late(rb"^[ \t]*:ALIASES:[ \t]+(\S[^\n]*)$", re.I | re.M)


def read_aliases(heading: Heading) -> tuple[str, ...]:
    """Return the former ids of an experiment, which old commit messages may use."""
    return tuple((heading.property(ALIASES) or "").split())


def read_shared(heading: Heading) -> dict[str, tuple[str, ...]]:
    """Return the former ids of an experiment that another one kept, with the hashes and runs that are still its own."""
    shared: dict[str, tuple[str, ...]] = {}
    name = ""
    for word in (heading.property(SHARED) or "").split():
        if word.endswith(":"):
            name = word[:-1]
            shared.setdefault(name, ())
        elif name:
            shared[name] += (word,)
    return shared


def read_own_aliases(heading: Heading) -> tuple[str, ...]:
    """Return the former ids of an experiment that no other one had."""
    shared = read_shared(heading)
    return tuple(name for name in read_aliases(heading) if name not in shared)


def list_ids(experiment: Experiment) -> tuple[str, ...]:
    """Return the current id of an experiment, followed by the former ones that no other one had."""
    return (experiment.id, *read_own_aliases(experiment.heading))


def list_references(experiment: Experiment, step: Step | None = None) -> tuple[str, ...]:
    """Return the current and former references of an experiment or of one of its steps: `e7.1`, `e1.1`."""
    number = step.number if step is not None else None
    return tuple(Reference(name, number).spell(experiment.config.letter) for name in list_ids(experiment))


def find_headings_by_alias(document: Document, name: str, config: Config) -> Iterator[Heading]:
    """Yield the headings of experiments with the former id `name`, each in a document of its own `Part`."""
    for match in _PROPERTY.finditer(document.text):
        if name.encode() in match.group(1).split():
            part = document.part_at(match.start())
            heading = part.heading_at(match.start() - part.begin)
            if heading is not None and config.tag in heading.tags and name in read_aliases(heading):
                yield heading


def find_numbers(text: bytes) -> set[int]:
    """Return the whole numbers that are ids or former ids of headings in the text of a log, of experiments or not."""
    former = (word for match in _PROPERTY.finditer(text) for word in match.group(1).split() if word.isdigit())
    return {int(number) for number in (*_NUMBER.findall(text), *former)}


def next_number(used: Collection[int], named: Collection[int] = ()) -> int:
    """Return the next whole number that was never used as an id.

    Args:
        used: The numbers that are or were ids in the texts of the log.
        named: The numbers that something else names as ids, such as a commit message.  One that is more than 100 above
            the highest known id does not count, because anybody can write any number there.
    """
    highest = max(used, default=0)
    for number in sorted(named):
        if highest < number <= highest + _WITHIN_REASON:
            highest = number
    return highest + 1


def renumber(
    heading: Heading, old: str, new: str, config: Config, name: str, own: Iterable[str] | None = None
) -> list[Edit]:
    """Return the edits that give an experiment another id and keep the old one as an alias.

    Links in the log to the old id are changed to the new one, unless another experiment
    still has the old id.  References such as `[e205]` are left alone, because the alias
    resolves them.

    Args:
        heading: The heading of the experiment, in the whole document.
        old: The current id.
        new: The new id.
        config: The settings.
        name: The file name of the log.
        own: If another experiment keeps the old id, the hashes and runs that belong to this one.
    """
    document = heading.document
    edits = rename_heading(heading, old, new)
    if own is not None:
        edits = _add_shared_id(heading, edits, old, own)
    others = (other for other in tagged_headings(document, config.tag) if other.begin != heading.begin)
    if not any(_has_id(other, old) for other in others):
        links = link_pattern(name).finditer(document.text)
        edits += [Edit(*match.span(1), new.encode()) for match in links if match.group(1) == old.encode()]
    return edits


def rename_heading(heading: Heading, old: str, new: str) -> list[Edit]:
    """Return the edits of a heading's line and drawer that give it another id, and keep the old one as an alias."""
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


def _add_shared_id(heading: Heading, edits: list[Edit], old: str, own: Iterable[str]) -> list[Edit]:
    """Return the edits that also note the old id, which another experiment keeps, and what is this one's own."""
    document = heading.document
    renumbered = document.apply(edits)
    changed = renumbered.heading_at(heading.begin)
    if changed is None:
        return edits
    shared = {**read_shared(changed), old: tuple(own)}
    value = " ".join(" ".join((f"{name}:", *words)) for name, words in shared.items())
    text = renumbered.apply(put_property(changed, SHARED, value)).text
    # Both properties may be in a new drawer, so one edit replaces everything up to there.
    end = max([edit.end for edit in edits] + ([heading.drawer.end()] if heading.drawer is not None else []))
    return [Edit(heading.begin, end, bytes(text[heading.begin : len(text) - (len(document.text) - end)]))]


def _has_id(heading: Heading, name: str) -> bool:
    """Return whether a heading has the id `name` in a property or in its title."""
    title_id = re.match(r"(?:\[|<<)([\w-]+)(?:\]|>>)", heading.title)
    return name in (heading.property("ID"), heading.property("CUSTOM_ID"), title_id and title_id.group(1))
