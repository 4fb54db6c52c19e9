"""Make, rename, describe, tag and delete registered models; describing and tagging is for their versions too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from autotrack.errors import ModelExistsError, RegistryError
from autotrack.store.registry import tables
from autotrack.store.registry.editing import begin_edit, editing, model_row, owner_of, tag_rows
from autotrack.store.registry.reading import find_model
from autotrack.store.registry.rules import checked_name
from autotrack.store.statements import put

if TYPE_CHECKING:
    from autotrack.store.store import Store

_MODEL = tables.registered_model


def create_model(
    store: Store, name: str, *, description: str = "", tags: Mapping[str, str] | None = None, user: str | None = None
) -> None:
    """Make a registered model without versions.

    Raises:
        RegistryError: The name is none.
        ModelExistsError: The name is taken.
    """
    row = model_row(name, description)
    try:
        with store.writing() as connection:
            connection.execute(insert(_MODEL).values(row))
            edit = begin_edit(connection, name, user)
            put(connection, tables.registered_model_tag, tag_rows("model_id", edit.model.id, tags or {}))
            edit.record("created")
    except IntegrityError as error:
        raise ModelExistsError(f"there is a registered model {name!r} already") from error


def rename_model(store: Store, name: str, new_name: str, *, user: str | None = None) -> None:
    """Give a model another name; its versions, aliases and history go with it.

    Raises:
        ModelNotFoundError: There is no such model.
        RegistryError: The name is none.
        ModelExistsError: The name is taken.
    """
    checked_name(new_name)
    try:
        with editing(store, name, user) as edit:
            edit.connection.execute(update(_MODEL).where(_MODEL.c.id == edit.model.id).values(name=new_name))
            edit.record("renamed", before=name, after=new_name)
    except IntegrityError as error:
        raise ModelExistsError(f"there is a registered model {new_name!r} already") from error


def annotate(store: Store, name: str, text: str, *, version: int | None = None, user: str | None = None) -> None:
    """Describe a model, or one of its versions, in Markdown; MLflow calls it the description.

    Raises:
        ModelNotFoundError: There is no such model or version.
    """
    with editing(store, name, user) as edit:
        table, row = owner_of(edit, version)
        edit.connection.execute(update(table).where(table.c.id == row.id).values(description=text))
        edit.record("description", version, before=row.description, after=text)


def set_tag(
    store: Store, name: str, key: str, value: str | None, *, version: int | None = None, user: str | None = None
) -> None:
    """Set a tag of a model, or of one of its versions; a value of None removes it.

    Raises:
        ModelNotFoundError: There is no such model or version.
        RegistryError: The key is empty.
    """
    if not key:
        raise RegistryError("a tag needs a key")
    with editing(store, name, user) as edit:
        _, row = owner_of(edit, version)
        table = tables.registered_model_tag if version is None else tables.model_version_tag
        owner = table.c.model_id if version is None else table.c.version_id
        here = (owner == row.id, table.c.key == key)
        before = edit.connection.scalar(select(table.c.value).where(*here))
        if value is None:
            edit.connection.execute(delete(table).where(*here))
        else:
            put(edit.connection, table, [{owner.name: row.id, "key": key, "value": value}])
        if value != before:
            edit.record("tag", version, key=key, before=before, after=value)


def delete_model(store: Store, name: str) -> None:
    """Delete a model with all versions and its history; the files of its versions stay where they are.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with store.writing() as connection:
        connection.execute(delete(_MODEL).where(_MODEL.c.id == find_model(connection, name, lock=True).id))
