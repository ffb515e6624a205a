"""Describe statistics in words: a mean with its deviation and count, and a difference with its interval."""

from collections import Counter
from collections.abc import Iterable, Sequence

from orglab.runs.setting import Setting, Summary
from orglab.runs.statistics import Comparison
from orglab.text import difference, number, shared_decimals


def describe_summary(summary: Summary, decimals: int | None = None) -> str:
    """Return the mean of a metric, its deviation, and how many runs it rests on.

    For example `0.870 ± 0.061 (n = 3 of 4; 1 failed)`, `0.87 (n = 1)`, or `none (n = 0 of 2; 2 failed)`.
    """
    return f"{describe_mean(summary, decimals, 'none')} ({describe_counts(summary)})"


def describe_mean(summary: Summary, decimals: int | None = None, missing: str = "-", *, style: str = "report") -> str:
    """Return the mean of a metric and its deviation: `0.870 ± 0.061`; `missing` without a value.

    Args:
        summary: The values of the metric.
        decimals: How many decimals to show.
        missing: What stands for a mean that is not there.
        style: How the numbers are written, as for `text.number`.
    """
    text = missing if summary.mean is None else number(summary.mean, decimals, style=style)
    return text if summary.deviation is None else f"{text} ± {number(summary.deviation, decimals, style=style)}"


def describe_counts(summary: Summary) -> str:
    """Return how many runs a mean rests on: `n = 3 of 4; 1 failed`, or `n = 3` if all count."""
    return f"n = {describe_amounts(len(summary.values), [one.reason for one in summary.left_out])}"


def describe_runs(setting: Setting) -> str:
    """Return how many runs of a setting count: `3 of 4; 1 failed`, or `3` if all do."""
    return describe_amounts(len(setting.counted), [one.reason for one in setting.left_out])


def describe_amounts(counted: int, left_out: Sequence[str]) -> str:
    """Return how many runs count, and the reasons why others do not: `3 of 4; 1 failed`, or `3` if all do."""
    share = describe_share(counted, counted + len(left_out))
    return "; ".join([share, *(f"{amount} {reason}" for reason, amount in Counter(left_out).items())])


def describe_share(counted: int, total: int) -> str:
    """Return how many of some runs count: `3 of 4`, or `3` if all do."""
    return f"{counted} of {total}" if counted < total else str(counted)


def describe_comparison(comparison: Comparison, decimals: int | None = None, *, has_other_code: bool = False) -> str:
    """Return a difference with its 95 % confidence interval, if it has one: `+0.020 [0.005, 0.035] (Welch)`.

    Args:
        comparison: The difference.
        decimals: How many decimals to show.
        has_other_code: Whether to say that the baseline ran other code.
    """
    text = difference(comparison.difference, 0.0, decimals)
    remarks = ["other code"] if has_other_code and text else []
    if comparison.low is not None and comparison.high is not None:
        low, high = number(comparison.low, decimals), number(comparison.high, decimals)
        text = f"{text} [{low}, {high}]"
        remarks.insert(0, comparison.method or "")
    return f"{text} ({', '.join(remarks)})" if remarks else text


def find_decimals(summaries: Iterable[Summary]) -> int | None:
    """Return how many decimals the means of some summaries are shown with, so that they can be compared."""
    shown = [summary for summary in summaries if summary.mean is not None]
    return shared_decimals(
        [summary.mean for summary in shown if summary.mean is not None],
        [summary.deviation for summary in shown if summary.deviation is not None],
    )
