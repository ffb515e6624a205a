"""How long `orglab similar` takes on a log of ten thousand, and `tried` on small ones: `bench_similar.py [COUNT]`.

Whole processes, in a git repository, beside `python -c pass`; the goal is ten times that, with the cache there.
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
    """Make a repository with a log of so many experiments."""
    folder.mkdir()
    make_log(folder / "experiment_log.org", count)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def bench(folder: Path, commands: dict[str, list[str]], title: str) -> None:
    """Print what commands cost in a folder, and what the first of them costs the first time."""
    first = run_once(next(iter(commands.values())), folder)
    costs = measure({"python -c pass": [sys.executable, "-c", "pass"], **commands}, folder)
    table(ratio_rows(title, costs, dict.fromkeys(commands, "<= 10")))
    table([("the first time", "cpu s", "wall s"), (title, f"{first.cpu:.2f}", f"{first.wall:.2f}")])


def main(count: int = COUNT) -> None:
    """Measure, and print tables."""
    orglab = [sys.executable, "-m", "orglab"]
    with tempfile.TemporaryDirectory() as name:
        asked = {text: [*orglab, "similar", text] for text in QUESTIONS}
        bench(make_study(Path(name, "similar"), count), asked, f"similar among {count}")
        for few in TRIED:
            bench(make_study(Path(name, f"tried-{few}"), few), {"tried": [*orglab, "tried"]}, f"tried among {few}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
