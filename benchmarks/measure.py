"""Measurement of whole processes: medians, and ratios to a floor measured in the same run."""

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
    """The cost of a command: median CPU seconds, median wall-clock seconds, and peak memory in bytes."""

    cpu: float
    wall: float
    memory: int


def run_once(command: Sequence[str], folder: Path) -> Cost:
    """Run a command and return its cost as reported by the operating system."""
    begun = time.perf_counter()
    # To a file, because a verbose command would block on a pipe that nobody reads.
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
    """Return the environment for commands: byte-compiled code, and no settings of the user."""
    unwanted = ("ORGLAB_", "GIT_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)} | {"LC_ALL": "C.UTF-8"}


def measure(
    commands: dict[str, Sequence[str]], folder: Path, runs: int = RUNS, before: Callable[[], None] | None = None
) -> dict[str, Cost]:
    """Return the cost of each command; they alternate after a warm-up, so that drift affects all of them equally."""
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
            statistics.median(cost.cpu for cost in runs_of_command),
            statistics.median(cost.wall for cost in runs_of_command),
            max(cost.memory for cost in runs_of_command),
        )
        for name, runs_of_command in costs.items()
    }


def ratio_rows(title: str, costs: dict[str, Cost], goals: dict[str, str]) -> list[tuple[str, ...]]:
    """Return the rows of a table of costs, with ratios to the first one.

    CPU time is the more reliable figure, since wall-clock time on a busy machine includes other load.
    """
    floor = next(iter(costs.values()))
    rows: list[tuple[str, ...]] = [(title, "cpu ms", "x cpu", "wall ms", "x wall", "goal")]
    for name, cost in costs.items():
        figures = (cost.cpu * 1e3, cost.cpu / floor.cpu, cost.wall * 1e3, cost.wall / floor.wall)
        rows.append((name, *(f"{figure:.1f}" for figure in figures), goals.get(name, "")))
    return rows


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table with the first row as its header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    print(flush=True)
