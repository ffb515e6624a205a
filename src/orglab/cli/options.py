"""What commands share: the log they are about, and arguments that name experiments."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from orglab.api import Log, open_log
from orglab.cli import output
from orglab.config import shorten_path
from orglab.errors import OrglabError

if TYPE_CHECKING:
    import io

    from click.shell_completion import CompletionItem

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
        log.path = Path(shorten_path(os.fspath(log.path)))
    log.tell_waiting(output.tell)
    return log


def typed_text(text: str) -> str:
    """Return the text of an argument; `-` reads standard input."""
    if text != "-":
        return text
    # Piece by piece: within one long read, a Ctrl-C that comes between two system calls is not heard.
    stream = cast("io.BufferedReader", sys.stdin.buffer)
    return b"".join(iter(lambda: stream.read1(1 << 16), b"")).decode("utf-8", "replace")


class ReferenceType(click.ParamType[str]):
    """An experiment or step, in any spelling; the shell completes it from the log."""

    name = "reference"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002
        """Return the experiments, or behind a dot the steps, that begin with what is typed."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only while the shell completes

        try:
            found = _completed_log(ctx).complete_reference(incomplete)
        except OrglabError:
            return []
        return [CompletionItem(name, help=output.clean(text)) for name, text in found]


REFERENCE = ReferenceType()


class KeywordType(click.ParamType[str]):
    """A TODO keyword of the log; the shell completes it."""

    name = "keyword"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002
        """Return the keywords that begin with what is typed."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - the same

        try:
            return [CompletionItem(name) for name in _completed_log(ctx).complete_keyword(incomplete)]
        except OrglabError:
            return []


KEYWORD = KeywordType()


def _completed_log(ctx: click.Context) -> Log:
    """Return the log that a command is about while the shell still completes it.

    Raises:
        OrglabError: There is none.
    """
    root = ctx.find_root()
    return open_log((root.obj or {}).get("log") or root.params.get("log"))


# What has the form of an option; other words that begin with a dash are text.
_OPTION = r"-|--|-[A-Za-z]|--[A-Za-z][\w-]*(?:=.*)?"
# No argument of a process can hold this.
_SHIELD = "\0"


class TextCommand(click.Command):
    """A command with texts among its arguments: `- like this` and `-5 %` are texts, not options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; what begins with a dash and has not the form of an option is a text."""
        shielded = [_SHIELD + arg if arg.startswith("-") and not _is_option(arg) else arg for arg in args]
        rest = super().parse_args(ctx, shielded)
        ctx.params = {name: _unshield(value) for name, value in ctx.params.items()}
        return rest


def _is_option(argument: str) -> bool:
    return re.fullmatch(_OPTION, argument, re.DOTALL) is not None


def _unshield(value: object) -> object:
    """Return an argument as it was typed."""
    if isinstance(value, str):
        return value.removeprefix(_SHIELD)
    return tuple(map(_unshield, value)) if isinstance(value, tuple) else value
