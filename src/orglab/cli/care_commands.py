"""Commands that look after a log: check, and the merge driver that git calls."""

from pathlib import Path

import click

from orglab.api.setup import merge_versions
from orglab.cli import output
from orglab.cli.options import this_log, write_options
from orglab.cli.output import tell
from orglab.text import count


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
    with output.progress_bar("Checking") as update:
        mended, found = log.fix(update) if fix else ([], log.check(update))
    if as_json:
        from orglab.api.serialize import diagnostics_form  # noqa: PLC0415 - only for JSON

        output.show_json(diagnostics_form(found, mended))
        return int(bool(found))
    from orglab.cli.render.check_text import diagnostic_lines  # noqa: PLC0415 - the merge driver needs none of it

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


@click.command(name="merge-driver", hidden=True)
@click.argument("base")
@click.argument("ours")
@click.argument("theirs")
@click.argument("size", type=int, default=7)
@click.argument("path", default="")
def merge_driver_command(base: str, ours: str, theirs: str, size: int, path: str) -> int:
    """Merge two versions of a log into the file OURS, as git asks a merge driver to (gitattributes(5)).

    Exit code 6 if it has conflict markers then.

    \b
    Example:
      orglab merge-driver base.org ours.org theirs.org
    """
    from orglab.log.merge.driver import CONFLICT  # noqa: PLC0415 - the check needs none of it

    merged = merge_versions(Path(base), Path(ours), Path(theirs), size)
    for note in merged.notes:
        tell(f"{path or ours}: {note}")
    return CONFLICT if merged.conflicts else 0
