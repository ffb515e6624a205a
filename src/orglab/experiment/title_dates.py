"""Dates in titles that were not written for Org: `3.5.2021`, `2021/05/03`, `3 mai 2021`, `May 3, 2021`."""

import datetime
import re
from collections.abc import Iterable
from typing import NamedTuple

from orglab.org.source import encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import LEADING_DATE, Timestamp, format_timestamp, parse_date, remove_dates

_MONTHS = (
    "jan(?:uar[yi]?|uari|vier|eiro)?|jän(?:ner)?|ene(?:ro)?|gen(?:naio)?",
    "feb(?:ruar[yi]?|ruari|rero|braio)?|fév(?:rier)?|fev(?:rier|ereiro)?",
    "mar(?:ch|s|zo|ço)?|märz?|mrz|maart",
    "a[pv]r(?:il|ile)?|abr(?:il)?",
    "ma[iyj]|mayo|mei|maggio|mag|maio",
    "juni?|june|juin|giu(?:gno)?|junio|junho",
    "jul[iy]?|juil(?:let)?|lug(?:lio)?|julio|julho",
    "aug(?:ust|ustus)?|ao[uû]t|ago(?:sto)?",
    "sep(?:t|tember|tembre|tiembre)?|set(?:tembre|embro)?",
    "o[ck]t(?:ober|obre|ubre)?|ott(?:obre)?|out(?:ubro)?",
    "nov(?:ember|embre|iembre|embro)?",
    "de[cz](?:ember|embre|embro)?|déc(?:embre)?|dic(?:embre|iembre)?",
)
_MONTH = "|".join(f"(?P<m{number}>{words})" for number, words in enumerate(_MONTHS, 1))
_ROMAN = "|".join(
    f"(?P<m{number}>{roman})"
    for number, roman in enumerate(("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"), 1)
)
_YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)"
# From the usual order of the year to the least certain one.
_FORMS = (
    compile_late(r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<sep>[/._])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?!\d)"),
    compile_late(r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:\d{4}|\d{6})?(?!\d)"),
    compile_late(r"(?<![\d.])(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>(?:19|20)\d\d)(?![\d.])"),
    # 1.2.21 may be a version of a program.
    compile_late(r"(?<![\d.])(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d\d)(?![\d.])"),
    compile_late(
        rf"(?<!\w)(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th|er)?(?: de)?[ -](?:{_MONTH})\b\.?,?(?: de)?[ -]{_YEAR}", re.I
    ),
    compile_late(
        rf"(?<!\w)(?P<day>\d{{1,2}})(?P<sep>[-/.])(?:{_MONTH})(?P=sep)(?P<year>(?:19|20)\d\d|\d\d)(?!\d)", re.I
    ),
    # `10 May 12` may count something further in a title.
    compile_late(rf"^\s*(?P<day>\d{{1,2}}) (?:{_MONTH})\.? '?(?P<year>\d\d)(?!\d)", re.I),
    compile_late(rf"(?<![\d.])(?P<day>\d{{1,2}})\. ?(?:{_ROMAN})\. ?{_YEAR}"),
    compile_late(rf"(?<!\w)(?:{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? {_YEAR}", re.I),
    compile_late(r"(?<![\d/])(?P<one>\d{1,2})/(?P<two>\d{1,2})/(?P<year>(?:19|20)?\d\d)(?![\d/])"),
)
# 210305 at the beginning of a title.
_SHORT = compile_late(r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)(?![^\W_])")
_STAMP = compile_late(LEADING_DATE)
_TWO_DIGITS = 2
_LAST_MONTH = 12
_WEEKDAY = compile_late(
    r"mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|"
    r"mo(?:ntag)?|di(?:enstag)?|mi(?:ttwoch)?|do(?:nnerstag)?|fr(?:eitag)?|sa(?:mstag)?|sonnabend|so(?:nntag)?|"
    r"lun(?:di|es|ed[iì])?|mar(?:di|tes|ted[iì])?|mer(?:credi|coled[iì])?|jeu(?:di)?|ven(?:dredi|erd[iì])?|samedi|"
    r"dim(?:anche)?|mi[eé](?:rcoles)?|jue(?:ves)?|vie(?:rnes)?|s[aá]b(?:ado)?|dom(?:ingo|enica)?|gio(?:ved[iì])?|"
    r"seg(?:unda)?|ter(?:[cç]a)?|qua(?:rta)?|qui(?:nta)?|sex(?:ta)?|sabato|"
    r"ma(?:andag)?|dinsdag|wo(?:ensdag)?|donderdag|vr(?:ijdag)?|za(?:terdag)?|zo(?:ndag)?",
    re.I,
)


class DateStyle(NamedTuple):
    """How the titles of a file write dates that could be read in several ways.

    Attributes:
        day_first: Whether 05/03/2021 is a day in March; None if no title tells.
        has_short: Whether titles begin with dates such as 210305.
    """

    day_first: bool | None = None
    has_short: bool = False


_UNKNOWN = DateStyle()
_FEWEST_SHORT = 2


def read_date_style(titles: Iterable[str]) -> DateStyle:
    """Return how titles write dates, from those that can be read in one way only."""
    votes = {True: 0, False: 0}
    short = 0
    for title in titles:
        for match in _FORMS[-1].finditer(title):
            one, two = int(match["one"]), int(match["two"])
            if min(one, two) > 0 and (one > _LAST_MONTH) is not (two > _LAST_MONTH):
                votes[one > _LAST_MONTH] += 1
        begin = _SHORT.match(title)
        short += begin is not None and _read(begin, _UNKNOWN) is not None
    # A file in which both occur follows no order.
    day_first = votes[True] > 0 if bool(votes[True]) is not bool(votes[False]) else None
    return DateStyle(day_first, short >= _FEWEST_SHORT)


def find_date(title: str, style: DateStyle = _UNKNOWN) -> Timestamp | None:
    """Return the first date in a title, or None if there is none.

    Args:
        title: The title.
        style: How the file writes dates; if that is not known, a date such as 05/03/2021, which is another one in other
            countries, is none.
    """
    written = parse_date(encode(title))
    if written is not None:
        return written
    begin = _SHORT.match(title) if style.has_short else None
    matches = [begin] if begin is not None else []
    for form in _FORMS:
        matches += form.finditer(title)
    for match in matches:
        day = _read(match, style)
        if day is not None:
            return Timestamp(datetime.datetime.combine(day, datetime.time.min), has_time=False)
    return None


def _read(match: "re.Match[str]", style: DateStyle) -> datetime.date | None:
    """Return the date of a match, or None if there is no such day or its order is not certain."""
    parts = match.groupdict()
    if parts.get("one") is not None:
        one, two = int(parts["one"]), int(parts["two"])
        if min(one, two) <= 0 or (max(one, two) <= _LAST_MONTH and one != two and style.day_first is None):
            return None
        is_day_first = one > _LAST_MONTH if max(one, two) > _LAST_MONTH else style.day_first is not False
        parts["day"], parts["month"] = (str(one), str(two)) if is_day_first else (str(two), str(one))
    elif parts.get("month") is None:
        parts["month"] = next(name[1:] for name, value in parts.items() if value is not None and name[0] == "m")
    year = int(parts["year"])
    year += 2000 if len(parts["year"]) == _TWO_DIGITS else 0
    try:
        return datetime.date(year, int(parts["month"]), int(parts["day"]))
    except ValueError:
        return None


def remove_title_dates(title: str) -> str:
    """Return a title with a space for each date in any of its forms."""
    title = remove_dates(title)
    for form in _FORMS:
        title = form.sub(" ", title)
    return title


def is_only_date(title: str, style: DateStyle = _UNKNOWN) -> bool:
    """Return whether a title is a date and perhaps a weekday, and nothing else, as in a journal."""
    if find_date(title, style) is None:
        return False
    forms: tuple[re.Pattern[str], ...] = (_STAMP, *([_SHORT] if style.has_short else []), *_FORMS)
    form = next(form for form in forms if form.search(title))
    rest = form.sub(" ", title, count=1)
    return all(_WEEKDAY.fullmatch(word) for word in re.findall(r"\w+", rest))


DATE_LABEL = compile_late(
    r"^[ \t]*(?:[-+*][ \t]+)?[*/_]{0,2}(?:date|datum|fecha|data|день|日付|日期)"
    r"[ \t]*[*/_]{0,2}:{1,2}[*/_]{0,2}(?=\s|$)[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)


def is_date_line(text: str, style: DateStyle = _UNKNOWN) -> bool:
    """Return whether a text is a date, perhaps after a word for it, and in italics or bold."""
    match = DATE_LABEL.match(text)
    return is_only_date((text[match.end() :] if match is not None else text).strip("*/_ "), style)


def read_time_in_name(name: str) -> Timestamp | None:
    """Return the time in a name such as `exp20170822165129` or `exp-210204-unet`, or None if there is none."""
    match = _TIME_IN_NAME.search(name) or _SHORT_IN_NAME.search(name)
    if match is None:
        return None
    day, time = match.groups()
    day = day if len(day) > len("210204") else f"20{day}"
    try:
        when = datetime.datetime.fromisoformat(f"{day}T{time}" if time else day)
    except ValueError:
        return None
    return Timestamp(when.replace(second=0), has_time=bool(time))


_TIME_IN_NAME = compile_late(r"(?<!\d)((?:19|20)\d{6})(\d{4}(?:\d\d)?)?$")
_SHORT_IN_NAME = compile_late(r"(?<!\d)(\d{6})()(?![^\W_])")


def format_date(at: Timestamp) -> str:
    """Return a time as the property CREATED has it."""
    return format_timestamp(at).decode()
