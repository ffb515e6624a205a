"""How long `orglab similar` takes on a log of ten thousand: `python benchmarks/bench_similar.py [COUNT]`.

Whole processes, in a git repository, beside `python -c pass`; the goal is ten times that, with the index there.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from make_log import make_log
from measure import measure, run_once, table

COUNT = 10_000
QUESTIONS = ("weight decay with a cosine schedule", "soften the targets", "201")


def main(count: int = COUNT) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_log(folder / "experiment_log.org", count)
        subprocess.run(["git", "init", "--quiet", name], check=True)
        command = [sys.executable, "-m", "orglab", "similar"]
        first = run_once([*command, QUESTIONS[0]], folder)
        floor = "python -c pass"
        costs = measure(
            {floor: [sys.executable, "-c", "pass"], **{text: [*command, text] for text in QUESTIONS}}, folder
        )
        rows = [("similar, 10x is the goal", "ms", "ratio"), ("the first time", f"{1000 * first.wall:.0f}", "")]
        for text, cost in costs.items():
            rows.append((text, f"{1000 * cost.wall:.1f}", f"{cost.wall / costs[floor].wall:.1f}x"))
        table(rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
