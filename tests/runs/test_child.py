"""Child processes: output, exit status, signals and terminals, with real processes and real terminals."""

import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lab import SOURCE
from orglab.runs.child import Child
from orglab.runs.stopping import Stopping

# A process that runs a command and then says how it ended, on standard error.
RUNNER = """
import os, sys
from orglab.runs.child import Child
kept = bytearray()
def keep(piece):
    kept.extend(piece[:100])
with Child(keep, None) as child:
    limit = float(os.environ["LIMIT"]) if "LIMIT" in os.environ else None
    ended = child.run(sys.argv[2:], dict(os.environ), pty=sys.argv[1] == "pty", time_limit=limit)
print("ENDED", ended.exit_code, ended.signal, bytes(kept), file=sys.stderr)
sys.exit(ended.code)
"""


def start(*argv, mode="pipe", **options):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", RUNNER, mode, *argv]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def python(text):
    return (sys.executable, "-u", "-c", textwrap.dedent(text))


def finish(process):
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def is_gone(pid):
    """Whether a process has ended, though nobody may have asked how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (("true",), 0, "ENDED 0 None"),
        (("sh", "-c", "exit 3"), 3, "ENDED 3 None"),
        (("sh", "-c", "kill -9 $$"), 137, "ENDED None SIGKILL"),
        (("sh", "-c", "kill -35 $$"), 163, "ENDED None SIG35"),
        (("nosuchcommand",), 127, "ENDED 127 None"),
        (("/etc/hostname",), 126, "ENDED 126 None"),
        (("echo", "$HOME; *"), 0, "ENDED 0 None"),
    ],
)
def test_the_exit_code_is_the_commands_own(argv, code, told):
    ended, out, err = finish(start(*argv))
    assert ended == code
    assert told in err
    assert out == ("$HOME; *\n" if argv[0] == "echo" else "")


def test_standard_output_and_error_are_separate_and_both_recorded():
    _, out, err = finish(start("sh", "-c", "echo out; echo err >&2"))
    assert out == "out\n"
    assert err.startswith("err\n")
    assert re.search(r"b'(out\\nerr\\n|err\\nout\\n)'", err)


def test_standard_input_goes_through():
    process = start("tr", "a-z", "A-Z", stdin=subprocess.PIPE)
    out, _ = process.communicate("hello\n", timeout=30)
    assert out == "HELLO\n"


def test_output_is_live():
    process = start(*python("print('first'); input()"), stdin=subprocess.PIPE)
    assert process.stdout.readline() == "first\n"
    process.communicate("\n", timeout=30)


def test_a_command_notices_that_its_output_is_no_longer_read():
    process = start("yes")
    assert process.stdout.readline() == "y\n"
    process.stdout.close()
    assert "ENDED None SIGPIPE" in process.stderr.read()
    assert process.wait(timeout=30) == 128 + signal.SIGPIPE
    process.stderr.close()


def test_background_processes_are_not_waited_for():
    code, out, _ = finish(start("sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"))
    assert code == 0
    assert not is_gone(int(out))
    os.kill(int(out), signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_reaches_the_command_once_each_time(number):
    process = start(*python(f"""
        import signal, sys
        count = 0
        def on_signal(*_):
            global count
            count += 1
            print("got", count)
            if count == 2:
                sys.exit(7)
        signal.signal({int(number)}, on_signal)
        print("ready")
        while True:
            signal.pause()
    """))  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == "got 1\n"
    process.send_signal(number)
    assert finish(process)[:2] == (7, "got 2\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_orphan(number):
    process = start("bash", "-c", "sleep 100 & echo $!; sleep 101 & echo $!; wait")
    pids = [int(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGTERM if number == signal.SIGINT else number)
    code, _, err = finish(process)
    assert code == 128 + (signal.SIGTERM if number == signal.SIGINT else number), err
    assert all(map(is_gone, pids))


def test_a_signalled_process_is_waited_for_after_its_parent_has_ended():
    # The shell dies of the signal at once; what it started writes its checkpoint first.
    program = "import signal,sys,time\ndef f(*_):\n print('saving'); time.sleep(.2); print('saved'); sys.exit()\n"
    program += "signal.signal(signal.SIGTERM, f); print('ready'); signal.pause()"
    process = start("sh", "-c", f'{sys.executable} -u -c "$1" & wait', "sh", program)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert finish(process)[:2] == (143, "saving\nsaved\n")


def test_a_time_limit_ends_the_command_and_its_children(monkeypatch):
    monkeypatch.setenv("LIMIT", "0.5")
    code, out, err = finish(start("sh", "-c", "sleep 1000 & echo $!; wait"))
    assert (code, err.splitlines()[-1].split()[:3]) == (124, ["ENDED", "None", "SIGTERM"])
    assert is_gone(int(out))


def test_an_error_of_ours_leaves_no_command_behind():
    started = []

    def fail(_):
        raise RuntimeError

    command = ("sh", "-c", "echo; sleep 600")
    with Child(fail) as child, pytest.raises(RuntimeError):
        child.run(command, os.environ, on_start=started.append)
    assert is_gone(started[0])


def test_a_time_limit_may_be_longer_than_the_system_waits():
    with Child(len) as child:
        assert child.run(("true",), os.environ, time_limit=1e9).code == 0


def test_a_time_limit_is_not_for_what_the_command_leaves_behind(monkeypatch):
    monkeypatch.setenv("LIMIT", "0.5")
    process = start("sh", "-c", "sleep 1000 & echo $!")
    code, out, _ = finish(process)
    assert code == 0
    assert not is_gone(int(out))
    os.kill(int(out), signal.SIGKILL)


@pytest.mark.slow
def test_a_command_that_ignores_its_time_limit_is_killed(monkeypatch):
    monkeypatch.setenv("LIMIT", "0.1")
    code, _, err = finish(start("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"))
    assert (code, err.splitlines()[-1].split()[:3]) == (124, ["ENDED", "None", "SIGKILL"])


def test_an_ignored_signal_stays_ignored():
    process = start(
        "sh", "-c", "kill -HUP $$; echo alive", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    assert finish(process)[:2] == (0, "alive\n")


@pytest.mark.slow
def test_endless_output_without_a_newline_is_not_kept_in_memory():
    silent = subprocess.run(
        [sys.executable, "-c", RUNNER, "pipe", "head", "-c", "1000000000", "/dev/zero"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.DEVNULL, preexec_fn=limit_memory, check=False,
    )  # fmt: skip
    assert silent.returncode == 0


def limit_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (150 << 20, 150 << 20))


# ---- terminals ----


class Terminal:
    """A process with a terminal of its own, which we are the other side of."""

    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["PYTHONPATH"] = str(SOURCE)
            os.execvp(command[0], command)  # noqa: S606 - no shell is meant
        self.seen = ""

    def wait_for(self, text):
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], 20)
            assert ready, f"{text!r} did not come: {self.seen!r}"
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            assert piece, f"{text!r} did not come: {self.seen!r}"
            self.seen += piece.decode()
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


COUNTER = """
import signal, sys
count = 0
def on_signal(*_):
    global count
    count += 1
    signal.setitimer(signal.ITIMER_REAL, 0.2)  # long enough for a second one to come
def on_alarm(*_):
    print("interrupted", count, flush=True)
    sys.exit(5)
signal.signal(signal.SIGINT, on_signal)
signal.signal(signal.SIGALRM, on_alarm)
if "ask" in sys.argv:
    print("asking", flush=True)
    print("answer", input().upper(), flush=True)
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.mark.parametrize("mode", ["pipe", "pty"])
@pytest.mark.parametrize("ask", [False, True])
def test_control_c_reaches_the_command_once(mode, ask):
    terminal = Terminal(sys.executable, "-c", RUNNER, mode, sys.executable, "-c", COUNTER, *["ask"] * ask)
    if ask:
        terminal.wait_for("asking")
        terminal.type("yes\n")
        terminal.wait_for("answer YES")
    terminal.wait_for("ready")
    terminal.type("\x03")
    terminal.wait_for("interrupted 1")
    assert terminal.end() == 5


# Not a shell: dash starts a command by vfork, and where that is stopped before it is another program, dash hangs.
WAITER = """
import os, sys, time
if sys.argv[2] == "ask":
    input()
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
sys.exit(6)
"""


@pytest.mark.parametrize("mode", ["pipe", "pty"])
@pytest.mark.parametrize("ask", ["ask", ""])
def test_control_z_stops_the_command_and_us_and_the_shell_continues_both(mode, ask, tmp_path):
    stop = tmp_path / "stop"
    line = f'"$0" -c "$1" {mode} "$0" -c "$2" "$3" "{ask}"; echo stopped $?; touch "$3"; fg >/dev/null; echo ended $?'
    terminal = Terminal("bash", "-m", "-c", line, sys.executable, RUNNER, WAITER, str(stop))
    if ask:
        terminal.type("yes\n")
    terminal.wait_for("ready")
    terminal.type("\x1a")
    terminal.wait_for(f"stopped {128 + signal.SIGTSTP}")
    terminal.wait_for("ended 6")
    terminal.end()


def test_a_pty_has_the_size_of_our_terminal():
    terminal = Terminal("sh", "-c", 'stty rows 33 cols 77; "$@"', "sh", sys.executable, "-c", RUNNER, "pty", *python("""
        import os, signal
        signal.signal(signal.SIGWINCH, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
        print("size", *os.get_terminal_size(), all(map(os.isatty, (0, 1, 2))), flush=True)
        signal.sigwait([signal.SIGWINCH])
        print("now", *os.get_terminal_size(), flush=True)
    """))  # fmt: skip
    terminal.wait_for("size 77 33 True")
    import fcntl  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    terminal.wait_for("now 100 40")
    assert terminal.end() == 0


def test_a_command_that_begins_after_its_process_was_asked_to_end_is_asked_too():
    stopping = Stopping()
    stopping.is_asked = True
    with Child(lambda _: None, stopping=stopping) as child:
        ended = child.run(("sleep", "60"), dict(os.environ))
    assert (ended.signal, ended.asked_by) == ("SIGTERM", "SIGTERM")


def test_a_signal_after_the_command_has_ended_is_noticed_by_its_process():
    stopping = Stopping()
    with Child(lambda _: None, stopping=stopping) as child:
        child.run(("true",), dict(os.environ))
        os.kill(os.getpid(), signal.SIGTERM)
        assert child.signalled_late
    assert stopping.is_asked
