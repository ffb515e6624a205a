"""When a step was done, from the first source that tells.

These are, in this order: the end of the run that ticked it; the note that says so; the commit of the log in which its
checkbox was first ticked; its newest recorded commit, by the author's date.  The times of the log have no offset from
UTC, so that a source counts if it is at most a day older than the experiment; the time is never earlier than that.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orglab.experiment.model import Step
from orglab.experiment.section_text import Note
from orglab.git.commit import Commit
from orglab.org.timestamp import Timestamp
from orglab.runs.record import Run

NO_COMMITS: Mapping[str, Commit] = {}
_SAYS_DONE = re.compile(r"\W*(?:done|finished|completed|ticked)\b", re.I)
# The note of a run that succeeded
_RAN = re.compile(r"ran .*, exit 0(?:[,:]|$)")
_A_DAY = datetime.timedelta(days=1)


class StepCompletion(NamedTuple):
    """When a step was done.

    Attributes:
        at: The local time, or None.
        precision: The precision of `at`, as in Event.
        source: The source of the time: `run` (the one that ticked it), `note`, `log` (the commit of the log that ticked
            it), `commit` (the newest recorded one) or `unknown`.
        commit: The full hash of the commit that is the source, or None.
        run: The id of the run that is the source, or None.
        instant: The time in seconds since 1970, if its offset from UTC is known.
        there: The time in the time zone where it was recorded, if that is another one.
    """

    at: datetime.datetime | None
    precision: str
    source: str
    commit: str | None
    run: str | None = None
    instant: float | None = None
    there: datetime.datetime | None = None


def find_completion(
    step: Step,
    commits: Mapping[str, Commit] = NO_COMMITS,
    ticked: Mapping[str, Commit] = NO_COMMITS,
    created: Timestamp | None = None,
    runs: Sequence[Run] = (),
) -> StepCompletion | None:
    """Return when a step was done, or None if it is not done.

    Args:
        step: The step.
        commits: The known commits, by their hashes in the log.
        ticked: The commits of the log that first ticked steps.
        created: When its experiment was created.
        runs: The runs of the experiment, oldest first.
    """
    if step.state != "done":
        return None
    return _find_first(_find_sources(step, commits, ticked, runs), created)


def is_dated_by_itself(step: Step, created: Timestamp | None, runs: Sequence[Run]) -> bool:
    """Return whether a run or a note tells when a step was done, so that the history of the log is not needed."""
    return _find_first([*_find_run(step, runs), *_find_done_note(step, runs)], created).at is not None


def _find_first(sources: Iterable[StepCompletion], created: Timestamp | None) -> StepCompletion:
    """Return the first source that is not much older than the experiment, and not before it was created."""
    found = None
    for found in sources:
        local = found.there or found.at
        if local is None or created is None or local >= created.when - _A_DAY:
            break
    if found is None:
        return StepCompletion(None, "unknown", "unknown", None)
    local = found.there or found.at
    if local is None or found.at is None or created is None:
        return found
    is_of_that_day = found.precision == "day" and local.date() == created.when.date()
    if local < created.when and not is_of_that_day:
        return found._replace(at=created.when, precision=read_precision(created), instant=None, there=None)
    return found if is_of_that_day else found._replace(at=max(found.at, created.when))


def _find_sources(
    step: Step, commits: Mapping[str, Commit], ticked: Mapping[str, Commit], runs: Sequence[Run]
) -> Iterator[StepCompletion]:
    """Yield what tells when a step was done, the most reliable first."""
    yield from _find_run(step, runs)
    yield from _find_done_note(step, runs)
    if step.ref in ticked:
        yield _at_commit(ticked[step.ref], "log")
    known = [commits[name] for name in step.commits if name in commits]
    if known:
        yield _at_commit(max(known, key=lambda commit: commit.authored), "commit")
    ids = {run.id for run in runs}
    for note in reversed(step.notes):
        if note.at is not None and read_noted_run(note.text) not in ids and _has_commit_of(note, step):
            yield _at_note(note)


def _find_run(step: Step, runs: Sequence[Run]) -> Iterator[StepCompletion]:
    """Yield the run that ticked a step, as `orglab run --done` does.

    Only a run that ticks a step adds its commit, so after the first one, only a run with another commit did it again.
    """
    recorded = (*step.commits, *step.originals)
    found: Run | None = None
    last = None
    for run in runs:
        if run.ref == step.ref and run.status == "done" and run.fields.get("done") is True and run.ended is not None:
            value = run.fields.get("hash")
            name = value if isinstance(value, str) and value else None
            is_recorded = name is not None and any(is_same_hash(name, other) for other in recorded)
            if (is_recorded and name != last) or (found is None and (name is None or not recorded)):
                found, last = run, name
    if found is not None:
        yield StepCompletion(found.ended, "second", "run", None, found.id, found.ended_at, found.ended_there)


def _find_done_note(step: Step, runs: Sequence[Run]) -> Iterator[StepCompletion]:
    """Yield the last note that says that a step is done, else the first of an unknown run whose commit it records."""
    ids = {run.id for run in runs}
    told = [note for note in step.notes if note.at is not None and _SAYS_DONE.match(note.text)]
    ran = (
        note for note in step.notes
        if note.at is not None and _RAN.match(note.text) and _has_commit_of(note, step)
        and (run := read_noted_run(note.text)) is not None and run not in ids
    )  # fmt: skip
    for note in [*told[-1:], *ran][:1]:
        yield _at_note(note)


def _at_note(note: Note) -> StepCompletion:
    return StepCompletion(note.at.when if note.at else None, read_precision(note.at), "note", None)


def _at_commit(commit: Commit, source: str) -> StepCompletion:
    return StepCompletion(commit.when, "second", source, commit.hash, None, commit.authored, commit.when_there)


def _has_commit_of(note: Note, step: Step) -> bool:
    """Return whether a note names a commit that its step records."""
    return note.commit is not None and any(is_same_hash(note.commit, name) for name in step.commits)


def is_same_hash(one: str, other: str) -> bool:
    """Return whether two hashes, full or short, may name the same commit."""
    return one.startswith(other) or other.startswith(one)


def read_noted_run(note: str) -> str | None:
    """Return the id of the run or sweep in a note that orglab wrote, or None for any other note."""
    begin, _, last = note.rpartition("\n")
    for first, mark in (("ran ", "run "), ("swept ", "sweep ")):
        if begin.startswith(first) and last.startswith(mark):
            return last.removeprefix(mark)
    return None


def read_precision(at: Timestamp | None) -> str:
    """Return the precision of a timestamp, as in Event."""
    return "unknown" if at is None else "minute" if at.has_time else "day"
