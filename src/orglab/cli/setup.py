"""Commands that set up: init, completion."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from orglab.cli import output
from orglab.cli.checking import count
from orglab.cli.options import log_options, relative
from orglab.config import CONFIG_NAME, LOG_NAME, Config, find_log
from orglab.errors import NotFoundError, UsageError
from orglab.file import create
from orglab.log import Log, create_log
from orglab.model import read_id, tagged_headings

CONFIG_TEXT = """\
# Settings of orglab; what stands here is what it does without this file.
log = "{log}"
# journal = "journal.org"
# tag = "exp"                  # what makes a heading an experiment
# tags = ["@work", "exp"]      # the tags of a new one
# letter = "e"                 # [e201]
# id_property = "ID"           # or CUSTOM_ID
# notes = "Notes"
# steps = "Experiments"
# conclusions = "Conclusions"
"""


@click.command(name="init")
@click.option("--config", "with_config", is_flag=True, help=f"Write {CONFIG_NAME} too, with every setting explained.")
@log_options
def init_command(*, with_config: bool) -> None:
    """Make a log here; an existing one is adopted: it is read and reported on, and not changed.

    \b
    Example:
      orglab init
      orglab --log LabBook.org init --config
    """
    given = click.get_current_context().find_root().obj["log"]
    path, config = _chosen(given)
    if path is None:
        return
    if os.path.lexists(path):
        output.show(adoption_lines(Log(path, config)))
    else:
        create_log(path)
        click.echo(f'Made {path}. Write down the first experiment: orglab new "TITLE" -s "FIRST STEP"')
    if with_config:
        where = path.parent / CONFIG_NAME
        create(where, CONFIG_TEXT.format(log=path.name).encode())
        click.echo(f"Made {where}.")


def _chosen(given: str | None) -> tuple[Path | None, Config]:
    """Return the log to make or adopt: the one named, found, or new here.  None: there are others to choose from."""
    try:
        path, config = find_log(Path(), given)
        return (path if given else relative(path)), config
    except NotFoundError:
        pass
    others = sorted(path for path in Path().glob("*.org") if path.name.lower() not in ("readme.org", "journal.org"))
    if others:
        largest = max(others, key=lambda path: path.stat().st_size)
        output.show(adoption_lines(Log(largest)))
        click.echo(f"To keep it as the log:  orglab --log {largest} init --config")
        click.echo(f"To begin a new log:     orglab --log {LOG_NAME} init")
        return None, Config()
    return Path(LOG_NAME), Config()


def adoption_lines(log: Log) -> Iterator[str]:
    """Yield what is understood of an existing log, what is not, and what would make it so."""
    document = log.document()
    found = log.experiments()
    states = Counter(one.state or "no state" for one in found)
    yield output.clean(f"{log.path} is here already; it is not changed.")
    split = ", ".join(f"{number} {state}" for state, number in states.most_common())
    steps = sum(one.progress.total for one in found)
    yield f"  {count(len(document), 'heading')}, {count(len(found), 'experiment')}" + (f" ({split})" if split else "")
    if found:
        yield f"  {count(steps, 'step')}, {count(sum(len(one.notes) for one in found), 'note')}"
        yield f"  states: {output.clean(' '.join(document.settings.keywords))}"
    without = [heading for heading in tagged_headings(document, log.config.tag) if not read_id(heading, log.config)]
    if without:
        lines = ", ".join(str(heading.line_number) for heading in without[:5])
        yield f"  {count(len(without), 'heading')} with the tag {log.config.tag} but no id (line {lines}):"
        yield "    `orglab check --fix` gives each the next number"
    yield from _untagged(log)
    problems = Counter(diagnostic.code for diagnostic in log.check() if diagnostic.code != "no-id")
    if problems:
        listed = ", ".join(f"{number} {code}" for code, number in problems.most_common())
        yield f"  `orglab check` names {count(sum(problems.values()), 'thing')} to look at: {listed}"


def _untagged(log: Log) -> Iterator[str]:
    """Yield which headings look like experiments but do not carry the tag."""
    document, tag = log.document(), log.config.tag
    numbered = [
        one for one in document.headings() if tag not in one.tags and re.match(r"(?:\[\w+\]|<<\w+>>)\s", one.title)
    ]
    tops = [one for one in document.headings() if one.stars == 1 and tag not in one.tags]
    if numbered:
        first = numbered[0]
        many = count(len(numbered), "heading")
        yield f"  {many} with a number in the title but without the tag, such as line {first.line_number}:"
        yield f"    {output.clean(first.title)[:60]}"
        yield f"    add the tag :{tag}: to make it experiment {log.config.letter}{read_id(first, log.config)}"
    elif tops and not log.experiments():
        first = tops[0]
        yield f"  no heading carries the tag {tag}, so none is an experiment yet, such as line {first.line_number}:"
        yield f"    {output.clean(first.title)[:60]}"
        yield f"    add the tag :{tag}: to those that are, then `orglab check --fix` gives each an id"


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
