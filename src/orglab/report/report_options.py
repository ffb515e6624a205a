"""What report is asked for: on which experiments, and on which time."""

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
USUAL = datetime.timedelta(weeks=2)


@dataclass(frozen=True, slots=True)
class ReportOptions:
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


def read_period(log: LogFile, request: ReportOptions, now: datetime.datetime) -> Period:
    """Return the time that a request is about.

    Raises:
        NotFoundError: It is to begin at the last report, and there was none.
        UsageError: A date cannot be read, or it would end before it begins.
    """
    until = now
    if request.until is not None:
        until = _after(parse_until(request.until, now.date()))
    wants_last = request.since is not None and request.since.strip().lower() == LAST
    if request.since is not None and not wants_last:
        since = _begin(parse_since(request.since, now.date()))
    else:
        last = read_last(log.clone_folder).until
        if last is None and wants_last:
            raise NotFoundError("No report has been written here yet; name a date, such as --since 2w.")
        two_weeks = _begin(max(until.date(), datetime.date.min + USUAL) - USUAL)
        since = last if last is not None and (wants_last or last < until) else two_weeks
    if since >= until:
        raise UsageError(f"The report would end before it begins: {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}.")
    return Period(since, until)


def _begin(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time())


def _after(day: datetime.date) -> datetime.datetime:
    """Return the end of a day."""
    if day == datetime.date.max:
        return datetime.datetime.max  # noqa: DTZ901 - as the times of the log
    return _begin(day + datetime.timedelta(days=1))


def choose_experiments(log: LogFile, request: ReportOptions) -> list[Experiment]:
    """Return the experiments that a report is narrowed to, in the order of the log."""
    chosen = log.select(request.match)
    if not request.references:
        return chosen
    wanted = {log.experiment(reference).ref for reference in request.references}
    return [one for one in chosen if one.ref in wanted]


def split_arguments(log: LogFile, arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Return which arguments are references, and the match string that may be among them.

    A word is a reference if the log has such an experiment, or if it can be nothing else: it has a digit in it.

    Raises:
        UsageError: There are two match strings.
    """
    ids = {one.id for one in log.experiments()} if arguments else set()
    references: list[str] = []
    matches: list[str] = []
    for argument in arguments:
        (references if _is_reference(argument, ids, log.config.letter) else matches).append(argument)
    if len(matches) > 1:
        raise UsageError(f"One match string is enough; {matches[0]!r} and {matches[1]!r} are two.")
    return references, matches[0] if matches else None


def _is_reference(text: str, ids: set[str], letter: str) -> bool:
    try:
        name = parse_reference(text).id
    except UsageError:
        return False
    bare = without_letter(name, letter)
    return name in ids or bare in ids or bare.isdigit() or "[" in text
