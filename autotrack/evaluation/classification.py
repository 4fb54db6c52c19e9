"""Evaluate a binary or multiclass task: classes and predictions counted, averaged, and joined with what scores tell.

Metric names are MLflow's. A plain name is the average weighted by class, as MLflow's autologging has it, for binary
tasks too; `_macro`, `_micro` and, for the positive class, `_binary` stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation import counts as counting
from autotrack.evaluation.class_scores import Rows, column_count, predict, score_all, score_positive, why_unusable
from autotrack.evaluation.inputs import Array, Data, Limits
from autotrack.evaluation.labels import Codes, Encoded, encode, name_classes
from autotrack.evaluation.one_vs_rest import Scored
from autotrack.evaluation.report import Evaluation, FloatArray
from autotrack.evaluation.task import BINARY, MULTICLASS

_PAIR = 2
_BINARY_METRICS = ("precision_score_binary", "recall_score_binary", "f1_score_binary")

Metrics = dict[str, float | None]


def evaluate_classes(
    data: Data,
    *,
    split: str,
    labels: Array | None,
    task: str | None,
    class_names: Mapping[Any, str] | Iterable[str] | None,
    limits: Limits,
) -> Evaluation:
    """Evaluate a task whose rows have one class each.

    Args:
        data: Labels as one column; without predictions the class with the highest score is taken.
        split: Name of the data.
        labels: Classes in the order of the columns of scores, or None.
        task: BINARY or MULTICLASS, or None to count the classes.
        class_names: Names to show.
        limits: Of points and of time.

    Raises:
        EvaluationError: If labels and scores do not belong together.
    """
    encoded, known = _encode(data, labels)
    size = len(encoded.classes)
    names = name_classes(encoded.classes, class_names)
    task = _checked_task(task, size)
    rows = encoded.true.size
    if not rows:
        return Evaluation(split=split, task=task, n_rows=0, labels=names, metrics={}, reasons={"metrics": "no rows"})
    unusable = why_unusable(data.score, known)
    reasons = {} if unusable is None else {"y_score": unusable}
    predicted = encoded.pred if encoded.pred is not None else _predict(data.score, unusable)
    counts = counting.count(encoded.true, predicted, size, data.weights)
    ratio = counting.ratios(counts.hits, counts.predicted, counts.support)
    metrics = _counted(counts, ratio)
    if task == BINARY:
        _add_positive(counts, ratio, names, metrics, reasons)
    if data.weights is not None:
        metrics |= _unweighted(encoded.true, predicted, size)
    usable = data.score if unusable is None else None
    scored = _scored(usable, encoded.true, data.weights, names, task, counts.support, limits)
    return Evaluation(
        split=split,
        task=task,
        n_rows=rows,
        labels=names,
        metrics=metrics | scored.metrics,
        reasons=reasons | scored.reasons,
        weighted=data.weights is not None,
        positive=names[1] if task == BINARY and size == _PAIR else None,
        per_class=counting.class_report(counts, ratio, scored.roc_auc, scored.average_precision),
        matrix=counting.confusion(encoded.true, predicted, size, data.weights),
        curves=tuple(scored.curves),
    )


def _encode(data: Data, labels: Array | None) -> tuple[Encoded, int]:
    """Codes, and how many classes were known before the rows were looked at: those that scores are for."""
    if labels is not None:
        if len(set(labels.tolist())) < labels.size:
            raise EvaluationError("labels holds a class twice")
        return encode(data.true, data.pred, labels), labels.size
    encoded = encode(data.true, data.pred, None)
    if data.score is not None:
        whole = np.arange(column_count(data.score))
        if whole.size > len(encoded.classes) and set(encoded.classes) <= set(whole.tolist()):
            encoded = encode(data.true, data.pred, whole)
    return encoded, len(encoded.classes)


def _checked_task(task: str | None, size: int) -> str:
    if task is None:
        return BINARY if size <= _PAIR else MULTICLASS
    if task == BINARY and size > _PAIR:
        raise EvaluationError(f"a binary task has two classes; {size} were found")
    return task


def _predict(score: Array | None, unusable: str | None) -> Codes:
    if score is None or unusable is not None:
        raise EvaluationError(f"y_pred is not given and y_score cannot replace it: {unusable}")
    return predict(score)


def _counted(counts: counting.Counts, ratio: counting.Ratios) -> Metrics:
    return {
        "accuracy_score": float(counts.hits.sum()) / counts.total,
        **counting.averages(counts, ratio),
        "balanced_accuracy_score": counting.balanced_accuracy(counts, ratio),
        "matthews_corrcoef": counting.matthews_corrcoef(counts),
    }


def _add_positive(
    counts: counting.Counts,
    ratio: counting.Ratios,
    names: tuple[str, ...],
    metrics: Metrics,
    reasons: dict[str, str],
) -> None:
    """Precision, recall and F1 of the second class alone."""
    if len(names) < _PAIR:
        metrics |= dict.fromkeys(_BINARY_METRICS)
        reasons |= dict.fromkeys(_BINARY_METRICS, "only one class is known, so none is the positive one")
        return
    metrics |= {name: float(column[1]) for name, column in zip(_BINARY_METRICS, ratio, strict=True)}
    if not counts.predicted[1]:
        reasons["precision_score_binary"] = f"0 by convention: no row is predicted as {names[1]!r}"
    if not counts.support[1]:
        reasons["recall_score_binary"] = f"0 by convention: no row is {names[1]!r}"


def _unweighted(true: Codes, pred: Codes, size: int) -> Metrics:
    counts = counting.count(true, pred, size)
    f1 = counting.ratios(counts.hits, counts.predicted, counts.support).f1
    return {
        "accuracy_score_unweighted": float(counts.hits.sum()) / counts.total,
        "f1_score_unweighted": float(counts.support @ f1) / counts.total,
    }


def _scored(
    score: Array | None,
    true: Codes,
    weights: FloatArray | None,
    names: tuple[str, ...],
    task: str,
    support: FloatArray,
    limits: Limits,
) -> Scored:
    if score is None:
        unknown = np.full(support.size, np.nan)
        return Scored({}, {}, unknown, unknown, [])
    if score.ndim == 1 and task == MULTICLASS:
        score = np.stack([1 - score, score], axis=1)
    rows = Rows(true, score, weights, names)
    return score_positive(rows, support, limits) if task == BINARY else score_all(rows, support, limits)
