"""What `orglab run` costs beside the command itself, and a snapshot of many files beside looking at them.

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
    """Run git, quietly, as somebody."""
    identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")
    subprocess.run(["git", *identity, *arguments], cwd=folder, env=environment(), check=True, capture_output=True)


def make_study(folder: Path, files: int) -> None:
    """Make a repository with a log of one experiment, and so many files of code."""
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


def look_at_all(folder: str) -> int:
    """Look at each file below a folder, as whoever wants to know what has changed must at least."""
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


def own_cost(folder: Path) -> list[list[str]]:
    """Return the rows of what a run costs where nothing has changed, and where a file has."""
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
    rows = [["run of `true`", "floor ms", "ms", "own cost ms", "of it processor ms", "goal"]]
    for name, floors, whole in (
        ("nothing changed", [costs["true"]], costs["run"]),
        ("a file changed, and `git commit`", [costs["true"], changed["commit"]], changed["run"]),
    ):
        floor, cpu = sum(one.wall for one in floors), sum(one.cpu for one in floors)
        own = [f"{seconds * 1000:.0f}" for seconds in (floor, whole.wall, whole.wall - floor, whole.cpu - cpu)]
        rows.append([name, *own, "<= 100"])
    return rows


def snapshot_cost(folder: Path, files: int) -> list[list[str]]:
    """Return the rows of what a snapshot costs beside a look at all files."""
    from orglab.git import find_repository  # noqa: PLC0415 - the other measures are of processes
    from orglab.git.snapshot import make_snapshot  # noqa: PLC0415

    make_study(folder, files)
    # An index of the same second as its files has git read them all again; that is not what is measured.
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
        look_at_all(str(folder))
        between = time.perf_counter()
        make_snapshot(repository, f"r{turn}", "x\n", 10**7)
        looks.append(between - begun)
        takes.append(time.perf_counter() - between)
    look, take = statistics.median(looks[1:]), statistics.median(takes[1:])
    return [
        [f"{files} files, {CHANGED} changed", "ms", "ratio", "goal"],
        ["lstat and scandir of all", f"{look * 1000:.0f}", "1.0", ""],
        ["snapshot", f"{take * 1000:.0f}", f"{take / look:.1f}", "<= 2.7"],
    ]


def at_once(folder: Path, count: int) -> list[list[str]]:
    """Return the rows of so many runs that end at once."""
    from orglab.runs.storage import PENDING, list_entries  # noqa: PLC0415 - the other measures are of processes

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
        # Each opening lets those through that wait at the gate now.
        with contextlib.suppress(OSError):
            os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
        time.sleep(0.05)
    codes = [process.returncode for process in running]
    ended = time.perf_counter()
    text = (folder / "experiment_log.org").read_text()
    marks = {line.strip() for line in text.split("\n") if line.strip().startswith("run 2")}
    told = text.count("ran cat")
    return [
        ["runs that end at once", "entries", "ids", "exit 0", "s to start", "s to end", "goal"],
        [str(count), str(told), str(len(marks)), str(codes.count(0)), f"{opened - begun:.1f}", f"{ended - opened:.1f}",
         f"{count} entries, {count} ids, < 30 s"],
    ]  # fmt: skip


def main(files: int = FILES, count: int = AT_ONCE) -> None:
    """Print the tables."""
    for rows in (own_cost, lambda folder: snapshot_cost(folder, files), lambda folder: at_once(folder, count)):
        with tempfile.TemporaryDirectory() as name:
            table(rows(Path(name)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
