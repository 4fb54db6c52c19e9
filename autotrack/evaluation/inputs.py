"""Whatever a user or a library calls an array becomes a numpy array here, without importing its package.

numpy, pandas (nullable and categorical types too), polars, pyarrow, scipy sparse matrices, torch tensors on the CPU and
lists are read. Iterators are refused: reading one would use up the caller's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autotrack.errors import EvaluationError

Array = npt.NDArray[Any]

_PLAIN_KINDS = "biufSU"


class Data(NamedTuple):
    """What is evaluated, n rows of each.

    Attributes:
        true: Truth, shape (n,) or (n, m), or a sparse indicator.
        pred: Predictions in the same form, or None.
        score: Scores, shape (n,) or (n, k), or None.
        weights: Sample weights, shape (n,), or None.
    """

    true: Any
    pred: Any
    score: Array | None
    weights: npt.NDArray[np.float64] | None


class Limits(NamedTuple):
    """What an evaluation may cost.

    Attributes:
        deadline: Moment of `time.perf_counter` after which no further class is ranked.
        points: Largest number of points of a curve.
    """

    deadline: float
    points: int


def is_sparse(value: Any) -> bool:
    """Whether this is a scipy sparse matrix or array."""
    return hasattr(value, "tocoo") and hasattr(value, "shape")


def as_array(value: Any, name: str) -> Array:
    """Read `value` as a numpy array, with a single column flattened.

    Args:
        value: Anything array-like of one or two dimensions.
        name: What to call it in an error.

    Raises:
        EvaluationError: If it is no array, is masked, or has more than two dimensions.
    """
    array = _flatten(_convert(value, name))
    if array.ndim not in (1, 2):
        raise EvaluationError(f"{name} has {array.ndim} dimensions; one or two are expected")
    return _infer(array) if array.dtype.kind not in _PLAIN_KINDS else array


def as_floats(array: Array, name: str) -> Array:
    """The array as float64 (float32 and float64 stay as they are); missing values become NaN.

    Raises:
        EvaluationError: If a value is no number.
    """
    if array.dtype in (np.float64, np.float32):
        return array
    try:
        if array.dtype.kind == "O":
            missing = np.array([is_missing(item) for item in array.ravel()], dtype=bool).reshape(array.shape)
            array = np.where(missing, np.nan, array)
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"{name} holds values that are not numbers: {error}") from error


def as_scores(value: Any) -> Array:
    """Read `y_score`: (n,), (n, k), or a list of (n,), (n, 1) or (n, 2) arrays, one per label."""
    if isinstance(value, (list, tuple)) and value and getattr(value[0], "ndim", 0) == 2:
        columns = [item[:, -1] if item.ndim == 2 else item for item in map(np.asarray, value)]
        check_lengths(**{f"y_score[{position}]": column for position, column in enumerate(columns)})
        return as_floats(np.stack(columns, axis=1), "y_score")
    return as_floats(as_array(value, "y_score"), "y_score")


def as_weights(value: Any) -> npt.NDArray[np.float64]:
    """Read sample weights: (n,), finite, not negative, not all zero.

    Raises:
        EvaluationError: If they are not.
    """
    weights = as_floats(as_array(value, "sample_weight"), "sample_weight").astype(np.float64, copy=False)
    if weights.ndim != 1:
        raise EvaluationError(f"sample_weight has shape {weights.shape}; one weight for each row is expected")
    if weights.size and not (np.isfinite(weights.sum()) and weights.min() >= 0 and weights.max() > 0):
        raise EvaluationError("sample_weight must be finite, not negative and not zero everywhere")
    return weights


def check_lengths(**arrays: Any) -> int:
    """The number of rows that all arrays given (None apart) agree on.

    Raises:
        EvaluationError: Naming the two that differ.
    """
    lengths = {name: array.shape[0] for name, array in arrays.items() if array is not None}
    (first, rows), *others = lengths.items()
    for name, length in others:
        if length != rows:
            raise EvaluationError(f"{first} has {rows} rows, {name} has {length}")
    return int(rows)


def is_missing(value: Any) -> bool:
    """Whether a label or number stands for "not known": None, NaN, NaT or pandas.NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _convert(value: Any, name: str) -> Array:
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise EvaluationError(f"{name} has {int(np.ma.getmaskarray(value).sum())} masked values")
        return np.asarray(value.data)
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (list, tuple)):
        return _from_sequence(value, name)
    if not (hasattr(value, "__array__") or hasattr(value, "__len__")) or isinstance(value, (str, bytes, dict, set)):
        raise EvaluationError(f"{name} is a {type(value).__name__}, which cannot be read as an array")
    if hasattr(value, "detach"):  # a torch tensor that requires a gradient refuses __array__
        value = value.detach()
    try:
        return np.asarray(value)
    except Exception as error:  # every array package has errors of its own
        raise EvaluationError(f"{name} cannot be read as an array: {error}") from error


def _from_sequence(value: Sequence[Any], name: str) -> Array:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"{name} cannot be read as an array: {error}") from error
    if array.ndim == 1 and array.dtype.kind in "US" and not all(isinstance(item, (str, bytes)) for item in value):
        array = np.empty(len(value), dtype=object)  # numpy turned None, NaN or numbers beside text into text
        array[:] = value
    return array


def _flatten(array: Array) -> Array:
    return array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array


def _infer(array: Array) -> Array:
    """Objects that are all numbers become a numeric array; dates become text; other objects stay."""
    if array.dtype.kind in "mM":
        return array.astype(str)
    if array.dtype.kind != "O":
        return array.astype(object)
    if array.size == 0 or isinstance(array.flat[0], (str, bytes)):
        return array
    inferred = np.array(array.tolist(), dtype=None if _all_numbers(array) else object)
    return inferred if inferred.dtype.kind in "biuf" else array


def _all_numbers(array: Array) -> bool:
    return all(isinstance(item, (bool, int, float, np.number, np.bool_)) for item in array.flat)
