"""Runs of a server: made, changed and read, with what a client of MLflow's protocol wants to know of them.

Two tags are no rows but columns, so that both faces of the store see the same: the run's name and its parent.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, Row, Select, Text, bindparam, delete, insert, select, type_coerce, update
from sqlalchemy.types import NullType

from autotrack import names
from autotrack.errors import ConflictError, RunNotFoundError
from autotrack.identity import new_run_id
from autotrack.records import RUNNING, Param
from autotrack.store.columns import decode_text
from autotrack.store.schema import param, run, series, tag
from autotrack.store.series import seal_run
from autotrack.store.statements import HotStatement, put

SOURCE = "mlflow"
"""What opened a run that came through MLflow's protocol."""

VIRTUAL_TAGS = {names.RUN_NAME: "name", names.PARENT_RUN_ID: "parent_uid"}
"""Tags that are columns of `run`."""

NAN = float("nan")
_IDS: Any = bindparam("ids", expanding=True, literal_execute=True)  # small integers of our own: no limit


class RunKey(NamedTuple):
    """What a change needs to know of a run."""

    row: int
    experiment_id: int
    deleted: bool


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
    return select(table.c.run_id, *plain).where(table.c.run_id.in_(_IDS))


_PARAMS = _values_of(param, "key", "text", "type", "size", "sha256")
_METRICS = _values_of(series, "key", "last", "last_time", "last_step")
_TAGS = _values_of(tag, "key", "value")
_GET = select(*RUN_COLUMNS).where(run.c.uid == bindparam("uid"))
_BY_UID = select(run.c.id, run.c.experiment_id, run.c.deleted_at).where(run.c.uid == bindparam("uid", type_=Text))
_NEW = (
    "uid",
    "name",
    "experiment_id",
    "parent_uid",
    "status",
    "source",
    "start_time",
    "user_id",
    "artifact_uri",
)
_INSERT = HotStatement(
    lambda _: insert(run).values({name: bindparam(name, type_=run.c[name].type) for name in _NEW}).returning(run.c.id),
    {name: run.c[name].type for name in _NEW},
)
_FIND = HotStatement(lambda _: _BY_UID, {"uid": run.c.uid.type})
_FIND_AND_LOCK = HotStatement(lambda _: _BY_UID.with_for_update(), {"uid": run.c.uid.type})


def find_run(connection: Connection, uid: str, *, active: bool = False, lock: bool = False) -> RunKey:
    """Find the row of a run.

    Args:
        connection: In a transaction.
        uid: Its id.
        active: Refuse a deleted one.
        lock: Let nobody else change it until the transaction ends.

    Raises:
        RunNotFoundError: There is none.
        ConflictError: It is deleted.
    """
    found = (_FIND_AND_LOCK if lock else _FIND)(connection, {"uid": uid}).first()
    if found is None:
        raise RunNotFoundError(f"no run {uid!r}")
    if active and found.deleted_at is not None:
        raise ConflictError(f"run {uid} is deleted; restore it before changing it")
    return RunKey(found.id, found.experiment_id, found.deleted_at is not None)


def create_run(
    connection: Connection,
    experiment_id: int,
    *,
    name: str,
    start_time: int,
    user_id: str | None,
    artifact_location: str | None,
    tags: Mapping[str, str],
) -> TrackedRun:
    """Make a run and return it."""
    uid = new_run_id()
    artifact_uri = f"{artifact_location.rstrip('/')}/{uid}/artifacts" if artifact_location else None
    row = {
        "uid": uid,
        "name": name,
        "experiment_id": experiment_id,
        "parent_uid": tags.get(names.PARENT_RUN_ID),
        "status": RUNNING,
        "source": SOURCE,
        "start_time": start_time,
        "user_id": user_id,
        "artifact_uri": artifact_uri,
    }
    row_id = int(_INSERT(connection, row).scalar_one())
    kept = {key: value for key, value in tags.items() if key not in VIRTUAL_TAGS}
    put(connection, tag, [{"run_id": row_id, "key": key, "value": value} for key, value in kept.items()])
    del row["source"]
    return TrackedRun(
        row=row_id,
        end_time=None,
        deleted_at=None,
        params=[],
        metrics=[],
        tags={**kept, **_virtual_tags(name, tags.get(names.PARENT_RUN_ID))},
        **row,  # type: ignore[arg-type]
    )


def change_run(connection: Connection, row: int, **values: Any) -> None:
    """Set columns of a run; one that ends is sealed."""
    if values:
        _changing(tuple(values))(connection, {**values, "row": row})
    if values.get("status", RUNNING) != RUNNING:
        seal_run(connection, row)


@lru_cache
def _changing(names: tuple[str, ...]) -> HotStatement:
    types = {name: run.c[name].type for name in names}
    values = {name: bindparam(name, type_=kind) for name, kind in types.items()}
    changed = update(run).where(run.c.id == bindparam("row", type_=BigInteger)).values(values)
    return HotStatement(lambda _: changed, types)


def set_deleted(connection: Connection, uid: str, *, deleted: bool) -> None:
    """Delete a run or restore it; one that is in that state stays in it.

    Raises:
        RunNotFoundError: There is no such run.
    """
    found = find_run(connection, uid)
    if found.deleted != deleted:
        change_run(connection, found.row, deleted_at=time.time_ns() if deleted else None)


def set_tags(connection: Connection, row: int, tags: Mapping[str, str]) -> None:
    """Set tags of a run; those that are columns change these."""
    columns = {VIRTUAL_TAGS[key]: value for key, value in tags.items() if key in VIRTUAL_TAGS}
    change_run(connection, row, **columns)
    kept = [{"run_id": row, "key": key, "value": value} for key, value in tags.items() if key not in VIRTUAL_TAGS]
    put(connection, tag, kept)


def delete_tag(connection: Connection, row: int, key: str) -> bool:
    """Remove a tag of a run, and say whether there was one. Its name stays."""
    if key == names.PARENT_RUN_ID:
        here = (run.c.id == row, run.c.parent_uid.is_not(None))
        return bool(connection.execute(update(run).where(*here).values(parent_uid=None)).rowcount)
    return bool(connection.execute(delete(tag).where(tag.c.run_id == row, tag.c.key == key)).rowcount)


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
    ids = {"ids": [row.row for row in rows]}
    params: dict[int, list[tuple[str, Param]]] = {row.row: [] for row in rows}
    metrics: dict[int, list[LastPoint]] = {row.row: [] for row in rows}
    tags = {row.row: _virtual_tags(row.name, row.parent_uid) for row in rows}
    if rows and with_values:
        for run_id, key, text, kind, size, sha256 in _fetch(connection, _PARAMS, ids):
            params[run_id].append((decode_text(key), Param(decode_text(text), kind, size, sha256)))
        for run_id, key, last, at, step in _fetch(connection, _METRICS, ids):
            metrics[run_id].append(LastPoint(decode_text(key), NAN if last is None else last, at, step))
        for run_id, key, value in _fetch(connection, _TAGS, ids):
            tags[run_id][decode_text(key)] = decode_text(value)
    fields: list[tuple[Any, ...]] = [(*row, params[row.row], metrics[row.row], tags[row.row]) for row in rows]
    return [TrackedRun(*values) for values in fields]


def _fetch(connection: Connection, statement: Select[Any], ids: dict[str, Any]) -> Iterable[Any]:
    """Run a statement; plain tuples of the driver are several times cheaper than rows."""
    result = connection.execute(statement, ids)
    cursor: Any = result.cursor
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    result.close()
    return rows


def _virtual_tags(name: str, parent: str | None) -> dict[str, str]:
    return {names.RUN_NAME: name} | ({names.PARENT_RUN_ID: parent} if parent else {})
