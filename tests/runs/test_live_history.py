"""The history of the metrics of a run while its command goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from orglab.runs.metrics.live_history import read_history
from orglab.runs.record_reader import read_runs

SCRIPT = """\
import os
def wait(gate="end"):
    os.open(gate, os.O_RDONLY)
"""


class GoingOn:
    """A run of a script that can wait until the test lets it go on."""

    def __init__(self, study):
        self.study = study
        self.process = None
        for gate in ("middle", "end"):
            os.mkfifo(study.path / gate)

    @property
    def run(self):
        return next(reversed(read_runs(self.study.path)), None)

    def start(self, script, *options):
        self.study.commit("the script", {"wait.py": SCRIPT + script})
        command = [sys.executable, "-m", "orglab", "run", "1.1", *options, "--", sys.executable, "wait.py"]
        self.process = subprocess.Popen(command, cwd=self.study.path)

    def wait_for(self, count):
        """Return the rows of the history once there are so many."""
        rows, until = [], time.monotonic() + 60
        while len(rows) < count:
            assert self.process.poll() is None, "the run has ended"
            assert time.monotonic() < until, rows
            run = self.run
            rows = [*read_history(run)] if run is not None and run.is_going_on else []
        return rows

    def go_on(self, gate="end"):
        (self.study.path / gate).write_bytes(b"")

    def end(self):
        """Return the rows of the history at the end."""
        self.go_on()
        assert self.process.wait(60) == 0
        return [*self.run.history()]


@pytest.fixture
def going_on(study):
    it = GoingOn(study)
    yield it
    it.process.kill()
    it.process.wait()


TABLE = """\
file = open("history.csv", "w")
file.write("epoch,loss\\n1,0.5\\n2,0.25")
file.flush()
wait("middle")
file.write("75\\n3,0.125\\n")
file.close()
wait()
"""


@pytest.mark.parametrize("options", [(), ("--metrics", "history.csv")])
def test_a_file_that_grows_is_read_while_the_command_goes_on(going_on, options):
    going_on.start(TABLE, *options)
    # The second row is not written to its end: 0.25 may not be its loss.
    assert going_on.wait_for(1) == [{"step": 1, "epoch": 1, "loss": 0.5}]
    going_on.go_on("middle")
    rows = going_on.wait_for(3)
    assert [row["loss"] for row in rows] == [0.5, 0.2575, 0.125]
    assert going_on.end() == rows


def test_printed_metrics_are_known_while_the_command_goes_on(going_on):
    printed = "print('metric acc=0.5')\nprint('metric acc=0.', end='', flush=True)\n"
    going_on.start(f"{printed}wait()\nprint('75')\n", "--stdout-metrics")
    assert going_on.wait_for(1) == [{"step": 1, "acc": 0.5}]
    assert [row["acc"] for row in going_on.end()] == [0.5, 0.75]


def test_rows_of_an_earlier_run_are_not_those_of_one_that_goes_on(going_on):
    earlier, own = (json.dumps({"step": step, "loss": step}) + "\n" for step in (7, 1))
    going_on.study.write("history.jsonl", earlier)
    going_on.start(f"with open('history.jsonl', 'a') as file:\n    file.write({own!r})\nwait()\n")
    assert going_on.wait_for(1) == [{"step": 1, "loss": 1}]
    assert going_on.end() == [{"step": 1, "loss": 1}]


def test_what_was_measured_is_kept_when_orglab_is_killed(going_on):
    going_on.start("print('metric acc=0.5', flush=True)\nwait()\n", "--stdout-metrics")
    going_on.wait_for(1)
    os.kill(going_on.run.fields["pid"], signal.SIGKILL)
    going_on.go_on()
    going_on.process.wait()
    assert [*going_on.run.history()] == [{"step": 1, "acc": 0.5}]
