"""The data model: experiments, steps, notes and conclusions, read from an Org document as immutable values.

Text that deviates from the template is read as far as possible; `orglab check` reports
it.  Each value has its line or item in the document, which the edits use.
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
    """A note on an experiment or a step.

    Attributes:
        at: The time of the note, or None.
        commit: The current hash of the recorded commit, or None.
        text: The text, without time and commit.
        line: The 1-based line where the note begins.
        original: The hash that was recorded first, or None; the same as `commit` unless that was rewritten.
    """

    at: Timestamp | None
    commit: str | None
    text: str
    line: int
    original: str | None = None


class Step(NamedTuple):
    """One step of an experiment.

    Attributes:
        number: Its number in the Org list, from 1 on; `[@5]` sets it.
        ref: The reference: `e201.1`.
        text: Its first line, without checkbox and commits.
        state: `open`, `partial` or `done`.
        commits: The current hashes of the commits at the end of its first line, each once.
        notes: The notes in the indented text under it.
        line: The 1-based line where it begins.
        item: The list item in the document.
        originals: The hashes that were recorded first; the same as `commits` unless a commit was rewritten.
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
    """The conclusion of an experiment.

    Attributes:
        state: The TODO keyword of its heading, or None.
        verdict: `supported`, `refuted`, `inconclusive`, the user's own word, or None.
        text: The text under the heading.
        closed: The time of its CLOSED timestamp, or None.
    """

    state: str | None
    verdict: str | None
    text: str
    closed: Timestamp | None


class Progress(NamedTuple):
    """The number of done steps and of all steps."""

    done: int
    total: int


class Experiment:
    """One experiment in one version of the log; it is immutable.

    Attributes that need parsing are read from the document on first use.
    """

    def __init__(self, heading: Heading, config: Config, file: str) -> None:
        """Create the experiment at `heading`; `file` is the path of the log, for display."""
        vars(self).update(document=heading.document, begin=heading.begin, heading=heading, config=config, file=file)

    document: Document
    begin: int
    config: Config
    file: str

    def __setattr__(self, name: str, value: object) -> None:
        """Raise AttributeError: experiments are immutable."""
        raise AttributeError(f"cannot assign to field {name!r}")

    def __repr__(self) -> str:
        """Return the reference and the title."""
        return f"<Experiment {self.ref}: {self.title!r}>"

    @cached_property
    def heading(self) -> Heading:
        """The heading in the document."""
        heading = self.document.heading_at(self.begin)
        if heading is None:
            raise AssertionError(self.begin)
        return heading

    @cached_property
    def end(self) -> int:
        """Where the subtree ends in the document."""
        return self.heading.subtree_end

    @cached_property
    def id(self) -> str:
        """The id: from the property `:ID:` or `:CUSTOM_ID:`, else from the title; empty if there is none."""
        return read_id(self.heading, self.config)

    @property
    def ref(self) -> str:
        """The reference: `e201`."""
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
        """Whether the TODO keyword is a done state."""
        return self.document.settings.is_done(self.state)

    @cached_property
    def kind(self) -> str | None:
        """The kind of the state: `todo`, `doing`, `waiting`, `done`, `dropped` or None."""
        return get_state_kind(self.state, self.document.settings)

    @property
    def state_number(self) -> int:
        """The 0-based index of the TODO keyword in the log's keywords; -1 if there is none."""
        return list(self.document.settings.keywords).index(self.state) if self.state else -1

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The heading's own tags."""
        return self.heading.tags

    @property
    def line(self) -> int:
        """The 1-based line of the heading."""
        return self.document.source.line_number(self.begin)

    @property
    def properties(self) -> dict[str, str]:
        """The properties in the drawer, by upper-case name."""
        return dict(self.heading.properties)

    @cached_property
    def created(self) -> Timestamp | None:
        """When it was created: the first inactive timestamp in its own section, else `:CREATED:`, else None."""
        heading = self.heading
        text = heading.document.text
        start = heading.drawer.end() if heading.drawer else heading.after_planning
        if match := _FIRST_STAMP.match(text, start, heading.end):
            return parse_timestamp(match.group(1))
        if INACTIVE.search(text, start, heading.end):
            for timestamp in find_user_objects(text, heading.section):
                if timestamp.type == "timestamp" and timestamp.kind.startswith("inactive"):
                    return parse_timestamp(timestamp.value)
        value = heading.property("CREATED")
        return parse_timestamp(encode(value)) if value else None

    @cached_property
    def closed(self) -> Timestamp | None:
        """The time of the heading's CLOSED timestamp, or None."""
        value = self.heading.closed
        return parse_timestamp(encode(value)) if value else None

    @cached_property
    def concluded(self) -> Timestamp | None:
        """When it was concluded: the CLOSED time of its conclusion, else its own, else None."""
        return self.conclusion.closed or self.closed

    @cached_property
    def _section(self) -> tuple[str, tuple[Note, ...]]:
        """The description, and the notes in the heading's own section."""
        return read_description(self.heading)

    @property
    def description(self) -> str:
        """The description: the first list item in its own section, else the first paragraph there."""
        return self._section[0]

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """The other items in its own section, and everything under its `Notes` heading."""
        notes = list(self._section[1])
        heading = self.child(self.config.notes)
        if heading is not None:
            notes += read_notes(heading)
            for below in headings_below(heading):
                notes.append(Note(None, None, _title_and_text(below), below.line_number))
        return tuple(notes)

    def child(self, name: str) -> Heading | None:
        """Return the heading directly below that has the title `name`, ignoring case and cookies, or None."""
        for heading in self.heading.children():
            if strip_cookies(heading.title).lower() == name.lower():
                return heading
        return None

    @cached_property
    def steps_heading(self) -> Heading | None:
        """The steps heading: the one with that title, else the first with a TODO keyword and a numbered checklist."""
        heading = self.child(self.config.steps)
        if heading is not None:
            return heading
        for heading in self.heading.children():
            if heading.state is not None and _find_checklist(heading.section, ordered=True) is not None:
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
            _find_checklist(section, ordered=True)
            or _find_checklist(section, ordered=False)
            or next((element for element in section.children if _is_ordered(element)), None)
        )

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        steps = self.steps_list
        return () if steps is None else tuple(read_steps(self, steps))

    @cached_property
    def progress(self) -> Progress:
        """The number of done steps and of all steps."""
        return Progress(sum(step.state == "done" for step in self.steps), len(self.steps))

    @cached_property
    def verdict(self) -> str | None:
        """The verdict of the conclusion, or None."""
        # Most experiments have no verdict; the search avoids parsing them.
        return self.conclusion.verdict if _VERDICT.search(self.document.text, self.begin, self.end) else None

    @cached_property
    def conclusion(self) -> Conclusion:
        """The conclusion; without a conclusions heading, it has no text."""
        heading = self.child(self.config.conclusions)
        if heading is None:
            return Conclusion(None, self.heading.property("VERDICT"), "", None)
        verdict = heading.property("VERDICT") or self.heading.property("VERDICT")
        parts = [section_text(heading), *map(_title_and_text, headings_below(heading))]
        closed = parse_timestamp(encode(heading.closed)) if heading.closed else None
        return Conclusion(heading.state, verdict or None, "\n\n".join(filter(None, parts)), closed)


def strip_cookies(text: str) -> str:
    """Return a title or the text of a step without statistics cookies."""
    return _COOKIE.sub("", text).strip() if "[" in text else text


def read_experiments(document: Document, config: Config, file: str) -> Iterator[Experiment]:
    """Yield the experiments of a document, in order: the headings that have the tag themselves, and an id."""
    return read_experiments_between(document, config, file, 0, len(document.text))


def read_experiments_between(
    document: Document, config: Config, file: str, begin: int, end: int
) -> Iterator[Experiment]:
    """Yield the experiments whose headings begin between two positions."""
    for heading in tagged_headings(document, config.tag, begin, end):
        if read_id(heading, config):
            yield Experiment(heading, config, file)


def tagged_headings(document: Document, tag: str, begin: int = 0, end: int | None = None) -> Iterator[Heading]:
    """Yield the headings that have `tag` themselves, in order.

    It searches the text for the tag, because most headings of a log have no tags.
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
    """Return the id of a heading, or an empty string if it has none."""
    names = ("ID", "CUSTOM_ID") if config.id_property.upper() == "ID" else ("CUSTOM_ID", "ID")
    for name in names:
        value = heading.property(name)
        if value and _ID.fullmatch(value):
            return value
    match = _TITLE_ID.match(heading.title)
    return (match.group(1) or match.group(2)) if match else ""


def headings_below(heading: Heading) -> Iterator[Heading]:
    """Yield all headings in the subtree of `heading`, excluding itself."""
    document = heading.document
    return (document.heading(index) for index in range(heading.index + 1, document.after_subtree(heading.index)))


def _is_ordered(element: Element) -> bool:
    item = element.structure.item_at(element.start) if element.structure else None
    return element.type == "plain-list" and item is not None and item.is_ordered


def _find_checklist(section: Element, *, ordered: bool) -> Element | None:
    """Return the first list of a section with checkboxes in its top items; only a numbered list if `ordered`."""
    for element in section.children:
        if element.type != "plain-list" or (ordered and not _is_ordered(element)):
            continue
        if any(child.item is not None and child.item.checkbox is not None for child in element.children):
            return element
    return None


def number_items(items: list[Item]) -> list[int]:
    """Return the number of each item of a list, counted from 1 or from a counter such as `[@5]`."""
    numbers: list[int] = []
    for item in items:
        if item.counter is None:
            numbers.append(numbers[-1] + 1 if numbers else 1)
        elif item.counter.isdigit():
            # Cut to 9 digits, because Python refuses to parse a number with thousands of digits.
            numbers.append(int(item.counter[:9]))
        else:
            numbers.append(item.counter.upper()[0] - ord("A") + 1)
    return numbers


def read_steps(experiment: Experiment, steps: Element) -> Iterator[Step]:
    """Yield the steps in the list `steps`."""
    document = experiment.heading.document
    text = document.text
    elements = [child for child in steps.children if child.item is not None]
    items = [child.item for child in elements if child.item is not None]
    for element, item, number in zip(elements, items, number_items(items), strict=True):
        line_end = text.find(b"\n", item.begin)
        line = text[find_step_text(text, item) : line_end if line_end >= 0 else len(text)]
        match = _COMMITS.search(line)
        recorded = parse_chains(match.group(1).decode()) if match else ()
        yield Step(
            number=number,
            ref=f"{experiment.ref}.{number}",
            text=decode(line[: match.start()] if match else line).strip(),
            state=_STATES.get(item.checkbox or b"", "open"),
            commits=tuple(dict.fromkeys(commit.current for commit in recorded)),
            notes=tuple(_step_notes(document, element, item)),
            line=document.source.line_number(item.begin),
            item=item,
            originals=tuple(commit.original for commit in recorded),
        )


def find_step_text(text: bytes, item: Item) -> int:
    """Return where the text of a step begins, including what Org takes as a description tag before ` ::`."""
    if item.tag is None:
        return item.body
    match = syntax.FULL_ITEM.match(text, item.begin)
    return item.body if match is None else match.end()


def _step_notes(document: Document, element: Element, item: Item) -> Iterator[Note]:
    """Yield the notes under a step: the text after its first line, and the items of its nested lists."""
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


def _list_notes(document: Document, plain_list: Element) -> Iterator[Note]:
    """Yield a note for each item of a list, except log notes of Org without text by the user."""
    return (note for note, _ in _classify_notes(document, plain_list))


def _classify_notes(document: Document, plain_list: Element) -> Iterator[tuple[Note, bool]]:
    """Yield the same notes, and whether each is a log note of Org."""
    for child in plain_list.children:
        if child.item is None:
            continue
        words = _item_text(document.text, child, child.item)
        line = document.source.line_number(child.begin)
        logged = read_log_note(words)
        if logged is None:
            yield _note(words, line), False
        elif logged[1]:
            yield Note(parse_timestamp(encode(logged[0])), None, logged[1], line), True


def _item_text(text: bytes, element: Element, item: Item) -> str:
    """Return the text of an item after its bullet, including its checkbox."""
    start = item.begin
    while text[start] in b" \t":
        start += 1
    start = item.checkbox_at if item.checkbox is not None else start + len(item.bullet.rstrip(b"\n"))
    return plain_text(b" " * (start - item.begin) + text[start : element.end])


def _note(words: str, line: int) -> Note:
    """Return a note for a text that may begin with a time and a commit."""
    at, commit, rest = split_note_head(words)
    time = parse_timestamp(encode(at)) if at else None
    return Note(time, commit.current if commit else None, rest, line, commit.original if commit else None)


def read_notes(heading: Heading) -> Iterator[Note]:
    """Yield the notes of a section: each list item, and each paragraph with the blocks and tables after it."""
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
    """Return the description and the notes in the section of an experiment's heading."""
    document = heading.document
    text = document.text
    notes: list[Note] = []
    description: str | None = None
    paragraph: str | None = None
    for element in heading.section.children:
        if element.type == "paragraph" and paragraph is None:
            content = text[element.start : element.end]
            words = plain_text(INACTIVE.sub(b"", content, count=1) if _FIRST_STAMP.match(content) else content)
            paragraph = words or None
        lists = [element] if element.type == "plain-list" else element.children if element.type == "drawer" else []
        for plain_list in lists:
            if plain_list.type != "plain-list":
                continue
            for note, is_logged in _classify_notes(document, plain_list):
                if description is None and element.type == "plain-list" and not is_logged:
                    description = note.text
                else:
                    notes.append(note)
    if description is None:
        description = paragraph or ""
    return " ".join(description.split()), tuple(notes)


def read_logged_changes(heading: Heading) -> Iterator[tuple[Logged, int]]:
    """Yield the log notes that Org wrote for a heading, in a drawer or in its section, with their line numbers."""
    document = heading.document
    for element in heading.section.children:
        for plain_list in element.children if element.type == "drawer" else (element,):
            if plain_list.type != "plain-list":
                continue
            for child in plain_list.children:
                if child.item is not None and (logged := read_logged(_item_text(document.text, child, child.item))):
                    yield logged, document.source.line_number(child.begin)


def section_text(heading: Heading) -> str:
    """Return the text that the user wrote under a heading: its section without planning, drawers and log notes."""
    text = heading.document.text
    parts = []
    for element in heading.section.children:
        if element.type in ("planning", "property-drawer", "drawer", "comment", "comment-block"):
            continue
        if element.type == "plain-list":
            items = ((child, child.item) for child in element.children if child.item is not None)
            written = [child for child, item in items if read_log_note(_item_text(text, child, item)) is None]
            # Affiliated keywords before a list, such as #+NAME:, belong to it.
            parts += [text[element.begin : element.start] if written else b""]
            parts += [text[child.begin : child.end] for child in written]
        else:
            parts.append(text[element.begin : element.end])
    return plain_text(b"".join(parts))


def _title_and_text(heading: Heading) -> str:
    """Return the title of a heading and the text under it."""
    return "\n".join(filter(None, (heading.title, section_text(heading))))
