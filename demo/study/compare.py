"""Decide a claim about two results: compare.py BEFORE.csv AFTER.csv MORE_THAN VERDICT.json [--steadier].

The claim is that AFTER has a higher accuracy than BEFORE by more than MORE_THAN; a negative
MORE_THAN claims that no more than that is lost. With --steadier the claim is that the seed
changes the accuracy less than before, by more than MORE_THAN. Results are paired by seed,
and the mean difference is taken to be accurate to two standard errors. The claim is
supported if the whole interval agrees with it, refuted if the whole interval disagrees,
and otherwise inconclusive.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
from pathlib import Path
from typing import Any


def steadiness(scores: list[float]) -> list[float]:
    """Return the negative distance of each score from the median."""
    median = statistics.median(scores)
    return [-abs(score - median) for score in scores]


def read_scores(file: Path) -> list[float]:
    """Return the accuracy of each seed."""
    with file.open(newline="") as table:
        return [float(row["accuracy"]) for row in csv.DictReader(table)]


def decide(differences: list[float], more_than: float) -> dict[str, Any]:
    """Return the verdict on whether the mean difference exceeds `more_than`, with the numbers behind it."""
    mean = statistics.mean(differences)
    margin = 2 * statistics.stdev(differences) / math.sqrt(len(differences))
    if mean - margin > more_than:
        verdict = "supported"
    elif mean + margin < more_than:
        verdict = "refuted"
    else:
        verdict = "inconclusive"
    return {
        "difference": round(mean, 4),
        "low": round(mean - margin, 4),
        "high": round(mean + margin, 4),
        "more_than": more_than,
        "verdict": verdict,
    }


def main() -> None:
    """Read two results, and write and print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("more_than", type=float)
    parser.add_argument("verdict", type=Path)
    parser.add_argument("--steadier", action="store_true")
    arguments = parser.parse_args()
    before, after = read_scores(arguments.before), read_scores(arguments.after)
    if arguments.steadier:
        before, after = steadiness(before), steadiness(after)
    decision = decide([new - old for old, new in zip(before, after, strict=True)], arguments.more_than)
    arguments.verdict.write_text(json.dumps(decision, indent=1) + "\n")
    interval = "{difference:+.4f} ({low:+.4f} to {high:+.4f})".format(**decision)
    print(f"{interval}, claimed > {arguments.more_than:+.4f}: {decision['verdict']}")


if __name__ == "__main__":
    main()
