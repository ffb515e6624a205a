"""The order of events, by time and by cause."""

import os
import time
from datetime import datetime
from itertools import permutations
from pathlib import Path

import pytest

from orglab.history.event_order import sort_events
from orglab.history.events import Event
from orglab.runs.record import Run

MINUTE = datetime(2026, 6, 2, 10, 0)  # noqa: DTZ001 - the log holds local times


@pytest.fixture
def zone(monkeypatch):
    """Set the local time zone."""

    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    os.environ["TZ"] = "UTC"
    time.tzset()


def at(second):
    return MINUTE.replace(second=second)


def timed(kind, moment, **fields):
    """An event of a commit or a run, at an instant."""
    there = datetime.fromisoformat(moment)
    local = there.astimezone().replace(tzinfo=None)
    fields |= {"instant": there.timestamp(), "there": there.replace(tzinfo=None)}
    return Event(kind, "e1.1", local, "second", **fields)


def names(events):
    return [one.text or one.kind for one in events]


def test_whatever_the_clocks_say_within_a_minute_a_cause_comes_first():
    record = Run(Path("aaaa"), {"before": "b" * 40})
    caused = [
        Event("created", "e1", MINUTE, "minute"),
        # The clock of git was ahead.
        Event("commit", "e1.1", at(40), "second", commit="b" * 40),
        Event("run", "e1.1", at(10), "second", commit="c" * 40, run="aaaa", recorded=record),
        Event("commit", "e1.1", at(5), "second", commit="c" * 40),
        Event("note", "e1.1", MINUTE, "minute"),
        Event("step", "e1.1", at(1), "second", run="aaaa", facts={"commits": "c" * 7}),
        Event("conclusion", "e1", MINUTE, "minute"),
        Event("state", "e1", MINUTE, "minute", is_end=True),
    ]
    for events in permutations(caused[1:6]):
        assert sort_events([caused[7], *events, caused[6], caused[0]]) == caused


def test_the_results_of_a_run_on_its_own_commit_do_not_come_before_it():
    record = Run(Path("aaaa"), {"before": "b" * 40})
    run = Event("run", "e1.1", at(10), "second", commit="b" * 40, run="aaaa", recorded=record)
    commit = Event("commit", "e1.1", at(20), "second", commit="b" * 40)
    assert sort_events([run, commit]) == [commit, run]


def test_instants_are_in_order_where_the_clocks_went_back(zone):
    zone("Europe/Berlin")
    events = [
        timed("run", "2018-10-28T02:50:00+02:00", text="first"),
        timed("commit", "2018-10-28T02:10:00+01:00", text="second"),
        timed("run", "2018-10-28T02:55:00+01:00", text="third"),
    ]
    assert [one.at.hour for one in events] == [2, 2, 2]
    for some in permutations(events):
        assert names(sort_events(some)) == ["first", "second", "third"]


@pytest.mark.parametrize("name", ["Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "UTC"])
def test_the_creation_comes_first_in_every_time_zone(zone, name):
    zone(name)
    created = Event("created", "e1", datetime(2018, 6, 6, 16, 16), "minute")  # noqa: DTZ001 - written in Tokyo
    run = timed("run", "2018-06-06T16:20:00+09:00")
    commit = timed("commit", "2018-06-06T16:25:00+09:00")
    assert names(sort_events([commit, run, created])) == ["created", "run", "commit"]


def test_a_run_from_before_its_experiment_stays_before_it():
    created = Event("created", "e1", datetime(2018, 6, 6, 16, 16), "minute")  # noqa: DTZ001 - the log holds local times
    run = timed("run", "2018-06-06T12:00:00+00:00")
    assert names(sort_events([created, run])) == ["run", "created"]


def test_an_event_of_the_day_of_creation_comes_after_it():
    created = Event("created", "e1", MINUTE, "minute")
    note = Event("note", "e1", MINUTE.replace(hour=0), "day")
    assert names(sort_events([note, created])) == ["created", "note"]


def test_a_minute_of_many_commits_takes_no_time():
    events = [Event("commit", "e1", at(n % 60), "second", commit=f"{n:040}") for n in range(5000)]
    steps = [Event("step", f"e1.{n}", at(1), "second", facts={"commits": f"{n:040}"[:7]}) for n in range(3)]
    assert len(sort_events([*events, *steps])) == 5003
