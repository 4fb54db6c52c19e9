"""From an array that a metric was given back to the prediction it came from.

In this order: the array that a prediction returned or a view of it (`proba[:, 1]`), the same content after a copy, and
last an array that follows row by row from one of the last predictions in this context (thresholded, `argmax`, mapped
back to names). An array that follows from none of them, a baseline drawn by hand say, belongs to no model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotrack.held_out.predictions import PREDICT, Prediction, maker_of, recent_predictions
from autotrack.held_out.samples import Array, column_of, follows, rows_at, rows_of, same_values


class Found(NamedTuple):
    """Where an array came from.

    Attributes:
        prediction: The prediction.
        column: Which column of its result the array is, if it is one of several.
        whole: Whether it has all rows of the prediction.
        copied: Whether it holds the values that were predicted, and is not derived from them.
    """

    prediction: Prediction
    column: int | None
    whole: bool
    copied: bool

    @property
    def is_scores(self) -> bool:
        """Whether the array holds scores that the model gave, rather than labels or values."""
        return self.copied and self.prediction.kind != PREDICT

    @property
    def part(self) -> int | None:
        """The column, where it says less than the whole result: any but the positive class of two."""
        sample = self.prediction.sample
        if self.column == 1 and sample is not None and sample.shape[1] == 2 and self.prediction.kind != PREDICT:
            return None
        return self.column


def find(array: Any) -> Found | None:
    """Return where an array came from, or None."""
    rows = rows_of(array)
    if not rows:
        return None
    return _by_identity(array, rows) or _by_content(array, rows)


def _by_identity(array: Any, rows: int) -> Found | None:
    current = array
    while current is not None:
        prediction = maker_of(current)
        if prediction is not None:
            whole = rows == prediction.rows
            column = _column(array, prediction) if current is not array else None
            return Found(prediction, column, whole, copied=True)
        current = getattr(current, "base", None) if isinstance(current, np.ndarray) else None
    return None


def _column(view: Any, prediction: Prediction) -> int | None:
    """Which column of the result a view is: -1 where it is one but cannot be told which."""
    sample = prediction.sample
    if sample is None:  # one array of several
        made = [reference() for reference in prediction.results]
        return next((place for place, array in enumerate(made) if view.base is array), -1)
    if sample.ndim != 2 or view.ndim != 1 or sample.shape[1] == 1:
        return None
    values = rows_at(view, prediction.step)
    column = column_of(sample, values) if values is not None else None
    return -1 if column is None else column


def _by_content(array: Any, rows: int) -> Found | None:
    candidates = [known for known in recent_predictions() if known.rows == rows and known.sample is not None]
    samples: dict[int, Array | None] = {}
    for prediction in candidates:
        if prediction.step not in samples:
            samples[prediction.step] = rows_at(array, prediction.step)
    for look in (_copied, _derived):
        for prediction in candidates:
            values = samples[prediction.step]
            found = look(array, values, prediction) if values is not None else None
            if found is not None:
                return found
    return None


def _copied(array: Any, values: Array, prediction: Prediction) -> Found | None:
    sample = prediction.sample
    assert sample is not None  # noqa: S101 - candidates have one
    column = column_of(sample, values)
    if column is None and not same_values(sample, values.reshape(-1) if sample.ndim == 1 else values):
        return None
    result = prediction.result
    if result is not None and column is None and not _equal(result, array):
        return None  # the sample does not tell two models apart, but the whole does
    return Found(prediction, column, whole=True, copied=True)


def _equal(result: Any, array: Any) -> bool:
    values = rows_at(array, 1)
    return values is not None and same_values(result, values.reshape(result.shape))


def _derived(array: Any, values: Array, prediction: Prediction) -> Found | None:  # noqa: ARG001 - as `_copied`
    sample = prediction.sample
    assert sample is not None  # noqa: S101 - candidates have one
    if follows(values, sample, scores=prediction.kind != PREDICT):
        return Found(prediction, None, whole=True, copied=False)
    return None
