"""Cost and size of `orglab brief` and of the tools of `orglab mcp`, on logs of 10 to 10,000 experiments with runs.

The floors are `git status` and `orglab list --json`, whose bytes an agent would have to read instead.

python benchmarks/bench_agents.py          # 10, 200, 5,000 and 10,000 experiments
python benchmarks/bench_agents.py 200
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from bench_mcp import bench as bench_tools
from bench_report import make_project
from measure import environment, measure, ratio_rows, run_once, table

COUNTS = (10, 200, 5_000, 10_000)
TOKENS = (200, 1_500)
ROUNDS = 3
ORGLAB = [sys.executable, "-m", "orglab"]
FLOOR = "git status"
COMMANDS = {
    FLOOR: ["git", "status", "--porcelain"],
    "orglab list --json": [*ORGLAB, "list", "--json"],
    "orglab runs --json": [*ORGLAB, "runs", "--json"],
    "orglab status": [*ORGLAB, "status"],
    **{f"orglab brief --tokens {tokens}": [*ORGLAB, "brief", "--tokens", str(tokens)] for tokens in TOKENS},
    f"orglab brief --json --tokens {TOKENS[-1]}": [*ORGLAB, "brief", "--json", "--tokens", str(TOKENS[-1])],
}


def count_bytes(command: list[str], folder: Path) -> int:
    """Return how many bytes a command prints."""
    return len(subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=True).stdout)


def bench(folder: Path, count: int) -> None:
    """Print the costs and the sizes on a log of `count` experiments."""
    make_project(folder, count)
    first = run_once(COMMANDS[f"orglab brief --tokens {TOKENS[0]}"], folder)
    table(ratio_rows(f"{count} experiments", measure(COMMANDS, folder, ROUNDS), {}))
    sizes = {name: count_bytes(command, folder) for name, command in COMMANDS.items() if name != FLOOR}
    whole = sizes["orglab list --json"]
    sized = [(name, str(size), f"{size / whole:.3f}") for name, size in sizes.items()]
    table([(f"{count} experiments", "bytes", "x list --json"), *sized])
    table(
        [("the first brief, which makes the index", "cpu s", "wall s"), ("", f"{first.cpu:.2f}", f"{first.wall:.2f}")]
    )
    bench_tools(folder, count)


def main(*counts: int) -> None:
    """Print the tables."""
    for count in counts or COUNTS:
        with tempfile.TemporaryDirectory(prefix="orglab-bench-") as name:
            bench(Path(name), count)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
