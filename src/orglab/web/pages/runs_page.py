"""The page of the runs of the whole log, newest first."""

from orglab.runs.run_table import RunTable, TableRequest
from orglab.web.run_tables import MOST_ROWS, make_page_tables
from orglab.web.site import Page, View


def make_runs_page(view: View) -> Page:
    """Return the page of all runs, or of the newest of very many."""
    request, total = TableRequest(every=True), len(view.log.runs())
    by_run, by_setting = (
        _reverse(view.log.run_table(None, request._replace(by_setting=by_setting), newest=MOST_ROWS))
        for by_setting in (False, True)
    )
    values = {"run_tables": make_page_tables(view, by_run, by_setting), "total": total, "most": MOST_ROWS}
    return Page("runs.html", "Runs", values)


def _reverse(table: RunTable) -> RunTable:
    return table._replace(rows=table.rows[::-1])
