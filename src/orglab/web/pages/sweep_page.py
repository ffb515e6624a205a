"""The page of a sweep: how far it is, its settings in a grid, and its versions."""

from collections.abc import Mapping, Sequence
from typing import Any

from orglab.experiment.model import Experiment
from orglab.runs.description import command_text, describe_value, metrics_text, value_text
from orglab.runs.setting import read_final
from orglab.runs.step_results import is_bookkeeping
from orglab.runs.sweeps.note import MOST_NAMED, Ranking, SweepState
from orglab.runs.sweeps.sweep_progress import (
    Progress,
    describe_best,
    describe_counts,
    describe_doubt,
    describe_lost,
    describe_rest,
)
from orglab.runs.sweeps.tasks import Task
from orglab.text import count, duration
from orglab.web.pages.run_page import describe_place
from orglab.web.site import Page, View
from orglab.web.sweep_grid import make_grids
from orglab.web.tones import run_tone

_COMMAND = 4000
_MOST_VERSIONS = 500


def make_sweep_page(view: View, name: str) -> Page:
    """Return the page of a sweep.

    Raises:
        NotFoundError: There is no such sweep.
        UsageError: Several sweeps match.
    """
    progress = view.log.sweep_progress(name)
    state, record = progress.state, progress.state.sweep.record
    ranking = view.log.rank_sweep(progress)
    metrics = _list_metrics(ranking, state)
    metric = asked if (asked := view.first("metric")) in metrics else next(iter(metrics), "")
    if ranking is not None and metric not in ("", ranking.metric):
        ranking = view.log.rank_sweep(progress, metric)
    columns = ranking.metrics if ranking is not None and ranking.metrics else metrics[:1]
    view.link_commits(filter(None, (record.code, record.commit)))
    values = {
        "sweep": state.sweep,
        "record": record,
        "command": command_text(record.argv, _COMMAND),
        "place": describe_place(record, view),
        "commits": {name: (name[:7], *view.find_commit(name)) for name in (record.code, record.commit) if name},
        **_describe_progress(progress),
        "metric": metric,
        "metrics": metrics,
        "direction": ranking.direction if ranking is not None else None,
        "grids": make_grids(state, ranking, view.first("rows"), view.first("columns")),
        "versions": [_describe_version(task, state, columns, view) for task in state.tasks[:_MOST_VERSIONS]],
        "columns": columns,
        "more": len(state.tasks) - _MOST_VERSIONS,
    }
    return Page("sweep.html", f"Sweep {state.sweep.id}", values)


def list_sweeps(view: View, experiment: Experiment) -> list[dict[str, object]]:
    """Return the sweeps of an experiment, oldest first, as the macro `sweeps` of `sweep_parts.html` shows them."""
    shown = [view.log.sweep_progress(sweep) for sweep in view.log.sweeps(experiment.ref)]
    return [
        {
            "id": progress.state.sweep.id,
            "ref": progress.state.sweep.record.ref,
            "command": command_text(progress.state.sweep.record.argv),
            **_describe_progress(progress),
        }
        for progress in shown
    ]


def _describe_progress(progress: Progress) -> dict[str, Any]:
    """Return how far a sweep is, in the words of `orglab sweep status`."""
    state = progress.state
    problems = state.list_problems()
    return {
        "is_over": progress.is_over,
        "ended": len(state.ended),
        "total": len(state.tasks),
        "far": f"{len(state.ended)} of {count(len(state.tasks), 'version')}{describe_rest(progress)}",
        "counts": describe_counts(progress),
        "running": [
            (task.version.name, run.id if run is not None else "", duration(seconds, is_compact=True),
             metrics_text(run.metrics.items()) if run is not None else "")
            for task, run, seconds in progress.running[:MOST_NAMED]
        ],
        "problems": problems[:MOST_NAMED],
        "more_problems": len(problems) - MOST_NAMED,
        "lost": describe_lost(progress),
        "doubt": describe_doubt(progress),
        "best": describe_best(progress.best) if progress.best is not None else "",
    }  # fmt: skip


def _list_metrics(ranking: Ranking | None, state: SweepState) -> list[str]:
    """Return the metrics that a run of a sweep has a number for, the main ones first."""
    main = ranking.metrics if ranking is not None else ()
    known = dict.fromkeys(
        name for run in state.runs.values() for name in run.metrics if read_final(run, name) is not None
    )
    others = sorted((name for name in known if name not in main), key=lambda name: (is_bookkeeping(name), name))
    return [*main, *others]


def _describe_version(task: Task, state: SweepState, metrics: Sequence[str], view: View) -> Mapping[str, object]:
    """Return a version: what has become of it, and what it measured."""
    run = state.runs.get(task.name)
    word = state.describe_task(task)
    values = [value_text(describe_value(run, name)) if run and name in run.metrics else "" for name in metrics]
    return {
        "name": task.version.name,
        "word": word,
        "tone": run_tone(word),
        "run": run,
        "took": duration(run.seconds, is_compact=True) if run is not None and run.seconds is not None else "",
        "values": values,
        # It tells what the run printed.
        "why": "" if view.is_export else state.explain(task),
    }
