"""The overhead of `orglab run`, and the cost of a snapshot of many files compared with listing them.

python benchmarks/bench_run.py            # 50,000 files, 200 runs at once
python benchmarks/bench_run.py 5000 20
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import environment, measure, table

FILES = 50_000
CHANGED = 25
AT_ONCE = 200
ROUNDS = 7
ORGLAB = [sys.executable, "-m", "orglab"]


def git(folder: Path, *arguments: str) -> None:
    """Run git with a fixed identity, without printing its output."""
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", *identity, *arguments], cwd=folder, env=environment(), check=True, capture_output=True)


def make_study(folder: Path, files: int) -> None:
    """Make a repository with a log of one experiment, and `files` source files."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.name", "Bench")
    git(folder, "config", "user.email", "bench@example.org")
    git(folder, "config", "gc.auto", "0")
    for number in range(files):
        place = folder / f"d{number // 100}"
        if number % 100 == 0:
            place.mkdir()
        (place / f"f{number}.py").write_text(f"number = {number}\n")
    subprocess.run([*ORGLAB, "init"], cwd=folder, env=environment(), check=True, capture_output=True)
    subprocess.run(
        [*ORGLAB, "new", "Bench", "-s", "one"], cwd=folder, env=environment(), check=True, capture_output=True
    )
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=All")


def stat_all(folder: str) -> int:
    """Stat every file in a folder, the minimum for finding out what changed, and return their number."""
    count = 0
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git":
                        pending.append(entry.path)
                else:
                    os.lstat(entry.path)
                    count += 1
    return count


def measure_overhead(folder: Path) -> list[list[str]]:
    """Return the rows on the overhead of a run with no changes, and with a changed file."""
    make_study(folder, 20)
    costs = measure({"true": ["true"], "run": [*ORGLAB, "run", "1.1", "--", "true"]}, folder, ROUNDS)

    def change() -> None:
        (folder / "d0" / "f0.py").write_text(f"{time.time_ns()}\n")

    changed = measure(
        {
            "commit": ["git", "commit", "--quiet", "--allow-empty", "--message=x", "--only", "d0/f0.py"],
            "run": [*ORGLAB, "run", "1.1", "--", "true"],
        },
        folder, ROUNDS, change,
    )  # fmt: skip
    rows = [["run of `true`", "floor ms", "ms", "overhead ms", "overhead cpu ms", "goal"]]
    for name, floors, whole in (
        ("nothing changed", [costs["true"]], costs["run"]),
        ("a changed file; floor with `git commit`", [costs["true"], changed["commit"]], changed["run"]),
    ):
        floor, cpu = sum(cost.wall for cost in floors), sum(cost.cpu for cost in floors)
        own = [f"{seconds * 1000:.0f}" for seconds in (floor, whole.wall, whole.wall - floor, whole.cpu - cpu)]
        rows.append([name, *own, "<= 100"])
    return rows


def measure_snapshot(folder: Path, files: int) -> list[list[str]]:
    """Return the rows on the cost of a snapshot compared with a stat of all files."""
    from orglab.git import find_repository  # noqa: PLC0415 - the other benchmarks measure processes
    from orglab.git.snapshot import make_snapshot  # noqa: PLC0415 - the same
    from orglab.git.untracked import Budget  # noqa: PLC0415 - the same

    make_study(folder, files)
    # If the git index is as recent as the files, git reads them all again, which should not be measured.
    time.sleep(1.1)
    git(folder, "update-index", "--really-refresh")
    repository = find_repository(folder)
    if repository is None:
        raise AssertionError
    looks: list[float] = []
    takes: list[float] = []
    for turn in range(ROUNDS + 1):
        for number in range(CHANGED):
            folder_number = number % (files // 100)
            (folder / f"d{folder_number}" / f"f{folder_number * 100}.py").write_text(f"{turn} {number}\n")
        begun = time.perf_counter()
        stat_all(str(folder))
        between = time.perf_counter()
        make_snapshot(repository, f"r{turn}", "x\n", Budget(10**7, 2000, 10**8))
        looks.append(between - begun)
        takes.append(time.perf_counter() - between)
    look, take = statistics.median(looks[1:]), statistics.median(takes[1:])
    return [
        [f"{files} files, {CHANGED} changed", "ms", "ratio", "goal"],
        ["scandir and lstat of all files", f"{look * 1000:.0f}", "1.0", ""],
        ["snapshot", f"{take * 1000:.0f}", f"{take / look:.1f}", "<= 2.7"],
    ]


def measure_simultaneous(folder: Path, count: int) -> list[list[str]]:
    """Return the rows on `count` runs that end at the same time."""
    from orglab.runs.storage import PENDING, list_entries  # noqa: PLC0415 - the other benchmarks measure processes

    make_study(folder, 20)
    gate = folder / "gate"
    os.mkfifo(gate)
    begun = time.perf_counter()
    command = [*ORGLAB, "run", "1.1", "--", "cat", str(gate)]
    running = [
        subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(count)
    ]
    while len(list_entries(folder, PENDING)) < count:
        time.sleep(0.05)
    opened = time.perf_counter()
    while any(process.poll() is None for process in running):
        # Each opening releases the runs that are waiting at the gate now.
        with contextlib.suppress(OSError):
            os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
        time.sleep(0.05)
    codes = [process.returncode for process in running]
    ended = time.perf_counter()
    text = (folder / "experiment_log.org").read_text()
    marks = {line.strip() for line in text.split("\n") if line.strip().startswith("run 2")}
    entries = text.count("ran cat")
    return [
        ["runs that end at the same time", "entries", "ids", "exit 0", "s to start", "s to end", "goal"],
        [str(count), str(entries), str(len(marks)), str(codes.count(0)),
         f"{opened - begun:.1f}", f"{ended - opened:.1f}", f"{count} entries, {count} ids, < 30 s"],
    ]  # fmt: skip


def main(files: int = FILES, count: int = AT_ONCE) -> None:
    """Print the tables."""
    for measure_rows in (
        measure_overhead,
        lambda folder: measure_snapshot(folder, files),
        lambda folder: measure_simultaneous(folder, count),
    ):
        with tempfile.TemporaryDirectory() as name:
            table(measure_rows(Path(name)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
