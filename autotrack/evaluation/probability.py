"""What probabilities, not only rankings, are needed for: log loss, Brier score; and the rank of the true class."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autotrack.evaluation.labels import Codes
from autotrack.evaluation.report import FloatArray

Scores = npt.NDArray[Any]

_LEAST_TOLERANCE = 1e-5
_CHUNK_CELLS = 1_000_000


def are_finite(score: Scores) -> bool:
    """Whether no score is NaN or infinite."""
    return bool(np.isfinite(score.min()) and np.isfinite(score.max()))


def are_probabilities(score: Scores) -> bool:
    """Whether scores lie between 0 and 1 and, with a column for each class, rows add up to 1.

    Args:
        score: Finite, shape (n,) or (n, k).
    """
    if score.min() < 0 or score.max() > 1:
        return False
    if score.ndim == 1:
        return True
    tolerance = max(_LEAST_TOLERANCE, float(np.finfo(score.dtype).eps) ** 0.5)
    sums = score.sum(axis=1)
    return bool(abs(sums.min() - 1) <= tolerance and abs(sums.max() - 1) <= tolerance)


def log_loss(of_true: Scores, weights: FloatArray | None) -> float:
    """Mean negative logarithm of the probability given to the true class, clipped at the precision of its type.

    Args:
        of_true: Shape (n,).
        weights: Shape (n,), or None.
    """
    epsilon = float(np.finfo(of_true.dtype).eps)
    clipped = np.minimum(np.maximum(of_true.astype(np.float64, copy=False), epsilon), 1 - epsilon)
    return -mean(np.log(clipped), weights)


def brier_score(score: Scores, of_true: Scores, weights: FloatArray | None) -> float:
    """Mean squared distance between probabilities and the truth, over classes added up (0 to 2).

    Args:
        score: Shape (n, k).
        of_true: The column of the true class, shape (n,).
        weights: Shape (n,), or None.
    """
    squares = np.einsum("ij,ij->i", score, score, dtype=np.float64)
    return mean(squares - 2.0 * of_true + 1.0, weights)


def top_k_accuracy(score: Scores, true: Codes, number: int, weights: FloatArray | None) -> float:
    """Share of the rows whose true class is among the `number` highest scores; a tie goes to the higher class.

    Args:
        score: Shape (n, k).
        true: Codes, shape (n,); a code of k or more is never among them.
        number: How many count.
        weights: Shape (n,), or None.
    """
    length, size = score.shape
    hit = np.empty(length, dtype=bool)
    step = max(1, _CHUNK_CELLS // size)
    places = np.arange(size)
    for start in range(0, length, step):
        part, code = score[start : start + step], true[start : start + step, None]
        own = np.take_along_axis(part, np.minimum(code, size - 1), axis=1)
        ahead = np.count_nonzero((part > own) | ((part == own) & (places > code)), axis=1)
        hit[start : start + step] = (ahead < number) & (code[:, 0] < size)
    return mean(hit, weights)


def mean(values: npt.NDArray[Any], weights: FloatArray | None) -> float:
    """Mean of a column, weighted where weights are given."""
    if weights is None:
        return float(values.mean())
    return float(weights @ values) / float(weights.sum())
