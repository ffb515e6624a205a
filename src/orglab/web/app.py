"""The application: which function answers which address."""

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from orglab.web.endpoints import (
    MakePage,
    make_events_endpoint,
    make_page_endpoint,
    make_picture_endpoint,
    make_report_endpoint,
    make_write_endpoint,
    send_text_style,
)
from orglab.web.pages.compare_page import make_compare_page
from orglab.web.pages.experiment_page import make_experiment_page
from orglab.web.pages.history_page import make_history_page
from orglab.web.pages.journal_page import make_journal_page
from orglab.web.pages.new_page import make_new_page
from orglab.web.pages.overview_page import make_overview
from orglab.web.pages.report_page import make_report_page
from orglab.web.pages.run_page import make_run_page
from orglab.web.pages.runs_page import make_runs_page
from orglab.web.pages.search_page import make_search_page
from orglab.web.pages.sweep_page import make_sweep_page
from orglab.web.pages.tried_page import make_tried_before, make_tried_page
from orglab.web.problems import make_error_handlers
from orglab.web.site import Site
from orglab.web.templating import STATIC

PAGES: dict[str, MakePage] = {
    "/": make_overview,
    "/experiment-{ref}": make_experiment_page,
    "/history-{ref}": make_history_page,
    "/search": make_search_page,
    "/tried": make_tried_page,
    "/tried-before": make_tried_before,
    "/journal": make_journal_page,
    "/report": make_report_page,
    "/new": make_new_page,
    "/runs": make_runs_page,
    "/compare": make_compare_page,
    "/run-{name}": make_run_page,
    "/sweep-{name}": make_sweep_page,
}
"""The function of each address."""


def make_app(site: Site) -> Starlette:
    """Return the application that serves a log."""
    routes: list[BaseRoute] = [
        Route(path, make_page_endpoint(site, make_page), methods=["GET"]) for path, make_page in PAGES.items()
    ]
    routes += [
        Route("/report{extension}", make_report_endpoint(site), methods=["GET"]),
        Route("/pictures/{name}", make_picture_endpoint(site), methods=["GET"]),
        Route("/events", make_events_endpoint(site), methods=["GET"]),
        Route("/write-{action}", make_write_endpoint(site), methods=["POST"]),
        Route("/static/text.css", send_text_style, methods=["GET"]),
    ]
    routes.append(Mount("/static", StaticFiles(directory=str(STATIC))))
    return Starlette(routes=routes, exception_handlers=make_error_handlers(site))
