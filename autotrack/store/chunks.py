"""The codec of metric points: a block of (step, time, value) as bytes, bit for bit.

A block is either raw (three columns of 8-byte numbers, written without numpy as points arrive) or sealed. A sealed
block spends bytes only where a column varies: integers are stored as differences from a straight line in the narrowest
width that holds them (steps 0, 1, 2, ... take none), values as 32-bit floats where that loses nothing. Measured against
zlib over shuffled differences this is as small on real series, and several times faster both ways.

Sealed layout, little-endian: `B` kind, `I` number of points, then for steps and times `q` first, `q` smallest
difference, `B` width and the differences less the smallest; then `B` width of a value and the values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_RAW, _SEALED = 0, 1
_HEAD = struct.Struct("<BI")
_LINE = struct.Struct("<qqB")
_UNSIGNED = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<u8"}
_FLOATS = {4: "<f4", 8: "<f8"}


class Points(NamedTuple):
    """Points of one series.

    Attributes:
        steps: int64.
        values: float64, the same bits that were logged.
        times: int64, nanoseconds since the epoch.
    """

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    times: npt.NDArray[np.int64]


def take(points: Points, index: slice | npt.NDArray[np.intp]) -> Points:
    """Take the same points out of all three columns."""
    return Points(points.steps[index], points.values[index], points.times[index])


def pack_raw(steps: Sequence[int], values: Sequence[float], times: Sequence[int]) -> bytes:
    """Pack points as they arrive."""
    n = len(steps)
    return struct.pack(f"<BI{n}q{n}q{n}d", _RAW, n, *steps, *times, *values)


def seal(points: Points) -> bytes:
    """Pack at least one point in little space."""
    head = _HEAD.pack(_SEALED, len(points.steps))
    return b"".join((head, _pack_integers(points.steps), _pack_integers(points.times), _pack_values(points.values)))


def unpack(data: bytes) -> Points:
    """Read a block of either kind."""
    kind, n = _HEAD.unpack_from(data)
    if kind == _RAW:
        steps, times = np.frombuffer(data, "<i8", 2 * n, _HEAD.size).reshape(2, n)
        return Points(steps, np.frombuffer(data, "<f8", n, _HEAD.size + 16 * n), times)
    if kind != _SEALED:
        raise ValueError(f"block of metric points has unknown kind {kind}")
    steps, at = _unpack_integers(data, _HEAD.size, n)
    times, at = _unpack_integers(data, at, n)
    return Points(steps, _unpack_values(data, at, n), times)


def join(blocks: Iterable[Points]) -> Points:
    """Put blocks one after another."""
    columns = list(zip(*blocks, strict=True))
    if not columns:
        return Points(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int64))
    steps, values, times = (np.concatenate(column) for column in columns)
    return Points(steps, values, times)


def _pack_integers(column: npt.NDArray[np.int64]) -> bytes:
    differences = np.diff(column)  # wraps around like the cumulative sum that undoes it, so no range is too large
    least = differences.min() if differences.size else np.int64(0)
    rest = (differences - least).view(np.uint64)
    top = int(rest.max()) if rest.size else 0
    width = next(width for width in (0, 1, 2, 4, 8) if top < 1 << 8 * width)
    packed = rest.astype(_UNSIGNED[width]).tobytes() if width else b""
    return _LINE.pack(int(column[0]), int(least), width) + packed


def _unpack_integers(data: bytes, at: int, n: int) -> tuple[npt.NDArray[np.int64], int]:
    first, least, width = _LINE.unpack_from(data, at)
    at += _LINE.size
    column = np.empty(n, np.int64)
    column[0] = first
    column[1:] = least
    if width:
        column[1:] += np.frombuffer(data, _UNSIGNED[width], n - 1, at).astype(np.int64)
    return np.cumsum(column, out=column), at + width * (n - 1)


def _pack_values(values: npt.NDArray[np.float64]) -> bytes:
    with np.errstate(all="ignore"):
        narrow = values.astype("<f4")
        # Compared as bits: NaN equals itself only so, and converting may change the payload of one.
        exact = np.array_equal(narrow.astype(np.float64).view(np.int64), values.view(np.int64))
    return b"\x04" + narrow.tobytes() if exact else b"\x08" + values.astype("<f8", copy=False).tobytes()


def _unpack_values(data: bytes, at: int, n: int) -> npt.NDArray[np.float64]:
    return np.frombuffer(data, _FLOATS[data[at]], n, at + 1).astype(np.float64)
