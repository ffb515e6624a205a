"""The history of a metric: a line for each run, with gaps where values are missing."""

import math
from collections.abc import Iterator, Sequence

from orglab.report.blocks import MetricHistory, Series, Table, Text
from orglab.report.charts.canvas import DASHES, WIDTH, Canvas, Theme, fit_text, text_width
from orglab.report.charts.scale import MIN_LOG_VALUE, Scale, is_drawn, make_scale
from orglab.text import count, number

MAX_SERIES = 60
"""The maximum number of runs drawn."""
MAX_NAMED = 12
"""The maximum number of groups of runs in the legend."""
_HEIGHT = 190
_FEW = 24
"""With at most this many points, each has a mark."""

Point = tuple[float, float]


def draw_history(plot: MetricHistory, title: str, theme: Theme, name: str) -> str:
    """Return the history as an `svg` element; for the arguments see `draw_chart`."""
    canvas = Canvas(theme, 120)
    drawn = plot.series[:MAX_SERIES]
    all_segments = {id(series): list(_segments(series)) for series in drawn}
    values = [y for segments in all_segments.values() for segment in segments for _, y in segment]
    if not values:
        canvas.empty("No values yet")
        return canvas.close(title, f"No values of {plot.metric}.", name)
    groups = list(dict.fromkeys(series.group or series.name for series in drawn))
    entries = [(group, *_look(groups.index(group), theme)) for group in groups[:MAX_NAMED]]
    top = 8.0
    if len(groups) > 1:
        if len(groups) > MAX_NAMED:
            entries.append((f"{len(groups) - MAX_NAMED} more", theme.muted, 0, ""))
        top = canvas.legend(entries, 2, 10) + 4
    top += 18
    is_log = _is_log(plot, values)
    y_scale = make_scale([y for y in values if y > MIN_LOG_VALUE] if is_log else values, top + _HEIGHT, top, log=is_log)
    left = _draw_values(canvas, y_scale, plot.metric, top)
    xs = [x for segments in all_segments.values() for segment in segments for x, _ in segment]
    x_scale = _x_scale(xs, left + 6, WIDTH - 14)
    _draw_x(canvas, x_scale, plot.x, top + _HEIGHT, whole=all(x == int(x) for x in xs))
    for series in drawn:
        color, shape, dash = _look(groups.index(series.group or series.name), theme)
        segments = list(_segments(series, positive=True)) if y_scale.log else all_segments[id(series)]
        _draw_series(canvas, segments, x_scale, y_scale, (color, shape, dash))
    canvas.height = top + _HEIGHT + 42
    return canvas.close(title, _description(plot, y_scale), name)


def _is_log(plot: MetricHistory, values: Sequence[float]) -> bool:
    """Return whether the axis is logarithmic: requested and possible for some values, or useful for all."""
    if plot.log is None:
        return make_scale(values, 1, 0, log=None).log
    return plot.log and any(value > MIN_LOG_VALUE for value in values)


def _look(index: int, theme: Theme) -> tuple[str, int, str]:
    """Return the colour, mark and dash of a group."""
    if index >= MAX_NAMED:
        return theme.muted, 0, ""
    return theme.colors[index % len(theme.colors)], index, DASHES[index % len(DASHES)]


def _segments(series: Series, *, positive: bool = False) -> Iterator[list[Point]]:
    """Yield the stretches of a series between gaps; with `positive`, other values are gaps too."""
    segment: list[Point] = []
    for x, y in series.points:
        if y is not None and is_drawn(y) and is_drawn(x) and (y > MIN_LOG_VALUE or not positive):
            segment.append((x, y))
        elif segment:
            yield segment
            segment = []
    if segment:
        yield segment


def thin_out(points: Sequence[Point], columns: int) -> list[Point]:
    """Return the points needed for a line so many pixels wide: first, lowest, highest and last of each column.

    A line through them covers the same pixels as a line through all points.
    """
    if len(points) <= columns * 4:
        return list(points)
    low, high = points[0][0], points[-1][0]
    span = (high - low) or 1.0
    kept: list[Point] = []
    column: list[Point] = []
    current = 0
    for point in points:
        place = min(columns - 1, max(0, int((point[0] - low) / span * columns)))
        if place != current and column:
            kept.extend(_extremes(column))
            column = []
        current = place
        column.append(point)
    kept.extend(_extremes(column))
    return kept


def _extremes(column: Sequence[Point]) -> list[Point]:
    """Return the first, lowest, highest and last point, in order and without duplicates."""
    values = [y for _, y in column]
    indices = {0, values.index(min(values)), values.index(max(values)), len(column) - 1}
    return [column[index] for index in sorted(indices)]


def _x_scale(xs: Sequence[float], begin: float, end: float) -> Scale:
    """Return the x axis, from the first to the last value."""
    low, high = min(xs), max(xs)
    if low == high:
        return Scale(low - 1, high + 1, begin, end)
    return Scale(low, high, begin, end)


def _draw_values(canvas: Canvas, scale: Scale, metric: str, top: float) -> float:
    """Draw the grid lines with their labels and the metric's name above; return the left end of the lines."""
    ticks = scale.ticks(6)
    left = min(max((text_width(text, 11) for _, text in ticks), default=20), WIDTH * 0.3) + 10
    for value, text in ticks:
        y = scale.place(value)
        canvas.line(left, y, WIDTH - 4, y, canvas.theme.grid)
        canvas.text(left - 6, y + 4, text, 11, "end", canvas.theme.muted)
    name = f"{metric} (logarithmic)" if scale.log else metric
    canvas.text(2, top - 10, fit_text(name, WIDTH - 8, 12), 12, bold=True)
    return left


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


def _draw_series(
    canvas: Canvas, segments: list[list[Point]], x_scale: Scale, y_scale: Scale, look: tuple[str, int, str]
) -> None:
    """Draw one run: its lines, with marks on all points if they are few, otherwise on some.

    If there are more points than pixels, they are drawn pale, with a line of their means on top.
    """
    color, shape, dash = look
    columns = max(1, int((x_scale.end - x_scale.begin) / 2))
    count = sum(map(len, segments))
    is_dense = count > columns * 2
    if is_dense:
        for segment in segments:
            points = [(x_scale.place(x), y_scale.place(y)) for x, y in thin_out(segment, columns)]
            canvas.path(points, color, weight=0.8, opacity=0.3)
        segments = [_means(segment, max(1, columns * len(segment) // count // 3), y_scale) for segment in segments]
        count = sum(map(len, segments))
    every = 1 if count <= _FEW else max(1, count // 5)
    drawn = 0
    for segment in segments:
        if len(segment) > 1:
            points = [(x_scale.place(x), y_scale.place(y)) for x, y in segment]
            canvas.path(points, color, weight=2 if is_dense else 1.8, dash=dash)
        for index, (x, y) in enumerate(segment):
            if len(segment) == 1 or (drawn + index) % every == every // 2:
                canvas.mark(x_scale.place(x), y_scale.place(y), shape, color, 3 if count <= _FEW else 3.5)
        drawn += len(segment)


def _means(points: Sequence[Point], parts: int, scale: Scale) -> list[Point]:
    """Return the mean of each of so many stretches of points; on a logarithmic axis the geometric mean."""
    size = math.ceil(len(points) / parts)
    means = []
    for at in range(0, len(points), size):
        part = points[at : at + size]
        x = math.fsum(x / len(part) for x, _ in part)
        if scale.log:
            y = 10 ** (math.fsum(math.log10(y) for _, y in part) / len(part))
        else:
            y = math.fsum(y / len(part) for _, y in part)
        means.append((x, y))
    return means


def _description(plot: MetricHistory, scale: Scale) -> str:
    """Return a description of the chart, for readers who cannot see it."""
    parts = [f"{plot.metric} by {plot.x} for {count(len(plot.series), 'run')}"]
    if scale.log:
        parts.append("on a logarithmic axis")
    hidden = len(plot.series) - MAX_SERIES
    more = f" {hidden} runs are not drawn." if hidden > 0 else ""
    return f"{', '.join(parts)}. The table that follows has the first, lowest, highest and last values.{more}"


def history_table(plot: MetricHistory) -> Table:
    """Return the table of each run's first, lowest, highest and last values, and the number of missing ones."""
    header = ("Run", "Values", "First", "Lowest", "Highest", "Last", "Missing")
    rows = []
    for series in plot.series:
        values = [y for x, y in series.points if y is not None and is_drawn(y) and is_drawn(x)]
        name = series.name if not series.group or series.group == series.name else f"{series.group}: {series.name}"
        numbers = (values[0], min(values), max(values), values[-1]) if values else ()
        cells = [number(value, style="axis") for value in numbers] or ["–"] * 4
        missing = len(series.points) - len(values)
        rows.append(tuple((Text(text),) for text in (name, str(len(values)), *cells, str(missing) if missing else "–")))
    return Table(tuple((Text(word),) for word in header), tuple(rows), ("left", *["right"] * 6))
