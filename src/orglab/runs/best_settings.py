"""The best setting of a log by each metric, and since when no run has been better."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from orglab.experiment.model import Experiment
from orglab.runs.metrics.directions import Direction, find_direction
from orglab.runs.record import Run
from orglab.runs.run_table import Row, order_metrics
from orglab.runs.setting import Setting, Summary, find_settings, read_final, summarize_best
from orglab.runs.step_results import Outcome, is_bookkeeping, select_settings


class BestSetting(NamedTuple):
    """The setting of a log with the best mean of a metric.

    Attributes:
        metric: The name of the metric.
        direction: Whether less (`min`) or more (`max`) is better.
        outcome: The setting, with its step.
        summary: Its values.
        others: The values of the settings of the same experiment, its own included.
        repeated: If it has a single run, which proves less, the best setting with several; None if there is none.
        is_only: Whether no other setting of the log has a value of the metric.
    """

    metric: str
    direction: Direction
    outcome: Outcome
    summary: Summary
    others: tuple[Summary, ...]
    repeated: Outcome | None = None
    is_only: bool = False


class Plateau(NamedTuple):
    """The newest runs of a metric, none of which was better than the one before them.

    Attributes:
        metric: The name of the metric.
        value: The best value.
        best: The run that had it first.
        later: How many runs with a value came later.
    """

    metric: str
    value: float
    best: Run
    later: int


class LogSettings:
    """All settings of a log, compared by metric.

    Attributes:
        settings: The settings, in the order of their first runs.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        codes: Mapping[str, str],
        directions: Mapping[str, str],
        read_outcomes: Callable[[str], Sequence[Outcome]],
    ) -> None:
        """Group the runs of a log.

        Args:
            runs: The runs of the experiments of the log.
            codes: The identity of the code of each run, by its id.
            directions: The setting `metrics`.
            read_outcomes: Returns the outcomes of an experiment, by its reference.
        """
        self._directions = directions
        self._read_outcomes = read_outcomes
        self.settings = find_settings(runs, codes)

    @cached_property
    def _by_experiment(self) -> dict[str, list[Setting]]:
        """The settings of each experiment and its steps, by its reference."""
        settings: dict[str, list[Setting]] = {}
        for setting in self.settings:
            settings.setdefault((setting.ref or "").partition(".")[0], []).append(setting)
        return settings

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics with a number, the most important first.

        Those that the setting `metrics` names come first, then those that most experiments have.
        """
        counted = [[run for setting in own for run in setting.counted] for own in self._by_experiment.values()]
        measured = {name for runs in counted for run in runs for name in run.metrics
                    if read_final(run, name) is not None}  # fmt: skip
        ordered = order_metrics([Row(tuple(runs)) for runs in counted if runs], self._directions)
        known = [name for name in ordered if name in measured]
        return [name for name in known if name in self._directions or not is_bookkeeping(name)] or known

    def summarize(self, experiment: Experiment, metric: str) -> Summary | None:
        """Return the best mean of a metric among the settings of an experiment; None without values."""
        settings = self._by_experiment.get(experiment.ref)
        if settings is None:
            return None
        return summarize_best(select_settings(experiment, settings), metric, self._directions)

    def find_best(self, metric: str) -> BestSetting | None:
        """Return the setting with the best mean of a metric; None if it is not known whether more or less is better."""
        direction = find_direction(metric, self._directions)
        if direction is None:
            return None
        found = [(setting, summary) for setting in self.settings if (summary := setting.summarize(metric)).values]
        found.sort(key=lambda pair: pair[1].mean or 0.0, reverse=direction == "max")
        outcome = self._find_valid(found)
        if outcome is None:
            return None
        summary, repeated = outcome.setting.summarize(metric), None
        if len(summary.values) == 1:
            repeated = self._find_valid(pair for pair in found if len(pair[1].values) > 1)
        others = tuple(one.setting.summarize(metric) for one in self._read_outcomes(outcome.ref.partition(".")[0]))
        ids = [run.id for run in outcome.setting.runs]
        is_only = self._find_valid(pair for pair in found if [run.id for run in pair[0].runs] != ids) is None
        return BestSetting(metric, direction, outcome, summary, others, repeated, is_only)

    def _find_valid(self, candidates: Iterable[tuple[Setting, Summary]]) -> Outcome | None:
        """Return the first of some settings that is a result of its experiment.

        Only the experiments of the best ones are read: the log may have thousands.
        """
        for setting, _ in candidates:
            ids = [run.id for run in setting.runs]
            for outcome in self._read_outcomes((setting.ref or "").partition(".")[0]):
                if [run.id for run in outcome.setting.runs] == ids:
                    return outcome
        return None

    def find_plateau(self, metric: str) -> Plateau | None:
        """Return the runs since the best value of a metric; None without a value or a known direction.

        Only the runs that count for their setting are compared.
        """
        direction = find_direction(metric, self._directions)
        counted = sorted(
            (run for setting in self.settings for run in setting.counted), key=lambda run: (run.began_at or 0, run.id)
        )
        values = [(run, value) for run in counted if (value := read_final(run, metric)) is not None]
        if direction is None or not values:
            return None
        place = (min if direction == "min" else max)(range(len(values)), key=lambda at: values[at][1])
        best, value = values[place]
        return Plateau(metric, value, best, len(values) - place - 1)
