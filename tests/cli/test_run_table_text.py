"""The table of runs as text and CSV, of records that may be hostile."""

import csv
import datetime
from pathlib import Path

import pytest

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
