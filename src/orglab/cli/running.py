"""The command that runs another one: run."""

from pathlib import Path

import click

from orglab.cli.options import REFERENCE, tell, this_log, write_options
from orglab.errors import UsageError
from orglab.runs.request import RunRequest


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
    log = this_log(anyway=anyway)
    wanted = reference or log.active.get()
    if wanted is None:
        raise UsageError("Name the step to run for, such as 201.1, or make one the active one with `orglab start`.")
    argv = click.get_current_context().meta["orglab.argv"]
    request = RunRequest(
        wanted, argv, results=tuple(path.absolute() for path in results), metrics=metrics, before=before, done=done,
        printed_metrics=stdout_metrics, why=why, pty=pty,
    )  # fmt: skip
    return log.run(request, tell)
