"""Commands that set up: setup (git, shell, agent, editor), and help."""

from typing import TYPE_CHECKING

import click

from orglab.cli import output
from orglab.cli.options import json_option, log_options, this_log
from orglab.errors import UsageError
from orglab.text import listed

if TYPE_CHECKING:
    from orglab.api import Log


@click.command(name="help")
@click.argument("names", nargs=-1, metavar="[COMMAND]")
def help_command(names: tuple[str, ...]) -> None:
    """Show the help of a command, as --help does.

    \b
    Example:
      orglab help run
    """
    ctx = click.get_current_context().find_root()
    command: click.Command = ctx.command
    for name in names:
        subcommand = command.get_command(ctx, name) if isinstance(command, click.Group) else None
        if subcommand is None:
            from orglab.cli.main import describe_unknown  # noqa: PLC0415 - the group imports this module late

            known = command.list_commands(ctx) if isinstance(command, click.Group) else []
            raise UsageError(describe_unknown(name, known, ctx.command_path))
        ctx, command = click.Context(subcommand, info_name=name, parent=ctx), subcommand
    click.echo(command.get_help(ctx))


@click.group(name="setup")
def setup_command() -> None:
    """Connect orglab with git, your shell, coding agents and editors, show what is set up, or remove it.

    \b
    Example:
      orglab setup git
      orglab setup shell
      orglab setup agent
      orglab setup editor neovim
      orglab setup git --remove
    """


@setup_command.command(name="git", short_help="Install the git hooks and the merge driver.")
@click.option("--status", is_flag=True, help="Show the state of each hook.")
@click.option("--remove", is_flag=True, help="Remove both from this clone, and restore earlier hooks.")
@json_option
@log_options
def git_command(*, status: bool, remove: bool, as_json: bool) -> None:
    """Install the git hooks, and make orglab git's merge driver for the log. `orglab init` does this too.

    The hooks add the active step to commit messages, check references, and keep the
    log out of commits of other files, as hooks.separate says. Existing hooks keep
    running. No hook ever stops a commit because orglab is missing or fails.

    \b
    Example:
      orglab setup git
      orglab setup git --status
    """
    if status and remove:
        raise UsageError("Use --status or --remove, not both.")
    log = this_log()
    if status:
        _show_hooks(log, as_json=as_json)
    elif remove:
        restored = log.detach()
        if as_json:
            output.show_json({"restored": restored})
        else:
            output.say(
                "Removed the git hooks and the merge driver."
                + (f" Restored: {', '.join(restored)}." if restored else "")
            )
    else:
        _install_hooks(log, as_json=as_json)


def _show_hooks(log: "Log", *, as_json: bool) -> None:
    """Print the state of each git hook."""
    hooks = log.hook_status()
    if as_json:
        from orglab.api.serialize import hooks_form  # noqa: PLC0415 - only for JSON

        output.show_json(hooks_form(hooks))
    else:
        from orglab.cli.render.setup_text import hook_status_lines  # noqa: PLC0415 - for one way of one command

        output.show(hook_status_lines(hooks))


def _install_hooks(log: "Log", *, as_json: bool) -> None:
    """Install the git hooks and the merge driver, and print what was done."""
    installed = log.install_hooks()
    changed = log.attach().changed
    if as_json:
        from orglab.api.serialize import hooks_form  # noqa: PLC0415 - only for JSON

        output.show_json({**hooks_form(log.hook_status()), "changed": [str(path) for path in changed]})
        return
    from orglab.cli.render.setup_text import changed_lines, installed_lines  # noqa: PLC0415 - for one way of one command

    output.show([*installed_lines(installed), *changed_lines(changed)])


@setup_command.command(name="shell", short_help="Install completion for your shell, and the manual.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), required=False)
@click.option("--remove", is_flag=True, help="Remove the completion and the manual.")
@click.option("--print", "only_print", is_flag=True, help="Print the completion script, and install nothing.")
@json_option
def shell_command(shell: str | None, *, remove: bool, only_print: bool, as_json: bool) -> None:
    """Install completion of commands, options and references for your shell, and pages of the manual.

    Without an argument, the shell is the one in the variable SHELL. For bash and zsh, a marked block is added at
    the end of .bashrc or .zshrc; fish gets a file of its own. The manual, with pages such as orglab(1) and
    orglab-run(1), is written to ~/.local/share/man or XDG_DATA_HOME; do this again after an update.

    \b
    Example:
      orglab setup shell
      orglab setup shell zsh --remove
    """
    from orglab.cli import shell_setup  # noqa: PLC0415 - for one command of several

    name = shell or shell_setup.find_shell()
    if only_print:
        click.echo(shell_setup.make_script(name))
        return
    from orglab.cli import man_pages  # noqa: PLC0415 - for one command of several

    root = click.get_current_context().find_root().command
    path, is_changed = shell_setup.remove(name) if remove else shell_setup.install(name)
    folder, is_manual_changed = man_pages.remove() if remove else man_pages.install(root)
    if as_json:
        manual = {"man_folder": str(folder), "man_changed": is_manual_changed}
        output.show_json({"shell": name, "file": str(path), "changed": is_changed, **manual})
    elif remove:
        output.say(f"Removed the completion from {path}." if is_changed else f"No completion is installed in {path}.")
        if is_manual_changed:
            output.say(f"Removed the manual from {folder}.")
    else:
        output.say(
            f"Installed completion for {name} in {path}; open a new shell to use it."
            if is_changed
            else f"Completion for {name} is already installed in {path}."
        )
        if is_manual_changed:
            output.say(f"Wrote the manual to {folder}; `man orglab` shows it.")


@setup_command.command(name="agent", short_help="Tell coding agents how to use orglab here.")
@click.option("--remove", is_flag=True, help="Remove the skill file and the lines.")
@json_option
@log_options
def agent_command(*, remove: bool, as_json: bool) -> None:
    """Write a skill file for coding agents, and three lines in AGENTS.md that name it.

    The skill file, .agents/skills/orglab/SKILL.md, says when to use which command. The
    lines are also added to CLAUDE.md, if there is one; nothing else in these files
    changes. Commit them, so that agents of others know orglab, too.

    \b
    Example:
      orglab setup agent
      orglab setup agent --remove
    """
    from orglab.cli import agent_setup  # noqa: PLC0415 - for one command of several

    log = this_log()
    changed = (agent_setup.remove if remove else agent_setup.install)(log.top, log.repository)
    names = [path.relative_to(log.top).as_posix() for path in changed]
    if as_json:
        output.show_json({"changed": names})
    elif remove:
        output.say(f"Removed orglab from {listed(names)}." if names else "Nothing is set up for agents.")
    else:
        output.say(f"Wrote {listed(names)}." if names else "Everything is already set up for agents.")


@setup_command.command(name="editor", short_help="Print the configuration of an editor for `orglab lsp`.")
@click.argument("editor", required=False)
@json_option
def editor_command(editor: str | None, *, as_json: bool) -> None:
    """Print what to write in the settings of an editor, so that it starts `orglab lsp`.

    EDITOR is emacs, helix, neovim or vscode; without it, they are listed. The first line
    says in which file the text belongs. Nothing is written.

    \b
    Example:
      orglab setup editor neovim
    """
    from orglab.cli.editor_setup import EDITORS, read_snippet  # noqa: PLC0415 - for one command of several

    if editor is None:
        if as_json:
            output.show_json({"editors": [*EDITORS]})
        else:
            output.show([f"{name:8}{title}" for name, title in EDITORS.items()])
        return
    snippet = read_snippet(editor)
    if as_json:
        output.show_json({"editor": editor, "snippet": snippet})
    else:
        click.echo(snippet, nl=False)
