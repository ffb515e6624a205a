"""The order of events: by time, and within a minute by cause.

Most times of the log are known to the minute, and have no offset from UTC; those of commits and runs are instants.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from orglab.history.completion import is_same_hash

if TYPE_CHECKING:
    from orglab.history.events import Event

_RANKS = {"created": 0, "state": 1, "commit": 2, "run": 2, "note": 3, "step": 4, "journal": 5, "conclusion": 6}
_END = 7
_TIMED = 2
# Git knows the seconds only, so that a commit comes first.
_IN_A_SECOND = ("commit", "run", "step")
_A_DAY = datetime.timedelta(days=1)
_LAST_MOMENT = _A_DAY - datetime.timedelta(microseconds=1)
_Place = tuple[bool, datetime.datetime]


def sort_events(events: Iterable["Event"]) -> list["Event"]:
    """Return events oldest first, with events of unknown time last.

    An event known only to the day sorts at the beginning of that day, or at its end if it ends something.  Instants are
    in their order even where the local time was set back.  Within a minute, an event comes after what caused it: a run
    after the commit of its code and before that of its results, a step after the notes on it, the end after the
    conclusion.
    """
    events = list(events)
    places = _find_places(events)
    ordered = sorted(events, key=lambda event: (*_minute(places[id(event)]), *_rank(event, places[id(event)])))
    groups = groupby(ordered, key=lambda event: _minute(places[id(event)]))
    return [event for _, group in groups for event in _order_by_cause([*group])]


def _find_places(events: Sequence["Event"]) -> dict[int, _Place]:
    """Return whether the time of each event is unknown, and by which time it sorts, by the identity of the event."""
    places = {}
    born = min((event.at for event in events if event.kind == "created" and event.at is not None), default=None)
    for event in events:
        at = event.at or datetime.datetime.max  # noqa: DTZ901 - local, as the times of the log
        if event.precision == "day" and event.kind in ("state", "conclusion") and at.date() < datetime.date.max:
            at += _LAST_MOMENT
        if born is not None and at < born and _may_be_later(event, at, born):
            at = born
        places[id(event)] = (event.at is None, at)
    # The log has its conclusions in their order, whatever the time zones of their authors.
    conclusions = [event for event in events if event.kind == "conclusion" and event.at is not None]
    latest = datetime.datetime.min  # noqa: DTZ901 - the same
    for event in conclusions:
        latest = max(latest, places[id(event)][1])
        places[id(event)] = (False, latest)
    latest = datetime.datetime.min  # noqa: DTZ901 - the same
    timed = [event for event in events if event.instant is not None and event.at is not None]
    for event in sorted(timed, key=lambda event: event.instant or 0):
        latest = max(latest, places[id(event)][1])
        places[id(event)] = (False, latest)
    return places


def _may_be_later(event: "Event", at: datetime.datetime, born: datetime.datetime) -> bool:
    """Return whether an event may be later than the creation of its experiment, although its time is earlier."""
    if event.there is not None and event.there == event.at:
        # It was recorded in this time zone, so that its time can be compared.
        return False
    return at.date() == born.date() if event.precision == "day" else at >= born - _A_DAY


def _minute(place: _Place) -> _Place:
    return place[0], place[1].replace(second=0, microsecond=0)


def _rank(event: "Event", place: _Place) -> tuple[int, datetime.datetime, float, int]:
    """Return the order of an event within its minute, unless causes tell another one."""
    if event.precision == "second" and event.kind in _IN_A_SECOND:
        return _TIMED, place[1], event.instant or 0, _IN_A_SECOND.index(event.kind)
    return _END if event.is_end else _RANKS[event.kind], datetime.datetime.min, 0, 0  # noqa: DTZ901 - the same


def _order_by_cause(events: list["Event"]) -> list["Event"]:
    """Return the events of a minute, each after its causes, otherwise in their order."""
    if len(events) == 1:
        return events
    causes = _Causes(events)
    ordered: list[Event] = []
    seen: set[int] = set()
    for event in events:
        pending = [(event, iter(causes.find(event)))] if id(event) not in seen else []
        seen.add(id(event))
        while pending:
            current, remaining = pending[-1]
            cause = next((one for one in remaining if id(one) not in seen), None)
            if cause is None:
                ordered.append(current)
                pending.pop()
            else:
                seen.add(id(cause))
                pending.append((cause, iter(causes.find(cause))))
    return ordered


class _Causes:
    """Finds the causes of an event among the events of its minute."""

    def __init__(self, events: Sequence["Event"]) -> None:
        self._kinds: dict[str, list[Event]] = defaultdict(list)
        self._commits: dict[str, Event] = {}
        self._runs: dict[str, Event] = {}
        self._results: dict[str, list[Event]] = defaultdict(list)
        self._on_commit: dict[str, list[Event]] = defaultdict(list)
        self._notes: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            self._kinds[event.kind].append(event)
            if event.kind == "commit" and event.commit:
                self._commits[event.commit] = event
            elif event.kind == "run":
                self._runs[event.run or ""] = event
                if event.recorded is not None and event.recorded.before:
                    self._on_commit[event.recorded.before].append(event)
                if event.commit and (event.recorded is None or event.commit != event.recorded.before):
                    self._results[event.commit].append(event)
            elif event.kind == "note":
                self._notes[event.ref].append(event)

    def find(self, event: "Event") -> Iterator["Event"]:
        """Yield the causes of an event."""
        if event.kind == "created":
            return
        yield from self._kinds["created"]
        if event.kind == "run" and event.recorded is not None:
            yield from (self._commits[name] for name in (event.recorded.before,) if name in self._commits)
        elif event.kind == "commit":
            yield from self._results.get(event.commit or "", ())
            # HEAD was its parent when such a run began, so that it is younger than the run.
            yield from (run for name in event.parents for run in self._on_commit.get(name, ()))
            yield from (self._commits[name] for name in event.parents if name in self._commits)
        elif event.kind == "step":
            names = [name for name in event.facts.get("commits", "").split(",") if name]
            yield from (one for full, one in self._commits.items() if any(is_same_hash(full, name) for name in names))
            yield from (self._runs[name] for name in (event.run,) if name in self._runs)
            yield from self._notes.get(event.ref, ())
        elif event.is_end:
            yield from self._kinds["conclusion"]
