"""Commands about runs: run, and runs (list, show, diff, rerun, keep, discard, assign, prune)."""

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orglab import clock
from orglab.api import open_log
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
    write_options,
)
from orglab.cli.output import tell
from orglab.clock import parse_duration
from orglab.errors import UsageError
from orglab.text import count, file_size

if TYPE_CHECKING:
    from orglab.api import Log
    from orglab.runs.launch import LaunchedRun
    from orglab.runs.record import Run

_GOES_ON = 75  # EX_TEMPFAIL of sysexits.h: 124 is that of a run that its own time limit has stopped
_INTERRUPTED = 130

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; what the command prints is only recorded."
)


class RunCommand(click.Command):
    """A command that takes another command after `--`, unchanged."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments before the first `--`; what follows is the command to run.

        Raises:
            UsageError: There is a command, but no `--`.
        """
        if "--" not in args and (place := self._find_command(args)) is not None:
            import shlex  # noqa: PLC0415 - for a mistake

            spelled = f"{ctx.command_path} {shlex.join(args[:place])}".rstrip(), shlex.join(args[place:])
            raise UsageError(f"Put -- before the command to run: {' -- '.join(spelled)}")
        place = args.index("--") if "--" in args else len(args)
        ctx.meta["orglab.argv"] = tuple(args[place + 1 :])
        return super().parse_args(ctx, args[:place])

    def _find_command(self, args: list[str]) -> int | None:
        """Return where a command seems to begin: at the second word, or at the first if that is not a reference."""
        takes_value = {
            name for option in self.params if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }  # fmt: skip
        words: list[int] = []
        is_value = False
        for place, arg in enumerate(args):
            if is_value or arg.startswith("-"):
                is_value = not is_value and arg in takes_value
                continue
            words.append(place)
        if not words:
            return None
        has_reference = any(char.isdigit() for char in args[words[0]]) and "/" not in args[words[0]]
        if has_reference:
            return words[1] if len(words) > 1 else None
        return words[0] if len(words) > 1 else None

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


def recording_options(function: Command) -> Command:
    """Add the options about what is recorded and committed of a command, and how long it may take."""
    for option in reversed((
        click.option("--results", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
                     help="Commit what the command changes in this file or folder; may be repeated."),
        click.option("--metrics", multiple=True, metavar="FILE",
                     help="Read metrics only from this JSON, CSV or TSV file, or 'out/*.jsonl'; may be repeated."),
        click.option("--stdout-metrics", is_flag=True, help="Read metrics from printed lines `metric NAME=VALUE`."),
        click.option("--before", type=click.Choice(["commit", "snapshot", "clean"]),
                     help="What to do with changes: commit them (default), take a snapshot, or refuse (clean)."),
        click.option("-m", "--message", "why", metavar="WHY", help="Why; written to the log and the commits."),
        click.option("--time-limit", metavar="DURATION",
                     help="Stop the command after this time, such as 90s, 30m or 2h."),
    )):  # fmt: skip
        function = option(function)
    return function


@click.command(name="run", cls=RunCommand)
@click.argument("reference", type=REFERENCE, required=False)
@recording_options
@click.option("--worktree", is_flag=True, help="Run in a working tree of its own; `runs keep` commits its code.")
@click.option("--commit-failed", is_flag=True, help="Also commit the results if the command fails or is stopped.")
@click.option("--done", is_flag=True, help="Complete the step if the command exits with 0.")
@click.option("--test", is_flag=True, help="Only try the command: nothing is committed, recorded or noted.")
@click.option("--pty", is_flag=True, help="Give the command a terminal, for progress bars.")
@click.option("--detach", is_flag=True, help="Print the id of the run once it has begun, and let it go on.")
@author_option
@_json_option
@change_options
def run_command(  # noqa: PLR0913 - one for each option
    reference: str | None, results: tuple[Path, ...], metrics: tuple[str, ...], before: str | None, why: str | None,
    time_limit: str | None, *, author: str | None, worktree: bool, commit_failed: bool, stdout_metrics: bool,
    done: bool, test: bool, pty: bool, detach: bool, as_json: bool, anyway: bool,
) -> int:  # fmt: skip
    """Run a command and record it: its exact code, what it printed, its results and metrics, and a note in the log.

    Uncommitted changes to tracked files are committed before the run. With
    --results, what it writes there is committed after it; if it fails, it is only
    kept beside the branch. Without REFERENCE, the
    run belongs to the active experiment or step. The exit code is the command's.

    With --test, the command runs with ORGLAB_MODE=test, and ORGLAB_OUT is a temporary
    folder that is removed afterwards.

    With --detach, the run goes on without this terminal, and without input; see
    `orglab runs wait`.

    \b
    Example:
      orglab run -- python train.py --seed 1
      orglab run 201.1 --results results --metrics metrics.json -- python train.py --seed 3
      orglab run 201.1 --done -m "Is seed 2 the outlier?" -- make train
      orglab run 201.1 --test -- python train.py --epochs 1
      orglab run 201.1 --detach --time-limit 8h -- python train.py --seed 4
    """
    from orglab.runs.run_request import RunRequest  # noqa: PLC0415 - for one command of several

    if test and detach:
        raise UsageError("Use --test or --detach, not both.")
    if worktree and before not in (None, "snapshot"):
        raise UsageError("Use --worktree or --before, not both: a working tree of its own has a snapshot.")
    log = signed_log(author, anyway=anyway)
    argv = click.get_current_context().meta["orglab.argv"]
    request = RunRequest(
        reference or log.find_active(), argv, results=tuple(path.absolute() for path in results), metrics=metrics,
        before=before, worktree=worktree, done=done, printed_metrics=stdout_metrics, why=why, pty=pty,
        show_output=not as_json,
        time_limit=parse_duration(time_limit) if time_limit is not None else None, commit_failed=commit_failed,
        is_test=test, is_detached=detach,
    )  # fmt: skip
    launched = log.run(request, tell)
    if detach and launched.run is not None and launched.exit_code == 0 and not as_json:
        _show_detached(launched.run)
        return 0
    return _finish(log, launched, as_json=as_json)


def _show_detached(run: "Run") -> None:
    """Print the id of a run that has begun, and how to go on; it may have ended meanwhile, as at any later time."""
    click.echo(run.id)
    wait, end = f"`orglab runs wait {run.id.rpartition('-')[2]}`", f"`kill {run.fields.get('pid')}`"
    tell(f"The run goes on in the background: {wait} waits for its end, and {end} ends it.")


def _finish(log: "Log", launched: "LaunchedRun", *, as_json: bool) -> int:
    """Print a run that has ended, or where it stands, and return the exit code of its command."""
    run = launched.run
    if run is None:
        if as_json:
            output.show_json({"recorded": False, "exit_code": launched.exit_code})
    elif as_json:
        output.show_json(_make_form(log, run), is_short=True)
    else:
        _tell_standing(log, run)
    return launched.exit_code


def _make_form(log: "Log", run: "Run") -> dict[str, object]:
    """Return the document about a run."""
    from orglab.api.serialize_outcome import outcome_form  # noqa: PLC0415 - only for JSON

    return outcome_form(run, log.standings(run), log.repeated_run(run))


def _tell_standing(log: "Log", run: "Run") -> None:
    """Tell where a run that counts stands, if there is something to compare it with."""
    from orglab.cli.render.run_text import standing_line  # noqa: PLC0415 - for three commands of several
    from orglab.runs.setting import find_reason  # noqa: PLC0415 - the same

    if find_reason(run) is None and (line := standing_line(log.standings(run))):
        tell(line)


class DefaultGroup(click.Group):
    """A group whose first command is the default."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the name of the default command added if there is none."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            if args and args[0].isalpha():
                self._refuse_misspelled(args[0])
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelled(self, word: str) -> None:
        """Raise UsageError for a word that is nearly the name of a command: ids of experiments have a digit, mostly."""
        import difflib  # noqa: PLC0415 - for a mistake

        if near := difflib.get_close_matches(word, self.commands, 1):
            raise UsageError(f"Unknown command '{self.name} {word}'. Did you mean {near[0]}?")

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, in the order they are defined, without those that only orglab calls."""
        return [name for name, command in self.commands.items() if not command.hidden]


@click.group(name="runs", cls=DefaultGroup)
def runs_command() -> None:
    """List, show, compare and repeat runs, keep or discard them, or assign them to experiments.

    `orglab runs 201` is short for `orglab runs list 201`. RUN may be shortened to
    any unique part of its id, of at least 4 characters.

    \b
    Example:
      orglab runs 201.1
      orglab runs show 3c0749
      orglab runs diff 3c0749 9a11fe
    """


@runs_command.command(name="list", short_help="List runs (the default).")
@click.argument("words", nargs=-1, metavar="[REFERENCE] [CONDITION]...", type=REFERENCE)
@click.option("--sort", metavar="COLUMN", help="Sort by a parameter, a metric or another column; -COLUMN reverses.")
@click.option("--best", metavar="METRIC", help="The best run by this metric first.")
@click.option("--by", "grouping", type=click.Choice(["setting"]), help="A row for each setting: mean, deviation and n.")
@click.option("--columns", metavar="NAMES", help="Show these columns, separated by commas.")
@click.option("--all", "every", is_flag=True, help="Include discarded runs.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--full", is_flag=True, help="With --json: everything that was recorded.")
@json_option
@log_options
def list_command(
    words: tuple[str, ...], sort: str | None, best: str | None, grouping: str | None, columns: str | None, *,
    every: bool, as_csv: bool, full: bool, as_json: bool,
) -> None:  # fmt: skip
    """List the runs of an experiment or a step, or all runs, oldest first, with the parameters that differ.

    A CONDITION selects runs by a parameter, a metric or another column: lr=0.1,
    'val.acc>0.9', status=failed, step=e201.1, code=HEAD. The columns are id, step,
    status, ended, age, seconds, seed, command, host, code, why, author, every parameter and
    every metric; METRIC:best is the best value during a run instead of the last one.

    A setting is what runs of a step have in common: the same code and parameters,
    but for the seed. In a pipe, without these options, each run is on a line that
    begins with its whole id.

    \b
    Example:
      orglab runs 201.1
      orglab runs lr=0.1 status=failed --all
      orglab runs --by setting --best val.acc
      orglab runs 201 --columns id,lr,val.acc,val.acc:best --csv
    """
    from orglab.runs.run_table import TableRequest  # noqa: PLC0415 - for one command of several

    log = this_log()
    reference, conditions = _split_conditions(words)
    names = tuple(filter(None, (name.strip() for name in (columns or "").split(","))))
    table = log.run_table(reference, TableRequest(conditions, sort, best, names, grouping is not None, every))
    if as_json:
        from orglab.api.serialize_runs import table_form  # noqa: PLC0415 - only for JSON

        output.show_json(table_form(table, is_full=full))
        return
    if as_csv or table.rows:
        from orglab.cli.render.run_table_text import run_lines, table_csv, table_lines  # noqa: PLC0415 - one of several

        if as_csv:
            output.show([table_csv(table)])
        elif output.is_terminal() or table.columns or table.is_grouped:
            output.show(table_lines(table, clock.now()))
        else:
            output.show(run_lines(table))
    elif not table.hidden:
        what = "No runs yet." if reference is None else f"No runs of {log.spell(reference)}."
        tell("No run meets these conditions." if conditions else what)
    if table.hidden:
        tell(
            f"{count(table.hidden, 'discarded run')} not shown; --all includes {'it' if table.hidden == 1 else 'them'}."
        )


def _split_conditions(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Return the reference, if the first of some arguments is one, and the conditions."""
    if words and not any(char in words[0] for char in "=<>"):
        return words[0], words[1:]
    return None, words


@runs_command.command(name="show", short_help="Show everything recorded about a run.")
@click.argument("run")
@json_option
@log_options
def show_command(run: str, *, as_json: bool) -> None:
    """Show everything recorded about a run, with the end of what it printed.

    RUN is its id, a part of it that no other run has, or the id that W&B, MLflow
    or another tracker gave it, if orglab found its files.

    \b
    Example:
      orglab runs show 3c0749
      orglab runs show 9n2kq1xz
    """
    log = this_log()
    recorded = log.find_run(run)
    if as_json:
        from orglab.api.serialize import full_run_form  # noqa: PLC0415 - only for JSON

        output.show_json(full_run_form(recorded))
    else:
        from orglab.cli.render.run_text import run_page  # noqa: PLC0415 - for one command of several

        output.show(run_page(recorded, log.config.metrics, log.uncommitted_code(recorded)))


@runs_command.command(name="diff", short_help="Show what differs between two runs.")
@click.argument("run")
@click.argument("other", metavar="[RUN|REV]", required=False)
@click.option("-p", "--patch", is_flag=True, help="Also show the difference in code as a patch.")
@json_option
@log_options
def diff_command(run: str, other: str | None, *, patch: bool, as_json: bool) -> None:
    """Show what differs between two runs: code, parameters, environment, packages, metrics.

    With REV, the run's code is compared with that revision; without a second
    argument, with the working tree.

    \b
    Example:
      orglab runs diff 3c0749 9a11fe
      orglab runs diff 3c0749 HEAD --patch
    """
    log = this_log()
    difference = log.compare_runs(run, other)
    if as_json:
        from orglab.api.serialize import difference_form  # noqa: PLC0415 - only for JSON

        output.show_json(difference_form(difference))
        return
    from orglab.cli.render.run_text import difference_lines  # noqa: PLC0415 - for two commands of several

    text = log.read_patch(difference) if patch else ""
    patch_lines = ["", *map(output.clean, text.splitlines())] if text else []
    output.show([*difference_lines(difference), *patch_lines])


@runs_command.command(name="rerun", short_help="Repeat a run on the code it ran on.")
@click.argument("run")
@click.option("--link", "links", multiple=True, metavar="PATH",
              help="Link a path that git ignores, such as data, into the working tree; may be repeated.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the working tree afterwards.")
@click.option("--yes", is_flag=True, help="Do not ask, also if somebody else made the run.")
@_json_option
@change_options
def rerun_command(run: str, links: tuple[str, ...], *, keep: bool, yes: bool, as_json: bool, anyway: bool) -> int:
    """Repeat a run: run its command again on the code it ran on, in a working tree of its own.

    Prints what could not be reproduced, and whether metrics and files came out the
    same. The exit code is the command's. Of a run that somebody else made, the
    command, its environment, folder and commit are shown first; without --yes, you
    are asked.

    \b
    Example:
      orglab runs rerun 3c0749 --link data
    """
    log = this_log(anyway=anyway)
    ask = partial(_ask_to_repeat, yes=yes)
    rerun = log.rerun(run, tell, links=links, keep=keep, show_output=not as_json, ask=ask)
    return _finish(log, rerun, as_json=as_json)


def _ask_to_repeat(lines: Sequence[str], *, yes: bool) -> None:
    """Show what the run of somebody else would start, and return if it may be started.

    Raises:
        UsageError: It may not be, or nobody can be asked.
    """
    for line in lines:
        tell(line)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nothing was started; add --yes to run it.")
    if not click.confirm("Run it?", err=True):
        raise UsageError("Nothing was started.")


@runs_command.command(name="wait", short_help="Wait for the end of runs.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--time-limit", metavar="DURATION", help="Wait no longer than this, such as 90s, 30m or 2h.")
@json_option
@change_options
def wait_command(runs: tuple[str, ...], time_limit: str | None, *, as_json: bool, anyway: bool) -> int:
    """Wait until runs have ended, and their results and notes are settled.

    Prints what `orglab run` says of each, and exits as it does, with the code of the
    command: of several, with the first that is not 0. What the command prints is in
    its file; see `orglab runs show`. If a run goes on when the time is over, the exit
    code is 75.

    \b
    Example:
      orglab runs wait 3c0749
      orglab runs wait 3c0749 9a11fe --time-limit 10m --json
    """
    from orglab.runs.record_reader import find_run  # noqa: PLC0415 - for one command of several

    log = this_log(anyway=anyway)
    recorded = log.runs()
    found = [find_run(recorded, name) for name in runs]
    seconds = parse_duration(time_limit) if time_limit is not None else None
    deadline = time.monotonic() + seconds if seconds is not None else None
    ended = []
    try:
        for run in found:
            left = max(0.0, deadline - time.monotonic()) if deadline is not None else None
            ended.append(_wait(log, run, left, as_json=as_json))
    except KeyboardInterrupt:
        tell("Only the waiting has ended; what runs goes on.")
        return _INTERRUPTED
    if as_json:
        forms = [_make_form(log, run) for _, run in ended]
        output.show_json(forms[0] if len(forms) == 1 else {"runs": forms}, is_short=len(forms) == 1)
    return next((code for code, _ in ended if code), 0)


def _wait(log: "Log", run: "Run", seconds: float | None, *, as_json: bool) -> tuple[int, "Run"]:
    """Wait for a run, tell how it ended, and return the exit code for that, and the run as it is then."""
    said: list[str] = []
    ended = log.wait_for_run(run, said.append, seconds)
    if ended is None or ended.run is None:
        tell(f"The run {run.id} goes on; the time to wait is over.")
        return _GOES_ON, run
    run = ended.run
    if not any(line.startswith(f"{run.ref or run.id}  ran ") for line in said):
        from orglab.runs.description import describe_run  # noqa: PLC0415 - for a run in another terminal

        said.append(f"{run.ref or run.id}  {describe_run(run)}")
    for line in said:
        tell(line)
    if not as_json:
        _tell_standing(log, run)
    return ended.exit_code, run


@runs_command.command(name="work", hidden=True)
@author_option
@change_options
def work_command(*, author: str | None, anyway: bool) -> None:
    """Run the command of a request on standard input; `orglab run --detach` starts this."""
    # The caller has told what is pending.
    open_log(click.get_current_context().find_root().obj["log"], anyway=anyway, author=author).work_on_run()


@runs_command.command(name="keep", short_help="Commit the code and the results of a run to the branch.")
@click.argument("run")
@click.option("-m", "--message", "why", metavar="WHY", help="Why; written to the commit and the log.")
@write_options
def keep_command(run: str, why: str | None, *, as_json: bool, anyway: bool) -> None:
    """Commit the code and the results of a run to the branch that is checked out.

    This is for runs whose code is on no branch (run --worktree, run --before
    snapshot), or on another one. If the branch has gone on, the changes are merged.
    Nothing changes if both have changed the same lines, or if a file has changes
    that are not of the run.

    \b
    Example:
      orglab runs keep 3c0749 -m "Better with both seeds"
    """
    kept = this_log(anyway=anyway).keep_run(run, why, tell=tell)
    if as_json:
        from orglab.api.serialize import run_form  # noqa: PLC0415 - only for JSON

        output.show_json(run_form(kept))
    else:
        click.echo(f"{kept.id}  kept as {(kept.kept_code or '')[:7]}")


@runs_command.command(name="discard", short_help="Mark a run as one that does not count.")
@click.argument("run")
@click.option("-m", "--message", "why", metavar="WHY", help="Why; kept in the run's record.")
@click.option("--undo", is_flag=True, help="Let the run count again; its code stays as it is.")
@click.option("--reset", is_flag=True, help="Take its code and its results back, too.")
@write_options
def discard_command(run: str, why: str | None, *, undo: bool, reset: bool, as_json: bool, anyway: bool) -> None:
    """Mark a run as one that does not count. Its record and its note in the log stay.

    With --reset, the files that it changed are again as before it, and its commits
    are taken off the branch, or reverted if they were pushed. They stay in the
    repository, so `runs show` and `runs rerun` still work. This is refused if a
    file has other changes, or if a commit came later that is neither of the run
    nor of the log alone.

    \b
    Example:
      orglab runs discard 3c0749 -m "Ran on the wrong data"
      orglab runs discard 3c0749 --reset -m "Diverges with any seed"
    """
    if undo and (why is not None or reset):
        raise UsageError(f"Use --undo or {'-m' if why is not None else '--reset'}, not both.")
    log = this_log(anyway=anyway)
    discarded = (
        log.discard_with_code(run, why or "", tell) if reset else log.discard_run(run, why or "", undo=undo, tell=tell)
    )
    if as_json:
        from orglab.api.serialize import run_form  # noqa: PLC0415 - only for JSON

        taken_back = discarded.fields.get("taken_back") if reset else None
        output.show_json({**run_form(discarded), "taken_back": taken_back})
    else:
        click.echo(f"{discarded.id}  {'counts again' if undo else 'discarded'}")


@runs_command.command(name="assign", short_help="Assign a run to an experiment or step.")
@click.argument("run")
@click.argument("reference", type=REFERENCE)
@write_options
def assign_command(run: str, reference: str, *, as_json: bool, anyway: bool) -> None:
    """Assign a run that was recorded without an experiment to an experiment or step, and add its note to the log.

    \b
    Example:
      orglab runs assign 3c0749 201.1
    """
    assigned = this_log(anyway=anyway).assign_run(run, reference, tell)
    if as_json:
        from orglab.api.serialize import run_form  # noqa: PLC0415 - only for JSON

        output.show_json(run_form(assigned))
    else:
        click.echo(f"{assigned.id}  assigned to {assigned.ref}")


@runs_command.command(name="prune", short_help="Remove outputs of old or large runs.")
@click.option("--older", metavar="AGE", help="Only runs that ended longer ago: 90d, 12w, 2026-01-01.")
@click.option("--larger", metavar="SIZE", help="Only runs with at least this much to remove: 500KB, 100MB, 2GB.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@log_options
def prune_command(older: str | None, larger: str | None, *, yes: bool, as_json: bool) -> int:
    """Remove the outputs, the histories of metrics and the files in ORGLAB_OUT of old or large runs.

    Their records stay, so that they still count. Runs that are still going on or
    not in the log yet are left alone. Prints first what would be removed; with
    --json, nothing is removed without --yes.

    \b
    Example:
      orglab runs prune --older 90d --larger 10MB
    """
    log = this_log()
    prunable = log.find_prunable(older, larger)
    if as_json:
        from orglab.api.serialize import pruned_form  # noqa: PLC0415 - only for JSON

        output.show_json(pruned_form(prunable, log.prune_runs(prunable) if yes else None))
        return 0
    if not prunable:
        tell("Nothing to remove.")
        return 0
    from orglab.cli.render.run_text import prunable_lines  # noqa: PLC0415 - for one command of several

    output.show(prunable_lines(prunable))
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nothing was removed; add --yes to remove it.")
        if not click.confirm("Remove them?", err=True):
            tell("Nothing was removed.")
            return 1
    tell(f"Freed {file_size(log.prune_runs(prunable))}.")
    return 0
