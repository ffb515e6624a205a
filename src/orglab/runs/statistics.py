"""Compute statistics of runs: the runs that count for a step, their final metrics, and the baseline."""

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orglab.experiment.model import Experiment, Step
from orglab.runs.record import Run

# The text of a step that is the baseline of the others.
_BASELINE = re.compile(
    r"(?i)\b(?:base\s?-?line|control|reference|vanilla|status quo|unchanged|unmodified|as (?:is|before)|without|w/o"
    r"|no)\b"
)
_STRONG = re.compile(r"(?i)\b(?:base\s?-?line|control|vanilla|status quo)\b")
KEY_METRICS = 3
# Metrics of little interest; shown only if the log mentions them, or if there are no others.
_BOOKKEEPING = re.compile(
    r"(?i)(?:n_?)?(?:seeds?|epochs?|steps?|iterations?|samples|folds?|repeats?|batch_?size)"
    r"|(?:wall_?|elapsed_?|train_?|total_?)?(?:time|seconds|secs|runtime|duration)|timestamp"
)


class Outcome(NamedTuple):
    """The final metrics of a step's runs.

    Attributes:
        step: The step.
        runs: The runs that count: the newest of each seed, of the newest command that succeeded.
        is_baseline: Whether the other steps are compared with this one.
    """

    step: Step
    runs: tuple[Run, ...]
    is_baseline: bool

    def values(self, metric: str) -> list[tuple[Run, float]]:
        """Return the finite values of a metric, each with its run."""
        return [(run, value) for run in self.runs if (value := read_final(run, metric)) is not None]


class Results(NamedTuple):
    """The results of an experiment by step.

    Attributes:
        outcomes: The outcomes of the steps that have metrics.
        metrics: The names of the key metrics, at most KEY_METRICS.
        is_named: Whether the text of the baseline says that it is one; otherwise it is the first step with metrics.
    """

    outcomes: tuple[Outcome, ...] = ()
    metrics: tuple[str, ...] = ()
    is_named: bool = False

    @property
    def baseline(self) -> Outcome | None:
        """The outcome of the baseline; None if there is nothing to compare."""
        return next((outcome for outcome in self.outcomes if outcome.is_baseline), None)


def read_final(run: Run, metric: str) -> float | None:
    """Return the final value of a metric, or None if the run has none or it is not a finite number."""
    value: object = run.metrics.get(metric)  # a record may hold any JSON value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def mean(values: Sequence[float]) -> float:
    """Return the mean of some finite values."""
    try:
        return statistics.fmean(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation of some finite values; 0 for a single value."""
    try:
        return statistics.stdev(values) if len(values) > 1 else 0.0
    except OverflowError:
        return math.inf


def is_failed(run: Run) -> bool:
    """Return whether a run failed, was killed or was lost."""
    return run.status in ("failed", "killed", "stopped", "lost")


def read_results(experiment: Experiment, runs: Sequence[Run]) -> Results:
    """Return the results of an experiment.

    Args:
        experiment: The experiment.
        runs: Its runs.
    """
    measured = []
    for step in experiment.steps:
        counting = select_counting([run for run in runs if run.ref == step.ref])
        if any(read_final(run, name) is not None for run in counting for name in run.metrics):
            measured.append((step, counting))
    if not measured:
        return Results()
    steps = [step for step, _ in measured]
    baseline, is_named = find_baseline(steps)
    outcomes = tuple(Outcome(step, tuple(counting), step is baseline) for step, counting in measured)
    return Results(outcomes, _choose_metrics(experiment, outcomes), is_named)


def select_counting(runs: Sequence[Run]) -> list[Run]:
    """Return the runs whose metrics count for a step, oldest first.

    These are the successful runs of the newest command; of runs with the same seed, only the newest, because an
    earlier one used older code or has the same values.
    """
    successful = [run for run in runs if run.status == "done" and run.discarded is None]
    measured = [run for run in successful if any(read_final(run, name) is not None for name in run.metrics)]
    if not measured:
        return []
    command = _without_seeds(measured[-1])
    newest = {run.argv: run for run in measured if _without_seeds(run) == command}
    return sorted(newest.values(), key=lambda run: run.id)


def _without_seeds(run: Run) -> tuple[str, ...]:
    """Return the command with each seed removed."""
    seeds = set(run.seeds)
    return tuple(
        "" if word in seeds else f"{name}=" if mark and value in seeds else word
        for word in run.argv
        for name, mark, value in [word.partition("=")]
    )


def find_baseline(steps: Sequence[Step]) -> tuple[Step | None, bool]:
    """Return the baseline among some steps, and whether its text says so; None for fewer than two steps.

    It is the first step that calls itself a baseline, a control or the like; else the first that omits something; else
    the first step, because that is where most people start.
    """
    if len(steps) < 2:  # noqa: PLR2004 - a comparison needs two
        return None, False
    for pattern in (_STRONG, _BASELINE):
        for step in steps:
            if pattern.search(step.text):
                return step, True
    return steps[0], False


def _choose_metrics(experiment: Experiment, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Return the key metrics: those that the log mentions, or else those that most steps have.

    Bookkeeping metrics such as a time, and metrics with the same value in all runs, come last or are left out.
    """
    outcomes = tuple(outcomes)
    counts: dict[str, int] = {}
    for outcome in outcomes:
        for name in dict.fromkeys(name for run in outcome.runs for name in run.metrics):
            if outcome.values(name):
                counts[name] = counts.get(name, 0) + 1
    text = f"{experiment.conclusion.text} {experiment.title} {experiment.description}".lower()
    order = list(counts)
    mentioned = [name for name in order if _is_mentioned(name, text)]
    findings = [name for name in order if not _BOOKKEEPING.fullmatch(name)]
    candidates = mentioned or findings or order
    if any(_varies(name, outcomes) for name in candidates):
        candidates = [name for name in candidates if counts[name] == 1 or _varies(name, outcomes)]
    ranked = sorted(candidates, key=lambda name: (-counts[name], order.index(name)))
    return tuple(ranked[:KEY_METRICS])


def _varies(metric: str, outcomes: Iterable[Outcome]) -> bool:
    """Return whether a metric differs between runs."""
    return len({value for outcome in outcomes for _, value in outcome.values(metric)}) > 1


def _is_mentioned(metric: str, text: str) -> bool:
    """Return whether a text mentions a metric, by its name or with spaces in place of separators."""
    for name in {metric.lower(), re.sub(r"[_/.-]+", " ", metric.lower())}:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            return True
    return False
