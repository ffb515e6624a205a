"""The cost of a task of `orglab sweep` beside its command, and of commands while and after a large sweep.

The floor is `xargs -P` with the same commands.  submitit and the queue of DVC are measured if they are installed.

python benchmarks/bench_sweep.py          # 200 tasks, and a sweep of 1,000 versions
python benchmarks/bench_sweep.py 20 100
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench_run import ORGLAB, git, make_study
from measure import environment, measure, table

TASKS = 200
VERSIONS = 1_000
SLOTS = (1, 2)
ROUNDS = 3
PEER_TASKS = 10  # a task takes them seconds
GROUP = 100
SCRIPT = '#!/bin/sh\nprintf \'{"loss": %s.%s}\' "$2" "$3" > "$1/metrics.json"\n'
SUBMITIT = """
import collections, sys, submitit
executor, waiting = submitit.LocalExecutor(folder=sys.argv[1]), collections.deque()
for number in range(int(sys.argv[2])):
    if len(waiting) == int(sys.argv[3]):
        waiting.popleft().result()
    waiting.append(executor.submit(submitit.helpers.CommandFunction(["true", str(number)])))
for job in waiting:
    job.result()
"""
DVC_STAGES = "stages:\n  task:\n    cmd: true ${x}\n    params: [x]\n"


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command to its end, without its output."""
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not is_so():
        time.sleep(0.02)


def list_names(folder: Path) -> list[str]:
    """Return the names in a folder, which need not exist."""
    return os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - names are wanted


def begin_sweep(folder: Path, *arguments: str) -> Path:
    """Begin a sweep in the background, and return its folder."""
    known = list_names(folder / ".git/orglab/sweeps")
    run([*ORGLAB, "sweep", *arguments], folder)
    (new,) = {*list_names(folder / ".git/orglab/sweeps")} - {*known}
    return folder / ".git/orglab/sweeps" / new


def wait_for_settled(folder: Path) -> None:
    """Wait until the log has been told about all sweeps, and their results are committed."""
    wait_until(lambda: not list_names(folder / ".git/orglab/waiting"))


def list_values(count: int) -> str:
    """Return the values of a parameter, all of them new, so that no task counts as done before."""
    first = time.time_ns() // 1_000_000
    return ",".join(str(first + number) for number in range(count))


# One task beside its command


def sweep_tasks(folder: Path, count: int, slots: int) -> None:
    """Run tasks as a sweep, until it is settled."""
    begin_sweep(folder, "1.1", "--set", f"x={list_values(count)}", "--slots", str(slots), "--", "true", "{x}")
    wait_for_settled(folder)


def run_with_xargs(folder: Path, count: int, slots: int) -> None:
    """Run tasks with xargs."""
    numbers = "\n".join(map(str, range(count)))
    command = ["xargs", "-P", str(slots), "-n", "1", "true"]
    subprocess.run(command, cwd=folder, env=environment(), input=numbers, text=True, check=True)


def run_with_submitit(folder: Path, count: int, slots: int) -> None:
    """Run tasks with the local executor of submitit, which starts all at once if nobody keeps it from that."""
    run([sys.executable, "-c", SUBMITIT, str(folder / "submitit"), str(count), str(slots)], folder)


def run_with_dvc(folder: Path, count: int, slots: int) -> None:
    """Run tasks with the queue of DVC."""
    place = Path(tempfile.mkdtemp(dir=folder))
    git(place, "init", "--quiet")
    (place / "params.yaml").write_text("x: 0\n")
    (place / "dvc.yaml").write_text(DVC_STAGES)
    run(["dvc", "init", "--quiet"], place)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message=All")
    run(["dvc", "exp", "run", "--queue", "-S", f"x=range(1,{count + 1})"], place)
    run(["dvc", "queue", "start", "-j", str(slots)], place)
    # An experiment that has ended is a ref beside those of the queue.
    form = ["git", "for-each-ref", "--format=%(refname)", "refs/exps"]

    def count_ended() -> int:
        names = subprocess.run(form, cwd=place, capture_output=True, text=True, check=True).stdout.split()
        return sum(not name.startswith(("refs/exps/celery", "refs/exps/exec")) for name in names)

    wait_until(lambda: count_ended() >= count)


def measure_task(folder: Path, count: int) -> list[list[str]]:
    """Return the rows on the cost of a task beside its command."""
    make_study(folder, 20)
    runners = {"xargs -P": (run_with_xargs, count), "orglab sweep": (sweep_tasks, count)}
    if importlib.util.find_spec("submitit") is not None:
        runners["submitit, LocalExecutor"] = (run_with_submitit, PEER_TASKS)
    if shutil.which("dvc") is not None:
        runners["dvc queue"] = (run_with_dvc, PEER_TASKS)
    rows = [["a task that runs `true`", "slots", "tasks", "ms each", "ms beside it", "x the floor", "goal"]]
    for slots in SLOTS:
        floor = 0.0
        for name, (runner, amount) in runners.items():
            begun = time.perf_counter()
            runner(folder, amount, slots)
            each = (time.perf_counter() - begun) / amount
            floor = floor or each
            own = [f"{each * 1e3:.1f}", f"{(each - floor) * 1e3:.1f}", f"{each / floor:.0f}"]
            rows.append([name, str(slots), str(amount), *own, "<= 150 beside it" if name == "orglab sweep" else ""])
    return rows


# A large sweep


def read_costs(folder: Path) -> dict[str, float]:
    """Return the CPU seconds of commands that look at a sweep."""
    looks = {"sweep status": ["sweep", "status"], "status": ["status"], "show 1.1": ["show", "1.1"],
             "runs --by setting": ["runs", "1.1", "--by", "setting"]}  # fmt: skip
    commands = {name: [*ORGLAB, *arguments] for name, arguments in looks.items()}
    costs = measure({"floor": [sys.executable, "-c", "pass"], **commands}, folder, ROUNDS)
    return {name: cost.cpu for name, cost in costs.items()}


@contextlib.contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note how many seconds something takes."""
    begun = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - begun


def measure_large(folder: Path, count: int) -> list[list[list[str]]]:
    """Return the tables on a sweep of `count` versions: how its tasks and the commands grow with it."""
    make_study(folder, 20)
    script = folder / "train.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Script")
    seconds: dict[str, float] = {}
    before = read_costs_without_sweep(folder)
    values = ",".join(map(str, range(count // 10)))
    arguments = ("1.1", "--set", f"x={values}", "--seeds", "10", "--slots", "1")
    with timed(seconds, f"begin {count} versions"):
        sweep = begin_sweep(folder, *arguments, "--", "./train.sh", "{out}", "{x}", "{seed}")
    going_on = read_costs(folder)
    wait_until(lambda: len(list_names(sweep / "ended")) == count)
    with timed(seconds, "settle: note and commit"):
        wait_for_settled(folder)
    ended = read_costs(folder)
    moments = sorted((sweep / "ended" / name).stat().st_mtime for name in list_names(sweep / "ended"))
    group = min(GROUP, count // 3)
    first, last = moments[group] - moments[0], moments[-1] - moments[-1 - group]
    growth = [
        ["growth: a task in a sweep", "ms", "x the first"],
        [f"the first {group}", f"{first / group * 1e3:.0f}", "1.0"],
        [f"the last {group} of {count}", f"{last / group * 1e3:.0f}", f"{last / first:.2f}"],
    ]
    looks = [["cpu ms of a command", "without a sweep", "it begins", f"{count} ended", "x python -c pass"]]
    for name, cost in ended.items():
        known = [before.get(name), going_on[name], cost]
        shown = ["" if one is None else f"{one * 1e3:.0f}" for one in known]
        looks.append([name, *shown, f"{cost / ended['floor']:.0f}"])
    whole = [["a large sweep", "seconds"], *([name, f"{amount:.1f}"] for name, amount in seconds.items())]
    return [growth, looks, whole]


def read_costs_without_sweep(folder: Path) -> dict[str, float]:
    """Return the CPU seconds of the commands that need no sweep."""
    commands = {"status": [*ORGLAB, "status"], "show 1.1": [*ORGLAB, "show", "1.1"]}
    costs = measure({"floor": [sys.executable, "-c", "pass"], **commands}, folder, ROUNDS)
    return {name: cost.cpu for name, cost in costs.items()}


def main(tasks: int = TASKS, versions: int = VERSIONS) -> None:
    """Print the tables, with the load of the machine."""
    print(f"load of the machine at the beginning: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="orglab-bench-") as name:
        table(measure_task(Path(name), tasks))
    with tempfile.TemporaryDirectory(prefix="orglab-bench-") as name:
        for rows in measure_large(Path(name), versions):
            table(rows)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
