"""The local time, and dates as people write them: `2026-06-01`, `2w`, `monday`, `yesterday`, `3 days ago`."""

import datetime
import re

from orglab.errors import UsageError

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_AGO = r"-?([0-9]{1,5}|a|an|one|two|three|four|five|six)\s*(d|w|m|y|(?:day|week|month|year)s?)(\s+ago)?"
_DATE = r"([0-9]{4})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?"
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SHORTEST = 3  # mon, tue, ...; jan, feb, ...

Days = tuple[datetime.date, datetime.date]


def now() -> datetime.datetime:
    """Return the local time as a naive datetime, as used in the log.

    An operation calls this once and passes the value on, so that everything it writes has the same time.
    """
    return datetime.datetime.now()  # noqa: DTZ005 - Org timestamps are local times


def parse_since(text: str, today: datetime.date) -> datetime.date:
    """Return the day that `text` names, looking back from `today`; the first day if it names several.

    Args:
        text: `2026-06-01`, `2026-06`, `2026`, `today`, `yesterday`, a weekday (the last one before
            today, or today), `last monday` (before today), a month, `this week`, `last week`, `last month`,
            `last year`, or how long ago: a number with d, w, m or y, `3 days ago`, `two weeks`.
        today: The current day.

    Raises:
        UsageError: `text` is none of these.
    """
    return parse_days(text, today)[0]


def parse_until(text: str, today: datetime.date) -> datetime.date:
    """Return the last of the days that `text` names, in the syntax of `parse_since`: `2026-06` ends on the 30th.

    Raises:
        UsageError: `text` is not a date.
    """
    return parse_days(text, today)[1]


def parse_days(text: str, today: datetime.date) -> Days:
    """Return the first and the last of the days that `text` names, looking back from `today`.

    Raises:
        UsageError: `text` is not a date.
    """
    word = " ".join(text.lower().split())
    try:
        days = _parse_name(word, today) or _parse_ago(word, today) or _parse_date(word)
    except (OverflowError, ValueError):
        days = None
    if days is None:
        raise UsageError(f"{text!r} is not a date; write 2026-06-01, 2w, monday, yesterday, last week or 3 days ago.")
    return days


def _parse_name(word: str, today: datetime.date) -> Days | None:
    """Return the days that a name such as `yesterday`, `last week` or `june` means, or None if it is not a name."""
    day = datetime.timedelta(days=1)
    if word in ("today", "now"):
        return today, today
    if word == "yesterday":
        return today - day, today - day
    which, _, unit = word.rpartition(" ")
    if which in ("this", "last") and unit in ("week", "month", "year"):
        return _calendar(today, unit, back=which == "last")
    if which not in ("", "last") or len(unit) < _SHORTEST:
        return None
    for number, name in enumerate(_WEEKDAYS):
        if name.startswith(unit):
            days_ago = (today.weekday() - number) % 7
            weekday = today - day * (days_ago or 7 * (which == "last"))
            return weekday, weekday
    for number, name in enumerate(_MONTHS, 1):
        if name.startswith(unit):
            has_been = number < today.month or (number == today.month and not which)
            return _month(today.year - (not has_been), number)
    return None


def _calendar(today: datetime.date, unit: str, *, back: bool) -> Days:
    """Return the week (from Monday), month or year that contains `today`, or the one before it."""
    if unit == "week":
        monday = today - datetime.timedelta(days=today.weekday() + 7 * back)
        return monday, monday + datetime.timedelta(days=6)
    if unit == "year":
        return datetime.date(today.year - back, 1, 1), datetime.date(today.year - back, 12, 31)
    last = today.replace(day=1) - datetime.timedelta(days=1) if back else today
    return _month(last.year, last.month)


def _month(year: int, month: int) -> Days:
    import calendar  # noqa: PLC0415 - few dates need it, and every command imports this module

    return datetime.date(year, month, 1), datetime.date(year, month, calendar.monthrange(year, month)[1])


def _parse_ago(word: str, today: datetime.date) -> Days | None:
    """Return the day that lies `word` (`2w`, `3 days ago`) before today, or None if `word` has another form."""
    match = re.fullmatch(_AGO, word)
    if match is None:
        return None
    number = _NUMBERS.get(match.group(1)) or int(match.group(1))
    try:
        day = today - datetime.timedelta(days=number * _DAYS[match.group(2)[0]])
    except OverflowError:
        day = datetime.date.min
    return day, day


def _parse_date(word: str) -> Days | None:
    """Return the days of a full or partial date (`2026-06-01`, `2026-06`, `2026`), or None if it is not one."""
    # Not fromisoformat: it requires all three parts.
    match = re.fullmatch(_DATE, word)
    if match is None:
        return None
    year, month, day = (int(part) if part else 0 for part in match.groups())
    if day:
        date = datetime.date(year, month, day)
        return date, date
    return _month(year, month) if month else (datetime.date(year, 1, 1), datetime.date(year, 12, 31))


def parse_duration(text: str) -> float:
    """Return a duration in seconds.

    Args:
        text: Numbers with d, h, m (minutes) or s, the largest unit first: `2h`, `90m`, `1h30m`.

    Raises:
        UsageError: `text` is not a duration, or it is zero.
    """
    unit = r"(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)%s)?"
    match = re.fullmatch(r"\s*".join(unit % name for name in _SECONDS), text.strip().lower())
    parts = match.groups(default="0") if match is not None else ()
    seconds = sum(float(part) * size for part, size in zip(parts, _SECONDS.values(), strict=False))
    if not seconds:
        raise UsageError(f"{text!r} is not a duration; write 30s, 90m, 2h, 1h30m or 2d.")
    return seconds
