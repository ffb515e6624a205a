"""The method of `Log` for `orglab status`: what is active, what is not saved yet, and what is set up."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orglab.api.setup import SetupMethods
from orglab.errors import GitError
from orglab.experiment.states import count_kinds

if TYPE_CHECKING:
    from orglab.log.active_step import Active
    from orglab.runs.record import Run
    from orglab.runs.unfinished import OpenSweep

_INSTALLED = ("installed", "by hand")


class Status(NamedTuple):
    """The status of a log.

    Attributes:
        log: The log.
        counts: The number of experiments by kind of state: `todo`, `doing`, `waiting`, `done`, `dropped`, and
            `without_state` for those without a TODO keyword.
        active: The active experiment or step, and what the log has of it, or None.
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
        unknown: The files of which only a filter in the repository's own configuration could tell if they have changes.
        sweeps: The sweeps that are not over.
        position: Where a reference is put into a commit message, as the setting `hooks.position` says.
    """

    log: Path
    counts: dict[str, int]
    active: "Active | None"
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
    unknown: tuple[str, ...] = ()
    sweeps: "tuple[OpenSweep, ...]" = ()
    position: str = "start"


class StatusMethods(SetupMethods):
    """The method of `Log` that returns its status."""

    def status(self) -> Status:
        """Return what is active, uncommitted, pending and set up.

        Raises:
            GitError: git fails.
        """
        from orglab.git import is_installed
        from orglab.git.log_branch import LOG_BRANCH, count_unsent
        from orglab.log.uncommitted import Uncommitted, count_missing, find_uncommitted
        from orglab.runs.log_runs import LogRuns
        from orglab.runs.storage import RUNS, find_storage_folders
        from orglab.runs.unfinished import read_unfinished

        document = self.document()
        counts = count_kinds(experiment.kind for experiment in self.read_experiments(document))
        active = self.read_active(document)
        repository = self.repository if is_installed() else None
        changes = find_uncommitted(self, repository) if repository is not None else Uncommitted((), 0, ())
        log_runs = LogRuns(self, lambda: document)
        folders = [place / RUNS for place in find_storage_folders(self.top)]
        open_work = read_unfinished(self, log_runs)
        return Status(
            self.path, counts, active, repository is not None, changes.own, changes.others,
            open_work.pending, open_work.reasons, open_work.pending_results, open_work.homeless, open_work.running,
            self._describe_hooks() if repository is not None else None, len(log_runs.all), open_work.unassigned,
            next((folder for folder in folders if folder.is_dir()), folders[0]), sum(map(_measure, folders)),
            LOG_BRANCH if self.is_apart else None, count_missing(self) if repository is not None else 0,
            count_unsent(repository) if repository is not None and self.is_apart else None,
            document.conflict_line(), changes.unknown, open_work.sweeps,
            self.config.hooks.position,
        )  # fmt: skip

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
