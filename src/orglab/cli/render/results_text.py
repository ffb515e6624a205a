"""The results of the steps of an experiment, each on one line."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orglab.cli import output
from orglab.runs.claim_text import describe_baseline, describe_claim
from orglab.runs.metrics.directions import find_direction
from orglab.runs.statistics import find_interval
from orglab.runs.step_results import Outcome, Results, has_number
from orglab.runs.summary_text import describe_comparison, describe_summary, find_decimals
from orglab.text import count, difference, number

if TYPE_CHECKING:
    from orglab.api.concluded_result import ConcludedResult


def comparison_lines(results: Results) -> Iterator[str]:
    """Yield what the steps are compared with if that was named, the claim, and whether it holds."""
    if results.problem:
        yield from output.wrap(output.one_line(results.problem), "  ")
    if baseline := describe_baseline(results):
        yield f"  Baseline: {output.one_line(baseline)}"
    if claim := describe_claim(results):
        yield from output.wrap(f"Claim: {claim}", "  ")


def step_results_line(results: Results, ref: str) -> str:
    """Return the results of a step on one line: its key metrics and the difference to the baseline; empty without runs.

    If the step has several settings, these are the results of the best one, or their number if it is not known which
    is the best.
    """
    outcomes = [outcome for outcome in results.outcomes if outcome.ref == ref]
    measured = [outcome for outcome in outcomes if has_number(outcome.setting)]
    if not measured or not results.metrics:
        return ""
    metric = results.metrics[0]
    if len(measured) == 1:
        return _describe(measured[0], results, with_label=len(outcomes) > 1)
    best = _find_best(measured, metric, results)
    many = count(len(measured), "setting")
    hint = f"orglab runs {ref} --by setting"
    if best is None:
        return f"{many}: {hint}"
    return f"{many}; the best by {output.one_line(metric)}: {_describe(best, results, with_label=True)}"


def best_result_line(results: Results) -> str:
    """Return the result of an experiment on one line: that of its best setting, or else of its last one."""
    measured = [outcome for outcome in results.outcomes if results.metrics and outcome.values(results.metrics[0])]
    if not measured:
        amount = sum(len(outcome.setting.runs) for outcome in results.outcomes)
        return f"{count(amount, 'run')}, none with a metric" if amount else ""
    metric = results.metrics[0]
    best = _find_best(measured, metric, results) or measured[-1]
    name = ", ".join(filter(None, (best.ref if "." in best.ref else "", best.label)))
    begin = f"{output.one_line(name)}: " if name else ""
    return begin + _describe(best, results, with_label=False)


def concluded_result_lines(standing: "ConcludedResult", verdict: str | None) -> Iterator[str]:
    """Yield where the result of an experiment stands, beside its verdict."""
    headline, best = standing.headline, standing.best
    results, summary = headline.results, headline.summary
    parts = [f"{headline.metric} {describe_summary(summary, headline.decimals)}"]
    if headline.comparison is not None and results.baseline is not None:
        is_other = results.has_other_code(headline.outcome)
        change = describe_comparison(headline.comparison, headline.decimals, has_other_code=is_other)
        parts.append(f"{change} to the baseline, {results.baseline.ref}")
    elif (interval := find_interval(summary.numbers)) is not None:
        low, high = (number(end, headline.decimals) for end in interval)
        parts.append(f"95 % of the mean [{low}, {high}]")
    if headline.judged is not None:
        parts.append(f"the claim {results.claim_text}: {headline.judged}")
    label = f" ({headline.outcome.label})" if headline.outcome.label else ""
    line = output.one_line(f"{headline.outcome.ref}{label}: {'; '.join(parts)}")
    yield from output.wrap(line, "    ", f"  {output.verdict(verdict)}  " if verdict else "  ")
    if results.problem:
        yield from output.wrap(output.one_line(results.problem), "    ", "  ")
    if best is None:
        return
    gap = standing.difference_to_best
    if best.outcome.ref == headline.outcome.ref and not gap:
        words = f"This is the best {headline.metric} in the log."
    else:
        than = describe_summary(best.summary, find_decimals([best.summary, summary]))
        words = f"The best {headline.metric} in the log: {best.outcome.ref}, {than}"
        words += "; the same." if not gap else f"; {difference(gap, 0.0, headline.decimals)} to it."
    yield from output.wrap(output.one_line(words), "    ", "  ")


def _find_best(outcomes: Sequence[Outcome], metric: str, results: Results) -> Outcome | None:
    """Return the outcome with the best mean of a metric; None if it is not known whether more or less is better."""
    direction = find_direction(metric, results.directions)
    means = [(outcome.setting.summarize(metric).mean, outcome) for outcome in outcomes]
    known = [(mean, outcome) for mean, outcome in means if mean is not None]
    if direction is None or not known:
        return None
    return (min if direction == "min" else max)(known, key=lambda pair: pair[0])[1]


def _describe(outcome: Outcome, results: Results, *, with_label: bool) -> str:
    """Return the key metrics of an outcome, the first one with its difference to the baseline."""
    parts: list[str] = []
    for metric in results.metrics:
        summary = outcome.setting.summarize(metric)
        if summary.mean is None and parts:
            continue
        decimals = find_decimals(other.setting.summarize(metric) for other in results.outcomes)
        text = f"{metric} {describe_summary(summary, decimals)}"
        comparison = results.compare(outcome, metric) if not parts else None
        is_other = results.has_other_code(outcome)
        change = describe_comparison(comparison, decimals, has_other_code=is_other) if comparison is not None else ""
        parts.append(f"{text}, {change}" if change else text)
    label = f"{outcome.label}: " if with_label and outcome.label else ""
    return output.one_line(label + "; ".join(parts))
