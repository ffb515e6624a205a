"""Tell the log about a sweep: one note, which is rewritten while it goes on, and at its end a commit of the results."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from orglab import clock
from orglab.errors import NotFoundError, OrglabError
from orglab.experiment.edits import replace_run_note
from orglab.experiment.model import Experiment
from orglab.git.private_files import open_regular, read_regular, write_new
from orglab.log.log import LogFile
from orglab.reference import Reference, parse_reference
from orglab.runs.assignment import append_event
from orglab.runs.cluster.batch import find_batch_job
from orglab.runs.description import format_mark
from orglab.runs.finalization import keep_log
from orglab.runs.log_runs import LogRuns
from orglab.runs.log_writer import RunNote, head_of, settle_run, write_note
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
_MOST_NOTES = 3  # texts that the note may have: what was written, and what could not be
_SECONDS = 60.0  # between two versions of the note while a sweep goes on
_SECONDS_EACH = 0.1  # more, for each version that ended: all their records are read for it


def read_state(log: LogFile, sweep: Sweep) -> SweepState:
    """Return how far a sweep is."""
    tasks = sweep.tasks.read_all()
    return SweepState(sweep, tasks, sweep.read_runs(log.top, tasks))


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
            if find_batch_job() is None:
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
    """Rewrite the note of a sweep that goes on elsewhere, or was interrupted, if tasks have ended since."""
    if not _is_due(sweep.folder):
        return
    ended = _read_time(sweep.folder / ENDED)
    if ended > _read_time(sweep.folder / _NOTES):
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
        if not sweep.has_ended:
            record, entry = _record_end(read_state(log, sweep)), entry._replace(is_noted=False)

        def write(log: LogFile, run: Run, tell: Tell) -> bool:
            return _write_note(log, read_state(log, Sweep(run)), tell)

        run, is_written = settle_run(log, record, entry, tell, is_asked=is_asked, write=write)
        is_new = run.commit is not None and record.commit is None
        if is_new:
            _mark_committed(read_state(log, sweep), run)
        if is_written:
            keep_log(log, run, tell)
        return run if is_new else None


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


def _write_note(log: LogFile, state: SweepState, tell: Tell) -> bool:
    """Write the note of a sweep, in place of the earlier one; return whether the log changed.

    A note in which the user has changed something is left alone.

    Raises:
        NotFoundError: The log has no such step.
        NotWritableError: The log cannot be written now.
    """
    sweep, record = state.sweep, state.sweep.record
    reference = parse_reference(record.ref or "")
    experiment = log.experiment((record.ref or "").partition(".")[0])
    text = format_note(state, experiment, LogRuns(log).identify_code, log.config.metrics)
    new, earlier = (head_of(record), text), _read_notes(sweep.folder)
    if _find_note(experiment, reference, new):
        os.utime(sweep.folder / _NOTES)
        return False
    # Before the log is written, so that a note that was written is known even if this process is killed.
    known = [*(note for note in earlier if note != new), new][-_MOST_NOTES:]
    write_new(sweep.folder / _NOTES, json.dumps(known).encode())
    done = sweep.fields.get("done") is True and state.is_complete and not (state.failed or state.diverged)
    is_new = write_note(log, record, RunNote(text, format_mark(record), known[::-1], done), tell)
    if not is_new:
        tell(f"The note of the sweep {sweep.id} was changed by hand, so it is left as it is.")
    return is_new


def _find_note(experiment: Experiment, reference: Reference, note: tuple[str, str]) -> bool:
    """Return whether the log has a note exactly in these words."""
    return bool(replace_run_note(experiment, reference, note, note, commit=None, done=False))


def _read_notes(folder: Path) -> list[tuple[str, str]]:
    """Return the heads and texts that the note of a sweep may have now, the newest last."""
    try:
        notes = json.loads(read_regular(folder / _NOTES, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return []
    found = []
    for note in notes if isinstance(notes, list) else ():
        match note:
            case [str(head), str(text)]:
                found.append((head, text))
    return found


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
