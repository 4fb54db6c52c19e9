"""Register versions, point aliases at them, move them between stages, and delete them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from autotrack.errors import RegistryError
from autotrack.store.registry import tables
from autotrack.store.registry.editing import Edit, begin_edit, editing, model_row, tag_rows
from autotrack.store.registry.reading import SELECT_VERSIONS, find_version_row, read_versions
from autotrack.store.registry.rows import ModelVersion, NewVersion
from autotrack.store.registry.rules import ACTIVE_STAGES, ARCHIVED, NO_STAGE, checked_alias, checked_stage
from autotrack.store.statements import add_missing, put

if TYPE_CHECKING:
    from autotrack.store.store import Store

_MODEL, _VERSION, _ALIAS = tables.registered_model, tables.model_version, tables.model_alias


def create_version(
    store: Store, name: str, new: NewVersion, *, user: str | None = None, create: bool = False
) -> ModelVersion:
    """Add a version to a model.

    Args:
        store: Open for changes.
        name: The model's name.
        new: What is known of the version.
        user: Who registers it.
        create: Make the model too, where there is none.

    Raises:
        ModelNotFoundError: There is no such model, and `create` is not set.
        RegistryError: The name is none.
    """
    with store.writing() as connection:
        if create:
            add_missing(connection, _MODEL, [model_row(name)])
        edit = begin_edit(connection, name, user)
        number = edit.model.last_version + 1
        connection.execute(update(_MODEL).where(_MODEL.c.id == edit.model.id).values(last_version=number))
        connection.execute(insert(_VERSION).values(_columns(edit, number, new)))
        version_id = find_version_row(connection, edit.model, number).id
        put(connection, tables.model_version_tag, tag_rows("version_id", version_id, new.tags))
        edit.record("version", number, after=new.source)
        return read_versions(connection, SELECT_VERSIONS.where(_VERSION.c.id == version_id))[0]


def _columns(edit: Edit, number: int, new: NewVersion) -> dict[str, Any]:
    columns = msgspec.structs.asdict(new) | {"lineage": msgspec.to_builtins(new.lineage)}
    del columns["tags"]
    columns["run_uid"] = columns.pop("run_id")
    place = {"model_id": edit.model.id, "version": number, "stage": NO_STAGE, "user": edit.user}
    return {**columns, **place, "created": edit.time, "updated": edit.time}


def transition(
    store: Store, name: str, version: int, stage: str, *, archive_existing: bool = False, user: str | None = None
) -> None:
    """Move a version into another stage.

    Args:
        store: Open for changes.
        name: The model's name.
        version: The version's number.
        stage: "None", "Staging", "Production" or "Archived", in any case.
        archive_existing: Move the other versions of this stage to "Archived".
        user: Who does it.

    Raises:
        ModelNotFoundError: There is no such version.
        RegistryError: There is no such stage, or `archive_existing` is set for one that is not Staging or Production.
    """
    stage = checked_stage(stage)
    if archive_existing and stage not in ACTIVE_STAGES:
        raise RegistryError(f"only {' and '.join(ACTIVE_STAGES)} archive the versions that were there, not {stage}")
    with editing(store, name, user) as edit:
        _move(edit, find_version_row(edit.connection, edit.model, version), stage)
        if archive_existing:
            same = (_VERSION.c.model_id == edit.model.id, _VERSION.c.stage == stage, _VERSION.c.version != version)
            for other in edit.connection.execute(select(_VERSION).where(*same)).all():
                _move(edit, other, ARCHIVED)


def _move(edit: Edit, row: Row[Any], stage: str) -> None:
    if row.stage != stage:
        edit.connection.execute(update(_VERSION).where(_VERSION.c.id == row.id).values(stage=stage))
        edit.record("stage", row.version, before=row.stage, after=stage)


def set_alias(store: Store, name: str, alias: str, version: int, *, user: str | None = None) -> None:
    """Let an alias stand for a version; it stands for no other any more.

    Raises:
        ModelNotFoundError: There is no such version.
        RegistryError: The alias is none.
    """
    checked_alias(alias)
    with editing(store, name, user) as edit:
        row = find_version_row(edit.connection, edit.model, version)
        before = _alias_version(edit, alias)
        put(edit.connection, _ALIAS, [{"model_id": edit.model.id, "alias": alias, "version_id": row.id}])
        edit.record("alias", version, key=alias, before=before, after=str(version))


def delete_alias(store: Store, name: str, alias: str, *, user: str | None = None) -> None:
    """Take an alias away; one that is not there is away already.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with editing(store, name, user) as edit:
        before = _alias_version(edit, alias)
        if before is not None:
            edit.connection.execute(delete(_ALIAS).where(_ALIAS.c.model_id == edit.model.id, _ALIAS.c.alias == alias))
            edit.record("alias", int(before), key=alias, before=before)


def delete_version(store: Store, name: str, version: int, *, user: str | None = None) -> None:
    """Delete a version with its aliases and tags; its number is never given again, and its files stay where they are.

    Raises:
        ModelNotFoundError: There is no such version.
    """
    with editing(store, name, user) as edit:
        row = find_version_row(edit.connection, edit.model, version)
        edit.connection.execute(delete(_VERSION).where(_VERSION.c.id == row.id))
        edit.record("deleted", version, before=row.source)


def _alias_version(edit: Edit, alias: str) -> str | None:
    """Read the number of the version that an alias stands for."""
    here = (_ALIAS.c.model_id == edit.model.id, _ALIAS.c.alias == alias)
    version = edit.connection.scalar(select(_VERSION.c.version).join(_ALIAS).where(*here))
    return None if version is None else str(version)
