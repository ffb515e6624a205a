"""Commands that read: list, show, next."""

import datetime

import click

from orglab.cli import output
from orglab.cli.options import REFERENCE, log_options, this_log
from orglab.cli.page import experiment_lines, head_line, is_active, step_lines, table
from orglab.dates import parse_since
from orglab.errors import UsageError
from orglab.jsonable import experiment_form, render, step_form
from orglab.log import Log
from orglab.model import Experiment
from orglab.reference import parse_reference
from orglab.states import kind_of

_SORTS = ("log", "id", "created", "state", "title", "progress")


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
    "--sort", metavar="KEY", default="log", help=f"By {', '.join(_SORTS)}; -KEY turns it around.",
    shell_complete=lambda _ctx, _param, incomplete: [key for key in _SORTS if key.startswith(incomplete)],
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
    found = log.select(match)
    if kinds and "all" not in kinds:
        wanted = set(kinds) | ({"dropped"} if "done" in kinds else set())
        found = [one for one in found if kind_of(one.state, one.document.settings) in wanted]
    if since is not None:
        first = parse_since(since, datetime.date.today())  # noqa: DTZ011 - the log holds local times
        found = [one for one in found if one.created is not None and one.created.when.date() >= first]
    found = [one for one in found if all(tag.strip(":") in one.tags for tag in tags)]
    found = sort_experiments(found, sort)
    if as_json:
        forms = []
        with output.Bar("Reading") as bar:
            for number, experiment in enumerate(found, 1):
                forms.append(experiment_form(experiment))
                bar.update(number, len(found))
        output.show([render({"experiments": forms})])
    elif found:
        output.show(table(found, log.active.get()))
    else:
        click.echo("No experiments." if not (match or kinds or since or tags) else "No experiment matches.", err=True)


def sort_experiments(found: list[Experiment], key: str) -> list[Experiment]:
    """Return experiments sorted by a key; `-key` turns the order around.

    Raises:
        UsageError: There is no such key.
    """
    name = key.removeprefix("-")
    if name not in _SORTS:
        raise UsageError(f"There is no order {key!r}; there is {', '.join(_SORTS)}, each with - before it too.")
    never = datetime.datetime.max  # noqa: DTZ901 - as the times of the log
    keys = {
        # As numbers where they are numbers, of any length.
        "id": lambda one: (not one.id.isdecimal(), len(one.id.lstrip("0")) * one.id.isdecimal(), one.id.lstrip("0")),
        "created": lambda one: one.created.when if one.created else never,
        "state": lambda one: list(one.document.settings.keywords).index(one.state) if one.state else -1,
        "title": lambda one: one.title.casefold(),
        "progress": lambda one: one.progress.done / max(1, one.progress.total),
    }
    if name != "log":
        found = sorted(found, key=keys[name])
    return found[::-1] if key.startswith("-") else found


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
    from orglab.cli.known import known_form, known_lines  # noqa: PLC0415 - the other commands here ask git nothing
    from orglab.history import History  # noqa: PLC0415 - the same

    log = this_log()
    experiment = log.experiment(reference)
    step = log.step(reference) if parse_reference(reference).step is not None else None
    known = History(log).known(experiment, step)
    if as_json:
        own = experiment_form(experiment) if step is None else step_form(step)
        where = {} if step is None else {"experiment": experiment.ref, "file": experiment.file}
        output.show([render({**own, **where, **known_form(known, log.config.letter)})])
    elif step is None:
        lines = experiment_lines(experiment, log.active.get(), known.commits)
        output.show([*lines, *known_lines(known, experiment)])
    else:
        lines = step_lines(step, log.active.get(), known.commits)
        output.show([*head_line(experiment), "", *lines, *known_lines(known, experiment)])


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
    active = log.active.get()
    open_steps = [(experiment, step) for experiment in in_progress(log, active) for step in experiment.steps
                  if step.state != "done"]  # fmt: skip
    if as_json:
        forms = [{**step_form(step), "experiment": experiment.ref, "title": experiment.title, "file": experiment.file}
                 for experiment, step in open_steps]  # fmt: skip
        output.show([render({"active": active, "steps": forms})])
        return
    lines: list[str] = []
    before = None
    for experiment, step in open_steps:
        if experiment is not before:
            lines += [""] * bool(lines)
            lines += head_line(experiment)
        lines += step_lines(step, active)
        before = experiment
    if lines:
        output.show(lines)
    else:
        click.echo("No open step in an experiment in progress; begin one with `orglab start`.", err=True)


def in_progress(log: Log, active: str | None) -> list[Experiment]:
    """Return the experiments in progress, that of the active step first."""
    found = [one for one in log.experiments() if kind_of(one.state, one.document.settings) == "doing"]
    return sorted(found, key=lambda one: not is_active(one, active))
