"""A study to sweep in, and what its sweeps have left."""

import json
import os
import signal
import sys
import time

import pytest

from orglab.runs.record_reader import read_runs
from orglab.runs.sweeps.sweep import read_sweep

LOG = "experiment_log.org"
TRAIN = """\
import argparse, json, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default=os.environ.get("ORGLAB_OUT"))
given = parser.parse_args()
if given.lr > 0.5:
    raise ValueError("lr is too large")
out = pathlib.Path(given.out)
acc = float("nan") if given.lr == 0.5 else round(0.9 - given.lr + given.seed / 100, 4)
(out / "metrics.json").write_text(json.dumps({"val_acc": acc}))
"""
# It goes on until the file `go` is there, so that a test decides when it ends.
WAIT = """\
import os, pathlib, sys, time
out = pathlib.Path(os.environ["ORGLAB_OUT"])
(out / "begun.txt").write_text(str(os.getpid()))
while not pathlib.Path("go").exists():
    time.sleep(0.01)
(out / "ended.txt").write_text(sys.argv[1])
"""


class Swept:
    """A repository with a sweep."""

    def __init__(self, repo, orglab):
        self.repo = repo
        self.path = repo.path
        self._orglab = orglab

    def __call__(self, *arguments, code=0):
        """Run `orglab sweep` with arguments."""
        return self._orglab("sweep", *arguments, code=code)

    @property
    def log(self):
        return (self.path / LOG).read_text()

    @property
    def note(self):
        """The lines of the notes of all sweeps, without their indentation."""
        lines = [line.strip() for line in self.log.split("\n")]
        starts = [place for place, line in enumerate(lines) if " swept " in line]
        notes = []
        for start in starts:
            end = next(place for place in range(start, len(lines)) if lines[place].startswith("sweep "))
            notes += lines[start:end]
        return notes

    @property
    def folder(self):
        """The folder of the newest sweep."""
        return max((self.path / ".git/orglab/sweeps").iterdir())

    @property
    def runs(self):
        return read_runs(self.path)

    def status(self):
        return json.loads(self("status", "--json").out)

    def commits(self):
        """The subjects of the commits, oldest first."""
        return self.repo.git("log", "--reverse", "--format=%s").split("\n")

    def wait_until(self, is_so):
        """Wait until something is so, for as long as that may take on a slow machine."""
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline, (self.folder / "workers.log").read_text()
            # To look more often would take the time from what is waited for.
            time.sleep(0.05)

    def begun(self):
        """The folders of the versions that have begun to wait."""
        return sorted(path.parent.name for path in self.path.glob("results/*/*/begun.txt"))

    def begun_or_not(self):
        """Whether a version has begun, also while there is no sweep yet."""
        return (self.path / ".git/orglab/sweeps").exists() and self.begun()

    def worker_pids(self):
        """The processes of the workers that are alive."""
        return [worker.pid for worker in read_sweep(self.folder).list_workers()]

    def kill_workers(self):
        for pid in self.worker_pids():
            os.kill(pid, signal.SIGKILL)
        self.wait_until(lambda: not self.worker_pids())


@pytest.fixture
def sweep(repo, orglab):
    """A repository with a log that is kept apart, an experiment of two steps, and a script; the sweeps end with it."""
    orglab("init")
    orglab("new", "Learning rate", "-s", "one", "-s", "two")
    repo.commit("code", {"train.py": TRAIN, "wait.py": WAIT})
    swept = Swept(repo, orglab)
    yield swept
    (repo.path / "go").touch()
    if (repo.path / ".git/orglab/sweeps").exists():
        swept("stop")
        swept.wait_until(lambda: not swept.worker_pids())


TRAINING = ("--", sys.executable, "train.py", "--lr", "{lr}", "--seed", "{seed}", "--out", "{out}")
WAITING = ("--", sys.executable, "wait.py", "{seed}")
