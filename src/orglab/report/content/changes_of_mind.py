"""What was decided otherwise than before: verdicts that changed, experiments that were dropped or opened again."""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from orglab.history.events import Event
from orglab.org.source import decode, encode
from orglab.report.blocks import Inline, Text
from orglab.report.content.evidence import Claim, digest_text
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.sentence import make_statement, place
from orglab.report.content.statements import Item, Statement
from orglab.report.content.wording import Wording, claim_change, claim_closed, claim_text, find_cited

# The end of a text before a reference that it overturns: "contradicts the result of"
_CONTRADICTS = re.compile(
    r"(?:(?<!\bnot )(?<!n't )\b(?:overturn|contradict|refut|disprov|revers|retract|supersed)(?:e?s|ed|e)?\b(?! by\b)"
    r"|(?:\bnot|n't|\bfail(?:s|ed)? to) (?:reproduce|replicate|confirm)\b)[^.;!?]{0,40}\Z",
    re.IGNORECASE,
)


def is_concluded(activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was concluded in the period, or created in it and closed at an unknown time."""
    return activity.kind == "done" and wording.period.contains(activity.closed or activity.created)


def is_dropped(activity: ExperimentActivity, wording: Wording) -> bool:
    """Return whether an experiment was dropped in the period, or created in it and dropped at an unknown time."""
    return activity.kind == "dropped" and wording.period.contains(activity.closed or activity.created)


class Closed(NamedTuple):
    """An experiment that may overturn another, or be overturned.

    Attributes:
        ref: Its reference.
        kind: The kind of its state.
        text: Its conclusion.
        at: When it was closed, or None.
        line: The line of its heading.
    """

    ref: str
    kind: str | None
    text: str
    at: datetime.datetime | None
    line: int


def find_overturned(closed: Closed, find: Callable[[str], Closed | None], letter: str) -> list[str]:
    """Return the references of the experiments that a conclusion overturns in so many words, each once.

    They must have been concluded before it; within a minute, the order in the log tells.

    Args:
        closed: The experiment whose conclusion it is.
        find: Returns another experiment by its reference.
        letter: The letter of references.
    """
    text = encode(closed.text)
    named = dict.fromkeys(ref for at, ref in find_cited(text, letter) if _CONTRADICTS.search(decode(text[:at])))
    others = ((ref, find(ref)) for ref in named if ref != closed.ref)
    return [ref for ref, other in others if other is not None and other.kind == "done" and _is_earlier(other, closed)]


def _is_earlier(one: Closed, other: Closed) -> bool:
    if one.at is None or other.at is None:
        return other.at is not None
    return (one.at, one.line) < (other.at, other.line)


def find_overturned_in(activities: Sequence[ExperimentActivity], wording: Wording) -> dict[str, str]:
    """Return the experiments that a conclusion of the period overturns, each with the experiment that it is of."""
    closed = {
        one.ref: Closed(one.ref, one.kind, one.conclusion.text, one.closed, one.experiment.line) for one in activities
    }
    concluded = [closed[one.ref] for one in activities if is_concluded(one, wording)]
    return {ref: one.ref for one in concluded for ref in find_overturned(one, closed.get, wording.config.letter)}


def read_changes(
    activities: Sequence[ExperimentActivity], overturned: Mapping[str, str], wording: Wording
) -> Iterator[Item]:
    """Yield an item for each experiment about which something was decided otherwise than before."""
    by_ref = {activity.ref: activity for activity in activities}
    for ref, other in overturned.items():
        yield _make_item(by_ref[ref], [_overturn(by_ref[ref], by_ref[other], wording)])
    for activity in activities:
        statements = [_reopen(event, wording) for event in activity.of_kind("state") if is_reopening(event, activity)]
        statements += _conclude_again(activity, wording)
        if statements:
            yield _make_item(activity, statements)


def read_dropped(activities: Sequence[ExperimentActivity], wording: Wording) -> list[Item]:
    """Return an item for each experiment that was dropped in the period, with the reason."""
    return [_make_item(one, [_drop(one, wording)]) for one in activities if is_dropped(one, wording)]


def _make_item(activity: ExperimentActivity, statements: Sequence[Statement]) -> Item:
    return Item(activity.ref, activity.title, "", "plain", tuple(statements))


def _overturn(before: ExperimentActivity, after: ExperimentActivity, wording: Wording) -> Statement:
    title = wording.inline(after.title, after.ref)
    verdict = before.conclusion.verdict
    lead = f"{verdict} so far, but overturned by “" if verdict else "overturned by “"
    claims = [Claim("conclusion", after.ref, "", digest_text(after.conclusion.text))]
    claims += [Claim("verdict", before.ref, "", verdict)] if verdict else []
    claims += [claim_text(after.ref, after.title, "title")]
    return make_statement(lead, title, "”", ".", place(wording.links.to(after.ref)), claims=claims)


def is_reopening(event: Event, activity: ExperimentActivity) -> bool:
    """Return whether a change of state opens an experiment that was closed."""
    settings = activity.experiment.document.settings
    new = event.facts.get("new")
    return settings.is_done(event.facts.get("old")) and new is not None and not settings.is_done(new)


def _reopen(event: Event, wording: Wording) -> Statement:
    when = f" {wording.on_day(event.at)}" if event.at else ""
    return _quote(f"opened again{when}", event, wording)


def _conclude_again(activity: ExperimentActivity, wording: Wording) -> Iterator[Statement]:
    """Yield how the verdict changed, if it did so in the period."""
    entries = [entry for entry in activity.conclusion.entries if entry.verdict]
    changes = [after for before, after in pairwise(entries) if before.verdict != after.verdict]
    dates = [change.at.when if change.at is not None else None for change in changes]
    if not any(wording.period.contains(date) for date in dates):
        return
    words = [f"{entries[0].verdict} at first"]
    for number, (change, date) in enumerate(zip(changes, dates, strict=True), 1):
        again = " again" if change.verdict in [entry.verdict for entry in entries[: entries.index(change)]] else ""
        since = "since" if number == len(changes) else "on"
        words.append(f"{change.verdict}{again} {f'{since} {wording.day(date)}' if date is not None else 'later'}")
    claim = Claim("verdict", activity.ref, "", activity.conclusion.verdict)
    yield make_statement(f"{', '.join(words)}.", place(wording.links.to(activity.ref)), claims=[claim])


def last_change(activity: ExperimentActivity) -> Event | None:
    """Return the last dated change of state."""
    changes = [event for event in activity.events if event.kind == "state" and event.at is not None]
    return changes[-1] if changes else None


def _drop(activity: ExperimentActivity, wording: Wording) -> Statement:
    last = last_change(activity)
    claims = [Claim("state", activity.ref, "", activity.state), *claim_closed(activity.ref, activity.closed)]
    when = wording.on_day(activity.closed) if activity.closed else "at an unknown time"
    conclusion = activity.conclusion.text
    if (last is None or not last.text) and conclusion:
        quote, below = wording.quotation(conclusion, activity.ref, is_marked=False)
        claims.append(Claim("conclusion", activity.ref, "", digest_text(conclusion)))
        pieces: list[str | Inline] = [f"{when}: ", *quote] if quote else [when]
        statement = make_statement(*pieces, ":" if below else ".", place(wording.links.to(activity.ref)))
        return Statement(statement.content, tuple(claims), below, conclusion if below else "")
    if last is None or not last.text:
        return make_statement(f"{when}.", place(wording.links.to(activity.ref)), claims=claims)
    statement = _quote(when, last, wording)
    return Statement(statement.content, (*claims, *statement.claims), statement.quote, statement.source)


def _quote(lead: str, event: Event, wording: Wording) -> Statement:
    """Return a change of state with its note, and the place in the log."""
    quote, below = wording.quotation(event.text, event.ref.partition(".")[0]) if event.text else ([], ())
    pieces: list[Inline] = [Text(": "), *quote] if quote else []
    statement = make_statement(lead, pieces, ":" if below else ".", place(wording.links.to(event.ref)))
    return Statement(statement.content, (claim_change(event),), below, event.text if below else "")
