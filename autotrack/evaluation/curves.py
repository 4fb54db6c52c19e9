"""From ranked scores to the points of ROC, precision-recall and calibration curves, few enough to store and draw.

A thinned curve keeps its end points, the corners of its convex hull (ROC: the thresholds that can be optimal) and
points evenly spaced along its length, half of the spacing by x and half by y, so its area moves by less than 0.001.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autotrack.evaluation.labels import Codes
from autotrack.evaluation.ranking import Ranking
from autotrack.evaluation.report import Curve, FloatArray

ROC = "roc"
PRECISION_RECALL = "precision_recall"
CALIBRATION = "calibration"
MICRO = "micro"
MACRO = "macro"

CALIBRATION_BINS = 10
_HULL_PASSES = 64
_GRID_POINTS = 1001
_JUST_BEFORE = 1e-9

Mask = npt.NDArray[np.bool_]


def ranking_curves(
    ranking: Ranking, place: int, name: str, scores: tuple[float, float], *, limit: int, average: bool = False
) -> list[Curve]:
    """The ROC and the precision-recall curve of one ranked class, each only where it is defined.

    Args:
        ranking: Ranked classes.
        place: Which of them.
        name: Name of the class or of the average.
        scores: Its ROC AUC and average precision, from `areas`.
        limit: Largest number of points.
        average: Whether this is a micro average.
    """
    part = slice(ranking.bounds[place], ranking.bounds[place + 1])
    hits = np.concatenate(([0.0], ranking.hits[part]))
    alarms = np.concatenate(([0.0], ranking.alarms[part]))
    thresholds = np.concatenate(([np.inf], ranking.thresholds[part]))
    curves = []
    if hits[-1] > 0 and alarms[-1] > 0:
        kept = _roc_points(alarms, hits, limit)
        x, y = alarms[kept] / alarms[-1], hits[kept] / hits[-1]
        curves.append(_curve(ROC, name, x, y, scores[0], thresholds[kept], average=average))
    if hits[-1] > 0:
        recall = hits / hits[-1]
        precision = hits / np.maximum(hits + alarms, np.finfo(np.float64).tiny)
        precision[0] = 1.0
        kept = _precision_recall_points(recall, precision, limit)
        curves.append(
            _curve(PRECISION_RECALL, name, recall[kept], precision[kept], scores[1], thresholds[kept], average=average)
        )
    return curves


def macro_curve(curves: Sequence[Curve], kind: str, area: float, limit: int) -> Curve | None:
    """The vertical mean of the curves of one kind: at each x the mean of their y; None without any."""
    parts = [(curve.x.astype(np.float64), curve.y.astype(np.float64)) for curve in curves if curve.kind == kind]
    if not parts:
        return None
    grid = _common_grid([x for x, _ in parts])
    mean = np.zeros(grid.size)
    for x, y in parts:
        mean += np.interp(grid, x, y)
    x = np.concatenate(([0.0], grid))
    y = np.concatenate(([sum(float(y[0]) for _, y in parts)], mean)) / len(parts)
    kept = _spaced(x, y, limit)
    return _curve(kind, MACRO, x[kept], y[kept], area, np.empty(0), average=True)


def calibration_curve(outcome: Mask, probability: FloatArray, weights: FloatArray | None, name: str) -> Curve:
    """Observed share against predicted probability in ten equal bins; empty bins are left out.

    Its area is the expected calibration error (Naeini et al. 2015): the mean distance between the two, by rows.

    Args:
        outcome: Whether what was predicted came true, shape (n,).
        probability: From 0 to 1, shape (n,).
        weights: Shape (n,), or None.
        name: Whose probability it is.
    """
    edges = np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)
    bins = np.searchsorted(edges[1:-1], probability)
    heavy: FloatArray = np.ones(bins.size) if weights is None else weights
    total, predicted, observed = (
        np.bincount(bins, column, minlength=CALIBRATION_BINS).astype(np.float64, copy=False)
        for column in (heavy, heavy * probability, heavy * outcome)
    )
    filled = total > 0
    total, predicted, observed = total[filled], predicted[filled], observed[filled]
    return Curve(
        kind=CALIBRATION,
        name=name,
        x=(predicted / total).astype(np.float32),
        y=(observed / total).astype(np.float32),
        area=float(np.abs(predicted - observed).sum() / total.sum()),
        weights=total,
    )


def _curve(
    kind: str,
    name: str,
    x: FloatArray,
    y: FloatArray,
    area: float,
    thresholds: npt.NDArray[np.floating],
    *,
    average: bool,
) -> Curve:
    return Curve(
        kind=kind,
        name=name,
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        area=float(area),
        average=average,
        thresholds=thresholds.astype(np.float64, copy=False),
    )


def _roc_points(alarms: FloatArray, hits: FloatArray, limit: int) -> Codes:
    """Corners only; beyond the limit the corners of the hull and points evenly spaced."""
    corners = np.flatnonzero(_framed(_turn(alarms, hits) != 0))
    if corners.size <= limit:
        return corners
    alarms, hits = alarms[corners], hits[corners]
    hull = _hull(alarms, hits)
    hull = hull[:: hull.size // (limit // 2) + 1]
    spaced = _spaced(alarms, hits, limit - hull.size)
    return corners[np.union1d(hull, spaced)]


def _precision_recall_points(recall: FloatArray, precision: FloatArray, limit: int) -> Codes:
    """Of a vertical or level stretch only the ends; beyond the limit points evenly spaced."""
    across, up = recall[1:] != recall[:-1], precision[1:] != precision[:-1]
    corners = np.flatnonzero(_framed((across[:-1] | across[1:]) & (up[:-1] | up[1:])))
    return corners[_spaced(recall[corners], precision[corners], limit)]


def _turn(x: FloatArray, y: FloatArray) -> FloatArray:
    """For each inner point: negative for a right turn, positive for a left one, 0 where the curve goes straight on."""
    across, up = np.diff(x), np.diff(y)
    return across[:-1] * up[1:] - across[1:] * up[:-1]


def _framed(inner: Mask) -> Mask:
    return np.concatenate(([True], inner, [True]))


def _hull(x: FloatArray, y: FloatArray) -> Codes:
    """Corners of the upper convex hull of a monotone curve, by dropping all points that do not turn right, repeatedly.

    A corner of the hull turns right between any two other points, so it is never dropped; the passes are bounded, and
    what remains after the last one may hold a few points more than the hull.
    """
    kept = np.arange(x.size)
    for _ in range(_HULL_PASSES):
        right = _framed(_turn(x[kept], y[kept]) < 0)
        if right.all():
            break
        kept = kept[right]
    return kept


def _spaced(x: FloatArray, y: FloatArray, limit: int) -> Codes:
    """At most `limit` indices, the ends among them, evenly spaced by relative change of x plus that of y."""
    if x.size <= limit:
        return np.arange(x.size)
    steps = sum(np.abs(np.diff(v)) / max(float(np.abs(np.diff(v)).sum()), _JUST_BEFORE) for v in (x, y))
    way = np.concatenate(([0.0], np.cumsum(steps)))
    marks = np.searchsorted(way, np.linspace(0.0, way[-1], limit - 1))
    return np.unique(np.append(marks, x.size - 1))


def _common_grid(columns: list[FloatArray]) -> FloatArray:
    """Every x of the curves and the moment before it, so that no jump is slanted; an even grid if these are many."""
    if sum(x.size for x in columns) > _GRID_POINTS:
        return np.linspace(0.0, 1.0, _GRID_POINTS)
    places = np.unique(np.concatenate(columns))
    return np.sort(np.concatenate([places, places[1:] - _JUST_BEFORE]))
