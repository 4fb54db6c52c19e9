"""The arrays of an evaluation: from what the user gave to a metric, and what the model said about the same data.

Scores that the user did not ask for are computed once where that is cheap: the model and its data are still there, and
their prediction fits the budget. Labels that he did not ask for are read off the scores.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autotrack.held_out.predictions import (
    DECISION,
    LOG_PROBABILITIES,
    PREDICT,
    PROBABILITIES,
    Prediction,
    recent_predictions,
)
from autotrack.held_out.samples import Array, rows_at, step_for
from autotrack.integrations.sklearn.kinds import has, holds_network, last_step
from autotrack.integrations.sklearn.predicting import without_progress
from autotrack.integrations.sklearn.provenance import Found

_DRAWS_AT_RANDOM = {"stratified", "uniform"}


class Arrays(NamedTuple):
    """What is evaluated.

    Attributes:
        labels: Predicted labels or values, or None to read them off the scores.
        scores: Scores of the positive class, shape (n,), or of each class, (n, k); a list for several outputs.
        classes: The model's classes in the order of the scores, if they are those of the truth.
    """

    labels: Any
    scores: Any
    classes: Array | None


def gather(found: Found, guess: Any, truth: Any, model: Any) -> Arrays:
    """Return what there is without asking the model again."""
    classes = _classes(model, truth)
    prediction = found.prediction
    if not found.is_scores:
        scores = _known_scores(prediction) if found.whole else None
        return Arrays(guess, scores, classes)
    scores = _whole_scores(prediction, guess) if found.whole else _as_probabilities(guess, prediction.kind)
    return Arrays(_known_labels(prediction) if found.whole else None, scores, classes)


def with_labels(arrays: Arrays) -> Arrays:
    """Read the labels off the scores, if the classes are known and there are no labels."""
    scores, classes = arrays.scores, arrays.classes
    if arrays.labels is not None or classes is None or not isinstance(scores, np.ndarray):
        return arrays
    if scores.ndim == 2 and scores.shape[1] == len(classes):
        return arrays._replace(labels=classes[scores.argmax(axis=1)])
    if scores.ndim == 1 and len(classes) == 2:
        threshold = 0.5 if scores.size and scores.min() >= 0 and scores.max() <= 1 else 0.0
        return arrays._replace(labels=classes[(scores > threshold).astype(int)])
    return arrays


def missing_scores(prediction: Prediction, budget: float) -> tuple[Any, str | None]:
    """Ask the model for the scores behind predicted labels, inside `quietly`.

    Returns:
        The scores or None, and why there are none.
    """
    model, data = prediction.model, prediction.source
    if model is None or data is None:
        return None, "the model or its data are gone, or not the whole of them was evaluated"
    if prediction.seconds > budget:
        return None, f"predicting took {prediction.seconds:.1f} s, more than evaluation_budget"
    if getattr(last_step(model), "strategy", None) in _DRAWS_AT_RANDOM:
        return None, "the estimator predicts at random"
    if holds_network(model):
        return None, "asking a network again draws random numbers and changes its mode; call predict_proba as well"
    silent = without_progress(model)
    for method in (PROBABILITIES, DECISION):
        if has(silent, method):
            try:
                return getattr(silent, method)(data), None
            except Exception as error:  # noqa: BLE001 - some offer it and cannot, and it may be the user's own code
                return None, f"{method} raised {type(error).__name__}: {error}"
    return None, "the estimator has neither predict_proba nor decision_function"


def sample_of(scores: Any) -> Array | None:
    """Return an even sample of the rows of scores, to know them again."""
    if not isinstance(scores, np.ndarray) or scores.ndim == 0:
        return None
    step = step_for(scores.size)
    column = scores[:, -1] if scores.ndim == 2 and scores.shape[1] == 2 else scores
    return np.array(column[::step])


def _classes(model: Any, truth: Any) -> Array | None:
    """Return the model's classes, unless the truth speaks of other ones (names where the model saw numbers)."""
    classes = getattr(model, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1:
        return None
    step = step_for(len(truth) if hasattr(truth, "__len__") else 0)
    seen = rows_at(truth, step)
    if seen is None or seen.ndim != 1:
        return None
    if (seen.dtype.kind in "biuf") != (classes.dtype.kind in "biuf"):
        return None
    known = set(classes.tolist())
    return classes if all(label in known for label in seen.tolist()) else None


def _whole_scores(prediction: Prediction, guess: Any) -> Any:
    result = prediction.result
    return _as_probabilities(guess if result is None else result, prediction.kind)


def _as_probabilities(scores: Any, kind: str) -> Any:
    return np.exp(scores) if kind == LOG_PROBABILITIES else scores


def _known_scores(prediction: Prediction) -> Any:
    """Return the scores that labels were derived from, or those of another prediction for the same data."""
    known = [prediction] if prediction.kind != PREDICT else _same_data(prediction)
    scored = (other for other in known if other.kind != PREDICT and other.result is not None)
    return next((_as_probabilities(other.result, other.kind) for other in scored), None)


def _known_labels(prediction: Prediction) -> Any:
    known = _same_data(prediction)
    return next((p.result for p in known if p.kind == PREDICT and p.result is not None), None)


def _same_data(prediction: Prediction) -> list[Prediction]:
    """Return the predictions of the same trained model for the same data, probabilities first."""
    source = prediction.source
    if source is None:
        return []
    same = [other for other in recent_predictions() if other.training is prediction.training and other.source is source]
    return sorted(same, key=lambda other: other.kind == DECISION)
