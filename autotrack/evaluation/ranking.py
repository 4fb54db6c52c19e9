"""How well scores rank rows: one sort per class gives its ROC curve, its AUC and its average precision.

Several classes are sorted in one call and their sorted rows laid end to end, so that three classes of 150 rows cost
hardly more than one. Ties share one point. Areas: Fawcett, "An introduction to ROC analysis" (2006), and for pairs of
classes Hand and Till (2001).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autotrack.evaluation.labels import Codes
from autotrack.evaluation.report import FloatArray

_TINY = np.finfo(np.float64).tiny


class Ranking(NamedTuple):
    """Distinct scores of c classes in falling order, class after class.

    Attributes:
        hits: Weight of the positive rows whose score is at least this one, within the class.
        alarms: Weight of the negative rows, likewise.
        thresholds: The scores.
        bounds: Class j has the entries bounds[j] to bounds[j + 1]; shape (c + 1,).
        rows: The rows in falling order of score, shape (c, n).
        ends: Position of each entry's last row in `rows`, flattened.
    """

    hits: FloatArray
    alarms: FloatArray
    thresholds: npt.NDArray[Any]
    bounds: Codes
    rows: Codes
    ends: Codes


def rank(positive: npt.NDArray[np.bool_], score: npt.NDArray[Any], weights: FloatArray | None = None) -> Ranking:
    """Sort rows by score, for each class.

    Args:
        positive: Whether a row belongs to the class, shape (c, n) with n > 0.
        score: Finite, shape (c, n), contiguous.
        weights: Shape (n,), or None.
    """
    number, length = score.shape
    rows = np.argsort(score, axis=1)[:, ::-1]
    flat = (rows if number == 1 else rows + np.arange(0, number * length, length)[:, None]).ravel()
    falling = score.ravel()[flat]
    belongs = positive.ravel()[flat].reshape(number, length)
    last = np.empty(flat.size, dtype=bool)
    np.not_equal(falling[1:], falling[:-1], out=last[:-1])
    last[length - 1 :: length] = True
    ends = np.flatnonzero(last)
    if weights is None:
        hits = np.cumsum(belongs, axis=1, dtype=np.float64).ravel()[ends]
        alarms = ends % length + 1 - hits
    else:
        heavy = weights[rows]
        hits = np.cumsum(np.where(belongs, heavy, 0.0), axis=1).ravel()[ends]
        alarms = np.cumsum(np.where(belongs, 0.0, heavy), axis=1).ravel()[ends]
    bounds = np.searchsorted(ends, np.arange(0, flat.size + 1, length))
    return Ranking(hits, alarms, falling[ends], bounds, rows, ends)


def areas(ranking: Ranking) -> tuple[FloatArray, FloatArray]:
    """Area under the ROC curve and average precision of each class, shape (c,); NaN where undefined."""
    hits, alarms = ranking.hits, ranking.alarms
    starts, finals = ranking.bounds[:-1], ranking.bounds[1:] - 1
    gained = hits - previous(hits, starts)
    strips = (alarms - previous(alarms, starts)) * (2 * hits - gained)
    precision = hits / np.maximum(hits + alarms, _TINY)
    positives, negatives = hits[finals], alarms[finals]
    roc_auc = np.add.reduceat(strips, starts) / (2 * positives * negatives)
    average_precision = np.add.reduceat(gained * precision, starts) / positives
    roc_auc[(positives == 0) | (negatives == 0)] = np.nan
    average_precision[positives == 0] = np.nan
    return roc_auc, average_precision


def pair_areas(ranking: Ranking, codes: Codes, size: int) -> FloatArray:
    """Area under the ROC curve of each ranked class against each single other class, unweighted rows.

    Returns:
        Shape (c, size): row j, column b is the chance that a row of ranked class j has a higher score for that class
        than a row of class b (ties count half). NaN where one of them has no rows.
    """
    number = ranking.rows.shape[0]
    before = previous(ranking.hits, ranking.bounds[:-1])
    repeats = np.diff(ranking.ends, prepend=-1)
    above = np.repeat((before + ranking.hits) / 2, repeats)
    support = np.bincount(codes, minlength=size)
    stride = support.size  # more than size if there are classes without scores
    keys = codes[ranking.rows] + np.arange(0, number * stride, stride)[:, None]
    sums = np.bincount(keys.ravel(), above, minlength=number * stride).reshape(number, stride)[:, :size]
    support = support[:size]
    positives = ranking.hits[ranking.bounds[1:] - 1]
    pairs = positives[:, None] * support[None, :]
    return np.where(pairs > 0, sums / np.where(pairs > 0, pairs, 1), np.nan)


def one_vs_one(pairs: FloatArray, support: FloatArray) -> float | None:
    """Mean of the areas of all pairs of classes that occur, weighted by their rows; None if there is no pair.

    Args:
        pairs: Shape (k, k), from `pair_areas`.
        support: Rows of each class, shape (k,).
    """
    first, second = np.triu_indices(support.size, 1)
    occurs = (support[first] > 0) & (support[second] > 0)
    if not occurs.any():
        return None
    first, second = first[occurs], second[occurs]
    both = (pairs[first, second] + pairs[second, first]) / 2
    return float(np.average(both, weights=support[first] + support[second]))


def previous(values: FloatArray, starts: Codes) -> FloatArray:
    """Each entry's predecessor within its class, 0 for the first one."""
    shifted = np.empty_like(values)
    shifted[1:] = values[:-1]
    shifted[starts] = 0.0
    return shifted
