"""Curves hold sklearn's points, few of them, with areas that stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from autotrack.evaluation import Curve, Evaluation, evaluate


def curve_of(result: Evaluation, kind: str, name: str) -> Curve:
    return next(curve for curve in result.curves if curve.kind == kind and curve.name == name)


def trapezoid(curve: Curve) -> float:
    x, y = curve.x.astype(float), curve.y.astype(float)
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 60), st.booleans())
def test_small_curves_lie_on_all_points(seed: int, rows: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, rows)
    true[:2] = 0, 1
    score = rng.integers(0, 12, rows) / 12
    weights = rng.random(rows) + 0.1 if weighted else None
    result = evaluate(true, y_score=score, sample_weight=weights)
    roc = curve_of(result, "roc", "1")
    fpr, tpr, thresholds = sk.roc_curve(true, score, sample_weight=weights, drop_intermediate=False)
    for x, y, threshold in zip(roc.x, roc.y, roc.thresholds, strict=True):
        place = np.flatnonzero(thresholds == threshold)[0]
        assert (x, y) == pytest.approx((fpr[place], tpr[place]), abs=1e-6)
    assert trapezoid(roc) == pytest.approx(roc.area, abs=1e-6)
    pr = curve_of(result, "precision_recall", "1")
    precision, recall, thresholds = sk.precision_recall_curve(true, score, sample_weight=weights)
    for x, y, threshold in zip(pr.x[1:], pr.y[1:], pr.thresholds[1:], strict=True):
        place = np.flatnonzero(thresholds == threshold)[0]
        assert (x, y) == pytest.approx((recall[place], precision[place]), abs=1e-6)
    assert (pr.x[0], pr.y[0]) == (0.0, 1.0)


@pytest.mark.parametrize("rows", [3_000, 100_000])
@pytest.mark.parametrize("shift", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("share", [0.5, 0.01])
def test_thinned_curves_keep_ends_area_and_convex_corners(rows: int, shift: float, share: float) -> None:
    rng = np.random.default_rng(1)
    true = (rng.random(rows) < share).astype(int)
    score = rng.normal(size=rows) + shift * true
    result = evaluate(true, y_score=score)
    roc, pr = curve_of(result, "roc", "1"), curve_of(result, "precision_recall", "1")
    assert roc.area == result.metrics["roc_auc"]
    assert pr.area == result.metrics["average_precision"]
    for curve in (roc, pr):
        assert curve.x.size <= 500
        assert (curve.x[0], curve.x[-1]) == (0.0, 1.0)
        assert (np.diff(curve.x) >= 0).all()
    assert trapezoid(roc) == pytest.approx(roc.area, abs=1e-3)
    precision, recall, _ = sk.precision_recall_curve(true, score)
    assert trapezoid(pr) == pytest.approx(sk.auc(recall, precision), abs=1e-3)
    fpr, tpr, thresholds = sk.roc_curve(true, score)
    for slope in (0.3, 1.0, 3.0):  # the best threshold for a cost ratio is a corner of the hull
        assert thresholds[np.argmax(tpr - slope * fpr)] in roc.thresholds


def test_averages_of_a_multiclass_task() -> None:
    rng = np.random.default_rng(5)
    true = rng.integers(0, 4, 400)
    score = rng.random((400, 4))
    score[np.arange(400), true] += 0.4
    score /= score.sum(axis=1, keepdims=True)
    result = evaluate(true, y_score=score)
    for kind, names in (("roc", 6), ("precision_recall", 6), ("calibration", 1)):
        assert len([curve for curve in result.curves if curve.kind == kind]) == names
    micro, macro = curve_of(result, "roc", "micro"), curve_of(result, "roc", "macro")
    assert micro.average
    assert macro.average
    assert trapezoid(micro) == pytest.approx(result.metrics["roc_auc_micro"], abs=1e-3)
    assert trapezoid(macro) == pytest.approx(result.metrics["roc_auc_macro"], abs=1e-3)
    grid = np.linspace(0.00123, 0.99, 100)  # beside the jumps, where the mean is one number
    mean = np.mean([np.interp(grid, *sk.roc_curve(true == code, score[:, code])[:2]) for code in range(4)], axis=0)
    np.testing.assert_allclose(np.interp(grid, macro.x, macro.y), mean, atol=1e-6)


def test_calibration_equals_sklearn() -> None:
    rng = np.random.default_rng(2)
    probability = rng.random(500)
    true = (rng.random(500) < probability**2).astype(int)
    curve = curve_of(evaluate(true, y_score=probability), "calibration", "1")
    observed, predicted = calibration_curve(true, probability, n_bins=10)
    np.testing.assert_allclose(curve.x, predicted, atol=1e-6)
    np.testing.assert_allclose(curve.y, observed, atol=1e-6)
    assert curve.weights.sum() == 500
    assert curve.area == pytest.approx(np.abs(observed - predicted) @ curve.weights / 500, abs=1e-9)


def test_top_label_calibration() -> None:
    score = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.9, 0.1, 0.0], [0.2, 0.2, 0.6]])
    curve = curve_of(evaluate([0, 1, 1, 2], y_score=score), "calibration", "top label")
    assert curve.weights.tolist() == [1, 1, 2]
    assert curve.y.tolist() == [1.0, 1.0, 0.5]


def test_perfect_scores_need_three_points() -> None:
    roc = curve_of(evaluate([0, 0, 1, 1], y_score=[0.1, 0.2, 0.8, 0.9]), "roc", "1")
    assert (roc.x.tolist(), roc.y.tolist()) == ([0, 0, 1], [0, 1, 1])
    assert roc.thresholds.tolist() == [np.inf, 0.8, 0.1]


def test_many_classes_keep_few_curves() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 150, 1500)
    result = evaluate(true, y_score=rng.random((1500, 150)), budget_seconds=60)
    roc = [curve for curve in result.curves if curve.kind == "roc"]
    assert {"micro", "macro"} < {curve.name for curve in roc}
    assert 20 < len(roc) <= 32
    assert np.isfinite(result.per_class.roc_auc).all()
    assert "20 largest" in result.reasons["curves"]


def test_time_limit_leaves_classes_out_and_says_so() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 40, 20_000)
    result = evaluate(true, y_score=rng.random((20_000, 40)), budget_seconds=0.0)
    assert result.metrics["roc_auc"] is None
    assert "time was up with" in result.reasons["roc_auc"]
    assert result.metrics["accuracy_score"] is not None
    ranked = np.flatnonzero(~np.isnan(result.per_class.roc_auc))
    assert set(ranked) <= set(np.argsort(-result.per_class.support, kind="stable")[: ranked.size])
