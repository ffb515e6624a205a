"""The final metric of each setting: a dot for the mean with its 95 % interval, a ring for each run, the baseline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orglab.report.blocks import Inlines, Reference, Strong, Table, Text
from orglab.report.chart_model import StepResult, StepResults, is_drawn
from orglab.report.charts.canvas import WIDTH, Canvas, Theme, fit_text, text_width
from orglab.report.charts.scale import Scale, make_scale
from orglab.runs.statistics import deviation, find_best, find_interval, mean
from orglab.runs.summary_text import describe_amounts, describe_comparison
from orglab.text import number, shared_decimals

MAX_ROWS = 120
"""The maximum number of settings drawn."""
_MANY = 12
"""With more settings, labels are cut so that they fit beside the dots."""
_MIN_WIDTH = 100
"""The minimum width of the dots beside their labels; if labels leave less, they are above."""
_GAP = 8
_SIZE = 12


@dataclass(frozen=True, slots=True)
class _Estimate:
    """What the finite values of a setting say; without a deviation and an interval for a single value."""

    values: tuple[float, ...]
    mean: float
    deviation: float | None
    interval: tuple[float, float] | None


def _estimate(row: StepResult) -> _Estimate | None:
    """Return the estimate of a setting; None if no value is finite."""
    values = tuple(value for value in row.values if is_drawn(value))
    if not values:
        return None
    return _Estimate(values, mean(values), deviation(values), find_interval(values))


@dataclass(frozen=True, slots=True)
class _Layout:
    """The places in each row.

    Attributes:
        decimals: The number of decimals of all means; None if they differ.
        counts: The right end of the counts, at the right edge; `signs` and `means` are those to the left of them.
        begin: Where the axis begins.
        end: Where the axis ends.
        height: The height of a row: twice as high if labels are above the dots.
    """

    decimals: int | None
    signs: float
    means: float
    begin: float
    end: float
    height: int
    counts: float = WIDTH - 2


def _lay_out(plot: StepResults, decimals: int | None) -> _Layout:
    """Return the places in each row: the dots are beside the labels if there is room."""
    counts = max(text_width(_describe_count(row), _SIZE) for row in plot.rows)
    signs = WIDTH - 2 - counts - _GAP
    judged = any(_judge(row, plot.better) for row in plot.rows)
    means = signs - (text_width("better", _SIZE) + _GAP if judged else 0)
    begin_of_means = means - max(text_width(_describe_mean(row, decimals), _SIZE) for row in plot.rows)
    names = [(_find_label(row, plot), row.title) for row in plot.rows]
    labels = 2 + max(
        text_width(label, _SIZE, bold=True) + text_width(f" {title}"[:400], _SIZE) for label, title in names
    )
    end = begin_of_means - 2 * _GAP
    if labels + 2 * _GAP > end - _MIN_WIDTH and len(plot.rows) <= _MANY:
        return _Layout(decimals, signs, means, 10, WIDTH - 12, 36)
    return _Layout(decimals, signs, means, min(labels + 2 * _GAP, end - _MIN_WIDTH), end, 20)


def _describe_count(row: StepResult) -> str:
    """Return how many runs a mean rests on: `n = 3`, or `n = 3 of 4` if some do not count."""
    return f"n = {describe_amounts(len(row.values), row.left_out).partition(';')[0]}"


def _describe_mean(row: StepResult, decimals: int | None) -> str:
    """Return the mean of a setting, or nothing."""
    estimate = _estimate(row)
    return number(estimate.mean, decimals) if estimate is not None else ""


def _judge(row: StepResult, better: str) -> str:
    """Return whether a setting is `better` or `worse` than the baseline; empty if that is not certain."""
    comparison = row.comparison
    if not better or comparison is None or comparison.low is None or comparison.high is None:
        return ""
    if comparison.low <= 0 <= comparison.high:
        return ""
    return "better" if (comparison.low > 0) == (better == "higher") else "worse"


def draw_steps(plot: StepResults, title: str, theme: Theme, name: str) -> str:
    """Return the results as an `svg` element; for the arguments see `draw_chart`."""
    canvas = Canvas(theme, 120)
    whole = plot.whole or plot
    estimates = [_estimate(row) for row in whole.rows]
    known = [estimate for estimate in estimates if estimate is not None]
    if not known:
        canvas.empty("No values yet")
        return canvas.close(title, f"No values of {plot.metric}.", name)
    layout = _lay_out(whole, _find_decimals(known))
    scale = _make_scale(known, whole, layout)
    rows = plot.rows[:MAX_ROWS]
    bottom = 24.0 + layout.height * len(rows) + 2
    _draw_axis(canvas, scale, whole, 24.0, bottom)
    base = next((row for row in whole.rows if row.is_baseline and _estimate(row) is not None), None)
    line = mean([value for value in base.values if is_drawn(value)]) if base is not None else None
    for index, row in enumerate(rows):
        end = 24.0 + (index + 1) * layout.height
        if line is not None and _has_place(line, scale):
            x = scale.place(line)
            canvas.line(x, end - 19, x, end, theme.ink, weight=1.5, dash="4 3")
        _draw_texts(canvas, row, whole, layout, end)
        _draw_estimate(canvas, row, scale, end - 9)
    canvas.height = bottom + 22
    if entries := _legend(known, _name(base, whole) if base is not None else "", theme):
        canvas.height = canvas.legend(entries, 2, bottom + 32)
    return canvas.close(title, _description(plot), name)


def _find_label(row: StepResult, plot: StepResults) -> str:
    """Return the label of a row; nothing if it is that of all rows, which have titles."""
    is_needed = len({other.label for other in plot.rows}) > 1 or not all(other.title for other in plot.rows)
    return row.label if is_needed or len(plot.rows) == 1 else ""


def _name(row: StepResult, plot: StepResults) -> str:
    """Return the label of a row, with its title if others have the same label, or the title alone if all have it."""
    is_alone = sum(other.label == row.label for other in plot.rows) == 1
    return row.label if is_alone else f"{_find_label(row, plot)} {row.title}".strip()


def _find_decimals(known: Sequence[_Estimate]) -> int | None:
    """Return the number of decimals for all means of a chart, so that they can be compared; None if they differ."""
    deviations = [estimate.deviation for estimate in known if estimate.deviation is not None]
    return shared_decimals([estimate.mean for estimate in known], deviations)


def _make_scale(known: Sequence[_Estimate], plot: StepResults, layout: _Layout) -> Scale:
    """Return the axis: it has all values, and the intervals as far as those leave the values room."""
    values = [value for estimate in known for value in estimate.values]
    low, high = min(values), max(values)
    ends = [end for estimate in known for end in estimate.interval or ()]
    is_log = make_scale(values, 0, 1, log=plot.log).log
    # The interval of two values is nine times as wide as the distance between them, and may reach below 0.
    room = (low * (low / high), high * (high / low)) if is_log else (2 * low - high, 2 * high - low)
    ends = [min(max(end, room[0]), room[1]) for end in ends]
    return make_scale(filter(is_drawn, [*values, *ends]), layout.begin, layout.end, log=is_log)


def _has_place(value: float, scale: Scale) -> bool:
    return value > 0 or not scale.log


def _draw_axis(canvas: Canvas, scale: Scale, plot: StepResults, top: float, bottom: float) -> None:
    """Draw the grid lines with their labels below, and the metric's name above."""
    theme = canvas.theme
    better = {"higher": "higher is better →", "lower": "← lower is better"}.get(plot.better, "")
    log = " (logarithmic)" if scale.log else ""
    room = WIDTH - 6 - (text_width(better, _SIZE) + 2 * _GAP if better else 0)
    canvas.text(2, 13, fit_text(f"{plot.metric}{log}", room, _SIZE), bold=True)
    canvas.text(WIDTH - 2, 13, better, anchor="end", color=theme.muted)
    last = -1e9
    for value, text in scale.ticks(max(4, int((scale.end - scale.begin) / 64))):
        x, half = scale.place(value), text_width(text, 11) / 2
        canvas.line(x, top, x, bottom, theme.grid)
        if x - half > last + 6 and x + half < WIDTH:
            canvas.text(x, bottom + 15, text, 11, "middle", theme.muted)
            last = x + half


def _draw_texts(canvas: Canvas, row: StepResult, plot: StepResults, layout: _Layout, end: float) -> None:
    """Write the label of a row, its mean and how many runs it rests on; without a value why there is none."""
    theme = canvas.theme
    y = end - layout.height + 14
    is_beside = layout.begin > layout.height
    mean_text = _describe_mean(row, layout.decimals)
    room = layout.begin - _GAP if is_beside else layout.means - text_width(mean_text, _SIZE) - _GAP
    label = fit_text(_find_label(row, plot), min(room, WIDTH * 0.3), _SIZE)
    canvas.text(2, y, label, bold=True, halo=True)
    begin = 2 + (text_width(label, _SIZE, bold=True) + 5 if label else 0)
    canvas.text(begin, y, fit_text(row.title, room - begin, _SIZE), color=theme.muted, halo=True)
    canvas.text(layout.means, y, mean_text, anchor="end", halo=True)
    if sign := _judge(row, plot.better):
        color = theme.colors[2 if sign == "better" else 1]
        canvas.text(layout.signs, y, sign, anchor="end", color=color, halo=True)
    canvas.text(layout.counts, y, _describe_count(row), anchor="end", color=theme.muted, halo=True)
    if not mean_text:
        reasons = describe_amounts(0, row.left_out).partition("; ")[2] or "no run"
        room = (layout.signs if is_beside else WIDTH) - layout.begin
        canvas.text(layout.begin, end - 5, fit_text(reasons, room, _SIZE), color=theme.muted, halo=True)


def _draw_estimate(canvas: Canvas, row: StepResult, scale: Scale, y: float) -> None:
    """Draw the runs of a setting as pale rings, its mean as a filled mark, and a bar for the interval."""
    estimate = _estimate(row)
    if estimate is None:
        return
    color = canvas.theme.ink if row.is_baseline else canvas.theme.colors[0]
    if len(estimate.values) > 1:
        places = (scale.place(value) for value in estimate.values if _has_place(value, scale))
        for x in _distinct(places):
            canvas.mark(x, y, 0, color, 2.6, hollow=True, opacity=0.5)
    if estimate.interval is not None:
        _draw_interval(canvas, estimate.interval, scale, y, color)
    if _has_place(estimate.mean, scale):
        canvas.mark(scale.place(estimate.mean), y, 1 if row.is_baseline else 0, color, 3.6)


def _draw_interval(canvas: Canvas, interval: tuple[float, float], scale: Scale, y: float, color: str) -> None:
    """Draw an interval as a bar; an end outside the axis is an arrow."""
    low, high = (min(max(end, scale.low), scale.high) for end in interval)
    x1, x2 = scale.place(low), scale.place(high)
    canvas.line(x1, y, x2, y, color, weight=2)
    for x, end, is_cut in ((x1, 4, interval[0] < scale.low), (x2, -4, interval[1] > scale.high)):
        if is_cut:
            canvas.path([(x + end, y - 4), (x, y), (x + end, y + 4)], color, weight=2)
        else:
            canvas.line(x, y - 4, x, y + 4, color, weight=2)


def _distinct(positions: Iterable[float]) -> list[float]:
    """Return positions rounded to half pixels without duplicates, as more rings could not be told apart."""
    return sorted({round(position * 2) / 2 for position in positions})


def _legend(known: Sequence[_Estimate], baseline: str, theme: Theme) -> list[tuple[str, str, int, str]]:
    """Return what the marks mean; nothing if there is only one value of each setting and no baseline."""
    color = theme.colors[0]
    entries = []
    if any(estimate.interval is not None for estimate in known):
        entries.append(("mean, 95% interval", color, 0, ""))
    if any(len(estimate.values) > 1 for estimate in known):
        entries.append(("run", color, 0, "o"))
    if baseline:
        entries.append((f"baseline {baseline}", theme.ink, 1, "4 3"))
    return entries


def _description(plot: StepResults) -> str:
    """Return a description of the chart, for readers who cannot see it."""
    whole = plot.whole or plot
    baseline = next((_name(row, whole) for row in whole.rows if row.is_baseline), "")
    line = f" The dashed line is the baseline, {baseline}." if baseline else ""
    hidden = len(plot.rows) - MAX_ROWS
    more = f" {hidden} settings are not drawn." if hidden > 0 else ""
    marks = "rings are runs, the filled mark is their mean, and the bar is its 95% interval."
    return f"The final {plot.metric} of {len(plot.rows)} settings: {marks}{line}{more}"


def steps_table(plot: StepResults) -> Table:
    """Return the table of each setting's mean with its deviation, interval and difference to the baseline."""
    estimates = [_estimate(row) for row in plot.rows]
    known = [estimate for estimate in estimates if estimate is not None]
    decimals = _find_decimals(known)
    direction = {"higher": "max", "lower": "min"}.get(plot.better)
    best = find_best([(one.mean, len(one.values)) for one in known], direction) if direction is not None else None
    has_deviation = any(estimate.deviation is not None for estimate in known)
    columns: list[tuple[str, list[Inlines]]] = [
        ("Step", [(Reference(row.label, anchor=row.anchor, kind="step"),) for row in plot.rows]),
        ("Setting", [(Text(row.title),) for row in plot.rows]),
        ("n", [(Text(describe_amounts(len(row.values), row.left_out)),) for row in plot.rows]),
        ("Mean ± sd" if has_deviation else "Mean", [_mean_cell(one, decimals, best) for one in estimates]),
    ]
    if has_deviation:
        columns.append(("95% interval", [_interval_cell(estimate, decimals) for estimate in estimates]))
    if any(row.comparison is not None for row in plot.rows):
        columns.append(("Difference to the baseline", [_difference_cell(row, decimals) for row in plot.rows]))
    header = tuple((Text(name),) for name, _ in columns)
    rows = tuple(zip(*(cells for _, cells in columns), strict=True))
    return Table(header, rows, ("left", "left", *["right"] * 4))


def _mean_cell(estimate: _Estimate | None, decimals: int | None, best: float | None) -> Inlines:
    if estimate is None:
        return (Text("–"),)
    text = number(estimate.mean, decimals)
    if estimate.deviation is not None:
        text = f"{text} ± {number(estimate.deviation, decimals)}"
    return (Strong((Text(text),)), Text(" best")) if estimate.mean == best else (Text(text),)


def _interval_cell(estimate: _Estimate | None, decimals: int | None) -> Inlines:
    if estimate is None or estimate.interval is None:
        return (Text("–"),)
    low, high = (number(end, decimals) for end in estimate.interval)
    return (Text(f"[{low}, {high}]"),)


def _difference_cell(row: StepResult, decimals: int | None) -> Inlines:
    if row.is_baseline:
        return (Text("baseline"),)
    if row.comparison is None:
        return (Text("–"),)
    return (Text(describe_comparison(row.comparison, decimals, has_other_code=row.has_other_code) or "–"),)
