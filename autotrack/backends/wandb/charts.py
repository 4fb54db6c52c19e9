"""Evaluations and tables as W&B draws them: its own charts, made of the numbers that were recorded.

W&B's helpers (`wandb.plot.confusion_matrix` and its kin) want every label and score again. What they send is a table
and the name of a Vega chart that W&B's pages have; that much can be made of counts and curve points.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import wandb

from autotrack.evaluation.report import Curve, Evaluation

MAX_CELLS = 10_000
MAX_TABLE_BYTES = 2_000_000
LINES = "wandb/area-under-curve/v0"
CURVES = {
    "roc": ("ROC curve", "False positive rate", "True positive rate"),
    "precision_recall": ("Precision-recall curve", "Recall", "Precision"),
    "calibration": ("Calibration", "Mean predicted probability", "Observed share"),
}


def charts(evaluation: Evaluation) -> dict[str, Any]:
    """Return what W&B can show of an evaluation, by key: `<split>/confusion_matrix`, `<split>/roc` and the like."""
    found = dict(_charts(evaluation))
    return {f"{evaluation.split}/{key}": chart for key, chart in found.items()}


def _charts(evaluation: Evaluation) -> Iterator[tuple[str, Any]]:
    if evaluation.matrix is not None and evaluation.matrix.size**2 <= MAX_CELLS:
        yield "confusion_matrix", _matrix(evaluation)
    for kind, words in CURVES.items():
        curves = [curve for curve in evaluation.curves if curve.kind == kind]
        if curves:
            yield kind, _lines(curves, *words)
    if rows := evaluation.class_rows():
        columns = [*rows[0].__struct_fields__]
        yield "classes", _table(columns, ([getattr(row, column) for column in columns] for row in rows))


def _matrix(evaluation: Evaluation) -> Any:
    assert evaluation.matrix is not None  # noqa: S101 - asked by the caller
    dense = evaluation.matrix.to_dense()
    labels = evaluation.labels
    cells = ([true, guess, float(dense[i, j])] for i, true in enumerate(labels) for j, guess in enumerate(labels))
    columns = ["Actual", "Predicted", "nPredictions"]
    title = {"title": f"Confusion matrix ({evaluation.split})"}
    fields = {column: column for column in columns}
    return wandb.plot_table("wandb/confusion_matrix/v1", _table(columns, cells), fields, title)


def _lines(curves: list[Curve], title: str, x: str, y: str) -> Any:
    points = ([curve.name, a, b] for curve in curves for a, b in zip(curve.x.tolist(), curve.y.tolist(), strict=True))
    texts = {"title": title, "x-axis-title": x, "y-axis-title": y}
    return wandb.plot_table(LINES, _table(["class", "x", "y"], points), {"x": "x", "y": "y", "class": "class"}, texts)


def table(path: Path) -> Any | None:
    """Return a CSV file as a table, or None for one that is too large to look at."""
    if path.stat().st_size > MAX_TABLE_BYTES:
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    columns = [_numbers(column) for column in zip(*rows[1:], strict=False)]
    return _table(rows[0], zip(*columns, strict=True)) if rows and columns else None


def _numbers(column: Iterable[str]) -> list[Any]:
    """Return a column as numbers where it holds nothing else."""
    texts = list(column)
    try:
        return [float(text) if text else None for text in texts]
    except ValueError:
        return texts


def _table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Any:
    return wandb.Table(columns=[*columns], data=[list(row) for row in rows], allow_mixed_types=True)
