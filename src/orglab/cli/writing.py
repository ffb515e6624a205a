"""Commands that write: new, step, note, start, done, undo, conclude, state, journal, edit."""

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, cast

import click

from orglab.api import Log
from orglab.api.write import Completed
from orglab.cli import output
from orglab.cli.options import KEYWORD, REFERENCE, TextCommand, log_options, tell, this_log, write_options
from orglab.cli.page import step_lines
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.model import Experiment
from orglab.reference import parse_reference

if TYPE_CHECKING:
    import io

# How many of the files that are not committed are named.
_MOST_NAMED = 3


def text_from(text: str) -> str:
    """Return the text of an argument; `-` reads standard input."""
    if text != "-":
        return text
    # Piece by piece: within one long read, a Ctrl-C that comes between two system calls is not heard.
    stream = cast("io.BufferedReader", sys.stdin.buffer)
    return b"".join(iter(lambda: stream.read1(1 << 16), b"")).decode("utf-8", "replace")


def show_state(experiment: Experiment) -> None:
    """Print an experiment's reference, state and title."""
    click.echo(f"{experiment.ref}  {experiment.state or '-'}  {output.clean(experiment.title)}")


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
    about = None if description is None else text_from(description)
    log = this_log(anyway=anyway)
    found = _tried_before(log, title, about, steps) if ask or log.config.similar else []
    if found and ask and not click.confirm("Write it down all the same?", err=True):
        tell("Nothing was written.")
        return 1
    click.echo(log.new(title, description=about, steps=steps, tags=tags, number=number).ref)
    return 0


def _tried_before(log: Log, title: str, description: str | None, steps: tuple[str, ...]) -> list[str]:
    """Show earlier experiments that tried the same, on standard error, and return the lines."""
    try:
        from orglab.cli.likeness import precedent_lines  # noqa: PLC0415 - for one command of many
        from orglab.search.likeness import precedents_like  # noqa: PLC0415
        from orglab.search.similar.features import Record  # noqa: PLC0415

        with output.Bar("Reading") as bar:
            found = precedents_like(log, Record(title, description or "", steps), progress=bar.update)
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
    note = log.add_note(reference, text_from(text))
    at = note.at.isoformat().replace("T", " ") if note.at else ""
    ref = log.spell(reference)
    click.echo("  ".join(filter(None, (ref, "noted", at, note.commit or ""))))


@click.command(name="start")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--clear", is_flag=True, help="No step is the active one any more.")
@write_options
def start_command(reference: str | None, *, clear: bool, anyway: bool) -> None:
    """Begin to work: the experiment is in progress, and it or its step the active one of this clone.

    \b
    Example:
      orglab start 201.1
      orglab start --clear
    """
    log = this_log(anyway=anyway)
    if clear == (reference is not None):
        raise UsageError("Name the experiment or step to start, or give --clear.")
    if reference is None:
        log.active.set(None)
        return
    experiment = log.start(reference)
    show_state(experiment)
    if experiment.is_done or experiment.state is None:
        tell("The log has no keyword for work in progress, so the state stays; see its #+TODO line.")
    if (active := log.active.get()) == log.spell(reference):
        tell(f"{active} is the active one now.")
    else:
        tell("No file can be written for the active step, so it stays what it was.")


@click.command(name="done")
@click.argument("reference", type=REFERENCE)
@click.option(
    "-c", "--commit", "commits", multiple=True, metavar="REV", help="The commit with the results; may be repeated."
)
@click.option("--all-commits", is_flag=True, help="Every commit on HEAD that names the step, not only the newest.")
@click.option("--no-commit", is_flag=True, help="Record no commit.")
@click.option("--all", "all_boxes", is_flag=True, help="Tick the open boxes below the step too.")
@write_options
def done_command(
    reference: str, commits: tuple[str, ...], *, all_commits: bool, no_commit: bool, all_boxes: bool, anyway: bool
) -> None:
    """Tick a step, and write the commit of its results behind it.

    Without -c that is the newest commit whose message names the step, such as
    [e201.1], else HEAD.

    \b
    Example:
      orglab done 201.1
      orglab done 201.1 -c HEAD~1 -c 83d45cd
      orglab done 201.1 --all-commits
    """
    if bool(commits) + all_commits + no_commit > 1:
        other = "--all-commits" if all_commits else "-c"
        raise UsageError(f"Give {other} or {'--no-commit' if no_commit else '-c'}, not both.")
    given = list(commits) if commits else [] if no_commit else None
    done = this_log(anyway=anyway).complete_step(reference, given, all_commits=all_commits, all_boxes=all_boxes)
    output.show(step_lines(done.step, None))
    tell(_why(done))
    if done.uncommitted:
        first = ", ".join(done.uncommitted[:_MOST_NAMED])
        more = f" and {len(done.uncommitted) - _MOST_NAMED} more" if len(done.uncommitted) > _MOST_NAMED else ""
        tell(f"HEAD is recorded, but your changes to {first}{more} are not in it; if they belong to it, commit them.")


def _why(done: Completed) -> str:
    """Say which commit was recorded, and why that one."""
    hashes = ", ".join(done.commits)
    return {
        "given": f"{done.step.ref} done, with {hashes}.",
        "named": f"{done.step.ref} done, with {hashes}: {_which(done)} [{done.step.ref}].",
        "head": f"{done.step.ref} done, with {hashes}: HEAD, for no commit names [{done.step.ref}].",
        "none": f"{done.step.ref} done, without a commit.",
    }[done.why]


def _which(done: Completed) -> str:
    return "the newest commit that names" if len(done.commits) == 1 else f"the {len(done.commits)} commits that name"


@click.command(name="undo")
@click.argument("reference", type=REFERENCE)
@write_options
def undo_command(reference: str, *, anyway: bool) -> None:
    """Open a step again; its commits are kept.

    \b
    Example:
      orglab undo 201.1
    """
    output.show(step_lines(this_log(anyway=anyway).reopen_step(reference), None))


@click.command(name="conclude", cls=TextCommand)
@click.argument("reference", type=REFERENCE)
@click.argument("text")
@click.option("--verdict", metavar="WORD", help="supported, refuted, inconclusive, or your own word.")
@click.option(
    "--as",
    "keyword",
    type=KEYWORD,
    metavar="KEYWORD",
    help="The state afterwards, such as CANCELED; DONE if not given.",
)
@write_options
def conclude_command(reference: str, text: str, verdict: str | None, keyword: str | None, *, anyway: bool) -> None:
    """Write what came of an experiment under Conclusions, and close it.

    TEXT may be - for standard input.

    \b
    Example:
      orglab conclude 201 "ABC adds 1.2 points, beyond seed noise." --verdict supported
    """
    log = this_log(anyway=anyway)
    experiment = log.conclude(reference, text_from(text), verdict=verdict, keyword=keyword)
    show_state(experiment)
    left = experiment.progress.total - experiment.progress.done
    if left:
        tell(f"{left} step{' is' if left == 1 else 's are'} still open.")


@click.command(name="state", cls=TextCommand)
@click.argument("reference", type=REFERENCE)
@click.argument("keyword", type=KEYWORD)
@click.option("-m", "--message", "note", metavar="NOTE", help="Why.")
@write_options
def state_command(reference: str, keyword: str, note: str | None, *, anyway: bool) -> None:
    """Set an experiment's state, logged as the file asks.

    \b
    Example:
      orglab state 201 WAIT -m "The cluster is down until Monday"
    """
    if parse_reference(reference).step is not None:
        raise UsageError("A step has no state; `orglab done` and `orglab undo` set its box.")
    show_state(this_log(anyway=anyway).set_state(reference, keyword, note))


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
    click.echo(log.add_journal_entry(text_from(words[-1]), reference))


@click.command(name="edit")
@click.argument("reference", type=REFERENCE)
@log_options
def edit_command(reference: str) -> int:
    """Open the log in your editor (VISUAL, EDITOR) at the line of an experiment or step.

    \b
    Example:
      orglab edit 201.1
    """
    log = this_log()
    is_step = parse_reference(reference).step is not None
    line = log.step(reference).line if is_step else log.experiment(reference).line
    return subprocess.run(editor_command(str(log.path.absolute()), line), check=False).returncode  # noqa: S603


def editor_command(path: str, line: int) -> list[str]:
    """Return the command that opens a file at a line.

    Raises:
        NotFoundError: There is no editor.
    """
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
