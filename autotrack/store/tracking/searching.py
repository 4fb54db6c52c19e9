"""Find runs, experiments and logged models of a server: filters as trees, orders and ties as MLflow has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Select, String, and_, cast, func, literal, select

from autotrack.store.filters.compiler import RUNS, Holder, Subject, compile_filter
from autotrack.store.filters.syntax import Node, Ordering
from autotrack.store.schema import dataset, experiment, param, run, series, tag
from autotrack.store.tracking import tables
from autotrack.store.tracking.experiments import COLUMNS, Experiment, read_experiments
from autotrack.store.tracking.run_reading import RUN_COLUMNS, TrackedRun, read_runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

ACTIVE, DELETED, ALL = "active", "deleted", "all"
"""Which of the two states is wanted."""

SERVED = "mlflow-artifacts:/"
"""Scheme of what the server keeps itself."""

_MODEL = tables.logged_model
_served = (
    literal(SERVED) + cast(run.c.experiment_id, String) + literal("/") + cast(run.c.uid, String) + literal("/artifacts")
)
_inputs: Any = select(
    dataset.c.run_id,
    dataset.c.name.label("dataset_name"),
    dataset.c.digest.label("dataset_digest"),
    dataset.c.context.label("dataset_context"),
).subquery()

RUN_SUBJECT = Subject(
    {
        "run_id": run.c.uid,
        "run_name": run.c.name,
        "status": run.c.status,
        "user_id": run.c.user_id,
        "artifact_uri": func.coalesce(run.c.artifact_uri, _served),
        "start_time": run.c.start_time,
        "end_time": run.c.end_time,
        "parent": run.c.parent_uid,
    },
    {
        **RUNS.holders,
        **{name: Holder(run.c.id, _inputs, "run_id") for name in ("dataset_name", "dataset_digest", "dataset_context")},
    },
    (run.c.start_time.desc(), run.c.uid.asc()),
)
EXPERIMENT_SUBJECT = Subject(
    {
        "experiment_id": experiment.c.id,
        "name": experiment.c.name,
        "creation_time": experiment.c.created,
        "last_update_time": experiment.c.updated,
    },
    {"tag": Holder(experiment.c.id, tables.experiment_tag, "experiment_id")},
    (experiment.c.created.desc(), experiment.c.id.desc()),
)
_SORTED: dict[str, tuple[FromClause, str]] = {
    "metric": (series, "last"),
    "param": (param, "text"),
    "tag": (tag, "value"),
}


def search_runs(
    connection: Connection,
    experiments: Collection[int],
    condition: Node | None,
    order: Sequence[Ordering],
    *,
    view: str,
    limit: int,
    offset: int,
) -> list[TrackedRun]:
    """Find runs of some experiments."""
    statement = select(*RUN_COLUMNS).where(
        run.c.experiment_id.in_(experiments), *_view(run.c.deleted_at, view), compile_filter(condition, RUN_SUBJECT)
    )
    statement = _ordered(statement, order).limit(limit).offset(offset or None)
    return read_runs(connection, connection.execute(statement).all())


def search_experiments(
    connection: Connection,
    condition: Node | None,
    order: Sequence[Ordering],
    *,
    view: str,
    limit: int,
    offset: int,
    visible: Collection[int] | None = None,
) -> list[Experiment]:
    """Find experiments, the latest made first; with `visible` only some."""
    statement = select(*COLUMNS).where(
        *_view(experiment.c.deleted_at, view), compile_filter(condition, EXPERIMENT_SUBJECT)
    )
    if visible is not None:
        statement = statement.where(experiment.c.id.in_(visible))
    for term in order:
        column = EXPERIMENT_SUBJECT.attributes[term.field.key]
        statement = statement.order_by(column.is_(None), column.desc() if term.descending else column.asc())
    if not order:
        statement = statement.order_by(func.coalesce(experiment.c.created, 0).desc())
    return read_experiments(connection, statement.order_by(experiment.c.id.asc()).limit(limit).offset(offset or None))


def _ordered(statement: Select[Any], order: Sequence[Ordering]) -> Select[Any]:
    """Sort runs; those without a value come last whichever way it is sorted, and before them those where it is NaN."""
    for number, term in enumerate(order):
        if term.field.kind == "attribute":
            column: ColumnElement[Any] = RUN_SUBJECT.attributes[term.field.key]
        else:
            table, name = _SORTED[term.field.kind]
            alias = table.alias(f"order_{number}")
            here = and_(alias.c.run_id == run.c.id, alias.c.key == term.field.key)
            statement = statement.join(alias, here, isouter=True).order_by(alias.c.run_id.is_(None))
            column = alias.c[name]
        statement = statement.order_by(column.is_(None), column.desc() if term.descending else column.asc())
    return statement.order_by(*RUN_SUBJECT.order)


def _view(deleted_at: ColumnElement[Any], view: str) -> Sequence[ColumnElement[bool]]:
    return {ACTIVE: [deleted_at.is_(None)], DELETED: [deleted_at.is_not(None)]}.get(view, [])
