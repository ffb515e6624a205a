"""Runs inside of a scheduler's job."""

import contextlib
import os
import select
import signal
import subprocess
import sys

import pytest

from lab import SOURCE
from orglab.runs.record_reader import read_runs

LOG = "experiment_log.org"
# Ends like a job that is preempted when it runs for the first time.
PREEMPTED = """\
import os, pathlib
print("metric acc=" + ("0.9" if pathlib.Path("checkpoint").exists() else "0.1"))
if not pathlib.Path("checkpoint").exists():
    pathlib.Path("checkpoint").write_text("1")
    os.kill(os.getppid(), 15)
    while True: pass
"""


@pytest.fixture
def in_job(monkeypatch):
    """Pretend to be part of a Slurm job."""
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    return monkeypatch


def log_of(study):
    return (study.path / LOG).read_text()


def run_of(study):
    return read_runs(study.path)[-1]


def run_orglab(study, *arguments):
    command = [sys.executable, "-m", "orglab", *arguments]
    return subprocess.run(
        command, cwd=study.path, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_run_in_a_job_commits_nothing_and_the_next_command_outside_writes_the_note(study, orglab, in_job):
    study.write("train.py", (study.path / "train.py").read_text() + "# changed\n")
    before = log_of(study), study.git("rev-parse", "HEAD"), study.git("status", "--porcelain")
    answer = orglab("run", "1.1", "--done", "--results", "results", "--", "python", "train.py")
    assert "part of the slurm job 12, so the log was not changed" in answer.err
    assert "It also commits: results/model.ckpt, results/weights.txt." in answer.err
    orglab("list")
    assert before[:2] == (log_of(study), study.git("rev-parse", "HEAD"))
    assert study.git("status", "--porcelain") == before[2] + "\n?? results/"
    run = run_of(study)
    assert "# changed" in study.git("show", f"{run.snapshot}:train.py")
    assert (study.path / "results/weights.txt").read_text() == run.snapshot
    in_job.delenv("SLURM_JOB_ID")
    answer = orglab("list")
    assert f"Added the run {run.id} (e1.1) to the log." in answer.err
    assert f"Committed the results of the run {run.id}" in answer.err
    assert study.git("show", "HEAD:results/weights.txt") == run.snapshot
    assert "ran python train.py, exit 0" in log_of(study)
    assert "1. [X] one" in log_of(study)


@pytest.mark.usefixtures("in_job")
def test_clean_still_refuses_changes_in_a_job(study, orglab):
    study.write("train.py", "# changed\n")
    assert "uncommitted changes" in orglab("run", "1.1", "--before", "clean", "--", "true", code=5).err


def test_a_signal_by_which_a_scheduler_warns_asks_the_run_to_end(study, orglab, in_job):
    program = "import os, signal; signal.signal(10, lambda *_: os._exit(0)); os.kill(os.getppid(), 10); signal.pause()"
    assert run_orglab(study, "run", "1.1", "--done", "--", sys.executable, "-c", program).returncode == 0
    run = run_of(study)
    assert (run.status, run.asked_by, run.exit_code) == ("stopped", signal.Signals(10).name, 0)
    in_job.delenv("SLURM_JOB_ID")
    orglab("list")
    assert "1. [ ] one" in log_of(study)


@pytest.mark.parametrize(("variables", "is_told"), [
    ({"SLURM_JOB_ID": "12"}, True), ({"PBS_JOBID": "12.server"}, False), ({}, False),
])  # fmt: skip
def test_of_a_lost_run_in_a_slurm_job_the_user_learns_how_it_gets_time_to_end(
    study, orglab, monkeypatch, variables, is_told
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (
        run_orglab(study, "run", "1.1", "--", sys.executable, "-c", "import os; os.kill(os.getppid(), 9)").returncode
        == -9
    )
    with contextlib.suppress(ProcessLookupError):
        command = os.pidfd_open(run_of(study).fields["child_pid"])
        select.select([command], [], [])
        os.close(command)
    for name in variables:
        monkeypatch.delenv(name)
    said = orglab("list").err
    assert f"The run {run_of(study).id} was lost" in said
    assert ("`exec orglab run ...` in the script" in " ".join(said.split())) == is_told


@pytest.mark.parametrize("is_noted", [False, True])
def test_a_requeued_job_continues_its_run(study, orglab, in_job, is_noted):
    study.commit("code", {"preempted.py": PREEMPTED, ".gitignore": "checkpoint\n"})
    command = ("run", "1.1", "--done", "--stdout-metrics", "--", sys.executable, "preempted.py")
    assert run_orglab(study, *command).returncode == 143
    first = run_of(study)
    assert (first.status, first.metrics) == ("stopped", {"acc": 0.1})
    if is_noted:
        in_job.delenv("SLURM_JOB_ID")
        orglab("list")
        assert "stopped by SIGTERM, 0s: acc 0.1\n" in log_of(study)
        in_job.setenv("SLURM_JOB_ID", "12")
    in_job.setenv("SLURM_RESTART_COUNT", "1")
    answer = run_orglab(study, *command)
    assert (answer.returncode, answer.stderr.split("\n")[0]) == (
        0, f"The job was requeued, so this continues the run {first.id}."
    )  # fmt: skip
    [run] = read_runs(study.path)
    assert (run.id, run.status, run.signal, run.asked_by, run.metrics) == (first.id, "done", None, None, {"acc": 0.9})
    assert (run.began, run.code, run.uncaptured) == (first.began, first.code, ())
    assert run.seconds >= first.seconds
    assert [row["acc"] for row in run.history()] == [0.1, 0.9]
    assert (run.folder / "output.log").read_text() == "metric acc=0.1\nmetric acc=0.9\n"
    in_job.delenv("SLURM_JOB_ID")
    orglab("list")
    assert log_of(study).count(f"run {run.id}") == 1
    assert "exit 0, 0s: acc 0.9\n" in log_of(study)
    assert "killed by" not in log_of(study)
    assert "1. [X] one" in log_of(study)


def test_a_requeued_run_names_the_code_that_has_changed(study, in_job):
    study.commit("code", {"preempted.py": PREEMPTED, ".gitignore": "checkpoint\n"})
    command = ("run", "1.1", "--", sys.executable, "preempted.py")
    run_orglab(study, *command)
    study.write("train.py", "# changed\n")
    in_job.setenv("SLURM_RESTART_COUNT", "1")
    assert "Changed since the run began, and not in its commit: train.py." in run_orglab(study, *command).stderr
    assert run_of(study).uncaptured == ("train.py",)


@pytest.mark.parametrize(("variables", "command"), [
    ({"SLURM_RESTART_COUNT": "0"}, ("1.1", "--", "true")),
    ({"SLURM_RESTART_COUNT": "1"}, ("1.2", "--", "true")),
    ({"SLURM_RESTART_COUNT": "1"}, ("1.1", "--", "true", "--seed", "2")),
    ({"SLURM_RESTART_COUNT": "1", "SLURM_JOB_ID": "13"}, ("1.1", "--", "true")),
])  # fmt: skip
def test_another_job_step_or_command_is_another_run(study, orglab, in_job, variables, command):
    orglab("run", "1.1", "--", "true")
    for name, value in variables.items():
        in_job.setenv(name, value)
    orglab("run", *command)
    assert len(read_runs(study.path)) == 2
