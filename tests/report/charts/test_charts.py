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
from orglab.report.chart_model import MetricHistory, StepResult, StepResults, Timeline, TimelineRow
from orglab.report.charts import LIGHT, chart_parts, chart_table, draw_chart
from orglab.report.charts.canvas import CSS, fit_text, text_width
from orglab.report.charts.scale import day_ticks, make_scale
from orglab.report.content.bands import MAX_POINTS, make_series
from orglab.runs.statistics import Comparison, find_interval
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
    [timeline(0), timeline(1), timeline(7), timeline(40), timeline(300), MetricHistory((), "m"), history(2), history(9000), results(),
     StepResults((), "m"), StepResults((StepResult("e1.1", "only", (1.0,)),), "m"),
     StepResults(tuple(StepResult(f"e1.{n}", "x", (10.0**-n, math.nan)) for n in range(1, 9)), "loss", "lower")],
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
@example(columns=[[0.0], [0.0], [1.0]], log=True)
def test_any_history_is_drawn(columns, log):
    curves = [list(enumerate(values)) for values in columns]
    for runs in (curves[:1], curves):
        plot = MetricHistory((make_series("all", runs, curves[2:]), make_series("", curves[1:])), "m", log=log)
        draw(plot)
        chart_table(b.Chart(plot, ""))


@given(st.lists(st.lists(st.floats(), max_size=6), max_size=6), st.sampled_from([None, True, False]))
def test_any_results_are_drawn(rows, log):
    steps = tuple(StepResult(f"e1.{n}", "t", tuple(values), is_baseline=n == 0) for n, values in enumerate(rows))
    for plot in (StepResults(steps, "m", "lower", log), StepResults(steps, "m", whole=StepResults(steps * 4, "m"))):
        draw(plot)
        chart_table(b.Chart(plot, ""))


@given(st.lists(st.tuples(st.dates(), st.none() | st.dates(), st.text(max_size=9)), max_size=9), st.dates())
def test_any_days_are_drawn(rows, until):
    made = tuple(TimelineRow("e1", status, start, end, status) for start, end, status in rows)
    draw(Timeline(made, until))


def test_times_of_a_day_have_their_place_too():
    rows = (TimelineRow("e1", "t", datetime(2026, 1, 1, 9), datetime(2026, 1, 1, 21), "supported"),)  # noqa: DTZ001 - local
    root, texts = draw(Timeline(rows, date(2026, 1, 2)))
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


def lines(root):
    """The lines of a chart that are not straight, each as its points."""
    paths = [element for element in root.iter() if element.tag.endswith("path") and element.get("stroke-linejoin")]
    return [[tuple(map(float, point.split())) for point in path.get("d")[1:].split("L")] for path in paths]


def bands(root):
    return [element for element in root.iter() if element.get("fill-opacity")]


def crosses(root):
    return [element for element in root.iter() if element.tag.endswith("path") and "m0 -8" in element.get("d")]


def draw_runs(*runs, diverged=(), **wanted):
    """The elements and texts of the history of a setting with these runs, each a list of values from step 1 on."""
    curves, ended = ([list(enumerate(run, 1)) for run in group] for group in (runs, diverged))
    return draw(MetricHistory((make_series("lr 0.1", curves, ended),), "m", **wanted))


def test_a_gap_is_a_gap():
    root, _ = draw_runs([1.0, 2.0, math.nan, 3.0, 4.0, None, 5.0])
    assert list(map(len, lines(root))) == [2, 2]


def test_what_is_not_positive_is_a_gap_of_a_logarithmic_axis():
    root, texts = draw_runs([1.0, 2.0, -1.0, 3.0, 4.0], log=True)
    assert list(map(len, lines(root))) == [2, 2]
    assert "m (logarithmic)" in texts


def test_the_runs_of_a_setting_share_a_line_of_means_in_a_band():
    root, texts = draw_runs([1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [2.0, 3.0, 4.0])
    assert list(map(len, lines(root))) == [3]
    assert len(bands(root)) == 1
    assert "lr 0.1, n = 3" in texts
    assert "line: mean, band: lowest to highest" in texts


def test_a_single_run_has_no_band():
    root, texts = draw_runs([1.0, 2.0, 3.0])
    assert not bands(root)
    assert "lr 0.1, n = 1" in texts
    assert not any("band" in text for text in texts)


def test_runs_with_other_steps_are_compared_at_the_same_steps():
    series = make_series("s", [[(0, 0.0), (10, 10.0)], [(0, 2.0), (5, 7.0), (10, 12.0)], [(5, 6.0), (20, 6.0)]])
    assert series.points[0] == (0, 0.0, 1.0, 2.0, 2)
    assert series.points[1] == (5, 5.0, 6.0, 7.0, 3)
    assert series.points[-1] == (20, 6.0, 6.0, 6.0, 1)


def test_the_line_is_thin_where_not_all_runs_have_a_value():
    root, _ = draw_runs([1.0, 1.0, 1.0, 1.0], [3.0, 3.0])
    weights = [element.get("stroke-width") for element in root.iter() if element.get("stroke-linejoin")]
    assert weights == ["1.8", "0.9"]


def test_a_diverged_run_ends_in_a_mark_at_its_last_finite_value_and_counts_in_no_mean():
    root, texts = draw_runs([1.0, 2.0, 3.0, 4.0], diverged=[[1.0, 3.0, math.nan, math.inf]])
    ended = lines(root)[-1]
    assert len(ended) == 2
    (cross,) = [cross for cross in crosses(root) if cross.get("d").startswith(f"M{ended[-1][0] - 4:.1f} ")]
    assert f"M{ended[-1][0] - 4:.1f} {ended[-1][1] - 4:.1f}" in cross.get("d")
    assert {"lr 0.1, n = 1", "diverged"} <= set(texts)
    series = make_series("s", [[(1, 1.0), (2, 2.0)]], [[(1, 1.0), (2, 9.0), (3, math.nan)]])
    table = chart_table(b.Chart(MetricHistory((series,), "m", "epoch"), ""))
    assert [b.plain(cell) for cell in table.rows[0]] == ["s", "1", "2", "1", "1", "2", "2", "1 (9 at epoch 2)"]


def test_a_run_that_diverged_does_not_flatten_the_others():
    root, _ = draw_runs([1.0, 2.0, 1.5], diverged=[[1.0, 1e30]])
    heights = [y for _, y in lines(root)[0]]
    assert max(heights) - min(heights) > 40


def test_an_axis_is_logarithmic_by_itself_where_it_helps_and_can():
    assert make_scale([0.001, 1.0], 0, 1, log=None).log
    assert not make_scale([0.5, 1.0], 0, 1, log=None).log
    assert not make_scale([0.0, 1000.0], 0, 1, log=None).log


@given(st.lists(st.floats(-1e6, 1e6), min_size=MAX_POINTS + 1, max_size=2000))
def test_a_long_history_is_a_band_with_the_line_of_means(values):
    series = make_series("s", [list(enumerate(values))])
    assert len(series.points) <= MAX_POINTS
    assert (series.points[0].x, series.points[-1].x) == (0, len(values) - 1)
    assert (min(point.low for point in series.points), max(point.high for point in series.points)) == (
        min(values),
        max(values),
    )
    assert (series.first, series.last, series.values) == (values[0], values[-1], len(values))


@example(1818859754563947.0, 3.818249611820033e16, 2)
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


def cells(plot):
    """The texts of the table of a chart: the header, then the rows."""
    table = chart_table(b.Chart(plot, ""))
    return [[b.plain(cell) for cell in row] for row in (table.header, *table.rows)]


def test_the_table_has_mean_deviation_interval_and_difference():
    assert cells(results()) == [
        ["Step", "Setting", "n", "Mean ± sd", "95% interval", "Difference to the baseline"],
        ["e201.1", "baseline", "3", "0.8117 ± 0.0035", "[0.8029, 0.8204]", "baseline"],
        ["e201.2", "with ABC", "3 of 4; 1 failed", "0.8270 ± 0.0036 best", "[0.8180, 0.8360]",
         "+0.0153 [−0.0012, 0.0319] (paired)"],
        ["e201.3", "with ABC and a long name: 日本語の文", "1", "0.8090", "–", "−0.0027 (other code)"],
        ["e201.4", "with a large learning rate", "0 of 3; 1 diverged; 2 failed", "–", "–", "–"],
    ]  # fmt: skip


def test_a_table_has_no_column_that_rests_on_nothing():
    rows = (StepResult("e1.1", "a", (1.0,)), StepResult("e1.2", "b", (2.0,)))
    assert cells(StepResults(rows, "m")) == [
        ["Step", "Setting", "n", "Mean"], ["e1.1", "a", "1", "1"], ["e1.2", "b", "1", "2"]
    ]  # fmt: skip


@pytest.mark.parametrize(("better", "best"), [("higher", "2 best"), ("lower", "1 best"), ("", None)])
def test_the_best_is_named_only_if_it_is_known_what_is_better(better, best):
    rows = (StepResult("e1.1", "a", (1.0,)), StepResult("e1.2", "b", (2.0,)))
    found = [row[3] for row in cells(StepResults(rows, "m", better)) if row[3].endswith("best")]
    assert found == ([best] if best else [])


@pytest.mark.parametrize(
    ("interval", "better", "sign"),
    [
        ((0.5, 1.5), "higher", "better"),
        ((0.5, 1.5), "lower", "worse"),
        ((-1.5, -0.5), "lower", "better"),
        ((0.5, 1.5), "", None),
        ((-0.1, 1.5), "higher", None),
        ((0.0, 1.5), "higher", None),
        ((None, None), "higher", None),
    ],
)
def test_better_or_worse_is_said_only_where_it_is_certain_and_the_direction_known(interval, better, sign):
    rows = (StepResult("e1.1", "a", (1.0, 1.1), is_baseline=True), StepResult("e1.2", "b", (2.0, 2.1)))
    rows = (rows[0], StepResult("e1.2", "b", (2.0, 2.1), comparison=Comparison(1.0, *interval, "paired")))
    _, texts = draw(StepResults(rows, "m", better))
    assert [text for text in texts if text in ("better", "worse")] == ([sign] if sign else [])


def test_each_row_says_how_many_runs_it_rests_on_or_why_there_is_no_value():
    _, texts = draw(results())
    assert [text for text in texts if text.startswith("n = ")] == ["n = 3", "n = 3 of 4", "n = 1", "n = 0 of 3"]
    assert "1 diverged; 2 failed" in texts
    assert "baseline e201.1" in texts


def test_the_bar_of_a_row_is_the_interval_of_its_mean():
    values = (0.80, 0.81, 0.83, 0.84)
    root, _ = draw(StepResults((StepResult("e1.1", "a", values), StepResult("e1.2", "b", (0.5,))), "m"))
    (bar,) = [e for e in root.iter() if e.tag.endswith("line") and e.get("stroke-width") == "2" and e.get("y1") == e.get("y2")
              and e.get("stroke") == LIGHT.colors[0] and float(e.get("y1")) < 60]  # fmt: skip
    rings = sorted(float(e.get("cx")) for e in root.iter() if e.get("stroke-opacity"))
    pixels = (rings[-1] - rings[0]) / (0.84 - 0.80)
    low, high = find_interval(values)
    assert float(bar.get("x2")) - float(bar.get("x1")) == pytest.approx((high - low) * pixels, abs=1)


def test_the_table_of_a_history_counts_what_is_missing():
    plot = MetricHistory((make_series("s", [[(0, 1.0), (1, None), (2, math.inf), (3, 0.25)]]),), "m")
    assert cells(plot) == [
        ["Setting", "n", "Values", "First", "Lowest", "Highest", "Last", "Missing"],
        ["s", "1", "2", "1", "0.25", "1", "0.25", "2"],
    ]  # fmt: skip


def test_parts_of_a_chart_have_the_axis_and_the_baseline_of_the_whole():
    rows = tuple(StepResult(f"e1.{n}", "x", (float(n),), is_baseline=n == 0) for n in range(40))
    parts = chart_parts(b.Chart(StepResults(rows, "m"), "T"))
    assert [len(part.plot.rows) for part in parts] == [24, 16]
    (first, texts), (second, also) = (draw(part.plot) for part in parts)
    ticks = [
        [(e.get("x"), e.text) for e in root.iter() if e.get("text-anchor") == "middle"] for root in (first, second)
    ]
    assert ticks[0] == ticks[1]
    assert [text for _, text in ticks[0]] == ["0", "20", "40"]
    assert "baseline e1.0" in texts
    assert "baseline e1.0" in also


def test_a_file_is_readable_on_a_dark_background_and_a_page_uses_its_own_colours():
    chart = b.Chart(results(), "T")
    svg = draw_chart(chart, LIGHT, "c")
    rules = re.search(r"<style>@media \(prefers-color-scheme:dark\)\{(.*)\}</style>", svg)[1]
    used = set(re.findall(r'((?:fill|stroke)="#[0-9a-f]{6}")', svg.partition("</style>")[2]))
    assert used <= set(re.findall(r"\[([^]]+)\]", rules))
    assert "<style>" not in draw_chart(chart, CSS, "c")


def test_many_rows_are_several_pictures_of_the_same_days():
    parts = chart_parts(b.Chart(timeline(90), "T"))
    assert [len(part.plot.rows) for part in parts] == [24, 24, 24, 18]
    assert {part.plot.since for part in parts} == {date(2026, 9, 1)}


def test_a_hundred_thousand_points_take_little():
    points = [(step, math.sin(step / 50) + 2) for step in range(100_000)]
    begun = time.process_time()
    svg = draw_chart(b.Chart(MetricHistory((make_series("a", [points]),), "m"), "t"), LIGHT, "c")
    assert time.process_time() - begun < 2
    assert len(svg) < 60_000


@pytest.mark.parametrize("text", ["長い題名を持つ実験", "W" * 50, "i" * 200, "", "<&>"])
def test_a_text_is_cut_to_its_room(text):
    assert text_width(fit_text(text, 60, 12), 12) <= 61


def test_a_reference_that_all_rows_share_is_not_repeated():
    rows = tuple(StepResult("e1.1", f"lr {n}", (float(n), n + 0.5), is_baseline=n == 1) for n in (1, 2))
    _, texts = draw(StepResults(rows, "m"))
    assert "e1.1" not in texts
    assert {"lr 1", "lr 2", "baseline lr 1"} <= set(texts)
