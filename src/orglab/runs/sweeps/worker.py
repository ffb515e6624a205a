"""A worker of a sweep: a process that runs one version after the other, and outlives the command that began it."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from orglab.git import find_repository
from orglab.git.private_files import open_regular
from orglab.log.log import LogFile
from orglab.runs.child import WARNINGS
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.environment import PythonProbe, find_python
from orglab.runs.stopping import Stopping
from orglab.runs.sweeps.attempts import claim_again
from orglab.runs.sweeps.presence import Presence
from orglab.runs.sweeps.recovery import recover
from orglab.runs.sweeps.settlement import lock_sweep, settle_if_over, update_note
from orglab.runs.sweeps.sweep import WORKERS, Sweep, read_sweep
from orglab.runs.sweeps.tasks import QUEUED, Task
from orglab.runs.sweeps.version_run import VersionRunner
from orglab.text import Tell

_ORPHAN_SECONDS = 1.0
_LOG = "workers.log"
GPUS = "CUDA_VISIBLE_DEVICES"


def start_workers(log: LogFile, sweep: Sweep, count: int, tell: Tell) -> None:
    """Start workers that go on when this process, its terminal and its session end.

    Afterwards each of them is at work or found no slot free, or the user knows that it is not.

    Args:
        log: The log.
        sweep: The sweep.
        count: How many workers to start.
        tell: Called with each message for the user.
    """
    folder = sweep.folder / WORKERS
    folder.mkdir(exist_ok=True)
    output = open_regular(sweep.folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        started = [
            subprocess.Popen(  # noqa: S603 - this Python, and orglab
                [*make_command(log, sweep), "--detach"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            for _ in range(count)
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


def work(log: LogFile, sweep: Sweep, only: str | None = None, say_ready: Callable[[], None] | None = None) -> bool:
    """Run the tasks of a sweep until nothing is left, or this process is asked to end; return whether none failed.

    The last worker commits the results and writes the note, unless the sweep runs elsewhere. If no slot is free,
    nothing happens.

    Args:
        log: The log.
        sweep: The sweep.
        only: The only task to run, in no slot; None for any.
        say_ready: Called once others can see that this worker is there, or it has found no free slot.
    """
    # A command leaves its garbage to the end of its process; this one may go on for days.
    gc.enable()
    stopping = Stopping()
    warnings = WARNINGS if find_batch_job() is not None else ()
    stopping.watch((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, *warnings))
    has_slot = only is None and sweep.where is None
    if only is not None:
        sweep.tasks.forget_submission(only)
    with _working_top(log, sweep) as (top, variables, clean):
        argv = sweep.record.recorded_argv
        with PythonProbe(find_python(argv, top / (sweep.record.cwd or "."), log.top)) as python:
            runner = VersionRunner(log, sweep, python, top, stopping, _say)
            runner.ignore_outputs(sweep.read_runs(log.top, sweep.tasks.read_all()))
            with _present(sweep, has_slot=has_slot) as presence:
                if say_ready is not None:
                    say_ready()
                if presence is None:
                    return True
                gpus = choose_gpus(list_gpus(os.environ), presence.slot, sweep.slots) if has_slot else None
                runner.variables = {**variables, **({GPUS: gpus} if gpus is not None else {})}
                if has_slot:
                    _await_slot(log, sweep, presence.slot, stopping)
                is_good = _run_tasks(log, runner, presence.name, only, clean)
                while has_slot and not _leave(log, sweep, presence, stopping):
                    is_good = _run_tasks(log, runner, presence.name, only, clean) and is_good
    if presence.was_last and has_slot:
        settle_if_over(log, sweep.folder, _say)
    return is_good


@contextlib.contextmanager
def _present(sweep: Sweep, *, has_slot: bool) -> Iterator[Presence | None]:
    """Be a worker of a sweep, in its first free slot unless it has none; yield None if none is free."""
    presence = None
    if has_slot:
        # Under the lock, so that two workers that begin at once do not take the same slot.
        with lock_sweep(sweep.folder):
            workers = sweep.list_workers()
            free = {*range(sweep.slots)}.difference(worker.slot for worker in workers)
            if free and len(workers) < sweep.slots:
                presence = Presence(sweep, min(free))
    else:
        presence = Presence(sweep, 0)
    try:
        yield presence
    finally:
        if presence is not None:
            presence.leave()


def _await_slot(log: LogFile, sweep: Sweep, slot: int, stopping: Stopping) -> None:
    """Return once no version runs in a slot: that of a worker that was killed keeps its share of the machine.

    A worker is there before it comes here, and claims no task before it has been here. So whoever has the lock of the
    sweep knows of each worker in a slot that may have a task or claim one.
    """
    while not (stopping.is_asked or sweep.tasks.is_stopped):
        with lock_sweep(sweep.folder):
            orphans = recover(log, read_sweep(sweep.folder), lambda _: None)
        if slot not in (orphan % sweep.slots for orphan in orphans):
            return
        time.sleep(_ORPHAN_SECONDS)


def _leave(log: LogFile, sweep: Sweep, presence: Presence, stopping: Stopping) -> bool:
    """Leave a sweep, if nothing is left to do; return whether this worker has left.

    What workers that were killed had is queued again before, and the last worker also waits for what they left running.
    All of that happens under the lock of the sweep: a task is added before a worker has left, which then runs it, or
    when it is seen to be gone; and of workers that leave at once, one is the last.
    """
    while True:
        with lock_sweep(sweep.folder):
            is_ending = stopping.is_asked or sweep.tasks.is_stopped
            orphans = [] if is_ending else recover(log, read_sweep(sweep.folder), lambda _: None)
            if not is_ending and sweep.tasks.list_names()[QUEUED]:
                return False
            if not (orphans and presence.is_alone()):
                presence.leave()
                return True
        time.sleep(_ORPHAN_SECONDS)


def _run_tasks(log: LogFile, runner: VersionRunner, name: str, only: str | None, clean: Callable[[], None]) -> bool:
    """Run tasks until there is none, or this process is asked to end; return whether none failed.

    Args:
        log: The log.
        runner: What runs them.
        name: The name of this worker.
        only: The only task to run; None for any.
        clean: Is called after each of them.
    """
    is_good = True
    while not runner.stopping.is_asked and (task := _claim(runner.sweep, name, only)) is not None:
        ended, run = runner.run(task)
        is_good = ended.is_good and is_good
        _say(f"{ended.name}: {ended.status}{f', {ended.problem}' if ended.problem else ''}")
        clean()
        if run is not None and run.asked_by is not None and not run.timed_out:
            runner.stopping.is_asked = True
        if runner.sweep.where is None:
            update_note(log, runner.sweep.folder, _say)
    return is_good


def _claim(sweep: Sweep, name: str, only: str | None) -> Task | None:
    """Claim a task for a worker; if there is only one for it, also if an earlier attempt of its job had that."""
    if only is None:
        return sweep.tasks.claim(name)
    return sweep.tasks.claim_one(only, name) or claim_again(sweep, only, name)


@contextlib.contextmanager
def _working_top(log: LogFile, sweep: Sweep) -> Iterator[tuple[Path, dict[str, str], Callable[[], None]]]:
    """Yield the top of the working tree that the versions run in, the environment variables, and what follows each."""
    if sweep.is_pinned:
        from orglab.runs.sweeps.pinned import pinned_tree  # noqa: PLC0415 - few sweeps are

        with pinned_tree(log, sweep, _say) as pinned:
            yield pinned
        return
    repository = find_repository(Path.cwd()) or log.repository
    yield (repository.top if repository is not None else log.top), {}, lambda: None


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()
