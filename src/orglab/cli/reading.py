"""Commands that read: list, show, next."""

import click

from orglab.cli import answers
from orglab.cli.options import REFERENCE, log_options, this_log
from orglab.experiment.lookup import find_step
from orglab.reference import parse_reference


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
    "--sort", metavar="KEY", default="log", help=f"By {', '.join(answers.SORTS)}; -KEY turns it around.",
    shell_complete=lambda _ctx, _param, incomplete: [key for key in answers.SORTS if key.startswith(incomplete)],
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
    log = this_log()
    found = answers.choose(log.select(match), kinds, since, tags, sort)
    is_chosen = bool(match or kinds or since or tags)
    answers.show_list(found, log.active.get(), as_json=as_json, is_chosen=is_chosen)


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
    from orglab.history.knowledge import Knowledge  # noqa: PLC0415 - the other commands here ask git nothing

    log = this_log()
    experiment = log.experiment(reference)
    parsed = parse_reference(reference)
    step = find_step(experiment, parsed) if parsed.step is not None else None
    known = Knowledge(log).known(experiment, step)
    answers.show_experiment(experiment, step, known, log.active.get(), log.config.letter, as_json=as_json)


@click.command(name="next")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@log_options
def next_command(*, as_json: bool) -> None:
    """List the open steps of the experiments in progress.

    \b
    Example:
      orglab next
    """
    log = this_log()
    in_progress = [one for one in log.experiments() if one.kind == "doing"]
    answers.show_next(in_progress, log.active.get(), as_json=as_json)
