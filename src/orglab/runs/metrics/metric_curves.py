"""The curves of metrics: their values by step in a history, and fewer points that look the same."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeGuard

from orglab.runs.metrics.values import Value, find_step_name, is_step_name

Curve = Sequence[tuple[float, float | None]]
"""Pairs of x and y; None is a value that is not a finite number."""
_MOST_METRICS = 100


class MetricCurve(NamedTuple):
    """The values of a metric in a history.

    Attributes:
        x: What the metrics file calls its steps; `row` without a step in each row, or if steps begin again.
        points: The values, ordered by x.
    """

    x: str
    points: Curve


class _Step(NamedTuple):
    """The step of a row of a history.

    Attributes:
        column: The column that counts the steps, if there is one.
        own_name: What the metrics file calls it.
        value: The step.
    """

    column: str | None
    own_name: str | None
    value: Value | None


class _Course:
    """The rows of a history that have a metric."""

    def __init__(self) -> None:
        self._columns: set[str | None] = set()
        self._names: set[str | None] = set()
        self._steps: list[object] = []
        self.values: list[float | None] = []

    def add(self, step: "_Step", value: Value) -> None:
        self._columns.add(step.column)
        self._names.add(step.own_name)
        self._steps.append(step.value)
        self.values.append(float(value) if _is_number(value) else None)

    def make_curve(self) -> MetricCurve:
        numbers = [float(step) for step in self._steps if _is_number(step)]
        column = self._columns.pop() if len(self._columns) == 1 else None
        if column is None or len(numbers) < len(self.values) or numbers != sorted(numbers):
            return MetricCurve("row", list(zip(map(float, range(1, len(self.values) + 1)), self.values, strict=True)))
        name = self._names.pop() if len(self._names) == 1 else None
        return MetricCurve(name or column, list(zip(numbers, self.values, strict=True)))


def read_curve(history: Iterable[Mapping[str, Value]], metric: str) -> MetricCurve:
    """Return the curve of a metric, which has no points if the history does not have the metric."""
    course = _Course()
    for row in history:
        if metric in row:
            course.add(_read_step(row), row[metric])
    return course.make_curve()


def read_curves(history: Iterable[Mapping[str, Value]]) -> dict[str, MetricCurve]:
    """Return the curves of all metrics in a history that have a number, by their names; what counts steps is none."""
    courses: dict[str, _Course] = {}
    for row in history:
        step = _read_step(row)
        for name, value in row.items():
            if name in courses:
                courses[name].add(step, value)
            elif not is_step_name(name) and len(courses) < _MOST_METRICS:
                courses[name] = _Course()
                courses[name].add(step, value)
    known = {name: one for name, one in courses.items() if any(value is not None for value in one.values)}
    return {name: one.make_curve() for name, one in known.items()}


def thin_curve(points: Curve, most: int) -> Curve:
    """Return a curve with few points that looks like it: of each stretch the lowest, the highest and a missing value.

    Args:
        points: The curve.
        most: The most points to keep, at least 8.
    """
    if len(points) <= most:
        return points
    stretches = (most - 2) // 3
    bounds = [len(points) * place // stretches for place in range(stretches + 1)]
    kept = {0, len(points) - 1}
    values = [y for _, y in points]
    for begin, end in pairwise(bounds):
        stretch = values[begin:end]
        known = [y for y in stretch if y is not None]
        wanted = [*((min(known), max(known)) if known else ()), *([None] if len(known) < len(stretch) else ())]
        kept.update(begin + stretch.index(y) for y in wanted)
    return [points[place] for place in sorted(kept)]


def _read_step(row: Mapping[str, Value]) -> _Step:
    column = find_step_name(row)
    if column is None:
        return _Step(None, None, None)
    # orglab adds a copy of what the metrics file calls its steps as `step`.
    other = find_step_name(name for name in row if name != column) if column == "step" else None
    is_copy = other is not None and row[other] == row[column]
    return _Step(column, other if is_copy else column, row[column])


def _is_number(value: object) -> TypeGuard[float]:
    # Converting an integer too large for a float would raise.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # noqa: PLR2004
