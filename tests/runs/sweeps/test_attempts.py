"""A task goes on with what an earlier attempt of its job had; and what is not submitted to Slurm."""

import pytest

from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.sweeps.attempts import name_worker
from orglab.runs.sweeps.sweep_versions import VersionRequest, make_versions
from orglab.runs.sweeps.tasks import Tasks

RUN = "20260101-000000-abcdef"
TASK = "00001-seed=0"


@pytest.fixture
def tasks(tmp_path):
    """One task, which the worker `first` has."""
    tasks = Tasks(tmp_path)
    tasks.add(enumerate(make_versions(VersionRequest((), "1")), 1), {})
    tasks.set_run(tasks.claim("first"), RUN)
    return tasks


def test_the_name_of_a_worker_tells_the_attempts_of_one_job_apart():
    assert name_worker(SchedulerJob("slurm", "12", 3, 1)).startswith("12_3.1-")
    assert "_" not in name_worker(SchedulerJob("pbs", "12[].server", 3))
    assert "_" not in name_worker(None)


def test_a_task_that_a_killed_attempt_had_is_taken_over_with_its_run(tasks):
    assert tasks.take_over(TASK, "second", lambda worker: worker == "other") is None
    assert tasks.take_over(TASK, "second", lambda worker: worker == "first").run == RUN
    assert [(task.state, task.worker, task.run) for task in tasks.read_all()] == [("claimed", "second", RUN)]
    assert tasks.take_over(TASK, "third", lambda worker: worker == "first") is None


@pytest.mark.parametrize(("status", "taken"), [("stopped", True), ("failed", True), ("done", False)])
def test_a_task_that_ended_is_taken_over_unless_it_ended_well(tasks, tmp_path, status, taken):
    [task] = tasks.read_all()
    tasks.end(task, status)
    (tmp_path / f"claimed/{TASK}@first").write_text("{}")  # a worker that was killed before it could give it up
    again = tasks.take_over(TASK, "second", lambda worker: worker == "first")
    assert (again is not None) == taken
    if taken:
        assert (again.state, again.worker, again.run, again.status) == ("claimed", "second", RUN, None)
        assert [path.name for path in (tmp_path / "claimed").iterdir()] == [f"{TASK}@second"]


def test_a_task_of_a_sweep_that_is_stopped_is_not_taken_over(tasks):
    tasks.stop()
    assert tasks.take_over(TASK, "second", lambda _: True) is None


@pytest.mark.parametrize("name", ["", ".", "..", "00001/../../stop"])
def test_what_is_no_name_of_a_task_claims_nothing(tasks, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    assert tasks.claim_one(name, "second") is None
    assert tasks.take_over(name, "second", lambda _: True) is None
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--slurm", "--time=5"), "--slurm has the options of `--on slurm`."),
        (("--on", "slurm", "--slurm", "--array=1-2"), "--array=1-2 cannot be an option of a sweep"),
        (("--on", "slurm", "--slurm", "-a 1"), "-a cannot be an option of a sweep"),
        (("--on", "slurm", "--slurm", "--wrap 'rm x'"), "--wrap cannot be an option of a sweep"),
        (("--on", "slurm", "--slurm", "--comment='x"), "No closing quotation"),
        (("--on", "slurm", "--slurm", "--export=API_KEY=sk-abcdefghijklmnopqrstuvwx0123456789"), "have a secret"),
        (("--on", "slurm"), "There is no sbatch here"),
    ],
)
def test_what_cannot_be_submitted_to_slurm_is_refused_and_leaves_nothing(
    sweep, monkeypatch, tmp_path, arguments, message
):
    (tmp_path / "bin").mkdir()
    for name in ("git", "true"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    before = sweep.log, sweep.commits()
    assert message in sweep("1.1", "--seeds", "2", *arguments, "--", "true", "{seed}", code=2).err
    assert (sweep.log, sweep.commits(), sweep.runs) == (*before, [])
    assert not (sweep.path / ".git/orglab/sweeps").exists()
