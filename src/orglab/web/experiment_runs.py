"""What the runs of an experiment show, on its page: step by step, as curves, and as tables."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from markupsafe import Markup

from orglab.api.ask import Shown
from orglab.report.content.plots import steps_chart
from orglab.runs.claim_text import describe_baseline, describe_claim
from orglab.runs.run_table import Column, TableRequest
from orglab.runs.step_results import KEY_METRICS, Results
from orglab.runs.table_text import find_distinctive, name_settings
from orglab.web.page_curves import make_curves
from orglab.web.pages.sweep_page import list_sweeps
from orglab.web.run_tables import make_page_tables
from orglab.web.site import View


def read_run_values(view: View, shown: Shown) -> dict[str, Any]:
    """Return what the template of the runs of an experiment shows."""
    if shown.results is None or not shown.runs:
        return {"run_tables": (), "curves": None, "step_charts": [], "results": None}
    ref, results = shown.experiment.ref, shown.results
    request = TableRequest(every=True, first=results.metrics)
    by_run, by_setting = (
        view.log.run_table(ref, request._replace(by_setting=by_setting)) for by_setting in (False, True)
    )
    settings = [row.setting for row in by_setting.rows if row.setting is not None]
    return {
        "run_tables": make_page_tables(view, by_run, by_setting),
        "curves": make_curves([*zip(name_settings(settings), settings, strict=True)], results),
        "step_charts": _draw_steps(view, ref, results, find_distinctive(by_setting).metrics),
        "results": results,
        "baseline": describe_baseline(results),
        "claim": describe_claim(results),
        "sweeps": list_sweeps(view, shown.experiment),
    }


def _draw_steps(view: View, ref: str, results: Results, others: Sequence[Column]) -> list[tuple[str, Markup]]:
    """Return the chart of the first metrics that have values, by their names; none for a single setting."""
    names = dict.fromkeys((*results.metrics, *(column.key for column in others)))
    known = (name for name in names if any(outcome.values(name) for outcome in results.outcomes))
    charts = ((name, steps_chart(ref, results, view.text.read_line, name)) for name in islice(known, KEY_METRICS))
    return [(name, view.text.blocks((chart,))) for name, chart in charts if chart is not None]
