"""Read runs of a server, with what a client of MLflow's protocol wants to know of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, select, type_coerce
from sqlalchemy.types import NullType

from autotrack import names
from autotrack.errors import RunNotFoundError
from autotrack.records import Param
from autotrack.store.columns import decode_text
from autotrack.store.schema import param, run, series, tag

VIRTUAL_TAGS = {names.RUN_NAME: "name", names.PARENT_RUN_ID: "parent_uid"}
"""Tags that are columns of `run`."""

NAN = float("nan")
ROWS: Any = bindparam("rows", expanding=True, literal_execute=True)
"""Rows of runs, written into a statement: small integers of our own have no limit, and a driver takes long for many."""


class LastPoint(NamedTuple):
    """The last point of a metric; NaN is NaN."""

    key: str
    value: float
    time: int
    step: int


class TrackedRun(msgspec.Struct, frozen=True):
    """A run with its current values; times are nanoseconds since the epoch. Its fields begin with `RUN_COLUMNS`.

    Attributes:
        row: Its row in the store.
        artifact_uri: Where clients put its files; None where the server keeps them.
        tags: Those that are columns are among them.
    """

    row: int
    uid: str
    name: str
    experiment_id: int
    parent_uid: str | None
    status: str
    start_time: int
    end_time: int | None
    deleted_at: int | None
    user_id: str | None
    artifact_uri: str | None
    params: list[tuple[str, Param]]
    metrics: list[LastPoint]
    tags: dict[str, str]


RUN_COLUMNS = (
    run.c.id.label("row"),
    *(
        run.c[name]
        for name in (
            "uid",
            "name",
            "experiment_id",
            "parent_uid",
            "status",
            "start_time",
            "end_time",
            "deleted_at",
            "user_id",
            "artifact_uri",
        )
    ),
)


def _values_of(table: Any, *columns: str) -> Select[Any]:
    """Select columns as the driver gives them: a search reads very many, and types convert them one at a time."""
    plain = (type_coerce(table.c[name], NullType()) for name in columns)
    return select(table.c.run_id, *plain).where(table.c.run_id.in_(ROWS))


_PARAMS = _values_of(param, "key", "text", "type", "size", "sha256")
_METRICS = _values_of(series, "key", "last", "last_time", "last_step")
_TAGS = _values_of(tag, "key", "value")
_GET = select(*RUN_COLUMNS).where(run.c.uid == bindparam("uid"))


def get_run(connection: Connection, uid: str, *, with_values: bool = True) -> TrackedRun:
    """Read a run; a deleted one too.

    Args:
        connection: In a transaction.
        uid: Its id.
        with_values: Read parameters, metrics and tags too.

    Raises:
        RunNotFoundError: There is none.
    """
    rows = connection.execute(_GET, {"uid": uid}).all()
    found = read_runs(connection, rows, with_values=with_values)
    if not found:
        raise RunNotFoundError(f"no run {uid!r}")
    return found[0]


def read_runs(connection: Connection, rows: Sequence[Row[Any]], *, with_values: bool = True) -> list[TrackedRun]:
    """Make structs of rows of `RUN_COLUMNS`, in a constant number of queries."""
    wanted = {"rows": [row.row for row in rows]}
    params: dict[int, list[tuple[str, Param]]] = {row.row: [] for row in rows}
    metrics: dict[int, list[LastPoint]] = {row.row: [] for row in rows}
    tags = {row.row: virtual_tags(row.name, row.parent_uid) for row in rows}
    if rows and with_values:
        for run_id, key, text, kind, size, sha256 in _fetch(connection, _PARAMS, wanted):
            params[run_id].append((decode_text(key), Param(decode_text(text), kind, size, sha256)))
        for run_id, key, last, at, step in _fetch(connection, _METRICS, wanted):
            metrics[run_id].append(LastPoint(decode_text(key), NAN if last is None else last, at, step))
        for run_id, key, value in _fetch(connection, _TAGS, wanted):
            tags[run_id][decode_text(key)] = decode_text(value)
    fields: list[tuple[Any, ...]] = [(*row, params[row.row], metrics[row.row], tags[row.row]) for row in rows]
    return [TrackedRun(*values) for values in fields]


def _fetch(connection: Connection, statement: Select[Any], wanted: dict[str, Any]) -> Iterable[Any]:
    """Run a statement; plain tuples of the driver are several times cheaper than rows."""
    result = connection.execute(statement, wanted)
    cursor: Any = result.cursor
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    result.close()
    return rows


def virtual_tags(name: str, parent: str | None) -> dict[str, str]:
    """Return the tags that are columns."""
    return {names.RUN_NAME: name} | ({names.PARENT_RUN_ID: parent} if parent else {})
