"""Notes that begin with a word for the reader: `ASK:` what the author needs, `RISK:` what may go wrong."""

import re
from collections.abc import Iterator, Sequence

from orglab.history.events import Event
from orglab.report.content.facts import CLOSED_KINDS, ExperimentActivity
from orglab.report.content.first_sentence import split_first_sentence
from orglab.report.content.sentence import make_statement, place
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording, claim_change, claim_note
from orglab.text import cut

# Also in bold, and after the time of a note that is a heading.
_PREFIX = re.compile(r"\s*(?:\[\d{4}-\d\d-\d\d[^\]]*\]\s*)?\*?(ASK|RISK):\*?\s*", re.I)
_LONGEST = 200  # characters of what a reader is asked


def read_prefix(text: str) -> tuple[str, str]:
    """Return the word that a note begins with, in upper case or empty, and the text after it."""
    match = _PREFIX.match(text)
    return (match[1].upper(), text[match.end() :]) if match else ("", text)


def find_prefixed(word: str, activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield what the notes that begin with a word say.

    They are those of the period, unless an experiment was dropped; as long as it is not closed, those without a date;
    and as long as it is waiting, the last one that it had before.
    """
    for activity in activities:
        written = [event for event in activity.events if event.kind in ("note", "state")]
        notes = [event for event in written if read_prefix(event.text)[0] == word]
        if activity.kind == "dropped":
            continue
        is_open = activity.kind not in CLOSED_KINDS
        recent = [one for one in notes if wording.period.contains(one.at) or (one.at is None and is_open)]
        for event in recent or (notes[-1:] if activity.kind == "waiting" else []):
            yield _state(event, activity, wording)


def _state(event: Event, activity: ExperimentActivity, wording: Wording) -> Statement:
    text = read_prefix(event.text)[1]
    claim = claim_note(event) if event.kind == "note" else claim_change(event)
    source = place(wording.links.to(event.ref))
    quote, below = wording.quotation(text, activity.ref, is_marked=False)
    sentence, _ = split_first_sentence(text)
    if below and sentence:
        words = wording.inline(cut(sentence, _LONGEST), activity.ref)
        return make_statement(words, " …", source, claims=[claim])
    statement = make_statement(quote, "." if quote else "", source, claims=[claim])
    return Statement(statement.content, statement.claims, below, text if below else "")
