"""An evaluation as the scripts of the page draw it: plain lists, within a size that a browser takes in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation

MAX_CELLS = 50_000
MAX_CURVES = 60
MAX_CURVE_POINTS = 400


def evaluation_data(evaluation: Evaluation) -> dict[str, Any]:
    """Return what the page draws of an evaluation."""
    return {
        "split": evaluation.split,
        "task": evaluation.task,
        "rows": evaluation.n_rows,
        "labels": list(evaluation.labels),
        "positive": evaluation.positive,
        "matrix": _matrix(evaluation),
        "curves": _curves(evaluation),
        "support": [] if evaluation.per_class is None else evaluation.per_class.support.tolist(),
        "residuals": [
            {
                "name": one.name,
                "counts": one.counts.tolist(),
                "edges": one.edges.tolist(),
                "predicted": one.predicted.tolist(),
                "true": one.true.tolist(),
            }
            for one in evaluation.residuals
        ],
        "sizes": list(evaluation.sizes),
    }


def _matrix(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return the cells of the confusion matrix, the largest ones where there are too many."""
    matrix = evaluation.matrix
    if matrix is None:
        return None
    order = np.argsort(-matrix.counts, kind="stable")[:MAX_CELLS]
    return {
        "size": matrix.size,
        "rows": matrix.rows[order].tolist(),
        "columns": matrix.columns[order].tolist(),
        "counts": matrix.counts[order].tolist(),
        "omitted": float(matrix.omitted) + float(matrix.counts.sum() - matrix.counts[order].sum()),
    }


def _curves(evaluation: Evaluation) -> list[dict[str, Any]]:
    averages_first = sorted(evaluation.curves, key=lambda curve: not curve.average)
    return [
        {
            "kind": curve.kind,
            "name": curve.name,
            "average": curve.average,
            "x": np.round(curve.x[_thinned(curve.x.size)].astype(float), 5).tolist(),
            "y": np.round(curve.y[_thinned(curve.x.size)].astype(float), 5).tolist(),
            "thresholds": curve.thresholds[_thinned(curve.thresholds.size)].tolist(),
            "area": float(curve.area),
        }
        for curve in averages_first[:MAX_CURVES]
    ]


def _thinned(size: int) -> Any:
    if size <= MAX_CURVE_POINTS:
        return slice(None)
    return np.unique(np.linspace(0, size - 1, MAX_CURVE_POINTS).astype(np.intp))
