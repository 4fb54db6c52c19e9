"""Binary and multiclass metrics are scikit-learn's, whatever the labels, weights, ties and missing classes."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate

SIZES = st.integers(2, 7)
NAMES = np.array(["cat", "dog", "eel", "fox", "gnu", "hen", "ibis"])


def close(value: Any, expected: Any) -> None:
    assert value == pytest.approx(expected, abs=1e-12, rel=1e-12)


@st.composite
def problems(draw: st.DrawFn, classes: Any = SIZES) -> tuple[Any, ...]:
    """Labels (numbers or text), predictions, scores with many ties, sometimes weights; classes may be missing."""
    size = draw(classes)
    rows = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    present = draw(st.integers(1, size))
    true, pred = rng.integers(0, present, rows), rng.integers(0, size, rows)
    score = rng.integers(1, draw(st.sampled_from([2, 5, 1000])) + 1, (rows, size)).astype(float)
    score /= score.sum(axis=1, keepdims=True)
    weights = draw(st.sampled_from([None, "random", "some zero"]))
    if weights is not None:
        kind, weights = weights, rng.random(rows) + 0.1
        if kind == "some zero":
            weights[rng.random(rows) < 0.3] = 0
            weights[0] = 1.0
    texts = draw(st.booleans())
    labels = NAMES[:size] if texts else np.arange(size) * 3 - 2
    return labels, labels[true], labels[pred], score, weights


def quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


@settings(deadline=None, max_examples=150)
@given(problems())
def test_counted_metrics_equal_sklearn(problem: Any) -> None:
    labels, true, pred, _, weights = problem
    metrics = evaluate(true, pred, labels=labels, sample_weight=weights).metrics
    close(metrics["accuracy_score"], sk.accuracy_score(true, pred, sample_weight=weights))
    close(metrics["balanced_accuracy_score"], quietly(sk.balanced_accuracy_score, true, pred, sample_weight=weights))
    heavy = slice(None) if weights is None else weights > 0
    constant = min(len(set(true[heavy])), len(set(pred[heavy]))) == 1  # sklearn divides rounding errors there
    expected = 0.0 if constant else sk.matthews_corrcoef(true, pred, sample_weight=weights)
    close(metrics["matthews_corrcoef"], expected)
    for name in ("precision_score", "recall_score", "f1_score"):
        for suffix, average in (("", "weighted"), ("_macro", "macro"), ("_micro", "micro")):
            expected = quietly(getattr(sk, name), true, pred, average=average, sample_weight=weights, zero_division=0)
            close(metrics[name + suffix], expected)
    if weights is not None:
        close(metrics["accuracy_score_unweighted"], sk.accuracy_score(true, pred))
        close(metrics["f1_score_unweighted"], sk.f1_score(true, pred, average="weighted", zero_division=0))


@settings(deadline=None, max_examples=80)
@given(problems())
def test_matrix_and_table_equal_sklearn(problem: Any) -> None:
    labels, true, pred, _, weights = problem
    result = evaluate(true, pred, labels=labels, sample_weight=weights)
    expected = sk.confusion_matrix(true, pred, labels=labels, sample_weight=weights)
    np.testing.assert_allclose(result.matrix.to_dense(), expected, rtol=1e-12, atol=1e-12)
    table = quietly(
        sk.precision_recall_fscore_support, true, pred, labels=labels, sample_weight=weights, zero_division=np.nan
    )
    report = result.per_class
    for column, wanted in zip((report.precision, report.recall, report.f1, report.support), table, strict=True):
        np.testing.assert_allclose(column, wanted, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=100)
@given(problems(classes=st.just(2)))
def test_binary_scores_equal_sklearn(problem: Any) -> None:
    labels, true, pred, score, weights = problem
    positive = score[:, 1]
    result = evaluate(true, pred, positive, labels=labels, sample_weight=weights)
    metrics = result.metrics
    for name in ("precision_score", "recall_score", "f1_score"):
        expected = quietly(
            getattr(sk, name), true, pred, pos_label=labels[1], labels=labels, sample_weight=weights, zero_division=0
        )
        close(metrics[f"{name}_binary"], expected)
    close(metrics["log_loss"], quietly(sk.log_loss, true, score, labels=labels, sample_weight=weights))
    close(metrics["brier_score"], np.average(((true == labels[1]) - positive) ** 2, weights=weights))
    heavy = np.ones(true.size, bool) if weights is None else weights > 0
    if len(set(true[heavy])) == 2:
        close(metrics["roc_auc"], sk.roc_auc_score(true, positive, sample_weight=weights))
        expected = sk.average_precision_score(true == labels[1], positive, sample_weight=weights)
        close(metrics["average_precision"], expected)
    else:
        assert metrics["roc_auc"] is None
        assert "one class" in result.reasons["roc_auc"]


@settings(deadline=None, max_examples=100)
@given(problems(classes=st.integers(3, 7)))
def test_multiclass_scores_equal_sklearn(problem: Any) -> None:
    labels, true, _, score, weights = problem
    result = evaluate(true, y_score=score, labels=labels, sample_weight=weights)
    metrics, one_hot = result.metrics, true[:, None] == labels
    close(metrics["log_loss"], quietly(sk.log_loss, true, score, labels=labels, sample_weight=weights))
    close(metrics["brier_score"], sk.brier_score_loss(true, score, labels=labels, sample_weight=weights))
    close(metrics["accuracy_score"], sk.accuracy_score(true, labels[score.argmax(axis=1)], sample_weight=weights))
    if len(labels) > 5:
        expected = sk.top_k_accuracy_score(true, score, k=5, labels=labels, sample_weight=weights)
        close(metrics["top_5_accuracy_score"], expected)
    support = one_hot.T @ (np.ones(len(true)) if weights is None else weights)
    for code in range(len(labels)):
        column, area = one_hot[:, code], result.per_class.roc_auc[code]
        if 0 < support[code] < support.sum() * (1 - 1e-12):
            close(area, sk.roc_auc_score(column, score[:, code], sample_weight=weights))
            expected = sk.average_precision_score(column, score[:, code], sample_weight=weights)
            close(result.per_class.average_precision[code], expected)
        else:
            assert np.isnan(area)
    if (support > 0).sum() > 1:
        for suffix, average in (("", "weighted"), ("_micro", "micro")):
            expected = quietly(
                sk.roc_auc_score,
                true,
                score,
                labels=labels,
                multi_class="ovr",
                average=average,
                sample_weight=weights,
            )
            close(metrics["roc_auc" + suffix], expected)
        close(metrics["roc_auc_macro"], np.nanmean(result.per_class.roc_auc))


@settings(deadline=None, max_examples=60)
@given(problems(classes=st.integers(3, 7)))
def test_one_vs_one_is_mlflows_number(problem: Any) -> None:
    labels, true, pred, score, _ = problem
    value = evaluate(true, pred, score, labels=labels).metrics["roc_auc_ovo"]
    if len(set(true)) < 2:
        assert value is None
    else:
        close(value, sk.roc_auc_score(true, score, labels=labels, multi_class="ovo", average="weighted"))


def test_rows_of_the_matrix_are_true_classes() -> None:
    true = ["a"] * 6 + ["b"] * 3 + ["c"] * 2
    pred = ["a", "a", "a", "b", "b", "c", "b", "c", "c", "a", "c"]
    result = evaluate(true, pred)
    assert result.labels == ("a", "b", "c")
    assert result.matrix.to_dense().tolist() == [[3, 2, 1], [0, 1, 2], [1, 0, 1]]
    assert result.matrix.counts.dtype == np.int64
    table = {row.label: row for row in result.class_rows()}
    assert (table["a"].recall, table["a"].precision) == (3 / 6, 3 / 4)
    assert (table["b"].recall, table["b"].precision) == (1 / 3, 1 / 3)
    assert (table["c"].support, table["c"].precision) == (2, 1 / 4)


def test_class_missing_from_the_test_rows() -> None:
    score = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.3, 0.6, 0.1]])
    result = evaluate([0, 1, 1], y_score=score, labels=[0, 1, 2])
    assert result.metrics["roc_auc"] == 1.0
    assert "over 2 of 3 classes" in result.reasons["roc_auc_macro"]
    assert result.class_rows()[2].recall is None
    assert result.matrix.to_dense().shape == (3, 3)


def test_class_the_model_does_not_know() -> None:
    score = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    result = evaluate(["a", "b", "z"], ["a", "b", "a"], score, labels=["a", "b"])
    assert result.task == "multiclass"
    assert result.labels == ("a", "b", "z")
    assert result.metrics["log_loss"] is None
    assert "do not know" in result.reasons["log_loss"]
    assert result.metrics["roc_auc_macro"] is not None


def test_one_class_only() -> None:
    result = evaluate([0, 0, 0], [0, 0, 0], [0.1, 0.2, 0.3], labels=[0, 1])
    assert result.metrics["accuracy_score"] == 1.0
    assert result.metrics["roc_auc"] is None
    assert result.metrics["average_precision"] is None
    assert result.metrics["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.8, 0.7])))
    assert "no row is" in result.reasons["recall_score_binary"]
    alone = evaluate(["x", "x"], ["x", "x"])
    assert alone.positive is None
    assert alone.metrics["f1_score_binary"] is None


def test_constant_predictions() -> None:
    result = evaluate([0, 1, 0, 1], [0, 0, 0, 0], [0.5] * 4)
    assert result.metrics["roc_auc"] == 0.5
    assert result.metrics["matthews_corrcoef"] == 0.0
    assert result.metrics["precision_score_binary"] == 0.0
    assert "no row is predicted as '1'" in result.reasons["precision_score_binary"]


def test_no_rows() -> None:
    for result in (evaluate([], []), evaluate(np.empty(0), np.empty(0), task="regression")):
        assert result.n_rows == 0
        assert result.metrics == {}
        assert result.reasons["metrics"] == "no rows"


def test_decision_scores_rank_but_are_no_probabilities() -> None:
    result = evaluate([0, 1, 1, 0], y_score=[-3.0, 2.0, 0.5, 0.1])
    assert result.metrics["roc_auc"] == 1.0
    assert result.matrix.to_dense().tolist() == [[1, 1], [0, 2]]
    assert result.metrics["log_loss"] is None
    assert "no probabilities" in result.reasons["calibration"]


def test_scores_for_other_classes_are_left_aside() -> None:
    result = evaluate([0, 1, 2, 3], [0, 1, 2, 3], np.zeros((4, 6)), labels=[0, 1, 2, 3])
    assert result.metrics["accuracy_score"] == 1.0
    assert "roc_auc" not in result.metrics
    assert "6 classes where 4" in result.reasons["y_score"]
    with pytest.raises(EvaluationError, match="6 classes where 4"):
        evaluate([0, 1, 2, 3], y_score=np.zeros((4, 6)), labels=[0, 1, 2, 3])


def test_scores_that_are_not_finite_are_left_aside() -> None:
    result = evaluate([0, 1, 1], [0, 1, 1], [0.1, np.nan, np.inf])
    assert result.reasons["y_score"] == "2 scores are not finite"


def test_binary_probabilities_in_two_columns_are_the_same() -> None:
    rng = np.random.default_rng(0)
    true, positive = rng.integers(0, 2, 50), rng.random(50)
    one = evaluate(true, y_score=positive)
    two = evaluate(true, y_score=np.stack([1 - positive, positive], axis=1), labels=[0, 1])
    assert one.metrics == pytest.approx(two.metrics)
    assert one.positive == two.positive == "1"


def test_task_given() -> None:
    assert evaluate([0, 1], [0, 1], task="multiclass").task == "multiclass"
    assert evaluate([0, 1, 1], y_score=[0.1, 0.9, 0.8], task="multiclass").metrics["roc_auc"] == 1.0
    with pytest.raises(EvaluationError, match="3 were found"):
        evaluate([0, 1, 2], [0, 1, 2], task="binary")
    with pytest.raises(EvaluationError, match="unknown task"):
        evaluate([0], [0], task="ranking")
