"""What is done after the command of a run has ended: metrics, outputs, a commit of the results, a note in the log.

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
    """Write down what a run measured and wrote, commit its results, and tell the log.

    Args:
        job: The run.
        printed: The metrics that it printed, if these are asked for.
        before: The metrics file as it stood before.
        stop: Asked now and then whether to leave out what takes long.
    """
    job.record_event("measured", _measure(job, printed, before, stop))
    _commit(job)
    _write_to_log(job)


def _measure(
    job: Job, printed: PrintedMetrics | None, before: Stamp | None, stop: Callable[[], bool]
) -> dict[str, Any]:
    """Return the metrics and the files that were written."""
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
        job.tell("Stopped once more, so hashes of what was written may be missing in the record.")
    return {
        "metrics": metrics,
        "outputs": [one._asdict() for one in outputs],
    }


def _keep_metrics(job: Job, path: Path, before: Stamp | None) -> Row:
    """Return the final metrics in a file, and write down their history."""
    if before is not None and read_stamp(path) == before:
        job.tell(f"The metrics file {path} is older than the run, so what it says is not of it.")
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
        job.tell(f"The history of the metrics could not be kept: {error.strerror}.")
    return history.final


def _commit(job: Job) -> None:
    """Commit the results, and note the commit down."""
    run = read_run(job.record.folder)
    if run is None or job.repository is None or not job.watch.paths or not job.request.commit_results:
        return
    try:
        apart = job.log.find_own_paths(job.repository)
        made = commit_results(job.repository, run, job.watch, apart, job.log.config.run.size_limit, job.tell)
        if made is not None:
            job.record_event("committed", {"commit": made.full, "hash": made.short})
            job.tell(f"Committed the results as {made.short}.")
    except (OrglabError, OSError) as error:
        job.tell(f"The results are not committed: {error}")


def _write_to_log(job: Job) -> None:
    """Tell the log, or leave that to the next command."""
    run = read_run(job.record.folder)
    if run is None:
        return
    try:
        write_run(job.log, run, job.tell)
        remove_pending(job.record.pending)
        job.tell(f"{run.ref}  {describe_run(run)}")
    except OrglabError as error:
        job.tell(f"The log does not tell of the run {run.id} yet; the next command will see to it. {error}")
