"""The time that the hooks add to a commit, compared with `git commit` without hooks, alternating in one run.

People notice the p95, so there are more rounds here than elsewhere.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import environment, table

TURNS = 40
_NAMES = {
    "AUTHOR_NAME": "A",
    "AUTHOR_EMAIL": "a@example.org",
    "COMMITTER_NAME": "A",
    "COMMITTER_EMAIL": "a@example.org",
}
HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit")


def run(folder: Path, *command: str) -> float:
    """Run a command and return the milliseconds it took."""
    settings = {f"GIT_{name}": value for name, value in _NAMES.items()}
    source = {"PYTHONPATH": os.pathsep.join(sys.path)}
    begun = time.perf_counter()
    result = subprocess.run(
        command, cwd=folder, env=environment() | settings | source, capture_output=True, check=False
    )
    milliseconds = 1000 * (time.perf_counter() - begun)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed: {result.stderr.decode(errors='replace')}")
    return milliseconds


def make_repository(folder: Path, *, hooks: str | None, active: bool, experiments: int) -> Path:
    """Make a repository with a log; `hooks` is `orglab`, `empty` (shell scripts that exit at once), or None."""
    folder.mkdir()
    run(folder, "git", "init", "--quiet")
    maker = Path(__file__).with_name("make_log.py")
    run(folder, sys.executable, os.fspath(maker), str(experiments), "experiment_log.org")
    (folder / "train.py").write_text("0\n")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "-m", "start")
    if hooks == "empty":
        for name in HOOKS:
            path = folder / ".git" / "hooks" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("#!/bin/sh\nexit 0\n")
            path.chmod(0o755)
    elif hooks == "orglab":
        run(folder, sys.executable, "-m", "orglab", "setup", "git")
    if active:
        run(folder, sys.executable, "-m", "orglab", "start", "1.1")
        run(folder, sys.executable, "-m", "orglab", "commit")
    return folder


def commit(folder: Path, turn: int, message: str) -> float:
    """Change a file, commit it, and return the milliseconds the commit took."""
    (folder / "train.py").write_text(f"turn {turn}\n")
    return run(folder, "git", "commit", "--quiet", "--all", "-m", message)


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main(experiments: int = 200) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as place:
        cases = {}
        for number, (name, hooks, active, message) in enumerate((
            ("git commit, no hooks", None, False, "tune"),
            ("four empty hooks (#!/bin/sh)", "empty", False, "tune"),
            ("orglab: no step active, none named", "orglab", False, "tune"),
            ("orglab: the message names a step", "orglab", False, "[e1.1] tune"),
            ("orglab: a step is active", "orglab", True, "tune"),
        )):  # fmt: skip
            folder = Path(place, str(number))
            cases[name] = (make_repository(folder, hooks=hooks, active=active, experiments=experiments), message)
        costs: dict[str, list[float]] = {name: [] for name in cases}
        for turn in range(TURNS + 1):  # the first is a warm-up
            for name, (folder, message) in cases.items():
                cost = commit(folder, turn, message)
                if turn:
                    costs[name].append(cost)
    floor, *others = costs
    rows = [(f"hooks of one commit, {experiments} experiments", "ms, median", "ms, p95", "added at p95", "goal")]
    rows.append((floor, f"{statistics.median(costs[floor]):.1f}", f"{p95(costs[floor]):.1f}", "", ""))
    for name in others:
        added = p95(costs[name]) - p95(costs[floor])
        goal = "<= 15" if "none named" in name else "<= 80" if "orglab" in name else ""
        rows.append((name, f"{statistics.median(costs[name]):.1f}", f"{p95(costs[name]):.1f}", f"+{added:.1f}", goal))
    table(rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
