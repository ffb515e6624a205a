"""How far a sweep is: what runs, what is left, how long that will take, and what is best so far."""

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from orglab import clock
from orglab.errors import OrglabError
from orglab.log.log import LogFile
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import Run
from orglab.runs.setting import Setting, Summary
from orglab.runs.statistics import mean
from orglab.runs.step_results import label_settings
from orglab.runs.summary_text import describe_summary, find_decimals
from orglab.runs.sweeps.note import MOST_NAMED, Ranking, SweepState
from orglab.runs.sweeps.settlement import is_over, read_state
from orglab.runs.sweeps.sweep import Sweep
from orglab.runs.sweeps.tasks import SKIPPED, Task
from orglab.text import count, duration

if TYPE_CHECKING:
    from orglab.runs.launchers.slurm_jobs import SchedulerState


class Best(NamedTuple):
    """The best setting so far.

    Attributes:
        label: What tells it from the others: `lr 0.1, model small`.
        setting: The setting.
        summary: Its values of the main metric.
        decimals: How many decimals tell it from the others; None if each value is formatted by itself.
    """

    label: str
    setting: Setting
    summary: Summary
    decimals: int | None = None


class Progress(NamedTuple):
    """How far a sweep is.

    Attributes:
        state: Its tasks and runs.
        workers: How many workers are alive; None if it runs elsewhere.
        running: The tasks whose command runs, each with its run and the seconds since that began.
        left: The seconds that the rest will take; None if that is not known.
        best: The best setting so far; None without a number, or if it is not known what is better.
        is_over: Whether nothing runs and nothing is left to run.
        scheduler: What Slurm has of it; None if that is not known.
    """

    state: SweepState
    workers: int
    running: Sequence[tuple[Task, Run | None, float]]
    left: float | None
    best: Best | None
    is_over: bool
    scheduler: "SchedulerState | None" = None


def ask_scheduler(sweep: Sweep) -> "SchedulerState | None":
    """Return what Slurm has of a sweep; None if it does not run there, has ended, or Slurm does not answer."""
    if sweep.where != "slurm" or is_over(sweep):
        return None
    from orglab.runs.launchers.slurm_jobs import ask_slurm  # noqa: PLC0415 - most sweeps run here

    return ask_slurm(sweep)


def read_progress(log: LogFile, sweep: Sweep, runs: LogRuns, scheduler: "SchedulerState | None" = None) -> Progress:
    """Return how far a sweep is now.

    Args:
        log: The log.
        sweep: The sweep.
        runs: The runs of the log.
        scheduler: What Slurm has of it, if that is known.
    """
    # Before the tasks, so that none of a sweep that is over is still shown as one that runs.
    workers, is_past = sweep.list_workers(), is_over(sweep)
    state = read_state(log, sweep, scheduler.names if scheduler is not None else ())
    now = clock.now()
    at_work = [(task, state.runs.get(task.name)) for task in state.running]
    shown = [(task, run, _count_seconds(run, now)) for task, run in at_work]
    return Progress(
        state, len(workers), shown, _estimate(state, [seconds for _, _, seconds in shown], len(workers) or 1),
        _find_best_setting(log, state, runs), is_past, scheduler,
    )  # fmt: skip


def _count_seconds(run: Run | None, now: datetime.datetime) -> float:
    return max(0.0, now.timestamp() - run.began_at) if run is not None and run.began_at is not None else 0.0


def _estimate(state: SweepState, running: Sequence[float], workers: int) -> float | None:
    """Return the seconds that the rest will take, if each version takes as long as those that ended on average."""
    if state.is_complete:
        return None
    ended = (state.runs.get(task.name) for task in state.tasks if task.status not in (None, SKIPPED))
    took = [run.seconds for run in ended if run is not None and run.seconds is not None]
    if not took:
        return None
    average = mean(took)
    rest = average * len(state.queued) + sum(max(0.0, average - seconds) for seconds in running)
    return rest / workers


def _find_best_setting(log: LogFile, state: SweepState, runs: LogRuns) -> Best | None:
    """Return the best setting of a sweep, as its note has it; None if that is not known."""
    ranking = rank_settings(log, state, runs)
    if ranking is None or ranking.best is None:
        return None
    label, summary = label_settings(ranking.settings)[ranking.best], ranking.summaries[ranking.best]
    return Best(label, ranking.settings[ranking.best], summary, find_decimals(ranking.summaries))


def rank_settings(log: LogFile, state: SweepState, runs: LogRuns, metric: str | None = None) -> Ranking | None:
    """Return the settings of a sweep, and which is the best; None if its experiment is not in the log.

    Args:
        log: The log.
        state: How far the sweep is.
        runs: The runs of the log.
        metric: The metric to rank by; None for the main one.
    """
    try:
        experiment = log.experiment((state.sweep.record.ref or "").partition(".")[0])
    except OrglabError:
        return None
    return Ranking(state.runs.values(), experiment, runs.identify_code, log.config.metrics, metric)


def describe_rest(progress: Progress) -> str:
    """Return how long a sweep took, or will take: `, about 3m12s left`; empty if that is not known."""
    if progress.state.sweep.tasks.is_stopped:
        return ", stopped; `orglab sweep resume` goes on"
    if progress.state.is_complete:
        return f", {duration(progress.state.seconds, is_compact=True)}"
    if progress.left is None or not (progress.workers or progress.running):
        return ""
    return f", about {duration(progress.left, is_compact=True)} left"


def describe_counts(progress: Progress) -> str:
    """Return `5 done, 1 failed, 2 running, 4 queued; 2 slots`."""
    state = progress.state
    text = ", ".join(state.describe_counts()) or "no versions"
    if progress.is_over:
        return text
    if state.sweep.where is not None:
        waiting = progress.scheduler.describe() if progress.scheduler is not None else ""
        return "; ".join(filter(None, (text, _describe_place(state.sweep), waiting)))
    if not progress.workers:
        return f"{text}; no worker, so `orglab sweep resume` has to go on with it"
    return f"{text}; {count(progress.workers, 'slot')}"


def _describe_place(sweep: Sweep) -> str:
    """Return where a sweep runs that does not run here."""
    if sweep.where != "slurm":
        return sweep.where or ""
    from orglab.runs.launchers.slurm_jobs import describe_jobs  # noqa: PLC0415 - most sweeps run here

    return describe_jobs(sweep)


def describe_lost(progress: Progress) -> list[str]:
    """Return a line for each of the first versions whose worker is gone."""
    again = "another one" if progress.workers else "`orglab sweep resume`"
    lost = progress.state.lost[:MOST_NAMED]
    return [f"{task.version.name}: its worker is gone; {again} runs it again" for task in lost]


def describe_doubt(progress: Progress) -> str:
    """Return why versions may not be lost that seem to be; empty if they are."""
    is_unknown = progress.state.sweep.where == "slurm" and progress.scheduler is None
    return "unless Slurm has requeued it, which is not known now" if progress.state.lost and is_unknown else ""


def describe_best(best: Best) -> str:
    """Return the best setting: `lr 0.1: val_acc 0.91 ± 0.01 (n = 3)`."""
    summary = describe_summary(best.summary, best.decimals)
    return f"{best.label or 'the only setting'}: {best.summary.metric} {summary}"
