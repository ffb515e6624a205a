"""What tools do with runs, where that is not one method of `Log`."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import IO

from orglab.api import Log
from orglab.clock import parse_duration
from orglab.errors import NotFoundError, UsageError
from orglab.runs.record import Run
from orglab.runs.record_reader import list_runs, read_run
from orglab.runs.run_table import RunTable, TableRequest

LONGEST_WAIT = 50.0
"""The most seconds that a call waits: other calls wait too, and clients give up after a minute."""
_POLL_SECONDS = 0.2
_MOST_SAID = 1 << 14
_begun: "list[subprocess.Popen[bytes]]" = []
"""The processes of runs; polled when the next one begins, so that those that have ended leave the process table."""


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


def start_run(
    log: Log,
    reference: str,
    argv: Sequence[str],
    *,
    why: str | None = None,
    results: Sequence[str] = (),
    done: bool = False,
    time_limit: str | None = None,
    wait: float = 10,
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
        done: Whether to complete the step if the command exits with 0.
        time_limit: Stop the command after this time, such as `90s`, `30m` or `2h`.
        wait: How many seconds to wait for its end, at most 50.
        stop_waiting: Is set when it is not to be waited for any more.

    Raises:
        UsageError: The command was not started.
    """
    if not argv:
        raise UsageError("argv names no program.")
    if time_limit is not None:
        parse_duration(time_limit)  # a wrong one is better refused here
    log.find_line(reference)  # the same
    options = [
        f"--{name}={value}" for name, value in (("message", why), ("time-limit", time_limit)) if value is not None
    ]
    options += [*(f"--results={path}" for path in results), *(["--done"] if done else []), "--json"]
    # -P: nothing is imported from the folder that the command runs in.
    command = [sys.executable, "-P", "-m", "orglab", "--log", os.fspath(log.path.absolute())]
    known = list_runs(log.top)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - this Python, and orglab
            [*command, "run", *options, reference, "--", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=said, start_new_session=True,
        )  # fmt: skip
        _begun[:] = [process, *(one for one in _begun if one.poll() is None)]
        run = _await_record(log, process, known, said, stop_waiting)
    return wait_for_run(log, run.id, seconds=wait, stop_waiting=stop_waiting)


def _await_record(
    log: Log, process: "subprocess.Popen[bytes]", known: dict[str, Path], said: IO[bytes], stop_waiting: Event
) -> Run:
    """Return the run that a process has begun, as soon as there is a record of it.

    Raises:
        UsageError: The process has ended without one, and the error is what it said; or it is not to be waited for.
    """
    while True:
        has_ended = process.poll() is not None
        for name, folder in list_runs(log.top).items():
            if name not in known and (run := read_run(folder)) is not None and run.fields.get("pid") == process.pid:
                return run
        if has_ended:
            said.seek(0)
            sentences = said.read(_MOST_SAID).decode("utf-8", "replace").strip()
            raise UsageError(sentences.removeprefix("orglab: ") or "The command was not recorded.")
        # A hook of git, for one, may take long before the command begins.
        if stop_waiting.wait(_POLL_SECONDS / 4):
            raise UsageError("The command has not begun yet; the tool `runs` has it when it has.")


def wait_for_run(log: Log, name: str, *, seconds: float = 20, stop_waiting: Event) -> Run:
    """Return a run once it has ended, or as it is after some seconds.

    Args:
        log: The log.
        name: The id of the run, or a part of it that no other run has.
        seconds: How long to wait, at most 50.
        stop_waiting: Is set when it is not to be waited for any more.

    Raises:
        NotFoundError: There is no such run.
    """
    run, end = log.find_run(name), time.monotonic() + min(seconds, LONGEST_WAIT)
    folder, process = run.folder, next((one for one in _begun if one.pid == run.fields.get("pid")), None)
    # A process of ours goes on until results are committed and the note is written.
    while (run.is_going_on or (process is not None and process.poll() is None)) and time.monotonic() < end:
        if stop_waiting.wait(min(_POLL_SECONDS, max(0.0, end - time.monotonic()))):
            break
        run = read_run(folder) or run
    try:
        return log.find_run(run.id)
    except NotFoundError:
        return run
