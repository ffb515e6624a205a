"""What a report is made from: the experiments, and what happened to each until the end of the period and in it."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orglab.experiment.ids import aliases_of
from orglab.experiment.journal import Entry
from orglab.experiment.model import Experiment, Step
from orglab.experiment.states import kind_of
from orglab.git import Repository, is_installed
from orglab.git.commit import Commit, read_commits, read_named
from orglab.history.events import Event, commit_events, in_order, journal_events, log_events, run_events, run_noted
from orglab.reference import find_references
from orglab.runs.record import Run

CLOSED_KINDS = ("done", "dropped")


@dataclass(frozen=True, slots=True)
class Period:
    """The time that a report is about.

    Attributes:
        since: Its begin, local time.
        until: Its end, which is no part of it.
    """

    since: datetime.datetime
    until: datetime.datetime

    def holds(self, moment: datetime.datetime | None) -> bool:
        """Return whether a moment lies in it."""
        return moment is not None and self.since <= moment < self.until

    @property
    def last_day(self) -> datetime.date:
        """The last day of it."""
        return max(self.since, self.until - datetime.timedelta(microseconds=1)).date()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where facts are read from, besides the experiments.

    Attributes:
        commits: Those of the period, and those that steps name: by the full hash.
        named: The same, by the hashes that the log writes.
        runs: All runs.
        entries: Those of the journal that are to be told.
        ticked: The commit of the log that first ticked a step, by the step's reference.
        closed: The commit of the log that closed an experiment, by its reference, where nothing else says when.
        head: The full hash of HEAD; empty if there is none.
        has_git: Whether commits could be asked for.
    """

    commits: Mapping[str, Commit] = field(default_factory=dict)
    named: Mapping[str, Commit] = field(default_factory=dict)
    runs: Sequence[Run] = ()
    entries: Sequence[Entry] = ()
    ticked: Mapping[str, Commit] = field(default_factory=dict)
    closed: Mapping[str, Commit] = field(default_factory=dict)
    head: str = ""
    has_git: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """One experiment, and what happened to it.

    Attributes:
        experiment: The experiment, as the log has it now.
        events: What happened until the end of the period, in order; what has no time stands last.
        recent: What of it happened in the period.
        runs: Its runs that began before the period's end, oldest first.
        state: Its TODO keyword at the end of the period, as far as the log tells.
        kind: What sort of state that is, as `states.kind_of` has it.
        closed: When it was concluded or dropped for the last time, if it is so at the end of the period.
        exists: Whether it had been written down by then, as far as anything tells.
    """

    experiment: Experiment
    events: tuple[Event, ...]
    recent: tuple[Event, ...]
    runs: tuple[Run, ...]
    state: str | None
    kind: str | None
    closed: datetime.datetime | None
    exists: bool

    @property
    def ref(self) -> str:
        """The reference of the experiment."""
        return self.experiment.ref

    def last_moment(self) -> datetime.datetime | None:
        """Return when something happened to it last in the period; None if nothing did, or not at a known time."""
        return max((event.at for event in self.recent if event.at is not None), default=self.closed)

    def of_kind(self, kind: str) -> list[Event]:
        """Return the events of a kind in the period."""
        return [event for event in self.recent if event.kind == kind]

    def steps_done(self) -> list[Step]:
        """Return the steps that were done at the end of the period; those of an unknown time too."""
        done = {event.ref for event in self.events if event.kind == "step"}
        return [step for step in self.experiment.steps if step.ref in done]


def read_sources(
    experiments: Iterable[Experiment], repository: Repository | None, period: Period, *,
    runs: Sequence[Run], entries: Sequence[Entry] = (),
) -> Sources:  # fmt: skip
    """Return the sources of a report; git is asked four times, however many experiments there are.

    Raises:
        GitError: git refuses.
    """
    if repository is None or not is_installed():
        return Sources(runs=runs, entries=entries)
    names = [name for one in experiments for step in one.steps for name in step.commits]
    names += [run.commit for run in runs if run.commit is not None]
    named = read_named(repository, tuple(dict.fromkeys(names))) if names else {}
    # By the committer's date, which is never before the author's; a day more, for clocks go wrong.
    since = int((period.since - datetime.timedelta(days=1)).timestamp()) if period.since.year > 1970 else 0  # noqa: PLR2004 - the first year of git's clock
    head = (repository.read("rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()
    recent = read_commits(repository, f"--since=@{since}", "--branches", *filter(None, (head,)), "--")
    commits = {commit.hash: commit for commit in recent} | {commit.hash: commit for commit in named.values()}
    return Sources(commits, named, runs, entries, head=head, has_git=True)


def read_accounts(experiments: Sequence[Experiment], sources: Sources, period: Period) -> list[Account]:
    """Return the accounts of experiments, in their order, from what the sources tell."""
    if not experiments:
        return []
    letter = experiments[0].config.letter
    called = {one.config.letter + name: one.ref for one in experiments for name in (one.id, *aliases_of(one.heading))}
    commits: dict[str, list[Commit]] = defaultdict(list)
    for commit in sources.commits.values():
        if f"[{letter}" in commit.message:
            named = {one.id for _, one in find_references(commit.message.encode("utf-8", "replace"), letter)}
            for ref in {called.get(letter + name) for name in named} - {None}:
                commits[ref or ""].append(commit)
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in sources.runs:
        ref = (run.ref or "").partition(".")[0]
        runs[called.get(ref, ref)].append(run)
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in sources.entries:
        for ref in {called.get(letter + one.id) for one in entry.references} - {None}:
            entries[ref or ""].append(entry)
    found = []
    for one in experiments:
        ref = one.ref
        aliases = [letter + name for name in aliases_of(one.heading)]
        mine = _under_this_name(runs.get(ref, ()), ref, aliases)
        told = {run.id for run in mine}
        events = [
            event for event in log_events(one, sources.named, sources.ticked) if run_noted(event.text) not in told
        ]
        events += commit_events(ref, letter, commits[ref], aliases) if ref in commits else ()
        events += run_events(ref, mine) if mine else ()
        events += journal_events(ref, letter, entries[ref], aliases) if ref in entries else ()
        found.append(_account(one, in_order(events), mine, sources.closed.get(ref), period))
    return found


def _under_this_name(runs: Iterable[Run], ref: str, aliases: Sequence[str]) -> list[Run]:
    """Return runs with the reference that their experiment has now."""
    if not aliases:
        return list(runs)
    found = []
    for run in runs:
        _, dot, step = (run.ref or "").partition(".")
        found.append(Run(run.folder, {**run.fields, "ref": f"{ref}{dot}{step}"}))
    return found


def _account(
    one: Experiment, events: list[Event], runs: Iterable[Run], closing: Commit | None, period: Period
) -> Account:
    """Return the account that events make.

    Args:
        one: The experiment.
        events: All that happened to it, in order.
        runs: Its runs.
        closing: The commit of the log that closed it, if that is known.
        period: What time the report is about.
    """
    known = tuple(event for event in events if event.at is None or event.at < period.until)
    later = [event for event in events if event.kind == "state" and event.at and event.at >= period.until]
    state = one.state
    if later and "old" in later[0].facts:
        state = later[0].facts["old"]
    elif later and one.document.settings.is_done(later[0].facts.get("new")):
        # It was closed later, and nothing says what it was before: not closed.
        state = None
    settings = one.document.settings
    kind = kind_of(state, settings)
    if state is None and one.state is None and (one.conclusion.text or one.verdict):
        # A log without keywords says by its conclusion that something is concluded.
        kind = "done"
    closed = None
    if kind in CLOSED_KINDS:
        dates = [
            event.at
            for event in known
            if event.at and (event.kind == "conclusion" or settings.is_done(event.facts.get("new")))
        ]
        closed = max(dates, default=closing.when if closing is not None else None)
    return Account(
        one, known, tuple(event for event in known if period.holds(event.at)),
        tuple(run for run in runs if run.began is None or run.began < period.until), state, kind, closed,
        exists=any(event.at is not None for event in known) or all(event.at is None for event in events),
    )  # fmt: skip
