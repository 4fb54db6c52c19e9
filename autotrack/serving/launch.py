"""Start a server: bind, find the model, and run the supervisor until somebody stops it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from autotrack import recording
from autotrack.models.stored import StoredModel, open_model
from autotrack.server.hosts import is_loopback
from autotrack.serving.app import Limits
from autotrack.serving.generation import Generation, ServingError
from autotrack.serving.messages import Task
from autotrack.serving.supervisor import Supervisor

if TYPE_CHECKING:
    from autotrack.history import History

BACKLOG = 2_048
"""Connections that wait for a worker."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is served.

    Attributes:
        host: What to listen on.
        port: Where; 0 for any.
        workers: Processes, each with a copy of the model.
        trust: Whether code of the model may run.
        limits: Of each request.
        allowed_hosts: Names it answers to beside those of this machine, where it listens on nothing else.
        record: Whether a sample of the requests goes into the store, as a monitoring run.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    workers: int = 1
    trust: bool = False
    limits: Limits = Limits()
    allowed_hosts: tuple[str, ...] = ()
    record: bool = False


def serve_model(
    uri: str,
    options: Options,
    *,
    history: Callable[[], History],
    on_ready: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    """Serve a model until SIGTERM or SIGINT; SIGHUP starts new workers in the place of the old ones.

    Args:
        uri: As `locate` takes it; looked up again at each restart, so an alias may lead to another version then.
        options: How.
        history: Gives the store in which runs and registered models are looked up, up to date.
        on_ready: Called with the address when the server answers.
        tell: Where news for a person go.

    Raises:
        ServingError: It cannot listen there, or the workers cannot start.
        ModelError: There is no such model.
    """
    if os.name != "posix":
        raise ServingError("models are served on Linux and macOS only: workers share one socket")
    local = uri.startswith(("runs:", "models:"))
    listener = _bind(options.host, options.port)
    try:
        with TemporaryDirectory(prefix="autotrack-serving-") as counters:

            def make() -> Generation:
                model = open_model(uri, history=history() if local else None)
                return Generation(_task(model, options, listener, counters), model, options.workers, tell)

            asyncio.run(_run(make, tell, lambda: on_ready(_address(options.host, listener))))
    finally:
        listener.close()
        recording.close_recorder()


async def _run(make: Callable[[], Generation], tell: Callable[[str], None], on_ready: Callable[[], None]) -> None:
    await Supervisor(make, tell).run(on_ready)


def _task(model: StoredModel, options: Options, listener: socket.socket, counters: str) -> Task:
    hosts: Sequence[str] = (options.host, *options.allowed_hosts)
    return Task(
        uri=model.uri,
        path=str(Path(model.path).absolute()),
        hashes=dict(model.location.hashes),
        run_id=model.location.run_id,
        trust=options.trust,
        limits=options.limits,
        hosts=list(hosts) if is_loopback(options.host) else None,
        socket=listener.fileno(),
        directory=counters,
        record=options.record,
    )


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ServingError(f"cannot listen on {host}:{port}: {error.strerror or error}; see --host, --port") from error
    return listener


def _address(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
