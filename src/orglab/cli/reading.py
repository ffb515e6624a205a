"""Commands that read: list, show, next."""

import datetime
from collections.abc import Iterator

import click

from orglab.cli import output
from orglab.cli.options import REFERENCE, log_options, this_log
from orglab.dates import parse_since
from orglab.errors import UsageError
from orglab.jsonable import experiment_form, render, step_form
from orglab.log import Log
from orglab.model import Experiment, Note, Step
from orglab.reference import parse_reference
from orglab.writing import in_progress_keyword

_WAITING = ("WAIT", "WAITING", "HOLD", "BLOCKED")
_SORTS = ("log", "id", "created", "state", "title", "progress")
_BOXES = {"open": "[ ]", "partial": "[-]", "done": "[X]"}


def kind_of(experiment: Experiment) -> str:
    """Return what sort of state an experiment is in: todo, doing, waiting, done or dropped."""
    settings = experiment.heading.document.settings
    if experiment.is_done:
        done = settings.done_names
        return "dropped" if experiment.state in done[1:] and experiment.state != "DONE" else "done"
    if experiment.state == in_progress_keyword(experiment.heading.document):
        return "doing"
    return "waiting" if experiment.state in _WAITING else "todo"


@click.command(name="list")
@click.argument("match", required=False)
@click.option("--todo", "kinds", flag_value="todo", multiple=True, help="Those to begin.")
@click.option("--doing", "kinds", flag_value="doing", multiple=True, help="Those in progress.")
@click.option("--waiting", "kinds", flag_value="waiting", multiple=True, help="Those that wait.")
@click.option("--done", "kinds", flag_value="done", multiple=True, help="Those done with.")
@click.option("--all", "kinds", flag_value="all", multiple=True, help="All (as without an option).")
@click.option("--since", metavar="DATE", help="Created on DATE or later: 2026-06-01, 2w, monday, yesterday.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="That carry TAG; several mean all of them.")
@click.option("--sort", metavar="KEY", default="log", help=f"By {', '.join(_SORTS)}; -KEY turns it around.")
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
        found = [experiment for experiment in found if kind_of(experiment) in wanted]
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
        "id": lambda one: (not one.id.isdecimal(), int(one.id) if one.id.isdecimal() else 0, one.id),
        "created": lambda one: one.created.when if one.created else never,
        "state": lambda one: list(one.heading.document.settings.keywords).index(one.state) if one.state else -1,
        "title": lambda one: one.title.casefold(),
        "progress": lambda one: one.progress.done / max(1, one.progress.total),
    }
    if name != "log":
        found = sorted(found, key=keys[name])
    return found[::-1] if key.startswith("-") else found


def table(found: list[Experiment], active: str | None) -> Iterator[str]:
    """Yield a line for each experiment: reference, state, progress, title, verdict, date."""
    refs = [output.clean(one.ref) for one in found]
    ref_width = max(map(output.width, refs))
    states = [output.clean(one.state or "-") for one in found]
    state_width = min(max(map(output.width, states)), 12)
    counts = [f"{one.progress.done}/{one.progress.total}" if one.progress.total else "-" for one in found]
    count_width = max(map(len, counts))
    limit = output.columns()
    fixed = 2 + ref_width + 2 + state_width + 2 + count_width + 2 + 2 + 10
    room = max(limit - fixed, 16) if limit else 0
    for one, ref, state, count in zip(found, refs, states, counts, strict=True):
        kind = kind_of(one)
        title = output.clean(one.title)
        verdict = output.clean(one.verdict or "") if one.is_done else ""
        mark = "> " if active and (active == one.ref or active.startswith(f"{one.ref}.")) else "  "
        created = one.created.when.date().isoformat() if one.created else ""
        shown = _title_column(title, verdict, room)
        yield (
            f"{mark}{output.paint(output.fit(ref, ref_width), bold=True)}  "
            f"{output.paint(output.fit(state, state_width), state=kind)}  {count:>{count_width}}  "
            f"{shown}  {output.paint(created, dim=True)}"
        ).rstrip()


def _title_column(title: str, verdict: str, room: int) -> str:
    """Return title and verdict in `room` columns; without a limit, in as many as they take."""
    behind = f"  ({verdict})" if verdict else ""
    if not room:
        return title + behind
    if output.width(title + behind) > room and output.width(behind) < room // 2:
        title = output.fit(title, room - output.width(behind)).rstrip()
    return output.fit(title + behind, room)


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
    experiment = log.experiment(reference)
    if parse_reference(reference).step is None:
        form = experiment_form(experiment)
        output.show([render(form)] if as_json else experiment_lines(experiment, log.active.get()))
        return
    step = log.step(reference)
    if as_json:
        output.show([render({**step_form(step), "experiment": experiment.ref, "file": experiment.file})])
    else:
        lines = [f"{output.paint(experiment.ref, bold=True)}  {output.clean(experiment.title)}", ""]
        output.show([*lines, *step_lines(step, log.active.get())])


def experiment_lines(experiment: Experiment, active: str | None) -> Iterator[str]:
    """Yield an experiment as a page of text."""
    kind = kind_of(experiment)
    state = output.paint(output.clean(experiment.state or "no state"), state=kind, bold=True)
    yield from output.wrap(
        f"{experiment.title}", " " * (len(experiment.ref) + 2), output.paint(experiment.ref, bold=True) + "  "
    )
    progress = experiment.progress
    about = [state]
    if progress.total:
        about.append(f"{progress.done} of {progress.total} steps done")
    if experiment.created:
        about.append(f"created {_when(experiment.created.isoformat())}")
    if experiment.closed:
        about.append(f"closed {_when(experiment.closed.isoformat())}")
    yield "  ".join(about)
    yield output.paint(output.clean(f":{':'.join(experiment.tags)}:  {experiment.file}:{experiment.line}"), dim=True)
    if experiment.description:
        yield ""
        yield from output.wrap(experiment.description, "")
    if experiment.steps:
        yield ""
        yield output.paint("Steps", bold=True)
        for step in experiment.steps:
            yield from step_lines(step, active)
    if experiment.notes:
        yield ""
        yield output.paint("Notes", bold=True)
        for note in experiment.notes:
            yield from note_lines(note, "  ")
    yield from conclusion_lines(experiment)


def conclusion_lines(experiment: Experiment) -> Iterator[str]:
    """Yield what came of an experiment, if something did."""
    found = experiment.conclusion
    if not (found.text or found.verdict):
        return
    yield ""
    behind = ": " + output.clean(found.verdict) if found.verdict else ""
    closed = f"  ({_when(found.closed.isoformat())})" if found.closed else ""
    yield output.paint("Conclusions" + behind, bold=True) + output.paint(closed, dim=True)
    if found.text:
        yield from output.wrap(found.text, "  ")


def step_lines(step: Step, active: str | None) -> Iterator[str]:
    """Yield a step and its notes."""
    mark = ">" if step.ref == active else " "
    head = f"{mark} {step.number:>2}. {_BOXES[step.state]} "
    commits = output.paint(f"  ({', '.join(step.commits)})", dim=True) if step.commits else ""
    indent = " " * len(head)
    lines = output.wrap(step.text, indent, head)
    lines[-1] += commits
    yield from lines
    for note in step.notes:
        yield from note_lines(note, indent)


def note_lines(note: Note, indent: str) -> Iterator[str]:
    """Yield a note: when, at which commit, what."""
    head = "  ".join(filter(None, (_when(note.at.isoformat()) if note.at else "", note.commit or "")))
    if head and "\n" not in note.text:
        yield from output.wrap(note.text, indent + "  ", f"{indent}- {output.paint(head, dim=True)}  ")
        return
    if head:
        yield f"{indent}- {output.paint(head, dim=True)}"
        yield from output.wrap(note.text, indent + "  ")
    else:
        yield from output.wrap(note.text, indent + "  ", indent + "- ")


def _when(iso: str) -> str:
    """Return a time as people read it."""
    return iso.replace("T", " ")


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
            lines.append(f"{output.paint(experiment.ref, bold=True)}  {output.clean(experiment.title)}")
        lines += step_lines(step, active)
        before = experiment
    if lines:
        output.show(lines)
    else:
        click.echo("No open step in an experiment in progress; begin one with `orglab start`.", err=True)


def in_progress(log: Log, active: str | None) -> list[Experiment]:
    """Return the experiments in progress, that of the active step first."""
    found = [experiment for experiment in log.experiments() if kind_of(experiment) == "doing"]
    return sorted(found, key=lambda one: not (active and f"{active}.".startswith(f"{one.ref}.")))
