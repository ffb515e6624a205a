"""The final metric of each step: a ring for each run, their mean and standard deviation, and a line at the baseline."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orglab.report.blocks import Inlines, Reference, StepResult, StepResults, Table, Text
from orglab.report.charts.canvas import WIDTH, Canvas, Theme, fit_text, text_width
from orglab.report.charts.scale import Scale, is_drawn, make_scale
from orglab.runs.statistics import deviation, mean
from orglab.text import difference, number, shared_decimals

ROW = 40
_MAX_DIGITS = 5
MAX_ROWS = 120
"""The maximum number of steps drawn."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """The finite values of a step, with their mean and standard deviation."""

    values: tuple[float, ...]
    mean: float
    deviation: float


def _spread(row: StepResult) -> _Spread | None:
    """Return the spread of a step's values; None if no value is finite."""
    values = tuple(value for value in row.values if is_drawn(value))
    if not values:
        return None
    return _Spread(values, mean(values), deviation(values) or 0.0)


def draw_steps(plot: StepResults, title: str, theme: Theme, name: str) -> str:
    """Return the results as an `svg` element; for the arguments see `draw_chart`."""
    canvas = Canvas(theme, 120)
    rows = [(row, _spread(row)) for row in plot.rows[:MAX_ROWS]]
    values = [value for _, spread in rows if spread for value in spread.values]
    if not values:
        canvas.empty("No values yet")
        return canvas.close(title, f"No values of {plot.metric}.", name)
    decimals = _decimals([spread for _, spread in rows])
    scale = make_scale(values, 10, WIDTH - 12, log=False if plot.log is None and min(values) <= 0 else plot.log)
    top, bottom = 26.0, 30.0 + ROW * len(rows)
    _draw_axis(canvas, scale, plot, top, bottom)
    labels = min(max(text_width(row.label, 12, bold=True) for row, _ in rows) + 4, WIDTH * 0.3)
    for index, (row, spread) in enumerate(rows):
        y = top + index * ROW
        value = _format_spread(spread, decimals)
        canvas.text(2, y + 14, fit_text(row.label, labels, 12), bold=True, halo=True)
        words = fit_text(row.title, WIDTH - labels - text_width(value, 12) - 22, 12)
        canvas.text(labels + 8, y + 14, words, color=theme.muted, halo=True)
        canvas.text(WIDTH - 2, y + 14, value, 12, "end", theme.ink if spread else theme.muted, halo=True)
        _draw_spread(canvas, row, spread, scale, y + 27)
    canvas.height = bottom + 26
    return canvas.close(title, _description(plot), name)


def _decimals(spreads: Sequence[_Spread | None]) -> int | None:
    """Return the number of decimals for all values of a chart, so that they can be compared; None if they differ."""
    known = [spread for spread in spreads if spread is not None]
    return shared_decimals([spread.mean for spread in known], [spread.deviation for spread in known])


def _format_spread(spread: _Spread | None, decimals: int | None) -> str:
    """Return mean and standard deviation as text."""
    if spread is None:
        return "no value"
    if len(spread.values) == 1:
        return _format_value(spread.mean, decimals)
    return f"{_format_rounded(spread.mean, spread, decimals)} ± {_format_rounded(spread.deviation, spread, decimals)}"


def _format_value(value: float, decimals: int | None) -> str:
    """Return a value with the chart's number of decimals, or else with its own."""
    return number(value, style="axis") if decimals is None else number(value, decimals)


def _format_rounded(value: float, spread: _Spread, decimals: int | None) -> str:
    """Return a value with the chart's number of decimals, or else rounded to two digits of the deviation."""
    own = 1 - math.floor(math.log10(spread.deviation)) if 0 < spread.deviation < math.inf else -1
    is_short = 0 <= own <= _MAX_DIGITS and abs(value) < 10**_MAX_DIGITS
    return _format_value(value, own if decimals is None and is_short else decimals)


def _draw_axis(canvas: Canvas, scale: Scale, plot: StepResults, top: float, bottom: float) -> None:
    """Draw the grid lines with their labels below, the metric's name above, and the baseline in each row."""
    theme = canvas.theme
    better = {"higher": " (higher is better →)", "lower": " (← lower is better)"}.get(plot.better, "")
    log = ", logarithmic" if scale.log else ""
    canvas.text(2, 14, fit_text(f"{plot.metric}{log}{better}", WIDTH - 4, 12), 12, bold=True)
    last = -1e9
    for value, text in scale.ticks(max(2, int((scale.end - scale.begin) / 70))):
        x, half = scale.place(value), text_width(text, 11) / 2
        canvas.line(x, top, x, bottom, theme.grid)
        if x - half > last + 6:
            canvas.text(x, bottom + 16, text, 11, "middle", theme.muted)
            last = x + half
    for row in plot.rows:
        spread = _spread(row) if row.is_baseline else None
        if spread is not None and (spread.mean > 0 or not scale.log):
            x = scale.place(spread.mean)
            for y in range(int(top), int(bottom) - ROW + 1, ROW):
                canvas.line(x, y + 18, x, y + 36, theme.ink, weight=1.5, dash="5 4")
            break


def _draw_spread(canvas: Canvas, row: StepResult, spread: _Spread | None, scale: Scale, y: float) -> None:
    """Draw the runs of a step as rings, and their mean as a filled mark with a bar for the standard deviation."""
    if spread is None:
        return
    color = canvas.theme.ink if row.is_baseline else canvas.theme.colors[0]
    values = [value for value in spread.values if value > 0 or not scale.log]
    for x in _distinct([scale.place(value) for value in values]):
        canvas.mark(x, y, 0, color, 3, hollow=True)
    if len(spread.values) > 1 and math.isfinite(spread.deviation) and (spread.mean > 0 or not scale.log):
        low = max(spread.mean - spread.deviation, scale.low)
        high = min(spread.mean + spread.deviation, scale.high)
        x1, x2 = scale.place(low), scale.place(high)
        canvas.line(x1, y, x2, y, color, weight=2)
        canvas.line(x1, y - 5, x1, y + 5, color, weight=2)
        canvas.line(x2, y - 5, x2, y + 5, color, weight=2)
    if spread.mean > 0 or not scale.log:
        canvas.mark(scale.place(spread.mean), y, 1 if row.is_baseline else 3, color, 4.5)


def _distinct(positions: list[float]) -> list[float]:
    """Return positions rounded to half pixels without duplicates, as more rings could not be told apart."""
    return sorted({round(position * 2) / 2 for position in positions})


def _description(plot: StepResults) -> str:
    """Return a description of the chart, for readers who cannot see it."""
    baseline = next((row.label for row in plot.rows if row.is_baseline), "")
    line = f" The dashed line is the baseline, {baseline}." if baseline else ""
    hidden = len(plot.rows) - MAX_ROWS
    more = f" {hidden} steps are not drawn." if hidden > 0 else ""
    marks = "rings are runs, the filled mark is their mean, and the bar is the standard deviation."
    return f"The final {plot.metric} of {len(plot.rows)} steps: {marks}{line}{more}"


def steps_table(plot: StepResults) -> Table:
    """Return the table of each step's mean, standard deviation, range and difference from the baseline."""
    spreads = [_spread(row) for row in plot.rows]
    base = next((spread for row, spread in zip(plot.rows, spreads, strict=True) if row.is_baseline and spread), None)
    compared = ["vs. baseline"] if base else []
    header = ("Step", "Description", "Runs", "Mean", "Deviation", "Lowest", "Highest", *compared)
    decimals = _decimals(spreads)
    rows: list[tuple[Inlines, ...]] = []
    for row, spread in zip(plot.rows, spreads, strict=True):
        cells = ["0", "–", "–", "–", "–"]
        if spread is not None:
            deviation_text = _format_rounded(spread.deviation, spread, decimals) if len(spread.values) > 1 else "–"
            ends = (_format_value(value, decimals) for value in (min(spread.values), max(spread.values)))
            cells = [str(len(spread.values)), _format_rounded(spread.mean, spread, decimals), deviation_text, *ends]
        missing = len(row.values) - (len(spread.values) if spread else 0)
        if missing:
            cells[0] += f" (+{missing} without a value)"
        if base is not None:
            cells.append("baseline" if row.is_baseline else _format_difference(spread, base, decimals))
        rows.append(
            ((Reference(row.label, anchor=row.anchor, kind="step"),), (Text(row.title),), *((Text(c),) for c in cells))
        )
    return Table(tuple((Text(word),) for word in header), tuple(rows), ("left", "left", *["right"] * 6))


def _format_difference(spread: _Spread | None, base: _Spread, decimals: int | None) -> str:
    """Return the difference between two means, with its sign."""
    if spread is None:
        return "–"
    if decimals is not None:
        return difference(spread.mean, base.mean, decimals)
    change = spread.mean - base.mean
    return ("+" if change > 0 else "") + number(float(f"{change:.3g}"), style="axis")
