"""What a report is made from: the experiments, and what happened to each until the end of the period and in it."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orglab.experiment.model import Experiment, Step
from orglab.experiment.states import get_state_kind
from orglab.git.commit import Commit
from orglab.history.events import Event, read_events
from orglab.history.sources import Sources
from orglab.log.text_history import find_closing_commits
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

    def contains(self, moment: datetime.datetime | None) -> bool:
        """Return whether a moment lies in it."""
        return moment is not None and self.since <= moment < self.until

    @property
    def last_day(self) -> datetime.date:
        """The last day of it."""
        return max(self.since, self.until - datetime.timedelta(microseconds=1)).date()


@dataclass(frozen=True, slots=True)
class ExperimentActivity:
    """One experiment, and what happened to it.

    Attributes:
        experiment: The experiment, as the log has it now.
        events: What happened until the end of the period, in order; what has no time stands last.
        recent: What of it happened in the period.
        runs: Its runs that began before the period's end, oldest first.
        state: Its TODO keyword at the end of the period, as far as the log tells.
        kind: What sort of state that is, as `states.get_state_kind` has it.
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


def read_activities(
    sources: Sources, experiments: Sequence[Experiment], period: Period, *, with_journal: bool = False
) -> list[ExperimentActivity]:
    """Return what happened to each of some experiments until the end of a period and in it, in their order.

    Args:
        sources: The sources of their log.
        experiments: The experiments.
        period: The period.
        with_journal: Whether the entries of the journal are told.

    Raises:
        GitError: git refuses.
    """
    undated = [one for one in experiments if one.is_done and one.concluded is None]
    has_git = sources.repository is not None
    closing = find_closing_commits(sources.log, undated) if undated and has_git else {}
    happened = read_events(sources, experiments, with_journal=with_journal)
    return [
        _activity(one, events, sources.find_runs(one), closing.get(one.ref), period)
        for one, events in zip(experiments, happened, strict=True)
    ]


def _activity(
    one: Experiment, events: list[Event], runs: Iterable[Run], closing: Commit | None, period: Period
) -> ExperimentActivity:
    """Return the activity that events make.

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
    kind = get_state_kind(state, settings)
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
    return ExperimentActivity(
        one, known, tuple(event for event in known if period.contains(event.at)),
        tuple(run for run in runs if run.began is None or run.began < period.until), state, kind, closed,
        exists=any(event.at is not None for event in known) or all(event.at is None for event in events),
    )  # fmt: skip
