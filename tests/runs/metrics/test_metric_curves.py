"""The curves of metrics: what counts their steps, and fewer points that look the same."""

from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.metrics.metric_curves import read_curve, read_curves, thin_curve


def test_all_curves_of_a_history_are_those_of_each_metric():
    rows = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": "NaN", "acc": 0.5}, {"epoch": 3, "note": "text"}]
    curves = read_curves(rows)
    assert curves == {"loss": read_curve(rows, "loss"), "acc": read_curve(rows, "acc")}
    assert curves["loss"] == ("epoch", [(1, 2.0), (2, None)])


def test_steps_that_begin_again_are_counted_by_row():
    assert read_curve([{"step": 2, "a": 1}, {"step": 1, "a": 2}], "a") == ("row", [(1, 1.0), (2, 2.0)])


NUMBERS = st.none() | st.floats(-1e9, 1e9)


@given(st.lists(NUMBERS, max_size=400), st.integers(8, 50))
def test_a_thinned_curve_keeps_its_ends_its_extremes_and_its_gaps(values, most):
    points = [*enumerate(values)]
    thin = thin_curve(points, most)
    assert len(thin) <= most or len(points) <= most
    assert thin == [point for point in points if point in thin]
    assert (thin[:1], thin[-1:]) == (points[:1], points[-1:])
    known = [y for y in values if y is not None]
    kept = [y for _, y in thin if y is not None]
    if known:
        assert (min(kept), max(kept)) == (min(known), max(known))
    assert (None in values) == (None in [y for _, y in thin])
