"""Finish a run: read its metrics, hash its outputs, commit its results, and write a note to the log.

Nothing here may change the exit code.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from orglab.errors import NotReadableError, OrglabError
from orglab.runs.batch import describe_untold
from orglab.runs.description import describe_run
from orglab.runs.job import Job
from orglab.runs.log_writer import write_run
from orglab.runs.metrics import PrintedMetrics, Row, read_metrics
from orglab.runs.pending import RECORD, remove_pending
from orglab.runs.record import Run, read_run
from orglab.runs.results import Stamp, commit_results, find_changed_since, read_outputs, read_stamp
from orglab.runs.storage import PENDING, RUNS, list_entries
from orglab.text import listed

_MAX_HASHED = 1 << 30  # bytes, of all files together that are not named as results


def finish_run(
    job: Job, printed: PrintedMetrics | None, before: Stamp | None, began: Stamp | None, stop: Callable[[], bool]
) -> None:
    """Record the metrics and outputs of a run, commit its results, and write it to the log.

    Args:
        job: The run.
        printed: The metrics in its output, if they were requested.
        before: The state of the metrics file before the run.
        began: The state of the record when the command was started.
        stop: Called now and then; return True to skip work that takes long.
    """
    metrics = _read_metrics(job, printed, before)
    outputs = read_outputs(_find_outputs(job, began), job.base, stop)
    if job.earlier is not None:
        again = {output.path for output in outputs}
        outputs += [output for output in job.earlier.outputs if output.path not in again]
    if stop():
        job.tell("Interrupted again: hashes of some written files may be missing from the record.")
    job.record_event("measured", {"metrics": metrics, "outputs": [output._asdict() for output in outputs]})
    _commit(job)
    _write_to_log(job)


def _read_metrics(job: Job, printed: PrintedMetrics | None, before: Stamp | None) -> Row:
    """Return the final metrics of the run, and record their history."""
    metrics: Row = {}
    if printed is not None:
        printed.end()
        metrics |= printed.final
    if job.request.metrics is not None:
        metrics |= _keep_metrics(job, job.request.metrics, before)
    elif printed is not None and printed.rows:
        with contextlib.suppress(OSError):
            job.record.write_history(iter(printed.rows))
    return metrics


def _find_outputs(job: Job, began: Stamp | None) -> list[Path]:
    """Return the files that the run wrote: under its results paths or, if none are named, in its folder."""
    if job.watch.paths or began is None:
        return job.watch.find_written()
    written = find_changed_since(job.folder, began.ctime)
    if written is None:
        job.tell(f"Written files were not recorded: {job.folder} has too many files to search; use --results.")
        return []
    own = {path.resolve() for path in (job.log.path, job.log.journal)}
    written = [path for path in written if path.resolve() not in own]
    if not written:
        return []
    if other := _find_simultaneous_run(job, began):
        job.tell(f"Written files were not recorded: run {other.id} was running at the same time; use --results.")
        return []
    small = _choose_hashed(written)
    if left_out := [path for path in written if path not in small]:
        names = listed(os.path.relpath(path, job.base) for path in left_out)
        job.tell(f"Not recorded, because hashing more than 1 GB takes long: {names}; use --results.")
    return small


def _choose_hashed(files: list[Path]) -> list[Path]:
    """Return the files that are hashed, the smallest first until they are too large together, in their order."""
    sizes = {}
    for path in files:
        with contextlib.suppress(OSError):
            sizes[path] = path.stat().st_size
    chosen, total = set(), 0
    for path in sorted(sizes, key=lambda path: sizes[path]):
        total += sizes[path]
        if total <= _MAX_HASHED:
            chosen.add(path)
    return [path for path in files if path in chosen]


def _find_simultaneous_run(job: Job, began: Stamp) -> Run | None:
    """Return another run of this repository that went on while the job did, or None.

    Such a run is still pending, or its record was written to since the job began; the other records are not read.
    """
    own = read_run(job.record.folder)
    own_began = own.began_at if own is not None else None
    pending = list_entries(job.log.top, PENDING)
    for name, folder in list_entries(job.log.top, RUNS).items():
        stamp = read_stamp(folder / RECORD)
        if name == job.record.id or stamp is None or (name not in pending and stamp.mtime < began.ctime):
            continue
        run = read_run(folder)
        if run is None or run.is_foreign:
            continue
        if run.is_going_on or (run.ended_at is not None and own_began is not None and run.ended_at > own_began):
            return run
    return None


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
    if run is None or job.repository is None or not job.watch.paths or not job.request.commit_results or job.batch:
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
            f"This run belongs to no experiment yet. Assign it with `orglab runs assign {short} REFERENCE`, "
            f'or add an experiment for it with `orglab new "TITLE" --run {short}`.'
        )
        return
    if job.batch is not None:
        job.tell(f"{run.ref}  {describe_run(run)}")
        for line in describe_untold(run, job.batch):
            job.tell(line)
        return
    try:
        write_run(job.log, run, job.tell)
        remove_pending(job.record.pending)
        job.tell(f"{run.ref}  {describe_run(run)}")
    except OrglabError as error:
        job.tell(f"The run {run.id} is not in the log yet; the next orglab command writes it. {error}")
