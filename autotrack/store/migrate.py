"""Create the tables of a store, or bring an older store up to date, safely for many processes at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, Table, Text, inspect, select, text

from autotrack.errors import NewerSchemaError, OlderSchemaError
from autotrack.store.forking import no_fork
from autotrack.store.in_use import upgrading
from autotrack.store.schema import HEAD, VERSION_TABLE

_PG_LOCK = 0x6175746F7472  # "autotr": one lock for whoever creates or upgrades a store in this database
_version = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
_alembic = threading.Lock()  # its context is one for the whole process, and each backend has a thread


def ensure_schema(engine: Engine, *, read_only: bool = False, upgrade: bool = True) -> None:
    """Leave the store with the tables of this release.

    Args:
        engine: The store; its transactions must lock out other writers from their beginning.
        read_only: Change nothing.
        upgrade: Bring an older store up to date; without, only an empty one gets its tables.

    Raises:
        NewerSchemaError: A newer autotrack wrote the store. Nothing is changed.
        OlderSchemaError: The store needs an upgrade, which `read_only` or `upgrade` forbids.
        StoreUnavailableError: Servers of the older release use it.
    """
    with no_fork(), engine.connect().execution_options(reading=True) as connection:
        revision = _revision(connection)
    if revision == HEAD:
        return
    _refuse_newer(engine, revision)
    if read_only:
        found = f"has schema {revision}, older than {HEAD}" if revision else "has no tables yet"
        raise OlderSchemaError(f"store {engine.url!r} {found}; open it once for writing to bring it up to date")
    if revision is not None and not upgrade:
        raise OlderSchemaError(
            f"store {engine.url!r} has schema {revision}, older than {HEAD}; stop all servers that use it, then run "
            "`autotrack server upgrade`"
        )
    with no_fork(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
        if _revision(connection) != HEAD:  # another process may have been first
            with upgrading(connection):
                _run_scripts(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(select(_version.c.version_num))


def _refuse_newer(engine: Engine, revision: str | None) -> None:
    if revision is None:
        return
    with _silent():
        from alembic.script import ScriptDirectory

        known = {script.revision for script in ScriptDirectory(str(_scripts())).walk_revisions()}
    if revision not in known:
        raise NewerSchemaError(
            f"store {engine.url!r} has schema {revision}, which this autotrack (schema {HEAD}) does not know; "
            "it was left untouched: upgrade autotrack to use it"
        )


def _run_scripts(connection: Connection) -> None:
    with _alembic, _silent():
        from alembic import command
        from alembic.config import Config

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, "head")


@contextmanager
def _silent() -> Iterator[None]:
    """Keep alembic from reporting each step to a program that shows messages of level "info"."""
    logger = logging.getLogger("alembic")
    level = logger.level
    if level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _scripts() -> Path:
    return Path(__file__).with_name("migrations")
