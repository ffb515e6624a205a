"""The states and conclusions of experiments at the end of a period, and when they were set, as far as only git tells.

The log dates many of them itself. What it does not date is read from the version of its text at the end of the period,
and dated by the commit that changed it. The version at the beginning tells what did not change.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from orglab.experiment.conclusion import Conclusion, ConclusionEntry
from orglab.experiment.fast_reader import split_subtrees
from orglab.experiment.model import Experiment
from orglab.history.event_order import sort_events
from orglab.history.events import Event, written_events
from orglab.log.log import LogFile
from orglab.log.text_history import (
    Change,
    LogVersion,
    TextHistory,
    find_state_changes,
    find_verdict_changes,
)
from orglab.org.timestamp import Timestamp

if TYPE_CHECKING:
    from orglab.report.content.facts import Period

_TOLD = ("state", "conclusion")
_SINCE_WHEN = ("done", "dropped", "waiting")


class Past(NamedTuple):
    """An experiment with its events, as they are told in the report of a period.

    Attributes:
        experiment: The experiment in the version of the log from which its state and its conclusion are read.
        events: Its events. If that is an earlier version, its states and conclusions are those of that version; a
            change of state that only git dates is one of them.
        conclusion: The conclusion in that version; a verdict that only git dates is an entry of its own.
        existed: Whether it was in that version.
    """

    experiment: Experiment
    events: list[Event]
    conclusion: Conclusion
    existed: bool = True


def read_past(
    log: LogFile, experiments: Sequence[Experiment], all_events: Sequence[list[Event]], period: "Period"
) -> list[Past]:
    """Return what the history of the log's text tells of each experiment, in the order given.

    Where it does not reach back to the period, that is what the log's file says.

    Args:
        log: The log.
        experiments: The experiments.
        all_events: The events of each.
        period: The period.

    Raises:
        GitError: git fails.
    """
    found = [Past(one, events, one.conclusion) for one, events in zip(experiments, all_events, strict=True)]
    asked = [at for at, past in enumerate(found) if not _is_dated(past, period)]
    if not asked:
        return found
    history = TextHistory(log)
    end = history.read_before(period.until) if history.goes_on_after(period.until) else None
    if end is not None:
        subtrees = _list_subtrees(end)
        for at in asked:
            found[at] = _read_then(found[at], end, period, is_same=_read_subtree(found[at].experiment) in subtrees)
    dated = _date([found[at] for at in asked], history.read_before(period.since), end, log)
    for at, past in zip(asked, dated, strict=True):
        found[at] = past
    return found


def _is_dated(past: Past, period: "Period") -> bool:
    """Return whether the log alone tells the state and the conclusion of an experiment at the end of a period."""
    is_changed_later = any(
        event.kind in _TOLD and event.at is not None and event.at >= period.until for event in past.events
    )
    return _has_dated_state(past) and _has_dated_conclusion(past) and not is_changed_later


def _has_dated_state(past: Past) -> bool:
    """Return whether the log tells when an experiment got its state, if it has one."""
    experiment = past.experiment
    if experiment.is_done:
        return experiment.concluded is not None
    changes = [event for event in past.events if event.kind == "state" and event.at is not None]
    return changes[-1].facts.get("new") == experiment.state if changes else experiment.state is None


def _has_dated_conclusion(past: Past) -> bool:
    """Return whether the log tells when an experiment got its conclusion and its verdict, if it has them."""
    if not past.conclusion.entries:
        return past.conclusion.verdict is None
    newest = past.conclusion.entries[-1]
    return newest.head_end is not None and (newest.has_verdict or newest.verdict is None)


def _read_subtree(experiment: Experiment) -> bytes:
    """Return the text of an experiment."""
    return experiment.document.text[experiment.begin : experiment.end].rstrip()


def _list_subtrees(version: LogVersion) -> set[bytes]:
    """Return the level-1 subtrees of a version of the log."""
    text = version.document.text
    return {text[span.begin : span.end].rstrip() for span in split_subtrees(text)}


def _read_then(past: Past, end: LogVersion, period: "Period", *, is_same: bool) -> Past:
    """Return an experiment as it was at the end of a period.

    Args:
        past: What the log's file says.
        end: The last version of the log in the period.
        period: The period.
        is_same: Whether its text is the same in that version.
    """
    if is_same:
        return past
    then = end.find(past.experiment)
    if then is None:
        return past._replace(existed=False)
    events = [replace(event, ref=past.experiment.ref) for event in written_events(then, ()) if event.kind in _TOLD]
    told = [event for event in past.events if event.kind in _TOLD]
    dates = [
        max((event.at for event in group if event.at is not None and event.at < period.until), default=None)
        for group in (told, events)
    ]
    if dates[0] is not None and (dates[1] is None or dates[1] < dates[0]):
        # The log tells of something that was committed only after the period.
        return past
    others = [event for event in past.events if event.kind not in _TOLD]
    return Past(then, sort_events([*others, *events]), then.conclusion)


def _date(found: Sequence[Past], begin: LogVersion | None, end: LogVersion | None, log: LogFile) -> list[Past]:
    """Return experiments with the dates that git knows, of what the log does not date.

    Args:
        found: The experiments at the end of the period.
        begin: The last version of the log before the period, or None.
        end: The last version in the period, or None for the log's file.
        log: The log.

    Raises:
        GitError: git fails.
    """
    subtrees = _list_subtrees(begin) if begin is not None else set()
    states: dict[str, Experiment] = {}
    verdicts: dict[str, Experiment] = {}
    for past in found:
        one, is_same = past.experiment, _read_subtree(past.experiment) in subtrees
        asks_state = not _has_dated_state(past) and not (is_same and one.kind not in _SINCE_WHEN)
        asks_verdict = not is_same and one.conclusion.verdict is not None and not _has_dated_conclusion(past)
        there = _find_there(one, end) if asks_state or asks_verdict else None
        if there is None:
            continue
        before = one if is_same else begin.find(one) if begin is not None else None
        # What is new and to do has not changed.
        is_changed = before.kind != one.kind if before is not None else one.kind != "todo"
        if asks_state and (is_changed or one.kind in _SINCE_WHEN):
            states[one.ref] = there
        if asks_verdict and (before is None or before.conclusion.verdict != one.conclusion.verdict):
            verdicts[one.ref] = there
    state_changes = find_state_changes(log, states.values(), end) if states else {}
    verdict_changes = find_verdict_changes(log, verdicts.values(), end) if verdicts else {}
    dated = []
    for past in found:
        ref = past.experiment.ref
        with_state = _add_state(past, state_changes.get(states[ref].ref)) if ref in states else past
        change = verdict_changes.get(verdicts[ref].ref) if ref in verdicts else None
        dated.append(_add_verdict(with_state, change))
    return dated


def _find_there(experiment: Experiment, end: LogVersion | None) -> Experiment | None:
    """Return an experiment in the version whose lines git is asked about; None if it is another one there."""
    there = end.find(experiment) if end is not None else experiment
    return there if there is not None and _read_subtree(there) == _read_subtree(experiment) else None


def _add_state(past: Past, change: Change | None) -> Past:
    """Return an experiment with a change of its state."""
    if change is None:
        return past
    state, is_done = past.experiment.state, past.experiment.is_done
    facts = {name: word for name, word in (("new", state), ("old", change.old)) if word}
    event = _make_event("state", past, change, "", facts)
    return past._replace(events=sort_events([*past.events, replace(event, is_end=is_done)]))


def _add_verdict(past: Past, change: Change | None) -> Past:
    """Return an experiment with a change of its verdict as a conclusion of its own, after the one that it replaced."""
    conclusion = past.conclusion
    if change is None or change.old is None or conclusion.verdict is None:
        return past
    newest = conclusion.entries[-1] if conclusion.entries else ConclusionEntry(None, None, "", past.experiment.line)
    now = newest._replace(at=Timestamp(change.commit.when, has_time=True), verdict=conclusion.verdict)
    entries = (*conclusion.entries[:-1], newest._replace(verdict=change.old), now)
    event = _make_event("conclusion", past, change, now.text, {"verdict": conclusion.verdict})
    return past._replace(
        conclusion=conclusion._replace(entries=entries), events=sort_events([*past.events, event])
    )  # fmt: skip


def _make_event(kind: str, past: Past, change: Change, text: str, facts: dict[str, str]) -> Event:
    """Return the event of a change that a commit made."""
    commit = change.commit
    return Event(
        kind, past.events[0].ref.partition(".")[0], commit.when, "second", text, commit.hash, None, None, facts,
        instant=commit.authored, there=commit.when_there,
    )  # fmt: skip
