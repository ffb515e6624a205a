"""Commands about runs: run, runs, run-diff, rerun, sync."""

from pathlib import Path

import click

from orglab.cli import output
from orglab.cli.options import REFERENCE, log_options, this_log, write_options
from orglab.cli.output import tell
from orglab.errors import UsageError
from orglab.text import count


class RunCommand(click.Command):
    """A command with another one behind `--`, which is taken as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments before the first `--`; what follows is the command to run."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta["orglab.argv"] = tuple(args[place + 1 :])
        return super().parse_args(ctx, args[:place])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line."""
        return [*super().collect_usage_pieces(ctx), "-- CMD..."]


@click.command(name="run", cls=RunCommand)
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--results", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
              help="A file or folder whose changes are the results, to be committed; may be repeated.")  # fmt: skip
@click.option("--metrics", type=click.Path(path_type=Path), metavar="FILE",
              help="The metrics that the command leaves: JSON, JSON lines, CSV or TSV.")  # fmt: skip
@click.option("--stdout-metrics", is_flag=True, help="Lines `metric NAME=VALUE` that it prints are metrics.")
@click.option("--before", type=click.Choice(["commit", "snapshot", "clean"]),
              help="What is done with changes first: commit, capture all beside the branch, or refuse.")  # fmt: skip
@click.option("--done", is_flag=True, help="Tick the step if the command ends with 0.")
@click.option("-m", "--message", "why", metavar="WHY", help="Why; it stands in the commits and the log.")
@click.option("--pty", is_flag=True, help="Give the command a terminal, for progress bars.")
@write_options
def run_command(
    reference: str | None,
    results: tuple[Path, ...],
    metrics: Path | None,
    before: str | None,
    why: str | None,
    *,
    stdout_metrics: bool,
    done: bool,
    pty: bool,
    anyway: bool,
) -> int:
    """Run a command for a step: a commit before, the command, a commit of the results, a record, a note.

    Without REFERENCE it is for the active step (`orglab start`). The exit code is the command's own.

    \b
    Example:
      orglab run 201.1 --results results --metrics metrics.json -- python train.py --seed 3
      orglab run 201.1 --done -m "Is seed 2 the outlier?" -- make train
    """
    from orglab.runs.run_request import RunRequest  # noqa: PLC0415 - for one command of several

    log = this_log(anyway=anyway)
    wanted = reference or log.find_active()
    if wanted is None:
        raise UsageError("Name the step to run for, such as 201.1, or make one the active one with `orglab start`.")
    argv = click.get_current_context().meta["orglab.argv"]
    request = RunRequest(
        wanted, argv, results=tuple(path.absolute() for path in results), metrics=metrics, before=before, done=done,
        printed_metrics=stdout_metrics, why=why, pty=pty,
    )  # fmt: skip
    return log.run(request, tell)


@click.command(name="runs")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def runs_command(reference: str | None, *, as_json: bool) -> None:
    """List runs, oldest first: of an experiment, of a step, or all.

    \b
    Example:
      orglab runs 201.1
      orglab runs --json
    """
    log = this_log()
    found = log.runs(reference)
    if as_json:
        from orglab.api.serialize import full_run_form  # noqa: PLC0415 - only for JSON

        output.show_json({"runs": [full_run_form(run) for run in found]})
    elif found:
        from orglab.cli.render.run_text import run_lines  # noqa: PLC0415 - for two commands of several

        output.show(run_lines(found))
    else:
        tell("No runs." if reference is None else f"No runs of {log.spell(reference)}.")


@click.command(name="run-diff")
@click.argument("run")
@click.argument("other", metavar="[RUN|REV]", required=False)
@click.option("-p", "--patch", is_flag=True, help="Show the difference of the code as a patch.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def run_diff_command(run: str, other: str | None, *, patch: bool, as_json: bool) -> None:
    """Say what differs between two runs: code, arguments, environment, packages, metrics.

    With a revision, or with nothing, the code of the run is compared with that revision's, or with what is here
    now. RUN is a run's id, or its begin or end.

    \b
    Example:
      orglab run-diff 3c0749 9a11fe
      orglab run-diff 3c0749 HEAD --patch
    """
    log = this_log()
    found = log.compare_runs(run, other)
    if as_json:
        from orglab.api.serialize import difference_form  # noqa: PLC0415 - only for JSON

        output.show_json(difference_form(found))
        return
    from orglab.cli.render.run_text import difference_lines  # noqa: PLC0415 - for two commands of several

    text = log.read_patch(found) if patch else ""
    behind = ["", *map(output.clean, text.splitlines())] if text else []
    output.show([*difference_lines(found), *behind])


@click.command(name="rerun")
@click.argument("run")
@click.option("--link", "links", multiple=True, metavar="PATH",
              help="What git ignores and the command needs, such as data: linked into the working tree.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the working tree.")
@write_options
def rerun_command(run: str, links: tuple[str, ...], *, keep: bool, anyway: bool) -> int:
    """Run the command of a run again, on the code it ran on, in a working tree of its own.

    What could not be reproduced is said, and whether metrics and files came out the same. The exit code is the
    command's own.

    \b
    Example:
      orglab rerun 3c0749 --link data
    """
    return this_log(anyway=anyway).rerun(run, tell, links=links, keep=keep)


@click.command(name="sync")
@click.argument("remote", default="origin")
@click.option("--snapshots", is_flag=True, help="Push the snapshots too: all that was in the working tree.")
@write_options
def sync_command(remote: str, *, snapshots: bool, anyway: bool) -> None:
    """Exchange the records of runs with other clones, by git, and tell the log of theirs.

    \b
    Example:
      orglab sync
      orglab sync cluster --snapshots
    """
    from orglab.runs.description import describe_run  # noqa: PLC0415 - for one command of several

    result = this_log(anyway=anyway).sync(remote, tell, snapshots=snapshots)
    for run in result.received:
        if run in result.already_written:
            continue
        click.echo(f"{run.id}  {output.clean(run.ref or '-')}  {output.clean(describe_run(run))}")
    if result.on_other_branches:
        many = count(len(result.on_other_branches), "run")
        tell(f"The log on another branch tells of {many} of them; that comes by merging it.")
    tell(f"{count(len(result.received), 'run')} received, {len(result.written)} new in the log"
         + (", ours sent." if result.sent else "; there was nothing to send."))  # fmt: skip
