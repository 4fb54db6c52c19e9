"""Who may come in: one-time tickets become sessions, and programs show a token. All three are random, 256 bits.

A ticket stands in the address that `autotrack ui` opens, and in the history of the browser; so it works once. The
session that it is exchanged for lives in a cookie that scripts cannot read, until the server ends.
"""

from __future__ import annotations

import hashlib
import secrets
import threading

BYTES = 32


class Access:
    """Tickets, sessions and the token of one server.

    Attributes:
        token: What programs show as `Authorization: Bearer`.
        cookie: Name of the cookie; that of one port is not that of another, as cookies are not kept apart by port.
    """

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

    def knows(self, session: str) -> bool:
        """Say whether this is a session."""
        return _hash(session) in self._sessions

    def is_framed(self, session: str) -> bool:
        """Say whether the pages of a session may stand in a notebook."""
        return self._sessions.get(_hash(session), False)

    def accepts(self, token: str) -> bool:
        """Say whether this is the token."""
        return secrets.compare_digest(_hash(token), self._token_hash)

    def _issue(self, kind: dict[bytes, bool], *, framed: bool) -> str:
        word = secrets.token_urlsafe(BYTES)
        with self._lock:
            kind[_hash(word)] = framed
        return word


def _hash(word: str) -> bytes:
    """Hash a secret: how long looking one up takes then tells nothing about those that are known."""
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
