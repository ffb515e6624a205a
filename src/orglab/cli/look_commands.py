"""Commands that look at experiments: list, show, next."""

import click

from orglab.api.ask import SORT_KEYS
from orglab.cli import output
from orglab.cli.options import REFERENCE, log_options, this_log
from orglab.cli.render.experiment_text import open_steps_lines, shown_lines, table


@click.command(name="list")
@click.argument("match", required=False)
@click.option("--todo", "kinds", flag_value="todo", multiple=True, help="Those to begin.")
@click.option("--doing", "kinds", flag_value="doing", multiple=True, help="Those in progress.")
@click.option("--waiting", "kinds", flag_value="waiting", multiple=True, help="Those that wait.")
@click.option("--done", "kinds", flag_value="done", multiple=True, help="Those done with.")
@click.option("--all", "kinds", flag_value="all", multiple=True, help="All (as without an option).")
@click.option("--since", metavar="DATE", help="Created on DATE or later: 2026-06-01, 2w, monday, yesterday.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="That carry TAG; several mean all of them.")
@click.option(
    "--sort", metavar="KEY", default="log", help=f"By {', '.join(SORT_KEYS)}; -KEY turns it around.",
    shell_complete=lambda _ctx, _param, incomplete: [key for key in SORT_KEYS if key.startswith(incomplete)],
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def list_command(
    match: str | None, kinds: tuple[str, ...], since: str | None, tags: tuple[str, ...], sort: str, *, as_json: bool
) -> None:
    """List experiments: one line each.

    MATCH is an Org match string over headings: tags, properties, times, states.

    \b
    Example:
      orglab list --doing --tag nlp
      orglab list 'exp+nlp-urgent/!TODO|WAIT' --since 2w --sort -created
    """
    found = this_log().list_experiments(match, kinds=kinds, since=since, tags=tags, sort=sort)
    if as_json:
        from orglab.api.serialize import experiment_form  # noqa: PLC0415 - only for JSON

        forms = []
        with output.progress_bar("Reading") as update:
            for number, experiment in enumerate(found.experiments, 1):
                forms.append(experiment_form(experiment))
                update(number, len(found.experiments))
        output.show_json({"experiments": forms})
    elif found.experiments:
        output.show(table(found.experiments, found.active))
    else:
        output.tell("No experiment matches." if match or kinds or since or tags else "No experiments.")


@click.command(name="show")
@click.argument("reference", type=REFERENCE)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def show_command(reference: str, *, as_json: bool) -> None:
    """Show one experiment, or one step: states, steps with their commits, notes, conclusion.

    \b
    Example:
      orglab show 201
      orglab show 201.1 --json
    """
    log = this_log()
    shown = log.show(reference)
    if as_json:
        from orglab.api.serialize import shown_form  # noqa: PLC0415 - only for JSON

        output.show_json(shown_form(shown, log.config.letter))
    else:
        output.show(shown_lines(shown))


@click.command(name="next")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def next_command(*, as_json: bool) -> None:
    """List the open steps of the experiments in progress.

    \b
    Example:
      orglab next
    """
    found = this_log().open_steps()
    if as_json:
        from orglab.api.serialize import open_steps_form  # noqa: PLC0415 - only for JSON

        output.show_json(open_steps_form(found))
    elif found.steps:
        output.show(open_steps_lines(found))
    else:
        output.tell("No open step in an experiment in progress; begin one with `orglab start`.")
