"""Commands that write: new, step, note, journal, edit."""

import os
import sys
from typing import TYPE_CHECKING, Literal

import click

from orglab.api import Log
from orglab.cli import output
from orglab.cli.options import (
    REFERENCE,
    TextCommand,
    anyway_option,
    author_option,
    json_option,
    log_options,
    read_text,
    signed_log,
    split_reference,
    this_log,
    write_options,
)
from orglab.cli.output import tell
from orglab.errors import NotFoundError, TriedBeforeError, UsageError
from orglab.experiment.author import describe_author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orglab.experiment.model import Experiment
    from orglab.search.similar.precedent import Precedent


@click.command(name="new", cls=TextCommand)
@click.argument("title")
@click.option("-d", "--description", metavar="TEXT", help="The question or hypothesis; - reads standard input.")
@click.option("-s", "--step", "steps", multiple=True, metavar="TEXT", help="A step; may be repeated.")
@click.option("--claim", metavar="CLAIM",
              help="What you expect, in numbers: 'acc > +0.01' is more than the baseline.")  # fmt: skip
@click.option("-t", "--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be repeated.")
@click.option("--below", metavar="TITLE",
              help="The heading to add it below; by default that which the last experiment is below.")  # fmt: skip
@click.option("--id", "number", metavar="ID", help="Its id; the next free number by default.")
@click.option("--run", metavar="RUN", help="A run that belongs to it; see `orglab runs assign`.")
@click.option("--ask", is_flag=True, help="If the idea was surely tried before, ask whether to go on.")
@click.option("--gate", is_flag=True, help="If the idea was surely tried before, write nothing and exit with 7.")
@click.option("-m", "--message", "why", metavar="WHY",
              help="Why it is tried again; noted with the experiments that tried it before.")  # fmt: skip
@author_option
@anyway_option("Go on in spite of --gate, and of unsaved changes in an editor.")
@json_option
@log_options
def new_command(  # noqa: PLR0913 - one for each option
    title: str, description: str | None, steps: tuple[str, ...], tags: tuple[str, ...], number: str | None,
    run: str | None, *, claim: str | None, below: str | None, ask: bool, gate: bool, why: str | None,
    author: str | None, as_json: bool, anyway: bool,
) -> int:  # fmt: skip
    """Add an experiment to the log, make it the active one, and print its reference.

    It goes to the end of the section that the last experiment is in. If that is a
    day, it goes below today's date.

    If earlier experiments surely tried the same idea, up to three of them are shown first, on standard error.

    With --gate, nothing is written if there are any: they are printed, and the
    exit code is 7. With --anyway -m WHY, the experiment is
    added, with a note that names them, unless one with the same title is still
    open.

    \b
    Example:
      orglab new "ABC in XYZ model" -d "Test if adding ABC to XYZ improves results." \\
        -s "Test XYZ without ABC" -s "Test XYZ with ABC" -t nlp
      orglab new "Deep supervision" --gate --json
      orglab new "Deep supervision" --gate --anyway -m "Now with ten times the data"
    """
    if ask and gate:
        raise UsageError("Use --ask or --gate, not both.")
    if ask and not sys.stdin.isatty():
        raise UsageError("--ask needs a terminal; use --gate, or leave it out.")
    about = None if description is None else read_text(description)
    log = signed_log(author, anyway=anyway)
    run_id = log.find_run(run).id if run is not None else None
    is_searched = ask or gate or log.config.similar
    precedents = _find_precedents(log, title, about, steps, is_gate=gate) if is_searched else []
    is_reasoned = anyway and why is not None
    if gate and precedents and not is_reasoned:
        return _refuse(log, precedents, as_json=as_json)
    if precedents and ask:
        click.echo(_describe_precedents(log, precedents), err=True)
        if not click.confirm("Add the experiment anyway?", err=True):
            output.tell("Nothing was written.")
            return 1
    note = _note_reason(why, precedents, is_searched=is_searched) if why is not None else None
    try:
        unless: Literal["tried", "open"] | None = ("open" if is_reasoned else "tried") if gate else None
        experiment = log.new(
            title, description=about, steps=steps, tags=tags, number=number, note=note, claim=claim, below=below,
            unless=unless,
        )  # fmt: skip
    except TriedBeforeError as error:
        # It is being tried, or another process has added it since we looked.
        return _refuse(log, error.precedents, as_json=as_json, is_open=is_reasoned)
    if run_id is not None:
        log.assign_run(run_id, experiment.ref, output.tell)
    if as_json:
        output.show_json(_tried_before_form(log, precedents, experiment))
    else:
        if precedents and not ask:
            click.echo(_describe_precedents(log, precedents), err=True)
        click.echo(experiment.ref)
    return 0


def _refuse(log: Log, precedents: "Sequence[Precedent]", *, as_json: bool, is_open: bool = False) -> int:
    """Print the experiments that tried an idea before, or try it now (`is_open`), and return the exit code."""
    if as_json:
        output.show_json(_tried_before_form(log, precedents, None))
    else:
        click.echo(_describe_precedents(log, precedents))
    hint = f"{precedents[0].ref} is still open: go on with it" if is_open else "to try it again, use --anyway -m WHY"
    tell(f"Nothing was written; {hint}.")
    return TriedBeforeError.exit_code


def _note_reason(why: str, precedents: "Sequence[Precedent]", *, is_searched: bool) -> str | None:
    """Return the note that says why an idea is tried again; None, with a message, if it was never tried."""
    if precedents:
        return f"Tried before in {', '.join(f'[{one.ref}]' for one in precedents)}: {why}"
    if is_searched:
        tell("The idea was not surely tried before, so the reason is not noted.")
        return None
    return f"Tried again: {why}"


def _tried_before_form(
    log: Log, precedents: "Sequence[Precedent]", experiment: "Experiment | None"
) -> dict[str, object]:
    """Return the new experiment, if there is one, and those that tried its idea before, as in `new --json`."""
    from orglab.api.serialize import brief_experiment_form  # noqa: PLC0415 - only for JSON
    from orglab.api.serialize_runs import tried_before_form  # noqa: PLC0415 - the same

    return {
        "experiment": brief_experiment_form(experiment) if experiment is not None else None,
        "tried_before": tried_before_form(precedents, log.results(one.ref for one in precedents)),
    }


def _describe_precedents(log: Log, precedents: "Sequence[Precedent]") -> str:
    """Return experiments that tried an idea before, and their results, as text."""
    from orglab.cli.render.similarity_text import precedent_lines  # noqa: PLC0415 - for one command of several

    return "\n".join(precedent_lines("Tried before", precedents, log.results(one.ref for one in precedents)))


def _find_precedents(
    log: Log, title: str, description: str | None, steps: tuple[str, ...], *, is_gate: bool
) -> "list[Precedent]":
    """Return earlier experiments that surely tried the same; without a gate, none if the search fails."""
    try:
        with output.progress_bar("Indexing the log") as update:
            return log.similar_to_new(title, description or "", steps, progress=update)
    except Exception:
        if is_gate:
            raise
        # The experiment is added even if the search fails.
        return []


@click.command(name="step", cls=TextCommand)
@click.argument("words", nargs=-1, type=REFERENCE, metavar="[REFERENCE] TEXT")
@write_options
def step_command(words: tuple[str, ...], *, as_json: bool, anyway: bool) -> None:
    """Add a step to an experiment, and print its reference.

    Without REFERENCE, it is added to the active experiment.

    \b
    Example:
      orglab step "Test XYZ with ABC, three seeds"
      orglab step 201 "Test XYZ without ABC"
    """
    log = this_log(anyway=anyway)
    reference, text = split_reference(log, words, "step")
    step = log.add_step(reference or log.require_active().partition(".")[0], read_text(text))
    if as_json:
        from orglab.api.serialize import step_form  # noqa: PLC0415 - only for JSON

        output.show_json(step_form(step))
    else:
        click.echo(step.ref)


@click.command(name="note", cls=TextCommand)
@click.argument("words", nargs=-1, type=REFERENCE, metavar="[REFERENCE] TEXT")
@click.option("-c", "--commit", metavar="REV", help="The commit that the note is about.")
@author_option
@write_options
def note_command(
    words: tuple[str, ...], commit: str | None, author: str | None, *, as_json: bool, anyway: bool
) -> None:
    """Add a note to an experiment or a step, with the time and a commit.

    Without REFERENCE, it is added to the active experiment or step. If TEXT is -,
    it is read from standard input. Without -c, the commit is the newest one that
    names the experiment or step, chosen as for `orglab done`, if there is one.

    \b
    Example:
      orglab note "The loss explodes after 2k steps; clipping at 1.0 helps"
      orglab note 201.1 -c HEAD "Clipping at 1.0 helps"
      tail -5 train.log | orglab note 201.1 -
    """
    log = signed_log(author, anyway=anyway)
    reference, text = split_reference(log, words, "note")
    target = reference or log.require_active()
    note = log.add_note(target, read_text(text), commit=commit, tell=tell)
    ref = log.spell(target)
    if as_json:
        from orglab.api.serialize import note_form  # noqa: PLC0415 - only for JSON

        output.show_json({"ref": ref, **note_form(note)})
        return
    at = note.at.isoformat().replace("T", " ") if note.at else ""
    click.echo("  ".join(filter(None, (ref, "noted", at, note.commit, describe_author(note.author)))))


@click.command(name="journal", cls=TextCommand)
@click.argument("words", nargs=-1, type=REFERENCE, metavar="[REFERENCE] TEXT")
@author_option
@write_options
def journal_command(words: tuple[str, ...], author: str | None, *, as_json: bool, anyway: bool) -> None:
    """Add an entry under today's date to the journal, linked to an experiment if one is named.

    If TEXT is -, it is read from standard input.

    \b
    Example:
      orglab journal "Is the tokenizer the culprit?"
      orglab journal 201 "why the loss explodes"
    """
    log = signed_log(author, anyway=anyway)
    reference, text = split_reference(log, words, "entry")
    path = log.add_journal_entry(read_text(text), reference)
    if as_json:
        output.show_json({"file": os.fspath(path)})
    else:
        output.say(f"Added to {path}.")


@click.command(name="edit")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--line", type=click.IntRange(min=1), metavar="N", help="Open at line N instead.")
@log_options
def edit_command(reference: str | None, line: int | None) -> int:
    """Open the log in your editor (VISUAL, EDITOR) at an experiment or step.

    Without REFERENCE, it opens at the active experiment or step.

    \b
    Example:
      orglab edit 201.1
    """
    import subprocess  # noqa: PLC0415 - for this command alone

    if reference is not None and line is not None:
        raise UsageError("Use REFERENCE or --line, not both.")
    log = this_log()
    place = line or log.find_line(reference or log.require_active())
    return subprocess.run(_editor_command(str(log.path.absolute()), place), check=False).returncode  # noqa: S603


def _editor_command(path: str, line: int) -> list[str]:
    """Return the command that opens a file at a line.

    Raises:
        NotFoundError: There is no editor.
    """
    import shlex  # noqa: PLC0415 - for this command alone
    import shutil  # noqa: PLC0415

    variable = "VISUAL" if os.environ.get("VISUAL") else "EDITOR"
    chosen = os.environ.get(variable)
    command = shlex.split(chosen) if chosen else [name for name in ("editor", "nano", "vi") if shutil.which(name)][:1]
    if not command:
        raise NotFoundError("No editor found; set EDITOR to yours.")
    if shutil.which(command[0]) is None:
        raise NotFoundError(f"The editor {command[0]} is not installed; correct {variable}.")
    name = os.path.basename(command[0])  # noqa: PTH119 - a command, not a path of ours
    if name in ("code", "codium", "cursor"):
        return [*command, "--wait", "--goto", f"{path}:{line}"]
    if name in ("subl", "hx", "helix", "zed"):
        return [*command, f"{path}:{line}"]
    return [*command, f"+{line}", path]
