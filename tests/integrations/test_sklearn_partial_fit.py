"""The calls of `partial_fit` on one estimator are the steps of one run."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import autotrack
from autotrack.integrations.sklearn import partial

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded

X, y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


def batches(model: Any, count: int, **options: Any) -> None:
    for at in range(count):
        model.partial_fit(X[at::count], y[at::count], **options)


@pytest.fixture(autouse=True)
def enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a small evaluation may take longer than it is given."""
    monkeypatch.setattr(partial, "LEAST_BUDGET", 10.0)


def test_each_call_is_a_step(recorded: Recorded) -> None:
    model = GaussianNB()
    accuracies = []
    for at in range(3):
        model.partial_fit(X[at::3], y[at::3], classes=[0, 1, 2])
        with autotrack.paused():
            accuracies.append((at, model.score(X[at::3], y[at::3])))
    run = recorded.only
    assert run.status == "running"
    assert run.metrics["training_accuracy_score"] == accuracies
    assert [rows for _step, rows in run.metrics["n_samples_seen"]] == [60, 119, 178]
    assert run.params["var_smoothing"] == 1e-9
    assert len(run.datasets) == 1
    autotrack.disable()
    run = recorded.only
    assert run.status == "finished"
    assert run.params["partial_fit.calls"] == 3
    assert [saved.name for saved in run.models] == ["model"]
    autotrack.enable(to=recorded.url)


def test_another_object_another_fit_another_run(recorded: Recorded) -> None:
    first, second = SGDClassifier(), SGDRegressor()
    batches(first, 2, classes=[0, 1, 2])
    batches(second, 2)
    batches(first, 2)
    first.fit(X, y)
    batches(first, 3)
    names = [(run.name, run.status, len(run.metrics.get("n_samples_seen", ()))) for run in recorded.roots]
    assert names == [
        ("SGDClassifier", "finished", 4),
        ("SGDRegressor", "running", 2),
        ("SGDClassifier", "finished", 0),
        ("SGDClassifier", "running", 3),
    ]


def test_the_run_ends_with_its_estimator(recorded: Recorded) -> None:
    model = SGDClassifier()
    batches(model, 2, classes=[0, 1, 2])
    del model
    gc.collect()
    run = recorded.only
    assert run.status == "finished"
    assert any("gone" in note.message for note in run.notes)


def test_inside_a_run_of_the_user(recorded: Recorded) -> None:
    with autotrack.start_run("mine"):
        model = SGDClassifier()
        batches(model, 3, classes=[0, 1, 2])
        autotrack.log_metric("own", 1.0)
    run = recorded.only
    assert (run.name, run.status) == ("mine", "finished")
    assert len(run.metrics["n_samples_seen"]) == 3
    assert run.last("own") == 1.0


def test_a_network_has_its_loss(recorded: Recorded) -> None:
    model = MLPClassifier((4,), random_state=0)
    batches(model, 3, classes=[0, 1, 2])
    assert recorded.only.metrics["loss"][-1] == (2, model.loss_)


def test_clusters_and_scalers(recorded: Recorded) -> None:
    StandardScaler().partial_fit(X)
    MiniBatchKMeans(2, n_init=1).partial_fit(X)
    assert [run.name for run in recorded.roots] == ["MiniBatchKMeans"]


def test_a_call_that_fails_ends_the_run(recorded: Recorded) -> None:
    model = SGDClassifier()
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, y)
    assert recorded.only.status == "failed"


def test_results_are_those_without_tracking(recorded: Recorded) -> None:
    tracked, bare = SGDClassifier(random_state=0), SGDClassifier(random_state=0)
    batches(tracked, 4, classes=[0, 1, 2])
    with autotrack.paused():
        batches(bare, 4, classes=[0, 1, 2])
    assert np.array_equal(tracked.coef_, bare.coef_)


def test_steps_that_would_take_too_long_are_not_evaluated(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "LEAST_BUDGET", 1e-9)
    batches(GaussianNB(), 4, classes=[0, 1, 2])
    run = recorded.only
    assert [step for step, _ in run.metrics["training_accuracy_score"]] == [0]
    assert [step for step, _ in run.metrics["n_samples_seen"]] == [0, 1, 2, 3]
    assert [note.code for note in run.notes].count("evaluation.skipped") == 1
