"""Who may use the server: only who was given the address that it printed, and only pages of the server itself.

A page of another site could send requests here, by this machine's name or by a name of its own that it points at this
machine; so the name that was asked for is checked, a write must come from a page of the server, and every request needs
a cookie, which the printed address sets.
"""

import hmac
import re
import secrets
from contextlib import suppress
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orglab.git.private_files import PrivateFolder

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but the server's own files is run, shown or asked for."""
TOKEN = "token"  # noqa: S105 - the name of a parameter
_FILE, _BYTES, _LONGEST = "serve-token", 24, 100
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_READING = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_NO_COOKIE = (
    "This page belongs to whoever started `orglab serve`: open the address that the command printed, "
    "which ends in ?token=...\n"
)


class Access:
    """Lets only requests through that may be answered, and marks each answer with what a browser may do with it."""

    def __init__(self, app: ASGIApp, names: frozenset[str], port: int, token: str, *, may_write: bool) -> None:
        """Guard an application.

        Args:
            app: The application.
            names: The names of the server, without the port.
            port: The port.
            token: The secret in the printed address, and in the cookie.
            may_write: Whether requests may change something.
        """
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in names)
        self._origins = frozenset(f"http://{host}" for host in self._hosts)
        self._cookie = f"orglab-{port}"
        self._token = token
        self._may_write = may_write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._find_refusal(scope)
        await (refusal or self._app)(scope, receive, _mark(send))

    def _find_refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not passed on."""
        headers, method = Headers(scope=scope), scope["method"]
        if headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This server does not have that name.\n", 421)
        if method not in (*_READING, "POST"):
            return PlainTextResponse("Only GET and POST are answered here.\n", 405)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == TOKEN]
        if given and method in _READING:
            return self._give_cookie(scope, given[0], [pair for pair in query if pair[0] != TOKEN])
        if not self._has_cookie(headers):
            return PlainTextResponse(_NO_COOKIE, 403)
        if method not in _READING:
            return self._find_write_refusal(headers)
        return None

    def _find_write_refusal(self, headers: Headers) -> Response | None:
        if (
            headers.get("origin", "") not in self._origins
            or headers.get("sec-fetch-site", "same-origin") != "same-origin"
        ):
            return PlainTextResponse("Only the pages of this server can change something.\n", 403)
        if not self._may_write:
            return PlainTextResponse("This server was started with --read-only.\n", 403)
        return None

    def _give_cookie(self, scope: Scope, token: str, query: list[tuple[str, str]]) -> Response:
        """Return the answer to the printed address: the same page without the token, and the cookie."""
        if not self._is_token(token):
            return PlainTextResponse(_NO_COOKIE, 403)
        # A path that begins with two slashes would be another server.
        path = "/" + scope["path"].lstrip("/\\")
        response = RedirectResponse(path + (f"?{urlencode(query)}" if query else ""), 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return response

    def _has_cookie(self, headers: Headers) -> bool:
        # Every server of this machine can set cookies for all of them: a strange one beside ours is no obstacle.
        cookies = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        return any(name == self._cookie and self._is_token(value) for name, _, value in cookies)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._token.encode())


def take_token(folder: PrivateFolder | None) -> str:
    """Return the secret of a clone, so that a page that is open goes on when the server is started again.

    Args:
        folder: The folder of what is private to the clone; None for a secret of this server alone.
    """
    kept = folder.read(_FILE, _LONGEST) if folder is not None else None
    text = (kept or b"").decode("ascii", "replace").strip()
    if _TOKEN.fullmatch(text):
        return text
    token = secrets.token_urlsafe(_BYTES)
    if folder is not None:
        with suppress(OSError):  # a git directory that cannot be written
            folder.write(_FILE, f"{token}\n".encode(), 0o600)
    return token


def _mark(send: Send) -> Send:
    """Return a function that sends an answer with our headers; what may be kept says so by itself."""

    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_marked
