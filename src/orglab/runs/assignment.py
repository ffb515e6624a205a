"""What a user decides about a recorded run: which experiment it belongs to, and whether it counts; its record."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from orglab.errors import GitError, NotFoundError, NotWritableError, OrglabError, UsageError
from orglab.experiment.edits import contains_line
from orglab.git import Repository, find_repository
from orglab.log.log import LogFile
from orglab.reference import parse_reference
from orglab.runs.description import format_mark
from orglab.runs.finalization import keep_log
from orglab.runs.log_runs import LogRuns
from orglab.runs.log_writer import write_run
from orglab.runs.pending import PendingEntry, add_pending_run, needs_note, remove_pending_run
from orglab.runs.record import Run
from orglab.runs.record_reader import find_run, read_run
from orglab.runs.record_writer import RecordWriter, resume_record
from orglab.runs.results_commit import find_results_repository
from orglab.runs.seal import is_own
from orglab.text import Tell


def assign_run(log: LogFile, name: str, reference: str, tell: Tell) -> Run:
    """Assign a run without an experiment to an experiment or step, add its note to the log, and return it.

    Args:
        log: The log.
        name: The run's id, or a part of it.
        reference: The experiment or step.
        tell: Receives sentences for the user.

    Raises:
        NotFoundError: There is no such run, experiment or step.
        UsageError: Several runs have this name, or the run belongs to an experiment already.
        NotWritableError: The run's record cannot be written.
    """
    run = find_run(LogRuns(log).all, name)
    parsed = parse_reference(reference)
    ref = log.experiment(reference).ref if parsed.step is None else log.step(reference).ref
    if contains_line(log.document(), format_mark(run)):
        if run.ref == ref:
            return run
        raise UsageError(
            f"The log has a note on the run {run.id} under {run.ref}. To assign it elsewhere, delete that note first."
        )
    assigned = append_event(run, "assigned", {"ref": ref})
    # If the log cannot be written now, the next command tries again.
    place = run.folder.parent.parent
    try:
        add_pending_run(place, run.id, log.name, log.path)
    except OSError as error:
        raise NotWritableError(f"The run {run.id} cannot be assigned: {error.strerror}.") from error
    try:
        write_run(log, assigned, tell)
        remove_pending_run(log.top, run.id)
    except (NotWritableError, GitError) as error:
        tell(f"The note on the run {run.id} will be written by the next orglab command. {error}")
    return assigned


def discard_run(log: LogFile, name: str, why: str, tell: Tell, *, undo: bool = False) -> Run:
    """Mark a run as one that does not count, or that counts again, and return it.

    Args:
        log: The log.
        name: The run's id, or a part of it.
        why: The reason; may be empty.
        tell: Called with each message for the user.
        undo: Whether the run counts again.

    Raises:
        NotFoundError: There is no such run.
        UsageError: Several runs have this name.
        NotWritableError: The run's record cannot be written.
    """
    run = find_run(LogRuns(log).all, name)
    append_event(run, "discarded", {"discarded": not undo, "discard_reason": why})
    changed = reread(run)
    update_note(log, changed, tell)
    return changed


def update_note(log: LogFile, run: Run, tell: Tell) -> None:
    """Have the note of a run say whether it is kept or discarded; none is added, and an edited one stays as it is.

    The log is committed as after a run.  If it cannot be written now, the next command does, and the user knows.
    """
    if run.ref is None or needs_note(log.top, run.id):
        return  # the next command writes it as the run is then
    try:
        if write_run(log, run, tell, is_known=True):
            keep_log(log, run, tell)
    except OrglabError as error:
        with contextlib.suppress(OSError):
            add_pending_run(run.folder.parent.parent, run.id, log.name, log.path, is_known=True)
        tell(f"The note of the run {run.id} will be brought up to date by the next orglab command. {error}")


def append_event(run: Run, event: str, fields: dict[str, object]) -> Run:
    """Add an event to the record of a run, and return the run as it is then.

    Raises:
        UsageError: The record is a copy from another clone, which the next sync would replace.
        NotWritableError: It cannot be written, or the run is still going on.
    """
    with open_record(run) as record:
        record.append(event, fields, durable=True)
    return _read_again(run)


@contextlib.contextmanager
def open_record(run: Run) -> Iterator[RecordWriter]:
    """Yield the record of a run that has ended, open for writing.

    Raises:
        UsageError: The record is a copy from another clone, which the next sync would replace.
        NotWritableError: It cannot be written, or the run is still going on.
    """
    if run.is_foreign:
        raise UsageError(f"The run {run.id} was recorded in another clone; change it there, and run `orglab sync`.")
    if run.status == "unobserved":
        raise NotWritableError(f"The command of the run {run.id} is still running.")
    try:
        record = resume_record(PendingEntry(run.folder, run=run.folder))
        if record is None:
            raise NotWritableError(f"The run {run.id} is still running, or its record cannot be written.")
        try:
            record.end_line()
            yield record
        finally:
            record.close()
    except OSError as error:
        raise NotWritableError(f"The record of the run {run.id} cannot be written: {error.strerror}.") from error


def find_home(log: LogFile, run: Run) -> Repository:
    """Return the repository that a run was made in, in the working tree where the user is, if that is one of it.

    Raises:
        NotFoundError: There is no git, or the repository is not there any more.
    """
    found, here = find_results_repository(log, run, is_own=is_own(run)), find_repository(Path.cwd())
    if found is None:
        raise NotFoundError(f"The run {run.id} was made without git, or its repository is gone.")
    is_same = here is not None and here.common_dir.resolve() == found.common_dir.resolve()
    return here if here is not None and is_same else found


def reread(run: Run) -> Run:
    """Return a run as it is recorded now, under the reference that its experiment has now.

    Raises:
        NotFoundError: Its record has been removed.
    """
    changed = _read_again(run)
    return Run(changed.folder, {**changed.fields, "ref": run.ref})


def _read_again(run: Run) -> Run:
    changed = read_run(run.folder)
    if changed is None:
        raise NotFoundError(f"The record of the run {run.id} has been removed.")
    return changed
