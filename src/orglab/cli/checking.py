"""The command that says what is wrong: check."""

from collections.abc import Iterable

import click

from orglab.api.serialize import diagnostic_form, render
from orglab.cli import output
from orglab.cli.options import this_log, write_options
from orglab.cli.page import count
from orglab.experiment.diagnostic import Diagnostic


@click.command(name="check")
@click.option("--fix", is_flag=True, help="Mend what is safe: missing ids, [x], stale cookies, moved hashes.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@write_options
def check_command(*, fix: bool, as_json: bool, anyway: bool) -> int:
    """Say what is wrong in the log, a line each: file:line:column: code message.

    Exit code 1 if there is something to report.

    \b
    Example:
      orglab check
      orglab check --fix
    """
    log = this_log(anyway=anyway)
    mended: list[Diagnostic] = []
    with output.Bar("Checking") as bar:
        if fix:
            mended, found = log.fix(bar.update)
        else:
            found = log.check(bar.update)
    if as_json:
        form = {
            "diagnostics": [diagnostic_form(one) for one in found],
            "fixed": [diagnostic_form(one) for one in mended],
        }
        output.show([render(form)])
        return int(bool(found))
    if mended:
        # On standard output stands what is left, as without --fix.
        click.echo("\n".join([*diagnostic_lines(mended), f"Mended {count(len(mended), 'thing')}."]), err=True)
    if found:
        output.show(diagnostic_lines(found))
        fixable = sum(bool(one.fix) for one in found)
        more = f"; `orglab check --fix` mends {fixable}" if fixable else ""
        click.echo(f"{count(len(found), 'thing')} to look at{more}.", err=True)
    elif not mended:
        click.echo("Nothing to report.", err=True)
    return int(bool(found))


def diagnostic_lines(found: Iterable[Diagnostic]) -> list[str]:
    """Return a line for each diagnostic."""
    return [
        f"{output.clean(one.file)}:{one.line}:{one.column}: "
        f"{output.paint(one.code, state='dropped' if one.is_error else 'doing')} {output.clean(one.message)}"
        for one in found
    ]
