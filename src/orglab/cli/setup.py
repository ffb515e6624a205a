"""Commands that set up: init, completion."""

import os
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from orglab.api import Log
from orglab.api.setup import create_log, create_settings
from orglab.cli import output, page
from orglab.cli.hooking import install_hooks, installed_lines
from orglab.cli.options import log_options, relative
from orglab.cli.page import count
from orglab.config import CONFIG_NAME, LOG_NAME, Config, find_log
from orglab.errors import NotFoundError, NotWritableError, UsageError
from orglab.experiment.adopt import Adoption
from orglab.experiment.diagnostic import CODES
from orglab.git import find_repository, is_installed
from orglab.git.hook_install import find_place
from orglab.log.merge.driver import install_merge_driver

_NO_LOGS = ("readme.org", "journal.org")


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
    path, config = _chosen(given)
    if path is None:
        return
    where = path.parent / CONFIG_NAME
    if with_config and os.path.lexists(where):
        raise NotWritableError(f"{where} is here already, so it is left as it is; edit it.")
    if os.path.lexists(path):
        output.show(adoption_lines(Log(path, config)))
    else:
        create_log(path)
        click.echo(f'Made {path}. Write down the first experiment: orglab new "TITLE" -s "FIRST STEP"')
    if with_config:
        create_settings(where, path)
        click.echo(f"Made {where}.")
    if not no_hooks:
        for line in (*_hooks(Log(path, config)), *_merge_driver(Log(path, config))):
            click.echo(line)


def _hooks(log: Log) -> Iterator[str]:
    """Install the git hooks if the log is in a repository whose hooks are its own, and yield what was done."""
    repository = find_repository(Path(os.path.realpath(log.path)).parent)
    if repository is None or not is_installed():
        return
    place = find_place(repository)
    if place.is_ours:
        done = install_hooks(log, repository)
        yield from installed_lines(done) if done.is_new else ()
    else:
        yield "The git hooks were not installed, for others write them here: see `orglab hooks install`."


def _merge_driver(log: Log) -> Iterator[str]:
    """Tell git to merge the log by orglab, and yield which file says so if that is new."""
    if is_installed():
        for made in install_merge_driver(log):
            yield f"Git merges the log by orglab: commit {made} too."


def _chosen(given: str | None) -> tuple[Path | None, Config]:
    """Return the log to make or adopt: the one named, found, or new here.  None: there are others to choose from."""
    try:
        path, config = find_log(Path(), given)
        return (path if given else relative(path)), config
    except NotFoundError:
        pass
    others = sorted(path for path in Path().glob("*.org") if path.name.lower() not in _NO_LOGS and path.is_file())
    if others:
        largest = max(others, key=lambda path: path.stat().st_size)
        output.show(adoption_lines(Log(largest)))
        click.echo()
        click.echo(output.clean(f"To keep it as the log:  orglab --log {shlex.quote(str(largest))} init --config"))
        click.echo(f"To begin a new log:     orglab --log {LOG_NAME} init")
        return None, Config()
    return Path(LOG_NAME), Config()


def adoption_lines(log: Log) -> Iterator[str]:
    """Yield what is understood of an existing log, what is not, and what would make it so."""
    found = log.adopt()
    yield output.clean(f"{log.path} is here already; nothing was changed.")
    yield ""
    yield output.paint("Understood", bold=True)
    yield from _understood(found)
    if found.nameless or found.candidates:
        yield ""
        yield output.paint("Could be experiments" if not found.experiments else "Could be experiments too", bold=True)
        yield from _possible(found, log)
    yield ""
    yield output.paint("Not understood", bold=True)
    for code, number in Counter(one.code for one in found.diagnostics).most_common():
        yield from output.wrap(CODES[code], "    ", f"  {number} {code}: ")
    yield (
        "  `orglab check` names each with its line."
        if found.diagnostics
        else "  Nothing. (`orglab check` asks git too.)"
    )


def _understood(found: Adoption) -> Iterator[str]:
    """Yield the counts of headings, states, experiments and what they hold."""
    document, experiments = found.document, found.experiments
    levels = len({heading.level for heading in document.headings()})
    yield f"  {count(len(document), 'heading')}" + (f" on {count(levels, 'level')}" if len(document) else "")
    settings = document.settings
    words = f"{' '.join(settings.todo_names)} | {' '.join(settings.done_names)}"
    used = Counter(heading.state for heading in document.headings() if heading.state is not None)
    listed = ", ".join(f"{number} {state}" for state, number in used.most_common()) or "none in use"
    yield from output.wrap(f"states {words}: {listed}", "    ", "  ")
    if not experiments:
        yield "  no experiments"
        return
    progress = [one.progress for one in experiments]
    notes = sum(len(one.notes) + sum(len(step.notes) for step in one.steps) for one in experiments)
    times = sorted(one.created.when.date().isoformat() for one in experiments if one.created)
    parts = [
        f"{count(len(experiments), 'experiment')}, {experiments[0].ref} to {experiments[-1].ref}",
        f"{count(sum(one.total for one in progress), 'step')}, {sum(one.done for one in progress)} of them done",
        count(notes, "note"),
        count(sum(bool(one.conclusion.text) for one in experiments), "conclusion"),
        f"from {times[0]} to {times[-1]}" if times else "no times",
    ]
    yield from output.wrap("; ".join(parts), "    ", "  ")


def _possible(found: Adoption, log: Log) -> Iterator[str]:
    """Yield which headings could be experiments, and what would make them so."""
    tag, free = log.config.tag, found.free_number
    if found.nameless:
        lines = ", ".join(str(heading.line_number) for heading in found.nameless[:5])
        more = ", ..." if len(found.nameless) > 5 else ""  # noqa: PLR2004 - enough to see which
        many = count(len(found.nameless), "heading")
        yield from output.wrap(f"{many} with the tag :{tag}: but without an id, line {lines}{more}:", "    ", "  ")
        yield from output.wrap(f"`orglab check --fix` makes them {log.config.letter}{free} and following", "    ")
    for candidates in found.candidates:
        first, one = candidates.headings[0], candidates.example
        many = count(len(candidates.headings), "heading")
        yield from output.wrap(f"{many} {candidates.why}, such as line {first.line_number}:", "    ", "  ")
        yield "      " + output.fit(output.clean(f"{one.state or ''} {one.title}".strip()), 66).rstrip()
        facts = [count(one.progress.total, "step"), count(len(one.notes), "note")]
        facts.append(f"created {page.when(one.created)}" if one.created else "no time")
        facts.append(f"described as: {one.description[:60]}" if one.description else "no description")
        yield from output.wrap(f"would be {log.config.letter}{one.id or free}; {', '.join(facts)}", "    ")
    if found.candidates:
        text = f"To make a heading an experiment, write :{tag}: behind its title; `orglab check --fix` gives it an id."
        yield from output.wrap(text, "  ")


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
