"""Numbers become pictures: an evaluation's figures for Plotly, as plain dicts, or as PNG files.

This is off the training thread's path: the web page, a notebook or a backend that wants images asks for them.
"""

from __future__ import annotations

from typing import Any

from autotrack.errors import EvaluationError
from autotrack.evaluation.charts import KINDS
from autotrack.evaluation.marks import Chart
from autotrack.evaluation.matplotlib_chart import to_png
from autotrack.evaluation.plotly_chart import to_plotly
from autotrack.evaluation.report import Evaluation

MLFLOW_KINDS = ("confusion_matrix", "roc_curve", "precision_recall_curve")
"""The kinds that MLflow's autologging draws, as `<split>_<kind>.png`."""


def available(evaluation: Evaluation) -> list[str]:
    """The kinds of figure this evaluation has, such as "roc_curve"."""
    return [name for name, kind in KINDS.items() if kind.applies(evaluation)]


def figure(evaluation: Evaluation, kind: str) -> dict[str, Any]:
    """A Plotly figure as a dict of builtins: `data` and `layout`.

    Args:
        evaluation: What to draw.
        kind: One of `available(evaluation)`.

    Raises:
        EvaluationError: If the evaluation has no such figure.
    """
    return to_plotly(_chart(evaluation, kind))


def png(evaluation: Evaluation, kind: str, *, dpi: int = 150) -> bytes:
    """A figure as PNG, drawn with matplotlib.

    Args:
        evaluation: What to draw.
        kind: One of `available(evaluation)`.
        dpi: Pixels per inch; the figures are 5 to 13 inches wide.

    Raises:
        EvaluationError: If the evaluation has no such figure.
        MissingDependencyError: If matplotlib is not installed.
    """
    return to_png(_chart(evaluation, kind), dpi)


def file_name(evaluation: Evaluation, kind: str) -> str:
    """The name of a figure's file: `<split>_<kind>.png`, as MLflow has it."""
    return f"{evaluation.split}_{kind}.png"


def _chart(evaluation: Evaluation, kind: str) -> Chart:
    if kind not in KINDS or not KINDS[kind].applies(evaluation):
        have = ", ".join(available(evaluation)) or "none"
        why = evaluation.reasons.get("y_score") or evaluation.reasons.get(kind.removesuffix("_curve"))
        raise EvaluationError(f"no figure {kind!r} here; there are: {have}" + (f" ({why})" if why else ""))
    return KINDS[kind].chart(evaluation)
