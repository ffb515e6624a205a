"""The page of the runs of the whole log, newest first."""

from orglab.runs.run_table import RunTable, TableRequest
from orglab.web.run_tables import make_page_tables
from orglab.web.site import Page, View


def make_runs_page(view: View) -> Page:
    """Return the page of all runs."""
    request = TableRequest(every=True)
    by_run, by_setting = (
        _reverse(view.log.run_table(None, request._replace(by_setting=by_setting))) for by_setting in (False, True)
    )
    return Page("runs.html", "Runs", {"run_tables": make_page_tables(view, by_run, by_setting)})


def _reverse(table: RunTable) -> RunTable:
    return table._replace(rows=table.rows[::-1])
