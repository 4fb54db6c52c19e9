"""What a table of runs asks of a store: chosen cells, which keys there are, and whether something changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, case, func, select

from autotrack.records import Param
from autotrack.store import schema
from autotrack.store.columns import bounded_key
from autotrack.store.filters.compiler import ATTRIBUTE_COLUMNS, statistic_column
from autotrack.store.filters.syntax import Field
from autotrack.store.queries import NAN
from autotrack.store.registry.tables import model_change, registered_model

if TYPE_CHECKING:
    from autotrack.store.store import Store

Cell = Param | float | str | int | None
TABLES = {"metric": schema.series, "param": schema.param, "tag": schema.tag}
_COUNTED: dict[str, ColumnElement[Any]] = {
    "metric": func.max(case((schema.series.c.last_step > schema.series.c.first_step, schema.series.c.n), else_=1)),
    "param": func.count(
        case((schema.param.c.type.in_(("int", "float", "bool", "str")), schema.param.c.text)).distinct()
    ),
}


class KeyCount(msgspec.Struct, frozen=True):
    """A key that runs have.

    Attributes:
        kind: "metric", "param" or "tag".
        runs: How many runs have it.
        values: Of a parameter how many different numbers or texts it has, of a metric the most points that one run
            has at more than one step; None for tags, and where all runs were counted.
    """

    kind: str
    key: str
    runs: int
    values: int | None = None


def read_cells(store: Store, run_ids: Sequence[str], fields: Sequence[Field]) -> list[dict[str, Cell]]:
    """Read for each field its value in those of some runs that have it, by run id."""
    with store.reading() as connection:
        uids = _uids(connection, run_ids)
        together: dict[tuple[str, str], list[Field]] = {}
        for field in fields:
            together.setdefault((field.kind, field.statistic), []).append(field)
        found = {field: column for some in together.values() for field, column in _columns(connection, some, uids)}
    return [found[field] for field in fields]


def count_keys(store: Store, run_ids: Sequence[str]) -> list[KeyCount]:
    """Count the keys that some runs have."""
    with store.reading() as connection:
        uids = _uids(connection, run_ids)
        return _count_keys(connection, lambda column: column.in_(list(uids)))


def metric_keys(store: Store, run_ids: Sequence[str]) -> list[str]:
    """Read the keys of the metrics that any of some runs has."""
    series = schema.series
    with store.reading() as connection:
        here = series.c.run_id.in_(list(_uids(connection, run_ids)))
        return list(connection.scalars(select(series.c.key).where(here).distinct().order_by(series.c.key)))


def count_all_keys(store: Store, experiment: str | None = None) -> list[KeyCount]:
    """Count the keys of all runs, or those of an experiment; deleted ones too."""
    if experiment is None:
        with store.reading() as connection:
            return _count_keys(connection, None)
    runs = select(schema.run.c.id).join(schema.experiment).where(schema.experiment.c.name == experiment)
    with store.reading() as connection:
        return _count_keys(connection, lambda column: column.in_(runs))


def change_mark(store: Store) -> str:
    """Give a text that differs as soon as something was recorded, registered, deleted or restored."""
    writer, run = schema.writer, schema.run
    counts = select(
        select(func.count()).select_from(writer).scalar_subquery(),
        select(func.coalesce(func.sum(writer.c.seq), 0)).scalar_subquery(),
        select(func.count()).select_from(run).scalar_subquery(),
        select(func.coalesce(func.max(run.c.deleted_at), 0)).scalar_subquery(),
        select(func.count(run.c.deleted_at)).scalar_subquery(),
        select(func.coalesce(func.max(model_change.c.id), 0)).scalar_subquery(),
        select(func.count()).select_from(registered_model).scalar_subquery(),
    )
    with store.reading() as connection:
        return "-".join(map(str, connection.execute(counts).one()))


def count_children(store: Store, run_ids: Sequence[str]) -> dict[str, int]:
    """Count the runs below each of some runs that has any, deleted ones left out."""
    run = schema.run
    below = (
        select(run.c.parent_uid, func.count())
        .where(run.c.parent_uid.in_(run_ids), run.c.deleted_at.is_(None))
        .group_by(run.c.parent_uid)
    )
    with store.reading() as connection:
        return {parent: count for parent, count in connection.execute(below)}  # noqa: C416 - rows are no pairs to mypy


def read_data_names(store: Store, run_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Read name and digest of the data that went into each of some runs, in the order in which they were logged."""
    dataset = schema.dataset
    found: dict[str, list[tuple[str, str]]] = {}
    with store.reading() as connection:
        uids = _uids(connection, run_ids)
        columns = select(dataset.c.run_id, dataset.c.name, dataset.c.digest).where(dataset.c.run_id.in_(list(uids)))
        for row, name, digest in connection.execute(columns.order_by(dataset.c.time)):
            found.setdefault(uids[row], []).append((name, digest))
    return found


def _uids(connection: Connection, run_ids: Sequence[str]) -> dict[int, str]:
    found = connection.execute(select(schema.run.c.id, schema.run.c.uid).where(schema.run.c.uid.in_(run_ids)))
    return {row: uid for row, uid in found}  # noqa: C416


def _columns(
    connection: Connection, fields: Sequence[Field], uids: Mapping[int, str]
) -> list[tuple[Field, dict[str, Cell]]]:
    """Read fields of one kind and statistic with one statement."""
    kind, runs = fields[0].kind, list(uids)
    if kind == "attribute":
        columns = [ATTRIBUTE_COLUMNS[field.key] for field in fields]
        attributes = select(schema.run.c.id, *columns).join_from(schema.run, schema.experiment)
        lines = connection.execute(attributes.where(schema.run.c.id.in_(runs))).all()
        return [(field, {uids[line[0]]: line[at] for line in lines}) for at, field in enumerate(fields, start=1)]
    table = TABLES[kind]
    here = table.c.key.in_([field.key for field in fields]), table.c.run_id.in_(runs)
    found: dict[str, dict[str, Cell]] = {}
    for key, run, *values in connection.execute(
        select(table.c.key, table.c.run_id, *value_columns(fields[0], table)).where(*here)
    ).all():
        found.setdefault(key, {})[uids[run]] = cell_of(fields[0], values)
    return [(field, found.get(bounded_key(field.key), {})) for field in fields]


def value_columns(field: Field, table: FromClause) -> list[ColumnElement[Any]]:
    """Give the columns that hold a param, metric or tag, in the table of its kind."""
    if field.kind == "metric":
        return [statistic_column(field.statistic, table)]
    names = ("text", "type", "size", "sha256") if field.kind == "param" else ("value",)
    return [table.c[name] for name in names]


def cell_of(field: Field, values: Sequence[Any]) -> Any:
    """Make a value of what was in its `value_columns`."""
    if field.kind == "param":
        return Param(*values)
    return NAN if values[0] is None else values[0]


def _count_keys(
    connection: Connection, chosen: Callable[[ColumnElement[int]], ColumnElement[bool]] | None
) -> list[KeyCount]:
    found = []
    for kind, table in TABLES.items():
        columns: list[ColumnElement[Any]] = [table.c.key, func.count()]
        if chosen is not None and kind in _COUNTED:
            columns.append(_COUNTED[kind])
        statement = select(*columns).group_by(table.c.key).order_by(table.c.key)
        statement = statement if chosen is None else statement.where(chosen(table.c.run_id))
        found += [KeyCount(kind, *row) for row in connection.execute(statement).all()]
    return found
