"""The facts behind a report: the experiments, and their events up to the end of the period and within it."""

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from orglab.experiment.conclusion import Conclusion
from orglab.experiment.model import Experiment, Step
from orglab.experiment.states import get_state_kind
from orglab.git.commit_evidence import find_log_commits
from orglab.history.events import Event, read_events
from orglab.history.sources import Sources
from orglab.org.timestamp import skip_date
from orglab.report.content.past import Past, read_past
from orglab.runs.record import Run

CLOSED_KINDS = ("done", "dropped")
_WORK = frozenset(("step", "run", "commit"))
_WORK_WITHOUT_STATE = _WORK | {"note"}
"""What shows that an experiment is under way of which the log does not say so: there is no state that a note leaves."""


@dataclass(frozen=True, slots=True)
class Period:
    """The period of a report.

    Attributes:
        since: Its beginning, local time.
        until: Its end, exclusive.
        reason: Why it is this one, in a few words: `since the last report`.
    """

    since: datetime.datetime
    until: datetime.datetime
    reason: str = ""

    def contains(self, moment: datetime.datetime | None) -> bool:
        """Return whether a time is within the period."""
        return moment is not None and self.since <= moment < self.until

    @property
    def last_day(self) -> datetime.date:
        """The last day of the period."""
        return max(self.since, self.until - datetime.timedelta(microseconds=1)).date()


@dataclass(frozen=True, slots=True)
class ExperimentActivity:
    """An experiment and its events.

    Attributes:
        experiment: The experiment, as it is in the log now.
        events: Its events up to the end of the period, in order; undated ones last. A change of its state or its
            verdict that only git dates has the commit that made it.
        recent: Its events in the period, without commits of the log if no other event shows work on it.
        runs: Its runs that began before the end of the period, oldest first.
        state: Its TODO keyword at the end of the period, as far as the log shows.
        kind: The kind of that state, as returned by `states.get_state_kind`.
        closed: When it was last concluded or dropped, if it is closed at the end of the period.
        existed: Whether it was in the log by the end of the period, as far as is known.
        conclusion: Its conclusion as it was at the end of the period.
    """

    experiment: Experiment
    events: tuple[Event, ...]
    recent: tuple[Event, ...]
    runs: tuple[Run, ...]
    state: str | None
    kind: str | None
    closed: datetime.datetime | None
    existed: bool
    conclusion: Conclusion

    @property
    def ref(self) -> str:
        """The reference of the experiment."""
        return self.experiment.ref

    @property
    def title(self) -> str:
        """The title of the experiment, without a date that it begins with."""
        return skip_date(self.experiment.title)

    @property
    def created(self) -> datetime.datetime | None:
        """When it was created, or None if the log does not say so."""
        return self.experiment.created.when if self.experiment.created is not None else None

    @property
    def is_created(self) -> bool:
        """Whether it had been created by the end of the period: runs may be older than their experiment."""
        created = self.created
        return created is None or any(event.at is not None and event.at >= created for event in self.events)

    @property
    def is_under_way(self) -> bool:
        """Whether it is in progress, by its state or because something was done although the state does not say so."""
        if self.kind == "todo" and self.steps_done() and any(event.at is not None for event in self.events):
            return True
        if self.kind in ("todo", None):
            work = _WORK if self.kind == "todo" else _WORK_WITHOUT_STATE
            return self.is_created and any(event.kind in work for event in self.recent)
        return self.kind == "doing"

    def last_moment(self) -> datetime.datetime | None:
        """Return the time of its last event in the period; None if there is none with a known time."""
        return max((event.at for event in self.recent if event.at is not None), default=self.closed)

    def of_kind(self, kind: str) -> list[Event]:
        """Return its events of a kind in the period."""
        return [event for event in self.recent if event.kind == kind]

    def steps_done(self) -> list[Step]:
        """Return the steps that were done by the end of the period, including those done at an unknown time."""
        done = {event.ref for event in self.events if event.kind == "step"}
        return [step for step in self.experiment.steps if step.ref in done]


def read_activities(
    sources: Sources, experiments: Sequence[Experiment], period: Period, *, with_journal: bool = False
) -> list[ExperimentActivity]:
    """Return the activity of each experiment up to the end of a period, in the order given.

    Args:
        sources: What is known about their log.
        experiments: The experiments.
        period: The period.
        with_journal: Whether journal entries are included.

    Raises:
        GitError: git fails.
    """
    all_events = read_events(sources, experiments, with_journal=with_journal)
    if sources.repository is not None:
        pasts = read_past(sources.log, experiments, all_events, period)
    else:
        pasts = [Past(one, events, one.conclusion) for one, events in zip(experiments, all_events, strict=True)]
    activities = [
        _make_activity(experiment, past, sources.find_runs(experiment), period)
        for experiment, past in zip(experiments, pasts, strict=True)
    ]
    return _leave_out_log_commits(activities, sources)


def _leave_out_log_commits(activities: list[ExperimentActivity], sources: Sources) -> list[ExperimentActivity]:
    """Return the activities without commits of the log where nothing else shows that somebody worked on it."""
    candidates = [one for one in activities if {event.kind for event in one.recent} & _WORK == {"commit"}]
    if sources.repository is None or not candidates:
        return activities
    named = {event.commit for one in candidates for event in one.recent if event.kind == "commit"}
    commits = {commit.hash: commit for one in candidates for commit in sources.find_commits(one.experiment)}
    own_paths = sources.log.find_own_paths(sources.repository)
    asked = [commit for name, commit in commits.items() if name in named]
    of_log = find_log_commits(sources.repository, asked, own_paths)
    refs = {one.ref for one in candidates}
    return [_without(one, of_log) if one.ref in refs else one for one in activities]


def _without(activity: ExperimentActivity, commits: Collection[str]) -> ExperimentActivity:
    """Return an activity whose recent events are without some commits."""
    recent = tuple(event for event in activity.recent if event.kind != "commit" or event.commit not in commits)
    return replace(activity, recent=recent)


def _make_activity(experiment: Experiment, past: Past, runs: Iterable[Run], period: Period) -> ExperimentActivity:
    """Return the activity of an experiment.

    Args:
        experiment: The experiment.
        past: What is told of it, with all its events.
        runs: Its runs.
        period: The period of the report.
    """
    events = past.events
    known = tuple(event for event in events if event.at is None or event.at < period.until)
    state = _find_state(past.experiment, known, events, period)
    settings = past.experiment.document.settings
    kind = get_state_kind(state, settings)
    conclusion = past.conclusion.before(period.until)
    if state is None and past.experiment.state is None and (conclusion.text or conclusion.verdict):
        # In a log without TODO keywords, an experiment with a conclusion is done.
        kind = "done"
    closed = None
    if kind in CLOSED_KINDS:
        # The keywords may have been others then.
        closed = max((*list_closing(known, experiment), *list_closing(known, past.experiment)), default=None)
    return ExperimentActivity(
        experiment, known, tuple(event for event in known if period.contains(event.at)),
        tuple(run for run in runs if run.began is None or run.began < period.until), state, kind, closed,
        existed=any(event.at is not None for event in known)
        or (past.existed and all(event.at is None for event in events)),
        conclusion=conclusion,
    )  # fmt: skip


def list_closing(events: Iterable[Event], experiment: Experiment) -> list[datetime.datetime]:
    """Return when an experiment was concluded or closed, according to its events."""
    is_done = experiment.document.settings.is_done
    return [
        event.at for event in events if event.at and (event.kind == "conclusion" or is_done(event.facts.get("new")))
    ]


def _find_state(experiment: Experiment, known: Sequence[Event], events: Sequence[Event], period: Period) -> str | None:
    """Return the state of an experiment at the end of a period, as far as the log shows; None if it is unknown."""
    created = experiment.created
    if created is not None and created.when >= period.until:
        # Runs may be older than the experiment that they were assigned to.
        return None
    later = [event for event in events if event.kind == "state" and event.at and event.at >= period.until]
    if not later:
        return experiment.state
    if "old" in later[0].facts:
        return later[0].facts["old"]
    settings = experiment.document.settings
    if not settings.is_done(later[0].facts.get("new")):
        return experiment.state
    # It was closed after the period, as CLOSED tells, but not from which state: from that of the last recorded change.
    changes = [event.facts.get("new") for event in known if event.kind == "state" and event.at]
    return changes[-1] if changes and not settings.is_done(changes[-1]) else None
