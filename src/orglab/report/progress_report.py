"""Progress reports: making one from a log, and checking an old one."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from orglab import clock
from orglab.errors import GitError
from orglab.experiment.check import Progress
from orglab.experiment.model import Experiment
from orglab.history.events import written_events
from orglab.history.sources import PeriodSources, Sources
from orglab.log.log import LogFile
from orglab.report.content.byline import describe_source, read_author, read_title
from orglab.report.content.citations import Links, read_links
from orglab.report.content.evidence import from_evidence, read_until
from orglab.report.content.facts import ExperimentActivity, Period, read_activities
from orglab.report.content.sections import Head, compose_report
from orglab.report.content.statements import Planned, Report
from orglab.report.content.text_changes import TextChange
from orglab.report.content.verification import CurrentFacts, FailedClaim, verify
from orglab.report.content.wording import Wording
from orglab.report.last_report import read_last
from orglab.report.report_options import ReportOptions, choose_experiments, read_period
from orglab.report.stored_report import read_last_report, read_stored_report
from orglab.runs.step_results import Results

MOST_CHANGES = 50
"""How many changes of a report's text are named at most."""
# The log, the commits, the events and the results.
_PARTS = 4


def make_report(
    log: LogFile, options: ReportOptions, now: datetime.datetime | None = None, progress: Progress | None = None
) -> Report:
    """Return a progress report on a log.

    Args:
        log: The log.
        options: What the report covers.
        now: The local time; None for the machine's.
        progress: Called with the number of parts that are read, and their total.

    Raises:
        NotFoundError: An experiment does not exist, or there was no report of an earlier day.
        UsageError: A date or the match string is invalid.
    """
    now = now or clock.now()
    progress = progress or (lambda _done, _total: None)
    period = read_period(log, options, now)
    experiments = choose_experiments(log, options)
    progress(1, _PARTS)
    sources = PeriodSources(log, experiments, period.since)
    try:
        activities, results, links = _read(sources, experiments, period, progress, with_journal=options.journal)
        head = _read_head(sources, links, options, period, now)
    except GitError:
        # The log and the runs are worth a report even where git does not work.
        sources = PeriodSources(log, experiments, period.since, use_git=False)
        activities, results, links = _read(sources, experiments, period, progress, with_journal=options.journal)
        head = _read_head(sources, links, options, period, now)
    progress(_PARTS, _PARTS)
    root = None if log.config.report.pictures_outside else log.top
    wording = Wording(period, links, log.config, log.path.absolute().parent, root, sources.document.find_footnote)
    report = compose_report(activities, results, wording, head)
    return replace(report, nearest=_find_nearest(sources, experiments, period)) if report.is_empty else report


def _find_nearest(sources: Sources, experiments: Sequence[Experiment], period: Period) -> datetime.datetime | None:
    """Return when the last thing before a period happened, else the first one after it; None if nothing has a date.

    Commits do not count, because those of the log alone are left out of a report.
    """
    # Those of the period are without the runs that ended before it.
    all_sources = Sources(sources.log, use_git=False)
    times = [event.at for one in experiments for event in written_events(one, ()) if event.at is not None]
    times += [run.began for one in experiments for run in all_sources.find_runs(one) if run.began is not None]
    times += [entry.at.when for entry in sources.entries if entry.at is not None]
    before = max((time for time in times if time < period.since), default=None)
    return before or min((time for time in times if time >= period.until), default=None)


def _read(
    sources: PeriodSources, experiments: Sequence[Experiment], period: Period, progress: Progress, *, with_journal: bool
) -> tuple[list[ExperimentActivity], dict[str, Results], Links]:
    """Return the activity of the experiments, their results, and the link targets of citations.

    Raises:
        GitError: git fails.
    """
    links = read_links(experiments, sources)
    progress(2, _PARTS)
    activities = read_activities(sources, experiments, period, with_journal=with_journal)
    progress(3, _PARTS)
    results = {
        one.ref: sources.read_results(one.experiment, one.runs, until=period.until, words=one.conclusion.text)
        for one in activities
        if one.runs
    }
    return activities, results, links


def _read_head(
    sources: PeriodSources, links: Links, options: ReportOptions, period: Period, now: datetime.datetime
) -> Head:
    """Return the head of a report.

    Raises:
        GitError: git fails.
    """
    log, repository = sources.log, sources.repository
    before = read_last(log.clone_folder).find_before(period.until)
    scope = (*(log.spell(reference) for reference in options.references), *((options.match,) if options.match else ()))
    return Head(
        title=options.title or read_title(sources.document, repository, log.config.report),
        is_whole_title=bool(options.title),
        made=now,
        log=str(log.path),
        scope=scope,
        author=read_author(sources.document, repository, log.config.report),
        source=describe_source(repository, links.forge, sources.head),
        entries=sum(entry.at is not None and period.contains(entry.at.when) for entry in sources.entries),
        planned=tuple(Planned(*plan) for plan in before.planned) if before is not None else (),
    )


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """The result of checking a report.

    Attributes:
        file: The path of the report.
        statements: How many statements were checked.
        broken: The claims that no longer hold.
        changes: The changes of its text since it was written, at most MOST_CHANGES of them.
        is_compared: Whether its text was compared; False if its file is gone, or its evidence has no words.
    """

    file: str
    statements: int
    broken: tuple[FailedClaim, ...]
    changes: tuple[TextChange, ...]
    is_compared: bool


def check_report(log: LogFile, path: Path | None = None) -> ReportCheck:
    """Return which claims of a report no longer hold, and what was changed in its text.

    Args:
        log: The log that the report is about.
        path: The report's file; None for the last report written in this clone, even if its file is gone.

    Raises:
        NotFoundError: There is no such report, or it contains no evidence.
    """
    last = read_last(log.clone_folder)
    stored = read_last_report(last, log.repository) if path is None else read_stored_report(path, last, log.repository)
    statements = from_evidence(stored.evidence)
    changes = tuple(islice(stored.find_changes(), MOST_CHANGES))
    current = CurrentFacts(Sources(log), statements, read_until(stored.evidence))
    broken = tuple(verify(statements, current))
    return ReportCheck(stored.file, len(statements), broken, changes, stored.is_comparable)
