"""The time of `orglab tried TEXT` on a log of 10,000 experiments, and of `orglab tried` on small logs.

    python benchmarks/bench_similar.py [COUNT]

Whole processes in a git repository; the goal is ten times `python -c pass`, with an existing index.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from make_log import make_log
from measure import measure, ratio_rows, run_once, table

COUNT = 10_000
QUESTIONS = ("weight decay with a cosine schedule", "soften the targets", "201")


TRIED = (3, 1000)


def make_study(folder: Path, count: int) -> Path:
    """Make a repository with a log of `count` experiments."""
    folder.mkdir()
    make_log(folder / "experiment_log.org", count)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def bench(folder: Path, commands: dict[str, list[str]], title: str) -> None:
    """Print the cost of commands in a folder, and of the first run of the first one."""
    first = run_once(next(iter(commands.values())), folder)
    costs = measure({"python -c pass": [sys.executable, "-c", "pass"], **commands}, folder)
    table(ratio_rows(title, costs, dict.fromkeys(commands, "<= 10")))
    table([("first run", "cpu s", "wall s"), (title, f"{first.cpu:.2f}", f"{first.wall:.2f}")])


def main(count: int = COUNT) -> None:
    """Measure and print the tables."""
    orglab = [sys.executable, "-m", "orglab"]
    with tempfile.TemporaryDirectory() as name:
        commands = {text: [*orglab, "tried", text] for text in QUESTIONS}
        bench(make_study(Path(name, "tried"), count), commands, f"tried TEXT, {count} experiments")
        for few in TRIED:
            title = f"tried, {few} experiments"
            bench(make_study(Path(name, f"tried-{few}"), few), {"tried": [*orglab, "tried"]}, title)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
