"""Dates in titles that were not written for Org: `3.5.2021`, `2021/05/03`, `3 mai 2021`, `May 3, 2021`."""

import datetime
import re

from orglab.org.source import encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import LEADING_DATE, Timestamp, format_timestamp, parse_date

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
    compile_late(rf"(?<!\w)(?:{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? {_YEAR}", re.I),
    compile_late(r"(?<![\d/])(?P<one>\d{1,2})/(?P<two>\d{1,2})/(?P<year>(?:19|20)?\d\d)(?![\d/])"),
)
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


def find_date(title: str) -> Timestamp | None:
    """Return the first date in a title, or None if there is none.

    A date such as 05/03/2021, which is another one in other countries, is none.
    """
    written = parse_date(encode(title))
    if written is not None:
        return written
    for form in _FORMS:
        for match in form.finditer(title):
            day = _read(match)
            if day is not None:
                return Timestamp(datetime.datetime.combine(day, datetime.time.min), has_time=False)
    return None


def _read(match: "re.Match[str]") -> datetime.date | None:
    """Return the date of a match, or None if there is no such day or its order is not certain."""
    parts = match.groupdict()
    if parts.get("one") is not None:
        one, two = int(parts["one"]), int(parts["two"])
        if min(one, two) <= 0 or (max(one, two) <= _LAST_MONTH and one != two):
            return None
        parts["day"], parts["month"] = str(max(one, two)), str(min(one, two))
    elif parts.get("month") is None:
        parts["month"] = next(name[1:] for name, value in parts.items() if value is not None and name[0] == "m")
    year = int(parts["year"])
    year += 2000 if len(parts["year"]) == _TWO_DIGITS else 0
    try:
        return datetime.date(year, int(parts["month"]), int(parts["day"]))
    except ValueError:
        return None


def is_only_date(title: str) -> bool:
    """Return whether a title is a date and perhaps a weekday, and nothing else, as in a journal."""
    if find_date(title) is None:
        return False
    forms: tuple[re.Pattern[str], ...] = (_STAMP, *_FORMS)
    form = next(form for form in forms if form.search(title))
    rest = form.sub(" ", title, count=1)
    return all(_WEEKDAY.fullmatch(word) for word in re.findall(r"\w+", rest))


def format_date(at: Timestamp) -> str:
    """Return a time as the property CREATED has it."""
    return format_timestamp(at).decode()
