"""What a notebook that was not written for orglab does throughout: how it writes dates, and what its templates have."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from orglab.experiment.model import has_checkbox, strip_cookies
from orglab.experiment.title_dates import DateStyle, read_date_style
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.source import decode
from orglab.org.syntax import compile_late

_TEMPLATE = compile_late(r"^(?:vorlage|templates?)(?!\w| matching)|(?<!\w)(?:vorlage|templates?)$", re.IGNORECASE)
_PLACEHOLDER = compile_late(r"YYYY|JJJJ|AAAA|#date|<date>", re.IGNORECASE)


class NotebookStyle(NamedTuple):
    """What a notebook does throughout.

    Attributes:
        dates: How its titles write dates.
        copied: The items with checkboxes in its templates, which each entry that is copied from one has, too.
    """

    dates: DateStyle = DateStyle()
    copied: frozenset[str] = frozenset()


def read_style(document: Document) -> NotebookStyle:
    """Return what a notebook does throughout."""
    below = find_below(document, says_template)
    templates = (one for one in document.headings() if below[one.index] or says_template(one))
    copied = frozenset(text for heading in templates for text in read_boxes(heading))
    return NotebookStyle(read_date_style(strip_cookies(one.title) for one in document.headings()), copied)


def find_below(document: Document, says: Callable[[Heading], bool]) -> list[bool]:
    """Return for each heading whether one above it says something; without asking each for all above it."""
    below: list[bool] = []
    said = [says(heading) for heading in document.headings()]
    for index in range(len(said)):
        above = document.parent_index(index)
        below.append(above >= 0 and (said[above] or below[above]))
    return below


def says_template(heading: Heading) -> bool:
    """Return whether a title or a tag says that a heading, or what is below it, is to be copied."""
    return says_template_in_title(heading) or has_template_tag(heading.tags)


def says_template_in_title(heading: Heading) -> bool:
    """Return whether a title says that a heading is to be copied, or has a place for a date."""
    title = strip_cookies(heading.title)
    return _TEMPLATE.search(title) is not None or _PLACEHOLDER.search(title) is not None


def has_template_tag(tags: Iterable[str]) -> bool:
    """Return whether one of some tags says that something is to be copied."""
    return any("template" in tag.lower() for tag in tags)


def read_boxes(heading: Heading) -> Iterator[str]:
    """Yield the first lines of the items with checkboxes in a section, without bullets and boxes."""
    for element in heading.section.children:
        for child in filter(has_checkbox, element.children) if element.type == "plain-list" else ():
            if child.item is not None:
                line = decode(heading.document.text[child.item.body : child.end]).partition("\n")[0]
                yield " ".join(line.split())
