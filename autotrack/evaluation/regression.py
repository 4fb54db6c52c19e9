"""Evaluate a regression of one or several outputs: errors, explained variance, and how residuals are spread.

Metric names are MLflow's; with several outputs a metric is the plain mean over them (`max_error` the largest one).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation.inputs import Array, Data, as_floats
from autotrack.evaluation.report import Evaluation, FloatArray, Residuals
from autotrack.evaluation.task import MULTIOUTPUT_REGRESSION, REGRESSION

METRICS = (
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "r2_score",
    "mean_absolute_percentage_error",
    "median_absolute_error",
    "max_error",
    "explained_variance_score",
)
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)

_BINS = 40
_SAMPLE = 400
_MAX_OUTPUTS_WITH_RESIDUALS = 20
_EPSILON = float(np.finfo(np.float64).eps)


def evaluate_regression(data: Data, *, split: str, output_names: Iterable[str] | None) -> Evaluation:
    """Evaluate a regression.

    Args:
        data: Truth of shape (n,) or (n, m), predictions of the same shape.
        split: Name of the data.
        output_names: Names of the m outputs, or None for their positions.

    Raises:
        EvaluationError: If there are no predictions, or shapes differ.
    """
    true, pred, weights = data.true, data.pred, data.weights
    if pred is None:
        raise EvaluationError("a regression needs y_pred")
    if true.shape != pred.shape:
        raise EvaluationError(f"y_true has shape {true.shape}, y_pred has {pred.shape}")
    truth, guess = (_table(array, name) for array, name in ((true, "y_true"), (pred, "y_pred")))
    length, number = truth.shape
    task = REGRESSION if true.ndim == 1 else MULTIOUTPUT_REGRESSION
    names = _names(output_names, number)
    cause = _unusable(truth, guess)
    if cause is not None:
        none = dict.fromkeys(METRICS) if length else {}
        return Evaluation(split=split, task=task, n_rows=length, labels=names, metrics=none, reasons={"metrics": cause})
    columns = _errors(truth, guess, weights)
    reasons = {}
    if length < 2:
        columns["r2_score"] = None
        reasons["r2_score"] = "not defined for a single row"
    if number > _MAX_OUTPUTS_WITH_RESIDUALS:
        reasons["residuals"] = f"kept for the first {_MAX_OUTPUTS_WITH_RESIDUALS} of {number} outputs"
    return Evaluation(
        split=split,
        task=task,
        n_rows=length,
        labels=names,
        metrics={name: _average(name, column) for name, column in columns.items()} | _unweighted(truth, guess, weights),
        reasons=reasons,
        weighted=weights is not None,
        residuals=tuple(
            _residuals(names[place], truth[:, place], guess[:, place])
            for place in range(min(number, _MAX_OUTPUTS_WITH_RESIDUALS))
        ),
        outputs=_by_output(names, columns) if task == MULTIOUTPUT_REGRESSION else {},
    )


def _table(array: Array, name: str) -> FloatArray:
    numbers = as_floats(array, name).astype(np.float64, copy=False)
    return numbers.reshape(-1, 1) if numbers.ndim == 1 else numbers


def _names(output_names: Iterable[str] | None, number: int) -> tuple[str, ...]:
    names = tuple(map(str, range(number) if output_names is None else output_names))
    if len(names) != number:
        raise EvaluationError(f"class_names has {len(names)} names for {number} outputs")
    return names


def _unusable(truth: FloatArray, guess: FloatArray) -> str | None:
    if not truth.size:
        return "no rows"
    for name, array in (("true values", truth), ("predictions", guess)):
        finite = np.isfinite(array)
        if not finite.all():
            first = int(np.argmin(finite.all(axis=1)))
            return f"{int((~finite).sum())} of {array.size} {name} are not finite, the first in row {first}"
    return None


def _errors(truth: FloatArray, guess: FloatArray, weights: FloatArray | None) -> dict[str, FloatArray | None]:
    """Every metric of each output, shape (m,)."""
    error = truth - guess
    distance = np.abs(error)
    squared = np.average(error**2, axis=0, weights=weights)
    spread = np.average((truth - np.average(truth, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    variance = np.average((error - np.average(error, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    relative = distance / np.maximum(np.abs(truth), _EPSILON)
    median = np.median(distance, axis=0) if weights is None else _weighted_median(distance, weights)
    return {
        "mean_absolute_error": np.average(distance, axis=0, weights=weights),
        "mean_squared_error": squared,
        "root_mean_squared_error": np.sqrt(squared),
        "r2_score": _explained(squared, spread),
        "mean_absolute_percentage_error": np.average(relative, axis=0, weights=weights),
        "median_absolute_error": median,
        "max_error": distance.max(axis=0),
        "explained_variance_score": _explained(variance, spread),
    }


def _explained(unexplained: FloatArray, spread: FloatArray) -> FloatArray:
    """1 - unexplained / spread; of a constant truth 1 if it is met exactly, else 0."""
    met = np.where(unexplained == 0, 1.0, 0.0)
    return np.where(spread > 0, 1.0 - unexplained / np.where(spread > 0, spread, 1.0), met)


def _weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Where the cumulated weight reaches a half; the mean of both neighbours where it meets it exactly."""
    heavy = weights > 0
    values, weights = values[heavy], weights[heavy]
    order = np.argsort(values, axis=0)
    medians = np.empty(values.shape[1])
    for place in range(values.shape[1]):
        column, reached = values[order[:, place], place], np.cumsum(weights[order[:, place]])
        at = min(int(np.searchsorted(reached, reached[-1] / 2)), column.size - 1)
        exact = reached[at] - reached[-1] / 2 <= _EPSILON
        medians[place] = (column[at] + column[min(at + 1, column.size - 1)]) / 2 if exact else column[at]
    return medians


def _average(name: str, column: FloatArray | None) -> float | None:
    if column is None:
        return None
    return float(column.max() if name == "max_error" else column.mean())


def _unweighted(truth: FloatArray, guess: FloatArray, weights: FloatArray | None) -> dict[str, float | None]:
    if weights is None:
        return {}
    plain = _errors(truth, guess, None)
    kept = ("mean_absolute_error", "root_mean_squared_error")
    return {f"{name}_unweighted": _average(name, plain[name]) for name in kept}


def _by_output(names: tuple[str, ...], columns: dict[str, FloatArray | None]) -> dict[str, dict[str, float | None]]:
    return {
        output: {name: None if column is None else float(column[place]) for name, column in columns.items()}
        for place, output in enumerate(names)
    }


def _residuals(name: str, truth: FloatArray, guess: FloatArray) -> Residuals:
    """Spread of the residuals of one output, unweighted."""
    residual = truth - guess
    low, high = float(residual.min()), float(residual.max())
    counts, edges = _histogram(residual, low, high)
    rows = np.unique(np.linspace(0, truth.size - 1, min(_SAMPLE, truth.size)).astype(np.int64))
    levels = np.quantile(residual, QUANTILES)
    return Residuals(
        name=name,
        quantiles={f"{level:g}": float(value) for level, value in zip(QUANTILES, levels, strict=True)},
        counts=counts,
        edges=edges,
        predicted=guess[rows],
        true=truth[rows],
    )


def _histogram(values: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Counts in equal bins from low to high; one bin where all values are (nearly) the same."""
    width = (high - low) / _BINS
    edges = np.linspace(low, high, _BINS + 1)
    if not np.isfinite(width) or not (np.diff(edges) > 0).all():
        return np.array([float(values.size)]), np.array([low, high])
    places = np.minimum(((values - low) / width).astype(np.int64), _BINS - 1)
    return np.bincount(places, minlength=_BINS).astype(np.float64), edges
