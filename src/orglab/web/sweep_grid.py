"""The settings of a sweep as a grid: a cell for each combination of two parameters, coloured by a metric."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from orglab.runs.description import parameter_text
from orglab.runs.metrics.directions import Direction
from orglab.runs.parameters.arguments import Value, is_seed
from orglab.runs.setting import Summary
from orglab.runs.step_results import find_differing
from orglab.runs.summary_text import describe_counts, describe_mean, find_decimals
from orglab.runs.sweeps.note import Ranking, SweepState
from orglab.runs.sweeps.tasks import Task
from orglab.text import number

STEPS = 7
"""The number of colours."""
_MOST_CELLS = 4000
_FAR_APART = 100
"""From this ratio of the largest to the smallest value on, the colours follow the logarithm."""


class CellRun(NamedTuple):
    """A version in a cell.

    Attributes:
        label: Its seeds, or else the end of the id of its run.
        run: The id of its run; empty if it has none yet.
        state: `done`, `diverged`, `failed`, `running`, `queued` and others.
    """

    label: str
    run: str
    state: str


class Cell(NamedTuple):
    """A setting.

    Attributes:
        mean: Its mean and deviation; empty without a value.
        amount: How many runs that rests on, or what has become of its versions.
        colour: From 1 to STEPS, the best; 0 without a value.
        is_best: Whether it is the best setting.
        has_other_code: Whether it ran on other code than most settings.
        runs: Its versions.
    """

    mean: str
    amount: str
    colour: int
    is_best: bool
    has_other_code: bool
    runs: Sequence[CellRun]


class Grid(NamedTuple):
    """A grid for one combination of the other parameters.

    Attributes:
        fixed: The values of the other parameters, by name.
        columns: The values of the parameter that spans the columns.
        rows: The values of that which spans the rows, each with its cells; None where there is no version.
    """

    fixed: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]


class Grids(NamedTuple):
    """The grids of a sweep.

    Attributes:
        row: The parameter that spans the rows; empty if there is no second one.
        column: The parameter that spans the columns; empty if no parameter differs.
        parameters: All that differ, but for seeds.
        shown: The grids.
        left_out: How many grids are not shown, because there are too many.
        legend: The values of each colour, the worst first.
    """

    row: str
    column: str
    parameters: Sequence[str]
    shown: Sequence[Grid]
    left_out: int
    legend: Sequence[tuple[int, str]]


class _Axis(NamedTuple):
    """A parameter, and its values in their order: the key of each, and how it is shown."""

    name: str
    values: Mapping[str, str]


class ColourScale:
    """Which colour a value has.

    Attributes:
        is_known: Whether there is a value.
    """

    def __init__(self, values: Iterable[float], direction: Direction | None) -> None:
        """Divide the range of some values into STEPS parts of the same width, or of the same ratio.

        Args:
            values: The values.
            direction: Whether less or more is better; None takes more for it.
        """
        known = sorted({value for value in values if math.isfinite(value)})
        self.is_known = bool(known)
        self._low, self._high = (known[0], known[-1]) if known else (0.0, 0.0)
        self._is_log = self._low > 0 and self._high > _FAR_APART * self._low
        self._is_reversed = direction == "min"

    def find(self, value: float) -> int:
        """Return the colour of a value."""
        if self._low == self._high:
            return (STEPS + 1) // 2
        place = (self._scale(value) - self._scale(self._low)) / (self._scale(self._high) - self._scale(self._low))
        step = min(STEPS, 1 + math.floor(STEPS * place))
        return STEPS + 1 - step if self._is_reversed else step

    def list_bounds(self) -> list[tuple[int, float, float]]:
        """Return each colour with the values from and to which it stands, the worst first."""
        if not self.is_known:
            return []
        if self._low == self._high:
            return [((STEPS + 1) // 2, self._low, self._high)]
        bounds = [self._find_bound(place) for place in range(STEPS + 1)]
        steps = [*pairwise(bounds)]
        steps = steps[::-1] if self._is_reversed else steps
        return [(colour, low, high) for colour, (low, high) in enumerate(steps, 1)]

    def _find_bound(self, place: int) -> float:
        share = place / STEPS
        bound = self._scale(self._low) * (1 - share) + self._scale(self._high) * share
        return math.exp(bound) if self._is_log else bound

    def _scale(self, value: float) -> float:
        return math.log(value) if self._is_log else value


def make_grids(state: SweepState, ranking: Ranking | None, row: str = "", column: str = "") -> Grids:
    """Return the grids of a sweep.

    Args:
        state: How far the sweep is.
        ranking: Its settings by the metric that is shown; None without one.
        row: The parameter that is to span the rows, if there are more than two.
        column: That which is to span the columns.
    """
    maker = _GridMaker(state, ranking)
    axes = {axis.name: axis for axis in _find_axes(state.tasks)}
    names = [*axes]
    row = row if len(names) > 1 and row in names else next((name for name in names if name != column), "")
    if len(names) == 1:
        row = ""
    column = column if column in names and column != row else next((name for name in names if name != row), "")
    others = [axis for name, axis in axes.items() if name not in (row, column)]
    across, down = axes.get(column, _Axis("", {"": ""})), axes.get(row, _Axis("", {"": ""}))
    combinations = [*product(*(axis.values for axis in others))]
    size = len(across.values) * len(down.values)
    most = _MOST_CELLS // size
    shown = [maker.make_grid(across, down, others, keys) for keys in combinations[:most]]
    return Grids(row, column, names, shown, max(0, len(combinations) - most), maker.make_legend())


def _find_axes(tasks: Sequence[Task]) -> list[_Axis]:
    """Return the parameters that are not the same in all versions, but for seeds."""
    given = [_without_seeds(task.version.parameters) for task in tasks]
    return [_Axis(name, _order_values([one.get(name) for one in given])) for name in find_differing(given)]


def _without_seeds(parameters: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in parameters.items() if not is_seed(name)}


def _order_values(values: Sequence[Value | None]) -> dict[str, str]:
    """Return values as they are shown, by their keys: numbers by size, others in the order of the versions."""
    by_key = {_make_key(value): value for value in values}
    known = [*by_key.values()]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        by_key = dict(sorted(by_key.items(), key=lambda item: float(item[1] or 0)))
    return {key: parameter_text(value) for key, value in by_key.items()}


def _make_key(value: Value | None) -> str:
    """Return what tells a value from the others: `1` is not `true`."""
    return json.dumps(value)


class _GridMaker:
    """Makes the cells of the grids."""

    def __init__(self, state: SweepState, ranking: Ranking | None) -> None:
        self._state, self._ranking = state, ranking
        self._places: dict[str, list[int]] = {}
        summaries = ranking.summaries if ranking is not None else []
        for place, setting in enumerate(ranking.settings if ranking is not None else ()):
            for run in setting.runs:
                self._places.setdefault(run.id, []).append(place)
        self._decimals = find_decimals(summaries)
        means = (summary.mean for summary in summaries if summary.mean is not None)
        self._scale = ColourScale(means, ranking.direction if ranking is not None else None)

    def make_legend(self) -> list[tuple[int, str]]:
        """Return the values of each colour, the worst first."""
        return [(colour, self._spell(low, high)) for colour, low, high in self._scale.list_bounds()]

    def _spell(self, low: float, high: float) -> str:
        first, last = (number(value, self._decimals) for value in (low, high))
        return first if first == last else f"{first} to {last}"

    def make_grid(self, across: _Axis, down: _Axis, others: Sequence[_Axis], keys: Sequence[str]) -> Grid:
        """Return the grid of the versions that have some values of the other parameters."""
        tasks: dict[tuple[str, str], list[Task]] = {}
        for task in self._state.tasks:
            given = task.version.parameters
            if all(_make_key(given.get(axis.name)) == key for axis, key in zip(others, keys, strict=True)):
                place = tuple(_make_key(given.get(axis.name)) if axis.name else "" for axis in (down, across))
                tasks.setdefault((place[0], place[1]), []).append(task)
        rows = [
            (label, [self._make_cell(tasks.get((key, other), ())) for other in across.values])
            for key, label in down.values.items()
        ]
        fixed = [(axis.name, axis.values[key]) for axis, key in zip(others, keys, strict=True)]
        return Grid(fixed, [*across.values.values()], rows)

    def _make_cell(self, tasks: Sequence[Task]) -> Cell | None:
        """Return the cell of the versions that differ only by their seeds; None without any."""
        if not tasks:
            return None
        runs = [self._describe(task) for task in tasks]
        place = self._find_place(tasks)
        states = Counter(one.state for one in runs)
        if self._ranking is None or place is None:
            amount = ", ".join(f"{count} {state}" for state, count in states.items())
            return Cell("", amount, 0, is_best=False, has_other_code=False, runs=runs)
        summary = self._ranking.summaries[place]
        waiting = [f"{states['queued']} queued"] if states["queued"] else []
        return Cell(
            describe_mean(summary, self._decimals, ""), "; ".join([describe_counts(summary), *waiting]),
            self._find_colour(summary), is_best=place == self._ranking.best and len(self._ranking.settings) > 1,
            has_other_code=self._ranking.is_on_other_code(place), runs=runs,
        )  # fmt: skip

    def _find_colour(self, summary: Summary) -> int:
        return self._scale.find(summary.mean) if summary.mean is not None else 0

    def _find_place(self, tasks: Sequence[Task]) -> int | None:
        """Return the place of the setting of some versions: one with values on the code of most, before others."""
        ranking = self._ranking
        if ranking is None:
            return None
        found = {place for task in tasks for place in self._places.get(task.run or "", ())}

        def order(place: int) -> tuple[bool, bool, int]:
            return not ranking.summaries[place].values, ranking.is_on_other_code(place), place

        return min(found, key=order, default=None)

    def _describe(self, task: Task) -> CellRun:
        given = task.version.parameters.items()
        seeds = [f"{name} {parameter_text(value)}" for name, value in given if is_seed(name)]
        run = task.run if task.name in self._state.runs else None
        return CellRun(", ".join(seeds) or (run or "")[-6:], run or "", self._state.describe_task(task))
