"""The outermost layer: nothing behind it runs for a request that is too large, from elsewhere, or from a stranger.

Being outermost it holds for every route, those added later too; what is open to all is one line in `PUBLIC`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from autotrack.server.access import Access
from autotrack.server.headers import security_headers
from autotrack.server.hosts import AllowedHosts, parse_host
from autotrack.server.replies import Refused, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PUBLIC = frozenset({"/open"})
"""Paths that answer strangers: the exchange of a ticket for a session."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
BODY_BYTES = 1 << 20
HEADER_BYTES = 32_768
CONCURRENT = 64


class Guard:
    """An ASGI application around another.

    Args:
        app: What it guards.
        access: Who may come in.
        hosts: Under which names.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: AllowedHosts) -> None:
        self._app = app
        self._access = access
        self._hosts = hosts
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            return
        headers = Headers(scope=scope)
        session = _session(headers, self._access.cookie)
        send = _with_headers(send, framed=self._access.is_framed(session))
        problem = self._problem(scope, headers, session)
        if problem is not None:
            await refuse(*problem, scope)(scope, receive, send)
            return
        self._busy += 1
        try:
            await self._app(scope, _limited(receive), send)
        finally:
            self._busy -= 1

    def _problem(self, scope: Scope, headers: Headers, session: str) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421, "this server does not answer to that name"
        if self._busy >= CONCURRENT:
            return 503, "too many requests at once"
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            return 431, "the headers are too large"
        if _length(headers) > BODY_BYTES:
            return 413, "the request is too large"
        if not _is_own(scope, headers, hosts[0]):
            return 403, "requests from other sites are refused"
        if scope["path"] in PUBLIC or self._access.knows(session) or self._access.accepts(_bearer(headers)):
            return None
        return 401, "open the address that `autotrack ui` prints"


def _is_own(scope: Scope, headers: Headers, host: str) -> bool:
    """Say whether a request comes from our own pages, from the address bar, or from a program.

    Browsers say with `Sec-Fetch-Site` who asks; older ones send `Origin` with what could change something.
    """
    site = headers.get("sec-fetch-site")
    safe = scope["method"] in SAFE_METHODS
    if site in {"same-origin", "none"}:
        return safe or _same_origin(headers, host)
    if site is not None:
        # A link elsewhere may lead to a page, which the other site cannot read; a script or image of it may not.
        return safe and headers.get("sec-fetch-mode") == "navigate" and not scope["path"].startswith("/api/")
    return safe or _same_origin(headers, host)


def _same_origin(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return True
    scheme, separator, rest = origin.partition("://")
    return bool(separator) and scheme in {"http", "https"} and parse_host(rest) == parse_host(host)


def _session(headers: Headers, cookie: str) -> str:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie:
            return value
    return ""


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else BODY_BYTES + 1


def _limited(receive: Receive) -> Callable[[], Awaitable[MutableMapping[str, Any]]]:
    left = BODY_BYTES

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise Refused("the request is too large", 413)
        return message

    return limited


def _with_headers(send: Send, *, framed: bool) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in security_headers(headers, framed=framed).items():
                headers[name] = value
        await send(message)

    return with_headers
