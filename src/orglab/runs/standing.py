"""Where a run stands by the main metrics: beside the other seeds of its setting, the best so far, and the baseline.

What ended later than the run does not count, so that later runs do not change the answer.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from orglab.errors import OrglabError
from orglab.experiment.model import Experiment
from orglab.log.log import LogFile
from orglab.runs.best_settings import LogSettings
from orglab.runs.log_runs import LogRuns
from orglab.runs.metrics.directions import Direction, find_direction
from orglab.runs.record import Run
from orglab.runs.setting import Summary, find_settings, read_final, summarize_best
from orglab.runs.statistics import Comparison, compare
from orglab.runs.step_results import Outcome, Results, label_settings, read_results

_Select = Callable[[Iterable[Run]], list[Run]]


class Rival(NamedTuple):
    """The best setting so far, without the run.

    Attributes:
        outcome: The setting, with its step and what tells it from the others.
        summary: Its values.
        is_same: Whether it is the setting of the run itself, on the same code.
        has_other_code: Whether it is known to have run other code than the run.
        difference: The mean of the run's setting minus that of this one; None if it is the same, or has no value.
        run_is_better: Whether the value of the run is better than its mean.
        setting_is_better: Whether the mean of the run's setting is better than its mean, now that the run counts.
    """

    outcome: Outcome
    summary: Summary
    is_same: bool
    has_other_code: bool
    difference: Comparison | None
    run_is_better: bool
    setting_is_better: bool


class Standing(NamedTuple):
    """Where a run stands by one metric.

    Attributes:
        metric: The metric.
        direction: Whether less (`min`) or more (`max`) is better; None if that is not known, and so nothing is best.
        value: The value of the run; None if it has none.
        summary: The values of its setting, this one included.
        best: The best setting of its experiment so far; None without one.
        best_of_log: The best setting of all experiments so far; None without one, or if it is `best`.
        baseline: What its experiment is compared with; None if there is nothing to compare.
        is_baseline: Whether that is the setting of the run.
        has_other_code: Whether the baseline is known to have run other code.
        change: The difference of its setting to the baseline; None if one of them has no value.
    """

    metric: str
    direction: Direction | None
    value: float | None
    summary: Summary
    best: Rival | None = None
    best_of_log: Rival | None = None
    baseline: Outcome | None = None
    is_baseline: bool = False
    has_other_code: bool = False
    change: Comparison | None = None


def find_standings(log: LogFile, run: Run, runs: LogRuns) -> list[Standing]:
    """Return where a run stands by each main metric of its experiment, the most important first.

    The settings, the differences and the best of the experiment are those of `read_results` and `summarize_best`, as in
    `show` and `list --sort METRIC`; the best of the log is that of `LogSettings`, as in `brief`.  There are none if the
    experiment is not in the log.

    Args:
        log: The log.
        run: The run, which may go on: then all that have ended count.
        runs: The runs of the log.
    """
    try:
        experiment = log.experiment((run.ref or "").partition(".")[0])
    except OrglabError:
        return []
    return _Standings(log, experiment, run, runs).list_all()


class _Standings:
    """The experiment of a run as it was when the run ended."""

    def __init__(self, log: LogFile, experiment: Experiment, run: Run, runs: LogRuns) -> None:
        self._log, self._experiment = log, experiment
        self._runs = runs
        self._directions = log.config.metrics
        self._end, self._id = run.ended_at, run.id
        own = self._select(self._runs.find_by_experiment(experiment))
        # With the reference that the experiment has now.
        self._run = next((one for one in own if one.id == run.id), run)
        self._results = self._read(experiment, own)
        self._before = self._read(experiment, [one for one in own if one.id != run.id])
        self._outcome = self._find_own(own)

    def list_all(self) -> list[Standing]:
        """Return where the run stands by each main metric."""
        return [self._describe(metric) for metric in self._results.metrics] if self._outcome is not None else []

    def _select(self, runs: Iterable[Run]) -> list[Run]:
        """Return those of some runs that had ended when this one did, and this one."""
        return [
            one for one in runs
            if one.id == self._id or (one.ended_at is not None and (self._end is None or one.ended_at <= self._end))
        ]  # fmt: skip

    def _read(self, experiment: Experiment, runs: Sequence[Run]) -> Results:
        def find(reference: str) -> Sequence[Run]:
            return self._select(self._runs.find(reference))

        # git is asked once, for the runs of all experiments.
        return read_results(experiment, runs, lambda _: self._runs.codes, find, self._directions)

    def _find_own(self, runs: Sequence[Run]) -> Outcome | None:
        """Return the setting of the run; the results may be those of the steps, and the run that of the experiment."""
        settings = find_settings(runs, self._runs.codes)
        others = (Outcome(one.ref or "", "", one, label)
                  for one, label in zip(settings, label_settings(settings), strict=True))  # fmt: skip
        return next((one for one in (*self._results.outcomes, *others) if _holds(one, self._id)), None)

    def _describe(self, metric: str) -> Standing:
        outcome, results = self._outcome, self._results
        if outcome is None:
            raise AssertionError
        direction = find_direction(metric, self._directions)
        value = read_final(self._run, metric)
        standing = Standing(metric, direction, value, outcome.setting.summarize(metric))
        if direction is not None:
            best = self._find_best(metric, self._before.outcomes)
            best_of_log = self._find_best_of_log(metric)
            if best is not None and best_of_log is not None and _holds(best[0], best_of_log[1].values[0][0].id):
                best_of_log = None
            standing = standing._replace(best=self._face(standing, best), best_of_log=self._face(standing, best_of_log))
        baseline = results.baseline
        if baseline is None:
            return standing
        return standing._replace(
            baseline=baseline, is_baseline=outcome.is_baseline, has_other_code=results.has_other_code(outcome),
            change=results.compare(outcome, metric),
        )  # fmt: skip

    def _find_best(self, metric: str, outcomes: Sequence[Outcome]) -> tuple[Outcome, Summary] | None:
        """Return the best of some settings; None if none has a value."""
        summary = summarize_best([one.setting for one in outcomes], metric, self._directions)
        if summary is None:
            return None
        first = summary.values[0][0].id
        return next((one, summary) for one in outcomes if _holds(one, first))

    def _find_best_of_log(self, metric: str) -> tuple[Outcome, Summary] | None:
        """Return the best setting of all experiments before the run ended; None if none has a value."""
        best = self._others.find_best(metric)
        return (best.outcome, best.summary) if best is not None else None

    @cached_property
    def _others(self) -> LogSettings:
        """The settings of all experiments when the run ended, without the run itself."""
        by_ref = {one.ref: one for one in self._log.read_experiments(self._log.document())}
        before = [one for one in self._select(self._runs.all) if one.id != self._id]
        runs: dict[str, list[Run]] = {}
        for run in before:
            runs.setdefault((run.ref or "").partition(".")[0], []).append(run)

        def read_outcomes(ref: str) -> Sequence[Outcome]:
            return self._read(by_ref[ref], runs.get(ref, [])).outcomes

        known = [run for ref in runs.keys() & by_ref.keys() for run in runs[ref]]
        return LogSettings(known, self._runs.codes, self._directions, cache(read_outcomes))

    def _face(self, standing: Standing, best: tuple[Outcome, Summary] | None) -> Rival | None:
        """Return the best setting so far beside the run and its setting."""
        if best is None:
            return None
        outcome, summary = best
        own, other = standing.summary, summary.mean or 0.0
        sign = -1 if standing.direction == "min" else 1
        first, setting = summary.values[0][0].id, self._outcome.setting if self._outcome is not None else None
        codes = (outcome.setting.code, setting.code) if setting is not None else ("", "")
        has_other_code = "" not in codes and codes[0] != codes[1]
        is_same = self._outcome is not None and _holds(self._outcome, first) and not has_other_code
        difference = compare(own.by_seed(), summary.by_seed()) if own.values and not is_same else None
        return Rival(
            outcome, summary, is_same, has_other_code, difference,
            run_is_better=standing.value is not None and sign * standing.value > sign * other,
            setting_is_better=own.mean is not None and sign * own.mean > sign * other,
        )  # fmt: skip


def _holds(outcome: Outcome, run_id: str) -> bool:
    """Return whether a run is one of a setting, also one that does not count."""
    return any(one.id == run_id for one in outcome.setting.runs)
