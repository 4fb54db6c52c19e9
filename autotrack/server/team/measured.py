"""The layer around everything that counts requests and their time, and writes slow and failed ones into the log."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from autotrack.server.team.meters import Meters

logger = logging.getLogger("autotrack.server")

SLOW_SECONDS = 1.0


class Measured:
    """An ASGI application around another.

    Args:
        app: What it measures.
        meters: Where it counts.
    """

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._meters.begin()
        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - start
            self._meters.end(scope["path"], status, seconds)
            if seconds > SLOW_SECONDS or status >= 500:
                _write(scope, status, seconds)


def _write(scope: Scope, status: int, seconds: float) -> None:
    caller = scope.get("autotrack.caller")
    facts = {"method": scope["method"], "path": scope["path"], "status": status, "seconds": round(seconds, 4)}
    facts["account"] = caller.name if caller is not None else None
    level = logging.ERROR if status >= 500 else logging.WARNING
    logger.log(level, "%s %s answered with %s in %.3f s", *list(facts.values())[:4], extra=facts)
