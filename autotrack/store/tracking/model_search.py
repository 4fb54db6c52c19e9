"""Find logged models, and registered models and their versions, with filters as trees and in MLflow's orders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, String, and_, cast, or_, select, true

from autotrack.store.filters.compiler import Holder, Subject, compile_filter
from autotrack.store.filters.syntax import Node, Ordering
from autotrack.store.registry.reading import SELECT_VERSIONS, read_models, read_versions
from autotrack.store.registry.tables import (
    model_version,
    model_version_tag,
    registered_model,
    registered_model_tag,
)
from autotrack.store.tracking import logged_models
from autotrack.store.tracking.tables import (
    logged_model,
    logged_model_metric,
    logged_model_param,
    logged_model_tag,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from autotrack.store.registry.rows import ModelVersion, RegisteredModel

_MODEL, _VERSION = registered_model, model_version


class DataName(NamedTuple):
    """Data by name, and by digest unless any will do."""

    name: str
    digest: str | None = None


class LoggedOrder(NamedTuple):
    """What logged models are sorted by: the metric if there is one, else the attribute."""

    attribute: str
    metric: str | None
    dataset: DataName | None
    descending: bool


REGISTERED = Subject(
    {"name": _MODEL.c.name, "created": _MODEL.c.created, "updated": _MODEL.c.updated},
    {"tag": Holder(_MODEL.c.id, registered_model_tag, "model_id")},
    (_MODEL.c.name.asc(),),
)
VERSIONS = Subject(
    {
        "name": _MODEL.c.name,
        "version_number": _VERSION.c.version,
        "run_id": _VERSION.c.run_uid,
        "source_path": _VERSION.c.source,
        "created": _VERSION.c.created,
        "updated": _VERSION.c.updated,
    },
    {"tag": Holder(_VERSION.c.id, model_version_tag, "version_id")},
    (_VERSION.c.updated.desc(), _MODEL.c.name.asc(), _VERSION.c.version.desc()),
)


def search_registered(
    connection: Connection, condition: Node | None, order: Sequence[Ordering], *, limit: int, offset: int
) -> list[RegisteredModel]:
    """Find registered models, by name unless something else is asked for."""
    found = _sorted(select(_MODEL).where(compile_filter(condition, REGISTERED)), REGISTERED, order)
    return read_models(connection, connection.execute(found.limit(limit).offset(offset or None)))


def search_versions(
    connection: Connection, condition: Node | None, order: Sequence[Ordering], *, limit: int, offset: int
) -> list[ModelVersion]:
    """Find versions of registered models, the latest changed first."""
    found = _sorted(SELECT_VERSIONS.where(compile_filter(condition, VERSIONS)), VERSIONS, order)
    return read_versions(connection, found.limit(limit).offset(offset or None))


def search_logged(
    connection: Connection,
    experiments: Collection[int],
    condition: Node | None,
    order: Sequence[LoggedOrder],
    datasets: Sequence[DataName],
    *,
    limit: int,
    offset: int,
) -> list[logged_models.LoggedModel]:
    """Find logged models of some experiments, the latest made first.

    Args:
        connection: In a transaction.
        experiments: Their ids.
        condition: What they must meet.
        order: What they are sorted by; models without a value come last.
        datasets: Only metrics measured on one of these count; where there are such, a model needs one.
        limit: At most so many.
        offset: Leave the first ones out.
    """
    subject = _logged_subject(datasets)
    here = [logged_model.c.experiment_id.in_(experiments), logged_model.c.deleted_at.is_(None)]
    if datasets:
        measured = select(logged_model_metric.c.model_id).where(_measured_on(datasets))
        here.append(logged_model.c.id.in_(measured))
    statement = logged_models.SELECT_MODELS.where(*here, compile_filter(condition, subject))
    for term in order:
        column = _logged_column(subject, term)
        statement = statement.order_by(column.is_(None), column.desc() if term.descending else column.asc())
    statement = statement.order_by(*subject.order).limit(limit).offset(offset or None)
    return logged_models.read_models(connection, statement)


def _logged_subject(datasets: Sequence[DataName]) -> Subject:
    """Say where the values of logged models lie; the columns are called as those of runs are."""
    metric, param = logged_model_metric.c, logged_model_param.c
    metrics = select(metric.model_id, metric.key, metric.value.label("last")).where(_measured_on(datasets))
    params = select(param.model_id, param.key, param.value.label("text"))
    holders: dict[str, FromClause] = {"metric": metrics.subquery(), "param": params.subquery(), "tag": logged_model_tag}
    return Subject(
        {
            "model_id": logged_model.c.uid,
            "name": logged_model.c.name,
            "status": logged_model.c.status,
            "model_type": logged_model.c.kind,
            "source_run_id": logged_model.c.run_uid,
            "experiment_id": cast(logged_model.c.experiment_id, String),
            "created": logged_model.c.created,
            "updated": logged_model.c.updated,
        },
        {kind: Holder(logged_model.c.id, table, "model_id") for kind, table in holders.items()},
        (logged_model.c.created.desc(), logged_model.c.id.desc()),
    )


def _logged_column(subject: Subject, term: LoggedOrder) -> ColumnElement[Any]:
    """Give what logged models are sorted by: an attribute, or the latest value of a metric."""
    if term.metric is None:
        return subject.attributes[term.attribute]
    columns = logged_model_metric.c
    measured = _measured_on([] if term.dataset is None else [term.dataset])
    latest = select(columns.value).where(columns.model_id == logged_model.c.id, columns.key == term.metric, measured)
    return latest.order_by(columns.time.desc(), columns.step.desc()).limit(1).correlate(logged_model).scalar_subquery()


def _measured_on(datasets: Sequence[DataName]) -> ColumnElement[bool]:
    """Say that a metric was measured on one of some data; on any where none are named."""
    columns = logged_model_metric.c
    if not datasets:
        return true()
    digests = ([] if data.digest is None else [columns.dataset_digest == data.digest] for data in datasets)
    return or_(*(and_(columns.dataset_name == data.name, *same) for data, same in zip(datasets, digests, strict=True)))


def _sorted(statement: Select[Any], subject: Subject, order: Sequence[Ordering]) -> Select[Any]:
    for term in order:
        column = subject.attributes[term.field.key]
        statement = statement.order_by(column.is_(None), column.desc() if term.descending else column.asc())
    return statement.order_by(*subject.order)
