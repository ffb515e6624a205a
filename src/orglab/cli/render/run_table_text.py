"""The table of runs, fitted to the terminal."""

import csv
import datetime
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from orglab.cli import output
from orglab.runs.description import command_text, describe_end, outcome_text, run_metrics_text
from orglab.runs.parameters.arguments import Value
from orglab.runs.run_table import Column, Row, RunTable, describe_age
from orglab.runs.setting import has_diverged, is_path, read_seeds
from orglab.runs.step_results import is_bookkeeping
from orglab.runs.summary_text import describe_counts
from orglab.text import cut, duration, number, shared_decimals

_SHORT_ID = 6
_MANY = 3  # with more parameters there is no room for a metric at 80 columns
_CELL = 24  # columns of a value that is not a number
_COMMAND_ROOM = 16
_GAP = "  "
_BARS = "▁▂▃▄▅▆▇█"
_TREND = 8  # columns of a sparkline
_COLOURS = {"done": "done", "running": "doing"}


class _Cells(NamedTuple):
    """A column as text: its heading, its cells, and whether they are aligned to the right."""

    heading: str
    cells: list[str]
    is_number: bool = False

    @property
    def width(self) -> int:
        return max(map(output.width, (self.heading, *self.cells)))


def short_id(run_id: str) -> str:
    """Return the random part of a run's id, which commands take for the run."""
    return run_id.rpartition("-")[2][:_SHORT_ID]


def table_lines(table: RunTable, now: datetime.datetime, indent: str = "", *, with_why: bool = False) -> Iterator[str]:
    """Yield the table: as many columns as fit the terminal, all of them in a pipe.

    Args:
        table: The table, which has rows.
        now: Local time.
        indent: What each line begins with.
        with_why: Whether the reason of a run is on a line below it.
    """
    columns = _make_columns(table, now)
    limit = output.columns() - len(indent) if output.columns() else 0
    shown, left_out = _choose(columns, limit, keep=len(columns) if table.columns else 1)
    if not table.columns and not table.is_grouped:
        room = limit - sum(one.width + len(_GAP) for one in shown) if limit else 0
        if not limit or room >= _COMMAND_ROOM:
            commands = [command_text(row.run.argv) for row in table.rows]
            shown.append(_Cells("command", [output.fit(text, room).rstrip() if room else text for text in commands]))
    yield indent + output.paint(_join(shown, [one.heading for one in shown]).rstrip(), dim=True)
    statuses = [_read_status(row) for row in table.rows]
    for number_, row in enumerate(table.rows):
        texts = [one.cells[number_] for one in shown]
        line = _join(shown, texts).rstrip()
        if not table.is_grouped and statuses[number_] in line:
            status = statuses[number_]
            colour = _COLOURS.get(row.run.status if row.run.discarded is None else "", "dropped")
            line = line.replace(status, output.paint(status, state=colour), 1)
        yield indent + line
        if with_why and row.run.why:
            yield from output.wrap(" ".join(row.run.why.split()), indent + " " * _SHORT_ID + _GAP)
    if left_out:
        names = ", ".join(one.heading for one in left_out)
        yield indent + output.paint(output.fit(f"not shown: {names}", limit).rstrip(), dim=True)


def _join(columns: Sequence[_Cells], texts: Sequence[str]) -> str:
    return _GAP.join(
        " " * (one.width - output.width(text)) + text
        if one.is_number
        else text + " " * (one.width - output.width(text))
        for one, text in zip(columns, texts, strict=True)
    )


def _choose(columns: list[_Cells], limit: int, keep: int) -> tuple[list[_Cells], list[_Cells]]:
    """Return the columns that fit, the first `keep` in any case, and the others."""
    shown: list[_Cells] = []
    left_out = []
    used = 0
    for position, column in enumerate(columns):
        if limit and position >= keep and used + column.width > limit:
            left_out.append(column)
            continue
        shown.append(column)
        used += column.width + len(_GAP)
    return shown, left_out


def _make_columns(table: RunTable, now: datetime.datetime) -> list[_Cells]:
    """Return the columns of a table, the most important first."""
    if table.columns:
        return [_make_column(table, column, now) for column in table.columns]
    rows = table.rows
    if table.is_grouped:
        begin = [_Cells("step", [output.clean(row.run.ref or "-") for row in rows])]
    else:
        begin = [
            _Cells("run", [short_id(row.run.id) for row in rows]),
            _Cells("step", [output.clean(row.run.ref or "-") for row in rows]),
            _Cells("age", [describe_age(row.run, now) for row in rows], is_number=True),
            _Cells("status", [_read_status(row) for row in rows]),
        ]
    places = [column for column in table.parameters if any(is_path(column.key, row.read(column)) for row in rows)]
    parameters = [_make_column(table, column, now) for column in table.parameters if column not in places]
    if table.is_grouped:
        places = []  # where a run writes is no part of a setting, though a single run does not show that
    seeds = [",".join(read_seeds(row.run).values()) for row in rows]
    if any(seeds) and not table.is_grouped:
        cells = [output.fit(output.clean(text), _CELL).rstrip() for text in seeds]
        parameters.append(_Cells("seed", cells, is_number=True))
    findings = [column for column in table.metrics if not is_bookkeeping(column.key)] or table.metrics
    metrics = [_make_column(table, column, now) for column in findings]
    trend = _make_trend(table, findings[0].key) if findings and not table.is_grouped else []
    first, others = [*metrics[:1], *trend], metrics[1:]
    if len(parameters) > _MANY:
        # The first metric matters more than a long list of parameters.
        return [*begin, *first, *parameters, *others, *(_make_column(table, column, now) for column in places)]
    return [*begin, *parameters, *first, *others, *(_make_column(table, column, now) for column in places)]


def _read_status(row: Row) -> str:
    run = row.run
    if run.discarded is not None:
        return "discarded"
    return output.clean(outcome_text(run)) if run.status in ("failed", "killed", "stopped") else run.status


def _make_column(table: RunTable, column: Column, now: datetime.datetime) -> _Cells:
    rows = table.rows
    if column.kind == "field":
        return _Cells(
            column.name, [_FIELDS[column.key](row, now) for row in rows], column.key in ("age", "seconds", "seed")
        )
    if column.kind == "metric" and table.is_grouped:
        return _make_mean_column(table, column)
    values = [row.read(column) for row in rows]
    if column.kind == "metric":
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        decimals = shared_decimals(numbers, [])
        cells = [_format_metric(row, column, value, decimals) for row, value in zip(rows, values, strict=True)]
        return _Cells(output.clean(column.name), cells, is_number=True)
    cells = [_format_value(value) for value in values]
    return _Cells(output.clean(column.name), cells, all(not isinstance(value, str) for value in values))


def _make_mean_column(table: RunTable, column: Column) -> _Cells:
    """Return the means of a metric, each with its deviation and the number of runs."""
    summaries = [row.summarize(column) for row in table.rows]
    known = [one for one in summaries if one is not None and one.mean is not None]
    decimals = shared_decimals(
        [one.mean for one in known if one.mean is not None],
        [one.deviation for one in known if one.deviation is not None],
    )
    cells = []
    for one in summaries:
        if one is None or one.mean is None:
            cells.append(f"- ({describe_counts(one)})" if one is not None else "-")
            continue
        spread = f" ± {number(one.deviation, decimals)}" if one.deviation is not None else ""
        cells.append(f"{number(one.mean, decimals)}{spread} ({describe_counts(one)})")
    return _Cells(output.clean(column.name), cells)


def _format_metric(row: Row, column: Column, value: Value | None, decimals: int | None) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, decimals)
    if has_diverged(row.run, column.key):
        step = row.run.diverged.get(column.key)
        return f"{value} at {step:g}" if step is not None else str(value)
    return _format_value(value)


def _format_value(value: Value | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return cut(" ".join(output.clean(value).split()), _CELL)
    return str(value)


_FIELDS: dict[str, Callable[[Row, datetime.datetime], str]] = {
    "id": lambda row, _: row.run.id,
    "step": lambda row, _: output.clean(row.run.ref or "-"),
    "status": lambda row, _: _read_status(row),
    "ended": lambda row, _: output.clean(describe_end(row.run)),
    "age": lambda row, now: describe_age(row.run, now),
    "seconds": lambda row, _: duration(row.run.seconds, is_compact=True) if row.run.seconds is not None else "-",
    "seed": lambda row, _: output.clean(",".join(read_seeds(row.run).values())) or "-",
    "command": lambda row, _: output.clean(command_text(row.run.argv)),
    "host": lambda row, _: output.clean(row.run.host or "-"),
    "code": lambda row, _: (row.run.code or "-")[:7],
    "why": lambda row, _: cut(" ".join(output.clean(row.run.why or "-").split()), 60),
}


def _make_trend(table: RunTable, metric: str) -> list[_Cells]:
    """Return a column of sparklines of a metric, where the terminal can show them and runs have a history."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    if not output.is_terminal() or encoding != "utf8":
        return []
    cells = [_draw_trend([*_read_history(row, metric)]) for row in table.rows]
    return [_Cells("", cells)] if any(cells) else []


def _read_history(row: Row, metric: str) -> Iterator[float]:
    """Yield the finite values that a metric had during a run."""
    for values in row.run.history():
        value = values.get(metric)
        if isinstance(value, int | float) and abs(value) < sys.float_info.max:
            yield float(value)


def _draw_trend(values: list[float]) -> str:
    """Return a sparkline of some values; empty for fewer than three."""
    if len(values) < 3:  # noqa: PLR2004 - two values show no course
        return ""
    picked = [values[position * (len(values) - 1) // (_TREND - 1)] for position in range(_TREND)]
    if len(values) < _TREND:
        picked = values
    low, high = min(picked), max(picked)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0
    return "".join(_BARS[round((value - low) * scale)] for value in picked)


def run_lines(table: RunTable) -> Iterator[str]:
    """Yield a line for each run, for a pipe: its whole id, step, status, duration, command, and metrics by name."""
    runs = [row.run for row in table.rows]
    refs = [output.clean(run.ref or "-") for run in runs]
    ends = ["discarded" if run.discarded is not None else output.clean(outcome_text(run)) for run in runs]
    times = [duration(run.seconds, is_compact=True) if run.seconds is not None else "-" for run in runs]
    widths = [max(map(output.width, texts)) for texts in (refs, ends, times)]
    for run, ref, end, time in zip(runs, refs, ends, times, strict=True):
        metrics = run_metrics_text(run)
        words = output.clean(command_text(run.argv) + (f": {metrics}" if metrics else ""))
        begin = (run.id, output.fit(ref, widths[0]), output.fit(end, widths[1]), f"{time:>{widths[2]}}")
        yield "  ".join((*begin, words))


def table_csv(table: RunTable) -> str:
    """Return the table as CSV: with every parameter and metric, and the numbers as recorded."""
    columns = table.columns or (
        *(Column(name, "field", name) for name in ("id", "step", "status", "seed")),
        *table.parameters,
        *table.metrics,
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if table.is_grouped:
        writer.writerow(_grouped_heading(columns))
        writer.writerows(_grouped_cells(row, columns) for row in table.rows)
    else:
        writer.writerow(["began" if one.key == "age" else output.clean(one.name) for one in columns])
        writer.writerows([_raw_cell(row, column) for column in columns] for row in table.rows)
    return text.getvalue().rstrip("\n")


def _grouped_heading(columns: Sequence[Column]) -> list[str]:
    names = [("step" if one.key in ("id", "step") else one.name, one) for one in columns if one.key not in _NOT_GROUPED]
    heading = []
    for name, column in names:
        clean = output.clean(name)
        heading += [f"{clean} {what}" for what in ("mean", "sd", "n", "of")] if column.kind == "metric" else [clean]
    return heading


_NOT_GROUPED = ("id", "status", "seed", "age")


def _grouped_cells(row: Row, columns: Sequence[Column]) -> list[object]:
    cells: list[object] = []
    for column in columns:
        if column.key in _NOT_GROUPED and column.kind == "field":
            continue
        summary = row.summarize(column) if column.kind == "metric" else None
        if summary is None:
            cells.append(_raw_cell(row, column))
        else:
            cells += [summary.mean, summary.deviation, len(summary.values), summary.total]
    return cells


def _raw_cell(row: Row, column: Column) -> object:
    if column.kind == "field" and column.key == "age":
        return row.run.began.isoformat() if row.run.began is not None else None
    value = row.read(column)
    return output.clean(value) if isinstance(value, str) else value
