"""Text for people: cleaned of what a terminal would obey, and numbers, counts, durations and days as they are read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

# Imported by every command: nothing heavy, and a regular expression is compiled when it is first used.
if TYPE_CHECKING:
    import datetime

Tell = Callable[[str], None]
"""Hears a sentence for the user."""

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip

# Control characters, and those that turn the direction of text around.
_HOSTILE = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b\ud800-\udfff]"
_MINUS = "\u2212"
_SMALL_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
                 "twelve")  # fmt: skip
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DIGITS = 4
_MOST_DECIMALS = 6
# Sizes from which on, and below which, a report writes an exponent, and an axis a power of ten.
_LARGE, _TINY = 1e15, 1e-4
_LARGE_ON_AXIS = 1e6
_COMMAS_FROM = 10_000
_COMPARABLE = 100
MEGABYTE = 1_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def clean(text: str) -> str:
    """Return text without what a terminal would obey instead of show; bytes that are no UTF-8 become U+FFFD."""
    # Python calls none of those printable, and its regexps take longer to compile than a page to print.
    if text.isprintable() or all(line.isprintable() for line in text.split("\n")):
        return text
    return re.sub(_HOSTILE, lambda match: "\ufffd" if match.group() >= "\ud800" else "", text.expandtabs())


def cut(text: str, room: int) -> str:
    """Return a text of at most `room` characters; an ellipsis stands for what is missing."""
    return text if len(text) <= room else text[: room - 1] + "…"


# ---- counts ----


def count(amount: int, noun: str, style: str = "plain") -> str:
    """Return an amount and its noun: `1 run`, `12 runs`; `cardinal` says what the styles are."""
    return f"{cardinal(amount, style)} {noun}" + ("" if amount == 1 else "s")


def cardinal(amount: int, style: str = "plain") -> str:
    """Return an amount: `plain` as `1000`, `grouped` as `1,000`, in `words` up to twelve as a sentence holds it."""
    if style == "words" and amount < len(_SMALL_COUNTS):
        return _SMALL_COUNTS[amount]
    return str(amount) if style == "plain" else f"{amount:,}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return some names as a sentence has them: the first few, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# ---- numbers ----


def number(value: float, decimals: int | None = None, *, digits: int = _DIGITS, style: str = "report") -> str:
    """Return a number as people read it, to so many significant digits and without zeros that say nothing.

    Args:
        value: The number.
        decimals: How many decimals it has instead.
        digits: How many significant digits it has.
        style: `report`: whole numbers whole, commas from 10,000 on, a real minus; `axis`: narrow blanks and powers
            of ten instead; `plain`: ASCII alone, as notes in the log and messages of commits have it.
    """
    if style == "plain":
        return str(value) if isinstance(value, int) else f"{value:.{digits}g}"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{_MINUS}∞" if value < 0 else "∞"
    write = _number_on_axis if style == "axis" else _number_in_report
    return write(value, decimals, digits).replace("-", _MINUS)


def _number_in_report(value: float, decimals: int | None, digits: int) -> str:
    size = abs(value)
    comma = "," if size >= _COMMAS_FROM else ""
    if value == 0:
        return f"{0:.{decimals or 0}f}"
    if decimals is None and float(value).is_integer() and size < _LARGE:
        return f"{value:{comma}.0f}"
    if size >= _LARGE or size < _TINY:
        return f"{value:.{digits - 1}g}"
    if decimals is None:
        return _trim(f"{value:{comma}.{_count_decimals(size, digits)}f}")
    return f"{value:{comma}.{decimals}f}"


def _number_on_axis(value: float, decimals: int | None, digits: int) -> str:
    if decimals is not None:
        return f"{value:,.{decimals}f}".replace(",", "\u202f")
    if value and (abs(value) >= _LARGE_ON_AXIS or abs(value) < _TINY):
        factor, _, exponent = f"{value:.{digits - 2}e}".partition("e")
        return power_of_ten(int(exponent), _trim(factor))
    return f"{value:.{digits}g}"


def power_of_ten(exponent: int, factor: str = "") -> str:
    """Return a power of ten as it is written on an axis: `10⁶`, or a multiple of it."""
    return f"{factor}{'×' if factor else ''}10{str(exponent).translate(_RAISED)}"


def _count_decimals(size: float, digits: int = _DIGITS) -> int:
    """Return how many decimals the significant digits of a positive number have."""
    return max(0, digits - 1 - math.floor(math.log10(size)))


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Return a share of one in whole percent: `93%`."""
    return f"{share:.0%}"


def megabytes(size: float) -> str:
    """Return a size in bytes in whole megabytes, of a million bytes each: `12 MB`."""
    return f"{size / MEGABYTE:.0f} MB"


def shared_decimals(means: Sequence[float], deviations: Sequence[float]) -> int | None:
    """Return how many decimals some means are shown with, so that they can be compared.

    As many as the smallest deviation needs for two digits, where there is one, else as four digits of a mean have.
    None if that is left to each: for whole numbers, and for those that differ by orders of magnitude.
    """
    sizes = [abs(mean) for mean in means if math.isfinite(mean) and mean]
    if not sizes or max(sizes) >= _LARGE or min(sizes) < _TINY or all(size.is_integer() for size in sizes):
        return None
    if max(sizes) > _COMPARABLE * min(sizes):
        return None
    if known := [deviation for deviation in deviations if 0 < deviation < math.inf]:
        return min(max(0, 1 - math.floor(math.log10(min(known)))), _MOST_DECIMALS)
    return max(len(_trim(f"{size:.{_count_decimals(size)}f}").partition(".")[2]) for size in sizes)


def difference(value: float, baseline: float, decimals: int | None = None) -> str:
    """Return by how much a value differs from that of the baseline, with its sign: `+0.019`."""
    change = value - baseline
    if not math.isfinite(change):
        return ""
    text = number(abs(change), decimals) if decimals is not None else _trim(number(abs(change)))
    if not any(digit in text for digit in "123456789"):
        return "±0"
    return ("+" if change > 0 else _MINUS) + text


# ---- times ----


def duration(seconds: float, *, is_compact: bool = False) -> str:
    """Return how long something took, in its two largest units.

    Args:
        seconds: How long.
        is_compact: Whether it is written as in the log, `3m12s` and cut to the second, not as in a report,
            `3 min 12 s` and rounded.
    """
    if is_compact:
        return _compact_duration(int(seconds))
    if not math.isfinite(seconds) or seconds < 0:
        return "an unknown time"
    if seconds < 1:
        return f"{seconds:.2g} s" if seconds >= 0.01 else "under 0.01 s"  # noqa: PLR2004 - a hundredth of a second
    if seconds < _MINUTE - 0.5:
        return f"{seconds:.0f} s" if seconds >= 10 else _trim(f"{seconds:.1f}") + " s"  # noqa: PLR2004 - two digits
    if seconds < _HOUR - 0.5:
        return _pair(round(seconds), (_MINUTE, "min"), (1, "s"))
    if seconds < _DAY - 30:
        return _pair(round(seconds / _MINUTE) * _MINUTE, (_HOUR, "h"), (_MINUTE, "min"))
    return _pair(round(seconds / _HOUR) * _HOUR, (_DAY, "d"), (_HOUR, "h"))


def _pair(seconds: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    whole, rest = divmod(seconds, large[0])
    rest //= small[0]
    return f"{whole} {large[1]}" + (f" {rest} {small[1]}" if rest else "")


def _compact_duration(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m{seconds % _MINUTE:02}s"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h{seconds % _HOUR // _MINUTE:02}m"
    return f"{seconds // _DAY}d{seconds % _DAY // _HOUR:02}h"


def day(moment: datetime.date, today: datetime.date | None = None) -> str:
    """Return a day as it is written in a sentence: `3 November`, with the year if it is not that of `today`."""
    text = f"{moment.day} {MONTHS[moment.month - 1]}"
    return text if today is not None and today.year == moment.year else f"{text} {moment.year}"


def days(first: datetime.date, last: datetime.date) -> str:
    """Return a span of days: `3 November 2026`, `3 to 17 November 2026`, `20 October to 3 November 2026`."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    return f"{day(first, last)} to {day(last)}"
