"""A few rows stand for an array: enough to know it again after a copy, and to tell what was derived from it.

Nothing here keeps the array: a sample is a copy of at most `SAMPLE` numbers, evenly spaced over the rows.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SAMPLE = 1024
"""Numbers in the sample of a prediction."""
DIGEST_SAMPLE = 4096
"""Numbers that a digest is made from; smaller arrays are digested whole."""


def rows_of(value: Any) -> int | None:
    """Return the number of rows of anything array-like, or None."""
    shape = getattr(value, "shape", None)
    if type(value).__module__.startswith("dask"):  # lazy: looking at it would compute it
        return None
    if isinstance(shape, tuple):
        return int(shape[0]) if shape else None
    return len(value) if isinstance(value, (list, tuple)) or hasattr(value, "iloc") else None


def step_for(size: int, limit: int = SAMPLE) -> int:
    """Return the distance between sampled rows of an array with `size` numbers in all."""
    return -(-size // limit) or 1


def rows_at(value: Any, step: int) -> Array | None:
    """Return every `step`-th row as a numpy array, or None where the value is no array."""
    try:
        if isinstance(value, (list, tuple)):
            return np.asarray(value[::step])
        array = np.asarray(value)
    except (TypeError, ValueError):  # ragged lists, tensors on a GPU
        return None
    return array[::step] if array.ndim else None  # no dimension: a sparse matrix


def digest(value: Any) -> bytes | None:
    """Return a digest of the content; numbers are equal by value, whatever their type and container.

    Arrays of more than 4,096 numbers are digested from an even sample, so that the cost is some 20 microseconds.
    """
    rows = rows_of(value)
    if rows is None:
        return None
    width = value.shape[1] if len(getattr(value, "shape", ())) > 1 else 1
    part = rows_at(value, step_for(rows * width, DIGEST_SAMPLE))
    if part is None or part.ndim == 0:
        return None
    return hashlib.blake2b(_canonical(part), digest_size=16, salt=str(rows).encode()[-16:]).digest()


def _canonical(part: Array) -> bytes:
    if part.dtype.kind == "O":
        part = np.array(part.tolist())
    if part.dtype.kind == "f" and bool((np.isfinite(part) & (part == np.floor(part)) & (abs(part) < 2**53)).all()):
        part = part.astype(np.int64)
    if part.dtype.kind in "biu":
        return part.astype(np.int64).tobytes()
    if part.dtype.kind == "f":
        return part.astype(np.float64).tobytes()
    return "\0".join(map(str, part.ravel().tolist())).encode("utf-8", "backslashreplace")


def same_values(one: Array, other: Array) -> bool:
    """Say whether two arrays hold the same values, whatever their types."""
    if one.shape != other.shape or (one.dtype.kind in "biufc") != (other.dtype.kind in "biufc"):
        return False
    return bool(np.all(one == other))


def column_of(table: Array, values: Array) -> int | None:
    """Return which column of `table`, shape (n, k), holds `values`, shape (n,); the last one if several do."""
    if table.ndim != 2 or values.shape != table.shape[:1] or values.dtype.kind not in "biuf":
        return None
    equal = np.flatnonzero((table == values[:, None]).all(axis=0))
    return int(equal[-1]) if equal.size else None


def follows(values: Array, predicted: Array, *, scores: bool) -> bool:
    """Say whether `values` could be derived row by row from predictions: thresholded, ranked or renamed.

    Values that are all the same could come from anywhere, and so follow from nothing.

    Args:
        values: Shape (n,).
        predicted: Labels or values, shape (n,); scores, shape (n,) or (n, k).
        scores: Whether `predicted` are scores of classes.
    """
    if values.ndim != 1 or len(values) != len(predicted):
        return False
    codes = _codes(values)
    if codes.max(initial=0) == 0:
        return False
    if predicted.ndim == 2 and predicted.shape[1] > 2:
        return scores and _is_function(codes, predicted.argmax(axis=1))
    column = predicted[:, -1] if predicted.ndim == 2 else predicted
    if not scores and _is_function(codes, _codes(column)):
        return True
    return column.dtype.kind in "biuf" and _is_monotone(codes, column, ordered=values.dtype.kind in "biuf")


def _codes(values: Array) -> Array:
    plain = values.astype(str) if values.dtype.kind not in "biuf" else values
    codes: Array = np.unique(plain, return_inverse=True)[1].reshape(-1)
    return codes


def _is_function(codes: Array, keys: Array) -> bool:
    """Whether each key has one code; where nearly every key occurs once, that would say nothing."""
    distinct, places = np.unique(keys, return_inverse=True)
    pairs = places.reshape(-1) * (codes.max() + 1) + codes
    return 2 * distinct.size <= keys.size and np.unique(pairs).size == distinct.size


def _is_monotone(codes: Array, scores: Array, *, ordered: bool) -> bool:
    for signed in (codes, -codes):
        in_order = signed[np.lexsort((signed, scores))]
        if bool((np.diff(in_order) >= 0).all()):
            return True
    changes = np.count_nonzero(np.diff(codes[np.lexsort((codes, scores))]))
    return not ordered and 2 * codes.max() <= codes.size and bool(changes == codes.max())
