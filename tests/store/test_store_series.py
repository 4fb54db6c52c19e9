"""Metric points: all are kept bit for bit and in order, and the summaries tell the truth about them."""

from __future__ import annotations

import itertools
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_fixtures import Writer

from autotrack.backends.sql import SqlBackend
from autotrack.errors import RunNotFoundError
from autotrack.store import Store
from autotrack.store.points import reduce_points

SPECIAL = [math.nan, -math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308]
SPECIAL.append(struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_1234))[0])
_numbers = itertools.count()


def _bits(values: Any) -> list[int]:
    return np.asarray(values, np.float64).view(np.int64).tolist()


@pytest.mark.parametrize("n", [9, 100, 3000])
def test_special_values_survive(backend: SqlBackend, store: Store, n: int) -> None:
    writer = Writer()
    values = list(itertools.islice(itertools.cycle(SPECIAL), n))
    backend.write([writer.started(), *(writer.metrics(step=i, loss=v) for i, v in enumerate(values)), writer.ended()])
    steps, found, times = store.metric_history(writer.run_id, "loss")
    assert steps.tolist() == list(range(n))
    assert _bits(found) == _bits(values)
    assert set(times.tolist()) == {1_500}


@pytest.mark.parametrize("value", SPECIAL)
def test_special_values_survive_as_last_value(backend: SqlBackend, store: Store, value: float) -> None:
    writer = Writer()
    backend.write([writer.started(), writer.metrics(loss=value)])
    last = store.find_run(writer.run_id).metrics["loss"]
    assert math.isnan(last) if math.isnan(value) else _bits(last) == _bits(value)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(-3, 3) | st.integers(-(2**70), 2**70), st.floats(), st.sampled_from("ab")), max_size=8
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_history_and_summary_agree_with_a_plain_list(
    backend: SqlBackend, store: Store, batches: list[list[tuple[int, float, str]]], ended: bool
) -> None:
    writer = Writer(f"{next(_numbers):032x}")
    backend.write([writer.started()])
    logged: list[tuple[int, float, str]] = []
    for batch in batches:
        logged += batch
        if batch:
            backend.write([writer.metrics(step=step, **{key: value}) for step, value, key in batch])
    if ended:
        backend.write([writer.ended()])
    for key in "ab":
        points = [(max(min(s, 2**63 - 1), -(2**63)), v) for s, v, k in logged if k == key]
        _check(store, writer.run_id, key, sorted(points, key=lambda point: point[0]))


def _check(store: Store, run_id: str, key: str, expected: list[tuple[int, float]]) -> None:
    steps, values, _ = store.metric_history(run_id, key)
    assert steps.tolist() == [step for step, _ in expected]
    assert _bits(values) == _bits([value for _, value in expected])
    summary = store.metric_summaries(run_id).get(key)
    if not expected:
        assert summary is None
        return
    numbers = [value for _, value in expected if not math.isnan(value)]
    assert (summary.count, summary.nans) == (len(expected), len(expected) - len(numbers))
    assert (summary.first_step, summary.last_step) == (expected[0][0], expected[-1][0])
    assert _bits(summary.last) == _bits(expected[-1][1]) or math.isnan(summary.last)
    assert (summary.min, summary.max) == (min(numbers, default=None), max(numbers, default=None))
    if numbers:
        assert (summary.min_step, summary.min) in [(s, v) for s, v in expected if not math.isnan(v)]


def test_out_of_order_points_over_many_chunks(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    generator = np.random.default_rng(0)
    steps = generator.integers(-500, 500, 5_000).tolist()
    records = [writer.started(), *(writer.metrics(step=s, time=i, loss=float(i)) for i, s in enumerate(steps))]
    for at in range(0, len(records), 700):
        backend.write(records[at : at + 700])
    found = store.metric_history(writer.run_id, "loss")
    order = np.argsort(steps, kind="stable")
    assert found.values.tolist() == order.tolist()
    assert found.times.tolist() == order.tolist()
    assert store.check() == []


def _blocks(store: Store, table: str) -> list[int]:
    with store._engine.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql(f"SELECT seq FROM {table} ORDER BY seq")]


def test_tails_are_sealed_at_1024_points_and_at_the_end(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started(), *(writer.metrics(step=i, loss=0.5) for i in range(1_000))])
    assert (_blocks(store, "metric_tail"), _blocks(store, "metric_chunk")) == ([1_000], [])
    backend.write([writer.metrics(step=i, loss=0.5) for i in range(1_100)])
    assert (_blocks(store, "metric_tail"), _blocks(store, "metric_chunk")) == ([2_100], [1_024, 2_048])
    backend.write([writer.metrics(step=i, loss=0.5) for i in range(20)])
    backend.write([writer.ended()])
    assert (_blocks(store, "metric_tail"), _blocks(store, "metric_chunk")) == ([], [1_024, 2_048, 2_120])
    backend.write([writer.metrics(step=5, loss=0.5)])
    assert len(store.metric_history(writer.run_id, "loss").steps) == 2_121


def test_short_tails_of_finished_runs_stay(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started(), *(writer.metrics(step=i, loss=0.5) for i in range(64)), writer.ended()])
    assert (_blocks(store, "metric_tail"), _blocks(store, "metric_chunk")) == ([64], [])


@pytest.mark.parametrize("n", [10, 3_000, 300_000])
def test_downsampling_keeps_extremes_and_ends(backend: SqlBackend, store: Store, n: int) -> None:
    writer = Writer()
    values = np.random.default_rng(1).normal(size=n)
    values[n // 3], values[n // 2] = -50.0, 60.0
    values[n // 5] = math.nan
    backend.write([writer.started()])
    backend.write([writer.metrics(step=i, time=10 * i, loss=v) for i, v in enumerate(values.tolist())])
    drawn = store.downsample(writer.run_id, "loss", 500)
    assert len(drawn.steps) == n if n <= 500 else 250 < len(drawn.steps) <= 500
    assert {-50.0, 60.0} <= set(drawn.values.tolist())
    assert (drawn.steps[0], drawn.steps[-1]) == (0, n - 1)
    assert (np.diff(drawn.steps) > 0).all()
    assert (drawn.times == 10 * drawn.steps).all()
    assert _bits(values[drawn.steps]) == _bits(drawn.values)


def test_downsampling_nothing_but_nan(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started(), *(writer.metrics(step=i, loss=math.nan) for i in range(5_000))])
    assert store.downsample(writer.run_id, "loss", 100).steps.tolist() == [0, 4_999]
    assert math.isnan(store.metric_summaries(writer.run_id)["loss"].mean)


def test_downsampling_to_too_few_points() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        reduce_points(None, 3)  # type: ignore[arg-type]


def test_missing_series_and_runs(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started()])
    assert [len(column) for column in store.metric_history(writer.run_id, "no")] == [0, 0, 0]
    assert len(store.downsample(writer.run_id, "no").steps) == 0
    with pytest.raises(RunNotFoundError):
        store.metric_history("none", "loss")
