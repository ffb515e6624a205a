"""The speed of `orglab search` in whole processes next to `python -c pass`, and of listing experiments in process."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import RUNS, environment, measure, ratio_rows, run_once, table

HERE = Path(__file__).parent
PYTHON = sys.executable
ORGLAB = [PYTHON, "-m", "orglab"]


def make_study(folder: Path, count: int) -> Path:
    """Make a repository with a log of `count` experiments, and return the path of the log."""
    log = folder / "experiment_log.org"
    subprocess.run([PYTHON, str(HERE / "make_log.py"), str(count), str(log)], check=True)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0"]
    subprocess.run([*git, "init", "--quiet"], cwd=folder, check=True)
    subprocess.run([*git, "add", "--all"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "[e201.1] Baseline"], cwd=folder, check=True)
    return log


def bench_commands(folder: Path, count: int) -> None:
    """Measure searches with an existing index, and the cost of making the index."""
    middle = str(count // 2)
    first = run_once([*ORGLAB, "search", "dropout"], folder).wall
    commands = {
        "python -c pass": [PYTHON, "-c", "pass"],
        "python -c 'import click'": [PYTHON, "-c", "import click"],
        "orglab search, one result": [*ORGLAB, "search", f"e{middle}.1"],
        "orglab search, a word in most experiments": [*ORGLAB, "search", "dropout"],
        "orglab search, two words and a field": [*ORGLAB, "search", "dropout encoder in:step state:done"],
    }
    costs = measure(commands, folder)
    goals = {name: "<= 10" for name in commands if "search" in name}
    table(ratio_rows(f"search in {count} experiments", costs, goals))
    size = sum(path.stat().st_size for path in (folder / ".git" / "orglab").glob("*.db"))
    log_size = (folder / "experiment_log.org").stat().st_size
    table([
        ("making the index", "seconds", "MB", "x the log"),
        ("first search", f"{first:.2f}", f"{size / 1e6:.0f}", f"{size / log_size:.1f}"),
    ])  # fmt: skip


def bench_edits(folder: Path, log: Path, count: int) -> None:
    """Measure a search after one experiment was edited in the log."""
    text = log.read_bytes()
    turn = iter(range(1000))

    def edit() -> None:
        log.write_bytes(text.replace(b"\n* DONE [2] ", b"\n* DONE [2] Again %d: " % next(turn), 1))

    commands = {"orglab search": [*ORGLAB, "search", "again"]}
    costs = measure(commands, folder, before=edit)
    log.write_bytes(text)
    rows = [(f"after editing one of {count} experiments", "cpu ms", "wall ms")]
    rows += [(name, f"{cost.cpu * 1e3:.0f}", f"{cost.wall * 1e3:.0f}") for name, cost in costs.items()]
    table(rows)


def inside(what: str, log: Path) -> float:
    """Return the median seconds of a task in a fresh process, without imports."""
    seconds = []
    for turn in range(RUNS + 1):
        command = [PYTHON, str(HERE / "inside.py"), what, str(log)]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
        if turn:
            seconds.append(float(result.stdout))
    return statistics.median(seconds)


def bench_list(log: Path) -> None:
    """Measure listing all experiments in process: the file is read, no index is used."""
    floor, ours = inside("floor", log), inside("orglab", log)
    table([
        ("list all experiments, in process", "seconds", "x read + sha256", "goal"),
        ("read + sha256", f"{floor:.4f}", "1.0", ""),
        ("list", f"{ours:.4f}", f"{ours / floor:.1f}", "<= 8"),
    ])  # fmt: skip


def main(count: int = 10_000) -> None:
    """Make a study, measure, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="orglab-bench-"))
    try:
        log = make_study(folder, count)
        os.utime(log, (1, 1))
        bench_commands(folder, count)
        bench_list(log)
        bench_edits(folder, log, count)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="experiments in the log (default: 10,000)")
    main(parser.parse_args().count)
