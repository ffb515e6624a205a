"""The sections of a report, in order; empty ones are left out, and nothing is said twice."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orglab.report.content.facts import ExperimentActivity, Period
from orglab.report.content.findings import (
    is_concluded,
    is_dropped,
    read_dead_end,
    read_decisions,
    read_learned,
    read_next,
    read_under_way,
)
from orglab.report.content.sentence import cite, make_statement
from orglab.report.content.statements import SECTIONS, Item, Report, Statement
from orglab.report.content.summary import count_facts, summarize
from orglab.report.content.wording import Wording, claim_exists, claim_note
from orglab.runs.step_results import Results
from orglab.text import count, days

_OPEN = ("doing", "waiting")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a report.

    Attributes:
        title: The title; empty for one made from the period.
        made: When the report is made, local time.
        log: The path of the log, as the user gave it.
        scope: The references and the match string that the report is limited to.
    """

    title: str
    made: datetime.datetime
    log: str
    scope: tuple[str, ...] = ()


def compose_report(
    activities: Sequence[ExperimentActivity], results: Mapping[str, Results], wording: Wording, head: Head
) -> Report:
    """Return the report on some activities; `results` are those of each experiment, by its reference."""
    present = [activity for activity in activities if activity.existed]
    sections = {name: tuple(items) for name in SECTIONS if (items := list(_section(name, present, results, wording)))}
    return Report(
        title=head.title or f"Progress report, {period_text(wording.period)}",
        period=wording.period,
        made=head.made,
        log=head.log,
        scope=head.scope,
        counts=count_facts(present, wording),
        summary=tuple(summarize(present, wording)),
        sections=sections,
        touched=tuple(activity for activity in present if activity.recent or wording.period.contains(activity.closed)),
        results=results,
        wording=wording,
    )


def period_text(period: Period) -> str:
    """Return the days of a period in words."""
    return days(period.since.date(), period.last_day)


def _section(
    name: str, activities: Sequence[ExperimentActivity], results: Mapping[str, Results], wording: Wording
) -> Iterator[Item]:
    """Yield the items of a section."""
    if name == "learned":
        for activity in activities:
            if is_concluded(activity, wording):
                yield read_learned(activity, results.get(activity.ref, Results()), wording)
    elif name == "decisions":
        others = {activity.ref: activity for activity in activities}
        yield from filter(
            None, (read_decisions(activity, others, wording) for activity in activities if activity.recent)
        )
    elif name == "dead_ends":
        yield from (read_dead_end(activity, wording) for activity in activities if is_dropped(activity, wording))
    elif name == "under_way":
        yield from (read_under_way(activity, wording) for activity in activities if activity.kind in _OPEN)
    elif name == "next":
        yield from _next(activities, wording)
    else:
        yield from _journal(activities, wording)


def _next(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Item]:
    """Yield what comes next: the next step of each open experiment, then the experiments not started."""
    yield from filter(None, (read_next(activity, wording) for activity in activities if activity.kind in _OPEN))
    waiting = [activity for activity in activities if activity.kind == "todo"]
    new = [activity for activity in waiting if activity.of_kind("created")]
    statements = []
    for activity in new:
        sentence = (
            wording.inline(activity.experiment.title, activity.ref),
            cite([wording.links.to(activity.ref)]),
            ".",
        )
        statements.append(make_statement(*sentence, claims=[claim_exists(activity.experiment)]))
    older = [activity for activity in waiting if activity not in new]
    if older:
        verb = "has" if len(older) == 1 else "have"
        either = " either" if new else ""
        statements.append(
            make_statement(
                f"{count(len(older), 'earlier experiment', 'words')} {verb} not been started{either}",
                cite((wording.links.to(activity.ref, activity.experiment.title) for activity in older), 4), ".",
                claims=[claim_exists(activity.experiment) for activity in older],
            )
        )  # fmt: skip
    if statements:
        yield Item("", "Not started", "", "plain", tuple(statements))


def _journal(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Item]:
    """Yield the journal entries; one that names several experiments appears once."""
    seen: set[int | None] = set()
    for activity in activities:
        statements: list[Statement] = []
        for event in activity.of_kind("journal"):
            if event.line in seen or event.at is None:
                continue
            seen.add(event.line)
            quote, below = wording.quotation(event.text, activity.ref)
            sentence = make_statement(wording.day(event.at), cite([wording.links.to(event.ref)]), ": ", quote)
            statements.append(Statement(sentence.content, (claim_note(event),), below, event.text if below else ""))
        if statements:
            yield Item(activity.ref, activity.experiment.title, "", "plain", tuple(statements))
