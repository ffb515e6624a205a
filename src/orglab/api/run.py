"""The methods about runs."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orglab.api.write import WriteMethods

if TYPE_CHECKING:
    from orglab.runs.compare import Difference
    from orglab.runs.launch import Wish
    from orglab.runs.record import Run
    from orglab.runs.sync import Synced

Tell = Callable[[str], None]


class RunMethods(WriteMethods):
    """The methods of `Log` about runs."""

    def run(self, wish: "Wish", tell: Tell) -> int:
        """Run a command for a step, and return its exit code; see `runs.launch.launch`."""
        from orglab.runs.launch import launch

        return launch(self, wish, tell)

    def runs(self, reference: str | None = None) -> "list[Run]":
        """Return the runs of an experiment or step, or all, oldest first.

        Raises:
            UsageError: It is no reference.
        """
        from orglab.runs.ingest import runs_of

        return runs_of(self, reference)

    def compare_runs(self, name: str, other: str | None = None) -> "Difference":
        """Return what differs between a run and another, or a revision, or the working tree; see `runs.compare`."""
        from orglab.runs.compare import compare_runs

        return compare_runs(self, name, other)

    def read_patch(self, difference: "Difference") -> str:
        """Return the difference of the code as a patch; empty if there is none, or a commit is not here."""
        from orglab.runs.compare import patch_of

        return patch_of(self, difference)

    def rerun(self, name: str, tell: Tell, *, links: Sequence[str] = (), keep: bool = False) -> int:
        """Run the command of a run again, on its code, and return its exit code; see `runs.rerun.rerun`."""
        from orglab.runs.rerun import rerun

        return rerun(self, name, tell, links=links, keep=keep)

    def sync(self, remote: str, tell: Tell, *, snapshots: bool = False) -> "Synced":
        """Exchange the records of runs with a remote, and tell the log of those of others; see `runs.sync.sync`."""
        from orglab.runs.sync import sync

        return sync(self, remote, tell, snapshots=snapshots)

    def tell_waiting(self, tell: Tell) -> None:
        """Write into the log what could not be written when it happened: steps that commits ticked, and runs.

        Args:
            tell: Hears sentences for the user.
        """
        if self.repository is not None and (self.repository.git_dir / "orglab" / "pending").is_file():
            from orglab.api.pending_steps import Pending

            for line in Pending(self.repository).fold(self):
                tell(line)
        from orglab.runs.waiting import waiting_runs

        if waiting_runs(self.top, self.path):
            from orglab.runs.ingest import fold_what_waits

            for run in fold_what_waits(self, tell):
                tell(f"The log tells of the run {run.id} ({run.ref}) now.")
