"""Start a team's server: one process, or several under a supervisor."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
from collections.abc import Iterator
from multiprocessing import parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from autotrack.errors import MissingDependencyError
from autotrack.server.launch import ServerError

if TYPE_CHECKING:
    import uvicorn

    from autotrack.server.team.attempts import Attempts
    from autotrack.server.team.meters import Meters
    from autotrack.server.team.settings import TeamSettings

BACKLOG = 2048


def serve(settings: TeamSettings) -> None:
    """Serve until told to stop; requests that run then have `grace` seconds to end.

    Raises:
        ServerError: It cannot listen as asked.
        StoreUnavailableError: The store cannot be opened, or is being upgraded.
        OlderSchemaError: The store has to be upgraded first.
        MissingDependencyError: The extra `server` is not installed.
    """
    from autotrack.server.team.attempts import Attempts
    from autotrack.server.team.meters import Meters
    from autotrack.server.team.supervisor import supervise

    with prepared(settings), listening(settings) as bound:
        meters, attempts = Meters(settings.workers), Attempts()
        if settings.workers == 1:
            work(settings, bound, meters, attempts)
        else:
            supervise(settings, bound, meters, attempts)


def work(settings: TeamSettings, bound: socket.socket, meters: Meters, attempts: Attempts) -> None:
    """Answer requests in this process until told to stop, or until the supervisor is gone."""
    from autotrack.server.team.logs import set_up_logs

    set_up_logs(as_json=settings.log_json)
    server = make_server(settings, meters, attempts)
    gc.freeze()  # what lives as long as the process need not be looked through while a search makes a million objects
    supervisor = parent_process()
    if supervisor is not None:

        def follow() -> None:
            wait([supervisor.sentinel])
            server.should_exit = True

        threading.Thread(target=follow, name="autotrack-parent", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
        server.run(sockets=[bound])


@contextlib.contextmanager
def prepared(settings: TeamSettings) -> Iterator[None]:
    """Open the store once before any process does, so that what is wrong is said once, and hold it while they run."""
    from autotrack.store.engine import open_engine
    from autotrack.store.in_use import in_use

    engine = open_engine(settings.place.url, upgrade=False)
    try:
        with in_use(engine):
            yield
    finally:
        engine.dispose()


@contextlib.contextmanager
def listening(settings: TeamSettings) -> Iterator[socket.socket]:
    """Bind the port, which all processes share.

    Raises:
        ServerError: It is taken, or cannot be bound.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM)
    with bound:
        try:
            if os.name == "posix":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((settings.host, settings.port))
            bound.listen(BACKLOG)
        except OSError as error:
            raise ServerError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}") from error
        yield bound


def make_server(settings: TeamSettings, meters: Meters, attempts: Attempts) -> uvicorn.Server:
    """Make the HTTP server of one process.

    Raises:
        MissingDependencyError: The extra `server` is not installed.
    """
    try:
        import uvicorn

        from autotrack.server.guard import HEADER_BYTES
        from autotrack.server.team.app import make_app
        from autotrack.server.team.http import http_protocol
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "starlette", "server") from error
    config = uvicorn.Config(
        make_app(settings, meters, attempts),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        http=http_protocol(HEADER_BYTES),
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_graceful_shutdown=settings.grace,
        timeout_keep_alive=30,
        backlog=BACKLOG,
    )
    return uvicorn.Server(config)
