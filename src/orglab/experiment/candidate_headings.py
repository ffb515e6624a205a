"""Headings of an Org file that could be experiments, by what they look like: the certain ones before the doubtful."""

import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.config import Config
from orglab.experiment.free_parts import has_conclusion, has_expectation, has_hypothesis, has_steps
from orglab.experiment.model import Experiment, read_id, strip_cookies, tagged_headings
from orglab.experiment.notebook_style import (
    NotebookStyle,
    find_below,
    has_template_tag,
    read_style,
    says_template,
    says_template_in_title,
)
from orglab.experiment.title_dates import find_date, is_only_date
from orglab.experiment.title_numbers import EXPERIMENT, TitleNumber, read_number
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.syntax import compile_late
from orglab.org.timestamp import skip_date

if TYPE_CHECKING:
    from collections.abc import Callable

# What is about something else, wherever the word is in a title.
_OTHER = compile_late(
    r"(?<![\w-])(?:talks?|meetings?|seminars?|presentations?|slides|lectures?|conferences?|workshops?|"
    r"how[- ]?tos?|how to|workflow|tutorials?|documentation|change ?logs?|release notes|agenda|minutes|journal club|"
    r"vortr[aä]ge?|vorlesung(?:en)?|[\w-]*besprechung(?:en)?|[\w-]*treffen|sitzung(?:en)?|anleitung(?:en)?|"
    r"seminare|réunions?|reunions?|exposés?|séminaires?|mode d'emploi|tutoriels?|soutenance|"
    r"reunión|reuniones|charlas?|seminarios?|instrucciones|riunion[ei]|会議|会议)(?!\w)",
    re.IGNORECASE,
)
# What is about something else if a title begins with it.
_OTHER_SECTION = compile_late(
    r"(?:typical usage|usage|instructions?|manuals?|guides?|installation|installing|install|set-?up|getting started|"
    r"quick ?start|running|read ?me|contributing|licen[cs]e|dependencies|requirements|tasks?(?: list)?|todos?|to do|"
    r"issues?|bugs?|tickets?|news|changes|links?|references|literature|bibliography|papers?|reading|ideas?|contacts?|"
    r"inventory|glossary|faq|code|scripts?|aufgaben|literatur|einkauf|installationsanleitung|hinweise|"
    r"tâches|à faire|pendientes|por hacer|da fare|nächste schritte|next steps|liens|littérature|utilisation|consignes)"
    r"(?:\s*(?:$|[:(/&,]|in\b|of\b|for\b|to\b|and\b|the\b|a\b|an\b|und\b|et\b|de\b|des\b|der\b).*)?",
    re.IGNORECASE,
)
_PLACE = compile_late(
    rf"(?<!\w)(?:(?:{EXPERIMENT})(?!\w)|experimental|lab(?:oratory)?[- ]?(?:note)?book|lab notes|laborbuch|"
    r"labor(?:tagebuch|journal)|cahier de (?:labo(?:ratoire)?|manips?)|journal de labo)",
    re.IGNORECASE,
)
_WORD = compile_late(rf"(?<!\w)(?:{EXPERIMENT})(?!\w)", re.IGNORECASE)
_CHECKLIST = compile_late(rb"^[ \t]*\d+[.)][ \t]+\[[ Xx-]\]", re.M)
_CODE = compile_late(rb"^[ \t]*#\+begin_src\b", re.I | re.M)
_TABLE = compile_late(rb"^[ \t]*\|", re.M)
_SERIES = 2


class Kind(NamedTuple):
    """What headings have in common that could be experiments.

    Attributes:
        why: What that is, phrased to follow the word "headings".
        is_certain: Whether they are experiments as far as one can tell.
    """

    why: str
    is_certain: bool


NAMELESS = "with the tag :{tag}: but without an id"
NUMBERED = Kind("with the number of an experiment", is_certain=True)
TAGGED = "with a tag that begins with {tag}"
COMPLETE = Kind("with a hypothesis, steps, code or a result", is_certain=True)
UNCERTAIN = Kind("with a number that may count something else", is_certain=False)
LISTED = Kind("with a numbered checklist below", is_certain=False)
DATED = Kind("with a date", is_certain=False)
BESIDE = Kind("beside such headings, with steps, code, a table, a goal or a result", is_certain=False)
PLACED = Kind("in a section or a file of experiments", is_certain=False)
MENTIONED = Kind("with the word experiment", is_certain=False)
OTHER = Kind("about a talk, a meeting or how to do something", is_certain=False)


class Finder:
    """Finds the headings of a file that could be experiments."""

    def __init__(self, document: Document, config: Config, file: str) -> None:
        """Prepare for a file; nothing is searched yet.

        Args:
            document: The file.
            config: The settings.
            file: The path of the file; its name may tell what is in it.
        """
        self._document = document
        self._names = (Path(file).name.replace("_", " "), _read_file_title(document).replace("_", " "))
        self._config = config
        self._tag_number = re.compile(rf"{re.escape(config.tag)}[-_]?\d\w*|experiments?|exps", re.IGNORECASE)
        self._kinds: dict[int, Kind] = {}
        self._blocked: set[int] = set()

    def find(self) -> dict[Kind, list[Heading]]:
        """Return the headings of each kind, certain ones first; none is in another one or in an experiment."""
        tag = self._config.tag
        nameless = Kind(NAMELESS.format(tag=tag), is_certain=True)
        for heading in self._document.headings():
            if strip_cookies(heading.title) in self._config.not_experiments:
                self._blocked.update(range(heading.index, self._document.after_subtree(heading.index)))
        for heading in tagged_headings(self._document, tag):
            self._block(heading)
            if not read_id(heading, self._config):
                self._kinds[heading.index] = nameless
        tagged = Kind(TAGGED.format(tag=tag), is_certain=True)
        for kind, fits in (
            (NUMBERED, self._is_numbered),
            (tagged, self._has_tag),
            (COMPLETE, self._is_complete),
            (UNCERTAIN, self._may_be_numbered),
            (LISTED, self._is_listed),
            (DATED, self._is_dated),
            (BESIDE, self._is_beside),
            (PLACED, self._is_placed),
            (MENTIONED, self._is_mentioned),
            (OTHER, self._is_other),
        ):
            self._collect(kind, fits)
        found: dict[Kind, list[Heading]] = {}
        kinds = (nameless, NUMBERED, tagged, COMPLETE, UNCERTAIN, LISTED, DATED, BESIDE, PLACED, MENTIONED, OTHER)
        for kind in kinds:
            if headings := [
                self._document.heading(index) for index in sorted(self._kinds) if self._kinds[index] is kind
            ]:
                found[kind] = headings
        return found

    def _collect(self, kind: Kind, fits: "Callable[[Heading], bool]") -> None:
        """Take the outermost free headings that fit."""
        for heading in self._document.headings():
            if heading.index in self._blocked or heading.line.is_comment or self._is_template(heading):
                continue
            if fits(heading):
                self._kinds[heading.index] = kind
                self._block(heading)

    def _block(self, heading: Heading) -> None:
        """Have neither a heading, nor what is in it or around it, taken again."""
        self._blocked.update(range(heading.index, self._document.after_subtree(heading.index)))
        self._blocked.update(above.index for above in heading.ancestors())

    @cached_property
    def _style(self) -> NotebookStyle:
        return read_style(self._document)

    @cached_property
    def _below_other(self) -> list[bool]:
        return find_below(self._document, _says_other)

    @cached_property
    def _below_template(self) -> list[bool]:
        return find_below(self._document, says_template)

    @cached_property
    def _below_place(self) -> list[bool]:
        return find_below(self._document, lambda heading: _PLACE.search(heading.title) is not None)

    @cached_property
    def _below_word(self) -> list[bool]:
        return find_below(self._document, lambda heading: _WORD.search(heading.title) is not None)

    def _is_template(self, heading: Heading) -> bool:
        """Return whether a heading is a template to be copied, or in one."""
        if self._below_template[heading.index] or has_template_tag(heading.tags):
            return True
        is_titled = heading.index not in self._numbers and says_template_in_title(heading)
        return is_titled or has_template_tag(self._document.settings.filetags)

    @cached_property
    def _numbers(self) -> dict[int, TitleNumber]:
        """The number in each title that has one."""
        numbers = ((heading.index, read_number(heading, self._config)) for heading in self._document.headings())
        return {index: number for index, number in numbers if number is not None}

    @cached_property
    def _series(self) -> Counter[tuple[str, int]]:
        """How many headings of a level have a number after the same word."""
        stars = self._document.stars
        return Counter((number.word, stars(index)) for index, number in self._numbers.items())

    def _is_numbered(self, heading: Heading) -> bool:
        number = self._numbers.get(heading.index)
        if number is None or self._is_below_other(heading):
            return False
        if number.is_series:
            return (number.word, heading.stars) in self._proven
        return number.is_certain or self._series[number.word, heading.stars] >= _SERIES

    @cached_property
    def _proven(self) -> set[tuple[str, int]]:
        """The series of which half of the headings, or more, have a part of an experiment."""
        parts: dict[tuple[str, int], list[bool]] = {}
        for index, number in self._numbers.items():
            if number.is_series:
                heading = self._document.heading(index)
                experiment = Experiment(heading, self._config, "")
                has_part = has_conclusion(experiment) or has_expectation(heading) or has_steps(experiment)
                parts.setdefault((number.word, heading.stars), []).append(has_part)
        return {key for key, found in parts.items() if sum(found) * 2 >= len(found)}

    def _may_be_numbered(self, heading: Heading) -> bool:
        return heading.index in self._numbers and not self._is_below_other(heading)

    def _has_tag(self, heading: Heading) -> bool:
        return any(map(self._tag_number.fullmatch, heading.tags)) and not self._is_below_other(heading)

    def _is_complete(self, heading: Heading) -> bool:
        """Return whether a heading has the parts of an experiment; one with a date needs fewer of them."""
        if self._is_about_other(heading) or self._is_only_date(heading):
            return False
        experiment = Experiment(heading, self._config, "")
        concludes, does = has_conclusion(experiment), has_steps(experiment)
        if self._begins_with_date(heading):
            has_part = concludes or does or has_expectation(heading)
            return has_part or (_has_code(heading) and self._is_in_place(heading))
        if experiment.steps and experiment.child(self._config.steps) is not None:
            return True
        if has_hypothesis(heading):
            return concludes or does or (_has_code(heading) and self._is_among_experiments(heading))
        # A goal and tasks are those of any project.
        is_run = _has_code(heading) and experiment.created is not None
        return concludes and (does or has_expectation(heading) or is_run)

    def _is_beside(self, heading: Heading) -> bool:
        """Return whether a heading has a part of an experiment, and is in the same section as one that is certain."""
        parent = self._document.parent_index(heading.index)
        if (parent, heading.stars) not in self._certain_places or self._is_about_other(heading):
            return False
        experiment = Experiment(heading, self._config, "")
        has_data = _has_code(heading) or _TABLE.search(heading.document.text, heading.body, heading.subtree_end)
        return bool(has_data) or has_expectation(heading) or has_conclusion(experiment) or has_steps(experiment)

    @cached_property
    def _certain_places(self) -> set[tuple[int, int]]:
        """The sections, by the index of their headings, and levels that have headings which are certain; used last."""
        certain = (index for index, kind in self._kinds.items() if kind.is_certain)
        return {(self._document.parent_index(index), self._document.stars(index)) for index in certain}

    def _is_listed(self, heading: Heading) -> bool:
        """Return whether a direct subheading contains a numbered checklist, like the steps of an experiment."""
        text = heading.document.text
        has_list = any(_CHECKLIST.search(text, child.body, child.end) for child in heading.children())
        return has_list and not self._is_about_other(heading)

    def _is_dated(self, heading: Heading) -> bool:
        if self._is_about_other(heading):
            return False
        if self._is_only_date(heading):
            is_entry = next(heading.children(), None) is None and _has_text(heading)
            concludes = has_conclusion(Experiment(heading, self._config, ""))
            return is_entry and (concludes or has_expectation(heading) or self._is_in_place(heading))
        return self._begins_with_date(heading)

    def _is_only_date(self, heading: Heading) -> bool:
        return is_only_date(strip_cookies(heading.title), self._style.dates)

    def _begins_with_date(self, heading: Heading) -> bool:
        """Return whether a title begins with a date, or the heading is below one that is just a date."""
        title = strip_cookies(heading.title)
        is_written = title[:1].isdigit() and find_date(title[:_DATE_WIDTH], self._style.dates) is not None
        if is_written or skip_date(title) != title:
            return True
        return heading.parent is not None and self._is_only_date(heading.parent)

    def _is_placed(self, heading: Heading) -> bool:
        """Return whether a heading has a part of an experiment, where experiments are."""
        if self._is_about_other(heading) or not self._is_among_experiments(heading):
            return False
        has_code = _CODE.search(heading.document.text, heading.body, heading.end) is not None
        return has_code or has_expectation(heading) or has_conclusion(Experiment(heading, self._config, ""))

    def _is_mentioned(self, heading: Heading) -> bool:
        # The word alone is the title of what contains them.
        title = strip_cookies(heading.title)
        is_alone = _WORD.sub("", title).strip(" :/.") == ""
        return _WORD.search(title) is not None and not is_alone and not self._is_about_other(heading)

    def _is_other(self, heading: Heading) -> bool:
        """Return whether a heading looks like an experiment, and is about something else or below such a heading."""
        title = strip_cookies(heading.title)
        if heading.index in self._numbers or _WORD.search(title):
            return True
        return _OTHER.search(title) is not None and (
            self._begins_with_date(heading) or find_date(title, self._style.dates) is not None
        )

    def _is_about_other(self, heading: Heading) -> bool:
        return _says_other(heading) or self._is_below_other(heading)

    def _is_below_other(self, heading: Heading) -> bool:
        return self._below_other[heading.index]

    def _is_in_place(self, heading: Heading) -> bool:
        """Return whether the file or a heading above is named for experiments or a laboratory."""
        return any(map(_PLACE.search, self._names)) or self._below_place[heading.index]

    def _is_among_experiments(self, heading: Heading) -> bool:
        """Return whether the file or a heading above is named for experiments."""
        return any(map(_WORD.search, self._names)) or self._below_word[heading.index]


_DATE_WIDTH = 24


def _says_other(heading: Heading) -> bool:
    """Return whether a title or a tag says that a heading is about something else."""
    title = skip_date(strip_cookies(heading.title))
    return any(map(_OTHER.search, (title, *heading.tags))) or _OTHER_SECTION.fullmatch(title) is not None


def _has_code(heading: Heading) -> bool:
    return _CODE.search(heading.document.text, heading.body, heading.subtree_end) is not None


def _has_text(heading: Heading) -> bool:
    begin = heading.drawer.end() if heading.drawer else heading.after_planning
    return bool(heading.document.text[begin : heading.end].strip())


def _read_file_title(document: Document) -> str:
    match = re.search(rb"^#\+TITLE:[ \t]*(.*)$", document.text[: document.heading_begin(0)], re.I | re.M)
    return match.group(1).decode("utf-8", "replace") if match else ""
