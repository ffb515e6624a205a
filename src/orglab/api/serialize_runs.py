"""Runs in tables, and their statistics, as JSON values; see `serialize`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orglab.api.serialize import (
    brief_experiment_form,
    commit_form,
    experiment_form,
    format_time,
    full_run_form,
    precedent_form,
    run_form,
    step_form,
)
from orglab.runs.metrics.directions import find_direction
from orglab.runs.statistics import find_interval

if TYPE_CHECKING:
    from orglab.api.ask import Listed, Shown
    from orglab.api.concluded_result import Concluded, ConcludedResult
    from orglab.experiment.model import Experiment
    from orglab.runs.run_table import RunTable
    from orglab.runs.setting import Setting, Summary
    from orglab.runs.statistics import Comparison
    from orglab.runs.step_results import Results
    from orglab.search.similar.precedent import Precedent


def shown_form(shown: "Shown", letter: str) -> dict[str, object]:
    """Return an experiment or a step with its commits and runs, as in `show --json`."""
    experiment, step = shown.experiment, shown.step
    own = experiment_form(experiment) if step is None else step_form(step)
    where = {} if step is None else {"experiment": experiment.ref, "file": experiment.file}
    mentions = [
        {**commit_form(mention.commit), "refs": [one.spell(letter) for one in mention.references]}
        for mention in shown.mentions
    ]
    recorded = {name: commit_form(commit) for name, commit in shown.commits.items()}
    results = results_form(shown.results, step.ref if step is not None else None)
    runs = [run_form(run) for run in shown.runs]
    return {**own, **where, "recorded": recorded, "mentions": mentions, "runs": runs, **results}


def table_form(table: "RunTable", *, is_full: bool) -> dict[str, object]:
    """Return a table of runs or of settings, as in `runs --json`."""
    if table.is_grouped:
        return {
            "settings": [setting_form(row.setting, table.directions) for row in table.rows if row.setting is not None]
        }
    make_form = full_run_form if is_full else run_form
    return {"runs": [make_form(row.run) for row in table.rows], "discarded": table.hidden}


def setting_form(setting: "Setting", directions: Mapping[str, str]) -> dict[str, object]:
    """Return a setting with the statistics of its metrics."""
    return {
        "ref": setting.ref,
        "parameters": setting.parameters,
        "runs": [run.id for run in setting.counted],
        "left_out": [{"id": run.id, "reason": reason} for run, reason in setting.left_out],
        "metrics": {name: _summary_form(setting, name, directions) for name in setting.metrics},
    }


def _summary_form(setting: "Setting", metric: str, directions: Mapping[str, str]) -> dict[str, object]:
    """Return the statistics of a metric: of its last values and, if its direction is known, of its best ones."""
    direction = find_direction(metric, directions)
    summary = setting.summarize(metric)
    best = setting.summarize(metric, best=direction) if direction is not None else None
    return {
        **_counts_form(summary),
        "left_out": summary.reasons,
        "best": _counts_form(best) if best is not None else None,
    }


def metric_form(listed: "Listed", experiment: "Experiment") -> dict[str, object]:
    """Return the metric that a list is sorted by, as in `list --json`; nothing if it is sorted by something else."""
    if listed.metric is None:
        return {}
    summary = listed.summaries.get(experiment.ref)
    if summary is None:
        return {"metric": {"name": listed.metric, "mean": None, "sd": None, "n": 0, "of": 0}}
    return {"metric": {"name": listed.metric, **_counts_form(summary)}}


def _counts_form(summary: "Summary") -> dict[str, object]:
    return {"mean": summary.mean, "sd": summary.deviation, "n": len(summary.values), "of": summary.total}


def results_form(results: "Results | None", ref: str | None = None) -> dict[str, object]:
    """Return the results of an experiment, or of the step `ref` alone, as in `show --json`."""
    if results is None:
        return {"results": [], "metrics": [], "baseline": None, "claim": None, "problem": None}
    forms = []
    for outcome in results.outcomes:
        if ref is None or outcome.ref == ref:
            comparisons = {name: results.compare(outcome, name) for name in outcome.setting.metrics}
            forms.append(
                {
                    **setting_form(outcome.setting, results.directions),
                    "is_baseline": outcome.is_baseline,
                    "has_other_code": results.has_other_code(outcome),
                    "differences": {name: comparison_form(one) for name, one in comparisons.items() if one is not None},
                    "claim": results.judge(outcome),
                }
            )
    baseline = results.baseline
    return {
        "results": forms,
        "metrics": list(results.metrics),
        "baseline": None if baseline is None else {"ref": baseline.ref, "is_named": results.is_named},
        "claim": results.claim_text or None,
        "problem": results.problem or None,
    }


def tried_before_form(precedents: "Sequence[Precedent]", results: "Mapping[str, Results]") -> list[dict[str, object]]:
    """Return experiments that tried an idea before, each with its best result, as in `new --json`."""
    return [{**precedent_form(one), "best": _best_form(results.get(one.ref))} for one in precedents]


def _best_form(results: "Results | None") -> dict[str, object] | None:
    from orglab.report.content.headline import find_headline

    headline = find_headline(results) if results is not None else None
    if headline is None:
        return None
    return {"metric": headline.metric, "ref": headline.outcome.ref, **_counts_form(headline.summary)}


def concluded_form(concluded: "Concluded") -> dict[str, object]:
    """Return an experiment that was concluded, as in `conclude --json`."""
    conclusion = concluded.experiment.conclusion
    return {
        "experiment": brief_experiment_form(concluded.experiment),
        "author": conclusion.author,
        "confirmed": format_time(conclusion.confirmed),
        "result": _concluded_result_form(concluded.result) if concluded.result is not None else None,
    }


def _concluded_result_form(standing: "ConcludedResult") -> dict[str, object]:
    """Return where a result stands."""
    headline, best = standing.headline, standing.best
    results, interval = headline.results, find_interval(headline.summary.numbers)
    change = headline.comparison
    compared = change is not None and results.baseline is not None
    return {
        "metric": headline.metric,
        "ref": headline.outcome.ref,
        "parameters": headline.outcome.setting.parameters,
        **_counts_form(headline.summary),
        "low": interval[0] if interval is not None else None,
        "high": interval[1] if interval is not None else None,
        "baseline": results.baseline.ref if compared and results.baseline is not None else None,
        "difference": comparison_form(change) if change is not None else None,
        "claim": None if headline.judged is None else {"text": results.claim_text, "judged": headline.judged},
        "problem": results.problem or None,
        "best": None if best is None else {
            "ref": best.outcome.ref, **_counts_form(best.summary), "difference": standing.difference_to_best,
        },
    }  # fmt: skip


def comparison_form(comparison: "Comparison") -> dict[str, object]:
    """Return a difference to the baseline, with its 95 % confidence interval."""
    return {
        "value": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "method": comparison.method,
    }
