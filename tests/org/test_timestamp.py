"""Org timestamps."""

import datetime

import pytest

from orglab.org.timestamp import date_tree, format_inactive, parse_timestamp


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("[2018-06-06 Wed 16:16]", "2018-06-06T16:16"),
        ("<2018-06-06>", "2018-06-06"),
        ("<2018-06-06 Mi. 9:05 +1w>", "2018-06-06T09:05"),
        ("x [2018-06-06 水 16:16] y", "2018-06-06T16:16"),
        ("[2018-02-30 Fri]", None),
        ("[2018-06-06 Wed 25:00]", None),
        ("2018-06-06", None),
    ],
)
def test_reading(text, iso):
    found = parse_timestamp(text.encode())
    assert (found and found.isoformat()) == iso


def test_writing():
    when = datetime.datetime(2018, 6, 6, 16, 16)  # noqa: DTZ001 - the log holds local times
    assert format_inactive(when) == b"[2018-06-06 Wed 16:16]"
    assert date_tree(when.date()) == ("2018", "2018-06 June", "2018-06-06 Wednesday")
