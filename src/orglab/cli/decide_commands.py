"""Commands that decide how things stand: start, done, undo, conclude, state, renumber."""

import click

from orglab.api.write import Completed
from orglab.cli import output
from orglab.cli.options import KEYWORD, REFERENCE, TextCommand, this_log, typed_text, write_options
from orglab.cli.output import tell
from orglab.cli.render.experiment_text import state_line, step_lines
from orglab.errors import UsageError
from orglab.reference import Reference, parse_reference

# How many of the files that are not committed are named.
_MOST_NAMED = 3


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
        log.clear_active()
        return
    experiment = log.start(reference)
    click.echo(state_line(experiment))
    if experiment.is_done or experiment.state is None:
        tell("The log has no keyword for work in progress, so the state stays; see its #+TODO line.")
    wanted = Reference(experiment.id, parse_reference(reference).step).spell(log.config.letter)
    if (active := log.find_active()) == wanted:
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
    experiment = log.conclude(reference, typed_text(text), verdict=verdict, keyword=keyword)
    click.echo(state_line(experiment))
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
    click.echo(state_line(this_log(anyway=anyway).set_state(reference, keyword, note)))


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
    click.echo(state_line(renumbered))
    tell(f"{log.spell(reference)} is an alias of {renumbered.ref} now, as far as no other experiment has that id.")
