"""The key numbers of an experiment, in sentences or a table: each step with its spread, compared with the baseline."""

from collections.abc import Iterator

from orglab.report.blocks import Badge, Code, Inline, Inlines, Table, Text
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.sentence import cite, make_statement
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording
from orglab.runs.step_results import Outcome, Results
from orglab.runs.summary_text import describe_comparison, describe_summary, find_decimals

# With more steps than this a table is easier to read.
_IN_SENTENCE = 3


def describe_key_numbers(activity: ExperimentActivity, results: Results, wording: Wording) -> Iterator[Statement]:
    """Yield the statements about the key numbers of an experiment."""
    if not any(outcome.values(metric) for metric in results.metrics for outcome in results.outcomes):
        return
    if len(results.outcomes) > _IN_SENTENCE:
        yield _table(activity, results, wording)
        return
    for metric in results.metrics:
        yield _sentence(metric, results, wording)


def metric_claims(results: Results) -> Iterator[Claim]:
    """Yield the claims that support key numbers."""
    for metric in results.metrics:
        for outcome in results.outcomes:
            yield from (Claim("metric", run.id, metric, value) for run, value in outcome.values(metric))


def _sentence(metric: str, results: Results, wording: Wording) -> Statement:
    """Return the sentence on one metric: the baseline first, then the other settings with their differences."""
    outcomes = [outcome for outcome in results.outcomes if outcome.values(metric)]
    outcomes.sort(key=lambda outcome: not outcome.is_baseline)
    decimals = find_decimals(outcome.setting.summarize(metric) for outcome in outcomes)
    pieces: list[str | Inline | list[Inline]] = [Code(metric), ": "]
    for index, outcome in enumerate(outcomes):
        pieces.append("; " if index else "")
        pieces.append(_value(metric, outcome, results, decimals))
        pieces.append(_role(outcome, results, alone=len(outcomes) == 1))
        pieces.append(cite([wording.links.to(outcome.ref, outcome.text)]))
        pieces.append(f" ({outcome.label})" if outcome.label else "")
    claims = [Claim("metric", run.id, metric, value) for outcome in outcomes for run, value in outcome.values(metric)]
    return make_statement(*pieces, ".", claims=claims)


def _role(outcome: Outcome, results: Results, *, alone: bool) -> str:
    """Return the words for a setting's role in the comparison."""
    if alone or not outcome.is_baseline:
        return " in"
    return " in the baseline" if results.is_named else " in the first step"


def _value(metric: str, outcome: Outcome, results: Results, decimals: int | None) -> str:
    """Return the mean of a setting with its spread, and its difference from the baseline."""
    text = describe_summary(outcome.setting.summarize(metric), decimals)
    comparison = results.compare(outcome, metric)
    is_other = results.has_other_code(outcome)
    change = describe_comparison(comparison, decimals, has_other_code=is_other) if comparison is not None else ""
    return f"{text}, {change}," if change else text


def _table(activity: ExperimentActivity, results: Results, wording: Wording) -> Statement:
    """Return the key numbers as a table with a row for each setting."""
    base = results.baseline
    rows: list[tuple[Inlines, ...]] = []
    for outcome in results.outcomes:
        name = Badge("baseline" if results.is_named else "first")
        mark: Inlines = (Text(" "), name) if outcome.is_baseline else ()
        text = wording.inline(outcome.text, activity.ref)
        label: Inlines = (Text(f" ({outcome.label})"),) if outcome.label else ()
        head: Inlines = (wording.links.to(outcome.ref), Text(" "), *text, *label, *mark)
        rows.append((head, *(_cell(metric, outcome, results) for metric in results.metrics)))
    names: list[Inlines] = [(Code(metric),) for metric in results.metrics]
    header: tuple[Inlines, ...] = ((Text("Step"),), *names)
    table = Table(header, tuple(rows), ("left", *["right"] * len(results.metrics)))
    against = "the baseline" if results.is_named else "the first step"
    lead = make_statement(
        f"Results by step, compared with {against}", cite([wording.links.to(base.ref)] if base else []), ":"
    )
    return Statement(lead.content, tuple(metric_claims(results)), (table,))


def _cell(metric: str, outcome: Outcome, results: Results) -> Inlines:
    """Return a cell with the mean, its spread and the difference."""
    if not outcome.values(metric):
        return (Text("\u2013"),)
    decimals = find_decimals(other.setting.summarize(metric) for other in results.outcomes)
    return (Text(_value(metric, outcome, results, decimals).rstrip(",")),)
