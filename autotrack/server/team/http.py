"""The reader of HTTP: httptools where it is installed, with a limit to what stands before a body; else h11."""

from __future__ import annotations

import asyncio
from typing import Any, Literal


def http_protocol(limit: int) -> type[asyncio.Protocol] | Literal["h11"]:
    """Return what uvicorn is to read requests with.

    httptools takes a third of the time of h11, and keeps a head of any size in memory; here a connection ends when the
    head of a request is larger than `limit` bytes, before anybody has shown who they are.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return "h11"

    class LimitedHttp(HttpToolsProtocol):
        """Counts the bytes of the head that is being read."""

        _head = 0
        _in_head = True

        def on_message_begin(self) -> None:
            """Begin to count."""
            self._head, self._in_head = 0, True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            """Count no more."""
            self._in_head = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            """Count again, should more come."""
            super().on_message_complete()
            self._head, self._in_head = 0, True

        def data_received(self, data: bytes) -> None:
            """Read on, unless the head has become too large."""
            self._head += len(data)
            super().data_received(data)
            if self._in_head and self._head > limit:
                transport: Any = self.transport
                transport.abort()

    return LimitedHttp
