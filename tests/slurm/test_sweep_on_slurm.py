"""`orglab sweep --on slurm`, and a sweep inside of somebody's own job script, in a real Slurm."""

import json
import os
import signal

import pytest

from orglab.runs.record_reader import read_runs
from orglab.runs.sweeps.sweep import read_sweep

pytestmark = pytest.mark.slurm

TRAIN = """\
import os, sys
seed = int(sys.argv[1])
if seed == 7:
    raise ValueError("bad shape")
print(f"metric acc=0.{seed:02}")
"""
# Begins, and goes on until the test lets it, or a signal ends it; the next part of it goes on with what it had saved.
IN_PARTS = """\
import os, pathlib, time
out = pathlib.Path(os.environ["ORGLAB_OUT"])
if (out / "checkpoint.txt").exists():
    print("metric acc=0.9")
else:
    print("metric acc=0.1", flush=True)
    (out / "checkpoint.txt").write_text("half of it")
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
"""
# Each waits for one on the other node.
ON_BOTH = """\
import os, pathlib, time
(pathlib.Path(os.environ["ORGLAB_OUT"]) / os.environ["SLURMD_NODENAME"]).touch()
while len({path.name for path in pathlib.Path("results/e1.1").glob("*/n[12]")}) < 2:
    time.sleep(0.01)
"""


class Swept:
    """A study with a sweep.

    Attributes:
        study: The study.
        cluster: Where the versions run.
    """

    def __init__(self, study):
        """Take the study."""
        self.study = study
        self.cluster = study.cluster
        self.path = study.repo.path
        study.repo.commit("code", {"train.py": TRAIN, "parts.py": IN_PARTS, "both.py": ON_BOTH, ".gitignore": "go\n"})

    def __call__(self, *arguments, code=0):
        """Run `orglab sweep` outside of any job."""
        return self.study.orglab("sweep", *arguments, code=code)

    def begin_waiting(self, *options):
        """Begin a sweep whose versions wait, and return its job once the first of them does."""
        self("1.1", "--on", "slurm", "--stdout-metrics", *options, "--", "python", "parts.py", "{seed}")
        self.cluster.wait_until(self.job, self.begun)
        return self.job

    @property
    def sweep(self):
        """The newest sweep."""
        return read_sweep(max((self.path / ".git/orglab/sweeps").iterdir()))

    @property
    def job(self):
        """The newest job of it."""
        return [*self.sweep.submitted][-1]

    @property
    def runs(self):
        return read_runs(self.path)

    def status(self):
        return json.loads(self("status", "--json").out)

    def begun(self):
        """The versions that wait."""
        return sorted(path.parent.name for path in self.path.glob("results/*/*/checkpoint.txt"))

    def release(self):
        self.study.repo.write("go", "")

    def read_outputs(self):
        """Return what the jobs have printed, outside of the working tree."""
        return "\n".join(path.read_text() for path in sorted((self.sweep.folder / "slurm").glob("*.out")))


@pytest.fixture
def sweep(study):
    """A sweep in a study; what runs of it ends with the test."""
    swept = Swept(study)
    yield swept
    swept.release()
    for folder in (swept.path / ".git/orglab/sweeps").glob("*"):
        for job in read_sweep(folder).submitted:
            study.cluster.cancel(job)


def test_a_sweep_is_one_array_whose_results_the_next_command_outside_commits(sweep):
    said = sweep("1.1", "--seeds", "20", "--on", "slurm", "--stdout-metrics", "--", "python", "train.py", "{seed}").err
    job, before = sweep.job, sweep.study.read_branch()
    assert f"Submitted 20 versions as the Slurm array {job}." in said
    tasks = sweep.cluster.wait_for(job, "COMPLETED", "FAILED")
    assert [task.array for task in tasks if task.state == "FAILED"] == [8]
    assert len(tasks) == 20
    assert sweep.study.read_branch() == before
    assert " swept 0 of 20 versions so far, 20 queued: " in sweep.study.log
    assert {(run.job.id, run.job.array) for run in sweep.runs} == {(job, index) for index in range(1, 21)}
    assert sweep.study.repo.git("status", "--porcelain") == " M experiment_log.org"
    sweep("status", "--wait", code=1)
    assert " swept 20 versions, 19 done, 1 failed, " in sweep.study.log
    assert "ValueError: bad shape" in sweep.study.log
    assert sweep.study.log.count("sweep 2") == 1
    status = sweep.status()
    assert (status["done"], status["failed"], status["is_over"], status["job"]) == (19, 1, True, job)


def test_a_pinned_sweep_runs_on_two_nodes(sweep):
    sweep("1.1", "--seeds", "3", "--pinned", "--on", "slurm", "--", "python", "both.py", "{seed}")
    sweep.study.repo.write("both.py", "raise SystemExit('the code of later')\n")
    sweep.cluster.wait_for(sweep.job, "COMPLETED")
    assert {path.name for path in sweep.path.glob("results/e1.1/*/n*")} == {*sweep.cluster.nodes}
    sweep("status")
    assert " swept 3 versions, 3 done, " in sweep.study.log
    assert len(sweep.study.repo.git("ls-files", "results").split("\n")) == 3
    assert sweep.study.repo.git("worktree", "list").count("\n") == 0


def test_an_element_that_is_cancelled_while_it_waits_stays_queued_until_resume(sweep):
    job = sweep.begin_waiting("--seeds", "2", "--slots", "1")
    said = sweep("status").out
    assert f"1 running, 1 queued; Slurm array {job}; 1 pending (JobArrayTaskLimit)" in said
    assert "All versions that are queued wait in Slurm already." in sweep("resume").err
    sweep.cluster.cancel(f"{job}_2")
    sweep.release()
    sweep.cluster.wait_for(job, "COMPLETED", "CANCELLED")
    sweep("status", "--wait", code=1)  # nothing waits there, so there is nothing to wait for
    status = sweep.status()
    assert (status["done"], status["queued"], status["is_over"]) == (1, 1, False)
    sweep("resume", "--slurm", "--comment=again")
    assert sweep.status()["job"] == f"{job},{sweep.job}"
    assert "Comment=again" in sweep.cluster.run("scontrol", "show", "job", sweep.job)
    assert len(sweep.cluster.wait_for(sweep.job, "COMPLETED")) == 1
    sweep("status", "--wait")
    assert " swept 2 versions, 2 done, " in sweep.study.log
    assert [run.status for run in sweep.runs] == ["done", "done"]


def test_a_cancelled_element_and_one_whose_time_is_nearly_over_are_stopped(sweep):
    job = sweep.begin_waiting("--seeds", "2")
    sweep.cluster.wait_until(job, lambda: len(sweep.begun()) == 2)
    sweep.cluster.cancel(f"{job}_1")
    sweep.cluster.cancel(f"{job}_2", "--batch", "--signal=USR1")  # what `--signal=B:USR1@60` does
    sweep.cluster.wait_for(job, "CANCELLED", "FAILED")
    sweep("status")
    runs = sorted(sweep.runs, key=lambda run: run.job.array)
    assert [(run.status, run.asked_by) for run in runs] == [("stopped", "SIGTERM"), ("stopped", "SIGUSR1")]
    assert " swept 2 versions, 2 stopped, " in sweep.study.log
    assert sweep.status()["is_over"]


def test_a_requeued_version_goes_on_in_its_record(sweep):
    job = sweep.begin_waiting("--seeds", "2", "--slots", "1")
    sweep.cluster.requeue(f"{job}_1")
    sweep.release()
    tasks = sweep.cluster.wait_for(job, "COMPLETED")
    assert [(task.array, task.restarts) for task in tasks] == [(1, 1), (2, 0)]
    sweep("status", "--wait")
    first, second = sorted(sweep.runs, key=lambda run: run.job.array)
    assert (first.status, first.job, first.metrics) == ("done", ("slurm", job, 1, 1), {"acc": 0.9})
    assert [row["acc"] for row in first.history()] == [0.1, 0.9]
    assert (second.status, second.job.restarts) == ("done", 0)
    assert first.uncaptured == ()
    assert f"this continues the run {first.id}" in sweep.read_outputs()
    assert " swept 2 versions, 2 done, " in sweep.study.log


def kill_worker(sweep, job):
    """Kill the only worker, whose job fails."""
    [worker] = sweep.sweep.list_workers()
    os.kill(worker.pid, signal.SIGKILL)
    sweep.cluster.wait_for(job, "FAILED")
    [task] = sweep.sweep.tasks.read_all()
    assert (task.state, task.run) == ("claimed", sweep.runs[0].id)


def test_a_version_whose_worker_was_killed_is_lost_and_resume_offers_it_again(sweep):
    job = sweep.begin_waiting("--seeds", "1")
    kill_worker(sweep, job)
    assert sweep.status()["lost"] == 1
    sweep.release()
    sweep("resume")
    sweep.cluster.wait_for(sweep.job, "COMPLETED")
    sweep("status", "--wait")
    assert [run.status for run in sweep.runs] == ["lost", "done"]
    assert " swept 1 version, 1 done, " in sweep.study.log


def test_a_version_whose_worker_was_killed_goes_on_in_its_record_if_its_job_is_requeued(sweep):
    job = sweep.begin_waiting("--seeds", "1")
    kill_worker(sweep, job)
    sweep.cluster.run("scontrol", "requeuehold", job)
    # Slurm has it again, so it is not lost.
    assert sweep.status()["lost"] == 0
    sweep("resume")
    assert [*sweep.sweep.submitted] == [job]
    sweep.cluster.run("scontrol", "release", job)
    sweep.cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now+1")
    [task] = sweep.cluster.wait_for(job, "COMPLETED")
    assert task.restarts == 1
    [run] = sweep.runs
    assert (run.status, [row["acc"] for row in run.history()]) == ("done", [0.1, 0.9])


def test_stop_cancels_the_array_and_resume_submits_what_is_left(sweep):
    job = sweep.begin_waiting("--seeds", "3", "--slots", "1")
    sweep("stop")
    assert {task.state for task in sweep.cluster.wait_for(job, "CANCELLED", "FAILED")} <= {"CANCELLED", "FAILED"}
    sweep("status")
    assert [run.status for run in sweep.runs] == ["stopped"]
    assert " swept 1 of 3 versions so far, stopped, 1 stopped, 2 queued: " in sweep.study.log
    sweep.release()
    sweep("resume", "--slots", "2")
    assert "ArrayTaskThrottle=2" in sweep.cluster.run("scontrol", "show", "job", sweep.job)
    assert len(sweep.cluster.wait_for(sweep.job, "COMPLETED")) == 3
    sweep("status", "--wait")
    assert " swept 3 versions, 3 done, " in sweep.study.log


def test_a_version_that_is_added_is_an_array_of_its_own_and_drain_cancels_what_waits(sweep):
    job = sweep.begin_waiting("--seeds", "2", "--slots", "1")
    sweep("add", "--seeds", "3")
    assert sweep.job != job
    assert (sweep.sweep.folder / "slurm" / sweep.sweep.submitted[sweep.job]).read_text() == "00003-seed=2\n"
    sweep.cluster.wait_until(sweep.job, lambda: len(sweep.begun()) == 2)
    sweep("stop", "--drain")
    sweep.release()
    tasks = sweep.cluster.wait_for(job, "COMPLETED", "CANCELLED")
    assert [task.state for task in tasks] == ["COMPLETED", "CANCELLED"]
    sweep.cluster.wait_for(sweep.job, "COMPLETED")
    sweep("status")
    assert " swept 2 of 3 versions so far, stopped, 2 done, 1 queued: " in sweep.study.log
    assert sorted(run.parameters["seed"] for run in sweep.runs) == [0, 2]


def test_options_come_from_the_user_alone(sweep, monkeypatch, tmp_path):
    sweep.study.repo.commit("hostile", {"orglab.toml": f"[slurm]\noptions = '--output={tmp_path}/hostile'\n"})
    own = tmp_path / "config/orglab/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[slurm]\noptions = '--comment=own --time=30'\n")
    monkeypatch.setitem(sweep.cluster.environment, "XDG_CONFIG_HOME", str(tmp_path / "config"))
    said = sweep("1.1", "--seeds", "1", "--on", "slurm", "--slurm", "--time=5", "--", "true", "{seed}").err
    assert "The setting 'slurm.options' in orglab.toml must be in your own configuration" in said
    shown = sweep.cluster.run("scontrol", "show", "job", sweep.job)
    assert "Comment=own" in shown
    assert "TimeLimit=00:05:00" in shown
    sweep.cluster.wait_for(sweep.job, "COMPLETED")
    assert not (tmp_path / "hostile").exists()


def test_what_slurm_does_not_take_stays_queued(sweep):
    said = sweep("1.1", "--seeds", "2", "--on", "slurm", "--slurm", "--partition=none", "--", "true", "{seed}").err
    assert "Not submitted: 2 versions: sbatch ended with exit 1: " in said
    assert "invalid partition specified: none" in said
    assert sweep.status()["queued"] == 2
    assert "not submitted to Slurm" in sweep("status").out


def test_a_sweep_inside_of_a_job_is_told_by_the_next_command_outside(sweep):
    before = sweep.study.read_branch()
    command = "python -m orglab sweep 1.1 --seeds 2 --slots 2 --stdout-metrics --wait -- python train.py {seed}"
    job = sweep.study.submit(f"{command}\n")
    sweep.cluster.wait_for(job, "COMPLETED")
    assert sweep.study.read_branch() == before
    assert [(run.status, run.job.id) for run in sweep.runs] == [("done", job)] * 2
    assert (sweep.sweep.where, sweep.sweep.has_ended) == (None, False)
    sweep.study.orglab("list")
    assert " swept 2 versions, 2 done, " in sweep.study.log
