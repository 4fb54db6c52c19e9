"""The outermost layer: nothing behind it runs for a request that is too large, from elsewhere, or from a stranger.

Being outermost it holds for every route, those added later too; what is open to all is one line in `PUBLIC`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from autotrack.server.access import DeniedError, Entrance
from autotrack.server.caller import READER, WRITER
from autotrack.server.headers import security_headers
from autotrack.server.hosts import AllowedHosts, parse_host
from autotrack.server.replies import PROTOCOL, Refused, refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PUBLIC = frozenset({"/open"})
"""Paths that answer strangers: the exchange of a ticket for a session."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
BODY_BYTES = 1 << 20
BATCH_BYTES = 32 << 20
FILE_BYTES = 1 << 40
HEADER_BYTES = 32_768
CONCURRENT = 64
_FILE = re.compile(r"/(ajax-)?api/2\.0/mlflow-artifacts/(artifacts|mpu/part)/")


class Guard:
    """An ASGI application around another.

    Args:
        app: What it guards.
        access: Who may come in.
        hosts: Under which names.
        public: Paths that answer strangers.
        concurrent: Requests answered at once; more are told to come later.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Entrance,
        hosts: AllowedHosts,
        *,
        public: frozenset[str] = PUBLIC,
        concurrent: int = CONCURRENT,
    ) -> None:
        self._app = app
        self._access = access
        self._hosts = hosts
        self._public = public
        self._concurrent = concurrent
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            return
        headers = Headers(scope=scope)
        send = _with_headers(send, framed=self._access.is_framed(headers))
        try:
            problem = self._problem(scope, headers) or await self._stranger(scope)
        except DeniedError as denied:
            await refuse(denied.status, denied.reason, scope, denied.headers)(scope, receive, send)
            return
        if problem is not None:
            await refuse(*problem, scope)(scope, receive, send)
            return
        self._busy += 1
        try:
            await self._app(scope, _limited(receive, _body_limit(scope["path"])), send)
        finally:
            self._busy -= 1

    def _problem(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 421, "this server does not answer to that name"
        if self._busy >= self._concurrent:
            return 503, "too many requests at once"
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            return 431, "the headers are too large"
        if _length(headers) > _body_limit(scope["path"]):
            return 413, "the request is too large"
        if not _is_own(scope, headers, hosts[0]):
            return 403, "requests from other sites are refused"
        return None

    async def _stranger(self, scope: Scope) -> tuple[int, str] | None:
        """Find out who asks; pages show all there is, so they are for accounts that may see all."""
        if scope["path"] in self._public:
            return None
        caller = scope["autotrack.caller"] = await self._access.identify(HTTPConnection(scope))
        if caller is None:
            return 401, self._access.hint
        role = READER if scope["method"] in SAFE_METHODS else WRITER
        if scope["path"].startswith(PROTOCOL) or caller.may_everywhere(role):
            return None
        return 403, f"pages show all experiments, and this account has not the role {role} in all of them"


def _body_limit(path: str) -> int:
    if not path.startswith(PROTOCOL):
        return BODY_BYTES
    return FILE_BYTES if _FILE.match(path) else BATCH_BYTES


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
        return (
            safe
            and headers.get("sec-fetch-mode") == "navigate"
            and not scope["path"].startswith(("/api/", "/ajax-api/"))
        )
    return safe or _same_origin(headers, host)


def _same_origin(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return True
    scheme, separator, rest = origin.partition("://")
    return bool(separator) and scheme in {"http", "https"} and parse_host(rest) == parse_host(host)


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else FILE_BYTES + 1


def _limited(receive: Receive, limit: int) -> Callable[[], Awaitable[MutableMapping[str, Any]]]:
    left = limit

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
            own = list(message.get("headers", ()))
            message["headers"] = [*own, *security_headers(own, framed=framed)]
        await send(message)

    return with_headers
