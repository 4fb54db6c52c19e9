"""Ten thousand classes and a million rows cost seconds and megabytes, not minutes and gigabytes."""

import tracemalloc
from typing import Any

import msgspec
import numpy as np
import pytest

from autotrack.evaluation import Evaluation, evaluate

CLASSES, ROWS = 10_000, 1_000_000


def measured(*args: Any, **kwargs: Any) -> tuple[Evaluation, float]:
    """The evaluation, and the megabytes it needed at most. How long it takes, benchmarks/evaluation.py says."""
    tracemalloc.start()
    result = evaluate(*args, **kwargs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return result, peak / 1e6


@pytest.mark.slow
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_ten_thousand_classes(text: bool, weighted: bool) -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, ROWS)
    pred = np.where(rng.random(ROWS) < 0.7, true, rng.integers(0, CLASSES, ROWS))
    hits = float((true == pred).mean())
    if text:
        names = np.array([f"class {code}" for code in range(CLASSES)], dtype=object)
        true, pred = names[true], names[pred]
    result, megabytes = measured(true, pred, sample_weight=np.ones(ROWS) if weighted else None)
    assert megabytes < 200
    assert result.metrics["accuracy_score"] == pytest.approx(hits)
    assert result.matrix.counts.size <= 50_000
    assert result.matrix.counts.sum() + result.matrix.omitted == pytest.approx(ROWS)
    assert len(msgspec.msgpack.encode(result.to_dict())) < 3e6


@pytest.mark.slow
def test_many_classes_with_scores_keep_to_the_budget() -> None:
    rng = np.random.default_rng(0)
    score = rng.random((20_000, 2_000), dtype=np.float32)
    result = evaluate(rng.integers(0, 2_000, 20_000), y_score=score, budget_seconds=0.5)
    assert result.metrics["top_5_accuracy_score"] is not None
    assert len(msgspec.msgpack.encode(result.to_dict())) < 3e6
