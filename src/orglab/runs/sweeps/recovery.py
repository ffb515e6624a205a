"""Put a sweep back in order after a worker, or its machine, was killed."""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable

from orglab import clock
from orglab.errors import OrglabError
from orglab.log.log import LogFile
from orglab.runs.assignment import append_event
from orglab.runs.child import GRACE_SECONDS
from orglab.runs.log_runs import LogRuns
from orglab.runs.pending import PendingEntry
from orglab.runs.record import Run
from orglab.runs.record_lines import read_whole
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import resume_record
from orglab.runs.setting import find_reason
from orglab.runs.storage import RUNS
from orglab.runs.sweeps.sweep import Sweep, read_swept
from orglab.runs.sweeps.tasks import CLAIMED, name_task
from orglab.text import Tell

_POLL_SECONDS = 0.05
_KILL_SECONDS = 2.0  # until a command that is killed is gone


def recover(log: LogFile, sweep: Sweep, tell: Tell, waiting: Collection[str] = ()) -> list[int]:
    """Put tasks back in order whose worker was killed: what ended is marked as such, what was lost is queued again.

    The sweep has to be locked. Afterwards the files of those workers are gone, unless a version still runs.

    Args:
        log: The log.
        sweep: The sweep.
        tell: Called with each message for the user.
        waiting: The tasks that a scheduler has; it begins them again by itself.

    Returns the slots of the versions that still run without their worker.

    Raises:
        OSError: The files of the tasks cannot be written.
    """
    # In this order: a worker is there before it claims a task, so none of these has a worker that is not among those.
    tasks = {task.name: task for task in sweep.tasks.read_all()}
    workers = {worker.name: worker for worker in sweep.read_workers()}
    numbered = enumerate(sweep.versions, 1)
    if missing := [(number, version) for number, version in numbered if name_task(number, version) not in tasks]:
        # Their files were lost with the machine, and so is what a record would say of a run that had not ended.
        sweep.tasks.add(missing, _find_recorded(log, sweep), "done")
    claimed = [
        task for task in tasks.values()
        if task.state == CLAIMED and task.name not in waiting
        and not ((worker := workers.get(task.worker or "")) is not None and worker.is_alive)
    ]  # fmt: skip
    runs = sweep.read_runs(log.top, claimed)
    orphans: dict[str, int] = {}
    for task in claimed:
        run = runs.get(task.name)
        if run is not None and run.is_going_on:
            worker = workers.get(task.worker or "")
            orphans[task.worker or ""] = (worker.slot if worker is not None else None) or 0
            tell(f"{task.version.name} still runs, without its worker (process {run.fields.get('child_pid')}).")
        elif run is not None and _has_whole_end(run):
            sweep.tasks.end(task, run.status)
        else:
            if run is not None and run.argv and not run.fields.get("lost"):
                _mark_lost(run)
            sweep.tasks.requeue(task)
    for worker in workers.values():
        if worker.is_surely_gone and worker.name not in orphans:
            worker.remove()
    return [*orphans.values()]


def find_orphans(sweep: Sweep) -> list[Run]:
    """Return the runs of a sweep of which a process of the command is alive on this machine, and its worker is not."""
    claims = [name.partition("@") for name in sweep.tasks.list_names()[CLAIMED]]
    if not claims:
        return []
    alive = {worker.name for worker in sweep.list_workers()}
    if all(worker in alive for _, _, worker in claims):
        return []
    tasks = [task for task in sweep.tasks.read_all() if task.state == CLAIMED and task.worker not in alive and task.run]
    # On this machine, the runs are where the sweep is.
    runs = (read_run(sweep.folder.parent.parent / RUNS / (task.run or "")) for task in tasks)
    return [run for run in runs if run is not None and run.is_going_on and run.is_command_alive()]


def end_orphans(sweep: Sweep) -> bool:
    """End the commands whose worker was killed as a worker ends its own; return whether there were any.

    Afterwards they are gone, killed if they took long, unless they are of somebody else.
    """
    orphans = find_orphans(sweep)
    _signal(orphans, signal.SIGTERM)
    _signal(orphans, signal.SIGCONT)  # a stopped process gets a signal when it continues
    _signal(_await_end(orphans, GRACE_SECONDS), signal.SIGKILL)
    _await_end(orphans, _KILL_SECONDS)
    for run in filter(None, (read_run(run.folder) for run in orphans)):
        with contextlib.suppress(OrglabError):
            append_event(run, "asked", {"asked_by": signal.SIGTERM.name})
    return bool(orphans)


def _await_end(runs: Iterable[Run], seconds: float) -> list[Run]:
    """Return the runs whose command is still alive when all have ended or the time is over."""
    deadline = time.monotonic() + seconds
    while (left := [run for run in runs if run.is_command_alive()]) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left


def _signal(runs: Iterable[Run], number: int) -> None:
    """Send a signal to all processes of the commands of some runs."""
    for run in runs:
        group = read_whole(run.fields.get("child_pid"))
        if group is not None and run.is_command_alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)


def _find_recorded(log: LogFile, sweep: Sweep) -> dict[str, str]:
    """Return the runs of the versions of a sweep whose newest run ended well and counts, by the name of the version."""
    newest: dict[str, Run] = {}
    for run in LogRuns(log).all:
        swept = read_swept(run)
        if swept is not None and swept.sweep == sweep.id:
            newest[swept.version] = run
    return {name: run.id for name, run in newest.items() if find_reason(run) is None and _has_whole_end(run)}


def _has_whole_end(run: Run) -> bool:
    """Return whether the record of a run has all that is recorded at its end, also its results."""
    return run.ended is not None and "outputs" in run.fields


def _mark_lost(run: Run) -> None:
    """Record that a run was lost: its process ended without recording a whole result."""
    record = resume_record(PendingEntry(run.folder, run=run.folder))
    if record is not None:
        try:
            record.end_line()
            record.append("lost", {"lost": True, "found": clock.now().astimezone().isoformat()}, durable=True)
        finally:
            record.close()
