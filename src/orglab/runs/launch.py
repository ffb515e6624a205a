"""Run a command for a step: commit the code, run it, record it, commit the results, and write a note to the log."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple, Self

from orglab import clock
from orglab.errors import NotWritableError
from orglab.git import find_repository
from orglab.log.log import LogFile
from orglab.runs.child import Child, ExitStatus
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.finalization import finish_run
from orglab.runs.job import Job
from orglab.runs.metrics_search import mark_metrics_files
from orglab.runs.pending import RECORD, remove_pending
from orglab.runs.preparation import (
    check_command,
    describe_beginning,
    find_results_paths,
    format_moment,
    make_environment,
    save_code,
    warn_if_run_before,
)
from orglab.runs.printed_metrics import PrintedMetrics
from orglab.runs.record import Run, read_run
from orglab.runs.record_writer import RecordWriter, begin_record
from orglab.runs.results import ResultsWatch, read_stamp
from orglab.runs.run_request import RunRequest, find_reference
from orglab.runs.working_state import WorkingState
from orglab.text import Tell


class LaunchedRun(NamedTuple):
    """A run that has ended.

    Attributes:
        exit_code: The exit code of the command, as a shell reports it: 128 plus the number of a signal.
        run: What was recorded of it; None if the record cannot be read.
    """

    exit_code: int
    run: Run | None


def launch(log: LogFile, request: RunRequest, tell: Tell) -> LaunchedRun:
    """Run a command for a step, and return its exit code and its record.

    Afterwards the run is recorded, its code and its results are committed, and the log has a note on it.  If one of
    these fails once the command has started, the user gets a message, and the exit code stays that of the command.

    Args:
        log: The log.
        request: What to run.
        tell: Called with each message for the user.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid.
        GitError: The changes cannot be committed, or `clean` allows none.
        NotWritableError: The run cannot be recorded.
    """
    folder = request.folder or Path.cwd()
    # Started first, because it works in the background.
    with PythonProbe(find_python(request.argv, folder, log.top)) as python:
        ref = find_reference(log, request)
        record = begin_record(log, clock.now())
        try:
            job = _make_job(log, request, ref, record, folder, tell)
            return LaunchedRun(_run_job(job, python), read_run(record.folder))
        finally:
            record.close()


def _make_job(
    log: LogFile, request: RunRequest, ref: str | None, record: RecordWriter, folder: Path, tell: Tell
) -> Job:
    repository = find_repository(folder) or log.repository
    base = repository.top if repository is not None else log.top
    return Job(
        log, request, ref, record, folder, repository, ResultsWatch(find_results_paths(log, request, base)), tell
    )


def _run_job(job: Job, python: PythonProbe) -> int:
    """Prepare, run and finish a job, and return the exit code."""
    request = job.request
    marks = mark_metrics_files(job)
    printed = PrintedMetrics() if request.printed_metrics else None
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(_abandon, job.record)
        failure = check_command(request.argv, job.folder)
        state = _begin(job, failure, python)
        cleanup.pop_all()
    began = read_stamp(job.record.folder / RECORD)
    output = _Output(job.record.output, job.tell)
    with output, Child(output.keep, printed.feed if printed else None, show_output=request.show_output) as child:
        status = failure or child.run(request.argv, make_environment(job, state), request.folder, pty=request.pty)
        if status.error:
            job.tell(status.error)
        job.record_event("ended", {
            "ended": format_moment(clock.now()), "seconds": round(status.seconds, 3), "exit_code": status.exit_code,
            "signal": status.signal, "asked_by": status.asked_by, "usage": status.usage,
        }, durable=True)  # fmt: skip
        if status.error:
            # What never ran has no results, and is not worth a note in the log; the record says what was tried.
            remove_pending(job.record.pending)
        else:
            finish_run(job, printed, marks, began, lambda: child.signalled_late)
        with contextlib.suppress(OSError):
            job.record.out.rmdir()  # empty, so the command did not need it
        return status.code


def _begin(job: Job, failure: ExitStatus | None, python: PythonProbe) -> WorkingState:
    """Save the code, record the start of the run, and return its working state.

    Raises:
        GitError: The changes cannot be committed, or `clean` allows none.
        NotWritableError: The run cannot be recorded.
    """
    state = WorkingState() if failure else save_code(job)
    warn_if_run_before(job, state)
    beginning = describe_beginning(job, state, python, clock.now())
    try:
        job.record.append("began", beginning, durable=True)
    except OSError as error:
        raise NotWritableError(
            f"The run was not started, because it cannot be recorded in {job.record.folder}: {error.strerror}."
        ) from error
    return state


def _abandon(record: RecordWriter) -> None:
    """Remove the record of a run that was never started."""
    with contextlib.suppress(OSError):
        record.remove()


class _Output:
    """The file that stores the output of a command."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._path = path
        self._tell = tell
        self._fd: int | None = None

    def __enter__(self) -> Self:
        try:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            self._give_up(error)
        return self

    def keep(self, piece: bytes) -> None:
        """Store some output; if the disk is full, the command goes on without storing more."""
        if self._fd is None:
            return
        left = memoryview(piece)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._tell(f"The output of the command is no longer recorded: {error.strerror}.")
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
