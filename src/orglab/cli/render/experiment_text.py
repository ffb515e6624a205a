"""Experiments in lists and as pages, with steps, notes, commits and runs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orglab.api.ask import Listed, OpenSteps, Shown
from orglab.cli import output
from orglab.experiment.author import describe_author
from orglab.experiment.conclusion import Conclusion
from orglab.experiment.lookup import is_active
from orglab.experiment.model import Experiment, Step
from orglab.experiment.other_text import read_other_text
from orglab.experiment.section_text import Note
from orglab.org.timestamp import Timestamp, skip_date
from orglab.text import count as count_of
from orglab.text import cut

if TYPE_CHECKING:
    from orglab.git.commit import Commit
    from orglab.git.mentions import Mention

BOXES = {"open": "[ ]", "partial": "[-]", "done": "[X]"}
# If fewer columns than this are left for a title, the date is left out.
_TITLE_ROOM = 24
# The beginning of the messages that `orglab commit` writes, for each `hooks.position`.
_LOG_COMMIT = r"(?:\[[^\]\s]+\][ ,]*)+log: |log: (?:\[|.*\n\n(?:.*\n)*Refs: )"
# The number of commits and of runs that a page shows; the JSON has all of them.
_MOST = 10
_STEP_INDENT = 10
# Of the first line of an earlier conclusion
_LONGEST_EARLIER = 100


def experiment_table(listed: Listed) -> Iterator[str]:
    """Yield a line for each experiment: reference, state, progress, date, the metric it is sorted by, title, verdict.

    The title comes last, because it is cut on a terminal and complete in a pipe; the columns before it are aligned.
    """
    experiments, active = listed.experiments, listed.active
    refs = [output.clean(one.ref) for one in experiments]
    states = [output.clean(one.state or "-") for one in experiments]
    counts = [f"{one.progress.done}/{one.progress.total}" if one.progress.total else "-" for one in experiments]
    dates = [one.created.isoformat()[:10] if one.created else "-" for one in experiments]
    ref_width, count_width, date_width = (max(map(output.width, texts)) for texts in (refs, counts, dates))
    state_width = min(max(map(output.width, states)), 12)
    metrics = _metric_cells(listed)
    metric_width = max(map(output.width, metrics)) + 2 if listed.metric else 0
    limit = output.columns()
    room = limit - metric_width - (2 + ref_width + 2 + state_width + 2 + count_width + 2) if limit else 0
    has_dates = not limit or room - date_width - 2 >= _TITLE_ROOM
    room = max(room - (date_width + 2) * has_dates, 1) if limit else 0
    kinds = {one.state: one.kind for one in {one.state: one for one in experiments}.values()}
    for experiment, ref, state, count, date, metric in zip(
        experiments, refs, states, counts, dates, metrics, strict=True
    ):
        begin = (
            ("> " if is_active(experiment, active) else "  ")
            + output.paint(output.fit(ref, ref_width), bold=True)
            + "  "
            + output.paint(output.fit(state, state_width), state=kinds[experiment.state])
            + f"  {count:>{count_width}}  "
        )
        if has_dates:
            begin += output.paint(f"{date:<{date_width}}", dim=True) + "  "
        if metric_width:
            begin += output.fit(metric, metric_width - 2) + "  "
        yield (begin + _title(experiment, room)).rstrip()


def _metric_cells(listed: Listed) -> list[str]:
    """Return the metric of each experiment that the list is sorted by; empty texts if there is none."""
    if listed.metric is None:
        return [""] * len(listed.experiments)
    from orglab.runs.summary_text import describe_summary, find_decimals  # noqa: PLC0415 - few lists have a metric

    decimals = find_decimals(listed.summaries.values())
    summaries = (listed.summaries.get(one.ref) for one in listed.experiments)
    return ["-" if one is None else describe_summary(one, decimals) for one in summaries]


def _title(experiment: Experiment, room: int) -> str:
    """Return title and verdict in `room` columns; 0 means no limit."""
    title = output.clean(skip_date(experiment.title))
    suffix = f"  {output.verdict(experiment.verdict)}" if experiment.verdict and experiment.is_done else ""
    if not room:
        return title + suffix
    taken = output.width(output.plain(suffix))
    if output.width(title) + taken > room and taken < room // 2:
        return output.fit(title, room - taken).rstrip() + suffix
    return title + suffix if output.width(title) + taken <= room else output.fit(title, room)


def head_line(experiment: Experiment, title: str | None = None) -> list[str]:
    """Return the lines with the reference and the title, as it is written if no other form is given."""
    ref = output.clean(experiment.ref)
    return output.wrap(title or experiment.title, " " * (len(ref) + 2), output.paint(ref, bold=True) + "  ")


def state_line(experiment: Experiment) -> str:
    """Return an experiment's reference, state and title."""
    return f"{experiment.ref}  {output.clean(experiment.state or '-')}  {output.clean(experiment.title)}"


_LINES = 20
"""The most lines that are shown of a text which belongs to no part of an experiment."""


def _page(shown: Shown, *, is_whole: bool) -> Iterator[str]:
    """Yield an experiment as a page of text: what it showed first, then how."""
    experiment = shown.experiment
    yield from head_line(experiment)
    yield from output.flow(_facts(experiment))
    yield output.paint(output.clean(f":{':'.join(experiment.tags)}:  {experiment.file}:{experiment.line}"), dim=True)
    if experiment.description:
        yield ""
        yield from output.wrap(experiment.description, "")
    yield from conclusion_lines(experiment)
    if experiment.steps:
        yield ""
        yield output.paint("Steps", bold=True)
        yield from _comparison_lines(shown)
        for step in experiment.steps:
            yield from _step_lines(step, shown)
    if shown.results is not None and any(one.ref == experiment.ref for one in shown.results.outcomes):
        yield from _own_results_lines(experiment, shown)
    notes = _without_runs(experiment.notes, shown)
    if notes:
        yield ""
        yield output.paint("Notes", bold=True)
        for note in notes:
            yield from note_lines(note, "  ")
    if others := read_other_text(experiment):
        yield ""
        yield output.paint("Other text", bold=True)
        for other in others:
            lines = other.text.split("\n")
            if not is_whole and len(lines) > _LINES + 1:
                more = f"(… {count_of(len(lines) - _LINES, 'more line')}: orglab show {experiment.id} --full)"
                lines = [*lines[:_LINES], more]
            yield from note_lines(other._replace(text="\n".join(lines)), "  ")


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
    verdict = ": " + output.verdict(conclusion.verdict) if conclusion.verdict else ""
    known = (format_time(conclusion.at), describe_author(conclusion.author), _describe_confirmation(conclusion))
    told = ", ".join(filter(None, known))
    at = f"  ({told})" if told else ""
    yield output.paint("Conclusions", bold=True) + verdict + output.paint(at, dim=True)
    if conclusion.text:
        yield from output.wrap(conclusion.text, "  ")
    if earlier := conclusion.entries[:-1]:
        yield output.paint(f"  Earlier (orglab show {output.clean(experiment.id)} --history):", dim=True)
        for entry in earlier:
            head = " ".join(filter(None, (entry.verdict, format_time(entry.at), describe_author(entry.author))))
            text = cut(entry.text.partition("\n")[0], _LONGEST_EARLIER)
            yield output.paint(output.clean(f"    {': '.join(filter(None, (head, text)))}"), dim=True)


def _describe_confirmation(conclusion: Conclusion) -> str:
    """Return whether a person confirmed the conclusion of an author; empty if a person wrote it."""
    if conclusion.confirmed is not None:
        return f"confirmed {format_time(conclusion.confirmed)}"
    return "not confirmed" if conclusion.is_unconfirmed else ""


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
    """Yield a note: its time, its commit, its author, its text."""
    head = "  ".join(filter(None, (format_time(note.at), note.commit, describe_author(note.author))))
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


def shown_lines(shown: Shown, *, is_whole: bool) -> Iterator[str]:
    """Yield an experiment or a step as a page of text, with commits and runs; `is_whole` shows all other text."""
    experiment, step = shown.experiment, shown.step
    if step is None:
        yield from _page(shown, is_whole=is_whole)
    else:
        yield from [*head_line(experiment), ""]
        yield from _comparison_lines(shown)
        yield from _step_lines(step, shown)
    yield from _commit_and_run_lines(shown)


def open_steps_lines(open_steps: OpenSteps) -> Iterator[str]:
    """Yield open steps, below their experiments."""
    before = None
    for experiment, step in open_steps.steps:
        if experiment is not before:
            yield from [""] * (before is not None)
            yield from head_line(experiment, skip_date(experiment.title))
        yield from step_lines(step, open_steps.active)
        before = experiment


def _commit_and_run_lines(shown: Shown) -> Iterator[str]:
    """Yield the commits that name an experiment or step, and its runs, newest first.

    Commits that a step shows are left out, and commits of the log alone, because the page shows what they changed.
    """
    on_page = {commit.hash for commit in shown.commits.values()}
    others = [
        one for one in shown.mentions if one.hash not in on_page and not re.match(_LOG_COMMIT, one.commit.message)
    ]
    if others:
        yield ""
        yield output.paint("Commits", bold=True)
        for mention in others[:_MOST]:
            yield from _mention_lines(mention)
        if (more := len(others) - _MOST) > 0:
            yield output.paint(f"  and {more} more: orglab refs {output.clean(shown.experiment.id)}", dim=True)
    yield from _run_lines(shown)


def _mention_lines(mention: "Mention") -> list[str]:
    """Return the line of a commit: hash, date, subject."""
    commit = mention.commit
    return output.wrap(
        commit.subject, "    ", output.paint(f"  {commit.short}  {commit.when_there:%Y-%m-%d}", dim=True) + "  "
    )


def _step_lines(step: Step, shown: Shown) -> Iterator[str]:
    """Yield a step, its numbers, its commits and its notes; those of runs that are listed below are left out."""
    yield from step_lines(step._replace(notes=tuple(_without_runs(step.notes, shown))), shown.active, shown.commits)
    if shown.results is not None:
        from orglab.cli.render.results_text import step_results_line  # noqa: PLC0415 - most experiments have no runs

        line = step_results_line(shown.results, step.ref)
        if line:
            yield from output.wrap(line, " " * _STEP_INDENT)


def _own_results_lines(experiment: Experiment, shown: Shown) -> Iterator[str]:
    """Yield the results of the runs that belong to the experiment itself, and not to a step."""
    from orglab.cli.render.results_text import step_results_line  # noqa: PLC0415 - most experiments have no runs

    line = step_results_line(shown.results, experiment.ref) if shown.results is not None else ""
    if line:
        yield ""
        yield output.paint("Results", bold=True)
        if not experiment.steps:
            yield from _comparison_lines(shown)
        yield from output.wrap(line, "  ")


def _comparison_lines(shown: Shown) -> Iterator[str]:
    """Yield what the numbers are compared with, and the claim."""
    if shown.results is not None:
        from orglab.cli.render.results_text import comparison_lines  # noqa: PLC0415 - most experiments have no runs

        yield from comparison_lines(shown.results)


def _without_runs(notes: Sequence[Note], shown: Shown) -> list[Note]:
    """Return the notes without those that a run wrote and nobody changed: the run is listed with its numbers."""
    if not shown.runs:
        return [*notes]
    from orglab.runs.description import format_note  # noqa: PLC0415 - most experiments have no runs

    written = {" ".join(format_note(run).split()) for run in shown.runs}
    return [note for note in notes if " ".join(note.text.split()) not in written]


def _run_lines(shown: Shown) -> Iterator[str]:
    """Yield the table of the newest runs, each with the reason why it was run."""
    if not shown.runs or shown.table is None:
        return
    from orglab import clock  # noqa: PLC0415 - most experiments have no runs
    from orglab.cli.render.run_table_text import table_lines  # noqa: PLC0415 - the same

    table = shown.table
    yield ""
    yield output.paint("Runs", bold=True)
    yield from table_lines(table._replace(rows=table.rows[-_MOST:]), clock.now(), "  ", with_why=True)
    if (more := len(table.rows) - _MOST) > 0:
        yield output.paint(f"  and {more} more: orglab runs {output.clean(shown.experiment.id)}", dim=True)
