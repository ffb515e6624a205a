"""What commands share: the log they are about, and arguments that name experiments."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from orglab.api import Log, open_log
from orglab.cli import output
from orglab.cli.words import OPTION
from orglab.config import as_seen_from_here, find_log
from orglab.errors import OrglabError

Command = TypeVar("Command", bound=Callable[..., Any])


def log_options(function: Command) -> Command:
    """Give a command `--log` and `--debug`, which may stand before or behind its name."""
    function = click.option("--debug", is_flag=True, expose_value=False, hidden=True)(function)
    return click.option(
        "--log", "log_file", metavar="FILE", callback=_remember, expose_value=False, help="The experiment log."
    )(function)


def _remember(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        # While the shell completes, the group has not run, and there is no object yet.
        ctx.find_root().ensure_object(dict)["log"] = value


def write_options(function: Command) -> Command:
    """Give a command that writes `--anyway`, `--log` and `--debug`."""
    option = click.option("--anyway", is_flag=True, help="Write although an editor holds unsaved changes of the log.")
    return log_options(option(function))


def this_log(*, anyway: bool = False) -> Log:
    """Return the log that the current command is about."""
    given = click.get_current_context().find_root().obj["log"]
    log = open_log(given, anyway=anyway)
    if given is None:
        log.path = relative(log.path)
    log.tell_waiting(tell)
    return log


def tell(text: str) -> None:
    """Say something beside the result: on stderr, so that a script can use stdout."""
    click.echo(output.clean(text), err=True)


def relative(path: Path) -> Path:
    """Return a path as a person here would write it."""
    return Path(as_seen_from_here(os.fspath(path)))


class ReferenceType(click.ParamType[str]):
    """An experiment or step, in any spelling; the shell completes it from the log."""

    name = "reference"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Return the experiments, or behind a dot the steps, that begin with what is typed."""
        try:
            log = completed_log(ctx)
            experiments = log.experiments()
        except OrglabError:
            return []
        items = []
        for experiment in experiments:
            prefix = experiment.ref if incomplete.startswith(log.config.letter) else experiment.id
            if "." in incomplete and incomplete.startswith(f"{prefix}."):
                items += [
                    CompletionItem(f"{prefix}.{step.number}", help=output.clean(step.text)) for step in experiment.steps
                ]
            else:
                items.append(CompletionItem(prefix, help=output.clean(experiment.title)))
        return [item for item in items if item.value.startswith(incomplete)]


REFERENCE = ReferenceType()


class KeywordType(click.ParamType[str]):
    """A TODO keyword of the log; the shell completes it."""

    name = "keyword"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Return the keywords that begin with what is typed."""
        try:
            names = completed_log(ctx).document().settings.keywords
        except OrglabError:
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


KEYWORD = KeywordType()


def completed_log(ctx: click.Context) -> Log:
    """Return the log that a command is about while the shell still completes it.

    Raises:
        OrglabError: There is none.
    """
    root = ctx.find_root()
    path, config = find_log(Path(), (root.obj or {}).get("log") or root.params.get("log"))
    return Log(path, config)


# No argument of a process can hold this.
_SHIELD = "\0"


class TextCommand(click.Command):
    """A command with texts among its arguments: `- like this` and `-5 %` are texts, not options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; what begins with a dash and has not the form of an option is a text."""
        shielded = [_SHIELD + arg if arg.startswith("-") and not OPTION.fullmatch(arg) else arg for arg in args]
        rest = super().parse_args(ctx, shielded)
        ctx.params = {name: _unshield(value) for name, value in ctx.params.items()}
        return rest


def _unshield(value: object) -> object:
    """Return an argument as it was typed."""
    if isinstance(value, str):
        return value.removeprefix(_SHIELD)
    return tuple(map(_unshield, value)) if isinstance(value, tuple) else value
