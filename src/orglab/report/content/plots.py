"""The charts of a report: experiments over time, the results of settings, and metrics during runs."""

from collections.abc import Callable

from orglab.experiment.conclusion import Conclusion
from orglab.report.blocks import Chart, Inlines, Text, make_anchor, plain
from orglab.report.chart_model import (
    MetricHistory,
    Series,
    StepResult,
    StepResults,
    Timeline,
    TimelineRow,
)
from orglab.report.content.bands import make_setting_series
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.figures import claim_figures
from orglab.report.content.statements import Report, Statement
from orglab.runs.metrics.directions import find_direction
from orglab.runs.metrics.metric_curves import MetricCurve, read_curve
from orglab.runs.record import Run
from orglab.runs.step_results import Outcome, Results
from orglab.text import count, listed

_MAX_ROWS = 60
_MAX_SERIES = 6
_BETTER = {"min": "lower", "max": "higher", None: ""}


def timeline(report: Report) -> Chart | None:
    """Return the timeline of the experiments with events in the period; None for fewer than two, or a single day."""
    rows = [row for activity in report.touched if (row := _timeline_row(activity, report)) is not None]
    days = {row.start for row in rows} | {row.end for row in rows if row.end is not None}
    if min(len(rows), len(days)) < 2:  # noqa: PLR2004 - a single bar, or bars of one day, show nothing
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
    """Return the bar of an experiment, or None if its beginning is unknown, or after the period.

    Runs may be older than the experiment that they were assigned to.
    """
    dates = [event.at for event in activity.events if event.at is not None]
    created = activity.experiment.created
    start = created.when if created is not None else min(dates, default=None)
    if start is None or start >= report.period.until:
        return None
    end = activity.closed.date() if activity.closed is not None else None
    kind = "doing" if activity.is_under_way else activity.kind
    status = name_status(kind, activity.conclusion)
    title = plain(report.wording.inline(activity.title, activity.ref))
    first = min(start.date(), end) if end is not None else start.date()
    return TimelineRow(activity.ref, title, first, end, status, make_anchor(activity.ref))


def name_status(kind: str | None, conclusion: Conclusion) -> str:
    """Return the outcome of an experiment as the timeline has it: of a closed one its verdict, if it has one.

    Args:
        kind: The kind of its state, as returned by `states.get_state_kind`.
        conclusion: Its conclusion.
    """
    if kind == "done" or (kind is None and (conclusion.text or conclusion.verdict)):
        return conclusion.verdict or ("concluded" if conclusion.text else "closed")
    return {"waiting": "waiting", "dropped": "canceled", None: "without a state"}.get(kind, "open")


def steps_chart(ref: str, results: Results, read_line: Callable[[str, str], Inlines], metric: str = "") -> Chart | None:
    """Return the chart of a metric's final values by setting; None for fewer than two settings.

    Args:
        ref: The experiment.
        results: Its results.
        read_line: Returns the text of a step of an experiment as inlines.
        metric: The metric; empty for the first key metric.
    """
    outcomes = _list_charted(results)
    if not outcomes:
        return None
    metric = metric or results.metrics[0]
    rows = tuple(_row(outcome, metric, ref, results, read_line) for outcome in outcomes)
    other = listed(name_outcome(one) for one in outcomes if results.has_other_code(one))
    caption = (Text(f"Not the code of the baseline: {other}."),) if other else ()
    plot = StepResults(rows, metric, _BETTER[find_direction(metric, results.directions)])
    return Chart(plot, f"{ref}: {metric} by {'setting' if any(one.label for one in outcomes) else 'step'}", caption)


def claim_chart(ref: str, results: Results, metric: str = "") -> Statement | None:
    """Return the facts in that chart, as a statement of its own; None if there is none."""
    if not _list_charted(results):
        return None
    claims = claim_figures(results.outcomes, (metric or results.metrics[0],), results)
    return Statement((Text(f"The chart of {ref}"),), tuple(claims))


def _list_charted(results: Results) -> list[Outcome]:
    """Return the settings in the chart, the baseline among them; none if a sentence shows as much."""
    outcomes = list(results.outcomes)
    if results.baseline is not None and not any(outcome.is_baseline for outcome in outcomes):
        outcomes.insert(0, results.baseline._replace(is_baseline=True))
    return outcomes if len(outcomes) > 1 and results.metrics else []


def _row(
    outcome: Outcome, metric: str, ref: str, results: Results, read_line: Callable[[str, str], Inlines]
) -> StepResult:
    """Return the row of a setting, with what tells it from the others of its step, or else the text of the step."""
    summary = outcome.setting.summarize(metric)
    return StepResult(
        outcome.ref,
        outcome.label or (plain(read_line(outcome.text, ref)) if outcome.text else ""),
        summary.numbers,
        outcome.is_baseline,
        make_anchor(outcome.ref),
        tuple(one.reason for one in summary.left_out),
        results.compare(outcome, metric),
        results.has_other_code(outcome),
    )


def history_chart(ref: str, results: Results) -> Chart | None:
    """Return the chart of the first key metric during the runs of each setting; None if they have no history of it."""
    for metric in results.metrics[:1]:
        outcomes = rank_outcomes(results, metric)
        found: dict[int, Series] = {}
        counters: set[str] = set()
        for outcome in outcomes:
            if len(found) == _MAX_SERIES:
                break
            series, own = make_setting_series(name_outcome(outcome), outcome.setting, metric, _read_curve)
            if series is not None:
                found[results.outcomes.index(outcome)] = series
                counters |= own
        if found:
            caption = ""
            if len(outcomes) > len(found) == _MAX_SERIES:
                which = "the best" if find_direction(metric, results.directions) else "the last"
                caption = (
                    f"Only {_MAX_SERIES} of {count(len(outcomes), 'setting', 'grouped')}: the baseline and {which}."
                )
            plot = MetricHistory(tuple(found[place] for place in sorted(found)), metric, " or ".join(sorted(counters)))
            return Chart(plot, f"{ref}: {metric} during the runs", (Text(caption),) if caption else ())
    return None


def rank_outcomes(results: Results, metric: str) -> list[Outcome]:
    """Return the settings: the baseline first, then the best first, or the last if it is not known which is best."""
    direction = find_direction(metric, results.directions)
    sign = -1 if direction == "max" else 1

    def order(place: int) -> tuple[bool, bool, float]:
        outcome = results.outcomes[place]
        value = outcome.setting.summarize(metric).mean
        return not outcome.is_baseline, value is None, -place if direction is None else sign * (value or 0)

    return [results.outcomes[place] for place in sorted(range(len(results.outcomes)), key=order)]


def name_outcome(outcome: Outcome) -> str:
    """Return what the setting of an outcome is called: `e201.1 lr 0.1`."""
    return " ".join(filter(None, (outcome.ref, outcome.label)))


def _read_curve(run: Run, metric: str) -> MetricCurve:
    return read_curve(run.history(), metric)
