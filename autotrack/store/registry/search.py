"""Find models and versions with the filter language of runs.

Of a version there are `name version stage user source run_id experiment created updated alias`, `tags.<key>`, and the
`metrics.<key>` and `params.<key>` of the run that made it, while the store has that run. A version may have several
aliases: a comparison is true where it holds for one of them. Of a model there are `name versions created updated alias`
and `tags.<key>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select

from autotrack.store import schema
from autotrack.store.filters import compile_filter, compile_order, parse_filter, parse_order
from autotrack.store.filters.compiler import Holder, Subject
from autotrack.store.filters.syntax import Vocabulary
from autotrack.store.queries import pattern_errors
from autotrack.store.registry import tables
from autotrack.store.registry.reading import SELECT_VERSIONS, read_models, read_versions
from autotrack.store.registry.rules import STAGES

if TYPE_CHECKING:
    from autotrack.store.registry.rows import ModelVersion, RegisteredModel
    from autotrack.store.store import Store

_MODEL, _VERSION, _ALIAS = tables.registered_model, tables.model_version, tables.model_alias
_VERSION_ID = _VERSION.c.id
_RUN_ID = func.coalesce(schema.run.c.id, -1)  # of versions without a run in this store

VERSION_FIELDS = Vocabulary(
    {
        **dict.fromkeys(("name", "stage", "user", "source", "run_id", "experiment", "alias"), "text"),
        "version": "number",
        **dict.fromkeys(("created", "updated"), "time"),
    },
    words={"stage": STAGES},
    unordered=("alias",),
)
"""What filters of versions speak of."""

MODEL_FIELDS = Vocabulary(
    {"name": "text", "alias": "text", "versions": "number", "created": "time", "updated": "time"},
    kinds=("tag",),
    unordered=("alias",),
)
"""What filters of models speak of."""

_VERSIONS = Subject(
    {
        "name": _MODEL.c.name,
        "run_id": _VERSION.c.run_uid,
        "experiment": schema.experiment.c.name,
        **{name: _VERSION.c[name] for name in ("version", "stage", "user", "source", "created", "updated")},
    },
    {
        "metric": Holder(_RUN_ID, schema.series, "run_id"),
        "param": Holder(_RUN_ID, schema.param, "run_id"),
        "tag": Holder(_VERSION_ID, tables.model_version_tag, "version_id"),
        "alias": Holder(_VERSION_ID, _ALIAS, "version_id"),
    },
    (_VERSION.c.created.desc(), _VERSION_ID.desc()),
)
_COUNT = select(func.count()).where(_VERSION.c.model_id == _MODEL.c.id).correlate(_MODEL).scalar_subquery()
_MODELS = Subject(
    {"versions": _COUNT, **{name: _MODEL.c[name] for name in ("name", "created", "updated")}},
    {
        "tag": Holder(_MODEL.c.id, tables.registered_model_tag, "model_id"),
        "alias": Holder(_MODEL.c.id, _ALIAS, "model_id"),
    },
    (_MODEL.c.name, _MODEL.c.id),
)


def search_versions(
    store: Store,
    filter: str | None = None,  # noqa: A002 - the word users know
    *,
    order_by: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[ModelVersion]:
    """Find versions, the latest registered first.

    Args:
        store: Open for reading.
        filter: Such as `name = "churn" and metrics.test_f1_score > 0.9`; all without one.
        order_by: Such as `metrics.test_f1_score desc, version`.
        limit: At most so many.
        offset: Leave the first ones out.

    Raises:
        FilterError: `filter` or `order_by` cannot be read.
    """
    joined = SELECT_VERSIONS.outerjoin(schema.run, schema.run.c.uid == _VERSION.c.run_uid).outerjoin(
        schema.experiment, schema.experiment.c.id == schema.run.c.experiment_id
    )
    found = _chosen(joined, _VERSIONS, VERSION_FIELDS, filter, order_by).limit(limit).offset(offset or None)
    with store.reading() as connection, pattern_errors(filter):
        return read_versions(connection, found)


def search_models(
    store: Store,
    filter: str | None = None,  # noqa: A002 - the word users know
    *,
    order_by: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[RegisteredModel]:
    """Find registered models, by name.

    Args:
        store: Open for reading.
        filter: Such as `name like "churn%" and tags.team = "risk"`; all without one.
        order_by: Such as `updated desc`.
        limit: At most so many.
        offset: Leave the first ones out.

    Raises:
        FilterError: `filter` or `order_by` cannot be read.
    """
    found = _chosen(select(_MODEL), _MODELS, MODEL_FIELDS, filter, order_by).limit(limit).offset(offset or None)
    with store.reading() as connection, pattern_errors(filter):
        return read_models(connection, connection.execute(found))


def _chosen(
    statement: Select[Any],
    subject: Subject,
    fields: Vocabulary,
    filter: str | None,  # noqa: A002
    order_by: str | None,
) -> Select[Any]:
    condition = compile_filter(parse_filter(filter or "", fields), subject)
    return compile_order(statement.where(condition), parse_order(order_by or "", fields), subject)
