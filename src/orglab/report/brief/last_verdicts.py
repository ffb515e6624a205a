"""What a brief says of conclusions: the last ones with their numbers, and what contradicts them."""

from collections.abc import Iterator, Sequence

from orglab.experiment.model import Experiment
from orglab.history.sources import Sources
from orglab.report.brief.brief import Contradiction, LastVerdict
from orglab.report.brief.short_text import shorten
from orglab.report.content.changes_of_mind import Closed, find_overturned
from orglab.report.content.doubts import find_contradictions
from orglab.report.content.first_sentence import split_first_sentence
from orglab.report.content.headline import Headline, find_headline


def read_verdicts(
    experiments: Sequence[Experiment], sources: Sources, room: int
) -> tuple[tuple[LastVerdict, ...], tuple[Contradiction, ...]]:
    """Return some conclusions with their numbers, and what contradicts them.

    Args:
        experiments: The experiments that were concluded last, the newest first.
        sources: What is known about their log.
        room: The bytes of each text.
    """
    verdicts, contradictions = [], []
    for experiment in experiments:
        conclusion = experiment.conclusion
        headline = None
        if runs := sources.find_runs(experiment):
            results = sources.read_results(experiment, runs)
            if results.problem:
                contradictions.append(Contradiction(experiment.ref, shorten(results.problem, room)))
            headline = find_headline(results, split_first_sentence(conclusion.text)[0])
            if headline is not None:
                words = find_contradictions(experiment, conclusion, runs, results, headline, sources.runs)
                contradictions += [Contradiction(experiment.ref, shorten(text, room)) for text in words]
        contradictions += _list_overturned(experiment, sources)
        verdicts.append(_describe(experiment, headline, room))
    return tuple(verdicts), tuple(contradictions)


def _list_overturned(experiment: Experiment, sources: Sources) -> Iterator[Contradiction]:
    """Yield the experiments that a conclusion overturns."""
    letter = sources.log.config.letter

    def find(ref: str) -> Closed | None:
        other = sources.experiments.get(ref.removeprefix(letter))
        return _close(other) if other is not None else None

    for ref in find_overturned(_close(experiment), find, letter):
        other = sources.experiments[ref.removeprefix(letter)]
        verdict = f"{other.verdict} so far, but " if other.verdict else ""
        yield Contradiction(ref, f"{verdict}overturned by {experiment.ref}")


def _close(experiment: Experiment) -> Closed:
    at = experiment.concluded.when if experiment.concluded is not None else None
    return Closed(experiment.ref, experiment.kind, experiment.conclusion.text, at, experiment.line)


def _describe(experiment: Experiment, headline: Headline | None, room: int) -> LastVerdict:
    conclusion, at = experiment.conclusion, experiment.concluded
    # A text that begins with a table or a list has no sentence.
    sentence = split_first_sentence(conclusion.text)[0] or conclusion.text
    told = LastVerdict(
        experiment.ref, shorten(experiment.title, room // 2), experiment.verdict, at.isoformat() if at else "",
        shorten(sentence, room),
    )  # fmt: skip
    if headline is None:
        return told
    change = headline.comparison
    low, high = (change.low, change.high) if change is not None else (None, None)
    return told._replace(
        figures=shorten(headline.describe(conclusion.verdict or ""), room),
        metric=shorten(headline.metric, room), mean=headline.summary.mean, n=len(headline.summary.values),
        difference=change.difference if change is not None else None,
        interval=(low, high) if low is not None and high is not None else None,
    )  # fmt: skip
