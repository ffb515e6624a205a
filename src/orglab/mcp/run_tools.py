"""What tools do with runs, where that is not one method of `Log`."""

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from orglab.api import Log
from orglab.clock import parse_duration
from orglab.errors import NotFoundError, UsageError
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.run_request import RunRequest
from orglab.runs.run_table import RunTable, TableRequest
from orglab.text import Tell

LONGEST_WAIT = 50.0
"""The most seconds that a call waits: other calls wait too, and clients give up after a minute."""
_POLL_SECONDS = 0.2


def list_runs_newest_first(
    log: Log,
    reference: str | None = None,
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
    best: str | None = None,
    by_setting: bool = False,
) -> RunTable:
    """Return the runs of an experiment or a step, or all runs that count, the newest first.

    Args:
        log: The log.
        reference: The experiment or step, such as `201` or `201.1`; all runs if None.
        where: Conditions that a run must meet: `lr=0.1`, `val.acc>0.9`, `status=failed`, `code=HEAD`.
        sort: The parameter, metric or other column to sort by; `-` before it puts the largest first.
        best: The metric by which the best run comes first.
        by_setting: Whether to return a row for each setting instead, with the mean, deviation and number of its seeds.
    """
    table = log.run_table(reference, TableRequest(where, sort, best, by_setting=by_setting))
    return table._replace(rows=table.rows[::-1]) if sort is None and best is None else table


def start_run(  # noqa: PLR0913 - one for each argument of the tool
    log: Log,
    reference: str,
    argv: Sequence[str],
    *,
    why: str | None = None,
    results: Sequence[str] = (),
    worktree: bool = False,
    done: bool = False,
    time_limit: str | None = None,
    wait: float = 10,
    tell: Tell,
    stop_waiting: Event,
) -> Run:
    """Run a command and record it: its exact code, its output, results and metrics, and a note in the log.

    The command runs in the background, and goes on when the session ends. Return its run once that has ended, or as it
    is after `wait` seconds; the tool `wait` waits for its end.

    Args:
        log: The log.
        reference: The step or experiment that it belongs to, such as `201.1`.
        argv: The program and its arguments, each a text of its own; no shell reads them.
        why: Why it is run; written to the log and the commits.
        results: Files and folders whose changes are committed after the run.
        worktree: Whether to run in a working tree of its own, so that the branch has only what is kept.
        done: Whether to complete the step if the command exits with 0.
        time_limit: Stop the command after this time, such as `90s`, `30m` or `2h`.
        wait: How many seconds to wait for its end, at most 50.
        tell: Called with each message for the user.
        stop_waiting: Is set when it is not to be waited for any more.

    Raises:
        UsageError: The command was not started.
    """
    if not argv:
        raise UsageError("argv names no program.")
    request = RunRequest(
        reference, tuple(argv), results=tuple(Path(path).absolute() for path in results), worktree=worktree, done=done,
        why=why, time_limit=parse_duration(time_limit) if time_limit is not None else None, is_detached=True,
    )  # fmt: skip
    run = log.run(request, tell).run
    if run is None:
        raise UsageError("The command was not recorded.")
    return wait_for_run(log, run.id, seconds=wait, tell=tell, stop_waiting=stop_waiting)


def wait_for_run(log: Log, name: str, *, seconds: float = 20, tell: Tell, stop_waiting: Event) -> Run:
    """Return a run once it has ended, or as it is after some seconds.

    Args:
        log: The log.
        name: The id of the run, or a part of it that no other run has.
        seconds: How long to wait, at most 50.
        tell: Called with each message for the user.
        stop_waiting: Is set when it is not to be waited for any more.

    Raises:
        NotFoundError: There is no such run.
    """
    from orglab.runs.run_wait import is_at_work, read_messages  # noqa: PLC0415 - it imports all that starts runs

    run, end = log.find_run(name), time.monotonic() + min(seconds, LONGEST_WAIT)
    while is_at_work(run) and time.monotonic() < end:
        if stop_waiting.wait(min(_POLL_SECONDS, max(0.0, end - time.monotonic()))):
            break
        run = read_run(run.folder) or run
    if not is_at_work(run):
        for message in read_messages(run):
            tell(message)
    try:
        return log.find_run(run.id)
    except NotFoundError:
        return run
