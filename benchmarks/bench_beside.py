"""What orglab, W&B, MLflow, DVC and Trackio cost on one machine, without a network, each in its own environment.

The environments are in `build/beside/`; a tool without one is left out.  `bench_recorded.py` is about what they record.

python benchmarks/bench_beside.py --install   # make the missing environments, from the package index
python benchmarks/bench_beside.py             # the table
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench_run import git
from bench_sweep import run, wait_for_settled
from measure import run_once, table

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / "build" / "beside"
PACKAGES = {
    "orglab": [str(ROOT)], "wandb": ["wandb"], "mlflow": ["mlflow"], "dvc": ["dvc", "dvclive"],
    "trackio": ["trackio"],
}  # fmt: skip
MODULES = {name: name for name in PACKAGES} | {"dvc": "dvclive"}
ROUNDS = 3
VALUES = 10_000
RUNS = 1_000
# Not part of the tool: what `python -m venv` installs.
OWN = re.compile(r"(pip|setuptools|pkg_resources|_distutils_hack|distutils-precedence)\b")
# Each script logs as many values of one metric as its argument says.
SCRIPTS = {
    "orglab": """
import json, sys
with open("metrics.jsonl", "w") as lines:
    for step in range(int(sys.argv[1])):
        lines.write(json.dumps({"step": step, "loss": 1 / (step + 1)}) + "\\n")
""",
    "wandb": """
import sys, wandb
with wandb.init(project="study") as run:
    for step in range(int(sys.argv[1])):
        run.log({"loss": 1 / (step + 1)})
""",
    "mlflow": """
import sys, mlflow
with mlflow.start_run():
    for step in range(int(sys.argv[1])):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
""",
    "dvc": """
import sys
from dvclive import Live
with Live() as live:
    for step in range(int(sys.argv[1])):
        live.log_metric("loss", 1 / (step + 1))
        live.next_step()
""",
    "trackio": """
import sys, trackio
trackio.init(project="study")
for step in range(int(sys.argv[1])):
    trackio.log({"loss": 1 / (step + 1)})
trackio.finish()
""",
}
STAGE = "stages:\n  train:\n    cmd: {python} train.py 1\n    params: [x]\n    outs: [metrics.jsonl]\n"
# How 1,000 runs are made, and how they are listed.
MANY_MLFLOW = """
import mlflow
for number in range({runs}):
    with mlflow.start_run():
        mlflow.log_param("x", number)
        mlflow.log_metric("loss", 1 / (number + 1))
"""
MANY_TRACKIO = """
import trackio
for number in range({runs}):
    trackio.init(project="many", name=f"run {{number}}", config={{"x": number}})
    trackio.log({{"loss": 1 / (number + 1)}})
    trackio.finish()
"""
LIST_MLFLOW = "import mlflow; print(mlflow.search_runs().to_string())"


class Tool:
    """A tool in an environment and a repository of its own."""

    def __init__(self, name: str, environments: Path, folder: Path) -> None:
        """Make the repository in `folder`."""
        self.name, self.bin, self.folder = name, environments / name / "bin", folder / name
        self.python = str(self.bin / "python")
        make_repository(self, self.folder)

    def command(self, *arguments: str) -> list[str]:
        """Return a command of the tool."""
        return [str(self.bin / self.name), *arguments]

    def script(self, values: int) -> list[str]:
        """Return the command that logs values in a run."""
        script = [self.python, "train.py", str(values)]
        return [*self.command("run", "1.1", "--"), *script] if self.name == "orglab" else script


def install(environments: Path) -> None:
    """Make the environments that are missing."""
    for name, packages in PACKAGES.items():
        if not (environments / name).exists():
            run([sys.executable, "-m", "venv", str(environments / name)], ROOT)
            run([str(environments / name / "bin/python"), "-m", "pip", "install", "--quiet", *packages], ROOT)


def find_tools(environments: Path) -> list[str]:
    """Return the tools that have an environment, and say which have none."""
    names = [name for name in PACKAGES if (environments / name).exists()]
    if missing := [name for name in PACKAGES if name not in names]:
        print(f"no environment, so left out: {', '.join(missing)}\n")
    return names


def make_repository(tool: Tool, folder: Path) -> None:
    """Make a repository with the script, ready for the tool."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "Bench"), ("user.email", "bench@example.org"), ("gc.auto", "0")):
        git(folder, "config", key, value)
    (folder / "train.py").write_text(SCRIPTS[tool.name])
    (folder / ".gitignore").write_text("wandb/\nmlflow.db\nmlruns/\nmetrics.jsonl\n")
    if tool.name == "orglab":
        run(tool.command("init"), folder)
        run(tool.command("new", "Bench", "-s", "one"), folder)
    if tool.name == "dvc":
        run(tool.command("init", "--quiet"), folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=All")


def make_stage(tool: Tool, folder: Path) -> None:
    """Make a repository for `dvc exp run`, with the plain script as a stage."""
    make_repository(tool, folder)
    (folder / "train.py").write_text(SCRIPTS["orglab"])
    (folder / "params.yaml").write_text("x: 0\n")
    (folder / "dvc.yaml").write_text(STAGE.format(python=tool.python))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Stage")


def measure_size(environment: Path) -> tuple[int, float]:
    """Return the number of packages that were installed, and the MB that they take on the disk."""
    (site,) = environment.glob("lib/python*/site-packages")
    packages = [path for path in site.glob("*.dist-info") if not OWN.match(path.name)]
    files = (path for path in site.rglob("*") if path.is_file() and not OWN.match(path.relative_to(site).parts[0]))
    used = sum(path.stat().st_blocks * 512 for path in files)
    return len(packages), used / 1e6


Commands = dict[tuple[str, str], tuple[Sequence[str], Path]]
Seconds = dict[tuple[str, str], float]


def find_minima(commands: Commands, rounds: int = ROUNDS) -> Seconds:
    """Return the least elapsed seconds of each command; they alternate, because other programs use the machine."""
    found: dict[tuple[str, str], list[float]] = {key: [] for key in commands}
    for _ in range(rounds):
        for key, (command, folder) in commands.items():
            # Another value each time: DVC does not run a stage again for the same one.
            wall = run_once([part.replace("NOW", str(time.time_ns())) for part in command], folder).wall
            found[key].append(wall)
    return {key: min(walls) for key, walls in found.items()}


def measure_runs(tools: Iterable[Tool], folder: Path) -> Seconds:
    """Return the seconds of starting each tool, of a run, and of logging many values."""
    nothing = folder / "nothing"
    commands: Commands = {}
    many: Commands = {}
    nothing.mkdir()
    (nothing / "train.py").write_text(SCRIPTS["orglab"])
    for tool in tools:
        commands[tool.name, "floor"] = [tool.python, "-c", "pass"], nothing
        commands[tool.name, "import"] = [tool.python, "-c", f"import {MODULES[tool.name]}"], nothing
        commands[tool.name, "version"] = tool.command("--version"), nothing
        commands[tool.name, "script"] = [tool.python, "train.py", "1"], nothing
        commands[tool.name, "run"] = tool.script(1), tool.folder
        many[tool.name, "values"] = tool.script(VALUES), tool.folder
        if tool.name == "dvc":
            stage = folder / "stage"
            make_stage(tool, stage)
            commands["dvc", "stage"] = tool.command("exp", "run", "--quiet", "-S", "x=NOW"), stage
    find_minima(commands, rounds=1)  # a first run makes databases and caches
    return find_minima(commands) | find_minima(many, rounds=1)


# A thousand runs


def make_many(tool: Tool) -> list[str]:
    """Make a thousand runs, and return the command that lists them."""
    if tool.name == "orglab":
        values = ",".join(map(str, range(RUNS // 10)))
        arguments = ("sweep", "1.1", "--set", f"x={values}", "--seeds", "10", "--slots", "2", "--", "true", "{x}")
        run(tool.command(*arguments, "{seed}"), tool.folder)
        wait_for_settled(tool.folder)
        return tool.command("runs")
    if tool.name == "mlflow":
        run([tool.python, "-c", MANY_MLFLOW.format(runs=RUNS)], tool.folder)
        return [tool.python, "-c", LIST_MLFLOW]
    if tool.name == "trackio":
        run([tool.python, "-c", MANY_TRACKIO.format(runs=RUNS)], tool.folder)
        return tool.command("list", "runs", "--project", "many")
    # One experiment is made by DVC; the others are commits like it, because DVC takes seconds to make one.
    run(tool.script(1), tool.folder)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tool.folder, capture_output=True, text=True, check=True)
    base = head.stdout.strip()
    stream = "".join(
        f"commit refs/exps/{base[:2]}/{base[2:]}/exp-{number}\n"
        f"committer Bench <bench@example.org> {1_700_000_000 + number} +0000\ndata 3\nrun\nfrom {base}\n"
        + "".join(f"M 100644 inline {name}\ndata {len(text)}\n{text}\n" for name, text in list_files(tool, number))
        for number in range(RUNS)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=tool.folder, input=stream.encode(), check=True)
    return tool.command("exp", "show", "--all-commits", "--md")


def list_files(tool: Tool, number: int) -> list[tuple[str, str]]:
    """Return the paths and texts of the files that DVCLive writes in a run."""
    metrics = f'{{"loss": {1 / (number + 1)}, "step": 0}}'
    return [("dvclive/metrics.json", metrics), ("dvc.yaml", (tool.folder / "dvc.yaml").read_text())]


def measure_lists(tools: Iterable[Tool]) -> Seconds:
    """Return the seconds of listing a thousand runs."""
    return find_minima({(tool.name, "list"): (make_many(tool), tool.folder) for tool in tools})


# The table


def read_version(environment: Path, name: str) -> str:
    """Return the version of a tool."""
    (found,) = environment.glob(f"lib/python*/site-packages/{name}-*.dist-info")
    return found.name.removesuffix(".dist-info").partition("-")[2]


def make_rows(names: Sequence[str], environments: Path, seconds: Seconds) -> list[list[str]]:
    """Return the rows of the table."""
    costs = ["import", "--version", "a run adds", f"{VALUES:,} values", f"list {RUNS:,} runs"]
    rows = [["tool", "version", "packages", "MB", *costs]]
    for name in names:
        packages, size = measure_size(environments / name)
        own = {kind: cost for (tool, kind), cost in seconds.items() if tool == name}
        shown = [f"{own[kind] - own[floor]:.2f} s" for kind, floor in (("import", "floor"), ("version", "floor"))]
        added = f"{own['run'] - own['script']:.2f} s"
        values = f"{own['values'] - own['run']:.2f} s"
        listed = f"{own['list']:.2f} s" if "list" in own else "-"
        version = read_version(environments / name, name)
        rows.append([name, version, str(packages), f"{size:.0f}", *shown, added, values, listed])
        if "stage" in own:
            rows.append(["dvc exp run", "", "", "", "", "", f"{own['stage'] - own['script']:.2f} s", "", ""])
    return rows


def main(environments: Path = ENVIRONMENTS) -> None:
    """Print the table."""
    names = find_tools(environments)
    if not names:
        return
    folder = Path(tempfile.mkdtemp(prefix="orglab-bench-"))
    # Nothing is sent, and nothing of the user is read.
    own = {"HOME": str(folder), "WANDB_MODE": "offline", "DVC_NO_ANALYTICS": "1", "TRACKIO_DIR": str(folder / "store")}
    os.environ.update(own)
    try:
        tools = [Tool(name, environments, folder) for name in names]
        seconds = measure_runs(tools, folder)
        # W&B has no command that lists runs that no server has.
        listing = [name for name in names if name != "wandb"]
        seconds |= measure_lists([Tool(name, environments, folder / "many") for name in listing])
        table(make_rows(names, environments, seconds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    if "--install" in sys.argv:
        install(ENVIRONMENTS)
    else:
        main(*map(Path, sys.argv[1:]))
