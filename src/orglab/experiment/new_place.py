"""Where a new experiment goes."""

import datetime
import re
from typing import NamedTuple

from orglab.experiment.model import Experiment, strip_cookies
from orglab.experiment.placement import after_last_line, find_log_end
from orglab.experiment.title_dates import DateStyle, find_date, is_only_date
from orglab.experiment.title_numbers import EXPERIMENT
from orglab.org.document import Document, Part
from orglab.org.heading import Heading
from orglab.org.syntax import compile_late
from orglab.org.timestamp import Timestamp, date_tree, format_timestamp

# A title that is a date is one in any order.
_ANY_ORDER = DateStyle(day_first=True)
_DAY = compile_late(r"(?P<stamp>\[)?\d{4}-\d\d-\d\d(?P<word> [^\W\d]+\.?)?\]?")
_MONTH = compile_late(r"\d{4}-\d\d(?: .*)?")
_YEAR = compile_late(r"\d{4}")
# With more words or a number it may be one of them, a template or an explanation.
_NAMED = compile_late(rf"(?:{EXPERIMENT})(?:\s+[^\W\d_]+)?[\s/:]*", re.IGNORECASE)


class NewPlace(NamedTuple):
    """Where a new experiment goes.

    Attributes:
        at: Where to insert it.
        stars: The stars of its heading.
        dates: The titles of headings to insert before it, of which each is below the one before, and it below the last.
    """

    at: int
    stars: int
    dates: tuple[str, ...] = ()


def find_new_place(
    document: Document, last: Experiment | None, today: datetime.date, below: Heading | None = None
) -> NewPlace:
    """Return where a new experiment goes: to the end of the section that the last one is in, or of the log.

    If that section is a day, it goes below the current one, or beside the day if its form is not one of Org's.  The
    first experiment goes below the only empty heading that is named for experiments, if there is one.

    Args:
        document: The log.
        last: The last experiment, perhaps in a part of the log; None if there is none.
        today: The current date.
        below: The heading that it is to be below, or None.
    """
    if below is not None:
        return NewPlace(_find_end(document, below), below.stars + 1)
    while last is not None and last.heading.parent is not None and last.config.tag in last.heading.parent.tags:
        last = Experiment(last.heading.parent, last.config, last.file)
    if last is None and (named := _find_named(document)) is not None:
        return NewPlace(_find_end(document, named), named.stars + 1)
    parent = last.heading.parent if last is not None else None
    if last is None or parent is None:
        return NewPlace(find_log_end(document), last.heading.stars if last is not None else 1)
    day = find_date(parent.title, _ANY_ORDER) if is_only_date(parent.title, _ANY_ORDER) else None
    if day is None or day.when.date() == today:
        return NewPlace(_find_end(document, parent), last.heading.stars)
    form = _DAY.fullmatch(parent.title)
    if form is None:
        return NewPlace(_find_end(document, parent.parent), parent.stars)
    # Those of a date tree are in months, and these in years.
    above, names = parent.parent, [_format_day(today, is_stamp=bool(form["stamp"]), has_word=bool(form["word"]))]
    for name, kind in zip(date_tree(today)[1::-1], (_MONTH, _YEAR), strict=True):
        if above is None or kind.fullmatch(above.title) is None or above.title.split()[0] == name.split()[0]:
            break
        above, names = above.parent, [name, *names]
    return NewPlace(_find_end(document, above), last.heading.stars, tuple(names))


def _find_named(document: Document) -> Heading | None:
    """Return the heading of the first level, without text, that is named for experiments, if there is just one."""
    found = [
        heading
        for heading in document.headings()
        if heading.stars == 1 and _NAMED.fullmatch(strip_cookies(heading.title))
        and heading.state is None and not heading.line.is_comment
        and not document.text[heading.body : heading.end].strip()
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _format_day(day: datetime.date, *, is_stamp: bool, has_word: bool) -> str:
    """Return the title of a day, in one of the forms of Org."""
    if is_stamp:
        midnight = datetime.datetime.combine(day, datetime.time.min)
        return format_timestamp(Timestamp(midnight, has_time=False)).decode()
    return date_tree(day)[2] if has_word else day.isoformat()


def _find_end(document: Document, heading: Heading | None) -> int:
    """Return where the subtree of a heading ends, before blank lines and the local variables of Emacs."""
    if heading is None:
        return find_log_end(document)
    part = heading.document
    begin = part.begin if isinstance(part, Part) else 0
    end = after_last_line(part, heading.body, heading.subtree_end) + begin
    return min(end, find_log_end(document)) if begin + heading.subtree_end >= len(document.text) else end
