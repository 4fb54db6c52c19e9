"""Everything that follows from counting (true class, predicted class) pairs: precision, recall, F1, averages, MCC.

Nothing here is of size classes x classes or rows x classes, so 10,000 classes cost what their rows cost.
Definitions as in Sokolova and Lapalme, "A systematic analysis of performance measures for classification tasks"
(2009); the correlation coefficient for many classes after Gorodkin (2004).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autotrack.evaluation.labels import Codes
from autotrack.evaluation.report import ClassReport, FloatArray, Matrix

MAX_CELLS = 50_000
_DENSE_CELLS = 65_536


class Counts(NamedTuple):
    """Per class, shape (k,), weighted where weights were given.

    Attributes:
        hits: Rows of the class that were predicted as it.
        predicted: Rows predicted as the class.
        support: Rows of the class.
        occurs: Whether the class is in the data at all, true or predicted, whatever its rows weigh.
        total: All rows.
    """

    hits: FloatArray
    predicted: FloatArray
    support: FloatArray
    occurs: npt.NDArray[np.bool_]
    total: float


class Ratios(NamedTuple):
    """Per class or one number: each 0 where its denominator is 0."""

    precision: FloatArray
    recall: FloatArray
    f1: FloatArray


def count(true: Codes, pred: Codes, size: int, weights: FloatArray | None = None) -> Counts:
    """Count classes over rows.

    Args:
        true: Codes, shape (n,).
        pred: Codes, shape (n,).
        size: Number of classes k.
        weights: Shape (n,), or None.
    """
    agree = true == pred
    support = np.bincount(true, weights, minlength=size).astype(np.float64)
    predicted = np.bincount(pred, weights, minlength=size).astype(np.float64)
    hits = np.bincount(true[agree], None if weights is None else weights[agree], minlength=size).astype(np.float64)
    if weights is None:
        return Counts(hits, predicted, support, (support + predicted) > 0, float(true.size))
    occurs = np.zeros(size, dtype=bool)
    occurs[true] = occurs[pred] = True
    return Counts(hits, predicted, support, occurs, float(weights.sum()))


def ratios(hits: FloatArray, predicted: FloatArray, support: FloatArray) -> Ratios:
    """Precision, recall and F1 from counts of any shape."""
    return Ratios(_divide(hits, predicted), _divide(hits, support), _divide(2 * hits, predicted + support))


def averages(counts: Counts, ratio: Ratios) -> dict[str, float]:
    """Weighted (plain name), `_macro` and `_micro` averages.

    Macro averages are over the classes that occur, so a class the model knows but nobody saw does not count as 0.
    """
    pooled = ratios(*(np.asarray(column.sum()) for column in (counts.hits, counts.predicted, counts.support)))
    names = ("precision_score", "recall_score", "f1_score")
    shares = counts.support / counts.support.sum()
    metrics = {name: float(shares @ column) for name, column in zip(names, ratio, strict=True)}
    number = int(np.count_nonzero(counts.occurs))  # the columns are 0 for the other classes
    metrics |= {f"{name}_macro": float(column.sum()) / number for name, column in zip(names, ratio, strict=True)}
    metrics |= {f"{name}_micro": float(value) for name, value in zip(names, pooled, strict=True)}
    return metrics


def class_report(counts: Counts, ratio: Ratios, roc_auc: FloatArray, average_precision: FloatArray) -> ClassReport:
    """The table of classes: as `ratios`, but NaN where a denominator is 0."""
    return ClassReport(
        precision=np.where(counts.predicted > 0, ratio.precision, np.nan),
        recall=np.where(counts.support > 0, ratio.recall, np.nan),
        f1=np.where(counts.predicted + counts.support > 0, ratio.f1, np.nan),
        support=counts.support,
        predicted=counts.predicted,
        roc_auc=roc_auc,
        average_precision=average_precision,
    )


def balanced_accuracy(counts: Counts, ratio: Ratios) -> float:
    """Mean recall over the classes with true rows."""
    return float(ratio.recall.sum()) / int(np.count_nonzero(counts.support))


def matthews_corrcoef(counts: Counts) -> float:
    """Correlation between truth and prediction, from -1 to 1; 0 where one of them is constant."""
    total, support, predicted = counts.total, counts.support, counts.predicted
    if min(np.count_nonzero(support), np.count_nonzero(predicted)) < 2:
        return 0.0  # exactly, where sums of weights would leave a rounding error to divide by
    agreement = float(counts.hits.sum()) * total - float(support @ predicted)
    spread = (total**2 - float(predicted @ predicted)) * (total**2 - float(support @ support))
    return float(agreement / spread**0.5)


def confusion(true: Codes, pred: Codes, size: int, weights: FloatArray | None = None) -> Matrix:
    """The confusion matrix: rows true, columns predicted; at most the 50,000 largest cells."""
    keys = true * size + pred
    if size * size <= max(_DENSE_CELLS, true.size):
        dense = np.bincount(keys, weights)
        cells = np.flatnonzero(dense)
        counts = dense[cells]
    elif weights is None:
        cells, counts = np.unique(keys, return_counts=True)
    else:
        cells, inverse = np.unique(keys, return_inverse=True)
        counts = np.bincount(inverse.ravel(), weights)
    omitted = 0.0
    if cells.size > MAX_CELLS:
        kept = np.sort(np.argpartition(counts, -MAX_CELLS)[-MAX_CELLS:])
        omitted = float(counts.sum() - counts[kept].sum())
        cells, counts = cells[kept], counts[kept]
    rows, columns = np.divmod(cells, size)
    kind = np.int64 if weights is None else np.float64
    return Matrix(
        size=size,
        rows=rows.astype(np.int32),
        columns=columns.astype(np.int32),
        counts=counts.astype(kind, copy=False),
        omitted=omitted,
    )


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(denominator, dtype=np.float64), where=denominator > 0)
