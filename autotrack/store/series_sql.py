"""The statements that write metric points; see `series.py` for what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from autotrack.store.schema import POINTS_PER_CHUNK, metric_chunk, metric_tail, series
from autotrack.store.statements import HotStatement, insert_for

if TYPE_CHECKING:
    from sqlalchemy.sql import ClauseElement, ColumnElement

FEW_POINTS = 64
"""A tail of a finished run is sealed above this size; below, a chunk would save nothing."""

_RUN_ID = bindparam("run_id", type_=BigInteger)
_KEY = bindparam("key", type_=Text)
_SERIES = and_(series.c.run_id == _RUN_ID, series.c.key == _KEY)
_TAIL = and_(metric_tail.c.run_id == _RUN_ID, metric_tail.c.key == _KEY)


def _merge(dialect: str) -> ClauseElement:
    row = insert_for(dialect)(series)
    new = row.excluded

    def pick(better: ColumnElement[bool], *names: str) -> dict[str, ColumnElement[Any]]:
        return {name: case((better, new[name]), else_=series.c[name]) for name in names}

    return row.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["run_id", "key"],
        set_={
            **{name: series.c[name] + new[name] for name in ("n", "nans", "tail", "sum")},
            **pick(new.first_step < series.c.first_step, "first_step"),
            **pick(new.last_step >= series.c.last_step, "last_step", "last_time", "last"),
            **pick(or_(series.c.min.is_(None), new.min < series.c.min), "min", "min_step"),
            **pick(or_(series.c.max.is_(None), new.max > series.c.max), "max", "max_step"),
        },
    )


def _append(_: str) -> ClauseElement:
    place = select(series.c.n).where(_SERIES).scalar_subquery()
    return insert(metric_tail).values(run_id=_RUN_ID, key=_KEY, seq=place, data=bindparam("data", type_=LargeBinary))


merge_summary = HotStatement(_merge)
append_to_tail = HotStatement(_append)
full_series = HotStatement(
    lambda _: select(series.c.key).where(
        series.c.run_id == _RUN_ID, literal_column("tail") >= literal_column(str(POINTS_PER_CHUNK))
    )
)
unsealed_series = HotStatement(
    lambda _: select(series.c.key).where(series.c.run_id == _RUN_ID, series.c.tail > literal_column(str(FEW_POINTS)))
)
read_tail = HotStatement(
    lambda _: select(metric_tail.c.seq, metric_tail.c.data).where(_TAIL).order_by(metric_tail.c.seq)
)
clear_tail = HotStatement(lambda _: delete(metric_tail).where(_TAIL))
set_tail = HotStatement(lambda _: update(series).where(_SERIES).values(tail=bindparam("kept", type_=BigInteger)))
add_chunk = HotStatement(
    lambda _: insert(metric_chunk).values(
        {
            column.name: bindparam(column.name, type_=column.type)
            for column in metric_chunk.columns
            if column.name != "id"
        }
    )
)
