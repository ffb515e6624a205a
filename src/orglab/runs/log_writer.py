"""Write runs and completed steps to the log, each once: now, or by the next command.

The note of a run ends in the line `run ID`, and depends on the record alone.  So a log that has this line has the run,
two clones write the same bytes for the same record, and duplicates made by a merge can be recognized.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from orglab import clock
from orglab.errors import NotFoundError, NotReadableError, NotWritableError, OrglabError, UsageError
from orglab.experiment.consequences import Added
from orglab.experiment.edits import add_run_note, contains_line, replace_run_note
from orglab.experiment.ids import list_references
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment
from orglab.experiment.note_text import format_note_head
from orglab.experiment.shared_ids import read_shared_ids
from orglab.git import Repository
from orglab.git.worktree import find_operation, is_writable
from orglab.lock import editor_holding
from orglab.log.log import LogFile
from orglab.org.edit import Edit
from orglab.reference import parse_reference, without_letter
from orglab.runs.cluster.batch import describe_loss, find_batch_job
from orglab.runs.description import format_mark, format_note, name_run
from orglab.runs.log_runs import may_be_of
from orglab.runs.pending import PendingEntry, Waiting, keep_waiting, lock_step, postpone, remove_pending
from orglab.runs.place import COMMITTING, Place, find_place, read_state
from orglab.runs.record import Run
from orglab.runs.record_reader import read_earlier_runs, read_run
from orglab.runs.record_writer import resume_record
from orglab.runs.results_commit import (
    ResultsRequest,
    describe_results,
    find_own_tree,
    find_results_repository,
    is_kept_aside,
    settle_results,
)
from orglab.runs.seal import is_own
from orglab.runs.secret_stream import remove_secret_pipe
from orglab.text import Tell, listed

_MOST_WRITTEN = 100  # runs of other clones that one command adds to the log

NOT_OWN = "this user did not make the run"
"""Why the results of a run are only committed if the user names the run."""
Append = Callable[[str, Mapping[str, object]], None]
"""Adds an event to a record."""
Complete = Callable[[str, str], Sequence[str]]
"""Completes a step with a commit, and returns the recorded hashes."""


class RunNote(NamedTuple):
    """The note of a run or a sweep.

    Attributes:
        text: Its text.
        mark: The line that tells whose it is, `format_mark(run)`.
        earlier: The heads and texts that the log may have instead, which the note replaces.
        done: Whether the step is ticked.
        is_known: Whether the log had the note before, so that it is not added again if the user has removed it.
    """

    text: str
    mark: str
    earlier: Sequence[tuple[str, str]] = ()
    done: bool = False
    is_known: bool = False


Refresh = Callable[[], tuple[Run, RunNote]]
"""Returns a run, and its note, as they are now."""


def write_run(log: LogFile, run: Run, tell: Tell, *, is_known: bool = False) -> bool:
    """Write a run to the log in one edit, ticking its step if requested; return whether the log changed.

    Args:
        log: The log.
        run: The run.
        tell: Called with each message for the user.
        is_known: Whether only a note that is there is brought up to date.

    Raises:
        NotFoundError: The log has no such step.
        NotWritableError: The log cannot be written now.
    """

    def refresh() -> tuple[Run, RunNote]:
        # Another command may have kept the run since its record was read, and found no note to bring up to date.
        now = read_run(run.folder) or run
        now = Run(run.folder, {**now.fields, "ref": run.ref})
        # A note that was written before a requeued job went on, or its code was kept, tells how it was then.
        earlier = [
            (format_note_head(one.noted_at, _read_short_hash(named), run.author), format_note(one))
            for one in read_earlier_runs(run.folder)
            for named in (one, now)
        ]
        return now, RunNote(format_note(now), format_mark(now), earlier, done, is_known)

    done = run.fields.get("done") is True and run.status == "done"
    return write_note(log, run, refresh()[1], tell, refresh)


def write_note(log: LogFile, run: Run, note: RunNote, tell: Tell, refresh: Refresh | None = None) -> bool:
    """Write the note of a run, or of the record of a sweep, in one edit; return whether the log changed.

    A note that is there in other words than the earlier ones stays as it is, and a known one that is gone stays away.

    Args:
        log: The log.
        run: The run.
        note: Its note.
        tell: Called with each message for the user.
        refresh: Returns both as they are while nobody else writes the log; None if they stay as they are.

    Raises:
        NotFoundError: The log has no such step.
        NotWritableError: The log cannot be written now.
    """
    try:
        return _write_note(log, run, note, refresh)
    except UsageError as error:
        if not note.done:
            raise
        tell(f"{run.ref} was not completed: {error}")
        return _write_note(log, run, note._replace(done=False), refresh)


def _write_note(log: LogFile, run: Run, note: RunNote, refresh: Refresh | None) -> bool:
    """Add a note, or replace an earlier one, ticking the step if `done`; return whether the log changed."""
    document, reference = log.document(), parse_reference(run.ref or "")
    shared = read_shared_ids(document, lambda: log.read_experiments(document))
    # Another experiment may have kept the id.
    reference = reference._replace(id=shared.find_id(without_letter(reference.id, log.config.letter), run.id))
    at, done = run.noted_at, note.done

    def make_edits(experiment: Experiment) -> tuple[list[Edit], bool]:
        latest, current = (run, note) if refresh is None else refresh()
        commit = _read_short_hash(latest)
        new = head_of(latest), current.text
        if not may_be_of(run, experiment):
            raise NotFoundError(f"{experiment.ref} is another experiment than that of the run {run.id}.")
        if contains_line(experiment.document, note.mark):
            for old in current.earlier:
                if edits := replace_run_note(experiment, reference, old, new, commit=commit, done=done):
                    return edits, True
            return [], False
        if note.is_known:
            return [], False
        return add_run_note(experiment, reference, *new, at, commit=commit, done=done), True

    after, is_new = log.edit_experiment(reference, make_edits, at, Added(logged=2, headings=1))
    if is_new and done and reference.step is not None:
        instead = None if after.is_done else after.ref
        log.active.clear(*list_references(after, find_step(after, reference)), instead=instead)
    return is_new


def head_of(run: Run) -> str:
    """Return what the note of a run begins with now: its time, the commit with its results or its code, its author."""
    return format_note_head(run.noted_at, _read_short_hash(run), run.author)


def _read_short_hash(run: Run) -> str | None:
    """Return the short hash of the commit of the results of a run, or else of its code."""
    commit = run.fields.get("hash")
    return commit if isinstance(commit, str) and re.fullmatch("[0-9a-f]{7,64}", commit) else None


def write_pending(log: LogFile, pending: Sequence[PendingEntry], complete: Complete, tell: Tell) -> None:
    """Write pending entries to the log: steps that commits completed, and runs.

    Args:
        log: The log.
        pending: The entries, as returned by `find_pending`.
        complete: Completes a step.
        tell: Called with each message for the user.
    """
    is_held = editor_holding(os.path.realpath(log.path)) is not None
    for entry in pending:
        if entry.ref is None or entry.commit is None:
            continue
        if is_held:
            tell(f"{entry.ref} is not completed yet: an editor has unsaved changes of {log.path}. "
                 "Save them; the next orglab command completes the step.")  # fmt: skip
            break
        if not _write_step(log, entry, entry.ref, entry.commit, complete, tell):
            break
    if log.anyway or not is_held:
        for run in write_runs(log, pending, tell):
            tell(f"Added the run {run.id} ({run.ref}) to the log.")


def _write_step(log: LogFile, entry: PendingEntry, ref: str, commit: str, complete: Complete, tell: Tell) -> bool:
    """Complete a pending step unless it is done already; return False if the log cannot be written."""
    with lock_step(entry) as is_pending:
        if not is_pending:
            return True
        try:
            if log.step(ref).state != "done":
                hashes = complete(ref, commit)
                tell(f"{ref} done, with {', '.join(hashes)}; commit the log with `orglab commit`.")
        except (NotWritableError, NotReadableError) as error:
            tell(f"{ref} is not completed yet; the next orglab command tries again. {error}")
            return False
        except (NotFoundError, UsageError) as error:
            tell(f"{ref} was not completed: {error}")
        remove_pending(entry)
    return True


def write_runs(log: LogFile, pending: Iterable[PendingEntry], tell: Tell, *, is_asked: bool = False) -> list[Run]:
    """Write the pending runs that have ended, or were lost, to the log; return those that it did not have.

    A run that cannot be written now stays pending, and the user gets the reason.

    Args:
        log: The log.
        pending: The entries; steps and sweeps are skipped.
        tell: Called with each message for the user.
        is_asked: Whether the user asks for it, so that they are written wherever HEAD is.
    """
    written: list[Run] = []
    failed: list[str] = []
    # Ids have a resolution of one second, and a loop may make several runs in it.
    entries = sorted((one for one in pending if one.ref is None and not one.is_sweep), key=_read_beginning)
    for number, entry in enumerate(entries):
        try:
            run = _try_to_finish(entry, failed, tell)
            if run is None:
                continue
            if len(written) >= _MOST_WRITTEN and run.is_foreign and not is_asked:
                tell(f"{len(entries) - number} more runs are not in the log yet; the next orglab commands add them.")
                break
            write = partial(write_run, is_known=entry.is_known)
            run, is_written = settle_run(log, run, entry, tell, is_asked=is_asked, write=write)
            if is_written and not entry.is_known:
                written.append(run)
        except UsageError as error:
            tell(f"The run {entry.name} was not added to the log: {error}")
            postpone(entry, log.path)
        except NotFoundError:
            # Its step may be on another branch, so try again once the log has changed.
            postpone(entry, log.path)
        except (OrglabError, OSError) as error:
            reason = error if isinstance(error, OrglabError) else f"{error.strerror}."
            tell(f"The run {entry.name} is not in the log yet; the next orglab command tries again. {reason}")
            break
    if failed:
        tell(f"Not in the log yet, because the record of the run cannot be written: {listed(failed)}.")
    return written


def settle_run(
    log: LogFile, run: Run, entry: PendingEntry, tell: Tell, *, append: Append | None = None, is_asked: bool = False,
    write: Callable[[LogFile, Run, Tell], bool] = write_run,
) -> tuple[Run, bool]:  # fmt: skip
    """Commit the results of a run that has ended, and write its note; what cannot be done here stays pending.

    Args:
        log: The log.
        run: The run.
        entry: Its pending entry.
        tell: Called with each message for the user.
        append: Adds an event to the record of a run that has just ended; None to open the record of an earlier one.
        is_asked: Whether the user asks for it, so that it is done wherever HEAD is.
        write: Writes the note, and returns whether the log changed.

    Returns:
        The run as it is recorded then, and whether its note was written to the log.

    Raises:
        NotFoundError: The log has no such step.
        NotWritableError: The log cannot be written now.
    """
    is_first = append is not None
    is_mine = is_first or is_own(run)
    repository = find_results_repository(log, run, is_own=is_mine)
    place, is_known = _read_place(log, repository, run, entry, is_asked=is_asked)
    # The working tree of a rerun is removed.
    is_of_branch = not run.is_foreign and not run.fields.get("rerun_of")
    has_results = is_of_branch and bool(run.results if is_first else run.uncommitted)
    if has_results and not is_mine:
        place, is_known = place._replace(results=NOT_OWN), True
    obstacle = place.results if has_results else None
    if has_results and repository is not None and not is_known:
        # A working tree of its own has them, until they are kept beside the branch.
        found = (find_own_tree(run) if is_mine else None) or repository
        request = ResultsRequest(log, found, run, append or _append_to(entry), tell, is_first)
        run, obstacle = settle_results(request, obstacle)
    is_noted = entry.is_noted or run.ref is None
    waiting = Waiting(place.state, None if is_noted else place.note, obstacle)
    if waiting.note is not None or waiting.results is not None:
        waiting = waiting._replace(state=_find_state(repository, run, waiting))
        known = entry.waiting or Waiting("")
        if keep_waiting(entry, waiting, is_noted=is_noted) and waiting[1:] != known[1:]:
            tell(_describe_waiting(run, repository, waiting))
    if waiting.note is not None:
        return run, False
    is_written = not is_noted and write(log, run, tell)
    if obstacle is None:
        remove_pending(entry)
    else:
        keep_waiting(entry, waiting, is_noted=True)
    return run, is_written


def commit_waiting_results(log: LogFile, run: Run | None, pending: Sequence[PendingEntry], tell: Tell) -> list[Run]:
    """Commit results that are on no branch yet to the one that is checked out; return the runs.

    Args:
        log: The log.
        run: The run, which may have failed; None for all runs whose results wait.
        pending: The pending entries of the log.
        tell: Called with each message for the user.

    Raises:
        NotFoundError: The run has no results that could be committed.
        GitError: git fails, or is in the middle of an operation.
    """
    entries = {entry.name: entry for entry in pending if entry.run is not None and not entry.is_sweep}
    if run is not None:
        if not run.uncommitted or run.is_foreign:
            raise NotFoundError(f"The run {run.id} has no results of this clone that are not committed.")
        runs = [run]
    else:
        recorded = (read_run(entry.run) for entry in entries.values() if entry.run is not None)
        runs = [one for one in recorded if one is not None and one.uncommitted and is_own(one)]
        runs = [one for one in runs if not (one.is_going_on or is_kept_aside(one))]
    committed = []
    for one in runs:
        entry = entries.get(one.id, PendingEntry(one.folder, run=one.folder))
        repository = find_results_repository(log, one, is_own=is_own(one))
        if repository is None:
            continue
        operation = find_operation(repository)
        obstacle = f"git is in the middle of {operation}" if operation is not None else None
        request = ResultsRequest(log, repository, one, _append_to(entry), tell, is_asked=True)
        after, reason = settle_results(request, obstacle)
        if reason is not None:
            tell(f"The results of the run {one.id} were not committed: {reason}.")
            continue
        if after.commit is not None:
            committed.append(after)
        if entry.is_noted:
            remove_pending(entry)
    return committed


def _read_place(
    log: LogFile, repository: Repository | None, run: Run, entry: PendingEntry, *, is_asked: bool
) -> tuple[Place, bool]:
    """Return whether the note and the results of a run belong to HEAD, and whether that was known already."""
    if repository is None:
        return Place(), False
    if find_batch_job() is not None:
        return Place(results="inside of a scheduler's job nothing is committed"), True
    try:
        if entry.waiting is not None and not is_asked and entry.waiting.state == read_state(repository, run):
            return Place(*entry.waiting), True
        place = find_place(log, repository, run)
    except (OrglabError, OSError) as error:
        reason = str(error).rstrip(".")
        own = log.repository
        is_other = own is not None and own.git_dir != repository.git_dir and find_operation(own) is None
        is_safe = is_asked or log.is_apart or own is None or is_other
        return Place(note=None if is_safe else reason, results=reason), False
    if is_asked:
        place = Place(place.state, None, place.results if find_operation(repository) is not None else None)
    return place, False


def find_note_obstacle(log: LogFile, run: Run) -> str | None:
    """Return why the note of a run, or of the record of a sweep, cannot be written where HEAD is now; None if it can.

    Args:
        log: The log.
        run: The run.
    """
    repository = find_results_repository(log, run, is_own=is_own(run))
    return _read_place(log, repository, run, PendingEntry(run.folder), is_asked=False)[0].note


def _find_state(repository: Repository | None, run: Run, waiting: Waiting) -> str:
    """Return the state in which a run is not tried again: none if it does not tell the end of what is waited for."""
    if repository is None or waiting.results == COMMITTING or not is_writable(repository):
        return ""
    try:
        return waiting.state or read_state(repository, run)
    except OrglabError:
        return ""


def _append_to(entry: PendingEntry) -> Append:
    """Return a function that adds an event to the record of a run that is pending."""

    def append(event: str, fields: Mapping[str, object]) -> None:
        record = resume_record(entry)
        if record is not None:
            try:
                record.append(event, fields)
            finally:
                record.close()

    return append


def _describe_waiting(run: Run, repository: Repository | None, waiting: Waiting) -> str:
    """Return what of a run waits, for what, and how not to wait."""
    named = f" {run.id}" if waiting.results == NOT_OWN else ""
    reason, hint = waiting.results or waiting.note, f"`orglab commit --results{named}` commits them here"
    files = f": {describe_results(repository, run)}" if repository is not None and waiting.results is not None else ""
    what = f"The results of the {name_run(run)} are not committed yet"
    if waiting.note is not None:
        also = ", and its results are not committed" if waiting.results is not None else ""
        what, hint = f"The {name_run(run)} is not in the log yet{also}", "`orglab sync --here` writes it here and now"
    return f"{what}: {reason}{files}; {hint}."


def _read_beginning(entry: PendingEntry) -> tuple[float, str]:
    run = read_run(entry.run) if entry.run is not None else None
    return (run.began_at or 0.0) if run is not None else 0.0, entry.name


def _try_to_finish(entry: PendingEntry, failed: list[str], tell: Tell) -> Run | None:
    """Return what `_finish_run_record` does; a record that cannot be opened is added to the failed ones."""
    try:
        return _finish_run_record(entry, tell)
    except OSError as error:
        failed.append(f"{entry.name} ({error.strerror})")
        return None


def _finish_run_record(entry: PendingEntry, tell: Tell) -> Run | None:
    """Return the run of a pending entry, marked as lost if it is; None if it still runs or has no record.

    A run whose orglab was killed still runs as long as a process of its command is alive.
    """
    if entry.run is None:
        remove_pending(entry)
        return None
    record = resume_record(entry)
    if record is None:
        return None
    try:
        run = read_run(record.folder)
        if run is None or not run.argv:
            # The disk was full before the command started.
            remove_pending(entry)
            return None
        if run.is_foreign or run.has_end or run.fields.get("lost"):
            return None if run.is_going_on else run
        if run.is_command_alive():
            return None
        record.end_line()
        record.append("lost", {"lost": True, "found": clock.now().astimezone().isoformat()}, durable=True)
        remove_secret_pipe(record.folder)
        end = "lost" if run.asked_by is None else "stopped"
        tell(f"The run {entry.name} was {end}: its process ended without recording a result.")
        for line in describe_loss(run):
            tell(line)
        return read_run(record.folder)
    finally:
        record.close()
