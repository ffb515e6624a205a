"""Numbers, durations and counts as people read them."""

import datetime
import math
from collections.abc import Sequence

_DIGITS = 4
_MOST_DECIMALS = 6
_LARGE = 1e15
_TINY = 1e-4
_ALIKE = 100
_NO_COMMA = 10_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SMALL_COUNTS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def number(value: float, decimals: int | None = None) -> str:
    """Return a number to four significant digits, whole ones whole: `0.912` for 0.9119999999999999.

    A minus is a minus, and no hyphen.

    Args:
        value: The number.
        decimals: How many decimals instead.
    """
    return _number(value, decimals).replace("-", "\u2212")


def _number(value: float, decimals: int | None) -> str:
    """Return a number as Python writes it, to as many digits as count."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "-∞" if value < 0 else "∞"
    if value == 0:
        return "0" if not decimals else f"{0:.{decimals}f}"
    size = abs(value)
    if decimals is None and float(value).is_integer() and size < _LARGE:
        return f"{value:,.0f}" if size >= _NO_COMMA else f"{value:.0f}"
    if size >= _LARGE or size < _TINY:
        return f"{value:.{_DIGITS - 1}g}"
    if decimals is None:
        decimals = _decimals(size)
        return _trimmed(f"{value:,.{decimals}f}" if size >= _NO_COMMA else f"{value:.{decimals}f}")
    return f"{value:,.{decimals}f}" if size >= _NO_COMMA else f"{value:.{decimals}f}"


def _decimals(size: float) -> int:
    """Return how many decimals four significant digits of a number have."""
    return max(0, _DIGITS - 1 - math.floor(math.log10(size)))


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals_for(groups: Sequence[Sequence[float]]) -> int | None:
    """Return how many decimals the means of some groups are shown with, so that they can be compared.

    As many as the smallest deviation needs for two digits, where there is one, else as four digits of a mean have.
    None if that is left to each: for whole numbers, and for those that differ by orders of magnitude.
    """
    sizes = [abs(mean) for group in groups if math.isfinite(mean := mean_of(group)) and mean]
    if not sizes or max(sizes) >= _LARGE or min(sizes) < _TINY or all(size.is_integer() for size in sizes):
        return None
    if max(sizes) > _ALIKE * min(sizes):
        return None
    deviations = [one for group in groups if 0 < (one := deviation_of(group)) < math.inf]
    if deviations:
        return min(max(0, 1 - math.floor(math.log10(min(deviations)))), _MOST_DECIMALS)
    texts = [_trimmed(f"{size:.{_decimals(size)}f}") for size in sizes]
    return max(len(text.partition(".")[2]) for text in texts)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean of some values."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.inf


def deviation_of(values: Sequence[float]) -> float:
    """Return the sample standard deviation of some values; 0 for one."""
    mean = mean_of(values)
    if len(values) == 1 or not math.isfinite(mean):
        return 0.0
    try:
        return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    except OverflowError:
        return math.inf


def spread(values: Sequence[float], decimals: int | None = None) -> str:
    """Return the mean of some values, with the sample standard deviation and how many there are if several."""
    mean, deviation = mean_of(values), deviation_of(values)
    if len(values) == 1 or not math.isfinite(mean):
        return number(mean, decimals)
    return f"{number(mean, decimals)} ± {number(deviation, decimals)} (n = {len(values)})"


def difference(value: float, baseline: float, decimals: int | None = None) -> str:
    """Return by how much a value differs from that of the baseline, with its sign: `+0.019`."""
    change = value - baseline
    if not math.isfinite(change):
        return ""
    text = number(abs(change), decimals) if decimals is not None else _trimmed(number(abs(change)))
    if not any(digit in text for digit in "123456789"):
        return "±0"
    return ("+" if change > 0 else "\u2212") + text


def duration(seconds: float) -> str:
    """Return how long something took: `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; nothing that is exact but idle."""
    if not math.isfinite(seconds) or seconds < 0:
        return "an unknown time"
    if seconds < 1:
        return f"{seconds:.2g} s" if seconds >= 0.01 else "under 0.01 s"  # noqa: PLR2004 - a hundredth of a second
    if seconds < _MINUTE - 0.5:
        return f"{seconds:.0f} s" if seconds >= 10 else _trimmed(f"{seconds:.1f}") + " s"  # noqa: PLR2004 - two digits
    if seconds < _HOUR - 0.5:
        return _pair(round(seconds), (_MINUTE, "min"), (1, "s"))
    if seconds < _DAY - 30:
        return _pair(round(seconds / _MINUTE) * _MINUTE, (_HOUR, "h"), (_MINUTE, "min"))
    return _pair(round(seconds / _HOUR) * _HOUR, (_DAY, "d"), (_HOUR, "h"))


def _pair(seconds: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    whole, rest = divmod(seconds, large[0])
    rest //= small[0]
    return f"{whole} {large[1]}" + (f" {rest} {small[1]}" if rest else "")


def count(amount: int, noun: str) -> str:
    """Return an amount and its noun: `1 run`, `12 runs`."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def small(amount: int) -> str:
    """Return an amount as a sentence holds it: `one`, `twelve`, `13`."""
    return _SMALL_COUNTS[amount] if amount < len(_SMALL_COUNTS) else f"{amount:,}"


def words(amount: int, noun: str) -> str:
    """Return an amount and its noun as a sentence holds them: `one run`, `twelve runs`, `13 runs`."""
    return f"{small(amount)} {noun}" + ("" if amount == 1 else "s")


def day(moment: datetime.date, today: datetime.date | None = None) -> str:
    """Return a day as it is written in a sentence: `3 November`, with the year if it is not that of `today`."""
    months = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
              "November", "December")  # fmt: skip
    text = f"{moment.day} {months[moment.month - 1]}"
    return text if today is not None and today.year == moment.year else f"{text} {moment.year}"


def days(first: datetime.date, last: datetime.date) -> str:
    """Return a span of days: `3 November 2026`, `3 to 17 November 2026`, `20 October to 3 November 2026`."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    return f"{day(first, last)} to {day(last)}"
