"""`PredictionThread`: one thread of a worker calls the model, one request after the other, each within its time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

QUEUE = 1_000
"""How many requests may wait; more are refused at once, since they could only wait until their time is over."""
MOST_STUCK = 4
"""After so many predictions that do not come back, the worker calls itself unhealthy."""

T = TypeVar("T")


class BusyError(Exception):
    """The request cannot be answered in time; the message says why."""


class PredictionThread:
    """Calls the model for all requests of a worker.

    One thread is safe for every library, and with Python's lock no slower than several. A prediction that exceeds its
    time cannot be stopped: its thread is left alone, and a new one goes on with what waits.

    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._stuck: set[threading.Thread] = set()
        self._current = self._start()

    @property
    def timely(self) -> bool:
        """Whether every prediction whose time is over has come back."""
        return not self._stuck

    @property
    def healthy(self) -> bool:
        """Whether predictions come back."""
        return len(self._stuck) < MOST_STUCK

    async def run(self, work: Callable[[], T]) -> T:
        """Call `work` in the thread and return what it returns; cancelling this gives up waiting for it.

        Raises:
            BusyError: Too many requests are waiting, or predictions do not come back.
        """
        if self._jobs.qsize() >= QUEUE:
            raise BusyError("too many requests are waiting; try again")
        if not self.healthy:
            raise BusyError("predictions do not come back; this worker is about to be replaced, try again")
        job: Future[T] = Future()
        self._jobs.put((job, work))
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if not job.cancel() and not job.done():
                self._stuck.add(self._current)
                self._current = self._start()
            raise

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._loop, name="autotrack-predict", daemon=True)
        thread.start()
        return thread

    def _loop(self) -> None:
        this = threading.current_thread()
        while this not in self._stuck:
            job, work = self._jobs.get()
            if not job.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is awaited
                job.set_exception(error)
            else:
                job.set_result(result)
        self._stuck.discard(this)
