"""Experiments, as they are read from an Org document: frozen values.

What cannot be read as the template has it is read as far as it goes; `check`
says what it was.  Each value knows its line, and writing goes back to the
document by it.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.commit_notation import CHAINS, parse_chains
from orglab.experiment.note_text import (
    Logged,
    find_user_objects,
    plain_text,
    read_log_note,
    read_logged,
    split_note_head,
)
from orglab.experiment.states import get_state_kind
from orglab.org import syntax
from orglab.org.document import Document
from orglab.org.element import Element
from orglab.org.heading import Heading
from orglab.org.list import Item
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, parse_timestamp

ID = r"[A-Za-z0-9_-]+"
_ID = compile_late(ID)
_TITLE_ID = compile_late(rf"(?:<<({ID})>>|\[({ID})\])\s*")
_COOKIE = compile_late(r"\s*\[(?:\d*%|\d*/\d*)\]")
_COMMITS = compile_late(rb"[ \t]*\((%s)\)[ \t]*$" % CHAINS.encode())
_STATES = {b"[X]": "done", b"[x]": "done", b"[-]": "partial"}
_VERDICT = compile_late(rb":VERDICT:", re.I)
_FIRST_STAMP = compile_late(rb"[ \t\n]*(" + INACTIVE.pattern + rb")")


class Note(NamedTuple):
    """Something noted on an experiment or a step.

    Attributes:
        at: When, or None.
        commit: The commit that stood then, by the hash under which it lives, or None.
        text: What, without the time and the commit.
        line: The 1-based line where it begins.
        original: The hash that was written first, or None; the same unless the commit was rewritten.
    """

    at: Timestamp | None
    commit: str | None
    text: str
    line: int
    original: str | None = None


class Step(NamedTuple):
    """One step of an experiment.

    Attributes:
        number: Its Org ordinal, from 1 on; `[@5]` counts.
        ref: How others refer to it: `e201.1`.
        text: Its first line, without box and commits.
        state: `open`, `partial` or `done`.
        commits: The hashes that end its first line: of each commit the one under which it lives, and each once.
        notes: The indented text under it.
        line: The 1-based line where it begins.
        item: Its item in the document.
        originals: The hashes that were written there first; the same unless a commit was rewritten.
    """

    number: int
    ref: str
    text: str
    state: str
    commits: tuple[str, ...]
    notes: tuple[Note, ...]
    line: int
    item: Item
    originals: tuple[str, ...] = ()


class Conclusion(NamedTuple):
    """What came of an experiment.

    Attributes:
        state: The TODO keyword of its heading, or None.
        verdict: `supported`, `refuted`, `inconclusive`, the user's own word, or None.
        text: What stands under the heading.
        closed: When it was concluded, or None.
    """

    state: str | None
    verdict: str | None
    text: str
    closed: Timestamp | None


class Progress(NamedTuple):
    """How many steps are done, of how many."""

    done: int
    total: int


class Experiment:
    """One experiment of the log, as it stood when the log was read; it never changes.

    What costs parsing is read when first asked for, from the document it holds.
    """

    def __init__(self, heading: Heading, config: Config, file: str) -> None:
        """Read the experiment at `heading`; `file` is the log as the user knows it."""
        vars(self).update(document=heading.document, begin=heading.begin, heading=heading, config=config, file=file)

    document: Document
    begin: int
    config: Config
    file: str

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse."""
        raise AttributeError(f"cannot assign to field {name!r}")

    def __repr__(self) -> str:
        """Return the reference and the title."""
        return f"<Experiment {self.ref}: {self.title!r}>"

    @cached_property
    def heading(self) -> Heading:
        """Its heading in the document."""
        found = self.document.heading_at(self.begin)
        if found is None:
            raise AssertionError(self.begin)
        return found

    @cached_property
    def end(self) -> int:
        """Where its subtree ends in the document."""
        return self.heading.subtree_end

    @cached_property
    def id(self) -> str:
        """The id: of the id property, `:ID:` or `:CUSTOM_ID:`, else of the title; empty if there is none."""
        return read_id(self.heading, self.config)

    @property
    def ref(self) -> str:
        """How others refer to it: `e201`."""
        return self.config.letter + self.id

    @cached_property
    def title(self) -> str:
        """The title without id and cookies."""
        title = self.heading.title
        match = _TITLE_ID.match(title)
        if match and (match.group(1) or match.group(2) == self.id or match.group(2).isdigit()):
            title = title[match.end() :]
        return strip_cookies(title)

    @cached_property
    def state(self) -> str | None:
        """The TODO keyword, or None."""
        return self.heading.state

    @property
    def is_done(self) -> bool:
        """Whether the state is a done one."""
        return self.document.settings.is_done(self.state)

    @cached_property
    def kind(self) -> str | None:
        """What sort of state it has: `todo`, `doing`, `waiting`, `done`, `dropped`, or None."""
        return get_state_kind(self.state, self.document.settings)

    @property
    def state_number(self) -> int:
        """Where its keyword stands among the log's, counted from 0; -1 without one."""
        return list(self.document.settings.keywords).index(self.state) if self.state else -1

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of the heading itself."""
        return self.heading.tags

    @property
    def line(self) -> int:
        """The 1-based line of its heading."""
        return self.document.source.line_number(self.begin)

    @property
    def properties(self) -> dict[str, str]:
        """The properties of its drawer, names in upper case."""
        return dict(self.heading.properties)

    @cached_property
    def created(self) -> Timestamp | None:
        """When it was written down: the first inactive timestamp of its own section, else `:CREATED:`."""
        heading = self.heading
        text = heading.document.text
        start = heading.drawer.end() if heading.drawer else heading.after_planning
        if match := _FIRST_STAMP.match(text, start, heading.end):
            return parse_timestamp(match.group(1))
        if INACTIVE.search(text, start, heading.end):
            for found in find_user_objects(text, heading.section):
                if found.type == "timestamp" and found.kind.startswith("inactive"):
                    return parse_timestamp(found.value)
        value = heading.property("CREATED")
        return parse_timestamp(encode(value)) if value else None

    @cached_property
    def closed(self) -> Timestamp | None:
        """What its CLOSED says, or None."""
        value = self.heading.closed
        return parse_timestamp(encode(value)) if value else None

    @cached_property
    def concluded(self) -> Timestamp | None:
        """When it was concluded: what the CLOSED of its conclusion says, else its own; None if neither does."""
        return self.conclusion.closed or self.closed

    @cached_property
    def _described(self) -> tuple[str, tuple[Note, ...]]:
        """The description, and the notes of the heading's own section."""
        return read_description(self.heading)

    @property
    def description(self) -> str:
        """What it is about: the first list item of its own section, else its first paragraph."""
        return self._described[0]

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """The other items of its own section, and all that stands under `Notes`."""
        found = list(self._described[1])
        heading = self.child(self.config.notes)
        if heading is not None:
            found += read_notes(heading)
            for below in headings_below(heading):
                found.append(Note(None, None, _with_title(below), below.line_number))
        return tuple(found)

    def child(self, name: str) -> Heading | None:
        """Return the heading called `name` directly below, whatever its case."""
        for heading in self.heading.children():
            if strip_cookies(heading.title).lower() == name.lower():
                return heading
        return None

    @cached_property
    def steps_heading(self) -> Heading | None:
        """The heading that holds the steps: the one so called, else the first TODO one with a numbered checklist."""
        named = self.child(self.config.steps)
        if named is not None:
            return named
        for heading in self.heading.children():
            if heading.state is not None and _checklist(heading.section, ordered=True) is not None:
                return heading
        return None

    @cached_property
    def steps_list(self) -> Element | None:
        """The list whose items are the steps."""
        heading = self.steps_heading
        if heading is None:
            return None
        section = heading.section
        return (
            _checklist(section, ordered=True)
            or _checklist(section, ordered=False)
            or next((element for element in section.children if _is_ordered(element)), None)
        )

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        found = self.steps_list
        return () if found is None else tuple(read_steps(self, found))

    @cached_property
    def progress(self) -> Progress:
        """How many steps are done."""
        return Progress(sum(step.state == "done" for step in self.steps), len(self.steps))

    @cached_property
    def verdict(self) -> str | None:
        """The verdict of its conclusion, or None."""
        # Most have none, and are not parsed to say so.
        return self.conclusion.verdict if _VERDICT.search(self.document.text, self.begin, self.end) else None

    @cached_property
    def conclusion(self) -> Conclusion:
        """What came of it."""
        heading = self.child(self.config.conclusions)
        if heading is None:
            return Conclusion(None, self.heading.property("VERDICT"), "", None)
        verdict = heading.property("VERDICT") or self.heading.property("VERDICT")
        parts = [section_text(heading), *map(_with_title, headings_below(heading))]
        closed = parse_timestamp(encode(heading.closed)) if heading.closed else None
        return Conclusion(heading.state, verdict or None, "\n\n".join(filter(None, parts)), closed)


def strip_cookies(text: str) -> str:
    """Return a title or a step's text without statistics cookies."""
    return _COOKIE.sub("", text).strip() if "[" in text else text


def read_experiments(document: Document, config: Config, file: str) -> Iterator[Experiment]:
    """Yield the experiments of a document, in order: the headings that carry the tag themselves and have an id."""
    return read_experiments_between(document, config, file, 0, len(document.text))


def read_experiments_between(
    document: Document, config: Config, file: str, begin: int, end: int
) -> Iterator[Experiment]:
    """Yield the experiments whose headings begin between two positions."""
    for heading in tagged_headings(document, config.tag, begin, end):
        if read_id(heading, config):
            yield Experiment(heading, config, file)


def tagged_headings(document: Document, tag: str, begin: int = 0, end: int | None = None) -> Iterator[Heading]:
    """Yield the headings that carry `tag` themselves, in order.

    The tag is searched for in the text, for most headings of a log carry none.
    """
    text = document.text
    end = len(text) if end is None else end
    needle = encode(f":{tag}:")
    at = text.find(needle, begin, end)
    while at >= 0:
        line = text.rfind(b"\n", 0, at) + 1
        following = text.find(b"\n", at, end)
        if text[line] == 0x2A and (heading := document.heading_at(line)) is not None and heading.begin == line:  # noqa: SIM102
            if tag in heading.tags:
                yield heading
        at = text.find(needle, following, end) if following >= 0 else -1


def read_id(heading: Heading, config: Config) -> str:
    """Return the id of a heading, or an empty string."""
    names = ("ID", "CUSTOM_ID") if config.id_property.upper() == "ID" else ("CUSTOM_ID", "ID")
    for name in names:
        value = heading.property(name)
        if value and _ID.fullmatch(value):
            return value
    match = _TITLE_ID.match(heading.title)
    return (match.group(1) or match.group(2)) if match else ""


def headings_below(heading: Heading) -> Iterator[Heading]:
    """Yield all headings in the subtree of `heading`, but not itself."""
    document = heading.document
    return (document.heading(index) for index in range(heading.index + 1, document.after_subtree(heading.index)))


def _is_ordered(element: Element) -> bool:
    item = element.structure.item_at(element.start) if element.structure else None
    return element.type == "plain-list" and item is not None and item.is_ordered


def _checklist(section: Element, *, ordered: bool) -> Element | None:
    """Return the first list of a section whose own items have boxes."""
    for element in section.children:
        if element.type != "plain-list" or (ordered and not _is_ordered(element)):
            continue
        if any(child.item is not None and child.item.checkbox is not None for child in element.children):
            return element
    return None


def number_items(items: list[Item]) -> list[int]:
    """Return the number of each item of a list: counted from 1, and from `[@5]` on where it stands."""
    numbers: list[int] = []
    for item in items:
        if item.counter is None:
            numbers.append(numbers[-1] + 1 if numbers else 1)
        elif item.counter.isdigit():
            # No step has a number of a thousand digits, and Python refuses to read one.
            numbers.append(int(item.counter[:9]))
        else:
            numbers.append(item.counter.upper()[0] - ord("A") + 1)
    return numbers


def read_steps(experiment: Experiment, steps: Element) -> Iterator[Step]:
    """Yield the steps that the items of a list are."""
    document = experiment.heading.document
    text = document.text
    elements = [child for child in steps.children if child.item is not None]
    items = [child.item for child in elements if child.item is not None]
    for element, item, number in zip(elements, items, number_items(items), strict=True):
        line_end = text.find(b"\n", item.begin)
        line = text[find_words(text, item) : line_end if line_end >= 0 else len(text)]
        match = _COMMITS.search(line)
        recorded = parse_chains(match.group(1).decode()) if match else ()
        yield Step(
            number=number,
            ref=f"{experiment.ref}.{number}",
            text=decode(line[: match.start()] if match else line).strip(),
            state=_STATES.get(item.checkbox or b"", "open"),
            commits=tuple(dict.fromkeys(one.current for one in recorded)),
            notes=tuple(_step_notes(document, element, item)),
            line=document.source.line_number(item.begin),
            item=item,
            originals=tuple(one.original for one in recorded),
        )


def find_words(text: bytes, item: Item) -> int:
    """Return where the text of a step begins: what stands before ` ::` is part of it, though Org takes it for a tag."""
    if item.tag is None:
        return item.body
    match = syntax.FULL_ITEM.match(text, item.begin)
    return item.body if match is None else match.end()


def _step_notes(document: Document, element: Element, item: Item) -> Iterator[Note]:
    """Yield the notes under a step: what follows its first line, and the items in it."""
    text = document.text
    first_end = text.find(b"\n", item.begin) + 1 or len(text)
    for child in element.children:
        if child.type == "plain-list":
            yield from _list_notes(document, child)
        elif child.end > first_end:
            begin = max(child.begin, first_end)
            words = plain_text(text[begin : child.end])
            if words:
                yield _note(words, document.source.line_number(begin))


def _list_notes(document: Document, found: Element) -> Iterator[Note]:
    """Yield a note for each item of a list, but what Org logs by itself without a word of the user."""
    return (note for note, _ in _told_notes(document, found))


def _told_notes(document: Document, found: Element) -> Iterator[tuple[Note, bool]]:
    """Yield a note for each item of a list, and whether it is Org that took it."""
    for child in found.children:
        if child.item is None:
            continue
        words = _item_words(document.text, child, child.item)
        line = document.source.line_number(child.begin)
        logged = read_log_note(words)
        if logged is None:
            yield _note(words, line), False
        elif logged[1]:
            yield Note(parse_timestamp(encode(logged[0])), None, logged[1], line), True


def _item_words(text: bytes, element: Element, item: Item) -> str:
    """Return what an item says behind its bullet, box included."""
    start = item.begin
    while text[start] in b" \t":
        start += 1
    start = item.checkbox_at if item.checkbox is not None else start + len(item.bullet.rstrip(b"\n"))
    return plain_text(b" " * (start - item.begin) + text[start : element.end])


def _note(words: str, line: int) -> Note:
    """Return the note that some text is: it may begin with a time and a commit."""
    at, commit, rest = split_note_head(words)
    time = parse_timestamp(encode(at)) if at else None
    return Note(time, commit.current if commit else None, rest, line, commit.original if commit else None)


def read_notes(heading: Heading) -> Iterator[Note]:
    """Yield the notes of a section: each item of its lists, and each paragraph with what belongs to it."""
    document = heading.document
    pending: tuple[int, int] | None = None
    for element in heading.section.children:
        if element.type in ("planning", "property-drawer", "comment", "comment-block", "keyword"):
            continue
        if element.type in ("plain-list", "drawer", "paragraph") and pending is not None:
            yield _note(plain_text(document.text[slice(*pending)]), document.source.line_number(pending[0]))
            pending = None
        if element.type == "plain-list":
            yield from _list_notes(document, element)
        elif element.type == "drawer":
            for child in element.children:
                if child.type == "plain-list":
                    yield from _list_notes(document, child)
        else:
            pending = (pending[0] if pending else element.begin, element.end)
    if pending is not None and document.text[slice(*pending)].strip():
        yield _note(plain_text(document.text[slice(*pending)]), document.source.line_number(pending[0]))


def read_description(heading: Heading) -> tuple[str, tuple[Note, ...]]:
    """Return the description that the section of an experiment begins with, and its notes."""
    document = heading.document
    text = document.text
    notes: list[Note] = []
    description: str | None = None
    paragraph: str | None = None
    for element in heading.section.children:
        if element.type == "paragraph" and paragraph is None:
            said = text[element.start : element.end]
            words = plain_text(INACTIVE.sub(b"", said, count=1) if _FIRST_STAMP.match(said) else said)
            paragraph = words or None
        lists = [element] if element.type == "plain-list" else element.children if element.type == "drawer" else []
        for found in lists:
            if found.type != "plain-list":
                continue
            for note, is_logged in _told_notes(document, found):
                if description is None and element.type == "plain-list" and not is_logged:
                    description = note.text
                else:
                    notes.append(note)
    if description is None:
        description = paragraph or ""
    return " ".join(description.split()), tuple(notes)


def read_logged_changes(heading: Heading) -> Iterator[tuple[Logged, int]]:
    """Yield what Org logged of a heading, in its drawer or as items of its section, and the line of each."""
    document = heading.document
    for element in heading.section.children:
        for found in element.children if element.type == "drawer" else (element,):
            if found.type != "plain-list":
                continue
            for child in found.children:
                if child.item is not None and (logged := read_logged(_item_words(document.text, child, child.item))):
                    yield logged, document.source.line_number(child.begin)


def section_text(heading: Heading) -> str:
    """Return what the user wrote under a heading: its section without planning, drawers and what Org logs."""
    text = heading.document.text
    parts = []
    for element in heading.section.children:
        if element.type in ("planning", "property-drawer", "drawer", "comment", "comment-block"):
            continue
        if element.type == "plain-list":
            items = ((child, child.item) for child in element.children if child.item is not None)
            said = [child for child, item in items if read_log_note(_item_words(text, child, item)) is None]
            # A keyword above a list, such as #+NAME:, belongs to it.
            parts += [text[element.begin : element.start] if said else b""]
            parts += [text[child.begin : child.end] for child in said]
        else:
            parts.append(text[element.begin : element.end])
    return plain_text(b"".join(parts))


def _with_title(heading: Heading) -> str:
    """Return the title of a heading and the text below it."""
    return "\n".join(filter(None, (heading.title, section_text(heading))))
