"""Submit the tasks of a sweep to where it runs: one command for each, which runs that task and nothing else.

Where the command runs, only the folder of the repository and the records have to be reachable; the log and the branch
are left to the next orglab command outside.
"""

import shlex
from collections.abc import Sequence

from orglab.errors import UsageError
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
    """Submit every task of a sweep that is queued; what cannot be submitted stays queued.

    Args:
        log: The log.
        sweep: The sweep.
        options: Options of the scheduler.
        tell: Called with each message for the user.
    """
    if sweep.where == SLURM:
        slurm.submit(log, sweep, options, tell)
        return
    words = check_template(sweep.where or "")
    failed = []
    names = sweep.tasks.list_names()[QUEUED]
    for name in names:
        command = fill_template(words, [*make_command(log, sweep), "--only", name])
        printed, problem = run_program(command, seconds=None)
        if printed is None:
            failed.append(name)
            tell(f"Not submitted: {name}: {problem}")
            if name == names[0]:
                failed = names  # the others would fail as well
                break
    if failed:
        tell(f"{count(len(names) - len(failed), 'version')} submitted; `orglab sweep resume` tries the others again.")
    else:
        tell(f"{count(len(names), 'version')} submitted with {words[0]}.")


def cancel(sweep: Sweep, tell: Tell, *, drain: bool) -> None:
    """Cancel what was submitted, as far as that is possible from here; with `drain`, not what runs."""
    if sweep.where == SLURM:
        slurm_jobs.cancel(sweep, tell, only_pending=drain)
        return
    left = sweep.tasks.list_names()[QUEUED]
    if left:
        tell(f"What is queued elsewhere ends at once when it begins: {listed(left, 3)}.")
