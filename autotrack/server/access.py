"""Who may come in: one-time tickets become sessions, and programs show a token. All three are random, 256 bits.

A ticket stands in the address that `autotrack ui` opens, and in the history of the browser; so it works once. The
session that it is exchanged for lives in a cookie that scripts cannot read, until the server ends.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from autotrack.server.caller import ADMIN, Caller

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import HTTPConnection

BYTES = 32
OWNER = Caller("owner", ADMIN)
"""Who has started `autotrack ui`."""


class DeniedError(Exception):
    """Somebody who is not let in, for a reason that is no secret.

    Args:
        status: Of the answer.
        reason: For a person.
        headers: Of the answer.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


class Entrance(Protocol):
    """Knows who comes in.

    Attributes:
        hint: What a stranger is told.
    """

    hint: str

    async def identify(self, request: HTTPConnection) -> Caller | None:
        """Say who a request comes from; None for a stranger.

        Raises:
            DeniedError: It is refused, whoever it comes from.
        """

    def is_framed(self, headers: Headers) -> bool:
        """Say whether the pages of a request's session may stand in a notebook of this machine."""


class Access:
    """Tickets, sessions and the token of one server.

    Attributes:
        token: What programs show as `Authorization: Bearer`.
        cookie: Name of the cookie; that of one port is not that of another, as cookies are not kept apart by port.
    """

    hint = "open the address that `autotrack ui` prints"

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(BYTES)
        self.cookie = f"autotrack_{port}"
        self._token_hash = _hash(self.token)
        self._tickets: dict[bytes, bool] = {}
        self._sessions: dict[bytes, bool] = {}
        self._lock = threading.Lock()

    def new_ticket(self, *, framed: bool = False) -> str:
        """Make a ticket; `framed` lets its session show pages inside those of a notebook on this machine."""
        return self._issue(self._tickets, framed=framed)

    def open_session(self, ticket: str) -> str | None:
        """Exchange a ticket for a session; None where there is no such ticket any more."""
        with self._lock:
            framed = self._tickets.pop(_hash(ticket), None)
        return None if framed is None else self._issue(self._sessions, framed=framed)

    async def identify(self, request: HTTPConnection) -> Caller | None:
        """Know the owner by a session or by the token."""
        headers = request.headers
        known = _hash(read_cookie(headers, self.cookie)) in self._sessions
        return OWNER if known or secrets.compare_digest(_hash(read_bearer(headers)), self._token_hash) else None

    def is_framed(self, headers: Headers) -> bool:
        """Say whether the pages of a session may stand in a notebook."""
        return self._sessions.get(_hash(read_cookie(headers, self.cookie)), False)

    def _issue(self, kind: dict[bytes, bool], *, framed: bool) -> str:
        word = secrets.token_urlsafe(BYTES)
        with self._lock:
            kind[_hash(word)] = framed
        return word


def read_cookie(headers: Headers, wanted: str) -> str:
    """Return a cookie of a request, or nothing."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == wanted:
            return value
    return ""


def read_bearer(headers: Headers) -> str:
    """Return the token that a request shows, or nothing."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _hash(word: str) -> bytes:
    """Hash a secret: how long looking one up takes then tells nothing about those that are known."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
