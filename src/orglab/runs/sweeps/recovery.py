"""Put a sweep back in order after a worker, or its machine, was killed."""

from collections.abc import Collection

from orglab import clock
from orglab.log.log import LogFile
from orglab.runs.log_runs import LogRuns
from orglab.runs.pending import PendingEntry
from orglab.runs.record import Run
from orglab.runs.record_writer import resume_record
from orglab.runs.setting import find_reason
from orglab.runs.sweeps.sweep import Sweep, read_swept
from orglab.runs.sweeps.tasks import CLAIMED, name_task
from orglab.text import Tell


def recover(log: LogFile, sweep: Sweep, tell: Tell, waiting: Collection[str] = ()) -> int:
    """Put tasks back in order whose worker was killed: what ended is marked as such, what was lost is queued again.

    The sweep has to be locked. Returns how many versions still run without their worker.

    Args:
        log: The log.
        sweep: The sweep.
        tell: Called with each message for the user.
        waiting: The tasks that a scheduler has; it begins them again by itself.

    Raises:
        OSError: The files of the tasks cannot be written.
    """
    alive = {worker.name for worker in sweep.list_workers()}
    tasks = {task.name: task for task in sweep.tasks.read_all()}
    numbered = enumerate(sweep.versions, 1)
    if missing := [(number, version) for number, version in numbered if name_task(number, version) not in tasks]:
        # Their files were lost with the machine, and so is what a record would say of a run that had not ended.
        sweep.tasks.add(missing, _find_recorded(log, sweep), "done")
    claimed = [
        task for task in tasks.values()
        if task.state == CLAIMED and task.worker not in alive and task.name not in waiting
    ]  # fmt: skip
    runs = sweep.read_runs(log.top, claimed)
    orphans = 0
    for task in claimed:
        run = runs.get(task.name)
        if run is not None and run.is_going_on:
            orphans += 1
            tell(f"{task.version.name} still runs, without its worker (process {run.fields.get('child_pid')}).")
        elif run is not None and _has_whole_end(run):
            sweep.tasks.end(task, run.status)
        else:
            if run is not None and run.argv and not run.fields.get("lost"):
                _mark_lost(run)
            sweep.tasks.requeue(task)
    return orphans


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
