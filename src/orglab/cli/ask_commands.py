"""Commands that answer questions: tried, why, refs."""

import sys
from typing import TYPE_CHECKING

import click

from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, json_option, log_options, read_text, this_log
from orglab.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orglab.api import Log
    from orglab.experiment.resolved import Resolved


@click.command(name="tried", cls=TextCommand)
@click.argument("text", nargs=-1, type=REFERENCE, metavar="[TEXT|REFERENCE]")
@click.option("--match", metavar="MATCH", help="In the overview: only what an Org match string selects.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="In the overview: only experiments with TAG; may be repeated, to require all.",
)
@click.option("--all", "every", is_flag=True, help="In the overview: every experiment.")
@json_option
@log_options
def tried_command(
    text: tuple[str, ...], match: str | None, tags: tuple[str, ...], *, every: bool, as_json: bool
) -> None:
    """Show whether an idea was tried before, in whatever words, and how it ended.

    TEXT is the idea in your own words, REFERENCE an experiment to compare with the
    others. The three closest experiments are shown, and which of them surely tried
    the same idea. Without either, an overview of everything tried is shown, by
    topic (tag) and idea, with verdicts.

    \b
    Example:
      orglab tried "ramp the step size up over the first epochs"
      orglab tried 201
      orglab tried --tag nlp
    """
    log = this_log()
    if not text:
        _show_overview(log, match, tags, every=every, as_json=as_json)
        return
    if match or tags or every:
        raise UsageError("--match, --tag and --all apply only to the overview; omit TEXT to see it.")
    with output.progress_bar("Indexing the log") as update:
        precedents = log.similar(" ".join(text), progress=update)
    if as_json:
        from orglab.api.serialize import precedent_form  # noqa: PLC0415 - only for JSON

        output.show_json({"experiments": [precedent_form(precedent) for precedent in precedents]})
    elif precedents:
        from orglab.cli.render.similarity_text import precedent_lines  # noqa: PLC0415 - for one command of several

        results = log.results(one.ref for one in precedents)
        output.show(precedent_lines("Closest experiments", precedents, results))
    else:
        output.tell("No similar experiment found.")


def _show_overview(log: "Log", match: str | None, tags: tuple[str, ...], *, every: bool, as_json: bool) -> None:
    """Print what was tried, by topic and idea."""
    overview = log.tried(match, tags)
    if as_json:
        from orglab.api.serialize import tried_form  # noqa: PLC0415 - only for JSON

        output.show_json(tried_form(overview))
    elif overview.experiments:
        from orglab.cli.render.similarity_text import map_lines  # noqa: PLC0415 - for one command of several

        output.show(map_lines(overview, every=every))
    else:
        output.tell("No experiment matches." if match or tags else "No experiments yet.")


@click.command(name="why")
@click.argument("what", metavar="REV|FILE|FILE:LINE|RUN")
@json_option
@log_options
def why_command(what: str, *, as_json: bool) -> None:
    """Show why a commit, a file or a line exists: its run, step, experiment and reason.

    A file that a run wrote is recognized by its content, even if it was renamed.
    In the answer, ~ marks what is only near, and ! a warning. FILE may be a folder.
    RUN is the id of a run, or the one that W&B, MLflow or another tracker gave it.

    \b
    Example:
      orglab why HEAD~3
      orglab why results/model.pt
      orglab why train.py:12
      orglab why 9n2kq1xz
    """
    log = this_log()
    answer = log.why(what)
    if as_json:
        from orglab.api.serialize import why_form  # noqa: PLC0415 - only for JSON

        output.show_json(why_form(answer, log.config.letter))
    else:
        from orglab.cli.render.history_text import why_lines  # noqa: PLC0415 - for one command of several

        output.show(why_lines(answer))


@click.command(name="refs", cls=TextCommand)
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--in", "text", metavar="TEXT", help="Explain the references in TEXT instead; - reads standard input.")
@json_option
@log_options
def refs_command(reference: str | None, text: str | None, *, as_json: bool) -> None:
    """List every commit, file and line that refers to an experiment or a step.

    Searches the commits of all branches and the tracked text files. Without
    REFERENCE, all references are listed, experiment by experiment.

    \b
    Example:
      orglab refs 201.1
      orglab refs --in "[e201.1] Results"
      git log | orglab refs --in -
    """
    log = this_log()
    if text is not None:
        if reference is not None:
            raise UsageError("Use REFERENCE or --in TEXT, not both.")
        _explain(log, text, as_json=as_json)
        return
    references = log.refs(reference)
    if as_json:
        from orglab.api.serialize import references_form  # noqa: PLC0415 - only for JSON

        output.show_json(references_form(references, log.config.letter))
    elif references.places:
        from orglab.cli.render.history_text import references_lines  # noqa: PLC0415 - for one command of several

        output.show(references_lines(references, log.config.letter))
    else:
        output.tell(f"Nothing refers to {log.spell(reference)}." if reference else "Nothing refers to an experiment.")


def _explain(log: "Log", text: str, *, as_json: bool) -> None:
    """Print what the references in a text are; standard input is explained line by line as it is read.

    Raises:
        NotFoundError: The text names something that the log does not have.
    """
    from orglab.api.serialize import resolved_form  # noqa: PLC0415 - for one way of one command
    from orglab.cli.render.history_text import resolved_lines, unknown_sentence  # noqa: PLC0415 - the same

    if text == "-":
        lines = log.resolve_lines(sys.stdin.buffer)
        if as_json:
            numbered = ((number, resolved) for number, (_, all_resolved) in enumerate(lines, 1)
                        for resolved in all_resolved)  # fmt: skip
            output.show_json(resolved_form(numbered))
        else:
            _annotate(lines)
        return
    references = log.resolve(read_text(text))
    if as_json:
        output.show_json(resolved_form((1, resolved) for resolved in references))
        return
    if known := [line for resolved in references if resolved.is_known for line in resolved_lines(resolved, "")]:
        output.show(known)
    if unknown := [unknown_sentence(resolved) for resolved in references if not resolved.is_known]:
        raise NotFoundError(" ".join(unknown))
    if not references:
        output.tell("No references in the text.")


def _annotate(lines: "Iterable[tuple[bytes, list[Resolved]]]") -> None:
    """Print each line as soon as it is read, and below it what it refers to."""
    from orglab.cli.render.history_text import resolved_lines, unknown_sentence  # noqa: PLC0415 - for one way of one

    for line, references in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        click.echo(output.clean(text))
        indent = " " * (len(text) - len(text.lstrip()))
        for resolved in {resolved.spelled: resolved for resolved in references}.values():
            begin = f"{indent}= "
            explanation = (
                resolved_lines(resolved, begin) if resolved.is_known else [f"{begin}{unknown_sentence(resolved)}"]
            )
            for explained in explanation:
                click.echo(output.paint(output.plain(explained), dim=True))
