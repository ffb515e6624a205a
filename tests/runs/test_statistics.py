"""Statistics: mean, deviation, Student's t distribution, and the difference of two groups."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.statistics import Comparison, compare, deviation, find_interval, mean, student_quantile


def numbered(*values):
    return {str(number): value for number, value in enumerate(values)}


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=9))
def test_any_values_have_a_mean(values):
    room = 1e-9 * max(map(abs, values))
    assert min(values) - room <= mean(values) <= max(values) + room
    spread = deviation(values)
    assert spread is None or spread >= 0


def test_the_deviation_is_that_of_a_sample():
    assert mean([1.0, 2.0, 3.0, 4.0]) == 2.5
    assert deviation([1.0, 2.0, 3.0, 4.0]) == pytest.approx(math.sqrt(5 / 3))
    assert deviation([7.0]) is None
    assert deviation([-1.7e308, 1.7e308]) is None


@pytest.mark.parametrize(
    # From the table of the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
    ("freedom", "share", "quantile"),
    [
        (1, 0.975, 12.706), (2, 0.975, 4.303), (3, 0.975, 3.182), (5, 0.95, 2.015), (10, 0.975, 2.228),
        (29, 0.99, 2.462), (100, 0.975, 1.984),
    ],
)  # fmt: skip
def test_the_quantiles_are_those_of_the_tables(freedom, share, quantile):
    assert student_quantile(share, freedom) == pytest.approx(quantile, abs=0.0006)


@pytest.mark.parametrize("freedom", [1.5, 7.25, 400.5])
def test_a_quantile_has_its_share_of_the_density_below_it(freedom):
    top, steps = student_quantile(0.975, freedom), 20_000
    factor = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    width = top / steps
    heights = ((1 + ((step + 0.5) * width) ** 2 / freedom) ** (-(freedom + 1) / 2) for step in range(steps))
    assert 0.5 + factor * width * sum(heights) == pytest.approx(0.975, abs=1e-6)


def test_groups_of_other_seeds_are_compared_by_welch():
    # Example of Welch (1947) type, computed by hand: variances 1 and 1/3, 3 and 4 values.
    found = compare(numbered(1.0, 2.0, 3.0), {"a": 0.5, "b": 0.5, "c": 1.5, "d": 1.5})
    assert (found.difference, found.method) == (1.0, "Welch")
    part, other = 1 / 3, (1 / 3) / 4
    freedom = (part + other) ** 2 / (part**2 / 2 + other**2 / 3)
    half = student_quantile(0.975, freedom) * math.sqrt(part + other)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))


def test_groups_of_the_same_seeds_are_paired():
    found = compare(numbered(0.931, 0.929, 0.9337), numbered(0.912, 0.908, 0.915))
    assert found.method == "paired"
    assert found.difference == pytest.approx(0.0195667, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.0164607, 0.0226727), abs=1e-6)


def test_one_value_has_no_interval():
    assert compare({"1": 2.0}, {"1": 1.0}) == Comparison(1.0)
    assert compare(numbered(1.0, 2.0), {"1": 1.0}) == Comparison(0.5)
    assert find_interval([1.0]) is None
    assert find_interval([1.0, 1.0, 1.0]) == (1.0, 1.0)
    assert find_interval([1.0, 3.0]) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-3)


def test_a_difference_from_rounding_is_none():
    assert compare({"1": 0.1 + 0.2}, {"1": 0.3}).difference == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6), st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6))
def test_the_interval_holds_the_difference_and_turns_with_the_groups(first, second):
    found, turned = compare(numbered(*first), numbered(*second)), compare(numbered(*second), numbered(*first))
    assert found.low <= found.difference <= found.high
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


@given(st.lists(st.floats(-1e308, 1e308) | st.just(math.inf), min_size=1, max_size=4), st.booleans())
def test_a_comparison_is_finite_or_there_is_none(values, is_paired):
    finite = [value for value in values if math.isfinite(value)] or [1.7e308]
    others = [-value for value in finite] if is_paired else [-1.7e308, 1e-300, 5.0, 6.0, 7.0]
    found = compare(numbered(*finite), numbered(*others))
    assert found is None or all(math.isfinite(end) for end in (found.difference, found.low or 0, found.high or 0))
    assert deviation([*values, math.inf]) is None


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e120])
def test_the_interval_does_not_depend_on_the_scale(scale):
    first, second = (numbered(*(value * scale for value in group)) for group in ((1.0, 2.0, 4.0), (1.0, 1.5)))
    found, plain = compare(first, second), compare(numbered(1.0, 2.0, 4.0), numbered(1.0, 1.5))
    assert (found.low / scale, found.high / scale) == pytest.approx((plain.low, plain.high))
