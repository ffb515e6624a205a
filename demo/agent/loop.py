"""An agent that tries ideas for model.py, twenty rounds by default, and knows nothing but what orglab tells it.

    python loop.py [ROUNDS]

It stands for a coding agent: the list of ideas is what a language model would propose, some of them twice, in other
words. It prints one JSON document for each round.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

TRIED_BEFORE = 7
MODEL = Path("model.py")
TRAINING = ("run", "--worktree", "--done", "--results", "results", "--json")
COMMAND = ("--", "python", "train.py")


class Idea(NamedTuple):
    """A change of model.py: a line, and what it becomes.

    Attributes:
        title: What is tried.
        why: Why it may help.
        old: The line.
        new: What it becomes.
        same_as: The title of an earlier idea that is the same in other words, as whoever reads both would say.
    """

    title: str
    why: str
    old: str
    new: str
    same_as: str = ""


IDEAS = (
    Idea("Momentum 0.9", "Fifteen epochs are too few for plain gradient descent.", "MOMENTUM = 0.0", "MOMENTUM = 0.9"),
    Idea("Dropout of half the hidden units", "300 digits are easy to memorize.", "DROPOUT = 0.0", "DROPOUT = 0.5"),
    Idea("64 hidden units instead of 16", "16 units may be too few for ten digits.", "UNITS = 16", "UNITS = 64"),
    Idea("Label smoothing 0.1", "The network is overconfident.", "SMOOTHING = 0.0", "SMOOTHING = 0.1"),
    Idea("Momentum of 0.9", "Gradient descent needs a memory.", "MOMENTUM = 0.0", "MOMENTUM = 0.9",
         "Momentum 0.9"),
    Idea("Standardize each pixel", "Pixels at the border vary less.", "return images.reshape(len(images), -1) / 16",
         "flat = images.reshape(len(images), -1) / 16; return (flat - flat.mean(0)) / flat.std(0)"),
    Idea("Decay the learning rate to zero", "The last epochs are noisy.", "return 1.0 if progress < 1 else 0.0",
         "return 1 - progress"),
    Idea("ReLU instead of tanh", "Its slope does not vanish.", "outputs = np.tanh(sums)",
         "outputs = np.maximum(sums, 0); return outputs, (sums > 0) * 1.0"),
    Idea("Sums of rows and columns as more inputs", "They tell a 1 from a 7.",
         "return images.reshape(len(images), -1) / 16",
         "return np.hstack([images.reshape(len(images), -1), images.sum(1), images.sum((1, 2))]) / 16"),
    Idea("Dropout for half of the hidden units", "Against memorizing.", "DROPOUT = 0.0", "DROPOUT = 0.5",
         "Dropout of half the hidden units"),
    Idea("Copies shifted by one pixel", "Digits are not centred.", "return images, labels",
         "moved = [np.roll(images, by, axis) for axis in (1, 2) for by in (-1, 1)]; "
         "return np.concatenate([images, *moved]), np.tile(labels, 5)"),
    Idea("Weight decay 0.001", "Large weights overfit.", "DECAY = 0.0", "DECAY = 0.001"),
    Idea("Gaussian noise on the pixels", "Scans are noisy.", "NOISE = 0.0", "NOISE = 0.1"),
    Idea("Smoothing of labels, 0.1", "Soften the targets.", "SMOOTHING = 0.0", "SMOOTHING = 0.1",
         "Label smoothing 0.1"),
    Idea("Learning rate 0.5 instead of 0.1", "The loss still falls at the end.", "RATE = 0.1", "RATE = 0.5"),
    Idea("Batches of 8 instead of 32", "More steps in an epoch.", "BATCH = 32", "BATCH = 8"),
    Idea("Thirty times larger initial weights", "The units should differ.", "SCALE = 0.1", "SCALE = 3.0"),
    Idea("40 epochs instead of 15", "The loss still falls at the end.", "EPOCHS = 15", "EPOCHS = 40"),
    Idea("Learning-rate decay to zero", "Settle at the end.", "return 1.0 if progress < 1 else 0.0",
         "return 1 - progress", "Decay the learning rate to zero"),
    Idea("No border of one pixel", "It is empty anyway.", "return images.reshape(len(images), -1) / 16",
         "return images[:, 1:-1, 1:-1].reshape(len(images), -1) / 16"),
)  # fmt: skip


def orglab(*arguments: str, codes: tuple[int, ...] = (0,)) -> tuple[str, int]:
    """Run a command of orglab, and return what it prints and its exit code, which has to be one of some."""
    done = subprocess.run([sys.executable, "-m", "orglab", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in codes:
        sys.exit(f"orglab {arguments} exited with {done.returncode}")
    return done.stdout, done.returncode


def begin() -> dict[str, Any]:
    """Read the brief, as each session does, and return it; measure the code as it is if nobody has."""
    brief: dict[str, Any] = json.loads(orglab("brief", "--json")[0])
    if not brief.get("runs"):
        ref = orglab("new", "The network as it is", "-s", "Train it")[0].strip()
        run = measure(f"{ref}.1", "What there is to improve on")
        orglab("runs", "keep", run["id"], "-m", "The baseline")
        orglab("conclude", ref, f"Accuracy {run['metrics']['accuracy']}.", "--verdict", "inconclusive")
    return brief


def measure(step: str, why: str) -> dict[str, Any]:
    """Run the training in a working tree of its own, and return what orglab says of the run."""
    run: dict[str, Any] = json.loads(orglab(*TRAINING, step, "-m", why, *COMMAND, codes=(0, 1))[0])
    return run


def judge(run: dict[str, Any]) -> tuple[bool, str]:
    """Return whether the change of a run is kept, and the reason."""
    if run["outcome"] != "ok":
        return False, run.get("exception") or run["reason"]
    (compared,) = run["compared"]
    best = compared["best_of_log"]
    difference = f"accuracy {compared['setting']['mean']:.4f}, {best['difference']['value']:+.4f} to the best so far"
    return best["run_is_better"], f"{difference} ({best['ref']})"


def propose(idea: Idea) -> tuple[str | None, list[str]]:
    """Begin an experiment for an idea unless it was tried; return its reference, and the titles that the gate showed.

    The gate may stop an idea that is only akin to an earlier one. An agent reads what it shows, and goes on with a
    reason if it is another one.
    """
    new = ("new", idea.title, "-d", idea.why, "-s", "Train with the change", "--gate", "--json")
    said, code = orglab(*new, codes=(0, TRIED_BEFORE))
    form = json.loads(said)
    earlier = [one["title"] for one in form["tried_before"]]
    if code == TRIED_BEFORE:
        if idea.same_as in earlier or idea.title in earlier:
            return None, earlier
        said, code = orglab(*new, "--anyway", "-m", f"Not the same: {idea.why}", codes=(0, TRIED_BEFORE))
        form = json.loads(said)
        if code == TRIED_BEFORE:  # another agent is at it
            return None, [one["title"] for one in form["tried_before"]]
    return form["experiment"]["ref"], earlier


def take_round(idea: Idea) -> dict[str, object]:
    """Try an idea, unless it was tried before, and decide; return what has become of it."""
    ref, earlier = propose(idea)
    if ref is None:
        return {"title": idea.title, "decision": "tried before", "as": earlier[0]}
    return carry_out(idea, ref)


def carry_out(idea: Idea, ref: str) -> dict[str, object]:
    """Make the change of an idea, run it, and decide; return what has become of it."""
    MODEL.write_text(MODEL.read_text().replace(f"{idea.old}\n", f"{idea.new}\n", 1))
    run = measure(f"{ref}.1", idea.why)
    is_better, reason = judge(run)
    if is_better:
        orglab("runs", "keep", run["id"], "-m", reason)
    else:
        orglab("runs", "discard", run["id"], "--reset", "-m", reason)
    orglab("conclude", ref, f"{reason[0].upper()}{reason[1:]}.", "--verdict", "supported" if is_better else "refuted")
    decision = "kept" if is_better else "discarded"
    return {"title": idea.title, "ref": ref, "run": run["id"], "decision": decision, "reason": reason,
            "accuracy": run["metrics"].get("accuracy")}  # fmt: skip


def main(rounds: int = 20) -> None:
    """Try the ideas one after the other."""
    os.environ.setdefault("ORGLAB_AUTHOR", "agent")
    if active := begin().get("active"):
        # A session was interrupted after it had begun this one.
        idea = next(idea for idea in IDEAS if idea.title == active["title"])
        print(json.dumps(carry_out(idea, active["ref"].partition(".")[0])), flush=True)
    for idea in IDEAS[:rounds]:
        print(json.dumps(take_round(idea)), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
