"""Numbers, counts, durations and days as people read them, in the log, in reports and on axes."""

import datetime
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.api.serialize import render
from orglab.report.characters import printable
from orglab.text import cardinal, clean, count, cut, day, days, difference, duration, listed, number, shared_decimals


@pytest.mark.parametrize(
    ("value", "in_report", "in_log"),
    [
        (0.0, "0", "0"),
        (0.9119999999999999, "0.912", "0.912"),
        (-1.25, "−1.25", "-1.25"),
        (1 / 3, "0.3333", "0.333333"),
        (12345.6, "12,346", "12345.6"),
        (1234567.0, "1,234,567", "1.23457e+06"),
        (0.00001, "1e−05", "1e-05"),
        (1e16, "1e+16", "1e+16"),
        (math.nan, "NaN", "nan"),
        (-math.inf, "−∞", "-inf"),
    ],
)
def test_a_number_in_each_style(value, in_report, in_log):
    assert number(value) == in_report
    assert number(value, digits=6, style="plain") == in_log


def test_decimals_are_kept_where_they_are_asked_for():
    assert number(0.8, 3) == "0.800"
    assert number(0, 2) == "0.00"
    assert number(12345.678, 1) == "12,345.7"
    assert number(-12345.678, 1, style="table") == "-12345.7"


@given(st.floats(-1e300, 1e300))
def test_a_number_in_a_report_is_short_and_close(value):
    text = number(value)
    assert len(text) <= 24
    read = float(text.replace(",", "").replace("−", "-"))
    assert read == pytest.approx(value, rel=6e-3)


@given(st.floats())
def test_a_number_in_the_log_is_short(value):
    assert len(number(value, digits=6, style="plain")) <= 13


@pytest.mark.parametrize(
    ("means", "deviations", "decimals"),
    [
        ([0.81, 0.827], [0.0035, 0.02], 4),
        ([0.81, 0.9], [0.009999999999999953], 3),
        ([0.5, 0.25], [0, 0], 2),
        ([1.0, 2.0], [0, 0], None),
        ([0.001, 5.0], [0.1, 0.1], None),
        ([], [], None),
        ([1e20, 2e20], [1.0, 1.0], None),
    ],
)
def test_numbers_to_compare_have_the_same_decimals(means, deviations, decimals):
    assert shared_decimals(means, deviations) == decimals


def test_a_difference_has_its_sign():
    assert difference(0.83, 0.811) == "+0.019"
    assert difference(0.811, 0.83, 3) == "−0.019"
    assert difference(0.81, 0.8104, 2) == "±0"
    assert difference(math.inf, 1) == ""


@pytest.mark.parametrize(
    ("seconds", "in_report", "in_log"),
    [
        (0.004, "under 0.01 s", "0s"), (0.4, "0.4 s", "0s"), (9.96, "10 s", "9s"), (59.4, "59 s", "59s"),
        (60, "1 min", "1m00s"), (192, "3 min 12 s", "3m12s"), (3599, "59 min 59 s", "59m59s"), (3600, "1 h", "1h00m"),
        (90_061, "1 d 1 h", "1d01h"), (10**7, "115 d 18 h", "115d17h"),
    ],
)  # fmt: skip
def test_durations(seconds, in_report, in_log):
    assert duration(seconds) == in_report
    assert duration(seconds, is_compact=True) == in_log


def test_an_invalid_duration():
    assert duration(-1) == duration(math.nan) == duration(math.inf) == "an unknown time"


def test_amounts():
    assert (count(1, "run"), count(1000, "run"), count(1000, "run", "grouped")) == ("1 run", "1000 runs", "1,000 runs")
    assert (count(0, "run", "words"), count(12, "run", "words"), count(1300, "run", "words")) == (
        "no runs", "twelve runs", "1,300 runs",
    )  # fmt: skip
    assert cardinal(13, "words") == "13"
    assert listed("abc") == "a, b, c"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "ab…")


def test_days():
    first = datetime.date(2026, 11, 3)
    assert day(first) == "3 November 2026"
    assert day(first, datetime.date(2026, 1, 1)) == "3 November"
    assert days(first, first) == "3 November 2026"
    assert days(first, datetime.date(2026, 11, 17)) == "3 to 17 November 2026"
    assert days(datetime.date(2026, 10, 20), first) == "20 October to 3 November 2026"
    assert days(datetime.date(2025, 10, 20), first) == "20 October 2025 to 3 November 2026"


@pytest.mark.parametrize("code", [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_a_change_of_direction_is_shown(code):
    assert clean(f"a{chr(code)}b\n") == f"a<U+{code:04X}>b\n"
    assert printable(f"a{chr(code)}b") == f"a<U+{code:04X}>b"
    document = render({f"a{chr(code)}": f"\u05d0{chr(code)}b"})
    assert chr(code) not in document
    assert json.loads(document)[f"a{chr(code)}"] == f"\u05d0{chr(code)}b"
