"""Which stores servers are using: whoever changes the tables must know, because a server cannot follow that.

A server holds a lock for as long as it lives, which any number of servers can hold together: on PostgreSQL an advisory
lock of a connection of its own, beside SQLite a lock on a file. An upgrade needs the lock alone. Nothing is left behind
by a server that was killed, and no clock is asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from autotrack.errors import StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Engine

_PG_LOCK = 0x6175746F7573  # "autous"


@contextmanager
def in_use(engine: Engine) -> Iterator[None]:
    """Hold the lock of a server.

    Raises:
        StoreUnavailableError: The store is being upgraded.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock_shared(:key)"), {"key": _PG_LOCK}):
                raise StoreUnavailableError("the store is being upgraded; start the server when that is done")
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock_shared(:key)"), {"key": _PG_LOCK})
        return
    with _locked_file(engine.url.database, alone=False):
        yield


@contextmanager
def upgrading(connection: Connection) -> Iterator[None]:
    """Hold the lock alone, on PostgreSQL until the transaction ends.

    Raises:
        StoreUnavailableError: Servers use the store.
    """
    if connection.dialect.name == "postgresql":
        if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _PG_LOCK}):
            raise _used()
        yield
        return
    with _locked_file(connection.engine.url.database, alone=True):
        yield


@contextmanager
def _locked_file(database: str | None, *, alone: bool) -> Iterator[None]:
    if os.name != "posix" or not database:  # on Windows a server is the only user of its file
        yield
        return
    import fcntl

    path = f"{database}.servers"
    if alone and not os.path.exists(path):  # no server has ever used it
        yield
        return
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _used() from None
        yield
    finally:
        os.close(descriptor)


def _used() -> StoreUnavailableError:
    return StoreUnavailableError("servers are using this store; stop them before it is upgraded")
