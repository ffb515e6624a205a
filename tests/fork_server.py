"""A process with the modules of orglab, which forks itself: an `orglab` of its own in a tenth of the time.

What it forks has arguments, a folder, an environment, streams and an exit code like that of `python -m orglab`; only the
start of Python and the imports were done before, once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

# What Python reads when it starts, and so what a forked one has not read again.
_READ_AT_START = ("PYTHON", "LC_", "LANG")
_NUMBER_BYTES = 4
_PATIENCE_SECONDS = 60


class ForkServer:
    """The server, and the connection to it."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start it."""
        self._start = _select_start(environment)
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.communicate()

    def can_start(self, environment: dict[str, str]) -> bool:
        """Return whether Python would have started in the same way with an environment."""
        return _select_start(environment) == self._start

    def start(
        self, arguments: list[str], cwd: str | Path | None, environment: dict[str, str], stderr: int | None = None
    ) -> Forked:
        """Start a command; a descriptor takes its standard error, or it is a pipe too."""
        umask = os.umask(0o022)
        os.umask(umask)
        request = json.dumps({
            "arguments": arguments, "cwd": str(Path(cwd or ".").absolute()), "umask": umask, "environment": environment,
        }).encode()  # fmt: skip
        given, feed = os.pipe()
        output, out = os.pipe()
        told, tell = os.pipe()
        errors, err = os.pipe() if stderr is None else (None, stderr)
        with self._lock:
            socket.send_fds(self._socket, [len(request).to_bytes(_NUMBER_BYTES)], [given, out, err, tell])
            self._socket.sendall(request)
        for descriptor in (given, out, tell, *([err] if stderr is None else [])):
            os.close(descriptor)
        return Forked(feed, output, errors, told)

    def run(
        self, arguments: list[str], cwd: str | Path | None, stdin: str, environment: dict[str, str]
    ) -> tuple[int, str, str]:
        """Run a command; return its exit code, its output, and its standard error.  Its input has to fit into a pipe."""
        command = self.start(arguments, cwd, environment)
        # One that has ended does not read it.
        with command.stdin, contextlib.suppress(BrokenPipeError):
            command.stdin.write(stdin.encode())
        try:
            out, err = _read_all((command.stdout, command.stderr))
        except TimeoutError:
            command.kill()
            raise
        return command.wait(), out, err


class Forked:
    """A process of `orglab`, as `subprocess.Popen` has them.

    Attributes:
        pid: Its id.
        stdin: A pipe to it, without a buffer.
        stdout: One from it.
        stderr: Another one; None if a descriptor takes it.
        returncode: Its exit code, or minus the number of the signal that ended it; None as long as it is not known.
    """

    def __init__(self, stdin: int, stdout: int, stderr: int | None, told: int) -> None:
        """Take the pipes; the last one tells first the id of the process, and when it has ended the exit code."""
        self.stdin = FileIO(stdin, "w")
        self.stdout = FileIO(stdout)
        self.stderr = None if stderr is None else FileIO(stderr)
        self._told = FileIO(told)
        self.pid = int.from_bytes(self._told.read(_NUMBER_BYTES))
        assert self.pid > 0, "the server of processes has ended"
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None if the process has not ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended, and return its exit code."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("orglab", timeout)
            with self._told:
                self.returncode = int.from_bytes(self._told.read(_NUMBER_BYTES), signed=True)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)


def _select_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


def _read_all(pipes: Sequence[FileIO]) -> list[str]:
    """Return the texts of pipes at whose other ends is one process."""
    texts = dict.fromkeys(pipes, b"")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    left = [*pipes]
    while left:
        ready = select.select(left, [], [], max(0, deadline - time.monotonic()))[0]
        if not ready:
            raise TimeoutError(texts)
        for pipe in ready:
            piece = pipe.read(1 << 16)
            texts[pipe] += piece
            if not piece:
                left.remove(pipe)
                pipe.close()
    # With the line endings that text has in Python.
    return [text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in texts.values()]


# ---- in the server ----


def load() -> None:
    """Load every module of orglab, once."""
    import orglab  # noqa: PLC0415 - only in the server

    for module in pkgutil.walk_packages(orglab.__path__, "orglab."):
        # The startup folder is for the Python of a run, and __main__ of the hooks reads arguments.
        if "startup" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Fork a process for each request, and return the request there; the server itself never returns."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(connection, _NUMBER_BYTES, 4)
        # Those that waited for the commands until now.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0] > 0:
                pass
        if not head:
            os._exit(0)
        request = json.loads(connection.recv(int.from_bytes(head), socket.MSG_WAITALL))
        if os.fork() == 0:
            connection.close()
            *streams, told = descriptors
            command = os.fork()
            if command == 0:
                os.close(told)
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                    os.close(stream)
                return request
            _tell_how_it_ends(command, streams, told)
        for descriptor in descriptors:
            os.close(descriptor)


def _tell_how_it_ends(command: int, streams: list[int], told: int) -> NoReturn:
    """Wait for a process, say which it is and how it ended, and exit."""
    for stream in (0, 1, 2, *streams):
        os.close(stream)
    os.write(told, command.to_bytes(_NUMBER_BYTES))
    _, status = os.waitpid(command, 0)
    os.write(told, os.waitstatus_to_exitcode(status).to_bytes(_NUMBER_BYTES, signed=True))
    os._exit(0)


def _become_orglab(request: dict[str, Any]) -> None:
    """Do what `python -m orglab` does; this process ends with it."""
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as Python has it
    sys.argv[1:] = request["arguments"]
    sys.orig_argv = [sys.executable, "-m", "orglab", *request["arguments"]]
    try:
        runpy.run_module("orglab", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        # Python would take apart all that was loaded, which takes longer than most commands.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


if __name__ == "__main__":
    # Pages that nothing writes to need not be copied for each process; `orglab` collects no garbage either.
    gc.disable()
    load()
    _become_orglab(_serve(socket.socket(fileno=int(sys.argv[1]))))
