"""Decide a claim about two results: compare.py BEFORE.csv AFTER.csv MORE_THAN VERDICT.json [--steadier].

The claim: the accuracy after is higher than before by more than so much (a number below
zero claims that no more than so much is lost). With --steadier: a seed moves the accuracy
less than before, by more than so much. The seeds are compared one by one, and the mean
difference is taken to be known within two standard errors. It is supported if all of that
interval agrees with the claim, refuted if all of it disagrees, and else inconclusive.
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
    """How far each score is from the middle one; the further, the lower."""
    middle = statistics.median(scores)
    return [-abs(score - middle) for score in scores]


def read_scores(file: Path) -> list[float]:
    """The accuracy of each seed."""
    with file.open(newline="") as table:
        return [float(row["accuracy"]) for row in csv.DictReader(table)]


def decide(differences: list[float], more_than: float) -> dict[str, Any]:
    """The verdict on "the mean of these is more than that", and what it rests on."""
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
    """Read two results, write the verdict, and say what it is."""
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
