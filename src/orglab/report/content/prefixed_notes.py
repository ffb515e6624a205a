"""Notes that begin with a word for the reader: `ASK:` what the author needs, `RISK:` what may go wrong."""

import re
from collections.abc import Iterator, Sequence

from orglab.history.events import Event
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.sentence import make_statement, place
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording, claim_change, claim_note

_PREFIX = re.compile(r"\s*(ASK|RISK):\s*", re.I)


def read_prefix(text: str) -> tuple[str, str]:
    """Return the word that a note begins with, in upper case or empty, and the text after it."""
    match = _PREFIX.match(text)
    return (match[1].upper(), text[match.end() :]) if match else ("", text)


def find_prefixed(word: str, activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield what the notes that begin with a word say.

    They are those of the period and, as long as an experiment is waiting, the last one that it had before.
    """
    for activity in activities:
        written = [event for event in activity.events if event.kind in ("note", "state")]
        notes = [event for event in written if read_prefix(event.text)[0] == word]
        recent = [event for event in notes if wording.period.contains(event.at)]
        for event in recent or (notes[-1:] if activity.kind == "waiting" else []):
            yield _state(event, activity, wording)


def _state(event: Event, activity: ExperimentActivity, wording: Wording) -> Statement:
    text = read_prefix(event.text)[1]
    claim = claim_note(event) if event.kind == "note" else claim_change(event)
    quote, below = wording.quotation(text, activity.ref, is_marked=False)
    statement = make_statement(quote, "." if quote else "", place(wording.links.to(event.ref)), claims=[claim])
    return Statement(statement.content, statement.claims, below, text if below else "")
