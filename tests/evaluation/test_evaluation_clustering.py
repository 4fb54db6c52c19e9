"""Clustering metrics are scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate_clustering


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(4, 60), st.integers(2, 5), st.integers(1, 4))
def test_metrics_equal_sklearn(seed: int, rows: int, clusters: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, columns)) + 5
    labels = rng.integers(-1, clusters, rows)
    labels[:2] = 0, 1
    truth = np.array(["u", "v", "w"])[rng.integers(0, 3, rows)]
    metrics = evaluate_clustering(table, labels, y_true=truth).metrics
    if len(set(labels)) < rows:
        for name in ("silhouette_score", "davies_bouldin_score", "calinski_harabasz_score"):
            # sklearn's distances are off by up to 1e-8 where they should be 0
            assert metrics[name] == pytest.approx(getattr(sk, name)(table, labels), rel=1e-6, abs=1e-9), name
    for name in (
        "adjusted_rand_score",
        "normalized_mutual_info_score",
        "homogeneity_score",
        "completeness_score",
        "v_measure_score",
    ):
        assert metrics[name] == pytest.approx(getattr(sk, name)(truth, labels), rel=1e-12, abs=1e-12), name


def test_sizes_inertia_and_repeats() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(5000, 3))
    labels = (table[:, 0] > 0).astype(int)
    centers = np.stack([table[labels == 0].mean(axis=0), table[labels == 1].mean(axis=0)])
    state = np.random.get_state()[1].copy()
    first, second = (evaluate_clustering(table, labels, centers=centers, sample=500) for _ in range(2))
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert first.metrics == second.metrics
    assert first.task == "clustering"
    assert first.labels == ("0", "1")
    assert first.sizes == tuple(np.bincount(labels))
    assert first.metrics["inertia"] == pytest.approx(((table - centers[labels]) ** 2).sum())
    assert first.metrics["silhouette_score"] == pytest.approx(sk.silhouette_score(table, labels), abs=0.05)
    assert first.reasons["silhouette_score"] == "from a sample of 500 of 5000 rows"
    assert evaluate_clustering(table, labels, inertia=12.5).metrics["inertia"] == 12.5


def test_undefined() -> None:
    one = evaluate_clustering([[1.0], [2.0]], [0, 0])
    assert one.metrics["silhouette_score"] is None
    assert "1 clusters of 2 rows" in one.reasons["davies_bouldin_score"]
    bad = evaluate_clustering([[1.0], [np.nan], [3.0]], [0, 0, 1])
    assert "not finite" in bad.reasons["silhouette_score"]
    assert evaluate_clustering(np.empty((0, 2)), []).n_rows == 0
    with pytest.raises(EvaluationError, match="X has 2 rows, labels has 3"):
        evaluate_clustering([[1.0], [2.0]], [0, 0, 1])


def test_sparse_rows() -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(300, 5))
    labels = rng.integers(0, 3, 300)
    result = evaluate_clustering(scipy.sparse.csr_matrix(dense), labels)
    assert result.metrics["silhouette_score"] == pytest.approx(sk.silhouette_score(dense, labels))
    assert result.metrics["calinski_harabasz_score"] == pytest.approx(sk.calinski_harabasz_score(dense, labels))
    part = evaluate_clustering(scipy.sparse.csr_matrix(dense), labels, sample=100)
    assert "from a sample" in part.reasons["calinski_harabasz_score"]
