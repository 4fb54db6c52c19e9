"""Predict on the training data once, within a budget: all rows where that is cheap, else an even sample of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from autotrack.integrations.sklearn.kinds import CLASSIFIER, has, is_search, last_step, shallow_copy

# Their predict takes the class of the highest probability, and nothing else: one prediction serves for both.
_ARGMAX_OF_PROBABILITY = {"ForestClassifier.predict", "BaggingClassifier.predict"}


def take(data: Any, rows: Any) -> Any:
    """Return rows of an array, frame, sparse matrix or list; all of them where `rows` is None."""
    return data if rows is None or data is None else _safe_indexing(data, rows)


def predict(estimator: Any, X: Any, kind: str | None) -> tuple[Any, Any, str | None]:
    """Return labels, scores (or None), and why there are no scores."""
    silent = without_progress(estimator)
    if kind != CLASSIFIER:
        return silent.predict(X), None, None
    scores, missing = _scores(silent, X)
    if scores is not None and _takes_argmax(silent) and isinstance(scores, np.ndarray):
        return last_step(silent).classes_.take(scores.argmax(axis=1), axis=0), scores, missing
    return silent.predict(X), scores, missing


def _scores(estimator: Any, X: Any) -> tuple[Any, str | None]:
    for method in ("predict_proba", "decision_function"):
        if has(estimator, method):
            try:
                return getattr(estimator, method)(X), None
            except Exception as error:  # noqa: BLE001 - some offer it and cannot: SVC after sparse data, wrappers
                return None, f"{method} raised {type(error).__name__}: {error}"
    return None, "the estimator has neither predict_proba nor decision_function"


def _takes_argmax(estimator: Any) -> bool:
    method = type(last_step(estimator)).predict
    return method.__module__.startswith("sklearn.") and method.__qualname__ in _ARGMAX_OF_PROBABILITY


def without_progress(estimator: Any) -> Any:
    """Return the estimator, or a shallow copy that prints nothing where it would (forests with `verbose=1`)."""
    if is_search(estimator):
        return without_progress(estimator.best_estimator_)
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and any(getattr(step[-1], "verbose", 0) for step in steps if isinstance(step, tuple)):
        quiet = shallow_copy(estimator)
        quiet.steps = [(name, without_progress(step)) for name, step in steps]
        return quiet
    if getattr(estimator, "verbose", 0):
        quiet = shallow_copy(estimator)
        quiet.verbose = 0
        return quiet
    return estimator
