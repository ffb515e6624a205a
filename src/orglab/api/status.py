"""The method of `Log` for `orglab status`: what is active, what is not saved yet, and what is set up."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.setup import SetupMethods
from orglab.errors import DuplicateIdError, GitError, NotFoundError, UsageError

if TYPE_CHECKING:
    from orglab.experiment.model import Experiment, Step
    from orglab.git import Repository
    from orglab.org.document import Document
    from orglab.runs.pending import PendingEntry
    from orglab.runs.record import Run

_INSTALLED = ("installed", "by hand")
NO_STEP = "the log does not have its step"
"""Why a run is pending until the log changes."""


class Status(NamedTuple):
    """The status of a log.

    Attributes:
        log: The log.
        counts: The number of experiments by kind of state: `todo`, `doing`, `waiting`, `done`, `dropped`.
        active: The reference of the active experiment or step, or None.
        experiment: The active experiment; None if nothing is active, or the log does not have it.
        step: The active step, or None.
        is_in_git: Whether the log is in a git repository, and git is installed.
        uncommitted: The log and the journal, if they have uncommitted changes.
        changed: The number of other files with uncommitted changes, including untracked files.
        pending: The references of steps and ids of runs that are recorded but not written to the log yet.
        reasons: Why those of the pending runs are pending that belong to another HEAD, or to no step of the log, by id.
        pending_results: Why the results of a run are not committed yet, by the id of the run.
        homeless: The same for logs that no longer have their path, with that path relative to the top.
        running: The runs that have not ended; those whose orglab was killed are `unobserved`.
        hooks: `installed`, `outdated`, `partly installed` or `not installed`; None without git.
        run_count: The number of recorded runs.
        unassigned: The ids of the runs that belong to no experiment.
        records: The folder of the run records.
        records_size: Its size in bytes.
        branch: The branch of the log, if it is kept apart.
        missing: The number of parts that git took out of the log.
        unsent: The number of commits of that branch that no remote is known to have; None without a remote.
        conflict: The line of the first git conflict marker in the log, or None.
        duplicate: A sentence about the experiments that have the id of the active one, or None.
        unknown: The files of which only a filter in the repository's own configuration could tell if they have changes.
        sweeps: The sweeps that are not over.
    """

    log: Path
    counts: dict[str, int]
    active: str | None
    experiment: "Experiment | None"
    step: "Step | None"
    is_in_git: bool
    uncommitted: tuple[str, ...]
    changed: int
    pending: tuple[str, ...]
    reasons: dict[str, str]
    pending_results: dict[str, str]
    homeless: dict[str, str]
    running: "tuple[Run, ...]"
    hooks: str | None
    run_count: int
    unassigned: tuple[str, ...]
    records: Path
    records_size: int
    branch: str | None = None
    missing: int = 0
    unsent: int | None = None
    conflict: int | None = None
    duplicate: str | None = None
    unknown: tuple[str, ...] = ()
    sweeps: "tuple[OpenSweep, ...]" = ()


class OpenSweep(NamedTuple):
    """A sweep that is not over.

    Attributes:
        id: Its id.
        ref: Its step or experiment.
        ended: How many of its versions have ended.
        total: How many it has.
        is_at_work: Whether it goes on; else it was stopped or interrupted.
    """

    id: str
    ref: str
    ended: int
    total: int
    is_at_work: bool


class StatusMethods(SetupMethods):
    """The method of `Log` that returns its status."""

    def status(self) -> Status:
        """Return what is active, uncommitted, pending and set up.

        Raises:
            GitError: git fails.
        """
        from orglab.git import is_installed
        from orglab.git.log_branch import LOG_BRANCH, count_unsent
        from orglab.runs.log_runs import LogRuns
        from orglab.runs.pending import find_homeless, find_pending
        from orglab.runs.storage import RUNS, find_storage_folders

        document = self.document()
        counts = Counter(experiment.kind or "todo" for experiment in self.read_experiments(document))
        active = self.find_active()
        active_experiment, step, duplicate = self._find_active_in(document, active)
        repository = self.repository if is_installed() else None
        uncommitted, changed, unknown = self._count_changes(repository) if repository is not None else ((), 0, ())
        log_runs = LogRuns(self, lambda: document)
        runs = log_runs.all
        folders = [place / RUNS for place in find_storage_folders(self.top)]
        entries = find_pending(self.top, self.path, log_runs.owns, with_postponed=True)
        reasons = {entry.name: entry.waiting for entry in entries if entry.waiting is not None}
        sweeps = self._find_open_sweeps(entries)
        entries = [entry for entry in entries if entry.name not in {sweep.id for sweep in sweeps}]
        homeless = {name: log for name, log in find_homeless(self.top).items() if not log_runs.owns(log)}
        going_on = {run.id: run for run in runs if run.is_going_on}
        return Status(
            self.path, counts, active, active_experiment, step, repository is not None, uncommitted, changed,
            tuple(entry.ref or entry.name for entry in entries
                  if not entry.is_noted and entry.name not in going_on),
            {name: why.note for name, why in reasons.items() if why.note is not None}
            | {entry.name: NO_STEP for entry in entries if entry.is_postponed},
            {name: why.results for name, why in reasons.items() if why.results is not None}, homeless,
            tuple(going_on.values()),
            self._describe_hooks() if repository is not None else None, len(runs),
            tuple(run.id for run in runs if run.ref is None and run.discarded is None),
            next((folder for folder in folders if folder.is_dir()), folders[0]), sum(map(_measure, folders)),
            LOG_BRANCH if self.is_apart else None, self._count_missing() if repository is not None else 0,
            count_unsent(repository) if repository is not None and self.is_apart else None,
            document.conflict_line(), duplicate, unknown, sweeps,
        )  # fmt: skip

    @staticmethod
    def _find_open_sweeps(entries: "list[PendingEntry]") -> tuple[OpenSweep, ...]:
        """Return the sweeps among some pending entries that are not over."""
        folders = [entry.run for entry in entries if entry.is_sweep and entry.run is not None]
        if not folders:
            return ()
        from orglab.runs.record_reader import read_run
        from orglab.runs.sweeps.settlement import is_over
        from orglab.runs.sweeps.sweep import Sweep
        from orglab.runs.sweeps.tasks import ENDED

        found = []
        # The record of one may be damaged.
        for sweep in (Sweep(record) for folder in folders if (record := read_run(folder)) is not None):
            if not is_over(sweep) or sweep.tasks.is_stopped:
                names = sweep.tasks.list_names()
                is_at_work = bool(sweep.list_workers()) or (sweep.where is not None and not sweep.tasks.is_stopped)
                total = sum(map(len, names.values()))
                found.append(OpenSweep(sweep.id, sweep.record.ref or "", len(names[ENDED]), total, is_at_work))
        return tuple(found)

    def _find_active_in(
        self, document: "Document", active: str | None
    ) -> "tuple[Experiment | None, Step | None, str | None]":
        """Return the active experiment and step in a document, None for what it does not have, and what has its id."""
        from orglab.experiment.lookup import find_step
        from orglab.reference import parse_reference

        experiment = None
        if active is None:
            return None, None, None
        try:
            parsed = parse_reference(active)
            experiment = self.find(document, parsed)
            return experiment, find_step(experiment, parsed) if parsed.step is not None else None, None
        except DuplicateIdError as error:
            return None, None, str(error)
        except (NotFoundError, UsageError):
            return experiment, None, None

    def _count_missing(self) -> int:
        """Return the number of parts that git took out of the log and that are still missing."""
        from orglab.log.losses import find_losses

        return sum(len(loss.parts) for loss in find_losses(self))

    def _count_changes(self, repository: "Repository") -> tuple[tuple[str, ...], int, tuple[str, ...]]:
        """Return which of the log and the journal have changes, how many other files have, and which may have.

        As for all commands that only read, no filter or monitor of the repository's settings is run.
        """
        from orglab.git.files import compare_with_head, list_untracked

        compared = compare_with_head(repository)
        names, unknown = {*compared.changed, *list_untracked(repository)}, tuple(compared.unknown)
        if self.is_apart:
            from orglab.log.kept_text import find_unsaved

            return tuple(find_unsaved(self)), len(names), unknown
        own = {*self.find_own_paths(repository)}
        return tuple(sorted(names & own)), len(names - own), unknown

    def _describe_hooks(self) -> str:
        """Return the state of the git hooks as a whole."""
        try:
            status = self.hook_status()
        except GitError:
            return "not installed"
        states = [hook.state for hook in status.hooks]
        if not any(state in (*_INSTALLED, "old") for state in states):
            return "not installed"
        if "old" in states or not status.is_there:
            return "outdated"
        return "installed" if all(state in _INSTALLED for state in states) else "partly installed"


def _measure(folder: Path) -> int:
    """Return the size of the files below a folder, in bytes, without those that cannot be read."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 - a string is at hand
            except OSError:
                continue
    return total
