"""Connections of the hot path: those of SQLAlchemy's pool, with hot statements handed straight to the driver.

What a server does most often, to note a file or to log a batch, is a few statements in a transaction of its own.
SQLAlchemy's Python around them costs several times what the database takes. Here its pool lends the connection and its
rules say what an error means; all it can do besides, it does as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from autotrack.store.forking import no_fork_in

if TYPE_CHECKING:
    from sqlalchemy import Engine


class HotRows:
    """What a statement found, as plain tuples of the driver.

    Args:
        cursor: Has run it, and runs the next one when these are read.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def first(self) -> tuple[Any, ...] | None:
        """Return the first row, or None; the others are read too, so that none keeps the statement open."""
        return next(iter(self.fetchall()), None)

    def scalar(self) -> Any:
        """Return the first value of the first row, or None."""
        return next(iter(self.first() or ()), None)

    def scalar_one(self) -> Any:
        """Return the only value of the only row."""
        [(value,)] = self.fetchall()
        return value


class HotConnection(Connection):
    """A connection that has its transaction begun, and knows a short way for statements that are text already."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._cursor: Any = self.connection.cursor()

    def __enter__(self) -> HotConnection:  # noqa: PYI034 - nobody subclasses it
        return self

    def run(self, text: str, rows: dict[str, Any] | Sequence[dict[str, Any]]) -> HotRows:
        """Run a statement for one row or, without a result, for many."""
        if not isinstance(rows, dict) and len(rows) == 1:
            [rows] = rows  # psycopg goes to some length for many
        try:
            if isinstance(rows, dict):
                self._cursor.execute(text, rows)
            else:
                self._cursor.executemany(text, rows)
        except self.dialect.loaded_dbapi.Error as error:
            self._handle_dbapi_exception(error, text, rows, self._cursor, None)
        return HotRows(self._cursor)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of what the block runs, in `hot_step`, where each statement is one by itself.

        Psycopg sends a statement with its many rows at once, and PostgreSQL takes what is sent at once for one.
        """
        if self.dialect.name != "sqlite":
            yield
            return
        self.run("BEGIN IMMEDIATE", {})
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.finish()

    def finish(self) -> None:
        """Commit."""
        try:
            self.connection.commit()
        except self.dialect.loaded_dbapi.Error as error:
            self._handle_dbapi_exception(error, None, None, None, None)


@contextmanager
def hot_writing(engine: Engine) -> Iterator[HotConnection]:
    """Give a connection in a transaction that holds the write lock and is committed at the end."""
    with no_fork_in(engine), HotConnection(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.run("BEGIN IMMEDIATE", {})  # other databases begin with the first statement
        yield connection
        connection.finish()


@contextmanager
def hot_reading(engine: Engine) -> Iterator[HotConnection]:
    """Give a connection whose statements each see what is committed when they run."""
    with HotConnection(engine) as connection:
        if engine.dialect.name == "sqlite":
            yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


@contextmanager
def hot_step(engine: Engine) -> Iterator[HotConnection]:
    """Give a connection for one statement that writes: it is a transaction by itself, with nothing to begin or end."""
    with no_fork_in(engine), hot_reading(engine) as connection:
        yield connection
