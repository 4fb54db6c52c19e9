"""Who comes in to a team's server: an account with a token or a password, or a browser with a session.

Programs show a token as `Bearer`, or name and password (or a token in its place) as `Basic`, which is what clients of
MLflow do. What was found out is remembered for a few seconds, so that neither the database nor scrypt is asked for each
request; a removed account is shut out after that time at the latest, in every process.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool

from autotrack.errors import AccountError
from autotrack.server.access import read_bearer, read_cookie
from autotrack.server.caller import ADMIN, Caller
from autotrack.store.accounts.accounts import account_row
from autotrack.store.accounts.grants import grants_of
from autotrack.store.accounts.passwords import check_password
from autotrack.store.accounts.tokens import PREFIX, SESSION, TOKEN, find_account

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row
    from starlette.datastructures import Headers

    from autotrack.store.store import Store

REMEMBER_SECONDS = 5.0
REMEMBERED = 10_000
PASSWORD_CHECKS = 4
"""Passwords checked at once; each takes some 50 ms and 16 MB."""

PASSWORD = "password"  # noqa: S105 - the word for one
EVERYBODY = Caller("everybody", ADMIN)


class OpenAccess:
    """Lets everybody in."""

    hint = ""

    async def identify(self, headers: Headers) -> Caller | None:
        """Take who comes for everybody."""
        del headers
        return EVERYBODY

    def is_framed(self, headers: Headers) -> bool:
        """Show no page in that of a notebook."""
        del headers
        return False


class Credentials(NamedTuple):
    """What a request shows: a session, a token, or a name with a password."""

    kind: str
    name: str
    secret: str


class AccountAccess:
    """Lets accounts in.

    Args:
        store: Has them.
        secure: Whether cookies are for TLS only.
    """

    hint = "sign in at /login, or show a token or name and password"

    def __init__(self, store: Store, *, secure: bool) -> None:
        self.store = store
        self.secure = secure
        self.cookie = "__Host-autotrack" if secure else "autotrack_session"
        self._salt = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._checking = threading.BoundedSemaphore(PASSWORD_CHECKS)

    async def identify(self, headers: Headers) -> Caller | None:
        """Find the account that a request shows to be its own."""
        shown = self._read(headers)
        if shown is None:
            return None
        mark = hashlib.blake2b("\0".join(shown).encode("utf-8", "surrogatepass"), key=self._salt).digest()
        known = self._known.get(mark)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        caller = await run_in_threadpool(self.look_up, shown)
        with self._lock:
            self._known[mark] = (time.monotonic() + REMEMBER_SECONDS, caller)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def is_framed(self, headers: Headers) -> bool:
        """Show no page in that of a notebook."""
        del headers
        return False

    def look_up(self, shown: Credentials) -> Caller | None:
        """Ask the store for an account."""
        with self.store.reading() as connection:
            row = self._find(connection, shown)
            return None if row is None else Caller(row.name, row.role, grants_of(connection, row.id))

    def _find(self, connection: Connection, shown: Credentials) -> Row[tuple[object, ...]] | None:
        if shown.kind == SESSION:
            return find_account(connection, shown.secret, SESSION)
        if shown.secret.startswith(PREFIX):
            found = find_account(connection, shown.secret, TOKEN)
            return found if found is not None and shown.name in {"", found.name} else None
        try:
            row = account_row(connection, shown.name)
        except AccountError:
            return None
        with self._checking:
            return row if row.password is not None and check_password(shown.secret, row.password) else None

    def forget(self) -> None:
        """Ask the store anew for whoever comes next."""
        with self._lock:
            self._known.clear()

    def _read(self, headers: Headers) -> Credentials | None:
        """Read what a request shows; what programs show counts before the cookie of a browser."""
        if token := read_bearer(headers):
            return Credentials(TOKEN, "", token)
        if (basic := read_basic(headers)) is not None:
            return Credentials(PASSWORD, *basic)
        session = read_cookie(headers, self.cookie)
        return Credentials(SESSION, "", session) if session else None


def read_basic(headers: Headers) -> tuple[str, str] | None:
    """Return name and password of a request; None where it shows none."""
    kind, _, encoded = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, separator, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8
        return None
    return (name, password) if separator and name else None
