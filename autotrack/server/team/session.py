"""MLflow's protocol for programs that this process starts: on loopback, for who shows a token, while a block runs."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autotrack.errors import MissingDependencyError
from autotrack.place import Place
from autotrack.server.launch import ServerError

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
START_SECONDS = 30.0


@contextlib.contextmanager
def serve_programs(place: Place) -> Iterator[dict[str, str]]:
    """Serve the protocol on a free port; the store is made where there is none.

    Yields:
        The variables that lead a client of MLflow here, with a token that is drawn for this block.

    Raises:
        MissingDependencyError: The extra `server` is not installed.
        ServerError: The server does not start.
        StoreUnavailableError: The store cannot be opened.
    """
    try:
        import uvicorn

        from autotrack.server.access import Access
        from autotrack.server.app import create_app
        from autotrack.server.changes import Changes
        from autotrack.server.files import open_files
        from autotrack.server.library import Library
        from autotrack.server.mlflow_api import routes
        from autotrack.server.mlflow_api.endpoint import Tracking
        from autotrack.store.store import Store
        from autotrack.store.tracking.experiments import add_default_experiment
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "starlette", "server") from error
    bound = socket.create_server((HOST, 0))
    port = bound.getsockname()[1]
    store = Store.open(place.url)
    with store.writing() as connection:
        add_default_experiment(connection)
    files = open_files(str(place.home / "artifacts"))
    access, library = Access(port), Library(place, files)
    state = {"tracking": Tracking(store, files), "secure": False}
    app = create_app(library, access, Changes(library), [HOST], routes=routes.ROUTES, state=state)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", http="h11"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="autotrack-protocol", daemon=True)
    thread.start()
    try:
        _wait(server)
        yield {"MLFLOW_TRACKING_URI": f"http://{HOST}:{port}", "MLFLOW_TRACKING_TOKEN": access.token}
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        store.close()


def _wait(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline:
            raise ServerError("the server for the programs of a project does not start")
        time.sleep(0.01)
