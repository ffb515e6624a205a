"""Reports of a log: made, written, and checked again later."""

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orglab import clock
from orglab.clock import parse_since, parse_until
from orglab.config import active_file
from orglab.errors import GitError, NotFoundError, NotWritableError, UsageError
from orglab.experiment.journal import Entry, read_entries
from orglab.experiment.model import Experiment
from orglab.git import is_installed
from orglab.git.commit import Commit
from orglab.history.events import when_done
from orglab.history.timeline import first_ticked, last_closed
from orglab.log.log import LogFile
from orglab.reference import parse_reference
from orglab.report.content.citations import Links, read_links
from orglab.report.content.evidence import from_evidence
from orglab.report.content.facts import Period, Sources, read_accounts, read_sources
from orglab.report.content.layout import collect_evidence, lay_out
from orglab.report.content.sections import Head, compose_report
from orglab.report.content.statements import Report
from orglab.report.content.verification import CurrentFacts, FailedClaim, verify
from orglab.report.content.wording import Wording
from orglab.report.formats.attachments import compute_digest, write_atomically
from orglab.report.formats.document_file import ENDINGS, write_document
from orglab.report.formats.evidence_block import read_evidence
from orglab.report.formats.template import fill_template, find_ending
from orglab.report.formats.to_markdown import to_markdown
from orglab.report.last_report import LastReport, read_last, write_last
from orglab.runs.record import read_runs

LAST = "last report"
BINARY = (".pdf", ".docx")
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


def make_report(log: LogFile, wish: Wish = Wish(), now: datetime.datetime | None = None) -> Report:
    """Return a report on a log.

    Args:
        log: The log.
        wish: What is wanted.
        now: The local time; that of the machine if None.

    Raises:
        NotFoundError: An experiment is not there, or there was no last report.
        UsageError: A date or the match string cannot be read.
    """
    now = now or clock.now()
    period = read_period(log, wish, now)
    chosen = _choose(log, wish)
    # The page says where it is not known; a log is no worse without git.
    repository = log.repository
    runs = read_runs(_top(log))
    entries = _entries(log) if wish.journal else ()
    try:
        sources = read_sources(chosen, repository, period, runs=runs, entries=entries)
        undated = [one for one in chosen if one.is_done and one.closed is None and one.conclusion.closed is None]
        sources = replace(
            sources, ticked=_ticked(log, chosen, sources, period), closed=last_closed(log, undated) if undated else {}
        )
        links = read_links(chosen, sources, repository, log.path)
    except GitError:
        sources = read_sources(chosen, None, period, runs=runs, entries=entries)
        links = Links(lines={one.ref: one.line for one in chosen})
    wording = Wording(period, links, log.config, log.path.absolute().parent)
    scope = (*(log.spell(reference) for reference in wish.references), *((wish.match,) if wish.match else ()))
    head = Head(wish.title, now, str(log.path), scope)
    return compose_report(read_accounts(chosen, sources, period), wording, head)


def read_period(log: LogFile, wish: Wish, now: datetime.datetime) -> Period:
    """Return the time that a wish is about.

    Raises:
        NotFoundError: It is to begin at the last report, and there was none.
        UsageError: A date cannot be read, or it would end before it begins.
    """
    until = now
    if wish.until is not None:
        until = _after(parse_until(wish.until, now.date()))
    wants_last = wish.since is not None and wish.since.strip().lower() == LAST
    if wish.since is not None and not wants_last:
        since = _begin(parse_since(wish.since, now.date()))
    else:
        last = read_last(_folder(log)).until
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


def _folder(log: LogFile) -> Path:
    """Return where this clone remembers its last report."""
    git_dir = os.fspath(log.repository.git_dir) if log.repository is not None else None
    return Path(active_file(os.fspath(log.path), git_dir)).parent


def _top(log: LogFile) -> Path:
    """Return the folder that holds the records of runs."""
    return log.repository.top if log.repository is not None else log.path.absolute().parent


def _choose(log: LogFile, wish: Wish) -> list[Experiment]:
    """Return the experiments that a report is narrowed to, in the order of the log."""
    chosen = log.select(wish.match)
    if not wish.references:
        return chosen
    wanted = {log.experiment(reference).ref for reference in wish.references}
    return [one for one in chosen if one.ref in wanted]


def _ticked(log: LogFile, chosen: Sequence[Experiment], sources: Sources, period: Period) -> Mapping[str, Commit]:
    """Return the commits of the log that ticked the steps of which nothing else says when they were done.

    Those of experiments that were closed before the period were done before it, and are not looked for.
    """
    wanted = {}
    for one in chosen:
        if one.closed is None or one.closed.when >= period.since:
            for step in one.steps:
                done = when_done(step, sources.named)
                if done is not None and done.source == "unknown":
                    wanted[step.ref] = (one, step)
    return first_ticked(log, wanted) if wanted else {}


def _entries(log: LogFile) -> list[Entry]:
    """Return the entries of the journal; none if there is no journal."""
    path = log.path.parent / log.config.journal
    try:
        document = LogFile(path, log.config).document()
    except NotFoundError:
        return []
    return list(read_entries(document, log.config))


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
    return name in ids or name.removeprefix(letter) in ids or name.removeprefix(letter).isdigit() or "[" in text


# ---- written ----


@dataclass(frozen=True, slots=True)
class Form:
    """How a report is to be written.

    Attributes:
        ending: The format: one of ENDINGS, or of what the template makes.
        template: The template, or None for ours.
    """

    ending: str = ".md"
    template: Path | None = None


def chosen_form(log: LogFile, out: Path | None, template: Path | None) -> Form:
    """Return how a report is to be written: by the ending of its file, and the template that makes such files.

    Args:
        log: The log, whose settings may name a template; it is for files with the ending of what it makes.
        out: The file; None for standard output.
        template: A template that the user names, for this one report.

    Raises:
        UsageError: There is no such format.
    """
    if template is not None:
        ending = find_ending(template)
        if out is not None and out.suffix.lower() in BINARY:
            raise UsageError(f"A template makes text, and no {out.suffix}; leave --template out.")
        return Form(ending, template)
    if out is None:
        return Form()
    ending = out.suffix.lower()
    own = Path(log.config.report.template) if log.config.report.template else None
    if own is not None and find_ending(own) == ending and ending not in BINARY:
        return Form(ending, own)
    if ending not in ENDINGS:
        named = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        text = "; .txt needs a template (the setting report.template)" if ending == ".txt" else ""
        raise UsageError(f"A report is written to a file that ends in {named}, not {ending or 'nothing'}{text}.")
    return Form(ending)


def render_report(report: Report, form: Form, *, for_people: bool = False) -> str:
    """Return a report as text: Markdown, or what the template makes.

    Args:
        report: The report.
        form: How.
        for_people: Whether it is looked at, and so need not carry its evidence.

    Raises:
        OrglabError: Jinja2 is not installed.
        UsageError: The template has a mistake.
    """
    if form.template is not None:
        return fill_template(report, form.template)
    document = lay_out(report)
    return to_markdown(replace(document, evidence=None) if for_people else document)


def write_report(log: LogFile, report: Report, path: Path, form: Form) -> None:
    """Write a report to a file, whole or not at all, and remember that: the next report begins where it ends.

    A report that was narrowed to a part of the log is remembered for `--check` alone.

    Raises:
        NotWritableError: It cannot be written.
        OrglabError: A library that the format needs is not installed.
        UsageError: The template has a mistake.
    """
    try:
        if form.template is not None:
            write_atomically(path, fill_template(report, form.template).encode("utf-8", "replace"))
        else:
            write_document(lay_out(report), path)
        content = path.read_bytes()
    except OSError as error:
        raise NotWritableError(f"The report cannot be written to {path}: {error.strerror}.") from error
    folder = _folder(log)
    until = read_last(folder).until if report.scope else report.period.until
    write_last(folder, LastReport(until, str(path.absolute()), compute_digest(content), collect_evidence(report)))


# ---- checked ----


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a report.

    Attributes:
        file: The report.
        statements: How many statements were asked again.
        broken: What of them no longer holds.
    """

    file: str
    statements: int
    broken: tuple[FailedClaim, ...]


def check_report(log: LogFile, path: Path | None = None) -> Checked:
    """Return whether what a report says still holds.

    Args:
        log: The log that it is about.
        path: The report's file; None for the last one written here, which need not exist any more.

    Raises:
        NotFoundError: There is no such report, or it holds no evidence.
    """
    last = read_last(_folder(log))
    if path is None:
        if last.evidence is None or last.file is None:
            raise NotFoundError("No report has been written here yet; name one: orglab report --check FILE.")
        file, evidence = last.file, last.evidence
    else:
        file, evidence = str(path), _evidence_in(path, last)
    held = from_evidence(evidence)
    top = _top(log)
    repository = log.repository if is_installed() else None
    entries = _entries(log) if any(claim.kind == "journal" for one in held for claim in one.claims) else []
    present = CurrentFacts(log.experiments(), read_runs(top), entries, repository)
    return Checked(file, len(held), tuple(verify(held, present)))


def _evidence_in(path: Path, last: LastReport) -> Mapping[str, Any]:
    """Return the evidence that a report carries, or that is remembered of it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"The report {path} cannot be read: {error.strerror}.") from error
    found = read_evidence(content)
    if found is not None:
        return found
    if last.evidence is not None and last.sha256 == compute_digest(content):
        return last.evidence
    raise NotFoundError(f"{path} holds no evidence; it was not made by `orglab report`, or that part was cut off.")
