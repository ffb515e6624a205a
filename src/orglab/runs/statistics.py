"""Compute statistics over runs: mean, standard deviation, and the difference of two groups with its interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

_CONFIDENCE = 0.95
_TINY = 1e-300
_ROUNDING = 1e-13  # a smaller difference, relative to the values, comes from rounding
_PRECISION = 1e-14


class Comparison(NamedTuple):
    """The difference of the means of two groups of values.

    Attributes:
        difference: The mean of the first group minus that of the second.
        low: The lower end of its 95 % confidence interval; None if a group has fewer than two values.
        high: The upper end.
        method: `paired` or `Welch`, or None without an interval.
    """

    difference: float
    low: float | None = None
    high: float | None = None
    method: str | None = None


def mean(values: Sequence[float]) -> float:
    """Return the mean of some finite values."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation of some values; None for fewer than two, or if it is not finite."""
    if len(values) < 2:  # noqa: PLR2004 - one value has no deviation
        return None
    return _deviation(tuple(values))


@lru_cache(maxsize=4096)
def _deviation(values: tuple[float, ...]) -> float | None:
    from statistics import stdev  # noqa: PLC0415 - with decimal and fractions it takes 5 ms

    try:
        return stdev(values) if all(map(math.isfinite, values)) else None
    except OverflowError:
        return None


def find_best(means: Sequence[tuple[float, int]], direction: str) -> float | None:
    """Return the best mean; None if nothing is worse, or if it is that of a single run beside repeated ones.

    Args:
        means: Each mean, and how many runs it rests on.
        direction: `max` or `min`.
    """
    values = {mean for mean, _ in means}
    if len(values) < 2:  # noqa: PLR2004 - one cannot be better
        return None
    best = (min if direction == "min" else max)(values)
    is_repeated = any(mean == best and count > 1 for mean, count in means)
    return best if is_repeated or all(count == 1 for _, count in means) else None


def find_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % confidence interval of the mean of some values; None for fewer than two."""
    spread = deviation(values)
    if spread is None:
        return None
    found = _with_interval(mean(values), "", spread / math.sqrt(len(values)), len(values) - 1)
    return None if found.low is None or found.high is None else (found.low, found.high)


def compare(values: Mapping[str, float], others: Mapping[str, float]) -> Comparison | None:
    """Return the difference of the means of two groups, with its 95 % confidence interval; None if it is not finite.

    The values are paired if both groups have the same seeds; otherwise the interval is that of Welch, which does not
    assume equal variances.

    Args:
        values: The values of the first group, each with the seed of its run, or with another name if it has none.
        others: The values of the second group.
    """
    first, second = [*values.values()], [*others.values()]
    change = mean(first) - mean(second)
    if not math.isfinite(change):
        return None
    if abs(change) <= _ROUNDING * max(map(abs, (*first, *second))):
        change = 0.0
    if len(first) > 1 and values.keys() == others.keys():
        return _with_interval(change, "paired", *_paired_error([values[name] - others[name] for name in values]))
    return _with_interval(change, "Welch", *_welch_error(first, second))


def _paired_error(changes: Sequence[float]) -> tuple[float | None, float]:
    """Return the standard error of the mean of some differences, and its degrees of freedom."""
    spread = deviation(changes)
    return (None if spread is None else spread / math.sqrt(len(changes))), len(changes) - 1


def _welch_error(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, float]:
    """Return the standard error of a difference of means, and its degrees of freedom (Welch, 1947)."""
    spread, other_spread = deviation(first), deviation(second)
    if spread is None or other_spread is None:
        return None, 0
    part, other_part = spread * spread / len(first), other_spread * other_spread / len(second)
    total = part + other_part
    if not math.isfinite(total):
        return None, 0
    # The shares of the total, because the squares of the parts may be too large or too small for a float.
    share, other_share = (part / total, other_part / total) if total else (0.5, 0.5)
    freedom = 1 / (share * share / (len(first) - 1) + other_share * other_share / (len(second) - 1))
    return math.sqrt(total), freedom


def _with_interval(change: float, method: str, error: float | None, freedom: float) -> Comparison:
    if error is None:
        return Comparison(change)
    half = error * student_quantile((1 + _CONFIDENCE) / 2, freedom) if error else 0.0
    low, high = change - half, change + half
    return Comparison(change, low, high, method) if math.isfinite(low) and math.isfinite(high) else Comparison(change)


@lru_cache(maxsize=4096)
def student_quantile(share: float, freedom: float) -> float:
    """Return a quantile of Student's t distribution.

    Args:
        share: The probability below the quantile, from 0.5 to less than 1.
        freedom: The degrees of freedom, more than 0; not necessarily a whole number.
    """
    tail = 2 * (1 - share)
    return _solve(lambda value: _incomplete_beta(freedom / (freedom + value * value), freedom / 2, 0.5) - tail)


def _solve(decreasing: Callable[[float], float]) -> float:
    """Return the zero of a decreasing function of a number that is not negative."""
    low, high = 0.0, 1.0
    while decreasing(high) > 0:
        low, high = high, 2 * high
    while high - low > _PRECISION * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if decreasing(middle) > 0 else (low, middle)
    return (low + high) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b) (NIST DLMF 8.17.22, evaluated by Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    fraction, c, d = 1.0, 1.0, 0.0
    for step in range(1000):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + step - 1) * (a + step))
        else:
            term = half * (b - half) * x / ((a + step - 1) * (a + step))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        fraction *= c * d
        if step and abs(1 - c * d) < _PRECISION:
            break
    return front * (fraction - 1)
