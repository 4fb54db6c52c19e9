"""Which task a pair of arrays belongs to, decided from the arrays where the caller does not say."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation.inputs import Array, is_sparse
from autotrack.evaluation.probability import are_probabilities

BINARY = "binary"
MULTICLASS = "multiclass"
MULTILABEL = "multilabel"
REGRESSION = "regression"
MULTIOUTPUT_REGRESSION = "multioutput_regression"
CLUSTERING = "clustering"

CLASSIFICATIONS = (BINARY, MULTICLASS)
REGRESSIONS = (REGRESSION, MULTIOUTPUT_REGRESSION)
TASKS = (*CLASSIFICATIONS, MULTILABEL, *REGRESSIONS)

_TABLE = 2


def decide(true: Any, pred: Any, score: Array | None, *, labelled: bool) -> str:
    """The task: `MULTICLASS` stands for both kinds of classification; the number of classes tells them apart.

    Args:
        true: Array of shape (n,) or (n, m), or a sparse indicator matrix.
        pred: The same, or None.
        score: Shape (n,) or (n, k), or None.
        labelled: Whether the caller named the classes.

    Raises:
        EvaluationError: For several columns of class labels, which no metric here is for.
    """
    if is_sparse(true) or is_sparse(pred):
        return MULTILABEL
    if true.ndim == _TABLE:
        return _decide_table(true, pred, score)
    if labelled or score is not None or true.dtype.kind not in "iuf":
        return MULTICLASS
    if not _are_whole(true) or (pred is not None and not _are_whole(pred)):
        return REGRESSION
    return MULTICLASS


def one_hot_codes(true: Array) -> Array:
    """The column of the single 1 in each row, as Keras models are often given their classes."""
    codes: Array = true.argmax(axis=1)
    return codes


def is_one_hot(true: Array) -> bool:
    """Whether each row has one 1 and else zeros."""
    return true.ndim == _TABLE and _is_indicator(true) and bool((true.sum(axis=1) == 1).all())


def _decide_table(true: Array, pred: Array | None, score: Array | None) -> str:
    if _is_indicator(true):
        if _names_one_class(pred, score, true) and is_one_hot(true):
            return MULTICLASS
        if pred is None or (pred.ndim == _TABLE and _is_indicator(pred)):
            return MULTILABEL
    if true.dtype.kind not in "iuf":
        raise EvaluationError(f"y_true has {true.shape[1]} columns of labels; only 0/1 indicators can be evaluated")
    return MULTIOUTPUT_REGRESSION


def _names_one_class(pred: Array | None, score: Array | None, true: Array) -> bool:
    if pred is not None:
        return pred.ndim == 1
    return score is not None and score.shape == true.shape and score.size > 0 and are_probabilities(score)


def _is_indicator(array: Array) -> bool:
    return array.dtype.kind == "b" or (array.dtype.kind in "iuf" and bool(np.isin(array, (0, 1)).all()))


def _are_whole(array: Array) -> bool:
    """Whether all values could be class labels, missing ones apart: anything but numbers with a fraction."""
    return array.dtype.kind != "f" or bool(((array == np.floor(array)) | np.isnan(array)).all())
