"""Run the benchmarks (`make bench`) and print tables of ratios; no result makes it fail.

Whole processes are measured: the median of nine runs after a warm-up, with peers in the same run.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import bench_agents
import bench_beside
import bench_hashes
import bench_hooks
import bench_hostile
import bench_index
import bench_lsp
import bench_recorded
import bench_references
import bench_render
import bench_report
import bench_run
import bench_similar
import bench_sweep
import bench_trackers
import bench_web
from measure import RUNS, environment, measure, ratio_rows, run_once, table

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
LOG = "experiment_log.org"
# The sizes of log at which commands are measured, with the goal for each command.
COMMAND_GOALS = {
    1_000: {
        "orglab show": "<= 7", "orglab show, in a repository": "<= 7", "orglab list": "<= 7",
        "orglab list, in a repository": "<= 7", "orglab next": "<= 10", "orglab note, durable": "<= 10",
        "orglab done, durable": "<= 10",
    },
    10_000: {"orglab note, durable": "<= 14", "orglab done, durable": "<= 14"},
}  # fmt: skip
PYTHON = sys.executable
ORGLAB = [PYTHON, "-m", "orglab"]
EMACS_LIST = """
(progn (require 'org) (setq large-file-warning-threshold nil) (find-file %S)
  (message "%%d" (length (org-map-entries
    (lambda () (list (org-entry-get nil "ID") (org-get-heading t t t t) (org-get-todo-state) (org-get-tags))) "exp"))))
"""


def make_log(path: Path, count: int) -> None:
    """Write a log in a separate process, because the memory of this process counts towards its children."""
    subprocess.run([PYTHON, str(HERE / "make_log.py"), str(count), str(path)], check=True)


def inside(what: str, path: Path) -> float:
    """Return the median seconds of a task in a fresh process, without imports."""
    seconds = []
    for turn in range(RUNS + 1):
        command = [PYTHON, str(HERE / "inside.py"), what, str(path)]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
        if turn:
            seconds.append(float(result.stdout))
    return statistics.median(seconds)


def bench_list(folder: Path, count: int, *, slow_peers: bool) -> None:
    """Measure listing all experiments, in process."""
    log = folder / "experiment_log.org"
    size = log.stat().st_size
    floor = inside("floor", log)
    rows = [("list all experiments", "seconds", "x read + sha256", "goal")]
    rows.append((f"read + sha256 ({count} experiments, {size / 1e6:.1f} MB)", f"{floor:.4f}", "1.0", ""))
    ours = inside("orglab", log)
    rows.append(("orglab: id, state, title, tags, created, progress", f"{ours:.4f}", f"{ours / floor:.1f}", "<= 8"))
    if slow_peers:
        for name, cost in slow_costs(log).items():
            rows.append((name, f"{cost:.2f}", f"{cost / floor:.0f}", ""))
    table(rows)


def slow_costs(log: Path) -> dict[str, float]:
    """Return the seconds of the slow peers, run once each without a warm-up."""
    costs: dict[str, float] = {}
    try:
        command = [PYTHON, str(HERE / "inside.py"), "orgparse", str(log)]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
        costs["orgparse: load (once)"] = float(result.stdout)
    except subprocess.CalledProcessError:
        print("orgparse is not installed; skipped")
    emacs = shutil.which("emacs")
    if emacs:
        start = run_once([emacs, "-Q", "--batch", "--eval", "(require 'org)"], log.parent).wall
        lisp = EMACS_LIST.replace("%S", f'"{log}"').replace("%%", "%")
        costs["Emacs: org-map-entries (once)"] = (
            run_once([emacs, "-Q", "--batch", "--eval", lisp], log.parent).wall - start
        )
    return costs


def bench_growth(folder: Path) -> None:
    """Measure how the time per experiment grows with the log."""
    rows = [("growth: list", "seconds", "microseconds per experiment", "x the smallest log", "goal")]
    first = 0.0
    for count in (1_000, 10_000, 50_000):
        path = folder / f"log{count}.org"
        make_log(path, count)
        seconds = inside("orglab", path)
        cost = seconds / count * 1e6
        first = first or cost
        rows.append((f"{count} experiments", f"{seconds:.4f}", f"{cost:.1f}", f"{cost / first:.2f}", "<= 1.3"))
    table(rows)


def bench_memory(folder: Path) -> None:
    """Measure the peak memory of a process that lists 50,000 experiments."""
    path = folder / "log50000.org"
    costs = measure(
        {
            "nothing": [PYTHON, "-c", "import orglab.log.log"],
            "list": [PYTHON, str(HERE / "inside.py"), "orglab", str(path)],
        },
        folder, runs=2,
    )  # fmt: skip
    size = path.stat().st_size
    used = costs["list"].memory
    table([
        ("memory: list, 50,000", "MB", "x the file", "goal"),
        ("the file", f"{size / 1e6:.0f}", "1.0", ""),
        ("Python with orglab imported", f"{costs['nothing'].memory / 1e6:.0f}", "", ""),
        ("the whole process, peak", f"{used / 1e6:.0f}", f"{used / size:.1f}", "<= 4"),
    ])  # fmt: skip


def bench_commands(folder: Path, count: int, goals: dict[str, str]) -> None:
    """Measure commands on a log, in a git repository and outside; the log is restored before each.

    Args:
        folder: The folder to work in.
        count: The number of experiments in the log.
        goals: The goal for each command, in multiples of `python -c pass`.
    """
    outside, inside_git = folder / f"{count}", folder / f"{count}-git"
    for place in (outside, inside_git):
        place.mkdir()
    kept = outside / LOG
    make_log(kept, count)
    make_repository(inside_git, kept)
    middle = str(count // 2)
    commands: dict[str, Sequence[str]] = {
        "python -c pass": [PYTHON, "-c", "pass"],
        "python -c 'import click'": [PYTHON, "-c", "import click"],
        "orglab --help": [*ORGLAB, "--help"],
        "orglab show": [*ORGLAB, "--log", str(kept), "show", middle],
        "orglab show, in a repository": [*ORGLAB, "show", middle],
        "orglab list": [*ORGLAB, "--log", str(kept), "list"],
        "orglab list, in a repository": [*ORGLAB, "list"],
        "orglab next": [*ORGLAB, "next"],
        "orglab note, durable": [*ORGLAB, "note", middle, "A note."],
        "orglab done, durable": [*ORGLAB, "done", f"{middle}.1"],
        "temp + fsync + rename of the same bytes": [PYTHON, str(HERE / "durable.py"), str(inside_git / LOG)],
    }
    costs = measure(commands, inside_git, before=lambda: shutil.copyfile(kept, inside_git / LOG) and None)
    table(ratio_rows(f"whole process, {count} experiments", costs, goals))


def make_repository(folder: Path, log: Path) -> None:
    """Make a repository with one commit, a copy of a log."""
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "gc.auto=0"]
    shutil.copyfile(log, folder / LOG)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "start"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


TOPICS = (
    "log", "references", "hooks", "run", "sweep", "trackers", "hashes", "index", "similar", "report", "render",
    "hostile", "agents", "web", "lsp", "beside", "recorded",
)  # fmt: skip


def bench_topic(topic: str) -> None:
    """Run the benchmarks of one topic other than `log`."""
    print(f"---- {topic} ----\n")
    if topic == "references":
        with tempfile.TemporaryDirectory(prefix="orglab-bench-") as folder:
            bench_references.bench_references(Path(folder))
    else:
        {
            "hooks": bench_hooks.main,
            "run": bench_run.main,
            "sweep": bench_sweep.main,
            "trackers": bench_trackers.main,
            "hashes": bench_hashes.main,
            "index": bench_index.main,
            "similar": bench_similar.main,
            "report": bench_report.main,
            "render": bench_render.main,
            "hostile": bench_hostile.main,
            "agents": bench_agents.main,
            "web": bench_web.main,
            "lsp": bench_lsp.main,
            "beside": bench_beside.main,
            "recorded": bench_recorded.main,
        }[topic]()


def main() -> None:
    """Run all benchmarks, those of some topics, or with --quick only the fast ones of the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="experiments in the log (default: 10,000)")
    parser.add_argument("--quick", action="store_true", help="without orgparse, Emacs, growth and memory")
    parser.add_argument("--folder", type=Path, help="the folder to work in (default: a temporary one)")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"any of {', '.join(TOPICS)} (default: all)")
    arguments = parser.parse_args()
    topics = arguments.topics or (("log",) if arguments.quick else TOPICS)
    if unknown := set(topics) - set(TOPICS):
        parser.error(f"unknown topic: {', '.join(sorted(unknown))}")
    if "log" in topics:
        bench_log(arguments)
    for topic in topics:
        if topic != "log":
            bench_topic(topic)


def bench_log(arguments: argparse.Namespace) -> None:
    """Measure the log itself: reading, writing, growth, memory."""
    folder = Path(tempfile.mkdtemp(prefix="orglab-bench-", dir=arguments.folder))
    try:
        make_log(folder / "experiment_log.org", arguments.count)
        bench_list(folder, arguments.count, slow_peers=not arguments.quick)
        if not arguments.quick:
            bench_growth(folder)
            bench_memory(folder)
        for count, goals in COMMAND_GOALS.items():
            bench_commands(folder, count, goals)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
