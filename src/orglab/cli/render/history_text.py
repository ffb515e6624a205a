"""References to experiments, references in a text, the history of an experiment, and the output of `orglab why`."""

import os
from collections.abc import Iterator
from itertools import groupby

from orglab.api.ask import History, References
from orglab.cli import output
from orglab.cli.render.experiment_text import BOXES, format_time, head_line, note_lines
from orglab.config import shorten_path
from orglab.experiment.resolved import Resolved
from orglab.history.event_words import describe_decision, describe_event
from orglab.history.provenance import Link
from orglab.history.references import Occurrence
from orglab.history.why import Reason, Why
from orglab.runs.description import outcome_text
from orglab.runs.record import Run

_KINDS = {"commit": "Commits", "file": "Files", "log": "Log", "journal": "Journal"}
_LONGEST_KIND = 10


def references_lines(references: References, letter: str) -> Iterator[str]:
    """Yield the places that name experiments, by experiment and by kind of place."""
    for number, (name, experiment) in enumerate(references.experiments.items()):
        yield from [""] * bool(number)
        if experiment is not None:
            yield from head_line(experiment)
        else:
            yield output.paint(output.clean(letter + name), bold=True) + "  (unknown experiment)"
        places = [place for place in references.places if place.reference.id == name]
        for kind, of_kind in groupby(places, key=lambda place: place.kind):
            yield output.paint(f"{_KINDS[kind]}", dim=True)
            for _, same in groupby(of_kind, key=lambda place: (place.commit, place.path, place.line)):
                yield from _place_lines([*same], letter)


def _place_lines(places: list[Occurrence], letter: str) -> list[str]:
    """Return the line for the places of one commit or line: the place, the references, the text."""
    place = places[0]
    refs = list(dict.fromkeys(one.reference.spell(letter) for one in places))
    if place.commit is not None:
        begin = f"  {place.commit.short}  {place.commit.when_there:%Y-%m-%d}"
    else:
        begin = f"  {output.clean(shorten_path(os.fspath(place.path or '.')))}:{place.line}"
    is_own = place.within in (None, refs[0].partition(".")[0])
    named = ", ".join(refs) + ("" if is_own else f" (in {place.within})")
    return output.wrap(place.text, "    ", output.paint(begin, dim=True) + output.clean(f"  {named}  "))


def resolved_lines(resolved: Resolved, begin: str) -> list[str]:
    """Return the line of a known reference: for a step its checkbox and text, then the experiment, then the place."""
    experiment = resolved.experiment
    if experiment is None:
        raise AssertionError(resolved)
    step = resolved.step
    checkbox = f"{BOXES[step.state]} {step.text}  " if step is not None else ""
    line = step.line if step is not None else experiment.line
    whole = f"{experiment.ref} " if resolved.spelled != experiment.ref else ""
    verdict = f", {experiment.verdict}" if experiment.is_done and experiment.verdict else ""
    state = f"  ({experiment.state or 'no state'}{verdict})"
    words = f"{checkbox}{whole}{experiment.title}{state}  {experiment.file}:{line}"
    head = begin + output.paint(output.clean(resolved.spelled), bold=True) + "  "
    return output.wrap(words, " " * (len(begin) + 2), head)


def unknown_sentence(resolved: Resolved) -> str:
    """Return the sentence for an unknown reference, with the nearest references that exist."""
    what = (
        f"step {resolved.reference.step} in {resolved.experiment.ref}"
        if resolved.experiment is not None
        else f"experiment {resolved.spelled.partition('.')[0]}"
    )
    near = f"; nearest: {', '.join(resolved.near)}" if resolved.near else ""
    return f"There is no {what}{near}."


def history_lines(history: History) -> Iterator[str]:
    """Yield the history of an experiment or a step, a line for each event: time, kind, reference, text."""
    step, events = history.step, history.events
    yield from head_line(history.experiment)
    if step is not None:
        yield from output.wrap(step.text, "      ", f"  {step.number:>2}. {BOXES[step.state]} ")
    yield ""
    width = max((len(one.ref) for one in events), default=0)
    for event in events:
        at = event.local_time
        time = "unknown" if at is None else f"{at:%Y-%m-%d}" if event.precision == "day" else f"{at:%Y-%m-%d %H:%M}"
        kind = "done" if event.kind == "step" else event.kind
        begin = f"{output.paint(f'{time:<16}', dim=True)}  {kind:<{_LONGEST_KIND}}  "
        begin += output.paint(output.fit(output.clean(event.ref), width), bold=True) + "  "
        yield from output.wrap(describe_event(event), " " * 18, begin)


def why_lines(answer: Why) -> Iterator[str]:
    """Yield an answer: the chain of links, the remarks, and the experiments it leads to."""
    yield output.paint(output.clean(answer.subject), bold=True)
    for link in answer.links:
        yield from _link_lines(link)
    for remark in answer.remarks:
        yield from output.wrap(remark, "    ", "  ! ")
    for reason in answer.reasons:
        yield ""
        yield from _reason_lines(reason)


def _link_lines(link: Link) -> Iterator[str]:
    """Yield a link: the commit or run, its time and subject, and how it is connected to the link before it."""
    mark = "~" if link.is_near else "-"
    if link.run is not None:
        yield from _run_lines(link.run, link.how, mark)
    elif link.commit is not None:
        head = f"  {mark} {output.paint(link.commit.short, bold=True)}  {link.commit.when_there:%Y-%m-%d %H:%M}  "
        yield from output.wrap(link.commit.subject, "      ", head)
        yield from output.wrap(link.how, "      ")
    else:
        yield from output.wrap(link.how, "      ", f"  {mark} ")


def _run_lines(run: Run, how: str, mark: str) -> Iterator[str]:
    """Yield a run: its time, outcome, command and reason."""
    began = f"  {run.began_there:%Y-%m-%d %H:%M}" if run.began_there else ""
    yield from output.flow(
        [
            f"  {mark} {output.paint(output.clean(run.id), bold=True)}{began}",
            *map(output.clean, filter(None, (outcome_text(run), describe_decision(run)))),
        ]
    )
    yield from output.wrap(" ".join(run.argv), "        ", "      $ ")
    if run.why:
        yield from output.wrap(run.why, "      ")
    yield from output.wrap(how, "      ")


def _reason_lines(reason: Reason) -> Iterator[str]:
    """Yield an experiment: title, state, steps concerned, nearest note; at the end the question and the conclusion."""
    experiment = reason.experiment
    yield from head_line(experiment)
    place = output.paint(output.clean(f"{experiment.file}:{experiment.line}"), dim=True)
    yield output.paint(output.clean(experiment.state or "no state"), state=experiment.kind, bold=True) + f"  {place}"
    for step in reason.steps:
        yield from output.wrap(step.text, " " * 10, f"  {step.number:>2}. {BOXES[step.state]} ")
    if reason.note is not None:
        yield output.paint("  The note nearest in time", dim=True)
        yield from note_lines(reason.note, "  ")
    if experiment.description:
        yield output.paint("  Description", dim=True)
        yield from output.wrap(experiment.description, "  ")
    conclusion = experiment.conclusion
    if conclusion.text or conclusion.verdict:
        verdict = f": {conclusion.verdict}" if conclusion.verdict else ""
        at = f"  ({format_time(conclusion.at)})" if conclusion.at else ""
        yield output.paint(output.clean(f"  Conclusion{verdict}{at}"), dim=True)
        yield from output.wrap(conclusion.text, "  ") if conclusion.text else ()
    else:
        yield output.paint("  No conclusion yet", dim=True)
