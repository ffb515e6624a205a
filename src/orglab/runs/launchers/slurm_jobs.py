"""The jobs of a sweep in Slurm: which of its tasks Slurm has now, cancelling them, and whether a job was requeued.

What has become of a task is known from its files.  Slurm is asked for what waits there, and why, and nothing depends on
its answer.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from orglab.git.private_files import read_regular
from orglab.runs.cluster.scheduler import SchedulerJob
from orglab.runs.seal import is_own
from orglab.runs.sweeps.sweep import Sweep
from orglab.text import Tell, cut, listed

FOLDER = "slurm"
"""The folder in that of a sweep with the lists of the tasks of each array, and what these print."""
SHOWN = 300
"""How many characters of what a failing program printed are shown."""
_LARGEST = 1 << 20
_SECONDS = 20  # for an answer of Slurm
_HAS_ENDED = re.compile(r"BOOT_FAIL|CANCELLED|COMPLET|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|REVOKED|TIMEOUT")
_REASONS = 2


def run_program(command: Sequence[str], given: bytes = b"", seconds: float | None = _SECONDS) -> tuple[str | None, str]:
    """Run a program that submits or cancels, and return what it printed, or None and why it failed.

    Args:
        command: The program, of Slurm or of the user, and its arguments.
        given: What it reads.
        seconds: How long to wait for its end; None for as long as it takes.
    """
    try:
        # Their names are searched in the user's own PATH; what a repository says is not among the arguments.
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=seconds)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"{command[0]}: {getattr(error, 'strerror', None) or 'no answer'}."
    if not done.returncode:
        return done.stdout.decode("utf-8", "replace"), ""
    printed = re.sub(r"\s+", " ", (done.stderr or done.stdout).decode("utf-8", "replace")).strip()
    return None, f"{command[0]} ended with exit {done.returncode}" + (f": {cut(printed, SHOWN)}" if printed else ".")


class SchedulerState(NamedTuple):
    """What Slurm has of a sweep now.

    Attributes:
        names: The tasks whose element of an array waits or runs, also one that was requeued.
        reasons: Why elements wait, as Slurm says it, each with how many do.
    """

    names: frozenset[str] = frozenset()
    reasons: Counter[str] = Counter()  # noqa: RUF012 - never changed

    def describe(self) -> str:
        """Return how many elements wait, and why; an empty text if none does."""
        if not self.reasons:
            return ""
        reasons = [reason for reason, _ in self.reasons.most_common(_REASONS) if reason != "None"]
        return f"{self.reasons.total()} pending" + (f" ({', '.join(reasons)})" if reasons else "")


def ask_slurm(sweep: Sweep) -> SchedulerState | None:
    """Return what Slurm has of a sweep now; None if it does not answer."""
    if not sweep.submitted:
        return SchedulerState()
    command = ["squeue", "--noheader", "--array", f"--jobs={','.join(sweep.submitted)}", "--format=%F|%K|%T|%r"]
    printed, problem = run_program(command)
    if printed is None:
        return SchedulerState() if "Invalid job id" in problem else None
    tasks, reasons = set(), Counter[str]()
    lists = {job: _read_list(sweep.folder / FOLDER / name) for job, name in sweep.submitted.items()}
    for line in printed.splitlines():
        job, index, state, reason = [*line.split("|", 3), "", "", ""][:4]
        names = lists.get(job, [])
        # What is completing is nothing that runs; it may have been cancelled a moment ago.
        if index.isdigit() and 0 < int(index) <= len(names) and not _HAS_ENDED.match(state):
            tasks.add(names[int(index) - 1])
            reasons.update([reason] if state == "PENDING" else [])
    return SchedulerState(frozenset(tasks), reasons)


def _read_list(path: Path) -> list[str]:
    """Return the tasks of an array, by its index less one."""
    try:
        return read_regular(path, _LARGEST).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def cancel(sweep: Sweep, tell: Tell, *, only_pending: bool = False) -> None:
    """Cancel the jobs of a sweep.

    Args:
        sweep: The sweep.
        tell: Called with each message for the user.
        only_pending: Whether what runs may go on.
    """
    names = sweep.tasks.list_names()
    if not sweep.submitted or not (names["queued"] or names["claimed"]):
        return
    if not is_own(sweep.record):
        tell(f"Somebody else began the sweep, so {_describe_jobs(sweep.submitted)} is not cancelled.")
        return
    _, problem = run_program(["scancel", *(["--state=PENDING"] if only_pending else []), *sweep.submitted])
    if problem and "Invalid job id" not in problem:
        tell(f"Slurm did not cancel {_describe_jobs(sweep.submitted)}: {problem}")


def describe_jobs(sweep: Sweep) -> str:
    """Return `Slurm array 1234`, with all arrays that a sweep was submitted as."""
    return _describe_jobs(sweep.submitted) if sweep.submitted else "not submitted to Slurm"


def _describe_jobs(jobs: Iterable[str]) -> str:
    names = [*jobs]
    return f"Slurm {'array' if len(names) == 1 else 'arrays'} {listed(names, 3)}"


def find_requeue(job: SchedulerJob) -> bool | None:
    """Return whether a job that this process is part of was requeued, so that it begins again after its end.

    Returns None if that is not known, as while a job that is preempted has time to end.
    """
    name = job.id if job.array is None else f"{job.id}_{job.array}"
    printed, _ = run_program(["scontrol", "--oneliner", "show", "job", name])
    fields = dict(re.findall(r"(\w+)=(\S*)", printed or ""))
    restarts = fields.get("Restarts", "")
    if restarts.isdigit() and int(restarts) > job.restarts:
        return True
    return False if fields.get("Requeue") == "0" or _HAS_ENDED.match(fields.get("JobState", "")) else None
