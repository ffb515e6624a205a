"""The history of experiments as events, from the log, commits, runs and the journal.

`read_events` reads the sources of a log (`sources`); the functions below it are pure.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from orglab.experiment.conclusion import Conclusion
from orglab.experiment.ids import read_own_aliases
from orglab.experiment.journal import Entry
from orglab.experiment.model import Experiment
from orglab.experiment.note_text import Logged
from orglab.experiment.section_text import Note, read_logged_changes
from orglab.experiment.shared_ids import SharedIds
from orglab.git.commit import Commit
from orglab.git.message import read_references
from orglab.history.completion import (
    NO_COMMITS,
    find_completion,
    is_dated_by_itself,
    read_noted_run,
    read_precision,
)
from orglab.history.event_order import sort_events
from orglab.history.sources import Sources
from orglab.log.text_history import find_ticking_commits
from orglab.org.source import encode
from orglab.org.timestamp import Timestamp, parse_timestamp
from orglab.reference import Reference, without_letter
from orglab.runs.description import describe_value
from orglab.runs.record import Run
from orglab.runs.sweeps.sweep import read_swept

KINDS = ("created", "state", "commit", "run", "step", "note", "journal", "conclusion")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an experiment.

    Attributes:
        kind: One of KINDS.
        ref: The experiment or step: `e201`, `e201.1`.
        at: The local time; None if it is unknown.
        precision: The precision of `at`: `second`, `minute` or `day`; `unknown` if it is None.
        text: The text in the log, the subject of the commit or the command of the run.
        commit: The hash of the commit of the event, or None.
        run: The id of the run, or None.
        line: The 1-based line in the log or the journal, or None.
        recorded: The run, or None.
        is_end: Whether the state changes to a done keyword of the log.
        instant: The time in seconds since 1970, if its offset from UTC is known.
        parents: The full hashes of the parents of a commit.
        there: The time in the time zone where it was recorded, if that may be another one.
        facts: More details, by kind:
            state: the keywords `new` and `old`, if known;
            step: `source`, the source of the time, as in StepCompletion, and `commits`, its comma-separated
            hashes;
            commit: `author`, `short` and `refs`, its comma-separated references to the experiment;
            run: `status`, `exit_code`, `seconds`, `why` and `metric NAME`, if known;
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
    instant: float | None = field(default=None, compare=False)
    there: datetime.datetime | None = field(default=None, compare=False)
    parents: tuple[str, ...] = field(default=(), compare=False)

    @property
    def local_time(self) -> datetime.datetime | None:
        """The time to show: where it was recorded, as the times that the log has of it; None if it is unknown."""
        return self.there or self.at


def read_events(sources: Sources, experiments: Sequence[Experiment], *, with_journal: bool = True) -> list[list[Event]]:
    """Return the events of some experiments, each oldest first, with events of unknown time last.

    Events under a former id of an experiment have its current one.  The note of a run or a sweep is left out if
    the runs themselves are events.

    Args:
        sources: The sources of their log.
        experiments: The experiments.
        with_journal: Whether to include journal entries.

    Raises:
        GitError: git refuses.
    """
    commits = sources.find_named(
        name for experiment in experiments for step in experiment.steps for name in step.commits
    )
    ticked = _read_ticking_commits(sources, experiments, with_journal=with_journal)
    letter = sources.log.config.letter
    histories = []
    for experiment in experiments:
        ref, aliases = experiment.ref, _spell_aliases(experiment)
        runs = sources.find_runs(experiment)
        ids = {run.id for run in runs}.union(swept.sweep for run in runs if (swept := read_swept(run)))
        events = [
            event for event in log_events(experiment, commits, ticked, runs) if read_noted_run(event.text) not in ids
        ]
        events += commit_events(ref, letter, sources.find_commits(experiment), aliases, sources.shared_ids)
        events += run_events(ref, runs)
        if with_journal:
            events += journal_events(ref, letter, sources.find_entries(experiment), aliases)
        histories.append(sort_events(events))
    return histories


def written_events(experiment: Experiment, entries: Iterable[Entry]) -> list[Event]:
    """Return the events of an experiment in the log and the journal; the times of its steps are unknown.

    Args:
        experiment: The experiment.
        entries: Any entries of the journal.
    """
    from_journal = journal_events(experiment.ref, experiment.config.letter, entries, _spell_aliases(experiment))
    return [*log_events(experiment), *from_journal]


def _spell_aliases(experiment: Experiment) -> list[str]:
    """Return the references to an experiment by its former ids, such as `e205`."""
    return [experiment.config.letter + name for name in read_own_aliases(experiment.heading)]


def _read_ticking_commits(
    sources: Sources, experiments: Iterable[Experiment], *, with_journal: bool
) -> Mapping[str, Commit]:
    """Return the commits of the log that first ticked the steps that no run or note dates.

    Steps of experiments to which nothing happened since `sources.since` are skipped.
    """
    undated = {}
    for experiment in experiments:
        if _is_touched(sources, experiment, with_journal=with_journal):
            steps = [step for step in experiment.steps if step.state == "done"]
            runs = sources.find_runs(experiment) if steps else []
            for step in steps:
                if not is_dated_by_itself(step, experiment.created, runs):
                    undated[step.ref] = (experiment, step)
    return find_ticking_commits(sources.log, undated) if undated and sources.repository is not None else NO_COMMITS


def _is_touched(sources: Sources, experiment: Experiment, *, with_journal: bool) -> bool:
    """Return whether an experiment may have been open at `sources.since`, or something happened to it since then."""
    since = sources.since
    if since is None or experiment.closed is None:
        return True
    notes = (note.at for note in (*experiment.notes, *(note for step in experiment.steps for note in step.notes)))
    entries = (entry.at for entry in (sources.find_entries(experiment) if with_journal else ()))
    times = (at.when for at in (experiment.closed, experiment.concluded, *notes, *entries) if at is not None)
    runs = (run.began for run in sources.find_runs(experiment) if run.began is not None)
    commits = (commit.when for commit in sources.find_commits(experiment))
    return any(time >= since for time in chain(times, runs, commits))


def log_events(
    experiment: Experiment, commits: Mapping[str, Commit] = NO_COMMITS, ticked: Mapping[str, Commit] = NO_COMMITS,
    runs: Sequence[Run] = (),
) -> Iterator[Event]:  # fmt: skip
    """Yield the events of an experiment in the log: creation, states, completed steps, notes, conclusion.

    Args:
        experiment: The experiment.
        commits: As for `find_completion`.
        ticked: As for `find_completion`.
        runs: As for `find_completion`.
    """
    ref = experiment.ref
    yield _event("created", ref, experiment.created, experiment.title, line=experiment.line)
    states, lines = _state_events(experiment)
    yield from states
    for step in experiment.steps:
        if completion := find_completion(step, commits, ticked, experiment.created, runs):
            facts = {"source": completion.source} | ({"commits": ",".join(step.commits)} if step.commits else {})
            newest = completion.commit if completion.source == "commit" else next(iter(step.commits[-1:]), None)
            yield Event(
                "step", step.ref, completion.at, completion.precision, step.text, newest, completion.run, step.line,
                facts, instant=completion.instant, there=completion.there,
            )  # fmt: skip
        yield from (_note_event(note, step.ref) for note in step.notes)
    # The note of a state change is part of that event.
    yield from (_note_event(note, ref) for note in experiment.notes if note.line not in lines)
    yield from _conclusion_events(experiment, experiment.conclusion)


def _event(
    kind: str, ref: str, at: Timestamp | None, text: str, *, commit: str | None = None,
    line: int | None = None, facts: Mapping[str, str] | None = None, is_end: bool = False,
) -> Event:  # fmt: skip
    """Return an event at a timestamp of the log."""
    return Event(
        kind, ref, at.when if at else None, read_precision(at), text, commit, None, line, facts or {}, is_end=is_end
    )


def _note_event(note: Note, ref: str) -> Event:
    return _event("note", ref, note.at, note.text, commit=note.commit, line=note.line, facts=_author_facts(note.author))


def _author_facts(author: str | None) -> dict[str, str]:
    return {"author": author} if author is not None else {}


def _conclusion_events(experiment: Experiment, conclusion: Conclusion) -> Iterator[Event]:
    """Yield an event for each time that an experiment was concluded, with the words and the verdict of that time."""
    for entry in conclusion.entries:
        facts = _author_facts(entry.author) | ({"verdict": entry.verdict} if entry.verdict else {})
        if entry is conclusion.entries[-1] and conclusion.state:
            facts["state"] = conclusion.state
        yield _event("conclusion", experiment.ref, entry.at, entry.text, line=entry.line, facts=facts)
    if not conclusion.entries and (conclusion.verdict or conclusion.closed):
        known = {"verdict": conclusion.verdict, "state": conclusion.state}
        facts = {name: value for name, value in known.items() if value}
        heading = experiment.conclusions_heading
        line = heading.line_number if heading is not None else experiment.line
        yield _event("conclusion", experiment.ref, experiment.concluded, "", line=line, facts=facts)


def _is_same_time(at: Timestamp | None, closed: Timestamp | None) -> bool:
    """Return whether a time is that of CLOSED, which may be only a day."""
    if at is None or closed is None:
        return False
    return at == closed or (not closed.has_time and at.when.date() == closed.when.date())


def _state_events(experiment: Experiment) -> tuple[list[Event], set[int]]:
    """Return the state changes that Org logged, including CLOSED, and their lines.

    A closing note or a drawer entry for the same change as CLOSED makes one event with it.
    """
    closed = experiment.closed
    ref = experiment.ref
    is_done = experiment.document.settings.is_done
    events: list[Event] = []
    lines: set[int] = set()
    is_closed_logged = False
    for logged, line in _oldest_first(experiment):
        at = parse_timestamp(encode(logged.stamp))
        new = logged.new or (experiment.state if logged.kind == "closing" else None)
        known = {"new": new, "old": logged.old}
        facts = {name: value for name, value in known.items() if value}
        lines.add(line)
        events.append(_event("state", ref, at, logged.text, line=line, facts=facts, is_end=is_done(new)))
        is_closing = logged.kind == "closing" or is_done(logged.new)
        is_closed_logged = is_closed_logged or (is_closing and _is_same_time(at, closed))
    if closed is not None and not is_closed_logged:
        facts = {"new": experiment.state} if experiment.state else {}
        events.append(_event("state", ref, closed, "", line=experiment.line, facts=facts, is_end=experiment.is_done))
    return events, lines


def _oldest_first(experiment: Experiment) -> list[tuple[Logged, int]]:
    """Return the state changes, oldest first, even within one minute.

    Org writes the newest first (org-log-states-order-reversed), unless the user has set it otherwise.
    """
    changes = [change for change in read_logged_changes(experiment.heading) if change[0].kind in ("state", "closing")]
    stamps = [logged.stamp for logged, _ in changes]
    return changes if stamps and stamps[0] < stamps[-1] else changes[::-1]


def commit_events(
    ref: str,
    letter: str,
    commits: Iterable[Commit],
    aliases: Iterable[str] = (),
    shared_ids: SharedIds | None = None,
) -> Iterator[Event]:
    """Yield an event for each commit whose message names an experiment or a step of it.

    Args:
        ref: The experiment's reference, such as `e201`.
        letter: The letter before the number in a reference.
        commits: Any commits.
        aliases: The references to it by its former ids, such as `e205`.
        shared_ids: The ids that two experiments had.
    """
    names = {without_letter(name, letter) for name in (ref, *aliases)}
    for commit in commits:
        named = read_references(commit.message.encode(), letter)
        named = [*shared_ids.resolve(named, commit.hash)] if shared_ids is not None else named
        references = [found for found in named if found.id in names]
        refs = list(dict.fromkeys(f"{ref}.{found.step}" if found.step is not None else ref for found in references))
        if refs:
            subject = refs[0] if len(refs) == 1 else ref
            facts = {"author": commit.author, "short": commit.short, "refs": ",".join(refs)}
            yield Event(
                "commit", subject, commit.when, "second", commit.subject, commit.hash, None, None, facts,
                instant=commit.authored, there=commit.when_there, parents=commit.parents,
            )  # fmt: skip


def run_events(ref: str, runs: Iterable[Run]) -> Iterator[Event]:
    """Yield an event for each run of an experiment or of a step of it, at the time when it started.

    Args:
        ref: The experiment's reference, such as `e201`.
        runs: Any runs.
    """
    for run in runs:
        if run.ref is not None and run.ref.partition(".")[0] == ref:
            known = {"exit_code": run.exit_code, "seconds": run.seconds, "why": run.why, "author": run.author}
            facts = {"status": run.status} | {name: str(value) for name, value in known.items() if value is not None}
            facts |= {f"metric {name}": str(describe_value(run, name)) for name in run.metrics}
            precision = "second" if run.began else "unknown"
            text = " ".join(run.argv)
            yield Event(
                "run", run.ref, run.began, precision, text, run.commit, run.id, None, facts, run,
                instant=run.began_at, there=run.began_there,
            )  # fmt: skip


def journal_events(ref: str, letter: str, entries: Iterable[Entry], aliases: Iterable[str] = ()) -> Iterator[Event]:
    """Yield an event for each entry of the journal that names an experiment or a step of it.

    Args:
        ref: The experiment's reference, such as `e201`.
        letter: The letter before the number in a reference.
        entries: Any entries of the journal.
        aliases: As for `commit_events`.
    """
    names = {without_letter(name, letter) for name in (ref, *aliases)}
    for entry in entries:
        numbers = [reference.step for reference in entry.references if reference.id in names]
        steps = {f"{ref}.{number}" for number in numbers if number is not None}
        if numbers:
            text = "\n".join(filter(None, (entry.title, entry.text)))
            subject, facts = steps.pop() if len(steps) == 1 else ref, _author_facts(entry.author)
            yield _event("journal", subject, entry.at, text, line=entry.line, facts=facts)


def concerns(event: Event, reference: Reference, letter: str) -> bool:
    """Return whether an event concerns the step or the experiment that a reference names."""
    spelled = Reference(without_letter(reference.id, letter), reference.step).spell(letter)
    refs = [event.ref, *event.facts.get("refs", "").split(",")]
    return any(ref == spelled or (reference.step is None and ref.startswith(f"{spelled}.")) for ref in refs)
