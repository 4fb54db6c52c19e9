"""What whoever runs the server asks it: does it live, can it answer, how much did it do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.mlflow_api.endpoint import Tracking

logger = logging.getLogger("autotrack")


async def health(request: Request) -> Response:
    """Say that the process lives."""
    del request
    return PlainTextResponse("OK")


async def ready(request: Request) -> Response:
    """Say whether store and files can be used now; a proxy sends nothing to a process that cannot."""
    problem = await run_in_threadpool(_problem, request.app.state.tracking)
    return PlainTextResponse("OK") if problem is None else PlainTextResponse(problem, 503)


async def metrics(request: Request) -> Response:
    """Give the counters of all processes, to who may read."""
    return PlainTextResponse(request.app.state.meters.text(), media_type="text/plain; version=0.0.4")


def _problem(tracking: Tracking) -> str | None:
    try:
        with tracking.store.reading() as connection:
            connection.execute(text("SELECT 1"))
        tracking.files.check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong, it is not ready
        logger.warning("not ready: %s", error)
        return "the store or the place of the files cannot be used now"
    return None


ROUTES: list[BaseRoute] = [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]
