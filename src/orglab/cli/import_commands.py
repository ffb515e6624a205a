"""The command that makes entries of what others have written: import."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orglab.api import Log
from orglab.cli import output
from orglab.cli.options import this_log, write_options
from orglab.config import LOG_NAME
from orglab.errors import NotFoundError, UsageError
from orglab.text import count

if TYPE_CHECKING:
    from orglab.api.import_log import ImportedMarkdown, ImportedRuns


TRACKERS = ("mlflow", "wandb", "trackio", "dvc")
_PLACES = {"mlflow": "mlflow.db", "wandb": "wandb", "trackio": "study.db", "dvc": "."}


@click.command(name="import")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--from", "tracker", type=click.Choice(TRACKERS), help="Import the runs of a tracker instead.")
@click.option("-n", "--dry-run", is_flag=True, help="Write nothing; show what would be added.")
@write_options
def import_command(
    paths: tuple[str, ...], tracker: str | None, *, dry_run: bool, as_json: bool, anyway: bool
) -> None:  # fmt: skip
    """Add the experiments of Markdown files or of a tracker to the log, which is created if there is none.

    A heading of a Markdown file is an experiment if it has a number, as in
    "Experiment 12: Dropout", if it begins with a date, as in "2024-05-03 Dropout", or
    if it stands below a heading "Experiments". What has no counterpart in Org is kept
    as text, and listed with its line.

    With --from, the experiments of a tracker become experiments of the log, with
    their runs. PATH is what the tracker keeps: for mlflow its SQLite file or the
    folder mlruns, for wandb the folder wandb, for trackio the SQLite file of a project,
    and for dvc the repository, which is this one by default.

    What was imported before is left as it is: run the command again to add what is new.

    \b
    Example:
      orglab import notes.md
      orglab import --dry-run lab/*.md
      orglab import --from mlflow mlflow.db
    """
    if tracker is None:
        _import_markdown(paths, dry_run=dry_run, as_json=as_json, anyway=anyway)
    else:
        _import_runs(tracker, paths, dry_run=dry_run, as_json=as_json, anyway=anyway)


def _import_markdown(paths: tuple[str, ...], *, dry_run: bool, as_json: bool, anyway: bool) -> None:
    if not paths:
        raise UsageError("Name the files to import, such as notes.md.")
    log = _open_or_choose_log(anyway=anyway)
    imported = log.import_markdown(paths, dry_run=dry_run)
    if as_json:
        from orglab.api.serialize_import import markdown_form  # noqa: PLC0415 - only for JSON

        output.show_json(markdown_form(imported, is_dry_run=dry_run))
    else:
        _show_markdown(log, imported, dry_run=dry_run)


def _import_runs(tracker: str, paths: tuple[str, ...], *, dry_run: bool, as_json: bool, anyway: bool) -> None:
    if len(paths) > 1 or (not paths and tracker != "dvc"):
        raise UsageError(f"Name one file or folder of {tracker}, such as {_PLACES[tracker]}.")
    log = _open_or_choose_log(anyway=anyway)
    with output.progress_bar("Importing the runs") as update:
        imported = log.import_runs(tracker, paths[0] if paths else ".", output.tell, dry_run=dry_run, progress=update)
    if as_json:
        from orglab.api.serialize_import import runs_form  # noqa: PLC0415 - only for JSON

        output.show_json(runs_form(imported, is_dry_run=dry_run))
    else:
        _show_runs(log, imported, dry_run=dry_run)


def _show_runs(log: Log, imported: "ImportedRuns", *, dry_run: bool) -> None:
    """Print the experiments that got runs, and say what else there is to know."""
    for one in imported.experiments:
        title = output.one_line(one.title)
        if one.runs:
            click.echo(f"{one.ref or 'new'}  {count(len(one.runs), 'run')}  {title}")
        if one.going_on:
            output.tell(f"{title}: Not imported yet: {count(one.going_on, 'run')} without an end.")
        if one.own:
            output.tell(f"{title}: Not imported: {count(one.own, 'run')} that orglab recorded itself.")
    runs = sum(len(one.runs) for one in imported.experiments)
    known = sum(one.known for one in imported.experiments)
    added = sum(one.is_new for one in imported.experiments)
    begin = "Would add" if dry_run else f"Created {log.path}, and added" if imported.is_new_log and runs else "Added"
    end = f"; {known} were there already" if known > 1 else "; 1 was there already" if known else ""
    output.tell(f"{begin} {count(added, 'experiment')} and {count(runs, 'run')}{end}.")


def _open_or_choose_log(*, anyway: bool) -> Log:
    """Return the log; if there is none, the one that is to be created."""
    try:
        return this_log(anyway=anyway)
    except NotFoundError:
        from orglab.api.setup import choose_log  # noqa: PLC0415 - for a new log
        from orglab.log.removed_file import find_restore_command  # noqa: PLC0415 - the same

        chosen = choose_log(click.get_current_context().find_root().obj["log"], output.tell)
        path = chosen.path if chosen.is_certain else Path(LOG_NAME)
        if find_restore_command(path) is not None:
            raise  # git has it
        return Log(path, chosen.config, anyway=anyway)


def _show_markdown(log: Log, imported: "ImportedMarkdown", *, dry_run: bool) -> None:
    """Print the experiments that were added, and say what else there is to know."""
    for entry in imported.added:
        if entry.ref is not None:
            click.echo(f"{entry.ref}  {output.one_line(entry.file)}:{entry.line}  {output.one_line(entry.title)}")
    for entry in imported.entries:
        where = f"{entry.file}:{entry.line}"
        if entry.number is not None:
            output.tell(f"{where}: The number {entry.number} is taken, so this experiment is {entry.ref}.")
        if entry.status == "changed":
            output.tell(f"{where}: {entry.title} has changed since it was imported; the log was left as it is.")
    for one in imported.unplaced:
        output.tell(f"{one.file}:{one.line}: {one.text}")
    experiments = sum(entry.ref is not None for entry in imported.added)
    others = len(imported.added) - experiments
    known = sum(entry.status == "known" for entry in imported.entries)
    parts = [count(experiments, "experiment"), *([f"{count(others, 'other heading')}"] if others else [])]
    begin = "Would add" if dry_run else f"Created {log.path}, and added" if imported.is_new_log else "Added"
    end = f"; {known} were there already" if known > 1 else "; 1 was there already" if known else ""
    output.tell(f"{begin} {' and '.join(parts)}{end}.")
    if imported.is_new_log and not dry_run:
        output.tell("`orglab init` installs the git hooks.")
