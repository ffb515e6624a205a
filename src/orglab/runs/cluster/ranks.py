"""The processes of one job: the first makes the run, and the others join it, so that a job counts once."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from orglab.log.log import LogFile
from orglab.runs.cluster.scheduler import find_job
from orglab.runs.record import Run
from orglab.runs.record_reader import read_run
from orglab.runs.secrets import mask_argv
from orglab.runs.storage import PENDING, RUNS, list_entries

# The one that tells most comes first: torchrun may run inside of srun.
_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "LOCAL_RANK")
# These differ between two launches, and are the same for all processes of one.
_LAUNCHES = ("SLURM_STEP_ID", "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_ess_jobid")
# These may be the same for two launches.
_PLACES = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.05


def has_rank(environ: Mapping[str, str]) -> bool:
    """Return whether a process is one of those that a launcher has started, perhaps the only one."""
    return any(environ.get(name) for name in _RANKS) and find_launch(environ) is not None


def find_rank(environ: Mapping[str, str]) -> int:
    """Return the number of this process among those of its job, from 0 on; 0 if it is the only one."""
    for name in _RANKS:
        text = environ.get(name, "")
        if text.isascii() and text.isdigit():
            return int(text[:9]) if find_launch(environ) is not None else 0
    return 0


def find_launch(environ: Mapping[str, str]) -> str | None:
    """Return what all processes that were started together share, and no others; None if nothing says so."""
    job = find_job(environ)
    parts = [f"{job.scheduler} {job.id} {job.array} {job.restarts}"] if job is not None else []
    parts += [f"{name}={environ[name]}" for name in (*_LAUNCHES, *_PLACES) if environ.get(name)]
    return " ".join(parts)[:1000] or None


def wait_for_run(log: LogFile, argv: tuple[str, ...], environ: Mapping[str, str]) -> Run | None:
    """Return the run that the first process of a job has begun; None if there is none after half a minute.

    Args:
        log: The log.
        argv: The command.
        environ: The environment variables of this process.
    """
    if given := environ.get("ORGLAB_RUN"):
        folder = list_entries(log.top, RUNS).get(given)
        run = read_run(folder) if folder is not None else None
        return run if run is not None and not run.is_foreign else None
    argv, others = mask_argv(argv), set[str]()
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        found = _find_runs(log, environ, others)
        # A short run may have ended already; of the same launch, the same command is the right one.
        found.sort(key=lambda run: (run.argv == argv, run.is_going_on, run.id))
        if found:
            return found[-1]
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_SECONDS)


def _find_runs(log: LogFile, environ: Mapping[str, str], others: set[str]) -> list[Run]:
    """Return the pending runs of a launch, and add those of other launches to `others`."""
    launch = find_launch(environ)
    is_certain = any(environ.get(name) for name in _LAUNCHES)
    folders = list_entries(log.top, RUNS)
    found = []
    for name in list_entries(log.top, PENDING).keys() - others:
        run = read_run(folders.get(name, Path(os.devnull)))
        if run is None:
            continue
        is_of_launch = run.fields.get("launch") == launch and not run.is_foreign
        if is_of_launch and (is_certain or run.is_going_on):
            found.append(run)
        else:
            others.add(name)
    return found
