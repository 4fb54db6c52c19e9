"""Sets of data that a finished model is evaluated on, read from the model's own containers or the user's arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autotrack.boosting.rows import take_rows
from autotrack.evaluation.budget import count_rows

CLASSIFICATION = "classification"
REGRESSION = "regression"
RANKING = "ranking"

MOST_NUMBERS = 20_000_000
"""Predictions of one set that are read at the end of a training and held until they are evaluated."""


class Split(NamedTuple):
    """One set of data with labels.

    Attributes:
        name: What the user, or else the library, calls it.
        rows: Number of rows.
        truth: Labels, values or relevances, shape (rows,).
        data: What is fingerprinted.
        features: Gives what the model predicts for: all rows for None, else those at the positions.
        weights: Weights, shape (rows,), or None.
        groups: Sizes of consecutive groups of rows of a ranking, or None.
        divisible: Whether `features` can give some of the rows.
        predicted: What the finished model predicts for all rows, where that is known already.
    """

    name: str
    rows: int
    truth: Any
    data: Any
    features: Callable[[Any], Any]
    weights: Any = None
    groups: Any = None
    divisible: bool = True
    predicted: Any = None


class Predictor(NamedTuple):
    """How a finished model predicts.

    Attributes:
        task: One of the words above.
        predict: Takes what `Split.features` gives. Returns scores (n,) or (n, k) of a classification, labels where
            `classes` is None; values or relevances else.
        classes: Classes in the order of the scores.
        seconds_per_row: Estimate for data that cannot be divided.
        finish: Makes of what `predict` returns what is said there; by default it is that.
    """

    task: str
    predict: Callable[[Any], Any]
    classes: Any = None
    seconds_per_row: float = 0.0
    finish: Callable[[Any], Any] = lambda predicted: predicted


def from_arrays(name: str, X: Any, y: Any, weights: Any = None, groups: Any = None) -> Split | None:
    """Return the split that arrays or frames make, or None where they have no labels or no rows to read again."""
    rows = count_rows(X) if _is_readable(X) else 0
    if not rows or y is None:
        return None
    return Split(name, rows, y, X, lambda rows: take_rows(X, rows), weights, groups)


def _is_readable(data: Any) -> bool:
    """Say whether data lie in memory: a path, an iterator and a lazy (dask) collection do not."""
    return not isinstance(data, (str, bytes)) and not type(data).__module__.startswith(("dask", "pathlib"))


def group_sizes(ids: Any) -> Any:
    """Return the sizes of groups of consecutive equal ids, or None for None."""
    if ids is None:
        return None
    values = np.asarray(ids)
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return np.diff(np.append(starts, len(values)))


def at(values: Sequence[Any] | None, place: int) -> Any:
    """Return an entry of a list that may be shorter or missing."""
    return values[place] if isinstance(values, (list, tuple)) and place < len(values) else None
