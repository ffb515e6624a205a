"""Commands that set up: init, completion, hooks."""

import shlex

import click

from orglab.api import Log
from orglab.api.setup import choose_log
from orglab.cli import output
from orglab.cli.options import log_options, this_log
from orglab.cli.render.setup_text import adoption_lines, attached_lines, installed_lines, status_lines
from orglab.config import CONFIG_NAME, LOG_NAME
from orglab.errors import UsageError


@click.command(name="init")
@click.option("--config", "with_config", is_flag=True, help=f"Write {CONFIG_NAME} too, with every setting explained.")
@click.option("--no-hooks", is_flag=True, help="Leave git's hooks and its merge settings alone.")
@log_options
def init_command(*, with_config: bool, no_hooks: bool) -> None:
    """Make a log here; an existing one is adopted: it is read and reported on, and not changed.

    In a git repository the git hooks are installed (see `orglab hooks --help`),
    and git is told to merge the log by orglab.

    \b
    Example:
      orglab init
      orglab --log LabBook.org init --config
    """
    given = click.get_current_context().find_root().obj["log"]
    chosen = choose_log(given)
    log = Log(chosen.path, chosen.config)
    if not chosen.is_certain:
        output.show(adoption_lines(log, log.adopt()))
        click.echo()
        click.echo(output.clean(f"To keep it as the log:  orglab --log {shlex.quote(str(log.path))} init --config"))
        click.echo(f"To begin a new log:     orglab --log {LOG_NAME} init")
        return
    done = log.init(with_settings=with_config)
    if done.adoption is not None:
        output.show(adoption_lines(log, done.adoption))
    else:
        click.echo(f'Made {log.path}. Write down the first experiment: orglab new "TITLE" -s "FIRST STEP"')
    if done.settings is not None:
        click.echo(f"Made {done.settings}.")
    if not no_hooks:
        for line in attached_lines(log.attach()):
            click.echo(line)


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the script that completes commands, options and references in your shell.

    \b
    Example:
      orglab completion bash >> ~/.bashrc
      orglab completion zsh >> ~/.zshrc
      orglab completion fish > ~/.config/fish/completions/orglab.fish
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f"There is no completion for {shell}.")
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "orglab", "_ORGLAB_COMPLETE").source())


@click.group(name="hooks")
def hooks_command() -> None:
    """Install the git hooks, take them away, or say how they are.

    They never stop a commit because orglab is missing or broken.

    \b
    Example:
      orglab hooks install
      orglab hooks status
    """


@hooks_command.command(name="install", short_help="Install them beside those that are there.")
@log_options
def install_command() -> None:
    """Install the git hooks beside those that are there, which run as before.

    \b
    Example:
      orglab hooks install
    """
    output.show(installed_lines(this_log().install_hooks()))


@hooks_command.command(name="uninstall", short_help="Take them away again.")
@log_options
def uninstall_command() -> None:
    """Take the git hooks away, and put back what was there before.

    \b
    Example:
      orglab hooks uninstall
    """
    back = this_log().uninstall_hooks()
    click.echo("Took the git hooks away." + (f" Put back: {', '.join(back)}." if back else ""))


@hooks_command.command(name="status", short_help="Say how they are.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def status_command(*, as_json: bool) -> None:
    """Say how it stands with each hook, and whether the interpreter that they start is there.

    \b
    Example:
      orglab hooks status
    """
    status = this_log().hook_status()
    if as_json:
        from orglab.api.serialize import hooks_form  # noqa: PLC0415 - only for JSON

        output.show_json(hooks_form(status))
    else:
        output.show(status_lines(status))
