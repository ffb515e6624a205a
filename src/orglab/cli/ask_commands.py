"""Commands that answer questions: search, similar, tried, refs, resolve, log, why."""

import os
import sys
from typing import TYPE_CHECKING

import click

from orglab.api.ask import HITS_SHOWN
from orglab.api.serialize import (
    found_form,
    happened_form,
    precedent_form,
    references_form,
    resolved_form,
    tried_form,
    why_form,
)
from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, log_options, this_log
from orglab.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orglab.experiment.resolved import Resolved


@click.command(name="search", cls=TextCommand)
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=HITS_SHOWN,
    metavar="N",
    help=f"So many hits at the most ({HITS_SHOWN}).",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def search_command(words: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Find experiments, steps, notes, conclusions, commit messages and journal entries.

    All words are looked for, in any order and form; "..." keeps words together, -WORD leaves out, WOR* is a beginning.
    Fields narrow it: tag:nlp state:DONE verdict:refuted since:2026-01-01 until:2w in:conclusion.

    \b
    Example:
      orglab search dropout encoder
      orglab search 'lr=3e-4 -warmup in:conclusion'
      orglab search '"label smoothing" verdict:refuted since:2026'
    """
    log = this_log()
    query = " ".join(words)
    with output.progress_bar("Reading") as update:
        found = log.search(query, limit=limit, progress=update)
    journal = os.fspath(log.journal)
    if as_json:
        output.show_json(found_form(found, query, os.fspath(log.path), journal))
        return
    if not found.hits:
        output.tell("Nothing has these words.")
        return
    from orglab.cli.render.hit_text import hit_lines  # noqa: PLC0415 - for one command of several

    output.show(hit_lines(found, journal))
    if not found.has_all:
        output.tell("Nothing has all of these words; these have some.")
    if found.count > len(found.hits):
        output.tell(f"{found.count - len(found.hits)} more; see them with --limit {found.count}.")


@click.command(name="similar", cls=TextCommand)
@click.argument("text", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def similar_command(text: tuple[str, ...], *, as_json: bool) -> None:
    """Show up to three experiments that tried the same idea, however it was worded, and how they ended.

    TEXT is the idea in your words, or the reference of an experiment.

    \b
    Example:
      orglab similar "ramp the step size up over the first epochs"
      orglab similar 201
    """
    with output.progress_bar("Reading") as update:
        found = this_log().similar(" ".join(text), progress=update)
    if as_json:
        output.show_json({"experiments": [precedent_form(one) for one in found]})
    elif found:
        from orglab.cli.render.likeness_text import precedent_lines  # noqa: PLC0415 - the same

        output.show(precedent_lines(found))
    else:
        output.tell("No experiment tried that, as far as its words tell.")


@click.command(name="tried")
@click.argument("match", required=False)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only what carries TAG; several mean all of them.")
@click.option("--all", "every", is_flag=True, help="Every experiment, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: every experiment.")
@log_options
def tried_command(match: str | None, tags: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Show what was tried, by topic (tags) and idea, with verdicts: the newest conclusions first.

    MATCH is an Org match string, as for `list`.

    \b
    Example:
      orglab tried
      orglab tried --tag nlp
    """
    found = this_log().tried(match, tags)
    if as_json:
        output.show_json(tried_form(found))
    elif found.experiments:
        from orglab.cli.render.likeness_text import map_lines  # noqa: PLC0415 - the same

        output.show(map_lines(found, every=every))
    else:
        output.tell("No experiments." if not (match or tags) else "No experiment matches.")


@click.command(name="refs")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def refs_command(reference: str | None, *, as_json: bool) -> None:
    """List every commit, file and line that names an experiment or a step.

    Commits are those of all branches; files are the tracked text files. Without
    REFERENCE, everything that is named, experiment by experiment.

    \b
    Example:
      orglab refs 201
      orglab refs 201.1 --json
    """
    log = this_log()
    found = log.refs(reference)
    if as_json:
        output.show_json(references_form(found, log.config.letter))
    elif found.places:
        from orglab.cli.render.history_text import references_lines  # noqa: PLC0415 - the same

        output.show(references_lines(found, log.config.letter))
    else:
        output.tell("Nothing names it." if reference else "Nothing names an experiment.")


@click.command(name="resolve", cls=TextCommand)
@click.argument("text", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def resolve_command(text: tuple[str, ...], *, as_json: bool) -> None:
    """Say what each reference in a text is, and where.

    TEXT may be - for standard input, which is also read if there is no TEXT and
    something is piped in: then each line is printed as it comes, with what it
    names below it.

    \b
    Example:
      orglab resolve "[e201.1] Results"
      git log | orglab resolve
    """
    log = this_log()
    if text == ("-",) or (not text and not sys.stdin.isatty()):
        lines = log.resolve_lines(sys.stdin.buffer)
        if as_json:
            numbered = ((number, one) for number, (_, found) in enumerate(lines, 1) for one in found)
            output.show_json(resolved_form(numbered))
        else:
            _annotate(lines)
        return
    if not text:
        raise click.UsageError("Give a text, or pipe one in.", click.get_current_context())
    found = log.resolve(" ".join(text))
    if as_json:
        output.show_json(resolved_form((1, one) for one in found))
        return
    from orglab.cli.render.history_text import resolved_lines, unknown_sentence  # noqa: PLC0415 - the same

    if known := [line for one in found if one.is_known for line in resolved_lines(one, "")]:
        output.show(known)
    if unknown := [unknown_sentence(one) for one in found if not one.is_known]:
        raise NotFoundError(" ".join(unknown))
    if not found:
        output.tell("The text names nothing.")


def _annotate(lines: "Iterable[tuple[bytes, list[Resolved]]]") -> None:
    """Print lines as they come, and below each what it names."""
    from orglab.cli.render.history_text import resolved_lines, unknown_sentence  # noqa: PLC0415 - the same

    for line, references in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        click.echo(output.clean(text))
        indent = " " * (len(text) - len(text.lstrip()))
        for one in {one.spelled: one for one in references}.values():
            found = resolved_lines(one, f"{indent}= ") if one.is_known else [f"{indent}= {unknown_sentence(one)}"]
            for told in found:
                click.echo(output.paint(output.plain(told), dim=True))


@click.command(name="log")
@click.argument("reference", type=REFERENCE)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def log_command(reference: str, *, as_json: bool) -> None:
    """Print everything that happened to an experiment or a step, oldest first.

    That is: its creation, changes of its state, commits that name it, runs, steps
    done, notes, entries of the journal, its conclusion.

    \b
    Example:
      orglab log 201
      orglab log 201.1 --json
    """
    happened = this_log().history(reference)
    if as_json:
        output.show_json(happened_form(happened))
    else:
        from orglab.cli.render.history_text import happened_lines  # noqa: PLC0415 - the same

        output.show(happened_lines(happened))


@click.command(name="why")
@click.argument("what", metavar="REV|FILE|FILE:LINE")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def why_command(what: str, *, as_json: bool) -> None:
    """Say why a commit, a file or a line is there: from it back to the step, the experiment and the reason.

    Of a file that a run wrote it is the run, found by the file's content, whatever
    the file is called now; with its command and its code.

    \b
    Example:
      orglab why HEAD~3
      orglab why results/model.pt
      orglab why train.py:12
    """
    log = this_log()
    answer = log.why(what)
    if as_json:
        output.show_json(why_form(answer, log.config.letter))
    else:
        from orglab.cli.render.history_text import why_lines  # noqa: PLC0415 - the same

        output.show(why_lines(answer))
