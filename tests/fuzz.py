"""Parse, print, edit and recount random Org text: `python tests/fuzz.py N [--seed S] [--jobs J]`.

Each input is made from the seed and its number, so one that fails can be made again alone:
`python tests/fuzz.py 1 --seed S --first NUMBER`.
"""

import argparse
import multiprocessing
import os
import random
import sys
import time
import traceback

from orgtext import check_operations, random_text

# What one process checks at a time.
BATCH = 500


def check_number(seed: int, number: int) -> str | None:
    """Check input `number` of a seed; return what went wrong, or None."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - it has to be the same each time
    raw = random_text(chance.randrange)
    try:
        check_operations(raw, chance.randrange, count=2)
    except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
        return f"input {number} of seed {seed}:\n{raw!r}\n{traceback.format_exc()}"
    return None


def check_batch(batch: tuple[int, int, int]) -> list[str]:
    """Check the inputs from `begin` to `end` of a seed; return what went wrong."""
    seed, begin, end = batch
    return [found for number in range(begin, end) if (found := check_number(seed, number)) is not None]


def check_many(count: int, *, seed: int, first: int = 0, jobs: int = 1, progress: bool = False) -> list[str]:
    """Check `count` inputs in `jobs` processes; return what went wrong."""
    ends = range(first, first + count, BATCH)
    batches = [(seed, begin, min(begin + BATCH, first + count)) for begin in ends]
    found: list[str] = []
    # Not `fork`: pytest may have threads.
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for done, failures in enumerate(pool.imap_unordered(check_batch, batches), start=1):
            found += failures
            if progress:
                print(f"\r{min(done * BATCH, count)} inputs, {len(found)} failures", end="", file=sys.stderr)
    if progress:
        print(file=sys.stderr)
    return found


def main() -> int:
    """Check as many inputs as asked for, print those that fail, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("count", type=int, metavar="N", help="how many inputs")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other inputs (1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes (all there are)")
    wanted = parser.parse_args()
    started = time.monotonic()
    found = check_many(
        wanted.count, seed=wanted.seed, first=wanted.first, jobs=wanted.jobs, progress=sys.stderr.isatty()
    )
    print("\n".join(found[:20]))
    print(f"{wanted.count} inputs in {time.monotonic() - started:.0f} s, {len(found)} failures")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
