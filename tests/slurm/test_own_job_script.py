"""`orglab run` inside of somebody's own job script, in a real Slurm."""

import json

import pytest

from orglab.runs.record_reader import read_runs

pytestmark = pytest.mark.slurm

# Tells when it has begun, and then waits for the signal that the test has it sent, or for ever.
WAITING = """\
import os, pathlib, signal, sys
name = os.environ["SLURM_JOB_ID"]
def save(number, _):
    pathlib.Path(f"saved-{name}").write_text(signal.Signals(number).name)
    os._exit(0)
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "saves" in sys.argv:
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, save)
print("waiting", flush=True)
pathlib.Path(f"began-{name}").touch()
while True:
    signal.pause()
"""
# The first part is cut off; the second one finds what it had saved.
IN_TWO_PARTS = """\
import os, pathlib, signal
checkpoint = pathlib.Path("checkpoint")
if checkpoint.exists() or os.environ.get("SLURM_ARRAY_TASK_ID") == "0":
    print("metric acc=0.9")
else:
    print("metric acc=0.1", flush=True)
    checkpoint.touch()
    signal.pause()
"""
BY_RANK = """\
import json, os, pathlib
rank = os.environ["SLURM_PROCID"]
seen = {name: os.environ.get(name) for name in ("ORGLAB_RUN", "ORGLAB_STEP", "SLURMD_NODENAME")}
pathlib.Path(f"rank-{rank}.json").write_text(json.dumps(seen))
print("of rank", rank)
"""


def start(study, script, *options):
    """Submit a script whose command is WAITING, and return the job once that waits."""
    study.repo.commit("code", {"waiting.py": WAITING, ".gitignore": "began-*\nsaved-*\n"})
    job = study.submit(script, *options)
    study.cluster.wait_until(job, (study.repo.path / f"began-{job}").exists)
    return job


def test_each_task_of_an_array_is_a_run_and_the_next_command_outside_writes_the_notes(study):
    study.repo.commit("code", {"train.py": "import sys\nprint('metric acc=0.' + sys.argv[2])\n"})
    study.repo.write("train.py", (study.repo.path / "train.py").read_text() + "# not committed\n")
    before = study.read_branch()
    command = "python -m orglab run 1.1 --done --stdout-metrics -- python train.py --seed $SLURM_ARRAY_TASK_ID"
    job = study.submit(f"{command}\n", "--array=1-4")
    tasks = study.cluster.wait_for(job, "COMPLETED")
    assert [(task.array, task.exit_code) for task in tasks] == [(1, 0), (2, 0), (3, 0), (4, 0)]
    runs = sorted(read_runs(study.repo.path), key=lambda run: run.job.array)
    assert [(run.job, run.status, run.metrics) for run in runs] == [
        (("slurm", job, index, 0), "done", {"acc": index / 10}) for index in (1, 2, 3, 4)
    ]
    assert {study.repo.git("show", f"{run.snapshot}:train.py").splitlines()[-1] for run in runs} == {"# not committed"}
    # What the other tasks were printing at the time is no code.
    assert len({study.repo.git("rev-parse", f"{run.snapshot}^{{tree}}") for run in runs}) == 1
    assert study.repo.git("ls-tree", "--name-only", runs[0].snapshot).split() == [
        "experiment_log.org",
        "job.sh",
        "train.py",
    ]
    assert f"part of the slurm job {job}, so the log was not changed" in study.read_output(f"{job}_1")
    assert study.read_branch() == before
    said = study.orglab("list").err
    assert [f"Added the run {run.id} (e1.1) to the log." in said for run in runs] == [True] * 4
    assert [study.log.count(f"run {run.id}") for run in runs] == [1] * 4
    assert "1. [X] one" in study.log


def test_a_failing_task_is_a_failed_run_and_the_job_has_its_exit_code(study):
    study.repo.commit("code", {"train.py": "raise ValueError('bad shape')\n"})
    job = study.submit("exec python -m orglab run 1.1 --done -- python train.py\n")
    [task] = study.cluster.wait_for(job, "FAILED")
    assert task.exit_code == 1
    [run] = read_runs(study.repo.path)
    assert (run.status, run.exit_code, run.exception) == ("failed", 1, "ValueError: bad shape")
    study.orglab("list")
    assert "ran python train.py, exit 1, 0s: ValueError: bad shape" in study.log
    assert "1. [ ] one" in study.log


@pytest.mark.parametrize("prefix", ["exec", "srun"])
def test_a_cancelled_job_is_a_stopped_run(study, prefix):
    job = start(study, f"{prefix} python -m orglab run 1.1 --done -- python waiting.py\n")
    study.cluster.cancel(job)
    study.cluster.wait_for(job, "CANCELLED")
    [run] = read_runs(study.repo.path)
    assert (run.status, run.asked_by, run.signal) == ("stopped", "SIGTERM", "SIGTERM")
    assert (run.folder / "output.log").read_text() == "waiting\n"
    study.orglab("list")
    assert "stopped by SIGTERM" in study.log
    assert "1. [ ] one" in study.log


def test_a_command_that_does_not_end_when_its_job_is_cancelled_is_stopped_too(study):
    job = start(study, "exec python -m orglab run 1.1 --done -- python waiting.py stubborn\n")
    study.cluster.cancel(job)
    study.cluster.wait_for(job, "CANCELLED")
    [run] = read_runs(study.repo.path)
    assert (run.status, run.asked_by, run.ended) == ("stopped", "SIGTERM", None)
    study.orglab("list")
    assert "ran python waiting.py stubborn, stopped by SIGTERM, end not recorded\n" in study.log


def test_a_warning_to_the_script_asks_the_run_to_end(study):
    job = start(study, "exec python -m orglab run 1.1 --done -- python waiting.py saves\n")
    study.cluster.cancel(job, "--batch", "--signal=USR1")  # what `--signal=B:USR1@60` does
    study.cluster.wait_for(job, "COMPLETED")
    [run] = read_runs(study.repo.path)
    assert (run.status, run.asked_by, run.exit_code) == ("stopped", "SIGUSR1", 0)
    assert (study.repo.path / f"saved-{job}").read_text() == "SIGUSR1"
    study.orglab("list")
    assert "1. [ ] one" in study.log


def test_a_warning_to_a_shell_that_does_not_expect_it_loses_the_run_and_the_next_command_says_what_to_do(study):
    job = start(study, "python -m orglab run 1.1 --done -- python waiting.py saves\n")
    study.cluster.cancel(job, "--batch", "--signal=USR1")
    study.cluster.wait_for(job, "FAILED")
    [run] = read_runs(study.repo.path)
    assert (run.status, run.asked_by) == ("lost", None)
    said = " ".join(study.orglab("list").err.split())
    assert f"The run {run.id} was lost: its process ended without recording a result." in said
    assert "Slurm kills what a job script has started as soon as the shell of the script ends" in said
    assert "`exec orglab run ...`" in said
    assert "ran python waiting.py saves, lost\n" in study.log


@pytest.mark.parametrize("prefix", ["exec ", ""], ids=["exec", "below a shell"])
def test_a_requeued_job_continues_its_run(study, prefix):
    study.repo.commit("code", {"train.py": IN_TWO_PARTS, ".gitignore": "checkpoint\n"})
    # A shell ends at once when its job is to end, and Slurm then kills what it has started.
    script = f"{prefix}python -m orglab run 1.1 --done --stdout-metrics -- python train.py\n"
    job = study.submit(script, "--requeue", "--open-mode=append")
    study.cluster.wait_until(job, (study.repo.path / "checkpoint").exists)
    study.cluster.requeue(job)
    [task] = study.cluster.wait_for(job, "COMPLETED")
    assert task.restarts == 1
    [run] = read_runs(study.repo.path)
    assert (run.status, run.job, run.metrics) == ("done", ("slurm", job, None, 1), {"acc": 0.9})
    assert [row["acc"] for row in run.history()] == [0.1, 0.9]
    assert f"The job was requeued, so this continues the run {run.id}." in study.read_output(job)
    study.orglab("list")
    assert study.log.count(f"run {run.id}") == 1
    assert "exit 0" in study.log
    assert "1. [X] one" in study.log


def test_a_requeued_task_of_an_array_continues_its_own_run(study):
    study.repo.commit("code", {"train.py": IN_TWO_PARTS, ".gitignore": "checkpoint\n"})
    script = "exec python -m orglab run 1.1 --stdout-metrics -- python train.py\n"
    job = study.submit(script, "--array=0-1", "--requeue")
    task = f"{job}_1"
    study.cluster.wait_for(f"{job}_0", "COMPLETED")
    study.cluster.wait_until(task, (study.repo.path / "checkpoint").exists)
    study.cluster.requeue(task)
    tasks = study.cluster.wait_for(job, "COMPLETED")
    assert [(task.array, task.restarts) for task in tasks] == [(0, 0), (1, 1)]
    runs = sorted(read_runs(study.repo.path), key=lambda run: run.job.array)
    assert [(run.job, run.status) for run in runs] == [(("slurm", job, 0, 0), "done"), (("slurm", job, 1, 1), "done")]
    assert [row["acc"] for row in runs[1].history()] == [0.1, 0.9]


def test_of_two_nodes_only_the_first_process_makes_the_run(study):
    study.repo.commit("code", {"train.py": BY_RANK, ".gitignore": "rank-*\n"})
    job = study.submit("srun python -m orglab run 1.1 --done -- python train.py\n", "--nodes=2", "--ntasks=2")
    [task] = study.cluster.wait_for(job, "COMPLETED")
    assert task.nodes == "n[1-2]"
    [run] = read_runs(study.repo.path)
    assert (run.status, run.job.id) == ("done", job)
    seen = [json.loads((study.repo.path / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    assert [(one["ORGLAB_RUN"], one["ORGLAB_STEP"]) for one in seen] == [(run.id, "e1.1")] * 2
    assert [one["SLURMD_NODENAME"] for one in seen] == study.cluster.nodes
    assert (run.folder / "output.log").read_text() == "of rank 0\n"
    study.orglab("list")
    assert study.log.count("ran python train.py") == 1
