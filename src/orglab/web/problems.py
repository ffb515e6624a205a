"""What is answered where there is no page: one sentence, in the frame of all pages."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from orglab.errors import NotFoundError, OrglabError, UsageError
from orglab.web.addresses import Addresses
from orglab.web.site import Site
from orglab.web.templating import render_part


def make_error_handlers(site: Site) -> Mapping[Any, Any]:
    """Return what answers requests that end with an error; the log is not read for it."""

    def answer(request: Request, sentence: str, status: int) -> Response:
        if is_for_part(request):
            return HTMLResponse(render_part("refusal.html", sentence=sentence, changes=[]), status)
        html = render_part(
            "problem.html", sentence=sentence, page_title="Not shown", to=Addresses(), text=None, is_export=False,
            may_write=site.may_write, site_name=site.name, log_key=site.log_key, version=site.version,
        )  # fmt: skip
        return HTMLResponse(html, status)

    async def explain(request: Request, error: OrglabError) -> Response:
        return answer(request, str(error), find_status(error))

    async def explain_status(request: Request, error: HTTPException) -> Response:
        sentence = "There is no such page." if error.status_code == HTTPStatus.NOT_FOUND else error.detail
        return answer(request, sentence, error.status_code)

    async def explain_internal_error(request: Request, error: Exception) -> Response:
        kind = f"{type(error).__name__}: {error}"
        return answer(
            request, f"Internal error ({kind}); start the server with `orglab --debug serve` and report it.", 500
        )

    return {OrglabError: explain, HTTPException: explain_status, Exception: explain_internal_error}


def is_for_part(request: Request) -> bool:
    """Return whether the answer is shown in the form that was sent, and is not a page of its own."""
    return request.method == "POST" and request.headers.get("hx-request") == "true"


def find_status(error: OrglabError) -> int:
    """Return the status of an answer that is an error."""
    return 404 if isinstance(error, NotFoundError) else 400 if isinstance(error, UsageError) else 500
