"""Finish a run: read its metrics, hash its outputs, commit its results, and write a note to the log.

Nothing here may change the exit code.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from orglab.errors import OrglabError
from orglab.git import Repository
from orglab.git.files import find_moved_files, is_tracked, path_in
from orglab.git.worktree import is_commit_in_progress, is_known_to_be_at, lock_commits, read_branch
from orglab.log.log import LogFile
from orglab.log.log_commit import commit_log
from orglab.runs.cluster.batch import describe_untold
from orglab.runs.description import describe_run
from orglab.runs.job import Job
from orglab.runs.log_writer import settle_run
from orglab.runs.metrics.attribution import Attribution
from orglab.runs.metrics.candidates import Mark
from orglab.runs.metrics.discovery import Written
from orglab.runs.metrics.measurement import collect_metrics
from orglab.runs.metrics.printed import PrintedMetrics
from orglab.runs.parameters.run_parameters import describe_final_parameters
from orglab.runs.record import Run
from orglab.runs.record_reader import read_output_end, read_run
from orglab.runs.results import Stamp, find_changed_since, read_outputs
from orglab.runs.results_commit import ended_badly
from orglab.text import Tell, listed

_MAX_HASHED = 1 << 30  # bytes, of all files together that are not named as results
_OUTPUT_END = 1 << 16  # bytes that are searched for metrics


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
    moved = _find_moved(job)
    found = [path for path in find_written(job, began) if path not in moved]
    written = Written(found, began, Attribution(job, began), stop)
    measured = collect_metrics(job, printed, marks, written)
    if printed is None and not measured.get("metrics"):
        _tell_of_printed(job)
    outputs = read_outputs(job.repository, _choose_outputs(job, written), job.base, stop)
    if job.earlier is not None:
        again = {output.path for output in outputs}
        outputs += [output for output in job.earlier.outputs if output.path not in again]
    if stop():
        job.tell("Interrupted again: hashes of some written files may be missing from the record.")
    outputs_field = [output._asdict() for output in outputs]
    fields = {name: value for name, value in measured.items() if value or name == "metrics"}
    removed = [path for path in job.watch.find_removed() if path not in moved]
    changed = {"removed": removed, "links": [path for path in written.files if path.is_symlink()]}
    for name, paths in changed.items():
        if job.watch.paths and paths:
            fields[name] = [os.path.relpath(path, job.base) for path in paths]
    job.record_event("measured", {**fields, "outputs": outputs_field, **_read_parameters(job, began)})
    _settle(job)


def _tell_of_printed(job: Job) -> None:
    """Say that the output has metrics, which nobody asked to be read."""
    printed = PrintedMetrics()
    printed.feed(read_output_end(job.record.folder, _OUTPUT_END))
    printed.end()
    if printed.summary.final:
        name, value = next(iter(printed.summary.final.items()))
        job.tell(f"No metrics were recorded; --stdout-metrics reads printed lines such as `metric {name}={value}`.")


def _find_moved(job: Job) -> set[Path]:
    """Return the files that git wrote or removed because HEAD has moved while the command ran; they are not results."""
    run = read_run(job.record.folder)
    if job.repository is None or run is None or run.before is None:
        return set()
    # Mostly HEAD is where it was, which is known without starting git.
    if is_known_to_be_at(job.repository, read_branch(job.repository), run.before):
        return set()
    return {job.repository.top / name for name in find_moved_files(job.repository, run.before)}


def _read_parameters(job: Job, began: Stamp | None) -> dict[str, object]:
    """Return the fields with the parameters, if what the run wrote has changed them."""
    run = read_run(job.record.folder)
    return describe_final_parameters(job, run, began.ctime) if run is not None and began is not None else {}


def find_written(job: Job, began: Stamp | None) -> list[Path]:
    """Return the files that the run wrote: under its results paths or, if none are named, in its folder.

    A version of a sweep that wrote nothing to its own folder may have written elsewhere, too.
    """
    if job.watch.paths or began is None:
        found = job.watch.find_written()
        if found or began is None or job.request.out is None:
            return found
    written = find_changed_since(job.repository, job.folder, began.ctime)
    if written is None:
        job.tell(f"Written files were not recorded: {job.folder} has too many files to search; use --results.")
        return []
    own = {path.resolve() for path in (job.log.path, job.log.journal)}
    return [path for path in written if path.resolve() not in own]


def _choose_outputs(job: Job, written: Written) -> list[Path]:
    """Return those of the written files that are recorded as outputs."""
    if not written.files or any(map(written.attribution.is_result, written.files)):
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


def _settle(job: Job) -> None:
    """Commit the results and write the run to the log, or leave that to a later command."""
    run = read_run(job.record.folder)
    if run is None:
        return
    if not job.is_deferred:
        _write(job, run)
    if run.ref is None:
        short = run.id.rpartition("-")[2]
        job.tell(f"{run.id}  {describe_run(run)}")
        job.tell(
            f"This run belongs to no experiment yet. Assign it with `orglab runs assign {short} REFERENCE`, "
            f'or add an experiment for it with `orglab new "TITLE" --run {short}`.'
        )
        return
    job.tell(f"{run.ref}  {describe_run(run)}")
    for line in describe_untold(run, job.batch) if job.batch is not None else ():
        job.tell(line)


def _write(job: Job, run: Run) -> None:
    """Commit the results of a run that has ended, and write its note to the log."""
    try:
        run, is_written = settle_run(job.log, run, job.record.pending, job.tell, append=job.record_event)
        if is_written:
            keep_log(job.log, run, job.tell)
    except OrglabError as error:
        job.tell(f"The run {run.id} is not in the log yet; the next orglab command writes it. {error}")


def keep_log(log: LogFile, run: Run, tell: Tell) -> None:
    """Save the log with the note of a run in its history; commit a log that git tracks, unless the run failed.

    The branch is left alone after a failure, and so is one that the run did not begin on.

    Args:
        log: The log.
        run: The run.
        tell: Called with each message for the user.
    """
    if log.is_apart:
        log.keep_text(at_once=True)
        return
    repository = log.repository
    if repository is None or not log.config.run.commit_log or ended_badly(run):
        return
    if not run.branch or run.branch != read_branch(repository):
        return
    path = path_in(repository, log.path.absolute().resolve())
    if path is None or not is_tracked(repository, path):
        return
    try:
        with lock_commits(repository):
            obstacle = _find_obstacle(repository)
            committed = commit_log(log) if obstacle is None else None
    except OrglabError as error:
        tell(f"The log was not committed: {error}")
        return
    if obstacle is not None:
        tell(f"The log was not committed, because {obstacle}; run `orglab commit`.")
    elif committed is not None:
        tell(f"Committed the log as {committed.commit}.")


def _find_obstacle(repository: Repository) -> str | None:
    """Return why a commit would be in the way of the user, or would ask for something; None if it would not."""
    if is_commit_in_progress(repository):
        return "another commit is being written"
    signs = repository.read("config", "--type=bool", "--get", "commit.gpgSign")
    return "commits are signed here (commit.gpgSign)" if (signs or b"").strip() == b"true" else None
