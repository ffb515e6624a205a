"""What charts show: experiments over time, the results of settings, and a metric during runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from orglab.runs.statistics import Comparison


_MAX_VALUE = 1e300


def is_drawn(value: float | None) -> bool:
    """Return whether a value can be drawn: it is finite and not so large that calculations overflow."""
    return value is not None and math.isfinite(value) and abs(value) <= _MAX_VALUE


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One experiment in a timeline.

    Attributes:
        label: Its reference: `e201`.
        title: Its title; truncated if there is no room.
        start: When it was opened.
        end: When it was closed; None while it is open.
        status: Its verdict, or its state while it is open; words other than `supported`, `refuted`,
            `inconclusive`, `open`, `waiting`, `canceled` and `without a state` are drawn as `other`, with the word in
            the legend.
        anchor: Its anchor in this document, or empty.
    """

    label: str
    title: str
    start: date
    end: date | None
    status: str = "open"
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars from when experiments were opened to when they were closed.

    Attributes:
        rows: The experiments, in drawing order.
        until: The day where open bars end: today, or the report's last day.
        since: The first day shown; None for that of the first row. Earlier bars are cut off there.
    """

    rows: tuple[TimelineRow, ...]
    until: date
    since: date | None = None


class Spread(NamedTuple):
    """The values of some runs at an x, or of a stretch of a long history around it.

    Attributes:
        x: The x.
        low: The lowest value.
        mean: The mean.
        high: The highest value.
        runs: How many runs have a value there.
    """

    x: float
    low: float
    mean: float
    high: float
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Series:
    """The history of a metric over the runs of a setting; `make_series` makes it.

    Attributes:
        name: The setting, for the legend.
        points: Their values, ordered by x; None is a gap.
        runs: How many runs it rests on.
        first: The mean of their first values; None without values.
        last: The mean of their last values.
        values: How many finite values they have.
        missing: How many of their values are not finite.
        diverged: For each run that diverged, and so is not among the runs, its points up to the last finite value.
    """

    name: str
    points: tuple[Spread | None, ...]
    runs: int = 1
    first: float | None = None
    last: float | None = None
    values: int = 0
    missing: int = 0
    diverged: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """The history of a metric, one series for each setting.

    Attributes:
        series: The settings.
        metric: The name of the metric, for the axis: `val_loss`.
        x: What x counts, as the metrics file calls it: `step`, `epoch`.
        log: Whether the value axis is logarithmic; None: if that is useful and possible.
    """

    series: tuple[Series, ...]
    metric: str
    x: str = "step"
    log: bool | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """The final values of a metric in one setting of a step.

    Attributes:
        label: The reference of the step: `e201.1`.
        title: What tells the setting from the others, or the text of the step.
        values: The value of each run that counts.
        is_baseline: Whether the others are compared with it.
        anchor: Its anchor in this document, or empty.
        left_out: For each run that does not count, the reason: `failed`, `diverged`.
        comparison: The difference to the baseline, if there is one.
        has_other_code: Whether the baseline is known to have run other code.
    """

    label: str
    title: str
    values: tuple[float, ...]
    is_baseline: bool = False
    anchor: str = ""
    left_out: tuple[str, ...] = ()
    comparison: Comparison | None = None
    has_other_code: bool = False


@dataclass(frozen=True, slots=True)
class StepResults:
    """The final values of a metric in each setting, compared with the baseline.

    Attributes:
        rows: The settings.
        metric: The name of the metric.
        better: `higher` or `lower`, or empty if unknown.
        log: Whether the axis is logarithmic; None: if that is useful and possible.
        whole: The results that these are a part of, on a page of its own: its axis and baseline are shown.
    """

    rows: tuple[StepResult, ...]
    metric: str
    better: str = ""
    log: bool | None = None
    whole: StepResults | None = None
