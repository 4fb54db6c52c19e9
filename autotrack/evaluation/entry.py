"""`evaluate`: read the arrays, decide the task, hand over to the module that knows it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation.classification import evaluate_classes
from autotrack.evaluation.inputs import Array, Data, Limits, as_array, as_scores, as_weights, check_lengths, is_sparse
from autotrack.evaluation.labels import class_order
from autotrack.evaluation.multilabel import evaluate_labels
from autotrack.evaluation.regression import evaluate_regression
from autotrack.evaluation.report import Evaluation
from autotrack.evaluation.task import (
    CLASSIFICATIONS,
    MULTILABEL,
    REGRESSIONS,
    TASKS,
    decide,
    is_one_hot,
    one_hot_codes,
)

Names = Mapping[Any, str] | Iterable[str] | None


def evaluate(  # noqa: PLR0913 - each is a separate choice of the caller
    y_true: Any,
    y_pred: Any = None,
    y_score: Any = None,
    *,
    labels: Any = None,
    split: str = "test",
    sample_weight: Any = None,
    task: str | None = None,
    class_names: Names = None,
    budget_seconds: float = 2.0,
    max_points: int = 500,
) -> Evaluation:
    """Compare predictions with the truth.

    Nothing of the program is touched: no random state, no warning filter, no argument; no warning escapes.

    Args:
        y_true: Truth, shape (n,); (n, m) for several outputs, 0/1 indicators of several labels (scipy sparse too) or
            one-hot classes. numpy, pandas, polars, pyarrow, torch (CPU) and lists are read.
        y_pred: Predictions in the same form, or None to take the class with the highest score.
        y_score: Scores: of the positive class, shape (n,); of each class, (n, k) in the order of `labels`; of each
            label, (n, l) or a list with an (n, 2) array per label. Where they are no probabilities (from 0 to 1,
            adding up to 1), log loss, Brier score and calibration are None with a reason.
        labels: The model's `classes_`. Default: the classes that occur, sorted; or 0 to k - 1 if `y_score` has k
            columns and all labels are among these.
        split: Name of the data: "training", "validation", "test" or another.
        sample_weight: Shape (n,). Metrics are weighted then; some stay beside them under names ending in
            "_unweighted".
        task: "binary", "multiclass", "multilabel", "regression" or "multioutput_regression". Default: decided from
            the arrays; whole numbers without scores and labels count as classes.
        class_names: Names to show for the classes (labels, outputs), in order or by label.
        budget_seconds: Time after which no further class is ranked (ROC, precision-recall).
        max_points: Largest number of points of a curve.

    Returns:
        The evaluation. For no rows its metrics are empty.

    Raises:
        EvaluationError: If the arrays do not belong together: lengths that differ, missing labels, text against
            numbers, or something that is no array.

    Example:
        >>> evaluate(["no", "yes", "yes", "no"], y_score=[0.1, 0.9, 0.4, 0.2]).metrics["roc_auc"]
        1.0
    """
    limits = Limits(time.perf_counter() + budget_seconds, max_points)
    if task is not None and task not in TASKS:
        raise EvaluationError(f"unknown task {task!r}; known are {', '.join(TASKS)}")
    with np.errstate(all="ignore"):
        data = _read(y_true, y_pred, y_score, sample_weight)
        kind = task or decide(data.true, data.pred, data.score, labelled=labels is not None)
        if kind in REGRESSIONS:
            outputs = class_names.values() if isinstance(class_names, Mapping) else class_names
            return evaluate_regression(data, split=split, output_names=outputs)
        if kind == MULTILABEL:
            names = class_names if class_names is not None else _label_names(labels)
            return evaluate_labels(data, split=split, label_names=names, limits=limits)
        return evaluate_classes(
            data._replace(true=_one_column(data.true), pred=_one_column(data.pred)),
            split=split,
            labels=_known_classes(data, y_true) if labels is None else as_array(labels, "labels"),
            task=task if task in CLASSIFICATIONS else None,
            class_names=class_names,
            limits=limits,
        )


def _read(y_true: Any, y_pred: Any, y_score: Any, sample_weight: Any) -> Data:
    data = Data(
        _target(y_true, "y_true"),
        None if y_pred is None else _target(y_pred, "y_pred"),
        None if y_score is None else as_scores(y_score),
        None if sample_weight is None else as_weights(sample_weight),
    )
    check_lengths(y_true=data.true, y_pred=data.pred, y_score=data.score, sample_weight=data.weights)
    return data


def _target(value: Any, name: str) -> Any:
    return value if is_sparse(value) else as_array(value, name)


def _one_column(labels: Any) -> Array | None:
    """Class labels as one column; one-hot rows become the position of their 1."""
    if labels is None:
        return None
    if is_sparse(labels):
        raise EvaluationError("class labels are a sparse matrix; one column is expected")
    array: Array = labels
    if array.ndim == 1:
        return array
    if not is_one_hot(array):
        raise EvaluationError(f"class labels have shape {array.shape}; one column or one-hot rows are expected")
    return one_hot_codes(array)


def _known_classes(data: Data, y_true: Any) -> Array | None:
    """Classes that the form of the truth tells: one for each one-hot column, or ordered categories."""
    return np.arange(data.true.shape[1]) if data.true.ndim > 1 else class_order(y_true)


def _label_names(labels: Any) -> Iterable[str] | None:
    """Names of labels from a model's classes, unless these are one array of 0 and 1 for each label."""
    if labels is None or (len(labels) and not isinstance(labels[0], (str, bytes, int, np.integer))):
        return None
    return [str(label) for label in labels]
