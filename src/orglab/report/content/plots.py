"""What the charts of a report show: experiments over time, a metric step by step, a metric over a run."""

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
from orglab.runs.statistics import Results
from orglab.text import count

_MAX_ROWS = 60
_MAX_SERIES = 12
_MAX_POINTS = 400
_STATUS = {"doing": "open", "todo": "open", "waiting": "waiting", "dropped": "canceled", "done": "concluded"}
# What a row of a history counts by, where it says so.
_COUNTERS = ("step", "epoch", "iteration", "global_step")


def timeline(report: Report) -> Chart | None:
    """Return the time line of the experiments that something happened to; None for fewer than two."""
    rows = [row for one in report.touched if (row := _timeline_row(one, report)) is not None]
    if len(rows) < 2:  # noqa: PLR2004 - one bar compares nothing
        return None
    caption = ""
    if len(rows) > _MAX_ROWS:
        caption = f"The {_MAX_ROWS} of {count(len(rows), 'experiment', 'grouped')} that something happened to last."
        times = {one.ref: one.last_moment() or report.period.since for one in report.touched}
        newest = set(sorted(times, key=lambda ref: times[ref])[-_MAX_ROWS:])
        rows = [row for row in rows if row.label in newest]
    plot = Timeline(tuple(rows), report.period.last_day, report.period.since.date())
    return Chart(plot, "Experiments over time", (Text(caption),) if caption else ())


def _timeline_row(activity: ExperimentActivity, report: Report) -> TimelineRow | None:
    """Return the bar of an experiment, or None if nobody knows when it began."""
    dates = [event.at for event in activity.events if event.at is not None]
    created = activity.experiment.created
    start = created.when if created is not None and created.when < report.period.until else min(dates, default=None)
    if start is None:
        return None
    verdict = activity.experiment.conclusion.verdict if activity.kind == "done" else None
    end = activity.closed.date() if activity.closed is not None else None
    status = verdict or _STATUS.get(activity.kind or "", "open")
    first = min(start.date(), end) if end is not None else start.date()
    return TimelineRow(activity.ref, activity.experiment.title, first, end, status, make_anchor(activity.ref))


def steps_chart(ref: str, results: Results, wording: Wording) -> Chart | None:
    """Return the final values of the first key metric, step by step; None if there are fewer than two to compare."""
    for metric in results.metrics[:1]:
        rows = [
            StepResult(
                outcome.step.ref, plain(wording.inline(outcome.step.text, ref)),
                tuple(value for _, value in outcome.values(metric)), outcome.is_baseline, make_anchor(outcome.step.ref),
            )
            for outcome in results.outcomes if outcome.values(metric)
        ]  # fmt: skip
        if len(rows) > 1:
            return Chart(StepResults(tuple(rows), metric), f"{ref}: {metric}, step by step")
    return None


def history_chart(ref: str, results: Results) -> Chart | None:
    """Return how the first key metric went in the runs that count; None if they have no history of it."""
    runs = [(outcome.step.ref, run) for outcome in results.outcomes for run in outcome.runs]
    for metric in results.metrics[:1]:
        read = [(step, run, *_history(run, metric)) for step, run in runs[-_MAX_SERIES:]]
        series = [Series(_name(run), points, step) for step, run, _, points in read if len(points) > 1]
        if series:
            counters = {counter for _, _, counter, points in read if len(points) > 1}
            rest = f"The last {_MAX_SERIES} of {count(len(runs), 'run', 'grouped')}." if len(runs) > _MAX_SERIES else ""
            x = counters.pop() if len(counters) == 1 else "step"
            return Chart(
                MetricHistory(tuple(series), metric, x), f"{ref}: {metric} over the runs", (Text(rest),) if rest else ()
            )
    return None


def _name(run: Run) -> str:
    """Return what a run is called in a legend."""
    return f"seed {', '.join(run.seeds)}" if run.seeds else run.id


def _history(run: Run, metric: str) -> tuple[str, Sequence[tuple[float, float | None]]]:
    """Return what the history of a metric is counted by, and its points; of many, those that show its shape."""
    counter = "step"
    points: list[tuple[float, float | None]] = []
    for place, row in enumerate(run.history()):
        if metric not in row:
            continue
        value = row[metric]
        known = next((name for name in _COUNTERS if _is_number(row.get(name))), "")
        counter = known or counter
        points.append((float(row[known]) if known else float(place), float(value) if _is_number(value) else None))
    return counter, tuple(_thinned(points))


def _is_number(value: object) -> bool:
    # An integer that no float can hold would stop all.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # noqa: PLR2004


def _thinned(points: Sequence[tuple[float, float | None]]) -> Iterator[tuple[float, float | None]]:
    """Yield points so few that a chart can show them: of each stretch the least and the greatest value, and a gap."""
    if len(points) <= _MAX_POINTS:
        yield from points
        return
    stretch = -(-2 * len(points) // _MAX_POINTS)
    for begin in range(0, len(points), stretch):
        part = points[begin : begin + stretch]
        known = [(value, place) for place, (_, value) in enumerate(part) if value is not None]
        chosen = {min(known)[1], max(known)[1]} if known else {0}
        yield from (part[place] for place in sorted(chosen))
