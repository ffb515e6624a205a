"""The appendix: the full record of each experiment, for a reader who wants to check."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

from orglab.experiment.model import Step
from orglab.experiment.other_text import read_other_text
from orglab.experiment.section_text import headings_below
from orglab.history.events import Event
from orglab.report.blocks import (
    Block,
    Blocks,
    Code,
    CodeBlock,
    Heading,
    Inline,
    Inlines,
    List,
    ListItem,
    Paragraph,
    Small,
    Strong,
    Table,
    Text,
    make_anchor,
)
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.figures import claim_figures, claim_run
from orglab.report.content.plots import history_chart
from orglab.report.content.settings_table import make_settings_table
from orglab.report.content.statements import Report, Statement
from orglab.report.content.wording import Wording, claim_closed, claim_done, claim_note, claim_text
from orglab.runs.description import outcome_text
from orglab.runs.record import Run
from orglab.runs.setting import counts_as_failed, read_final
from orglab.runs.step_results import Results
from orglab.text import cardinal, count, cut, duration, number

_MAX_CHARTS = 24
_MAX_METRICS = 6
_MAX_COMMAND_LENGTH = 120
_MAX_LINES = 20


def choose_charted(report: Report) -> frozenset[str]:
    """Return the experiments that get a chart of their runs: of many, the most recently active.

    Hundreds of charts are no longer useful, and a PDF of them takes minutes.
    """
    times = {activity.ref: activity.last_moment() or report.period.since for activity in report.touched}
    with_results = [ref for ref in times if ref in report.results]
    return frozenset(sorted(with_results, key=lambda ref: times[ref])[-_MAX_CHARTS:])


def lay_out_record(
    activity: ExperimentActivity, report: Report, wording: Wording, *, is_drawn: bool, is_result: bool
) -> Iterator[Block]:
    """Yield the full record of an experiment, but for the question that stands at its result."""
    ref, experiment = activity.ref, activity.experiment
    yield Heading(2, (*wording.inline(activity.title, ref), Text(" "), wording.links.to(ref)), make_anchor(ref))
    if experiment.description and not is_result:
        yield Paragraph(wording.inline(experiment.description, ref))
    if experiment.steps:
        done = {event.ref: event for event in activity.events if event.kind == "step"}
        yield List(tuple(_step(step, done.get(step.ref), activity, wording) for step in experiment.steps), "numbers")
    results = report.results.get(ref, Results())
    if (table := make_settings_table(ref, results, wording)) is not None:
        yield table
    if runs := _find_runs(activity, report):
        yield _runs(runs, wording)
    if is_drawn and (chart := history_chart(ref, results)):
        yield chart
    if notes := _find_notes(activity):
        yield List(tuple(_note(note, wording) for note in notes))
    yield from _lay_out_undated(activity, wording)


def _lay_out_undated(activity: ExperimentActivity, wording: Wording) -> Iterator[Block]:
    """Yield the notes without a time, and the text that is no part of the experiment, in the order of the log."""
    experiment = activity.experiment
    titled = {heading.line_number for heading in headings_below(experiment.heading)}
    found: list[tuple[int, ListItem | tuple[Block, ...]]] = [
        (event.line or 0, _note(event, wording)) for event in _find_undated_notes(activity)
    ]
    for other in read_other_text(experiment):
        title, _, text = other.text.partition("\n") if other.line in titled else ("", "", other.text)
        name = [Paragraph((Strong(wording.inline(title, activity.ref)),))] if title else []
        found.append((other.line, (*name, *_shorten(wording.blocks(text, activity.ref)))))
    items: list[ListItem] = []
    for _, part in sorted(found, key=itemgetter(0)):
        if isinstance(part, ListItem):
            items.append(part)
            continue
        if items:
            yield List(tuple(items))
            items = []
        yield from part
    if items:
        yield List(tuple(items))


def _find_undated_notes(activity: ExperimentActivity) -> list[Event]:
    return [event for event in activity.events if event.kind == "note" and event.text and event.at is None]


def _shorten(blocks: Blocks) -> Iterator[Block]:
    """Yield blocks with the first lines of long code, tables and lists, and how many lines are left out."""
    for block in blocks:
        left = 0
        match block:
            case CodeBlock(text=text):
                lines = text.split("\n")
                left = len(lines) - _MAX_LINES
                shown: Block = replace(block, text="\n".join(lines[:_MAX_LINES]))
            case Table(rows=rows):
                left = len(rows) - _MAX_LINES
                shown = replace(block, rows=rows[:_MAX_LINES], rules=tuple(at for at in block.rules if at < _MAX_LINES))
            case List(items=items):
                left = len(items) - _MAX_LINES
                shown = replace(block, items=items[:_MAX_LINES])
            case _:
                shown = block
        # What says that a single line is left out would take its place.
        yield shown if left > 1 else block
        if left > 1:
            yield Paragraph((Small((Text(f"(… {count(left, 'more line', 'grouped')})"),)),))


def claim_record(activity: ExperimentActivity, report: Report) -> Statement:
    """Return the facts in the record of an experiment, as a statement of its own."""
    claims = [claim_text(activity.ref, activity.title, "title"), *claim_closed(activity.ref, activity.closed)]
    claims += [claim for step in activity.steps_done() for claim in claim_done(step.ref, step.text)]
    results = report.results.get(activity.ref, Results())
    if len(results.outcomes) > 1:
        claims += claim_figures(results.outcomes, results.metrics, results)
    commits = report.wording.links.commits
    names = (name for step in activity.experiment.steps for name in report.wording.find_commits(step))
    claims += [Claim("commit", commits[name].hash) for name in names if name in commits]
    claims += [claim_note(event) for event in (*_find_notes(activity), *_find_undated_notes(activity))]
    for run in _find_runs(activity, report):
        claims.append(claim_run(run))
        claims += [Claim("run", run.id, "seconds", run.seconds)] if run.seconds is not None else []
        # Those of a run that goes on are not its last ones.
        final = [] if run.is_going_on else [*run.metrics][:_MAX_METRICS]
        values = ((name, read_final(run, name)) for name in final)
        claims += [Claim("metric", run.id, name, value) for name, value in values if value is not None]
    return Statement((Text(f"The record of {activity.ref}"),), tuple(claims))


def _find_runs(activity: ExperimentActivity, report: Report) -> list[Run]:
    """Return the runs of the period, and those that the results rest on."""
    results = report.results.get(activity.ref, Results())
    counted = {run.id for outcome in results.outcomes for run in outcome.runs}
    return [run for run in activity.runs if report.period.contains(run.began) or run.id in counted]


def _find_notes(activity: ExperimentActivity) -> list[Event]:
    return [event for event in activity.recent if event.kind == "note" and event.text]


def _step(step: Step, done: Event | None, activity: ExperimentActivity, wording: Wording) -> ListItem:
    """Return a step with the date it was done, its runs and its commits."""
    content: list[Inline] = [*wording.inline(step.text, activity.ref), Text(" "), wording.links.to(step.ref)]
    if done is not None:
        content.append(Text(f", done {wording.day(done.at)}" if done.at else ", done (date not recorded)"))
    if runs := [run for run in activity.runs if run.ref == step.ref]:
        failed = sum(map(counts_as_failed, runs))
        also = f", {cardinal(failed, 'words')} failed" if failed else ""
        took = duration(sum(run.seconds or 0 for run in runs))
        content.append(Text(f"; {count(len(runs), 'run', 'grouped')} in {took}{also}"))
    for name in wording.find_commits(step):
        content += [Text("; "), *_commit(name, wording)]
    state = "done" if done is not None else "partial" if step.state == "partial" else "open"
    return ListItem((Paragraph(tuple(content)),), state, number=step.number, anchor=make_anchor(step.ref))


def _commit(name: str, wording: Wording) -> Inlines:
    """Return a commit with its subject and date."""
    commit = wording.links.commits.get(name)
    cited = wording.links.to_commit(name)
    if commit is None:
        return (cited, Text(" is not in the repository" if wording.links.commits else ""))
    return (cited, Text(f" {commit.subject} ({wording.day(commit.when)})"))


def _runs(runs: Sequence[Run], wording: Wording) -> Table:
    """Return a table of the runs: the command, duration, outcome and metrics of each."""
    header = tuple((Text(name),) for name in ("Run", "Step", "Command", "Duration", "Outcome", "Metrics"))
    rows = []
    for run in runs:
        short = cut(" ".join(run.argv), _MAX_COMMAND_LENGTH)
        took = duration(run.seconds) if run.seconds is not None else "\u2013"
        step: Inlines = (wording.links.to(run.ref),) if run.ref else ()
        command: Inlines = (Code(short),) if short else ()
        if run.why:
            command += (Text(f" {run.why}"),)
        rows.append(((wording.links.to_run(run),), step, command, (Text(took),),
                     (Text(outcome_text(run)),), _metrics(run)))  # fmt: skip
    return Table(header, tuple(rows), ("left", "left", "left", "right"))


def _metrics(run: Run) -> Inlines:
    """Return the final metrics of a run, or the first few of many."""
    names = list(run.metrics)
    content: list[Inline] = []
    for name in names[:_MAX_METRICS]:
        value = read_final(run, name)
        shown = number(value) if value is not None else str(run.metrics[name])
        content += [*([Text(", ")] if content else []), Code(name), Text(f" {shown}")]
    if len(names) > _MAX_METRICS:
        content.append(Text(f" and {count(len(names) - _MAX_METRICS, 'more metric', 'grouped')}"))
    return tuple(content) or (Text("\u2013"),)


def _note(note: Event, wording: Wording) -> ListItem:
    """Return a note with its date."""
    quote, below = wording.quotation(note.text, note.ref.partition(".")[0])
    when = (Text(f"{wording.day(note.at)} "),) if note.at else ()
    return ListItem((Paragraph((*when, wording.links.to(note.ref), Text(": "), *quote)), *_shorten(below)))
