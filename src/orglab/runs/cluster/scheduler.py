"""Detect the job of a cluster's scheduler, from the environment variables that it gives to a job."""

from collections.abc import Mapping
from typing import NamedTuple

_LONGEST = 200  # characters of an id; a longer text is not one


class SchedulerJob(NamedTuple):
    """A job of a scheduler.  A job that is requeued keeps its id and its array index, and counts its restarts.

    Attributes:
        scheduler: `slurm`, `pbs`, `lsf`, `sge` or `flux`.
        id: Its id; all tasks of an array share it.
        array: Its index in the array, or None if it belongs to none.
        restarts: How often the scheduler has restarted it.
    """

    scheduler: str
    id: str
    array: int | None = None
    restarts: int = 0


def find_job(environ: Mapping[str, str]) -> SchedulerJob | None:
    """Return the job that a process with these environment variables belongs to, or None if it belongs to none."""
    for find in (_find_slurm, _find_flux, _find_pbs, _find_lsf, _find_sge):
        job = find(environ)
        if job is not None and 0 < len(job.id) <= _LONGEST:
            return job
    return None


def _find_slurm(environ: Mapping[str, str]) -> SchedulerJob | None:
    # Each task of an array also has an id of its own, which only Slurm's own programs know.
    name = environ.get("SLURM_ARRAY_JOB_ID") or environ.get("SLURM_JOB_ID") or environ.get("SLURM_JOBID")
    if name is None:
        return None
    restarts = _read_count(environ, "SLURM_RESTART_COUNT") or 0
    return SchedulerJob("slurm", name, _read_count(environ, "SLURM_ARRAY_TASK_ID"), restarts)


def _find_flux(environ: Mapping[str, str]) -> SchedulerJob | None:
    name = environ.get("FLUX_JOB_ID")
    return SchedulerJob("flux", name, _read_count(environ, "FLUX_JOB_CC")) if name is not None else None


def _find_pbs(environ: Mapping[str, str]) -> SchedulerJob | None:
    name = environ.get("PBS_JOBID")
    if name is None:
        return None
    array = _read_count(environ, "PBS_ARRAY_INDEX")
    if array is None:
        array = _read_count(environ, "PBS_ARRAYID")  # Torque
    if array is not None:
        name = name.replace(f"[{array}]", "[]").replace(f"-{array}.", ".")  # 12[3].server; 12-3.server in Torque
    return SchedulerJob("pbs", name, array)


def _find_lsf(environ: Mapping[str, str]) -> SchedulerJob | None:
    name = environ.get("LSB_JOBID")
    if name is None:
        return None
    # The index is 0 outside of an array; the count of restarts is not known.
    return SchedulerJob("lsf", name, _read_count(environ, "LSB_JOBINDEX") or None, int("LSB_RESTART" in environ))


def _find_sge(environ: Mapping[str, str]) -> SchedulerJob | None:
    # Anything may be named JOB_ID; only Grid Engine sets both, and the index is "undefined" outside of an array.
    name = environ.get("JOB_ID")
    if name is None or "SGE_TASK_ID" not in environ:
        return None
    return SchedulerJob("sge", name, _read_count(environ, "SGE_TASK_ID"), _read_count(environ, "RESTARTED") or 0)


def _read_count(environ: Mapping[str, str], name: str) -> int | None:
    """Return the value of a variable that is a whole number, or None."""
    text = environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None  # noqa: PLR2004 - 32 bits
