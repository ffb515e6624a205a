"""Commands that maintain a log: check, renumber, and the merge driver that git calls."""

from pathlib import Path

import click

from orglab.api import Log
from orglab.api.setup import merge_versions
from orglab.cli import output
from orglab.cli.options import REFERENCE, this_log, write_options
from orglab.cli.output import tell
from orglab.cli.render.experiment_text import state_line
from orglab.errors import UsageError
from orglab.text import count


@click.command(name="check")
@click.option("--fix", is_flag=True, help="Fix what is safe to fix: missing ids, [x], stale cookies, moved hashes.")
@click.option("--restore", is_flag=True, help="Put back what git took out of the log, for example by a reset.")
@click.option("--forget", is_flag=True, help="Agree to what git took out of the log; it is no longer listed.")
@click.argument("reference", type=REFERENCE, required=False)
@write_options
def check_command(reference: str | None, *, fix: bool, restore: bool, forget: bool, as_json: bool, anyway: bool) -> int:
    """Find problems in the log, and name the command that fixes each.

    Prints one problem per line: file:line:column: code message. The exit code is 1
    if there are any. Commits that were discarded are no problem: --json lists them.
    REFERENCE narrows --restore and --forget to an experiment.

    \b
    Example:
      orglab check
      orglab check --fix
      orglab check --restore e2
    """
    if fix + restore + forget > 1:
        raise UsageError("Use one of --fix, --restore and --forget.")
    if reference is not None and not (restore or forget):
        raise UsageError("A reference is only for --restore and --forget; `orglab check` checks the whole log.")
    log = this_log(anyway=anyway)
    if restore or forget:
        return _settle_losses(log, reference, restore=restore, as_json=as_json)
    with output.progress_bar("Checking") as update:
        fixed, found = log.fix(update) if fix else ([], log.check(update))
    problems = [one for one in found if one.is_problem]
    if as_json:
        from orglab.api.serialize import diagnostics_form  # noqa: PLC0415 - only for JSON

        output.show_json(diagnostics_form(found, fixed))
        return int(bool(problems))
    from orglab.cli.render.check_text import diagnostic_lines  # noqa: PLC0415 - not for the merge driver

    if fixed:
        # Standard output is for the problems that remain, as without --fix.
        click.echo(
            "\n".join([*diagnostic_lines(fixed, with_remedies=False), f"Fixed {count(len(fixed), 'problem')}."]),
            err=True,
        )
    if problems:
        output.show(diagnostic_lines(problems))
        remain = "remains" if len(problems) == 1 else "remain"
        tell(f"{count(len(problems), 'problem')} {remain if fixed else 'found'}.")
    elif not fixed:
        tell("No problems found.")
    return int(bool(problems))


def _settle_losses(log: Log, reference: str | None, *, restore: bool, as_json: bool) -> int:
    """Restore or forget what git took out of the log, and print what that was."""
    parts = log.restore_losses(reference) if restore else log.forget_losses(reference)
    if as_json:
        output.show_json({"restored" if restore else "forgotten": [part._asdict() for part in parts]})
        return 0
    output.show([output.clean(f"{part.ref}  {part.kind}  {part.text}") for part in parts])
    tell(f"{'Restored' if restore else 'Forgot'} {count(len(parts), 'part')} of the log.")
    return 0


@click.command(name="renumber")
@click.argument("reference", type=REFERENCE)
@click.option("--to", "number", metavar="ID", help="The new id; the next free number by default.")
@write_options
def renumber_command(reference: str, number: str | None, *, as_json: bool, anyway: bool) -> None:
    """Change an experiment's id. The old id stays as an alias, so old references still work.

    If two experiments have the same id, as after a merge, the one that was created
    later is changed; if their dates do not tell, the one further down in the log.
    The commits and runs of each stay with it: they are told apart by branch, by
    author, and by what the log records.

    \b
    Example:
      orglab renumber 205 --to 207
    """
    log = this_log(anyway=anyway)
    experiment = log.renumber(reference, number)
    if as_json:
        from orglab.api.serialize import brief_experiment_form  # noqa: PLC0415 - only for JSON

        output.show_json({"experiment": brief_experiment_form(experiment)})
    else:
        click.echo(state_line(experiment))
    try:
        other = log.experiment(reference)
    except UsageError:
        return  # several experiments still have the old id, which `check` names
    where = (
        "still refers to it" if other.id == experiment.id else f"now refers only to the experiment in line {other.line}"
    )
    tell(f"{log.spell(reference)} {where}.")


@click.command(name="merge-driver", hidden=True)
@click.argument("base")
@click.argument("ours")
@click.argument("theirs")
@click.argument("size", type=int, default=7)
@click.argument("path", default="")
def merge_driver_command(base: str, ours: str, theirs: str, size: int, path: str) -> int:
    """Merge two versions of a log into the file OURS; git calls this as a merge driver (gitattributes(5)).

    The exit code is 6 if the result has conflict markers.

    \b
    Example:
      orglab merge-driver base.org ours.org theirs.org
    """
    from orglab.log.merge.driver import CONFLICT  # noqa: PLC0415 - not for the check

    merged = merge_versions(Path(base), Path(ours), Path(theirs), size)
    for note in merged.notes:
        tell(f"{path or ours}: {note}")
    return CONFLICT if merged.conflicts else 0
