"""The command sweep: a command in many versions, its queue and its progress."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orglab.cli import output
from orglab.cli.options import (
    REFERENCE,
    Command,
    author_option,
    change_options,
    json_option,
    log_options,
    signed_log,
    this_log,
)
from orglab.cli.output import tell
from orglab.cli.run_commands import DefaultGroup, RunCommand, recording_options
from orglab.clock import parse_duration
from orglab.errors import NotFoundError, UsageError
from orglab.text import count

if TYPE_CHECKING:
    from orglab.api import Log
    from orglab.runs.sweeps.sweep_progress import Progress
    from orglab.runs.sweeps.sweep_versions import VersionRequest

_POLL_SECONDS = 0.5
_QUEUE_SECONDS = 15.0  # between two questions to a scheduler, which has others to answer, too


def _version_options(function: Command) -> Command:
    """Add the options that name versions."""
    for decorate in (
        click.option("--except", "excluded", multiple=True, metavar="PATTERN",
                     help="Leave these versions out; may be repeated."),
        click.option("--only", multiple=True, metavar="PATTERN",
                     help="Only the versions with this name or these values, such as lr=0.1; may be repeated."),
        click.option("--versions", "file", type=click.Path(path_type=Path), metavar="FILE",
                     help="Named versions: a TOML file with a table for each."),
        click.option("--seeds", metavar="N", help="A parameter `seed`: 3 for 0, 1 and 2, or a list such as 7,8,9."),
        click.option("--set", "values", multiple=True, metavar="NAME=VALUES",
                     help="A parameter and its values, separated by commas; may be repeated."),
    ):  # fmt: skip
        function = decorate(function)
    return function


_slurm_option = click.option(
    "--slurm", metavar="OPTIONS", help="Options for sbatch, as one text, such as '--gres=gpu:1 --time=4:00:00'."
)


@click.group(name="sweep", cls=DefaultGroup)
def sweep_command() -> None:
    """Run a command in many versions: every combination of the values of its parameters.

    `orglab sweep 201.2 ...` is short for `orglab sweep start 201.2 ...`. SWEEP may be
    shortened to any unique part of its id, of at least 4 characters; without it, the
    newest sweep is meant.

    \b
    Example:
      orglab sweep 201.2 --set lr=0.1,0.01 --seeds 3 -- python train.py --lr {lr} --seed {seed}
      orglab sweep status
      orglab sweep stop
      orglab sweep resume
    """


@sweep_command.command(name="start", cls=RunCommand, short_help="Begin a sweep (the default).")
@click.argument("reference", type=REFERENCE, required=False)
@_version_options
@click.option("--slots", type=click.IntRange(1, 1000), metavar="N",
              help="How many versions run at the same time; by default one, or one on each GPU.")  # fmt: skip
@recording_options
@click.option("--commit-failed", is_flag=True, help="Also commit the results of versions that fail.")
@click.option("--done", is_flag=True, help="Complete the step if every version ends well.")
@click.option("--pinned", is_flag=True, help="Run in a working tree of the commit that the sweep begins on.")
@click.option("--again", is_flag=True, help="Also run versions that ended well before on this code.")
@click.option("--before-each", metavar="COMMAND", help="A shell command to run before each version.")
@click.option("--after-each", metavar="COMMAND", help="A shell command to run after each version.")
@click.option("--on", "where", metavar="WHERE",
              help="Where the versions run, if not here: slurm, or a command that submits each, "
                   "such as 'tsp {command}'.")  # fmt: skip
@_slurm_option
@click.option("--test", is_flag=True, help="Try every version once: nothing is committed, recorded or noted.")
@click.option("--keep-going", is_flag=True, help="With --test: go on after a version that failed.")
@click.option("--wait", is_flag=True, help="Wait until the sweep has ended; exit with 1 if one failed or diverged.")
@author_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@change_options
def start_command(  # noqa: PLR0913 - one for each option
    reference: str | None, *, values: tuple[str, ...], seeds: str | None, file: Path | None, only: tuple[str, ...],
    excluded: tuple[str, ...], slots: int | None, results: tuple[Path, ...], metrics: tuple[str, ...],
    before: str | None, why: str | None, time_limit: str | None, before_each: str | None, after_each: str | None,
    where: str | None, slurm: str | None, author: str | None, stdout_metrics: bool, commit_failed: bool, done: bool,
    pinned: bool, again: bool, test: bool, keep_going: bool, wait: bool, as_json: bool, anyway: bool,
) -> int:  # fmt: skip
    """Begin a sweep: a run for every combination of values, in the background, with one note and two commits.

    {lr} in the command stands for the value of the parameter lr, {out} for the folder
    of the version, results/e201.2/VERSION, and {version} for its name; {{lr}} stands
    for {lr} itself. The command also finds its parameters in ORGLAB_PARAMS (JSON), its
    name in ORGLAB_VERSION, and its folder in ORGLAB_OUT.

    Versions that ended well before on the same code are skipped. The workers go on
    when the terminal is closed; see `orglab sweep status`. Without REFERENCE, the
    sweep belongs to the active experiment or step.

    \b
    Example:
      orglab sweep --set lr=0.1,0.01 --seeds 3 -- python train.py --lr {lr} --seed {seed} --out {out}
      orglab sweep 201.2 --set lr=0.1,0.01 --test -- python train.py --lr {lr}
      orglab sweep 201.2 --versions sizes.toml --except large --slots 2 -- ./train.sh {width} {depth}
    """
    from orglab.runs.sweeps.start import SweepRequest  # noqa: PLC0415 - for one command of several

    log = signed_log(author, anyway=anyway)
    own = log.config.sweep
    if slurm is not None and where != "slurm":
        raise UsageError("--slurm has the options of `--on slurm`.")
    request = SweepRequest(
        reference or log.find_active(), click.get_current_context().meta["orglab.argv"],
        _read_versions(values, seeds, file, only, excluded), slots, tuple(path.absolute() for path in results), metrics,
        stdout_metrics, before, why, done, commit_failed,
        parse_duration(time_limit) if time_limit is not None else None, pinned, again,
        own.before_each if before_each is None else before_each, own.after_each if after_each is None else after_each,
        where, f"{log.config.slurm.options} {slurm or ''}".strip() if where == "slurm" else "",
    )  # fmt: skip
    if keep_going and not test:
        raise UsageError("--keep-going is for --test; a sweep always goes on.")
    if test:
        code = log.try_sweep(request, tell, keep_going=keep_going, show_output=not as_json)
        if as_json:
            output.show_json({"recorded": False, "exit_code": code})
        return code
    sweep = log.sweep(request, tell)
    if wait:
        return _watch(log, sweep.id, as_json=as_json)
    progress = log.sweep_progress(sweep.id)
    is_elsewhere = sweep.where is not None and sweep.where != "slurm"
    # The user knows why.
    is_refused = is_elsewhere and bool(progress.state.queued) and not (sweep.tasks.list_submitted() or progress.running)
    if as_json:
        _show_json(progress)
    else:
        total = count(len(progress.state.tasks), "version")
        click.echo(f"{sweep.id}  {sweep.record.ref}, {total}" + (", all done" if progress.is_over else ""))
        if not progress.is_over and not is_refused:
            tell("The sweep runs in the background: see `orglab sweep status`, and end it with `orglab sweep stop`.")
    return int(is_refused)


def _read_versions(
    values: tuple[str, ...], seeds: str | None, file: Path | None, only: tuple[str, ...], excluded: tuple[str, ...]
) -> "VersionRequest":
    from orglab.runs.sweeps.sweep_versions import VersionRequest  # noqa: PLC0415 - for two commands of several

    return VersionRequest(values, seeds, file, only, excluded)


@sweep_command.command(name="status", short_help="Show how far a sweep is.")
@click.argument("sweep", required=False)
@click.option("--wait", is_flag=True, help="Wait until the sweep has ended; exit with 1 if one failed or diverged.")
@json_option
@log_options
def status_command(sweep: str | None, *, wait: bool, as_json: bool) -> int:
    """Show how far a sweep is: what runs, failed and diverged, how long the rest will take, and what is best so far.

    On a terminal it is shown until the sweep has ended; Ctrl-C ends only that.

    \b
    Example:
      orglab sweep status
      orglab sweep status 3c0749 --wait
    """
    log = this_log()
    progress = log.sweep_progress(sweep)
    if wait or (output.is_terminal() and not as_json):
        return _watch(log, progress.state.sweep.id, as_json=as_json, is_checked=wait)
    if progress.state.sweep.where is not None:
        name = progress.state.sweep.id
        progress = log.sweep_progress(name, log.ask_scheduler(name))
    _show(progress, as_json=as_json)
    return 0


@sweep_command.command(name="list", short_help="List sweeps.")
@json_option
@log_options
def list_command(*, as_json: bool) -> None:
    """List the sweeps, oldest first.

    \b
    Example:
      orglab sweep list
    """
    log = this_log()
    shown = [log.sweep_progress(sweep) for sweep in log.sweeps()]
    if as_json:
        from orglab.api.serialize_sweeps import sweep_form  # noqa: PLC0415 - only for JSON

        output.show_json({"sweeps": [sweep_form(progress) for progress in shown]})
        return
    if not shown:
        tell("No sweeps yet.")
        return
    from orglab.cli.render.sweep_text import list_lines  # noqa: PLC0415 - for one command of several

    output.show(list_lines(shown))


@sweep_command.command(name="add", short_help="Add versions to a sweep.")
@click.argument("sweep", required=False)
@_version_options
@json_option
@change_options
def add_command(
    sweep: str | None, values: tuple[str, ...], seeds: str | None, file: Path | None, only: tuple[str, ...],
    excluded: tuple[str, ...], *, as_json: bool, anyway: bool,
) -> None:  # fmt: skip
    """Add versions to a sweep, also while it runs. The command is that of the sweep.

    \b
    Example:
      orglab sweep add --set lr=0.001 --seeds 3
    """
    log = this_log(anyway=anyway)
    found, added = log.add_versions(sweep, _read_versions(values, seeds, file, only, excluded), tell)
    if as_json:
        _show_json(log.sweep_progress(found.id))
    else:
        click.echo(f"{found.id}  {count(len(added), 'version')} added")


@sweep_command.command(name="stop", short_help="Stop a sweep.")
@click.argument("sweep", required=False)
@click.option("--drain", is_flag=True, help="Let the versions that run come to their end.")
@json_option
@change_options
def stop_command(sweep: str | None, *, drain: bool, as_json: bool, anyway: bool) -> None:
    """Stop a sweep: no further version begins, and those that run are stopped.

    \b
    Example:
      orglab sweep stop --drain
    """
    log = this_log(anyway=anyway)
    stopped = log.stop_sweep(sweep, tell, drain=drain)
    if as_json:
        _show_json(log.sweep_progress(stopped.id))
    else:
        click.echo(f"{stopped.id}  stopped; `orglab sweep resume` goes on with it")


@sweep_command.command(name="resume", short_help="Go on with a sweep.")
@click.argument("sweep", required=False)
@click.option("--slots", type=click.IntRange(1, 1000), metavar="N", help="How many versions run at the same time.")
@_slurm_option
@click.option("--wait", is_flag=True, help="Wait until the sweep has ended; exit with 1 if one failed or diverged.")
@json_option
@change_options
def resume_command(
    sweep: str | None, slots: int | None, slurm: str | None, *, wait: bool, as_json: bool, anyway: bool
) -> int:
    """Go on with a sweep that was stopped or interrupted. Versions that failed or were lost are run again.

    \b
    Example:
      orglab sweep resume --slots 2
    """
    log = this_log(anyway=anyway)
    found, queued = log.resume_sweep(sweep, tell, slots=slots, options=slurm)
    if wait:
        return _watch(log, found.id, as_json=as_json)
    if as_json:
        _show_json(log.sweep_progress(found.id))
    else:
        click.echo(f"{found.id}  {count(queued, 'version')} to run")
    return 0


@sweep_command.command(name="work", hidden=True)
@click.argument("sweep")
@click.option("--only", metavar="NAME", help="The only version to run: its number and name, as in its file.")
@click.option("--folder", metavar="FOLDER", help="Where the command of the sweep was given.")
@click.option("--detach", is_flag=True, help="Go on in the background.")
@log_options
def work_command(sweep: str, only: str | None, folder: str | None, *, detach: bool) -> int:
    """Run versions of a sweep in this process; `orglab sweep` starts this."""
    if folder is not None:
        _enter(folder)
    log = this_log()
    is_good = log.work_on_sweep(sweep, only, is_detached=detach)
    # A template may wait for its command, and take an exit code for a submission that failed.
    return int(not is_good and log.sweep_progress(sweep).state.sweep.where == "slurm")


def _enter(folder: str) -> None:
    """Make a folder the current one: where a scheduler starts a process is its own affair.

    Raises:
        NotFoundError: It is not there.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise NotFoundError(f"The sweep belongs to {folder}, which cannot be entered: {error.strerror}.") from error


def _watch(log: "Log", name: str, *, as_json: bool, is_checked: bool = True) -> int:
    """Show how far a sweep is until it has ended, and return 1 if a version failed and that is to be known."""
    is_live = output.is_terminal() and not as_json
    shown, asked, scheduler = 0, -_QUEUE_SECONDS - 1, None
    try:
        while True:
            begun = time.monotonic()
            if is_due := begun - asked > _QUEUE_SECONDS:
                asked, scheduler = begun, log.ask_scheduler(name)
            progress = log.sweep_progress(name, scheduler)
            if is_live:
                shown = _redraw(progress, shown)
            is_gone = progress.state.sweep.where is None or (is_due and scheduler is not None and not scheduler.names)
            is_idle = not progress.workers and not progress.running and is_gone
            if (progress.is_over and not progress.workers) or is_idle:
                break
            # Reading a large sweep takes a while, and its workers need the processor.
            time.sleep(max(_POLL_SECONDS, 5 * (time.monotonic() - begun)))
    except KeyboardInterrupt:
        tell("The sweep goes on; `orglab sweep stop` ends it.")
        return 130
    # The last worker may be doing this now: then it is waited for.
    log.settle_sweep(name, tell)
    log.write_pending(tell)
    # Again: what was read above may be from before the last worker ended a version and left.
    progress = log.sweep_progress(name)
    if not is_live:
        _show(progress, as_json=as_json)
    state = progress.state
    return int(is_checked and (bool(state.failed or state.diverged) or not state.is_complete))


def _redraw(progress: "Progress", shown: int) -> int:
    """Show how far a sweep is in place of the lines that are there, and return how many lines that are now."""
    from orglab.cli.render.sweep_text import progress_lines  # noqa: PLC0415 - for one command of several

    lines = progress_lines(progress)[: max(3, output.lines() - 1)]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(
        (f"\x1b[{shown}A\x1b[J" if shown else "") + (output.plain(text) if os.environ.get("NO_COLOR") else text)
    )
    sys.stdout.flush()
    return len(lines)


def _show(progress: "Progress", *, as_json: bool) -> None:
    if as_json:
        _show_json(progress)
        return
    from orglab.cli.render.sweep_text import progress_lines  # noqa: PLC0415 - for one command of several

    output.show(progress_lines(progress))


def _show_json(progress: "Progress") -> None:
    from orglab.api.serialize_sweeps import sweep_form  # noqa: PLC0415 - only for JSON

    output.show_json(sweep_form(progress, is_full=True))
