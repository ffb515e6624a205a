"""Find the experiments in a Markdown file: which headings they are, and what of the text is which part of one."""

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.org.timestamp import Timestamp
from orglab.report import blocks as b
from orglab.report.markdown.markdown_sections import MarkdownFile, Section

_DIGITS = 16
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]*\.?"
_DATE = (
    r"(?:(?P<year>(?:19|20)\d\d)(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<name>{_MONTH}),?\s+(?P<year2>(?:19|20)\d\d)"
    rf"|(?P<name3>{_MONTH})\s+(?P<day3>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year3>(?:19|20)\d\d))(?![\d-])"
    r"(?:[T,]?\s*(?:at\s+)?(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::\d\d)?)?"
)
_ANY_DATE = re.compile(rf"(?<![\w-]){_DATE}", re.I)
_BRACKETED = rf"[\[(<]?{_DATE}(?:\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*)?[\])>]?"
_DATE_AT_START = re.compile(rf"\s*{_BRACKETED}[\s:,.|–—-]*", re.I)
_DATE_AT_END = re.compile(rf"[\s:,|–—-]*(?<!\w){_BRACKETED}\s*\Z", re.I)
_DATE_LINE = re.compile(rf"(?:(?:date|created|started|begun|when)\s*:\s*)?{_BRACKETED}\.?", re.I)
_NUMBERED = re.compile(
    r"(?:(?:experiment|expt?\.?)\s*(?:no\.?|nr\.?|\#)?\s*|e(?=\d))(?P<number>\d{1,18})(?![\w]|\.\d)[\s:.)–—|-]*", re.I
)
_NAMED = re.compile(r"(?:experiment|expt?\.?)\s*(?:[:#–—-]|\d)", re.I)
_CONTAINERS = frozenset(("experiments",))
_CONCLUSION = re.compile(
    r"(?:results?|conclusions?|findings?|outcomes?|takeaways?)(?:\s*(?:and|&|/)\s*\w+)?\s*:?", re.I
)
_CONCLUDING = re.compile(r"(?:results?|conclusions?|findings?|outcome|takeaway)\s*:\s*\S", re.I)
_STEPS = re.compile(
    r"(?:steps|(?:next )?steps|plan|to-?\s?dos?|tasks|check-?list|experiments|runs|methods?|procedure)\s*:?", re.I
)
_NOTES = re.compile(r"(?:notes?|log)\s*:?", re.I)
_DESCRIPTION = re.compile(
    r"(?:description|hypothes[ie]s|questions?|goals?|motivation|aim|objectives?|idea|purpose|background)\s*:?", re.I
)
_DATE_BLOCKS = 3  # of a section, among which a line with its date is


class Parts(NamedTuple):
    """The parts of an experiment.

    Attributes:
        number: Its number in the file; None if it has none.
        description: What it is to find out: a paragraph, or nothing.
        notes: Its notes, with headings in them.
        steps: Its steps, which have checkboxes.
        conclusion: Its conclusion.
    """

    number: str | None
    description: b.Inlines
    notes: b.Blocks
    steps: tuple[b.ListItem, ...]
    conclusion: b.Blocks


class Entry(NamedTuple):
    """An experiment in a file, or a heading that is none.

    Attributes:
        name: The heading as plain text, with its number if it is there several times.
        line: The line of the heading, from 1.
        last: The last line.
        level: The level of the heading, from 1.
        title: The heading without its number and date.
        created: The date that it has; None if it has none.
        digest: A digest of the text, to tell whether it has changed.
        parts: The parts of an experiment; None for another heading.
        blocks: The text below another heading.
    """

    name: str
    line: int
    last: int
    level: int
    title: b.Inlines
    created: Timestamp | None
    digest: str
    parts: Parts | None
    blocks: b.Blocks = ()


def find_entries(file: MarkdownFile, title: str) -> list[Entry]:
    """Return the experiments and the other headings of a file, in order.

    Args:
        file: The file.
        title: What the text before its first heading is called.
    """
    entries: list[Entry] = []
    names: Counter[str] = Counter()
    date = _read_front_matter_date(file.front_matter)
    for group, is_experiment, parents in _group_sections(file.sections):
        first = group[0]
        if first.level == 0 and not first.blocks and not file.front_matter:
            continue
        name = first.name or (title if first.level == 0 else "…")
        names[name] += 1
        own = _read_date(name) or _find_date_line(first.blocks)
        inherited = next(filter(None, (_read_date(parent.name) for parent in parents)), date)
        entry = Entry(
            name if names[name] == 1 else f"{name} ({names[name]})",
            first.begin + 1, group[-1].end, first.level,
            first.title or (b.Text(name),), own or inherited, _digest(file.lines[first.begin : group[-1].end]),
            None, first.blocks,
        )  # fmt: skip
        if first.level == 0 and file.front_matter:
            entry = entry._replace(blocks=(b.CodeBlock(file.front_matter, "yaml"), *entry.blocks))
        entries.append(_read_experiment(entry, group) if is_experiment else entry)
    return _raise_levels(entries)


def _group_sections(sections: Sequence[Section]) -> Iterator[tuple[list[Section], bool, list[Section]]]:
    """Yield each experiment with the sections below it, and each other section on its own, with those above it."""
    parents: list[Section] = []
    position = 0
    while position < len(sections):
        first = sections[position]
        parents = [parent for parent in parents if 0 < parent.level < first.level]
        end = position + 1
        while end < len(sections) and sections[end].level > first.level > 0:
            end += 1
        is_experiment = _is_experiment(first, parents, sections[position + 1 : end])
        yield list(sections[position : end if is_experiment else position + 1]), is_experiment, parents[::-1]
        position = end if is_experiment else position + 1
        if not is_experiment:
            parents.append(first)


def _is_experiment(section: Section, parents: Sequence[Section], below: Iterable[Section]) -> bool:
    name = section.name
    if section.level == 0:
        return False
    if _NUMBERED.match(name) or _NAMED.match(name):
        return True
    if parents and parents[-1].name.rstrip(" :").casefold() in _CONTAINERS:
        return True
    date = _DATE_AT_START.match(name)
    # A day of a journal has a date alone, or has the experiments below it.
    return date is not None and bool(name[date.end() :].strip()) and not any(_NUMBERED.match(one.name) for one in below)


def _raise_levels(entries: list[Entry]) -> list[Entry]:
    """Return entries with those below the only heading of the first level beside it: it is the title of the file."""
    headings = [entry for entry in entries if entry.level]
    is_titled = (
        sum(entry.level == 1 for entry in headings) == 1 and headings[0].level == 1 and headings[0].parts is None
    )
    return [entry._replace(level=max(entry.level - is_titled, 1)) for entry in entries]


def _digest(lines: Iterable[str]) -> str:
    text = "\n".join(line.rstrip() for line in lines).strip()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


# ---- dates ----


def _read_date(text: str) -> Timestamp | None:
    """Return the first date in a text that is one."""
    for match in _ANY_DATE.finditer(text):
        year, month = match["year"] or match["year2"] or match["year3"], match["name"] or match["name3"]
        day = match["day"] or match["day2"] or match["day3"]
        number = _MONTHS.index(month[:3].lower()) + 1 if month else int(match["month"])
        try:
            time = datetime.time(int(match["hour"] or 0), int(match["minute"] or 0))
            when = datetime.datetime.combine(datetime.date(int(year), number, int(day)), time)
        except ValueError:
            continue
        return Timestamp(when, match["hour"] is not None)
    return None


def _find_date_line(blocks: b.Blocks) -> Timestamp | None:
    """Return the date that a line of the first paragraphs says."""
    for block in blocks[:_DATE_BLOCKS]:
        if isinstance(block, b.Paragraph):
            lines = "".join(map(_with_breaks, block.content)).split("\n")
            found = next((line for line in lines if _DATE_LINE.fullmatch(line.strip())), None)
            if found is not None:
                return _read_date(found)
    return None


def _with_breaks(inline: b.Inline) -> str:
    return (
        inline.text if isinstance(inline, b.Text) else "\n" if isinstance(inline, b.LineBreak) else b.plain((inline,))
    )


def _read_front_matter_date(text: str) -> Timestamp | None:
    match = re.search(r"^date:\s*['\"]?(.*)$", text, re.M)
    return _read_date(match[1]) if match else None


# ---- the parts of an experiment ----


def _read_experiment(entry: Entry, group: Sequence[Section]) -> Entry:
    """Return an entry with the parts of its experiment."""
    number, title = _split_title(entry.title)
    sorter = _PartSorter()
    for position, section in enumerate(group):
        following = group[position + 1] if position + 1 < len(group) else None
        sorter.add(section, has_more=following is not None and following.level > section.level)
    return entry._replace(title=title, parts=sorter.make_parts(number), blocks=())


def _split_title(title: b.Inlines) -> tuple[str | None, b.Inlines]:
    """Return the number in a title, and the title without number and date, as far as something is left."""
    number = None
    if title and isinstance(title[0], b.Text):
        text = title[0].text
        date = _DATE_AT_START.match(text)
        rest = text[date.end() :] if date else text
        if match := _NUMBERED.match(rest):
            number, rest = match["number"], rest[match.end() :]
        if not date and (date := _DATE_AT_START.match(rest)):
            rest = rest[date.end() :]
        if rest.strip() or len(title) > 1:
            title = (b.Text(rest), *title[1:]) if rest else title[1:]
    if title and isinstance(title[-1], b.Text) and (match := _DATE_AT_END.search(title[-1].text)):
        rest = title[-1].text[: match.start()]
        if rest.strip() or len(title) > 1:
            title = (*title[:-1], b.Text(rest)) if rest else title[:-1]
    return (str(int(number)) if number else None), title


class _PartSorter:
    """Sorts the blocks of an experiment into its parts."""

    def __init__(self) -> None:
        """Begin without any."""
        self._description: b.Inlines | None = None
        self._notes: list[b.Block] = []
        self._steps: list[b.List] = []
        self._conclusion: list[b.Block] = []
        self._conclusions: list[str] = []
        self._top = 0
        self._concluding = 0

    def add(self, section: Section, *, has_more: bool) -> None:
        """Add a section.

        Args:
            section: The heading of the experiment, or one below it.
            has_more: Whether there are headings below it.
        """
        is_first = self._top == 0
        if is_first:
            self._top = section.level
        if self._concluding and section.level > self._concluding:
            self._conclusion += [b.Paragraph((b.Strong(section.title),)), *section.blocks]
            return
        self._concluding = 0
        blocks = list(section.blocks)
        if is_first:
            self._add_first(blocks)
        elif _CONCLUSION.fullmatch(section.name):
            self._concluding = section.level
            self._add_conclusion(section)
            return
        kept = [block for block in blocks if not self._takes(block)]
        if not is_first and self._needs_heading(section, kept, has_more=has_more):
            self._notes.append(b.Heading(section.level - self._top + 1, section.title))
        self._notes += kept

    def _add_first(self, blocks: list[b.Block]) -> None:
        """Take the date and the description out of the blocks below the heading of the experiment."""
        for block in blocks[:_DATE_BLOCKS]:
            if isinstance(block, b.Paragraph) and _DATE_LINE.fullmatch(b.plain(block.content)):
                blocks.remove(block)
                break
        if blocks and isinstance(blocks[0], b.Paragraph) and not _CONCLUDING.match(b.plain(blocks[0].content)):
            self._description = blocks[0].content
            del blocks[0]

    def _add_conclusion(self, section: Section) -> None:
        """Add the text of a section; with several of them, each has its name before it."""
        if section.blocks:
            self._conclusion.append(b.Paragraph((b.Strong(section.title),)))
            self._conclusions.append(section.name)
            self._conclusion += section.blocks

    def _takes(self, block: b.Block) -> bool:
        """Return whether a block is part of the steps or the conclusion, and add it there."""
        if isinstance(block, b.List) and all(item.checkbox for item in block.items):
            self._steps.append(block)
            return True
        if isinstance(block, b.Paragraph) and _CONCLUDING.match(b.plain(block.content)):
            self._conclusion.append(block)
            return True
        return False

    def _needs_heading(self, section: Section, kept: list[b.Block], *, has_more: bool) -> bool:
        """Return whether the heading of a section is kept in the notes; take the description out of its blocks."""
        if self._description is None and not self._notes and _DESCRIPTION.fullmatch(section.name):
            first = kept[0] if kept else None
            if isinstance(first, b.Paragraph):
                label: b.Inlines = (
                    () if section.name.lower().startswith("description") else (*section.title, b.Text(": "))
                )
                self._description = (*label, *first.content)
                del kept[0]
                return bool(kept) or has_more
        if has_more or kept:
            return not (_NOTES.fullmatch(section.name) and section.level == self._top + 1 and self._is_flat())
        return not (_STEPS.fullmatch(section.name) and section.blocks)

    def _is_flat(self) -> bool:
        return not any(isinstance(block, b.Heading) for block in self._notes)

    def make_parts(self, number: str | None) -> Parts:
        """Return the parts."""
        conclusion = tuple(self._conclusion)
        first = conclusion[0] if conclusion else None
        if (
            len(self._conclusions) == 1
            and isinstance(first, b.Paragraph)
            and b.plain(first.content) in self._conclusions
        ):
            conclusion = conclusion[1:]
        steps = tuple(item for one in self._steps for item in one.items)
        is_one = len(self._steps) == 1
        if not is_one:
            steps = tuple(b.ListItem(item.content, item.checkbox) for item in steps)
        return Parts(number, self._description or (), tuple(self._notes), steps, conclusion)
