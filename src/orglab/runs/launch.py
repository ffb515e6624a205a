"""A command is run for a step of an experiment: a commit before, the command, a record, a commit after, a note."""

import contextlib
import os
from pathlib import Path
from typing import Self

from orglab import clock
from orglab.errors import NotWritableError
from orglab.git import find_repository
from orglab.log.log import LogFile
from orglab.runs.child import Child, ExitStatus
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.finalization import finish_run
from orglab.runs.job import Job
from orglab.runs.metrics import PrintedMetrics
from orglab.runs.preparation import (
    check_command,
    describe_beginning,
    find_results_paths,
    format_moment,
    make_environment,
    save_code,
    warn_if_run_before,
)
from orglab.runs.record_writer import RecordWriter, begin_record
from orglab.runs.results import ResultsWatch, read_stamp
from orglab.runs.run_request import RunRequest, find_reference
from orglab.runs.working_state import WorkingState
from orglab.text import Tell


def launch(log: LogFile, request: RunRequest, tell: Tell) -> int:
    """Run a command for a step, and return its exit code.

    Afterwards there is a record of it; the code that it ran on is a commit, its results are, and the log tells of
    it.  What of that could not be done is told, and changes nothing of the exit code.

    Args:
        log: The log.
        request: What is to be run.
        tell: Hears sentences for the user.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request makes no sense.
        GitError: The changes cannot be committed, or are there where none may be.
        NotWritableError: The run cannot be recorded.
    """
    folder = request.folder or Path.cwd()
    # First of all, for it answers while the rest is done.
    with PythonProbe(find_python(request.argv, folder, log.top)) as python:
        ref = find_reference(log, request)
        record = begin_record(log.top, log.path, clock.now())
        try:
            job = _make_job(log, request, ref, record, folder, tell)
            return _run_job(job, python)
        finally:
            record.close()


def _make_job(log: LogFile, request: RunRequest, ref: str, record: RecordWriter, folder: Path, tell: Tell) -> Job:
    repository = find_repository(folder) or log.repository
    base = repository.top if repository is not None else log.top
    return Job(
        log, request, ref, record, folder, repository, ResultsWatch(find_results_paths(log, request, base)), tell
    )


def _run_job(job: Job, python: PythonProbe) -> int:
    """Prepare, run and complete, and return the exit code."""
    request = job.request
    before = read_stamp(request.metrics) if request.metrics is not None else None
    printed = PrintedMetrics() if request.printed_metrics else None
    with contextlib.ExitStack() as undone:
        undone.callback(_abandon, job.record)
        obstacle = check_command(request.argv, job.folder)
        state = _begin(job, obstacle, python)
        undone.pop_all()
    output = _Output(job.record.output, job.tell)
    with output, Child(output.keep, printed.feed if printed else None) as child:
        ended = obstacle or child.run(request.argv, make_environment(job, state), request.folder, pty=request.pty)
        if ended.error:
            job.tell(ended.error)
        job.record_event("ended", {
            "ended": format_moment(clock.now()), "seconds": round(ended.seconds, 3), "exit_code": ended.exit_code,
            "signal": ended.signal, "usage": ended.usage,
        }, durable=True)  # fmt: skip
        finish_run(job, printed, before, lambda: child.signalled_late)
        return ended.code


def _begin(job: Job, obstacle: ExitStatus | None, python: PythonProbe) -> WorkingState:
    """Settle the code, write down that the run begins, and return what it runs on.

    Raises:
        GitError: The changes cannot be committed, or are there where none may be.
        NotWritableError: The run cannot be recorded.
    """
    state = WorkingState() if obstacle else save_code(job)
    warn_if_run_before(job, state)
    beginning = describe_beginning(job, state, python, clock.now())
    try:
        job.record.append("began", beginning, durable=True)
    except OSError as error:
        raise NotWritableError(
            f"The run cannot be recorded in {job.record.folder}: {error.strerror}; it was not started."
        ) from error
    return state


def _abandon(record: RecordWriter) -> None:
    """Remove the record of a run that was never started."""
    with contextlib.suppress(OSError):
        record.remove()


class _Output:
    """The file that keeps what a command prints."""

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
        """Keep a piece of output; a full disk stops the keeping, not the command."""
        if self._fd is None:
            return
        left = memoryview(piece)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._tell(f"What the command prints is not kept any more: {error.strerror}.")
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
