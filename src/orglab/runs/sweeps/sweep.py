"""A sweep, as its record says, and finding one."""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from orglab.errors import NotFoundError, UsageError
from orglab.git.private_files import is_real_folder, read_regular
from orglab.log.log import LogFile
from orglab.runs.log_runs import LogRuns
from orglab.runs.parameters.arguments import Value
from orglab.runs.pending import is_locked
from orglab.runs.processes import is_alive
from orglab.runs.record import Run
from orglab.runs.record_lines import is_run_id, read_values, read_whole
from orglab.runs.record_reader import SHORTEST_ID, read_run
from orglab.runs.storage import RUNS, SWEEPS, list_entries
from orglab.runs.sweeps.sweep_versions import Version
from orglab.runs.sweeps.tasks import Task, Tasks
from orglab.runs.working_state import WorkingState

FIELD = "sweep"
"""The field of a record with what belongs to a sweep."""
SUBMITTED = "submitted"
"""The field of its record with the jobs of a scheduler."""
WORKERS = "workers"
_STALE_SECONDS = 120.0  # a worker touches its file every 15 seconds
_MOST = 100_000  # versions, or workers
_MOST_JOBS = 1000


class Worker:
    """A worker of a sweep.

    Attributes:
        name: Its name in the sweep.
        host: The machine that it is on.
        pid: Its process.
        slot: The number of its slot, from 0 on; None if it is not known.
        is_alive: Whether it is still there, as far as can be told from here.
        is_surely_gone: Whether it was on this machine and is there no longer, which its lock tells.
    """

    def __init__(self, path: Path) -> None:
        """Read the file of a worker."""
        try:
            fields = json.loads(read_regular(path, 1 << 16))
        except (OSError, ValueError, RecursionError):
            fields = {}
        fields = fields if isinstance(fields, dict) else {}
        self.name = path.name
        self._path = path
        self.host = host if isinstance(host := fields.get("host"), str) else ""
        self.pid = read_whole(fields.get("pid")) or 0
        self.slot = read_whole(fields.get("slot"))
        held = is_locked(path)
        is_here = self.host == os.uname().nodename
        self.is_surely_gone = is_here and held is False
        if held or is_here:
            self.is_alive = held if held is not None else is_alive(self.pid, fields.get("start"))
        else:
            # The lock of a process on another machine may not be seen here.
            self.is_alive = _is_fresh(path)

    def remove(self) -> None:
        """Remove its file, if that is possible."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def _is_fresh(path: Path) -> bool:
    """Return whether a worker has touched its file lately."""
    try:
        touched = path.stat().st_mtime
        return time.time() - touched < _STALE_SECONDS
    except OSError:
        return False


class Sweep:
    """A sweep, as recorded when it was read.

    Attributes:
        record: Its record, which is like that of a run: the step, the command with its placeholders, the code.
        tasks: Its tasks.
    """

    def __init__(self, record: Run) -> None:
        """Take the record."""
        self.record = record
        self.tasks = Tasks(record.folder)

    @property
    def id(self) -> str:
        """The id, which names the folder."""
        return self.record.id

    @property
    def folder(self) -> Path:
        """The folder of the sweep."""
        return self.record.folder

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What the record says of the sweep alone."""
        found = self.record.fields.get(FIELD)
        return dict(found) if isinstance(found, dict) else {}

    @cached_property
    def versions(self) -> list[Version]:
        """Its versions, in their order."""
        listed = self.record.fields.get("versions")
        found = []
        for entry in islice(listed, _MOST) if isinstance(listed, list) else ():
            match entry:
                case [str(name), dict(parameters), dict(texts)]:
                    own = {key: text for key, text in texts.items() if isinstance(text, str)}
                    found.append(Version(name, read_values(parameters), own))
        return found

    @property
    def out(self) -> str:
        """The folder of its versions, relative to the top of the repository."""
        return str(self.fields.get("out") or "")

    def find_folder(self, log: LogFile) -> Path:
        """Return the folder that its command was given in, wherever this process is."""
        # The top of the repository of the command, from that of the log: they may be two.
        top = top if isinstance(top := self.fields.get("top"), str) else "."
        return Path(os.path.normpath(log.top.absolute() / top / (self.record.cwd or ".")))

    @property
    def is_pinned(self) -> bool:
        """Whether its versions run in a working tree of its commit."""
        return self.fields.get("pinned") is True

    @property
    def slots(self) -> int:
        """How many versions run at the same time on this machine."""
        return self.limit or 1

    @property
    def limit(self) -> int | None:
        """How many versions may run at the same time; None if a scheduler decides that."""
        return read_whole(self.record.fields.get("slots"))

    @property
    def where(self) -> str | None:
        """Where it runs if that is not this machine: the name of a scheduler, or a command with `{command}`."""
        return where if isinstance(where := self.fields.get("where"), str) else None

    @property
    def options(self) -> str:
        """The options of the scheduler that it began with."""
        return options if isinstance(options := self.fields.get("options"), str) else ""

    @property
    def submitted(self) -> dict[str, str]:
        """The ids of the jobs that it was submitted as, oldest first, each with the name of the list of its tasks."""
        found = self.record.fields.get(SUBMITTED)
        jobs = islice(found.items(), _MOST_JOBS) if isinstance(found, dict) else ()
        return {job: name for job, name in jobs if job.isdigit() and isinstance(name, str) and name.isalnum()}

    @cached_property
    def state(self) -> WorkingState:
        """The code that its versions run on."""
        record, short = self.record, self.fields.get("short")
        return WorkingState(
            record.before, short if isinstance(short, str) else None, record.snapshot, record.patch, record.untracked,
            record.uncaptured, record.left_out,
        )  # fmt: skip

    @property
    def has_ended(self) -> bool:
        """Whether its end has been recorded."""
        return self.record.ended is not None

    def list_workers(self) -> list[Worker]:
        """Return the workers that are alive."""
        return [worker for worker in self.read_workers() if worker.is_alive]

    def read_workers(self) -> list[Worker]:
        """Return the workers whose file is there, also of those that were killed."""
        folder = self.folder / WORKERS
        if not is_real_folder(folder):
            return []
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False))
        except OSError:
            return []
        return [Worker(folder / name) for name in names[:_MOST]]

    def read_runs(self, top: Path, among: Iterable[Task]) -> dict[str, Run]:
        """Return the runs of some tasks by the name of the task; those whose record is gone are left out."""
        folders = list_entries(top, RUNS)
        found = {}
        for task in among:
            folder = folders.get(task.run or "")
            if folder is not None and (run := read_run(folder)) is not None:
                found[task.name] = run
        return found


def describe_versions(versions: Iterable[Version]) -> list[list[object]]:
    """Return versions as the record of a sweep has them."""
    return [[*version] for version in versions]


class Swept(NamedTuple):
    """What a run says of the sweep whose version it is.

    Attributes:
        sweep: The id of the sweep.
        version: The name of the version.
        parameters: Its parameters.
        changed: The files that were other than when the sweep began.
    """

    sweep: str
    version: str
    parameters: dict[str, Value]
    changed: tuple[str, ...] = ()


def read_swept(run: Run) -> Swept | None:
    """Return what a run says of the sweep whose version it is; None if it is of no sweep."""
    found = run.fields.get(FIELD)
    if not isinstance(found, Mapping):
        return None
    name, version, parameters, changed = (found.get(key) for key in ("id", "version", "parameters", "changed"))
    if not (isinstance(name, str) and isinstance(version, str) and is_run_id(name)):
        return None
    values = read_values(parameters) if isinstance(parameters, dict) else {}
    return Swept(name, version, values, tuple(map(str, changed)) if isinstance(changed, list) else ())


def list_sweeps(log: LogFile) -> list[Sweep]:
    """Return the sweeps of a log, oldest first."""
    runs = LogRuns(log)
    records = filter(None, map(read_run, list_entries(log.top, SWEEPS).values()))
    owned = [record for record in records if record.argv and (record.log is None or runs.owns(record.log))]
    # Ids have a resolution of one second.
    return [Sweep(record) for record in sorted(owned, key=lambda record: (record.began_at or 0.0, record.id))]


def read_sweep(folder: Path) -> Sweep:
    """Return the sweep in a folder, as it is recorded now.

    Raises:
        NotFoundError: It has no record.
    """
    record = read_run(folder)
    if record is None:
        raise NotFoundError(f"There is no sweep in {folder}.")
    return Sweep(record)


def find_sweep(log: LogFile, name: str | None) -> Sweep:
    """Return the sweep with an id, or a part of an id; the newest one if None.

    Raises:
        NotFoundError: There is no such sweep.
        UsageError: Several match, or the part is too short.
    """
    sweeps = list_sweeps(log)
    if name is None:
        if not sweeps:
            raise NotFoundError("There is no sweep yet; begin one with `orglab sweep`.")
        return sweeps[-1]
    if len(name) < SHORTEST_ID:
        raise UsageError(f"{name!r} is too short for the id of a sweep; give at least {SHORTEST_ID} characters.")
    found = [one for one in sweeps if name in one.id]
    if len(found) > 1:
        raise UsageError(f"{name!r} matches several sweeps: {', '.join(one.id for one in found[:5])}.")
    if not found:
        raise NotFoundError(f"Unknown sweep {name!r}; `orglab sweep list` lists all.")
    return found[0]
