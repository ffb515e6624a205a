"""Finish a run: read its metrics, hash its outputs, commit its results, and write a note to the log.

Nothing here may change the exit code.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from orglab.errors import OrglabError
from orglab.runs.cluster.batch import describe_untold
from orglab.runs.description import describe_run
from orglab.runs.job import Job
from orglab.runs.log_writer import write_run
from orglab.runs.metrics.attribution import Attribution
from orglab.runs.metrics.candidates import Mark
from orglab.runs.metrics.discovery import Written
from orglab.runs.metrics.measurement import collect_metrics
from orglab.runs.metrics.printed import PrintedMetrics
from orglab.runs.parameters.run_parameters import describe_final_parameters
from orglab.runs.pending import remove_pending
from orglab.runs.record_reader import read_run
from orglab.runs.results import Stamp, commit_results, find_changed_since, read_outputs
from orglab.text import listed

_MAX_HASHED = 1 << 30  # bytes, of all files together that are not named as results


def finish_run(
    job: Job, printed: PrintedMetrics | None, marks: dict[Path, Mark], began: Stamp | None, stop: Callable[[], bool]
) -> None:
    """Record the metrics and outputs of a run, commit its results, and write it to the log.

    Args:
        job: The run.
        printed: The metrics in its output, if they were requested.
        marks: The state of the metrics files before the run.
        began: The state of the record when the command was started.
        stop: Called now and then; return True to skip work that takes long.
    """
    written = Written(_find_written(job, began), began, Attribution(job, began), stop)
    measured = collect_metrics(job, printed, marks, written)
    outputs = read_outputs(_choose_outputs(job, written), job.base, stop)
    if job.earlier is not None:
        again = {output.path for output in outputs}
        outputs += [output for output in job.earlier.outputs if output.path not in again]
    if stop():
        job.tell("Interrupted again: hashes of some written files may be missing from the record.")
    outputs_field = [output._asdict() for output in outputs]
    fields = {name: value for name, value in measured.items() if value or name == "metrics"}
    if job.is_deferred and (removed := job.watch.find_removed()):
        fields["removed"] = [os.path.relpath(path, job.base) for path in removed]
    job.record_event("measured", {**fields, "outputs": outputs_field, **_read_parameters(job, began)})
    _commit(job)
    _write_to_log(job)


def _read_parameters(job: Job, began: Stamp | None) -> dict[str, object]:
    """Return the fields with the parameters, if what the run wrote has changed them."""
    run = read_run(job.record.folder)
    return describe_final_parameters(job, run, began.ctime) if run is not None and began is not None else {}


def _find_written(job: Job, began: Stamp | None) -> list[Path]:
    """Return the files that the run wrote: under its results paths or, if none are named, in its folder."""
    if job.watch.paths or began is None:
        return job.watch.find_written()
    written = find_changed_since(job.folder, began.ctime)
    if written is None:
        job.tell(f"Written files were not recorded: {job.folder} has too many files to search; use --results.")
        return []
    own = {path.resolve() for path in (job.log.path, job.log.journal)}
    return [path for path in written if path.resolve() not in own]


def _choose_outputs(job: Job, written: Written) -> list[Path]:
    """Return those of the written files that are recorded as outputs."""
    if job.watch.paths or not written.files:
        return list(written.files)
    attribution = written.attribution
    owners = {path: attribution.is_own(path) for path in written.files}
    if None in owners.values():
        other = attribution.simultaneous[0].id
        job.tell(f"Written files were not recorded: run {other} was running at the same time; use --results.")
    own = [path for path in written.files if owners[path]]
    small = _choose_hashed(own)
    if left_out := [path for path in own if path not in small]:
        names = listed(os.path.relpath(path, job.base) for path in left_out)
        job.tell(f"Not recorded, because hashing more than 1 GB takes long: {names}; use --results.")
    return small


def _choose_hashed(files: Sequence[Path]) -> list[Path]:
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


def _commit(job: Job) -> None:
    """Commit the results, and record that commit."""
    run = read_run(job.record.folder)
    if (
        run is None
        or job.repository is None
        or not job.watch.paths
        or not job.request.commit_results
        or job.is_deferred
    ):
        return
    try:
        own_paths = job.log.find_own_paths(job.repository)
        commit = commit_results(job.repository, run, job.watch, own_paths, job.log.config, job.tell)
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
    if job.is_deferred:
        job.tell(f"{run.ref}  {describe_run(run)}")
        for line in describe_untold(run, job.batch) if job.batch is not None else ():
            job.tell(line)
        return
    try:
        write_run(job.log, run, job.tell)
        remove_pending(job.record.pending)
        job.tell(f"{run.ref}  {describe_run(run)}")
    except OrglabError as error:
        job.tell(f"The run {run.id} is not in the log yet; the next orglab command writes it. {error}")
