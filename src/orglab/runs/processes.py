"""Find out whether processes are alive, by proc_pid_stat(5) where the system has it; go on in a process of its own."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def read_start_time(pid: int) -> int | None:
    """Return the start time of a process in clock ticks, to detect that a process id was reused.

    This is field 22 of proc_pid_stat(5); None if there is no such file.
    """
    fields = _read_fields(pid)
    try:
        return int(fields[19])
    except (IndexError, ValueError):
        return None


def is_alive(pid: int, start: object) -> bool:
    """Return whether a process that had this start time is alive."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return read_start_time(pid) == start


def is_group_alive(group: int, start: object = None, since: float | None = None) -> bool:
    """Return whether a process of a group is alive; zombies, which a container may never reap, do not count.

    Args:
        group: The group, which is the id of the process that it began with.
        start: The start time of that process; None if it is certain that the id was not reused.
        since: When it started, in seconds since 1970; a group from before the last boot is not alive.
    """
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    if since is not None and since < _find_boot_time():
        return False
    leader = read_start_time(group)
    if start is not None and leader is not None and leader != start:
        return False
    return _has_living_process(group)


def _has_living_process(group: int) -> bool:
    try:
        numbers = [entry.name for entry in os.scandir("/proc") if entry.name.isdecimal()]
    except OSError:
        return True
    for number in numbers:
        with contextlib.suppress(IndexError, ValueError):
            state, _, its_group = _read_fields(int(number))[:3]
            if int(its_group) == group and state not in b"ZX":
                return True
    return False


def _read_fields(pid: int) -> list[bytes]:
    """Return the fields of a process from its state on; none if they cannot be read."""
    try:
        # The fields follow the name, which may contain any character.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def _find_boot_time() -> float:
    """Return when the system was started, in seconds since 1970; 0 if that is not known."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def detach() -> Callable[[], None]:
    """Go on in a child process that nobody waits for; return the function that it calls once it is at work.

    This process ends when that has been called, or with an exit code of 1 if the child ends before.
    """
    reading, writing = os.pipe()
    if os.fork():
        # A signal for both is for the one that is at work; it ends this one, too.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(writing)
        os._exit(0 if os.read(reading, 1) else 1)
    os.close(reading)

    def say_ready() -> None:
        os.write(writing, b"1")
        os.close(writing)

    return say_ready


def was_alive_since(group: int, start: object, record: Path) -> bool:
    """Return whether a process of a group is alive that began no later than a record was last written to."""
    try:
        # The time of the file, because the clock of a run may be another one.
        written = record.stat().st_mtime
    except OSError:
        return False
    return is_group_alive(group, start, written)
