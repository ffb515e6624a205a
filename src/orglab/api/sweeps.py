"""The methods about sweeps: a command in many versions."""

from typing import TYPE_CHECKING

from orglab.api.leftovers import remove_leftovers
from orglab.api.runs import RunMethods
from orglab.text import Tell

if TYPE_CHECKING:
    from orglab.runs.launchers.slurm_jobs import SchedulerState
    from orglab.runs.sweeps.note import Ranking
    from orglab.runs.sweeps.start import SweepRequest
    from orglab.runs.sweeps.sweep import Sweep
    from orglab.runs.sweeps.sweep_progress import Progress
    from orglab.runs.sweeps.sweep_versions import Version, VersionRequest


class SweepMethods(RunMethods):
    """The methods of `Log` about sweeps."""

    def sweep(self, request: "SweepRequest", tell: Tell) -> "Sweep":
        """Begin a sweep, whose versions run in the background; see `runs.sweeps.start.begin_sweep`."""
        from orglab.runs.sweeps.start import begin_sweep

        remove_leftovers(self, tell)
        return begin_sweep(self, request, tell)

    def try_sweep(
        self, request: "SweepRequest", tell: Tell, *, keep_going: bool = False, show_output: bool = True
    ) -> int:
        """Try every version of a sweep once, and return an exit code; see `runs.sweeps.sweep_trial.try_versions`."""
        from orglab.runs.sweeps.sweep_trial import try_versions

        return try_versions(self, request, tell, keep_going=keep_going, show_output=show_output)

    def sweeps(self, reference: str | None = None) -> "list[Sweep]":
        """Return the sweeps of an experiment or a step, or all sweeps, oldest first.

        Raises:
            UsageError: It is not a reference.
        """
        from orglab.runs.sweeps.sweep import Sweep, list_sweeps

        sweeps = list_sweeps(self)
        if reference is None:
            return sweeps
        runs, spelled = self._log_runs(), self.spell(reference)
        current = [Sweep(runs.with_current_ref(one.record)) for one in sweeps]
        return [one for one in current if f"{one.record.ref}.".startswith(f"{spelled}.")]

    def sweep_progress(
        self, name: "str | Sweep | None" = None, scheduler: "SchedulerState | None" = None
    ) -> "Progress":
        """Return how far a sweep is.

        Args:
            name: The sweep as it was read, its id, or a part of that; None for the newest one.
            scheduler: What Slurm has of it, from `ask_scheduler`; None if that is not known.

        Raises:
            NotFoundError: There is no such sweep.
            UsageError: Several sweeps match.
        """
        from orglab.runs.sweeps.sweep import Sweep, find_sweep
        from orglab.runs.sweeps.sweep_progress import read_progress

        sweep = name if isinstance(name, Sweep) else find_sweep(self, name)
        return read_progress(self, sweep, self._log_runs(), scheduler)

    def rank_sweep(self, progress: "Progress", metric: str | None = None) -> "Ranking | None":
        """Return the settings of a sweep by a metric; see `runs.sweeps.sweep_progress.rank_settings`."""
        from orglab.runs.sweeps.sweep_progress import rank_settings

        return rank_settings(self, progress.state, self._log_runs(), metric)

    def ask_scheduler(self, name: str | None = None) -> "SchedulerState | None":
        """Return what Slurm has of a sweep, the newest one without a name; see `runs.sweeps.sweep_progress`."""
        from orglab.runs.sweeps.sweep import find_sweep
        from orglab.runs.sweeps.sweep_progress import ask_scheduler

        return ask_scheduler(find_sweep(self, name))

    def settle_sweep(self, name: str, tell: Tell) -> None:
        """Return once a sweep that has ended is told to the log; see `runs.sweeps.settlement.wait_until_settled`."""
        from orglab.runs.sweeps.settlement import wait_until_settled
        from orglab.runs.sweeps.sweep import find_sweep

        wait_until_settled(self, find_sweep(self, name).folder, tell)

    def add_versions(self, name: str | None, request: "VersionRequest", tell: Tell) -> "tuple[Sweep, list[Version]]":
        """Add versions to a sweep, and return it with those that are new; see `runs.sweeps.start.add_versions`."""
        from orglab.runs.sweeps.start import add_versions
        from orglab.runs.sweeps.sweep import find_sweep, read_sweep

        sweep = find_sweep(self, name)
        added = add_versions(self, sweep, request, tell)
        return read_sweep(sweep.folder), added

    def stop_sweep(self, name: str | None, tell: Tell, *, drain: bool = False) -> "Sweep":
        """Stop a sweep, and return it; see `runs.sweeps.start.stop_sweep`."""
        from orglab.runs.sweeps.start import stop_sweep
        from orglab.runs.sweeps.sweep import find_sweep

        sweep = find_sweep(self, name)
        stop_sweep(self, sweep, tell, drain=drain)
        return sweep

    def resume_sweep(
        self, name: str | None, tell: Tell, *, slots: int | None = None, options: str | None = None
    ) -> "tuple[Sweep, int]":
        """Let a sweep go on, and return it with the number of its tasks; see `runs.sweeps.start.resume_sweep`."""
        from orglab.runs.sweeps.start import resume_sweep
        from orglab.runs.sweeps.sweep import find_sweep, read_sweep

        sweep = find_sweep(self, name)
        queued = resume_sweep(self, sweep, slots, options, tell)
        return read_sweep(sweep.folder), queued

    def work_on_sweep(self, name: str, only: str | None = None, *, is_detached: bool = False) -> bool:
        """Run tasks of a sweep until none is queued, in this process or detached from it; return whether none failed.

        See `runs.sweeps.worker`.
        """
        from orglab.runs.processes import detach
        from orglab.runs.sweeps.sweep import find_sweep
        from orglab.runs.sweeps.worker import work

        sweep = find_sweep(self, name)
        return work(self, sweep, only, detach() if is_detached else None)
