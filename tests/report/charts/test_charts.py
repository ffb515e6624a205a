"""Charts: every value has its place, whatever the values are; and what is drawn fits and says what it is."""

import math
import re
import time
import xml.etree.ElementTree as ET
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orglab.report import blocks as b
from orglab.report.charts import LIGHT, chart_parts, chart_table, draw_chart
from orglab.report.charts.canvas import fit_text, text_width
from orglab.report.charts.curves import thin_out
from orglab.report.charts.scale import day_ticks, make_scale
from sample_report import history, results, timeline

ANY_VALUE = st.one_of(st.floats(), st.none(), st.just(0.0), st.integers(-5, 5).map(float))


def draw(plot):
    """The elements of a chart, which is well-formed XML of finite numbers within its box, and its texts."""
    svg = draw_chart(b.Chart(plot, "A title"), LIGHT, "c")
    # Of the numbers: a text may be called so.
    assert not re.search(r"[\"\sLM-](nan|inf)", re.sub(r">[^<]*<", "><", svg))
    root = ET.fromstring(svg)
    *_, right, bottom = map(float, root.get("viewBox").split())
    for element in root.iter():
        for name, limit in (
            ("x", right),
            ("x1", right),
            ("x2", right),
            ("cx", right),
            ("y1", bottom),
            ("y2", bottom),
            ("cy", bottom),
        ):
            if name in element.attrib:
                assert -1 <= float(element.get(name)) <= limit + 1, (element.attrib, name)
    return root, [element.text for element in root.iter() if element.tag.endswith("text")]


@pytest.mark.parametrize(
    "plot",
    [timeline(0), timeline(1), timeline(7), timeline(40), timeline(300), b.MetricHistory((), "m"), history(1, 1), history(2), history(9000), results(),
     b.StepResults((), "m"), b.StepResults((b.StepResult("e1.1", "only", (1.0,)),), "m"),
     b.StepResults(tuple(b.StepResult(f"e1.{n}", "x", (10.0**-n, math.nan)) for n in range(1, 9)), "loss", "lower")],
)  # fmt: skip
def test_every_chart_is_drawn_and_named(plot):
    root, texts = draw(plot)
    assert root[0].text == "A title"
    assert root[1].text
    assert root.get("aria-labelledby") == "c-t c-d"
    assert texts
    assert chart_table(b.Chart(plot, "A title")).header


@given(columns=st.lists(st.lists(ANY_VALUE, max_size=30), max_size=4), log=st.sampled_from([None, True, False]))
@example(columns=[[math.nan, math.inf, None]], log=None)
@example(columns=[[5e-324]], log=None)
@example(columns=[[0.0, 5e-324]], log=None)
@example(columns=[[-1.7e308, 1.7e308]], log=False)
@example(columns=[[1e-300, 1e300]], log=True)
def test_any_history_is_drawn(columns, log):
    series = tuple(b.Series(f"run {n}", list(enumerate(values))) for n, values in enumerate(columns))
    draw(b.MetricHistory(series, "m", log=log))


@given(st.lists(st.lists(st.floats(), max_size=6), max_size=6), st.sampled_from([None, True, False]))
def test_any_results_are_drawn(rows, log):
    steps = tuple(b.StepResult(f"e1.{n}", "t", tuple(values), is_baseline=n == 0) for n, values in enumerate(rows))
    draw(b.StepResults(steps, "m", log=log))
    chart_table(b.Chart(b.StepResults(steps, "m"), ""))


@given(st.lists(st.tuples(st.dates(), st.none() | st.dates(), st.text(max_size=9)), max_size=9), st.dates())
def test_any_days_are_drawn(rows, until):
    made = tuple(b.TimelineRow("e1", status, start, end, status) for start, end, status in rows)
    draw(b.Timeline(made, until))


def test_times_of_a_day_have_their_place_too():
    rows = (b.TimelineRow("e1", "t", datetime(2026, 1, 1, 9), datetime(2026, 1, 1, 21), "supported"),)  # noqa: DTZ001 - local
    root, texts = draw(b.Timeline(rows, date(2026, 1, 2)))
    assert "1 Jan" in texts
    assert root is not None


def test_texts_of_an_axis_do_not_meet():
    for plot in (timeline(7), timeline(40), history(60), results()):
        root, _ = draw(plot)
        spans = {}
        for element in root.iter():
            if element.tag.endswith("text") and element.get("text-anchor") == "middle":
                half = text_width(element.text, 11) / 2
                spans.setdefault(element.get("y"), []).append(
                    (float(element.get("x")) - half, float(element.get("x")) + half)
                )
        for line in spans.values():
            line.sort()
            assert all(before[1] <= after[0] for before, after in pairwise(line))


def test_a_gap_is_a_gap():
    values = [1.0, 2.0, math.nan, 3.0, 4.0, None, 5.0]
    root, _ = draw(b.MetricHistory((b.Series("a", list(enumerate(values))),), "m"))
    lines = [element for element in root.iter() if element.tag.endswith("path") and element.get("fill") == "none"]
    assert len(lines) == 2


def test_what_is_not_positive_is_a_gap_of_a_logarithmic_axis():
    values = [1.0, 2.0, -1.0, 3.0, 4.0]
    root, texts = draw(b.MetricHistory((b.Series("a", list(enumerate(values))),), "m", log=True))
    lines = [element for element in root.iter() if element.tag.endswith("path") and element.get("fill") == "none"]
    assert len(lines) == 2
    assert "m (logarithmic)" in texts


def test_an_axis_is_logarithmic_by_itself_where_it_helps_and_can():
    assert make_scale([0.001, 1.0], 0, 1, log=None).log
    assert not make_scale([0.5, 1.0], 0, 1, log=None).log
    assert not make_scale([0.0, 1000.0], 0, 1, log=None).log


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4000), st.integers(1, 50))
def test_thinning_keeps_first_last_and_extremes(values, columns):
    points = list(enumerate(values))
    kept = thin_out(points, columns)
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert (min(y for _, y in kept), max(y for _, y in kept)) == (min(values), max(values))
    assert kept == sorted(kept, key=lambda point: point[0])
    assert len(kept) <= max(4 * columns, 4)


@given(st.floats(-1e299, 1e299), st.floats(-1e299, 1e299), st.integers(2, 12))
def test_ticks_are_round_few_and_inside(one, other, most):
    scale = make_scale([one, other], 0, 500)
    ticks = scale.ticks(most)
    assert len(ticks) <= most + 2
    assert all(-1 <= scale.place(value) <= 501 for value, _ in ticks)
    if abs(one - other) > 1e-9 * max(abs(one), abs(other), 1e-300) and one != other:
        assert ticks


@given(st.dates(date(1, 1, 2), date(9998, 1, 1)), st.integers(0, 400_000), st.integers(2, 12))
def test_days_have_ticks(day, span, most):
    since = day.toordinal()
    until = min(since + span, date.max.toordinal())
    ticks = day_ticks(since - 0.5, until + 0.5, most)
    assert len(ticks) <= most * 2 + 2
    assert ticks or span < 300_000


def test_the_first_month_says_its_year():
    since = date(2026, 8, 1).toordinal()
    assert [text for _, text in day_ticks(since, since + 100, 5)][:2] == ["Aug 2026", "Sep"]
    week = (date(2026, 8, 3), date(2026, 8, 3) + timedelta(days=4))
    assert day_ticks(*(day.toordinal() for day in week), 5)[0][1] == "3 Aug"


def test_mean_deviation_and_difference_are_right():
    table = chart_table(b.Chart(results(), ""))
    cells = [[b.plain(cell) for cell in row] for row in table.rows]
    assert cells[0] == ["e201.1", "baseline", "3", "0.8117", "0.0035", "0.8080", "0.8150", "baseline"]
    assert cells[1] == [
        "e201.2",
        "with ABC",
        "3 (+1 without a value)",
        "0.8270",
        "0.0036",
        "0.8240",
        "0.8310",
        "+0.0153",
    ]
    assert cells[2] == ["e201.3", "never run", "0", "–", "–", "–", "–", "–"]


def test_the_table_of_a_history_counts_what_is_missing():
    plot = b.MetricHistory((b.Series("s", [(0, 1.0), (1, None), (2, math.inf), (3, 0.25)], "g"),), "m")
    (row,) = chart_table(b.Chart(plot, "")).rows
    assert [b.plain(cell) for cell in row] == ["g: s", "2", "1", "0.25", "1", "0.25", "2"]


def test_many_rows_are_several_pictures_of_the_same_days():
    parts = chart_parts(b.Chart(timeline(90), "T"))
    assert [len(part.plot.rows) for part in parts] == [24, 24, 24, 18]
    assert {part.plot.since for part in parts} == {date(2026, 9, 1)}


def test_a_hundred_thousand_points_take_little():
    points = [(step, math.sin(step / 50) + 2) for step in range(100_000)]
    begun = time.process_time()
    svg = draw_chart(b.Chart(b.MetricHistory((b.Series("a", points),), "m"), "t"), LIGHT, "c")
    assert time.process_time() - begun < 2
    assert len(svg) < 60_000


@pytest.mark.parametrize("text", ["長い題名を持つ実験", "W" * 50, "i" * 200, "", "<&>"])
def test_a_text_is_cut_to_its_room(text):
    assert text_width(fit_text(text, 60, 12), 12) <= 61
