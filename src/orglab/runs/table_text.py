"""The words of the table of runs, for every output: its cells as text, and which columns tell its rows apart."""

import datetime
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orglab.runs.description import command_text, describe_end, outcome_text
from orglab.runs.parameters.arguments import Value
from orglab.runs.record import Run
from orglab.runs.run_table import CODE, Column, Row, RunTable, describe_age
from orglab.runs.setting import Setting, has_diverged, is_path, read_seeds
from orglab.runs.step_results import is_bookkeeping, label_settings
from orglab.runs.summary_text import describe_counts, describe_mean, find_decimals
from orglab.text import cut, duration, number, one_line, shared_decimals

CELL = 24
"""The most characters of a value that is not a number."""
_SHORT_ID = 6
_MOST_WHY = 60


class Distinctive(NamedTuple):
    """The columns that tell the rows of a table apart.

    Attributes:
        parameters: The parameters that differ.
        places: Those of them that say where a run writes, or what it reads.
        metrics: The metrics that say what a run showed, the most important first.
    """

    parameters: tuple[Column, ...]
    places: tuple[Column, ...]
    metrics: tuple[Column, ...]


def find_distinctive(table: RunTable) -> Distinctive:
    """Return the columns that tell the rows of a table apart."""
    places = [column for column in table.parameters if any(is_path(column.key, row.read(column)) for row in table.rows)]
    of_places = {*places}
    parameters = tuple(column for column in table.parameters if column not in of_places)
    # Where a run writes is no part of a setting, though a single run does not show that.
    findings = tuple(column for column in table.metrics if not is_bookkeeping(column.key))
    return Distinctive(parameters, () if table.is_grouped else tuple(places), findings or table.metrics)


def name_settings(settings: Sequence[Setting]) -> list[str]:
    """Return what each setting is called beside the others: `e201.1 lr 0.1`."""
    labels = label_settings(settings)
    names = (" ".join(filter(None, (one.ref, label))) for one, label in zip(settings, labels, strict=True))
    return [one_line(name) or "setting" for name in names]


def short_id(run_id: str) -> str:
    """Return the random part of a run's id, which commands take for the run."""
    return run_id.rpartition("-")[2][:_SHORT_ID]


def describe_status(run: Run) -> str:
    """Return how a run ended, or that it goes on, is discarded, or was kept: `done`, `exit 1`, `done, kept`."""
    if run.discarded is not None:
        return "discarded"
    status = one_line(outcome_text(run)) if run.status in ("failed", "killed", "stopped") else run.status
    return status + (", kept" if run.kept_code is not None else "")


def read_cells(table: RunTable, column: Column, now: datetime.datetime) -> list[str]:
    """Return the cells of a column as text.

    Args:
        table: The table.
        column: The column.
        now: Local time.
    """
    rows = table.rows
    if column.kind == "field":
        return [_FIELDS[column.key](row, now) for row in rows]
    if column.kind == "metric" and table.is_grouped:
        return _read_means(table, column)
    values = [row.read(column) for row in rows]
    if column.kind == "metric":
        decimals = shared_decimals([float(value) for value in values if isinstance(value, int | float)], [])
        return [describe_metric(row, column, value, decimals) for row, value in zip(rows, values, strict=True)]
    return [_describe_value(value) for value in values]


def _read_means(table: RunTable, column: Column) -> list[str]:
    """Return the means of a metric, each with its deviation, and the count where that of the first metric differs.

    Of a metric besides the first one, which none of the runs of a setting has, that says enough.
    """
    summaries = [row.summarize(column) for row in table.rows]
    main = table.metrics[0] if table.metrics else column
    firsts = [row.summarize(main) for row in table.rows]
    decimals = find_decimals(one for one in summaries if one is not None)
    cells = []
    for row, one, first in zip(table.rows, summaries, firsts, strict=True):
        if one is None or (column != main and all(column.key not in run.metrics for run in row.runs)):
            cells.append("-")
            continue
        is_said = column != main and first is not None and describe_counts(one) == describe_counts(first)
        text = describe_mean(one, decimals)
        cells.append(text if is_said and not table.columns else f"{text} ({describe_counts(one)})")
    return cells


def describe_metric(row: Row, column: Column, value: Value | None, decimals: int | None) -> str:
    """Return the value of a metric of a run: `0.871`, `NaN at 40`; `-` if there is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, decimals)
    if column.best is None and has_diverged(row.run, column.key):
        step = row.run.diverged.get(column.key)
        text = one_line(str(value))
        return f"{text} at {step:g}" if step is not None else text
    return _describe_value(value)


def _describe_value(value: Value | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return cut(one_line(value), CELL)
    return str(value)


_FIELDS: dict[str, Callable[[Row, datetime.datetime], str]] = {
    "id": lambda row, _: one_line(row.run.id),
    "step": lambda row, _: one_line(row.run.ref or "-"),
    "status": lambda row, _: describe_status(row.run),
    "ended": lambda row, _: one_line(describe_end(row.run)),
    "age": lambda row, now: describe_age(row.run, now),
    "seconds": lambda row, _: duration(row.run.seconds, is_compact=True) if row.run.seconds is not None else "-",
    "seed": lambda row, _: one_line(",".join(read_seeds(row.run).values())) or "-",
    "command": lambda row, _: command_text(row.run.argv),
    "host": lambda row, _: one_line(row.run.host or "-"),
    "code": lambda row, _: one_line(str(row.read(CODE) or "-"))[:7],
    "why": lambda row, _: cut(one_line(row.run.why or "-"), _MOST_WHY),
    "author": lambda row, _: one_line(row.run.author or "-"),
}
