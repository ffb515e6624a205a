"""The options of a report: which experiments and which period it covers."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from orglab.clock import parse_since, parse_until
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.model import Experiment
from orglab.log.log import LogFile
from orglab.reference import parse_reference, without_letter
from orglab.report.content.facts import Period
from orglab.report.last_report import read_last

LAST = "last report"
AS_ASKED = "as asked"
DEFAULT_LENGTH = datetime.timedelta(weeks=2)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report covers.

    Attributes:
        references: The experiments to report on; all if empty.
        match: An Org match string that the experiments must also match, or None.
        since: The first day in words, or `last report`; None: from the last report, else the last two weeks.
        until: The last day in words; None: until now.
        title: The title; empty for one made from the period.
        journal: Whether journal entries are included.
    """

    references: Sequence[str] = ()
    match: str | None = None
    since: str | None = None
    until: str | None = None
    title: str = ""
    journal: bool = False


def read_period(log: LogFile, options: ReportOptions, now: datetime.datetime) -> Period:
    """Return the period of a report, and why it is this one.

    A report that ends on the same day as the last one covers the same period: only its end may be later.

    Raises:
        NotFoundError: It should begin at the last report, and there is none that ended on an earlier day.
        UsageError: A date is invalid, or the period would end before it begins.
    """
    until = now
    if options.until is not None:
        until = _end_of_day(parse_until(options.until, now.date()))
    wants_last = options.since is not None and options.since.strip().lower() == LAST
    if options.since is not None and not wants_last:
        since, reason = _start_of_day(parse_since(options.since, now.date())), AS_ASKED
    elif (last := read_last(log.clone_folder).find_before(until)) is not None:
        since, reason = last.until, "since the last report"
    elif wants_last:
        raise NotFoundError("No report of an earlier day was written in this clone; give a date, such as --since 2w.")
    else:
        since = _start_of_day(max(until.date(), datetime.date.min + DEFAULT_LENGTH) - DEFAULT_LENGTH)
        reason = f"{'the last ' if options.until is None else ''}two weeks; there was no earlier report"
    if since >= until:
        raise UsageError(f"The period ends ({until:%Y-%m-%d %H:%M}) before it begins ({since:%Y-%m-%d %H:%M}).")
    return Period(since, until, reason)


def _start_of_day(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time())


def _end_of_day(day: datetime.date) -> datetime.datetime:
    """Return the end of a day."""
    if day == datetime.date.max:
        return datetime.datetime.max  # noqa: DTZ901 - as the times of the log
    return _start_of_day(day + datetime.timedelta(days=1))


def choose_experiments(log: LogFile, options: ReportOptions) -> list[Experiment]:
    """Return the experiments that a report covers, in the order of the log."""
    matching = log.select(options.match)
    if not options.references:
        return matching
    named = {log.experiment(reference).ref for reference in options.references}
    return [experiment for experiment in matching if experiment.ref in named]


def split_arguments(log: LogFile, arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the references among some arguments, and the match string if there is one.

    A word is a reference if it is the id of an experiment in the log, if it is a number, or if it is in brackets.

    Raises:
        UsageError: There are several match strings.
    """
    ids = {experiment.id for experiment in log.experiments()} if arguments else set()
    references: list[str] = []
    matches: list[str] = []
    for argument in arguments:
        (references if _is_reference(argument, ids, log.config.letter) else matches).append(argument)
    if len(matches) > 1:
        raise UsageError(f"Only one match string is allowed, but there are {matches[0]!r} and {matches[1]!r}.")
    return references, matches[0] if matches else None


def _is_reference(text: str, ids: set[str], letter: str) -> bool:
    try:
        name = parse_reference(text).id
    except UsageError:
        return False
    bare = without_letter(name, letter)
    return name in ids or bare in ids or bare.isdigit() or "[" in text
