"""Reports of a log: made, and checked again later."""

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


def make_report(log: LogFile, request: ReportOptions, now: datetime.datetime | None = None) -> Report:
    """Return a report on a log.

    Args:
        log: The log.
        request: What is wanted.
        now: The local time; that of the machine if None.

    Raises:
        NotFoundError: An experiment is not there, or there was no last report.
        UsageError: A date or the match string cannot be read.
    """
    now = now or clock.now()
    period = read_period(log, request, now)
    chosen = choose_experiments(log, request)
    try:
        activities, links = _read(log, request, chosen, period)
    except GitError:
        # The page says where git is not known; a log is no worse without.
        activities, links = _read(log, request, chosen, period, use_git=False)
    wording = Wording(period, links, log.config, log.path.absolute().parent)
    scope = (*(log.spell(reference) for reference in request.references), *((request.match,) if request.match else ()))
    return compose_report(activities, wording, Head(request.title, now, str(log.path), scope))


def _read(
    log: LogFile, request: ReportOptions, chosen: Sequence[Experiment], period: Period, *, use_git: bool = True
) -> tuple[list[ExperimentActivity], Links]:
    """Return what happened to the chosen experiments, and what citations of it lead to.

    Raises:
        GitError: git refuses.
    """
    sources = PeriodSources(log, chosen, period.since, use_git=use_git)
    links = read_links(chosen, sources)
    return read_activities(sources, chosen, period, with_journal=request.journal), links


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """What became of a report.

    Attributes:
        file: The report.
        statements: How many statements were asked again.
        broken: What of them no longer holds.
    """

    file: str
    statements: int
    broken: tuple[FailedClaim, ...]


def check_report(log: LogFile, path: Path | None = None) -> ReportCheck:
    """Return whether what a report says still holds.

    Args:
        log: The log that it is about.
        path: The report's file; None for the last one written here, which need not exist any more.

    Raises:
        NotFoundError: There is no such report, or it holds no evidence.
    """
    last = read_last(log.clone_folder)
    if path is None:
        if last.evidence is None or last.file is None:
            raise NotFoundError("No report has been written here yet; name one: orglab report --check FILE.")
        file, evidence = last.file, last.evidence
    else:
        file, evidence = str(path), read_report_evidence(path, last)
    held = from_evidence(evidence)
    sources = Sources(log)
    needs_journal = any(claim.kind == "journal" for one in held for claim in one.claims)
    entries = sources.entries if needs_journal else []
    present = CurrentFacts(log.experiments(), sources.runs, entries, sources.repository)
    return ReportCheck(file, len(held), tuple(verify(held, present)))
