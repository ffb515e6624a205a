"""Walks from the command line: `python -m tests.walk.run --seed 1 --steps 2000 --log apart`, from the top."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from walk.walk import plan, play, shrink


def main() -> int:
    """Walk, print what went wrong, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument(
        "--log", choices=("apart", "tracked"), action="append", help="how the log is kept; both by default"
    )
    parser.add_argument("--without", action="append", default=[], metavar="KIND", help="leave a kind of step out")
    parser.add_argument("--shrink", action="store_true", help="look for a shorter walk that fails")
    options = parser.parse_args()
    ways = options.log or ["apart", "tracked"]
    return max([walk(way, options) for way in ways])


def walk(way: str, options: argparse.Namespace) -> int:
    """Walk with the log kept in one way, and return 1 if that failed."""
    begun = time.monotonic()
    steps = [step for step in plan(options.seed, options.steps) if step.kind not in options.without]
    failure = play(steps, apart=way == "apart")
    if failure is not None and options.shrink:
        print(f"{way}, seed {options.seed}: failed after {len(failure.steps)} steps; looking for fewer", flush=True)
        failure = shrink(failure, apart=way == "apart")
    seconds = f"{time.monotonic() - begun:.0f} s"
    if failure is None:
        print(f"{way}, seed {options.seed}: {options.steps} steps, all is well, {seconds}")
        return 0
    print(f"{failure.script}\n\n{way}, seed {options.seed}: failed after {len(failure.steps)} steps, {seconds}")
    print(failure.reason)
    return 1


if __name__ == "__main__":
    sys.exit(main())
