"""Commands around merges: renumber, and merge-driver, which git calls."""

from pathlib import Path

import click

from orglab.cli.options import REFERENCE, tell, this_log, write_options
from orglab.cli.writing import show_state
from orglab.log.merge.driver import CONFLICT, merge_files


@click.command(name="renumber")
@click.argument("reference", type=REFERENCE)
@click.option("--to", "number", metavar="ID", help="Its new id; the next free number if not given.")
@write_options
def renumber_command(reference: str, number: str | None, *, anyway: bool) -> None:
    """Give an experiment another id; the old one stays as an alias, so that old references still find it.

    Of two experiments with one id, as a merge can leave them, the one further
    down gets the new id.

    \b
    Example:
      orglab renumber 205 --to 207
    """
    log = this_log(anyway=anyway)
    renumbered = log.renumber(reference, number)
    show_state(renumbered)
    tell(f"{log.spell(reference)} is an alias of {renumbered.ref} now, as far as no other experiment has that id.")


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
    merged = merge_files(Path(base), Path(ours), Path(theirs), size)
    for note in merged.notes:
        tell(f"{path or ours}: {note}")
    return CONFLICT if merged.conflicts else 0
