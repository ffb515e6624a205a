"""The key numbers of an experiment, in sentences or a table: each step with its spread, compared with the baseline."""

from collections.abc import Iterator, Sequence

from orglab.report.blocks import Badge, Code, Inline, Inlines, Table, Text
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.sentence import cite, make_statement
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording
from orglab.runs.statistics import Outcome, Results, deviation, mean
from orglab.text import count, difference, number, shared_decimals

# With more steps than this a table is easier to read.
_IN_SENTENCE = 3


def describe_key_numbers(activity: ExperimentActivity, results: Results, wording: Wording) -> Iterator[Statement]:
    """Yield the statements about the key numbers of an experiment."""
    if not results.outcomes:
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
    """Return the sentence on one metric: the baseline first, then the other steps with their differences."""
    outcomes = [outcome for outcome in results.outcomes if outcome.values(metric)]
    outcomes.sort(key=lambda outcome: not outcome.is_baseline)
    decimals = _decimals(metric, outcomes)
    base = next((outcome for outcome in outcomes if outcome.is_baseline), None)
    pieces: list[str | Inline | list[Inline]] = [Code(metric), ": "]
    claims = []
    for index, outcome in enumerate(outcomes):
        pieces.append("; " if index else "")
        pieces.append(_value(metric, outcome, None if outcome is base else base, decimals))
        pieces.append(_role(outcome, results, alone=len(outcomes) == 1))
        pieces.append(cite([wording.links.to(outcome.step.ref, outcome.step.text)]))
        claims += [Claim("metric", run.id, metric, value) for run, value in outcome.values(metric)]
    return make_statement(*pieces, ".", claims=claims)


def _role(outcome: Outcome, results: Results, *, alone: bool) -> str:
    """Return the words for a step's role in the comparison."""
    if alone or not outcome.is_baseline:
        return " in"
    return " in the baseline" if results.is_named else " in the first step"


def _value(metric: str, outcome: Outcome, base: Outcome | None, decimals: int | None) -> str:
    """Return the mean of a step with its spread, and its difference from the baseline."""
    values = [value for _, value in outcome.values(metric)]
    text = _spread(values, decimals)
    missing = sum(metric in run.metrics for run in outcome.runs) - len(values)
    if missing:
        text += f" ({count(missing, 'more run', 'words')} without a number)"
    if base is None:
        return text
    before = mean([value for _, value in base.values(metric)])
    change = difference(mean(values), before, decimals)
    return f"{text}, {change}," if change else text


def _spread(values: Sequence[float], decimals: int | None) -> str:
    """Return the mean of some values; of several, with their standard deviation and number."""
    if len(values) == 1:
        return number(values[0], decimals)
    return f"{number(mean(values), decimals)} ± {number(deviation(values), decimals)} (n = {len(values)})"


def _decimals(metric: str, outcomes: Sequence[Outcome]) -> int | None:
    groups = [[value for _, value in outcome.values(metric)] for outcome in outcomes]
    return shared_decimals([mean(group) for group in groups], [deviation(group) for group in groups])


def _table(activity: ExperimentActivity, results: Results, wording: Wording) -> Statement:
    """Return the key numbers as a table with a row for each step."""
    base = results.baseline
    rows: list[tuple[Inlines, ...]] = []
    for outcome in results.outcomes:
        mark: Inlines = (Text(" "), Badge("baseline" if results.is_named else "first")) if outcome is base else ()
        text = wording.inline(outcome.step.text, activity.ref)
        head: Inlines = (wording.links.to(outcome.step.ref), Text(" "), *text, *mark)
        cells = [_cell(metric, outcome, base, results) for metric in results.metrics]
        rows.append((head, *cells))
    names: list[Inlines] = [(Code(metric),) for metric in results.metrics]
    header: tuple[Inlines, ...] = ((Text("Step"),), *names)
    table = Table(header, tuple(rows), ("left", *["right"] * len(results.metrics)))
    against = "the baseline" if results.is_named else "the first step"
    lead = make_statement(
        f"Results by step, compared with {against}", cite([wording.links.to(base.step.ref)] if base else []), ":"
    )
    return Statement(lead.content, tuple(metric_claims(results)), (table,))


def _cell(metric: str, outcome: Outcome, base: Outcome | None, results: Results) -> Inlines:
    """Return a cell with the mean, its spread and the difference."""
    if not outcome.values(metric):
        return (Text("\u2013"),)
    decimals = _decimals(metric, [other for other in results.outcomes if other.values(metric)])
    against = base if base is not outcome and base is not None and base.values(metric) else None
    text = _value(metric, outcome, against, decimals).rstrip(",")
    return (Text(text),)
