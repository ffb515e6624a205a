"""A report, composed of what the log, the commits and the runs tell; empty parts are left out."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from orglab.report.content.changes_of_mind import find_overturned_in, read_changes, read_dropped
from orglab.report.content.conclusions import Answer, find_answers, find_unconfirmed, read_result, state_conclusion
from orglab.report.content.doubts import find_risks
from orglab.report.content.facts import ExperimentActivity, Period
from orglab.report.content.headline import explain_figures, find_headline
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

T = TypeVar("T")
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


class _Material(NamedTuple):
    """What a report is composed of.

    Attributes:
        activities: The experiments.
        results: The results of each, by its reference.
        answers: The experiments that were concluded, the last one first.
        stated: Those of them that the summary states.
        plans: What comes next.
        overturned: The experiments that a later conclusion overturns, each with that one.
        wording: The context.
    """

    activities: Sequence[ExperimentActivity]
    results: Mapping[str, Results]
    answers: Sequence[Answer]
    stated: Sequence[Answer]
    plans: Sequence[tuple[Planned, Item]]
    overturned: Mapping[str, str]
    wording: Wording

    @property
    def under_way(self) -> list[ExperimentActivity]:
        """The experiments under way, the most recently active first."""
        doing = [activity for activity in self.activities if activity.is_under_way]
        earliest = datetime.datetime.min  # noqa: DTZ901 - as the log
        return sorted(doing, key=lambda one: one.last_moment() or earliest, reverse=True)


def compose_report(
    activities: Sequence[ExperimentActivity], results: Mapping[str, Results], wording: Wording, head: Head
) -> Report:
    """Return the report on some activities; `results` are those of each experiment, by its reference."""
    present = [activity for activity in activities if activity.existed]
    answers = find_answers(present, results, wording)
    stated = [answer for answer in answers if answer.is_worth_stating][:MOST_CONCLUSIONS]
    plans = find_next(present, wording)
    material = _Material(present, results, answers, stated, plans, find_overturned_in(present, wording), wording)
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
        short=_summarize(material, head),
        sections=_compose_sections(material),
        planned_next=tuple(plan for plan, _ in plans[:MOST_NEXT]),
        touched=tuple(activity for activity in present if activity.recent or wording.period.contains(activity.closed)),
        results=results,
        wording=wording,
    )


def period_text(period: Period) -> str:
    """Return the days of a period in words."""
    return days(period.since.date(), period.last_day)


def _summarize(material: _Material, head: Head) -> Short:
    """Return what a report says in short."""
    activities, answers, results, wording = material.activities, material.answers, material.results, material.wording
    planned = describe_planned(head.planned, {activity.ref: activity for activity in activities}, wording)
    going_on = [results[one.ref] for one in material.under_way[:_MOST_OPEN] if one.ref in results]
    headlines = [answer.headline for answer in material.stated if answer.headline is not None]
    means = [headline for headline in map(find_headline, going_on) if headline is not None]
    return Short(
        lead=tuple(summarize(activities, wording, head.entries)),
        conclusions=tuple(state_conclusion(answer, material.overturned, wording) for answer in material.stated),
        legend=explain_figures(headlines, means),
        earlier=len(answers) - len(material.stated),
        needed=(*find_prefixed("ASK", activities, wording), *find_unconfirmed(answers, wording)),
        risks=tuple(find_risks([(one.activity, one.headline) for one in answers], activities, results, wording)),
        planned=(planned,) if planned is not None else (),
        remarks=tuple(describe_undated(activities, wording)),
    )


def _compose_sections(material: _Material) -> dict[str, tuple[Item, ...]]:
    """Return the items of each section that is not empty."""
    activities, wording = material.activities, material.wording
    waiting = [activity for activity in activities if activity.kind == "waiting"]
    stateless = [activity for activity in activities if is_stateless(activity)]
    others = {activity.ref: activity for activity in activities}
    read = [
        read_result(one, material.overturned, others, wording, is_stated=one in material.stated)
        for one in material.answers
    ]
    found = {
        "changed": _cut(list(read_changes(activities, material.overturned, wording)), lambda item: item),
        "dropped": _cut(read_dropped(activities, wording), lambda item: item),
        "under_way": _cut(
            material.under_way, lambda one: read_under_way(one, material.results.get(one.ref), wording), "under way"
        ),
        "without_state": _cut(stateless, lambda one: read_stateless(one, wording), "without a state"),
        "blocked": _cut(waiting, lambda one: read_blocked(one, wording), "blocked"),
        "next": _cut(material.plans, lambda plan: plan[1], most=MOST_NEXT),
        "results": tuple(item for item in read if item is not None),
        "journal": tuple(_journal(activities, wording)),
    }
    return {name: found[name] for name in SECTIONS if found[name]}


def _cut(things: Sequence[T], read: Callable[[T], Item], what: str = "", most: int = _MOST_OPEN) -> tuple[Item, ...]:
    """Return the items on the first of some things, and how many more there are."""
    more = f"and {cardinal(len(things) - most, 'words')} more {what}".rstrip() if len(things) > most else ""
    return (*map(read, things[:most]), *([Item("", more, "", "plain", ())] if more else []))


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
