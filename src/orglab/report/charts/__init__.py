"""Charts as SVG, drawn without a library so that a report needs no dependencies."""

import re
from collections.abc import Iterator
from dataclasses import replace

from orglab.report.blocks import Chart, Table
from orglab.report.chart_model import MetricHistory, StepResults, Timeline
from orglab.report.charts.bars import draw_timeline, timeline_table
from orglab.report.charts.canvas import LIGHT, PAGE, Theme
from orglab.report.charts.curves import draw_history, history_table
from orglab.report.charts.dots import draw_steps, steps_table

__all__ = ["LIGHT", "PAGE", "Theme", "chart_parts", "chart_table", "draw_chart", "draw_pages"]

ROWS_OF_A_PAGE = 24
"""The number of rows of a timeline or of steps in one picture on paper."""


def draw_chart(chart: Chart, theme: Theme, name: str) -> str:
    """Return a chart as an `svg` element.

    Args:
        chart: The chart.
        theme: Its colours and font.
        name: The prefix of its ids, unique on the page.
    """
    plot = chart.plot
    if isinstance(plot, Timeline):
        return draw_timeline(plot, chart.title, theme, name)
    if isinstance(plot, MetricHistory):
        return draw_history(plot, chart.title, theme, name)
    return draw_steps(plot, chart.title, theme, name)


def chart_table(chart: Chart) -> Table:
    """Return the data of a chart as a table, for readers who cannot see it or want the exact values."""
    plot = chart.plot
    if isinstance(plot, Timeline):
        return timeline_table(plot)
    return history_table(plot) if isinstance(plot, MetricHistory) else steps_table(plot)


def draw_pages(chart: Chart) -> Iterator[tuple[str, str]]:
    """Yield a chart as pictures for paper, each an `svg` element with its alternative text."""
    for number, part in enumerate(chart_parts(chart)):
        svg = draw_chart(part, PAGE, f"chart-{number}")
        description = re.search(r"<desc[^>]*>([^<]*)</desc>", svg)
        yield svg, f"{chart.title}. {description.group(1) if description else ''}"


def chart_parts(chart: Chart) -> list[Chart]:
    """Return a chart split into charts that each fit on a page and share the same axis."""
    plot = chart.plot
    if isinstance(plot, MetricHistory) or len(plot.rows) <= ROWS_OF_A_PAGE * 4 // 3:
        return [chart]
    starts = range(0, len(plot.rows), ROWS_OF_A_PAGE)
    if isinstance(plot, StepResults):
        return [
            Chart(replace(plot, rows=plot.rows[at : at + ROWS_OF_A_PAGE], whole=plot), chart.title) for at in starts
        ]
    if len(plot.rows) > ROWS_OF_A_PAGE * 4:
        return [chart]
    since = plot.since or min(row.start for row in plot.rows)
    return [Chart(Timeline(plot.rows[at : at + ROWS_OF_A_PAGE], plot.until, since), chart.title) for at in starts]
