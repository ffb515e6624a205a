"""Compare several runs or settings side by side: what differs in parameters, code, environment and metrics."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.runs.comparison import read_surroundings
from orglab.runs.description import parameter_text
from orglab.runs.log_runs import LogRuns
from orglab.runs.parameters.arguments import Value
from orglab.runs.record import Run
from orglab.runs.record_reader import find_run
from orglab.runs.run_table import CODE, Column, Row, order_metrics
from orglab.runs.secret_spans import MASK
from orglab.runs.setting import Setting, find_settings
from orglab.runs.step_results import is_bookkeeping
from orglab.runs.summary_text import describe_summary
from orglab.runs.table_text import describe_metric, describe_status, name_settings, short_id
from orglab.text import one_line, shared_decimals

MOST = 12
"""The most runs and settings that are compared at once."""
_NONE, _SEVERAL = "none", "several"


class Compared(NamedTuple):
    """A run or a setting that is compared.

    Attributes:
        row: The run, or the setting with its runs.
        name: What it is called: `3f2a1b`, or for a setting `e201.1 lr 0.1`.
        setting: The setting itself, or that of the run.
        setting_name: What the setting is called.
    """

    row: Row
    name: str
    setting: Setting
    setting_name: str


class Aspect(NamedTuple):
    """Something in which the compared runs and settings differ.

    Attributes:
        name: What it is: a parameter, a metric, `step`, `code`, `python`.
        cells: Its value in each, as text.
    """

    name: str
    cells: tuple[str, ...]


class SideBySide(NamedTuple):
    """Several runs or settings, and what differs between them.

    Attributes:
        compared: The runs and settings.
        aspects: What differs, by what it belongs to: `metrics`, `parameters`, `run`, `environment`, `packages`; without
            those in which nothing differs.
    """

    compared: tuple[Compared, ...]
    aspects: Mapping[str, tuple[Aspect, ...]]


def compare_side_by_side(
    log_runs: LogRuns, runs: Sequence[str], settings: Sequence[str], metrics: Sequence[str] = ()
) -> SideBySide:
    """Return what differs between several runs and settings.

    Args:
        log_runs: The runs of the log.
        runs: The ids of runs.
        settings: The settings, each by the id of a run that has it.
        metrics: The metrics to show before the others.

    Raises:
        NotFoundError: There is no such run.
        UsageError: Several runs have one of the names, or there are fewer than two, or more than MOST.
    """
    if not 2 <= len(runs) + len(settings) <= MOST:  # noqa: PLR2004 - one alone differs from nothing
        raise UsageError(f"Choose two to {MOST} runs or settings to compare; these are {len(runs) + len(settings)}.")
    compared = (*_find_compared(log_runs, runs, settings),)
    rows = [one.row for one in compared]
    groups: dict[str, Callable[[Sequence[Row]], Iterator[Aspect]]] = {
        "metrics": lambda rows: _read_metrics(rows, metrics),
        "parameters": _read_parameters,
        "run": _read_fields,
        "environment": _read_environment,
        "packages": _read_packages,
    }
    found = {
        name: tuple(aspect for aspect in read(rows) if len(set(aspect.cells)) > 1) for name, read in groups.items()
    }
    return SideBySide(compared, {name: aspects for name, aspects in found.items() if aspects})


def _find_compared(log_runs: LogRuns, runs: Sequence[str], settings: Sequence[str]) -> Iterator[Compared]:
    own = {run.id: run.code for run in log_runs.all}
    commits = {name: commit for name, first in log_runs.codes.items() if (commit := own.get(first)) is not None}
    of_steps: dict[str | None, list[Setting]] = {}
    for name, is_setting in itertools.chain(((one, False) for one in runs), ((one, True) for one in settings)):
        run = find_run(log_runs.all, name)
        if run.ref not in of_steps:
            same = [one for one in log_runs.all if one.ref == run.ref]
            of_steps[run.ref] = find_settings(same, log_runs.codes)
        found = of_steps[run.ref]
        place = next(place for place, one in enumerate(found) if run in one.runs)
        setting, label = found[place], name_settings(found)[place]
        row = Row(tuple(setting.runs), setting, commits) if is_setting else Row((run,), codes=commits)
        yield Compared(row, label if is_setting else short_id(run.id), setting, label)


def _read_fields(rows: Sequence[Row]) -> Iterator[Aspect]:
    """Yield the step and the code of each, and the status of runs."""
    yield Aspect("step", tuple(one_line(row.run.ref or _NONE) for row in rows))
    yield Aspect("status", tuple(describe_status(row.run) if row.setting is None else "-" for row in rows))
    yield Aspect("code", tuple(str(row.read(CODE) or "unknown")[:7] for row in rows))


def _read_parameters(rows: Sequence[Row]) -> Iterator[Aspect]:
    """Yield the parameters; of secrets it is said whether they are those of the first, as far as is known."""
    values: list[Mapping[str, Value]] = [
        row.run.parameters if row.setting is None else _read_setting_parameters(row) for row in rows
    ]
    secrets = [row.run.secrets for row in rows]
    for name in dict.fromkeys(name for one in (*values, *secrets) for name in one):
        cells = [parameter_text(one.get(name)) for one in values]
        digests = [one.get(name) for one in secrets]
        if any(digests):
            is_known = not any(row.run.is_foreign for row in rows)
            word = "another" if is_known else "perhaps another"
            cells = [
                _NONE if digest is None else MASK if digest == digests[0] else f"{MASK} ({word})" for digest in digests
            ]
        yield Aspect(name, tuple(cells))


def _read_setting_parameters(row: Row) -> dict[str, Value]:
    """Return the parameters of a setting, and of its runs those that differ, such as the seed."""
    varying = dict.fromkeys(name for run in row.runs for name in run.parameters if name not in row.parameters)
    return {**row.parameters, **dict.fromkeys(varying, _SEVERAL)}


def _read_environment(rows: Sequence[Row]) -> Iterator[Aspect]:
    yield from _read_shared(rows, read_surroundings)


def _read_packages(rows: Sequence[Row]) -> Iterator[Aspect]:
    yield from _read_shared(rows, lambda run: run.packages)


def _read_shared(rows: Sequence[Row], read: Callable[[Run], Mapping[str, str]]) -> Iterator[Aspect]:
    """Yield what the runs of each row share by name; `several` where they differ."""
    found = []
    for row in rows:
        runs = row.setting.counted or row.runs if row.setting is not None else row.runs
        values = [read(run) for run in runs]
        names = dict.fromkeys(name for one in values for name in one)
        found.append({name: _join({one.get(name) for one in values}) for name in names})
    for name in sorted({name for one in found for name in one}):
        yield Aspect(name, tuple(one_line(one.get(name, _NONE)) for one in found))


def _join(values: set[str | None]) -> str:
    return next(iter(values)) or _NONE if len(values) == 1 else _SEVERAL


def _read_metrics(rows: Sequence[Row], first: Sequence[str]) -> Iterator[Aspect]:
    names = order_metrics(rows, first)
    for name in [one for one in names if not is_bookkeeping(one)] or names:
        column = Column(name, "metric", name)
        summaries = [row.summarize(column) for row in rows]
        values = [row.read(column) for row in rows]
        deviations = [one.deviation for one in summaries if one is not None and one.deviation is not None]
        decimals = shared_decimals([float(one) for one in values if isinstance(one, int | float)], deviations)
        yield Aspect(
            name,
            tuple(
                describe_metric(row, column, value, decimals) if one is None else describe_summary(one, decimals)
                for row, value, one in zip(rows, values, summaries, strict=True)
            ),
        )
