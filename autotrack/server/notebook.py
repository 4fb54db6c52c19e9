"""`autotrack.show()`: the page on the store inside a notebook, or a link to it where there is none."""

from __future__ import annotations

import threading
import time
from html import escape
from typing import TYPE_CHECKING, Any

from autotrack.history import current_history
from autotrack.server.launch import Server, ServerError, ask_entrance, find_running

if TYPE_CHECKING:
    from autotrack.place import Place

START_SECONDS = 10.0

_servers: dict[Place, tuple[Server, threading.Thread]] = {}


class Shown:
    """A page that notebooks display; `print` gives its address.

    Attributes:
        address: Lets one browser in, once.
    """

    def __init__(self, address: str, height: int) -> None:
        self.address = address
        self._height = height

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the page in a frame for notebooks, and its address for everything else."""
        page = f'src="{escape(self.address)}" width="100%" height="{self._height}" frameborder="0" title="autotrack"'
        return {"text/html": f"<iframe {page}></iframe>", "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"autotrack is shown at {self.address}"


def show(run: str | None = None, *, height: int = 700) -> Shown:
    """Show the runs, or one run, in a notebook.

    A server is started in this process on the first call, on this machine only; it ends with the process. Where one
    runs already for the same store (`autotrack ui`), that is used.

    Args:
        run: Id, unique beginning of one, name or "@last"; all runs by default.
        height: Of the frame, in pixels.

    Raises:
        RunNotFoundError: There is no such run.
        MissingDependencyError: The extra `ui` is not installed.

    Example:
        >>> import autotrack
        >>> autotrack.show("@last")  # doctest: +SKIP
    """
    history = current_history()
    run_id = "" if run is None else history.get(run).id
    if history.place not in _servers:
        running = find_running(history.place)
        if running is not None:
            return Shown(ask_entrance(running, run_id, framed=True), height)
        _servers[history.place] = _start(history.place)
    server, _ = _servers[history.place]
    return Shown(server.entrance(run_id, framed=True), height)


def stop() -> None:
    """End the servers that `show` has started."""
    while _servers:
        _, (server, thread) = _servers.popitem()
        server.stop()
        thread.join(START_SECONDS)


def _start(place: Place) -> tuple[Server, threading.Thread]:
    server = Server(place)
    thread = threading.Thread(target=server.run, name="server of autotrack.show", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline:
            raise ServerError(f"the server on {server.address} does not start")
        time.sleep(0.01)
    return server, thread
