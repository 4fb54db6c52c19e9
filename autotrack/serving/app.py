"""The ASGI application of a worker: routes, limits and answers to errors. It knows no model, only who answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from autotrack._version import __version__
from autotrack.server.hosts import AllowedHosts
from autotrack.serving.prediction_thread import BusyError, PredictionThread
from autotrack.serving.protocol import JSON, RequestError
from autotrack.serving.scoring import Answer
from autotrack.serving.telemetry import TEXT, Telemetry

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("autotrack")

INVOCATIONS = "/invocations"
PATIENCE = 8
"""How many times the limit is read, and thrown away, so that a client which sends first and listens later is told."""
IGNORED = "x-autotrack-ignored-params"
"""The header that names inference parameters which the model does not have."""
_WORDS = {404: "there is nothing here; POST to /invocations", 405: "scoring requests are sent with POST"}


class Limits(msgspec.Struct, frozen=True):
    """What one request may take.

    Attributes:
        body_bytes: Of its body.
        seconds: From its head to its answer.
    """

    body_bytes: int = 64 << 20
    seconds: float = 60.0


class Answers(Protocol):
    """Who answers scoring requests."""

    def score(self, body: bytes, content_type: str) -> Answer:
        """Answer one, in the prediction thread."""


class Service:
    """The application around one model.

    Args:
        scorer: Who answers.
        telemetry: What counts.
        limits: Of each request.
        hosts: The names it answers to; None for any.

    Attributes:
        draining: Set while the worker stops: answers tell clients to open a new connection, to another worker.
    """

    def __init__(
        self, scorer: Answers, telemetry: Telemetry, limits: Limits, hosts: AllowedHosts | None = None
    ) -> None:
        self._scorer = scorer
        self._telemetry = telemetry
        self._limits = limits
        self._hosts = hosts
        self._thread = PredictionThread()
        self.draining = False
        self._app = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request and hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                if self.draining:
                    MutableHeaders(scope=message)["connection"] = "close"
                if scope["path"] == INVOCATIONS:
                    self._telemetry.answered(message["status"], time.perf_counter() - started)
            await send(message)

        app: ASGIApp = self._app
        if self._hosts is not None and Headers(scope=scope).get("host", "") not in self._hosts:
            app = refusal(421, "this server does not answer to that name; --allowed-host adds one")
        elif scope["path"] == INVOCATIONS and scope["method"] == "POST":
            app = self._score  # the way of nearly all requests needs no table of routes
        await app(scope, receive, send_on)

    @property
    def timely(self) -> bool:
        """Whether predictions come back in time."""
        return self._thread.timely

    def _routes(self) -> Starlette:
        app = Starlette(
            routes=[
                Route(INVOCATIONS, self._invocations, methods=["POST"]),  # for 405 to other methods
                Route("/ping", self._ping),
                Route("/health", self._ping),
                Route("/version", self._version),
                Route("/metrics", self._metrics),
            ],
            exception_handlers={HTTPException: _on_http_error, Exception: _on_error},
        )
        app.router.redirect_slashes = False
        return app

    async def _score(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._invocations(request)
        except Exception as error:  # noqa: BLE001 - a mistake of ours: the log has it, and the client an answer
            response = _on_error(request, error)
        await response(scope, receive, send)

    async def _invocations(self, request: Request) -> Response:
        try:
            answer = await asyncio.wait_for(self._answer(request), self._limits.seconds)
        except RequestError as error:
            return refusal(error.status, str(error), error.column)
        except BusyError as error:
            return refusal(503, str(error), retry=True)
        except asyncio.TimeoutError:
            return refusal(504, f"no answer within {self._limits.seconds:g} s (--timeout)")
        self._telemetry.predicted(answer.rows, answer.seconds)
        headers = {IGNORED: _header_text(answer.ignored)} if answer.ignored else None
        return Response(answer.content, headers=headers, media_type=JSON)

    async def _answer(self, request: Request) -> Answer:
        body = await _read_body(request, self._limits.body_bytes)
        kind = request.headers.get("content-type", "")
        return await self._thread.run(lambda: self._scorer.score(body, kind))

    async def _ping(self, _: Request) -> Response:
        return Response("\n", 200 if self._thread.healthy else 503, media_type=JSON)

    async def _version(self, _: Request) -> Response:
        return Response(__version__, media_type=JSON)

    async def _metrics(self, _: Request) -> Response:
        return Response(self._telemetry.text(), headers={"content-type": TEXT})


async def _read_body(request: Request, most: int) -> bytes:
    """Read a body of limited size.

    Raises:
        RequestError: It is larger, or the client left in the middle.
    """
    body = bytearray()
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= most:
                body += chunk
            elif size > PATIENCE * most:
                break
    except ClientDisconnect as error:
        raise RequestError("the connection was closed before the body was complete") from error
    if size > most:
        raise RequestError(f"the body is larger than {most:,} bytes (--max-body)", 413)
    return bytes(body)


def refusal(status: int, message: str, column: str | int | None = None, *, retry: bool = False) -> Response:
    """Return an error as MLflow's servers do, with the column that is meant."""
    content: dict[str, str | int] = {"error_code": "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR"}
    content["message"] = message
    if column is not None:
        content["column"] = column
    headers = {"retry-after": "1"} if retry else {"connection": "close"} if status == 413 else None
    return Response(msgspec.json.encode(content), status, headers, JSON)


def _header_text(names: Collection[str]) -> str:
    return ", ".join(name.encode("ascii", "backslashreplace").decode() for name in names if name.isprintable())[:500]


def _on_http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return refusal(status, _WORDS.get(status, "the request was refused"))


def _on_error(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return refusal(500, "the log of the server says what went wrong")
