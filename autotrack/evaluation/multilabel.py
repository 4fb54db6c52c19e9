"""Evaluate a multilabel task: any number of labels per row, as a 0/1 indicator matrix, dense or sparse.

Both sides become sorted lists of (row, label) cells, so a sparse indicator of 100,000 labels is never made dense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation import counts as counting
from autotrack.evaluation import probability
from autotrack.evaluation.inputs import Array, Data, Limits, is_sparse
from autotrack.evaluation.labels import Codes, name_classes
from autotrack.evaluation.one_vs_rest import Problem, Scored, score_classes
from autotrack.evaluation.report import Evaluation, FloatArray
from autotrack.evaluation.task import MULTILABEL

_TABLE = 2


class _Cells(NamedTuple):
    """The ones of an indicator matrix of n rows and l labels: row * l + label, growing."""

    keys: Codes
    length: int
    size: int

    @property
    def rows(self) -> Codes:
        return self.keys // self.size

    @property
    def labels(self) -> Codes:
        return self.keys % self.size


def evaluate_labels(
    data: Data, *, split: str, label_names: Mapping[Any, str] | Iterable[str] | None, limits: Limits
) -> Evaluation:
    """Evaluate a multilabel task.

    Args:
        data: Indicators of shape (n, l), arrays or scipy sparse, and scores of the same shape. Without predictions,
            scores above a half (if all are from 0 to 1) or above 0 are taken.
        split: Name of the data.
        label_names: Names of the l labels, or None for their positions.
        limits: Of points and of time.

    Raises:
        EvaluationError: If shapes differ or neither predictions nor scores are given.
    """
    truth = _cells(data.true, "y_true")
    length, size = truth.length, truth.size
    names = name_classes(range(size), label_names)
    if not length or not size:
        return Evaluation(
            split=split, task=MULTILABEL, n_rows=length, labels=names, metrics={}, reasons={"metrics": "no rows"}
        )
    reasons = {"matrix": "a row can have several labels"}
    weights = data.weights
    score = _usable_scores(data.score, truth, reasons)
    pred = data.pred
    if pred is None:
        if score is None:
            raise EvaluationError(f"y_pred is not given and y_score cannot replace it: {reasons['y_score']}")
        pred = score > (0.5 if _within_unit(score) else 0.0)
    predicted = _cells(pred, "y_pred")
    if (predicted.length, predicted.size) != (length, size):
        raise EvaluationError(f"y_true has shape {(length, size)}, y_pred has {(predicted.length, predicted.size)}")
    counts = _count(truth, predicted, weights)
    ratio = counting.ratios(counts.hits, counts.predicted, counts.support)
    metrics = _counted(truth, predicted, counts, ratio, weights, reasons)
    scored = _score(truth, score, counts.support, weights, names, limits)
    return Evaluation(
        split=split,
        task=MULTILABEL,
        n_rows=length,
        labels=names,
        metrics=metrics | scored.metrics,
        reasons=reasons | scored.reasons,
        weighted=weights is not None,
        per_class=counting.class_report(counts, ratio, scored.roc_auc, scored.average_precision),
        curves=tuple(scored.curves),
    )


def _cells(indicator: Any, name: str) -> _Cells:
    if is_sparse(indicator):
        cells = indicator.tocoo()
        ones = cells.data != 0
        rows, labels = cells.row[ones], cells.col[ones]
    else:
        indicator = np.atleast_2d(indicator) if indicator.ndim == _TABLE else indicator.reshape(-1, 1)
        rows, labels = np.nonzero(indicator)
    length, size = indicator.shape
    if not is_sparse(indicator) and indicator.dtype.kind not in "biuf":
        raise EvaluationError(f"{name} is no 0/1 indicator matrix")
    return _Cells(np.unique(rows.astype(np.int64) * size + labels), length, size)


def _usable_scores(score: Array | None, truth: _Cells, reasons: dict[str, str]) -> Array | None:
    if score is None:
        reasons["y_score"] = "not given: no ROC and precision-recall curves"
        return None
    table = score.reshape(-1, 1) if score.ndim == 1 else score
    if table.shape != (truth.length, truth.size):
        reasons["y_score"] = f"has shape {table.shape} where y_true has {(truth.length, truth.size)}"
    elif not probability.are_finite(table):
        reasons["y_score"] = f"{int((~np.isfinite(table)).sum())} scores are not finite"
    return None if "y_score" in reasons else table


def _within_unit(score: Array) -> bool:
    return bool(score.min() >= 0 and score.max() <= 1)


def _count(truth: _Cells, predicted: _Cells, weights: FloatArray | None) -> counting.Counts:
    hits, guesses, support = (
        np.bincount(cells.labels, None if weights is None else weights[cells.rows], minlength=truth.size).astype(float)
        for cells in (_both(truth, predicted), predicted, truth)
    )
    total = float(truth.length) if weights is None else float(weights.sum())
    return counting.Counts(hits, guesses, support, np.ones(truth.size, dtype=bool), total)


def _counted(
    truth: _Cells,
    predicted: _Cells,
    counts: counting.Counts,
    ratio: counting.Ratios,
    weights: FloatArray | None,
    reasons: dict[str, str],
) -> dict[str, float | None]:
    hits, guesses, support = (
        np.bincount(cells.rows, minlength=truth.length).astype(float)
        for cells in (_both(truth, predicted), predicted, truth)
    )
    wrong = guesses + support - 2 * hits
    metrics: dict[str, float | None] = {
        "accuracy_score": probability.mean(wrong == 0, weights),
        "hamming_loss": probability.mean(wrong, weights) / truth.size,
    }
    averages = counting.averages(counts, ratio)
    if not counts.support.any():
        averages |= dict.fromkeys(("precision_score", "recall_score", "f1_score"), 0.0)
        reasons["f1_score"] = "0 by convention: no row has a label"
    metrics |= averages
    names = ("precision_score_samples", "recall_score_samples", "f1_score_samples")
    for name, column in zip(names, counting.ratios(hits, guesses, support), strict=True):
        metrics[name] = probability.mean(column, weights)
    if weights is not None:
        metrics["accuracy_score_unweighted"] = float((wrong == 0).mean())
        plain = _count(truth, predicted, None)
        f1 = counting.ratios(plain.hits, plain.predicted, plain.support).f1
        metrics["f1_score_unweighted"] = float(plain.support @ f1) / max(float(plain.support.sum()), 1.0)
    return metrics


def _both(truth: _Cells, predicted: _Cells) -> _Cells:
    return truth._replace(keys=np.intersect1d(truth.keys, predicted.keys, assume_unique=True))


def _score(
    truth: _Cells,
    score: Array | None,
    support: FloatArray,
    weights: FloatArray | None,
    names: tuple[str, ...],
    limits: Limits,
) -> Scored:
    if score is None:
        unknown = np.full(truth.size, np.nan)
        return Scored({}, {}, unknown, unknown, [])

    by_label = np.argsort(truth.labels, kind="stable")
    rows = truth.rows[by_label]
    bounds = np.searchsorted(truth.labels[by_label], np.arange(truth.size + 1))

    def positive(chosen: Codes) -> Array:
        table = np.zeros((chosen.size, truth.length), dtype=bool)
        for place, label in enumerate(chosen.tolist()):
            table[place, rows[bounds[label] : bounds[label + 1]]] = True
        return table

    return score_classes(Problem(positive, score, support, names, weights, None, limits))
