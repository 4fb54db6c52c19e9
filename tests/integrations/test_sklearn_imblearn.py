"""imbalanced-learn is recorded through scikit-learn: its samplers are steps, ensembles and pipelines are estimators."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import autotrack
from autotrack.testing import MemoryBackend

BalancedRandomForestClassifier = pytest.importorskip("imblearn.ensemble").BalancedRandomForestClassifier
SMOTE = pytest.importorskip("imblearn.over_sampling").SMOTE
make_pipeline = pytest.importorskip("imblearn.pipeline").make_pipeline


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", only=["sklearn"], capture=[], log_system_metrics=False)
    yield MemoryBackend.named(name)
    autotrack.disable()


@pytest.fixture
def skewed(binary_data: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return data with few rows of class 1."""
    rows, classes = binary_data
    kept = (classes == 0) | (np.cumsum(classes) <= 8)
    return rows[kept], classes[kept]


def test_a_pipeline_with_a_sampler_is_one_run(memory: MemoryBackend, skewed: tuple[np.ndarray, np.ndarray]) -> None:
    model = make_pipeline(SMOTE(random_state=0, k_neighbors=3), LogisticRegression()).fit(*skewed)
    score = model.score(*skewed)
    autotrack.flush(60)
    (run,) = memory.roots
    assert run.status == "finished"
    assert run.params["smote__k_neighbors"] == 3
    assert run.params["logisticregression__C"] == 1.0
    assert run.last("training_score") == score


def test_an_ensemble_is_one_run(memory: MemoryBackend, skewed: tuple[np.ndarray, np.ndarray]) -> None:
    BalancedRandomForestClassifier(n_estimators=5, random_state=0).fit(*skewed)
    autotrack.flush(60)
    (run,) = memory.roots
    assert run.tags["estimator_name"] == "BalancedRandomForestClassifier"
    assert run.params["n_estimators"] == 5
