"""Commands that follow references both ways: refs, resolve, log, why."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import click

from orglab.api.serialize import commit_form, render
from orglab.cli import output
from orglab.cli.options import REFERENCE, TextCommand, log_options, relative, this_log
from orglab.cli.page import BOXES, head_line
from orglab.errors import NotFoundError, UsageError
from orglab.experiment.model import Experiment, Step
from orglab.history.events import Event, concerns, read_events
from orglab.history.knowledge import Knowledge
from orglab.history.references import Place, Resolved, find_places, resolve_reference, resolve_text
from orglab.reference import Reference, find_references, parse_reference

_KINDS = {"commit": "Commits", "file": "Files", "log": "Log", "journal": "Journal"}
_LONGEST_KIND = 10


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
    history = Knowledge(this_log())
    wanted = None
    if reference is not None:
        # The id as the log has it; whoever asks for a step that is not there may look for what names it.
        wanted = Reference(history.log.experiment(reference).id, parse_reference(reference).step)
    places = [*find_places(history, wanted)]
    if as_json:
        output.show([render({"references": [_place_form(place, history) for place in places]})])
    elif places:
        output.show(_refs_lines(history, places, wanted))
    else:
        click.echo("Nothing names it." if reference else "Nothing names an experiment.", err=True)


def _refs_lines(history: Knowledge, places: list[Place], wanted: Reference | None) -> Iterator[str]:
    """Yield places, by experiment and by kind."""
    order = {name: number for number, name in enumerate(history.experiments)}
    named = {place.reference.id: history.find(place.reference) for place in places}
    ids = [wanted.id] if wanted else sorted(named, key=lambda name: (order.get(name, len(order)), len(name), name))
    for number, name in enumerate(ids):
        yield from [""] * bool(number)
        experiment = named[name]
        if experiment is not None:
            yield from head_line(experiment)
        else:
            spelled = output.clean(history.log.config.letter + name)
            yield output.paint(spelled, bold=True) + "  (no such experiment)"
        mine = [place for place in places if place.reference.id == name]
        for kind, found in groupby(mine, key=lambda place: place.kind):
            yield output.paint(f"{_KINDS[kind]}", dim=True)
            for _, same in groupby(found, key=lambda place: (place.commit, place.path, place.line)):
                yield from _place_lines([*same], history.log.config.letter)


def _place_lines(places: list[Place], letter: str) -> list[str]:
    """Return places of one commit or line, in a line: where, which steps, what stands there."""
    place = places[0]
    refs = list(dict.fromkeys(one.reference.spell(letter) for one in places))
    if place.commit is not None:
        begin = f"  {place.commit.short}  {place.commit.when:%Y-%m-%d}"
    else:
        begin = f"  {output.clean(str(relative(place.path or Path())))}:{place.line}"
    own = place.within in (None, refs[0].partition(".")[0])
    named = ", ".join(refs) + ("" if own else f" (in {place.within})")
    return output.wrap(place.text, "    ", output.paint(begin, dim=True) + output.clean(f"  {named}  "))


def _place_form(place: Place, history: Knowledge) -> dict[str, object]:
    """Return a place as it stands in `refs --json`."""
    letter = history.log.config.letter
    experiment = history.find(place.reference)
    commit = place.commit
    return {
        "kind": place.kind,
        "ref": place.reference.spell(letter),
        "experiment": experiment.ref if experiment is not None else None,
        "step": place.reference.step,
        "commit": commit_form(commit) if commit is not None else None,
        "file": str(relative(place.path)) if place.path is not None else None,
        "line": place.line,
        "within": place.within,
        "text": place.text,
    }


# resolve


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
    history = Knowledge(this_log())
    if text == ("-",) or (not text and not sys.stdin.isatty()):
        lines = sys.stdin.buffer
        if as_json:
            numbered = ((number, one) for number, line in enumerate(lines, 1) for one in resolve_text(history, line))
            output.show([render({"references": [_resolved_form(one, number) for number, one in numbered]})])
        else:
            _annotate(history, lines)
        return
    if not text:
        raise click.UsageError("Give a text, or pipe one in.", click.get_current_context())
    found = _resolve(history, " ".join(text))
    if as_json:
        output.show([render({"references": [_resolved_form(one, 1) for one in found]})])
    elif lines := [line for one in found if one.is_known for line in _resolved_lines(one, "")]:
        output.show(lines)
    unknown = [_unknown(one) for one in found if not one.is_known]
    if unknown and not as_json:
        raise NotFoundError(" ".join(unknown))
    if not found and not as_json:
        click.echo("The text names nothing.", err=True)


def _resolve(history: Knowledge, text: str) -> list[Resolved]:
    """Return what a text names; it may be a reference without brackets."""
    encoded = text.encode("utf-8", "surrogateescape")
    if not any(True for _ in find_references(encoded, history.log.config.letter)):
        try:
            reference = parse_reference(text)
        except UsageError:
            return []
        letter = history.log.config.letter
        name = reference.id if reference.id in history.experiments else reference.id.removeprefix(letter)
        return [resolve_reference(history, Reference(name or reference.id, reference.step))]
    return list({one.spelled: one for one in resolve_text(history, encoded)}.values())


def _annotate(history: Knowledge, lines: Iterable[bytes]) -> None:
    """Print lines as they come, and below each what it names."""
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        click.echo(output.clean(text))
        indent = " " * (len(text) - len(text.lstrip()))
        for one in {one.spelled: one for one in resolve_text(history, line)}.values():
            found = _resolved_lines(one, f"{indent}= ") if one.is_known else [f"{indent}= {_unknown(one)}"]
            for told in found:
                click.echo(output.paint(click.unstyle(told), dim=True))


def _resolved_lines(one: Resolved, begin: str) -> list[str]:
    """Return what a reference is, and where, in a line: of a step its box and text, then the experiment."""
    experiment = one.experiment
    if experiment is None:
        raise AssertionError(one)
    step = one.step
    box = f"{BOXES[step.state]} {step.text}  " if step is not None else ""
    line = step.line if step is not None else experiment.line
    whole = f"{experiment.ref} " if one.spelled != experiment.ref else ""
    verdict = f", {experiment.verdict}" if experiment.is_done and experiment.verdict else ""
    state = f"  ({experiment.state or 'no state'}{verdict})"
    words = f"{box}{whole}{experiment.title}{state}  {experiment.file}:{line}"
    return output.wrap(words, " " * (len(begin) + 2), begin + output.paint(output.clean(one.spelled), bold=True) + "  ")


def _unknown(one: Resolved) -> str:
    """Say that there is no such thing, and what is near."""
    what = f"step {one.reference.step} in {one.experiment.ref}" if one.experiment is not None else (
        f"experiment {one.spelled.partition('.')[0]}")  # fmt: skip
    near = f"; nearest: {', '.join(one.near)}" if one.near else ""
    return f"There is no {what}{near}."


def _resolved_form(one: Resolved, line: int) -> dict[str, object]:
    """Return a reference as it stands in `resolve --json`."""
    experiment, step = one.experiment, one.step
    place = step.line if step is not None else experiment.line if experiment is not None else None
    return {
        "ref": one.spelled,
        "is_known": one.is_known,
        "input_line": line,
        "experiment": experiment.ref if experiment is not None else None,
        "title": experiment.title if experiment is not None else None,
        "state": experiment.state if experiment is not None else None,
        "verdict": experiment.verdict if experiment is not None else None,
        "step": {"number": step.number, "text": step.text, "state": step.state} if step is not None else None,
        "file": experiment.file if experiment is not None else None,
        "line": place if one.is_known else None,
        "near": list(one.near),
    }


# log


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
    log = this_log()
    experiment = log.experiment(reference)
    step = log.step(reference) if parse_reference(reference).step is not None else None
    wanted = Reference(experiment.id, step.number if step is not None else None)
    (happened,) = read_events(Knowledge(log), [experiment])
    events = [one for one in happened if concerns(one, wanted, log.config.letter)]
    if as_json:
        output.show([render({"experiment": experiment.ref, "events": [event_form(one) for one in events]})])
    else:
        output.show(_log_lines(experiment, step, events))


def event_form(event: Event) -> dict[str, object]:
    """Return an event as it stands in `log --json`."""
    at = event.at
    spelled = None if at is None else at.date().isoformat() if event.precision == "day" else at.isoformat(
        timespec="minutes" if event.precision == "minute" else "seconds")  # fmt: skip
    return {
        "at": spelled,
        "precision": event.precision,
        "kind": event.kind,
        "ref": event.ref,
        "text": event.text,
        "commit": event.commit,
        "run": event.run,
        "line": event.line,
        "facts": dict(event.facts),
    }


def _log_lines(experiment: Experiment, step: Step | None, events: list[Event]) -> Iterator[str]:
    """Yield a time line: when, what, the words."""
    yield from head_line(experiment)
    if step is not None:
        yield from output.wrap(step.text, "      ", f"  {step.number:>2}. {BOXES[step.state]} ")
    yield ""
    width = max((len(one.ref) for one in events), default=0)
    for event in events:
        at = event.at
        time = "unknown" if at is None else f"{at:%Y-%m-%d}" if event.precision == "day" else f"{at:%Y-%m-%d %H:%M}"
        kind = "done" if event.kind == "step" else event.kind
        begin = f"{output.paint(f'{time:<16}', dim=True)}  {kind:<{_LONGEST_KIND}}  "
        begin += output.paint(output.fit(output.clean(event.ref), width), bold=True) + "  "
        yield from output.wrap(_event_text(event), " " * 18, begin)


def _event_text(event: Event) -> str:
    """Return what happened, in words."""
    facts = event.facts
    if event.kind == "state":
        change = " -> ".join(filter(None, (facts.get("old"), facts.get("new"))))
        return f"{change}: {event.text}" if event.text else change
    if event.kind == "commit":
        return f"{facts['short']}  {event.text}"
    if event.kind == "step":
        why = {"note": "as its note says", "log": "when the log ticked it", "unknown": "nothing says when"}
        behind = f"  ({facts['commits'].replace(',', ', ')})" if "commits" in facts else ""
        said = f"  ({why[facts['source']]})" if facts["source"] in why else ""
        return event.text + behind + said
    if event.kind == "run":
        exit_code = f" {facts['exit_code']}" if facts["status"] == "failed" else ""
        metrics = [f"{name.removeprefix('metric ')} {value}" for name, value in facts.items() if name[:7] == "metric "]
        told = ", ".join([f"{facts['status']}{exit_code}", *metrics])
        return f"{event.text}  ({told})" + (f"  {facts['why']}" if "why" in facts else "")
    if event.kind == "conclusion" and "verdict" in facts:
        return f"{facts['verdict']}: {event.text}" if event.text else facts["verdict"]
    return f"({event.commit[:7]}) {event.text}" if event.kind == "note" and event.commit else event.text
