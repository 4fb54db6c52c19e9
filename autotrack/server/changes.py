"""Notice that something was recorded: one task asks the store for all pages that are open."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from autotrack.errors import StoreError

if TYPE_CHECKING:
    from autotrack.server.library import Library

logger = logging.getLogger("autotrack")

LOOK_SECONDS = 0.7
RECOVER_SECONDS = 10.0
REMIND_SECONDS = 15.0


class Changes:
    """Tells pages that the store has changed. It asks only while a page is open.

    Args:
        library: Whose store.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._mark = ""
        self._listeners: set[asyncio.Event] = set()
        self._someone = asyncio.Event()
        self._recovered = 0.0
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    async def start(self) -> None:
        """Begin to look for changes."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Let all listeners go, and look no more."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def end(self) -> None:
        """Let all listeners go."""
        self._ending = True
        for listener in self._listeners:
            listener.set()

    async def marks(self) -> AsyncIterator[str | None]:
        """Yield the mark of the store now and after each change; None from time to time, so that lines stay open."""
        event = asyncio.Event()
        self._listeners.add(event)
        self._someone.set()
        try:
            self._mark = await self._look() or self._mark
            yield self._mark
            while not self._ending:
                try:
                    await asyncio.wait_for(event.wait(), REMIND_SECONDS)
                except asyncio.TimeoutError:
                    yield None
                    continue
                event.clear()
                yield self._mark
        finally:
            self._listeners.discard(event)
            if not self._listeners:
                self._someone.clear()

    async def _watch(self) -> None:
        while True:
            await self._someone.wait()
            mark = await self._look()
            if mark is not None and mark != self._mark:
                self._mark = mark
                for listener in self._listeners:
                    listener.set()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> str | None:
        try:
            if time.monotonic() - self._recovered > RECOVER_SECONDS:
                self._recovered = time.monotonic()
                await run_in_threadpool(self._library.catch_up)
            return await run_in_threadpool(self._library.mark)
        except StoreError as error:
            logger.warning("cannot look for changes: %s", error)
            return None
