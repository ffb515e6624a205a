"""The log that a command works on, common options, and arguments that name experiments."""

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
from orglab.errors import OrglabError, UsageError
from orglab.experiment.author import VARIABLE, check_author

if TYPE_CHECKING:
    import io

    from click.shell_completion import CompletionItem

    from orglab.text import Tell

Command = TypeVar("Command", bound=Callable[..., Any])


def log_options(function: Command) -> Command:
    """Add `--log` and `--debug` to a command; they are also accepted before its name."""
    function = click.option("--debug", is_flag=True, expose_value=False, hidden=True)(function)
    return click.option(
        "--log", "log_file", metavar="FILE", callback=_remember, expose_value=False, help="The experiment log."
    )(function)


def _remember(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        # During shell completion the group has not run, so there is no object yet.
        ctx.find_root().ensure_object(dict)["log"] = value


def write_options(function: Command) -> Command:
    """Add `--json`, `--anyway`, `--log` and `--debug` to a command that writes."""
    return json_option(change_options(function))


def change_options(function: Command) -> Command:
    """Add `--anyway`, `--log` and `--debug` to a command that writes."""
    return log_options(anyway_option("Write even if an editor has unsaved changes in the log.")(function))


def anyway_option(description: str) -> Callable[[Command], Command]:
    """Return the option `--anyway` of a command, with what it writes in spite of."""
    return click.option("--anyway", is_flag=True, help=description)


def json_option(function: Command) -> Command:
    """Add `--json` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


author_option = click.option(
    "--as", "author", metavar="NAME",
    help="Who writes this, such as claude; ORGLAB_AUTHOR by default. A person needs no name.",
)  # fmt: skip


def signed_log(author: str | None, *, anyway: bool = False) -> Log:
    """Return the log as `this_log` does, for a command that marks what it writes.

    Args:
        author: The option `--as`.
        anyway: The option `--anyway`.

    Raises:
        UsageError: The author, or that of the environment, cannot be a name; before anything is written.
    """
    if name := author or os.environ.get(VARIABLE, "").strip():
        check_author(name)
    return this_log(anyway=anyway, author=author)


def this_log(*, anyway: bool = False, author: str | None = None) -> Log:
    """Return the log that the current command works on, with pending entries written to it."""
    log = open_this_log(output.tell, anyway=anyway, author=author)
    log.write_pending(output.tell)
    return log


def open_this_log(tell: "Tell | None", *, anyway: bool = False, author: str | None = None) -> Log:
    """Return the log that the current command works on; `tell` is that of `open_log`."""
    return find_opener()(tell, anyway=anyway, author=author)


def find_opener() -> Callable[..., Log]:
    """Return a function that does the same as `open_this_log`, also after the command's arguments are read."""
    given = click.get_current_context().find_root().obj["log"]

    def open_it(tell: "Tell | None", *, anyway: bool = False, author: str | None = None) -> Log:
        log = open_log(given, anyway=anyway, author=author, tell=tell)
        if given is None:
            log.path = Path(shorten_path(os.fspath(log.path)))
        return log

    return open_it


def read_text(text: str) -> str:
    """Return a text argument; `-` reads standard input."""
    if text != "-":
        return text
    # Read in pieces: one long read would not be interrupted by a Ctrl-C between two system calls.
    stream = cast("io.BufferedReader", sys.stdin.buffer)
    return b"".join(iter(lambda: stream.read1(1 << 16), b"")).decode("utf-8", "replace")


def split_reference(log: Log, words: tuple[str, ...], what: str) -> tuple[str | None, str]:
    """Return the reference and the text of `[REFERENCE] TEXT`; the reference is None if only a text is given.

    Args:
        log: The log.
        words: The arguments.
        what: The kind of text, for error messages: `note`, `conclusion`.

    Raises:
        UsageError: There are more arguments, or the only one is a reference.
    """
    if not words:
        raise UsageError(f"The text of the {what} is missing.")
    if len(words) > 2:  # noqa: PLR2004 - a reference and a text
        raise UsageError("Too many arguments; put the text in quotes.")
    if len(words) == 1 and log.is_reference(words[0]):
        raise UsageError(f"The text of the {what} for {words[0]} is missing.")
    return (words[0] if len(words) > 1 else None), words[-1]


class ReferenceType(click.ParamType[str]):
    """An experiment or step in any spelling; the shell completes it from the log."""

    name = "reference"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002
        """Return the experiments, or after a dot the steps, that begin with `incomplete`."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only needed for completion

        try:
            candidates = _completed_log(ctx).complete_reference(incomplete)
        except OrglabError:
            return []
        return [CompletionItem(name, help=output.clean(text)) for name, text in candidates]


REFERENCE = ReferenceType()


class KeywordType(click.ParamType[str]):
    """A TODO keyword of the log; the shell completes it."""

    name = "keyword"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002
        """Return the keywords that begin with what is typed."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only needed for completion

        try:
            return [CompletionItem(name) for name in _completed_log(ctx).complete_keyword(incomplete)]
        except OrglabError:
            return []


KEYWORD = KeywordType()


def _completed_log(ctx: click.Context) -> Log:
    """Return the log during shell completion, when the command itself has not run.

    Raises:
        OrglabError: There is no log.
    """
    root = ctx.find_root()
    return open_log((root.obj or {}).get("log") or root.params.get("log"))


# What looks like an option; any other word that begins with a dash is text.
_OPTION = r"-|--|-[A-Za-z]|--[A-Za-z][\w-]*(?:=.*)?"
# Cannot occur in an argument of a process.
_SHIELD = "\0"


class TextCommand(click.Command):
    """A command that takes texts, which may begin with a dash: `- like this` and `-5 %` are not options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a word that begins with a dash but does not look like an option is text."""
        shielded = [_SHIELD + arg if arg.startswith("-") and not _is_option(arg) else arg for arg in args]
        rest = super().parse_args(ctx, shielded)
        ctx.params = {name: _unshield(value) for name, value in ctx.params.items()}
        return rest


def _is_option(argument: str) -> bool:
    return re.fullmatch(_OPTION, argument, re.DOTALL) is not None


def _unshield(value: object) -> object:
    """Return an argument as the user typed it."""
    if isinstance(value, str):
        return value.removeprefix(_SHIELD)
    return tuple(map(_unshield, value)) if isinstance(value, tuple) else value
