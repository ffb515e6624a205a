"""What is under way, what is blocked, what comes next, and what became of what was planned."""

from collections.abc import Mapping, Sequence

from orglab.experiment.model import Step
from orglab.report.blocks import Inline, Text
from orglab.report.content.changes_of_mind import last_change
from orglab.report.content.doubts import describe_failures
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.figures import claim_run
from orglab.report.content.first_sentence import split_first_sentence
from orglab.report.content.headline import count_values, find_headline, keep_together
from orglab.report.content.prefixed_notes import read_prefix
from orglab.report.content.sentence import make_statement, place
from orglab.report.content.statements import Item, Planned, Statement
from orglab.report.content.wording import (
    Wording,
    claim_change,
    claim_done,
    claim_exists,
    claim_note,
    claim_text,
)
from orglab.runs.setting import counts_as_failed, has_diverged
from orglab.runs.step_results import Results
from orglab.runs.summary_text import describe_mean
from orglab.text import count, cut

MOST_NEXT = 5
"""How many next steps are named."""
_LONGEST_PLAN, _LONGEST_NOTE = 60, 160
_PRIORITY = "B"
_DONE, _NOT_DONE = "✓", "✗"


def read_under_way(activity: ExperimentActivity, results: Results | None, wording: Wording) -> Item:
    """Return the item on an experiment under way: how far it is, its figures so far, its runs, and its last note."""
    pieces: list[str | list[Inline]] = []
    claims: list[Claim] = []
    for text, facts in (
        _count_steps(activity), _describe_figures(results), _describe_runs(activity, wording),
    ):  # fmt: skip
        if text:
            pieces += ["; " if pieces else "", text]
            claims += facts
    note, facts = _last_note(activity, wording)
    if note:
        pieces += ["; " if pieces else "", note]
    claims += facts
    since, facts = _since(activity, wording, is_alone=not pieces)
    claims += facts
    pieces += [since, ".", place(wording.links.to(activity.ref))]
    return _make_item(activity, make_statement(*pieces, claims=claims or [claim_exists(activity.experiment)]))


def is_stateless(activity: ExperimentActivity) -> bool:
    """Return whether something happened to an experiment of which the log does not say how far it is."""
    return activity.kind is None and bool(activity.recent) and activity.is_created and not activity.is_under_way


def read_stateless(activity: ExperimentActivity, wording: Wording) -> Item:
    """Return the item on an experiment without a state: when it was created, and what its text begins with."""
    text = activity.experiment.description
    claims = [claim_text(activity.ref, text, "description")]
    sentence = cut(split_first_sentence(text)[0], _LONGEST_NOTE)
    created = activity.created
    when = f"recorded {wording.on_day(created)}" if created is not None else "recorded"
    quote = [Text(": "), *wording.inline(sentence, activity.ref)] if sentence else []
    return _make_item(activity, make_statement(when, quote, ".", place(wording.links.to(activity.ref)), claims=claims))


def _make_item(activity: ExperimentActivity, statement: Statement) -> Item:
    return Item(activity.ref, activity.title, "", "plain", (statement,))


def _list_open(activity: ExperimentActivity) -> list[Step]:
    done = {step.ref for step in activity.steps_done()}
    return [step for step in activity.experiment.steps if step.ref not in done]


def _count_steps(activity: ExperimentActivity) -> tuple[str, list[Claim]]:
    """Return how many steps are done; that others are open is not claimed, as they may be done later."""
    steps, done = activity.experiment.steps, activity.steps_done()
    claims = [claim for step in done for claim in claim_done(step.ref, step.text)]
    if not steps:
        return "", []
    if len(done) == len(steps):
        all_of_them = {1: "its step is", 2: "both steps are"}.get(
            len(steps), f"all {count(len(steps), 'step', 'words')} are"
        )
        return f"{all_of_them} done, no conclusion yet", claims
    return f"{len(done)} of {count(len(steps), 'step')} done", claims or [claim_exists(activity.experiment)]


def _describe_figures(results: Results | None) -> tuple[str, list[Claim]]:
    """Return the figures so far."""
    headline = find_headline(results) if results is not None else None
    if headline is None:
        return "", []
    mean = describe_mean(headline.summary, headline.decimals)
    figures = keep_together(mean), keep_together(f"(n = {count_values(headline.summary)})")
    outcome = headline.outcome
    has_others = sum(bool(other.setting.runs) for other in headline.results.outcomes) > 1
    what = f" with “{cut(outcome.label or outcome.text, _LONGEST_PLAN)}”" if has_others else ""
    return f"so far {headline.metric} {' '.join(figures)}{what}", [*headline.claims()]


def _describe_runs(activity: ExperimentActivity, wording: Wording) -> tuple[str, list[Claim]]:
    """Return how many runs of the period are going on, and how many failed or were lost."""
    recent = [run for run in activity.runs if wording.period.contains(run.began)]
    running = [run for run in activity.runs if run.status == "running"]
    lost = [run for run in recent if run.status == "lost"]
    failed = [run for run in recent if counts_as_failed(run) and run.status != "lost"]
    parts = []
    if running:
        parts.append(f"{count(len(running), 'run', 'words')} going on")
    if failed:
        parts.append(describe_failures(len(failed), len(recent)))
    diverged = [run for run in recent if any(has_diverged(run, metric) for metric in run.metrics)]
    if diverged:
        parts.append(f"{count(len(diverged), 'run', 'words')} diverged")
    if lost:
        they = "it" if len(lost) == 1 else "they"
        parts.append(f"{count(len(lost), 'run', 'words')} lost: nobody saw how {they} ended")
    return ", ".join(parts), [*map(claim_run, (*failed, *lost, *running))]


def _last_note(activity: ExperimentActivity, wording: Wording) -> tuple[list[Inline], list[Claim]]:
    """Return the first line of the last dated note, unless it is told elsewhere."""
    notes = [event for event in activity.events if event.kind == "note" and event.at is not None and event.text]
    if not notes or read_prefix(notes[-1].text)[0]:
        return [], []
    note = notes[-1]
    line = note.text.strip().partition("\n")[0]
    when = [Text(f" ({wording.day(note.at)})")] if note.at is not None else []
    return [Text("“"), *wording.inline(cut(line, _LONGEST_NOTE), activity.ref), Text("”"), *when], [claim_note(note)]


def _since(activity: ExperimentActivity, wording: Wording, *, is_alone: bool) -> tuple[str, list[Claim]]:
    """Return since when an experiment is under way, or when something was last recorded."""
    dated = [event.at for event in activity.events if event.at is not None]
    if not dated:
        return "no date is recorded" if is_alone else "", []
    if not activity.recent:
        return f"{'' if is_alone else '; '}nothing since {wording.day(max(dated))}", []
    changes = [event for event in activity.events if event.kind == "state" and event.at is not None]
    begun = [event for event in changes if event.facts.get("new") == activity.state]
    since = (begun[-1].at if begun else None) or min(dated)
    created = activity.experiment.created
    claims = [claim_change(one) for one in begun[-1:]]
    if created is not None and created.when == since and not begun:
        claims = [Claim("created", activity.ref, "", created.isoformat())]
    return f"{'' if is_alone else '; '}since {wording.day(since)}", claims


def read_blocked(activity: ExperimentActivity, wording: Wording) -> Item:
    """Return the item on an experiment that is waiting: since when, and for what."""
    last = last_change(activity)
    source = place(wording.links.to(activity.ref))
    if last is None or last.at is None or last.facts.get("new") != activity.state:
        claims = [claim_exists(activity.experiment)]
        return _make_item(activity, make_statement("the log does not say since when.", source, claims=claims))
    since = f"since {wording.day(last.at)}"
    word, text = read_prefix(last.text)
    if word == "ASK":
        return _make_item(activity, make_statement(since, ", for an answer.", source, claims=[claim_change(last)]))
    if not text:
        return _make_item(activity, make_statement(since, "; no reason is noted.", source, claims=[claim_change(last)]))
    quote, below = wording.quotation(text, activity.ref, is_marked=False)
    statement = make_statement(since, [Text(": "), *quote] if quote else "", ":" if below else ".", source)
    return _make_item(activity, Statement(statement.content, (claim_change(last),), below, text if below else ""))


def find_next(activities: Sequence[ExperimentActivity], wording: Wording) -> list[tuple[Planned, Item]]:
    """Return what comes next, in order: the next step of each experiment under way, then those not begun.

    Of those under way, the most recently active comes first; of the others, those with a higher priority, then the
    newest.
    """
    doing = [activity for activity in activities if activity.is_under_way and _list_open(activity)]
    doing.sort(key=lambda one: one.last_moment() or wording.period.since, reverse=True)
    waiting = [activity for activity in activities if activity.kind == "todo" and not activity.is_under_way]
    waiting.sort(key=lambda one: _rank(one, wording))
    found = [_plan_step(activity, _list_open(activity)[0], wording) for activity in doing]
    return found + [_plan_experiment(activity, wording) for activity in waiting]


def _rank(activity: ExperimentActivity, wording: Wording) -> tuple[str, float]:
    created = activity.experiment.created
    age = (wording.period.until - created.when).total_seconds() if created is not None else float("inf")
    return activity.experiment.heading.priority or _PRIORITY, age


def _plan_step(activity: ExperimentActivity, step: Step, wording: Wording) -> tuple[Planned, Item]:
    text = wording.inline(step.text, activity.ref)
    statement = make_statement(text, ".", place(wording.links.to(step.ref)), claims=[claim_text(step.ref, step.text)])
    item = Item(activity.ref, activity.title, "", "plain", (statement,))
    return Planned(step.ref, step.text), item


def _plan_experiment(activity: ExperimentActivity, wording: Wording) -> tuple[Planned, Item]:
    experiment = activity.experiment
    statement = make_statement("not begun.", place(wording.links.to(activity.ref)), claims=[claim_exists(experiment)])
    return Planned(activity.ref, activity.title), _make_item(activity, statement)


def describe_planned(
    planned: Sequence[Planned], activities: Mapping[str, ExperimentActivity], wording: Wording
) -> Statement | None:
    """Return what became of what the last report named as next; None if it named nothing that the log still has."""
    pieces: list[str | Inline | list[Inline]] = []
    claims: list[Claim] = []
    for plan in planned:
        activity = activities.get(plan.ref.partition(".")[0])
        if activity is None:
            continue
        sign, facts = _judge(plan, activity)
        claims += facts
        text = wording.inline(cut(plan.text, _LONGEST_PLAN), activity.ref)
        pieces += [" \u00b7 " if pieces else "", f"{sign} ", [*text]]
    return make_statement(*pieces, claims=claims) if pieces else None


def _judge(plan: Planned, activity: ExperimentActivity) -> tuple[str, list[Claim]]:
    """Return the sign for whether a plan was carried out, and the facts behind it."""
    done = {step.ref: step for step in activity.steps_done()}
    if plan.ref in done:
        return _DONE, [*claim_done(plan.ref, done[plan.ref].text)]
    is_begun = "." not in plan.ref and activity.kind in ("doing", "waiting", "done")
    return _DONE if is_begun else _NOT_DONE, [claim_exists(activity.experiment)]
