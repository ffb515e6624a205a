"""The tasks of a sweep, one for each version, as files in the folder of the sweep.

    record.jsonl         what is run, and on which code, as in the record of a run
    queued/TASK          a task that nobody has begun
    claimed/TASK@WORKER  one that a worker has
    ended/TASK           one whose run has ended, and how
    submitted/TASK       one that waits where a command of the user has submitted it
    workers/WORKER       a worker, which holds a lock on this file for as long as it lives
    stop                 is there while no task may be begun

A worker claims a task by renaming its file, which only one of several can do.  So tasks can be added while a sweep goes
on, and a worker that is killed leaves its task behind, with the id of its run.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from orglab.git.private_files import is_real_folder, read_regular, write_new
from orglab.runs.parameters.arguments import Value
from orglab.runs.record_lines import is_run_id, read_values
from orglab.runs.sweeps.sweep_versions import Version

QUEUED, CLAIMED, ENDED = "queued", "claimed", "ended"
_SUBMITTED = "submitted"
_STOP = "stop"
_LARGEST = 1 << 20
_MOST = 100_000
_LONGEST = 240
_TRIES = 20


class Task(NamedTuple):
    """A version of a sweep, and what has become of it.

    Attributes:
        name: The name of its file, which begins with its number.
        version: The version.
        state: QUEUED, CLAIMED or ENDED.
        worker: The worker that has it or had it; None if it is queued.
        run: The id of its run; None if it has none yet.
        status: How it ended, as in `Run.status`, or `skipped` if that was done before; None if it has not.
        problem: Why its command was not run; empty if it was.
    """

    name: str
    version: Version
    state: str = QUEUED
    worker: str | None = None
    run: str | None = None
    status: str | None = None
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether its run ended well, now or before."""
        return self.status in GOOD


SKIPPED = "skipped"
"""The status of a task whose version had ended well on the same code before."""
GOOD = ("done", SKIPPED)
"""The statuses of a task whose version has ended well."""


def name_task(number: int, version: Version) -> str:
    """Return the name of the task of the version with this number, from 1 on."""
    return f"{number:05}-{version.name}"


class Tasks:
    """The tasks in the folder of a sweep."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the sweep."""
        self.folder = folder

    def add(self, versions: Iterable[tuple[int, Version]], done: Mapping[str, str], status: str = SKIPPED) -> None:
        """Add a task for each of some versions.

        Args:
            versions: The versions, each with its number.
            done: The runs of the versions that have ended well, by the name of the version.
            status: The status of these: SKIPPED if they are not of this sweep, else `done`.

        Raises:
            OSError: They cannot be written.
        """
        for state in (QUEUED, CLAIMED, ENDED):
            (self.folder / state).mkdir(exist_ok=True)
        for number, version in versions:
            task = Task(name_task(number, version), version)
            if (run := done.get(version.name)) is not None:
                task = task._replace(state=ENDED, run=run, status=status)
            self._write(task)

    def list_names(self) -> dict[str, list[str]]:
        """Return the names of the tasks in each state, in their order.

        The states are in the order in which workers move a task, so that none is missed that moves meanwhile.
        """
        names = {state: self._list(state) for state in (QUEUED, CLAIMED, ENDED)}
        # A worker that is killed in between leaves a task that has ended among the claimed ones.
        ended = {*names[ENDED]}
        names[CLAIMED] = [name for name in names[CLAIMED] if name.partition("@")[0] not in ended]
        return names

    def read_all(self) -> list[Task]:
        """Return all tasks, in their order; those whose file is damaged are left out."""
        found, is_moving = self._read_once()
        for _ in range(_TRIES if is_moving else 0):
            found, is_moving = self._read_once()
            if not is_moving:
                break
        return [found[name] for name in sorted(found)]

    def _read_once(self) -> tuple[dict[str, Task], bool]:
        """Return the tasks by name, and whether one has gone to another folder meanwhile."""
        found: dict[str, Task] = {}
        is_moving = False
        for state, names in self.list_names().items():
            for name in names:
                if (task := self._read(state, name)) is not None:
                    found[task.name] = task
                elif not os.path.lexists(self.folder / state / name):
                    is_moving = True
        return found, is_moving

    def claim(self, worker: str) -> Task | None:
        """Claim the first task that is queued for a worker; return None if there is none, or the sweep is stopped."""
        for name in self._list(QUEUED):
            if (task := self.claim_one(name, worker)) is not None:
                return task
        return None

    def claim_one(self, name: str, worker: str) -> Task | None:
        """Claim a task; return None if it is not queued, or the sweep is stopped."""
        if self.is_stopped or not _is_name(name):
            return None
        try:
            (self.folder / QUEUED / name).rename(self.folder / CLAIMED / f"{name}@{worker}")
        except OSError:
            return None
        return self._read(CLAIMED, f"{name}@{worker}")

    def take_over(self, name: str, worker: str, was_ours: Callable[[str], bool]) -> Task | None:
        """Claim a task, with its run, that an earlier attempt of the same job had and did not bring to a good end.

        Args:
            name: The task.
            worker: The worker that claims it.
            was_ours: Returns whether a worker was an earlier attempt of the same job.

        Returns None if there is no such task, or the sweep is stopped.
        """
        if self.is_stopped or not _is_name(name):
            return None
        claimed = self._list_claims(name)
        if (ended := self._read(ENDED, name)) is not None:
            if ended.is_good or ended.worker is None or not was_ours(ended.worker):
                return None
            old = self.folder / ENDED / name
        else:
            old = self.folder / CLAIMED / next((one for one in claimed if was_ours(one.partition("@")[2])), "-")
        try:
            if ended is not None:
                self._remove_claims(name)
            old.rename(self.folder / CLAIMED / f"{name}@{worker}")
        except OSError:
            return None
        return self._read(CLAIMED, f"{name}@{worker}")

    def set_run(self, task: Task, run: str) -> Task:
        """Write down the run of a claimed task, before it starts, and return the task.

        Raises:
            OSError: That cannot be written.
        """
        begun = task._replace(run=run)
        self._write(begun)
        return begun

    def end(self, task: Task, status: str, problem: str = "") -> Task:
        """Write down how a claimed task has ended, and return the task.

        Raises:
            OSError: That cannot be written.
        """
        ended = task._replace(state=ENDED, status=status, problem=problem)
        self._write(ended)
        self._claimed_path(task).unlink(missing_ok=True)
        return ended

    def requeue(self, task: Task) -> bool:
        """Queue a task again that is claimed or has ended; return whether it was still so."""
        old = self._claimed_path(task) if task.state == CLAIMED else self.folder / ENDED / task.name
        new = self.folder / QUEUED / task.name
        try:
            if task.state == ENDED:
                self._remove_claims(task.name)
            old.rename(new)
        except OSError:
            return False
        return True

    # Submitting

    def list_submitted(self) -> list[str]:
        """Return the names of the tasks that were submitted elsewhere, and that no worker has come for yet."""
        return self._list(_SUBMITTED)

    def mark_submitted(self, name: str) -> None:
        """Note that a task is submitted, until its worker comes, or `forget_submission`.

        Raises:
            OSError: That cannot be written.
        """
        (self.folder / _SUBMITTED).mkdir(exist_ok=True)
        write_new(self.folder / _SUBMITTED / name, b"")

    def forget_submission(self, name: str) -> None:
        """Take a task for one that waits nowhere else."""
        if _is_name(name):
            with contextlib.suppress(OSError):
                (self.folder / _SUBMITTED / name).unlink()

    # Stopping

    @property
    def is_stopped(self) -> bool:
        """Whether no task may be begun."""
        return os.path.lexists(self.folder / _STOP)

    def stop(self) -> None:
        """Let no further task begin.

        Raises:
            OSError: That cannot be written.
        """
        write_new(self.folder / _STOP, b"")

    def go_on(self) -> None:
        """Let tasks begin again."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _STOP).unlink()

    # Files

    def _list(self, state: str) -> list[str]:
        if not is_real_folder(self.folder / state):
            return []
        with contextlib.suppress(OSError), os.scandir(self.folder / state) as listing:
            names = (entry.name for entry in listing if entry.is_file(follow_symlinks=False))
            # A file that is being written has a name of another kind.
            return sorted(name for name in names if name[:5].isdigit() and len(name) <= _LONGEST)[:_MOST]
        return []

    def _list_claims(self, name: str) -> list[str]:
        return [claim for claim in self._list(CLAIMED) if claim.partition("@")[0] == name]

    def _remove_claims(self, name: str) -> None:
        """Remove what a killed worker left among the claimed tasks of a task that has ended."""
        for claim in self._list_claims(name):
            (self.folder / CLAIMED / claim).unlink(missing_ok=True)

    def _claimed_path(self, task: Task) -> Path:
        return self.folder / CLAIMED / f"{task.name}@{task.worker}"

    def _read(self, state: str, name: str) -> Task | None:
        own, _, worker = name.partition("@")
        try:
            fields = json.loads(read_regular(self.folder / state / name, _LARGEST))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(fields, dict) or not isinstance(fields.get("version"), str):
            return None
        version = Version(fields["version"], _read_values(fields.get("parameters")), _read_texts(fields.get("texts")))
        run, status, problem, last = (_text(fields.get(field)) for field in ("run", "status", "problem", "worker"))
        task = Task(own, version, state, worker or last)
        if state == QUEUED:
            return task._replace(worker=None)
        task = task._replace(run=run if run is not None and is_run_id(run) else None)
        return task._replace(status=status, problem=problem or "") if state == ENDED else task

    def _write(self, task: Task) -> None:
        version = task.version
        fields: dict[str, object] = {
            "version": version.name, "parameters": version.parameters, "texts": version.texts,
            "run": task.run, "status": task.status, "problem": task.problem, "worker": task.worker,
        }  # fmt: skip
        path = self._claimed_path(task) if task.state == CLAIMED else self.folder / task.state / task.name
        write_new(path, json.dumps({name: value for name, value in fields.items() if value is not None}).encode())


def _is_name(name: str) -> bool:
    """Return whether a text may be the name of a task, which is that of a file."""
    return name[:5].isdigit() and "/" not in name


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read_values(raw: object) -> dict[str, Value]:
    return read_values(raw) if isinstance(raw, dict) else {}


def _read_texts(raw: Any) -> dict[str, str]:  # noqa: ANN401 - from JSON
    return {name: text for name, text in raw.items() if isinstance(text, str)} if isinstance(raw, dict) else {}
