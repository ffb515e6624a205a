"""What answers requests: pages, forms, pictures, files, and the changes of the log as they happen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from orglab.errors import NotFoundError, OrglabError, TextChangedError, UsageError
from orglab.org.source import decode
from orglab.report.formats.to_html import read_style
from orglab.web.pages.report_page import write_report_file
from orglab.web.problems import find_status, is_for_part
from orglab.web.site import Page, Query, Site, View
from orglab.web.templating import render, render_part
from orglab.web.writing import WRITES, Form, write

MakePage = Callable[..., Page]
"""Makes a page from a view, and from the parts of its address by their names."""
Endpoint = Callable[[Request], Awaitable[Response]]

_MOST_FIELDS = 200
_OWN_FIELDS = ("log", "ref", "run", "seen")
"""What a form says of itself, beside what was typed."""
_MOST_BYTES = 4_000_000
_KEPT_SECONDS = 3600
_LOOK_SECONDS = 0.25
"""How often it is looked whether the log has changed, while a page is open."""
_SIGN_SECONDS = 10
"""How often an open page gets a sign of life, so that both sides notice when the other one is gone."""
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""An SVG that is opened by itself runs nothing."""


def make_page_endpoint(site: Site, make_page: MakePage) -> Endpoint:
    """Return what answers the address of a page."""

    def answer(query: str, parts: dict[str, str]) -> Response:
        view = site.view(_read_query(query))
        return HTMLResponse(_render(make_page(view, **parts), view, site))

    async def endpoint(request: Request) -> Response:
        # Reading the log takes its time, in which others are answered.
        return await run_in_threadpool(answer, request.url.query, request.path_params)

    return endpoint


def read_first(site: Site, make_page: MakePage) -> None:
    """Make a page once, so that the first reader need not wait until the log is read."""
    view = site.view({})
    with suppress(OrglabError):
        _render(make_page(view), view, site)


def make_report_endpoint(site: Site) -> Endpoint:
    """Return what answers with a report as a file."""

    def answer(query: str, extension: str) -> Response:
        name, content = write_report_file(site.view(_read_query(query)), extension)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, request.url.query, request.path_params["extension"])

    return endpoint


def make_picture_endpoint(site: Site) -> Endpoint:
    """Return what answers with a picture that a page has shown."""

    async def endpoint(request: Request) -> Response:
        picture = site.pictures.find(request.path_params["name"])
        if picture is None:
            return Response("There is no such picture.\n", 404, media_type="text/plain")
        # The name is made of the content.
        kept = f"private, max-age={_KEPT_SECONDS}, immutable"
        headers = {"Cache-Control": kept, "Content-Security-Policy": _PICTURE_POLICY}
        return Response(picture.content, media_type=picture.media_type, headers=headers)

    return endpoint


def make_events_endpoint(site: Site) -> Endpoint:
    """Return what tells an open page each version of the log within a second, as server-sent events."""

    async def read_versions(request: Request) -> AsyncIterator[str]:
        # The first version is told at once, so that the page knows that the server is there.
        told, silent = await run_in_threadpool(site.read_version), 0.0
        yield f"event: version\ndata: {told}\n\n"
        while not await request.is_disconnected():
            await asyncio.sleep(_LOOK_SECONDS)
            version, silent = await run_in_threadpool(site.read_version), silent + _LOOK_SECONDS
            if version != told:
                yield f"event: version\ndata: {version}\n\n"
                told, silent = version, 0.0
            elif silent >= _SIGN_SECONDS:
                yield ": still here\n\n"
                silent = 0.0

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(read_versions(request), media_type="text/event-stream")

    return endpoint


def make_write_endpoint(site: Site) -> Endpoint:
    """Return what answers a form: with the page that shows what was written, or with why nothing was."""

    def answer(action: str, body: bytes, *, is_part: bool) -> Response:
        fields = {name: values[0] for name, values in _read_query(body.decode("utf-8", "replace")).items()}
        form = Form(fields)
        try:
            if action not in WRITES:
                raise NotFoundError("There is no such form.")
            if form.field("log") not in ("", site.log_key):
                raise UsageError("This page is of another log, which is not served here any more; nothing was written.")
            written, messages = write(site.open_log, action, form)
        except OrglabError as error:
            return _refuse(error, form, site, is_part=is_part)
        if not is_part:
            return RedirectResponse(written.address, 303)
        html = render_part("answer.html", sentence=written.sentence, messages=messages)
        return HTMLResponse(html, headers={"Orglab-Shows": written.address})

    async def endpoint(request: Request) -> Response:
        try:
            body = await _read_body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return Response("The form is too large.\n", 413, media_type="text/plain")
        return await run_in_threadpool(answer, request.path_params["action"], body, is_part=is_for_part(request))

    return endpoint


async def send_text_style(_: Request) -> Response:
    """Answer with the style of texts, which is that of reports."""
    return Response(read_style(), media_type="text/css")


async def _read_body(request: Request) -> bytes | None:
    """Return the body of a request; None if it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    return bytes(body)


def _refuse(error: OrglabError, form: Form, site: Site, *, is_part: bool) -> Response:
    """Return the answer to a form of which nothing was written."""
    status = 409 if isinstance(error, TextChangedError) else find_status(error)
    view = site.view({})
    changes = _find_changes(form, site, view) if isinstance(error, TextChangedError) else []
    if is_part:
        return HTMLResponse(render_part("refusal.html", sentence=str(error), changes=changes), status)
    typed = [(name, value) for name, value in form.fields.items() if name not in _OWN_FIELDS and value]
    back = view.addresses.experiment(form.field("ref")) if form.field("ref") else view.addresses.overview
    values = {"sentence": str(error), "changes": changes, "typed": typed, "back": back}
    return HTMLResponse(_render(Page("refusal_page.html", "Not written", values), view, site), status)


def _find_changes(form: Form, site: Site, view: View) -> list[tuple[str, str]]:
    try:
        experiment = view.log.experiment(form.ref)
    except OrglabError:
        return []
    text = decode(experiment.document.text[experiment.begin : experiment.end])
    return site.shown_texts.compare(form.field("seen"), text)


def _read_query(text: str) -> Query:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise UsageError(f"No page and no form has more than {_MOST_FIELDS} fields.") from None


def _render(page: Page, view: View, site: Site) -> str:
    return render(page, view, site_name=site.name, log_key=site.log_key, version=view.version)
