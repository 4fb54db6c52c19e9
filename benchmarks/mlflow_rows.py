"""Many runs in the database of an MLflow server, copied from one that it has made: over HTTP they take minutes."""

from __future__ import annotations

import uuid
from typing import Any

TABLES = ("runs", "params", "metrics", "latest_metrics", "tags")
RUNS_AT_ONCE = 1000


def copy_runs(database: str, run_id: str, count: int) -> None:
    """Copy a run that `server.fill` has filled, each copy with values of its own, as `fill` gives them.

    Args:
        database: URL for SQLAlchemy.
        run_id: Of the run.
        count: How many copies.
    """
    from sqlalchemy import MetaData, create_engine, select

    engine = create_engine(database)
    known = MetaData()
    known.reflect(engine, only=TABLES)
    with engine.begin() as connection:
        rows: dict[str, list[dict[str, Any]]] = {}
        for name in TABLES:
            found = connection.execute(select(known.tables[name]).where(known.tables[name].c.run_uuid == run_id))
            rows[name] = [dict(row) for row in found.mappings()]
        for start in range(1, count + 1, RUNS_AT_ONCE):
            numbers = {uuid.uuid4().hex: number for number in range(start, min(start + RUNS_AT_ONCE, count + 1))}
            for name in TABLES:
                copies = [
                    copy | _values(name, copy, number) | {"run_uuid": uid}
                    for uid, number in numbers.items()
                    for copy in rows[name]
                ]
                connection.execute(known.tables[name].insert(), copies)
    engine.dispose()


def _values(table: str, row: dict[str, Any], number: int) -> dict[str, Any]:
    """Return what the run of a number has in a row."""
    if table == "runs":
        return {"start_time": row["start_time"] + number}
    if table == "params":
        return {"value": str(number % (int(row["key"][1:]) + 2))}
    if table == "tags":
        return {"value": f"g{number % 7}"} if row["key"] == "group" else {}
    return {"value": number / (int(row["key"][1:]) + 1)}
