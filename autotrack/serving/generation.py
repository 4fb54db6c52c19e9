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
"""How long a worker that stops, or says nothing, may take longer than its longest request."""
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
        self._lives: set[asyncio.Task[str]] = set()

    @property
    def _patience(self) -> float:
        return self._task.limits.seconds + SPARE_SECONDS

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
        if tasks := [*self._slots, *self._lives]:
            await asyncio.wait(tasks, timeout=self._patience)
        for process in set(self._processes):
            self._tell(f"worker {process.pid} does not stop; killing it")
            process.kill()
        await asyncio.gather(*self._slots, *self._lives, return_exceptions=True)
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
        """Run a worker until it ends or hangs; return why it is over."""
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
        hung = asyncio.Event()
        life = asyncio.create_task(self._follow(process, ready, hung))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        hanging = asyncio.create_task(hung.wait())
        await asyncio.wait({life, hanging}, return_when=asyncio.FIRST_COMPLETED)
        hanging.cancel()
        if life.done():
            return life.result()
        return f"worker {process.pid} hangs: a prediction does not come back"

    async def _follow(self, process: Process, ready: asyncio.Future[None], hung: asyncio.Event) -> str:
        """Follow a worker to its end; return why it ended. One that hangs may finish its other requests, no longer."""
        try:
            reason = await self._talk(process, ready, hung)
            status = await process.wait()
        finally:
            if process.returncode is None:  # nobody would watch it
                process.kill()
            self._processes.discard(process)
        return reason or f"worker {process.pid} ended with status {status}"

    async def _talk(self, process: Process, ready: asyncio.Future[None], hung: asyncio.Event) -> str:
        """Give a worker its task and listen until it ends; return why it could not start, if it says so."""
        assert process.stdin is not None  # noqa: S101 - a pipe
        reason = ""
        with suppress(ConnectionError):  # it has died already; its status is told
            process.stdin.write(msgspec.json.encode(self._task) + b"\n")
            await process.stdin.drain()
        silence: float | None = None  # loading a model takes as long as it takes
        while line := await self._next_line(process, silence, hung):
            message: Message = msgspec.json.decode(line, type=Message)
            if isinstance(message, Failed):
                reason = message.reason
            elif isinstance(message, Ready):
                silence = self._patience
                if not ready.done():
                    ready.set_result(None)
            elif isinstance(message, Window):
                self._record(message)
        return reason

    async def _next_line(self, process: Process, silence: float | None, hung: asyncio.Event) -> bytes:
        """Return what a worker says next, or nothing at its end; one that says nothing for too long is ended."""
        assert process.stdout is not None  # noqa: S101 - a pipe
        while True:
            try:
                return await asyncio.wait_for(process.stdout.readline(), silence)
            except asyncio.TimeoutError:
                with suppress(ProcessLookupError):  # it has ended, and something that it started holds the pipe
                    (process.kill if hung.is_set() else process.terminate)()  # first it may finish what else it has
                hung.set()

    def _record(self, window: Window) -> None:
        try:
            self._monitoring.add(window)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being recorded, the model is served
            self._tell(f"{window.requests} requests were not recorded: {type(error).__name__}: {error}")
