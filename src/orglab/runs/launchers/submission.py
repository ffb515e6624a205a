"""Submit the tasks of a sweep to where it runs: one command for each, which runs that task and nothing else.

Where the command runs, only the folder of the repository and the records have to be reachable; the log and the branch
are left to the next orglab command outside.
"""

import shlex
from collections.abc import Sequence

from orglab.errors import NotWritableError, UsageError
from orglab.log.log import LogFile
from orglab.runs.launchers import slurm, slurm_jobs
from orglab.runs.launchers.slurm import SLURM, check_options
from orglab.runs.launchers.slurm_jobs import run_program
from orglab.runs.sweeps.sweep import Sweep
from orglab.runs.sweeps.tasks import QUEUED
from orglab.runs.sweeps.worker import make_command
from orglab.text import Tell, count, listed

COMMAND = "{command}"


def check_template(template: str) -> list[str]:
    """Return the words of a template, one of which has `{command}`.

    Raises:
        UsageError: It has no such word, or unmatched quotes.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise UsageError(f"{template!r} is no command: {error}.") from error
    if not any(COMMAND in word for word in words):
        raise UsageError(f"{template!r} must have {COMMAND} where the command belongs, as in 'tsp {COMMAND}'.")
    return words


def check_where(where: str, options: str) -> None:
    """Raise UsageError unless a sweep can run there: `slurm`, or a template with `{command}`."""
    if where == SLURM:
        check_options(options)
    else:
        check_template(where)


def fill_template(words: Sequence[str], command: Sequence[str]) -> list[str]:
    """Return a template with a command in place of `{command}`: its words, or a text for a shell within a word."""
    filled: list[str] = []
    for word in words:
        if word == COMMAND:
            filled += command
        else:
            filled.append(word.replace(COMMAND, shlex.join(command)))
    return filled


def submit(log: LogFile, sweep: Sweep, options: str, tell: Tell) -> None:
    """Submit every task of a sweep that is queued, and does not wait where it was submitted before.

    What cannot be submitted stays queued.

    Args:
        log: The log.
        sweep: The sweep.
        options: Options of the scheduler.
        tell: Called with each message for the user.

    Raises:
        UsageError: The options or the command cannot be used.
        NotWritableError: What was submitted cannot be recorded.
    """
    if sweep.where == SLURM:
        slurm.submit(log, sweep, options, tell)
        return
    words = check_template(sweep.where or "")
    waiting = {*sweep.tasks.list_submitted()}
    queued = sweep.tasks.list_names()[QUEUED]
    names = [name for name in queued if name not in waiting]
    if left := len(queued) - len(names):
        tell(f"{count(left, 'version')} submitted before and not begun; if that was lost, stop and resume the sweep.")
    failed: list[str] = []
    for name in names:
        if problem := _submit_one(log, sweep, words, name):
            failed.append(name)
            tell(f"Not submitted: {name}: {problem}")
            if name == names[0]:
                failed = names  # the others would fail as well
                break
    if failed:
        tell(f"{count(len(names) - len(failed), 'version')} submitted; `orglab sweep resume` tries the others again.")
    elif names:
        tell(f"{count(len(names), 'version')} submitted with {words[0]}.")


def _submit_one(log: LogFile, sweep: Sweep, words: Sequence[str], name: str) -> str:
    """Submit a task with a template, and return why that failed; empty if it did not."""
    try:
        # Before, because the command may run the task at once, and then nothing waits any more.
        sweep.tasks.mark_submitted(name)
    except OSError as error:
        raise NotWritableError(f"What is submitted cannot be recorded in {sweep.folder}: {error.strerror}.") from error
    command = fill_template(words, [*make_command(log, sweep), "--only", name])
    printed, problem = run_program(command, seconds=None)
    if printed is not None:
        return ""
    sweep.tasks.forget_submission(name)
    return problem


def cancel(sweep: Sweep, tell: Tell, *, drain: bool) -> None:
    """Cancel what was submitted, as far as that is possible from here; with `drain`, not what runs."""
    if sweep.where == SLURM:
        slurm_jobs.cancel(sweep, tell, only_pending=drain)
        return
    queued = {*sweep.tasks.list_names()[QUEUED]}
    submitted = sweep.tasks.list_submitted()
    for name in submitted:
        sweep.tasks.forget_submission(name)
    left = [name for name in submitted if name in queued]
    if left:
        tell(f"What is queued elsewhere ends at once when it begins: {listed(left, 3)}.")
