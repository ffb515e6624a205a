"""The table of runs as text and CSV, of records that may be hostile."""

import csv
import datetime
import json
import math
from pathlib import Path

import pytest

from orglab.api.serialize import render
from orglab.api.serialize_runs import table_form
from orglab.cli import output
from orglab.cli.render.run_table_text import run_lines, table_csv, table_lines
from orglab.runs.record import Run
from orglab.runs.run_table import CodeReader, TableRequest, make_table

NOW = datetime.datetime(2026, 1, 2)  # noqa: DTZ001 - as in the log
CODE = CodeReader(lambda runs: {run.id: runs[0].id for run in runs}, lambda _: "f" * 40)


def run(number, command="t", **fields):
    values = {"ref": "e1.1", "argv": command.split(), "exit_code": 0, "began": f"2026-01-01T10:{number:02}:00+00:00"}
    return Run(Path(f"20260101-10{number:02}00-{number:06x}"), {**values, **fields})


def make(runs, **options):
    return make_table(runs, TableRequest(**options), {}, CODE)


def read_csv(runs, **options):
    return [*csv.reader(table_csv(make(runs, **options)).splitlines())]


EVIL = "x\n\x1b[2Jy"
HOSTILE = run(
    1, ref=EVIL, metrics={EVIL: EVIL, "loss": EVIL}, diverged={"loss": 3, EVIL: None}, before=EVIL, host=EVIL, why=EVIL,
    signal=EVIL, parameters={EVIL: EVIL, "seed": EVIL, "lr": 1}, exit_code=None,
)  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [{}, {"by_setting": True}, {"columns": ("step", "status", "ended", "seed", "command", "host", "code", "why", "loss")}],
)  # fmt: skip
def test_nothing_of_a_record_makes_a_row_or_reaches_the_terminal(options):
    table = make([HOSTILE, run(2, "t --lr 2", metrics={"loss": 1.0})], **options)
    lines = [*table_lines(table, NOW)]
    assert len(lines) == 1 + len(table.rows)
    assert all(output.plain(line).isprintable() for line in lines)


def test_nothing_of_a_record_makes_a_line_in_a_pipe():
    lines = [*run_lines(make([HOSTILE]))]
    assert len(lines) == 1
    assert lines[0].isprintable()


@pytest.mark.parametrize("options", [{}, {"columns": ("step", "status")}])
def test_the_status_is_coloured_and_not_the_same_word_elsewhere(options):
    _, line = table_lines(make([run(1, "t done", ref="done")], **options), NOW)
    assert line.count("\x1b[32m") == 1
    assert line.index("done") < line.index("\x1b[32mdone\x1b[0m")


def test_a_parameter_may_have_the_name_of_a_field():
    runs = [run(n, f"t --age {n} --id {n} --status {n} --lr {n}", metrics={"acc": n}) for n in (1, 2)]
    head, *rows = read_csv(runs, by_setting=True)
    assert head == ["step", "age", "id", "status", "lr", "acc mean", "acc sd", "acc n", "acc of"]
    assert rows[1] == ["e1.1", "2", "2", "2", "2", "2.0", "", "1", "1"]
    assert read_csv(runs)[0] == ["id", "step", "status", "seed", "age", "id", "status", "lr", "acc"]


@pytest.mark.parametrize("columns", [(), ("step", "lr")])
def test_a_setting_without_a_metric_says_how_many_runs_count(columns):
    runs = [run(1, "t --lr 1 --seed 1"), run(2, "t --lr 1 --seed 2", exit_code=1), run(3, "t --lr 2")]
    lines = [
        line.split(maxsplit=2)
        for line in map(output.plain, table_lines(make(runs, by_setting=True, columns=columns), NOW))
    ]
    assert lines == [["step", "lr", "runs"], ["e1.1", "1", "1 of 2; 1 failed"], ["e1.1", "2", "1"]]
    assert read_csv(runs, by_setting=True, columns=columns) == [
        ["step", "lr", "n", "of"], ["e1.1", "1", "1", "2"], ["e1.1", "2", "1", "1"],
    ]  # fmt: skip


def test_a_metric_that_no_selected_setting_has_is_an_empty_column():
    table = make(
        [run(1, "t --lr 1", metrics={"acc": 1}), run(2, "t --lr 2")], where=("lr=2",), by_setting=True, columns=("acc",)
    )
    assert [*map(output.plain, table_lines(table, NOW))] == ["acc", "- (n = 0 of 1; 1 without a value)"]


LARGE = 10**400


@pytest.mark.parametrize("number", [math.nan, math.inf, LARGE, -LARGE, "x", True])
def test_a_number_that_is_none_is_left_out_and_json_has_no_other(number):
    odd = run(
        1, seconds=number, time_limit=number, parameters={"lr": number}, metrics={"loss": number, "acc": 1.5},
        extremes={"acc": {"min": [number, number], "max": [1, 2]}}, diverged={"loss": number}, usage={"user": number},
    )  # fmt: skip
    assert (odd.seconds, odd.time_limit, odd.extremes, odd.diverged, odd.usage) == (None, None, {}, {"loss": None}, {})
    runs = [odd, run(2, "t --lr 3", metrics={"loss": 1, "acc": 2}), run(3, "t --lr 4", metrics={"loss": -1})]
    for options in ({}, {"sort": "lr"}, {"sort": "seconds"}, {"best": "acc:best"}, {"by_setting": True}):
        table = make(runs, **options)
        assert len([*table_lines(table, NOW)]) == 4
        assert len([*run_lines(table)]) == 3
        assert table_csv(table)
        json.loads(render(table_form(table, is_full=True)), parse_constant=pytest.fail)


def test_a_trend_of_the_largest_numbers_is_drawn(tmp_path, monkeypatch):
    folder = tmp_path / "20260101-100000-abcdef"
    folder.mkdir()
    rows = [{"loss": value, "step": step} for step, value in enumerate((-1.7e308, 0.0, 1.7e308))]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    shown = Run(folder, {"argv": ["t"], "metrics": {"loss": 1.0}, "exit_code": 0})
    assert "▁▅█" in "".join(table_lines(make([shown]), NOW))
