"""Experiments in lists and as pages, with steps, notes, commits and runs."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from orglab.api.ask import OpenSteps, Shown, is_active
from orglab.cli import output
from orglab.experiment.model import Experiment, Step
from orglab.experiment.section_text import Note
from orglab.org.timestamp import Timestamp

if TYPE_CHECKING:
    from orglab.git.commit import Commit
    from orglab.git.mentions import Mention
    from orglab.runs.record import Run

BOXES = {"open": "[ ]", "partial": "[-]", "done": "[X]"}
# If fewer columns than this are left for a title, the date is left out.
_TITLE_ROOM = 24
# The beginning of the subjects that `orglab commit` writes.
_LOG_COMMIT = r"(?:\[[^\]\s]+\][ ,]*)+log: "
# The number of commits and of runs that a page shows; the JSON has all of them.
_MOST = 10


def experiment_table(experiments: list[Experiment], active: str | None) -> Iterator[str]:
    """Yield a line for each experiment: reference, state, progress, date, title, verdict.

    The title comes last, because it is cut on a terminal and complete in a pipe; the columns before it are aligned.
    """
    refs = [output.clean(one.ref) for one in experiments]
    states = [output.clean(one.state or "-") for one in experiments]
    counts = [f"{one.progress.done}/{one.progress.total}" if one.progress.total else "-" for one in experiments]
    dates = [one.created.isoformat()[:10] if one.created else "-" for one in experiments]
    ref_width, count_width, date_width = (max(map(output.width, texts)) for texts in (refs, counts, dates))
    state_width = min(max(map(output.width, states)), 12)
    limit = output.columns()
    room = limit - (2 + ref_width + 2 + state_width + 2 + count_width + 2) if limit else 0
    has_dates = not limit or room - date_width - 2 >= _TITLE_ROOM
    room = max(room - (date_width + 2) * has_dates, 1) if limit else 0
    kinds = {one.state: one.kind for one in {one.state: one for one in experiments}.values()}
    for experiment, ref, state, count, date in zip(experiments, refs, states, counts, dates, strict=True):
        begin = (
            ("> " if is_active(experiment, active) else "  ")
            + output.paint(output.fit(ref, ref_width), bold=True)
            + "  "
            + output.paint(output.fit(state, state_width), state=kinds[experiment.state])
            + f"  {count:>{count_width}}  "
        )
        if has_dates:
            begin += output.paint(f"{date:<{date_width}}", dim=True) + "  "
        yield (begin + _title(experiment, room)).rstrip()


def _title(experiment: Experiment, room: int) -> str:
    """Return title and verdict in `room` columns; 0 means no limit."""
    title = output.clean(experiment.title)
    verdict = output.clean(experiment.verdict or "") if experiment.is_done else ""
    suffix = f"  ({verdict})" if verdict else ""
    if not room:
        return title + suffix
    if output.width(title + suffix) > room and output.width(suffix) < room // 2:
        return output.fit(title, room - output.width(suffix)).rstrip() + suffix
    return output.fit(title + suffix, room)


def head_line(experiment: Experiment) -> list[str]:
    """Return the lines with the reference and the title."""
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
        yield f"created {format_time(experiment.created)}"
    if experiment.closed:
        yield f"closed {format_time(experiment.closed)}"


def conclusion_lines(experiment: Experiment) -> Iterator[str]:
    """Yield the conclusion of an experiment, if there is one."""
    conclusion = experiment.conclusion
    if not (conclusion.text or conclusion.verdict):
        return
    yield ""
    verdict = ": " + output.clean(conclusion.verdict) if conclusion.verdict else ""
    at = f"  ({format_time(conclusion.at)})" if conclusion.at else ""
    yield output.paint("Conclusions" + verdict, bold=True) + output.paint(at, dim=True)
    if conclusion.text:
        yield from output.wrap(conclusion.text, "  ")
    if earlier := conclusion.entries[:-1]:
        described = (" ".join(filter(None, (one.verdict, format_time(one.at)))) or "unknown" for one in earlier)
        hint = f"Earlier: {', '.join(described)}; see orglab show {experiment.id} --history"
        yield output.paint(output.clean(f"  {hint}"), dim=True)


def step_lines(step: Step, active: str | None, commits: "Mapping[str, Commit] | None" = None) -> Iterator[str]:
    """Yield a step, its commits and its notes.

    Args:
        step: The step.
        active: The reference of the active step.
        commits: The commits that exist in this clone, by the hashes in the log; their subjects are shown.
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
            begin = output.paint(f"{indent}({name})  {known[name].when_there:%Y-%m-%d}", dim=True)
            yield from output.wrap(known[name].subject, indent + "  ", begin + "  ")
    for note in step.notes:
        yield from note_lines(note, indent)


def note_lines(note: Note, indent: str) -> Iterator[str]:
    """Yield a note: its time, its commit, its text."""
    head = "  ".join(filter(None, (format_time(note.at), note.commit)))
    bullet = f"{indent}- {output.paint(head, dim=True)}"
    if not head:
        yield from output.wrap(note.text, indent + "  ", bullet)
    elif "\n" not in note.text and output.has_room(f"{bullet}  "):
        yield from output.wrap(note.text, indent + "  ", f"{bullet}  ")
    else:
        yield bullet
        yield from output.wrap(note.text, indent + "  ")


def format_time(time: Timestamp | None) -> str:
    """Return a time with a space between day and hour; empty for None."""
    return time.isoformat().replace("T", " ") if time is not None else ""


def shown_lines(shown: Shown) -> Iterator[str]:
    """Yield an experiment or a step as a page of text, with its commits and runs."""
    experiment, step = shown.experiment, shown.step
    if step is None:
        yield from experiment_lines(experiment, shown.active, shown.commits)
    else:
        yield from [*head_line(experiment), ""]
        yield from step_lines(step, shown.active, shown.commits)
    yield from _commit_and_run_lines(shown)


def open_steps_lines(open_steps: OpenSteps) -> Iterator[str]:
    """Yield open steps, below their experiments."""
    before = None
    for experiment, step in open_steps.steps:
        if experiment is not before:
            yield from [""] * (before is not None)
            yield from head_line(experiment)
        yield from step_lines(step, open_steps.active)
        before = experiment


def _commit_and_run_lines(shown: Shown) -> Iterator[str]:
    """Yield the commits that name an experiment or step, and its runs, newest first.

    Commits that a step shows are left out, and commits of the log alone, because the page shows what they changed.
    """
    on_page = {commit.hash for commit in shown.commits.values()}
    others = [
        one for one in shown.mentions if one.hash not in on_page and not re.match(_LOG_COMMIT, one.commit.subject)
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
    """Return the line of a commit: hash, date, subject."""
    commit = mention.commit
    return output.wrap(
        commit.subject, "    ", output.paint(f"  {commit.short}  {commit.when_there:%Y-%m-%d}", dim=True) + "  "
    )


def _run_lines(run: "Run") -> list[str]:
    """Return the line of a run: time, step, outcome, command."""
    from orglab.runs.description import outcome_text  # noqa: PLC0415 - most experiments have no runs

    began = run.began.isoformat(" ", "minutes") if run.began is not None else output.clean(run.id)
    head = output.paint(f"  {began}", dim=True) + output.clean(f"  {run.ref}  {outcome_text(run)}  ")
    return output.wrap(" ".join(run.argv), "    ", head)
