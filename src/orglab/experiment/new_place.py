"""Where a new experiment goes."""

import datetime
import re
from collections.abc import Iterator, Mapping
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
_NUMBERS = compile_late(r"(?P<day>\d{1,2})(?P<sep>\. ?)(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})", re.ASCII)
_WORD = compile_late(r"[^\W\d_]+")
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
    days = _list_days(document, parent)
    if parent.title not in days.values() or today in days:
        current = days.get(today, parent.title)
        found = next((one for one in _find_siblings(document, parent) if one.title == current), parent)
        return NewPlace(_find_end(document, found), last.heading.stars)
    form = _DAY.fullmatch(parent.title)
    if form is None:
        title = _copy_form(parent.title, days, today)
        stars = last.heading.stars if title else parent.stars
        return NewPlace(_find_end(document, parent.parent), stars, (title,) if title else ())
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


def _find_siblings(document: Document, heading: Heading) -> Iterator[Heading]:
    """Yield the headings of the level of a heading in its section, itself among them."""
    parent = heading.parent
    if parent is not None:
        yield from (one for one in parent.children() if one.stars == heading.stars)
        return
    yield from (one for one in document.headings() if one.stars == heading.stars and one.parent is None)


def _list_days(document: Document, heading: Heading) -> dict[datetime.date, str]:
    """Return the titles of the section of a heading that are just a date, by their dates."""
    found = {}
    if is_only_date(heading.title, _ANY_ORDER):
        for one in _find_siblings(document, heading):
            at = find_date(one.title, _ANY_ORDER) if is_only_date(one.title, _ANY_ORDER) else None
            if at is not None:
                found[at.when.date()] = one.title
    return found


def _copy_form(title: str, days: Mapping[datetime.date, str], today: datetime.date) -> str:
    """Return the title of a day in the form of another one, as `Mo, 03.06.2024`; empty if that cannot be told."""
    match = _NUMBERS.search(title)
    if match is None:
        return ""
    names = {
        day.weekday(): word.group() for day, other in days.items() if (word := _WORD.search(other)) is not None
    }  # fmt: skip
    word = _WORD.search(title)
    if word is not None and today.weekday() not in names:
        return ""
    values = {"year": f"{today:%Y}", "month": str(today.month), "day": str(today.day)}
    is_padded = any(match[name].startswith("0") for name in ("month", "day"))
    is_padded = is_padded or all(len(match[name]) > 1 for name in ("month", "day"))
    for name in sorted(("year", "month", "day"), key=match.start, reverse=True):
        value = values[name].zfill(2) if is_padded else values[name]
        title = title[: match.start(name)] + value + title[match.end(name) :]
    return title if word is None else _WORD.sub(lambda _: names[today.weekday()], title, count=1)


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
