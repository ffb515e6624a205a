"""How far a sweep is, and the list of sweeps, fitted to the terminal."""

from collections.abc import Iterable, Iterator

from orglab.cli import output
from orglab.runs.description import command_text, metrics_text
from orglab.runs.sweeps.note import MOST_NAMED
from orglab.runs.sweeps.sweep_progress import (
    Progress,
    describe_best,
    describe_counts,
    describe_doubt,
    describe_lost,
    describe_rest,
)
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
    rest = describe_rest(progress)
    filled = _BAR * ended // max(total, 1)
    yield f"[{'#' * filled}{'-' * (_BAR - filled)}] {ended} of {count(total, 'version')}{rest}"
    yield f"  {describe_counts(progress)}"
    for task, run, seconds in progress.running[:MOST_NAMED]:
        values = f": {metrics_text(run.metrics.items())}" if run is not None and run.metrics else ""
        yield f"  running   {task.version.name}, {duration(seconds, is_compact=True)}{values}"
    problems = state.list_problems()
    for status, name, why in problems[:MOST_NAMED]:
        yield f"  {status:8}  {name}" + (f": {why}" if why else "")
    if len(problems) > MOST_NAMED:
        yield f"  and {len(problems) - MOST_NAMED} more"
    for name in describe_lost(progress):
        yield f"  lost      {name}"
    if doubt := describe_doubt(progress):
        yield f"            {doubt}"
    if progress.best is not None:
        yield f"  best      {describe_best(progress.best)}"


def list_lines(shown: Iterable[Progress]) -> list[str]:
    """Return a line for each of some sweeps."""
    lines = []
    for progress in shown:
        sweep = progress.state.sweep
        line = (
            f"{sweep.id}  {sweep.record.ref}  {len(progress.state.ended)} of {len(progress.state.tasks)}  "
            f"{describe_counts(progress)}  {command_text(sweep.record.argv)}"
        )
        room = output.columns()
        lines.append(output.fit(line, room) if room else line)
    return lines
