"""Read metric points: a whole series, or a drawing of it in a given number of points."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select, union_all

from autotrack.store.chunks import Points, join, take, unpack
from autotrack.store.schema import metric_chunk, metric_tail

EXACT_CHUNKS = 200
"""Up to this many chunks are read whole for a drawing: finer than their summaries, and still milliseconds."""


def read_history(connection: Connection, run_id: int, key: str) -> Points:
    """Read all points of a series in order of step, those of equal step in order of arrival."""
    sealed = select(metric_chunk.c.seq, metric_chunk.c.data).where(*_of(metric_chunk, run_id, key))
    tail = select(metric_tail.c.seq, metric_tail.c.data).where(*_of(metric_tail, run_id, key))
    # One statement, so that a tail sealed meanwhile is seen either as tail or as chunk.
    blocks = connection.execute(union_all(sealed, tail).order_by("seq")).all()
    return _in_order(join(unpack(data) for _, data in blocks))


def read_downsampled(
    connection: Connection, run_id: int, key: str, points: int, steps: tuple[int, int] | None = None
) -> Points:
    """Read at most `points` points that show a series: its first, its last, and the extremes of each part.

    Args:
        connection: In one transaction.
        run_id: Row of the run.
        key: The metric.
        points: At least 4.
        steps: Only points from the first to the second step, both included.

    Returns:
        Points that were logged, in order of step. The least and the greatest value are among them. NaNs are left out
        unless all points are returned.
    """
    if steps is not None:
        return reduce_points(_read_range(connection, run_id, key, steps), points)
    chunks = connection.scalar(select(func.count()).where(*_of(metric_chunk, run_id, key))) or 0
    coarse = chunks > EXACT_CHUNKS and 2 * chunks > points / 2
    found = _outline(connection, run_id, key) if coarse else read_history(connection, run_id, key)
    return reduce_points(found, points)


def _read_range(connection: Connection, run_id: int, key: str, steps: tuple[int, int]) -> Points:
    """Read the points of a range of steps, which is exact, from the blocks that may hold them."""
    first, last = steps
    c = metric_chunk.c
    within = (c.last_step >= first, c.first_step <= last)
    sealed = select(c.seq, c.data).where(*_of(metric_chunk, run_id, key), *within)
    tail = select(metric_tail.c.seq, metric_tail.c.data).where(*_of(metric_tail, run_id, key))
    found = _in_order(join(unpack(data) for _, data in connection.execute(union_all(sealed, tail).order_by("seq"))))
    return take(found, np.flatnonzero((found.steps >= first) & (found.steps <= last)))


def reduce_points(found: Points, points: int) -> Points:
    """Choose at most `points` of points in order: the first, the last, and the least and greatest of equal parts."""
    if points < 4:
        raise ValueError(f"a series cannot be drawn in {points} points; ask for at least 4")
    n = len(found.steps)
    if n <= points:
        return found
    starts = np.linspace(0, n, (points - 2) // 2, endpoint=False).astype(np.intp)
    chosen = [np.array([0, n - 1])]
    for worst, better in ((np.inf, np.less_equal), (-np.inf, np.greater_equal)):
        values = np.where(np.isnan(found.values), worst, found.values)
        extreme = (np.minimum if better is np.less_equal else np.maximum).reduceat(values, starts)
        parts = np.searchsorted(starts, np.arange(n), side="right") - 1
        hits = np.flatnonzero(values == extreme[parts])
        _, first = np.unique(parts[hits], return_index=True)
        chosen.append(hits[first])
    kept = np.unique(np.concatenate(chosen))
    inner = (kept == 0) | (kept == n - 1) | ~np.isnan(found.values[kept])
    return take(found, kept[inner])


def _outline(connection: Connection, run_id: int, key: str) -> Points:
    """Put together what is known of a long series without reading it: extremes of chunks, both ends, and the tail."""
    c = metric_chunk.c
    here = _of(metric_chunk, run_id, key)
    summaries = connection.execute(
        select(c.min_step, c.min, c.min_time, c.max_step, c.max, c.max_time).where(*here, c.min.is_not(None))
    ).all()
    ends = union_all(
        select(c.data).where(*here, c.first_step == select(func.min(c.first_step)).where(*here).scalar_subquery()),
        select(c.data).where(*here, c.last_step == select(func.max(c.last_step)).where(*here).scalar_subquery()),
        select(metric_tail.c.data).where(*_of(metric_tail, run_id, key)),
    )
    blocks = [unpack(data) for data in connection.scalars(ends)]
    extremes = list(zip(*summaries, strict=True))
    for at in range(0, len(extremes), 3):
        steps, values, times = extremes[at : at + 3]
        blocks.append(Points(np.array(steps, np.int64), np.array(values, np.float64), np.array(times, np.int64)))
    return _in_order(join(blocks))


def _of(table: Any, run_id: int, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.run_id == run_id, table.c.key == key


def _in_order(points: Points) -> Points:
    if (points.steps[1:] >= points.steps[:-1]).all():
        return points
    return take(points, np.argsort(points.steps, kind="stable"))
