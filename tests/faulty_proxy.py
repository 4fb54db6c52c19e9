"""A TCP proxy on loopback that forwards HTTP requests to a real server, or does to them what a script says."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

WAIT = 0.1


@dataclass(frozen=True)
class Request:
    """A request as it came in: its first line, and all of it."""

    line: str
    data: bytes
    number: int

    def is_for(self, path: str) -> bool:
        return path in self.line


Action: TypeAlias = Callable[["Connection", Request], None]
"""What to do with a request; `forward` is the honest one."""


def forward(connection: Connection, request: Request) -> None:
    connection.answer(connection.ask_server(request))


def answer(status: int, body: bytes = b"", *headers: str, reason: str = "Scripted") -> Action:
    """Answer by ourselves, without asking the server."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection, _: connection.answer("\r\n".join(lines).encode() + body)


def swallow(connection: Connection, request: Request) -> None:
    """Take the request and never answer."""
    connection.wait_until_closed()


def apply_and_swallow(connection: Connection, request: Request) -> None:
    """Let the server carry it out, and never tell."""
    connection.ask_server(request)
    connection.wait_until_closed()


def reset(connection: Connection, request: Request) -> None:
    """Break the connection before the server hears of it."""
    connection.reset()


def apply_and_reset(connection: Connection, request: Request) -> None:
    """Let the server carry it out, and break the connection in the middle of its answer."""
    whole = connection.ask_server(request)
    connection.answer(whole[: len(whole) // 2])
    connection.reset()


class Proxy:
    """Forwards to a server.

    Args:
        url: Of the server.

    Attributes:
        script: What to do with each request; anything is forwarded at first.
        requests: Those that came, in order.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.upstream = (parts.hostname or "", parts.port or 0)
        self.script: Callable[[Request], Action] = lambda _: forward
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener: socket.socket | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self._port))
        self._listener.listen(64)
        self._port = self._listener.getsockname()[1]
        self._closed = threading.Event()
        threading.Thread(target=self._accept, args=(self._listener, self._closed), daemon=True).start()

    def stop(self) -> None:
        """Be down: refuse connections, and break those that are open."""
        self._closed.set()
        if self._listener is not None:
            self._listener.close()

    def _accept(self, listener: socket.socket, closed: threading.Event) -> None:
        while not closed.is_set():
            try:
                ready, _, _ = select.select([listener], [], [], WAIT)
                if ready:
                    client, _ = listener.accept()
                    threading.Thread(target=Connection(self, client, closed).serve, daemon=True).start()
            except (OSError, ValueError):  # closed meanwhile
                return

    def take(self, data: bytes) -> Request:
        with self._lock:
            request = Request(data.split(b"\r\n", 1)[0].decode(), data, len(self.requests))
            self.requests.append(request)
        return request


class Connection:
    """One connection of a client."""

    def __init__(self, proxy: Proxy, client: socket.socket, closed: threading.Event) -> None:
        self._proxy = proxy
        self._client = client
        self._closed = closed
        self._broken = False

    def serve(self) -> None:
        with closing(self._client):
            while not self._broken and (data := self._read(self._client)):
                request = self._proxy.take(data)
                try:
                    self._proxy.script(request)(self, request)
                except OSError:  # the client has gone
                    return

    def _read(self, source: socket.socket) -> bytes:
        """Read one HTTP message; empty where the other side is gone or the proxy is down."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (block := self._receive(source)):
                return b""
            data += block
        head, _, body = data.partition(b"\r\n\r\n")
        headers = {
            line.partition(b":")[0].strip().lower(): line.partition(b":")[2].strip() for line in head.split(b"\r\n")
        }
        if b"chunked" in headers.get(b"transfer-encoding", b""):
            while not body.endswith(b"0\r\n\r\n"):
                body += self._receive(source)
        while len(body) < int(headers.get(b"content-length", b"0")):
            if not (block := self._receive(source)):
                return b""
            body += block
        return head + b"\r\n\r\n" + body

    def _receive(self, source: socket.socket) -> bytes:
        while not self._closed.is_set():
            ready, _, _ = select.select([source], [], [], WAIT)
            if ready:
                try:
                    return source.recv(1 << 20)
                except OSError:
                    return b""
        return b""

    def ask_server(self, request: Request) -> bytes:
        host = f"127.0.0.1:{self._proxy.upstream[1]}".encode()
        lines = request.data.split(b"\r\n\r\n", 1)
        head = b"\r\n".join(
            b"Host: " + host if line.lower().startswith(b"host:") else line for line in lines[0].split(b"\r\n")
        )
        with closing(socket.create_connection(self._proxy.upstream)) as server:
            server.sendall(head + b"\r\n\r\n" + lines[1])
            return self._read(server)

    def answer(self, data: bytes) -> None:
        self._client.sendall(data)

    def wait_until_closed(self) -> None:
        while self._receive(self._client):
            pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self._broken = True
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._client.close()
