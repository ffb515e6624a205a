"""What commands that read print of what they found: the same whether the log was read or its index asked."""

from __future__ import annotations

from orglab.cli import output
from orglab.cli.known import known_form, known_lines
from orglab.cli.page import experiment_lines, head_line, is_active, step_lines, table
from orglab.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from orglab.experiment.model import Experiment, Step
    from orglab.history.knowledge import Known

SORTS = ("log", "id", "created", "state", "title", "progress")


def show_experiment(
    experiment: Experiment, step: Step | None, known: Known, active: str | None, letter: str, *, as_json: bool
) -> None:
    """Print an experiment, or a step of it.

    Args:
        experiment: The experiment.
        step: The step, if one is meant.
        known: What else is known of it.
        active: The active step.
        letter: What stands before the number in a reference.
        as_json: As JSON.
    """
    if as_json:
        from orglab.api.serialize import experiment_form, render, step_form  # noqa: PLC0415

        own = experiment_form(experiment) if step is None else step_form(step)
        where = {} if step is None else {"experiment": experiment.ref, "file": experiment.file}
        output.show([render({**own, **where, **known_form(known, letter)})])
    elif step is None:
        lines = experiment_lines(experiment, active, known.commits)
        output.show([*lines, *known_lines(known, experiment)])
    else:
        lines = step_lines(step, active, known.commits)
        output.show([*head_line(experiment), "", *lines, *known_lines(known, experiment)])


def choose(
    found: list[Experiment], kinds: tuple[str, ...], since: str | None, tags: tuple[str, ...], sort: str
) -> list[Experiment]:
    """Return those experiments that the options of a list leave, in the order that they ask for.

    Raises:
        UsageError: There is no such order, or `since` is no date.
    """
    if kinds and "all" not in kinds:
        wanted = set(kinds) | ({"dropped"} if "done" in kinds else set())
        found = [one for one in found if one.kind in wanted]
    if since is not None:
        import datetime  # noqa: PLC0415

        from orglab.clock import parse_since  # noqa: PLC0415

        first = parse_since(since, datetime.date.today())  # noqa: DTZ011 - the log holds local times
        found = [one for one in found if one.created is not None and one.created.when.date() >= first]
    found = [one for one in found if all(tag.strip(":") in one.tags for tag in tags)]
    return sort_experiments(found, sort)


def sort_experiments(found: list[Experiment], key: str) -> list[Experiment]:
    """Return experiments sorted by a key; `-key` turns the order around.

    Raises:
        UsageError: There is no such key.
    """
    name = key.removeprefix("-")
    if name not in SORTS:
        raise UsageError(f"There is no order {key!r}; there is {', '.join(SORTS)}, each with - before it too.")
    import datetime  # noqa: PLC0415

    never = datetime.datetime.max  # noqa: DTZ901 - as the times of the log
    keys: dict[str, Callable[[Experiment], Any]] = {
        # As numbers where they are numbers, of any length.
        "id": lambda one: (not one.id.isdecimal(), len(one.id.lstrip("0")) * one.id.isdecimal(), one.id.lstrip("0")),
        "created": lambda one: one.created.when if one.created else never,
        "state": lambda one: one.state_number,
        "title": lambda one: one.title.casefold(),
        "progress": lambda one: one.progress.done / max(1, one.progress.total),
    }
    if name != "log":
        found = sorted(found, key=keys[name])
    return found[::-1] if key.startswith("-") else found


def show_list(found: list[Experiment], active: str | None, *, as_json: bool, is_chosen: bool) -> None:
    """Print a line for each experiment.

    Args:
        found: Whole ones, if as JSON.
        active: The active step.
        as_json: As JSON.
        is_chosen: Whether there may be others.
    """
    if as_json:
        from orglab.api.serialize import experiment_form, render  # noqa: PLC0415

        forms = []
        with output.Bar("Reading") as bar:
            for number, experiment in enumerate(found, 1):
                forms.append(experiment_form(experiment))
                bar.update(number, len(found))
        output.show([render({"experiments": forms})])
    elif found:
        output.show(table(found, active))
    else:
        output.tell("No experiment matches." if is_chosen else "No experiments.")


def show_next(in_progress: list[Experiment], active: str | None, *, as_json: bool) -> None:
    """Print the open steps of the experiments in progress, those of the active one first."""
    in_progress = sorted(in_progress, key=lambda one: not is_active(one, active))
    open_steps = [(one, step) for one in in_progress for step in one.steps if step.state != "done"]
    if as_json:
        from orglab.api.serialize import render, step_form  # noqa: PLC0415

        forms = [{**step_form(step), "experiment": one.ref, "title": one.title, "file": one.file}
                 for one, step in open_steps]  # fmt: skip
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
        output.tell("No open step in an experiment in progress; begin one with `orglab start`.")
