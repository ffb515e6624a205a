"""Reports of a log: made, written, and checked again later."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from orglab.dates import parse_since, parse_until
from orglab.errors import GitError, NotFoundError, UsageError
from orglab.journal import Entry, read_entries
from orglab.log import Log
from orglab.model import Experiment
from orglab.reference import parse_reference
from orglab.report.composing import Head, compose_report
from orglab.report.facts import Period, read_accounts, read_sources
from orglab.report.links import Links, read_links
from orglab.report.model import Report
from orglab.report.wording import Wording
from orglab.runs import read_runs

USUAL = datetime.timedelta(weeks=2)


@dataclass(frozen=True, slots=True)
class Wish:
    """What report is wanted.

    Attributes:
        references: Experiments that it is narrowed to; all if empty.
        match: An Org match string that it is narrowed to as well, or None.
        since: Its first day as people write it, `last report` too; None: since the last report, else two weeks.
        until: Its last day; None: until now.
        title: Its title; empty for one made from the period.
        journal: Whether the journal's entries are told.
    """

    references: Sequence[str] = ()
    match: str | None = None
    since: str | None = None
    until: str | None = None
    title: str = ""
    journal: bool = False


def make_report(log: Log, wish: Wish = Wish(), now: datetime.datetime | None = None) -> Report:  # noqa: B008 - frozen
    """Return a report on a log.

    Args:
        log: The log.
        wish: What is wanted.
        now: The local time; that of the machine if None.

    Raises:
        NotFoundError: An experiment is not there, or there was no last report.
        UsageError: A date or the match string cannot be read.
    """
    now = now or datetime.datetime.now()  # noqa: DTZ005 - the log holds local times
    period = read_period(log, wish, now)
    chosen = _choose(log, wish)
    # The page says where it is not known; a log is no worse without git.
    repository = log.repository
    top = repository.top if repository is not None else log.path.absolute().parent
    runs = read_runs(top)
    entries = _entries(log) if wish.journal else ()
    try:
        sources = read_sources(chosen, repository, period, runs=runs, entries=entries)
        links = read_links(chosen, sources, repository, log.path)
    except GitError:
        sources = read_sources(chosen, None, period, runs=runs, entries=entries)
        links = Links(lines={one.ref: one.line for one in chosen})
    wording = Wording(period, links, log.config, log.path.absolute().parent)
    scope = (*(log.spell(reference) for reference in wish.references), *((wish.match,) if wish.match else ()))
    head = Head(wish.title, now, str(log.path), scope)
    return compose_report(read_accounts(chosen, sources, period), wording, head)


def read_period(log: Log, wish: Wish, now: datetime.datetime) -> Period:
    """Return the time that a wish is about.

    Raises:
        NotFoundError: It is to begin at the last report, and there was none.
        UsageError: A date cannot be read, or it would end before it begins.
    """
    until = now
    if wish.until is not None:
        day = parse_until(wish.until, now.date())
        until = _midnight(day + datetime.timedelta(days=1)) if day < datetime.date.max else datetime.datetime.max  # noqa: DTZ901
    last = log_memory(log).until if wish.since is None or wish.since.strip().lower() == "last report" else None
    if wish.since is not None and last is None and wish.since.strip().lower() == "last report":
        raise NotFoundError("No report has been written here yet; name a date, such as --since 2w.")
    if last is not None and last < until:
        since = last
    elif wish.since is None or last is not None:
        since = _midnight((until - USUAL).date())
    else:
        since = _midnight(parse_since(wish.since, now.date()))
    if since >= until:
        raise UsageError(f"The report would end before it begins ({since:%Y-%m-%d} to {until:%Y-%m-%d}).")
    return Period(since, until)
