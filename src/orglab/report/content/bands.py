"""Bands: the curves of the runs of a setting as one line of their means, between their lowest and highest values."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from orglab.report.chart_model import Series, Spread, is_drawn
from orglab.runs.metrics.metric_curves import Curve, MetricCurve
from orglab.runs.record import Run
from orglab.runs.setting import Setting, has_diverged, is_failed
from orglab.runs.statistics import mean

MAX_POINTS = 200
"""The maximum number of points of a line; with more, each is the mean of a stretch."""

Point = tuple[float, float]


def make_series(name: str, curves: Sequence[Curve], diverged: Sequence[Curve] = ()) -> Series:
    """Return the runs of a setting as one series.

    Args:
        name: Its name in the legend.
        curves: The x and y of the runs that count, each ordered by x; None, NaN or infinity as y is a gap.
        diverged: Those of the runs that diverged, which count in no mean.
    """
    values = [[y for _, y in _drawn(curve)] for curve in curves]
    known = [ys for ys in values if ys]
    return Series(
        name,
        tuple(_merge(_shorten(curves))),
        len(curves),
        first=mean([ys[0] for ys in known]) if known else None,
        last=mean([ys[-1] for ys in known]) if known else None,
        values=sum(map(len, values)),
        missing=sum(map(len, curves)) - sum(map(len, values)),
        diverged=tuple(map(_end, diverged)),
    )


def make_setting_series(
    name: str, setting: Setting, metric: str, read: Callable[[Run, str], MetricCurve]
) -> tuple[Series | None, set[str]]:
    """Return the curves of a setting as one series, and what their steps are called; None without a curve.

    Args:
        name: Its name in the legend.
        setting: The setting.
        metric: The metric.
        read: Returns the curve of a metric in a run.
    """
    diverged = [run for run in setting.counted if has_diverged(run, metric)]
    counted = [run for run in setting.counted if run not in diverged]
    diverged += [run for run, _ in setting.left_out if is_failed(run) and has_diverged(run, metric)]
    counters: set[str] = set()
    curves: list[list[Curve]] = []
    for runs in (counted, diverged):
        kept = [curve for run in runs if len((curve := read(run, metric)).points) > 1]
        counters.update(curve.x for curve in kept)
        curves.append([curve.points for curve in kept])
    return (make_series(name, *curves), counters) if any(curves) else (None, counters)


def _drawn(curve: Curve) -> Iterator[Point]:
    """Yield the points that can be drawn."""
    for x, y in curve:
        if y is not None and is_drawn(y) and is_drawn(x):
            yield x, y


def _shorten(curves: Sequence[Curve]) -> list[list[list[Spread]]]:
    """Return each curve as stretches between gaps; if there are many points, all have the same few x."""
    xs = sorted({x for x, _ in chain.from_iterable(curves) if is_drawn(x)})
    low, high = (xs[0], xs[-1]) if xs else (0.0, 0.0)
    intervals = MAX_POINTS - 1 if len(xs) > MAX_POINTS else 0
    shortened = []
    for curve in curves:
        places: dict[float, list[float]] = {}
        for x, y in curve:
            if not is_drawn(x):
                continue
            place = x
            if intervals:
                place = low + (high - low) * round((x - low) / (high - low) * intervals) / intervals
            ys = places.setdefault(place, [])
            if y is not None and is_drawn(y):
                ys.append(y)
        stretches: list[list[Spread]] = [[]]
        for place, ys in places.items():
            if ys:
                stretches[-1].append(Spread(place, min(ys), mean(ys), max(ys)))
            elif stretches[-1]:
                stretches.append([])
        shortened.append([stretch for stretch in stretches if stretch])
    return shortened


def _merge(curves: Sequence[Sequence[Sequence[Spread]]]) -> Iterator[Spread | None]:
    """Yield the mean, lowest and highest value of some curves at each x, with None where no curve goes on."""
    stretches = [stretch for curve in curves for stretch in curve]
    before: set[int] = set()
    for x in sorted({point.x for stretch in stretches for point in stretch}):
        found = {index: point for index, one in enumerate(stretches) if (point := _find_point(one, x)) is not None}
        if before and before.isdisjoint(found):
            yield None
        before = set(found)
        points = found.values()
        low, high = min(point.low for point in points), max(point.high for point in points)
        yield Spread(x, low, mean([point.mean for point in points]), high, len(points))


def _find_point(stretch: Sequence[Spread], x: float) -> Spread | None:
    """Return the point of a stretch at an x, on a straight line between its neighbours; None outside."""
    if not stretch[0].x <= x <= stretch[-1].x:
        return None
    place = bisect_left(stretch, x, key=lambda point: point.x)
    after = stretch[place]
    if after.x == x:
        return after
    before = stretch[place - 1]
    share = (x - before.x) / (after.x - before.x)
    low, middle, high = (one + (other - one) * share for one, other in zip(before[1:4], after[1:4], strict=True))
    return Spread(x, low, middle, high)


def _end(curve: Curve) -> tuple[Point, ...]:
    """Return the points of a run up to its last finite value; of many, the mean of each stretch."""
    points = list(_drawn(curve))
    size = -(-len(points) // MAX_POINTS) or 1
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    means = [(mean([x for x, _ in part]), mean([y for _, y in part])) for part in parts]
    return (*means[:-1], points[-1]) if points else ()
