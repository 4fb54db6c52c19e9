"""Check that a store is sound: the file itself, references between tables, and the counts of each series."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from autotrack.store.schema import metric_chunk, run, series

_SHOWN = 20


def find_problems(connection: Connection) -> list[str]:
    """List what is wrong, at most 20 of a kind; an empty list means sound."""
    problems = list(_broken_file(connection)) if connection.dialect.name == "sqlite" else []
    return problems + list(_miscounted_series(connection))


def _broken_file(connection: Connection) -> Iterator[str]:
    for (line,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_SHOWN})"):
        if line != "ok":
            yield f"file: {line}"
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(_SHOWN)
    for table, row, parent, _ in broken:
        yield f"{table} row {row} refers to a missing {parent}"


def _miscounted_series(connection: Connection) -> Iterator[str]:
    sealed = (
        select(metric_chunk.c.run_id, metric_chunk.c.key, func.sum(metric_chunk.c.n).label("n"))
        .group_by(metric_chunk.c.run_id, metric_chunk.c.key)
        .subquery()
    )
    found = func.coalesce(sealed.c.n, 0) + series.c.tail
    rows = connection.execute(
        select(run.c.uid, series.c.key, series.c.n, found)
        .join_from(series, run)
        .outerjoin(sealed, (sealed.c.run_id == series.c.run_id) & (sealed.c.key == series.c.key))
        .where(series.c.n != found)
        .limit(_SHOWN)
    )
    for uid, key, expected, there in rows:
        yield f"run {uid}: {key!r} has {there} of {expected} points"
