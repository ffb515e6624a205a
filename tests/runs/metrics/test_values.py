"""The values of metrics: last, best, and since when they are not numbers."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.metrics.values import MetricSummary, find_step, is_not_finite, to_value


def summarize(*rows):
    summary = MetricSummary()
    for step, row in enumerate(rows, 1):
        summary.add(row, step)
    return summary


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_a_value_is_a_finite_number_or_a_short_text(value):
    found = to_value(value)
    if isinstance(found, str):
        assert len(found) <= 500
        found.encode()
    else:
        assert math.isfinite(found)


@pytest.mark.parametrize(("written", "value"), [
    ("nan", "NaN"), ("+NaN", "NaN"), (math.nan, "NaN"), (math.inf, "Infinity"), ("-INF", "-Infinity"), (-math.inf, "-Infinity"),
])  # fmt: skip
def test_what_is_not_finite_has_one_spelling(written, value):
    assert to_value(written) == value
    assert is_not_finite(to_value(written))


def test_a_text_is_not_nan():
    assert not any(map(is_not_finite, ("", "good", "9" * 300, "nano", 1.5)))


def test_the_step_is_a_column_or_none():
    assert find_step({"epoch": 3, "a": 1, "Global_Step": 10}) == 10
    assert find_step({"time/total_timesteps": 2048, "_x": 1}) == 2048
    assert find_step({"_step": 4}) == 4
    assert find_step({"step": "x"}) is None
    assert find_step({"steps": 100}) is None


def test_the_last_and_the_extreme_values_with_their_first_steps():
    summary = summarize({"acc": 0.5, "epoch": 1}, {"acc": 0.9}, {"acc": 0.9, "loss": 2}, {"acc": 0.7, "note": "x"})
    assert summary.final == {"acc": 0.7, "epoch": 1, "loss": 2, "note": "x"}
    assert summary.extremes == {"acc": {"min": [0.5, 1], "max": [0.9, 2]}, "loss": {"min": [2, 3], "max": [2, 3]}}
    assert summary.diverged == {}


def test_a_metric_diverged_if_its_last_value_is_not_finite_and_since_then():
    summary = summarize(
        {"a": 1, "b": 2}, {"a": "NaN", "b": "NaN"}, {"a": "NaN"}, {"a": 3, "b": "Infinity"}, {"a": "NaN"}
    )
    assert summary.final == {"a": "NaN", "b": "Infinity"}
    assert summary.diverged == {"a": 5, "b": 2}
    assert summary.extremes == {"a": {"min": [1, 1], "max": [3, 4]}, "b": {"min": [2, 1], "max": [2, 1]}}


def test_final_values_have_no_extremes_and_no_step():
    summary = MetricSummary()
    summary.add({"acc": 0.5, "loss": "NaN"})
    assert (summary.extremes, summary.diverged) == ({}, {"loss": None})


def test_the_number_of_metrics_is_limited():
    assert len(summarize({str(number): number for number in range(5000)}).extremes) == 1000


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.floats() | st.integers() | st.text(max_size=3))))
def test_extremes_are_those_of_the_finite_values(rows):
    rows = [{name: to_value(value) for name, value in row.items()} for row in rows]
    summary = summarize(*rows)
    for name in "ab":
        numbers = [row[name] for row in rows if not isinstance(row.get(name, ""), str)]
        found = summary.extremes.get(name)
        assert (found and (found["min"][0], found["max"][0])) == ((min(numbers), max(numbers)) if numbers else None)
    json.dumps([summary.final, summary.extremes, summary.diverged], allow_nan=False)
