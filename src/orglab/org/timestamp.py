"""Org timestamps, such as `[2018-06-06 Wed 16:16]` or `<2018-06-06>`, and their ISO 8601 form."""

import datetime
from typing import NamedTuple

from orglab.org.syntax import compile_late

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_LONG_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STAMP = compile_late(rb"[\[<](\d{4})-(\d{2})-(\d{2})(?: +[^\]+0-9>\r\n -]+)?(?: +(\d{1,2}):(\d{2}))?[^\]>\n]*[\]>]")
_DATE = compile_late(rb"(?<![\d-])\d{4}-\d{2}-\d{2}(?![\d-])")
LEADING_DATE = r"[<\[]?\d{4}-\d{2}-\d{2}(?:\b[^\]>\n]*[\]>])?"
_LEADING = compile_late(rf"{LEADING_DATE}[\s:,\u2013\u2014-]*(?=\S)")
# What is in brackets is bounded, so that any text is searched in linear time.
_ANY_DATE = compile_late(r"[<\[]\d{4}-\d{2}-\d{2}\b[^\]>\n]{0,80}[\]>]|(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])")
INACTIVE = compile_late(rb"\[\d{4}-\d{2}-\d{2}(?: [^\n\]]*)?\]")


class Timestamp(NamedTuple):
    """A point in time, to the precision given in the file.

    Attributes:
        when: The local time; midnight if there is no time of day.
        has_time: Whether there is a time of day.
    """

    when: datetime.datetime
    has_time: bool

    def isoformat(self) -> str:
        """Return the timestamp in ISO 8601: the date, and the time of day if there is one."""
        return self.when.isoformat(timespec="minutes") if self.has_time else self.when.date().isoformat()


def parse_timestamp(text: bytes) -> Timestamp | None:
    """Return the first timestamp in `text`, or None if there is none or it is not a valid date."""
    match = _STAMP.search(text)
    if match is None:
        return None
    year, month, day, hour, minute = (int(part) if part else 0 for part in match.groups())
    try:
        when = datetime.datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the log holds local times
    except ValueError:
        return None
    return Timestamp(when, match.group(4) is not None)


def parse_date(text: bytes) -> Timestamp | None:
    """Return the first timestamp in `text`, or else the first date such as `2018-06-06`; None if there is none."""
    stamp = parse_timestamp(text)
    match = _DATE.search(text) if stamp is None else None
    return parse_timestamp(b"[" + match.group() + b"]") if match is not None else stamp


def skip_date(title: str) -> str:
    """Return a title without the date or timestamp that it begins with, unless it is nothing else."""
    match = _LEADING.match(title)
    return title[match.end() :] if match is not None else title


def remove_dates(text: str) -> str:
    """Return a text with a space for each timestamp, with its weekday in any language, and each date `2018-06-06`."""
    return _ANY_DATE.sub(" ", text)


def format_inactive(when: datetime.datetime) -> bytes:
    """Return `when` as an inactive timestamp to the minute, with an English weekday regardless of the locale."""
    return f"[{when:%Y-%m-%d} {_WEEKDAYS[when.weekday()]} {when:%H:%M}]".encode()


def format_timestamp(at: Timestamp) -> bytes:
    """Return `at` as an inactive timestamp: to the minute, or to the day if it has no time of day."""
    when = format_inactive(at.when)
    return when if at.has_time else when[: -len(" 00:00]")] + b"]"


def date_tree(day: datetime.date) -> tuple[str, str, str]:
    """Return the year, month and day headings for `day` in a date tree (org-datetree.el)."""
    month = f"{day:%Y-%m} {_MONTHS[day.month - 1]}"
    return f"{day:%Y}", month, f"{day:%Y-%m-%d} {_LONG_WEEKDAYS[day.weekday()]}"
