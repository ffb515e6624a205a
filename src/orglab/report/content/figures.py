"""The figures of a setting, what its runs give of a metric, as claims that can be verified later."""

from collections.abc import Iterable, Iterator

from orglab.report.content.evidence import Claim
from orglab.runs.record import Run
from orglab.runs.setting import Summary
from orglab.runs.step_results import Outcome, Results


def claim_figures(outcomes: Iterable[Outcome], metrics: Iterable[str], results: Results) -> Iterator[Claim]:
    """Yield the claims that some settings have their figures of some metrics, and that these rest on their runs.

    All runs of the results are named, because they decide together which of them count; runs that were made later are
    not among them.
    """
    metrics = [*metrics]
    yield from (claim_figure(outcome, metric, results) for outcome in outcomes for metric in metrics)
    others = [results.baseline] if results.baseline is not None else []
    yield from (claim_run(run) for outcome in (*results.outcomes, *others) for run in outcome.setting.runs)


def claim_figure(outcome: Outcome, metric: str, results: Results) -> Claim:
    """Return the claim that a setting has its mean, deviation and n of a metric, and its difference to the baseline."""
    says = [_spell(outcome.setting.summarize(metric)), *filter(None, [describe_role(outcome, metric, results)])]
    base, change = results.baseline, results.compare(outcome, metric)
    if base is not None and change is not None:
        interval = "" if change.low is None or change.high is None else f" [{change.low:.6g}, {change.high:.6g}]"
        says += [f"{change.difference:+.6g}{interval}", _spell(base.setting.summarize(metric))]
        says += ["other code"] if results.has_other_code(outcome) else []
    return Claim("figures", name_setting(outcome), metric, "; ".join(says))


def describe_role(outcome: Outcome, metric: str, results: Results) -> str:
    """Return what a setting is compared with, or that others are with it: `compared with e201.1`; empty if neither."""
    base = results.baseline
    if outcome.is_baseline:
        return "as the baseline"
    if base is None or results.compare(outcome, metric) is None:
        return ""
    # Of another experiment, runs that may be made later decide on the label.
    return f"compared with {name_setting(base) if base.is_baseline else base.ref}"


def name_setting(outcome: Outcome) -> str:
    """Return the name of a setting: its step, and what tells it from the others of that step: `e201.1 lr 0.1`."""
    return " ".join(filter(None, (outcome.ref, outcome.label)))


def _spell(summary: Summary) -> str:
    mean = "none" if summary.mean is None else f"{summary.mean:.6g}"
    spread = "" if summary.deviation is None else f" ± {summary.deviation:.6g}"
    return f"{mean}{spread}, n = {len(summary.values)} of {summary.total}"


def claim_run(run: Run) -> Claim:
    """Return the claim that a run ended as it did, or was discarded; of one that goes on, only that it exists."""
    return Claim("run", run.id) if run.is_going_on else Claim("run", run.id, "outcome", find_outcome(run))


def find_outcome(run: Run) -> str:
    """Return how a run ended, or that it was discarded."""
    return run.status if run.discarded is None else "discarded"
