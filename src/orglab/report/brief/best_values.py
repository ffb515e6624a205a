"""What a brief says of numbers: the best setting of each metric, and metrics that stand still."""

from orglab.errors import GitError
from orglab.history.sources import Sources
from orglab.report.brief.brief import SHORT_HASH, Best, Standstill
from orglab.report.brief.short_text import shorten
from orglab.runs.best_settings import BestSetting, LogSettings
from orglab.runs.comparison import find_changed_code
from orglab.runs.description import parameter_text
from orglab.runs.metrics.directions import find_direction
from orglab.runs.parameters.arguments import Value
from orglab.runs.record import Run
from orglab.runs.statistics import find_interval
from orglab.runs.step_results import Outcome
from orglab.runs.summary_text import describe_summary, find_decimals
from orglab.text import listed

_MOST = 8  # metrics, of a training that may have hundreds
_FEWEST = 5
"""How many runs without a better value are a standstill."""
_MOST_NAMED = 5


def read_best(settings: LogSettings, sources: Sources, room: int) -> tuple[Best, ...]:
    """Return the best setting of each metric, then the metrics that cannot be ranked.

    Args:
        settings: The settings of the log.
        sources: What is known about the log.
        room: The bytes of each text.
    """
    directions = sources.log.config.metrics
    ranked = [name for name in settings.metrics if find_direction(name, directions) is not None]
    others = [name for name in settings.metrics if name not in ranked]
    differing: dict[str, int | None] = {}
    found = []
    for metric in ranked[:_MOST]:
        if (best := settings.find_best(metric)) is not None:
            run = best.summary.values[-1][0]
            if run.id not in differing:
                differing[run.id] = _count_differing(run, sources)
            found.append(_describe(best, run, differing[run.id], room))
    unranked = [Best(shorten(listed(others, _MOST_NAMED), room))] if others else []
    return (*found, *unranked)


def _count_differing(run: Run, sources: Sources) -> int | None:
    """Return how many files of the working tree differ from the code of a run; None if that cannot be told."""
    if sources.repository is None:
        return None
    try:
        changed = find_changed_code(sources.log, run, sources.runs)
    except GitError:
        return None
    return len(changed) if changed is not None else None


def _describe(best: BestSetting, run: Run, differing: int | None, room: int) -> Best:
    summary, outcome = best.summary, best.outcome
    parameters = _choose_parameters(outcome, room)
    label = ", ".join(f"{name} {parameter_text(value)}" for name, value in parameters.items())
    repeated = best.repeated.setting.summarize(best.metric).mean if best.repeated is not None else None
    # The commit on the branch is told if there is one.
    code = run.kept_code or run.code
    commit = code[:SHORT_HASH] if code is not None else None
    is_snapshot = run.snapshot is not None and run.kept_code is None
    return Best(
        shorten(best.metric, room), best.direction, describe_summary(summary, find_decimals(best.others)), summary.mean,
        summary.deviation, find_interval(summary.numbers), len(summary.values), summary.total, outcome.ref,
        shorten(outcome.label or label, room), parameters, run.id, commit, is_snapshot, differing,
        best.repeated.ref if best.repeated is not None else None, repeated,
    )  # fmt: skip


def _choose_parameters(outcome: Outcome, room: int) -> dict[str, Value]:
    """Return the parameters of a setting that have room: those that its label names come first."""
    given = outcome.setting.parameters
    words = f", {outcome.label},"
    names = sorted(given, key=lambda name: f", {name}" not in words and f" no {name}," not in words)
    chosen: dict[str, Value] = {}
    for name in names:
        room -= len(f"{name} {parameter_text(given[name])}, ".encode())
        if room < 0:
            break
        chosen[name] = given[name]
    return chosen


def read_standstills(settings: LogSettings) -> tuple[Standstill, ...]:
    """Return the metrics of which the newest runs are not better than one before them."""
    found = []
    for metric in settings.metrics[:_MOST]:
        plateau = settings.find_plateau(metric)
        if plateau is not None and plateau.later >= _FEWEST:
            run = plateau.best
            found.append(Standstill(metric, plateau.value, plateau.later, run.ref or "", run.id, run.began))
    return tuple(found)
