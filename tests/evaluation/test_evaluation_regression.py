"""Regression metrics are scikit-learn's, for one and several outputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate
from autotrack.evaluation.regression import METRICS


@settings(deadline=None, max_examples=120)
@given(
    st.integers(0, 2**32),
    st.integers(2, 40),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from(["normal", "ties", "0"]),
)
def test_metrics_equal_sklearn(seed: int, rows: int, outputs: int, weighted: bool, values: str) -> None:
    rng = np.random.default_rng(seed)
    if values == "normal":
        true, pred = rng.normal(size=(2, rows, outputs))
    else:
        true, pred = rng.integers(0, 3, (2, rows, outputs)) * (1.0 if values == "ties" else 0.0)
    if outputs == 1:
        true, pred = true[:, 0], pred[:, 0]
    weights = rng.integers(0, 4, rows).astype(float) if weighted else None
    if weighted:
        weights[0] = 1.0
    result = evaluate(true, pred, sample_weight=weights, task="regression")
    for name in METRICS:
        if name == "max_error":
            expected = np.abs(true - pred).max()
        else:
            expected = getattr(sk, name)(true, pred, sample_weight=weights)
        assert result.metrics[name] == pytest.approx(expected, rel=1e-12, abs=1e-12), name
    if outputs > 1:
        mean = sk.mean_absolute_error(true, pred, sample_weight=weights, multioutput="raw_values")
        assert [row["mean_absolute_error"] for row in result.outputs.values()] == pytest.approx(mean)
    if weighted:
        assert result.metrics["mean_absolute_error_unweighted"] == pytest.approx(sk.mean_absolute_error(true, pred))


def test_residuals() -> None:
    true = np.linspace(0, 10, 1001)
    result = evaluate(true, true - 0.5)
    assert result.task == "regression"
    (residuals,) = result.residuals
    assert residuals.quantiles["0.5"] == pytest.approx(0.5)
    assert residuals.counts.sum() == 1001
    assert residuals.predicted.size == 400
    spread = evaluate(true, true + np.sin(true)).residuals[0]
    np.testing.assert_array_equal(spread.counts, np.histogram(-np.sin(true), bins=spread.edges)[0])


def test_several_outputs_are_named() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20, 2))
    result = evaluate(true, true + 1, class_names=["height", "width"])
    assert result.task == "multioutput_regression"
    assert list(result.outputs) == ["height", "width"]
    assert [residuals.name for residuals in result.residuals] == ["height", "width"]


def test_values_that_are_not_finite() -> None:
    result = evaluate([1.5, 2.0, 3.0], [1.0, np.nan, 3.0])
    assert result.metrics["r2_score"] is None
    assert result.reasons["metrics"] == "1 of 3 predictions are not finite, the first in row 1"


def test_one_row_and_huge_values() -> None:
    assert evaluate([1.5], [1.0]).metrics["r2_score"] is None
    huge = evaluate([1e200, -1e200], [0.5, 0.25])
    assert huge.metrics["mean_squared_error"] == np.inf
    assert huge.metrics["mean_absolute_error"] == 1e200


def test_what_does_not_fit() -> None:
    with pytest.raises(EvaluationError, match="y_true has 3 rows, y_pred has 2"):
        evaluate([1.5, 2, 3], [1.0, 2])
    with pytest.raises(EvaluationError, match="needs y_pred"):
        evaluate([1.5, 2, 3])
    with pytest.raises(EvaluationError, match="not numbers"):
        evaluate(["a", "b"], ["a", "c"], task="regression")
    with pytest.raises(EvaluationError, match="shape"):
        evaluate(np.ones((3, 2)) / 2, np.ones(3) / 2)
