"""The presence of a worker in its sweep: a file that is locked for as long as its process lives."""

import contextlib
import json
import os
import threading

from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.pending import take_lock
from orglab.runs.processes import read_start_time
from orglab.runs.sweeps.attempts import name_worker
from orglab.runs.sweeps.sweep import WORKERS, Sweep

_HEARTBEAT_SECONDS = 15.0


class Presence:
    """The file of the worker that this process is.

    Attributes:
        name: The name of the worker.
        slot: The number of its slot, from 0 on.
        was_last: Whether it has left, and no other worker was there.
    """

    def __init__(self, sweep: Sweep, slot: int) -> None:
        """Be there from now on.

        Raises:
            OSError: The file cannot be made.
        """
        self.name = name_worker(find_batch_job())
        self.slot = slot
        self.was_last = False
        self._sweep = sweep
        self._path = sweep.folder / WORKERS / self.name
        self._path.parent.mkdir(exist_ok=True)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        self._end = threading.Event()
        take_lock(self._fd)
        pid = os.getpid()
        known = {"host": os.uname().nodename, "pid": pid, "start": read_start_time(pid), "slot": slot}
        os.write(self._fd, json.dumps(known).encode())
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        """Touch the file now and then, for those on other machines, who may not see the lock."""
        while not self._end.wait(_HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(self._fd)

    def is_alone(self) -> bool:
        """Return whether no other worker is there."""
        return all(worker.name == self.name for worker in self._sweep.list_workers())

    def leave(self) -> None:
        """Be gone from now on; without effect if this worker has left already."""
        if self._end.is_set():
            return
        self._end.set()
        self.was_last = self.is_alone()
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._fd)
