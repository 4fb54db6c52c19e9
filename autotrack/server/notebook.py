"""`autotrack.show()`: the page on the store inside a notebook, or a link to it where there is none."""

from __future__ import annotations

import os
import threading
import time
from html import escape
from typing import TYPE_CHECKING, Any

from autotrack.history import current_history
from autotrack.server.launch import Server, ServerError, ask_entrance, find_running

if TYPE_CHECKING:
    from autotrack.place import Place

START_SECONDS = 10.0
MAX_STATIC = 20
FAR = (
    "COLAB_RELEASE_TAG",
    "KAGGLE_KERNEL_RUN_TYPE",
    "JUPYTERHUB_USER",
    "DATABRICKS_RUNTIME_VERSION",
    "SAGEMAKER_INTERNAL_IMAGE_URI",
    "VERTEX_PRODUCT",
)
"""Variables that notebooks have whose browser is on another machine."""

_servers: dict[Place, tuple[Server, threading.Thread]] = {}


class Shown:
    """A page that notebooks display; `print` gives its address.

    Attributes:
        address: Lets one browser in, once.
    """

    def __init__(self, address: str, height: int, *, content: str = "") -> None:
        self.address = address
        self._height = height
        self._content = content

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the page in a frame for notebooks, and its address for everything else.

        The frame of a static page has an origin of its own: nothing in it reaches the notebook.
        """
        source = f'sandbox="allow-scripts" srcdoc="{escape(self._content)}"'
        if not self._content:
            source = f'src="{escape(self.address)}"'
        frame = f'<iframe {source} width="100%" height="{self._height}" frameborder="0" title="autotrack"></iframe>'
        return {"text/html": frame, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"autotrack is shown at {self.address}"


def show(run: str | None = None, *, height: int = 700, static: bool | None = None) -> Shown:
    """Show the runs, or one run, in a notebook.

    A server is started in this process on the first call, on this machine only; it ends with the process. Where one
    runs already for the same store (`autotrack ui`), that is used.

    Where the notebook's browser is on another machine (Colab, Kaggle, JupyterHub, Databricks, SageMaker, Vertex), it
    cannot reach a server here. There the cell holds the run itself, or the comparison of the latest 20 runs: charts
    and tables as they are now, without a server.

    Args:
        run: Id, unique beginning of one, name or "@last"; all runs by default.
        height: Of the frame, in pixels.
        static: Put the content into the cell rather than a page of a server; by default where the notebook is far.

    Raises:
        RunNotFoundError: There is no such run.
        MissingDependencyError: The extra `ui` is not installed.

    Example:
        >>> import autotrack
        >>> autotrack.show("@last")  # doctest: +SKIP
    """
    history = current_history()
    run_id = "" if run is None else history.get(run).id
    if is_far() if static is None else static:
        return Shown(history.place.label, height, content=_static(history.place, run_id))
    if history.place not in _servers:
        running = find_running(history.place)
        if running is not None:
            return Shown(ask_entrance(running, run_id, framed=True), height)
        _servers[history.place] = _start(history.place)
    server, _ = _servers[history.place]
    return Shown(server.entrance(run_id, framed=True), height)


def is_far() -> bool:
    """Say whether the browser of this notebook is known to be on another machine."""
    return any(name in os.environ for name in FAR)


def _static(place: Place, run_id: str) -> str:
    from autotrack.server.library import Library
    from autotrack.server.report_file import comparison_html, run_html

    library = Library(place)
    if run_id:
        return run_html(library, run_id)
    with library.reading() as store:
        latest = [run.id for run in store.search("parent is null", limit=MAX_STATIC, with_values=False)]
    return comparison_html(library, latest, "")


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
