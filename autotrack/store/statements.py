"""Statements of the hot path: written in SQLAlchemy Core, compiled once for each dialect, run with plain rows.

Running a Core statement costs some 60 microseconds of Python, running its text 10. In exchange nothing converts the
values: rows must hold what the column types would make of them (`columns.encode_text`, None for NaN).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Table
    from sqlalchemy.sql import ClauseElement, Executable


class HotStatement:
    """A statement with named parameters that is compiled once for each dialect.

    Args:
        build: Makes the statement for the name of a dialect.
    """

    def __init__(self, build: Callable[[str], ClauseElement]) -> None:
        self._build = build
        self._texts: dict[str, str] = {}

    def __call__(self, connection: Connection, rows: dict[str, Any] | list[dict[str, Any]]) -> CursorResult[Any]:
        """Run it for one row or, without a result, for many."""
        dialect = connection.dialect
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = str(self._build(dialect.name).compile(dialect=dialect))
        return connection.exec_driver_sql(text, rows)


def insert_for(dialect: str) -> Callable[[Table], Any]:
    """Give the insert construct of a dialect, which has `on_conflict_do_update`."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, replacing those with the same primary key."""
    if rows:
        connection.execute(_replace(table, connection.dialect.name), rows)


def add_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, leaving those that collide with existing ones out."""
    if rows:
        connection.execute(insert_for(connection.dialect.name)(table).on_conflict_do_nothing(), rows)


@lru_cache
def _replace(table: Table, dialect: str) -> Executable:
    statement = insert_for(dialect)(table)
    values = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)  # type: ignore[no-any-return]
