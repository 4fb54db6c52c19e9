"""Logged models: model folders with a life of their own, made by a run or without one."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, insert, select, update

from autotrack.errors import ModelNotFoundError
from autotrack.store.statements import add_missing, put
from autotrack.store.tracking.run_reading import NAN
from autotrack.store.tracking.tables import (
    logged_model,
    logged_model_metric,
    logged_model_param,
    logged_model_tag,
)


class ModelMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a model, and on which data it was measured; `time` in nanoseconds since the epoch."""

    key: str
    value: float
    time: int
    step: int
    run_uid: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


class NewModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is about to be made.

    Attributes:
        kind: What the client calls its type, such as "sklearn".
        run_uid: The run that made it.
        artifact_location: Where clients put the files of its experiment; None where the server keeps them.
    """

    experiment_id: int
    name: str
    kind: str | None
    run_uid: str | None
    artifact_location: str | None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model; times are nanoseconds since the epoch.

    Attributes:
        artifact_uri: Where clients put its files; None where the server keeps them.
    """

    id: int
    uid: str
    experiment_id: int
    run_uid: str | None
    name: str
    kind: str | None
    status: str
    status_message: str | None
    artifact_uri: str | None
    created: int
    updated: int
    deleted_at: int | None
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[ModelMetric]


_METRIC = logged_model_metric.c
SELECT_MODELS: Select[Any] = select(logged_model)


def create_model(connection: Connection, new: NewModel, status: str) -> LoggedModel:
    """Make a model in a status and return it."""
    uid, now = f"m-{secrets.token_hex(16)}", time.time_ns()
    location = new.artifact_location
    row = {
        "uid": uid,
        "experiment_id": new.experiment_id,
        "run_uid": new.run_uid,
        "name": new.name,
        "kind": new.kind,
        "status": status,
        "artifact_uri": f"{location.rstrip('/')}/models/{uid}/artifacts" if location else None,
        "created": now,
        "updated": now,
    }
    connection.execute(insert(logged_model).values(row))
    model = get_model(connection, uid)
    log_params(connection, model.id, new.params)
    set_tags(connection, model.id, new.tags)
    return get_model(connection, uid)


def get_model(connection: Connection, uid: str, *, deleted: bool = False) -> LoggedModel:
    """Read a model; with `deleted` a deleted one too.

    Raises:
        ModelNotFoundError: There is none.
    """
    statement = SELECT_MODELS.where(logged_model.c.uid == uid)
    found = read_models(connection, statement if deleted else statement.where(logged_model.c.deleted_at.is_(None)))
    if not found:
        raise ModelNotFoundError(f"no logged model {uid!r}")
    return found[0]


def read_models(connection: Connection, statement: Select[Any]) -> list[LoggedModel]:
    """Run a statement that began as `SELECT_MODELS`, and read the values of what it finds."""
    rows = connection.execute(statement).all()
    ids = [row.id for row in rows]
    params = _pairs(connection, logged_model_param, ids)
    tags = _pairs(connection, logged_model_tag, ids)
    metrics = _metrics(connection, ids)
    return [
        LoggedModel(
            **row._asdict(), params=params.get(row.id, {}), tags=tags.get(row.id, {}), metrics=metrics.get(row.id, [])
        )
        for row in rows
    ]


def set_status(connection: Connection, uid: str, status: str) -> LoggedModel:
    """Change the status of a model and return it.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    model = get_model(connection, uid)
    changed = update(logged_model).where(logged_model.c.id == model.id)
    connection.execute(changed.values(status=status, updated=time.time_ns()))
    return get_model(connection, uid)


def delete_model(connection: Connection, uid: str) -> None:
    """Delete a model.

    Raises:
        ModelNotFoundError: There is no such model.
    """
    model = get_model(connection, uid)
    connection.execute(update(logged_model).where(logged_model.c.id == model.id).values(deleted_at=time.time_ns()))


def log_params(connection: Connection, row: int, params: Mapping[str, str]) -> None:
    """Set parameters of a model."""
    put(connection, logged_model_param, _lines(row, params))


def set_tags(connection: Connection, row: int, tags: Mapping[str, str]) -> None:
    """Set tags of a model."""
    put(connection, logged_model_tag, _lines(row, tags))


def delete_tag(connection: Connection, row: int, key: str) -> bool:
    """Remove a tag, and say whether there was one."""
    here = (logged_model_tag.c.model_id == row, logged_model_tag.c.key == key)
    return bool(connection.execute(delete(logged_model_tag).where(*here)).rowcount)


def log_metrics(connection: Connection, metrics: Sequence[tuple[str, ModelMetric]]) -> None:
    """Note metrics of models, by id of the model; those of models that are not there are passed over."""
    uids = {uid for uid, _ in metrics}
    found = connection.execute(select(logged_model.c.uid, logged_model.c.id).where(logged_model.c.uid.in_(uids)))
    rows = {line.uid: line.id for line in found}
    lines = [{"model_id": rows[uid], **msgspec.structs.asdict(metric)} for uid, metric in metrics if uid in rows]
    add_missing(connection, logged_model_metric, lines)


def _metrics(connection: Connection, ids: Collection[int]) -> dict[int, list[ModelMetric]]:
    found: dict[int, list[ModelMetric]] = {}
    names = ModelMetric.__struct_fields__
    columns = (_METRIC.model_id, *(_METRIC[name] for name in names))
    for model_id, *values in connection.execute(select(*columns).where(_METRIC.model_id.in_(ids)).order_by(_METRIC.id)):
        fields = dict(zip(names, values, strict=True))
        fields["value"] = NAN if fields["value"] is None else fields["value"]
        found.setdefault(model_id, []).append(ModelMetric(**fields))
    return found


def _pairs(connection: Connection, table: Any, ids: Collection[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for line in connection.execute(select(table).where(table.c.model_id.in_(ids)).order_by(table.c.key)):
        found.setdefault(line.model_id, {})[line.key] = line.value
    return found


def _lines(row: int, values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"model_id": row, "key": key, "value": value} for key, value in values.items()]
