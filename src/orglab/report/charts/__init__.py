"""Charts as SVG: a few hundred lines of our own, for a report that needs nothing but itself."""

import re
from collections.abc import Iterator

from orglab.report.blocks import Chart, MetricHistory, StepResults, Table, Timeline
from orglab.report.charts.bars import draw_timeline, timeline_table
from orglab.report.charts.canvas import LIGHT, PAGE, Theme
from orglab.report.charts.curves import draw_history, history_table
from orglab.report.charts.dots import draw_steps, steps_table

__all__ = ["LIGHT", "PAGE", "Theme", "chart_parts", "chart_table", "draw_chart", "draw_pages"]

ROWS_OF_A_PAGE = 24
"""How many rows of a time line or of steps go into one picture of a page."""


def draw_chart(chart: Chart, theme: Theme, name: str) -> str:
    """Return a chart as an `svg` element.

    Args:
        chart: What is drawn.
        theme: Its colours and font.
        name: What its ids begin with; no other chart of the page may have it.
    """
    plot = chart.plot
    if isinstance(plot, Timeline):
        return draw_timeline(plot, chart.title, theme, name)
    if isinstance(plot, MetricHistory):
        return draw_history(plot, chart.title, theme, name)
    return draw_steps(plot, chart.title, theme, name)


def chart_table(chart: Chart) -> Table:
    """Return the numbers of a chart as a table, for those who cannot see it, or want to know."""
    plot = chart.plot
    if isinstance(plot, Timeline):
        return timeline_table(plot)
    return history_table(plot) if isinstance(plot, MetricHistory) else steps_table(plot)


def draw_pages(chart: Chart) -> Iterator[tuple[str, str]]:
    """Yield a chart as pictures for paper, each an `svg` element and what it shows in words."""
    for number, part in enumerate(chart_parts(chart)):
        svg = draw_chart(part, PAGE, f"chart-{number}")
        said = re.search(r"<desc[^>]*>([^<]*)</desc>", svg)
        yield svg, f"{chart.title}. {said.group(1) if said else ''}"


def chart_parts(chart: Chart) -> list[Chart]:
    """Return a chart as charts that each fit on a page; all of a time line have the same days."""
    plot = chart.plot
    if isinstance(plot, MetricHistory) or len(plot.rows) <= ROWS_OF_A_PAGE * 4 // 3:
        return [chart]
    starts = range(0, len(plot.rows), ROWS_OF_A_PAGE)
    if isinstance(plot, StepResults):
        return [
            Chart(StepResults(plot.rows[at : at + ROWS_OF_A_PAGE], plot.metric, plot.better, plot.log), chart.title)
            for at in starts
        ]
    if len(plot.rows) > ROWS_OF_A_PAGE * 4:
        return [chart]
    since = plot.since or min(row.start for row in plot.rows)
    return [Chart(Timeline(plot.rows[at : at + ROWS_OF_A_PAGE], plot.until, since), chart.title) for at in starts]
