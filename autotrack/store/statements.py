"""Statements of the hot path: written in SQLAlchemy Core, compiled once for each dialect, run with plain rows.

Running a Core statement costs some 60 microseconds of Python, running its text 10. In exchange only those values are
converted whose types the statement is told; the others must be what the column types would make of them
(`columns.encode_text`, None for NaN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from autotrack.store.hot import HotConnection, HotRows

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Dialect, Table
    from sqlalchemy.sql import ClauseElement
    from sqlalchemy.types import TypeEngine

    Row = dict[str, Any]


class HotStatement:
    """A statement with named parameters that is compiled once for each dialect.

    Args:
        build: Makes the statement for the name of a dialect.
        types: Of the parameters that are to be converted, by name.
    """

    def __init__(
        self, build: Callable[[str], ClauseElement], types: Mapping[str, TypeEngine[Any]] | None = None
    ) -> None:
        self._build, self._types = build, types or {}
        self._compiled: dict[str, tuple[str, list[tuple[str, Callable[[Any], Any]]]]] = {}

    def __call__(self, connection: Connection, rows: Row | Sequence[Row]) -> CursorResult[Any] | HotRows:
        """Run it for one row or, without a result, for many. Rows that it finds are read by place."""
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        text, convert = self._compiled[dialect.name]
        if convert:
            if isinstance(rows, dict):
                rows = {**rows, **{name: change(rows[name]) for name, change in convert}}
            else:
                rows = [{**row, **{name: change(row[name]) for name, change in convert}} for row in rows]
        if isinstance(connection, HotConnection):
            return connection.run(text, rows)
        return connection.exec_driver_sql(text, rows)

    def _compile(self, dialect: Dialect) -> tuple[str, list[tuple[str, Callable[[Any], Any]]]]:
        found = ((name, kind.dialect_impl(dialect).bind_processor(dialect)) for name, kind in self._types.items())
        statement = self._build(dialect.name)
        if isinstance(statement, Insert):
            statement = statement.inline()  # or it gives keys back, which Python 3.10 refuses for many rows
        text = str(statement.compile(dialect=dialect))
        return text, [(name, change) for name, change in found if change is not None]


def insert_for(dialect: str) -> Callable[[Table], Any]:
    """Give the insert construct of a dialect, which has `on_conflict_do_update`."""
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, replacing those with the same primary key."""
    if rows:
        _replacement(table, tuple(rows[0]))(connection, rows)


def add_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, leaving those that collide with existing ones out."""
    if rows:
        connection.execute(insert_for(connection.dialect.name)(table).on_conflict_do_nothing(), rows)


@lru_cache
def _replacement(table: Table, names: tuple[str, ...]) -> HotStatement:
    types = {name: table.c[name].type for name in names}

    def build(dialect: str) -> ClauseElement:
        statement = insert_for(dialect)(table).values({name: bindparam(name, type_=types[name]) for name in names})
        values = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)  # type: ignore[no-any-return]

    return HotStatement(build, types)
