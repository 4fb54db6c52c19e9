"""Start the server on this machine, tell who may know how to open it, and open the browser.

A running server leaves its address and token beside the store, readable by its owner only. Starting a second one on
the same store finds the first and opens that.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from autotrack.errors import AutotrackError, MissingDependencyError
from autotrack.server.hosts import is_loopback

if TYPE_CHECKING:
    import uvicorn

    from autotrack.place import Place
    from autotrack.server.access import Access

PORT = 7337
ANSWER_SECONDS = 2.0
ADDRESS_FILE = "server.json"


class ServerError(AutotrackError):
    """The server cannot be started as asked."""


class Running(msgspec.Struct, frozen=True):
    """A server that runs: its address without a slash at the end, its token, and the store that it shows."""

    address: str
    token: str
    store: str


class Server:
    """A server that is about to run.

    Args:
        place: Whose runs it shows.
        host: What to bind to.
        port: Where; if that is taken, any free port. 0 for any.
        allowed_hosts: Names it answers to beside its own.

    Raises:
        MissingDependencyError: The extra `ui` is not installed.
        ServerError: It cannot bind.
    """

    def __init__(
        self, place: Place, *, host: str = "127.0.0.1", port: int = PORT, allowed_hosts: Sequence[str] = ()
    ) -> None:
        self.place = place
        self._socket = _bind(host, port)
        self._file = place.home / ADDRESS_FILE
        number = self._socket.getsockname()[1]
        self._server, self.access = _make(place, number, [host, *allowed_hosts])
        shown = "localhost" if is_loopback(host) else host
        self.address = f"http://{f'[{shown}]' if ':' in shown else shown}:{number}"

    def run(self) -> None:
        """Serve until interrupted."""
        self._announce()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._file.unlink(missing_ok=True)
            self.close()

    @property
    def started(self) -> bool:
        """Whether it answers."""
        return self._server.started

    def stop(self) -> None:
        """Let `run` return."""
        self._server.should_exit = True

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def entrance(self, run_id: str = "", *, framed: bool = False) -> str:
        """Return an address that lets one browser in, once."""
        return _entrance(self.address, self.access.new_ticket(framed=framed), run_id)

    def _announce(self) -> None:
        """Leave address and token where only the owner of the store reads them."""
        if not self._file.parent.is_dir() or not os.access(self._file.parent, os.W_OK):
            return
        content = json.dumps({"address": self.address, "token": self.access.token, "store": self.place.target})
        new = self._file.with_name(f".{ADDRESS_FILE}.{secrets.token_hex(8)}")
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        new.replace(self._file)


def find_running(place: Place) -> Running | None:
    """Return the server that shows these runs already, if it answers."""
    try:
        found = msgspec.json.decode((place.home / ADDRESS_FILE).read_bytes(), type=Running)
        ours = _is_ours(found.address) and found.store == place.target
        return found if ours and ask_entrance(found) else None
    except (OSError, msgspec.MsgspecError):
        return None


def ask_entrance(running: Running, run_id: str = "", *, framed: bool = False) -> str:
    """Ask a running server for an address that lets one browser in.

    Raises:
        OSError: It does not answer.
    """
    request = urllib.request.Request(  # noqa: S310 - an http address of this machine
        f"{running.address}/api/tickets",
        json.dumps({"framed": framed}).encode(),
        {"authorization": f"Bearer {running.token}", "content-type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=ANSWER_SECONDS) as answer:
        return _entrance(running.address, json.load(answer)["ticket"], run_id)


def _entrance(address: str, ticket: str, run_id: str) -> str:
    return f"{address}/open?token={ticket}{f'&to={run_id}' if run_id else ''}"


def _is_ours(address: str) -> bool:
    scheme, _, rest = address.partition("://")
    return scheme == "http" and is_loopback(rest.rpartition(":")[0].strip("[]"))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in dict.fromkeys((port, 0)):
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, number))
            bound.listen(128)
        except OSError as error:
            bound.close()
            if number == 0:
                raise ServerError(f"cannot listen on {host}: {error.strerror or error}") from error
        else:
            return bound
    raise ServerError(f"cannot listen on {host}:{port}")


def _make(place: Place, port: int, hosts: Sequence[str]) -> tuple[uvicorn.Server, Access]:
    try:
        import uvicorn

        from autotrack.server.app import create_app
        from autotrack.server.guard import HEADER_BYTES
    except ModuleNotFoundError as error:
        raise MissingDependencyError(error.name or "starlette", "ui") from error
    from autotrack.server.access import Access
    from autotrack.server.changes import Changes
    from autotrack.server.library import Library

    access = Access(port)
    library = Library(place)
    changes = Changes(library)
    app = create_app(library, access, changes, hosts)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        http="h11",
        loop="asyncio",
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_graceful_shutdown=1,
    )

    class OwnServer(uvicorn.Server):
        """Ends the open lines of pages before it waits for all requests to end."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            changes.end()
            await super().shutdown(sockets)

    return OwnServer(config), access
