"""The processes of one job are one run."""

import os
import subprocess
import sys

import pytest

from lab import SOURCE
from orglab.runs.cluster.ranks import find_launch, find_rank
from orglab.runs.record_reader import read_runs

# Each process waits for the other, so that both are there at the same time.
PAIR = """\
import os, pathlib, sys, time
rank = int(os.environ["SLURM_PROCID"])
pathlib.Path(f"{rank}.txt").write_text(os.environ["ORGLAB_RUN"] + " " + os.environ["ORGLAB_STEP"])
while not pathlib.Path(f"{1 - rank}.txt").exists(): time.sleep(0.01)
print(f"of {rank}")
sys.exit(3 * rank)
"""


def start(study, rank, *command):
    environment = {
        **os.environ, "PYTHONPATH": str(SOURCE), "SLURM_JOB_ID": "12", "SLURM_STEP_ID": "0", "SLURM_PROCID": str(rank)
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "orglab", "run", "1.1", "--", *command], cwd=study.path, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_others_join_the_run_of_the_first(study):
    second, first = (start(study, rank, sys.executable, "-c", PAIR) for rank in (1, 0))
    assert [process.communicate(timeout=60)[0] for process in (first, second)] == ["of 0\n", "of 1\n"]
    assert (first.returncode, second.returncode) == (0, 3)
    [run] = read_runs(study.path)
    assert (run.status, (run.folder / "output.log").read_text()) == ("done", "of 0\n")
    assert {(study.path / f"{rank}.txt").read_text() for rank in (0, 1)} == {f"{run.id} e1.1"}


def test_a_process_that_comes_late_joins_a_run_that_has_ended(study):
    start(study, 0, "true").communicate(timeout=60)
    late = start(study, 1, "true")
    assert late.communicate(timeout=60) == ("", "")
    assert len(read_runs(study.path)) == 1


@pytest.mark.parametrize(("environ", "rank"), [
    ({}, 0), ({"RANK": "1"}, 0), ({"SLURM_PROCID": "x", "SLURM_JOB_ID": "1"}, 0),
    ({"SLURM_PROCID": "3", "SLURM_JOB_ID": "1"}, 3),
    ({"SLURM_PROCID": "0", "RANK": "5", "SLURM_JOB_ID": "1"}, 5),
    ({"LOCAL_RANK": "1", "RANK": "0", "MASTER_ADDR": "here"}, 0),
    ({"OMPI_COMM_WORLD_RANK": "2", "PMIX_NAMESPACE": "a"}, 2),
    ({"PMI_RANK": "2", "PBS_JOBID": "1.server"}, 2),
])  # fmt: skip
def test_the_rank_is_that_of_the_innermost_launcher(environ, rank):
    assert find_rank(environ) == rank


def test_two_steps_of_a_job_are_two_launches():
    job = {"SLURM_JOB_ID": "1", "SLURM_PROCID": "1"}
    assert find_launch({**job, "SLURM_STEP_ID": "0"}) != find_launch({**job, "SLURM_STEP_ID": "1"})
    assert find_launch({**job, "SLURM_PROCID": "2"}) == find_launch(job)
    assert find_launch({}) is None
