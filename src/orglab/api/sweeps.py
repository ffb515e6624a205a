"""The methods about sweeps: a command in many versions."""

from typing import TYPE_CHECKING

from orglab.api.runs import RunMethods
from orglab.text import Tell

if TYPE_CHECKING:
    from orglab.runs.sweeps.start import SweepRequest
    from orglab.runs.sweeps.sweep import Sweep
    from orglab.runs.sweeps.sweep_progress import Progress
    from orglab.runs.sweeps.sweep_versions import Version, VersionRequest


class SweepMethods(RunMethods):
    """The methods of `Log` about sweeps."""

    def sweep(self, request: "SweepRequest", tell: Tell) -> "Sweep":
        """Begin a sweep, whose versions run in the background; see `runs.sweeps.start.begin_sweep`."""
        from orglab.runs.sweeps.start import begin_sweep

        self._collect_scratch()
        return begin_sweep(self, request, tell)

    def try_sweep(
        self, request: "SweepRequest", tell: Tell, *, keep_going: bool = False, show_output: bool = True
    ) -> int:
        """Try every version of a sweep once, and return an exit code; see `runs.sweeps.sweep_trial.try_versions`."""
        from orglab.runs.sweeps.sweep_trial import try_versions

        return try_versions(self, request, tell, keep_going=keep_going, show_output=show_output)

    def sweeps(self) -> "list[Sweep]":
        """Return all sweeps, oldest first."""
        from orglab.runs.sweeps.sweep import list_sweeps

        return list_sweeps(self)

    def sweep_progress(self, name: str | None = None) -> "Progress":
        """Return how far a sweep is.

        Args:
            name: Its id, or a part of it; None for the newest one.

        Raises:
            NotFoundError: There is no such sweep.
            UsageError: Several sweeps match.
        """
        from orglab.runs.sweeps.sweep import find_sweep
        from orglab.runs.sweeps.sweep_progress import read_progress

        return read_progress(self, find_sweep(self, name))

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
        self, name: str | None, tell: Tell, *, slots: int | None = None, options: str = ""
    ) -> "tuple[Sweep, int]":
        """Let a sweep go on, and return it with the number of its tasks; see `runs.sweeps.start.resume_sweep`."""
        from orglab.runs.sweeps.start import resume_sweep
        from orglab.runs.sweeps.sweep import find_sweep, read_sweep

        sweep = find_sweep(self, name)
        queued = resume_sweep(self, sweep, slots, options, tell)
        return read_sweep(sweep.folder), queued

    def work_on_sweep(
        self, name: str, slot: int, slots: int, only: str | None = None, *, is_detached: bool = False
    ) -> None:
        """Run tasks of a sweep until none is queued, in this process or detached from it; see `runs.sweeps.worker`."""
        from orglab.runs.sweeps.sweep import find_sweep
        from orglab.runs.sweeps.worker import detach, work

        sweep = find_sweep(self, name)
        work(self, sweep, slot, slots, only, detach() if is_detached else None)
