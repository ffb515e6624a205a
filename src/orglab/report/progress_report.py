"""Progress reports: making one from a log, and checking an old one."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orglab import clock
from orglab.errors import GitError, NotFoundError
from orglab.experiment.model import Experiment
from orglab.history.sources import PeriodSources, Sources
from orglab.log.log import LogFile
from orglab.report.content.citations import Links, read_links
from orglab.report.content.evidence import from_evidence
from orglab.report.content.facts import ExperimentActivity, Period, read_activities
from orglab.report.content.sections import Head, compose_report
from orglab.report.content.statements import Report
from orglab.report.content.verification import CurrentFacts, FailedClaim, verify
from orglab.report.content.wording import Wording
from orglab.report.last_report import read_last
from orglab.report.rendering import read_report_evidence
from orglab.report.report_options import ReportOptions, choose_experiments, read_period
from orglab.runs.step_results import Results


def make_report(log: LogFile, options: ReportOptions, now: datetime.datetime | None = None) -> Report:
    """Return a progress report on a log.

    Args:
        log: The log.
        options: What the report covers.
        now: The local time; None for the machine's.

    Raises:
        NotFoundError: An experiment does not exist, or there was no last report.
        UsageError: A date or the match string is invalid.
    """
    now = now or clock.now()
    period = read_period(log, options, now)
    experiments = choose_experiments(log, options)
    try:
        activities, results, links = _read(log, options, experiments, period)
    except GitError:
        # The log and the runs are worth a report even where git does not work.
        activities, results, links = _read(log, options, experiments, period, use_git=False)
    root = None if getattr(log.config.report, "pictures_outside", False) else log.top
    wording = Wording(period, links, log.config, log.path.absolute().parent, root)
    scope = (*(log.spell(reference) for reference in options.references), *((options.match,) if options.match else ()))
    return compose_report(activities, results, wording, Head(options.title, now, str(log.path), scope))


def _read(
    log: LogFile, options: ReportOptions, experiments: Sequence[Experiment], period: Period, *, use_git: bool = True
) -> tuple[list[ExperimentActivity], dict[str, Results], Links]:
    """Return the activity of the experiments, their results, and the link targets of citations.

    Raises:
        GitError: git fails.
    """
    sources = PeriodSources(log, experiments, period.since, use_git=use_git)
    links = read_links(experiments, sources)
    activities = read_activities(sources, experiments, period, with_journal=options.journal)
    results = {
        one.ref: sources.read_results(one.experiment, one.runs, until=period.until) for one in activities if one.runs
    }
    return activities, results, links


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """The result of checking a report.

    Attributes:
        file: The path of the report.
        statements: How many statements were checked.
        broken: The claims that no longer hold.
    """

    file: str
    statements: int
    broken: tuple[FailedClaim, ...]


def check_report(log: LogFile, path: Path | None = None) -> ReportCheck:
    """Return which claims of a report no longer hold.

    Args:
        log: The log that the report is about.
        path: The report's file; None for the last report written in this clone, even if its file is gone.

    Raises:
        NotFoundError: There is no such report, or it contains no evidence.
    """
    last = read_last(log.clone_folder)
    if path is None:
        if last.evidence is None or last.file is None:
            raise NotFoundError("No report has been written in this clone yet; use `orglab report --check FILE`.")
        file, evidence = last.file, last.evidence
    else:
        file, evidence = str(path), read_report_evidence(log, path, last)
    statements = from_evidence(evidence)
    sources = Sources(log)
    needs_journal = any(claim.kind == "journal" for statement in statements for claim in statement.claims)
    entries = sources.entries if needs_journal else []
    current = CurrentFacts(log.experiments(), sources.runs, entries, sources.repository)
    return ReportCheck(file, len(statements), tuple(verify(statements, current)))
