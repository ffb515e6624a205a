"""Dates as people write them."""

import datetime

import pytest

from orglab.clock import parse_duration, parse_since, parse_until
from orglab.errors import UsageError

TODAY = datetime.date(2026, 6, 17)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06-01", "2026-06-01"), ("2026-06", "2026-06-01"), ("2026", "2026-01-01"), ("today", "2026-06-17"),
        ("Yesterday", "2026-06-16"), ("monday", "2026-06-15"), ("wed", "2026-06-17"), ("thursday", "2026-06-11"),
        ("2w", "2026-06-03"), ("-3d", "2026-06-14"), ("1y", "2025-06-17"), ("99999y", "0001-01-01"),
        ("3 days ago", "2026-06-14"), ("two weeks ago", "2026-06-03"), ("2 weeks", "2026-06-03"),
        ("a month ago", "2026-05-18"), ("last  Week", "2026-06-08"), ("this week", "2026-06-15"),
        ("last monday", "2026-06-15"), ("last wednesday", "2026-06-10"), ("last month", "2026-05-01"),
        ("last year", "2025-01-01"), ("june", "2026-06-01"), ("last june", "2025-06-01"), ("march", "2026-03-01"),
        ("july", "2025-07-01"), ("now", "2026-06-17"),
    ],
)  # fmt: skip
def test_a_date(text, day):
    assert parse_since(text, TODAY).isoformat() == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-13-01",
        "2026-02-30",
        "1-2-3-4",
        "\u0663",
        "w",
        "mo",
        "last",
        "last 3 days",
        "last week ago",
        "0000",
    ],
)
def test_an_invalid_date(text):
    with pytest.raises(UsageError, match="is not a date"):
        parse_since(text, TODAY)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02", "2026-02-28"), ("2028-02", "2028-02-29"), ("2026", "2026-12-31"), ("2026-06-01", "2026-06-01"),
        ("last week", "2026-06-14"), ("last month", "2026-05-31"), ("last year", "2025-12-31"), ("may", "2026-05-31"),
        ("yesterday", "2026-06-16"), ("1w", "2026-06-10"),
    ],
)  # fmt: skip
def test_the_last_day_of_a_date(text, day):
    assert parse_until(text, TODAY).isoformat() == day


@pytest.mark.parametrize(("text", "seconds"), [
    ("30s", 30), ("90m", 5400), ("2h", 7200), ("1h30m", 5400), ("1d 2h", 93600), ("0.5s", 0.5), (" 2H ", 7200),
])  # fmt: skip
def test_durations_in_the_spellings_people_use(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "0s", "2w", "m", "30m2h", "-1h", "1e3s", "٣s"])
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(UsageError, match="not a duration"):
        parse_duration(text)
