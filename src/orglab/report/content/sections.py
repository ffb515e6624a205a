"""A report, composed of what the log, the commits and the runs tell; empty parts are left out."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orglab.report.content.changes_of_mind import find_overturned, read_changes
from orglab.report.content.conclusions import Answer, find_answers, read_result, state_conclusion
from orglab.report.content.doubts import find_risks
from orglab.report.content.facts import ExperimentActivity, Period
from orglab.report.content.headline import explain_figures
from orglab.report.content.prefixed_notes import find_prefixed
from orglab.report.content.progress import (
    MOST_NEXT,
    describe_planned,
    find_next,
    is_stateless,
    read_blocked,
    read_stateless,
    read_under_way,
)
from orglab.report.content.sentence import make_statement, place
from orglab.report.content.statements import SECTIONS, Item, Planned, Report, Short, Statement
from orglab.report.content.summary import count_facts, describe_undated, summarize
from orglab.report.content.wording import Wording, claim_note
from orglab.runs.step_results import Results
from orglab.text import cardinal, days

MOST_CONCLUSIONS = 8
"""How many conclusions the summary has; of more, the last ones."""
_MOST_OPEN = 4  # experiments under way, as many blocked, and as many changes


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a report.

    Attributes:
        title: The title of the study, or of the report if `is_whole_title`.
        made: When the report is made, local time.
        log: The path of the log, as the user gave it.
        scope: The references and the match string that the report is limited to.
        author: The author, or empty.
        source: The repository and its commit, or empty.
        is_whole_title: Whether the title is that of the report, so that no period is added.
        planned: What the last report named as next.
        entries: How many entries of the journal are of the period.
    """

    title: str
    made: datetime.datetime
    log: str
    scope: tuple[str, ...] = ()
    author: str = ""
    source: str = ""
    is_whole_title: bool = False
    planned: tuple[Planned, ...] = ()
    entries: int = 0


def compose_report(
    activities: Sequence[ExperimentActivity], results: Mapping[str, Results], wording: Wording, head: Head
) -> Report:
    """Return the report on some activities; `results` are those of each experiment, by its reference."""
    present = [activity for activity in activities if activity.existed]
    answers = find_answers(present, results, wording)
    plans = find_next(present, wording)
    overturned = find_overturned(present, wording)
    sections = {
        name: tuple(items)
        for name in SECTIONS
        if (items := list(_section(name, present, answers, plans, results, wording, overturned=overturned)))
    }
    title = f"{head.title}: progress" if head.title else "Progress"
    return Report(
        title=head.title if head.is_whole_title else f"{title}, {period_text(wording.period)}",
        author=head.author,
        source=head.source,
        period=wording.period,
        made=head.made,
        log=head.log,
        scope=head.scope,
        counts=count_facts(present, wording, head.entries),
        short=_summarize(present, answers, results, wording, head),
        sections=sections,
        planned_next=tuple(plan for plan, _ in plans[:MOST_NEXT]),
        touched=tuple(activity for activity in present if activity.recent or wording.period.contains(activity.closed)),
        results=results,
        wording=wording,
    )


def period_text(period: Period) -> str:
    """Return the days of a period in words."""
    return days(period.since.date(), period.last_day)


def _summarize(
    activities: Sequence[ExperimentActivity],
    answers: Sequence[Answer],
    results: Mapping[str, Results],
    wording: Wording,
    head: Head,
) -> Short:
    """Return what a report says in short."""
    planned = describe_planned(head.planned, {activity.ref: activity for activity in activities}, wording)
    answered = [(answer.activity, answer.headline) for answer in answers]
    return Short(
        lead=tuple(summarize(activities, wording, head.entries)),
        conclusions=tuple(state_conclusion(answer, wording) for answer in answers[:MOST_CONCLUSIONS]),
        legend=explain_figures([one.headline for one in answers[:MOST_CONCLUSIONS] if one.headline is not None]),
        earlier=max(0, len(answers) - MOST_CONCLUSIONS),
        needed=tuple(find_prefixed("ASK", activities, wording)),
        risks=tuple(find_risks(answered, activities, results, wording)),
        planned=(planned,) if planned is not None else (),
        remarks=tuple(describe_undated(activities, wording)),
    )


def _section(
    name: str,
    activities: Sequence[ExperimentActivity],
    answers: Sequence[Answer],
    plans: Sequence[tuple[Planned, Item]],
    results: Mapping[str, Results],
    wording: Wording,
    *,
    overturned: Mapping[str, str],
) -> Iterator[Item]:
    """Yield the items of a section."""
    if name == "changed":
        changes = list(read_changes(activities, overturned, wording))
        yield from changes[:_MOST_OPEN]
        if len(changes) > _MOST_OPEN:
            yield Item("", f"and {cardinal(len(changes) - _MOST_OPEN, 'words')} more", "", "plain", ())
    elif name == "under_way":
        doing = [activity for activity in activities if activity.is_under_way]
        doing.sort(key=lambda one: one.last_moment() or datetime.datetime.min, reverse=True)  # noqa: DTZ901 - as the log
        yield from (read_under_way(one, results.get(one.ref), wording) for one in doing[:_MOST_OPEN])
        yield from _rest(doing[_MOST_OPEN:], "under way")
        stateless = [activity for activity in activities if is_stateless(activity)]
        yield from (read_stateless(one, wording) for one in stateless[:_MOST_OPEN])
        yield from _rest(stateless[_MOST_OPEN:], "recorded")
    elif name == "blocked":
        waiting = [activity for activity in activities if activity.kind == "waiting"]
        yield from (read_blocked(one, wording) for one in waiting[:_MOST_OPEN])
        yield from _rest(waiting[_MOST_OPEN:], "blocked")
    elif name == "next":
        yield from (item for _, item in plans[:MOST_NEXT])
        if len(plans) > MOST_NEXT:
            yield Item("", f"and {cardinal(len(plans) - MOST_NEXT, 'words')} more", "", "plain", ())
    elif name == "results":
        stated = answers[:MOST_CONCLUSIONS]
        others = {activity.ref: activity for activity in activities}
        read = (read_result(one, overturned, others, wording, is_stated=one in stated) for one in answers)
        yield from (item for item in read if item is not None)
    else:
        yield from _journal(activities, wording)


def _rest(activities: Sequence[ExperimentActivity], what: str) -> Iterator[Item]:
    """Yield how many more experiments there are."""
    if activities:
        yield Item("", f"and {cardinal(len(activities), 'words')} more {what}", "", "plain", ())


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
            sentence = make_statement(wording.day(event.at), ": ", quote, place(wording.links.to(event.ref)))
            statements.append(Statement(sentence.content, (claim_note(event),), below, event.text if below else ""))
        if statements:
            yield Item(activity.ref, activity.title, "", "plain", tuple(statements))
