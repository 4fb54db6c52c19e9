"""What each figure of an evaluation shows, and which figures an evaluation has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from autotrack.evaluation.curves import CALIBRATION, PRECISION_RECALL, ROC
from autotrack.evaluation.marks import Bars, Chart, Line, shorten
from autotrack.evaluation.matrix_charts import class_chart, confusion_chart
from autotrack.evaluation.report import Curve, Evaluation, Residuals

_MAX_CLASS_CURVES = 6
_UNIT = (-0.01, 1.01)


class Kind(NamedTuple):
    """A kind of figure: whether an evaluation has it, and what it shows then."""

    applies: Callable[[Evaluation], bool]
    chart: Callable[[Evaluation], Chart]


def roc_chart(evaluation: Evaluation) -> Chart:
    """True against false positive rate."""
    curves, note = _shown(evaluation, ROC)
    lines = [_line(curve, place, f"AUC {curve.area:.3f}") for place, curve in enumerate(curves)]
    chance = Line(name="chance", x=[0.0, 1.0], y=[0.0, 1.0], color=None, style="dash")
    return Chart(
        title=f"ROC curve ({evaluation.split})",
        note=note,
        x_title="false positive rate",
        y_title="true positive rate",
        marks=(*lines, chance),
        x_range=_UNIT,
        y_range=_UNIT,
        square=True,
    )


def precision_recall_chart(evaluation: Evaluation) -> Chart:
    """Precision against recall; chance is the share of positive rows, known for a binary task."""
    curves, note = _shown(evaluation, PRECISION_RECALL)
    lines = [_line(curve, place, f"AP {curve.area:.3f}") for place, curve in enumerate(curves)]
    if len(curves) == 1 and evaluation.per_class is not None and evaluation.positive is not None:
        support = evaluation.per_class.support
        share = float(support[1] / support.sum())
        lines.append(Line(name=f"chance ({share:.2f})", x=[0.0, 1.0], y=[share, share], color=None, style="dash"))
    return Chart(
        title=f"Precision-recall curve ({evaluation.split})",
        note=note,
        x_title="recall",
        y_title="precision",
        marks=tuple(lines),
        x_range=_UNIT,
        y_range=_UNIT,
        square=True,
    )


def calibration_chart(evaluation: Evaluation) -> Chart:
    """Observed share against predicted probability."""
    curve = next(curve for curve in evaluation.curves if curve.kind == CALIBRATION)
    line = Line(
        name=f"{shorten(curve.name)} (error {curve.area:.3f})", x=curve.x.tolist(), y=curve.y.tolist(), style="linked"
    )
    ideal = Line(name="perfectly calibrated", x=[0.0, 1.0], y=[0.0, 1.0], color=None, style="dash")
    return Chart(
        title=f"Calibration ({evaluation.split})",
        x_title="mean predicted probability",
        y_title="observed share",
        marks=(line, ideal),
        x_range=(-0.02, 1.02),
        y_range=(-0.02, 1.02),
        square=True,
    )


def residual_chart(evaluation: Evaluation) -> Chart:
    """How often which residual occurs."""
    residuals = evaluation.residuals[0]
    edges = residuals.edges
    return Chart(
        title=f"Residuals ({evaluation.split})",
        note=_output_note(evaluation, residuals),
        x_title="true minus predicted",
        y_title="rows",
        marks=(
            Bars(
                name="",
                places=((edges[1:] + edges[:-1]) / 2).tolist(),
                lengths=residuals.counts.tolist(),
                width=float(edges[1] - edges[0]) or 1.0,
            ),
        ),
    )


def prediction_chart(evaluation: Evaluation) -> Chart:
    """True against predicted values of a sample of rows."""
    residuals = evaluation.residuals[0]
    both = np.concatenate([residuals.predicted, residuals.true])
    ends = [float(both.min()), float(both.max())]
    points = Line(name="rows", x=residuals.predicted.tolist(), y=residuals.true.tolist(), style="dots")
    ideal = Line(name="predicted = true", x=ends, y=ends, color=None, style="dash")
    return Chart(
        title=f"True and predicted values ({evaluation.split})",
        note=_output_note(evaluation, residuals),
        x_title="predicted",
        y_title="true",
        marks=(points, ideal),
    )


KINDS = {
    "confusion_matrix": Kind(lambda evaluation: evaluation.matrix is not None, confusion_chart),
    "roc_curve": Kind(lambda evaluation: _has(evaluation, ROC), roc_chart),
    "precision_recall_curve": Kind(lambda evaluation: _has(evaluation, PRECISION_RECALL), precision_recall_chart),
    "calibration_curve": Kind(lambda evaluation: _has(evaluation, CALIBRATION), calibration_chart),
    "per_class": Kind(lambda evaluation: evaluation.per_class is not None, class_chart),
    "residuals": Kind(lambda evaluation: bool(evaluation.residuals), residual_chart),
    "predicted_values": Kind(lambda evaluation: bool(evaluation.residuals), prediction_chart),
}


def _has(evaluation: Evaluation, kind: str) -> bool:
    return any(curve.kind == kind for curve in evaluation.curves)


def _shown(evaluation: Evaluation, kind: str) -> tuple[Sequence[Curve], str]:
    """Averages and at most six classes, those with the smallest area, and a note if there are more."""
    curves = [curve for curve in evaluation.curves if curve.kind == kind]
    averages = [curve for curve in curves if curve.average]
    classes = [curve for curve in curves if not curve.average]
    if len(classes) <= _MAX_CLASS_CURVES:
        return averages + classes, ""
    worst = sorted(classes, key=lambda curve: curve.area)[:_MAX_CLASS_CURVES]
    return averages + worst, f"averages and the {_MAX_CLASS_CURVES} lowest of {len(evaluation.labels)} classes"


def _line(curve: Curve, place: int, figure: str) -> Line:
    name = f"{curve.name} average" if curve.average else shorten(curve.name)
    return Line(name=f"{name} ({figure})", x=curve.x.tolist(), y=curve.y.tolist(), color=place)


def _output_note(evaluation: Evaluation, residuals: Residuals) -> str:
    number = len(evaluation.labels)
    return f"output {shorten(residuals.name)}, the first of {number}" if number > 1 else ""
