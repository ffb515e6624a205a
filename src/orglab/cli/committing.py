"""The command that commits the log: commit."""

import click

from orglab.cli import output
from orglab.cli.options import TextCommand, log_options, this_log
from orglab.log.commit_log import commit_log


@click.command(name="commit", cls=TextCommand)
@click.option("-m", "--message", metavar="TEXT", help="What to say; the references to what changed are put before it.")
@log_options
def commit_command(message: str | None) -> None:
    """Commit the log and the journal alone; whatever else is staged stays staged.

    The message says what changed, such as: [e201] log: step 1 done, 2 notes

    \b
    Example:
      orglab commit
      orglab commit -m "The plan for the second week"
    """
    done = commit_log(this_log(), message)
    if done is None:
        click.echo("The log has nothing to commit.", err=True)
        return
    click.echo(f"{done.commit}  {output.clean(done.message.partition(chr(10))[0])}")
