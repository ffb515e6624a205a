"""Commands that look at the log: brief, status, list, next, show, search."""

import os

import click

from orglab.api import Log
from orglab.api.ask import HITS_SHOWN, SORT_KEYS
from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, json_option, log_options, this_log
from orglab.cli.render.experiment_text import experiment_table, open_steps_lines, shown_lines
from orglab.errors import UsageError


@click.command(name="brief")
@click.option(
    "--tokens", type=int, default=1500, metavar="N", help="Take at most N tokens of 3 bytes (1500 by default)."
)
@json_option
@log_options
def brief_command(tokens: int, *, as_json: bool) -> None:
    """Show what to know before work begins, for people and agents that remember nothing.

    The question and the active step, open steps, the best setting of each metric
    and whether the working tree is its code, metrics that stand still, the last
    verdicts, contradictions, dead ends, and what waits. The most useful comes
    first; what has no room is counted, with the command that shows it.

    \b
    Example:
      orglab brief
      orglab brief --tokens 500 --json
    """
    log = this_log()
    with output.progress_bar("Indexing the log") as update:
        brief = log.brief(tokens, progress=update)
    if as_json:
        from orglab.api.serialize_brief import render_brief  # noqa: PLC0415 - only for JSON

        output.show([render_brief(brief)])
    else:
        from orglab.report.brief.brief_text import write_text  # noqa: PLC0415 - for one command of several

        output.show(write_text(brief).splitlines())


@click.command(name="status")
@json_option
@log_options
def status_command(*, as_json: bool) -> None:
    """Show the log, the active step, uncommitted changes, what is not in the log yet, the git hooks and the runs.

    \b
    Example:
      orglab status
    """
    log = this_log()
    status = log.status()
    if as_json:
        from orglab.api.serialize import status_form  # noqa: PLC0415 - only for JSON

        output.show_json(status_form(status))
    else:
        from orglab.cli.render.status_text import status_lines  # noqa: PLC0415 - for one command of several

        output.show(status_lines(status))


@click.command(name="list")
@click.argument("match", required=False)
@click.option("--todo", "kinds", flag_value="todo", multiple=True, help="Only those not started.")
@click.option("--doing", "kinds", flag_value="doing", multiple=True, help="Only those in progress.")
@click.option("--waiting", "kinds", flag_value="waiting", multiple=True, help="Only those that are waiting.")
@click.option("--done", "kinds", flag_value="done", multiple=True, help="Only those closed.")
@click.option("--all", "kinds", flag_value="all", multiple=True, help="All (the default).")
@click.option("--since", metavar="DATE", help="Only those created since DATE: 2026-06-01, 2w, monday, yesterday.")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only experiments with TAG; may be repeated, to require all."
)
@click.option("--by", metavar="NAME", help="Only those with a note, a conclusion or a run by this author.")
@click.option(
    "--sort", metavar="KEY", default="log",
    help=f"Sort by {', '.join(SORT_KEYS)}, or by a metric, which is shown; -KEY reverses the order.",
    shell_complete=lambda _ctx, _param, incomplete: [key for key in SORT_KEYS if key.startswith(incomplete)],
)  # fmt: skip
@click.option("--full", is_flag=True, help="With --json: everything the log holds of each.")
@json_option
@log_options
def list_command(
    match: str | None, kinds: tuple[str, ...], since: str | None, tags: tuple[str, ...], by: str | None, sort: str, *,
    full: bool, as_json: bool,
) -> None:  # fmt: skip
    """List experiments, one per line; > marks the active one.

    MATCH is an Org match string: it selects by tags, properties, times and states.

    \b
    Example:
      orglab list --doing --tag nlp
      orglab list 'exp+nlp-urgent/!TODO|WAIT' --since 2w --sort -created
      orglab list --done --sort -val.acc
    """
    listed = this_log().list_experiments(match, kinds=kinds, since=since, tags=tags, sort=sort, by=by)
    if as_json:
        from orglab.api.serialize import brief_experiment_form, experiment_form  # noqa: PLC0415 - only for JSON
        from orglab.api.serialize_runs import metric_form  # noqa: PLC0415 - the same

        make_form = experiment_form if full else brief_experiment_form
        forms = []
        with output.progress_bar("Reading the log") as update:
            for number, experiment in enumerate(listed.experiments, 1):
                forms.append({**make_form(experiment), **metric_form(listed, experiment)})
                update(number, len(listed.experiments))
        output.show_json({"experiments": forms})
    elif listed.experiments:
        output.show(experiment_table(listed))
    else:
        output.tell("No experiment matches." if match or kinds or since or tags or by else "No experiments yet.")


@click.command(name="next")
@json_option
@log_options
def next_command(*, as_json: bool) -> None:
    """List the open steps of the experiments in progress.

    \b
    Example:
      orglab next
    """
    open_steps = this_log().open_steps()
    if as_json:
        from orglab.api.serialize import open_steps_form  # noqa: PLC0415 - only for JSON

        output.show_json(open_steps_form(open_steps))
    elif open_steps.steps:
        output.show(open_steps_lines(open_steps))
    else:
        output.tell("No experiment in progress has an open step; start one with `orglab start`.")


@click.command(name="show")
@click.argument("reference", type=REFERENCE, required=False)
@click.option("--line", type=click.IntRange(min=1), metavar="N", help="Show what line N of the log belongs to.")
@click.option("--history", is_flag=True, help="Everything that happened to it, oldest first.")
@click.option("--full", is_flag=True, help="All lines of text that belongs to no part of it.")
@json_option
@log_options
def show_command(reference: str | None, *, line: int | None, history: bool, full: bool, as_json: bool) -> None:
    """Show an experiment or a step: its state, steps, commits, notes, runs and conclusion.

    Without REFERENCE, the active one is shown. With --history: when it was created,
    its changes of state, commits that name it, runs, completed steps, notes, journal
    entries and its conclusion.

    \b
    Example:
      orglab show 201
      orglab show 201.1 --history
      orglab show --line 12
    """
    if reference is not None and line is not None:
        raise UsageError("Use REFERENCE or --line, not both.")
    log = this_log()
    target = log.find_reference(line) if line is not None else reference or log.require_active()
    if history:
        events = log.history(target)
        if as_json:
            from orglab.api.serialize import history_form  # noqa: PLC0415 - only for JSON

            output.show_json(history_form(events))
        else:
            from orglab.cli.render.history_text import history_lines  # noqa: PLC0415 - only for the history

            output.show(history_lines(events))
        return
    shown = log.show(target)
    if as_json:
        from orglab.api.serialize_runs import shown_form  # noqa: PLC0415 - only for JSON

        output.show_json(shown_form(shown, log.config.letter))
    else:
        output.show(shown_lines(shown, is_whole=full))


@click.command(name="search", cls=TextCommand)
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=HITS_SHOWN,
    metavar="N",
    help=f"Show at most N hits ({HITS_SHOWN} by default).",
)
@json_option
@log_options
def search_command(words: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Search experiments, steps, notes, conclusions, journal entries and commit messages.

    Finds what contains all the words, in any order and inflection; "..." keeps
    words together, -WORD excludes a word, WOR* matches a prefix. Narrow the search
    with fields: tag:nlp state:DONE verdict:refuted since:2026-01-01 until:2w
    in:conclusion.

    \b
    Example:
      orglab search dropout encoder
      orglab search 'lr=3e-4 -warmup in:conclusion'
      orglab search '"label smoothing" verdict:refuted since:2026'
    """
    log = this_log()
    query = " ".join(words)
    with output.progress_bar("Indexing the log") as update:
        result = log.search(query, limit=limit, progress=update)
    journal = os.fspath(log.journal)
    if as_json:
        from orglab.api.serialize import search_form  # noqa: PLC0415 - only for JSON

        output.show_json(search_form(result, query, os.fspath(log.path), journal))
        return
    if not result.hits:
        output.tell(f"Nothing found.{_suggest_prefixes(log, query)}")
        return
    from orglab.cli.render.hit_text import hit_lines  # noqa: PLC0415 - for one command of several

    output.show(hit_lines(result, journal))
    if not result.has_all:
        output.tell("Nothing contains all of these words; these results contain some of them.")
    if result.count > len(result.hits):
        output.tell(f"{result.count - len(result.hits)} more; show them with --limit {result.count}.")


def _suggest_prefixes(log: Log, query: str) -> str:
    """Return a sentence on what is found by words that begin with those of a query; empty if nothing is."""
    import re  # noqa: PLC0415 - only if nothing is found
    import shlex  # noqa: PLC0415 - the same

    prefixes = re.sub(r"(?<!\S)[^\W_]\w+(?!\S)", r"\g<0>*", query)
    if prefixes == query or '"' in query:
        return ""
    result = log.search(prefixes, limit=1)
    return f" `orglab search {shlex.quote(prefixes)}` finds {result.count}." if result.has_all and result.count else ""
