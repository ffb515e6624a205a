"""Run a command as a child process: forward its output, its input and signals, and report how it ended.

The command runs in its own process group, so that a signal reaches it and all its children exactly once: Ctrl-C goes to
our group only, and we forward it.  When the command reads from the terminal, the system stops it (SIGTTIN), and we
make its group the foreground group; from then on Ctrl-C reaches it directly.  A command that only prints never takes
the terminal, so a pager that reads our output keeps it.
"""

import contextlib
import errno
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, Self

from orglab.runs.processes import is_group_alive
from orglab.runs.stopping import Stopping

HandleOutput = Callable[[bytes], None]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
TIMED_OUT = 124  # as timeout(1) has it
_FORWARDED = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGTSTP, signal.SIGCONT,
)  # fmt: skip
_TERMINATING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGXCPU})
WARNINGS = frozenset({signal.SIGUSR1, signal.SIGUSR2})  # by which a scheduler tells a job that its time is nearly over
_CHUNK_BYTES = 1 << 18
_PIPE_BYTES = 1 << 20  # capacity of a pipe, where the system allows setting it
_F_SETPIPE_SZ = 1031
GRACE_SECONDS = 10.0
"""How long the children of a command have to end after a terminating signal."""
_POLL_SECONDS = 0.05
_LONGEST_WAIT = 86400.0  # the system takes no more than 24 days
_LFLAG, _CC = 3, 6  # indices into what tcgetattr returns


class ExitStatus(NamedTuple):
    """How a command ended.

    Attributes:
        exit_code: The exit code; None if a signal ended the command.
        signal: The name of that signal, such as `SIGKILL`, or None.
        seconds: The wall-clock time.
        usage: CPU seconds (`user`, `system`) and peak `memory` in bytes, including children it waited for.
        error: Why the command could not be started, or None.
        asked_by: The name of the first signal that asked orglab, and so the command, to end; None if none did.
        timed_out: Whether it was stopped because its time limit was over.
    """

    exit_code: int | None
    signal: str | None
    seconds: float
    usage: dict[str, float]
    error: str | None = None
    asked_by: str | None = None
    timed_out: bool = False

    @property
    def code(self) -> int:
        """The exit code as a shell and timeout(1) report it: 128 plus the number of a signal, 124 after a timeout."""
        if self.timed_out:
            return TIMED_OUT
        if self.exit_code is not None:
            return self.exit_code
        name = self.signal or "SIGKILL"
        known = signal.Signals.__members__.get(name)
        return 128 + (known.value if known is not None else int(name.removeprefix("SIG")))


class _Stream:
    """One of our own output streams; a write blocks until the reader takes it."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream
        self._fd: int | None = None
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._fd = stream.fileno() if stream is not None else None

    def write(self, piece: bytes) -> bool:
        """Write some bytes, and return whether the stream is still read."""
        try:
            if self._fd is None:
                if self._stream is not None:
                    self._stream.buffer.write(piece)  # type: ignore[attr-defined]  # a text stream on top of a binary one
                return True
            left = memoryview(piece)
            while left:
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:
                    with selectors.DefaultSelector() as selector:
                        selector.register(self._fd, selectors.EVENT_WRITE)
                        selector.select()
        except OSError:
            return False
        return True


class Child:
    """A running command, as a context manager: a signal that arrives after the command has ended does not end us.

    Attributes:
        signalled_late: Whether such a signal has arrived.
    """

    def __init__(
        self,
        on_output: HandleOutput,
        on_stdout: HandleOutput | None = None,
        on_stderr: HandleOutput | None = None,
        *,
        show_output: bool = True,
        asking: Collection[int] = (),
        stopping: Stopping | None = None,
    ) -> None:
        """Prepare to run a command; `run` starts it.

        Args:
            on_output: Called with each piece of output.
            on_stdout: Called with each piece of standard output; None if it is not needed.
            on_stderr: Called with each piece of standard error, or of all output on a terminal; None if not needed.
            show_output: Whether the output also goes to our own standard output and standard error.
            asking: Signals that ask the command to end, besides those that do so anywhere.
            stopping: Whether this process was asked to end before the command begins, which is then asked as well; it
                notices what arrives after the command has ended.
        """
        self._show_output = show_output
        self._on_output = on_output
        self._on_stdout = on_stdout
        self._on_stderr = on_stderr
        self._asking = {*_TERMINATING, *asking}
        self._stopping = stopping or Stopping()
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: list[int] = []
        self._asked_by: str | None = None
        self._on_asked: Callable[[str], None] | None = None
        self._deadline: float | None = None
        self._timed_out = False
        self._selector = selectors.DefaultSelector()
        self._previous_handlers: dict[int, object] = {}
        self._master: int | None = None
        self._terminal: int | None = None
        self._is_in_foreground = False
        self._saved_terminal: list[object] | None = None
        self.signalled_late = False
        self._status: int | None = None
        self._usage: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the signal handlers."""
        for number in self._previous_handlers:
            self._restore_signal(number)

    def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        folder: Path | None = None,
        *,
        pty: bool = False,
        time_limit: float | None = None,
        on_start: Callable[[int], None] | None = None,
        on_asked: Callable[[str], None] | None = None,
    ) -> ExitStatus:
        """Run a command until it ends, and return how it ended.

        Args:
            argv: The command; it is not passed to a shell.
            environment: All its environment variables.
            folder: The folder to run in; the current one if None.
            pty: Whether to give the command a terminal, so that it shows progress bars.
            time_limit: Seconds after which the command and its children are asked to end, and killed if they do not.
            on_start: Called with the process id of the command, which is also that of its group.
            on_asked: Called with the name of the first signal that asks the command to end, once it is forwarded.
        """
        start = time.monotonic()
        wake_in, wake_out = os.pipe()
        os.set_blocking(wake_in, False)
        os.set_blocking(wake_out, False)
        self._install_handlers(wake_out)
        if self._stopping.is_asked:
            self._on_signal(signal.SIGTERM, None)
        has_ended = False
        try:
            failure = self._start(argv, environment, folder, pty=pty)
            if failure is not None:
                return failure
            if on_start is not None and self._process is not None:
                on_start(self._process.pid)
            self._selector.register(wake_in, selectors.EVENT_READ, None)
            self._deadline = start + time_limit if time_limit is not None else None
            self._on_asked = on_asked
            self._forward_output(wake_in)
            has_ended = True
        finally:
            if not has_ended:
                self._kill()
            self._restore()
            self._selector.close()
            self._close_pipes()
            for fd in (wake_in, wake_out, self._master, self._terminal):
                if fd is not None:
                    os.close(fd)
        return self._read_exit_status(time.monotonic() - start)

    # Starting

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None, *, pty: bool
    ) -> ExitStatus | None:
        """Start the command; return an exit status only if it cannot be started."""
        slave = None
        if pty:
            self._master, slave = os.openpty()
            self._copy_size()
        begin_session = _set_controlling_terminal if pty else None
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
                argv, env=environment, cwd=folder, bufsize=0,
                stdin=slave if pty and _is_terminal(sys.stdin) else None,
                stdout=slave if pty else subprocess.PIPE, stderr=slave if pty else subprocess.PIPE,
                process_group=None if pty else 0, start_new_session=pty, preexec_fn=begin_session,  # noqa: PLW1509 - one thread
            )  # fmt: skip
        except OSError as error:
            return _describe_start_failure(argv, error)
        finally:
            if slave is not None:
                os.close(slave)
        self._start_reading()
        for number in self._pending:
            self._send_signal(number)
        return None

    def _start_reading(self) -> None:
        """Start reading the output of the command, and the input typed for its terminal."""
        if self._process is None:
            raise AssertionError
        if self._master is not None:
            self._register(self._master, self._open_stream(sys.stdout), self._handle_both)
            if _is_terminal(sys.stdin):
                self._saved_terminal = termios.tcgetattr(sys.stdin)
                tty.setraw(sys.stdin, termios.TCSANOW)
                self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._forward_input)
            return
        out, err = self._process.stdout, self._process.stderr
        if out is None or err is None:
            raise AssertionError
        for pipe, own, handle in ((out, sys.stdout, self._on_stdout), (err, sys.stderr, self._on_stderr)):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
            self._register(pipe.fileno(), self._open_stream(own), handle)

    def _handle_both(self, piece: bytes) -> None:
        """Handle output to the terminal of the command, where both streams are one."""
        for handle in (self._on_stdout, self._on_stderr):
            if handle is not None:
                handle(piece)

    def _open_stream(self, stream: IO[str] | None) -> _Stream:
        """Return where output is forwarded to: one of our own streams, or nowhere."""
        return _Stream(stream if self._show_output else None)

    def _register(self, fd: int, stream: _Stream, handle: HandleOutput | None) -> None:
        os.set_blocking(fd, False)
        self._selector.register(fd, selectors.EVENT_READ, lambda: self._forward(fd, stream, handle))

    # While it runs

    def _forward_output(self, wake: int) -> None:
        """Forward output until the command has ended and all of it is written."""
        while True:
            ready = self._selector.select(self._find_wait())
            if self._asked_by is not None and self._on_asked is not None:
                self._on_asked(self._asked_by)
                self._on_asked = None
            is_active = False
            for key, _ in ready:
                if key.data is None:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake, 512)
                else:
                    is_active = key.data() or is_active
            if self._status is None:
                if not self._poll():
                    self._check_deadline()
                elif not self._timed_out:
                    self._deadline = None  # the time limit is for the command, not for what it leaves behind
                continue
            is_over = self._check_deadline()
            if is_active and not is_over:
                continue
            # Background processes may outlive the command, unless they were to end too.
            if is_over or not (self._was_asked and self._is_group_alive()):
                return
            self._deadline = self._deadline or time.monotonic() + GRACE_SECONDS

    @property
    def _was_asked(self) -> bool:
        """Whether the command and its children are to end, because of a signal or the time limit."""
        return self._asked_by is not None or self._timed_out

    def _find_wait(self) -> float | None:
        """Return how many seconds to wait for output, or None to wait for a signal too."""
        if self._status is not None:
            return _POLL_SECONDS if self._was_asked else 0
        return None if self._deadline is None else min(max(0, self._deadline - time.monotonic()), _LONGEST_WAIT)

    def _check_deadline(self) -> bool:
        """At the time limit, ask the command to end; return whether the time to do so is over, and all is killed."""
        if self._deadline is None or time.monotonic() < self._deadline:
            return False
        if self._status is None and not self._timed_out:
            self._timed_out = True
            self._deadline = time.monotonic() + GRACE_SECONDS
            for number in (signal.SIGTERM, signal.SIGCONT):  # a stopped process gets a signal when it continues
                self._send_signal(number)
            return False
        self._deadline = None
        self._send_signal(signal.SIGKILL)
        return True

    def _forward(self, fd: int, stream: _Stream, handle: HandleOutput | None) -> bool:
        """Forward some output, and return whether there was any."""
        try:
            piece = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # the end of file of a terminal
                raise
            piece = b""
        if piece:
            self._on_output(piece)
            if handle is not None:
                handle(piece)
        if not piece or not stream.write(piece):
            # Our reader is gone: the command notices that by its own next write, as it would without us.
            self._selector.unregister(fd)
            if fd != self._master:
                os.close(fd)
                self._close_pipe_object(fd)
        return bool(piece)

    def _close_pipe_object(self, fd: int) -> None:
        """Close the pipe object of a descriptor, so that the descriptor is not closed again later."""
        for pipe in (self._process.stdout, self._process.stderr) if self._process else ():
            if pipe is not None and not pipe.closed and pipe.fileno() == fd:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _forward_input(self) -> bool:
        """Forward typed input; return False, because this is no output of the command."""
        if self._master is None:
            return False
        piece = os.read(sys.stdin.fileno(), _CHUNK_BYTES)
        if not piece:
            self._selector.unregister(sys.stdin.fileno())
            piece = b"\x04"
        settings = termios.tcgetattr(self._master)
        suspend = settings[_CC][termios.VSUSP]
        if settings[_LFLAG] & termios.ISIG and suspend in piece:
            # The terminal cannot stop the command: it is a session of its own, without a shell to continue it.
            piece = piece.replace(suspend, b"")
            self._send_signal(signal.SIGTSTP)
            self._suspend()
        left = memoryview(piece)
        while left:
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._master, left) :]
        return False

    def _poll(self) -> bool:
        """Check whether the command has ended or stopped; return whether it has ended."""
        if self._process is None:
            return False
        try:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            self._status = 0
            return True
        if pid == 0:
            return False
        if os.WIFSTOPPED(status):
            self._handle_stop(os.WSTOPSIG(status))
            return False
        self._status = status
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        self._usage = {"user": usage.ru_utime, "system": usage.ru_stime, "memory": usage.ru_maxrss * unit}
        return True

    def _is_group_alive(self) -> bool:
        return self._process is not None and is_group_alive(self._process.pid)

    def _read_exit_status(self, seconds: float) -> ExitStatus:
        code = os.waitstatus_to_exitcode(self._status or 0)
        if code < 0:
            return ExitStatus(None, _signal_name(-code), seconds, self._usage, None, self._asked_by, self._timed_out)
        return ExitStatus(code, None, seconds, self._usage, None, self._asked_by, self._timed_out)

    # Signals and the terminal

    def _install_handlers(self, wake: int) -> None:
        """Install our signal handlers; a signal that is ignored, as under nohup, stays ignored."""
        for number in (*_FORWARDED, signal.SIGCHLD, signal.SIGWINCH):
            if number in (signal.SIGCHLD, signal.SIGWINCH) or signal.getsignal(number) != signal.SIG_IGN:
                self._previous_handlers[number] = signal.signal(number, self._on_signal)
        self._previous_wakeup_fd = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def _restore(self) -> None:
        """Restore the terminal and the signals; terminating signals are only noted until the context ends."""
        signal.set_wakeup_fd(self._previous_wakeup_fd)
        for number in self._previous_handlers:
            if number in _TERMINATING:
                signal.signal(number, self._on_late_signal)
            else:
                self._restore_signal(number)
        self._reclaim_terminal()
        self._restore_terminal_mode()

    def _restore_signal(self, number: int) -> None:
        action = self._previous_handlers[number]
        signal.signal(number, action if action is not None else signal.SIG_DFL)  # type: ignore[arg-type]  # the handler that was there before

    def _on_late_signal(self, _number: int, _: FrameType | None) -> None:
        """Note that a signal arrived after the command had ended, such as a second Ctrl-C."""
        self.signalled_late = self._stopping.is_asked = True

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        """Forward a signal immediately."""
        if number == signal.SIGWINCH:
            self._copy_size()
        if number in (signal.SIGCHLD, signal.SIGWINCH):
            return
        if number in self._asking:
            self._asked_by = self._asked_by or _signal_name(number)
        if self._process is None:
            self._pending.append(number)
            return
        self._send_signal(number)
        if number == signal.SIGTSTP:
            self._suspend()
        elif number == signal.SIGCONT and self._saved_terminal is not None:
            tty.setraw(sys.stdin, termios.TCSANOW)
            self._copy_size()

    def _send_signal(self, number: int) -> None:
        """Send a signal to all processes of the command."""
        if self._process is None:
            return
        if number == signal.SIGTSTP and self._master is not None:
            number = signal.SIGSTOP
        groups = {self._process.pid}
        if self._master is not None:
            with contextlib.suppress(OSError):
                # An interactive shell gives each of its commands a group.
                groups.add(os.tcgetpgrp(self._master))
        for group in groups - {0}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _kill(self) -> None:
        """End the command and its children after an error of ours."""
        if self._process is None:
            return
        if self._status is None:
            self._send_signal(signal.SIGKILL)
            with contextlib.suppress(OSError):
                self._process.wait()

    def _close_pipes(self) -> None:
        """Close the pipes, also those that a process which the command left behind has open."""
        for pipe in (self._process.stdout, self._process.stderr) if self._process is not None else ():
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _handle_stop(self, number: int) -> None:
        """React to a stop of the command: give it the terminal, or stop too."""
        if number in (signal.SIGTTIN, signal.SIGTTOU) and self._master is None:
            if self._give_terminal():
                self._send_signal(signal.SIGCONT)
            else:
                os.kill(os.getpid(), number)
        elif number == signal.SIGTSTP and (self._is_in_foreground or self._master is not None):
            self._suspend()

    def _suspend(self) -> None:
        """Stop ourselves as the command did, so that the shell takes over; SIGCONT later continues both."""
        self._reclaim_terminal()
        self._restore_terminal_mode(forget=False)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._on_signal)

    def _give_terminal(self) -> bool:
        """Make the command the foreground group of the terminal if we are it; return whether that worked."""
        if self._process is None:
            return False
        try:
            if self._terminal is None:
                self._terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
            if os.tcgetpgrp(self._terminal) != os.getpgrp():
                return False
            os.tcsetpgrp(self._terminal, self._process.pid)
        except OSError:
            return False
        self._is_in_foreground = True
        return True

    def _reclaim_terminal(self) -> None:
        """Become the foreground group of the terminal again."""
        if not self._is_in_foreground or self._terminal is None:
            return
        self._is_in_foreground = False
        # A background process that asks for this is stopped by SIGTTOU, unless it blocks that signal.
        previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        with contextlib.suppress(OSError):
            os.tcsetpgrp(self._terminal, os.getpgrp())
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)

    def _restore_terminal_mode(self, *, forget: bool = True) -> None:
        """Restore the line mode of our terminal."""
        if self._saved_terminal is None:
            return
        with contextlib.suppress(termios.error, ValueError):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved_terminal)  # type: ignore[arg-type]  # as tcgetattr gave it
        if forget:
            self._saved_terminal = None

    def _copy_size(self) -> None:
        """Set the size of the command's terminal to that of ours."""
        if self._master is None:
            return
        for stream in (sys.stdout, sys.stderr, sys.stdin):
            with contextlib.suppress(termios.error, OSError, ValueError, AttributeError):
                termios.tcsetwinsize(self._master, termios.tcgetwinsize(stream.fileno()))
                return


def _set_controlling_terminal() -> None:
    """Make standard output the controlling terminal of this new session."""
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)


def _is_terminal(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def _describe_start_failure(argv: Sequence[str], error: OSError) -> ExitStatus:
    """Return the exit status of a command that could not be started, with the exit code of a shell."""
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    message = (
        f"The command {argv[0]!r} was not found, so nothing ran."
        if missing
        else f"Cannot run {argv[0]!r}: {error.strerror}."
    )
    return ExitStatus(NOT_FOUND if missing else NOT_EXECUTABLE, None, 0.0, {}, message)
