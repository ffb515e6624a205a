"""The table of runs: select, sort and group them, and choose the columns that tell them apart."""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from orglab.errors import UsageError
from orglab.runs.description import describe_end
from orglab.runs.metrics.directions import Direction, find_direction
from orglab.runs.metrics.values import is_not_finite
from orglab.runs.parameters.arguments import Value, parse_value
from orglab.runs.record import Run
from orglab.runs.setting import (
    Setting,
    Summary,
    find_reason,
    find_settings,
    read_best,
    read_final,
    read_seeds,
)
from orglab.runs.step_results import find_differing, is_bookkeeping, is_of_training

_CONDITION = re.compile(r"(?P<name>[^=<>!]+?)\s*(?P<operator>==|=|!=|<=|>=|<|>)\s*(?P<value>.*)", re.S)
_BEST = ":best"
_NO_FOLDER = Path()
FIELDS = ("id", "step", "status", "ended", "age", "seconds", "seed", "command", "host", "code", "why", "author")
"""What a column may show apart from parameters and metrics."""
STATUSES = ("done", "failed", "killed", "stopped", "lost", "running", "unobserved", "discarded", "diverged", "kept")
"""The words that a condition on the status may have; a run that is done may have diverged, or be kept, too."""


class Column(NamedTuple):
    """A column of the table.

    Attributes:
        name: Its heading.
        kind: `field` (one of FIELDS), `parameter` or `metric`.
        key: The field, the parameter or the metric.
        best: `min` or `max` for the best value of a metric during a run; None for its final value.
    """

    name: str
    kind: str
    key: str
    best: Direction | None = None


CODE = Column("code", "field", "code")


class Condition(NamedTuple):
    """A condition on a column, such as `lr=0.1` or `val.acc>0.9`."""

    column: Column
    operator: str
    value: Value

    def holds(self, found: Value | None) -> bool:
        """Return whether a value meets the condition; `none` stands for a missing value too."""
        if self.operator in ("=", "==", "!="):
            is_equal = (found is None and self.value == "none") or _is_equal(found, self.value)
            return is_equal != (self.operator == "!=")
        if isinstance(found, str | bool | None) or isinstance(self.value, str | bool):
            return False
        is_greater = self.operator.startswith(">")
        return (found > self.value if is_greater else found < self.value) or (
            self.operator.endswith("=") and found == self.value
        )


def _is_equal(found: Value | None, wanted: Value) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool) or (isinstance(found, str) and is_not_finite(found)):
        return str(found).lower() == str(wanted).lower()
    return found == wanted or str(found) == str(wanted)


class Row(NamedTuple):
    """A row of the table: a run, or a setting with its runs.

    Attributes:
        runs: The run, or the runs of the setting, oldest first.
        setting: The setting; None for a single run.
        codes: The commit that stands for the code of each run, by its id; without one, it is that of the run.
    """

    runs: tuple[Run, ...]
    setting: Setting | None = None
    codes: Mapping[str, str] = MappingProxyType({})

    @property
    def run(self) -> Run:
        """The run, or the newest run of the setting."""
        return self.runs[-1]

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The parameters, without seeds."""
        return self.run.constant_parameters if self.setting is None else self.setting.parameters

    def summarize(self, column: Column) -> Summary | None:
        """Return the values of a metric over the runs of a setting; None for a single run."""
        return None if self.setting is None else self.setting.summarize(column.key, best=column.best)

    def read(self, column: Column) -> Value | None:
        """Return the value of a column, for conditions and sorting; of a setting, the mean of a metric."""
        if column.kind == "parameter":
            return (self.run.parameters if self.setting is None else self.parameters).get(column.key)
        if column == CODE:
            return self._read_code()
        if column.kind == "field":
            return _read_field(self.run, column.key) if self.setting is None else _read_common(self.setting, column.key)
        if self.setting is not None:
            return self.setting.summarize(column.key, best=column.best).mean
        if column.best is not None:
            return read_best(self.run, column.key, column.best)
        final = read_final(self.run, column.key)
        return self.run.metrics.get(column.key) if final is None else final

    def _read_code(self) -> str | None:
        """Return the commit of the code, of a setting that of the runs that count."""
        runs = self.setting.counted if self.setting is not None and self.setting.counted else self.runs
        found = {self.codes.get(run.id, run.code) for run in runs}
        return found.pop() if len(found) == 1 else None


def _read_common(setting: Setting, name: str) -> Value | None:
    """Return a field that all runs of a setting share, and of seeds those of the runs that count."""
    if name == "seed":
        return _join_seeds(read_seeds(run) for run in setting.counted)
    values = dict.fromkeys(_read_field(run, name) for run in setting.runs)
    return next(iter(values)) if len(values) == 1 else None


def _join_seeds(seeds: Iterable[Mapping[str, str]]) -> Value | None:
    """Return a single seed as a number, if it is one; of several, a text."""
    text = ",".join(seed for one in seeds for seed in one.values())
    return parse_value(text) if text else None


def _parse_wanted(column: Column, text: str) -> Value:
    """Return the value in a condition on a column: of a field such as the code it is a text, whatever its digits."""
    is_text = column.kind == "field" and column.key not in ("age", "seconds", "seed")
    return text if is_text else parse_value(text)


def _read_field(run: Run, name: str) -> Value | None:
    return _FIELDS[name](run)


_FIELDS: dict[str, Callable[[Run], Value | None]] = {
    "id": lambda run: run.id,
    "step": lambda run: run.ref,
    "status": lambda run: "discarded" if run.discarded is not None else run.status,
    "ended": describe_end,
    "age": lambda run: -run.began_at if run.began_at is not None else None,
    "seconds": lambda run: run.seconds,
    "seed": lambda run: _join_seeds([read_seeds(run)]),
    "command": lambda run: " ".join(run.argv),
    "host": lambda run: run.host,
    "why": lambda run: run.why,
    "author": lambda run: run.author,
}


class RunTable(NamedTuple):
    """A table of runs.

    Attributes:
        rows: The rows, in the requested order.
        columns: The columns that were asked for; empty for those that suit the output.
        parameters: The parameters that are not the same in all rows, without seeds.
        metrics: The metrics, the most important first.
        directions: The setting `metrics`.
        hidden: How many discarded runs are not in the table.
        is_grouped: Whether a row is a setting.
    """

    rows: list[Row]
    columns: tuple[Column, ...]
    parameters: tuple[Column, ...]
    metrics: tuple[Column, ...]
    directions: Mapping[str, str]
    hidden: int
    is_grouped: bool


class TableRequest(NamedTuple):
    """What a table of runs shows.

    Attributes:
        where: The conditions that a run must meet: `lr=0.1`, `val.acc>0.9`, `status=failed`, `code=HEAD`.
        sort: The column to sort by, with `-` before it for the largest first; None for the oldest first.
        best: The metric by which the best comes first.
        columns: The columns to show.
        by_setting: Whether runs are grouped by setting.
        every: Whether discarded runs are included.
        first: Metrics to show before the others.
    """

    where: Sequence[str] = ()
    sort: str | None = None
    best: str | None = None
    columns: Sequence[str] = ()
    by_setting: bool = False
    every: bool = False
    first: Sequence[str] = ()


class CodeReader(NamedTuple):
    """How the code of runs is compared.

    Attributes:
        identify: Returns the identity of the code of each run, by its id.
        resolve: Returns the full hash of a revision; raises OrglabError if there is none.
    """

    identify: Callable[[Sequence[Run]], Mapping[str, str]]
    resolve: Callable[[str], str]


def make_table(
    runs: Sequence[Run],
    request: TableRequest,
    directions: Mapping[str, str],
    code: CodeReader | None = None,
) -> RunTable:
    """Return a table of runs.

    Args:
        runs: The runs, oldest first.
        request: What to show.
        directions: The setting `metrics`.
        code: How code is compared; needed to group runs, and for conditions on the code and its column.

    Raises:
        UsageError: A column is unknown, or the direction of the metric of `best` is.
        NotFoundError: A revision is unknown.
    """
    names = _Names(runs, directions)
    conditions = [names.parse_condition(text) for text in request.where]
    if request.by_setting:
        _refuse_selection(conditions)
    of_means = [one for one in conditions if request.by_setting and one.column.kind == "metric"]
    selected = _select(runs, [one for one in conditions if one not in of_means], code)
    shown = [run for run in selected if request.every or run.discarded is None]
    columns = tuple(names.find(name) for name in request.columns)
    is_code_needed = CODE in columns or (request.sort or "").removeprefix("-") == CODE.name
    commits = _find_commits(runs, code) if is_code_needed and code is not None else {}
    if request.by_setting:
        settings = find_settings(selected, code.identify(selected) if code is not None else {})
        rows = [Row(tuple(setting.runs), setting, commits) for setting in settings]
        rows = [row for row in rows if all(one.holds(row.read(one.column)) for one in of_means)]
    else:
        rows = [Row((run,), codes=commits) for run in shown]
    first = tuple(request.first)
    if request.best is not None:
        column = names.find_best(request.best)
        rows = _sort(rows, column, is_reversed=names.find_direction(column) == "max")
        # A run that does not count is never the best.
        rows.sort(key=lambda row: row.setting is None and find_reason(row.run) is not None)
        first = (column.key, *first)
    elif request.sort is not None:
        column = names.find(request.sort.removeprefix("-"))
        rows = _sort(rows, column, is_reversed=request.sort.startswith("-"))
        first = (column.key, *first)
    differing = find_differing([row.parameters for row in rows]) if rows else []
    # A parameter that most rows have tells more than one that a single run was given.
    counts = Counter(name for row in rows for name in row.parameters)
    differing.sort(key=lambda name: -counts[name])
    metrics = order_metrics(rows, (*first, *directions))
    return RunTable(
        rows,
        columns,
        tuple(Column(name, "parameter", name) for name in differing),
        tuple(Column(name, "metric", name) for name in metrics),
        directions,
        0 if request.by_setting else len(selected) - len(shown),
        request.by_setting,
    )


def _find_commits(runs: Sequence[Run], code: CodeReader) -> dict[str, str]:
    """Return the commit that stands for the code of each run, by its id: that of the first run of the same code."""
    own = {run.id: run.code for run in runs}
    commits = ((name, own.get(first)) for name, first in code.identify(runs).items())
    return {name: commit for name, commit in commits if commit is not None}


def _refuse_selection(conditions: Iterable[Condition]) -> None:
    """Raise UsageError for a condition that would leave out runs of a setting, so that its mean rests on a choice."""
    for condition in conditions:
        if condition.column.kind == "field" and condition.column.key not in ("step", "code", "command"):
            raise UsageError(
                f"A condition on {condition.column.name} would choose among the runs of a setting; "
                "with --by setting, use parameters, metrics, step or code."
            )


def _select(runs: Sequence[Run], conditions: Sequence[Condition], code: CodeReader | None) -> list[Run]:
    """Return the runs that meet all conditions."""
    of_code = [one for one in conditions if one.column == CODE]
    others = [one for one in conditions if one not in of_code]
    selected = [run for run in runs if all(_meets(run, one) for one in others)]
    if code is None:
        return selected
    for condition in of_code:
        # A run that stands for the revision, so that the same comparison of trees decides.
        revision = Run(_NO_FOLDER, {"before": code.resolve(str(condition.value))})
        codes = code.identify([*selected, revision])
        is_wanted = condition.operator != "!="
        selected = [run for run in selected if (codes.get(run.id) == codes.get(revision.id)) == is_wanted]
    return selected


def _meets(run: Run, condition: Condition) -> bool:
    if condition.column.key == "status" and condition.value == "diverged":
        return bool(run.diverged) != (condition.operator == "!=")
    if condition.column.key == "status" and condition.value == "kept":
        return (run.kept_code is not None) != (condition.operator == "!=")
    return condition.holds(Row((run,)).read(condition.column))


def _sort(rows: Iterable[Row], column: Column, *, is_reversed: bool) -> list[Row]:
    """Return rows sorted by a column: numbers, then texts, and at the end, in either order, those without a value."""

    def key(row: Row) -> tuple[bool, float, str]:
        value = row.read(column)
        if isinstance(value, int | float):
            return (is_reversed, float(value), "")
        return (not is_reversed, 0.0, str(value))

    rows = [*rows]
    known = [row for row in rows if row.read(column) is not None]
    ranked = sorted(known, key=key, reverse=is_reversed)
    if column.kind == "metric":
        # A metric that is no number has diverged: it is never the best.
        ranked.sort(key=lambda row: not isinstance(row.read(column), int | float))
    return ranked + [row for row in rows if row.read(column) is None]


def order_metrics(rows: Iterable[Row], first: Iterable[str]) -> list[str]:
    """Return the metrics of some rows: `first`, then those that most rows have, bookkeeping last."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in dict.fromkeys(name for run in row.runs for name in run.metrics):
            counts[name] = counts.get(name, 0) + 1
    others = sorted(counts, key=lambda name: (is_bookkeeping(name), is_of_training(name), -counts[name]))
    return [*dict.fromkeys(name for name in (*first, *others) if name in counts)]


class _Names:
    """The names of the columns that some runs have."""

    def __init__(self, runs: Iterable[Run], directions: Mapping[str, str]) -> None:
        runs = [*runs]
        self._directions = directions
        self._parameters = dict.fromkeys(name for run in runs for name in run.parameters)
        self._metrics = dict.fromkeys(name for run in runs for name in run.metrics)

    def parse_condition(self, text: str) -> Condition:
        """Return a condition such as `lr=0.1`.

        Raises:
            UsageError: It is not one, or the name is unknown.
        """
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is not a condition; write one as lr=0.1, val.acc>0.9 or status=failed.")
        value = match["value"]
        if match["name"].strip() == "status" and value not in STATUSES:
            raise UsageError(f"Unknown status {value!r}; use one of {', '.join(STATUSES)}.")
        column = self.find(match["name"].strip())
        return Condition(column, match["operator"], _parse_wanted(column, value))

    def find(self, name: str) -> Column:
        """Return the column with a name, or with a name that ends in it: `acc` for `val.acc`.

        Raises:
            UsageError: There is none, or there are several.
        """
        plain = name.removesuffix(_BEST)
        if plain != name:
            metric = self.find_metric(plain)
            return metric._replace(name=name, best=self.find_direction(metric))
        if name in FIELDS:
            return Column(name, "field", name)
        for kind, known in (("parameter", self._parameters), ("metric", self._metrics)):
            if name in known or name.replace("-", "_") in known:
                return Column(name, kind, name if name in known else name.replace("-", "_"))
        return self._find_by_ending(name, {"parameter": self._parameters, "metric": self._metrics})

    def find_metric(self, name: str) -> Column:
        """Return the column of a metric.

        Raises:
            UsageError: There is none with this name, or there are several.
        """
        return (
            Column(name, "metric", name)
            if name in self._metrics
            else self._find_by_ending(name, {"metric": self._metrics})
        )

    def find_best(self, name: str) -> Column:
        """Return the column of a metric, of its last value or, with `:best`, of its best one; raises UsageError."""
        return self.find(name) if name.endswith(_BEST) else self.find_metric(name)

    def _find_by_ending(self, name: str, known: Mapping[str, Iterable[str]]) -> Column:
        found = [
            Column(whole, kind, whole) for kind, names in known.items() for whole in names
            if whole.endswith((f".{name}", f"/{name}", f"_{name}"))
        ]  # fmt: skip
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{name!r} may be {' or '.join(column.name for column in found)}; write the whole name.")
        names = sorted(one for group in known.values() for one in group)
        hint = f"the names are {', '.join(names[:20])}" if names else "no run has any"
        raise UsageError(f"No run has {name!r}; {hint}.")

    def find_direction(self, column: Column) -> Direction:
        """Return which value of a metric is the best.

        Raises:
            UsageError: It is not known.
        """
        direction = find_direction(column.key, self._directions)
        if direction is None:
            raise UsageError(
                f"Whether a small or a large {column.key} is better is not known; "
                f'say so in orglab.toml, as [metrics] "{column.key}" = "max", or sort by it.'
            )
        return direction


def describe_age(run: Run, now: datetime.datetime) -> str:
    """Return how long ago a run began: `5m`, `3h`, `12d`."""
    if run.began is None:
        return ""
    minutes = max(0, int((now - run.began).total_seconds() // 60))
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes < 24 * 60 else f"{minutes // (24 * 60)}d"
