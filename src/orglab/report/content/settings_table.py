"""The table of the settings of an experiment: the parameters in which they differ, and what they resulted in."""

from collections.abc import Sequence

from orglab.report.blocks import Badge, Code, Inlines, Table, Text
from orglab.report.content.wording import Wording
from orglab.runs.metrics.directions import find_direction
from orglab.runs.setting import counts_as_failed
from orglab.runs.statistics import find_best
from orglab.runs.step_results import Outcome, Results, find_differing
from orglab.runs.summary_text import describe_mean, find_decimals
from orglab.text import cardinal, cut

_MOST_PARAMETERS = 4
_LONGEST_VALUE = 24


def make_settings_table(ref: str, results: Results, wording: Wording) -> Table | None:
    """Return the settings of an experiment as a table; None for fewer than two, which a sentence can tell."""
    outcomes = [outcome for outcome in results.outcomes if outcome.setting.runs]
    if len(outcomes) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    parameters = find_differing([outcome.setting.parameters for outcome in outcomes])[:_MOST_PARAMETERS]
    has_failures = any(counts_as_failed(run) for outcome in outcomes for run in outcome.setting.runs)
    header: list[Inlines] = [(Text("Step"),), *((Code(name),) for name in parameters)]
    header += [(Code(metric),) for metric in results.metrics] + [(Text("n"),)]
    header += [(Text("Failed"),)] if has_failures else []
    rows = []
    for outcome in outcomes:
        row: list[Inlines] = [_name(outcome, ref, wording)]
        row += [(Text(_spell(outcome, name)),) for name in parameters]
        row += [_describe(metric, outcome, outcomes, results) for metric in results.metrics]
        row.append((Text(cardinal(len(outcome.runs))),))
        failed = sum(map(counts_as_failed, outcome.setting.runs))
        row += [(Text(cardinal(failed) if failed else ""),)] if has_failures else []
        rows.append(tuple(row))
    numbers = len(results.metrics) + 1 + has_failures
    alignment = ("left",) * (1 + len(parameters)) + ("right",) * numbers
    return Table(tuple(header), tuple(rows), alignment)


def _name(outcome: Outcome, ref: str, wording: Wording) -> Inlines:
    mark: Inlines = (Text(" "), Badge("baseline")) if outcome.is_baseline else ()
    return (*wording.inline(outcome.text, ref), Text(" "), wording.links.to(outcome.ref), *mark)


def _spell(outcome: Outcome, parameter: str) -> str:
    value = outcome.setting.parameters.get(parameter)
    return "" if value is None else cut(str(value), _LONGEST_VALUE)


def _describe(metric: str, outcome: Outcome, outcomes: Sequence[Outcome], results: Results) -> Inlines:
    """Return the mean of a metric with its deviation, the best one marked if it is known which is better.

    If fewer runs have a value than count, their number follows.
    """
    summary = outcome.setting.summarize(metric)
    if summary.mean is None:
        return (Text("none"),)
    decimals = find_decimals(one.setting.summarize(metric) for one in outcomes)
    text = describe_mean(summary, decimals)
    if len(summary.values) < len(outcome.runs):
        text += f" (n = {len(summary.values)})"
    direction = find_direction(metric, results.directions)
    summaries = [one.setting.summarize(metric) for one in outcomes]
    means = [(one.mean, len(one.values)) for one in summaries if one.mean is not None]
    is_best = direction is not None and summary.mean == find_best(means, direction)
    return (Text(text), *((Text(" "), Badge("best", "good")) if is_best else ()))
