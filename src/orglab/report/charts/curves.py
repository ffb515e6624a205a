"""The history of a metric: for each setting a line of the means of its runs, in a band over their values."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from orglab.report.blocks import Inlines, Table, Text
from orglab.report.chart_model import MetricHistory, Series, Spread, is_drawn
from orglab.report.charts.canvas import DASHES, WIDTH, Canvas, Theme, fit_text, text_width
from orglab.report.charts.scale import MIN_LOG_VALUE, Scale, make_scale
from orglab.text import count, number

MAX_SERIES = 12
"""The maximum number of settings drawn."""
_HEIGHT = 190
_FEW = 24
"""With at most this many points, each has a mark."""
_LOG_RATIO = 10
"""Beside runs that diverged, an axis is logarithmic only if the others have such a ratio."""
_LOG_ROOM = 100
_END = 5
"""The number of the mark where a run diverged."""
_LEGEND = WIDTH - 40


def draw_history(plot: MetricHistory, title: str, theme: Theme, name: str) -> str:
    """Return the history as an `svg` element; for the arguments see `draw_chart`."""
    canvas = Canvas(theme, 120)
    drawn = plot.series[:MAX_SERIES]
    points = [point for series in drawn for point in series.points if point is not None]
    ended = [place for series in drawn for run in series.diverged for place in run]
    if not points and not ended:
        canvas.empty("No values yet")
        return canvas.close(title, f"No values of {plot.metric}.", name)
    values = [y for point in points for y in (point.low, point.mean, point.high)] or [y for _, y in ended]
    top = canvas.legend(_legend(drawn, theme), 2, 10) + 22
    y_scale = _y_scale(plot, values, [y for _, y in ended], top)
    left = _draw_values(canvas, y_scale, plot, top)
    xs = [*(point.x for point in points), *(x for x, _ in ended)]
    x_scale = _x_scale(xs, left + 6, WIDTH - 14)
    _draw_x(canvas, x_scale, plot.x, top + _HEIGHT, whole=all(x == int(x) for x in xs))
    looks = [_look(index, theme) for index in range(len(drawn))]
    for series, look in zip(drawn, looks, strict=True):
        _draw_bands(canvas, series, x_scale, y_scale, look[0])
    for series, look in zip(drawn, looks, strict=True):
        _draw_means(canvas, series, x_scale, y_scale, look)
        _draw_diverged(canvas, series, x_scale, y_scale, look[0])
    canvas.height = top + _HEIGHT + 38
    return canvas.close(title, _description(plot, y_scale), name)


def _legend(drawn: Sequence[Series], theme: Theme) -> list[tuple[str, str, int, str]]:
    """Return the entries of the legend: each setting with the number of its runs, and the mark of a diverged run."""
    entries = []
    for index, series in enumerate(drawn):
        runs = f"{', ' if series.name else ''}n = {series.runs}"
        room = _LEGEND - text_width(runs, 12)
        entries.append((f"{fit_text(series.name, room, 12)}{runs}", *_look(index, theme)))
    if any(series.diverged for series in drawn):
        entries.append(("diverged", theme.ink, _END, "-"))
    return entries


def _y_scale(plot: MetricHistory, values: Sequence[float], ended: Sequence[float], top: float) -> Scale:
    """Return the value axis: it has all values, and those of runs that diverged as far as the others have room."""
    low, high = min(values), max(values)
    is_log = plot.log
    if is_log is None:
        is_log = make_scale([*values, *ended], 1, 0, log=None).log and high > low * _LOG_RATIO
    bottom, top_value = (
        (low, high * max(high / low, _LOG_ROOM)) if is_log and low > 0 else (2 * low - high, 2 * high - low)
    )
    shown = [*values, *(min(max(y, bottom), top_value) for y in ended)]
    positive = [y for y in shown if y > MIN_LOG_VALUE]
    if is_log and positive:
        return make_scale(filter(is_drawn, positive), top + _HEIGHT, top, log=True)
    return make_scale(filter(is_drawn, shown), top + _HEIGHT, top)


def _look(index: int, theme: Theme) -> tuple[str, int, str]:
    """Return the colour, mark and dash of a series; no mark is that of a diverged run."""
    return theme.colors[index % len(theme.colors)], index % _END, DASHES[index % len(DASHES)]


def _x_scale(xs: Sequence[float], begin: float, end: float) -> Scale:
    """Return the x axis, from the first to the last value."""
    low, high = min(xs), max(xs)
    if low == high:
        return Scale(low - 1, high + 1, begin, end)
    return Scale(low, high, begin, end)


def _draw_values(canvas: Canvas, scale: Scale, plot: MetricHistory, top: float) -> float:
    """Draw the grid lines with their labels and the metric's name above; return the left end of the lines."""
    ticks = scale.ticks(6)
    left = min(max((text_width(text, 11) for _, text in ticks), default=20), WIDTH * 0.3) + 10
    for value, text in ticks:
        y = scale.place(value)
        canvas.line(left, y, WIDTH - 4, y, canvas.theme.grid)
        canvas.text(left - 6, y + 4, text, 11, "end", canvas.theme.muted)
    name = f"{plot.metric} (logarithmic)" if scale.log else plot.metric
    band = _describe_band(plot)
    canvas.text(2, top - 10, fit_text(name, WIDTH - 20 - text_width(band, 12), 12), bold=True)
    canvas.text(WIDTH - 2, top - 10, band, anchor="end", color=canvas.theme.muted)
    return left


def _describe_band(plot: MetricHistory) -> str:
    """Return what the lines and bands are; nothing if each value of a run has its place on a line."""
    points = [point for series in plot.series for point in series.points if point is not None]
    if all(point.low == point.high for point in points):
        return ""
    return "line: mean, band: lowest to highest"


def _draw_x(canvas: Canvas, scale: Scale, name: str, bottom: float, *, whole: bool) -> None:
    """Draw the x axis, with its name at the right end."""
    canvas.line(scale.begin - 6, bottom, WIDTH - 4, bottom, canvas.theme.muted)
    right = -1e9
    for value, text in scale.ticks(5, whole=whole):
        x, half = scale.place(value), text_width(text, 11) / 2
        canvas.line(x, bottom, x, bottom + 4, canvas.theme.muted)
        if x - half > right + 6 and x + half < WIDTH:
            canvas.text(x, bottom + 17, text, 11, "middle", canvas.theme.muted)
            right = x + half
    canvas.text(WIDTH - 4, bottom + 34, fit_text(name, WIDTH / 2, 12), 12, "end", canvas.theme.muted)


def _stretches(series: Series, scale: Scale) -> Iterator[list[Spread]]:
    """Yield the stretches between gaps; what is not positive is a gap of a logarithmic axis."""
    stretch: list[Spread] = []
    for point in series.points:
        if point is not None and (point.mean > MIN_LOG_VALUE or not scale.log):
            stretch.append(point)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _draw_bands(canvas: Canvas, series: Series, x_scale: Scale, y_scale: Scale, color: str) -> None:
    """Draw the band from the lowest to the highest values."""
    for stretch in _stretches(series, y_scale):
        if any(point.low < point.high for point in stretch):
            upper = [(x_scale.place(point.x), y_scale.place(point.high)) for point in stretch]
            lower = [(x_scale.place(point.x), y_scale.place(max(point.low, y_scale.low))) for point in stretch]
            canvas.band([*upper, *reversed(lower)], color)


def _draw_means(canvas: Canvas, series: Series, x_scale: Scale, y_scale: Scale, look: tuple[str, int, str]) -> None:
    """Draw the line of means, thin where not all runs have a value, with marks on all points if they are few."""
    color, shape, dash = look
    stretches = list(_stretches(series, y_scale))
    amount = sum(map(len, stretches))
    every = 1 if amount <= _FEW else max(1, amount // 5)
    drawn = 0
    for stretch in stretches:
        places = [(x_scale.place(point.x), y_scale.place(point.mean)) for point in stretch]
        is_whole = [point.runs == series.runs for point in stretch]
        begin = 0
        for end in range(1, len(places)):
            # A part of the line ends where the number of runs changes, and at the last point.
            if end == len(places) - 1 or is_whole[end] != is_whole[end + 1]:
                weight = 1.8 if is_whole[begin] and is_whole[end] else 0.9
                canvas.path(places[begin : end + 1], color, weight=weight, dash=dash)
                begin = end
        for index, (x, y) in enumerate(places):
            if len(places) == 1 or (drawn + index) % every == every // 2:
                canvas.mark(x, y, shape, color, 3 if amount <= _FEW else 3.5)
        drawn += len(stretch)


def _draw_diverged(canvas: Canvas, series: Series, x_scale: Scale, y_scale: Scale, color: str) -> None:
    """Draw each diverged run as a thin line that ends in a cross, at the edge if the value is outside."""
    for run in series.diverged:
        inside = list(takewhile(lambda point: y_scale.low <= point[1] <= y_scale.high, run))
        shown = [(x, min(max(y, y_scale.low), y_scale.high)) for x, y in run]
        places = [(x_scale.place(x), y_scale.place(y)) for x, y in shown]
        if len(places) > 1 and inside:
            canvas.path(places[: len(inside) + 1], color, weight=0.9)
        if places:
            canvas.mark(*places[-1], _END, color, 4)


def _description(plot: MetricHistory, scale: Scale) -> str:
    """Return a description of the chart, for readers who cannot see it."""
    parts = [f"{plot.metric} by {plot.x} for {count(len(plot.series), 'setting')}"]
    if scale.log:
        parts.append("on a logarithmic axis")
    diverged = sum(len(series.diverged) for series in plot.series)
    ended = f" {count(diverged, 'run')} diverged." if diverged else ""
    hidden = len(plot.series) - MAX_SERIES
    more = f" {hidden} settings are not drawn." if hidden > 0 else ""
    return f"{', '.join(parts)}.{ended} The table that follows has the first, lowest, highest and last values.{more}"


def history_table(plot: MetricHistory) -> Table:
    """Return the table of each setting: its runs and values, the first, lowest, highest and last value."""
    mean = " (mean)" if any(series.runs > 1 for series in plot.series) else ""
    lows = [min((point.low for point in series.points if point), default=None) for series in plot.series]
    highs = [max((point.high for point in series.points if point), default=None) for series in plot.series]
    columns = [
        ("Setting", [series.name for series in plot.series]),
        ("n", [str(series.runs) for series in plot.series]),
        ("Values", [number(series.values) for series in plot.series]),
        (f"First{mean}", [_format(series.first) for series in plot.series]),
        ("Lowest", list(map(_format, lows))),
        ("Highest", list(map(_format, highs))),
        (f"Last{mean}", [_format(series.last) for series in plot.series]),
    ]
    if any(series.missing for series in plot.series):
        columns.append(("Missing", [str(series.missing) for series in plot.series]))
    if any(series.diverged for series in plot.series):
        columns.append(("Diverged", [_describe_diverged(series, plot.x) for series in plot.series]))
    cells: list[list[Inlines]] = [[(Text(text),) for text in texts] for _, texts in columns]
    header = tuple((Text(name),) for name, _ in columns)
    return Table(header, tuple(zip(*cells, strict=True)), ("left", *["right"] * 8))


def _format(value: float | None) -> str:
    return "–" if value is None else number(value)


def _describe_diverged(series: Series, x: str) -> str:
    """Return how many runs diverged, and their last value: `1 (5.2 at step 30)`."""
    lasts = [f"{number(run[-1][1])} at {x} {number(run[-1][0])}" for run in series.diverged if run]
    return f"{len(series.diverged)} ({'; '.join(lasts)})" if lasts else str(len(series.diverged))
