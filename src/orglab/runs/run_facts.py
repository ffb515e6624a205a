"""What there is to say of a run besides its end: its job, its code, its metrics, and where it stands."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orglab.git.trees import FileChange
from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.description import parameter_text
from orglab.runs.metrics.directions import find_direction
from orglab.runs.record import Run
from orglab.runs.sources.registry import TITLES
from orglab.runs.standing import Rival, Standing
from orglab.runs.summary_text import describe_comparison, describe_mean, find_decimals
from orglab.text import count


class BestValue(NamedTuple):
    """The best value in the history of a metric.

    Attributes:
        value: The value.
        step: Its step.
    """

    value: float
    step: float


class StandingWords(NamedTuple):
    """Where a run stands by one metric, in words; each is empty if there is nothing to say.

    Attributes:
        best: The best so far: `0.91 ± 0.01 (e1.1 with lr 0.1, n = 3)`.
        best_of_log: The best in the log, likewise.
        change: The difference to the baseline: `+0.020, n = 1`.
        decimals: How many decimals the numbers are shown with.
    """

    best: str
    best_of_log: str
    change: str
    decimals: int | None


def describe_change(change: FileChange) -> str:
    """Return a changed file: `train.py (+3 -1)`."""
    return change.path + (" (binary)" if change.added is None else f" (+{change.added} -{change.removed})")


def describe_job(job: SchedulerJob) -> str:
    """Return the job of a scheduler: `slurm 12, index 3 of its array, restarted 2 times`."""
    index = f", index {job.array} of its array" if job.array is not None else ""
    return f"{job.scheduler} {job.id}{index}" + (f", restarted {count(job.restarts, 'time')}" if job.restarts else "")


def describe_trackers(run: Run) -> list[str]:
    """Return what trackers have of a run: `W&B 3ab9`."""
    return [f"{TITLES.get(one.tracker, one.tracker)} {one.id or ''}".strip() for one in run.trackers]


def describe_results(run: Run) -> str:
    """Return the commit of the results of a run; empty without one."""
    return run.commit or (f"{run.kept}, on no branch" if run.kept else "")


def describe_parameters(run: Run) -> list[tuple[str, str]]:
    """Return the parameters of a run, each with its value."""
    return [(name, parameter_text(value)) for name, value in run.parameters.items()]


def find_best_value(run: Run, name: str, directions: Mapping[str, str]) -> BestValue | None:
    """Return the best value that a metric had; None if it is not known, or is the last one.

    Args:
        run: The run.
        name: The name of the metric.
        directions: The setting `metrics`.
    """
    extremes, direction = run.extremes.get(name), find_direction(name, directions)
    if extremes is None or direction is None:
        return None
    best = BestValue(*(extremes[:2] if direction == "min" else extremes[2:]))
    return best if best.value != run.metrics.get(name) else None


def describe_standing(standing: Standing) -> StandingWords:
    """Return where a run stands by a metric."""
    rivals = [one for one in (standing.best, standing.best_of_log) if one is not None]
    decimals = find_decimals([standing.summary, *(one.summary for one in rivals)])
    change = ""
    if standing.change is not None:
        change = describe_comparison(standing.change, decimals, has_other_code=standing.has_other_code)
        change = f"{change}, n = {len(standing.summary.values)}"
    best, best_of_log = (_describe_rival(one, decimals) for one in (standing.best, standing.best_of_log))
    return StandingWords(best, best_of_log, change, decimals)


def find_first_standing(standings: Sequence[Standing]) -> Standing | None:
    """Return where a run stands by the first main metric that it has; None without one."""
    return next((one for one in standings if one.value is not None), None)


def _describe_rival(rival: Rival | None, decimals: int | None) -> str:
    """Return the best setting so far: `0.91 ± 0.01 (e1.1 with lr 0.1, n = 3)`."""
    if rival is None:
        return ""
    outcome = rival.outcome
    name = "this setting" if rival.is_same else outcome.ref + (f" with {outcome.label}" if outcome.label else "")
    remark = ", other code" if rival.has_other_code else ""
    return f"{describe_mean(rival.summary, decimals)} ({name}{remark}, n = {len(rival.summary.values)})"
