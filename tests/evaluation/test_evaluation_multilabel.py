"""Multilabel metrics are scikit-learn's, dense and sparse."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate


def close(value: Any, expected: Any) -> None:
    assert value == pytest.approx(expected, abs=1e-12, rel=1e-12)


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(2, 6), st.booleans(), st.booleans())
def test_metrics_equal_sklearn(seed: int, rows: int, labels: int, weighted: bool, sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    true, pred = rng.integers(0, 2, (rows, labels)), rng.integers(0, 2, (rows, labels))
    weights = rng.random(rows) + 0.1 if weighted else None
    form = scipy.sparse.csr_matrix if sparse else np.asarray
    result = evaluate(form(true), form(pred), sample_weight=weights, task="multilabel")
    metrics = result.metrics
    close(metrics["accuracy_score"], sk.accuracy_score(true, pred, sample_weight=weights))
    close(metrics["hamming_loss"], sk.hamming_loss(true, pred, sample_weight=weights))
    for name in ("precision_score", "recall_score", "f1_score"):
        for suffix, average in (("", "weighted"), ("_macro", "macro"), ("_micro", "micro"), ("_samples", "samples")):
            expected = getattr(sk, name)(true, pred, average=average, sample_weight=weights, zero_division=0)
            close(metrics[name + suffix], expected)


def test_scores() -> None:
    rng = np.random.default_rng(0)
    true, score = rng.integers(0, 2, (80, 3)), rng.random((80, 3))
    result = evaluate(true, y_score=score, class_names=["x", "y", "z"])
    assert result.task == "multilabel"
    assert result.labels == ("x", "y", "z")
    for suffix, average in (("", "weighted"), ("_macro", "macro"), ("_micro", "micro")):
        close(result.metrics[f"roc_auc{suffix}"], sk.roc_auc_score(true, score, average=average))
        expected = sk.average_precision_score(true, score, average=average)
        close(result.metrics[f"average_precision{suffix}"], expected)
    close(result.metrics["f1_score"], sk.f1_score(true, score > 0.5, average="weighted"))
    assert {curve.name for curve in result.curves} == {"x", "y", "z", "micro", "macro"}


def test_one_array_of_scores_per_label() -> None:
    rng = np.random.default_rng(1)
    true, score = rng.integers(0, 2, (50, 3)), rng.random((50, 3))
    per_label = [np.stack([1 - score[:, label], score[:, label]], axis=1) for label in range(3)]
    classes = [np.array([0, 1])] * 3
    one, other = evaluate(true, y_score=per_label, labels=classes), evaluate(true, y_score=score)
    assert one.metrics == other.metrics


def test_sparse_labels_are_never_made_dense() -> None:
    rng = np.random.default_rng(0)
    rows = np.arange(20_000)
    true = scipy.sparse.csr_matrix((np.ones(20_000), (rows, rng.integers(0, 100_000, 20_000))), shape=(20_000, 100_000))
    result = evaluate(true, true)
    assert result.metrics["accuracy_score"] == 1.0
    assert result.metrics["f1_score_micro"] == 1.0


def test_shapes_that_differ() -> None:
    with pytest.raises(EvaluationError, match=r"\(3, 2\), y_pred has \(3, 4\)"):
        evaluate(np.ones((3, 2), int), np.ones((3, 4), int), task="multilabel")
    result = evaluate(np.eye(3, 2, dtype=int), np.eye(3, 2, dtype=int), np.ones((3, 5)), task="multilabel")
    assert "has shape (3, 5)" in result.reasons["y_score"]


def test_no_label_at_all() -> None:
    result = evaluate(np.zeros((3, 2), int), np.zeros((3, 2), int))
    assert result.metrics["f1_score"] == 0.0
    assert "no row has a label" in result.reasons["f1_score"]
