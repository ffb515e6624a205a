"""The number that stands beside a conclusion: the result that it is about, with its interval, its n and its claim."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from orglab.report.content.evidence import Claim
from orglab.report.content.figures import claim_figures
from orglab.report.content.sentence import capitalize_first
from orglab.report.content.wording import claim_text
from orglab.runs.metrics.directions import find_direction
from orglab.runs.record import Run
from orglab.runs.setting import Summary, find_settings
from orglab.runs.statistics import Comparison, find_interval
from orglab.runs.step_results import Outcome, Results, find_differing
from orglab.runs.summary_text import describe_mean, find_decimals
from orglab.text import difference, number

_NUMBER = re.compile(
    r"(?<![\w.,])(?<!\w[-\u2212])(?P<sign>[-+\u2212±]?)"
    r"(?P<digits>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)(?P<power>e[-+]?\d{1,3})?(?![\w.]*\d)"
    r"\s*(?P<unit>%|percent\b|(?:percentage )?points?\b|pp\b)?"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
# What a verdict says of the claim.
_AGREEING = {"supported": "holds", "refuted": "fails", "inconclusive": "undecided"}
_SAID = {"holds": "holds", "fails": "does not hold", "undecided": "is undecided"}
_MINUS = "\u2212"
_HUNDRED = 100
_POINTS = ("point", "points", "pp")
_LEVELS = (90, 95, 99)
_INTERVAL = re.compile(r"\bintervals?\b|\bCI\b|\bconfiden|\bbetween\b|\[", re.IGNORECASE)


class Headline(NamedTuple):
    """The result that a conclusion is about.

    Attributes:
        metric: The name of the metric.
        outcome: The setting.
        summary: Its values of the metric.
        base: The values of the baseline, or None if the result is not compared.
        comparison: The difference to the baseline, or None.
        decimals: How many decimals its numbers have.
        results: The results of the experiment.
        is_in_points: Whether the difference is told in hundredths, because the conclusion tells it in points.
    """

    metric: str
    outcome: Outcome
    summary: Summary
    base: Summary | None
    comparison: Comparison | None
    decimals: int | None
    results: Results
    is_in_points: bool = False

    @property
    def is_single(self) -> bool:
        """Whether the result, or what it is compared with, rests on a single run."""
        return len(self.summary.values) == 1 or (self.base is not None and len(self.base.values) == 1)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval: of the difference, or of the mean if that is what was claimed."""
        change = self.comparison
        if change is not None:
            return (change.low, change.high) if change.low is not None and change.high is not None else None
        return find_interval(self.summary.numbers) if self.has_claim else None

    @property
    def has_deviation(self) -> bool:
        """Whether it says the standard deviation: without a difference and an interval."""
        return self.comparison is None and self.interval is None and self.summary.deviation is not None

    @property
    def has_left_out(self) -> bool:
        """Whether some runs do not count."""
        return any(summary.left_out for summary in (self.summary, self.base) if summary is not None)

    def describe(self, verdict: str = "") -> str:
        """Return the number in words: `accuracy +0.027 [0.021, 0.032], n = 20, claimed > +0.01`.

        Args:
            verdict: The verdict of the author; what the runs say of the claim is added if that is not the same.
        """
        factor = _HUNDRED if self.is_in_points else 1
        decimals = self.decimals if self.decimals is None or not self.is_in_points else max(0, self.decimals - 2)
        if self.comparison is not None:
            # No ±0, as ± is the sign of a deviation here.
            text = difference(self.comparison.difference * factor, 0.0, decimals).removeprefix("±")
            text += " points" if self.is_in_points else ""
        elif self.interval is not None and self.summary.mean is not None:
            text = number(self.summary.mean, self.decimals)
        else:
            text = describe_mean(self.summary, self.decimals)
        if self.interval is not None:
            low, high = (number(end * factor, decimals) for end in self.interval)
            text += f" [{low}, {high}]"
        figures = (text, self._describe_counts(), self._describe_claim(verdict))
        return f"{self.metric} {', '.join(keep_together(words) for words in figures if words)}"

    def _describe_counts(self) -> str:
        """Return how many runs count: `n = 3`, `n = 3 of 4`, or `n = 3 against 2` if the baseline has others."""
        own = count_values(self.summary)
        base = count_values(self.base) if self.base is not None else own
        return f"n = {own}" if base == own else f"n = {own} against {base}"

    def _describe_claim(self, verdict: str) -> str:
        """Return what was claimed of this metric: `claimed > +0.01: undecided`; empty if nothing was."""
        claim = self.results.claim
        if claim is None or not self.has_claim:
            return ""
        is_told = self.judged in (None, "holds") if verdict not in _AGREEING else not self.is_misjudged(verdict)
        judged = "" if is_told and self.judged != "undecided" else f": {self.judged}"
        size = number(abs(claim.value) * (_HUNDRED if self.is_in_points else 1))
        sign = "" if not claim.is_difference else _MINUS if claim.value < 0 else "+"
        operator = {">=": "\u2265", "<=": "\u2264"}.get(claim.operator, claim.operator)
        return f"claimed {operator} {sign}{size}{judged}"

    @property
    def judged(self) -> str | None:
        """Whether the claim `holds`, `fails` or is `undecided` by the runs; None without a claim about it."""
        return self.results.judge(self.outcome)

    def is_misjudged(self, verdict: str | None) -> bool:
        """Return whether the runs say otherwise of the claim than a verdict."""
        expected = _AGREEING.get(verdict or "")
        return self.judged is not None and expected is not None and self.judged != expected

    @property
    def has_claim(self) -> bool:
        """Whether a claim is about its metric."""
        return self.results.claim is not None and self.results.claim.metric == self.metric

    @property
    def may_be_zero(self) -> bool:
        """Whether the interval of its difference to the baseline includes zero."""
        change = self.comparison
        return (
            change is not None and change.low is not None and change.high is not None and change.low <= 0 <= change.high
        )

    def claims(self) -> Iterator[Claim]:
        """Yield the facts behind the number, and what was claimed of it."""
        yield from claim_figures([self.outcome], [self.metric], self.results)
        if self.has_claim:
            yield claim_text(self.outcome.ref.partition(".")[0], self.results.claim_text, "CLAIM")
        for summary in filter(None, (self.summary, self.base)):
            yield from (Claim("metric", run.id, self.metric, value) for run, value in summary.values)


def describe_misjudgement(headline: Headline, verdict: str | None) -> str:
    """Return that the runs say otherwise of a claim than a verdict, without a capital letter and a full stop."""
    return f"by the runs the claim {_SAID[headline.judged or 'undecided']}, but the verdict is {verdict}"


def explain_figures(headlines: Sequence[Headline], means: Sequence[Headline] = ()) -> str:
    """Return what figures mean, as far as they are there; empty without any.

    Args:
        headlines: Those whose numbers are told.
        means: Those of which only the mean is told, with its deviation.
    """
    told_means = any(one.summary.deviation is not None for one in means)
    meanings = {
        "signed numbers are differences to the baseline": any(one.comparison is not None for one in headlines),
        "in brackets: 95 % confidence interval": any(one.interval is not None for one in headlines),
        "\u00b1: standard deviation": told_means or any(one.has_deviation for one in headlines),
        "claimed: the bound that the hypothesis sets": any(one.has_claim for one in headlines),
        "n: runs that count, of all that were made": any(one.has_left_out for one in (*headlines, *means)),
        "n: number of runs": not any(one.has_left_out for one in (*headlines, *means)),
    }
    told = "; ".join(words for words, is_there in meanings.items() if is_there)
    return f"{told if told.startswith('n:') else capitalize_first(told)}." if headlines or means else ""


def keep_together(figure: str) -> str:
    """Return a figure with spaces at which no line breaks."""
    return figure.replace(" ", "\u00a0")


def count_values(summary: Summary) -> str:
    """Return how many runs a mean rests on, and of how many if some do not count: `3`, `3 of 4`."""
    return f"{len(summary.values)}" if not summary.left_out else f"{len(summary.values)} of {summary.total}"


def find_headline(results: Results, text: str = "") -> Headline | None:
    """Return the result that a conclusion is about, or None if there is no number.

    This is the one whose number the text names, else the best one, else, if it is not known which is better, the last.

    Args:
        results: The results of the experiment.
        text: The first sentence of the conclusion; empty if there is none.
    """
    metrics = _list_metrics(results)
    numbers = [*find_numbers(text)]
    differing = find_differing([one.setting.parameters for one in results.outcomes])
    for place, written in enumerate(numbers):
        for metric in metrics:
            said = _find_said(written, metric, _find_candidates(metric, results), differing, results)
            if said:
                # `with lr 0.1, width 16 has 0.0335`: the numbers that follow tell which of them it is.
                for other in numbers[place + 1 :]:
                    said = _find_said(other, metric, said, differing, results) or said
                headline = make_headline(metric, _choose(said, metric, results), results)
                change = headline.comparison
                is_in_points = change is not None and any(one.is_in_points_of(change.difference) for one in numbers)
                return headline._replace(is_in_points=is_in_points)
    for metric in results.metrics:
        if candidates := _find_candidates(metric, results):
            return make_headline(metric, _choose(candidates, metric, results), results)
    return None


def _list_metrics(results: Results) -> list[str]:
    """Return all metrics, each once, the key metrics first."""
    others = (name for outcome in results.outcomes for name in outcome.setting.metrics)
    return [*dict.fromkeys((*results.metrics, *others))]


def _find_candidates(metric: str, results: Results) -> list[Outcome]:
    """Return the outcomes with values of a metric, without the baseline if there are others."""
    shown = [outcome for outcome in results.outcomes if outcome.values(metric)]
    return [outcome for outcome in shown if not outcome.is_baseline] or shown


def make_headline(metric: str, outcome: Outcome, results: Results) -> Headline:
    """Return what is told of a metric of a setting."""
    claim = results.claim
    is_absolute = claim is not None and claim.metric == metric and not claim.is_difference
    comparison = None if is_absolute else results.compare(outcome, metric)
    base = results.baseline.setting.summarize(metric) if comparison is not None and results.baseline else None
    decimals = find_decimals(other.setting.summarize(metric) for other in results.outcomes)
    return Headline(metric, outcome, outcome.setting.summarize(metric), base, comparison, decimals, results)


def _choose(outcomes: Sequence[Outcome], metric: str, results: Results) -> Outcome:
    """Return the best outcome or, if it is not known which is better, the last one.

    A single run is the best only among single runs.
    """
    repeated = [outcome for outcome in outcomes if len(outcome.values(metric)) > 1]
    outcomes = repeated or outcomes
    direction = find_direction(metric, results.directions)
    claim = results.claim
    if claim is not None and claim.metric == metric:
        direction = "max" if claim.operator.startswith(">") else "min"
    if direction is None:
        return outcomes[-1]
    return (min if direction == "min" else max)(outcomes, key=lambda one: one.setting.summarize(metric).mean or 0.0)


class Figure(NamedTuple):
    """A number that the runs give.

    Attributes:
        value: The number.
        is_change: Whether it is a difference to the baseline.
    """

    value: float
    is_change: bool = False


class WrittenNumber(NamedTuple):
    """A number in a text.

    Attributes:
        text: As it is written: `+2.7 points`.
        sign: `+` or `-`, or empty.
        size: Its size, without the sign.
        step: What one in its last digit is worth.
        is_hundredth: Whether it counts hundredths, as per cent and points do.
    """

    text: str
    sign: str
    size: float
    step: float
    is_hundredth: bool

    def agrees(self, figures: Iterable[Figure]) -> bool:
        """Return whether one of some figures is this one, rounded as it is.

        A sign is that of a difference; a number without one may tell a loss in words.
        """
        factors = (1.0, _HUNDRED) if self.is_hundredth else (1.0,)
        return any(
            abs(abs(figure.value) * factor - self.size) <= self.step / 2 * (1 + 1e-9)
            for figure in figures
            if self._may_be(figure)
            for factor in factors
        )

    def _may_be(self, figure: Figure) -> bool:
        if self.sign == "+":
            return figure.is_change and figure.value >= 0
        return self.sign != "-" or figure.value <= 0

    def is_level(self) -> bool:
        """Return whether it may be the level of an interval: 95 %."""
        return self.is_hundredth and self.size in _LEVELS

    def is_in_points_of(self, value: float) -> bool:
        """Return whether this is a value in points, which are hundredths: `+2.7 points` of 0.0268."""
        size = abs(value) * _HUNDRED
        return self.text.endswith(_POINTS) and abs(size - self.size) <= self.step / 2 * (1 + 1e-9)

    def may_be_parameter(self, parameters: Iterable[float]) -> bool:
        """Return whether it is exactly one of some parameters, and neither signed nor a share."""
        if self.sign or self.is_hundredth:
            return False
        return any(math.isclose(abs(value), self.size, rel_tol=1e-9) for value in parameters)


def find_numbers(text: str) -> Iterator[WrittenNumber]:
    """Yield the numbers of a text that say a result: those with a sign, a unit or decimals."""
    for match in _NUMBER.finditer(text):
        digits = match["digits"]
        digits = digits.replace(",", "") if _THOUSANDS.fullmatch(digits) else digits.replace(",", ".")
        if match["sign"] or match["unit"] or "." in digits or match["power"]:
            power = int((match["power"] or "e0")[1:])
            step = 10.0 ** (power - len(digits.partition(".")[2]))
            sign = {_MINUS: "-", "±": ""}.get(match["sign"], match["sign"])
            yield WrittenNumber(match.group().strip(), sign, float(digits) * 10.0**power, step, bool(match["unit"]))


def _find_said(
    written: WrittenNumber, metric: str, candidates: Sequence[Outcome], differing: Sequence[str], results: Results
) -> list[Outcome]:
    """Return those of some outcomes that have a number as a parameter, or else as a number of a metric."""
    named = [one for one in candidates if written.may_be_parameter(_list_parameters(one, differing))]
    return named or [one for one in candidates if written.agrees(_list_numbers(one, metric, results, written))]


def _list_parameters(outcome: Outcome, names: Collection[str]) -> Iterator[float]:
    """Yield the numbers among some parameters of a setting."""
    for name in names:
        value = outcome.setting.parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)


def _list_numbers(outcome: Outcome, metric: str, results: Results, written: WrittenNumber) -> Iterator[Figure]:
    """Yield the numbers that a text may give of a result: the values, the mean, the difference and its share."""
    summary = outcome.setting.summarize(metric)
    known = (*summary.numbers, summary.mean, summary.deviation)
    yield from (Figure(value) for value in known if value is not None)
    comparison = results.compare(outcome, metric)
    if comparison is not None:
        yield Figure(comparison.difference, is_change=True)
        base = results.baseline.setting.summarize(metric).mean if results.baseline else None
        if base and written.is_hundredth:
            yield Figure(comparison.difference / abs(base), is_change=True)


def find_contradiction(
    text: str, results: Results, runs: Sequence[Run], told: str = "", elsewhere: Iterable[Run] = ()
) -> str | None:
    """Return the first number in the first sentence of a conclusion that no run and no statistic has, or None.

    In an experiment without a baseline, a number with a sign is a difference to a result elsewhere, of which nothing is
    known here.

    Args:
        text: The sentence.
        results: The results of the experiment.
        runs: Its runs.
        told: What the experiment says itself, such as its hypothesis: its numbers are not from runs.
        elsewhere: The other runs, which the sentence may compare with.
    """
    metrics = _list_metrics(results)
    claim = [Figure(results.claim.value, is_change=results.claim.is_difference)] if results.claim is not None else []
    measured = [
        Figure(float(value)) for run in runs for name, value in run.metrics.items()
        if name in results.metrics and isinstance(value, int | float)
    ]  # fmt: skip
    parameters = [value for one in results.outcomes for value in _list_parameters(one, one.setting.parameters)]
    hypotheses = [number.size for number in find_numbers(told)]
    has_baseline = any(results.compare(one, metric) is not None for one in results.outcomes for metric in metrics)
    tells_interval = _INTERVAL.search(text) is not None
    others: list[Figure] | None = None
    for written in find_numbers(text):
        if written.may_be_parameter(parameters) or (written.sign in ("+", "-") and not has_baseline):
            continue
        if tells_interval and (written.is_level() or written.agrees(_list_bounds(results, metrics))):
            continue
        if written.size in hypotheses:
            continue
        known = (
            figure
            for outcome in results.outcomes
            for metric in metrics
            for figure in _list_numbers(outcome, metric, results, written)
        )
        if any(written.agrees(figures) for figures in (known, measured, claim)):
            continue
        # Reading all other runs takes long, and few conclusions compare with them.
        others = [*_list_means(elsewhere, metrics)] if others is None else others
        if not written.agrees(others):
            return written.text
    return None


def _list_bounds(results: Results, metrics: Sequence[str]) -> Iterator[Figure]:
    """Yield the bounds of the intervals of some metrics: of the means, and of the differences to the baseline."""
    for outcome in results.outcomes:
        for metric in metrics:
            comparison = results.compare(outcome, metric)
            bounds = (comparison.low, comparison.high) if comparison is not None else (None, None)
            for bound in (*bounds, *(find_interval(outcome.setting.summarize(metric).numbers) or ())):
                if bound is not None:
                    yield Figure(bound, is_change=True)


def _list_means(runs: Iterable[Run], metrics: Sequence[str]) -> Iterator[Figure]:
    """Yield the values of some metrics in some runs, and their means by setting."""
    for setting in find_settings(runs, {}):
        for metric in metrics:
            summary = setting.summarize(metric)
            yield from (Figure(value) for value in (*summary.numbers, summary.mean) if value is not None)
