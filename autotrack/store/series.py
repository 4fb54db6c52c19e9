"""Write metric points: gather those of a batch, keep the summary of each series, seal full tails into chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from autotrack.records import MetricsLogged
from autotrack.store.chunks import Points, join, pack_raw, seal, take, unpack
from autotrack.store.columns import bounded_key, encode_text
from autotrack.store.schema import POINTS_PER_CHUNK
from autotrack.store.series_sql import (
    add_chunk,
    append_to_tail,
    clear_tail,
    full_series,
    merge_summary,
    read_tail,
    set_tail,
    unsealed_series,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

STEPS = (-(2**63), 2**63 - 1)
"""Steps beyond these are stored as these."""

Block: TypeAlias = tuple[list[int], list[float], list[int]]
"""Steps, values and times of new points of one series, in order of arrival."""

Gathered: TypeAlias = dict[int, dict[str, Block]]
"""Blocks by run and key."""


def gather(points: Gathered, run_id: int, record: MetricsLogged) -> None:
    """Add the points of a record."""
    blocks = points.setdefault(run_id, {})
    step = min(max(record.step, STEPS[0]), STEPS[1])
    time = record.time
    for key, value in record.metrics.items():
        block = blocks.get(key)
        if block is None:
            block = blocks[key] = ([], [], [])
        block[0].append(step)
        block[1].append(value)
        block[2].append(time)


def write_points(connection: Connection, points: Gathered) -> None:
    """Store what was gathered: summaries first, since the place of a block in its series follows from its count."""
    rows = [
        _summarise(run_id, key, *blocks[key])
        for run_id, blocks in sorted(points.items())
        for key in sorted(blocks)  # in one order everywhere, or two writers of one run could lock each other out
    ]
    if not rows:
        return
    merge_summary(connection, rows)
    append_to_tail(connection, [{name: row[name] for name in ("run_id", "key", "data")} for row in rows])
    for run_id in sorted(points):
        for (key,) in full_series(connection, {"run_id": run_id}).fetchall():
            _seal_tail(connection, run_id, key, least=POINTS_PER_CHUNK)


def seal_run(connection: Connection, run_id: int) -> None:
    """Seal what is left of a run that has ended."""
    for (key,) in unsealed_series(connection, {"run_id": run_id}).fetchall():
        _seal_tail(connection, run_id, key, least=1)


def _summarise(run_id: int, key: str, steps: list[int], values: list[float], times: list[int]) -> dict[str, Any]:
    numbers = [value for value in values if value == value]  # noqa: PLR0124 - NaN differs from itself
    least, most = (min(numbers), max(numbers)) if numbers else (None, None)
    n, last_step = len(steps), max(steps)
    at = n - 1 - steps[::-1].index(last_step)
    last, total = values[at], sum(numbers, 0.0)
    return {
        "run_id": run_id,
        "key": encode_text(bounded_key(key)),
        "n": n,
        "nans": n - len(numbers),
        "tail": n,
        "first_step": min(steps),
        "last_step": last_step,
        "last_time": times[at],
        "last": _storable(last),
        "min": least,
        "min_step": None if least is None else steps[values.index(least)],
        "max": most,
        "max_step": None if most is None else steps[values.index(most)],
        "sum": _storable(total),
        "data": pack_raw(steps, values, times),
    }


def _storable(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124


def _seal_tail(connection: Connection, run_id: int, key: str, least: int) -> None:
    """Turn a tail into chunks and keep as tail what is less than `least` points."""
    series_of = {"run_id": run_id, "key": key}
    blocks = read_tail(connection, series_of).fetchall()
    points = join(unpack(data) for _, data in blocks)
    n, end = len(points.steps), blocks[-1][0]
    kept = n % POINTS_PER_CHUNK if n % POINTS_PER_CHUNK < least else 0
    clear_tail(connection, series_of)
    sealed = take(points, slice(n - kept))
    add_chunk(connection, [{**series_of, **chunk} for chunk in _chunks(sealed, end - n)])
    set_tail(connection, {**series_of, "kept": kept})
    if kept:
        rest = pack_raw(*(column[n - kept :].tolist() for column in points))
        append_to_tail(connection, {**series_of, "data": rest})


def _chunks(points: Points, before: int) -> Iterable[dict[str, Any]]:
    for start in range(0, len(points.steps), POINTS_PER_CHUNK):
        part = take(points, slice(start, start + POINTS_PER_CHUNK))
        n = len(part.steps)
        row: dict[str, Any] = {"seq": before + start + n, "n": n, "data": seal(part)}
        row |= {"first_step": int(part.steps.min()), "last_step": int(part.steps.max())}
        yield row | _extremes(part)


def _extremes(points: Points) -> dict[str, Any]:
    numbers = np.flatnonzero(~np.isnan(points.values))
    row: dict[str, Any] = dict.fromkeys(("min", "min_step", "min_time", "max", "max_step", "max_time"))
    with np.errstate(all="ignore"):
        row["sum"] = _storable(float(points.values[numbers].sum()))
    if numbers.size:
        for name, find in (("min", np.argmin), ("max", np.argmax)):
            at = numbers[find(points.values[numbers])]
            row[name] = float(points.values[at])
            row[f"{name}_step"], row[f"{name}_time"] = int(points.steps[at]), int(points.times[at])
    return row
