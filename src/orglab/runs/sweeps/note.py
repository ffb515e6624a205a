"""The note of a sweep in the log: how its versions ended, and a table of its settings."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from orglab.experiment.model import Experiment
from orglab.runs.description import command_text, describe_end, parameter_text, value_text
from orglab.runs.metrics.directions import find_direction
from orglab.runs.record import Run
from orglab.runs.setting import REPEATED, Setting
from orglab.runs.statistics import find_best
from orglab.runs.step_results import find_differing, read_results
from orglab.runs.sweeps.sweep import Sweep, read_swept
from orglab.runs.sweeps.tasks import CLAIMED, ENDED, QUEUED, SKIPPED, Task
from orglab.text import count, cut, duration, listed, shared_decimals

_MOST_NAMED = 5  # versions that failed
_MOST_ROWS = 20
_MOST_METRICS = 3
_REASON = 120
_CELL = 30
_NO_METRICS = "no metrics were found; let each version write them to {out}, or name them with --metrics"
_NUMBER = re.compile(r"[<>]?[-+^.0-9]*[0-9][-+^.0-9eEdDx()%:]*")  # the first part of org-table-number-regexp


class SweepState:
    """How far a sweep is.

    Attributes:
        sweep: The sweep.
        tasks: Its tasks, in their order.
        runs: The runs of those that have one, by the name of the task.
    """

    def __init__(self, sweep: Sweep, tasks: Sequence[Task], runs: Mapping[str, Run]) -> None:
        """Take what was read of a sweep."""
        self.sweep = sweep
        self.tasks = tasks
        self.runs = runs

    def select(self, status: str) -> list[Task]:
        """Return the tasks that ended with a status, as in `Run.status`."""
        return [task for task in self.tasks if task.state == ENDED and task.status == status]

    @property
    def done(self) -> list[Task]:
        """The tasks whose run ended well, now or before."""
        return [task for task in self.tasks if task.is_good]

    @property
    def failed(self) -> list[Task]:
        """The tasks that ended in another way."""
        return [task for task in self.tasks if task.state == ENDED and not task.is_good]

    @property
    def diverged(self) -> list[Task]:
        """The tasks whose run ended well, but for a metric that is not a number."""
        ended = self.select("done")
        return [task for task in ended if (run := self.runs.get(task.name)) is not None and run.diverged]

    @property
    def queued(self) -> list[Task]:
        """The tasks that wait."""
        return [task for task in self.tasks if task.state == QUEUED]

    @property
    def claimed(self) -> list[Task]:
        """The tasks that a worker has."""
        return [task for task in self.tasks if task.state == CLAIMED]

    @property
    def is_complete(self) -> bool:
        """Whether every task has ended."""
        return all(task.state == ENDED for task in self.tasks)

    @property
    def seconds(self) -> float:
        """The wall-clock time from the beginning of the first run to the end of the last one."""
        own = [self.runs[task.name] for task in self.tasks if task.status != SKIPPED and task.name in self.runs]
        begun = [run.began_at for run in own if run.began_at is not None]
        ended = [run.ended_at for run in own if run.ended_at is not None]
        return max(ended) - min(begun) if begun and ended else 0.0


def format_note(
    state: SweepState,
    experiment: Experiment,
    identify_code: Callable[[Sequence[Run]], Mapping[str, str]],
    directions: Mapping[str, str],
) -> str:
    """Return the note of a sweep, which ends in the line `sweep ID`.

    Args:
        state: How far it is.
        experiment: Its experiment.
        identify_code: Returns the identity of the code of each run, by its id.
        directions: The setting `metrics`: `min` or `max` by name.
    """
    record = state.sweep.record
    lines = [f"{_describe(state)}: {command_text(record.argv)}"]
    if record.why:
        lines.append(" ".join(record.why.split()))
    lines += _describe_failures(state)
    lines += _describe_changes(state)
    lines += make_table(Ranking(state.runs.values(), experiment, identify_code, directions))
    if state.is_complete and state.done and not any(run.metrics for run in state.runs.values()):
        lines.append(_NO_METRICS)
    return "\n".join([*lines, f"sweep {state.sweep.id}"])


def _describe(state: SweepState) -> str:
    """Return how many versions ended, and how, as the beginning of the note."""
    total = count(len(state.tasks), "version")
    if state.is_complete:
        return f"swept {describe_end_of_sweep(state)}, {duration(state.seconds, is_compact=True)}"
    ran = [task for task in state.tasks if task.state == ENDED and task.status != SKIPPED]
    left = [f"{len(state.claimed)} running"] if state.claimed else []
    left += [f"{len(state.queued)} queued"] if state.queued else []
    stopped = ["stopped"] if state.sweep.tasks.is_stopped else []
    return f"swept {len(ran)} of {total} so far, {', '.join([*stopped, *_count_ended(state), *left])}"


def describe_end_of_sweep(state: SweepState) -> str:
    """Return how many versions a sweep has, and how many ended well: `9 versions, 7 done, 2 failed`."""
    return ", ".join([count(len(state.tasks), "version"), *_count_ended(state)])


def _count_ended(state: SweepState) -> list[str]:
    amounts = {
        "done": len(state.select("done")) - len(state.diverged), **Counter(task.status for task in state.failed),
        "diverged": len(state.diverged), "done before": len(state.select(SKIPPED)),
    }  # fmt: skip
    return [f"{amount} {status}" for status, amount in amounts.items() if amount]


def _describe_failures(state: SweepState) -> list[str]:
    """Return a line for each of the first versions that failed or diverged."""
    lines = []
    for task in state.failed[:_MOST_NAMED]:
        run = state.runs.get(task.name)
        why = task.problem or (describe_end(run) if run is not None else "")
        lines.append(f"{task.status}: {task.version.name}" + (f" ({cut(why, _REASON)})" if why else ""))
    if len(state.failed) > _MOST_NAMED:
        more = len(state.failed) - _MOST_NAMED
        lines.append(f"and {more} more; `orglab sweep status {state.sweep.id} --json` has them")
    for task in state.diverged[:_MOST_NAMED]:
        run = state.runs[task.name]
        lines.append(f"diverged: {task.version.name} ({listed(run.diverged)})")
    if len(state.diverged) > _MOST_NAMED:
        lines.append(f"and {len(state.diverged) - _MOST_NAMED} more that diverged")
    return lines


def _describe_changes(state: SweepState) -> list[str]:
    """Return a line about the versions that ran on other code than that of the beginning."""
    changed: dict[str, None] = {}
    amount = 0
    for swept in map(read_swept, state.runs.values()):
        if swept is not None and swept.sweep == state.sweep.id and swept.changed:
            amount += 1
            changed |= dict.fromkeys(swept.changed)
    if not amount:
        return []
    return [f"{count(amount, 'version')} ran on changed code: {listed(sorted(changed), 3)}"]


class Ranking:
    """The settings of a sweep, and which is the best.

    Only settings on one code are compared: that of most of them.

    Attributes:
        settings: The settings, in the order of their first runs, also those without a run that counts.
        metrics: The main metrics, the most important first.
        summaries: The values of the first metric, for each setting.
        best: The place of the best setting; None if that is not known.
        direction: Whether less (`min`) or more (`max`) of the first metric is better; None if that is not known.
    """

    def __init__(
        self,
        runs: Iterable[Run],
        experiment: Experiment,
        identify_code: Callable[[Sequence[Run]], Mapping[str, str]],
        directions: Mapping[str, str],
    ) -> None:
        """Rank the settings of some runs of an experiment.

        Args:
            runs: The runs.
            experiment: The experiment.
            identify_code: Returns the identity of the code of each run, by its id.
            directions: The setting `metrics`: `min` or `max` by name.
        """
        own = sorted(runs, key=lambda run: (run.began_at or 0, run.id))
        results = read_results(experiment, own, identify_code, lambda _reference: (), directions)
        self.settings = [outcome.setting for outcome in results.outcomes]
        self.metrics = results.metrics[:_MOST_METRICS]
        first = self.metrics[0] if self.metrics else ""
        self.summaries = [setting.summarize(first) for setting in self.settings]
        self.direction = find_direction(first, directions)
        codes = Counter(one.code for one, summary in zip(self.settings, self.summaries, strict=True) if summary.values)
        self._code = codes.most_common(1)[0][0] if codes else ""
        self.best = self._find_best()

    def is_on_other_code(self, place: int) -> bool:
        """Return whether a setting with values ran on other code than most of them."""
        return bool(self.summaries[place].values) and self.settings[place].code != self._code

    def _find_best(self) -> int | None:
        if self.direction is None:
            return None
        means = {
            place: (summary.mean, len(summary.values)) for place, summary in enumerate(self.summaries)
            if summary.mean is not None and not self.is_on_other_code(place)
        }  # fmt: skip
        best = find_best([*means.values()], self.direction)
        return next((place for place, (mean, _) in means.items() if mean == best), None) if best is not None else None

    def list_places(self, most: int) -> list[int]:
        """Return the places of the settings in their order; of more than `most`, the best ones, the best first."""
        places = [*range(len(self.settings))]
        if len(places) <= most or self.direction is None:
            return places[:most]
        sign = -1 if self.direction == "max" else 1
        known = [place for place in places if self.summaries[place].mean is not None]
        return sorted(known, key=lambda place: sign * (self.summaries[place].mean or 0.0))[:most]


def make_table(ranking: Ranking) -> list[str]:
    """Return an Org table of settings: mean and deviation of the main metrics, how many runs count, and the best.

    Returns no line if no run has a number.
    """
    settings = ranking.settings
    if not settings or not ranking.metrics:
        return []
    names = find_differing([setting.parameters for setting in settings])
    columns = [_spell_column(settings, name) for name in ranking.metrics]
    rows = [[*names, *ranking.metrics, "n", ""]]
    places = ranking.list_places(_MOST_ROWS)
    for place in places:
        setting, summary = settings[place], ranking.summaries[place]
        other = "other code" if ranking.is_on_other_code(place) else ""
        mark = "best" if place == ranking.best else other
        given = (parameter_text(setting.parameters[name]) if name in setting.parameters else "" for name in names)
        repeated = summary.reasons.get(REPEATED, 0)
        total = summary.total - repeated
        amount = str(len(summary.values)) + (f" of {total}" if total > len(summary.values) else "")
        rows.append([*given, *(column[place] for column in columns), amount, mark])
    if not any(row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
    lines = _draw(rows)
    if len(settings) > len(places):
        lines.append(f"and {count(len(settings) - len(places), 'more setting')}")
    return lines


def _spell_column(settings: Sequence[Setting], metric: str) -> list[str]:
    """Return mean ± deviation of a metric for each setting, all with the same decimals."""
    summaries = [setting.summarize(metric) for setting in settings]
    means = [one.mean for one in summaries if one.mean is not None]
    decimals = shared_decimals(means, [one.deviation for one in summaries if one.deviation is not None])
    cells = []
    for one in summaries:
        if one.mean is None:
            cells.append("")
        elif one.deviation is None:
            # A single value is exact.
            cells.append(value_text(one.mean) if len(one.values) == 1 else _spell(one.mean, decimals))
        else:
            cells.append(f"{_spell(one.mean, decimals)} ± {_spell(one.deviation, decimals)}")
    return cells


def _spell(value: float, decimals: int | None) -> str:
    return value_text(value) if decimals is None else f"{value:.{decimals}f}"


def _draw(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return an Org table, aligned as Org does it, with a line below its head."""
    clean = [[cut(" ".join(cell.split()), _CELL).replace("|", "\\vert{}") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    numeric = [_is_numeric(column) for column in zip(*clean, strict=True)]
    lines = []
    for row in clean:
        cells = (
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        )
        lines.append(f"| {' | '.join(cells)} |")
    rule = "|" + "+".join("-" * (width + 2) for width in widths) + "|"
    return [lines[0], rule, *lines[1:]]


def _is_numeric(column: Sequence[str]) -> bool:
    """Return whether Org aligns a column to the right: half of its cells are numbers (org-table-number-fraction)."""
    filled = [cell for cell in column if cell]
    return bool(filled) and 2 * sum(_NUMBER.fullmatch(cell) is not None for cell in filled) >= len(filled)
