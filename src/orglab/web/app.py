"""The application: which function answers which address."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from orglab.errors import NotFoundError, OrglabError, UsageError
from orglab.report.formats.to_html import read_style
from orglab.web.pages.experiment_page import make_experiment_page
from orglab.web.pages.overview_page import make_overview
from orglab.web.site import Page, Site
from orglab.web.templating import STATIC, render

MakePage = Callable[..., Page]
"""Makes a page from a view, and from the parts of its address by their names."""

PAGES: dict[str, MakePage] = {
    "/": make_overview,
    "/experiment-{ref}": make_experiment_page,
}
"""The function of each address."""

_KEPT_SECONDS = 3600


def make_app(site: Site) -> Starlette:
    """Return the application that serves a log."""
    routes = [Route(path, _make_endpoint(site, make_page), methods=["GET"]) for path, make_page in PAGES.items()]
    routes += [
        Route("/static/text.css", _send_text_style, methods=["GET"]),
        Route("/pictures/{name}", _make_picture_endpoint(site), methods=["GET"]),
    ]
    return Starlette(routes=[*routes, Mount("/static", StaticFiles(directory=str(STATIC)))])


def _make_endpoint(site: Site, make_page: MakePage) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers the address of a page."""

    def answer(query: str, parts: dict[str, str]) -> Response:
        view = site.view(parse_qs(query, keep_blank_values=True, max_num_fields=200))
        try:
            page, status = make_page(view, **parts), 200
        except OrglabError as error:
            page, status = _explain(error), _find_status(error)
        return HTMLResponse(render(page, view, site_name=site.name, version=site.version), status)

    async def endpoint(request: Request) -> Response:
        # Reading the log takes its time, in which others are answered.
        return await run_in_threadpool(answer, request.url.query, request.path_params)

    return endpoint


async def _send_text_style(_: Request) -> Response:
    """Answer with the style of texts, which is that of reports."""
    return Response(read_style(), media_type="text/css")


def _find_status(error: OrglabError) -> int:
    """Return the status of an answer that is an error."""
    return 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, UsageError) else 500


def _explain(error: OrglabError) -> Page:
    return Page("problem.html", "Not shown", {"sentence": str(error)})


def _make_picture_endpoint(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        picture = site.pictures.find(request.path_params["name"])
        if picture is None:
            return Response("There is no such picture.\n", 404, media_type="text/plain")
        # The name is made of the content. An SVG that is opened by itself runs nothing.
        headers = {"Cache-Control": f"private, max-age={_KEPT_SECONDS}, immutable", "Content-Security-Policy":
                   "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}  # fmt: skip
        return Response(picture.content, media_type=picture.media_type, headers=headers)

    return endpoint
