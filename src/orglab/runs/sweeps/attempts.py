"""The attempts at one task: a job that its scheduler requeues goes on with the task, and the record, that it had."""

import os
import re

from orglab.log.log import LogFile
from orglab.runs.cluster.batch import reopen_record
from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import RecordWriter
from orglab.runs.storage import RUNS, list_entries
from orglab.runs.sweeps.settlement import lock_sweep
from orglab.runs.sweeps.sweep import Sweep, read_sweep
from orglab.runs.sweeps.tasks import Task

_OF_JOB = re.compile(r"(\d+)_(\d+)\.(\d+)-[0-9a-f]+")  # the job, the index in its array, the restarts


def name_worker(job: SchedulerJob | None) -> str:
    """Return a name for the worker that this process is, which tells the attempts of one job apart.

    Args:
        job: The scheduler's job that this process is part of, if any.
    """
    suffix = os.urandom(3).hex()
    if job is not None and job.array is not None and job.id.isdigit():
        return f"{job.id}_{job.array}.{job.restarts}-{suffix}"
    return f"{os.getpid():x}-{suffix}"


def claim_again(sweep: Sweep, name: str, worker: str) -> Task | None:
    """Claim the task that the job of a worker had before it was requeued; return None if that was not so.

    Args:
        sweep: The sweep.
        name: The task.
        worker: The name of the worker.
    """
    own = _OF_JOB.fullmatch(worker)
    if own is None or not int(own[3]):
        return None

    def was_ours(other: str) -> bool:
        found = _OF_JOB.fullmatch(other)
        return found is not None and found.group(1, 2) == own.group(1, 2) and int(found[3]) < int(own[3])

    # What has ended for good is not run again without the user.
    with lock_sweep(sweep.folder):
        return None if read_sweep(sweep.folder).has_ended else sweep.tasks.take_over(name, worker, was_ours)


def reopen_run(log: LogFile, task: Task, job: SchedulerJob) -> tuple[Run, RecordWriter] | None:
    """Return the run that an earlier attempt of a job at a task began, as it was, and its record; None without one.

    Args:
        log: The log.
        task: The task.
        job: The job, which was requeued.

    Raises:
        OSError: The record cannot be written.
    """
    folder = list_entries(log.top, RUNS).get(task.run or "")
    run = read_run(folder) if folder is not None else None
    # The file of a task may still name the run of another job, which the user did not go on with.
    if run is None or run.job is None or run.job.restarts >= job.restarts:
        return None
    record = reopen_record(run) if run.job._replace(restarts=job.restarts) == job else None
    return (run, record) if record is not None else None
