"""What scores add to a binary or multiclass evaluation: ranking, log loss, Brier score, calibration, top-k accuracy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from autotrack.evaluation import probability
from autotrack.evaluation.curves import CALIBRATION, calibration_curve
from autotrack.evaluation.inputs import Array, Limits
from autotrack.evaluation.labels import Codes
from autotrack.evaluation.one_vs_rest import Problem, Scored, score_classes, score_one
from autotrack.evaluation.report import Curve, FloatArray

_PAIR = 2
_TOP_K = 5
_NEED_PROBABILITIES = ("log_loss", "brier_score", "expected_calibration_error")


class Rows(NamedTuple):
    """Rows with scores.

    Attributes:
        true: Codes of the true classes, shape (n,) with n > 0.
        score: Finite; (n,) for the second of two classes, or (n, k) for the first k of the classes.
        weights: Shape (n,), or None.
        names: Of the classes.
    """

    true: Codes
    score: Array
    weights: FloatArray | None
    names: tuple[str, ...]


def column_count(score: Array) -> int:
    """For how many classes there are scores."""
    return _PAIR if score.ndim == 1 else score.shape[1]


def why_unusable(score: Array | None, known: int) -> str | None:
    """Why scores for `known` classes cannot be used; None if they can."""
    if score is None:
        return "not given: no ROC, precision-recall and calibration curves, no log loss"
    if column_count(score) != known:
        return f"has scores for {column_count(score)} classes where {known} are known"
    if not probability.are_finite(score):
        return f"{int((~np.isfinite(score)).sum())} scores are not finite"
    return None


def predict(score: Array) -> Codes:
    """The class with the highest score; of a single column the second class above a half, or above 0 of a decision."""
    if score.ndim == 1:
        threshold = 0.5 if probability.are_probabilities(score) else 0.0
        return (score > threshold).astype(np.int64)
    return np.asarray(score.argmax(axis=1))


def score_positive(rows: Rows, support: FloatArray, limits: Limits) -> Scored:
    """Metrics and curves of the second of two classes; the table of both."""
    positive = rows.score if rows.score.ndim == 1 else rows.score[:, 1]
    outcome = rows.true == 1
    problem = Problem(
        lambda _: outcome[None, :], positive[:, None], support[1:2], rows.names[1:2], rows.weights, None, limits
    )
    scored = score_one(problem)
    cause = _why_no_probabilities(rows)
    if cause is None:
        of_true = np.where(outcome, positive, 1 - positive)
        scored.metrics["log_loss"] = probability.log_loss(of_true, rows.weights)
        scored.metrics["brier_score"] = probability.mean((1.0 - of_true) ** 2, rows.weights)
        _add_calibration(scored, calibration_curve(outcome, positive, rows.weights, rows.names[1]))
    else:
        _excuse(scored, cause)
    return scored._replace(
        roc_auc=np.repeat(scored.roc_auc, _PAIR),  # seen from the other class the area is the same
        average_precision=np.append(np.nan, scored.average_precision),
    )


def score_all(rows: Rows, support: FloatArray, limits: Limits) -> Scored:
    """Metrics and curves over all classes that have scores; classes that have none get NaN in the table."""
    score, true = rows.score, rows.true
    size = score.shape[1]
    problem = Problem(
        lambda chosen: true == chosen[:, None], score, support[:size], rows.names[:size], rows.weights, true, limits
    )
    scored = score_classes(problem)
    if size > _TOP_K:
        top = probability.top_k_accuracy(score, true, _TOP_K, rows.weights)
        scored.metrics[f"top_{_TOP_K}_accuracy_score"] = top
    cause = _why_no_probabilities(rows)
    if cause is None:
        places = np.arange(true.size)
        of_true = score[places, true]
        scored.metrics["log_loss"] = probability.log_loss(of_true, rows.weights)
        scored.metrics["brier_score"] = probability.brier_score(score, of_true, rows.weights)
        top_label = score.argmax(axis=1)
        curve = calibration_curve(top_label == true, score[places, top_label], rows.weights, "top label")
        _add_calibration(scored, curve)
    else:
        _excuse(scored, cause)
    unknown = np.full(support.size - size, np.nan)
    return scored._replace(
        roc_auc=np.append(scored.roc_auc, unknown), average_precision=np.append(scored.average_precision, unknown)
    )


def _why_no_probabilities(rows: Rows) -> str | None:
    if not probability.are_probabilities(rows.score):
        return "the scores are no probabilities (from 0 to 1, adding up to 1)"
    if int(rows.true.max()) >= column_count(rows.score):
        return "the data hold a class that the scores do not know"
    return None


def _add_calibration(scored: Scored, curve: Curve) -> None:
    scored.metrics["expected_calibration_error"] = curve.area
    scored.curves.append(curve)


def _excuse(scored: Scored, cause: str) -> None:
    scored.metrics.update(dict.fromkeys(_NEED_PROBABILITIES))
    scored.reasons.update(dict.fromkeys((*_NEED_PROBABILITIES, CALIBRATION), cause))
