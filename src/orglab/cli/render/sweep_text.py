"""How far a sweep is, and the list of sweeps, fitted to the terminal."""

from collections.abc import Iterable, Iterator

from orglab.cli import output
from orglab.runs.description import command_text, metrics_text
from orglab.runs.summary_text import describe_summary
from orglab.runs.sweeps.note import MOST_NAMED
from orglab.runs.sweeps.sweep import Sweep
from orglab.runs.sweeps.sweep_progress import Best, Progress
from orglab.text import count, duration

_BAR = 30


def progress_lines(progress: Progress) -> list[str]:
    """Return how far a sweep is: its counts, what runs, what failed or diverged, the rest of the time, the best."""
    room = output.columns()
    return [output.fit(line, room).rstrip() if room else line for line in _progress_lines(progress)]


def _progress_lines(progress: Progress) -> Iterator[str]:
    state = progress.state
    sweep, total = state.sweep, len(state.tasks)
    yield f"{sweep.id}  {sweep.record.ref}  {command_text(sweep.record.argv)}"
    ended = len(state.ended)
    filled = _BAR * ended // max(total, 1)
    yield f"[{'#' * filled}{'-' * (_BAR - filled)}] {ended} of {count(total, 'version')}{_describe_time(progress)}"
    yield f"  {_describe_counts(progress)}"
    for task, run, seconds in progress.running[:MOST_NAMED]:
        values = f": {metrics_text(run.metrics.items())}" if run is not None and run.metrics else ""
        yield f"  running   {task.version.name}, {duration(seconds, is_compact=True)}{values}"
    problems = state.list_problems()
    for status, name, why in problems[:MOST_NAMED]:
        yield f"  {status:8}  {name}" + (f": {why}" if why else "")
    if len(problems) > MOST_NAMED:
        yield f"  and {len(problems) - MOST_NAMED} more"
    for task in state.lost[:MOST_NAMED]:
        again = "another one" if progress.workers else "`orglab sweep resume`"
        yield f"  lost      {task.version.name}: its worker is gone; {again} runs it again"
    if state.lost and state.sweep.where == "slurm" and progress.scheduler is None:
        yield "            unless Slurm has requeued it, which is not known now"
    if progress.best is not None:
        yield f"  best      {_describe_best(progress.best)}"


def _describe_time(progress: Progress) -> str:
    if progress.state.sweep.tasks.is_stopped:
        return ", stopped; `orglab sweep resume` goes on"
    if progress.state.is_complete:
        return f", {duration(progress.state.seconds, is_compact=True)}"
    if progress.left is None or not (progress.workers or progress.running):
        return ""
    return f", about {duration(progress.left, is_compact=True)} left"


def _describe_place(sweep: Sweep) -> str:
    """Return where a sweep runs that does not run here."""
    if sweep.where != "slurm":
        return sweep.where or ""
    from orglab.runs.launchers.slurm_jobs import describe_jobs  # noqa: PLC0415 - most sweeps run here

    return describe_jobs(sweep)


def _describe_counts(progress: Progress) -> str:
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


def _describe_best(best: Best) -> str:
    summary = describe_summary(best.summary, best.decimals)
    return f"{best.label or 'the only setting'}: {best.summary.metric} {summary}"


def list_lines(shown: Iterable[Progress]) -> list[str]:
    """Return a line for each of some sweeps."""
    lines = []
    for progress in shown:
        sweep = progress.state.sweep
        line = (
            f"{sweep.id}  {sweep.record.ref}  {len(progress.state.ended)} of {len(progress.state.tasks)}  "
            f"{_describe_counts(progress)}  {command_text(sweep.record.argv)}"
        )
        room = output.columns()
        lines.append(output.fit(line, room) if room else line)
    return lines
