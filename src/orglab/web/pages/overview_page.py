"""The first page: what is in progress, what waits, what was concluded lately, and the list of experiments."""

import datetime
from collections.abc import Sequence

from orglab.api.ask import KINDS, SORT_KEYS
from orglab.errors import OrglabError
from orglab.experiment.lookup import is_active
from orglab.experiment.model import Experiment
from orglab.experiment.states import KIND_WORDS
from orglab.org.timestamp import skip_date
from orglab.report import blocks as b
from orglab.report.chart_model import Timeline, TimelineRow
from orglab.report.content.plots import name_status
from orglab.report.overview import InProgress
from orglab.runs.description import command_text
from orglab.text import count, cut
from orglab.web.site import Page, View
from orglab.web.tones import describe_since, state_tone, verdict_tone

_MOST = 12
_ROWS = 100
"""The number of experiments on a page of the list."""
_TIMELINE_DAYS, _TIMELINE_ROWS = 42, 24
_FILTERS = ("match", "kind", "tag", "since", "by", "sort")


def make_overview(view: View) -> Page:
    """Return the first page."""
    log, text = view.log, view.text
    overview = log.overview(_MOST)
    active = overview.active
    values = {
        "name": log.top.name,
        "counts": overview.counts,
        "kind_words": KIND_WORDS,
        "total": count(sum(overview.counts.values()), "experiment", "grouped"),
        "active": active,
        "in_progress": [_describe_progress(one, view, active.ref if active else None) for one in overview.in_progress],
        "blocked": [
            {"experiment": one.experiment, "since": one.since, "reason": text.line(one.reason)}
            for one in overview.blocked
        ],
        "concluded": [
            {
                "experiment": one.experiment,
                "tone": verdict_tone(one.experiment.verdict),
                "sentence": text.line(one.sentence, one.experiment.ref),
                "figures": one.figures,
                "at": one.experiment.concluded,
            }
            for one in overview.concluded
        ],
        "running": [
            {"run": run, "command": command_text(run.argv), "since": describe_since(run.began, view.now)}
            for run in overview.unfinished.running
        ],
        "sweeps": overview.unfinished.sweeps,
        "pending": [(name, overview.unfinished.reasons.get(name, "")) for name in overview.unfinished.pending],
        "timeline": _make_timeline(view),
        **_list_experiments(view),
    }
    return Page("overview.html", "Overview", values)


def _describe_progress(progress: InProgress, view: View, active: str | None) -> dict[str, object]:
    experiment, steps, open_steps, note = progress
    return {
        "experiment": experiment,
        "is_active": is_active(experiment, active),
        "steps": [(step, view.text.line(step.text, experiment.ref), step.ref == active) for step in steps],
        "more": open_steps - len(steps),
        "note": note,
        "note_text": view.text.line(cut(note.text.partition("\n")[0], 300), experiment.ref) if note else None,
    }


def _make_timeline(view: View) -> object:
    """Return the chart of the experiments of the last weeks; empty for fewer than two."""
    since = (view.now - datetime.timedelta(days=_TIMELINE_DAYS)).date()
    rows: list[TimelineRow] = []
    for one in reversed(view.log.experiments()):
        if one.created is None or len(rows) == _TIMELINE_ROWS:
            continue
        is_open = one.kind in ("doing", "waiting")
        if one.created.when.date() < since and not is_open:
            continue
        ended = one.concluded if one.kind in ("done", "dropped") else None
        status = name_status(one.kind, one.conclusion)
        rows.append(
            TimelineRow(
                one.ref, skip_date(one.title), one.created.when.date(), ended.when.date() if ended else None, status
            )
        )
    if len(rows) < 2:  # noqa: PLR2004 - a single bar shows nothing
        return ""
    rows = sorted(rows, key=lambda row: row.start)
    chart = b.Chart(Timeline(tuple(rows), view.now.date(), max(since, rows[0].start)), "Experiments over time")
    return view.text.blocks((chart,))


def _list_experiments(view: View) -> dict[str, object]:
    """Return the list of experiments that the page is asked for, newest first, or why there is none."""
    asked = {name: view.first(name) for name in _FILTERS}
    kinds = [kind for kind in view.query.get("kind", []) if kind in KINDS]
    tags = [tag for text in view.query.get("tag", []) for tag in text.split()]
    problem = ""
    experiments: list[Experiment] = []
    try:
        listed = view.log.list_experiments(
            asked["match"] or None, kinds=kinds, since=asked["since"] or None, tags=tags,
            sort=asked["sort"] or "log", by=asked["by"] or None,
        )  # fmt: skip
        experiments = listed.experiments if asked["sort"] else listed.experiments[::-1]
    except OrglabError as error:
        problem = str(error)
    first = max(0, int(text) if (text := view.first("from")).isdecimal() and len(text) < 9 else 0)  # noqa: PLR2004
    shown = experiments if view.is_export else experiments[first : first + _ROWS]
    return {
        "asked": asked,
        "kinds": KINDS,
        "sort_keys": SORT_KEYS,
        "problem": problem,
        "experiments": [_describe(one, view) for one in shown],
        "found": count(len(experiments), "experiment", "grouped"),
        "first": first,
        "rows": _ROWS,
        "more": not view.is_export and first + _ROWS < len(experiments),
        "is_filtered": any(asked.values()),
        "all_tags": _list_tags(view.log.experiments()),
    }


def _describe(experiment: Experiment, view: View) -> dict[str, object]:
    return {
        "experiment": experiment,
        "title": view.text.line(skip_date(experiment.title), experiment.ref),
        "tone": verdict_tone(experiment.verdict) if experiment.is_done else state_tone(experiment.kind),
        "word": (experiment.verdict if experiment.is_done else None) or experiment.state or "no state",
    }


def _list_tags(experiments: Sequence[Experiment]) -> list[str]:
    return sorted({tag for one in experiments for tag in one.tags})[:200]
