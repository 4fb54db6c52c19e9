"""The codec of metric points keeps every bit, in little space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.store.chunks import Points, join, pack_raw, seal, take, unpack

INT64 = st.integers(-(2**63), 2**63 - 1)
BITS = st.integers(0, 2**64 - 1)


def _points(steps: list[int], bits: list[int], times: list[int]) -> Points:
    return Points(np.array(steps, np.int64), np.array(bits, np.uint64).view(np.float64), np.array(times, np.int64))


def _same(left: Points, right: Points) -> bool:
    return all(np.array_equal(a.view(np.int64), b.view(np.int64)) for a, b in zip(left, right, strict=True))


@given(st.lists(st.tuples(INT64, BITS, INT64), min_size=1, max_size=50))
def test_sealed_points_come_back_bit_for_bit(rows: list[tuple[int, int, int]]) -> None:
    points = _points(*map(list, zip(*rows, strict=True)))
    assert _same(unpack(seal(points)), points)


@given(st.lists(st.tuples(INT64, st.floats(), INT64), min_size=1, max_size=50))
def test_raw_points_come_back_bit_for_bit(rows: list[tuple[int, float, int]]) -> None:
    steps, values, times = map(list, zip(*rows, strict=True))
    expected = Points(np.array(steps, np.int64), np.array(values, np.float64), np.array(times, np.int64))
    assert _same(unpack(pack_raw(steps, values, times)), expected)


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_narrow_values_come_back_bit_for_bit(values: list[float]) -> None:
    n = len(values)
    points = Points(np.arange(n), np.array(values, np.float64), np.zeros(n, np.int64))
    assert _same(unpack(seal(points)), points)


def test_regular_steps_take_no_space() -> None:
    n = 1024
    points = Points(np.arange(0, 10 * n, 10), np.zeros(n), np.full(n, 5))
    assert len(seal(points)) < 4 * n + 64


def test_a_typical_chunk_is_small() -> None:
    generator = np.random.default_rng(0)
    n = 1024
    times = np.cumsum(generator.integers(9_000_000, 11_000_000, n))
    assert len(seal(Points(np.arange(n), generator.random(n), times))) < 13 * n


def test_unknown_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind 7"):
        unpack(b"\x07\x01\x00\x00\x00")


def test_join_and_take() -> None:
    assert len(join([]).steps) == 0
    points = join([_points([1, 2], [0, 1], [5, 6]), _points([3], [2], [7])])
    assert take(points, slice(1, None)).steps.tolist() == [2, 3]
