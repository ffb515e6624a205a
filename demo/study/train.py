"""Train and evaluate a classifier of handwritten digits: train.py SETTINGS.toml --seed N [--units N] [--rate R].

The settings choose the model, the number of training digits and the preprocessing. The seed
draws the training digits and 500 others for testing, and initializes the model. For
settings/e1.1.toml and seed 3 the results are results/e1.1-seed3.json, the numbers, and
models/e1.1.joblib, the last model, with the commit of the code that trained it, which
`orglab run` passes in ORGLAB_COMMIT. With --out FOLDER, the numbers are FOLDER/metrics.jsonl, with the
loss of each epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin


def shift(digits: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return all digits, images of 8 by 8 pixels, shifted by a number of pixels; the new pixels are blank."""
    images = np.pad(digits.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return images[:, 1 - down : 9 - down, 1 - right : 9 - right].reshape(-1, 64)


def add_copies(digits: np.ndarray, labels: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Add four copies of each digit: `shifted` by one pixel in each direction, or the `same`."""
    shifts = {"shifted": [(1, 0), (-1, 0), (0, 1), (0, -1)], "same": [(0, 0)] * 4}[kind]
    copies = [shift(digits, down, right) for down, right in shifts]
    return np.concatenate([digits, *copies]), np.tile(labels, 5)


def make_model(settings: dict[str, Any], seed: int) -> ClassifierMixin:
    """Return the untrained model for some settings."""
    model = {
        "svm": SVC,
        "forest": lambda: RandomForestClassifier(settings["trees"], random_state=seed),
        "network": lambda: MLPClassifier(
            (settings["units"],),
            learning_rate_init=settings.get("rate", 0.001),
            max_iter=1000,
            tol=0.002,
            random_state=seed,
        ),
    }[settings["model"]]()
    if "components" in settings:
        return make_pipeline(PCA(settings["components"], random_state=seed), model)
    return model


def train(settings: dict[str, Any], seed: int) -> tuple[ClassifierMixin, float]:
    """Train with a seed, and return the model and its accuracy on the test digits."""
    digits, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        digits / 16,
        labels,
        train_size=settings["digits"],
        test_size=500,
        stratify=labels,
        random_state=settings.get("split", seed),  # a fixed split keeps the data the same
    )
    if "copies" in settings:
        train, train_labels = add_copies(train, train_labels, settings["copies"])
    model = make_model(settings, seed).fit(train, train_labels)
    return model, float(model.score(test, test_labels))


def main() -> None:
    """Train with a seed; write the results and the model, and print the accuracy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("settings", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--units", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    step = arguments.settings.stem
    settings = tomllib.loads(arguments.settings.read_text())
    settings |= {name: value for name in ("units", "rate") if (value := getattr(arguments, name)) is not None}
    began = time.perf_counter()
    model, accuracy = train(settings, arguments.seed)
    result = {"accuracy": round(accuracy, 4), "seconds": round(time.perf_counter() - began, 2)}
    if arguments.out:
        losses = [round(float(loss), 5) for loss in getattr(model, "loss_curve_", [])]
        rows = [{"epoch": epoch + 1, "train_loss": loss} for epoch, loss in enumerate(losses)] or [{}]
        rows[-1] |= result
        arguments.out.mkdir(exist_ok=True)
        Path(arguments.out, "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        Path("results").mkdir(exist_ok=True)
        Path("results", f"{step}-seed{arguments.seed}.json").write_text(json.dumps(result, indent=1) + "\n")
    Path("models").mkdir(exist_ok=True)
    kept = {"model": model, "settings": settings, "commit": os.environ.get("ORGLAB_COMMIT")}
    joblib.dump(kept, Path("models", f"{step}.joblib"), compress=3)
    print(f"accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
