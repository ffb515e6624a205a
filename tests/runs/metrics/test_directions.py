"""Whether the smallest or the largest value of a metric is the best."""

import pytest

from orglab.runs.metrics.directions import find_direction


@pytest.mark.parametrize("name", [
    "loss", "val_loss", "eval/mse", "test.perplexity", "valLoss", "Validation-Error", "score_time", "f1_loss", "WER",
    "latency ms", "mean_squared_error", "loss_2", "mse2",
])  # fmt: skip
def test_minimized(name):
    assert find_direction(name, {}) == "min"


@pytest.mark.parametrize("name", [
    "acc", "val.acc", "acc@5", "acc5", "macro-F1", "F1Score", "mAP50", "mIoU", "rougeL", "r2", "val/AUC", "reward_mean",
    "error_recall",
])  # fmt: skip
def test_maximized(name):
    assert find_direction(name, {}) == "max"


@pytest.mark.parametrize("name", ["", "lr", "epoch", "glossary", "timestamp", "n_samples", "2", "__", "weight"])
def test_unknown(name):
    assert find_direction(name, {}) is None


def test_the_settings_decide_first():
    assert find_direction("acc", {"acc": "min"}) == "min"
    assert find_direction("width", {"width": "max", "acc": "min"}) == "max"
    assert find_direction("val.acc", {"acc": "min"}) == "max"
