"""The note of a sweep in the log: how its versions ended, and a table of its settings."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from orglab.experiment.model import Experiment
from orglab.runs.description import command_text, describe_end, parameter_text
from orglab.runs.metrics.directions import find_direction
from orglab.runs.record import Run
from orglab.runs.setting import Setting, find_reason
from orglab.runs.statistics import find_best
from orglab.runs.step_results import Results, find_differing, read_results
from orglab.runs.summary_text import describe_mean, describe_share, find_decimals
from orglab.runs.sweeps.sweep import Sweep, read_swept
from orglab.runs.sweeps.tasks import CLAIMED, ENDED, SKIPPED, Task
from orglab.text import count, cut, duration, listed

MOST_NAMED = 10
"""How many versions of a kind are named, in the note and in the status."""
_MOST_ROWS = 20
_REASON = 120
_CELL = 30
_NO_METRICS = "no metrics were found; let each version write them to {out}, or name them with --metrics"
_NUMBER = re.compile(r"[<>]?[-+^.0-9]*[0-9][-+^.0-9eEdDx()%:]*")  # the first part of org-table-number-regexp


class Problem(NamedTuple):
    """A version that did not end well, or diverged.

    Attributes:
        status: How it ended: `failed`, `killed`, `stopped`, `lost` or `diverged`.
        name: Its name.
        why: Why it did not end well, or which metrics diverged; empty if that is not known.
    """

    status: str
    name: str
    why: str


class SweepState:
    """How far a sweep is.

    Attributes:
        sweep: The sweep.
        tasks: Its tasks, in their order.
        runs: The runs of those that have one, by the name of the task.
        running: The tasks whose command runs, or is about to.
        lost: The tasks that a worker had which is gone.
    """

    def __init__(
        self,
        sweep: Sweep,
        tasks: Sequence[Task],
        runs: Mapping[str, Run],
        workers: Collection[str] = (),
        waiting: Collection[str] = (),
    ) -> None:
        """Take what was read of a sweep.

        Args:
            sweep: The sweep.
            tasks: Its tasks, in their order.
            runs: The runs of those that have one, by the name of the task.
            workers: The names of the workers that are alive.
            waiting: The names of the tasks that a scheduler has.
        """
        self.sweep = sweep
        self.tasks = tasks
        self.runs = runs
        self.running: list[Task] = []
        self.lost: list[Task] = []
        for task in tasks:
            if task.state != CLAIMED:
                continue
            run = runs.get(task.name)
            if task.worker in workers or (run is not None and run.is_going_on):
                self.running.append(task)
            # On another machine, a worker may be there before it can be seen.
            elif task.name not in waiting and not (sweep.where is not None and task.run is None):
                self.lost.append(task)

    def select(self, status: str) -> list[Task]:
        """Return the tasks that ended with a status, as in `Run.status`."""
        return [task for task in self.ended if task.status == status]

    @property
    def ended(self) -> list[Task]:
        """The tasks that have ended, now or before."""
        return [task for task in self.tasks if task.state == ENDED]

    @property
    def done(self) -> list[Task]:
        """The tasks whose run ended well, now or before."""
        return [task for task in self.tasks if task.is_good]

    @property
    def failed(self) -> list[Task]:
        """The tasks that ended in another way."""
        return [task for task in self.ended if not task.is_good]

    @property
    def diverged(self) -> list[Task]:
        """The tasks whose run ended well, but for a metric that is not a number."""
        ended = self.select("done")
        return [task for task in ended if (run := self.runs.get(task.name)) is not None and run.diverged]

    @property
    def queued(self) -> list[Task]:
        """The tasks that wait, also those that a scheduler begins again."""
        begun = {task.name for task in (*self.running, *self.lost)}
        return [task for task in self.tasks if task.state != ENDED and task.name not in begun]

    @property
    def is_complete(self) -> bool:
        """Whether every task has ended."""
        return len(self.ended) == len(self.tasks)

    @property
    def seconds(self) -> float:
        """The wall-clock time from the beginning of the first run to the end of the last one."""
        own = [self.runs[task.name] for task in self.tasks if task.status != SKIPPED and task.name in self.runs]
        begun = [run.began_at for run in own if run.began_at is not None]
        ended = [run.ended_at for run in own if run.ended_at is not None]
        return max(ended) - min(begun) if begun and ended else 0.0

    def describe_counts(self) -> list[str]:
        """Return how many versions ended in each way, run and wait: `7 done`, `2 failed`, `1 queued`."""
        failed = Counter([task.status or "failed" for task in self.failed] + ["lost"] * len(self.lost))
        amounts = {
            "done": len(self.select("done")) - len(self.diverged), **failed, "diverged": len(self.diverged),
            "done before": len(self.select(SKIPPED)), "running": len(self.running), "queued": len(self.queued),
        }  # fmt: skip
        return [f"{amount} {status}" for status, amount in amounts.items() if amount]

    def describe_task(self, task: Task) -> str:
        """Return how a task ended, or what it does: `done`, `done before`, `diverged`, `failed` or `running`."""
        if task.state != ENDED:
            return "running" if task in self.running else "lost" if task in self.lost else "queued"
        if task.status == SKIPPED:
            return "done before"
        run = self.runs.get(task.name)
        return "diverged" if task.is_good and run is not None and run.diverged else task.status or "failed"

    def explain(self, task: Task) -> str:
        """Return why a task did not end well; empty if it did, or has not ended."""
        if task.state != ENDED or task.is_good:
            return ""
        run = self.runs.get(task.name)
        return task.problem or (describe_end(run) if run is not None else "")

    def list_problems(self) -> list[Problem]:
        """Return the versions that did not end well, and then those that diverged."""
        failed = [Problem(task.status or "failed", task.version.name, self.explain(task)) for task in self.failed]
        diverged = ((task.version.name, self.runs[task.name].diverged) for task in self.diverged)
        return [*failed, *(Problem("diverged", name, listed(metrics)) for name, metrics in diverged)]


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
    lines += _describe_problems(state)
    lines += _describe_changes(state)
    lines += make_table(Ranking(state.runs.values(), experiment, identify_code, directions))
    if state.is_complete and state.done and not any(run.metrics for run in state.runs.values()):
        lines.append(_NO_METRICS)
    return "\n".join([*lines, f"sweep {state.sweep.id}"])


def _describe(state: SweepState) -> str:
    """Return how many versions ended, and how, as the beginning of the note."""
    if state.is_complete:
        return f"swept {describe_end_of_sweep(state)}, {duration(state.seconds, is_compact=True)}"
    total = count(len(state.tasks), "version")
    stopped = ["stopped"] if state.sweep.tasks.is_stopped else []
    return f"swept {len(state.ended)} of {total} so far, {', '.join([*stopped, *state.describe_counts()])}"


def describe_end_of_sweep(state: SweepState) -> str:
    """Return how many versions a sweep has, and how many ended well: `9 versions, 7 done, 2 failed`."""
    return ", ".join([count(len(state.tasks), "version"), *state.describe_counts()])


def _describe_problems(state: SweepState) -> list[str]:
    """Return a line for each of the first versions that did not end well, or diverged."""
    problems = state.list_problems()
    lines = [
        f"{status}: {name}" + (f" ({cut(why, _REASON)})" if why else "") for status, name, why in problems[:MOST_NAMED]
    ]
    if len(problems) > MOST_NAMED:
        more = len(problems) - MOST_NAMED
        lines.append(f"and {more} more; `orglab sweep status {state.sweep.id} --json` has them")
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

    Runs on changed code are another setting. Only settings on one code are compared: that of most runs.

    Attributes:
        settings: The settings, in the order of their first runs, also those without a run that counts.
        metrics: The main metrics, the most important first.
        metric: The metric that they are ranked by; empty if they have none.
        summaries: The values of that metric, for each setting.
        best: The place of the best setting, or of the only one with values; None if that is not known.
        direction: Whether less (`min`) or more (`max`) of that metric is better; None if that is not known.
    """

    def __init__(
        self,
        runs: Iterable[Run],
        experiment: Experiment,
        identify_code: Callable[[Sequence[Run]], Mapping[str, str]],
        directions: Mapping[str, str],
        metric: str | None = None,
    ) -> None:
        """Rank the settings of some runs of an experiment.

        Args:
            runs: The runs.
            experiment: The experiment.
            identify_code: Returns the identity of the code of each run, by its id.
            directions: The setting `metrics`: `min` or `max` by name.
            metric: The metric to rank by; None for the first of the main ones.
        """
        own = sorted(runs, key=lambda run: (run.began_at or 0, run.id))
        codes = identify_code(own)
        groups: dict[str, list[Run]] = {}
        for run in own:
            groups.setdefault(codes.get(run.id, ""), []).append(run)
        by_code = {
            code: read_results(experiment, group, lambda _: codes, lambda _reference: (), directions)
            for code, group in sorted(groups.items(), key=lambda item: -_count_measured(item[1]))
        }
        main = next(iter(by_code.values()), Results())
        self._code = next(iter(by_code), "")
        self.metrics = main.metrics
        self.metric = metric or next(iter(self.metrics), "")
        self.direction = find_direction(self.metric, directions)
        settings = [one.setting for results in by_code.values() for one in results.outcomes]
        self.settings = _join_settings(settings, self.metric)
        self.summaries = [setting.summarize(self.metric) for setting in self.settings]
        self.best = self._find_best()

    def is_on_other_code(self, place: int) -> bool:
        """Return whether a setting with values ran on other code than most of them."""
        return bool(self.summaries[place].values) and self.settings[place].code != self._code

    def _find_best(self) -> int | None:
        known = [place for place, summary in enumerate(self.summaries) if summary.values]
        if len(known) == 1:
            return known[0]
        if self.direction is None:
            return None
        means = {
            place: (summary.mean, len(summary.values)) for place, summary in enumerate(self.summaries)
            if summary.mean is not None and not self.is_on_other_code(place)
        }  # fmt: skip
        best = find_best([*means.values()], self.direction)
        return next((place for place, (mean, _) in means.items() if mean == best), None) if best is not None else None

    def list_places(self, most: int) -> list[int]:
        """Return the places of at most `most` settings: all in their order, or else the most telling ones.

        These are those that are compared, the best first; then those on other code, and those without a value.
        """
        places = range(len(self.settings))
        if len(places) <= most:
            return [*places]
        sign = {"min": 1, "max": -1}.get(self.direction or "", 0)

        def order(place: int) -> tuple[bool, bool, float]:
            mean = self.summaries[place].mean
            return mean is None, self.is_on_other_code(place), sign * (mean or 0.0)

        return sorted(places, key=order)[:most]


def _count_measured(runs: Iterable[Run]) -> int:
    return sum(find_reason(run) is None and bool(run.metrics) for run in runs)


def _join_settings(settings: Sequence[Setting], metric: str) -> list[Setting]:
    """Return settings in the order of their first runs, without those that have a value only on other code.

    What failed, and ended well after the code was mended, is one row.
    """
    valued = [one.parameters for one in settings if one.summarize(metric).values]
    kept = [one for one in settings if one.summarize(metric).values or one.parameters not in valued]
    return sorted(kept, key=lambda one: (one.runs[0].began_at or 0, one.runs[0].id))


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
        mark = "best" if place == ranking.best and len(settings) > 1 else other
        given = (parameter_text(setting.parameters[name]) if name in setting.parameters else "" for name in names)
        amount = describe_share(len(summary.values), summary.total)
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
    decimals = find_decimals(summaries)
    return [describe_mean(summary, decimals, "", style="table") for summary in summaries]


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
