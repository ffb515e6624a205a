"""How the figures are taken: whole processes, medians, as ratios against a floor in the same run."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

RUNS = 9


@dataclass(frozen=True)
class Cost:
    """The median of some runs: seconds of the processor, seconds on the clock, and the most memory in bytes."""

    cpu: float
    wall: float
    memory: int


def run_once(command: Sequence[str], folder: Path) -> Cost:
    """Run a command and return what the operating system says it cost."""
    begun = time.perf_counter()
    # To a file: a pipe that nobody reads would stop a talkative peer for good.
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, env=environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = 0
        if status != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed: {errors.read().decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * unit)


def environment() -> dict[str, str]:
    """Return the environment of what is measured: byte-compiled code, no settings of the user."""
    unwanted = ("ORGLAB_", "GIT_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)} | {"LC_ALL": "C.UTF-8"}


def measure(
    commands: dict[str, Sequence[str]], folder: Path, runs: int = RUNS, before: Callable[[], None] | None = None
) -> dict[str, Cost]:
    """Return the cost of each command, in turns after a warm-up so that a drift of the machine meets all alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            if before is not None:
                before()
            cost = run_once(command, folder)
            if turn:
                costs[name].append(cost)
    return {
        name: Cost(
            statistics.median(cost.cpu for cost in found),
            statistics.median(cost.wall for cost in found),
            max(cost.memory for cost in found),
        )
        for name, found in costs.items()
    }


def ratio_rows(title: str, costs: dict[str, Cost], goals: dict[str, str]) -> list[tuple[str, ...]]:
    """Return the rows of a table of costs, each beside the first of them.

    What the processor did is the surer figure: the clock of a busy machine counts what others do as well.
    """
    floor = next(iter(costs.values()))
    rows: list[tuple[str, ...]] = [(title, "cpu ms", "x cpu", "wall ms", "x wall", "goal")]
    for name, cost in costs.items():
        figures = (cost.cpu * 1e3, cost.cpu / floor.cpu, cost.wall * 1e3, cost.wall / floor.wall)
        rows.append((name, *(f"{one:.1f}" for one in figures), goals.get(name, "")))
    return rows


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table; the first is its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    print(flush=True)
