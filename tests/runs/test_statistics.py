"""Statistics of runs: which count, their mean and deviation, and the baseline."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.org.document import Document
from orglab.runs.record import Run
from orglab.runs.statistics import (
    deviation,
    find_baseline,
    is_failed,
    mean,
    read_final,
    read_results,
    select_counting,
)

LOG = """* DONE [1] {title} :exp:
** DONE Steps
1. [X] {first}
2. [X] {second}
"""


def run(number, ref="e1.1", argv=("python", "train.py"), metrics=None, **fields):
    values = {"ref": ref, "argv": list(argv), "exit_code": 0, "metrics": {"loss": 0.5} if metrics is None else metrics}
    return Run(Path(f"20260101-10000{number}-aaaa"), {**values, **fields})


@pytest.fixture
def experiment():
    def make(first="plain", second="with warmup", title="Does it help?"):
        text = LOG.format(first=first, second=second, title=title)
        return next(read_experiments(Document(text.encode()), Config(), "log.org"))

    return make


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=9))
def test_any_values_have_a_mean_and_a_deviation(values):
    room = 1e-9 * max(map(abs, values))
    assert min(values) - room <= mean(values) <= max(values) + room
    assert deviation(values) >= 0


def test_the_deviation_is_that_of_a_sample():
    assert mean([1.0, 2.0, 3.0, 4.0]) == 2.5
    assert deviation([1.0, 2.0, 3.0, 4.0]) == pytest.approx(math.sqrt(5 / 3))
    assert deviation([7.0]) == 0


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (True, None),
        ("0.5", None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
        (10**400, None),
    ],
)
def test_a_final_value_is_a_finite_number(value, found):
    assert read_final(run(1, metrics={"loss": value}), "loss") == found


def test_failed_killed_and_lost_runs_have_failed():
    assert [is_failed(run(1, **fields)) for fields in ({}, {"exit_code": 3}, {"lost": True})] == [False, True, True]


def test_the_newest_run_of_each_seed_of_the_newest_command_counts():
    seeds = [run(n, argv=("train", "--seed", str(n % 2)), seeds=[str(n % 2)]) for n in range(4)]
    before, failed = run(0, argv=("train", "--old")), run(9, argv=("train", "--seed", "0"), exit_code=1)
    assert select_counting([before, *seeds, failed]) == seeds[2:]
    assert select_counting([failed]) == []


def test_the_baseline_says_so_or_is_the_first(experiment):
    def baseline(*texts):
        step, is_named = find_baseline(experiment(*texts).steps)
        return step.number, is_named

    assert baseline("with warmup", "the baseline") == (2, True)
    assert baseline("without warmup", "a control") == (2, True)
    assert baseline("warmup", "no warmup") == (2, True)
    assert baseline("plain", "with warmup") == (1, False)
    assert find_baseline(experiment().steps[:1]) == (None, False)


def test_results_include_the_steps_with_a_number(experiment):
    runs = [run(1, metrics={"loss": 0.5, "seed": 1}), run(2, "e1.2", metrics={"loss": 0.25, "seed": 1})]
    results = read_results(experiment(), runs)
    assert [(one.step.number, one.is_baseline, [value for _, value in one.values("loss")]) for one in results.outcomes] == [
        (1, True, [0.5]), (2, False, [0.25]),
    ]  # fmt: skip
    assert (results.metrics, results.is_named, results.baseline) == (("loss",), False, results.outcomes[0])
    assert read_results(experiment(), []).outcomes == ()


def test_a_metric_that_the_log_mentions_is_the_key_metric(experiment):
    runs = [run(n, f"e1.{n}", metrics={"loss": n, "val_acc": 1 / n, "seconds": n}) for n in (1, 2)]
    assert read_results(experiment(), runs).metrics == ("loss", "val_acc")
    assert read_results(experiment(title="Is val acc better?"), runs).metrics == ("val_acc",)
