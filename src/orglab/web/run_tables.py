"""The tables of runs and of settings on a page, which a script sorts and filters there."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orglab.runs.metrics.directions import find_direction
from orglab.runs.parameters.arguments import Value
from orglab.runs.record import Run
from orglab.runs.run_table import FIELDS, STATUSES, Column, Row, RunTable
from orglab.runs.summary_text import describe_runs
from orglab.runs.table_text import find_distinctive, name_settings, read_cells, short_id
from orglab.text import count
from orglab.web.site import View
from orglab.web.tones import run_tone

MOST_ROWS = 500
"""The most rows of a table on a page."""
_MOST_COLUMNS = 80
_SHOWN_FIELDS = ("id", "step", "age", "status")
_OTHER_FIELDS = ("seconds", "command", "code", "why", "author")
_PRIVATE_FIELDS = ("ended", "host")
"""Fields with the output or the environment of a run."""
_OF_SETTINGS = ("step", "command", "code")
_NUMBERS = ("age", "seconds", "seed")
_RUNS = Column("runs", "runs", "runs")


class PageColumn(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its name in conditions and in the address of the page.
        heading: Its heading.
        kind: `field`, `parameter` or `metric`; `runs` for how many runs of a setting count.
        is_number: Whether its cells are aligned as numbers.
        is_shown: Whether it is there before someone chooses columns.
        cells: The cells as text.
        values: The values, to sort and to filter by.
    """

    name: str
    heading: str
    kind: str
    is_number: bool
    is_shown: bool
    cells: Sequence[str]
    values: Sequence[Value | None]


class PageRow(NamedTuple):
    """A row of a table.

    Attributes:
        key: What the address of a page calls it: the id of the run, or of the first run of the setting.
        name: What it is called: `3f2a1b`, or for a setting `e201.1 lr 0.1`.
        run: The run, or the newest run of the setting.
        tone: The tone of the status of the run.
        is_off: Whether the run does not count: it is discarded, or failed.
        is_diverged: Whether a metric of the run is no number in the end.
    """

    key: str
    name: str
    run: Run
    tone: str
    is_off: bool
    is_diverged: bool


class PageTable(NamedTuple):
    """A table of runs or of settings.

    Attributes:
        kind: `run` or `setting`.
        columns: Its columns.
        rows: Its rows.
        data: What the script needs to sort and to filter.
        left_out: What is not in it, as a sentence; empty if everything is.
    """

    kind: str
    columns: Sequence[PageColumn]
    rows: Sequence[PageRow]
    data: Mapping[str, object]
    left_out: str


def make_page_tables(view: View, by_run: RunTable, by_setting: RunTable) -> tuple[PageTable, ...]:
    """Return the tables of some runs: each run, and each setting.

    Args:
        view: What the page is made of.
        by_run: The runs.
        by_setting: The same runs by setting.
    """
    return tuple(_make_table(view, table) for table in (by_run, by_setting) if table.rows)


def _make_table(view: View, whole: RunTable) -> PageTable:
    kind = "setting" if whole.is_grouped else "run"
    table = whole._replace(rows=whole.rows[:MOST_ROWS])
    chosen = _choose_columns(table, is_export=view.is_export)
    columns = [*_read_columns(table, dict(chosen), view)]
    sentences = [
        f"The first {len(table.rows)} of {count(len(whole.rows), kind, 'grouped')}."
        if table.rows != whole.rows
        else "",
        f"The first {len(columns)} of {count(len(chosen), 'column')}." if len(chosen) > len(columns) else "",
    ]
    data = {
        "kind": kind,
        "fields": FIELDS,
        "statuses": STATUSES,
        "columns": [{"name": one.name, "kind": one.kind, "shown": one.is_shown} for one in columns],
        "rows": [*zip(*(map(_to_json, one.values) for one in columns), strict=True)],
        "marks": [_list_marks(row) for row in table.rows],
    }  # fmt: skip
    return PageTable(kind, columns, [*_name_rows(table)], data, " ".join(filter(None, sentences)))


def _choose_columns(table: RunTable, *, is_export: bool) -> list[tuple[Column, bool]]:
    """Return the columns of a table in their order, each with whether it is there at first."""
    distinctive = find_distinctive(table)
    fields = [Column(name, "field", name) for name in FIELDS]
    by_name = {column.name: column for column in fields}
    names = dict.fromkeys(name for row in table.rows for name in row.parameters)
    parameters = [Column(name, "parameter", name) for name in names]
    directions = [(one, find_direction(one.key, table.directions)) for one in distinctive.metrics]
    best = [Column(f"{one.name}:best", "metric", one.key, way) for one, way in directions if way is not None]
    if table.is_grouped:
        shown = [by_name["step"], *([] if table.metrics else [_RUNS]), *distinctive.parameters, *distinctive.metrics]
        others = _OF_SETTINGS
    else:
        seed = [by_name["seed"]]
        shown = [*(by_name[name] for name in _SHOWN_FIELDS), *distinctive.parameters, *seed, *distinctive.metrics]
        others = (*_OTHER_FIELDS, *(() if is_export else _PRIVATE_FIELDS))
    rest = [*table.metrics, *best, *(by_name[name] for name in others), *distinctive.places, *parameters]
    return [*((one, True) for one in shown), *((one, False) for one in dict.fromkeys(rest) if one not in shown)]


def _read_columns(table: RunTable, chosen: Mapping[Column, bool], view: View) -> Iterator[PageColumn]:
    taken: set[str] = set()
    for column in [*chosen][:_MOST_COLUMNS]:
        # A metric may have the name of a parameter.
        name = f"{column.name} ({column.kind})" if column.name in taken else column.name
        taken.add(name)
        cells = (
            [describe_runs(row.setting) if row.setting is not None else "" for row in table.rows]
            if column == _RUNS
            else read_cells(table, column, view.now)
        )
        values = [_read(row, column) for row in table.rows]
        is_text = (column.kind == "field" and column.key not in _NUMBERS) or column == _RUNS
        is_number = not is_text and not any(isinstance(value, str) for value in values)
        heading = "run" if column.kind == "field" and column.key == "id" else name
        is_shown = chosen[column] and any(cell not in ("", "-") for cell in cells)
        yield PageColumn(name, heading, column.kind, is_number or column.kind == "metric", is_shown, cells, values)


def _name_rows(table: RunTable) -> Iterator[PageRow]:
    names = name_settings([row.setting for row in table.rows if row.setting is not None])
    for place, row in enumerate(table.rows):
        run = row.run
        if row.setting is not None:
            yield PageRow(row.runs[0].id, names[place], run, "plain", not row.setting.counted, is_diverged=False)
            continue
        is_off = run.discarded is not None or not (run.status == "done" or run.is_going_on)
        tone = "plain" if run.discarded is not None else run_tone(run.status)
        yield PageRow(run.id, short_id(run.id), run, tone, is_off, run.is_diverged)


def _list_marks(row: Row) -> list[str]:
    """Return the words of conditions on the status that are true of a run besides its status."""
    if row.setting is not None:
        return []
    return [word for word, is_so in (("diverged", row.run.diverged), ("kept", row.run.kept_code is not None)) if is_so]


def _read(row: Row, column: Column) -> Value | None:
    return None if column == _RUNS else row.read(column)


def _to_json(value: Value | None) -> Value | None:
    """Return a value as JSON has it; what is not a finite number is a text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
