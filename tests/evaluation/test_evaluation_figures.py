"""Figures are valid Plotly dicts and PNG files, and drawing them touches nothing of the user's matplotlib."""

import io
import json
import subprocess
import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib import image

from autotrack.errors import EvaluationError, MissingDependencyError
from autotrack.evaluation import Evaluation, evaluate, figures


def probabilities(true: Any, classes: Any, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    score = rng.random((true.size, classes))
    score[np.arange(true.size), true] += 0.5
    return score / score.sum(axis=1, keepdims=True)


def examples() -> dict[str, Evaluation]:
    rng = np.random.default_rng(0)
    two, three, many = rng.integers(0, 2, 80), rng.integers(0, 3, 90), rng.integers(0, 60, 900)
    table = rng.normal(size=(50, 2))
    return {
        "binary": evaluate(two, y_score=probabilities(two, 2), class_names=["no $x^$", "<yes>"], split="training"),
        "three": evaluate(three, y_score=probabilities(three, 3)),
        "thirty": evaluate(many % 30, y_score=probabilities(many % 30, 30)),
        "many": evaluate(many, rng.permutation(many)),
        "multilabel": evaluate(rng.integers(0, 2, (60, 3)), y_score=rng.random((60, 3))),
        "regression": evaluate(table[:, 0], table[:, 1]),
        "constant": evaluate([1.5, 1.5], [1.5, 1.5]),
        "outputs": evaluate(table, table + 1),
    }


EVALUATIONS = examples()
PAIRS = [(name, kind) for name, evaluation in EVALUATIONS.items() for kind in figures.available(evaluation)]


def test_available() -> None:
    curves = ["confusion_matrix", "roc_curve", "precision_recall_curve", "calibration_curve", "per_class"]
    assert figures.available(EVALUATIONS["binary"]) == curves
    assert figures.available(EVALUATIONS["many"]) == ["confusion_matrix", "per_class"]
    assert figures.available(EVALUATIONS["multilabel"]) == ["roc_curve", "precision_recall_curve", "per_class"]
    assert figures.available(EVALUATIONS["regression"]) == ["residuals", "predicted_values"]
    assert figures.file_name(EVALUATIONS["binary"], "roc_curve") == "training_roc_curve.png"
    assert set(figures.MLFLOW_KINDS) <= set(curves)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_plotly(name: str, kind: str) -> None:
    shown = figures.figure(EVALUATIONS[name], kind)
    go.Figure(shown)
    json.dumps(shown, allow_nan=False)


def test_plotly_shows_the_numbers() -> None:
    evaluation = evaluate(["a"] * 4 + ["b"] * 2, ["a", "a", "a", "b", "b", "b"])
    (cells,) = figures.figure(evaluation, "confusion_matrix")["data"]
    assert cells["z"] == [[0.75, 0.25], [0.0, 1.0]]
    assert cells["text"][0] == ["3<br>75.0%", "1<br>25.0%"]
    layout = figures.figure(evaluation, "confusion_matrix")["layout"]
    assert layout["yaxis"]["title"]["text"] == "true class"
    assert layout["yaxis"]["autorange"] == "reversed"
    roc = figures.figure(EVALUATIONS["binary"], "roc_curve")["data"]
    area = EVALUATIONS["binary"].metrics["roc_auc"]
    assert [trace["name"] for trace in roc] == [f"&lt;yes&gt; (AUC {area:.3f})", "chance"]


def test_many_classes_show_what_is_confused_most() -> None:
    true = np.repeat(np.arange(50), 10)
    pred = true.copy()
    pred[:7] = 1
    pred[10:13] = 2
    chart = figures.figure(evaluate(true, pred), "confusion_matrix")
    assert chart["data"][0]["x"] == [7.0, 3.0]
    assert chart["layout"]["yaxis"]["ticktext"] == ["0 → 1", "1 → 2"]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_png(name: str, kind: str) -> None:
    data = figures.png(EVALUATIONS[name], kind, dpi=40)
    pixels = image.imread(io.BytesIO(data), format="png")
    assert data.startswith(b"\x89PNG")
    assert pixels.std() > 0.02


def test_the_users_matplotlib_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mpl.rcParams, "text.usetex", True)
    monkeypatch.setitem(mpl.rcParams, "font.size", 30.0)
    before = dict(mpl.rcParams)
    data = figures.png(EVALUATIONS["three"], "confusion_matrix", dpi=40)
    assert data.startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before


def test_pyplot_is_never_imported() -> None:
    code = (
        "import sys; from autotrack.evaluation import evaluate, figures\n"
        "assert 'matplotlib' not in sys.modules and 'plotly' not in sys.modules and 'sklearn' not in sys.modules\n"
        "e = evaluate([0, 1, 1, 0], y_score=[.1, .8, .7, .3])\n"
        "[figures.png(e, kind, dpi=30) for kind in figures.available(e)]\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'plotly' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_matplotlib_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"autotrack\[plots\]"):
        figures.png(EVALUATIONS["binary"], "roc_curve")


def test_a_figure_that_is_not_there() -> None:
    with pytest.raises(EvaluationError, match="no figure 'roc_curve' here; there are: confusion_matrix, per_class"):
        figures.figure(EVALUATIONS["many"], "roc_curve")
    with pytest.raises(EvaluationError, match="no figure 'pie'"):
        figures.png(EVALUATIONS["many"], "pie")
