"""Run a command for a step: commit the code, run it, record it, commit the results, and write a note to the log."""

import contextlib
import os
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from orglab import clock
from orglab.errors import NotWritableError, UsageError
from orglab.git import find_repository
from orglab.git.private_files import open_regular
from orglab.log.log import LogFile
from orglab.runs.child import WARNINGS, Child, ExitStatus
from orglab.runs.cluster.batch import (
    describe_batch,
    describe_resumption,
    find_batch_job,
    find_changed_code,
    resume_requeued_run,
)
from orglab.runs.cluster.ranks import find_rank, wait_for_run
from orglab.runs.ending import EndingWatch
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.finalization import finish_run
from orglab.runs.job import Job
from orglab.runs.live_metrics import LiveMetrics
from orglab.runs.metrics.discovery import mark_metrics_files
from orglab.runs.metrics.printed import PrintedMetrics
from orglab.runs.own_tree import enter_own_tree
from orglab.runs.pending import RECORD, remove_pending
from orglab.runs.preparation import (
    check_command,
    describe_beginning,
    find_repetition,
    format_moment,
    make_environment,
    make_job,
    save_code,
    warn_if_code_differs,
)
from orglab.runs.processes import read_start_time
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import RecordWriter, begin_record
from orglab.runs.results import read_stamp
from orglab.runs.run_request import RunRequest, find_reference
from orglab.runs.secret_stream import SecretFilter, SecretPipe
from orglab.runs.secrets import join_secrets
from orglab.runs.stopping import Stopping
from orglab.runs.storage import remove_leftovers
from orglab.runs.tracker_variables import RunNames
from orglab.runs.working_state import WorkingState
from orglab.text import Tell, listed

Begin = Callable[[PrintedMetrics | None], str | None]
_CHUNK_BYTES = 1 << 18


class LaunchedRun(NamedTuple):
    """A run that has ended, or goes on detached.

    Attributes:
        exit_code: The exit code of the command, as a shell reports it: 128 plus the number of a signal; 0 if it
            goes on.
        run: What was recorded of it; None if the record cannot be read.
    """

    exit_code: int
    run: Run | None


def launch(
    log: LogFile, request: RunRequest, tell: Tell, on_start: Callable[[RecordWriter], None] | None = None
) -> LaunchedRun:
    """Run a command for a step, and return its exit code and its record.

    Afterwards the run is recorded, its code and its results are committed, and the log has a note on it.  If one of
    these fails once the command has started, the user gets a message, and the exit code stays that of the command.

    Inside of a scheduler's job nothing is committed, and the next command outside of it writes the note; a process of
    the job other than the first joins the run of that one.

    Args:
        log: The log.
        request: What to run.
        tell: Called with each message for the user.
        on_start: Called with the record once the command has started.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid.
        GitError: The changes cannot be committed, or `clean` allows none.
        NotWritableError: The run cannot be recorded.
    """
    folder = request.folder or Path.cwd()
    if find_rank(os.environ):
        if request.worktree:
            raise UsageError("--worktree is not for the processes of one job; start them with a command of the run.")
        return _join_run(log, request, tell)
    # Started first, because it works in the background.
    with PythonProbe(find_python(request.argv, folder, log.top)) as python:
        ref = find_reference(log, request)
        if log.repository is not None:
            remove_leftovers(log.repository)
        failure = check_command(request.argv, folder)
        job = _make_job(log, request, ref, folder, tell, can_resume=failure is None)

        def begin(printed: PrintedMetrics | None) -> str | None:
            return resume(job, job.earlier, printed) if job.earlier is not None else _begin(job, failure, python)

        try:
            if request.worktree and failure is None:
                return _launch_apart(job, python, on_start)
            return LaunchedRun(run_job(job, failure, begin, on_start=on_start), read_run(job.record.folder))
        finally:
            job.record.close()


def _launch_apart(job: Job, python: PythonProbe, on_start: Callable[[RecordWriter], None] | None) -> LaunchedRun:
    """Run the command of a job in a working tree of its own."""
    with contextlib.ExitStack() as cleanup:
        with contextlib.ExitStack() as undo:
            undo.callback(job.record.abandon)
            moved, state = cleanup.enter_context(enter_own_tree(job))
            undo.pop_all()
        failure = check_command(moved.request.argv, moved.folder)
        code = run_job(moved, failure, lambda _: _begin(moved, failure, python, state), on_start=on_start)
    return LaunchedRun(code, read_run(job.record.folder))


def _make_job(log: LogFile, request: RunRequest, ref: str | None, folder: Path, tell: Tell, *, can_resume: bool) -> Job:
    """Return the job, which continues the run of a requeued one if there is such a run."""
    batch, resumed = find_batch_job(), None
    if batch is not None and can_resume:
        repository = find_repository(folder) or log.repository
        base = repository.top if repository is not None else log.top
        try:
            resumed = resume_requeued_run(log, request, ref, os.path.relpath(folder, base), batch)
        except OSError as error:
            tell(f"The run that this job began before its restart cannot be continued: {error.strerror}.")
    earlier, record = resumed or (None, begin_record(log, clock.now()))
    return make_job(log, request, ref, record, tell)._replace(batch=batch, earlier=earlier)


def run_job(
    job: Job,
    failure: ExitStatus | None,
    begin: Begin,
    stopping: Stopping | None = None,
    on_start: Callable[[RecordWriter], None] | None = None,
) -> int:
    """Run the command of a job and finish the job, and return the exit code.

    Args:
        job: The job.
        failure: How the command ended without having been started; None if it can be started.
        begin: Records the beginning of the run, and returns the full hash of the commit with its code.
        stopping: Whether this process was asked to end, which it then is to do after the command; None if it does so
            anyway.
        on_start: Called with the record once the command has started.
    """
    request = job.request
    marks = mark_metrics_files(job)
    printed = PrintedMetrics() if request.printed_metrics else None
    code = begin(printed)
    began = read_stamp(job.record.folder / RECORD)
    output, ending = _Output(job.record.output, job.tell), EndingWatch()
    # Only the record hides the secrets: what the user sees is what the command printed.
    hidden = SecretFilter(output.keep, job.find_known())
    feed = printed.feed if printed else None
    asking = WARNINGS if job.batch is not None else ()

    def keep(piece: bytes) -> None:
        # A script tells its secrets before it can print them.
        hidden.add(_learn(job, pipe))
        hidden.feed(piece)

    with (
        output,
        contextlib.closing(hidden),
        SecretPipe(job.record.folder) as pipe,
        Child(keep, feed, ending.feed, show_output=request.show_output, asking=asking, stopping=stopping) as child,
    ):
        names = RunNames(job.record.id, job.ref, code, job.why)
        environment = make_environment(request, job.record.folder, job.ref, code, names, job.author)
        with LiveMetrics(job, printed, marks, began) as live:
            status = failure or child.run(
                request.argv, environment, request.folder, pty=request.pty, time_limit=request.time_limit,
                on_start=partial(_record_start, job, live, on_start),
                # At once: a scheduler may kill us with the command before it has ended.
                on_asked=lambda name: job.record_event("asked", {"asked_by": name}),
            )  # fmt: skip
        if status.error:
            job.tell(status.error)
        _learn(job, pipe)
        why = ending.describe(status, job.find_known())
        job.record_event("ended", {**_describe_end(job, status), **why}, durable=True)
        if status.error:
            # What never ran has no results, and is not worth a note in the log; the record says what was tried.
            remove_pending(job.record.pending)
        else:
            # What ends a sweep does not cut short what is known of a version that has ended.
            finish_run(job, printed, marks, began, lambda: child.signalled_late and not job.is_swept)
        with contextlib.suppress(OSError):
            job.record.out.rmdir()  # empty, so the command did not need it
        return status.code


def _record_start(job: Job, live: LiveMetrics, on_start: Callable[[RecordWriter], None] | None, pid: int) -> None:
    """Record that the command has started, call what waits for that, and begin to read its metrics."""
    job.record_event("started", {"child_pid": pid, "child_start": read_start_time(pid)})
    live.start()
    if on_start is not None:
        on_start(job.record)


def _learn(job: Job, pipe: SecretPipe) -> Collection[str]:
    """Return the secrets that a script has told, which the job keeps for as long as it lasts."""
    told = pipe.read()
    if told and job.secrets is not None:
        job.secrets.update(join_secrets(job.secrets, told))
    return told.values()


def _describe_end(job: Job, status: ExitStatus) -> dict[str, object]:
    """Return the fields of the record that say when and how the command ended, with the earlier part of the run."""
    seconds, usage = status.seconds, dict(status.usage)
    if job.earlier is not None:
        seconds += job.earlier.seconds or 0
        for name, value in job.earlier.usage.items():
            usage[name] = max(value, usage.get(name, 0)) if name == "memory" else value + usage.get(name, 0)
    fields = {
        "ended": format_moment(clock.now()), "seconds": round(seconds, 3), "exit_code": status.exit_code,
        "signal": status.signal, "asked_by": status.asked_by, "usage": usage,
    }  # fmt: skip
    return {**fields, "timed_out": True} if status.timed_out else fields


def _begin(job: Job, failure: ExitStatus | None, python: PythonProbe, state: WorkingState | None = None) -> str | None:
    """Save the code unless that was done, record the start of the run, and return the full hash of its commit.

    If that fails, the run has no record.

    Raises:
        GitError: The changes cannot be committed, or `clean` allows none.
        NotWritableError: The run cannot be recorded.
    """
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(job.record.abandon)
        if state is None:
            state = WorkingState() if failure else save_code(job)
        beginning = {**describe_beginning(job, state, python, clock.now()), **describe_batch(job.batch)}
        beginning |= find_repetition(job, beginning)
        warn_if_code_differs(job, beginning)
        record_begin(job, "began", beginning)
        cleanup.pop_all()
    return state.code


def resume(
    job: Job, earlier: Run, printed: PrintedMetrics | None, is_ignored: Callable[[str], bool] = lambda _: False
) -> str | None:
    """Record that the run of a requeued job goes on, and return the full hash of the commit with its code.

    Args:
        job: The job.
        earlier: The run, as it was.
        printed: The metrics in its output, which are read from what it has printed so far; None if they do not count.
        is_ignored: Returns whether a file, relative to the top, is no code.

    Raises:
        NotWritableError: That cannot be recorded.
    """
    changed = [path for path in find_changed_code(job.log, job.repository, earlier) if not is_ignored(path)]
    now = {"resumed": format_moment(clock.now()), "host": os.uname().nodename, "pid": os.getpid()}
    fields = {**now, "pid_start": read_start_time(os.getpid()), **describe_resumption(earlier, changed)}
    record_begin(job, "resumed", {**fields, **describe_batch(job.batch)})
    job.tell(f"The job was requeued, so this continues the run {earlier.id}.")
    if changed:
        job.tell(f"Changed since the run began, and not in its commit: {listed(changed)}.")
    if printed is not None:
        with contextlib.suppress(OSError), open(open_regular(job.record.output), "rb") as output:  # noqa: PTH123
            while piece := output.read(_CHUNK_BYTES):
                printed.feed(piece)
    return earlier.code


def record_begin(job: Job, event: str, fields: dict[str, object]) -> None:
    """Add an event to the record before the command starts.

    Raises:
        NotWritableError: It cannot be written.
    """
    try:
        job.append(event, fields, durable=True)
    except OSError as error:
        raise NotWritableError(
            f"The run was not started, because it cannot be recorded in {job.record.folder}: {error.strerror}."
        ) from error


def _join_run(log: LogFile, request: RunRequest, tell: Tell) -> LaunchedRun:
    """Run a command as a process of a job whose first process makes the run; nothing else is recorded."""
    run = wait_for_run(log, request.argv, os.environ)
    if run is None:
        tell("The first process of this job has begun no run, so this process is not recorded.")
        environment = {**os.environ, **(request.environment or {})}
    else:
        names = RunNames(run.id, run.ref, run.code, run.why)
        environment = make_environment(request, run.folder, run.ref, run.code, names, run.author)
    with Child(lambda _: None) as child:
        status = child.run(
            request.argv, environment, request.folder, pty=request.pty, time_limit=request.time_limit
        )  # fmt: skip
    if status.error:
        tell(status.error)
    return LaunchedRun(status.code, None)


class _Output:
    """The file that stores the output of a command."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._path = path
        self._tell = tell
        self._fd: int | None = None

    def __enter__(self) -> Self:
        try:
            self._fd = open_regular(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
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
