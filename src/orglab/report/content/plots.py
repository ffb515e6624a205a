"""The charts of a report: experiments over time, the results of steps, and metrics during runs."""

from collections.abc import Iterator, Sequence

from orglab.report.blocks import (
    Chart,
    MetricHistory,
    Series,
    StepResult,
    StepResults,
    Text,
    Timeline,
    TimelineRow,
    make_anchor,
    plain,
)
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.statements import Report
from orglab.report.content.wording import Wording
from orglab.runs.record import Run
from orglab.runs.step_results import Outcome, Results
from orglab.text import count

_MAX_ROWS = 60
_MAX_SERIES = 12
_MAX_POINTS = 400
_STATUS = {"doing": "open", "todo": "open", "waiting": "waiting", "dropped": "canceled", "done": "concluded"}
# The names by which a row of a history may say its position.
_COUNTERS = ("step", "epoch", "iteration", "global_step")


def timeline(report: Report) -> Chart | None:
    """Return the timeline of the experiments with events in the period; None for fewer than two."""
    rows = [row for activity in report.touched if (row := _timeline_row(activity, report)) is not None]
    if len(rows) < 2:  # noqa: PLR2004 - a single bar shows nothing
        return None
    caption = ""
    if len(rows) > _MAX_ROWS:
        caption = f"The {_MAX_ROWS} most recently active of {count(len(rows), 'experiment', 'grouped')}."
        times = {activity.ref: activity.last_moment() or report.period.since for activity in report.touched}
        latest = set(sorted(times, key=lambda ref: times[ref])[-_MAX_ROWS:])
        rows = [row for row in rows if row.label in latest]
    plot = Timeline(tuple(rows), report.period.last_day, report.period.since.date())
    return Chart(plot, "Experiments over time", (Text(caption),) if caption else ())


def _timeline_row(activity: ExperimentActivity, report: Report) -> TimelineRow | None:
    """Return the bar of an experiment, or None if its beginning is unknown."""
    dates = [event.at for event in activity.events if event.at is not None]
    created = activity.experiment.created
    start = created.when if created is not None and created.when < report.period.until else min(dates, default=None)
    if start is None:
        return None
    verdict = activity.conclusion.verdict if activity.kind == "done" else None
    end = activity.closed.date() if activity.closed is not None else None
    status = verdict or _STATUS.get(activity.kind or "", "open")
    first = min(start.date(), end) if end is not None else start.date()
    return TimelineRow(activity.ref, activity.experiment.title, first, end, status, make_anchor(activity.ref))


def steps_chart(ref: str, results: Results, wording: Wording) -> Chart | None:
    """Return the chart of the first key metric's final values by step; None for fewer than two steps."""
    for metric in results.metrics[:1]:
        rows = [
            StepResult(
                outcome.ref, _title(outcome, ref, wording),
                tuple(value for _, value in outcome.values(metric)), outcome.is_baseline, make_anchor(outcome.ref),
            )
            for outcome in results.outcomes if outcome.values(metric)
        ]  # fmt: skip
        if len(rows) > 1:
            return Chart(StepResults(tuple(rows), metric), f"{ref}: {metric} by step")
    return None


def _title(outcome: Outcome, ref: str, wording: Wording) -> str:
    """Return the text of a step, with the setting if it has several."""
    text = plain(wording.inline(outcome.text, ref))
    return f"{outcome.label}: {text}" if outcome.label else text


def history_chart(ref: str, results: Results) -> Chart | None:
    """Return the chart of the first key metric during the runs that count; None if they have no history of it."""
    runs = [(outcome.ref, run) for outcome in results.outcomes for run in outcome.runs]
    for metric in results.metrics[:1]:
        histories = [(step, run, *_history(run, metric)) for step, run in runs[-_MAX_SERIES:]]
        series = [Series(_name(run), points, step) for step, run, _, points in histories if len(points) > 1]
        if series:
            counters = {counter for _, _, counter, points in histories if len(points) > 1}
            caption = ""
            if len(runs) > _MAX_SERIES:
                caption = f"Only the last {_MAX_SERIES} of {count(len(runs), 'run', 'grouped')} are shown."
            x = counters.pop() if len(counters) == 1 else "step"
            plot = MetricHistory(tuple(series), metric, x)
            return Chart(plot, f"{ref}: {metric} during the runs", (Text(caption),) if caption else ())
    return None


def _name(run: Run) -> str:
    """Return the name of a run for a legend."""
    return f"seed {', '.join(run.seeds)}" if run.seeds else run.id


def _history(run: Run, metric: str) -> tuple[str, Sequence[tuple[float, float | None]]]:
    """Return the counter and the points of a metric's history; many points are thinned out, keeping its shape."""
    counter = "step"
    points: list[tuple[float, float | None]] = []
    for index, row in enumerate(run.history()):
        if metric not in row:
            continue
        value = row[metric]
        name = next((name for name in _COUNTERS if _is_number(row.get(name))), "")
        counter = name or counter
        points.append((float(row[name]) if name else float(index), float(value) if _is_number(value) else None))
    return counter, tuple(_thin_out(points))


def _is_number(value: object) -> bool:
    # Converting an integer too large for a float would raise.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # noqa: PLR2004


def _thin_out(points: Sequence[tuple[float, float | None]]) -> Iterator[tuple[float, float | None]]:
    """Yield few enough points for a chart: the minimum and maximum of each stretch, or a gap if it has no values."""
    if len(points) <= _MAX_POINTS:
        yield from points
        return
    stretch = -(-2 * len(points) // _MAX_POINTS)
    for begin in range(0, len(points), stretch):
        part = points[begin : begin + stretch]
        values = [(value, index) for index, (_, value) in enumerate(part) if value is not None]
        kept = {min(values)[1], max(values)[1]} if values else {0}
        yield from (part[index] for index in sorted(kept))
