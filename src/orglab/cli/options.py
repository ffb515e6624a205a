"""What commands share: the log they are about, and arguments that name experiments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from orglab.config import find_log
from orglab.errors import OrglabError
from orglab.log import Log, open_log

Command = TypeVar("Command", bound=Callable[..., Any])


def log_options(function: Command) -> Command:
    """Give a command `--log` and `--debug`, which may stand before or behind its name."""
    function = click.option("--debug", is_flag=True, expose_value=False, hidden=True)(function)
    return click.option(
        "--log", "log_file", metavar="FILE", callback=_remember, expose_value=False, help="The experiment log."
    )(function)


def _remember(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.find_root().obj["log"] = value


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
    return log


def relative(path: Path) -> Path:
    """Return a path as a person here would write it."""
    import os.path  # noqa: PLC0415

    shorter = Path(os.path.relpath(path))
    return shorter if len(shorter.parts) <= len(path.parts) else path


class ReferenceType(click.ParamType[str]):
    """An experiment or step, in any spelling; the shell completes it from the log."""

    name = "reference"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Return the experiments, or behind a dot the steps, that begin with what is typed."""
        try:
            path, config = find_log(Path())
            experiments = Log(path, config).experiments()
        except OrglabError:
            return []
        items = []
        for experiment in experiments:
            prefix = experiment.ref if incomplete.startswith(config.letter) else experiment.id
            if "." in incomplete and incomplete.startswith(f"{prefix}."):
                items += [CompletionItem(f"{prefix}.{step.number}", help=step.text) for step in experiment.steps]
            else:
                items.append(CompletionItem(prefix, help=experiment.title))
        return [item for item in items if item.value.startswith(incomplete)]


REFERENCE = ReferenceType()
