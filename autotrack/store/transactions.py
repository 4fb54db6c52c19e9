"""The transactions of a store: those that read, those that write, and the short way of the hot path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from autotrack.store.engine import write_transaction
from autotrack.store.hot import HotConnection, hot_reading, hot_step, hot_writing

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class Transactions:
    """The part of a store that begins and ends transactions; `Store` is the whole.

    Args:
        engine: Its connections.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        reading: dict[str, Any] = {"reading": True}
        if engine.dialect.name == "postgresql":
            reading["isolation_level"] = "REPEATABLE READ"  # one view of the data for all queries of a call
        self._reader = engine.execution_options(**reading)

    @property
    def is_shared(self) -> bool:
        """Whether a database server keeps it, which many writers can use at once."""
        return self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads and sees one state of the store."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that holds the write lock and is committed at the end."""
        with write_transaction(self._engine) as connection:
            yield connection

    def hot_writing(self) -> AbstractContextManager[HotConnection]:
        """Give what `writing` gives, for hot statements: these run several times as fast."""
        return hot_writing(self._engine)

    def hot_reading(self) -> AbstractContextManager[HotConnection]:
        """Give a connection for hot statements that each see what is committed when they run."""
        return hot_reading(self._engine)

    def hot_step(self) -> AbstractContextManager[HotConnection]:
        """Give a connection for a hot statement that is a transaction by itself."""
        return hot_step(self._engine)
