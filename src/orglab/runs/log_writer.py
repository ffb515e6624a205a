"""Writes pending run notes and ticks into the log, each once: now, or with the next command.

The note of a run ends in the line `run ID`, and is a function of the record alone.  So it is written where that line
does not stand yet, two clones that tell the same record write the same bytes, and what a merge doubles can be seen.
"""

import datetime
import os
import re
from collections.abc import Callable, Iterable, Sequence

from orglab import clock
from orglab.errors import NotFoundError, NotReadableError, NotWritableError, OrglabError, UsageError
from orglab.experiment.consequences import Added
from orglab.experiment.edits import add_run_note, contains_line
from orglab.experiment.ids import list_references
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment
from orglab.lock import editor_holding
from orglab.log.log import LogFile
from orglab.org.edit import Edit
from orglab.org.timestamp import format_inactive
from orglab.reference import parse_reference
from orglab.runs.description import format_mark, format_note
from orglab.runs.pending import PendingEntry, lock_step, postpone, remove_pending
from orglab.runs.record import Run, read_run
from orglab.runs.record_writer import resume_record
from orglab.text import Tell

Complete = Callable[[str, str], Sequence[str]]
"""From a step and a commit to the hashes that were recorded."""


def write_run(log: LogFile, run: Run, tell: Tell) -> bool:
    """Tell a run in the log, in one edit, and tick its step if it was to; return whether that was news.

    Raises:
        NotFoundError: The log has no such step.
        NotWritableError: The log cannot be written now.
    """
    at = (run.ended or run.began or clock.now()).replace(microsecond=0)
    done = run.fields.get("done") is True and run.status == "done"
    commit = run.fields.get("hash")
    known = commit if isinstance(commit, str) and re.fullmatch("[0-9a-f]{7,64}", commit) else None
    try:
        news = _write_run_note(log, run, at, known, done=done)
    except UsageError as error:
        if not done:
            raise
        tell(f"{run.ref} is not ticked: {error}")
        news = _write_run_note(log, run, at, known, done=False)
    return news


def _write_run_note(log: LogFile, run: Run, at: datetime.datetime, commit: str | None, *, done: bool) -> bool:
    """Note a run in the log once, with its step ticked if it is done by it; return whether that was news."""
    reference = parse_reference(run.ref or "")
    head = format_inactive(at).decode() + (f" ({commit})" if commit else "")

    def make_edits(experiment: Experiment) -> tuple[list[Edit], bool]:
        if contains_line(experiment.document, format_mark(run)):
            return [], False
        return add_run_note(experiment, reference, head, format_note(run), commit=commit, done=done), True

    after, is_news = log.edit_experiment(reference, make_edits, at, Added(logged=1, headings=1))
    if is_news and done and reference.step is not None:
        log.active.clear(*list_references(after, find_step(after, reference)))
    return is_news


def write_pending(log: LogFile, pending: Sequence[PendingEntry], complete: Complete, tell: Tell) -> None:
    """Write into the log what could not be written when it happened: steps that commits said are done, and runs.

    Args:
        log: The log.
        pending: What waits for it, as `find_pending` returned it.
        complete: Ticks a step, with a commit, and returns the hashes that were recorded.
        tell: Hears sentences for the user.
    """
    is_held = editor_holding(os.path.realpath(log.path)) is not None
    for step in pending:
        if step.ref is None or step.commit is None:
            continue
        if is_held:
            when = "after it has saved"
            tell(f"An editor holds {log.path}, so {step.ref} is ticked by the next orglab command {when}.")
            break
        if not _write_step(log, step, step.ref, step.commit, complete, tell):
            break
    if log.anyway or not is_held:
        for run in write_runs(log, pending, tell):
            tell(f"The log tells of the run {run.id} ({run.ref}) now.")


def _write_step(log: LogFile, step: PendingEntry, ref: str, commit: str, complete: Complete, tell: Tell) -> bool:
    """Tick a step that a commit said is done, unless it was meanwhile; return whether the log can be written."""
    with lock_step(step) as is_pending:
        if not is_pending:
            return True
        try:
            if log.step(ref).state != "done":
                hashes = complete(ref, commit)
                tell(f"{ref} done, with {', '.join(hashes)}; commit the log with `orglab commit`.")
        except (NotWritableError, NotReadableError) as error:
            tell(f"{ref} is ticked by the next orglab command, for now it could not be: {error}")
            return False
        except (NotFoundError, UsageError) as error:
            tell(f"{ref} is not ticked: {error}")
        remove_pending(step)
    return True


def write_runs(log: LogFile, pending: Iterable[PendingEntry], tell: Tell) -> list[Run]:
    """Tell the log of those runs that have ended, or been lost, and that it does not tell of yet; return them.

    What cannot be told now still waits, and `tell` hears why.

    Args:
        log: The log.
        pending: What waits; steps are passed over.
        tell: Hears sentences for the user.
    """
    told = []
    for one in pending:
        if one.ref is not None:
            continue
        try:
            run = _finish_run_record(one, tell)
            if run is None:
                continue
            if write_run(log, run, tell):
                told.append(run)
            remove_pending(one)
        except UsageError as error:
            tell(f"The run {one.name} is not in the log: {error}")
            postpone(one, log.path)
        except NotFoundError:
            # Its step is on another branch, or not yet: looked for again when the log is another.
            postpone(one, log.path)
        except (OrglabError, OSError) as error:
            reason = error if isinstance(error, OrglabError) else f"{error.strerror}."
            tell(f"The run {one.name} is not in the log yet; the next command tries again. {reason}")
            break
    return told


def _finish_run_record(pending: PendingEntry, tell: Tell) -> Run | None:
    """Return a run that waits to be told, or None if it still goes on, or nothing of it was written down."""
    if pending.run is None:
        remove_pending(pending)
        return None
    record = resume_record(pending)
    if record is None:
        return None
    try:
        run = read_run(record.folder)
        if run is None or run.ref is None:
            # Its disk was full before it began.
            remove_pending(pending)
            return None
        if run.is_foreign or run.status not in ("running", "lost") or run.fields.get("lost"):
            return run if run.status != "running" else None
        record.end_line()
        record.append("lost", {"lost": True, "found": clock.now().astimezone().isoformat()}, durable=True)
        tell(f"The run {pending.name} was lost: it has no end, and its process is no more.")
        return read_run(record.folder)
    finally:
        record.close()
