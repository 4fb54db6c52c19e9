"""What people change in a store by hand: names and tags of runs, and views of the table that they save."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, select, update

from autotrack.store import queries, schema
from autotrack.store.statements import put

if TYPE_CHECKING:
    from autotrack.store.store import Store


class SavedView(msgspec.Struct, frozen=True):
    """A view of the table of runs: the query of the page's address under a name."""

    name: str
    query: str


def rename_run(store: Store, run_id: str, name: str) -> None:
    """Give a run another name.

    Raises:
        RunNotFoundError: There is no such run.
    """
    with store.writing() as connection:
        row = queries.row_id(connection, run_id)
        connection.execute(update(schema.run).where(schema.run.c.id == row).values(name=name))


def set_tags(store: Store, run_ids: Sequence[str], tags: Mapping[str, str | None]) -> None:
    """Set tags of runs; a value of None removes one. All runs change, or none.

    Raises:
        RunNotFoundError: There is no such run.
    """
    gone = [key for key, value in tags.items() if value is None]
    with store.writing() as connection:
        rows = [queries.row_id(connection, run_id) for run_id in run_ids]
        kept = [
            {"run_id": row, "key": key, "value": value}
            for row in rows
            for key, value in tags.items()
            if value is not None
        ]
        put(connection, schema.tag, kept)
        if gone:
            connection.execute(delete(schema.tag).where(schema.tag.c.run_id.in_(rows), schema.tag.c.key.in_(gone)))


def saved_views(store: Store) -> list[SavedView]:
    """Read the saved views, by name."""
    view = schema.view
    with store.reading() as connection:
        return [SavedView(*row) for row in connection.execute(select(view.c.name, view.c.query).order_by(view.c.name))]


def save_view(store: Store, name: str, query: str) -> None:
    """Keep a view; one of the same name is replaced."""
    with store.writing() as connection:
        put(connection, schema.view, [{"name": name, "query": query, "time": time.time_ns()}])


def delete_view(store: Store, name: str) -> None:
    """Forget a view; one that does not exist is forgotten already."""
    with store.writing() as connection:
        connection.execute(delete(schema.view).where(schema.view.c.name == name))
