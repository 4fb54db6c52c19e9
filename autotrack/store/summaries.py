"""Read what is known of a metric without its points: count, last, extremes and sum, kept up to date by each write."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from autotrack.store.queries import NAN
from autotrack.store.rows import MetricSummary
from autotrack.store.schema import series

_COLUMNS = ["n", "nans", "first_step", "last_step", "last", "last_time", "min", "min_step", "max", "max_step", "sum"]
_NULL_IS_NAN = (_COLUMNS.index("last"), _COLUMNS.index("sum"))


def read_summaries(connection: Connection, row: int, key: str | None = None) -> dict[str, MetricSummary]:
    """Read the summaries of a run's metrics, or of one, by key.

    Args:
        connection: In a transaction.
        row: The run's.
        key: The only metric that is wanted.
    """
    statement = select(series.c.key, *(series.c[name] for name in _COLUMNS)).where(series.c.run_id == row)
    if key is not None:
        statement = statement.where(series.c.key == key)
    found = connection.execute(statement.order_by(series.c.key)).all()
    return {name: MetricSummary(*_nan_for_null(summary)) for name, *summary in found}


def _nan_for_null(summary: list[Any]) -> list[Any]:
    for at in _NULL_IS_NAN:
        if summary[at] is None:
            summary[at] = NAN
    return summary
