"""The methods about runs."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from orglab.api.leftovers import remove_leftovers
from orglab.api.write import WriteMethods
from orglab.errors import NotFoundError, UsageError
from orglab.reference import parse_reference
from orglab.text import Tell

if TYPE_CHECKING:
    from orglab.git.trees import FileChange
    from orglab.reference import Reference
    from orglab.runs.comparison import Difference
    from orglab.runs.launch import LaunchedRun
    from orglab.runs.log_runs import LogRuns
    from orglab.runs.pending import PendingEntry
    from orglab.runs.pruning import PrunableRun
    from orglab.runs.record import Run
    from orglab.runs.rerun_consent import Ask
    from orglab.runs.run_request import RunRequest
    from orglab.runs.run_table import CodeReader, RunTable, TableRequest
    from orglab.runs.side_by_side import SideBySide
    from orglab.runs.standing import Standing
    from orglab.runs.sync import SyncResult


class RunMethods(WriteMethods):
    """The methods of `Log` about runs."""

    def run(self, request: "RunRequest", tell: Tell) -> "LaunchedRun":
        """Run a command and record it, see `runs.launch.launch`; or only try it, see `runs.trial.try_command`.

        Whatever a test starts is a test, too. A detached run goes on when this returns; see `runs.detached`.
        """
        import os

        from orglab.runs.detached import launch_detached
        from orglab.runs.launch import LaunchedRun, launch
        from orglab.runs.trial import is_test, try_command

        if request.is_test or is_test(os.environ):
            return LaunchedRun(try_command(self, request, tell), None)
        remove_leftovers(self, tell)
        return launch_detached(self, request, tell) if request.is_detached else launch(self, request, tell)

    def work_on_run(self) -> None:
        """Run the command of a request on standard input, as the process of a detached run; see `runs.detached`."""
        from orglab.runs.detached import work

        work(self)

    def wait_for_run(self, name: "str | Run", tell: Tell, time_limit: float | None = None) -> "LaunchedRun | None":
        """Return a run once it has ended, and its results and its note are settled as far as that is possible now.

        Args:
            name: The run as it was read, its id, or a part of that.
            tell: Called with each message for the user.
            time_limit: The seconds to wait at most; None for any time.

        Returns:
            The exit code of the command, 1 if it is not known, and the run; None if the run goes on.

        Raises:
            NotFoundError: There is no such run, or its end cannot be seen from here.
            UsageError: Several runs match.
        """
        from orglab.runs.launch import LaunchedRun
        from orglab.runs.log_runs import LogRuns
        from orglab.runs.record_reader import read_run
        from orglab.runs.run_wait import is_at_work, read_exit_code, read_messages, wait_for_end

        run = wait_for_end(self.find_run(name) if isinstance(name, str) else name, time_limit)
        if is_at_work(run):
            return None
        for message in read_messages(run):
            tell(message)
        self.write_pending(tell)
        run = LogRuns(self).with_current_ref(read_run(run.folder) or run)
        return LaunchedRun(read_exit_code(run), run)

    def standings(self, run: "Run") -> "list[Standing]":
        """Return where a run stands beside the best so far and the baseline; see `runs.standing.find_standings`."""
        from orglab.runs.standing import find_standings

        return find_standings(self, run, self._log_runs())

    def repeated_run(self, run: "Run") -> "Run | None":
        """Return the earlier run with the same code, parameters and seed that a run repeats; None without one."""
        name = run.fields.get("repeats")
        with suppress(NotFoundError, UsageError):
            return self.find_run(name) if isinstance(name, str) else None
        return None

    def runs(self, reference: str | None = None) -> "list[Run]":
        """Return the runs of an experiment or a step, or all runs, oldest first.

        Raises:
            NotFoundError: There is no such experiment or step, and no run of it.
            UsageError: It is not a reference.
        """
        runs = self._log_runs()
        if reference is None:
            return runs.all
        selected = runs.find(reference)
        if not selected:
            # Raises if the reference is unknown.
            (self.experiment if parse_reference(reference).step is None else self.step)(reference)
        return selected

    def run_table(
        self, reference: str | None = None, request: "TableRequest | None" = None, *, newest: int | None = None
    ) -> "RunTable":
        """Return a table of the runs of an experiment or a step, or of all runs; see `runs.run_table`.

        Args:
            reference: The experiment or step; None for all runs.
            request: What to show.
            newest: Take only so many runs, the newest; by setting, all runs of the steps of these. None for all.

        Raises:
            NotFoundError: There is no such experiment or step, and no run of it; or a revision is unknown.
            UsageError: It is not a reference, or a column of the request is unknown.
        """
        from orglab.runs.run_table import TableRequest, make_table
        from orglab.runs.step_results import read_claim

        runs, request = self.runs(reference), request or TableRequest()
        if newest is not None and len(runs) > newest:
            recent = runs[-newest:]
            refs = {run.ref for run in recent}
            runs = [run for run in runs if run.ref in refs] if request.by_setting else recent
        # Runs may belong to an experiment that is no longer in the log.
        with suppress(NotFoundError):
            if reference is not None and (claim := read_claim(self.experiment(reference))) is not None:
                request = request._replace(first=(*request.first, claim.metric))
        return make_table(runs, request, self.config.metrics, self._code_reader())

    def _code_reader(self) -> "CodeReader":
        from orglab.git.trees import full_hash
        from orglab.runs.run_table import CodeReader

        def resolve(revision: str) -> str:
            if self.repository is None:
                raise NotFoundError("There is no git repository, so code cannot be compared.")
            return full_hash(self.repository, revision)

        return CodeReader(self._log_runs().identify_code, resolve)

    def find_run(self, name: str) -> "Run":
        """Return everything that was recorded about a run.

        Args:
            name: Its id, a part of the id that no other run has, or the id that a tracker gave it.

        Raises:
            NotFoundError: There is no such run.
            UsageError: Several runs match.
        """
        from orglab.runs.record_reader import find_run

        return find_run(self._log_runs().all, name)

    def _log_runs(self) -> "LogRuns":
        from orglab.runs.log_runs import LogRuns

        return LogRuns(self)

    def uncommitted_code(self, run: "Run") -> "list[FileChange]":
        """Return the files in which the code of a run differs from the commit that it began on, as in `compare_runs`.

        Only its snapshot holds these changes; there are none without one, or if it is missing in this clone.
        """
        from orglab.runs.comparison import find_uncommitted_code

        return find_uncommitted_code(self, run)

    def assign_run(self, name: str, reference: str, tell: Tell) -> "Run":
        """Assign a run without an experiment to an experiment or step; see `runs.assignment.assign_run`."""
        from orglab.runs.assignment import assign_run

        return assign_run(self, name, reference, tell)

    def discard_run(self, name: str, why: str = "", *, undo: bool = False, tell: "Tell | None" = None) -> "Run":
        """Mark a run as one that does not count, or that counts again, also in its note, and return it.

        Args:
            name: The id of the run, or a part of it that no other run has.
            why: The reason.
            undo: Whether the run counts again.
            tell: Called with each message for the user.

        Raises:
            NotFoundError: There is no such run.
            UsageError: Several runs have this name.
            NotWritableError: The record of the run cannot be written.
        """
        from orglab.runs.assignment import discard_run

        return discard_run(self, name, why, tell or (lambda _: None), undo=undo)

    def discard_with_code(self, name: str, why: str, tell: Tell) -> "Run":
        """Mark a run as discarded, and take its code back; see `runs.taking_back.discard_with_code`."""
        from orglab.runs.taking_back import discard_with_code

        remove_leftovers(self, tell)
        return discard_with_code(self, name, why, tell)

    def keep_run(self, name: str, why: str | None = None, *, tell: Tell) -> "Run":
        """Commit the code and the results of a run to the branch that is checked out, and return the run.

        Args:
            name: The id of the run, or a part of it that no other run has.
            why: Why; written to the commit and the log.
            tell: Called with each message for the user.

        Raises:
            NotFoundError: There is no such run, it was made without git, or its code is not in this repository.
            UsageError: Several runs have this name, or the run is discarded, or was made in another clone.
            GitError: A file has other changes, or was changed on the branch in another way; no branch is checked out,
                git is in the middle of something, or git or a hook refuses.
            NotWritableError: The record cannot be written, or the run is still going on.
        """
        from orglab.runs.keeping import keep_run

        remove_leftovers(self, tell)
        return keep_run(self, name, why, tell)

    def find_prunable(self, older: str | None = None, larger: str | None = None) -> "list[PrunableRun]":
        """Return the runs whose outputs and other files can be removed; see `runs.pruning.find_prunable`."""
        from orglab.runs.pruning import find_prunable

        return find_prunable(self, older, larger)

    def prune_runs(self, prunable: "Sequence[PrunableRun]") -> int:
        """Remove the files of runs other than their records, and return how many bytes that has freed."""
        from orglab.runs.pruning import prune_runs

        return prune_runs(prunable)

    def compare_runs(self, name: str, other: str | None = None) -> "Difference":
        """Return what differs between a run and another run, a revision or the working tree.

        Args:
            name: The id of the run, or a part of it that no other run has.
            other: The id of the other run, or a revision; the working tree if None.

        Raises:
            NotFoundError: There is no such run or revision.
            UsageError: Several runs have this name.
        """
        from orglab.runs.comparison import compare_runs

        return compare_runs(self, self._log_runs().all, name, other)

    def compare_side_by_side(self, runs: Sequence[str], settings: Sequence[str]) -> "SideBySide":
        """Return what differs between several runs and settings; see `runs.side_by_side.compare_side_by_side`."""
        from orglab.runs.side_by_side import compare_side_by_side

        return compare_side_by_side(self._log_runs(), runs, settings, tuple(self.config.metrics))

    def read_patch(self, difference: "Difference") -> str:
        """Return the difference in code as a patch; empty if there is none, or a commit is missing in this clone."""
        from orglab.runs.comparison import read_difference

        return read_difference(self, difference)

    def rerun(
        self,
        name: str,
        tell: Tell,
        *,
        links: Sequence[str] = (),
        keep: bool = False,
        show_output: bool = True,
        ask: "Ask | None" = None,
    ) -> "LaunchedRun":
        """Run the command of a run again on the code it ran on; see `runs.rerun.rerun`."""
        from orglab.runs.rerun import rerun

        remove_leftovers(self, tell)
        return rerun(self, name, tell, links=links, keep=keep, show_output=show_output, ask=ask)

    def sync(self, remote: str | None, tell: Tell, *, snapshots: bool = False) -> "SyncResult":
        """Exchange run records with a remote, and write the received runs to the log; see `runs.sync.sync`.

        Args:
            remote: The remote; if None, `origin` or the only one.
            tell: Called with sentences for the user.
            snapshots: Whether to push the snapshots of this clone's runs too.
        """
        from orglab.git.remote import find_default_remote
        from orglab.runs.sync import sync

        remove_leftovers(self, tell)
        if remote is None:
            remote = find_default_remote(self.repository) if self.repository is not None else "origin"
        return sync(self, remote, tell, snapshots=snapshots)

    def write_here(self, tell: Tell) -> "list[Run]":
        """Write the runs that wait, wherever HEAD is, and return those whose notes are new to the log.

        Args:
            tell: Called with sentences for the user.
        """
        from orglab.runs.log_writer import write_runs
        from orglab.runs.pending import find_pending

        pending = find_pending(self.top, self.path, self._owns)
        self._write_sweeps(pending, tell, is_asked=True)
        return write_runs(self, pending, tell, is_asked=True)

    def commit_results(self, name: str | None, tell: Tell) -> "list[Run]":
        """Commit results that are on no branch yet to the one that is checked out; return the runs, and sweeps.

        Args:
            name: The id of the run, which may have failed; None for all runs whose results wait.
            tell: Called with sentences for the user.

        Raises:
            NotFoundError: There is no such run, or it has no results that could be committed.
            UsageError: Several runs match.
        """
        from orglab.runs.log_writer import commit_waiting_results
        from orglab.runs.pending import find_pending

        pending = find_pending(self.top, self.path, self._owns)
        if name is not None:
            return commit_waiting_results(self, self.find_run(name), pending, tell)
        sweeps = self._write_sweeps(pending, tell, is_asked=True)
        return [*sweeps, *commit_waiting_results(self, None, pending, tell)]

    def write_pending(self, tell: Tell) -> None:
        """Write pending entries to the log: steps that commits completed, and runs; inside of a job, they stay pending.

        Args:
            tell: Called with sentences for the user.
        """
        from orglab.runs.pending import find_pending
        from orglab.runs.storage import find_old_storage

        if old := find_old_storage(self.top):
            from orglab.runs.migration import move_old_records

            move_old_records(self, old, tell)
        if pending := find_pending(self.top, self.path, self._owns):
            from orglab.runs.cluster.batch import find_batch_job
            from orglab.runs.log_writer import write_pending

            if find_batch_job() is not None:
                return

            write_pending(self, pending, lambda ref, commit: self.complete_step(ref, [commit]).commits, tell)
            self._write_sweeps(pending, tell)

    def _write_sweeps(self, pending: "Sequence[PendingEntry]", tell: Tell, *, is_asked: bool = False) -> "list[Run]":
        """Tell the log about the sweeps among some pending entries; return those whose results were committed."""
        if not any(entry.is_sweep for entry in pending):
            return []
        from orglab.runs.sweeps.settlement import write_sweeps

        return write_sweeps(self, pending, tell, is_asked=is_asked)

    def _owns(self, name: str) -> bool:
        """Return whether a name in a pending entry is, or was, that of this log."""
        if name == self.name:
            return True
        from orglab.runs.log_runs import LogRuns

        return LogRuns(self).owns(name)

    def add_pending_completion(self, reference: "Reference", commit: str) -> None:
        """Record that a commit completes a step, so that `write_pending` ticks it.

        Args:
            reference: The step.
            commit: The full hash.

        Raises:
            NotWritableError: It cannot be recorded.
        """
        from orglab.runs.pending import add_pending_step

        add_pending_step(self, reference.spell(self.config.letter), commit)
