"""The curves of metrics on a page, of runs and of settings: read from the histories of runs once, and kept."""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from markupsafe import Markup

from orglab.report.chart_model import Series
from orglab.report.content.bands import make_setting_series
from orglab.report.content.plots import rank_outcomes
from orglab.runs.metrics.live_history import find_history_file, read_history
from orglab.runs.metrics.metric_curves import Curve, MetricCurve, read_curves, thin_curve
from orglab.runs.record import Run
from orglab.runs.run_table import Row, order_metrics
from orglab.runs.setting import Setting, has_diverged, read_seeds
from orglab.runs.step_results import Results, is_bookkeeping
from orglab.runs.table_text import short_id
from orglab.text import count
from orglab.web.templating import to_data

Value = TypeVar("Value")
_MOST_RUNS, _MOST_SETTINGS, _MOST_METRICS = 100, 24, 8
"""The most runs, settings and metrics that have curves on a page."""
_MOST_POINTS, _FEWEST_POINTS = 500, 60
"""The most points of a curve, and the most of one on a page with very many."""
_PAGE_POINTS = 60_000
"""About the most points of all curves of runs on a page."""
_DRAWN = 6
"""How many settings are drawn before someone chooses."""
_MOST_NUMBERS, _MOST_CHARACTERS = 2_000_000, 16_000_000
"""The most numbers of curves, and characters of pages, that are kept."""
_MISSING = float("nan")


class _Points(NamedTuple):
    """A curve of a run, thinned and packed, because many are kept.

    Attributes:
        name: What counts its steps.
        xs: The steps.
        ys: The values; NaN where there is no number.
    """

    name: str
    xs: "array[float]"
    ys: "array[float]"


class _SettingCurves(NamedTuple):
    """The curves of a setting.

    Attributes:
        runs: The curves of each run, by its id and the metric.
        series: The runs that count as one line, by the metric.
    """

    runs: Mapping[str, Mapping[str, _Points]]
    series: Mapping[str, Series]

    @property
    def size(self) -> int:
        """How many numbers there are, about."""
        return 2 * sum(len(one.xs) for curves in self.runs.values() for one in curves.values())


class PageCurves(NamedTuple):
    """The curves of a page.

    Attributes:
        metrics: The metrics that have curves, the most important first.
        x: What counts the steps of the first one.
        data: The curves, for the script.
        left_out: What has no curves on the page, as sentences; empty if everything has.
    """

    metrics: tuple[str, ...]
    x: str
    data: Markup
    left_out: str


class _Kept(Generic[Value]):
    """What was made lately, by what it was made of, up to a total weight."""

    def __init__(self, most: int, weigh: Callable[[Value], int]) -> None:
        """Begin without anything."""
        self._found: OrderedDict[object, Value] = OrderedDict()
        self._most, self._weigh, self._total = most, weigh, 0
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], Value]) -> Value:
        """Return what was made of this, or make it."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            if key not in self._found:
                self._total += self._weigh(made)
            self._found[key] = made
            while self._total > self._most and len(self._found) > 1:
                self._total -= self._weigh(self._found.popitem(last=False)[1])
        return made


_settings = _Kept[_SettingCurves](_MOST_NUMBERS, lambda one: one.size)
_pages = _Kept["PageCurves | None"](_MOST_CHARACTERS, lambda one: len(one.data) if one is not None else 1)


def _identify_setting(setting: Setting) -> tuple[object, ...]:
    """Return what changes with the curves of a setting."""
    return tuple(map(_identify, setting.runs)), tuple(run.id for run in setting.counted)


def _identify(run: Run) -> tuple[object, ...]:
    """Return what changes with the history of a run."""
    try:
        status = find_history_file(run).stat()
    except OSError:
        return (run.folder,)
    return run.folder, status.st_ino, status.st_size, status.st_mtime_ns, tuple(sorted(run.diverged))


def _read_setting(setting: Setting) -> _SettingCurves:
    """Read the histories of the runs of a setting."""
    curves = {run.id: read_curves(read_history(run)) for run in setting.runs}
    none = MetricCurve("row", ())
    series = {}
    for metric in dict.fromkeys(name for of_run in curves.values() for name in of_run):
        found, _ = make_setting_series("", setting, metric, lambda run, name: curves[run.id].get(name, none))
        if found is not None:
            series[metric] = found
    packed = {name: {metric: _pack(one) for metric, one in of_run.items()} for name, of_run in curves.items()}
    return _SettingCurves(packed, series)


def _pack(curve: MetricCurve) -> _Points:
    points = thin_curve(curve.points, _MOST_POINTS)
    return _Points(
        curve.x, array("d", [x for x, _ in points]), array("d", [_MISSING if y is None else y for _, y in points])
    )


def make_curves(named: Sequence[tuple[str, Setting]], results: Results | None = None) -> PageCurves | None:
    """Return the curves of runs and settings as data for the script; None if there are none.

    Args:
        named: The settings, each with what it is called.
        results: The results of the experiment, which say which settings come first and which metrics matter.
    """
    names = {one.runs[0].id: name for name, one in named}
    settings = {one.runs[0].id: one for _, one in named}
    first = results.metrics if results is not None else ()
    ranked = _rank([*settings], results)
    key = tuple(names.items()), tuple(map(_identify_setting, settings.values())), tuple(ranked), first
    return _pages.get(key, lambda: _make_page(names, settings, ranked, first))


def _make_page(
    names: Mapping[str, str], settings: Mapping[str, Setting], ranked: Sequence[str], first: Sequence[str]
) -> PageCurves | None:
    """Make the curves of a page.

    Args:
        names: What each setting is called, by its first run.
        settings: The settings, by their first runs.
        ranked: Those that have a line, the most important first.
        first: The metrics that come first.
    """
    runs = sorted((run for one in settings.values() for run in one.runs), key=lambda run: run.began_at or 0)
    ids = {run.id for run in runs[-_MOST_RUNS:]}
    read = {
        name: _settings.get(_identify_setting(one), partial(_read_setting, one))
        for name, one in settings.items()
        if name in ranked or not ids.isdisjoint(run.id for run in one.runs)
    }
    metrics = _list_metrics([settings[name] for name in read], read.values(), first)
    amount = len(metrics[:_MOST_METRICS]) * len(ids)
    most = max(_FEWEST_POINTS, min(_MOST_POINTS, _PAGE_POINTS // amount)) if amount else _MOST_POINTS
    found = []
    for metric in metrics[:_MOST_METRICS]:
        of_runs = {
            run.id: {"name": _name_run(run, names[name]), **_describe_run(run, points, metric, most)}
            for name, curves in read.items()
            for run in settings[name].runs
            if run.id in ids and (points := curves.runs[run.id].get(metric)) is not None
        }
        lines = {name: read[name].series[metric] for name in ranked if metric in read[name].series}
        of_settings = {name: {"name": names[name], **_describe_series(series)} for name, series in lines.items()}
        counters = (one.runs[run][metric].name for one in read.values() for run in one.runs if metric in one.runs[run])
        counter = " or ".join(dict.fromkeys(counters))
        found.append({"name": metric, "x": counter, "settings": of_settings, "runs": of_runs})
    if not found:
        return None
    data = to_data({"metrics": found, "first": ranked[:_DRAWN]})
    left_out = _describe_left_out(len(runs), len(settings), len(metrics))
    return PageCurves(tuple(metrics[:_MOST_METRICS]), str(found[0]["x"]), data, left_out)


def _rank(settings: Sequence[str], results: Results | None) -> list[str]:
    """Return the settings that have a line, by their first runs: the baseline, then the best, as far as is known."""
    is_ranked = results is not None and results.metrics
    outcomes = rank_outcomes(results, results.metrics[0]) if results is not None and is_ranked else []
    ranked = [one for one in (outcome.setting.runs[0].id for outcome in outcomes) if one in settings]
    return [*dict.fromkeys((*ranked, *reversed(settings)))][:_MOST_SETTINGS]


def _list_metrics(settings: Iterable[Setting], read: Iterable[_SettingCurves], first: Sequence[str]) -> list[str]:
    """Return the metrics that have curves, the most important first; bookkeeping only if there is nothing else."""
    read = [*read]
    found = ((name, points) for curves in read for of_run in curves.runs.values() for name, points in of_run.items())
    with_curves = dict.fromkeys(name for name, points in found if len(points.xs) > 1)
    ordered = order_metrics((Row(tuple(one.runs), one) for one in settings), first)
    names = [*dict.fromkeys((*(name for name in ordered if name in with_curves), *with_curves))]
    return [name for name in names if not is_bookkeeping(name)] or names


def _describe_left_out(runs: int, settings: int, metrics: int) -> str:
    """Return what of some amounts has no curves on the page, as sentences; empty if everything has."""
    amounts = (
        (runs, _MOST_RUNS, "run", "The newest"), (settings, _MOST_SETTINGS, "setting", "The first"),
        (metrics, _MOST_METRICS, "metric", "The first"),
    )  # fmt: skip
    return " ".join(
        f"{which} {most} of {count(amount, noun, 'grouped')} have curves here."
        for amount, most, noun, which in amounts
        if amount > most
    )


def _name_run(run: Run, setting: str) -> str:
    seeds = ", ".join(f"{name} {value}" for name, value in read_seeds(run).items())
    return " ".join(filter(None, (short_id(run.id), setting, seeds)))


def _describe_series(series: Series) -> dict[str, object]:
    points = [*series.points]
    xs = [None if point is None else point.x for point in points]
    # A gap is a point without values between its neighbours.
    for place, x in enumerate(xs):
        before, after = (xs[place - 1], xs[place + 1]) if x is None else (None, None)
        if before is not None and after is not None:
            xs[place] = (before + after) / 2
    return {
        "n": series.runs,
        "x": [None if x is None else _round(x) for x in xs],
        "mean": [None if point is None else _round(point.mean, 5) for point in points],
        "low": [None if point is None else _round(point.low, 5) for point in points],
        "high": [None if point is None else _round(point.high, 5) for point in points],
        "ended": [[[_round(x), _round(y)] for x, y in ended] for ended in series.diverged],
    }


def _describe_run(run: Run, points: _Points, metric: str, most: int) -> dict[str, object]:
    pairs: Curve = [(x, None if y != y else y) for x, y in zip(points.xs, points.ys, strict=True)]  # noqa: PLR0124
    thin = thin_curve(pairs, most)
    return {
        "x": [_round(x) for x, _ in thin],
        "mean": [None if y is None else _round(y, 5) for _, y in thin],
        "diverged": has_diverged(run, metric),
    }


def _round(value: float, digits: int = 9) -> float:
    return float(f"{value:.{digits}g}")
