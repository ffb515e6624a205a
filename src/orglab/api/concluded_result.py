"""Where the result of an experiment stands: its number, against the baseline, the claim and the best of the log."""

from typing import NamedTuple

from orglab.experiment.model import Experiment
from orglab.history.sources import Sources
from orglab.report.content.first_sentence import split_first_sentence
from orglab.report.content.headline import Headline, describe_misjudgement, find_headline, make_headline
from orglab.runs.best_settings import BestSetting
from orglab.runs.step_results import KEY_METRICS, Results

# Whoever decides nothing says nothing that runs could contradict.
_DECIDING = ("supported", "refuted")


class ConcludedResult(NamedTuple):
    """The result that a conclusion is about, and what it is compared with.

    Attributes:
        headline: The result, with its difference to the baseline and what the runs say of the claim.
        best: The best mean of its metric in the log, perhaps its own; None if it is not known what is better, or
            if no other setting has that metric.
    """

    headline: Headline
    best: BestSetting | None

    @property
    def difference_to_best(self) -> float | None:
        """The difference of its mean to the best one; None if it is not known."""
        mean, best = self.headline.summary.mean, self.best.summary.mean if self.best is not None else None
        return None if mean is None or best is None else mean - best


class Concluded(NamedTuple):
    """An experiment that was concluded.

    Attributes:
        experiment: The experiment after the change.
        result: Where its result stands; None if there is no number.
        contradiction: In what the runs contradict the verdict; None if they do not.
    """

    experiment: Experiment
    result: ConcludedResult | None
    contradiction: str | None = None


def find_concluded_result(sources: Sources, experiment: Experiment) -> ConcludedResult | None:
    """Return where the result of an experiment stands that its conclusion is about; None if there is no number."""
    headline = _find_headline(sources, experiment)
    if headline is None:
        return None
    best = sources.read_log_settings().find_best(headline.metric)
    return ConcludedResult(headline, None if best is None or best.is_only else best)


def find_contradiction(sources: Sources, experiment: Experiment, text: str, verdict: str | None) -> str | None:
    """Return in what the runs contradict a verdict on the claim of an experiment, with the number; None if they do not.

    What the runs leave undecided is no contradiction, nor is a verdict that decides nothing.

    Args:
        sources: The log and its runs.
        experiment: The experiment.
        text: The conclusion; empty for the one that it has.
        verdict: The verdict.
    """
    # Reading the runs takes longer than all the rest.
    if verdict not in _DECIDING or not any(name.upper() == "CLAIM" for name in experiment.properties):
        return None
    headline = _find_headline(sources, experiment, text)
    if headline is None or headline.judged in (None, "undecided") or not headline.is_misjudged(verdict):
        return None
    claim = headline.results.claim
    claimed = make_headline(claim.metric, headline.outcome, headline.results) if claim is not None else headline
    figures = claimed.describe(verdict or "").replace("\u00a0", " ")
    return f"{describe_misjudgement(headline, verdict)}: {figures}"


def read_concluded_results(
    sources: Sources, experiment: Experiment, text: str = "", *, is_alone: bool = False
) -> Results:
    """Return the results of an experiment; the first of their key metrics is the one that its conclusion is about.

    Args:
        sources: The log and its runs.
        experiment: The experiment.
        text: The conclusion; empty for the one that it has.
        is_alone: Whether the results of no other experiment are needed, so that only its code is compared.
    """
    text = text or experiment.conclusion.text
    results = sources.read_results(experiment, sources.find_runs(experiment), is_alone=is_alone, words=text)
    headline = find_headline(results, split_first_sentence(text)[0])
    names = results.metrics if headline is None else dict.fromkeys((headline.metric, *results.metrics))
    return results._replace(metrics=(*names,)[:KEY_METRICS])


def _find_headline(sources: Sources, experiment: Experiment, text: str = "") -> Headline | None:
    results = read_concluded_results(sources, experiment, text)
    return find_headline(results, split_first_sentence(text or experiment.conclusion.text)[0])
