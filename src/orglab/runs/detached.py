"""Run a command in a process of its own, which outlives the one that began it, its terminal and its session.

The process is a new one, because the caller may have threads, and gets the request on its standard input.  Until the
command has started, it answers in JSON lines on its standard output: what the user is told, and then either that the
command has started, that it cannot be started, or an error.  So everything that can be refused is refused, and the code
is saved, before the caller goes on.  From then on, what the user would be told is kept in the folder of the record.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orglab import errors
from orglab.errors import NotWritableError, OrglabError, UsageError
from orglab.git.private_files import open_regular
from orglab.log.log import LogFile
from orglab.runs.cluster.ranks import find_rank
from orglab.runs.launch import LaunchedRun, launch
from orglab.runs.processes import detach
from orglab.runs.record_reader import read_run
from orglab.runs.record_writer import RecordWriter
from orglab.runs.run_request import RunRequest
from orglab.text import Tell

MESSAGES = "messages.log"
"""The file of a detached run with what the user would have been told from the start of its command on."""


def launch_detached(log: LogFile, request: RunRequest, tell: Tell) -> LaunchedRun:
    """Run a command as `launch` does, but in a process of its own, and return once the command has started.

    Args:
        log: The log.
        request: What to run.
        tell: Called with each message for the user, until the command has started.

    Raises:
        NotFoundError: There is no such experiment or step.
        UsageError: The request is not valid.
        GitError: The changes cannot be committed, or `clean` allows none.
        NotWritableError: The run cannot be recorded.
    """
    if find_rank(os.environ):
        raise UsageError("Only the first process of a job makes a run, so no other one can be detached.")
    # -P: nothing is imported from the folder that the command runs in.
    command = [sys.executable, "-P", "-m", "orglab", "--log", os.fspath(log.path.absolute()), "runs", "work"]
    process = subprocess.Popen(  # noqa: S603 - this Python, and orglab
        [*command, *(["--anyway"] if log.anyway else []), *(["--as", log.author] if log.author is not None else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        with process:
            return _await_start(process, request, tell)
    finally:
        if process.returncode is None:
            # As Ctrl-C does to a run that is not detached.
            os.killpg(process.pid, signal.SIGINT)
            process.wait()


def _await_start(process: "subprocess.Popen[bytes]", request: RunRequest, tell: Tell) -> LaunchedRun:
    """Hand a request to a process, and return the run that it has begun."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError
    with contextlib.suppress(BrokenPipeError):  # it has ended, which is noticed below
        process.stdin.write(json.dumps(request._replace(is_detached=False)._asdict(), default=os.fspath).encode())
        process.stdin.close()
    for line in process.stdout:
        answer: dict[str, Any] = json.loads(line)
        if "tell" in answer:
            tell(answer["tell"])
        elif "error" in answer:
            raise getattr(errors, answer["error"])(answer["message"])
        else:
            return LaunchedRun(answer["exit_code"], read_run(Path(answer["folder"])))
    raise NotWritableError("The process of the run ended before the command had started.")


class _Caller:
    """The process that waits for the start of the command, at the other end of standard output.

    Attributes:
        is_there: Whether it still waits.
    """

    def __init__(self) -> None:
        self._say_ready = detach()
        self.is_there = True

    def tell(self, sentence: str) -> None:
        """Tell the user something, or keep it for those who ask later."""
        if self.is_there:
            self.answer({"tell": sentence})
        else:
            sys.stderr.write(f"{sentence}\n")
            sys.stderr.flush()

    def answer(self, fields: Mapping[str, object]) -> None:
        """Write a line for the caller, if it is still there."""
        try:
            sys.stdout.write(json.dumps(fields) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self._leave(os.devnull)

    def start(self, record: RecordWriter) -> None:
        """Tell the caller that the command has started, and go on without it."""
        self.answer({"exit_code": 0, "folder": os.fspath(record.folder)})
        self._leave(record.folder / MESSAGES)
        self._say_ready()

    def _leave(self, file: str | os.PathLike[str]) -> None:
        """Write to a file from now on."""
        self.is_there = False
        try:
            fd = open_regular(Path(file), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except OSError:
            fd = os.open(os.devnull, os.O_WRONLY)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        os.close(fd)


def work(log: LogFile) -> None:
    """Run the command of the request on standard input, in a process that nobody waits for once it has started.

    Args:
        log: The log.
    """
    request = _read_request(sys.stdin.buffer.read())
    caller = _Caller()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        launched = launch(log, request, caller.tell, caller.start)
    except OrglabError as error:
        caller.answer({"error": type(error).__name__, "message": str(error)})
        return
    except KeyboardInterrupt:
        # The command has not started; the caller says so.
        return
    if caller.is_there and launched.run is not None:  # the command could not be started
        caller.answer({"exit_code": launched.exit_code, "folder": os.fspath(launched.run.folder)})


def _read_request(data: bytes) -> RunRequest:
    """Return the request that the caller has written."""
    fields: dict[str, Any] = json.loads(data)
    for name in ("folder", "out"):
        fields[name] = Path(fields[name]) if fields[name] is not None else None
    texts = {name: tuple(fields[name]) for name in ("argv", "metrics")}
    return RunRequest(**{**fields, **texts, "results": tuple(map(Path, fields["results"])), "show_output": False})
