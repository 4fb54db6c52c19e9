"""What the outputs of a model mean, known from the loss it was compiled with: scores of classes, or values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation import Evaluation, evaluate
from autotrack.held_out.predictions import DECISION, PREDICT, PROBABILITIES

CLASSES = "classes"
LABELS = "labels"
VALUES = "values"
MAX_VALUES = 64
"""Columns of values up to which each gets metrics of its own: images are no table of values."""

_MEANINGS = {
    **dict.fromkeys(("binary_crossentropy", "binary_focal_crossentropy"), LABELS),
    **dict.fromkeys(
        ("categorical_crossentropy", "categorical_focal_crossentropy", "sparse_categorical_crossentropy"), CLASSES
    ),
    **dict.fromkeys(
        (
            "huber",
            "log_cosh",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_error",
            "mean_squared_logarithmic_error",
            "poisson",
        ),
        VALUES,
    ),
}


class Meaning(NamedTuple):
    """What outputs are.

    Attributes:
        task: `CLASSES`, one of which is true; `LABELS`, each of which may be; or `VALUES`.
        logits: Whether they are logits, not probabilities.
    """

    task: str
    logits: bool

    @property
    def kind(self) -> str:
        """The method of scikit-learn that returns the like."""
        if self.task == VALUES:
            return PREDICT
        return DECISION if self.logits else PROBABILITIES


def meaning_of(model: Any) -> Meaning | str:
    """Return what a compiled model's outputs mean, or why nobody knows."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, (list, tuple)) and len(loss) == 1:
        loss = loss[0]
    if loss is None or isinstance(loss, (list, tuple, dict)):
        return "the model has several losses" if loss else "the model was compiled without a loss"
    found = keras.losses.get(loss) if isinstance(loss, str) else loss
    function = getattr(found, "fn", found)
    name = getattr(function, "__name__", type(function).__name__)
    if not str(getattr(function, "__module__", "")).startswith("keras.") or name not in _MEANINGS:
        return f"it is not known what outputs mean under the loss {name}"
    config = found.get_config() if isinstance(found, keras.losses.Loss) else {}
    return Meaning(_MEANINGS[name], bool(config.get("from_logits")))


def report(meaning: Meaning, truth: Any, outputs: Any, weights: Any, *, split: str, budget: float) -> Evaluation:
    """Evaluate a model's outputs.

    Args:
        meaning: What they are.
        truth: The truth as the loss takes it, a row for each of theirs.
        outputs: Shape (n,), (n, 1) or (n, k).
        weights: Weights of the rows, or None.
        split: What the data are called.
        budget: Seconds.

    Raises:
        EvaluationError: They are of another form.
    """
    if not isinstance(outputs, np.ndarray):
        raise EvaluationError("the model has several outputs")
    if outputs.ndim > 2:
        raise EvaluationError(f"outputs of shape {outputs.shape} are no table")
    truth, outputs = _flat(np.asarray(truth)), _flat(outputs)
    options: dict[str, Any] = {"split": split, "sample_weight": weights, "budget_seconds": budget}
    return _REPORTS[meaning.task](truth, outputs, options, meaning.logits)


def _flat(table: Any) -> Any:
    return table.reshape(-1) if table.ndim == 2 and table.shape[1] == 1 else table


def _classes(truth: Any, outputs: Any, options: dict[str, Any], logits: bool) -> Evaluation:  # noqa: FBT001
    if outputs.ndim == 1:
        raise EvaluationError("a single output is no score of several classes")
    scores = _softmax(outputs) if logits else outputs
    return evaluate(truth, None, scores, labels=np.arange(outputs.shape[1]), **options)


def _labels(truth: Any, outputs: Any, options: dict[str, Any], logits: bool) -> Evaluation:  # noqa: FBT001
    scores = _sigmoid(outputs) if logits else outputs
    if outputs.ndim == 1:
        return evaluate(truth.astype(int), None, scores, labels=np.arange(2), **options)
    return evaluate(truth.astype(int), (scores >= 0.5).astype(int), scores, task="multilabel", **options)


def _values(truth: Any, outputs: Any, options: dict[str, Any], logits: bool) -> Evaluation:  # noqa: ARG001, FBT001
    if outputs.ndim == 2 and outputs.shape[1] > MAX_VALUES:
        raise EvaluationError(f"{outputs.shape[1]} values a row are too many for metrics of each")
    return evaluate(truth, outputs, task="regression" if outputs.ndim == 1 else "multioutput_regression", **options)


_REPORTS: dict[str, Callable[[Any, Any, dict[str, Any], bool], Evaluation]] = {
    CLASSES: _classes,
    LABELS: _labels,
    VALUES: _values,
}


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(logits: Any) -> Any:
    return 0.5 * (1 + np.tanh(0.5 * logits))  # equal to 1 / (1 + exp(-x)), and never overflows
