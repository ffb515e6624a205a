"""The timeline: a bar for each experiment from the day it was opened to the day it was closed."""

from orglab.report.blocks import Badge, Reference, Table, Text
from orglab.report.chart_model import Timeline, TimelineRow
from orglab.report.charts.canvas import WIDTH, Canvas, Theme, fit_text, text_width
from orglab.report.charts.scale import Scale, day_number, day_ticks

ROW = 31
"""The height of a row: a title with its bar below."""
MAX_TITLED = 120
"""With more rows, titles are omitted, and bars that do not overlap share a lane."""
MAX_LANES = 120
_LANE = 8
# For each status the index of its colour in the theme (-1: muted, -2: ink) and the number of its mark.
_STATUSES = {
    "supported": (2, 0),
    "refuted": (1, 5),
    "inconclusive": (4, 3),
    "other": (3, 1),
    "open": (0, 2),
    "waiting": (0, 4),
    "canceled": (-1, 6),
    "without a state": (-1, 1),
}
_OPEN = ("open", "waiting", "without a state")


def find_status(row: TimelineRow) -> str:
    """Return the status of a row, or `other` if that has no mark of its own."""
    return row.status if row.status in _STATUSES else "other"


def draw_timeline(plot: Timeline, title: str, theme: Theme, name: str) -> str:
    """Return the timeline as an `svg` element; for the arguments see `draw_chart`."""
    canvas = Canvas(theme, 80)
    if not plot.rows:
        canvas.empty("No experiments in this period")
        return canvas.close(title, "A timeline without experiments.", name)
    top = canvas.legend(_legend(plot, theme), 2, 10) + 6
    if len(plot.rows) > MAX_TITLED:
        _draw_lanes(canvas, plot, top)
    else:
        _draw_rows(canvas, plot, top)
    return canvas.close(title, _description(plot), name)


def _color(status: str, theme: Theme) -> str:
    """Return the colour of a status."""
    index = _STATUSES[status][0]
    return theme.muted if index < 0 else theme.colors[index]


def _legend(plot: Timeline, theme: Theme) -> list[tuple[str, str, int, str]]:
    """Return the legend entries for the statuses in use; the user's own words share one entry."""
    words: dict[str, list[str]] = {}
    for row in plot.rows:
        known = words.setdefault(find_status(row), [])
        if row.status not in known and len(known) < 4:  # noqa: PLR2004 - the legend has only a few, the table all of them
            known.append(row.status)
    return [
        (", ".join(words[status]), _color(status, theme), mark, "o" if status in _OPEN else "-")
        for status, (_, mark) in _STATUSES.items()
        if status in words
    ]


def _days(plot: Timeline) -> tuple[float, float]:
    """Return the limits of the time axis, with some room at both ends."""
    since = day_number(plot.since) if plot.since else min(day_number(row.start) for row in plot.rows)
    until = max(day_number(plot.until), since)
    room = max((until - since) * 0.02, 0.5)
    return max(since - room, 1), until + room


def _draw_axis(canvas: Canvas, scale: Scale, top: float, bottom: float) -> None:
    """Draw the grid lines of the days, with their labels below."""
    most = max(2, int((scale.end - scale.begin) / 64))
    right = -1e9
    for value, text in day_ticks(scale.low, scale.high, most):
        x = scale.place(value)
        canvas.line(x, top, x, bottom, canvas.theme.grid)
        half = text_width(text, 11) / 2
        middle = min(max(x, half), WIDTH - half)
        if middle - half > right + 4:
            canvas.text(middle, bottom + 15, text, 11, "middle", canvas.theme.muted)
            right = middle + half


def _draw_rows(canvas: Canvas, plot: Timeline, top: float) -> None:
    """Draw a row for each experiment: its title with its bar below."""
    labels = min(max(text_width(row.label, 12, bold=True) for row in plot.rows), WIDTH * 0.25)
    bottom = top + ROW * len(plot.rows) + 4
    scale = Scale(*_days(plot), 8, WIDTH - 12)
    _draw_axis(canvas, scale, top - 2, bottom)
    for index, row in enumerate(plot.rows):
        y = top + index * ROW
        canvas.text(2, y + 11, fit_text(row.label, labels + 2, 12), bold=True, halo=True)
        title = fit_text(row.title, WIDTH - labels - 12, 12)
        canvas.text(labels + 10, y + 11, title, color=canvas.theme.muted, halo=True)
        _draw_bar(canvas, row, scale, y + 21, 11)
    canvas.height = bottom + 24


def _draw_bar(canvas: Canvas, row: TimelineRow, scale: Scale, y: float, height: float) -> None:
    """Draw a bar with the mark of its status; an open one has a dashed outline and no end."""
    status = find_status(row)
    color = _color(status, canvas.theme)
    start = min(max(day_number(row.start), scale.low), scale.high)
    end = scale.high - (scale.high - scale.low) * 0.02 if row.end is None else day_number(row.end)
    end = min(max(end, start), scale.high)
    x1, x2 = scale.place(start), scale.place(end)
    width = max(x2 - x1, 4)
    if row.end is None:
        canvas.bar(x1, y - height / 2 + 0.7, width, height - 1.4, canvas.theme.paper, stroke=color, dash="4 3")
    else:
        canvas.bar(x1, y - height / 2 + 2, width, height - 4, color)
    canvas.mark(x2, y, _STATUSES[status][1], color, height * 0.42, hollow=status in _OPEN)


def _draw_lanes(canvas: Canvas, plot: Timeline, top: float) -> None:
    """Draw bars without titles; bars that do not overlap share a lane."""
    scale = Scale(*_days(plot), 8, WIDTH - 12)
    free: list[float] = []
    drawn: list[tuple[int, TimelineRow]] = []
    omitted = 0
    # Open bars extend to the right end and cannot share a lane, so they go last.
    for row in sorted(plot.rows, key=lambda row: (row.end is None, day_number(row.start))):
        x1 = scale.place(max(day_number(row.start), scale.low))
        x2 = WIDTH if row.end is None else scale.place(min(day_number(row.end), scale.high)) + 7
        lane = next((number for number, end in enumerate(free) if end <= x1), len(free))
        if lane == MAX_LANES:
            omitted += 1
            continue
        if lane == len(free):
            free.append(0.0)
        free[lane] = max(x2, x1 + 9)
        drawn.append((lane, row))
    bottom = top + _LANE * len(free) + 6
    _draw_axis(canvas, scale, top - 2, bottom)
    for lane, row in drawn:
        _draw_bar(canvas, row, scale, top + 6 + lane * _LANE, 6)
    canvas.height = bottom + 24
    if omitted:
        canvas.text(WIDTH - 2, canvas.height + 10, f"{omitted} more in the table", 11, "end", canvas.theme.muted)
        canvas.height += 18


def _description(plot: Timeline) -> str:
    """Return a description of the timeline, for readers who cannot see it."""
    counts: dict[str, int] = {}
    for row in plot.rows:
        counts[row.status] = counts.get(row.status, 0) + 1
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(counts.items(), key=lambda pair: -pair[1]))
    return f"{len(plot.rows)} experiments from opening to closing: {statuses}. The table that follows has the dates."


def timeline_table(plot: Timeline) -> Table:
    """Return the table of the experiments with their dates."""
    header = ("Experiment", "Title", "Opened", "Closed", "Outcome")
    rows = tuple(
        (
            (Reference(row.label, anchor=row.anchor, kind="experiment"),),
            (Text(row.title),),
            (Text(_day(row.start)),),
            (Text(_day(row.end) if row.end else "–"),),
            (Badge(row.status, TONES[find_status(row)]),),
        )
        for row in plot.rows
    )
    return Table(tuple((Text(word),) for word in header), rows)


TONES = {
    "supported": "good", "refuted": "bad", "inconclusive": "unsure", "other": "plain", "open": "active",
    "waiting": "waiting", "canceled": "plain", "without a state": "plain",
}  # fmt: skip
"""The tone of the badge for each status."""


def _day(when: object) -> str:
    """Return the day of a date or datetime."""
    return str(when)[:10]
