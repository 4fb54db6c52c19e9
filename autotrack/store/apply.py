"""What each record does to the store. All records of a batch are applied in one transaction, each exactly once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch

from msgspec.structs import asdict
from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, select, update

from autotrack.records import (
    RUNNING,
    AnyRecord,
    ArtifactLogged,
    DatasetLogged,
    EvaluationLogged,
    MetricsLogged,
    ModelLogged,
    NoteLogged,
    Param,
    ParamsLogged,
    Record,
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.store import schema
from autotrack.store.columns import bounded_key, encode_text
from autotrack.store.series import Gathered, gather, seal_run, write_points
from autotrack.store.statements import HotStatement, add_missing, put

DEFAULT_EXPERIMENT = "default"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_BOOLEANS = {"true": 1.0, "false": 0.0}
_NAME = bindparam("name", type_=Text)
_get_last_seq = HotStatement(
    lambda _: select(schema.writer.c.seq).where(schema.writer.c.name == _NAME).with_for_update()
)
_set_last_seq = HotStatement(
    lambda _: update(schema.writer).where(schema.writer.c.name == _NAME).values(seq=bindparam("seq", type_=BigInteger))
)
_get_run_id = HotStatement(lambda _: select(schema.run.c.id).where(schema.run.c.uid == bindparam("uid", type_=Text)))
_TABLES = {
    ArtifactLogged: schema.artifact,
    DatasetLogged: schema.dataset,
    EvaluationLogged: schema.evaluation,
    ModelLogged: schema.model,
    NoteLogged: schema.note,
}


@dataclass
class Batch:
    """A batch on its way into the store.

    Attributes:
        connection: Its transaction.
        run_ids: Row of each run by the run's id.
        points: Metric points seen so far.
        ended: Rows of the runs that ended.
    """

    connection: Connection
    run_ids: dict[str, int]
    points: Gathered = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)


def apply_records(connection: Connection, records: Sequence[AnyRecord]) -> None:
    """Bring the store to the state after these records.

    Records of a named writer that the store has already seen are skipped, so a batch may be offered again. A record of
    a run whose start is unknown creates the run, so that nothing is lost.

    Args:
        connection: In a transaction, which the caller commits.
        records: In order.
    """
    fresh = _not_seen_yet(connection, records)
    if not fresh:
        return
    batch = Batch(connection, _run_rows(connection, fresh))
    for record in fresh:
        if isinstance(record, MetricsLogged):
            gather(batch.points, batch.run_ids[record.run_id], record)
        else:
            _apply(record, batch)
    write_points(connection, batch.points)
    for run_id in sorted(batch.ended):
        seal_run(connection, run_id)


def as_number(param: Param) -> float | None:
    """Give the number by which a parameter is compared and sorted, or None where it is none."""
    if param.type == "bool":
        return _BOOLEANS.get(param.text.lower())
    if param.type in {"int", "float", "str"} and len(param.text) <= 400 and _NUMBER.fullmatch(param.text):
        return float(param.text)
    return None


def _not_seen_yet(connection: Connection, records: Sequence[AnyRecord]) -> list[AnyRecord]:
    names = {record.writer: encode_text(bounded_key(record.writer)) for record in records if record.writer}
    last = {name: _last_seq(connection, names[name]) for name in sorted(names)}
    before = dict(last)
    fresh = []
    for record in records:
        if record.writer:
            if record.seq <= last[record.writer]:
                continue
            last[record.writer] = record.seq
        fresh.append(record)
    for name, stored in names.items():
        if last[name] > before[name]:
            _set_last_seq(connection, {"name": stored, "seq": last[name]})
    return fresh


def _last_seq(connection: Connection, name: str) -> int:
    found = _get_last_seq(connection, {"name": name}).scalar()
    if found is None:
        add_missing(connection, schema.writer, [{"name": name, "seq": -1}])
        found = _get_last_seq(connection, {"name": name}).scalar_one()
    return int(found)


def _run_rows(connection: Connection, records: Sequence[AnyRecord]) -> dict[str, int]:
    """Find the rows of all runs in a batch, making up those that are not there; `RunStarted` fills them in."""
    run_ids: dict[str, int] = {}
    for record in records:
        if record.run_id not in run_ids:
            run_ids[record.run_id] = _find_run(connection, record.run_id) or _make_up_run(connection, record)
    return run_ids


def _find_run(connection: Connection, uid: str) -> int | None:
    return _get_run_id(connection, {"uid": encode_text(bounded_key(uid))}).scalar()


def _make_up_run(connection: Connection, record: Record) -> int:
    uid = record.run_id
    row = {"uid": uid, "name": uid[:8], "status": RUNNING, "start_time": record.time}
    row["experiment_id"] = _experiment_id(connection, DEFAULT_EXPERIMENT)
    add_missing(connection, schema.run, [row])
    run_id = _find_run(connection, uid)
    if run_id is None:
        raise LookupError(f"run {uid} vanished while it was written")
    return run_id


def _experiment_id(connection: Connection, name: str) -> int:
    same = select(schema.experiment.c.id).where(schema.experiment.c.name == name)
    found = connection.scalar(same)
    if found is None:
        add_missing(connection, schema.experiment, [{"name": name}])
        found = connection.scalars(same).one()
    return int(found)


@singledispatch
def _apply(record: Record, batch: Batch) -> None:
    """Put a record that is one row of its own table, whose columns are named like the record's fields."""
    _put_row(record, batch)


def _put_row(record: Record, batch: Batch) -> None:
    table = _TABLES[type(record)]
    named = [name for name in record.__struct_fields__ if name in table.columns and name != "run_id"]
    row = {name: getattr(record, name) for name in named}
    put(batch.connection, table, [{"run_id": batch.run_ids[record.run_id], **row}])


@_apply.register
def _(record: ModelLogged, batch: Batch) -> None:
    _put_row(record, batch)
    if record.files:
        artifact = schema.artifact
        below = artifact.c.path.startswith(f"{record.name}/", autoescape=True)
        left = [f"{record.name}/{path}" for path in record.files]
        here = artifact.c.run_id == batch.run_ids[record.run_id]
        batch.connection.execute(delete(artifact).where(here, below, artifact.c.path.not_in(left)))


@_apply.register
def _(record: RunStarted, batch: Batch) -> None:
    run, run_id = schema.run, batch.run_ids[record.run_id]
    batch.connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.source.is_(None))
        .values(
            name=record.name,
            experiment_id=_experiment_id(batch.connection, record.experiment),
            parent_uid=record.parent_id,
            source=record.source,
            start_time=record.time,
        )
    )
    if record.resumed:
        again = update(run).where(run.c.id == run_id).values(status=RUNNING, end_time=None, error=None)
        batch.connection.execute(again)
    _set_tags(batch, run_id, dict(record.tags))


@_apply.register
def _(record: RunEnded, batch: Batch) -> None:
    run_id = batch.run_ids[record.run_id]
    values = {"status": record.status, "error": record.error, "end_time": record.time}
    batch.connection.execute(update(schema.run).where(schema.run.c.id == run_id).values(values))
    batch.ended.add(run_id)


@_apply.register
def _(record: ParamsLogged, batch: Batch) -> None:
    run_id = batch.run_ids[record.run_id]
    rows = [
        {"run_id": run_id, "key": key, "num": as_number(param), **asdict(param)} for key, param in record.params.items()
    ]
    put(batch.connection, schema.param, rows)


@_apply.register
def _(record: TagsSet, batch: Batch) -> None:
    _set_tags(batch, batch.run_ids[record.run_id], record.tags)


def _set_tags(batch: Batch, run_id: int, tags: dict[str, str | None]) -> None:
    kept = [{"run_id": run_id, "key": key, "value": value} for key, value in tags.items() if value is not None]
    put(batch.connection, schema.tag, kept)
    gone = [key for key, value in tags.items() if value is None]
    if gone:
        batch.connection.execute(delete(schema.tag).where(schema.tag.c.run_id == run_id, schema.tag.c.key.in_(gone)))
