"""Numbers over runs: which runs count for a step, their final metrics, mean and deviation, and the baseline."""

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orglab.experiment.model import Experiment, Step
from orglab.runs.record import Run

# A step that says so is what the others are measured against.
_BASELINE = re.compile(
    r"(?i)\b(?:base\s?-?line|control|reference|vanilla|status quo|unchanged|unmodified|as (?:is|before)|without|w/o"
    r"|no)\b"
)
_STRONG = re.compile(r"(?i)\b(?:base\s?-?line|control|vanilla|status quo)\b")
KEY_METRICS = 3
# What a script writes down beside its findings; told only where the log speaks of it, or there is nothing else.
_BOOKKEEPING = re.compile(
    r"(?i)(?:n_?)?(?:seeds?|epochs?|steps?|iterations?|samples|folds?|repeats?|batch_?size)"
    r"|(?:wall_?|elapsed_?|train_?|total_?)?(?:time|seconds|secs|runtime|duration)|timestamp"
)


class Outcome(NamedTuple):
    """The final metrics of a step's runs.

    Attributes:
        step: The step.
        runs: Those that count: of the newest command that went well, the newest of each seed.
        is_baseline: Whether the other steps are measured against this one.
    """

    step: Step
    runs: tuple[Run, ...]
    is_baseline: bool

    def values(self, metric: str) -> list[tuple[Run, float]]:
        """Return the finite values of a metric, with the run of each."""
        return [(run, value) for run in self.runs if (value := read_final(run, metric)) is not None]


class Results(NamedTuple):
    """What came out of an experiment, step by step.

    Attributes:
        outcomes: Of the steps that have a metric.
        metrics: The names of the metrics that tell most, at most KEY_METRICS.
        is_named: Whether the baseline says that it is one; else it is the first step with figures.
    """

    outcomes: tuple[Outcome, ...] = ()
    metrics: tuple[str, ...] = ()
    is_named: bool = False

    @property
    def baseline(self) -> Outcome | None:
        """The step that the others are measured against; None if there is nothing to compare."""
        return next((one for one in self.outcomes if one.is_baseline), None)


def read_final(run: Run, metric: str) -> float | None:
    """Return the final value of a metric, or None if the run has none or it is no finite number."""
    value: object = run.metrics.get(metric)  # a record holds any JSON
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
    """Return the sample standard deviation of some finite values; 0 for one."""
    try:
        return statistics.stdev(values) if len(values) > 1 else 0.0
    except OverflowError:
        return math.inf


def is_failed(run: Run) -> bool:
    """Return whether a run ended otherwise than well, or was lost."""
    return run.status in ("failed", "killed", "lost")


def read_results(experiment: Experiment, runs: Sequence[Run]) -> Results:
    """Return what came out of the steps of an experiment.

    Args:
        experiment: The experiment.
        runs: Its runs.
    """
    found = []
    for step in experiment.steps:
        counting = select_counting([run for run in runs if run.ref == step.ref])
        if any(read_final(run, name) is not None for run in counting for name in run.metrics):
            found.append((step, counting))
    if not found:
        return Results()
    steps = [step for step, _ in found]
    base, is_named = find_baseline(steps)
    outcomes = tuple(Outcome(step, tuple(counting), step is base) for step, counting in found)
    return Results(outcomes, _choose_metrics(experiment, outcomes), is_named)


def select_counting(runs: Sequence[Run]) -> list[Run]:
    """Return the runs whose figures count for a step, oldest first.

    Of those that went well, the ones of the newest command; of runs that differ in nothing, seed included, the newest:
    an earlier one was before a change, or is the same figure again.
    """
    well = [run for run in runs if run.status == "done" and run.discarded is None]
    measured = [run for run in well if any(read_final(run, name) is not None for name in run.metrics)]
    if not measured:
        return []
    command = _without_seeds(measured[-1])
    newest = {run.argv: run for run in measured if _without_seeds(run) == command}
    return sorted(newest.values(), key=lambda run: run.id)


def _without_seeds(run: Run) -> tuple[str, ...]:
    """Return the command with a blank for each seed."""
    seeds = set(run.seeds)
    return tuple(
        "" if word in seeds else f"{name}=" if mark and value in seeds else word
        for word in run.argv
        for name, mark, value in [word.partition("=")]
    )


def find_baseline(steps: Sequence[Step]) -> tuple[Step | None, bool]:
    """Return the step that the others are measured against, and whether its text says so.

    The first whose text calls itself a baseline, a control or the like; else the first that goes without something;
    else the first, for that is how people begin.  None for fewer than two steps.
    """
    if len(steps) < 2:  # noqa: PLR2004 - one is compared with another
        return None, False
    for pattern in (_STRONG, _BASELINE):
        for step in steps:
            if pattern.search(step.text):
                return step, True
    return steps[0], False


def _choose_metrics(experiment: Experiment, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Return the metrics that tell most: those that the log's words name, else those that most steps have.

    What the script only keeps books of, such as a time, and what is the same in all runs while others differ, such as
    how many seeds there were, finds nothing.
    """
    outcomes = tuple(outcomes)
    counts: dict[str, int] = {}
    for outcome in outcomes:
        for name in dict.fromkeys(name for run in outcome.runs for name in run.metrics):
            if outcome.values(name):
                counts[name] = counts.get(name, 0) + 1
    words = f"{experiment.conclusion.text} {experiment.title} {experiment.description}".lower()
    order = list(counts)
    named = [name for name in order if _is_named(name, words)]
    found = [name for name in order if not _BOOKKEEPING.fullmatch(name)]
    candidates = named or found or order
    if any(_varies(name, outcomes) for name in candidates):
        candidates = [name for name in candidates if counts[name] == 1 or _varies(name, outcomes)]
    ranked = sorted(candidates, key=lambda name: (-counts[name], order.index(name)))
    return tuple(ranked[:KEY_METRICS])


def _varies(metric: str, outcomes: Iterable[Outcome]) -> bool:
    """Return whether a metric is not the same in all runs."""
    return len({value for outcome in outcomes for _, value in outcome.values(metric)}) > 1


def _is_named(metric: str, words: str) -> bool:
    """Return whether a text speaks of a metric: by its name, or with blanks for what joins its words."""
    for name in {metric.lower(), re.sub(r"[_/.-]+", " ", metric.lower())}:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words):
            return True
    return False
