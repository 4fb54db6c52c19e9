"""The embedded store as a backend: SQLite without a server, or PostgreSQL for a team."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from autotrack.backends.base import BackendContext
from autotrack.errors import RetryableError
from autotrack.records import AnyRecord, ArtifactLogged
from autotrack.store.apply import apply_records
from autotrack.store.damage import file_identity, is_damage, set_aside
from autotrack.store.engine import open_engine, sqlite_path, write_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine

logger = logging.getLogger(__name__)


class SqlBackend:
    """Write runs into a store: each batch in one transaction, each record exactly once.

    Args:
        url: A directory, a `.db` file, `sqlite:///path` or `postgresql://user@host/name`.
        context: Where the files of runs are; those logged without a hash are hashed here.

    Raises:
        StoreUnavailableError: The store cannot be opened.
        NewerSchemaError: A newer autotrack wrote it.
    """

    def __init__(self, url: str | os.PathLike[str], context: BackendContext) -> None:
        self._url = url
        self._context = context
        self._open()

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Apply records to the store.

        Raises:
            RetryableError: The database is locked, full or away.
        """
        hashed = [self._hashed(record) if isinstance(record, ArtifactLogged) else record for record in records]
        self._reopen_if_gone()
        try:
            with write_transaction(self._engine) as connection:
                apply_records(connection, hashed)
        except DBAPIError as error:
            self._raise_retryable(error)
            raise

    def flush(self) -> None:
        """Bring what is written from the log into the database file and onto the disk.

        Raises:
            RetryableError: The database is locked, full or away.
        """
        if self._path is None:
            return  # PostgreSQL is durable on commit
        connection = self._engine.raw_connection()  # a checkpoint cannot run within a transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        except sqlite3.Error as error:
            raise RetryableError(f"the store cannot be flushed now: {error}") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _open(self) -> None:
        self._engine: Engine = open_engine(self._url)
        self._path = sqlite_path(self._engine)
        self._identity = file_identity(self._path) if self._path else None

    def _reopen_if_gone(self) -> None:
        """Begin a new store where somebody has deleted or replaced the file: writing on would go nowhere."""
        if self._path is not None and file_identity(self._path) != self._identity:
            logger.warning("the store %s was moved or deleted while in use; continuing in a new one", self._path)
            self._engine.dispose()
            self._open()

    def _raise_retryable(self, error: DBAPIError) -> None:
        if self._path is not None and is_damage(error):
            self._engine.dispose()
            set_aside(self._path, self._identity)  # opening it again finds only what is damaged at its beginning
            self._open()
            raise RetryableError(f"the store {self._path} was damaged and has been replaced") from error
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            raise RetryableError(f"the store cannot take records now: {error.orig}") from error

    def _hashed(self, record: ArtifactLogged) -> ArtifactLogged:
        if record.sha256 is not None:
            return record
        root = self._context.artifacts / record.run_id
        path = root / record.path
        if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
            return record
        return msgspec.structs.replace(record, sha256=_sha256(path))


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        logger.warning("cannot hash the artifact %s: %s", path, error)
        return None
    return digest.hexdigest()
