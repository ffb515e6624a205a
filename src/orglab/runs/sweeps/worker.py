"""A worker of a sweep: a process that runs one version after the other, and outlives the command that began it."""

import contextlib
import fcntl
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from orglab.git import find_repository
from orglab.git.private_files import open_regular
from orglab.log.log import LogFile
from orglab.runs.child import WARNINGS
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.processes import read_start_time
from orglab.runs.sweeps.attempts import claim_again, name_worker
from orglab.runs.sweeps.recovery import recover
from orglab.runs.sweeps.settlement import lock_sweep, settle_if_over, update_note
from orglab.runs.sweeps.sweep import WORKERS, Sweep, read_sweep
from orglab.runs.sweeps.tasks import QUEUED, Task
from orglab.runs.sweeps.version_run import VersionRunner
from orglab.text import Tell

_HEARTBEAT_SECONDS = 15.0
_ORPHAN_SECONDS = 1.0
_LOG = "workers.log"
GPUS = "CUDA_VISIBLE_DEVICES"


def start_workers(log: LogFile, sweep: Sweep, count: int, tell: Tell) -> None:
    """Start workers that go on when this process, its terminal and its session end.

    Afterwards each of them is at work, or the user knows that it is not.

    Args:
        log: The log.
        sweep: The sweep.
        count: How many workers there are to be; those that are alive count.
        tell: Called with each message for the user.
    """
    alive = sweep.list_workers()
    # Each slot has its share of the GPUs, so that of a worker that is gone is the one to fill.
    free = [slot for slot in range(count) if slot not in {worker.slot for worker in alive}]
    folder = sweep.folder / WORKERS
    folder.mkdir(exist_ok=True)
    output = open_regular(sweep.folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    command = [*make_command(log, sweep), "--detach", "--slot"]
    try:
        started = [
            subprocess.Popen(  # noqa: S603 - this Python, and orglab
                [*command, f"{slot}/{count}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            for slot in free[: max(0, count - len(alive))]
        ]
    finally:
        os.close(output)
    codes = [process.wait() for process in started]
    if any(codes):
        tell(f"A worker ended at once; {sweep.folder / _LOG} says why.")


def make_command(log: LogFile, sweep: Sweep) -> list[str]:
    """Return the command of a worker of a sweep; with `--only TASK`, it runs this task alone."""
    path, folder = os.fspath(log.path.absolute()), os.fspath(sweep.find_folder(log))
    # -P: nothing is imported from the folder that the command runs in.
    return [sys.executable, "-P", "-m", "orglab", "--log", path, "sweep", "work", sweep.id, "--folder", folder]


def list_gpus(environ: Mapping[str, str]) -> list[str]:
    """Return the GPUs that commands may use: those that CUDA_VISIBLE_DEVICES names, else all of this machine."""
    named = environ.get(GPUS)
    if named is not None:
        return [one.strip() for one in named.split(",") if one.strip() and one.strip() != "-1"]
    devices = [path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")]
    return sorted((name for name in devices if name.isdigit()), key=int)


def choose_gpus(gpus: Sequence[str], slot: int, slots: int) -> str | None:
    """Return the GPUs of a slot as CUDA_VISIBLE_DEVICES names them; None if all slots share what there is.

    Args:
        gpus: The GPUs that may be used.
        slot: The number of the slot, from 0 on.
        slots: How many there are.
    """
    if not gpus or slots < 2:  # noqa: PLR2004 - one slot has them all
        return None
    share = gpus[slot * len(gpus) // slots : (slot + 1) * len(gpus) // slots]
    return ",".join(share or [gpus[slot % len(gpus)]])


class _Presence:
    """The file of a worker, locked for as long as this process lives, as a context manager."""

    def __init__(self, sweep: Sweep, slot: int) -> None:
        self.name = name_worker(find_batch_job())
        self._path = sweep.folder / WORKERS / self.name
        self._slot = slot
        self._fd = -1
        self._end = threading.Event()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(exist_ok=True)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        with contextlib.suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        pid = os.getpid()
        known = {"host": os.uname().nodename, "pid": pid, "start": read_start_time(pid), "slot": self._slot}
        os.write(self._fd, json.dumps(known).encode())
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def _beat(self) -> None:
        """Touch the file now and then, for those on other machines, who may not see the lock."""
        while not self._end.wait(_HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._fd)

    def __exit__(self, *_: object) -> None:
        self._end.set()
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._fd)


class _Stopping:
    """Notices a signal that asks this process to end between two commands; during one, the command gets it."""

    def __init__(self) -> None:
        self.is_asked = False
        warnings = WARNINGS if find_batch_job() is not None else ()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, *warnings):
            signal.signal(number, self._notice)

    def _notice(self, _number: int, _frame: FrameType | None) -> None:
        self.is_asked = True


def detach() -> Callable[[], None]:
    """Go on in a child process that nobody waits for; return the function that it calls once it is at work.

    This process ends when that has been called, or with an exit code of 1 if the child ends before.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 1)
    os.close(reading)

    def say_ready() -> None:
        os.write(writing, b"1")
        os.close(writing)

    return say_ready


def work(
    log: LogFile,
    sweep: Sweep,
    slot: int,
    slots: int,
    only: str | None = None,
    say_ready: Callable[[], None] | None = None,
) -> bool:
    """Run the tasks of a sweep until none is queued, or this process is asked to end; return whether none failed.

    The last worker commits the results and writes the note, unless the sweep runs elsewhere.

    Args:
        log: The log.
        sweep: The sweep.
        slot: The number of this worker, from 0 on.
        slots: How many there are.
        only: The only task to run; None for any.
        say_ready: Called once others can see that this worker is there.
    """
    # A command leaves its garbage to the end of its process; this one may go on for days.
    gc.enable()
    stopping = _Stopping()
    gpus = choose_gpus(list_gpus(os.environ), slot, slots)
    variables = {GPUS: gpus} if gpus is not None else {}
    is_good = True
    with _working_top(log, sweep) as (top, redirected):
        variables |= redirected
        argv = sweep.record.recorded_argv
        with PythonProbe(find_python(argv, top / (sweep.record.cwd or "."), log.top)) as python:
            runner = VersionRunner(log, sweep, python, top, variables, _say)
            runner.is_asked = lambda: stopping.is_asked
            runner.ignore_outputs(sweep.read_runs(log.top, sweep.tasks.read_all()))
            while True:
                with _Presence(sweep, slot) as presence:
                    if say_ready is not None:
                        say_ready()
                        say_ready = None
                    is_waiting = only is None and sweep.where is None
                    if is_waiting:
                        _await_orphans(log, sweep, slot, stopping)
                    is_good = _run_tasks(log, runner, presence.name, stopping, only) and is_good
                    if is_waiting and slot == 0:
                        _await_orphans(log, sweep, 0, stopping)
                # A task that was added just before this worker was gone counts on it.
                if (
                    only is not None
                    or stopping.is_asked
                    or sweep.tasks.is_stopped
                    or not sweep.tasks.list_names()[QUEUED]
                ):
                    break
    if sweep.where is None:
        settle_if_over(log, sweep.folder, _say)
    return is_good


def _await_orphans(log: LogFile, sweep: Sweep, most: int, stopping: _Stopping) -> None:
    """Wait until no more than `most` versions run without their worker, and put the tasks of the others in order."""
    while not (stopping.is_asked or sweep.tasks.is_stopped):
        with lock_sweep(sweep.folder):
            left = recover(log, read_sweep(sweep.folder), lambda _: None)
        if left <= most:
            return
        time.sleep(_ORPHAN_SECONDS)


def _run_tasks(log: LogFile, runner: VersionRunner, name: str, stopping: _Stopping, only: str | None) -> bool:
    """Run tasks until there is none, or this process is asked to end; return whether none failed."""
    is_good = True
    while not stopping.is_asked and (task := _claim(runner.sweep, name, only)) is not None:
        ended, run = runner.run(task)
        is_good = ended.is_good and is_good
        _say(f"{ended.name}: {ended.status}{f', {ended.problem}' if ended.problem else ''}")
        if run is not None and run.asked_by is not None and not run.timed_out:
            stopping.is_asked = True
        if runner.sweep.where is None:
            update_note(log, runner.sweep.folder, _say)
    return is_good


def _claim(sweep: Sweep, name: str, only: str | None) -> Task | None:
    """Claim a task for a worker; if there is only one for it, also if an earlier attempt of its job had that."""
    if only is None:
        return sweep.tasks.claim(name)
    return sweep.tasks.claim_one(only, name) or claim_again(sweep, only, name)


@contextlib.contextmanager
def _working_top(log: LogFile, sweep: Sweep) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the top of the working tree that the versions run in, and the environment variables for that."""
    if sweep.is_pinned:
        from orglab.runs.sweeps.pinned import pinned_tree  # noqa: PLC0415 - few sweeps are

        with pinned_tree(log, sweep, _say) as pinned:
            yield pinned
        return
    repository = find_repository(Path.cwd()) or log.repository
    yield (repository.top if repository is not None else log.top), {}


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()
