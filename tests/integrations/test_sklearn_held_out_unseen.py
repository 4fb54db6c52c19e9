"""Held-out evaluation leaves no trace in the user's program: results, errors, warnings, random numbers, memory."""

from __future__ import annotations

import gc
import pickle
import random
import tracemalloc
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.utils import _param_validation

import autotrack
from autotrack.held_out import predictions

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded


def data() -> tuple[Any, Any]:
    return make_classification(100, 6, n_informative=4, flip_y=0.2, random_state=0)


def test_results_and_errors_are_bare(recorded: Recorded) -> None:
    X, y = data()
    model = LogisticRegression().fit(X, y)
    pred = model.predict(X)
    tracked = metrics.classification_report(y, pred)
    with autotrack.paused():
        assert metrics.classification_report(y, pred) == tracked
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        metrics.accuracy_score(y[:-1], pred)
    with pytest.raises(_param_validation.InvalidParameterError, match="'normalize' parameter of accuracy_score"):
        metrics.accuracy_score(y, pred, normalize="x")
    with pytest.raises(ValueError, match="mix of"):
        metrics.accuracy_score(y + 0.5, pred)
    with pytest.raises(ValueError, match="pos_label=7"):
        metrics.f1_score(y, pred, pos_label=7)
    with pytest.raises(NotFittedError) as caught:
        LogisticRegression().predict(X)
    assert caught.value.__context__ is None


def test_warnings_come_once(recorded: Recorded) -> None:
    X, y = data()
    model = DummyClassifier(strategy="most_frequent").fit(X, y)
    pred = model.predict(X)
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        metrics.precision_score(y, pred, average="macro")
        metrics.fbeta_score(y, pred, beta=2, average="macro")
    assert [warning.category for warning in seen] == [UndefinedMetricWarning] * len(seen)
    assert len(seen) == 1
    assert list(warnings.filters) == before


def test_random_numbers_are_the_users(recorded: Recorded) -> None:
    X, y = data()
    generator = np.random.RandomState(0)
    model = DummyClassifier(strategy="stratified", random_state=generator).fit(X, y)
    np.random.seed(0)
    random.seed(0)
    state, global_state, python_state = generator.get_state()[1], np.random.get_state()[1], random.getstate()
    pred = model.predict(X)
    after = generator.get_state()[2]
    metrics.accuracy_score(y, pred)
    metrics.cohen_kappa_score(y, pred)
    assert generator.get_state()[2] == after
    assert (generator.get_state()[1] == state).all() or after is not None
    assert (np.random.get_state()[1] == global_state).all()
    assert random.getstate() == python_state


class Counting(ClassifierMixin, BaseEstimator):
    """Counts how often it is asked."""

    def fit(self, X: Any, y: Any) -> Counting:
        self.classes_ = np.unique(y)
        self.asked_ = 0
        return self

    def predict(self, X: Any) -> Any:
        self.asked_ += 1
        return (X[:, 0] > 0).astype(int)

    def predict_proba(self, X: Any) -> Any:
        self.asked_ += 1
        self.seen_ = X
        return np.stack([X[:, 0] <= 0, X[:, 0] > 0], axis=1).astype(float)


def test_the_model_is_left_as_it_was(recorded: Recorded) -> None:
    X, y = data()
    model = Counting().fit(X, y)
    asked = model.asked_
    metrics.accuracy_score(y, model.predict(X))
    assert model.score(X, y) == metrics.accuracy_score(y, X[:, 0] > 0)
    assert model.asked_ == asked + 2
    assert not hasattr(model, "seen_")


def test_arguments_are_not_touched(recorded: Recorded) -> None:
    X, y = data()
    model = SVC().fit(X, y)
    pred = model.predict(X)
    X.setflags(write=False)
    pred.setflags(write=False)
    copies = X.copy(), y.copy(), pred.copy()
    metrics.f1_score(y, pred)
    assert all((one == other).all() for one, other in zip((X, y, pred), copies, strict=True))


def test_functions_and_methods_pickle(recorded: Recorded) -> None:
    X, y = data()
    model = LogisticRegression().fit(X, y)
    assert pickle.loads(pickle.dumps(metrics.accuracy_score)) is metrics.accuracy_score
    assert (pickle.loads(pickle.dumps(model.predict))(X) == model.predict(X)).all()


def test_available_methods_stay_as_they_are(recorded: Recorded) -> None:
    assert not hasattr(SVC(), "predict_proba")
    assert hasattr(SVC(probability=False), "decision_function")


def test_nothing_is_kept_alive(recorded: Recorded) -> None:
    X, y = data()
    model = LogisticRegression().fit(X, y)
    pred, proba = model.predict(X), model.predict_proba(X)
    metrics.accuracy_score(y, pred)
    metrics.roc_auc_score(y, proba[:, 1])
    model.score(X, y)
    references = [weakref.ref(value) for value in (model, X, y, pred, proba)]
    del model, X, y, pred, proba
    autotrack.flush()
    gc.collect()
    assert [reference() for reference in references] == [None] * 5
    assert not predictions._made


def test_the_users_locals_stay_as_they_are(recorded: Recorded) -> None:
    X, y = data()
    y_val = y.copy()
    model = LogisticRegression().fit(X, y)
    mine = locals()
    metrics.f1_score(y_val, model.predict(X), average="micro")
    assert mine["y_val"] is y_val
    assert mine["model"] is model


def test_many_predictions_do_not_grow(recorded: Recorded) -> None:
    X, y = data()
    model = LogisticRegression().fit(X, y)
    for _ in range(100):
        model.predict(X)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(2_000):
        model.predict(X)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000
    assert len(predictions._made) <= 2


def test_transparent_after_disable() -> None:
    X, y = data()
    original = _param_validation.validate_parameter_constraints
    methods = LogisticRegression.predict_proba, vars(Pipeline)["predict_proba"].fn, ClassifierMixin.score
    autotrack.enable(to="memory://held-out-disable", capture=[], log_system_metrics=False)
    model = LogisticRegression().fit(X, y)
    kept, pred = model.score, model.predict(X)
    assert _param_validation.validate_parameter_constraints is not original
    autotrack.disable()
    assert _param_validation.validate_parameter_constraints is original
    assert (LogisticRegression.predict_proba, vars(Pipeline)["predict_proba"].fn, ClassifierMixin.score) == methods
    count = len(autotrack.testing.MemoryBackend.named("held-out-disable").records)
    assert kept(X, y) == metrics.accuracy_score(y, pred)
    assert len(autotrack.testing.MemoryBackend.named("held-out-disable").records) == count


def test_paused_metrics_are_nothing(recorded: Recorded) -> None:
    X, y = data()
    model = LogisticRegression().fit(X, y)
    with autotrack.paused():
        metrics.f1_score(y, model.predict(X), average="micro")
        model.score(X, y)
    assert not [note for note in recorded.only.notes if note.code.startswith("evaluation")]
    assert list(recorded.only.evaluations) == ["training"]
    assert "metric_info.json" not in recorded.only.artifacts
