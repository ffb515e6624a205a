"""Finding all references in the messages of 50,000 commits, and in 20 new ones, compared with `git log`.

The repository is made with `git fast-import` in a few seconds. `scan` is timed inside a fresh process without the
imports, as the index calls it; the whole process has a row of its own.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from make_log import make_log
from measure import RUNS, environment, measure, ratio_rows, table

COMMITS = 50_000
REFS_COMMITS = 20_000
NEW = 20
_WORDS = ["loss", "encoder", "dropout", "baseline", "learning", "rate", "fix", "refactor", "data", "seed", "metric"]

# A first scan, or one that starts from given tips; prints the seconds and the number of commits found.
_SCAN = """
import gc, sys, time
gc.disable()  # as the command line does
from pathlib import Path
from orglab.git import find_repository
from orglab.git.mentions import Tips, scan_mentions
import tempfile
repository = find_repository(Path(sys.argv[1]))
known = Tips(frozenset(sys.argv[2:]), "") if sys.argv[2:] else None
begun = time.perf_counter()
found = scan_mentions(repository, "e", known)
print(time.perf_counter() - begun, len(found.mentions))
"""


def make_repository(folder: Path, count: int, share: float) -> None:
    """Make a repository of `count` commits, a share of which name a step."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], check=True)
    text = b"".join(_commits(count, share))
    subprocess.run(["git", "fast-import", "--quiet"], input=text, cwd=folder, check=True)
    subprocess.run(["git", "repack", "-adq"], cwd=folder, check=True)


def _commits(count: int, share: float) -> Iterator[bytes]:
    """Yield commits in the format of `git fast-import`; the same for the same count and share."""
    chance = random.Random(1)  # noqa: S311 - a benchmark
    moment = 1_500_000_000
    for number in range(1, count + 1):
        moment += chance.randint(60, 7200)
        subject = " ".join(chance.choices(_WORDS, k=6))
        if chance.random() < share:
            subject = f"[e{chance.randint(1, 300)}.{chance.randint(1, 6)}] {subject}"
        body = "".join("\n" + " ".join(chance.choices(_WORDS, k=10)) for _ in range(chance.choice((0, 0, 2, 4))))
        message = f"{subject}\n{body}\n".encode()
        who = f"A U Thor <author@example.org> {moment} +0000"
        begin = f"commit refs/heads/main\nmark :{number}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode()
        parent = f"from :{number - 1}\n".encode() if number > 1 else b""
        content = f"x = {number}\n"
        yield begin + message + parent
        yield f"M 100644 inline f{number % 50}.py\ndata {len(content)}\n{content}\n".encode()


def _inside(folder: Path, *known: str) -> tuple[float, int]:
    """Return the median seconds of a scan in a fresh process, and the number of commits it found."""
    seconds, found = [], 0
    for turn in range(RUNS + 1):
        command = [sys.executable, "-c", _SCAN, str(folder), *known]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment()).stdout.split()
        found = int(printed[1])
        if turn:
            seconds.append(float(printed[0]))
    return statistics.median(seconds), found


def bench_references(folder: Path, count: int = COMMITS) -> None:
    """Print the table for a repository where some commits name a step, and one where all do.

    Args:
        folder: The folder to work in.
        count: The number of commits.
    """
    rows = [("find every [eN.M] in commit messages", "ms", "x git log", "goal")]
    for share in (0.3, 1.0):
        place = folder / f"share-{share}"
        make_repository(place, count, share)
        listing = ["git", "log", "--format=%H%n%B", "main"]
        new = ["git", "log", "--format=%H%n%B", f"main~{NEW}..main"]
        whole = [sys.executable, "-c", _SCAN, str(place)]
        floor = measure({"log": listing, "whole": whole, "new": new}, place)
        old = subprocess.run(["git", "rev-parse", f"main~{NEW}"], cwd=place, capture_output=True, text=True, check=True)
        cold, found = _inside(place)
        warm, _ = _inside(place, old.stdout.strip())
        log = floor["log"].wall
        rows += [
            (f"git log --format, {count} commits, {share:.0%} name a step", f"{log * 1000:.0f}", "1.00", ""),
            (f"scan, cold ({found} found)", f"{cold * 1000:.0f}", f"{cold / log:.2f}", "<= 1.3"),
            ("scan, cold, whole process", f"{floor['whole'].wall * 1000:.0f}", f"{floor['whole'].wall / log:.2f}", ""),
            (f"git log --format of {NEW} new commits", f"{floor['new'].wall * 1000:.1f}", "", ""),
            (f"scan after {NEW} new commits", f"{warm * 1000:.1f}", "", "<= 30 ms"),
        ]
    table(rows)
    bench_refs(folder / "refs")


def bench_refs(folder: Path) -> None:
    """Print the cost of `orglab refs 201` after the commits were scanned."""
    make_repository(folder, REFS_COMMITS, 0.3)
    make_log(folder / "experiment_log.org", 1_000)
    refs = [sys.executable, "-m", "orglab", "refs", "201"]
    costs = measure({"python -c pass": [sys.executable, "-c", "pass"], "orglab refs 201": refs}, folder)
    table(ratio_rows(f"one experiment in {REFS_COMMITS} commits", costs, {"orglab refs 201": "<= 12"}))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=COMMITS, help="the number of commits (default: 50000)")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="orglab-bench-") as folder:
        bench_references(Path(folder), arguments.count)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
