"""The table of runs, fitted to the terminal."""

import csv
import datetime
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from orglab.cli import output
from orglab.runs.description import command_text, describe_command, describe_decisions, outcome_text
from orglab.runs.run_table import Column, Row, RunTable, describe_age
from orglab.runs.setting import read_seeds
from orglab.runs.summary_text import describe_runs
from orglab.runs.table_text import CELL, describe_status, find_distinctive, read_cells, short_id
from orglab.text import duration

_MANY = 3  # with more parameters there is no room for a metric at 80 columns
_COMMAND_ROOM = 16
_ID = 6  # columns of a short id
_GAP = "  "
_BARS = "▁▂▃▄▅▆▇█"
_TREND = 8  # columns of a sparkline
_TREND_BYTES = 1_000_000  # of the history of a run, whose beginning shows most of its course
_NOT_GROUPED = ("id", "status", "seed", "age")  # fields that a setting does not have
_COLOURS = {"done": "done", "running": "doing"}


class _Cells(NamedTuple):
    """A column as text.

    Attributes:
        heading: Its heading.
        cells: Its cells.
        is_number: Whether they are aligned to the right.
        states: The kind of state of each cell, by which it is coloured; empty without colours.
    """

    heading: str
    cells: list[str]
    is_number: bool = False
    states: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return max(map(output.width, (self.heading, *self.cells)))


class _Later(NamedTuple):
    """A column whose cells are made only if there is room for its heading.

    Attributes:
        heading: Its heading.
        make: Returns it as text.
    """

    heading: str
    make: Callable[[], _Cells]


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
    yield indent + output.paint(_join(shown, [one.heading for one in shown], [None] * len(shown)).rstrip(), dim=True)
    for number_, row in enumerate(table.rows):
        texts = [one.cells[number_] for one in shown]
        states = [one.states[number_] if one.states else None for one in shown]
        yield indent + _join(shown, texts, states).rstrip()
        reasons = (row.run.why, *describe_decisions(row.run)) if with_why else ()
        for reason in filter(None, reasons):
            yield from output.wrap(output.one_line(reason), indent + " " * _ID + _GAP)
    if left_out:
        names = ", ".join(left_out)
        yield indent + output.paint(output.fit(f"not shown: {names}", limit).rstrip(), dim=True)


def _join(columns: Sequence[_Cells], texts: Sequence[str], states: Sequence[str | None]) -> str:
    parts = []
    for one, text, state in zip(columns, texts, states, strict=True):
        padding = " " * (one.width - output.width(text))
        painted = text if state is None else output.paint(text, state=state)
        parts.append(padding + painted if one.is_number else painted + padding)
    return _GAP.join(parts)


def _choose(columns: Sequence[_Cells | _Later], limit: int, keep: int) -> tuple[list[_Cells], list[str]]:
    """Return the columns that fit, the first `keep` in any case, and the headings of the others."""
    shown: list[_Cells] = []
    left_out = []
    used = 0
    for position, one in enumerate(columns):
        is_bounded = limit and position >= keep
        if is_bounded and used + output.width(one.heading) > limit:
            left_out.append(one.heading)
            continue
        column = one.make() if isinstance(one, _Later) else one
        if is_bounded and used + column.width > limit:
            left_out.append(one.heading)
            continue
        shown.append(column)
        used += column.width + len(_GAP)
    return shown, left_out


def _make_columns(table: RunTable, now: datetime.datetime) -> list[_Cells | _Later]:
    """Return the columns of a table, the most important first."""
    if table.columns:
        shown = [_make_later(table, column, now) for column in table.columns]
        return [*shown] if any(one.kind == "metric" for one in table.columns) else [*shown, *_make_amounts(table)]
    rows = table.rows
    if table.is_grouped:
        begin = [_Cells("step", [output.one_line(row.run.ref or "-") for row in rows])]
    else:
        begin = [
            _Cells("run", [short_id(row.run.id) for row in rows]),
            _Cells("step", [output.one_line(row.run.ref or "-") for row in rows]),
            _Cells("age", [describe_age(row.run, now) for row in rows], is_number=True),
            _Cells("status", [describe_status(row.run) for row in rows], states=tuple(map(_read_state, rows))),
        ]
    distinctive = find_distinctive(table)
    parameters: list[_Cells | _Later] = [_make_later(table, column, now) for column in distinctive.parameters]
    seeds = [",".join(read_seeds(row.run).values()) for row in rows]
    if any(seeds) and not table.is_grouped:
        cells = [output.fit(output.one_line(text), CELL).rstrip() for text in seeds]
        parameters.append(_Cells("seed", cells, is_number=True))
    findings = distinctive.metrics
    metrics = [_make_later(table, column, now) for column in findings] or _make_amounts(table)
    trend = _make_trend(table, findings[0].key) if findings and not table.is_grouped else []
    first, rest = [*metrics[:1], *trend], metrics[1:]
    if len(parameters) > _MANY:
        # The first metric matters more than a long list of parameters.
        return [*begin, *first, *parameters, *rest, *(_make_later(table, column, now) for column in distinctive.places)]
    return [*begin, *parameters, *first, *rest, *(_make_later(table, column, now) for column in distinctive.places)]


def _make_amounts(table: RunTable) -> list[_Cells]:
    """Return a column of how many runs of each setting count, for a table without a metric that says so."""
    settings = [row.setting for row in table.rows if row.setting is not None]
    return [_Cells("runs", [describe_runs(one) for one in settings])] if table.is_grouped else []


def _read_state(row: Row) -> str:
    return _COLOURS.get(row.run.status if row.run.discarded is None else "", "dropped")


def _make_later(table: RunTable, column: Column, now: datetime.datetime) -> _Later:
    return _Later(output.one_line(column.name), partial(_make_column, table, column, now))


def _make_column(table: RunTable, column: Column, now: datetime.datetime) -> _Cells:
    rows, heading, cells = table.rows, output.one_line(column.name), read_cells(table, column, now)
    if column.kind == "field":
        states = tuple(map(_read_state, rows)) if column.key == "status" and not table.is_grouped else ()
        return _Cells(column.name, cells, column.key in ("age", "seconds", "seed"), states)
    if column.kind == "metric":
        return _Cells(heading, cells, is_number=not table.is_grouped)
    return _Cells(heading, cells, all(not isinstance(row.read(column), str) for row in rows))


def _make_trend(table: RunTable, metric: str) -> list[_Cells]:
    """Return a column of sparklines of a metric, where the terminal can show them and runs have a history."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    if not output.is_terminal() or encoding != "utf8":
        return []
    cells = [_draw_trend([*_read_history(row, metric)]) for row in table.rows]
    return [_Cells("", cells)] if any(cells) else []


def _read_history(row: Row, metric: str) -> Iterator[float]:
    """Yield the finite values that a metric had during a run."""
    for values in row.run.history(_TREND_BYTES):
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
    span = high / 2 - low / 2  # the half, because the whole may be too large for a float
    shares = ((value / 2 - low / 2) / span if span else 0 for value in picked)
    return "".join(_BARS[round(share * (len(_BARS) - 1))] for share in shares)


def run_lines(table: RunTable) -> Iterator[str]:
    """Yield a line for each run, for a pipe: its whole id, step, status, duration, command, and metrics by name."""
    runs = [row.run for row in table.rows]
    refs = [output.one_line(run.ref or "-") for run in runs]
    ends = ["discarded" if run.discarded is not None else output.one_line(outcome_text(run)) for run in runs]
    ends = [f"{end}, kept" if run.kept_code is not None else end for end, run in zip(ends, runs, strict=True)]
    times = [duration(run.seconds, is_compact=True) if run.seconds is not None else "-" for run in runs]
    widths = [max(map(output.width, texts)) for texts in (refs, ends, times)]
    for run, ref, end, time in zip(runs, refs, ends, times, strict=True):
        words = output.clean(describe_command(run))
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
        columns = tuple(one for one in columns if one.kind != "field" or one.key not in _NOT_GROUPED)
        has_counts = any(one.kind == "metric" for one in columns)
        writer.writerow(_grouped_heading(columns) + ([] if has_counts else ["n", "of"]))
        for row in table.rows:
            counts = [len(row.setting.counted), len(row.runs)] if row.setting is not None and not has_counts else []
            writer.writerow(_grouped_cells(row, columns) + counts)
    else:
        writer.writerow(
            ["began" if one.key == "age" and one.kind == "field" else output.one_line(one.name) for one in columns]
        )
        writer.writerows([_raw_cell(row, column) for column in columns] for row in table.rows)
    return text.getvalue().rstrip("\n")


def _grouped_heading(columns: Sequence[Column]) -> list[str]:
    heading = []
    for column in columns:
        name = output.one_line(column.name)
        heading += [f"{name} {what}" for what in ("mean", "sd", "n", "of")] if column.kind == "metric" else [name]
    return heading


def _grouped_cells(row: Row, columns: Sequence[Column]) -> list[object]:
    cells: list[object] = []
    for column in columns:
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
