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
from orglab.experiment.conclusion import Conclusion, add_before, add_first_entry, read_conclusion
from orglab.experiment.named_parts import (
    CONCLUSION_IN,
    CREATED_IN,
    DESCRIPTION_IN,
    DRAWER,
    OWN_SECTION,
    STEPS_IN,
    MarkedText,
    find_described,
    find_marked_list,
    find_marked_texts,
    read_marked_text,
    split_marks,
)
from orglab.experiment.note_text import find_user_objects, join_lines
from orglab.experiment.section_text import (
    FIRST_STAMP,
    Note,
    headings_below,
    list_written_items,
    read_description,
    read_logged_changes,
    read_notes,
    read_step_notes,
    split_first_text,
    title_and_text,
)
from orglab.experiment.states import get_state_kind
from orglab.org import syntax
from orglab.org.document import Document
from orglab.org.element import Element
from orglab.org.heading import Heading
from orglab.org.list import Item
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, parse_date, parse_timestamp

ID = r"[A-Za-z0-9_-]+"
_ID = compile_late(ID)
# A date in brackets is a timestamp of Org, and a letter X or a dash there is a box.
_TITLE_ID = compile_late(rf"(?:<<({ID})>>|\[(?!\d{{4}}-\d{{2}}-\d{{2}}\]|[Xx-]\])({ID})\])\s*")
# What org-id makes
UUID_LENGTH = 36
_UUID = compile_late(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_COOKIE = compile_late(r"\s*\[(?:\d*%|\d*/\d*)\]")
_COMMITS = compile_late(rb"[ \t]*\((%s)\)[ \t]*$" % CHAINS.encode())
_STATES = {b"[X]": "done", b"[x]": "done", b"[-]": "partial"}
_VERDICT = compile_late(rb":VERDICT:", re.I)
# A conclusion that begins with its time and its verdict
_DATED = compile_late(rb"\n[ \t]*\[\d{4}-\d{2}-\d{2}[^\]\n]*\][ \t]*[^\s-]")


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
        """When it was created: its first inactive timestamp, else `:CREATED:`, else a date in its title."""
        heading = self.heading
        value = heading.property("CREATED")
        if value and heading.property(CREATED_IN) == DRAWER and (own := parse_timestamp(encode(value))) is not None:
            return own
        text = heading.document.text
        start = heading.drawer.end() if heading.drawer else heading.after_planning
        if match := FIRST_STAMP.match(text, start, heading.end):
            return parse_timestamp(match.group(1))
        if INACTIVE.search(text, start, heading.end):
            for timestamp in find_user_objects(text, heading.section):
                if timestamp.type == "timestamp" and timestamp.kind.startswith("inactive"):
                    return parse_timestamp(timestamp.value)
        return parse_timestamp(encode(value)) if value else parse_date(encode(heading.title))

    @cached_property
    def closed(self) -> Timestamp | None:
        """The time of the heading's CLOSED timestamp, or None."""
        value = self.heading.closed
        return parse_timestamp(encode(value)) if value else None

    @cached_property
    def concluded(self) -> Timestamp | None:
        """When it was concluded last: the time of its newest conclusion, else CLOSED there, else its own, else None."""
        conclusion = self.conclusion
        return conclusion.at or conclusion.closed or self.closed

    @cached_property
    def _section(self) -> tuple[str, tuple[Note, ...]]:
        """The description, and the notes in the heading's own section."""
        others = {one.begin for one in self.marked_conclusion}
        if self.has_own_steps:
            others |= {child.begin for child in self.step_elements}
            others |= {self.marked_steps[0]} if self.marked_steps is not None else set()
        for element in self.heading.section.children if self.marked_conclusion else ():
            # Those below a line such as `Results:`.
            begins = [child.begin for child in element.children if child.item is not None]
            others |= {at for at in begins if any(one.begin <= at < one.end for one in self.marked_conclusion)}
        others |= {one.begin for one in self.marked_description}
        is_named = self.description_heading is not None or bool(self.marked_description)
        is_paragraph = is_named or self.heading.property(DESCRIPTION_IN) == OWN_SECTION
        return read_description(self.heading, others, is_paragraph=is_paragraph)

    @cached_property
    def description(self) -> str:
        """The description: what is named, else the first list item of its own section, else the first paragraph."""
        text = None
        if self.description_heading is not None:
            text = split_first_text(self.description_heading)[0]
        elif self.marked_description:
            text = read_marked_text(self.document.text, self.marked_description)
        return join_lines(text) if text is not None else self._section[0]

    @cached_property
    def description_heading(self) -> Heading | None:
        """The subheading that the experiment names for its description, or None."""
        return self._named_child(DESCRIPTION_IN)

    @cached_property
    def marked_description(self) -> tuple[MarkedText, ...]:
        """The text of its own section that begins with a word which the experiment names for its description."""
        words = split_marks(self.heading.property(DESCRIPTION_IN) or "")
        is_text = words and self.description_heading is None
        return find_described(self.heading, words) if is_text else ()

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """The other items in its own section, and everything under its `Notes` heading."""
        notes = list(self._section[1])
        heading = self.child(self.config.notes)
        if heading is not None:
            notes += read_notes(heading)
            for below in headings_below(heading):
                notes.append(Note(None, None, title_and_text(below), below.line_number))
        return tuple(notes)

    @property
    def all_notes(self) -> list[Note]:
        """Its notes, and those of its steps."""
        return [*self.notes, *(note for step in self.steps for note in step.notes)]

    def child(self, name: str) -> Heading | None:
        """Return the heading directly below that has the title `name`, ignoring case and cookies, or None."""
        for heading in self.heading.children():
            if strip_cookies(heading.title).lower() == name.lower():
                return heading
        return None

    @cached_property
    def has_own_steps(self) -> bool:
        """Whether the steps are in its own section, and not under a heading of their own."""
        place = self.heading.property(STEPS_IN)
        return place == OWN_SECTION or bool(place and split_marks(place) and self._named_child(STEPS_IN) is None)

    def _named_child(self, name: str) -> Heading | None:
        """Return the heading directly below that a property names, or None."""
        title = strip_cookies(self.heading.property(name) or "")
        return self.child(title) if title else None

    @cached_property
    def steps_heading(self) -> Heading | None:
        """The steps heading: the one that is named, else that with the title, else the first TODO with a checklist.

        It is the experiment's own heading if the steps are in its own section.
        """
        if self.has_own_steps:
            return self.heading
        heading = self._named_child(STEPS_IN) or self.child(self.config.steps)
        if heading is not None:
            return heading
        for heading in self.heading.children():
            if heading.state is None:
                continue
            if _find_checklist(heading.document, heading.section, ordered=True) is not None:
                return heading
        return None

    @cached_property
    def marked_steps(self) -> tuple[int, Element] | None:
        """The list below a line that the experiment names for its steps, and where that line begins."""
        words = split_marks(self.heading.property(STEPS_IN) or "") if self.has_own_steps else ()
        return find_marked_list(self.heading, words) if words else None

    @cached_property
    def steps_list(self) -> Element | None:
        """The list whose items are the steps."""
        heading = self.steps_heading
        if heading is None:
            return None
        place = self.heading.property(STEPS_IN)
        if self.marked_steps is not None:
            return self.marked_steps[1]
        section = heading.section
        found = _find_checklist(self.document, section, ordered=True) or _find_checklist(
            self.document, section, ordered=False
        )
        if found is not None or self.has_own_steps:
            return found
        lists = [element for element in section.children if element.type == "plain-list"]
        ordered = next((element for element in lists if _is_ordered(self.document, element)), None)
        # Under a heading that the experiment names, items without checkboxes are steps, too.
        return ordered or (lists[0] if place and lists else None)

    @property
    def taken_steps(self) -> int | None:
        """Where a list begins that belongs to a footnote definition before it, and would be the steps; else None."""
        heading = self.steps_heading
        definitions = (one for one in heading.section.walk() if one.type == "footnote-definition") if heading else ()
        for definition in definitions if self.steps_list is None else ():
            if (found := _find_checklist(self.document, definition, ordered=False)) is not None:
                return found.begin
        return None

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        return tuple(_read_steps(self))

    @cached_property
    def step_elements(self) -> list[Element]:
        """The items of the list that are steps: no log notes of Org, and in its own section only those with a box."""
        steps = self.steps_list
        elements = [] if steps is None else list_written_items(self.document, steps)
        is_mixed = self.heading.property(STEPS_IN) == OWN_SECTION
        return [child for child in elements if has_checkbox(child)] if is_mixed else elements

    @cached_property
    def step_numbers(self) -> tuple[int, ...]:
        """The numbers of the steps, in order."""
        return tuple(step.number for step in self.steps)

    @cached_property
    def progress(self) -> Progress:
        """The number of done steps and of all steps."""
        return Progress(sum(step.state == "done" for step in self.steps), len(self.steps))

    @cached_property
    def verdict(self) -> str | None:
        """The verdict of the conclusion, or None."""
        # Most experiments have no verdict; the search avoids parsing them.
        text = self.document.text
        has_one = _VERDICT.search(text, self.begin, self.end) or _DATED.search(text, self.begin, self.end)
        return self.conclusion.verdict if has_one else None

    @cached_property
    def conclusions_heading(self) -> Heading | None:
        """The heading of the conclusions: the one that is named, else the one with that title, or None."""
        return self._named_child(CONCLUSION_IN) or self.child(self.config.conclusions)

    @cached_property
    def marked_conclusion(self) -> tuple[MarkedText, ...]:
        """The texts that begin with one of the words which the experiment names for its conclusion."""
        words = split_marks(self.heading.property(CONCLUSION_IN) or "")
        if not words or self._named_child(CONCLUSION_IN) is not None:
            return ()
        return find_marked_texts(self.heading, words)

    @cached_property
    def conclusion(self) -> Conclusion:
        """The conclusion; without a conclusions heading, it has no text."""
        heading = self.conclusions_heading
        verdict = (heading.property("VERDICT") if heading is not None else None) or self.heading.property("VERDICT")
        closed = self.closed or self._find_logged_end()
        found = Conclusion(None, verdict or None, "", None)
        if heading is not None:
            found = read_conclusion(heading, verdict or None, closed, self.config.all_verdicts)
            if self.heading.property(CONCLUSION_IN) and (rest := heading.title.partition(": ")[2]):
                found = add_before(found, rest, heading.line_number)
        if marked := self.marked_conclusion:
            text = read_marked_text(self.document.text, marked)
            found = add_first_entry(found, text, self.document.source.line_number(marked[0].begin), closed)
        return found

    def _find_logged_end(self) -> Timestamp | None:
        """Return when it was closed according to the log notes of Org, which may be there without CLOSED."""
        is_done = self.document.settings.is_done
        changes = read_logged_changes(self.heading) if self.is_done else ()
        times = [parse_timestamp(encode(logged.stamp)) for logged, _ in changes if is_done(logged.new)]
        return max((time for time in times if time is not None), default=None)


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
    """Return the id of a heading, or an empty string if it has none.

    It is in the property `:ID:`, in `:CUSTOM_ID:` or in the title, in this order or that of the settings; a UUID, which
    org-id makes for links between files, is the id only if there is no other.
    """
    names = ("ID", "CUSTOM_ID") if config.id_property.upper() == "ID" else ("CUSTOM_ID", "ID")
    found = [value for name in names if (value := heading.property(name)) and _ID.fullmatch(value)]
    if found and not is_uuid(found[0]):
        return found[0]
    if match := _TITLE_ID.match(heading.title):
        found.append(match.group(1) or match.group(2))
    return next((value for value in found if not is_uuid(value)), found[0] if found else "")


def has_checkbox(element: Element) -> bool:
    """Return whether an element is an item of a list with a checkbox."""
    return element.item is not None and element.item.checkbox is not None


def is_uuid(name: str) -> bool:
    """Return whether an id is a UUID, as org-id makes them."""
    return _UUID.fullmatch(name) is not None


def _is_ordered(document: Document, element: Element) -> bool:
    if element.type != "plain-list":
        return False
    items = list_written_items(document, element)
    return bool(items) and items[0].item is not None and items[0].item.is_ordered


def _find_checklist(document: Document, section: Element, *, ordered: bool) -> Element | None:
    """Return the first list of a section with checkboxes in its top items; only a numbered list if `ordered`."""
    for element in section.children:
        if element.type != "plain-list" or (ordered and not _is_ordered(document, element)):
            continue
        if any(map(has_checkbox, element.children)):
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


def _read_steps(experiment: Experiment) -> Iterator[Step]:
    """Yield the steps in the list of steps."""
    document = experiment.heading.document
    text = document.text
    elements = experiment.step_elements
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
            notes=tuple(read_step_notes(document, element, item)),
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
