"""Find the direction of a metric: whether its smallest or its largest value is the best one."""

import re
from collections.abc import Mapping
from typing import Literal

Direction = Literal["min", "max"]

_MIN = frozenset({
    "loss", "error", "err", "mae", "mse", "rmse", "rmsle", "mape", "perplexity", "ppl", "wer", "cer", "eer", "fid",
    "nll", "bpc", "logloss", "brier", "regret", "latency", "time", "runtime", "duration",
})  # fmt: skip
_MAX = frozenset({
    "acc", "accuracy", "f1", "auc", "auroc", "ap", "map", "bleu", "rouge", "meteor", "precision", "recall", "ndcg",
    "mrr", "r2", "reward", "return", "score", "psnr", "ssim", "iou", "miou", "dice", "mcc", "kappa", "throughput",
})  # fmt: skip


def find_direction(name: str, settings: Mapping[str, str]) -> Direction | None:
    """Return which value of a metric is the best, or None if nothing says so.

    The settings decide, else the last part of the name that is a known word: `val_loss` and `eval/mse` are minimized,
    `acc@5` and `val.macro-F1` maximized, `score_time` minimized.

    Args:
        name: The name of the metric.
        settings: The setting `metrics`: `min` or `max` by name.
    """
    if (given := settings.get(name)) in ("min", "max"):
        return "min" if given == "min" else "max"
    for part in reversed(re.split(r"[\W_]+", name)):
        # A part may have a number, as in acc5, or consist of several words, as in valLoss.
        for word in (part, part.rstrip("0123456789"), *reversed(re.findall(r"[A-Z]?[a-z]+", part))):
            if word.lower() in _MIN:
                return "min"
            if word.lower() in _MAX:
                return "max"
    return None
