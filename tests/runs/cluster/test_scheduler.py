"""Tests of the detection of a scheduler's job."""

import pytest

from orglab.runs.cluster.scheduler import SchedulerJob, find_job


@pytest.mark.parametrize(
    ("environ", "job"),
    [
        ({"SLURM_JOB_ID": "12"}, SchedulerJob("slurm", "12")),
        ({"SLURM_JOB_ID": "12", "SLURM_RESTART_COUNT": "2"}, SchedulerJob("slurm", "12", None, 2)),
        (
            {"SLURM_JOB_ID": "15", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "0"},
            SchedulerJob("slurm", "12", 0),
        ),
        ({"PBS_JOBID": "12.server"}, SchedulerJob("pbs", "12.server")),
        ({"PBS_JOBID": "12[3].server", "PBS_ARRAY_INDEX": "3"}, SchedulerJob("pbs", "12[].server", 3)),
        ({"PBS_JOBID": "12-3.server", "PBS_ARRAYID": "3"}, SchedulerJob("pbs", "12.server", 3)),
        ({"LSB_JOBID": "12", "LSB_JOBINDEX": "0"}, SchedulerJob("lsf", "12")),
        ({"LSB_JOBID": "12", "LSB_JOBINDEX": "4", "LSB_RESTART": "Y"}, SchedulerJob("lsf", "12", 4, 1)),
        ({"JOB_ID": "12", "SGE_TASK_ID": "undefined", "RESTARTED": "1"}, SchedulerJob("sge", "12", None, 1)),
        ({"JOB_ID": "12", "SGE_TASK_ID": "7"}, SchedulerJob("sge", "12", 7)),
        ({"FLUX_JOB_ID": "ƒ2abc", "FLUX_JOB_CC": "1"}, SchedulerJob("flux", "ƒ2abc", 1)),
    ],
)
def test_job(environ: dict[str, str], job: SchedulerJob) -> None:
    """Each scheduler's variables, with an array index and restarts where it has them."""
    assert find_job(environ) == job


@pytest.mark.parametrize(
    "environ",
    [{}, {"SLURM_JOB_ID": ""}, {"JOB_ID": "12"}, {"SLURM_CONF": "/etc/slurm.conf"}, {"FLUX_JOB_ID": "x" * 201}],
)
def test_no_job(environ: dict[str, str]) -> None:
    """A variable that anyone may have set, an empty or an endless value is no job."""
    assert find_job(environ) is None


def test_odd_numbers() -> None:
    """A number that is none is as if it were missing."""
    environ = {"SLURM_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "three", "SLURM_RESTART_COUNT": "9" * 5000}
    assert find_job(environ) == SchedulerJob("slurm", "12")
