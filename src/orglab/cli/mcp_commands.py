"""The command that serves the log to other programs: mcp."""

import gc
import sys

import click

from orglab.cli.options import log_options, open_this_log
from orglab.cli.output import tell


@click.command(name="mcp")
@click.option(
    "--write",
    is_flag=False,
    flag_value="notes",
    type=click.Choice(["notes", "all"]),
    help="Let clients add experiments, steps and notes, and complete steps; with =all also conclude and discard runs.",
)
@click.option("--allow-run", is_flag=True, help="Let clients run commands.")
@log_options
def mcp_command(write: str | None, *, allow_run: bool) -> None:
    """Serve the log to coding agents, by the Model Context Protocol on standard input and output.

    A client, such as an agent or an editor, starts this command and calls tools: to
    look and to search, and only if you allow it to write and to run commands. The log
    is found in the folder where the client starts it, or named with --log.

    \b
    Example:
      orglab mcp
      orglab mcp --write --allow-run
      orglab --log LabBook.org mcp --write=all
    """
    from orglab.mcp.server import serve  # noqa: PLC0415 - the tools, which other commands do not need
    from orglab.mcp.session import make_settings  # noqa: PLC0415 - the same

    if sys.stdin.isatty():
        tell("Waiting for the messages of a client on standard input; Ctrl-C ends this.")
    gc.enable()  # other commands end before it matters
    debug = click.get_current_context().find_root().obj["debug"]
    serve(make_settings(open_this_log, write=write, run=allow_run, debug=debug))
