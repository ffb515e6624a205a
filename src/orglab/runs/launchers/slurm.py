"""Submit the tasks of a sweep to Slurm: one array, of which each element runs one task, in its own record if requeued.

Only the folder of the repository and the records have to be shared with the nodes.
"""

import os
import re
import shlex
import shutil
from collections.abc import Sequence

from orglab.errors import NotWritableError, UsageError
from orglab.git.private_files import write_new
from orglab.log.log import LogFile
from orglab.runs.assignment import append_event
from orglab.runs.launchers.slurm_jobs import FOLDER, SHOWN, ask_slurm, run_program
from orglab.runs.record_writer import choose_suffix
from orglab.runs.secrets import find_values
from orglab.runs.sweeps.sweep import SUBMITTED, Sweep, read_sweep
from orglab.runs.sweeps.tasks import QUEUED
from orglab.runs.sweeps.worker import make_command
from orglab.text import Tell, count, cut, listed

SLURM = "slurm"
"""What `--on` says for it."""
_MOST_ELEMENTS = 1000  # of an array; MaxArraySize is 1001 unless a cluster says otherwise
_OURS = re.compile(r"--(?:array|wrap)\b|-a")
_SCRIPT = """\
#!/bin/sh
# Runs one version of the sweep {sweep}: that in the line of {list} that is the index in the array.
task=$(sed -n "${{SLURM_ARRAY_TASK_ID}}p" {list}) || exit
# exec: so the signals of Slurm reach the version, and it has the time to end.
exec {command} --only "$task"
"""


def check_options(options: str) -> list[str]:
    """Return the words of options for sbatch.

    Raises:
        UsageError: They cannot be used, or there is no sbatch.
    """
    try:
        words = shlex.split(options)
    except ValueError as error:
        raise UsageError(f"{options!r} are no options of sbatch: {error}.") from error
    for word in words:
        if _OURS.match(word):
            raise UsageError(f"{word} cannot be an option of a sweep, which submits an array with a script of its own.")
    if secrets := find_values(words):
        raise UsageError(
            f"The options for sbatch have a secret ({listed(secrets)}), and a sweep would have to store it; "
            "export it before `orglab sweep`."
        )
    if shutil.which("sbatch") is None:
        raise UsageError("There is no sbatch here; begin the sweep on a machine from which jobs are submitted.")
    return words


def submit(log: LogFile, sweep: Sweep, options: str, tell: Tell) -> None:
    """Submit an array with each task of a sweep that is queued, and for which no job waits yet.

    What cannot be submitted stays queued.

    Args:
        log: The log.
        sweep: The sweep.
        options: The user's options for sbatch.
        tell: Called with each message for the user.

    Raises:
        UsageError: The options cannot be used, or there is no sbatch.
        NotWritableError: What was submitted cannot be recorded.
    """
    words = check_options(options)
    scheduler = ask_slurm(sweep)
    waiting = scheduler.names if scheduler is not None else frozenset()
    queued = sweep.tasks.list_names()[QUEUED]
    names = [name for name in queued if name not in waiting]
    if queued and not names:
        tell("All versions that are queued wait in Slurm already.")
    previous = None
    for start in range(0, len(names), _MOST_ELEMENTS):
        part = names[start : start + _MOST_ELEMENTS]
        job, problem = _submit_array(log, sweep, part, words, previous)
        if job is None:
            tell(f"Not submitted: {count(len(names) - start, 'version')}: {problem} "
                 "`orglab sweep resume` tries again.")  # fmt: skip
            return
        previous = job
        tell(f"Submitted {count(len(part), 'version')} as the Slurm array {job}.")


def _submit_array(
    log: LogFile, sweep: Sweep, names: Sequence[str], words: Sequence[str], previous: str | None
) -> tuple[str | None, str]:
    """Submit an array for some tasks, and return the id of its job, or None and why that failed.

    Args:
        log: The log.
        sweep: The sweep.
        names: The tasks.
        words: The user's options.
        previous: The array that it waits for, if only some of their elements may run at the same time.
    """
    slots = sweep.limit
    folder, name = sweep.folder / FOLDER, choose_suffix()
    try:
        folder.mkdir(exist_ok=True)
        write_new(folder / name, "".join(f"{task}\n" for task in names).encode())
    except OSError as error:
        raise NotWritableError(f"What to submit cannot be written to {folder}: {error.strerror}.") from error
    script = _SCRIPT.format(
        sweep=sweep.id, list=shlex.quote(os.fspath(folder / name)),
        command=shlex.join(make_command(log, sweep)),
    )  # fmt: skip
    output = f"{folder}/".replace("%", "%%") + "%A_%a.out"
    options = [
        "--requeue", "--signal=B:USR1@60", "--open-mode=append", f"--output={output}",
        f"--job-name=orglab-{sweep.record.ref}",
        *([f"--dependency=afterany:{previous}"] if slots and previous else []),
        *words, "--parsable", f"--array=1-{len(names)}" + (f"%{slots}" if slots else ""),
    ]  # fmt: skip
    printed, problem = run_program(["sbatch", *options], os.fsencode(script), None)
    job = (printed or "").strip().rpartition("\n")[2].partition(";")[0]
    if not job.isdigit():
        return None, problem or f"sbatch printed {cut(printed or '', SHOWN)!r}, which is not the id of a job."
    jobs = read_sweep(sweep.folder).submitted
    append_event(sweep.record, "submitted", {SUBMITTED: {**jobs, job: name}})
    return job, ""
