"""Finish a run: read its metrics, hash its outputs, commit its results, and write a note to the log.

Nothing here may change the exit code.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orglab.errors import NotReadableError, OrglabError
from orglab.runs.description import describe_run
from orglab.runs.job import Job
from orglab.runs.log_writer import write_run
from orglab.runs.metrics import PrintedMetrics, Row, read_metrics
from orglab.runs.pending import remove_pending
from orglab.runs.record import read_run
from orglab.runs.results import Stamp, commit_results, read_outputs, read_stamp


def finish_run(job: Job, printed: PrintedMetrics | None, before: Stamp | None, stop: Callable[[], bool]) -> None:
    """Record the metrics and outputs of a run, commit its results, and write it to the log.

    Args:
        job: The run.
        printed: The metrics in its output, if they were requested.
        before: The state of the metrics file before the run.
        stop: Called now and then; return True to skip work that takes long.
    """
    job.record_event("measured", _measure(job, printed, before, stop))
    _commit(job)
    _write_to_log(job)


def _measure(
    job: Job, printed: PrintedMetrics | None, before: Stamp | None, stop: Callable[[], bool]
) -> dict[str, Any]:
    """Return the metrics and the files that the run wrote."""
    metrics: Row = {}
    if printed is not None:
        printed.end()
        metrics |= printed.final
    if job.request.metrics is not None:
        metrics |= _keep_metrics(job, job.request.metrics, before)
    elif printed is not None and printed.rows:
        with contextlib.suppress(OSError):
            job.record.write_history(iter(printed.rows))
    outputs = read_outputs(job.watch.find_written(), job.base, stop)
    if stop():
        job.tell("Interrupted again: hashes of some written files may be missing from the record.")
    return {
        "metrics": metrics,
        "outputs": [output._asdict() for output in outputs],
    }


def _keep_metrics(job: Job, path: Path, before: Stamp | None) -> Row:
    """Return the final metrics in a file, and record their history."""
    if before is not None and read_stamp(path) == before:
        job.tell(f"Metrics not recorded: {path} was not written by this run.")
        return {}
    try:
        history = read_metrics(path)
    except NotReadableError as error:
        job.tell(str(error))
        return {}
    try:
        if history.is_history:
            job.record.write_history(iter(history))
        else:
            list(history)
    except NotReadableError as error:
        job.tell(str(error))
    except OSError as error:
        job.tell(f"Cannot record the history of the metrics: {error.strerror}.")
    return history.final


def _commit(job: Job) -> None:
    """Commit the results, and record that commit."""
    run = read_run(job.record.folder)
    if run is None or job.repository is None or not job.watch.paths or not job.request.commit_results:
        return
    try:
        own_paths = job.log.find_own_paths(job.repository)
        commit = commit_results(job.repository, run, job.watch, own_paths, job.log.config.run.size_limit, job.tell)
        if commit is not None:
            job.record_event("committed", {"commit": commit.full, "hash": commit.short})
            job.tell(f"Committed the results as {commit.short}.")
    except (OrglabError, OSError) as error:
        job.tell(f"Results not committed: {error}")


def _write_to_log(job: Job) -> None:
    """Write the run to the log, or leave that to the next command."""
    run = read_run(job.record.folder)
    if run is None:
        return
    if run.ref is None:
        remove_pending(job.record.pending)
        short = run.id.rpartition("-")[2]
        job.tell(f"{run.id}  {describe_run(run)}")
        job.tell(
            f"This run belongs to no experiment yet. Assign it with `orglab runs assign {short} REF`, "
            f'or add an experiment for it with `orglab new "TITLE" --run {short}`.'
        )
        return
    try:
        write_run(job.log, run, job.tell)
        remove_pending(job.record.pending)
        job.tell(f"{run.ref}  {describe_run(run)}")
    except OrglabError as error:
        job.tell(f"The run {run.id} is not in the log yet; the next orglab command writes it. {error}")
