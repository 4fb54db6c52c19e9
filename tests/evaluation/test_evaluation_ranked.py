"""Evaluation of rankings, against scikit-learn group by group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from autotrack.errors import EvaluationError
from autotrack.evaluation.ranked import evaluate_ranking


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(2, 15), min_size=1, max_size=6))
def test_metrics_are_those_of_each_group(seed: int, groups: list[int]) -> None:
    generator = np.random.default_rng(seed)
    relevance = generator.integers(0, 4, sum(groups))
    scores = generator.permutation(sum(groups)).astype(float)
    ends = np.cumsum(groups)
    parts = [(relevance[end - size : end], scores[end - size : end]) for size, end in zip(groups, ends, strict=True)]
    parts = [(true, guess) for true, guess in parts if true.any()]
    metrics = evaluate_ranking(relevance, scores, groups).metrics
    if not parts:
        assert metrics["ndcg"] is None
        return
    for cutoff, key in ((None, "ndcg"), (3, "ndcg_at_3")):
        expected = np.mean([ndcg_score([2.0**true - 1], [guess], k=cutoff) for true, guess in parts])
        assert metrics[key] == pytest.approx(expected)
    assert metrics["map"] == pytest.approx(np.mean([average_precision_score(t > 0, g) for t, g in parts]))
    ranks = [1 + np.flatnonzero(true[np.argsort(-guess)] > 0)[0] for true, guess in parts]
    assert metrics["mrr"] == pytest.approx(np.mean(1 / np.array(ranks)))


def test_groups_must_fit() -> None:
    with pytest.raises(EvaluationError, match="groups of 5 rows"):
        evaluate_ranking([0, 1], [0.2, 0.1], [2, 3])


def test_nothing_relevant_is_undefined() -> None:
    report = evaluate_ranking([0, 0], [0.2, 0.1])
    assert set(report.metrics.values()) == {None}
    assert report.reasons["map"] == "no group has a relevant row"


def test_no_rows_have_no_metrics() -> None:
    assert evaluate_ranking([], []).metrics == {}
