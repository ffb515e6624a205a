"""Experiments: a line of a list, a page, a step, a note, and below a page the commits and runs that are of it."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from orglab.api.ask import OpenSteps, Shown, is_active
from orglab.cli import output
from orglab.experiment.model import Experiment, Note, Step
from orglab.org.timestamp import Timestamp

if TYPE_CHECKING:
    from orglab.git.commit import Commit
    from orglab.git.mentions import Mention
    from orglab.runs.record import Run

BOXES = {"open": "[ ]", "partial": "[-]", "done": "[X]"}
# Where fewer columns than this would be left for a title, the date goes.
_TITLE_ROOM = 24
# As `orglab commit` begins the subject of a commit of the log.
_OF_THE_LOG = r"(?:\[[^\]\s]+\][ ,]*)+log: "
# Of each so many are shown on a page; the JSON has them all.
_MOST = 10


def table(found: list[Experiment], active: str | None) -> Iterator[str]:
    """Yield a line for each experiment: reference, state, progress, date, title, verdict.

    The title stands last: on a terminal it is cut, in a pipe it is whole, and
    what stands before it is aligned in both.
    """
    refs = [output.clean(one.ref) for one in found]
    states = [output.clean(one.state or "-") for one in found]
    counts = [f"{one.progress.done}/{one.progress.total}" if one.progress.total else "-" for one in found]
    dates = [one.created.isoformat()[:10] if one.created else "-" for one in found]
    ref_width, count_width, date_width = (max(map(output.width, texts)) for texts in (refs, counts, dates))
    state_width = min(max(map(output.width, states)), 12)
    limit = output.columns()
    room = limit - (2 + ref_width + 2 + state_width + 2 + count_width + 2) if limit else 0
    has_dates = not limit or room - date_width - 2 >= _TITLE_ROOM
    room = max(room - (date_width + 2) * has_dates, 1) if limit else 0
    kinds = {one.state: one.kind for one in {one.state: one for one in found}.values()}
    for one, ref, state, count, date in zip(found, refs, states, counts, dates, strict=True):
        begin = (
            ("> " if is_active(one, active) else "  ")
            + output.paint(output.fit(ref, ref_width), bold=True)
            + "  "
            + output.paint(output.fit(state, state_width), state=kinds[one.state])
            + f"  {count:>{count_width}}  "
        )
        if has_dates:
            begin += output.paint(f"{date:<{date_width}}", dim=True) + "  "
        yield (begin + _title(one, room)).rstrip()


def _title(experiment: Experiment, room: int) -> str:
    """Return title and verdict in `room` columns; without a limit, in as many as they take."""
    title = output.clean(experiment.title)
    verdict = output.clean(experiment.verdict or "") if experiment.is_done else ""
    behind = f"  ({verdict})" if verdict else ""
    if not room:
        return title + behind
    if output.width(title + behind) > room and output.width(behind) < room // 2:
        return output.fit(title, room - output.width(behind)).rstrip() + behind
    return output.fit(title + behind, room)


def head_line(experiment: Experiment) -> list[str]:
    """Return the reference and the title."""
    ref = output.clean(experiment.ref)
    return output.wrap(experiment.title, " " * (len(ref) + 2), output.paint(ref, bold=True) + "  ")


def state_line(experiment: Experiment) -> str:
    """Return an experiment's reference, state and title."""
    return f"{experiment.ref}  {experiment.state or '-'}  {output.clean(experiment.title)}"


def experiment_lines(
    experiment: Experiment, active: str | None, commits: "Mapping[str, Commit] | None" = None
) -> Iterator[str]:
    """Yield an experiment as a page of text; `commits` as for `step_lines`."""
    yield from head_line(experiment)
    yield from output.flow(_facts(experiment))
    yield output.paint(output.clean(f":{':'.join(experiment.tags)}:  {experiment.file}:{experiment.line}"), dim=True)
    if experiment.description:
        yield ""
        yield from output.wrap(experiment.description, "")
    if experiment.steps:
        yield ""
        yield output.paint("Steps", bold=True)
        for step in experiment.steps:
            yield from step_lines(step, active, commits)
    if experiment.notes:
        yield ""
        yield output.paint("Notes", bold=True)
        for note in experiment.notes:
            yield from note_lines(note, "  ")
    yield from conclusion_lines(experiment)


def _facts(experiment: Experiment) -> Iterator[str]:
    """Yield the state, the progress and the times of an experiment."""
    yield output.paint(output.clean(experiment.state or "no state"), state=experiment.kind, bold=True)
    progress = experiment.progress
    if progress.total:
        yield f"{progress.done} of {progress.total} steps done"
    if experiment.created:
        yield f"created {when(experiment.created)}"
    if experiment.closed:
        yield f"closed {when(experiment.closed)}"


def conclusion_lines(experiment: Experiment) -> Iterator[str]:
    """Yield what came of an experiment, if something did."""
    found = experiment.conclusion
    if not (found.text or found.verdict):
        return
    yield ""
    behind = ": " + output.clean(found.verdict) if found.verdict else ""
    closed = f"  ({when(found.closed)})" if found.closed else ""
    yield output.paint("Conclusions" + behind, bold=True) + output.paint(closed, dim=True)
    if found.text:
        yield from output.wrap(found.text, "  ")


def step_lines(step: Step, active: str | None, commits: "Mapping[str, Commit] | None" = None) -> Iterator[str]:
    """Yield a step, its commits and its notes.

    Args:
        step: The step.
        active: The reference of the active step.
        commits: The commits that are known, by the hashes that the log writes: their subjects are shown.
    """
    mark = ">" if step.ref == active else " "
    head = f"{mark} {step.number:>2}. {BOXES[step.state]} "
    indent = " " * len(head)
    lines = output.wrap(step.text, indent, head)
    known = commits or {}
    if others := [name for name in step.commits if name not in known]:
        hashes = f"({', '.join(others)})"
        if output.columns() and output.width(lines[-1]) + 2 + len(hashes) > output.columns():
            lines.append(indent + output.paint(hashes, dim=True))
        else:
            lines[-1] += "  " + output.paint(hashes, dim=True)
    yield from lines
    for name in step.commits:
        if name in known:
            begin = output.paint(f"{indent}({name})  {known[name].when:%Y-%m-%d}", dim=True)
            yield from output.wrap(known[name].subject, indent + "  ", begin + "  ")
    for note in step.notes:
        yield from note_lines(note, indent)


def note_lines(note: Note, indent: str) -> Iterator[str]:
    """Yield a note: when, at which commit, what."""
    head = "  ".join(filter(None, (when(note.at), note.commit)))
    bullet = f"{indent}- {output.paint(head, dim=True)}"
    if not head:
        yield from output.wrap(note.text, indent + "  ", bullet)
    elif "\n" not in note.text and output.has_room(f"{bullet}  "):
        yield from output.wrap(note.text, indent + "  ", f"{bullet}  ")
    else:
        yield bullet
        yield from output.wrap(note.text, indent + "  ")


def when(time: Timestamp | None) -> str:
    """Return a time as people read it."""
    return time.isoformat().replace("T", " ") if time is not None else ""


def shown_lines(shown: Shown) -> Iterator[str]:
    """Yield an experiment or a step as a page of text, with what else is known of it."""
    experiment, step = shown.experiment, shown.step
    if step is None:
        yield from experiment_lines(experiment, shown.active, shown.commits)
    else:
        yield from [*head_line(experiment), ""]
        yield from step_lines(step, shown.active, shown.commits)
    yield from _known_lines(shown)


def open_steps_lines(found: OpenSteps) -> Iterator[str]:
    """Yield open steps, below their experiments."""
    before = None
    for experiment, step in found.steps:
        if experiment is not before:
            yield from [""] * (before is not None)
            yield from head_line(experiment)
        yield from step_lines(step, found.active)
        before = experiment


def _known_lines(shown: Shown) -> Iterator[str]:
    """Yield the commits that name an experiment or step, and its runs, the newest first.

    Not those that a step shows, nor those of the log alone: what these tell stands on the page.
    """
    on_page = {commit.hash for commit in shown.commits.values()}
    others = [
        one for one in shown.mentions if one.hash not in on_page and not re.match(_OF_THE_LOG, one.commit.subject)
    ]
    if others:
        yield ""
        yield output.paint("Commits", bold=True)
        for mention in others[:_MOST]:
            yield from _mention_lines(mention)
        if (more := len(others) - _MOST) > 0:
            yield output.paint(f"  and {more} more: orglab refs {output.clean(shown.experiment.id)}", dim=True)
    if shown.runs:
        yield ""
        yield output.paint("Runs", bold=True)
        for run in shown.runs[: -_MOST - 1 : -1]:
            yield from _run_lines(run)
        if (more := len(shown.runs) - _MOST) > 0:
            yield output.paint(f"  and {more} more: orglab runs {output.clean(shown.experiment.id)}", dim=True)


def _mention_lines(mention: "Mention") -> list[str]:
    """Return a commit in a line: hash, day, subject."""
    commit = mention.commit
    return output.wrap(
        commit.subject, "    ", output.paint(f"  {commit.short}  {commit.when:%Y-%m-%d}", dim=True) + "  "
    )


def _run_lines(run: "Run") -> list[str]:
    """Return a run in a line: when, which step, how it ended, its command."""
    from orglab.runs.description import outcome_text  # noqa: PLC0415 - most of what is shown has no runs

    began = run.began.isoformat(" ", "minutes") if run.began is not None else output.clean(run.id)
    head = output.paint(f"  {began}", dim=True) + output.clean(f"  {run.ref}  {outcome_text(run)}  ")
    return output.wrap(" ".join(run.argv), "    ", head)
