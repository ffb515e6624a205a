"""A command that runs below ours: its output goes on and is kept, signals reach it, its end is told.

The command is in a process group of its own, so that a signal to us reaches it and all that it started, once: what a
terminal sends for Ctrl-C comes to our group alone, and we pass it on.  When the command reads from the terminal, the
system stops it (SIGTTIN), and we make its group the one in front; from then on Ctrl-C reaches it without us.  So
nothing is done to the terminal for a command that only prints, and a pager behind us keeps it.
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, Self

HandleOutput = Callable[[bytes], None]

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_FORWARDED = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP,
    signal.SIGCONT,
)  # fmt: skip
_TERMINATING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_CHUNK_BYTES = 1 << 18
_PIPE_BYTES = 1 << 20  # what a pipe may hold, where the system lets us choose
_F_SETPIPE_SZ = 1031
_GRACE_SECONDS = 10.0  # for what a command started to end, once a signal told it to
_POLL_SECONDS = 0.05
_LFLAG, _CC = 3, 6  # places in what tcgetattr returns


class ExitStatus(NamedTuple):
    """How a command ended.

    Attributes:
        exit_code: Its exit code; None if a signal ended it.
        signal: The signal's name, such as `SIGKILL`, or None.
        seconds: How long it took, by the clock.
        usage: `user` and `system` seconds of the processor, `memory` bytes at most; of it and what it waited for.
        error: Why it could not be started, or None.
    """

    exit_code: int | None
    signal: str | None
    seconds: float
    usage: dict[str, float]
    error: str | None = None

    @property
    def code(self) -> int:
        """The exit code that a shell would give: 128 and the signal's number for one that a signal ended."""
        if self.exit_code is not None:
            return self.exit_code
        name = self.signal or "SIGKILL"
        named = signal.Signals.__members__.get(name)
        return 128 + (named.value if named is not None else int(name.removeprefix("SIG")))


class _Stream:
    """One of our own output streams; writing waits for who reads it."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream
        self._fd: int | None = None
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._fd = stream.fileno() if stream is not None else None

    def write(self, piece: bytes) -> bool:
        """Write a piece, and return whether there is still somebody who reads."""
        try:
            if self._fd is None:
                if self._stream is not None:
                    self._stream.buffer.write(piece)  # type: ignore[attr-defined]  # a text stream over bytes
                return True
            left = memoryview(piece)
            while left:
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:
                    with selectors.DefaultSelector() as waiting:
                        waiting.register(self._fd, selectors.EVENT_WRITE)
                        waiting.select()
        except OSError:
            return False
        return True


class Child:
    """A command while it runs; a context, in which a signal that comes after its end does not end us.

    Attributes:
        signalled_late: Whether such a signal came.
    """

    def __init__(self, on_output: HandleOutput, on_stdout: HandleOutput | None) -> None:
        """Stand for a command that is not started yet.

        Args:
            on_output: Called with each piece of output.
            on_stdout: Called with each piece of standard output; None if nobody needs it.
        """
        self._on_output = on_output
        self._on_stdout = on_stdout
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: list[int] = []
        self._is_terminating = False
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
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number in self._previous_handlers:
            self._restore_signal(number)

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None = None, *, pty: bool = False
    ) -> ExitStatus:
        """Run a command to its end, and return how it ended.

        Args:
            argv: The command; no shell looks at it.
            environment: All its variables.
            folder: Where; the current folder if None.
            pty: Whether its output is a terminal, so that it shows progress as on one.
        """
        begun = time.monotonic()
        wake_in, wake_out = os.pipe()
        os.set_blocking(wake_in, False)
        os.set_blocking(wake_out, False)
        self._install_handlers(wake_out)
        try:
            failed = self._start(argv, environment, folder, pty=pty)
            if failed is not None:
                return failed
            self._selector.register(wake_in, selectors.EVENT_READ, None)
            self._forward_output(wake_in)
        finally:
            self._restore()
            self._selector.close()
            for fd in (wake_in, wake_out, self._master, self._terminal):
                if fd is not None:
                    os.close(fd)
        return self._read_exit_status(time.monotonic() - begun)

    # Starting

    def _start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path | None, *, pty: bool
    ) -> ExitStatus | None:
        """Start the command; return how it ended if it cannot be started."""
        slave = None
        if pty:
            self._master, slave = os.openpty()
            self._copy_size()
        begin_session = _set_controlling_terminal if pty else None
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command, and no shell
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
        """Begin to read what the command prints, and what is typed for its terminal."""
        if self._process is None:
            raise AssertionError
        if self._master is not None:
            self._register(self._master, _Stream(sys.stdout), self._on_stdout)
            if _is_terminal(sys.stdin):
                self._saved_terminal = termios.tcgetattr(sys.stdin)
                tty.setraw(sys.stdin, termios.TCSANOW)
                self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._forward_input)
            return
        out, err = self._process.stdout, self._process.stderr
        if out is None or err is None:
            raise AssertionError
        for pipe, stream, handle in ((out, _Stream(sys.stdout), self._on_stdout), (err, _Stream(sys.stderr), None)):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
            self._register(pipe.fileno(), stream, handle)

    def _register(self, fd: int, stream: _Stream, handle: HandleOutput | None) -> None:
        os.set_blocking(fd, False)
        self._selector.register(fd, selectors.EVENT_READ, lambda: self._forward(fd, stream, handle))

    # While it runs

    def _forward_output(self, wake: int) -> None:
        """Pass on until the command has ended and what it printed is through."""
        deadline = None
        while True:
            wait = None if self._status is None else (_POLL_SECONDS if self._is_terminating else 0)
            ready = self._selector.select(wait)
            moved = False
            for key, _ in ready:
                if key.data is None:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake, 512)
                else:
                    moved = key.data() or moved
            if self._status is None:
                self._poll()
                continue
            if moved:
                continue
            # What a command leaves running on purpose is none of our business, but for what was told to end.
            if not (self._is_terminating and self._is_group_alive()):
                return
            deadline = deadline or time.monotonic() + _GRACE_SECONDS
            if time.monotonic() > deadline:
                self._send_signal(signal.SIGKILL)
                return

    def _forward(self, fd: int, stream: _Stream, handle: HandleOutput | None) -> bool:
        """Pass on a piece of output, and return whether there was one."""
        try:
            piece = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # how the end of a terminal is told
                raise
            piece = b""
        if piece:
            self._on_output(piece)
            if handle is not None:
                handle(piece)
        if not piece or not stream.write(piece):
            # Nobody reads any more: the command finds that out by its own write, as it would without us.
            self._selector.unregister(fd)
            if fd != self._master:
                os.close(fd)
                self._close_pipe_object(fd)
        return bool(piece)

    def _close_pipe_object(self, fd: int) -> None:
        """Have no file object close a descriptor again."""
        for pipe in (self._process.stdout, self._process.stderr) if self._process else ():
            if pipe is not None and not pipe.closed and pipe.fileno() == fd:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _forward_input(self) -> bool:
        """Pass on what is typed; return whether the command printed something, which it has not."""
        if self._master is None:
            return False
        piece = os.read(sys.stdin.fileno(), _CHUNK_BYTES)
        if not piece:
            self._selector.unregister(sys.stdin.fileno())
            piece = b"\x04"
        settings = termios.tcgetattr(self._master)
        suspend = settings[_CC][termios.VSUSP]
        if settings[_LFLAG] & termios.ISIG and suspend in piece:
            # A session of its own cannot be stopped from its terminal: no shell in it could continue it.
            piece = piece.replace(suspend, b"")
            self._send_signal(signal.SIGTSTP)
            self._suspend()
        left = memoryview(piece)
        while left:
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._master, left) :]
        return False

    def _poll(self) -> None:
        """See whether the command has ended, or stopped."""
        if self._process is None:
            return
        try:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            self._status = 0
            return
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            self._handle_stop(os.WSTOPSIG(status))
            return
        self._status = status
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        self._usage = {"user": usage.ru_utime, "system": usage.ru_stime, "memory": usage.ru_maxrss * unit}

    def _is_group_alive(self) -> bool:
        if self._process is None:
            return False
        try:
            os.killpg(self._process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return _has_living_process(self._process.pid)

    def _read_exit_status(self, seconds: float) -> ExitStatus:
        code = os.waitstatus_to_exitcode(self._status or 0)
        if code < 0:
            return ExitStatus(None, _signal_name(-code), seconds, self._usage)
        return ExitStatus(code, None, seconds, self._usage)

    # Signals and the terminal

    def _install_handlers(self, wake: int) -> None:
        """Take over the signals; one that was ignored, as by nohup, stays so for us and the command."""
        for number in (*_FORWARDED, signal.SIGCHLD, signal.SIGWINCH):
            if number in (signal.SIGCHLD, signal.SIGWINCH) or signal.getsignal(number) != signal.SIG_IGN:
                self._previous_handlers[number] = signal.signal(number, self._on_signal)
        self._previous_wakeup_fd = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def _restore(self) -> None:
        """Give the terminal back, and the signals but for those that end: they wait for what is left to do."""
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
        signal.signal(number, action if action is not None else signal.SIG_DFL)  # type: ignore[arg-type]  # as it was given to us

    def _on_late_signal(self, _number: int, _: FrameType | None) -> None:
        """Note that a signal came for a command that has ended already, as a second Ctrl-C does."""
        self.signalled_late = True

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        """Pass a signal on, at once, whatever we are doing."""
        if number == signal.SIGWINCH:
            self._copy_size()
        if number in (signal.SIGCHLD, signal.SIGWINCH):
            return
        self._is_terminating = self._is_terminating or number in _TERMINATING
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
        """Send a signal to all that the command is."""
        if self._process is None:
            return
        if number == signal.SIGTSTP and self._master is not None:
            number = signal.SIGSTOP
        groups = {self._process.pid}
        if self._master is not None:
            with contextlib.suppress(OSError):
                # A shell on its own terminal gives each command in it a group.
                groups.add(os.tcgetpgrp(self._master))
        for group in groups - {0}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def _handle_stop(self, number: int) -> None:
        """Do what a stop of the command asks for: the terminal for it, or a stop of ours."""
        if number in (signal.SIGTTIN, signal.SIGTTOU) and self._master is None:
            if self._give_terminal():
                self._send_signal(signal.SIGCONT)
            else:
                os.kill(os.getpid(), number)
        elif number == signal.SIGTSTP and (self._is_in_foreground or self._master is not None):
            self._suspend()

    def _suspend(self) -> None:
        """Stop as the command does, so that the shell takes over; what continues us continues it (SIGCONT)."""
        self._reclaim_terminal()
        self._restore_terminal_mode(forget=False)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._on_signal)

    def _give_terminal(self) -> bool:
        """Give the terminal to the command, if it is ours to give."""
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
        """Be the group in front of the terminal again."""
        if not self._is_in_foreground or self._terminal is None:
            return
        self._is_in_foreground = False
        # The system stops who asks for this from behind, but for those who do not hear it.
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        with contextlib.suppress(OSError):
            os.tcsetpgrp(self._terminal, os.getpgrp())
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)

    def _restore_terminal_mode(self, *, forget: bool = True) -> None:
        """Have our terminal show lines again, as it did before."""
        if self._saved_terminal is None:
            return
        with contextlib.suppress(termios.error, ValueError):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved_terminal)  # type: ignore[arg-type]  # as tcgetattr gave it
        if forget:
            self._saved_terminal = None

    def _copy_size(self) -> None:
        """Give the command's terminal the size of ours."""
        if self._master is None:
            return
        for stream in (sys.stdout, sys.stderr, sys.stdin):
            with contextlib.suppress(termios.error, OSError, ValueError, AttributeError):
                termios.tcsetwinsize(self._master, termios.tcgetwinsize(stream.fileno()))
                return


def _has_living_process(group: int) -> bool:
    """Return whether a process of a group has not ended; in a container nobody may ask how the ended ones did."""
    try:
        numbers = [entry.name for entry in os.scandir("/proc") if entry.name.isdecimal()]
    except OSError:
        return True
    for number in numbers:
        with contextlib.suppress(OSError, IndexError):
            # State, parent and group stand behind the name, which may hold anything (proc_pid_stat(5)).
            state, _, its_group = Path(f"/proc/{number}/stat").read_bytes().rpartition(b")")[2].split()[:3]
            if int(its_group) == group and state not in b"ZX":
                return True
    return False


def _set_controlling_terminal() -> None:
    """In the new process, a session of its own: make the terminal that it prints to the one that controls it."""
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
    """Return how a command ended that could not be started, with the code that a shell gives."""
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    why = "is not found" if missing else f"cannot be run: {error.strerror}"
    return ExitStatus(NOT_FOUND if missing else NOT_EXECUTABLE, None, 0.0, {}, f"The command {argv[0]!r} {why}.")
