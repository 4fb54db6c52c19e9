"""`Generation`: the workers that serve one state of a model, each started again if it dies."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

import msgspec

from autotrack.errors import AutotrackError
from autotrack.models.stored import StoredModel
from autotrack.serving.messages import Failed, Message, Ready, Task, Window
from autotrack.serving.monitoring import Monitoring

LONGEST_PAUSE = 30.0
"""Seconds before a worker that keeps dying is started again; the first time it is one."""
STABLE_SECONDS = 60.0
SPARE_SECONDS = 5.0
"""How long a worker that stops may take longer than its longest request."""
LONGEST_LINE = 64 << 20


class ServingError(AutotrackError):
    """The server cannot be started as asked."""


class Generation:
    """Workers of one model.

    Args:
        task: What each of them does.
        model: The model.
        count: How many.
        tell: Where news for a person go.
    """

    def __init__(self, task: Task, model: StoredModel, count: int, tell: Callable[[str], None]) -> None:
        self.model = model
        self._task = task
        self._count = count
        self._tell = tell
        self._stopping = asyncio.Event()
        self._processes: set[Process] = set()
        self._slots: list[asyncio.Task[None]] = []

    @cached_property
    def _monitoring(self) -> Monitoring:
        """The run, which begins with the first requests."""
        return Monitoring(self.model, self._count)

    async def start(self) -> None:
        """Start the workers; return when all of them accept requests.

        Raises:
            ServingError: One of them cannot; then none is left.
        """
        loop = asyncio.get_running_loop()
        ready: list[asyncio.Future[None]] = [loop.create_future() for _ in range(self._count)]
        self._slots = [asyncio.create_task(self._keep_alive(future)) for future in ready]
        try:
            await asyncio.gather(*ready)
        except ServingError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Let the workers finish what they have, and wait for their end; one that takes too long is killed."""
        self._stopping.set()
        for process in self._processes:
            process.terminate()
        if self._slots:
            await asyncio.wait(self._slots, timeout=self._task.limits.seconds + SPARE_SECONDS)
        for process in set(self._processes):
            self._tell(f"worker {process.pid} does not stop; killing it")
            process.kill()
        await asyncio.gather(*self._slots, return_exceptions=True)
        if "_monitoring" in vars(self):
            self._monitoring.end()

    async def _keep_alive(self, ready: asyncio.Future[None]) -> None:
        """Run one worker after the other."""
        pause = 1.0
        while not self._stopping.is_set():
            started = time.monotonic()
            reason = await self._run_worker(ready)
            if self._stopping.is_set():
                return
            if not ready.done():
                ready.set_exception(ServingError(reason))
                return
            pause = 1.0 if time.monotonic() - started > STABLE_SECONDS else pause
            self._tell(f"{reason}; starting another in {pause:g} s")
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run_worker(self, ready: asyncio.Future[None]) -> str:
        """Run a worker to its end; return why it ended."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "autotrack.serving.worker"),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=[self._task.socket],
            start_new_session=True,  # Ctrl-C is for the supervisor, which then stops the workers
            limit=LONGEST_LINE,
        )
        self._processes.add(process)
        if self._stopping.is_set():
            process.terminate()
        try:
            reason = await self._talk(process, ready)
            status = await process.wait()
        finally:
            if process.returncode is None:  # nobody would watch it
                process.kill()
            self._processes.discard(process)
        return reason or f"worker {process.pid} ended with status {status}"

    async def _talk(self, process: Process, ready: asyncio.Future[None]) -> str:
        """Give a worker its task and listen until it is silent; return why it could not start, if it says so."""
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        reason = ""
        with suppress(ConnectionError):  # it has died already; its status is told
            process.stdin.write(msgspec.json.encode(self._task) + b"\n")
            await process.stdin.drain()
        async for line in process.stdout:
            message: Message = msgspec.json.decode(line, type=Message)
            if isinstance(message, Failed):
                reason = message.reason
            elif isinstance(message, Ready):
                if not ready.done():
                    ready.set_result(None)
            else:
                self._record(message)
        return reason

    def _record(self, window: Window) -> None:
        try:
            self._monitoring.add(window)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being recorded, the model is served
            self._tell(f"{window.requests} requests were not recorded: {type(error).__name__}: {error}")
