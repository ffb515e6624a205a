"""Format the experiments and headings of a Markdown file as Org."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.escape import escape_title
from orglab.experiment.origin import DIGEST, SOURCE
from orglab.experiment.states import done_keyword, in_progress_keyword, todo_keyword
from orglab.org.document import Document
from orglab.org.settings import Settings
from orglab.org.timestamp import format_timestamp
from orglab.report import blocks as b
from orglab.report.markdown.entry_writer import EntryWriter
from orglab.report.markdown.markdown_entries import Entry, Parts
from orglab.report.markdown.markdown_sections import Problem

_PLAIN = re.compile(r"[\w ,.'()-]*\w[\w ,.'()-]*")


class Source(NamedTuple):
    """A Markdown file whose entries are written to a log.

    Attributes:
        path: Its path as the user named it.
        name: Its path as the log has it.
        folder: Its folder, relative to that of the log.
        entries: Its entries.
        footnotes: The definitions of its footnotes, by label.
        problems: What in it has no counterpart in the log.
    """

    path: str
    name: str
    folder: str
    entries: Sequence[Entry]
    footnotes: Mapping[str, b.Blocks]
    problems: Sequence[Problem]

    def name_entry(self, entry: Entry) -> str:
        """Return what tells an entry apart from the others of all files."""
        return escape_title(f"{self.name}: {entry.name}")


class Written(NamedTuple):
    """An entry as Org.

    Attributes:
        text: The text, with its heading.
        title: The title, as Org reads it.
        headings: How many headings there are.
        steps: How many steps there are.
    """

    text: str
    title: str
    headings: int
    steps: int


class WrittenEntries(NamedTuple):
    """The entries of a file as Org.

    Attributes:
        texts: Their texts.
        problems: What could not be written as it was meant.
    """

    texts: Sequence[Written]
    problems: Sequence[Problem]


def choose_stars(entries: Iterable[Entry]) -> list[int]:
    """Return the levels of headings in the log: each is at most one deeper than the one above it."""
    stars = []
    above: list[int] = []
    for entry in entries:
        while above and above[-1] >= entry.level:
            above.pop()
        above.append(entry.level)
        stars.append(len(above))
    return stars


def choose_prefix(source: Source, document: Document) -> str:
    """Return what the labels of the footnotes of a file begin with, so that they are unique in a log."""
    stem = re.sub(r"[^\w-]", "-", source.name.rpartition("/")[2].rpartition(".")[0]) or "note"
    number, prefix = 1, f"{stem}-"
    while f"[fn:{prefix}".encode() in document.text:
        number += 1
        prefix = f"{stem}-{number}-"
    return prefix


def find_anchors(source: Source, ids: Mapping[int, str], id_property: str) -> dict[str, str]:
    """Return where the links to headings of a file lead in the log, by anchor, as GitHub makes them.

    Args:
        source: The file.
        ids: The ids of the experiments, by the place of the entry.
        id_property: The property that has the id.
    """
    anchors: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for place, entry in enumerate(source.entries):
        kind = "id:" if id_property.upper() == "ID" else "#"
        own = f"{kind}{ids[place]}" if place in ids else _find_heading(entry.title, "")
        notes = entry.parts.notes if entry.parts is not None else ()
        titles = [block.content for block in notes if isinstance(block, b.Heading)]
        names = [(re.sub(r" \(\d+\)$", "", entry.name), own)]
        names += [(b.plain(title), _find_heading(title, own)) for title in titles]
        for name, where in names:
            anchor = re.sub(r"[^\w\- ]", "", name.casefold()).replace(" ", "-")
            number = counts[anchor]
            counts[anchor] += 1
            if where:
                anchors[f"{anchor}-{number}" if number else anchor] = where
    return anchors


def _find_heading(title: b.Inlines, other: str) -> str:
    """Return the target of a link to a heading; another one if Org would not find it by its title."""
    is_plain = len(title) == 1 and isinstance(title[0], b.Text) and _PLAIN.fullmatch(title[0].text)
    return f"*{b.plain(title)}" if is_plain else other


def write_experiment(
    entry: Entry, parts: Parts, writer: EntryWriter, *, stars: int, number: str, config: Config, settings: Settings,
    source: str,
) -> Written:  # fmt: skip
    """Return an experiment as Org.

    Args:
        entry: The entry.
        parts: Its parts.
        writer: The writer of its file.
        stars: The level of its heading.
        number: Its id.
        config: The settings of orglab.
        settings: The settings of the log.
        source: What it was made of, for the property.
    """
    writer.number = entry.line
    title = writer.write_title(entry.title)
    description = writer.line(parts.description)
    notes = writer.joined(_deepen(parts.notes, stars))
    steps = writer.write_steps(parts.steps) if parts.steps else ""
    conclusion = writer.joined(parts.conclusion)
    notes = "\n\n".join(filter(None, (notes, writer.take_footnotes())))
    states = [item.checkbox for item in parts.steps]
    state = _choose_state(states, settings, is_concluded=bool(conclusion))
    is_complete = bool(states) and all(one == "done" for one in states)
    done, todo = done_keyword(settings), todo_keyword(settings)
    heading = _format_heading(stars, state, f"[{number}] {title} [%]   :{':'.join(config.tags)}:")
    drawer = _format_drawer(writer.indent, {config.id_property.upper(): number, SOURCE: source, DIGEST: entry.digest})
    sections = [
        heading
        + drawer
        + (f"{writer.indent}{format_timestamp(entry.created).decode()}\n" if entry.created is not None else ""),
        f"- {description}\n" if description else "",
        _format_heading(stars + 1, None, config.notes) + _end(notes),
        _format_heading(stars + 1, done if is_complete else todo, f"{config.steps} [/]") + _end(steps),
        _format_heading(stars + 1, done if conclusion else todo, config.conclusions) + _end(conclusion),
    ]
    headings = 4 + sum(isinstance(block, b.Heading) for block in parts.notes)
    return Written("\n".join(filter(None, sections)), title, headings, len(parts.steps))


def write_heading(entry: Entry, writer: EntryWriter, *, stars: int, source: str) -> Written:
    """Return a heading that is no experiment, with its text, as Org.

    Args:
        entry: The entry.
        writer: The writer of its file.
        stars: The level of its heading.
        source: What it was made of, for the property.
    """
    writer.number = entry.line
    title = writer.write_title(entry.title)
    text = writer.joined(entry.blocks)
    text = "\n\n".join(filter(None, (text, writer.take_footnotes())))
    drawer = _format_drawer(writer.indent, {SOURCE: source, DIGEST: entry.digest})
    return Written(_format_heading(stars, None, title) + drawer + (f"\n{_end(text)}" if text else ""), title, 1, 0)


def _choose_state(states: Sequence[str | None], settings: Settings, *, is_concluded: bool) -> str | None:
    if is_concluded:
        return done_keyword(settings)
    todo = todo_keyword(settings)
    return (in_progress_keyword(settings, todo) or todo) if "done" in states else todo


def _deepen(blocks: b.Blocks, stars: int) -> b.Blocks:
    """Return notes with headings below that of the notes, each at most one level deeper than the one above it."""
    return tuple(_deepen_headings(blocks, stars))


def _deepen_headings(blocks: b.Blocks, stars: int) -> Iterator[b.Block]:
    above: list[int] = []
    for block in blocks:
        if isinstance(block, b.Heading):
            while above and above[-1] >= block.level:
                above.pop()
            above.append(block.level)
            yield b.Heading(stars + 1 + len(above), block.content)
        else:
            yield block


def _format_heading(stars: int, keyword: str | None, title: str) -> str:
    return " ".join(filter(None, ("*" * stars, keyword, title))) + "\n"


def _format_drawer(indent: str, properties: Mapping[str, str]) -> str:
    lines = [f"{indent}{f':{name}:':<10} {value}\n" for name, value in properties.items()]
    return f"{indent}:PROPERTIES:\n{''.join(lines)}{indent}:END:\n"


def _end(text: str) -> str:
    return f"{text}\n" if text else ""
