"""Commands that change the state of experiments and steps: start, done, conclude, state."""

import sys
from typing import TYPE_CHECKING

import click

from orglab.cli import output
from orglab.cli.options import (
    KEYWORD,
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
from orglab.cli.render.experiment_text import state_line, step_lines
from orglab.errors import UsageError
from orglab.reference import Reference, parse_reference
from orglab.text import count

if TYPE_CHECKING:
    from orglab.api import Log
    from orglab.api.concluded_result import Concluded
    from orglab.api.write import Completed
    from orglab.experiment.model import Experiment

# How many uncommitted files are named.
_MOST_NAMED = 3


@click.command(name="start")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--clear", is_flag=True, help="Clear the active experiment or step.")
@write_options
def start_command(reference: str | None, *, clear: bool, as_json: bool, anyway: bool) -> None:
    """Start work on an experiment or step: set the state to in progress, and make it the active one.

    Other commands use the active experiment or step when none is named. Each
    working tree has its own.

    \b
    Example:
      orglab start 201.1
      orglab start --clear
    """
    log = this_log(anyway=anyway)
    if clear == (reference is not None):
        raise UsageError("Name the experiment or step to start, or use --clear.")
    if reference is None:
        log.clear_active()
        if as_json:
            output.show_json({"active": None})
        else:
            tell("No experiment is active now.")
        return
    experiment = log.start(reference)
    active = log.find_active()
    if as_json:
        from orglab.api.serialize import brief_experiment_form  # noqa: PLC0415 - only for JSON

        output.show_json({"experiment": brief_experiment_form(experiment), "active": active})
    else:
        click.echo(state_line(experiment))
    if experiment.is_done or experiment.state is None:
        tell("The state was not changed: the log has no keyword for work in progress; see its #+TODO line.")
    if active == Reference(experiment.id, parse_reference(reference).step).spell(log.config.letter):
        tell(f"{active} is now active.")
    else:
        tell("The active step was not changed: its file cannot be written.")


@click.command(name="done")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("-c", "--commit", "commits", multiple=True, metavar="REV",
              help="The commit that holds the results; may be repeated.")  # fmt: skip
@click.option("--all-commits", is_flag=True, help="Record every such commit, not only the newest.")
@click.option("--no-commit", is_flag=True, help="Record no commit.")
@click.option("--all", "all_checkboxes", is_flag=True, help="Also tick the open checkboxes below the step.")
@click.option("--undo", is_flag=True, help="Reopen the step; its commits are kept.")
@write_options
def done_command(
    reference: str | None, commits: tuple[str, ...], *, all_commits: bool, no_commit: bool, all_checkboxes: bool,
    undo: bool, as_json: bool, anyway: bool,
) -> None:  # fmt: skip
    """Complete a step, and record the commit that holds its results.

    Without REFERENCE, the active step is completed. Its experiment is active
    afterwards. Without -c, the newest commit on HEAD whose message names the step,
    such as [e201.1], is recorded, if there is one. Commits that were reverted,
    reverts, merges, those of failed runs, and those of the log alone do not count.

    \b
    Example:
      orglab done 201.1
      orglab done 201.1 -c HEAD~1 -c 83d45cd
      orglab done 201.1 --undo
    """
    options = {"-c": bool(commits), "--all-commits": all_commits, "--no-commit": no_commit, "--undo": undo}
    chosen = [name for name, is_given in options.items() if is_given]
    if len(chosen) > 1:
        raise UsageError(f"Use {' or '.join(chosen[:2])}, not both.")
    log = this_log(anyway=anyway)
    target = reference or log.require_active()
    if undo:
        step = log.reopen_step(target)
        if as_json:
            from orglab.api.serialize import step_form  # noqa: PLC0415 - only for JSON

            output.show_json({"step": step_form(step)})
        else:
            output.show(step_lines(step, None))
        return
    revisions = list(commits) if commits else [] if no_commit else None
    completed = log.complete_step(target, revisions, all_commits=all_commits, all_checkboxes=all_checkboxes)
    if as_json:
        from orglab.api.serialize import completed_form  # noqa: PLC0415 - only for JSON

        output.show_json(completed_form(completed))
        return
    output.show(step_lines(completed.step, None))
    tell(_describe_commits(completed))
    if completed.uncommitted:
        first = ", ".join(completed.uncommitted[:_MOST_NAMED])
        more = len(completed.uncommitted) - _MOST_NAMED
        others = f" and {more} more" if more > 0 else ""
        tell(f"HEAD was recorded, but it does not include the uncommitted changes to {first}{others}.")


def _describe_commits(completed: "Completed") -> str:
    """Return which commits were recorded for a step, and why."""
    ref, hashes = completed.step.ref, ", ".join(completed.commits)
    named = (
        f"{count(len(completed.commits), 'commit')} naming" if len(completed.commits) > 1 else "newest commit naming"
    )
    if completed.was_done and not hashes:
        return f"{ref} was done already."
    if completed.why == "unnamed" and completed.evidence is not None:
        reason = completed.evidence.explain_absence(ref)
        because = f", because {reason}" if reason else ""
        return f"{ref} done, without a commit{because}; add one with `orglab done {ref} --commit REV`."
    return {
        "given": f"{ref} done ({hashes}).",
        "named": f"{ref} done ({hashes}, the {named} [{ref}]).",
    }.get(completed.why, f"{ref} done.")


@click.command(name="conclude", cls=TextCommand)
@click.argument("words", nargs=-1, type=REFERENCE, metavar="[REFERENCE] [TEXT]")
@click.option(
    "--verdict", metavar="WORD", help="supported, refuted, inconclusive, or a word from the setting `verdicts`."
)
@click.option("--state", "keyword", type=KEYWORD, metavar="KEYWORD",
              help="The state it gets, such as CANCELED; DONE by default.")  # fmt: skip
@click.option("-m", "--message", "why", metavar="WHY",
              help="Why the verdict stands although the runs contradict it; with --anyway, and noted.")  # fmt: skip
@click.option("--confirm", is_flag=True, help="Confirm the conclusion that another author wrote, as a person.")
@author_option
@anyway_option("Write even if the runs contradict the verdict, or an editor has unsaved changes.")
@json_option
@log_options
def conclude_command(
    words: tuple[str, ...], verdict: str | None, keyword: str | None, why: str | None, author: str | None, *,
    confirm: bool, as_json: bool, anyway: bool,
) -> None:  # fmt: skip
    """Write an experiment's conclusion, and close it.

    Without REFERENCE, the active experiment is concluded. If TEXT is -, it is read
    from standard input. Without TEXT, only the verdict is set. If it was concluded
    before, that conclusion is kept with its date and its verdict.

    The result that the conclusion is about is printed, with its difference to the
    baseline and to the best one in the log. If the runs contradict a verdict on the
    property CLAIM, nothing is written without --anyway and -m WHY. A conclusion that
    an author is marked for (--as, ORGLAB_AUTHOR) counts as unconfirmed until a person
    confirms it.

    \b
    Example:
      orglab conclude "No: -0.2" --verdict refuted
      orglab conclude 201 "ABC adds 1.2 points, beyond seed noise." --verdict supported
      orglab conclude 201 --confirm
    """
    log = signed_log(author, anyway=anyway)
    if author in log.document().settings.keywords:
        raise UsageError(
            f"{author} is a state of the log, and --as names who writes; to set the state, use --state {author}."
        )
    if confirm:
        _confirm(log, words, as_json=as_json, is_alone=not any((verdict, keyword, why)))
        return
    if verdict is not None and (not words or (len(words) == 1 and log.is_reference(words[0]))):
        reference, text = (words[0] if words else None), ""
    else:
        reference, text = split_reference(log, words, "conclusion")
    target = reference or log.require_active().partition(".")[0]
    word = _confirm_verdict(log, verdict) if verdict is not None else None
    before, text = log.experiment(target).conclusion, read_text(text)
    concluded = log.conclude(target, text, verdict=word, keyword=keyword, why=why)
    experiment = concluded.experiment
    _show_conclusion(concluded, as_json=as_json)
    if why is not None and concluded.contradiction is None:
        tell("The runs do not contradict the verdict, so the reason is not noted.")
    if before.text and text:
        tell("Added below the earlier conclusion.")
    if before.verdict and before.verdict != experiment.verdict:
        tell(f"The verdict changed from {before.verdict} to {experiment.verdict}.")
    if experiment.verdict is None:
        tell(f"No verdict yet; add one with `orglab conclude {experiment.id} --verdict WORD`.")
    still_open = experiment.progress.total - experiment.progress.done
    if still_open:
        tell(f"{count(still_open, 'step')} still open.")


def _confirm(log: "Log", words: tuple[str, ...], *, as_json: bool, is_alone: bool) -> None:
    """Confirm a conclusion, and print it."""
    if len(words) > 1 or not is_alone:
        raise UsageError(
            "--confirm takes an experiment and nothing else; a person who writes a conclusion confirms it."
        )
    from orglab.api.concluded_result import Concluded  # noqa: PLC0415 - for one option

    experiment = log.confirm(words[0] if words else log.require_active().partition(".")[0])
    _show_conclusion(Concluded(experiment, log.find_concluded_result(experiment.ref)), as_json=as_json)
    tell(f"Confirmed the conclusion by {experiment.conclusion.author}.")


def _show_conclusion(concluded: "Concluded", *, as_json: bool) -> None:
    """Print an experiment that was concluded, and where its result stands."""
    if as_json:
        from orglab.api.serialize_runs import concluded_form  # noqa: PLC0415 - only for JSON

        output.show_json(concluded_form(concluded))
        return
    click.echo(state_line(concluded.experiment))
    if concluded.result is not None:
        from orglab.cli.render.results_text import concluded_result_lines  # noqa: PLC0415 - few have runs

        output.show(concluded_result_lines(concluded.result, concluded.experiment.verdict))


def _confirm_verdict(log: "Log", word: str) -> str:
    """Return the verdict that the user means; if it is misspelled, the user is asked on a terminal."""
    near = log.find_near_verdict(word)
    if near is None or not sys.stdin.isatty():
        # If it is unknown, `conclude` refuses it.
        return word
    return near if click.confirm(f"Unknown verdict {word!r}. Did you mean {near}?", default=True, err=True) else word


@click.command(name="state", cls=TextCommand)
@click.argument("reference", type=REFERENCE)
@click.argument("keyword", type=KEYWORD)
@click.option("-m", "--message", "note", metavar="NOTE", help="Why; written beside the change of state.")
@write_options
def state_command(reference: str, keyword: str, note: str | None, *, as_json: bool, anyway: bool) -> None:
    """Set an experiment's state to one of the log's TODO keywords.

    Whether the change is recorded in the log depends on its #+TODO line.

    \b
    Example:
      orglab state 201 WAIT -m "The cluster is down until Monday"
    """
    if parse_reference(reference).step is not None:
        raise UsageError("A step has no state; use `orglab done` or `orglab done --undo`.")
    _show_state(this_log(anyway=anyway).set_state(reference, keyword, note), as_json=as_json)


def _show_state(experiment: "Experiment", *, as_json: bool) -> None:
    """Print an experiment's new state."""
    if as_json:
        from orglab.api.serialize import brief_experiment_form  # noqa: PLC0415 - only for JSON

        output.show_json({"experiment": brief_experiment_form(experiment)})
    else:
        click.echo(state_line(experiment))
