"""The charts of a report and its table of settings: what they show of settings, runs and histories."""

import datetime
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.org.document import Document
from orglab.report import blocks as b
from orglab.report.content.citations import Links
from orglab.report.content.facts import Period
from orglab.report.content.plots import history_chart, name_status, steps_chart, timeline
from orglab.report.content.settings_table import make_settings_table
from orglab.report.content.wording import Wording
from orglab.runs.record import METRICS, Run
from orglab.runs.step_results import read_results

LOG = b"""* DONE [1] Does it help? :exp:
:PROPERTIES:
%s:END:
** DONE Experiments
1. [X] plain
2. [X] with /warmup/
"""
MINUTE = datetime.timedelta(minutes=1)
WORDING = Wording(None, Links(), Config(), Path())


@pytest.fixture
def make_run(tmp_path):
    """A function that makes the next run, with the rows of its history and its final values."""
    count = 0

    def make(ref, words, *rows, status="done", discarded=False, **metrics):
        nonlocal count
        count += 1
        folder = tmp_path / f"20260101-1000{count:02}-{count:06x}"
        folder.mkdir()
        (folder / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows))
        final = metrics or {name: value for row in rows for name, value in row.items()}
        diverged = {name: None for name, value in final.items() if value == "NaN"}
        exit_code = {"done": 0, "failed": 1}[status]
        return Run(folder, {
            "ref": ref, "argv": ["python", "train.py", *words.split()], "exit_code": exit_code, "metrics": final,
            "diverged": diverged, "discarded": discarded, "began": f"2026-01-01T10:{count:02}:00+00:00",
        })  # fmt: skip

    return make


def read(runs, properties=b"", others=(), codes=(), directions=()):
    experiment = next(read_experiments(Document(LOG % properties), Config(), "log.org"))
    return read_results(experiment, runs, lambda _: dict(codes), lambda _: list(others), dict(directions))


def draw_steps(results):
    return steps_chart("e1", results, WORDING.inline)


def test_a_setting_whose_runs_all_failed_is_a_row_that_says_so(make_run):
    runs = [make_run("e1.1", "", acc=0.5), make_run("e1.2", "--seed 1", status="failed"),
            make_run("e1.2", "--seed 2", acc="NaN")]  # fmt: skip
    chart = draw_steps(read(runs))
    plain, warmup = chart.plot.rows
    assert (plain.values, plain.left_out, plain.is_baseline) == ((0.5,), (), True)
    assert (warmup.title, warmup.values, warmup.left_out) == ("with warmup", (), ("failed", "diverged"))
    assert (chart.title, chart.plot.better) == ("e1: acc by step", "higher")


def test_settings_of_a_step_are_named_by_what_tells_them_apart(make_run):
    runs = [make_run("e1.1", f"--lr {lr} --seed {seed}", odd=lr) for lr in (0.1, 0.2) for seed in (1, 2)]
    chart = draw_steps(read(runs))
    assert [(row.label, row.title, len(row.values)) for row in chart.plot.rows] == [
        ("e1.1", "lr 0.1", 2), ("e1.1", "lr 0.2", 2)
    ]  # fmt: skip
    assert (chart.title, chart.plot.better) == ("e1: odd by setting", "")
    assert chart.plot.rows[0].comparison is None
    assert chart.plot.rows[1].comparison.difference == pytest.approx(0.1)


def test_the_direction_of_the_settings_decides(make_run):
    runs = [make_run("e1.1", "", odd=1), make_run("e1.2", "", odd=2)]
    assert draw_steps(read(runs, directions={"odd": "min"})).plot.better == "lower"


def test_a_baseline_of_another_experiment_has_a_row(make_run):
    runs = [make_run("e1.1", "", acc=0.5)]
    chart = draw_steps(read(runs, b":BASELINE: e7.1\n", others=[make_run("e7.1", "", acc=0.4)]))
    assert [(row.label, row.title, row.is_baseline) for row in chart.plot.rows] == [
        ("e7.1", "", True), ("e1.1", "plain", False)
    ]  # fmt: skip
    assert chart.plot.rows[1].comparison.difference == pytest.approx(0.1)


def test_other_code_than_that_of_the_baseline_is_named(make_run):
    runs = [make_run("e1.1", "", acc=0.5), make_run("e1.2", "", acc=0.6)]
    chart = draw_steps(read(runs, codes={runs[0].id: "a", runs[1].id: "b"}))
    assert b.plain(chart.caption) == "Not the code of the baseline: e1.2."
    assert [row.has_other_code for row in chart.plot.rows] == [False, True]


def test_a_single_setting_and_settings_without_values_have_no_chart(make_run):
    assert draw_steps(read([make_run("e1.1", "", acc=0.5)])) is None
    assert draw_steps(read([make_run("e1.1", "", status="failed"), make_run("e1.2", "", status="failed")])) is None


def read_table(runs):
    """The header of the table of settings and its rows, as text."""
    header, *rows = make_settings_table("e1", read(runs), WORDING).cells
    return [b.plain(cell) for cell in header], [[b.plain(cell) for cell in row] for row in rows]


def test_a_mean_of_fewer_runs_than_count_says_of_how_many(make_run):
    runs = [
        make_run("e1.1", "--seed 1", acc=0.5),
        make_run("e1.1", "--seed 2", loss=2.0),
        make_run("e1.2", "", acc=0.6),
    ]
    header, cells = read_table(runs)
    assert header[1:] == ["acc", "loss", "n"]
    assert [row[1:] for row in cells] == [["0.5 (n = 1)", "2 (n = 1)", "2"], ["0.6 best", "none", "1"]]


def test_no_setting_is_the_best_if_all_are_as_good(make_run):
    _, cells = read_table([make_run("e1.1", "", acc=0.5), make_run("e1.2", "", acc=0.5)])
    assert [row[-2] for row in cells] == ["0.5", "0.5"]


def test_a_failed_run_that_was_discarded_is_not_counted_as_failed(make_run):
    runs = [make_run("e1.1", "--seed 1", acc=0.5), make_run("e1.1", "--seed 2", status="failed", discarded=True),
            make_run("e1.2", "", acc=0.6)]  # fmt: skip
    header, _ = read_table(runs)
    assert "Failed" not in header


def rows(name, *values):
    return [{name: number, "loss": value} for number, value in enumerate(values, 1)]


def test_the_runs_of_a_setting_are_one_series(make_run):
    runs = [make_run("e1.1", "--seed 1", *rows("epoch", 4.0, 2.0)), make_run("e1.1", "--seed 2", *rows("epoch", 2.0, 1.0)),
            make_run("e1.2", "", *rows("epoch", 1.0, 0.5))]  # fmt: skip
    plot = history_chart("e1", read(runs)).plot
    assert plot.x == "epoch"
    assert [(series.name, series.runs, series.first, series.last) for series in plot.series] == [
        ("e1.1", 2, 3.0, 1.5), ("e1.2", 1, 1.0, 0.5)
    ]  # fmt: skip
    assert plot.series[0].points[0] == (1, 2.0, 3.0, 4.0, 2)


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_run_that_diverged_is_shown_up_to_its_last_finite_value(make_run, status):
    runs = [make_run("e1.1", "--seed 1", *rows("step", 4.0, 2.0)),
            make_run("e1.1", "--seed 2", *rows("step", 4.0, 9.0, "NaN"), status=status)]  # fmt: skip
    (series,) = history_chart("e1", read(runs)).plot.series
    assert (series.runs, series.last, series.diverged) == (1, 2.0, (((1, 4.0), (2, 9.0)),))


@pytest.mark.parametrize(
    ("written", "x"),
    [
        (rows("time/iterations", 2.0, 1.0), "time/iterations"),
        ([{"loss": 2.0}, {"loss": 1.0}], "row"),
        ([{"step": 2, "loss": 2.0}, {"step": 1, "loss": 1.0}], "row"),
        # `orglab run` adds a step to each row.
        ([{"step": 1, "epoch": 1, "loss": 2.0}, {"step": 2, "epoch": 2, "loss": 1.0}], "epoch"),
        ([{"step": 1, "epoch": 1, "loss": 2.0}, {"step": 2, "epoch": 1, "loss": 1.0}], "step"),
        ([{"step": 100, "epoch": 1, "loss": 2.0}, {"step": 200, "epoch": 2, "loss": 1.0}], "step"),
    ],
)
def test_the_axis_is_called_what_the_file_calls_it(make_run, written, x):
    assert history_chart("e1", read([make_run("e1.1", "", *written)])).plot.x == x


def test_of_many_settings_the_baseline_and_the_best_have_curves(make_run):
    runs = [make_run("e1.1", f"--lr {lr}", *rows("step", 2.0, 1 + (lr - 5) ** 2)) for lr in range(10)]
    chart = history_chart("e1", read(runs))
    assert [series.name for series in chart.plot.series] == ["e1.1 lr 0", *(f"e1.1 lr {lr}" for lr in (3, 4, 5, 6, 7))]
    assert b.plain(chart.caption) == "Only 6 of 10 settings: the baseline and the best."


def test_runs_with_a_single_value_have_no_curve(make_run):
    assert history_chart("e1", read([make_run("e1.1", "", *rows("step", 4.0))])) is None


def activity(name, first, last):
    """An experiment with events from one day of March to another."""
    experiment = next(read_experiments(Document(f"* DONE [{name}] T :exp:\n".encode()), Config(), "log.org"))
    at = [datetime.datetime(2026, 3, day, 12) for day in (first, last)]  # noqa: DTZ001 - local
    return SimpleNamespace(
        ref=experiment.ref, title="T", experiment=experiment, events=[SimpleNamespace(at=one) for one in at], kind="done",
        closed=at[1], is_under_way=False, conclusion=SimpleNamespace(verdict="supported"), last_moment=lambda: at[1],
    )  # fmt: skip


@pytest.mark.parametrize(("days", "is_drawn"), [([(3, 3), (3, 3)], False), ([(3, 3), (4, 4)], True), ([(3, 5)], False)])
def test_a_timeline_of_a_single_day_or_experiment_shows_nothing(days, is_drawn):
    touched = tuple(activity(number, *span) for number, span in enumerate(days, 1))
    period = Period(*(datetime.datetime(2026, 3, day) for day in (1, 9)))  # noqa: DTZ001 - local
    chart = timeline(SimpleNamespace(touched=touched, period=period, wording=WORDING))
    assert (chart is not None) == is_drawn


@pytest.mark.parametrize(
    ("kind", "text", "verdict", "status"),
    [
        ("done", "It helps.", "supported", "supported"),
        ("done", "It helps.", None, "concluded"),
        ("done", "", None, "closed"),
        ("dropped", "", None, "canceled"),
        ("waiting", "", None, "waiting"),
        ("todo", "", "supported", "open"),
        (None, "", None, "without a state"),
        (None, "It helps.", None, "concluded"),
    ],
)
def test_only_an_experiment_with_a_conclusion_is_concluded(kind, text, verdict, status):
    assert name_status(kind, SimpleNamespace(text=text, verdict=verdict)) == status


def test_an_experiment_that_was_opened_after_the_period_is_not_in_the_timeline():
    later = activity(3, 3, 4)
    later.experiment = SimpleNamespace(created=SimpleNamespace(when=datetime.datetime(2026, 3, 12)))  # noqa: DTZ001 - local
    period = Period(*(datetime.datetime(2026, 3, day) for day in (1, 9)))  # noqa: DTZ001 - local
    touched = (activity(1, 3, 3), activity(2, 4, 4), later)
    chart = timeline(SimpleNamespace(touched=touched, period=period, wording=WORDING))
    assert [row.label for row in chart.plot.rows] == ["e1", "e2"]
