"""Charts about classes: the confusion matrix, the most frequent confusions, precision and recall of each class."""

from __future__ import annotations

import numpy as np

from autotrack.evaluation.marks import Bars, Cells, Chart, Line, shorten
from autotrack.evaluation.report import Evaluation, FloatArray, Matrix

MAX_CLASSES_IN_FULL = 40
_MAX_CLASSES_WITH_TEXT = 20
_MAX_CLASSES_WITH_SHARES = 8
_TOP = 25


def confusion_chart(evaluation: Evaluation) -> Chart:
    """All cells where they can be read, else the most frequent confusions."""
    matrix = evaluation.matrix
    if matrix is None:
        raise ValueError("this evaluation has no confusion matrix")
    return _top_confused(evaluation, matrix) if matrix.size > MAX_CLASSES_IN_FULL else _full(evaluation, matrix)


def class_chart(evaluation: Evaluation) -> Chart:
    """F1 as bars, precision and recall as dots, the worst classes first."""
    rows = sorted((row for row in evaluation.class_rows() if row.f1 is not None), key=lambda row: row.f1 or 0.0)[:_TOP]
    places = [float(place) for place in range(len(rows))]
    number = len(evaluation.labels)
    marks: list[Line | Bars] = [
        Bars(name="F1", places=places, lengths=[row.f1 or 0.0 for row in rows], width=0.7, color=5, flat=True)
    ]
    for name, color in (("precision", 0), ("recall", 1)):
        known = [
            (value, place) for row, place in zip(rows, places, strict=True) if (value := getattr(row, name)) is not None
        ]
        marks.append(Line(name=name, x=[x for x, _ in known], y=[y for _, y in known], color=color, style="dots"))
    return Chart(
        title=f"Precision, recall and F1 by class ({evaluation.split})",
        note=f"the {len(rows)} lowest of {number} classes by F1" if len(rows) < number else "",
        x_title="score",
        y_title="",
        marks=tuple(marks),
        x_range=(0.0, 1.02),
        y_ticks=[f"{shorten(row.label)} ({row.support or 0:g})" for row in rows],
    )


def _full(evaluation: Evaluation, matrix: Matrix) -> Chart:
    """Rows true, columns predicted: counts as text, colour by share of the true class."""
    dense = matrix.to_dense().astype(np.float64)
    shares = _row_shares(dense)
    labels = [shorten(label, 16) for label in evaluation.labels]
    return Chart(
        title=f"Confusion matrix ({evaluation.split})",
        x_title="predicted class",
        y_title="true class",
        marks=(Cells(shares=shares.tolist(), texts=_texts(dense, shares), legend="share of true class"),),
        x_ticks=labels,
        y_ticks=labels,
        square=True,
    )


def _row_shares(dense: FloatArray) -> FloatArray:
    totals = dense.sum(axis=1, keepdims=True)
    shares: FloatArray = np.divide(dense, totals, out=np.zeros_like(dense), where=totals > 0)
    return shares


def _texts(dense: FloatArray, shares: FloatArray) -> list[list[str]] | None:
    size = len(dense)
    if size > _MAX_CLASSES_WITH_TEXT:
        return None
    with_share = size <= _MAX_CLASSES_WITH_SHARES
    return [
        [_text(count, share, with_share=with_share) for count, share in zip(counts, row, strict=True)]
        for counts, row in zip(dense.tolist(), shares.tolist(), strict=True)
    ]


def _text(count: float, share: float, *, with_share: bool) -> str:
    if not count and not with_share:
        return ""
    number = f"{count:,.0f}" if count == round(count) else f"{count:,.4g}"
    return f"{number}\n{share:.1%}" if with_share else number


def _top_confused(evaluation: Evaluation, matrix: Matrix) -> Chart:
    """The largest cells beside the diagonal."""
    wrong = np.flatnonzero(matrix.rows != matrix.columns)
    top = wrong[np.argsort(-matrix.counts[wrong], kind="stable")[:_TOP]]
    labels = evaluation.labels
    return Chart(
        title=f"Most frequent confusions ({evaluation.split})",
        note=f"of {matrix.size:,} classes, {wrong.size:,} confused pairs",
        x_title="rows",
        y_title="true → predicted",
        marks=(
            Bars(
                name="",
                places=[float(place) for place in range(top.size)],
                lengths=matrix.counts[top].astype(np.float64).tolist(),
                width=0.7,
                flat=True,
            ),
        ),
        y_ticks=[f"{shorten(labels[matrix.rows[at]])} → {shorten(labels[matrix.columns[at]])}" for at in top.tolist()],
    )
