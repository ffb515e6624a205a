"""The cost of a report on a year of 1,000 experiments with commits and runs, in each format, next to `git log`."""

import datetime
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from make_log import make_log
from measure import measure, table

COUNT = 1000
YEAR = ("2018-06-01", "2019-05-31")
_STEP = re.compile(r"(?m)^(\d+\. \[X\] .*) \([0-9a-f]{7}\)$")


def make_project(folder: Path, count: int, seed: int = 1) -> Path:
    """Make a repository with a log of `count` experiments, a commit for each step done, and runs of some steps.

    Returns:
        The path of the log.
    """
    rng = random.Random(seed)  # noqa: S311 - not a secret
    log = folder / "experiment_log.org"
    make_log(log, count, seed)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    parts = re.split(r"(?m)^(?=\* )", log.read_text())
    stream, places = [], []
    for place, part in enumerate(parts[1:], 1):
        created = re.search(r"(?m)^  \[(\d{4}-\d\d-\d\d) \w{3} (\d\d:\d\d)\]", part)
        number = re.search(r":ID: +(\d+)", part)
        when = datetime.datetime.fromisoformat(f"{created.group(1)}T{created.group(2)}+00:00")
        for step, match in enumerate(_STEP.finditer(part), 1):
            when += datetime.timedelta(hours=rng.randint(1, 30))
            ref = f"e{number.group(1)}.{match.group(1).partition('.')[0]}"
            stream.append(_commit(len(stream) + 1, int(when.timestamp()), f"[{ref}] Results of step {step}"))
            places.append((place, match.group(1), ref, when))
    subprocess.run(
        ["git", "fast-import", "--quiet", "--export-marks=.git/marks"],
        cwd=folder, input="".join(stream).encode(), check=True,
    )  # fmt: skip
    marks = dict(line.split()[::1] for line in (folder / ".git/marks").read_text().splitlines())
    for number, (place, words, ref, when) in enumerate(places, 1):
        commit = marks[f":{number}"][:9]
        parts[place] = re.sub(
            rf"(?m)^{re.escape(words)} \([0-9a-f]{{7}}\)$", lambda _, w=words, c=commit: f"{w} ({c})", parts[place]
        )
        if number % 5 == 0:
            _run(folder, number, ref, when, rng)
    verdict = "** DONE Conclusions\n:PROPERTIES:\n:VERDICT:  {}\n:END:\n"
    for place in range(1, len(parts), 2):
        word = ("supported", "refuted", "inconclusive")[place % 3]
        parts[place] = parts[place].replace("** DONE Conclusions\n", verdict.format(word))
    log.write_text("".join(parts))
    return log


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def _commit(mark: int, when: int, message: str) -> str:
    """Return a commit in the format of `git fast-import`."""
    return (
        f"commit refs/heads/main\nmark :{mark}\ncommitter A U Thor <a@example.org> {when} +0000\n"
        f"data {len(message.encode())}\n{message}\n"
    )


def _run(folder: Path, number: int, ref: str, when: datetime.datetime, rng: random.Random) -> None:
    """Write the record of a run; one in seven failed."""
    home = folder / ".git" / "orglab" / "runs" / f"{when:%Y%m%d-%H%M%S}-{number:04x}"
    home.mkdir(parents=True)
    seconds = round(rng.uniform(1, 5000), 2)
    lines = (
        {"event": "began", "ref": ref, "argv": ["python", "train.py"], "began": when.isoformat(), "host": "bench"},
        {"event": "ended", "seconds": seconds, "exit_code": int(number % 7 == 0), "metrics": {"acc": rng.random()}},
    )
    (home / "record.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (home / "metrics.jsonl").write_text("".join(f'{{"step": {x}, "acc": {rng.random():.4f}}}\n' for x in range(100)))


def main(count: int = COUNT) -> None:
    """Print the cost of the report in each format."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_project(folder, count)
        report = [sys.executable, "-m", "orglab", "report", "--since", YEAR[0], "--until", YEAR[1]]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "git log": ["git", "log", "--format=%H%n%B"],
            **{
                f"report, {extension}": [*report, "-o", f"report.{extension}"]
                for extension in ("md", "org", "html", "pdf", "docx")
            },
            "report --json": [*report, "--json"],
            "report --check": [sys.executable, "-m", "orglab", "report", "--check"],
        }
        costs = measure(commands, folder, runs=3)
    rows = [("command", "wall", "cpu", "memory")]
    rows += [
        (name, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.memory / 1e6:.0f} MB") for name, cost in costs.items()
    ]
    table(rows)


if __name__ == "__main__":
    main()
