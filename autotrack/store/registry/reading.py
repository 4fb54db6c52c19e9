"""Read the registry: models, their versions, one version by number, alias or stage, and history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from autotrack.errors import ModelNotFoundError, RegistryError
from autotrack.store.registry import tables
from autotrack.store.registry.rows import Change, Lineage, ModelVersion, RegisteredModel
from autotrack.store.registry.rules import LATEST, checked_stage
from autotrack.store.tracking.tables import logged_model

if TYPE_CHECKING:
    from autotrack.store.store import Store

_MODEL, _VERSION, _ALIAS = tables.registered_model, tables.model_version, tables.model_alias
SELECT_VERSIONS: Select[Any] = select(_VERSION, _MODEL.c.name).join_from(_VERSION, _MODEL)


def get_model(store: Store, name: str) -> RegisteredModel:
    """Read a registered model.

    Raises:
        ModelNotFoundError: There is none of this name.
    """
    with store.reading() as connection:
        return read_models(connection, [find_model(connection, name)])[0]


def list_versions(store: Store, name: str, *, limit: int | None = None, offset: int = 0) -> list[ModelVersion]:
    """Read versions of a model, the latest first: all, or at most `limit` after the first `offset`.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    with store.reading() as connection:
        here = _VERSION.c.model_id == find_model(connection, name).id
        found = SELECT_VERSIONS.where(here).order_by(_VERSION.c.version.desc())
        return read_versions(connection, found.limit(limit).offset(offset or None))


def versions_of_run(store: Store, run_id: str) -> list[ModelVersion]:
    """Read the versions that were registered from a run, by name and number.

    MLflow's client names no run when it registers a logged model by its id; that model knows its run.
    """
    logged = select(logged_model.c.uid).where(logged_model.c.run_uid == run_id)
    here = or_(_VERSION.c.run_uid == run_id, _VERSION.c.logged_model.in_(logged))
    found = SELECT_VERSIONS.where(here).order_by(_MODEL.c.name, _VERSION.c.version)
    with store.reading() as connection:
        return read_versions(connection, found)


def find_version(
    store: Store, name: str, *, version: int | None = None, alias: str | None = None, stage: str | None = None
) -> ModelVersion:
    """Read one version of a model.

    Args:
        store: Open for reading.
        name: The model's name.
        version: Its number.
        alias: An alias of it; "latest" is the version with the greatest number.
        stage: The version with the greatest number in this stage. With none of the three, the one of all.

    Raises:
        ModelNotFoundError: There is none.
        RegistryError: More than one of the three is given, or there is no such stage.
    """
    if sum(given is not None for given in (version, alias, stage)) > 1:
        raise RegistryError("name a version by its number, by an alias or by a stage: one of the three")
    with store.reading() as connection:
        model = find_model(connection, name)
        found = SELECT_VERSIONS.where(_VERSION.c.model_id == model.id).order_by(_VERSION.c.version.desc()).limit(1)
        if version is not None:
            found = found.where(_VERSION.c.version == version)
        elif stage is not None:
            found = found.where(_VERSION.c.stage == checked_stage(stage))
        elif alias is not None and alias.lower() != LATEST:
            found = found.join(_ALIAS, _ALIAS.c.version_id == _VERSION.c.id).where(_ALIAS.c.alias == alias)
        rows = read_versions(connection, found)
        if rows:
            return rows[0]
        raise _no_version(connection, model, version=version, alias=alias, stage=stage)


def history(store: Store, name: str, version: int | None = None, *, limit: int | None = None) -> list[Change]:
    """Read what was changed on a model, or on one of its versions, the latest first; all, or at most `limit`.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    change = tables.model_change
    columns = [change.c[field] for field in Change.__struct_fields__]
    with store.reading() as connection:
        here = change.c.model_id == find_model(connection, name).id
        found = select(*columns).where(here).order_by(change.c.id.desc()).limit(limit)
        if version is not None:
            found = found.where(change.c.version == version)
        return [Change(*row) for row in connection.execute(found)]


def find_model(connection: Connection, name: str, *, lock: bool = False) -> Row[Any]:
    """Find the row of a registered model; with `lock`, nobody else changes the model until the transaction ends.

    Raises:
        ModelNotFoundError: There is none of this name.
    """
    found = select(_MODEL).where(_MODEL.c.name == name)
    row = connection.execute(found.with_for_update() if lock else found).first()
    if row is None:
        raise ModelNotFoundError(f"there is no registered model {name!r}")
    return row


def find_version_row(connection: Connection, model: Row[Any], version: int) -> Row[Any]:
    """Find the row of a version.

    Raises:
        ModelNotFoundError: The model has no such version.
    """
    row = connection.execute(
        select(_VERSION).where(_VERSION.c.model_id == model.id, _VERSION.c.version == version)
    ).first()
    if row is None:
        raise _no_version(connection, model, version=version)
    return row


def read_models(connection: Connection, rows: Iterable[Row[Any]]) -> list[RegisteredModel]:
    """Make structs of rows of models, in a constant number of queries."""
    models = list(rows)
    ids = [row.id for row in models]
    tags = _pairs(connection, tables.registered_model_tag, "model_id", ids)
    latest = (
        select(_VERSION.c.model_id, _VERSION.c.stage, func.max(_VERSION.c.version), func.count())
        .where(_VERSION.c.model_id.in_(ids))
        .group_by(_VERSION.c.model_id, _VERSION.c.stage)
    )
    stages: dict[int, dict[str, int]] = {}
    counts: dict[int, int] = {}
    for model_id, stage, version, count in connection.execute(latest):
        stages.setdefault(model_id, {})[stage] = version
        counts[model_id] = counts.get(model_id, 0) + count
    aliases: dict[int, dict[str, int]] = {}
    named = select(_ALIAS.c.model_id, _ALIAS.c.alias, _VERSION.c.version).join_from(_ALIAS, _VERSION)
    for model_id, alias, version in connection.execute(
        named.where(_ALIAS.c.model_id.in_(ids)).order_by(_ALIAS.c.alias)
    ):
        aliases.setdefault(model_id, {})[alias] = version
    return [
        RegisteredModel(
            name=row.name,
            description=row.description,
            versions=counts.get(row.id, 0),
            last_version=row.last_version,
            aliases=aliases.get(row.id, {}),
            stages=stages.get(row.id, {}),
            tags=tags.get(row.id, {}),
            created=row.created,
            updated=row.updated,
        )
        for row in models
    ]


def read_versions(connection: Connection, statement: Select[Any]) -> list[ModelVersion]:
    """Run a statement that began as `SELECT_VERSIONS`, and make structs of its rows."""
    rows = connection.execute(statement).all()
    ids = [row.id for row in rows]
    tags = _pairs(connection, tables.model_version_tag, "version_id", ids)
    aliases: dict[int, list[str]] = {}
    named = select(_ALIAS.c.version_id, _ALIAS.c.alias).where(_ALIAS.c.version_id.in_(ids)).order_by(_ALIAS.c.alias)
    for version_id, alias in connection.execute(named):
        aliases.setdefault(version_id, []).append(alias)
    return [_version(row, tuple(aliases.get(row.id, ())), tags.get(row.id, {})) for row in rows]


def _version(row: Row[Any], aliases: tuple[str, ...], tags: dict[str, str]) -> ModelVersion:
    columns = row._asdict()
    del columns["id"], columns["model_id"]
    return ModelVersion(
        run_id=columns.pop("run_uid"),
        flavors=tuple(columns.pop("flavors")),
        lineage=msgspec.convert(columns.pop("lineage"), Lineage),
        aliases=aliases,
        tags=tags,
        **columns,
    )


def _pairs(connection: Connection, table: Any, owner: str, ids: list[int]) -> dict[int, dict[str, str]]:
    """Read tags of some owners, by key."""
    found: dict[int, dict[str, str]] = {}
    column: ColumnElement[int] = table.c[owner]
    for one, key, value in connection.execute(
        select(column, table.c.key, table.c.value).where(column.in_(ids)).order_by(table.c.key)
    ):
        found.setdefault(one, {})[key] = value
    return found


def _no_version(
    connection: Connection,
    model: Row[Any],
    *,
    version: int | None = None,
    alias: str | None = None,
    stage: str | None = None,
) -> ModelNotFoundError:
    """Say what a model lacks, and what it has instead."""
    if alias is not None and alias.lower() != LATEST:
        there = read_models(connection, [model])[0].aliases
        known = ", ".join(f"{name} (version {number})" for name, number in there.items()) or "none"
        return ModelNotFoundError(f"model {model.name!r} has no alias {alias!r}; its aliases: {known}")
    if stage is not None:
        return ModelNotFoundError(f"model {model.name!r} has no version in stage {checked_stage(stage)!r}")
    if version is not None:
        return ModelNotFoundError(f"model {model.name!r} has no version {version}; the last was {model.last_version}")
    return ModelNotFoundError(f"model {model.name!r} has no version yet")
