"""Commands that write something down: new, step, note, journal, edit."""

import os
import sys

import click

from orglab.api import Log
from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, log_options, this_log, typed_text, write_options
from orglab.errors import NotFoundError, UsageError


@click.command(name="new", cls=TextCommand)
@click.argument("title")
@click.option("-d", "--description", metavar="TEXT", help="What it is to find out; - reads standard input.")
@click.option("-s", "--step", "steps", multiple=True, metavar="TEXT", help="A step; may be given several times.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be given several times.")
@click.option("--id", "number", metavar="ID", help="Its id; the next free number if not given.")
@click.option("--ask", is_flag=True, help="Where something like it was tried, ask before it is written.")
@write_options
def new_command(
    title: str,
    description: str | None,
    steps: tuple[str, ...],
    tags: tuple[str, ...],
    number: str | None,
    *,
    ask: bool,
    anyway: bool,
) -> int:
    """Write down a new experiment at the end of the log, and print its reference.

    Before that, up to three earlier experiments that tried the same are shown, on standard error.

    \b
    Example:
      orglab new "ABC in XYZ model" -d "Test if adding ABC to XYZ improves results." \\
        -s "Test XYZ without ABC" -s "Test XYZ with ABC" -t nlp
    """
    if ask and not sys.stdin.isatty():
        raise UsageError("--ask needs a terminal to ask on; leave it out, or see `orglab similar` first.")
    about = None if description is None else typed_text(description)
    log = this_log(anyway=anyway)
    found = _tried_before(log, title, about, steps) if ask or log.config.similar else []
    if found and ask and not click.confirm("Write it down all the same?", err=True):
        output.tell("Nothing was written.")
        return 1
    click.echo(log.new(title, description=about, steps=steps, tags=tags, number=number).ref)
    return 0


def _tried_before(log: Log, title: str, description: str | None, steps: tuple[str, ...]) -> list[str]:
    """Show earlier experiments that tried the same, on standard error, and return the lines."""
    try:
        from orglab.cli.render.likeness_text import precedent_lines  # noqa: PLC0415 - for one command of many

        with output.progress_bar("Reading") as update:
            found = log.similar_to_new(title, description or "", steps, progress=update)
        lines = list(precedent_lines(found))
    except Exception:  # noqa: BLE001 - whatever goes wrong with the warning must not keep anybody from writing
        return []
    if lines:
        click.echo("\n".join(["Tried before:", *(f"  {line}" for line in lines)]), err=True)
    return lines


@click.command(name="step", cls=TextCommand)
@click.argument("reference", type=REFERENCE)
@click.argument("text")
@write_options
def step_command(reference: str, text: str, *, anyway: bool) -> None:
    """Add a step at the end of an experiment's list, and print its reference.

    \b
    Example:
      orglab step 201 "Test XYZ with ABC, three seeds"
    """
    click.echo(this_log(anyway=anyway).add_step(reference, text).ref)


@click.command(name="note", cls=TextCommand)
@click.argument("reference", type=REFERENCE)
@click.argument("text")
@write_options
def note_command(reference: str, text: str, *, anyway: bool) -> None:
    """Note something under a step or under the experiment's Notes, with the time and the commit.

    TEXT may be - for standard input.

    \b
    Example:
      orglab note 201.1 "The loss explodes after 2k steps; clipping at 1.0 helps"
      tail -5 train.log | orglab note 201 -
    """
    log = this_log(anyway=anyway)
    note = log.add_note(reference, typed_text(text))
    at = note.at.isoformat().replace("T", " ") if note.at else ""
    ref = log.spell(reference)
    click.echo("  ".join(filter(None, (ref, "noted", at, note.commit or ""))))


@click.command(name="journal", cls=TextCommand)
@click.argument("words", nargs=-1, required=True, metavar="[REFERENCE] TEXT")
@write_options
def journal_command(words: tuple[str, ...], *, anyway: bool) -> None:
    """Write an entry under today in the journal, linked to an experiment if one is named.

    TEXT may be - for standard input.

    \b
    Example:
      orglab journal "Is the tokenizer the culprit?"
      orglab journal 201 "why the loss explodes"
    """
    if len(words) > 2:  # noqa: PLR2004 - a reference and a text
        raise UsageError("Put the text in quotes.")
    reference = words[0] if len(words) > 1 else None
    log = this_log(anyway=anyway)
    click.echo(log.add_journal_entry(typed_text(words[-1]), reference))


@click.command(name="edit")
@click.argument("reference", type=REFERENCE)
@log_options
def edit_command(reference: str) -> int:
    """Open the log in your editor (VISUAL, EDITOR) at the line of an experiment or step.

    \b
    Example:
      orglab edit 201.1
    """
    import subprocess  # noqa: PLC0415 - for this command alone

    log = this_log()
    command = _editor_command(str(log.path.absolute()), log.find_line(reference))
    return subprocess.run(command, check=False).returncode  # noqa: S603


def _editor_command(path: str, line: int) -> list[str]:
    """Return the command that opens a file at a line.

    Raises:
        NotFoundError: There is no editor.
    """
    import shlex  # noqa: PLC0415 - for this command alone
    import shutil  # noqa: PLC0415

    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    command = shlex.split(chosen) if chosen else [name for name in ("editor", "nano", "vi") if shutil.which(name)][:1]
    if not command or shutil.which(command[0]) is None:
        raise NotFoundError(
            f"There is no editor {command[0] if command else ''}; set EDITOR to yours.".replace(" ;", ";")
        )
    name = os.path.basename(command[0])  # noqa: PTH119 - a command, not a path of ours
    if name in ("code", "codium", "cursor"):
        return [*command, "--wait", "--goto", f"{path}:{line}"]
    if name in ("subl", "hx", "helix", "zed"):
        return [*command, f"{path}:{line}"]
    return [*command, f"+{line}", path]
