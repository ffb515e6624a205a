"""The curves of metrics on a page, of runs and of settings: read from the histories of runs once, and kept."""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orglab.report.chart_model import Series, is_drawn
from orglab.report.content.bands import make_setting_series
from orglab.report.content.plots import rank_outcomes
from orglab.runs.metrics.metric_curves import Curve, MetricCurve, read_curves, thin_curve
from orglab.runs.record import METRICS, Run
from orglab.runs.run_table import Row, order_metrics
from orglab.runs.setting import Setting, has_diverged, read_seeds
from orglab.runs.step_results import Results, is_bookkeeping
from orglab.runs.table_text import short_id
from orglab.text import count

_MOST_RUNS, _MOST_SETTINGS, _MOST_METRICS = 100, 24, 8
"""The most runs, settings and metrics that have curves on a page."""
_MOST_POINTS, _FEWEST_POINTS = 500, 60
"""The most points of a curve, and the most of one on a page with very many."""
_PAGE_POINTS = 60_000
"""About the most points of all curves of runs on a page."""
_DRAWN = 6
"""How many settings are drawn before someone chooses."""
_KEPT_POINTS = 2_000_000
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
        series: The runs as one line, and what counts its steps, by the metric.
    """

    runs: Mapping[str, Mapping[str, _Points]]
    series: Mapping[str, tuple[Series, str]]

    @property
    def size(self) -> int:
        """How many numbers there are, about."""
        return 2 * sum(len(one.xs) for curves in self.runs.values() for one in curves.values())


class CurveStore:
    """The curves that pages have shown lately, for as long as the files that they were read from stay as they are."""

    def __init__(self) -> None:
        """Begin without curves."""
        self._found: OrderedDict[object, _SettingCurves] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def read(self, setting: Setting) -> _SettingCurves:
        """Return the curves of a setting."""
        key = tuple(_identify(run) for run in setting.runs), tuple(run.id for run in setting.counted)
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
                return found
        found = _read_setting(setting)
        with self._lock:
            if key not in self._found:
                self._found[key] = found
                self._size += found.size
            while self._size > _KEPT_POINTS and len(self._found) > 1:
                self._size -= self._found.popitem(last=False)[1].size
        return found


_STORE = CurveStore()


def _identify(run: Run) -> tuple[object, ...]:
    """Return what changes with the history of a run."""
    try:
        status = (run.folder / METRICS).stat()
    except OSError:
        return (run.folder,)
    return run.folder, status.st_ino, status.st_size, status.st_mtime_ns, tuple(sorted(run.diverged))


def _read_setting(setting: Setting) -> _SettingCurves:
    """Read the histories of the runs of a setting."""
    curves = {run.id: read_curves(run.history()) for run in setting.runs}
    none = MetricCurve("row", ())
    series = {}
    for metric in dict.fromkeys(name for of_run in curves.values() for name in of_run):
        found, counters = make_setting_series("", setting, metric, lambda run, name: curves[run.id].get(name, none))
        if found is not None:
            series[metric] = (found, " or ".join(sorted(counters)))
    packed = {name: {metric: _pack(one) for metric, one in of_run.items()} for name, of_run in curves.items()}
    return _SettingCurves(packed, series)


def _pack(curve: MetricCurve) -> _Points:
    points = thin_curve([(x, y) for x, y in curve.points if is_drawn(x)], _MOST_POINTS)
    return _Points(curve.x, array("d", [x for x, _ in points]), array("d", [_drawn(y) for _, y in points]))


def _drawn(value: float | None) -> float:
    return value if value is not None and is_drawn(value) else _MISSING


def make_curves(named: Sequence[tuple[str, Setting]], results: Results | None = None) -> dict[str, object] | None:
    """Return the curves of runs and settings as data for the script; None if there are none.

    Args:
        named: The settings, each with what it is called.
        results: The results of the experiment, which say which settings come first and which metrics matter.
    """
    names = {one.runs[0].id: name for name, one in named}
    settings = [*{one.runs[0].id: one for _, one in named}.values()]
    recent = sorted((run for one in settings for run in one.runs), key=lambda run: run.began_at or 0)[-_MOST_RUNS:]
    ids = {run.id for run in recent}
    ranked = _rank(settings, results)
    read = [
        (one, _STORE.read(one))
        for one in settings
        if one.runs[0].id in ranked or not ids.isdisjoint(run.id for run in one.runs)
    ]
    metrics = _list_metrics(read, results)
    amount = len(metrics[:_MOST_METRICS]) * len(recent)
    most = max(_FEWEST_POINTS, min(_MOST_POINTS, _PAGE_POINTS // amount)) if amount else _MOST_POINTS
    found = [
        {
            "name": metric,
            "x": " or ".join(dict.fromkeys(_list_counters(read, metric))),
            "settings": {
                one.runs[0].id: {"name": names[one.runs[0].id], **_describe_series(curves.series[metric][0])}
                for one, curves in read
                if one.runs[0].id in ranked and metric in curves.series
            },
            "runs": {
                run.id: {"name": _name_run(run, names[one.runs[0].id]), **_describe_run(run, points, metric, most)}
                for one, curves in read
                for run in one.runs
                if run.id in ids and (points := curves.runs[run.id].get(metric)) is not None
            },
        }
        for metric in metrics[:_MOST_METRICS]
    ]
    found = [one for one in found if one["runs"] or one["settings"]]
    if not found:
        return None
    return {
        "metrics": found,
        "first": ranked[:_DRAWN],
        "left_out": _describe_left_out(settings, metrics),
    }


def _rank(settings: Sequence[Setting], results: Results | None) -> list[str]:
    """Return the settings that have a line, by their first runs: the baseline, then the best, as far as is known."""
    known = [one.runs[0].id for one in settings]
    if results is not None and results.metrics:
        ranked = [one.setting.runs[0].id for one in rank_outcomes(results, results.metrics[0])]
    else:
        ranked = []
    order = dict.fromkeys((*(one for one in ranked if one in known), *reversed(known)))
    return [*order][:_MOST_SETTINGS]


def _list_metrics(read: Sequence[tuple[Setting, _SettingCurves]], results: Results | None) -> list[str]:
    """Return the metrics that have curves, the most important first; bookkeeping only if there is nothing else."""
    with_curves = dict.fromkeys(name for _, curves in read for of_run in curves.runs.values() for name in of_run)
    rows = [Row(tuple(one.runs), one) for one, _ in read]
    ordered = order_metrics(rows, results.metrics if results is not None else ())
    names = [*(name for name in ordered if name in with_curves), *(name for name in with_curves if name not in ordered)]
    return [name for name in names if not is_bookkeeping(name)] or names


def _list_counters(read: Iterable[tuple[Setting, _SettingCurves]], metric: str) -> Iterator[str]:
    for _, curves in read:
        yield from (of_run[metric].name for of_run in curves.runs.values() if metric in of_run)


def _describe_left_out(settings: Sequence[Setting], metrics: Sequence[str]) -> str:
    """Return what has no curves on the page, as sentences; empty if everything has."""
    runs = sum(len(one.runs) for one in settings)
    parts = [
        ""
        if runs <= _MOST_RUNS
        else f"Only the newest {_MOST_RUNS} of {count(runs, 'run', 'grouped')} have curves here."
        if runs > _MOST_RUNS
        else "",
        f"Only {_MOST_SETTINGS} of {count(len(settings), 'setting', 'grouped')} have curves here."
        if len(settings) > _MOST_SETTINGS
        else "",
        f"Only {_MOST_METRICS} of {len(metrics)} metrics have curves here." if len(metrics) > _MOST_METRICS else "",
    ]
    return " ".join(filter(None, parts))


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
        "mean": [None if point is None else _round(point.mean) for point in points],
        "low": [None if point is None else _round(point.low) for point in points],
        "high": [None if point is None else _round(point.high) for point in points],
        "ended": [[[_round(x), _round(y)] for x, y in ended] for ended in series.diverged],
    }


def _describe_run(run: Run, points: _Points, metric: str, most: int) -> dict[str, object]:
    pairs: Curve = [(x, None if y != y else y) for x, y in zip(points.xs, points.ys, strict=True)]  # noqa: PLR0124
    thin = thin_curve(pairs, most)
    return {
        "x": [_round(x) for x, _ in thin],
        "mean": [None if y is None else _round(y) for _, y in thin],
        "diverged": has_diverged(run, metric),
    }


def _round(value: float) -> float:
    return float(f"{value:.7g}")
