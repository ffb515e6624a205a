"""Dates as people write them: `2026-06-01`, `2w`, `monday`, `yesterday`."""

import datetime
import re

from orglab.errors import UsageError

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def parse_since(text: str, today: datetime.date) -> datetime.date:
    """Return the day that `text` names, looking back from `today`.

    Args:
        text: `2026-06-01`, `2026-06`, `2026`, `today`, `yesterday`, a weekday (the last one before
            today, or today), or a number with d, w, m or y: so many days, weeks, months, years ago.
        today: The day it is.

    Raises:
        UsageError: It is none of these.
    """
    word = text.strip().lower()
    if word in ("today", "yesterday"):
        return today - datetime.timedelta(days=word == "yesterday")
    for number, name in enumerate(_WEEKDAYS):
        if len(word) >= 3 and name.startswith(word):  # noqa: PLR2004 - mon, tue, ...
            return today - datetime.timedelta(days=(today.weekday() - number) % 7)
    if match := re.fullmatch(r"-?(\d{1,5})\s*([dwmy])", word):
        try:
            return today - datetime.timedelta(days=int(match.group(1)) * _DAYS[match.group(2)])
        except OverflowError:
            return datetime.date.min
    try:
        # Not fromisoformat: it wants all three parts.
        match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?", word)
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        return datetime.date(year, month, day)
    except ValueError:
        raise UsageError(f"{text!r} is no date; write 2026-06-01, 2w, monday or yesterday.") from None
