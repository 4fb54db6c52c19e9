"""Evaluation: from true and predicted values to numbers and figures, shared by all integrations."""

from autotrack.evaluation.clustering import evaluate_clustering
from autotrack.evaluation.entry import evaluate
from autotrack.evaluation.report import ClassReport, ClassRow, Curve, Evaluation, Matrix, Residuals

__all__ = [
    "ClassReport",
    "ClassRow",
    "Curve",
    "Evaluation",
    "Matrix",
    "Residuals",
    "evaluate",
    "evaluate_clustering",
]
