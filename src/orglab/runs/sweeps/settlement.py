"""Tell the log about a sweep: one note, which is rewritten while it goes on, and at its end a commit of the results."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

from orglab import clock
from orglab.errors import NotFoundError, OrglabError
from orglab.experiment.edits import contains_line, replace_run_note
from orglab.experiment.model import Experiment
from orglab.git.private_files import open_regular, read_regular, write_new
from orglab.log.log import LogFile
from orglab.reference import Reference, parse_reference
from orglab.runs.assignment import append_event
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.description import format_mark
from orglab.runs.finalization import keep_log
from orglab.runs.log_runs import LogRuns
from orglab.runs.log_writer import RunNote, find_note_obstacle, head_of, settle_run, write_note
from orglab.runs.pending import PendingEntry, add_pending_run, postpone
from orglab.runs.preparation import format_moment
from orglab.runs.record import Run
from orglab.runs.results_commit import is_kept_aside
from orglab.runs.sweeps.note import SweepState, describe_end_of_sweep, format_note
from orglab.runs.sweeps.recovery import find_orphans
from orglab.runs.sweeps.sweep import Sweep, read_sweep
from orglab.runs.sweeps.tasks import CLAIMED, ENDED, QUEUED, Tasks
from orglab.text import Tell

_NOTES = "notes.json"
_LOCK = "settling.lock"
_LARGEST = 1 << 20
_SECONDS = 60.0  # between two versions of the note while a sweep goes on
_SECONDS_EACH = 0.1  # more, for each version that ended: all their records are read for it


def read_state(log: LogFile, sweep: Sweep, waiting: Collection[str] = ()) -> SweepState:
    """Return how far a sweep is, with the references that its experiment has now.

    Args:
        log: The log.
        sweep: The sweep.
        waiting: The tasks that a scheduler has, as far as that is known.
    """
    # Before the tasks: a worker that is gone by then has ended its own.
    workers = {worker.name for worker in sweep.list_workers()}
    tasks, runs = sweep.tasks.read_all(), LogRuns(log)
    current = {name: runs.with_current_ref(run) for name, run in sweep.read_runs(log.top, tasks).items()}
    return SweepState(Sweep(runs.with_current_ref(sweep.record)), tasks, current, workers, waiting)


def is_over(sweep: Sweep) -> bool:
    """Return whether no version is left to run, or the sweep was stopped and nothing of it runs any more."""
    names = sweep.tasks.list_names()
    if not names[QUEUED] and not names[CLAIMED]:
        return True
    return sweep.tasks.is_stopped and not sweep.list_workers() and not find_orphans(sweep)


def update_note(log: LogFile, folder: Path, tell: Tell, *, at_once: bool = False) -> None:
    """Rewrite the note of a sweep that goes on, at most once a minute or `at_once`; what fails now is done later.

    That of a large sweep is rewritten less often, so that it takes its workers little time.

    Args:
        log: The log.
        folder: The folder of the sweep.
        tell: Called with each message for the user.
        at_once: Whether to rewrite it in any case.
    """
    with contextlib.suppress(OSError), lock_sweep(folder, wait=False) as is_held:
        if not is_held or not (at_once or _is_due(folder)):
            return
        try:
            sweep = read_sweep(folder)
            if find_batch_job() is None and find_note_obstacle(log, sweep.record) is None:
                _write_note(log, read_state(log, sweep), tell)
        except OrglabError as error:
            tell(f"The note of the sweep was not written: {error}")


def _is_due(folder: Path) -> bool:
    """Return whether it is time to rewrite the note of a sweep that goes on."""
    age = time.time() - _read_time(folder / _NOTES)
    return age >= _SECONDS and age >= _SECONDS + _SECONDS_EACH * len(Tasks(folder).list_names()[ENDED])


def settle_if_over(log: LogFile, folder: Path, tell: Tell) -> None:
    """Commit the results of a sweep that has ended and write its note, unless a worker still goes on.

    What cannot be done now is left to the next command.

    Args:
        log: The log.
        folder: The folder of the sweep.
        tell: Called with each message for the user.
    """
    try:
        sweep = read_sweep(folder)
        if not sweep.list_workers() and find_batch_job() is None:
            settle(log, _find_entry(log, sweep), tell)
    except (OrglabError, OSError) as error:
        tell(f"The sweep is not settled yet; the next orglab command tries again: {error}")


def wait_until_settled(log: LogFile, folder: Path, tell: Tell) -> None:
    """Return when the results of a sweep that has ended are committed and its note is written, as far as possible now.

    Args:
        log: The log.
        folder: The folder of the sweep.
        tell: Called with each message for the user.
    """
    try:
        # The last worker, which does that, holds the lock until then.
        with lock_sweep(folder):
            has_ended = read_sweep(folder).has_ended
    except (OrglabError, OSError):
        return
    if not has_ended:
        settle_if_over(log, folder, tell)


def _find_entry(log: LogFile, sweep: Sweep) -> PendingEntry:
    """Return the pending entry of a sweep, which is made again if it is gone."""
    return add_pending_run(sweep.folder.parent.parent, sweep.id, log.name, log.path, is_sweep=True)


def write_sweeps(log: LogFile, pending: Sequence[PendingEntry], tell: Tell, *, is_asked: bool = False) -> list[Run]:
    """Tell the log about the sweeps among some pending entries, as far as that is due.

    Returns the records of those whose results were committed.

    Args:
        log: The log.
        pending: The entries; others are skipped.
        tell: Called with each message for the user.
        is_asked: Whether the user asks for it, so that it is done wherever HEAD is.
    """
    committed: list[Run] = []
    for entry in pending:
        if not entry.is_sweep or entry.run is None:
            continue
        try:
            sweep = read_sweep(entry.run)
            if sweep.where is None and sweep.list_workers():
                continue  # they do it themselves
            if is_over(sweep):
                committed += filter(None, [settle(log, entry, tell, is_asked=is_asked)])
            else:
                _update_if_changed(log, sweep, tell)
        except NotFoundError:
            postpone(entry, log.path)
        except (OrglabError, OSError) as error:
            tell(f"The sweep {entry.name} is not in the log yet; the next orglab command tries again. {error}")
    return committed


def _update_if_changed(log: LogFile, sweep: Sweep, tell: Tell) -> None:
    """Rewrite the note of a sweep that goes on elsewhere, or was interrupted, if tasks have ended, or that failed."""
    if not _is_due(sweep.folder):
        return
    has_changed = _read_time(sweep.folder / ENDED) > _read_time(sweep.folder / _NOTES)
    if has_changed or _KnownNotes.read(sweep.folder).begun is not None:
        update_note(log, sweep.folder, tell)


def settle(log: LogFile, entry: PendingEntry, tell: Tell, *, is_asked: bool = False) -> Run | None:
    """Record the end of a sweep, commit its results, and write its note; what cannot be done here stays pending.

    Returns its record, if its results were committed now.

    Args:
        log: The log.
        entry: Its pending entry.
        tell: Called with each message for the user.
        is_asked: Whether the user asks for it, so that it is done wherever HEAD is.

    Raises:
        OrglabError: The log or the record cannot be written.
        OSError: The files of the sweep cannot be written.
    """
    if entry.run is None:
        return None
    with lock_sweep(entry.run, wait=True) as is_held:
        sweep = read_sweep(entry.run)
        if not is_held or not is_over(sweep):
            return None
        record = sweep.record

        @cache
        def read() -> SweepState:
            return read_state(log, sweep)

        def write(log: LogFile, run: Run, tell: Tell) -> bool:
            state = read()
            # With the commit of its results.
            state.sweep = Sweep(LogRuns(log).with_current_ref(run))
            return _write_note(log, state, tell)

        if not sweep.has_ended:
            record, entry = _record_end(read()), entry._replace(is_noted=False)
        run, is_written = settle_run(log, record, entry, tell, is_asked=is_asked, write=write)
        if run.commit is not None:
            # Also if they were committed before, and the note could not be written then.
            _mark_committed(read(), run)
        if is_written:
            keep_log(log, run, tell)
        return run if run.commit is not None and record.commit is None else None


def _record_end(state: SweepState) -> Run:
    """Record how a sweep ended, with what its versions wrote that ended well, and return its record as it is then."""
    own = [run for task in state.done if (run := state.runs.get(task.name)) is not None and task.status == "done"]
    good = [run for run in own if not is_kept_aside(run) and run.commit is None]
    outputs = {output.path: output._asdict() for run in good for output in run.outputs}
    last = max((run.ended for run in state.runs.values() if run.ended is not None), default=clock.now())
    fields: dict[str, object] = {
        "ended": format_moment(last), "seconds": round(state.seconds, 3), "exit_code": 0,
        "swept": describe_end_of_sweep(state), "outputs": [*outputs.values()], "commit": None,
        "removed": sorted({path for run in good for path in run.removed}),
        "links": sorted({path for run in good for path in run.links}),
    }  # fmt: skip
    return append_event(state.sweep.record, "ended", fields)


def _mark_committed(state: SweepState, sweep: Run) -> None:
    """Record for each run of a sweep the commit that has its results."""
    fields: dict[str, object] = {"commit": sweep.commit, "hash": sweep.fields.get("hash")}
    committed = {output.path for output in sweep.outputs}
    for run in state.runs.values():
        if run.commit is None and run.outputs and committed.issuperset(output.path for output in run.outputs):
            with contextlib.suppress(OrglabError):
                append_event(run, "committed", {**fields, "kept": None})


# The note


class _KnownNotes(NamedTuple):
    """What the log may have as the note of a sweep: each a head and a text.

    Attributes:
        folder: The folder of the sweep.
        written: What was last written; None if nothing was, as far as is known.
        begun: What was about to be written, and may have been before this process was killed.
    """

    folder: Path
    written: tuple[str, str] | None = None
    begun: tuple[str, str] | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return what the folder of a sweep says."""
        try:
            fields = json.loads(read_regular(folder / _NOTES, _LARGEST))
        except (OSError, ValueError, RecursionError):
            fields = {}
        fields = fields if isinstance(fields, dict) else {}
        return cls(folder, _read_note(fields.get("written")), _read_note(fields.get("begun")))

    def write(self) -> None:
        """Write this to the folder of the sweep, whose note is not due again for a while then.

        Raises:
            OSError: It cannot be written.
        """
        write_new(self.folder / _NOTES, json.dumps({"written": self.written, "begun": self.begun}).encode())


def _read_note(raw: object) -> tuple[str, str] | None:
    match raw:
        case [str(head), str(text)]:
            return head, text
    return None


def _write_note(log: LogFile, state: SweepState, tell: Tell) -> bool:
    """Write the note of a sweep, in place of the earlier one; return whether the log changed.

    A note that the user has changed is left alone, and one that the user has removed stays away.

    Raises:
        NotFoundError: The log has no such step.
        NotWritableError: The log cannot be written now.
        OSError: The files of the sweep cannot be written.
    """
    sweep, record = state.sweep, state.sweep.record
    reference = parse_reference(record.ref or "")
    experiment = log.experiment((record.ref or "").partition(".")[0])
    text = format_note(state, experiment, LogRuns(log).identify_code, log.config.metrics)
    new, known = (head_of(record), text), _KnownNotes.read(sweep.folder)
    if _find_note(experiment, reference, new):
        known._replace(written=new, begun=None).write()
        return False
    if known.begun is not None and _find_note(experiment, reference, known.begun):
        known = known._replace(written=known.begun)
    # Before the log is written, so that a note that was written is known even if this process is killed.
    known = known._replace(begun=new)
    known.write()
    done = sweep.fields.get("done") is True and state.is_complete and not (state.failed or state.diverged)
    earlier = (known.written,) if known.written is not None else ()
    note = RunNote(text, format_mark(record), earlier, done=done, is_known=known.written is not None)
    is_new = write_note(log, record, note, tell)
    known._replace(written=new if is_new else known.written, begun=None).write()
    if not is_new:
        tell(f"The note of the sweep {sweep.id} was changed or removed by hand, and stays as it is; "
             "`orglab sweep resume` writes one again that was removed.")  # fmt: skip
    return is_new


def forget_removed_note(log: LogFile, sweep: Sweep) -> None:
    """Let the note of a sweep be written again if the log does not have it.

    Raises:
        OSError: The files of the sweep cannot be written.
    """
    if not contains_line(log.document(), format_mark(sweep.record)):
        (sweep.folder / _NOTES).unlink(missing_ok=True)


def _find_note(experiment: Experiment, reference: Reference, note: tuple[str, str]) -> bool:
    """Return whether the log has a note exactly in these words."""
    return bool(replace_run_note(experiment, reference, note, note, commit=None, done=False))


def _read_time(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


@contextlib.contextmanager
def lock_sweep(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Lock a sweep, so that only one process tells the log about it or queues tasks; yield whether that was possible.

    Args:
        folder: The folder of the sweep.
        wait: Whether to wait until no other process holds the lock.

    Raises:
        OSError: The file of the lock cannot be made.
    """
    fd = open_regular(folder / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(fd)
