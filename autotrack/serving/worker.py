"""A worker process: loads the model, answers from the socket of the supervisor, and leaves without losing a request.

The task comes as the first line of stdin, which stays open as long as the supervisor lives. Messages go out where
stdout was; what a model prints goes to stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import msgspec
import uvicorn

from autotrack.errors import AutotrackError
from autotrack.models.predictor import Predictor
from autotrack.models.stored import StoredModel
from autotrack.server.hosts import AllowedHosts
from autotrack.serving.app import Service
from autotrack.serving.messages import Alive, Failed, Message, Ready, Task
from autotrack.serving.sampling import Sampler
from autotrack.serving.scoring import Scorer
from autotrack.serving.telemetry import Telemetry

WINDOW_SECONDS = 30.0
ALIVE_SECONDS = 1.0
LINGER_SECONDS = 1.0
"""How long a connection without a request is kept while the worker stops: its client may be about to send one."""
CANNOT_START = 3
"""The exit status of a worker that has said why it cannot start."""


def main() -> None:
    """Do what the supervisor says."""
    channel = _claim_stdout()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    try:
        import_module("pandas")  # so that the first request does not wait for it
        predictor = Predictor(StoredModel(task.location), trust=task.trust)
    except Exception as error:  # noqa: BLE001 - whatever keeps a model from loading, the supervisor tells it
        _tell(channel, Failed(str(error) if isinstance(error, AutotrackError) else f"{type(error).__name__}: {error}"))
        sys.exit(CANNOT_START)
    serve(task, predictor, channel)


def serve(task: Task, predictor: Predictor, channel: BinaryIO) -> None:
    """Answer requests until a signal, or the end of the supervisor, asks to stop."""
    sampler = Sampler() if task.record else None
    info = {"uri": task.uri, "model_id": predictor.model.model_id or "", "run_id": predictor.model.run_id or ""}
    telemetry = Telemetry(Path(task.directory), info)
    scorer = Scorer(predictor, None if sampler is None else sampler.observe)
    service = Service(scorer, telemetry, task.limits, None if task.hosts is None else AllowedHosts(task.hosts))

    def send_window() -> None:
        requests, errors = telemetry.since_last()
        if sampler is not None and requests:
            _tell(channel, sampler.take(requests, errors))

    def send_alive() -> None:
        if service.timely:
            _tell(channel, Alive())

    works = {WINDOW_SECONDS: send_window, ALIVE_SECONDS: send_alive}
    server = DrainingServer(_config(service, task), service, lambda: _tell(channel, Ready()), works)
    threading.Thread(target=_follow_supervisor, args=[server], daemon=True).start()
    # Before uvicorn's own handler is there, and after its end, when it sends itself the signal again.
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[socket.socket(fileno=task.socket)])
    send_window()


class DrainingServer(uvicorn.Server):
    """A server that, before it stops, answers what clients have begun to send.

    Args:
        config: Of uvicorn.
        service: Told to send clients elsewhere.
        on_ready: Called when it accepts connections.
        repeated: What is called every so many seconds, in a thread.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        on_ready: Callable[[], None],
        repeated: Mapping[float, Callable[[], None]],
    ) -> None:
        super().__init__(config)
        self._service = service
        self._on_ready = on_ready
        self._repeated = repeated

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Serve."""
        async with contextlib.AsyncExitStack() as stack:
            for seconds, work in self._repeated.items():
                await stack.enter_async_context(_repeating(work, seconds))
            await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, answer what is under way, give idle clients a moment, and close."""
        loop = asyncio.get_running_loop()
        for listener in sockets or ():
            loop.remove_reader(listener)  # the socket stays open: the other workers, or the next ones, go on with it
        self._service.draining = True
        await asyncio.sleep(0.05)  # connections that were taken from the socket just now become known
        deadline = time.monotonic() + LINGER_SECONDS
        while self.server_state.connections and time.monotonic() < deadline:  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)


def _config(service: Service, task: Task) -> uvicorn.Config:
    return uvicorn.Config(
        service,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=int(task.limits.seconds) + 1,
    )


@contextlib.asynccontextmanager
async def _repeating(work: Callable[[], None], seconds: float) -> AsyncIterator[None]:
    """Call `work` in a thread every so many seconds."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(work)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _follow_supervisor(server: uvicorn.Server) -> None:
    """Stop when the supervisor is gone: nobody would restart or stop this worker."""
    while os.read(0, 4096):
        pass
    server.should_exit = True


def _claim_stdout() -> BinaryIO:
    """Return what stdout was, and let everything that is printed go to stderr."""
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return channel


_telling = threading.Lock()


def _tell(channel: BinaryIO, message: Message) -> None:
    with _telling, contextlib.suppress(BrokenPipeError):  # nobody listens any more
        content = msgspec.json.encode(message) + b"\n"
        while content:
            content = content[channel.write(content) or 0 :]


if __name__ == "__main__":
    main()
