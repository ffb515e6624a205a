"""Dates as people write them."""

import datetime

import pytest

from orglab.dates import parse_since
from orglab.errors import UsageError

TODAY = datetime.date(2026, 6, 17)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06-01", "2026-06-01"), ("2026-06", "2026-06-01"), ("2026", "2026-01-01"), ("today", "2026-06-17"),
        ("Yesterday", "2026-06-16"), ("monday", "2026-06-15"), ("wed", "2026-06-17"), ("thursday", "2026-06-11"),
        ("2w", "2026-06-03"), ("-3d", "2026-06-14"), ("1y", "2025-06-17"), ("99999y", "0001-01-01"),
    ],
)  # fmt: skip
def test_a_date(text, day):
    assert parse_since(text, TODAY).isoformat() == day


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-02-30", "1-2-3-4", "\u0663", "w", "mo"])
def test_no_date(text):
    with pytest.raises(UsageError, match="is no date"):
        parse_since(text, TODAY)
