"""The runs of a search in groups: how many each has, and the spread of metrics over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, FromClause, Text, and_, cast, func, select

from autotrack.store import schema
from autotrack.store.browsing import TABLES, Cell, cell_of, value_columns
from autotrack.store.filters.compiler import ATTRIBUTE_COLUMNS, statistic_column
from autotrack.store.filters.syntax import Field
from autotrack.store.queries import NAN, Search, search_conditions

if TYPE_CHECKING:
    from autotrack.store.store import Store

SELECTIVE = 500
"""Up to so many runs are looked up one by one; for more, one pass over the index of a metric is cheaper."""

ROWS = 500
"""So many rows are held at a time: tens of thousands wake the garbage collector, which takes longer than the query."""

_Numbers = npt.NDArray[np.int64]
_Values = npt.NDArray[np.float64]


class Spread(msgspec.Struct, frozen=True):
    """The values of some runs in a few numbers; NaN counts in none of them.

    Attributes:
        count: How many runs have a value.
        std: Of the sample, divided by `count - 1`; NaN for fewer than two.
    """

    count: int
    mean: float
    std: float
    min: float
    max: float


class Group(msgspec.Struct, frozen=True):
    """Runs that share the values of some fields.

    Attributes:
        values: Of each field; None where the runs do not have it.
        runs: How many they are.
        spreads: Of each metric asked for.
    """

    values: tuple[Cell, ...]
    runs: int
    spreads: list[Spread]


def read_groups(store: Store, search: Search, by: Sequence[Field], metrics: Sequence[Field]) -> list[Group]:
    """Part all runs of a search by the values of fields, and summarise metrics over all runs of each part.

    Raises:
        FilterError: The filter cannot be read.
    """
    with store.reading() as connection:
        parts = _part(connection, search, by)
        sizes = [len(runs) for _, runs in parts]
        runs = np.concatenate([np.zeros(0, dtype=np.int64), *(runs for _, runs in parts)])
        order = np.argsort(runs)
        runs, places = runs[order], np.repeat(np.arange(len(parts)), sizes)[order]
        columns = [_spreads(*_metric(connection, field, runs, places), len(parts)) for field in metrics]
    return [Group(parts[at][0], sizes[at], [column[at] for column in columns]) for at in range(len(parts))]


def _part(connection: Connection, search: Search, by: Sequence[Field]) -> list[tuple[tuple[Cell, ...], _Numbers]]:
    """Find which values there are together, and the runs that have them. The database does it: 10,000 rows are slow."""
    source: FromClause = schema.run.join(schema.experiment)
    columns: list[list[ColumnElement[Any]]] = []
    for field in by:
        if field.kind == "attribute":
            columns.append([ATTRIBUTE_COLUMNS[field.key]])
            continue
        table = TABLES[field.kind].alias()
        source = source.outerjoin(table, and_(table.c.run_id == schema.run.c.id, table.c.key == field.key))
        columns.append([table.c.run_id.is_not(None), *value_columns(field, table)])
    flat = [column for group in columns for column in group]
    members = func.aggregate_strings(cast(schema.run.c.id, Text), ",")
    statement = select(members, *flat).select_from(source).where(*search_conditions(search)).group_by(*flat)
    rows = connection.execute(statement).all()
    return [(_values(by, columns, row[1:]), np.array(row[0].split(","), dtype=np.int64)) for row in rows]


def _values(by: Sequence[Field], columns: Sequence[Sequence[Any]], row: Sequence[Any]) -> tuple[Cell, ...]:
    """Read a row of values: of an attribute the value, of others first whether the runs have any."""
    values: list[Cell] = []
    at = 0
    for field, group in zip(by, columns, strict=True):
        first, *others = row[at : at + len(group)]
        values.append(first if field.kind == "attribute" else cell_of(field, others) if first else None)
        at += len(group)
    return tuple(values)


def _metric(connection: Connection, field: Field, runs: _Numbers, places: _Numbers) -> tuple[_Numbers, _Values]:
    """Read the values of a metric in some runs, whose ids are in order, and the group of each; NaN is left out."""
    series = schema.series
    if not len(runs):
        return runs, np.zeros(0)
    few = len(runs) <= SELECTIVE
    chosen = series.c.run_id.in_(runs.tolist()) if few else series.c.run_id.between(int(runs[0]), int(runs[-1]))
    statement = select(series.c.run_id, statistic_column(field.statistic, series)).where(
        series.c.key == field.key, chosen
    )
    ids: list[int] = []
    numbers: list[float | None] = []
    for rows in connection.execute(statement).partitions(ROWS):
        ids.extend(run for run, _ in rows)
        numbers.extend(value for _, value in rows)
    found, values = np.array(ids, dtype=np.int64), np.array(numbers, dtype=np.float64)  # None, for NaN, becomes one
    at = np.searchsorted(runs, found)
    known = (runs[at] == found) & ~np.isnan(values)
    return places[at[known]], values[known]


def _spreads(places: _Numbers, values: _Values, groups: int) -> list[Spread]:
    """Summarise values by group. The deviation takes two passes: sums of squares lose small ones of large values."""
    counts = np.bincount(places, minlength=groups)
    least, most = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(least, places, values)
    np.maximum.at(most, places, values)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # infinite values, and groups without any
        means = np.bincount(places, values, groups) / counts
        squares = np.bincount(places, (values - means[places]) ** 2, groups)
        deviations = np.sqrt(squares / (counts - 1))
    return [
        Spread(int(count), mean, deviation if count > 1 else NAN, low, high) if count else Spread(0, NAN, NAN, NAN, NAN)
        for count, mean, deviation, low, high in zip(
            counts.tolist(), means.tolist(), deviations.tolist(), least.tolist(), most.tolist(), strict=True
        )
    ]
