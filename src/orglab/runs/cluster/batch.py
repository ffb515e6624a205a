"""Runs inside of a scheduler's job: nothing is committed to a branch or written to the log; a requeued run goes on."""

import os
import sys
from collections.abc import Iterator

from orglab.errors import GitError
from orglab.git import Repository
from orglab.log.log import LogFile
from orglab.runs.cluster.ranks import find_launch, has_rank
from orglab.runs.cluster.scheduler import SchedulerJob, find_job
from orglab.runs.log_runs import LogRuns
from orglab.runs.pending import PendingEntry, add_pending_run
from orglab.runs.record import Run
from orglab.runs.record_writer import RecordWriter, resume_record
from orglab.runs.run_request import RunRequest
from orglab.runs.secrets import mask_argv
from orglab.text import listed

# What a requeued run no longer is: the fields of how it ended.
_ENDING = (
    "ended", "seconds", "exit_code", "signal", "asked_by", "timed_out", "exception", "last_line", "out_of_memory",
    "usage", "lost", "found", "metrics", "extremes", "diverged", "outputs",
)  # fmt: skip


def find_batch_job() -> SchedulerJob | None:
    """Return the scheduler's job that this process is part of; None if there is none, or a person is at its terminal.

    An interactive allocation is used as any machine is: one person, who sees what is committed.
    """
    job = find_job(os.environ)
    return None if job is None or _has_terminal() else job


def _has_terminal() -> bool:
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:
        return False


def resume_requeued_run(
    log: LogFile, request: RunRequest, ref: str | None, folder: str, job: SchedulerJob
) -> tuple[Run, RecordWriter] | None:
    """Return the run that a requeued job continues, as it was, and its record; None if there is none.

    That is the newest run of the same step and command, in the same folder, that the job began before its restart.

    Args:
        log: The log.
        request: What to run.
        ref: The step or experiment.
        folder: The folder of the command, relative to the top of the repository.
        job: The job.

    Raises:
        OSError: The record cannot be written.
    """
    if not job.restarts:
        return None
    argv = mask_argv(request.argv)
    for run in reversed(LogRuns(log).all):
        if run.job is None or run.job._replace(restarts=0) != job._replace(restarts=0) or run.is_foreign:
            continue
        if (run.ref, run.argv, run.cwd) != (ref, argv, folder) or run.job.restarts >= job.restarts:
            continue
        record = reopen_record(run)
        if record is None:
            return None
        record.pending = add_pending_run(run.folder.parent.parent, run.id, log.name, log.path)
        return run, record
    return None


def reopen_record(run: Run) -> RecordWriter | None:
    """Return the record of a run that is to go on, open for writing; None if it still goes on, or is read-only.

    Raises:
        OSError: The record cannot be written.
    """
    record = None if run.is_going_on else resume_record(PendingEntry(run.folder, run=run.folder))
    if record is not None:
        record.end_line()
    return record


def find_changed_code(log: LogFile, repository: Repository | None, run: Run) -> list[str]:
    """Return the files of the code of a run that are different now, without what the run itself writes."""
    if repository is None or run.code is None:
        return []
    from orglab.git.trees import count_changed_lines  # noqa: PLC0415 - few jobs are requeued

    named = run.fields.get("results")
    results = [path for path in named if isinstance(path, str) and path != "."] if isinstance(named, list) else []
    written = {output.path for output in run.outputs}
    try:
        changes = count_changed_lines(repository, run.code, None, (*log.find_own_paths(repository), *results))
    except GitError:
        return []
    return [change.path for change in changes if change.path not in written]


def describe_resumption(run: Run, changed: list[str]) -> dict[str, object]:
    """Return the fields of a requeued run that take back how it had ended.

    Args:
        run: The run as it was.
        changed: The files of its code that have changed since.
    """
    fields: dict[str, object] = {name: None for name in _ENDING if name in run.fields}
    if changed:
        fields["uncaptured"] = [*dict.fromkeys((*run.uncaptured, *changed))]
    return fields


def describe_batch(job: SchedulerJob | None) -> dict[str, object]:
    """Return the fields of the record about the job, and about the other processes of the run."""
    fields: dict[str, object] = {"job": job._asdict(), "batch": True} if job is not None else {}
    return fields | ({"launch": find_launch(os.environ)} if has_rank(os.environ) else {})


def describe_untold(run: Run, job: SchedulerJob) -> Iterator[str]:
    """Yield what was not done with a run that has ended inside of a job, for the user."""
    yield (
        f"This is part of the {job.scheduler} job {job.id}, so the log was not changed; "
        "the next orglab command outside of it adds the note."
    )
    if run.uncommitted:
        yield f"It also commits: {listed(run.uncommitted)}."


def describe_loss(run: Run) -> Iterator[str]:
    """Yield why a run in a job may have ended without recording how, for the user."""
    if run.job is not None and run.job.scheduler == "slurm" and run.fields.get("batch") is True:
        yield (
            "Slurm kills what a job script has started as soon as the shell of the script ends, as it does if the job "
            "is cancelled, requeued or out of time; `exec orglab run ...` in the script gives the run time to end."
        )
