"""Open the database of a store: with which settings, who may read it, and what happens on a fork."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError

from autotrack.errors import MissingDependencyError, StoreUnavailableError
from autotrack.store.damage import exclusive, file_identity, is_damage, is_unsound, set_aside
from autotrack.store.forking import no_fork, no_fork_in
from autotrack.store.hot import HotConnection
from autotrack.store.location import database_url
from autotrack.store.migrate import ensure_schema
from autotrack.store.network_disk import journal_mode
from autotrack.store.patterns import search_pattern
from autotrack.store.time_limit import limit_time

if TYPE_CHECKING:
    from sqlalchemy.pool import Pool

BUSY_SECONDS = 5.0
CREATE_SECONDS = 60.0
ATTEMPTS = 5
REST_SECONDS = 1.0

_creating = threading.Lock()
_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_inherited: list[Pool] = []


def open_engine(
    url: str | os.PathLike[str], *, read_only: bool = False, upgrade: bool = True, query_seconds: float | None = None
) -> Engine:
    """Open a store, creating or upgrading its tables where needed.

    A SQLite file that is no database any more is moved aside to `<file>.corrupt-<time>`, with a warning, and a new one
    begun. Directories are made with mode 0700 and files with 0600.

    Args:
        url: See `database_url`.
        read_only: Create and change nothing.
        upgrade: Bring an older one up to date.
        query_seconds: Give up a transaction that takes longer; by default none is.

    Returns:
        An engine whose transactions take the write lock when they begin, unless the connection has the execution
        option `reading`.

    Raises:
        StoreUnavailableError: It cannot be opened, or does not exist and `read_only` is set.
        NewerSchemaError: A newer autotrack wrote it.
        OlderSchemaError: An older autotrack wrote it, and `read_only` or `upgrade` forbids to change that.
    """
    address = database_url(url)
    if address.drivername == "sqlite":
        engine = _open_sqlite(address, read_only=read_only, upgrade=upgrade)
    else:
        engine = _open_postgresql(address, read_only=read_only, upgrade=upgrade)
    if query_seconds is not None:
        limit_time(engine, query_seconds)
    return engine


def sqlite_path(engine: Engine) -> Path | None:
    """Give the file of a SQLite store, or None for another database."""
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a transaction that holds the write lock and is committed at the end."""
    with no_fork_in(engine), engine.begin() as connection:
        yield connection


def _open_sqlite(address: URL, *, read_only: bool, upgrade: bool) -> Engine:
    path = Path(str(address.database))
    if read_only and not path.exists():
        raise StoreUnavailableError(f"there is no store at {path}")
    for more in reversed(range(ATTEMPTS)):
        if not read_only:
            _create_file(path)
        identity = file_identity(path)
        try:
            engine = _prepare_sqlite(path, read_only=read_only, upgrade=upgrade)
            if read_only or not is_unsound(engine, path, identity):
                return engine
            engine.dispose()
            set_aside(path, identity)
        except (DBAPIError, sqlite3.Error, UnicodeDecodeError) as error:  # the driver's own outside of transactions
            replaced = file_identity(path) != identity  # by another process that found it damaged
            if read_only or not more or not (replaced or is_damage(error)):
                raise StoreUnavailableError(f"cannot open the store {path}: {getattr(error, 'orig', error)}") from error
            if not replaced:
                set_aside(path, identity)
    raise StoreUnavailableError(f"cannot open the store {path}")


def _create_file(path: Path) -> None:
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Closing any descriptor of a file drops this process's SQLite locks on it: only a new file may be opened.
        with _creating, exclusive(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        if path.exists():  # by now: another process was quicker
            return
        reason = errno.errorcode.get(error.errno or 0, "error")
        raise StoreUnavailableError(f"cannot create the store {path}: {error.strerror} ({reason})") from error


def _prepare_sqlite(path: Path, *, read_only: bool, upgrade: bool) -> Engine:
    engine = _sqlite_engine(path, read_only=read_only)
    with _kept_if_sound(engine):
        if not read_only:
            _set_journal_mode(engine, journal_mode(path))
        ensure_schema(engine, read_only=read_only, upgrade=upgrade)
    return engine


@contextmanager
def _kept_if_sound(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise
    _engines.add(engine)


def _sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    mode = "ro" if read_only else "rw"
    if read_only and not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-shm").exists():
        mode = "ro&immutable=1"  # a write-ahead log cannot be opened where its index cannot be created
    uri = f"{path.as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        with no_fork():
            return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, paramstyle="named")
    event.listen(engine, "connect", _set_up_connection)
    if read_only:
        event.listen(engine, "connect", _refuse_changes)
    event.listen(engine, "begin", _begin_reading if read_only else _begin)
    return engine


def _set_up_connection(connection: Any, _: object) -> None:
    with no_fork():
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "cache_size = -65536", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
    connection.create_function("regexp", 2, search_pattern, deterministic=True)


def _refuse_changes(connection: Any, _: object) -> None:
    for pragma in ("query_only = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    if isinstance(connection, HotConnection):
        return  # it has begun
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _set_journal_mode(engine: Engine, mode: str) -> None:
    deadline = time.monotonic() + CREATE_SECONDS
    connection = engine.raw_connection()
    try:
        while connection.driver_connection is not None:
            try:
                with no_fork():
                    connection.driver_connection.execute(f"PRAGMA journal_mode = {mode}").close()
            except sqlite3.OperationalError as error:
                # While another process makes the same change, SQLite answers at once instead of waiting.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return
    finally:
        connection.close()


def _open_postgresql(address: URL, *, read_only: bool, upgrade: bool) -> Engine:
    try:
        engine = create_engine(address, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError as error:
        raise MissingDependencyError("psycopg", "postgresql") from error
    _ping_what_rested(engine)
    if read_only:
        engine = engine.execution_options(postgresql_readonly=True)
    try:
        with _kept_if_sound(engine):
            ensure_schema(engine, read_only=read_only, upgrade=upgrade)
    except OperationalError as error:
        raise StoreUnavailableError(f"cannot open the store {address!r}: {error.orig}") from error
    return engine


def _ping_what_rested(engine: Engine) -> None:
    """Ask whether a connection still lives before it is used after a rest; asking each time doubles short requests.

    One that breaks within so short a rest fails its request, which can be sent again, and the pool forgets all others.
    """

    @event.listens_for(engine, "checkin")
    def rest(_: object, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: Any, _: object) -> None:
        if time.monotonic() - record.info.get("rests_since", math.inf) > REST_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError("the connection broke while it rested") from error  # the pool makes another


def _leave_to_parent() -> None:
    """Give a forked child fresh pools: connections belong to the parent and must be neither used nor closed."""
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
