"""What happened to experiments, as events: the one place that assembles them of the log, commits, runs, the journal.

`read_events` asks what is known of a log (`sources`); the functions below it are pure, and make events of what they
are given.  When a step was done is told by the first of these that knows (format.md): its newest commit, by the
author's date; the note that says so; the commit of the log in which its box was first ticked.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orglab.experiment.ids import read_aliases
from orglab.experiment.journal import Entry
from orglab.experiment.model import Conclusion, Experiment, Note, Step, read_logged_changes
from orglab.experiment.note_text import Logged
from orglab.git.commit import Commit
from orglab.history.sources import Sources
from orglab.log.text_history import find_ticking_commits
from orglab.org.source import encode
from orglab.org.timestamp import Timestamp, parse_timestamp
from orglab.reference import Reference, find_references, without_letter
from orglab.runs.record import Run

# In this order within one moment.
KINDS = ("created", "state", "commit", "run", "step", "note", "journal", "conclusion")

_SAYS_DONE = re.compile(r"\W*(?:done|finished|completed|ticked)\b", re.I)
_LAST_MOMENT = datetime.timedelta(days=1) - datetime.timedelta(microseconds=1)
_NOTHING: Mapping[str, Commit] = {}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an experiment.

    Attributes:
        kind: One of KINDS.
        ref: The experiment or step: `e201`, `e201.1`.
        at: When, local time; None if that is unknown.
        precision: What `at` is right to: `second`, `minute`, `day`; `unknown` without one.
        text: In the words of the log, the commit's subject, the run's command.
        commit: The hash of the commit that it is, or that belongs to it, as it is known; or None.
        run: The id of the run that it is, or None.
        line: The 1-based line of the log or the journal that says so, or None.
        recorded: The run that it is, or None.
        is_end: Whether it is a change to a state for what is done, in the words of the log.
        facts: What else is known, by kind:
            state: `new` and `old`, the keywords, where they are known;
            step: `source`, what the time is taken from (`commit`, `note`, `log`, `unknown`), and `commits`, all
            of its hashes, with a comma between;
            commit: `author`, `short`, and `refs`, all that it names of the experiment, with a comma between;
            run: `status`, `exit_code`, `seconds`, `why`, `metric NAME`, those that are known;
            conclusion: `verdict`, `state`.
    """

    kind: str
    ref: str
    at: datetime.datetime | None
    precision: str
    text: str = ""
    commit: str | None = None
    run: str | None = None
    line: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    recorded: Run | None = field(default=None, compare=False)
    is_end: bool = False


def read_events(sources: Sources, experiments: Sequence[Experiment], *, with_journal: bool = True) -> list[list[Event]]:
    """Return all that happened to each of some experiments, the oldest first, and what is of an unknown time last.

    An experiment that had another id before is told of under the one that it has now.  What a run noted in the log is
    left out where the run itself is told.

    Args:
        sources: What is known of their log.
        experiments: The experiments.
        with_journal: Whether the entries of the journal are told.

    Raises:
        GitError: git refuses.
    """
    commits = sources.find_named(name for one in experiments for step in one.steps for name in step.commits)
    ticked = _read_ticking_commits(sources, experiments, commits)
    letter = sources.log.config.letter
    found = []
    for one in experiments:
        aliases = _spell_aliases(one)
        runs = sources.find_runs(one)
        told = {run.id for run in runs}
        events = [event for event in log_events(one, commits, ticked) if read_noted_run(event.text) not in told]
        events += commit_events(one.ref, letter, sources.find_commits(one), aliases)
        events += run_events(one.ref, runs)
        if with_journal:
            events += journal_events(one.ref, letter, sources.find_entries(one), aliases)
        found.append(sort_events(events))
    return found


def written_events(experiment: Experiment, entries: Iterable[Entry]) -> list[Event]:
    """Return what the log and the journal alone say of an experiment; of its steps not when they were done.

    Args:
        experiment: The experiment.
        entries: The entries of the journal, any.
    """
    mine = journal_events(experiment.ref, experiment.config.letter, entries, _spell_aliases(experiment))
    return [*log_events(experiment), *mine]


def _spell_aliases(experiment: Experiment) -> list[str]:
    """Return the references by ids that an experiment had before, such as `e205`."""
    return [experiment.config.letter + name for name in read_aliases(experiment.heading)]


def _read_ticking_commits(
    sources: Sources, experiments: Iterable[Experiment], commits: Mapping[str, Commit]
) -> Mapping[str, Commit]:
    """Return the commit of the log that first ticked each step of which nothing else says when it was done.

    The steps of what was closed before all that is looked into were done before it too, and are not looked for.
    """
    since = sources.since
    wanted = {}
    for one in experiments:
        if since is None or one.closed is None or one.closed.when >= since:
            for step in one.steps:
                done = find_completion(step, commits)
                if done is not None and done.source == "unknown":
                    wanted[step.ref] = (one, step)
    return find_ticking_commits(sources.log, wanted) if wanted and sources.repository is not None else {}


class StepCompletion(NamedTuple):
    """When a step was done.

    Attributes:
        at: Local time, or None.
        precision: What `at` is right to, as in Event.
        source: What it is taken from: `commit`, `note`, `log` (the commit of the log that ticked it), `unknown`.
        commit: The full hash of the commit that it is taken from, or None.
    """

    at: datetime.datetime | None
    precision: str
    source: str
    commit: str | None


def find_completion(
    step: Step, commits: Mapping[str, Commit] = _NOTHING, ticked: Mapping[str, Commit] = _NOTHING
) -> StepCompletion | None:
    """Return when a step was done; None if it is not.

    Args:
        step: The step.
        commits: The commits that are known, by the hashes that the log writes.
        ticked: The commit of the log that first ticked a step, by the step's reference.
    """
    if step.state != "done":
        return None
    known = [commits[name] for name in step.commits if name in commits]
    if known:
        newest = max(known, key=lambda commit: commit.authored)
        return StepCompletion(newest.when, "second", "commit", newest.hash)
    said = [note for note in step.notes if note.at is not None and _says_done(note, step)]
    if said and (at := said[-1].at) is not None:
        return StepCompletion(at.when, _precision(at), "note", None)
    if step.ref in ticked:
        commit = ticked[step.ref]
        return StepCompletion(commit.when, "second", "log", commit.hash)
    return StepCompletion(None, "unknown", "unknown", None)


def _says_done(note: Note, step: Step) -> bool:
    """Return whether a note says that its step is done: in that word, or with one of the step's commits."""
    return _SAYS_DONE.match(note.text) is not None or (
        note.commit is not None and any(_same_hash(note.commit, name) for name in step.commits)
    )


def _same_hash(one: str, other: str) -> bool:
    """Return whether two hashes, each perhaps short, may name one commit."""
    return one.startswith(other) or other.startswith(one)


def log_events(
    experiment: Experiment, commits: Mapping[str, Commit] = _NOTHING, ticked: Mapping[str, Commit] = _NOTHING
) -> Iterator[Event]:
    """Yield what the log says of an experiment: creation, states, steps done, notes, conclusion.

    Args:
        experiment: The experiment.
        commits: As for `find_completion`.
        ticked: As for `find_completion`.
    """
    ref = experiment.ref
    yield _event("created", ref, experiment.created, experiment.title, line=experiment.line)
    states, lines = _state_events(experiment)
    yield from states
    for step in experiment.steps:
        if done := find_completion(step, commits, ticked):
            facts = {"source": done.source} | ({"commits": ",".join(step.commits)} if step.commits else {})
            newest = done.commit if done.source == "commit" else next(iter(step.commits[-1:]), None)
            yield Event("step", step.ref, done.at, done.precision, step.text, newest, None, step.line, facts)
        yield from (_note_event(note, step.ref) for note in step.notes)
    # What was said of a state is told with it.
    yield from (_note_event(note, ref) for note in experiment.notes if note.line not in lines)
    conclusion = experiment.conclusion
    if conclusion.text or conclusion.verdict or conclusion.closed:
        yield _conclusion_event(experiment, conclusion)


def _event(
    kind: str, ref: str, at: Timestamp | None, text: str, *, commit: str | None = None,
    line: int | None = None, facts: Mapping[str, str] | None = None, is_end: bool = False,
) -> Event:  # fmt: skip
    """Return an event at a time of the log."""
    return Event(
        kind, ref, at.when if at else None, _precision(at), text, commit, None, line, facts or {}, is_end=is_end
    )


def _precision(at: Timestamp | None) -> str:
    return "unknown" if at is None else "minute" if at.has_time else "day"


def read_noted_run(note: str) -> str | None:
    """Return the id of the run that a note of the log tells of, as `orglab run` writes it; None if of none."""
    begin, _, last = note.rpartition("\n")
    return last.removeprefix("run ") if begin.startswith("ran ") and last.startswith("run ") else None


def _note_event(note: Note, ref: str) -> Event:
    return _event("note", ref, note.at, note.text, commit=note.commit, line=note.line)


def _conclusion_event(experiment: Experiment, conclusion: Conclusion) -> Event:
    known = {"verdict": conclusion.verdict, "state": conclusion.state}
    facts = {name: value for name, value in known.items() if value}
    heading = experiment.child(experiment.config.conclusions)
    line = heading.line_number if heading is not None else experiment.line
    return _event("conclusion", experiment.ref, experiment.concluded, conclusion.text, line=line, facts=facts)


def _state_events(experiment: Experiment) -> tuple[list[Event], set[int]]:
    """Return the changes of the state that Org logged, its CLOSED among them, and their lines.

    A closing note and an entry of the drawer tell of the same change as CLOSED does: that is one event.
    """
    closed = experiment.closed
    ref = experiment.ref
    is_done = experiment.document.settings.is_done
    events: list[Event] = []
    lines: set[int] = set()
    is_told = False
    for logged, line in _oldest_first(experiment):
        at = parse_timestamp(encode(logged.stamp))
        new = logged.new or (experiment.state if logged.kind == "closing" else None)
        known = {"new": new, "old": logged.old}
        facts = {name: value for name, value in known.items() if value}
        lines.add(line)
        events.append(_event("state", ref, at, logged.text, line=line, facts=facts, is_end=is_done(new)))
        is_told = is_told or (at == closed and (logged.kind == "closing" or is_done(logged.new)))
    if closed is not None and not is_told:
        facts = {"new": experiment.state} if experiment.state else {}
        events.append(_event("state", ref, closed, "", line=experiment.line, facts=facts, is_end=experiment.is_done))
    return events, lines


def _oldest_first(experiment: Experiment) -> list[tuple[Logged, int]]:
    """Return the changes of the state as they happened, also those of one minute.

    Org writes the newest first (org-log-states-order-reversed), unless its user wants it otherwise.
    """
    found = [one for one in read_logged_changes(experiment.heading) if one[0].kind != "note"]
    stamps = [logged.stamp for logged, _ in found]
    return found if stamps and stamps[0] < stamps[-1] else found[::-1]


def commit_events(ref: str, letter: str, commits: Iterable[Commit], aliases: Iterable[str] = ()) -> Iterator[Event]:
    """Yield an event for each commit whose message names an experiment or a step of it.

    Args:
        ref: The experiment's reference, such as `e201`.
        letter: What stands before the number in a reference.
        commits: Any commits.
        aliases: References to it by ids that it had before, such as `e205`; what names these names it.
    """
    names = {without_letter(one, letter) for one in (ref, *aliases)}
    for commit in commits:
        found = [one for _, one in find_references(commit.message.encode(), letter) if one.id in names]
        refs = list(dict.fromkeys(f"{ref}.{one.step}" if one.step is not None else ref for one in found))
        if refs:
            one = refs[0] if len(refs) == 1 else ref
            facts = {"author": commit.author, "short": commit.short, "refs": ",".join(refs)}
            yield Event("commit", one, commit.when, "second", commit.subject, commit.hash, None, None, facts)


def run_events(ref: str, runs: Iterable[Run]) -> Iterator[Event]:
    """Yield an event for each run of an experiment or of a step of it, at the time when it began.

    Args:
        ref: The experiment's reference, such as `e201`.
        runs: Any runs.
    """
    for run in runs:
        if run.ref is not None and run.ref.partition(".")[0] == ref:
            known = {"exit_code": run.exit_code, "seconds": run.seconds, "why": run.why}
            facts = {"status": run.status} | {name: str(value) for name, value in known.items() if value is not None}
            facts |= {f"metric {name}": str(value) for name, value in run.metrics.items()}
            precision = "second" if run.began else "unknown"
            text = " ".join(run.argv)
            yield Event("run", run.ref, run.began, precision, text, run.commit, run.id, None, facts, run)


def journal_events(ref: str, letter: str, entries: Iterable[Entry], aliases: Iterable[str] = ()) -> Iterator[Event]:
    """Yield an event for each entry of the journal that names an experiment or a step of it.

    Args:
        ref: The experiment's reference, such as `e201`.
        letter: What stands before the number in a reference.
        entries: The entries of the journal.
        aliases: As for `commit_events`.
    """
    names = {without_letter(one, letter) for one in (ref, *aliases)}
    for entry in entries:
        mine = [one.step for one in entry.references if one.id in names]
        steps = {f"{ref}.{step}" for step in mine if step is not None}
        if mine:
            text = "\n".join(filter(None, (entry.title, entry.text)))
            yield _event("journal", steps.pop() if len(steps) == 1 else ref, entry.at, text, line=entry.line)


def sort_events(events: Iterable[Event]) -> list[Event]:
    """Return events, the oldest first, and those of an unknown time last.

    What is known to the day alone stands at its begin, what ends something at its end; within a minute they stand in
    the order in which one leads to the other.
    """
    return sorted(events, key=_place)


def _place(event: Event) -> tuple[bool, datetime.datetime, int, datetime.datetime]:
    at = event.at or datetime.datetime.max  # noqa: DTZ901 - as the times of the log
    if event.precision == "day" and event.kind in ("state", "conclusion") and at.date() < datetime.date.max:
        at += _LAST_MOMENT
    rank = len(KINDS) if event.is_end else KINDS.index(event.kind)
    # Most are known to the minute: within one, a note follows the run that it is about.
    return event.at is None, at.replace(second=0, microsecond=0), rank, at


def concerns(event: Event, reference: Reference, letter: str) -> bool:
    """Return whether an event is one of a step, or of its whole experiment, that a reference names."""
    spelled = Reference(without_letter(reference.id, letter), reference.step).spell(letter)
    named = [event.ref, *event.facts.get("refs", "").split(",")]
    return any(one == spelled or (reference.step is None and one.startswith(f"{spelled}.")) for one in named)
