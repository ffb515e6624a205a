"""Metrics in the output of a command."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.runs.metrics.printed import PrintedMetrics

PRINTED = b"metric acc=0.5\nnoise metric acc=9\nmetric  name = two words \r\nmetric acc=0.75\nmetric =1\n 5%|# | 1/9\rmetric last=3"


def find(*pieces):
    found = PrintedMetrics()
    for piece in pieces:
        found.feed(piece)
    found.end()
    return found


@given(st.lists(st.integers(0, len(PRINTED)), max_size=6))
def test_printed_metrics_are_found_wherever_the_output_is_split(cuts):
    places = [0, *sorted(cuts), len(PRINTED)]
    found = find(*(PRINTED[begin:end] for begin, end in itertools.pairwise(places) if begin < end))
    assert found.summary.final == {"acc": 0.75, "name": "two words", "last": 3}
    assert found.rows == [
        {"step": 1, "acc": 0.5}, {"step": 1, "name": "two words"}, {"step": 2, "acc": 0.75}, {"step": 1, "last": 3},
    ]  # fmt: skip
    assert found.summary.extremes == {
        "acc": {"min": [0.5, 1], "max": [0.75, 2]},
        "last": {"min": [3, 1], "max": [3, 1]},
    }


@pytest.mark.parametrize("line", [
    b"\x1b[32mmetric a=1\x1b[0m", b"\x1b[1mmetric\x1b[22m \x1b[38;5;12ma\x1b[m=1", b"100%|####| 9/9\r\x1b[Kmetric a=1\r",
    b"metric a=0\rmetric a=1", b"\x1b]0;title\x07metric a=1", b"\x1b]8;;http://x\x1b\\metric a=1", b"\x1b(Bmetric a=1",
])  # fmt: skip
def test_colours_and_what_was_written_over_do_not_matter(line):
    assert find(line + b"\n").summary.final == {"a": 1}


@pytest.mark.parametrize(
    "line", [b"metric a=1\rmetric", b"metric a=1\r 50%", b"xmetric a=1", b"metric a=1metric b=2\rx"]
)
def test_only_what_remains_of_a_line_counts(line):
    assert find(line).summary.final == {}


def test_output_without_a_newline_is_not_kept_in_memory():
    found = PrintedMetrics()
    for _ in range(100):
        found.feed(b"metric x=" + b"y" * 10_000)
        assert len(found._rest) <= 1 << 16
    found.feed(b"\nmetric z=1\n")
    found.end()
    assert found.summary.final == {"z": 1}


@pytest.mark.parametrize("progress", [b"\r 50%|" + b"#" * 1000, b" 50%|" + b"#" * 1000 + b"\r"])
def test_a_metric_after_a_long_progress_bar_is_found(progress):
    found = PrintedMetrics()
    for _ in range(100):
        found.feed(progress)
        assert len(found._rest) <= 1 << 16
    found.feed(b"\rmetric z=1\n")
    assert found.summary.final == {"z": 1}


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (b"metric step=3 loss=1.5 acc=.5", {"step": 3, "loss": 1.5, "acc": 0.5}),
        (b"metric epoch = 2  loss = nan", {"step": 2, "epoch": 2, "loss": "NaN"}),
        (b"metric loss=1.5 acc=.5", {"step": 1, "loss": 1.5, "acc": 0.5}),
        (b"metric val acc=0.5", {"step": 1, "val acc": 0.5}),
        (b"metric note=a=b", {"step": 1, "note": "a=b"}),
        (b"metric note=lr=0.1 is best", {"step": 1, "note": "lr=0.1 is best"}),
        (b"metric model=big size=3", {"step": 1, "model": "big size=3"}),
    ],
)
def test_several_numbers_in_a_line_are_one_row(line, row):
    assert find(line + b"\n").rows == [row]


def test_the_values_of_a_line_have_its_step():
    found = find(b"metric step=10 loss=2\nmetric step=20 loss=1\nmetric step=30 loss=3\n")
    assert [(row["step"], row["loss"]) for row in found.rows] == [(10, 2), (20, 1), (30, 3)]
    assert found.summary.extremes["loss"] == {"min": [1, 20], "max": [3, 30]}
