"""Rank every class against the rest, the largest classes first and within a time budget, and average the areas.

Shared by binary tasks (one class), multiclass and multilabel ones. A class left out because the time was up makes the
averages undefined rather than different from run to run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autotrack.evaluation.curves import MACRO, MICRO, PRECISION_RECALL, ROC, macro_curve, ranking_curves
from autotrack.evaluation.inputs import Limits
from autotrack.evaluation.labels import Codes
from autotrack.evaluation.ranking import areas, one_vs_one, pair_areas, rank
from autotrack.evaluation.report import Curve, FloatArray

MAX_PAIRED_CLASSES = 20
MAX_CLASSES_WITH_CURVES = 100
_LARGEST_SHOWN = 20
_WORST_SHOWN = 10
_POINTS_IN_ALL = 20_000
_LEAST_POINTS = 64
_CHUNK_CELLS = 250_000
_MICRO_CELLS = 2_000_000


class Problem(NamedTuple):
    """Scores and truth of n rows and k classes.

    Attributes:
        positive: Which rows belong to the classes asked for: codes of shape (c,) to booleans of shape (c, n).
        score: Finite, shape (n, k).
        support: True rows of each class, weighted where weights are given, shape (k,).
        names: Of the classes, k of them.
        weights: Shape (n,), or None.
        codes: The class of each row where each row has one, else None.
        limits: Of points and of time.
    """

    positive: Callable[[Codes], npt.NDArray[np.bool_]]
    score: npt.NDArray[Any]
    support: FloatArray
    names: tuple[str, ...]
    weights: FloatArray | None
    codes: Codes | None
    limits: Limits


class Scored(NamedTuple):
    """What ranking gave: metrics by name, reasons, areas of each class (NaN where undefined) and curves."""

    metrics: dict[str, float | None]
    reasons: dict[str, str]
    roc_auc: FloatArray
    average_precision: FloatArray
    curves: list[Curve]


class _Sweep(NamedTuple):
    roc_auc: FloatArray
    average_precision: FloatArray
    curves: dict[int, list[Curve]]
    pairs: FloatArray | None
    skipped: int


def score_one(problem: Problem) -> Scored:
    """Rank a single class: the positive one of a binary task."""
    sweep = _sweep(problem, paired=False)
    metrics, reasons = {}, {}
    for name, column in (("roc_auc", sweep.roc_auc), ("average_precision", sweep.average_precision)):
        metrics[name] = _defined(column[0])
        if metrics[name] is None:
            reasons[name] = "the true rows are all of one class"
    return Scored(metrics, reasons, sweep.roc_auc, sweep.average_precision, sweep.curves.get(0, []))


def score_classes(problem: Problem) -> Scored:
    """Rank each class against the rest; weighted (plain name), `_macro`, `_micro` averages and, of pairs, `_ovo`."""
    size = problem.score.shape[1]
    paired = problem.codes is not None and size <= MAX_PAIRED_CLASSES
    sweep = _sweep(problem, paired=paired and problem.weights is None)
    metrics: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name, column in (("roc_auc", sweep.roc_auc), ("average_precision", sweep.average_precision)):
        _average(name, column, problem.support, sweep.skipped, metrics, reasons)
    if paired:
        metrics["roc_auc_ovo"] = None if sweep.pairs is None else one_vs_one(sweep.pairs, problem.support)
        if metrics["roc_auc_ovo"] is None:
            weighted = problem.weights is not None
            reasons["roc_auc_ovo"] = "not defined with sample weights" if weighted else "no two classes were ranked"
    averages = _micro(problem, metrics, reasons)
    for kind, name in ((ROC, "roc_auc_macro"), (PRECISION_RECALL, "average_precision_macro")):
        area = metrics[name]
        curves = [curve for each in sweep.curves.values() for curve in each]
        macro = None if area is None else macro_curve(curves, kind, area, problem.limits.points)
        averages += [] if macro is None else [macro]
    curves = averages + _selected(sweep, problem.support, reasons)
    return Scored(metrics, reasons, sweep.roc_auc, sweep.average_precision, curves)


def _sweep(problem: Problem, *, paired: bool) -> _Sweep:
    length, size = problem.score.shape
    roc_auc, average_precision = np.full(size, np.nan), np.full(size, np.nan)
    pairs = np.full((size, size), np.nan) if paired else None
    points = max(min(_LEAST_POINTS, problem.limits.points), min(problem.limits.points, _POINTS_IN_ALL // size))
    step = max(1, _CHUNK_CELLS // length)
    order = np.arange(size) if step >= size else np.argsort(-problem.support, kind="stable")
    curves: dict[int, list[Curve]] = {}
    done = 0
    for start in range(0, size, step):
        if start and time.perf_counter() > problem.limits.deadline:
            break
        chosen = order[start : start + step]
        ranking = rank(problem.positive(chosen), np.ascontiguousarray(problem.score[:, chosen].T), problem.weights)
        roc_auc[chosen], average_precision[chosen] = areas(ranking)
        for place, code in enumerate(chosen.tolist()):
            scores = (float(roc_auc[code]), float(average_precision[code]))
            curves[code] = ranking_curves(ranking, place, problem.names[code], scores, limit=points)
        if pairs is not None and problem.codes is not None:
            pairs[chosen] = pair_areas(ranking, problem.codes, size)
        done += chosen.size
    complete = pairs if done == size else None
    return _Sweep(roc_auc, average_precision, curves, complete, size - done)


def _average(
    name: str,
    column: FloatArray,
    support: FloatArray,
    skipped: int,
    metrics: dict[str, float | None],
    reasons: dict[str, str],
) -> None:
    """Weighted and macro average over the classes where the area is defined."""
    defined = ~np.isnan(column)
    number = int(defined.sum())
    macro = f"{name}_{MACRO}"
    if skipped or not number:
        metrics[name] = metrics[macro] = None
        cause = f"time was up with {skipped} of {column.size} classes left" if skipped else "no class with other rows"
        reasons[name] = reasons[macro] = cause
        return
    shares = support[defined]
    metrics[name] = float(shares @ column[defined]) / float(shares.sum())
    metrics[macro] = float(column[defined].mean())
    if number < column.size:
        reasons[macro] = f"over {number} of {column.size} classes: the others have no true rows or no other ones"


def _micro(problem: Problem, metrics: dict[str, float | None], reasons: dict[str, str]) -> list[Curve]:
    """All (row, class) pairs as one ranking."""
    names = (f"roc_auc_{MICRO}", f"average_precision_{MICRO}")
    length, size = problem.score.shape
    cause = None
    if length * size > _MICRO_CELLS:
        cause = f"more than {_MICRO_CELLS:,} scores"
    elif time.perf_counter() > problem.limits.deadline:
        cause = "time was up"
    if cause is not None:
        metrics |= dict.fromkeys(names)
        reasons |= dict.fromkeys(names, cause)
        return []
    positive = problem.positive(np.arange(size)).reshape(1, -1)
    weights = None if problem.weights is None else np.tile(problem.weights, size)
    ranking = rank(positive, np.ascontiguousarray(problem.score.T).reshape(1, -1), weights)
    scores = tuple(float(column[0]) for column in areas(ranking))
    for name, value in zip(names, scores, strict=True):
        metrics[name] = _defined(value)
        if metrics[name] is None:
            reasons[name] = "no class with other rows"
    return ranking_curves(ranking, 0, MICRO, (scores[0], scores[1]), limit=problem.limits.points, average=True)


def _selected(sweep: _Sweep, support: FloatArray, reasons: dict[str, str]) -> list[Curve]:
    """Curves of all classes, or of the largest and the worst ones where they are many."""
    size = support.size
    kept = list(range(size))
    if size > MAX_CLASSES_WITH_CURVES:
        largest = np.argsort(-support, kind="stable")[:_LARGEST_SHOWN]
        worst = np.argsort(sweep.roc_auc, kind="stable")[:_WORST_SHOWN]  # NaN comes last
        kept = sorted({*largest.tolist(), *worst.tolist()})
        reasons["curves"] = f"of {size} classes the {_LARGEST_SHOWN} largest and the {_WORST_SHOWN} worst are kept"
    return [curve for code in kept for curve in sweep.curves.get(code, ())]


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
