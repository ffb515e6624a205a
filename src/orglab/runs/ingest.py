"""Runs are told in the log: each once, by whoever holds the lock, now or when the next command comes.

A note ends in the line `run ID`, and is a function of the record alone.  So it is written where that line does not
stand yet, two clones that fold the same record write the same bytes, and what a merge doubles can be seen.
"""

import datetime
import re
from collections.abc import Callable, Iterable

from orglab import clock
from orglab.errors import NotFoundError, OrglabError, UsageError
from orglab.experiment.consequences import Added
from orglab.experiment.edits import add_run_note, holds_line
from orglab.experiment.lookup import find_step
from orglab.experiment.model import Experiment
from orglab.git import Repository
from orglab.git.worktree import top_path
from orglab.log.log import LogFile
from orglab.org.edit import Edit
from orglab.org.timestamp import format_inactive
from orglab.reference import parse_reference
from orglab.runs.description import mark_of, note_of
from orglab.runs.record import RUNS, Run, read_run, read_runs
from orglab.runs.record_writer import resume_record
from orglab.runs.waiting import is_put_off, put_off, set_pending, waiting_runs

Tell = Callable[[str], None]


def runs_of(log: LogFile, reference: str | None = None) -> list[Run]:
    """Return the runs of an experiment or step, or all, oldest first.

    Raises:
        UsageError: It is no reference.
    """
    runs = read_runs(log.top)
    if reference is None:
        return runs
    wanted = log.spell(reference)
    return [run for run in runs if f"{run.ref}.".startswith(f"{wanted}.")]


def apart_of(log: LogFile, repository: Repository) -> tuple[str, ...]:
    """Return the log and the journal as paths of a repository: they are never committed with code, and are none."""
    path = log.path.absolute()
    own = (path, path.resolve(), path.parent / log.config.journal, (path.parent / log.config.journal).resolve())
    return tuple(sorted({found for found in (top_path(repository, one) for one in own) if found is not None}))


def fold_run(log: LogFile, run: Run, tell: Tell) -> bool:
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
        news = _note_run(log, run, at, known, done=done)
    except UsageError as error:
        if not done:
            raise
        tell(f"{run.ref} is not ticked: {error}")
        news = _note_run(log, run, at, known, done=False)
    set_pending(log.top, run.id, pending=False)
    return news


def _note_run(log: LogFile, run: Run, at: datetime.datetime, commit: str | None, *, done: bool) -> bool:
    """Note a run in the log once, with its step ticked if it is done by it; return whether that was news."""
    reference = parse_reference(run.ref or "")
    head = format_inactive(at).decode() + (f" ({commit})" if commit else "")

    def make_edits(experiment: Experiment) -> tuple[list[Edit], bool]:
        if holds_line(experiment.document, mark_of(run)):
            return [], False
        return add_run_note(experiment, reference, head, note_of(run), commit=commit, done=done), True

    after, is_news = log.edit_experiment(reference, make_edits, at, Added(logged=1, headings=1))
    if is_news and done and reference.step is not None:
        log.active.leave(find_step(after, reference).ref)
    return is_news


def fold_pending(log: LogFile, names: Iterable[str], tell: Tell) -> list[Run]:
    """Tell the log of those runs that have ended, or been lost, and that it does not tell of yet; return them.

    What cannot be told now stays pending, and `tell` hears why.

    Args:
        log: The log.
        names: The ids of the runs.
        tell: Hears sentences for the user.
    """
    told = []
    for name in names:
        try:
            run = _settled(log, name, tell)
            if run is not None and fold_run(log, run, tell):
                told.append(run)
        except UsageError as error:
            tell(f"The run {name} is not in the log: {error}")
            put_off(log.top, name, log.path)
        except NotFoundError:
            # Its step is on another branch, or not yet: looked for again when the log is another.
            put_off(log.top, name, log.path)
        except (OrglabError, OSError) as error:
            reason = error if isinstance(error, OrglabError) else f"{error.strerror}."
            tell(f"The run {name} is not in the log yet; the next command tries again. {reason}")
            break
    return told


def _settled(log: LogFile, name: str, tell: Tell) -> Run | None:
    """Return a run that waits to be told, or None if it still goes on, or nothing of it was written down."""
    top = log.top
    if is_put_off(top, name, log.path):
        return None
    if not (top / RUNS / name).is_dir():
        set_pending(top, name, pending=False)
        return None
    record = resume_record(top, name)
    if record is None:
        return None
    try:
        run = read_run(record.folder)
        if run is None or run.ref is None:
            # Its disk was full before it began.
            set_pending(top, name, pending=False)
            return None
        if run.is_foreign or run.status not in ("running", "lost") or run.fields.get("lost"):
            return run if run.status != "running" else None
        record.end_line()
        record.append("lost", {"lost": True, "found": clock.now().astimezone().isoformat()}, durable=True)
        tell(f"The run {name} was lost: it has no end, and its process is no more.")
        return read_run(record.folder)
    finally:
        record.close()


def fold_what_waits(log: LogFile, tell: Tell) -> list[Run]:
    """Tell the log of all runs that wait for it; nothing if an editor holds unsaved changes of it.

    Args:
        log: The log.
        tell: Hears sentences for the user.
    """
    from orglab.log.file import editor_holding  # noqa: PLC0415 - only where something waits

    names = waiting_runs(log.top, log.path)
    if not names or (not log.anyway and editor_holding(str(log.path)) is not None):
        return []
    return fold_pending(log, names, tell)
