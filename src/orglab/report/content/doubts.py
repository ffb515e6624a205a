"""What to doubt about a result, and what the whole report is at risk of."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orglab.experiment.conclusion import Conclusion
from orglab.experiment.model import Experiment
from orglab.report.content.evidence import Claim
from orglab.report.content.facts import ExperimentActivity
from orglab.report.content.first_sentence import split_first_sentence
from orglab.report.content.headline import Headline, describe_misjudgement, find_contradiction, find_headline
from orglab.report.content.prefixed_notes import find_prefixed
from orglab.report.content.sentence import make_statement, place
from orglab.report.content.statements import Statement
from orglab.report.content.wording import Wording
from orglab.runs.record import Run
from orglab.runs.setting import OTHER_CODE, counts_as_failed, has_diverged
from orglab.runs.step_results import Outcome, Results
from orglab.text import cardinal, count


def find_doubts(
    activity: ExperimentActivity, results: Results, headline: Headline | None, others: Iterable[ExperimentActivity] = ()
) -> list[str]:
    """Return what a reader has to know before believing a conclusion, each without a capital letter and a full stop.

    Args:
        activity: The experiment.
        results: Its results.
        headline: The number that the conclusion is about; None without one.
        others: All experiments, with which the conclusion may compare.
    """
    doubts = [*_doubt_number(activity, results, headline, others), *_doubt_runs(activity.runs, results)]
    undone = len(activity.experiment.steps) - len(activity.steps_done())
    if undone > 0:
        doubts.append(f"{count(undone, 'step', 'words')} {'was' if undone == 1 else 'were'} not done")
    return doubts


def _doubt_number(
    activity: ExperimentActivity, results: Results, headline: Headline | None, others: Iterable[ExperimentActivity]
) -> Iterator[str]:
    """Yield what speaks against the number of a conclusion."""
    if results.problem:
        yield results.problem.rstrip(".")
    if headline is None:
        return
    elsewhere = (run for other in others for run in other.runs)
    conclusion = activity.conclusion
    yield from find_contradictions(activity.experiment, conclusion, activity.runs, results, headline, elsewhere)
    verdict = activity.conclusion.verdict
    if headline.judged is None and headline.may_be_zero and verdict in ("supported", "refuted"):
        yield "the difference may be zero"
    if headline.comparison is not None and results.has_other_code(headline.outcome):
        yield "the baseline ran other code"
    entries = activity.conclusion.entries
    if len(entries) > 1 and (before := entries[-2].at) is not None and _is_older(headline, before.when):
        yield "no run since it was concluded before"
    if headline.is_single:
        yield "one run only" if headline.base is None else "one run only on a side of the comparison"


def find_contradictions(
    experiment: Experiment, conclusion: Conclusion, runs: Sequence[Run], results: Results, headline: Headline,
    elsewhere: Iterable[Run],
) -> Iterator[str]:  # fmt: skip
    """Yield where the runs of an experiment contradict the words of its conclusion: its number, or its verdict.

    Args:
        experiment: The experiment.
        conclusion: One of its conclusions.
        runs: Its runs.
        results: Its results.
        headline: The number that the conclusion is about.
        elsewhere: The runs of the log, with which the conclusion may compare.
    """
    sentence, _ = split_first_sentence(conclusion.text)
    told = "\n".join((experiment.title, experiment.description, *(step.text for step in experiment.steps)))
    if (written := find_contradiction(sentence, results, runs, told, elsewhere)) is not None:
        yield f"the conclusion says {written}, which no run and no mean has"
    if headline.is_misjudged(conclusion.verdict):
        yield describe_misjudgement(headline, conclusion.verdict)


def _is_older(headline: Headline, moment: datetime.datetime) -> bool:
    """Return whether all runs that a result rests on began before a time."""
    runs = [run for run, _ in headline.summary.values]
    return all(run.began is not None and run.began < moment for run in runs)


def _doubt_runs(runs: Sequence[Run], results: Results) -> Iterator[str]:
    """Yield which runs do not count, and which steps are left without a result."""
    base = next((outcome for outcome in results.outcomes if outcome.is_baseline), None)
    metrics = results.metrics[:1]
    for outcome in results.outcomes:
        if outcome.setting.runs and not any(outcome.values(metric) for metric in metrics):
            what = "the baseline" if outcome is base else _name(outcome)
            yield f"{what} has no result: {_explain_absence(outcome, metrics)}"
    failed = sum(map(counts_as_failed, runs))
    if failed:
        yield describe_failures(failed, len(runs))
    diverged = sum(any(has_diverged(run, metric) for metric in run.metrics) for run in runs)
    if diverged:
        yield f"{count(diverged, 'run', 'words')} diverged"
    reasons = Counter(one.reason for outcome in results.outcomes for one in outcome.setting.left_out)
    if reasons[OTHER_CODE]:
        yield f"{count(reasons[OTHER_CODE], 'run', 'words')} on other code left out"


def describe_failures(failed: int, total: int) -> str:
    """Return how many of some runs failed, in words: `two of five runs failed`, `the only run failed`."""
    if failed == total:
        of_few = {1: "the only run failed", 2: "both runs failed"}
        return of_few.get(total, f"all {count(total, 'run', 'words')} failed")
    return f"{cardinal(failed, 'words')} of {count(total, 'run', 'words')} failed"


def _name(outcome: Outcome) -> str:
    return f"“{outcome.text}”" + (f" ({outcome.label})" if outcome.label else "")


def _explain_absence(outcome: Outcome, metrics: Iterable[str]) -> str:
    reasons = Counter(
        reason for metric in metrics for _, reason in outcome.setting.summarize(metric).left_out
    ) or Counter(one.reason for one in outcome.setting.left_out)
    if not reasons:
        return "no run has a value"
    return ", ".join(f"{count(amount, 'run', 'words')} {reason}" for reason, amount in reasons.items())


def find_risks(
    answered: Sequence[tuple[ExperimentActivity, Headline | None]],
    activities: Sequence[ExperimentActivity],
    results: Mapping[str, Results],
    wording: Wording,
) -> Iterator[Statement]:
    """Yield the risks: notes that begin with `RISK:`, answers that rest on a single run, and so do steps under way."""
    yield from find_prefixed("RISK", activities, wording)
    yield from _find_misjudged(answered, wording)
    yield from _find_single_answers(answered, wording)
    yield from _find_single_steps(activities, results, wording)


def _find_misjudged(
    answered: Sequence[tuple[ExperimentActivity, Headline | None]], wording: Wording
) -> Iterator[Statement]:
    """Yield how many verdicts the runs do not confirm."""
    found = [one for one, headline in answered if headline and headline.is_misjudged(one.conclusion.verdict)]
    claims = [Claim("verdict", activity.ref, "", activity.conclusion.verdict) for activity in found]
    claims += [claim for one, headline in answered if headline and one in found for claim in headline.claims()]
    if len(found) == 1:
        source = place(wording.links.to(found[0].ref))
        yield make_statement("the runs do not confirm one verdict.", source, claims=claims)
    elif found:
        yield make_statement(f"the runs do not confirm {cardinal(len(found), 'words')} of the verdicts.", claims=claims)


def _find_single_answers(
    answered: Sequence[tuple[ExperimentActivity, Headline | None]], wording: Wording
) -> Iterator[Statement]:
    """Yield how many answers rest on a single run."""
    single = [activity for activity, headline in answered if headline is not None and headline.is_single]
    counted = sum(headline is not None for _, headline in answered)
    claims = [claim for _, headline in answered if headline and headline.is_single for claim in headline.claims()]
    if len(single) == 1:
        yield make_statement("one answer rests on a single run.", place(wording.links.to(single[0].ref)), claims=claims)
    elif single:
        amount = "all" if len(single) == counted else f"{cardinal(len(single), 'words')} of"
        yield make_statement(
            f"{amount} {count(counted, 'answer', 'words')} with numbers rest on a single run.", claims=claims
        )


def _find_single_steps(
    activities: Sequence[ExperimentActivity], results: Mapping[str, Results], wording: Wording
) -> Iterator[Statement]:
    """Yield how many steps of experiments under way are done after a single run."""
    single: list[Headline] = []
    for activity in activities:
        is_open = activity.is_under_way and activity.ref in results
        headline = find_headline(results[activity.ref]) if is_open else None
        done = {step.ref for step in activity.steps_done()}
        if headline is not None and headline.is_single and headline.outcome.ref in done:
            single.append(headline)
    claims = [claim for headline in single for claim in headline.claims()]
    if len(single) == 1:
        source = place(wording.links.to(single[0].outcome.ref))
        yield make_statement("a step under way rests on a single run.", source, claims=claims)
    elif single:
        yield make_statement(
            f"{count(len(single), 'step', 'words')} under way rest on a single run each.", claims=claims
        )
