"""Statistics as they are in a textbook: they share nothing with orglab."""

import functools
import math
import statistics


@functools.cache
def student_quantile(freedom):
    """The 97.5 % quantile of Student's t distribution, by integrating its density.

    With t = sqrt(freedom) * tan(angle), the density is cos(angle) ** (freedom - 1) but for a constant.  It decreases, so
    that Newton's method comes nearer from below with each step.
    """
    whole = math.sqrt(math.pi) * math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom + 1) / 2))

    def density(angle):
        return math.cos(angle) ** (freedom - 1) / whole

    angle, step = 0.0, 1.0
    while step > 1e-14:
        step = (0.475 - _integrate(density, angle)) / density(angle)
        angle += step
    return math.sqrt(freedom) * math.tan(angle)


def _integrate(function, end, pieces=4000):
    """The integral from 0, by Simpson's rule."""
    width = end / pieces
    inner = sum((4 if number % 2 else 2) * function(number * width) for number in range(1, pieces))
    return (function(0) + inner + function(end)) * width / 3


def describe(values):
    """The mean and the sample standard deviation, each None if there is none."""
    return (
        statistics.fmean(values) if values else None,
        statistics.stdev(values) if len(values) > 1 else None,
    )


def interval(values):
    """The 95 % confidence interval of a mean, or None."""
    if len(values) < 2:
        return None
    half = student_quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values) - half, statistics.fmean(values) + half


def difference(values, others):
    """The difference of two means as value, low, high, method; the values are by seed."""
    first, second = [*values.values()], [*others.values()]
    change = statistics.fmean(first) - statistics.fmean(second)
    if min(len(first), len(second)) < 2:
        return change, None, None, None
    if values.keys() == others.keys():
        changes = [values[seed] - others[seed] for seed in values]
        error, freedom, method = statistics.stdev(changes) / math.sqrt(len(changes)), len(changes) - 1, "paired"
    else:
        parts = [statistics.variance(each) / len(each) for each in (first, second)]
        error = math.sqrt(sum(parts))
        lower = sum(part**2 / (len(each) - 1) for part, each in zip(parts, (first, second), strict=True))
        freedom, method = sum(parts) ** 2 / lower if lower else 1, "Welch"
    half = student_quantile(freedom) * error
    return change, change - half, change + half, method
