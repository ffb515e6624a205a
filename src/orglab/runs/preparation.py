"""What is done before the command of a run is started: its code is settled, and what it finds is written down."""

import contextlib
import datetime
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from orglab.git.hashed_file import hash_file
from orglab.git.worktree import top_path
from orglab.log.log import LogFile
from orglab.runs.child import NOT_EXECUTABLE, NOT_FOUND, ExitStatus
from orglab.runs.description import describe_run, find_same_run, is_same_code
from orglab.runs.environment import PythonProbe, find_lock_files, find_seeds
from orglab.runs.job import Job
from orglab.runs.log_runs import LogRuns
from orglab.runs.record import read_start_time
from orglab.runs.run_request import RunRequest
from orglab.runs.working_state import Policy, WorkingState, save_working_state

_LOOKED_AT = 200  # earlier runs, so that the thousandth is no slower than these


def find_results_paths(log: LogFile, request: RunRequest, base: Path) -> list[Path]:
    """Return the results paths of a request and of the settings; those of the settings are relative to `base`."""
    return [*request.results, *(base / path for path in log.config.run.results)]


def check_command(argv: tuple[str, ...], folder: Path) -> ExitStatus | None:
    """Return how a command ends that is not there, or None; then nothing needs to be committed for it."""
    name = argv[0]
    path = os.fspath(folder / name) if os.sep in name else shutil.which(name)
    if path is None or not os.path.lexists(path):
        return ExitStatus(NOT_FOUND, None, 0.0, {}, f"The command {name!r} is not found.")
    if Path(path).is_dir() or not os.access(path, os.X_OK):
        return ExitStatus(NOT_EXECUTABLE, None, 0.0, {}, f"The command {name!r} cannot be run: it is not executable.")
    return None


def save_code(job: Job) -> WorkingState:
    """Commit or capture what has changed, and return what the run runs on.

    Raises:
        GitError: The changes cannot be committed, or are there where none may be.
    """
    if job.repository is None:
        return WorkingState()
    config = job.log.config.run
    made = (*job.watch.paths, *([job.request.metrics] if job.request.metrics is not None else []))
    inside = tuple(path for path in (top_path(job.repository, one) for one in made) if path is not None)
    apart = job.log.find_own_paths(job.repository)
    policy = Policy(job.request.before or config.before, config.size_limit, apart, inside)
    return save_working_state(
        job.repository, policy, job.record.id, job.tell, ref=job.ref, argv=job.request.argv, why=job.request.why
    )


def warn_if_run_before(job: Job, state: WorkingState) -> None:
    """Tell of an earlier run that did the same, but to who asked for the same."""
    if job.request.extra_fields:
        return
    runs = (run for run in LogRuns(job.log).read_newest(_LOOKED_AT) if run.id != job.record.id)
    same = find_same_run(runs, job.request.argv, state.head, state.patch)
    if same is None:
        return
    is_same = is_same_code(same, state.head, state.patch) and not state.uncaptured
    on = "the same code" if is_same else "other code"
    when = f"{same.began:%Y-%m-%d %H:%M}" if same.began else "earlier"
    job.tell(f"This was run before, on {on} ({when}, {same.ref}, {same.id}): {describe_run(same)}.")


def describe_beginning(job: Job, state: WorkingState, python: PythonProbe, now: datetime.datetime) -> dict[str, Any]:
    """Return what the record says of a run that begins.

    Args:
        job: The run.
        state: What it runs on.
        python: The Python that it would find.
        now: When it begins, local time.
    """
    request, base = job.request, job.base
    version, packages = python.read_result()
    around = {**os.environ, **(request.environment or {})}
    known = {
        "ref": job.ref, "log": job.log.name, "argv": list(request.argv),
        "cwd": os.path.relpath(job.folder, base), "why": request.why,
        "began": format_moment(now), "done": request.done, **state.record_fields(),
        "host": os.uname().nodename, "pid": os.getpid(), "pid_start": read_start_time(os.getpid()),
        "python": version, "python_path": os.fspath(python.path) if python.path else None, "packages": packages,
        "environment": {name: around[name] for name in job.log.config.run.environment if name in around},
        "lock_files": _hash_files(find_lock_files((base, job.folder)), base), "seeds": find_seeds(request.argv),
        "parent": os.environ.get("ORGLAB_RUN"), "results": [os.path.relpath(one, base) for one in job.watch.paths],
        "metrics_file": os.path.relpath(request.metrics, base) if request.metrics is not None else None,
        "printed_metrics": request.printed_metrics, "pty": request.pty, **(request.extra_fields or {}),
    }  # fmt: skip
    return {name: value for name, value in known.items() if value not in (None, False, [], {})}


def _hash_files(paths: Iterable[Path], base: Path) -> dict[str, str]:
    """Return the sha256 of files by their path relative to `base`; one that cannot be read is left out."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            found[os.path.relpath(path, base)] = hash_file(path)
    return found


def make_environment(job: Job, state: WorkingState) -> dict[str, str]:
    """Return the variables that the command finds."""
    environment = {
        **os.environ,
        **(job.request.environment or {}),
        "ORGLAB_EXPERIMENT": job.ref.partition(".")[0],
        "ORGLAB_RUN": job.record.id,
    }
    # What is printed is shown when it is printed, as on a terminal; a pipe would have Python wait for more.
    environment.setdefault("PYTHONUNBUFFERED", "1")
    for name, value in (("STEP", job.ref if "." in job.ref else ""), ("COMMIT", state.snapshot or state.head)):
        environment.pop(f"ORGLAB_{name}", None)
        if value:
            environment[f"ORGLAB_{name}"] = value
    return environment


def format_moment(moment: datetime.datetime) -> str:
    """Return a local time as records have it: ISO 8601, with the offset from UTC."""
    return moment.astimezone().isoformat(timespec="milliseconds")
