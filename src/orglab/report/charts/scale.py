"""Axes: the mapping from values to positions, and round ticks with labels for numbers, powers of ten and days."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from orglab.text import MONTHS, number

LOG_RATIO = 100
"""The ratio of largest to smallest value from which an axis is logarithmic by default."""
MIN_LOG_VALUE = 1e-300
"""Only larger values have a position on a logarithmic axis."""
_MAX_SUBDIVIDED_POWERS = 2
_TINY, _LARGE = 1e-4, 1e15  # `number` writes others with an exponent


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear or logarithmic axis.

    Attributes:
        low: The value at `begin`.
        high: The value at `end`.
        begin: A position, in pixels.
        end: A position, in pixels.
        log: Whether the axis is logarithmic.
    """

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return the position of a value."""
        if self.log:
            share = (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        else:
            # Halved, because the difference of very large values may overflow.
            share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.begin + share * (self.end - self.begin)

    def ticks(self, most: int, *, whole: bool = False) -> list[tuple[float, str]]:
        """Return about `most` tick values with their labels, only whole numbers if `whole` is true."""
        if self.log:
            return _powers(self.low, self.high, most)
        return _round_numbers(self.low, self.high, most, smallest=1.0 if whole else 0.0)


def make_scale(values: Iterable[float], begin: float, end: float, *, log: bool | None = False) -> Scale:
    """Return an axis that covers some finite values, with some room at both ends.

    Args:
        values: The values.
        begin: The position of the low end.
        end: The position of the high end.
        log: Whether it is logarithmic, if all values are positive; None: if that is useful.
    """
    values = list(values)
    low, high = min(values, default=0.0), max(values, default=1.0)
    can_be_log = low > MIN_LOG_VALUE
    if can_be_log and (log or (log is None and high >= low * LOG_RATIO)):
        if high / low < 1.0001:  # noqa: PLR2004 - one value
            low, high = low / 2, high * 2
        room = (math.log10(high) - math.log10(low)) * 0.04
        bottom, top = max(math.log10(low) - room, -305), min(math.log10(high) + room, 305)
        return Scale(10**bottom, 10**top, begin, end, log=True)
    room = (high / 2 - low / 2) * 0.1
    if high - low <= abs(high) * 1e-12:
        room = abs(high) * 0.05
    # A span that is nearly 0 would become 0 in calculations.
    if (high + room) - (low - room) < MIN_LOG_VALUE:
        room = 1.0
    bottom = 0.0 if 0 <= low < room else low - room
    return Scale(bottom, high + room, begin, end)


def _round_numbers(low: float, high: float, most: int, smallest: float) -> list[tuple[float, str]]:
    """Return multiples of 1, 2 or 5 times a power of ten between two values."""
    span = high / 2 - low / 2
    power = 10.0 ** math.floor(math.log10(span / max(1, most)))
    steps = [power * unit for unit in (1, 2, 5, 10, 20, 50, 100, 200)]
    place = next(place for place, step in enumerate(steps) if span / step * 2 <= max(1, most))
    values: list[float] = []
    # A step as long as the axis may have no multiple on it.
    for step in (max(step, smallest) for step in reversed(steps[: place + 1])):
        first = math.ceil(low / step)
        if values := [(first + index) * step for index in range(math.floor(high / step) - first + 1)]:
            break
    return [(value, text) for value, text in zip(values, _label(values, step), strict=True)]


def _label(values: Sequence[float], step: float) -> list[str]:
    """Return the labels of values so far apart: with the same decimals, unless one has an exponent."""
    sizes = [abs(value) for value in values if value]
    if all(_TINY <= size < _LARGE for size in sizes):
        decimals = max(0, -math.floor(math.log10(step)))
        return [number(value, decimals) for value in values]
    digits = math.floor(math.log10(max(sizes))) - math.floor(math.log10(step)) + 2
    return [number(value, digits=digits) for value in values]


def _powers(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return powers of ten between two values; if they span few powers, also 2 and 5 times each."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, math.ceil((last - first + 1) / max(1, most)))
    units = (1,) if last - first > _MAX_SUBDIVIDED_POWERS else (1, 2, 5)
    values = (unit * 10.0**power for power in range(first, last + 1, stride) for unit in units)
    ticks = [(value, number(value)) for value in values if low <= value <= high]
    return ticks if len(ticks) <= most * 2 else ticks[:: math.ceil(len(ticks) / most)]


# ---- days ----


def day_number(when: date) -> float:
    """Return a date or datetime as a number of days."""
    if isinstance(when, datetime):
        return when.toordinal() + (when.hour * 60 + when.minute) / 1440
    return float(when.toordinal())


def day_ticks(since: float, until: float, most: int) -> list[tuple[float, str]]:
    """Return tick days with their labels: days, Mondays, or the first days of months or years."""
    span = until - since
    first, last = (
        date.fromordinal(min(max(1, day), date.max.toordinal())) for day in (math.ceil(since), math.floor(until))
    )
    for stride in (1, 2, 7, 14):
        if span / stride <= most:
            monday = -first.weekday() % 7 if stride >= 7 else 0  # noqa: PLR2004 - a week
            days = range(first.toordinal() + monday, last.toordinal() + 1, stride)
            return [(float(day), _day_name(date.fromordinal(day))) for day in days]
    for months in (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12_000, 24_000, 60_000):
        if span / (30.4 * months) <= most:
            break
    ticks: list[tuple[float, str]] = []
    month = first.year * 12 + first.month - 1
    month += -month % months
    while month < 12 * 9999 and (day := date(month // 12, month % 12 + 1, 1)) <= last:
        if day >= first:
            name = str(day.year) if months >= 12 or day.month == 1 else _month_name(day)  # noqa: PLR2004 - a year
            if not ticks and name != str(day.year):
                name += f" {day.year}"
            ticks.append((float(day.toordinal()), name))
        month += months
    return ticks


def _day_name(day: date) -> str:
    """Return the label of a day on an axis."""
    return f"{day.day} {_month_name(day)}"


def _month_name(day: date) -> str:
    return MONTHS[day.month - 1][:3]
