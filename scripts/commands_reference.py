"""Print docs/reference/commands.md, made from the help of the commands themselves.

    python scripts/commands_reference.py > docs/reference/commands.md

tests/test_docs.py compares the page with what this prints.
"""  # noqa: INP001 - a folder of scripts, not a package

import sys
from collections.abc import Iterator

import click

from orglab.cli.main import orglab

WIDTH = 80
HEAD = """\
# Commands

<!-- Made by scripts/commands_reference.py: change the help in src/orglab/cli/, then run it. -->

What each command says with `--help`. What the commands have in common:

- An experiment or a step is named in any of these spellings: `201`, `e201`, `[e201]` for an
  experiment, `201.1`, `e201.1`, `[e201.1]` for a step.
- The log is found by itself: see [Settings](settings.md#which-log). `--log` and `--debug` may stand
  before or behind the name of the command.
- A text may begin with a dash. One that would be an option needs `--` before it: `orglab note 201 -- "--log"`.
- Where a text may be `-`, it is read from standard input.
- The result goes to standard output, and what is said beside it to standard error.
- [Exit codes](exit-codes.md) say how it ended. [JSON](json.md) describes what `--json` prints.
"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the help of orglab itself, then of each command, in the order people meet them."""
    yield from group_pages(orglab, orglab.make_context("orglab", [], resilient_parsing=True, terminal_width=WIDTH))


def group_pages(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the name and the help of a group, and then of each command in it."""
    yield context.command_path, group.get_help(context)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            raise LookupError(name)
        below = click.Context(command, info_name=name, parent=context, terminal_width=WIDTH)
        if isinstance(command, click.Group):
            yield from group_pages(command, below)
        else:
            yield below.command_path, command.get_help(below)


def reference() -> str:
    """Return the page."""
    sections = [f"## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in pages()]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    sys.stdout.write(reference())
