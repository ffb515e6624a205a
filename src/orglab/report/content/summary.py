"""The summary: sentences that say how much happened, each with what it counts."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from orglab.history.events import Event
from orglab.report.blocks import Badge, Inline
from orglab.report.content.changes_of_mind import is_concluded, is_dropped
from orglab.report.content.conclusions import TONES
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import CLOSED_KINDS, ExperimentActivity
from orglab.report.content.progress import is_stateless
from orglab.report.content.sentence import make_statement
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording, claim_exists
from orglab.runs.record import Run
from orglab.runs.setting import is_failed
from orglab.text import cardinal, count

Counts = dict[str, int | float | dict[str, int]]


def count_facts(activities: Sequence[ExperimentActivity], wording: Wording, entries: int) -> Counts:
    """Return the numbers of a period.

    Returns:
        `opened`, `concluded`, `dropped`: experiments; `verdicts`: concluded experiments by verdict;
        `steps_done`; `steps_undated`: steps done at an unknown time, in experiments not closed before the period;
        `runs`, `runs_failed` (including killed and lost ones), `runs_running`; `seconds`: the total wall-clock time
        of the runs; `commits`: commits in the period that name an experiment or are recorded in a step;
        `undated`: experiments without any date; `entries`: entries of the journal in the period.
    """
    runs = _runs(activities, wording)
    concluded = [activity for activity in activities if is_concluded(activity, wording)]
    verdicts = Counter(activity.conclusion.verdict or "" for activity in concluded)
    return {
        "opened": len(_opened(activities)),
        "concluded": len(concluded),
        "dropped": sum(is_dropped(activity, wording) for activity in activities),
        "verdicts": dict(sorted(verdicts.items())),
        "steps_done": sum(len(activity.of_kind("step")) for activity in activities),
        "steps_undated": len(_undated_steps(activities, wording)),
        "runs": len(runs),
        "runs_failed": sum(is_failed(run) for run in runs),
        "runs_running": sum(run.status == "running" for run in runs),
        "seconds": math.fsum(run.seconds or 0 for run in runs),
        "commits": len(_commits(activities, wording)),
        "undated": len(_undated(activities)),
        "entries": entries,
    }


def summarize(activities: Sequence[ExperimentActivity], wording: Wording, entries: int) -> Iterator[Statement]:
    """Yield the sentence that says how much happened; what did not happen is not mentioned, but for what is blocked."""
    concluded = [activity for activity in activities if is_concluded(activity, wording)]
    answered = [activity for activity in concluded if activity.conclusion.text or activity.conclusion.verdict]
    dropped = [activity for activity in activities if is_dropped(activity, wording)]
    going_on = [activity for activity in activities if activity.is_under_way]
    blocked = [activity for activity in activities if activity.kind == "waiting"]
    pieces: list[str | Inline] = [*_count_answers(answered)] if answered else []
    first = len(pieces)
    claims = [Claim("state", one.ref, "", one.state) for one in (*concluded, *dropped) if one.state]
    stateless = [activity for activity in activities if is_stateless(activity)]
    for amount, word in (
        (len(concluded) - len(answered), "closed without a conclusion"),
        (len(dropped), "dropped"),
        (len(going_on), "under way"),
        (len(stateless), "without a state"),
    ):
        if amount:
            noun = "" if pieces else " experiment" + ("" if amount == 1 else "s")
            separator = "; " if answered and len(pieces) == first else ", " if pieces else ""
            pieces += [f"{separator}{cardinal(amount, 'words')}{noun} {word}"]
    if not pieces:
        pieces.append(_say_what_happened(activities, entries))
    if blocked:
        pieces.append(f"; {cardinal(len(blocked), 'words')} blocked")
    elif going_on:
        pieces.append("; nothing blocked")
    yield make_statement(*pieces, ".", claims=claims)


def _count_answers(answered: Sequence[ExperimentActivity]) -> Iterator[str | Inline]:
    """Yield how many answers there are, and how many with each verdict, with its sign, which the lines below have."""
    yield f"{count(len(answered), 'answer', 'words')}"
    verdicts = Counter(activity.conclusion.verdict or "" for activity in answered)
    if not any(verdicts):
        return
    known = [*TONES, *(verdict for verdict in verdicts if verdict not in TONES and verdict), ""]
    separator = ": "
    for verdict in (verdict for verdict in known if verdict in verdicts):
        yield separator
        if verdict in TONES:
            yield Badge(verdict, TONES[verdict], is_sign=True)
            yield " "
        amount = f"{cardinal(verdicts[verdict], 'words')} " if len(answered) > 1 else ""
        yield f"{amount}{verdict or 'without a verdict'}"
        separator = ", "


def _say_what_happened(activities: Sequence[ExperimentActivity], entries: int) -> str:
    """Return what happened although nothing was answered, dropped or begun."""
    noted = [activity for activity in activities if activity.recent]
    opened = len(_opened(activities))
    if opened:
        return f"{count(opened, 'new experiment', 'words')}, not begun yet"
    if noted:
        return f"No answer yet; something was noted on {count(len(noted), 'experiment', 'words')}"
    if entries:
        amount = "one entry" if entries == 1 else f"{cardinal(entries, 'words')} entries"
        return f"No experiment moved; the journal has {amount} from this period"
    return "Nothing was recorded in this period"


def _opened(activities: Sequence[ExperimentActivity]) -> list[ExperimentActivity]:
    return [activity for activity in activities if activity.of_kind("created")]


def _runs(activities: Sequence[ExperimentActivity], wording: Wording) -> list[Run]:
    return [run for activity in activities for run in activity.runs if wording.period.contains(run.began)]


def _commits(activities: Sequence[ExperimentActivity], wording: Wording) -> list[str]:
    """Return the full hashes of the commits of the period that belong to the experiments, oldest first."""
    known = wording.links.commits
    events = (event for activity in activities for event in activity.events if event.kind == "commit")
    hashes = {event.commit for event in events if event.commit and wording.period.contains(event.at)}
    recorded = {name for activity in activities for step in activity.experiment.steps for name in step.commits}
    hashes |= {known[name].hash for name in recorded if name in known and wording.period.contains(known[name].when)}
    return sorted(hashes, key=lambda name: (known[name].authored, name))


def _undated_steps(activities: Sequence[ExperimentActivity], wording: Wording) -> list[Event]:
    """Return the steps that were done at an unknown time, possibly in the period."""
    since = wording.period.since
    candidates = [activity for activity in activities if activity.closed is None or activity.closed >= since]
    return [event for activity in candidates for event in activity.events if event.kind == "step" and event.at is None]


def _undated(activities: Sequence[ExperimentActivity]) -> list[ExperimentActivity]:
    """Return the experiments without any dated event."""
    return [activity for activity in activities if not _has_date(activity)]


def _has_date(activity: ExperimentActivity) -> bool:
    return activity.closed is not None or any(event.at is not None for event in activity.events)


def describe_undated(activities: Sequence[ExperimentActivity], wording: Wording) -> Iterator[Statement]:
    """Yield which experiments may not belong to the period, or are left out, because the log does not say when."""
    closed = [one for one in activities if one.kind in CLOSED_KINDS and one.closed is None and _has_date(one)]
    told = [one for one in closed if is_concluded(one, wording) or is_dropped(one, wording)]
    if told:
        which = "One experiment was" if len(told) == 1 else f"{count(len(told), 'experiment', 'words')} were"
        claims = [claim_exists(activity.experiment) for activity in told]
        yield make_statement(f"{which} begun in this period and closed at an unknown time.", claims=claims)
    closed = [one for one in closed if one not in told]
    # Open ones are told, with a date or without.
    undated = [one for one in _undated(activities) if one.kind in (*CLOSED_KINDS, None)]
    for experiments, what in ((closed, "closed at an unknown time"), (undated, "without any date")):
        if experiments:
            amount = count(len(experiments), "experiment", "words")
            verb = "is" if len(experiments) == 1 else "are"
            claims = [claim_exists(activity.experiment) for activity in experiments]
            yield make_statement(f"{amount} {what} {verb} not counted here.", claims=claims)
