"""A study with learning curves: two learning rates with two seeds each, a run that diverges and one that fails."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from lab import NAME, orglab

if TYPE_CHECKING:
    from pathlib import Path

LOG = """\
* INPROGRESS [1] Which rate learns fastest? :exp:
:PROPERTIES:
:ID: 1
:CLAIM: val_acc > +0.1
:BASELINE: 1.1 lr=0.1
:END:
[2026-01-02 Fri 09:00]
** INPROGRESS Experiments [0/2]
1. [ ] Plain
2. [ ] With warmup
"""
TRAIN = """\
import json, pathlib, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
rate, seed = float(options["--lr"]), int(options["--seed"])
rows = []
for epoch in range(1, 13):
    loss = float("nan") if rate > 1 and epoch > 5 else 2 / (1 + rate * epoch)
    rows.append({"epoch": epoch, "loss": loss + seed / 100, "val_acc": 1 - 0.5 / (1 + rate * epoch) - seed / 1000})
pathlib.Path("metrics.jsonl").write_text("".join(json.dumps(row) + "\\n" for row in rows))
if rate == 0.5:
    print("SECRET OUTPUT")
    print("no luck", file=sys.stderr)
    raise SystemExit(3)
"""
FILES = {
    NAME: LOG,
    "train.py": TRAIN,
    ".gitignore": "metrics.jsonl\n",
    "orglab.toml": "[run]\ncommit_log = false\nenvironment = ['PRIVATE']\n",
}
NOTE = "</script><b>&amp;"
RUNS = (
    ("1.1", "0.1", 1), ("1.1", "0.1", 2), ("1.1", "0.9", 1), ("1.1", "0.9", 2), ("1.2", "2.0", 1), ("1.2", "0.5", 1),
)  # fmt: skip


class Study(NamedTuple):
    """The study.

    Attributes:
        path: Its folder.
        ids: The ids of its runs, in the order of RUNS.
    """

    path: Path
    ids: list[str]


def make_study(folder):
    """Make the study in an empty folder."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", "A study"], cwd=folder, check=True)
    for ref, rate, seed in RUNS:
        command = ("python3", "train.py", "--lr", rate, "--seed", seed, "--note", NOTE)
        orglab("run", ref, "--metrics", "metrics.jsonl", "--", *command, cwd=folder)
    return Study(folder, [run["id"] for run in json.loads(orglab("runs", "--json", cwd=folder).out)["runs"]])
