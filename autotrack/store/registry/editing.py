"""What all changes of the registry share: one transaction, a lock on the model, and an entry in its history.

Changes of one model wait for each other (its row is locked; SQLite lets one writer in at a time), so numbers of
versions grow without gaps whatever the number of processes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Row, Table, insert, update

from autotrack.store.registry import tables
from autotrack.store.registry.reading import find_model, find_version_row
from autotrack.store.registry.rules import checked_name

if TYPE_CHECKING:
    from autotrack.store.store import Store

_MODEL, _VERSION = tables.registered_model, tables.model_version


class Edit(NamedTuple):
    """A change of a model on its way into the store: in which transaction, by whom, and when."""

    connection: Connection
    model: Row[Any]
    user: str | None
    time: int

    def record(
        self,
        kind: str,
        version: int | None = None,
        *,
        key: str | None = None,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Leave an entry in the history; with a version, that counts as updated too."""
        entry = {"kind": kind, "version": version, "key": key, "before": before, "after": after}
        row = {"model_id": self.model.id, "user": self.user, "time": self.time, **entry}
        self.connection.execute(insert(tables.model_change).values(row))
        if version is not None:
            here = (_VERSION.c.model_id == self.model.id, _VERSION.c.version == version)
            self.connection.execute(update(_VERSION).where(*here).values(updated=self.time))


@contextmanager
def editing(store: Store, name: str, user: str | None) -> Iterator[Edit]:
    """Begin a change of a model.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with store.writing() as connection:
        yield begin_edit(connection, name, user)


def begin_edit(connection: Connection, name: str, user: str | None) -> Edit:
    """Lock a model for a change, and count it as updated.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    edit = Edit(connection, find_model(connection, name, lock=True), user, time.time_ns())
    connection.execute(update(_MODEL).where(_MODEL.c.id == edit.model.id).values(updated=edit.time))
    return edit


def owner_of(edit: Edit, version: int | None) -> tuple[Table, Row[Any]]:
    """Find what a note or a tag belongs to: a version, or without a number the model.

    Raises:
        ModelNotFoundError: There is no such version.
    """
    if version is None:
        return _MODEL, edit.model
    return _VERSION, find_version_row(edit.connection, edit.model, version)


def model_row(name: str, description: str = "") -> dict[str, Any]:
    """Make the row of a new model.

    Raises:
        RegistryError: The name is none.
    """
    now = time.time_ns()
    return {"name": checked_name(name), "description": description, "last_version": 0, "created": now, "updated": now}


def tag_rows(owner: str, row_id: int, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make rows of tags."""
    return [{owner: row_id, "key": key, "value": value} for key, value in tags.items()]
