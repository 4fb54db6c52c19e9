"""Tell an open page at once that the store has changed, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from starlette.requests import Request

    from autotrack.server.changes import Changes


async def stream_changes(request: Request) -> Response:
    """Send the mark of the store, again after each change."""
    changes: Changes = request.app.state.changes

    async def lines() -> AsyncIterator[str]:
        async for mark in changes.marks():
            yield ": still here\n\n" if mark is None else f"data: {mark}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")
