"""Text for display: without terminal control characters; numbers, counts, durations and days formatted for reading."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

# Every command imports this module: no heavy imports, and regular expressions are compiled on first use.
if TYPE_CHECKING:
    import datetime

Tell = Callable[[str], None]
"""Receives a message for the user."""

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip

DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""The invisible characters that change the direction of text, as a set of a regexp: they can make it read otherwise."""
# Control characters, and the above.
_HOSTILE = f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{DIRECTIONS}\u200b\ud800-\udfff]"
_MINUS = "\u2212"
_SMALL_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
                 "twelve")  # fmt: skip
_DIGITS = 4
_MOST_DECIMALS = 6
# From _LARGE on, and below _TINY, a report writes an exponent.
_LARGE, _TINY = 1e15, 1e-4
_COMMAS_FROM = 10_000
_COMPARABLE = 100
MEGABYTE = 1_000_000
_KILOBYTE = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def clean(text: str) -> str:
    """Return text without terminal control characters.

    Bytes that are not UTF-8 become U+FFFD, and a change of direction a mark such as `<U+202E>`.
    """
    # None of the removed characters is printable, and compiling the regexp takes longer than printing a page.
    if text.isprintable() or all(line.isprintable() for line in text.split("\n")):
        return text
    return re.sub(_HOSTILE, _replace_hostile, text.expandtabs())


def _replace_hostile(match: re.Match[str]) -> str:
    character = match.group()
    if character >= "\ud800":
        return "\ufffd"
    marked = mark_directions(character)
    return marked if marked != character else ""


def mark_directions(text: str) -> str:
    """Return text with the characters that change its direction shown as marks such as `<U+202E>`."""
    return re.sub(f"[{DIRECTIONS}]", lambda match: f"<U+{ord(match.group()):04X}>", text)


def one_line(text: str) -> str:
    """Return cleaned text on one line, so that a line break in it cannot look like another row."""
    return " ".join(clean(text).split())


def cut(text: str, room: int) -> str:
    """Return a text cut to at most `room` characters, an ellipsis included."""
    return text if len(text) <= room else text[: room - 1] + "…"


# ---- counts ----


def count(amount: int, noun: str, style: str = "plain") -> str:
    """Return an amount and its noun: `1 run`, `12 runs`; for the styles see `cardinal`."""
    return f"{cardinal(amount, style)} {noun}" + ("" if amount == 1 else "s")


def cardinal(amount: int, style: str = "plain") -> str:
    """Return an amount: `plain` as `1000`, `grouped` as `1,000`, `words` spelled out up to twelve."""
    if style == "words" and amount < len(_SMALL_COUNTS):
        return _SMALL_COUNTS[amount]
    return str(amount) if style == "plain" else f"{amount:,}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names joined for a sentence: the first `most`, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# ---- numbers ----


def number(value: float, decimals: int | None = None, *, digits: int = _DIGITS, style: str = "report") -> str:
    """Return a number formatted for reading, with a fixed number of significant digits and no trailing zeros.

    Args:
        value: The number.
        decimals: How many decimals to show, instead of significant digits.
        digits: How many significant digits to show.
        style: `report`, also in charts: integers without decimals, commas from 10,000 on, a minus sign (U+2212);
            `table`: the same digits, but as Org's tables read them, without commas and with a hyphen;
            `plain`: ASCII only, for notes in the log and commit messages.
    """
    if style == "plain":
        return str(value) if isinstance(value, int) else f"{value:.{digits}g}"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{_MINUS}∞" if value < 0 else "∞"
    text = _number_in_report(value, decimals, digits)
    return text.replace(",", "") if style == "table" else text.replace("-", _MINUS)


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


def _count_decimals(size: float, digits: int = _DIGITS) -> int:
    """Return how many decimals show the given number of significant digits of a positive number."""
    return max(0, digits - 1 - math.floor(math.log10(size)))


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Return a fraction as a whole percentage: `93%`."""
    return f"{share:.0%}"


def file_size(size: int) -> str:
    """Return a size in bytes in whole units: `12 MB`, or below that `3 KB`."""
    if size >= MEGABYTE:
        return megabytes(size)
    return f"{max(1, size // _KILOBYTE)} KB" if size else "0 KB"


def megabytes(size: float) -> str:
    """Return a size in bytes as whole megabytes of a million bytes: `12 MB`."""
    return f"{size / MEGABYTE:.0f} MB"


def shared_decimals(means: Sequence[float], deviations: Sequence[float]) -> int | None:
    """Return how many decimals to show for all of some means, so that they can be compared.

    This is as many as two digits of the smallest deviation need or, without deviations, four digits of a mean.
    None if each mean is formatted by itself: integers, and means that differ by orders of magnitude.
    """
    sizes = [abs(mean) for mean in means if math.isfinite(mean) and mean]
    if not sizes or max(sizes) >= _LARGE or min(sizes) < _TINY or all(size.is_integer() for size in sizes):
        return None
    if max(sizes) > _COMPARABLE * min(sizes):
        return None
    if known := [deviation for deviation in deviations if 0 < deviation < math.inf]:
        # Rounded to these two digits first: 0.00999999 is 0.010.
        smallest = float(f"{min(known):.1e}")
        return min(max(0, 1 - math.floor(math.log10(smallest))), _MOST_DECIMALS)
    return max(len(_trim(f"{size:.{_count_decimals(size)}f}").partition(".")[2]) for size in sizes)


def difference(value: float, baseline: float, decimals: int | None = None) -> str:
    """Return the signed difference between a value and the baseline: `+0.019`."""
    change = value - baseline
    if not math.isfinite(change):
        return ""
    text = number(abs(change), decimals) if decimals is not None else _trim(number(abs(change)))
    if not any(digit in text for digit in "123456789"):
        return "±0"
    return ("+" if change > 0 else _MINUS) + text


# ---- times ----


def duration(seconds: float, *, is_compact: bool = False) -> str:
    """Return a duration in its two largest units.

    Args:
        seconds: The duration.
        is_compact: Whether to use the form of the log, `3m12s`, truncated to seconds, rather than that of a report,
            `3 min 12 s`, rounded.
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
    """Return a day for use in a sentence: `3 November`, with the year unless it is that of `today`."""
    text = f"{moment.day} {MONTHS[moment.month - 1]}"
    return text if today is not None and today.year == moment.year else f"{text} {moment.year}"


def days(first: datetime.date, last: datetime.date) -> str:
    """Return a span of days: `3 November 2026`, `3 to 17 November 2026`, `20 October to 3 November 2026`."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    return f"{day(first, last)} to {day(last)}"
