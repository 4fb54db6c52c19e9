"""Who comes in to a team's server: an account with a token or a password, or a browser with a session.

Programs show a token as `Bearer`, or name and password (or a token in its place) as `Basic`, which is what clients of
MLflow do. A pass, also a `Bearer`, opens one address only: that of the parts of a file. What was found out is
remembered for a few seconds, so that neither the database nor scrypt is asked for each request; a removed account is
shut out after that time at the latest, in every process.

Passwords are the one thing here that somebody could guess: wrong ones are counted, after some no more are looked at for
a while, and a name that is not there takes as long as a password that is wrong. A proxy that is trusted may say who
somebody is; then what else a request shows does not matter.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.concurrency import run_in_threadpool

from autotrack.errors import AccountError
from autotrack.server.access import DeniedError, read_bearer, read_cookie
from autotrack.server.caller import ADMIN, Caller
from autotrack.store.accounts.accounts import account_row
from autotrack.store.accounts.grants import grants_of
from autotrack.store.accounts.passwords import check_password, hash_password
from autotrack.store.accounts.tokens import (
    PASS,
    PASS_DAYS,
    PASS_PREFIX,
    PREFIX,
    SESSION,
    TOKEN,
    end_passes,
    find_account,
    new_token,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row
    from starlette.datastructures import Headers
    from starlette.requests import HTTPConnection

    from autotrack.server.team.attempts import Attempts
    from autotrack.server.team.proxies import Proxies
    from autotrack.store.store import Store

REMEMBER_SECONDS = 5.0
REMEMBERED = 10_000
PASSWORD_CHECKS = 4
"""Passwords checked at once; each takes some 50 ms and 16 MB."""

PASSWORD, VOUCHED = "password", "vouched"
_NOBODYS = hash_password(secrets.token_urlsafe())
"""What a password is compared with where there is no account."""

EVERYBODY = Caller("everybody", ADMIN)


class OpenAccess:
    """Lets everybody in."""

    hint = ""

    async def identify(self, request: HTTPConnection) -> Caller | None:
        """Take who comes for everybody."""
        del request
        return EVERYBODY

    def is_framed(self, headers: Headers) -> bool:
        """Show no page in that of a notebook."""
        del headers
        return False

    def pass_for(self, caller: Caller, address: str) -> Mapping[str, str]:
        """Return the headers that open an address: none are needed."""
        del caller, address
        return {}

    def end_passes(self, address: str) -> None:
        """Forget passes, of which there are none."""


class Credentials(NamedTuple):
    """What a request shows: a session, a token, a pass, a name with a password, or a name that a proxy vouches for.

    Attributes:
        kind: Which of them.
        name: Of the account, as far as it is shown; with a pass the address that is asked for.
        secret: What nobody else has.
    """

    kind: str
    name: str
    secret: str


class AccountAccess:
    """Lets accounts in.

    Args:
        store: Has them.
        secure: Whether cookies are for TLS only.
        attempts: Counts wrong passwords, in all processes.
        proxies: Those that are believed.
    """

    hint = "sign in at /login, or show a token or name and password"

    def __init__(self, store: Store, *, secure: bool, attempts: Attempts, proxies: Proxies) -> None:
        self.store = store
        self.secure = secure
        self.proxies = proxies
        self._attempts = attempts
        self.cookie = "__Host-autotrack" if secure else "autotrack_session"
        self._salt = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._checking = threading.BoundedSemaphore(PASSWORD_CHECKS)

    async def identify(self, request: HTTPConnection) -> Caller | None:
        """Find the account that a request shows to be its own.

        Raises:
            DeniedError: There were too many wrong passwords, or who names an account is no trusted proxy.
        """
        shown = self._read(request)
        if shown is None:
            return None
        mark = hashlib.blake2b("\0".join(shown).encode("utf-8", "surrogatepass"), key=self._salt).digest()
        known = self._known.get(mark)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        caller = await run_in_threadpool(self.look_up, shown, self.proxies.address_of(request))
        with self._lock:
            self._known[mark] = (time.monotonic() + REMEMBER_SECONDS, caller)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def is_framed(self, headers: Headers) -> bool:
        """Show no page in that of a notebook."""
        del headers
        return False

    def pass_for(self, caller: Caller, address: str) -> Mapping[str, str]:
        """Return the headers that open one address to this account, for some hours."""
        with self.store.writing() as connection:
            word = new_token(connection, caller.name, kind=PASS, label=address, days=PASS_DAYS)
        return {"Authorization": f"Bearer {word}"}

    def end_passes(self, address: str) -> None:
        """Forget the passes to an address; who has just used one is remembered for some seconds more."""
        with self.store.writing() as connection:
            end_passes(connection, address)

    def look_up(self, shown: Credentials, address: str) -> Caller | None:
        """Ask the store for an account.

        Raises:
            DeniedError: There were too many wrong passwords for the name, or from the address.
        """
        guessable = shown.kind == PASSWORD and not shown.secret.startswith(PREFIX)
        if guessable and (wait := self._attempts.begin(shown.name, address)):
            raise DeniedError(429, "there were too many wrong passwords; try later", {"retry-after": f"{ceil(wait)}"})
        with self.store.reading() as connection:
            row = _named(connection, shown.name) if guessable or shown.kind == VOUCHED else _holder(connection, shown)
            caller = None if row is None else Caller(row.name, row.role, grants_of(connection, row.id))
        if guessable:
            if not self._is_right(shown.secret, None if row is None else row.password):
                return None
            self._attempts.succeeded(shown.name, address)
        if caller is None and shown.kind == VOUCHED:
            raise DeniedError(403, "you have no account here; an admin makes one with `autotrack server users add`")
        return caller

    def _is_right(self, password: str, kept: str | None) -> bool:
        with self._checking:
            right = check_password(password, kept or _NOBODYS)  # as slow where there is none
        return right and kept is not None

    def forget(self) -> None:
        """Ask the store anew for whoever comes next."""
        with self._lock:
            self._known.clear()

    def _read(self, request: HTTPConnection) -> Credentials | None:
        """Read what a request shows; what programs show counts before the cookie of a browser."""
        if name := self.proxies.name_of(request):
            return Credentials(VOUCHED, name, "")
        headers = request.headers
        if token := read_bearer(headers):
            if token.startswith(PASS_PREFIX):
                return Credentials(PASS, request.scope["path"], token)
            return Credentials(TOKEN, "", token)
        if (basic := read_basic(headers)) is not None:
            return Credentials(PASSWORD, *basic)
        session = read_cookie(headers, self.cookie)
        return Credentials(SESSION, "", session) if session else None


def _holder(connection: Connection, shown: Credentials) -> Row[Any] | None:
    """Read the account of a session, a token or a pass."""
    if shown.kind == PASS:
        return find_account(connection, shown.secret, PASS, label=shown.name)
    found = find_account(connection, shown.secret, SESSION if shown.kind == SESSION else TOKEN)
    return found if found is not None and shown.name in {"", found.name} else None


def _named(connection: Connection, name: str) -> Row[Any] | None:
    """Read the account of a name."""
    try:
        return account_row(connection, name)
    except AccountError:
        return None


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
