"""Runs of a server: made, found and changed.

Two tags are no rows but columns, so that both faces of the store see the same: the run's name and its parent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, insert, select, update

from autotrack import names
from autotrack.errors import ConflictError, RunNotFoundError
from autotrack.identity import new_run_id
from autotrack.records import RUNNING
from autotrack.store.schema import run, tag
from autotrack.store.series import seal_run
from autotrack.store.statements import HotStatement, put
from autotrack.store.tracking.run_reading import VIRTUAL_TAGS, TrackedRun, virtual_tags

SOURCE = "mlflow"
"""What opened a run that came through MLflow's protocol."""


class RunKey(NamedTuple):
    """What a change needs to know of a run."""

    row: int
    experiment_id: int
    deleted: bool


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
    row, experiment_id, deleted_at = found
    if active and deleted_at is not None:
        raise ConflictError(f"run {uid} is deleted; restore it before changing it")
    return RunKey(row, experiment_id, deleted_at is not None)


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
        tags={**kept, **virtual_tags(name, tags.get(names.PARENT_RUN_ID))},
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
