"""Which run and split an evaluation goes to: names of variables, several models and data, other runs (R26)."""

from __future__ import annotations

import gc
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, f1_score, make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score

import autotrack
from autotrack.held_out.split_names import meaning

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded


def parts(count: int = 3, rows: int = 100) -> list[tuple[Any, Any]]:
    X, y = make_classification(count * rows, 6, n_informative=4, flip_y=0.2, random_state=0)
    return [(X[i * rows : (i + 1) * rows].copy(), y[i * rows : (i + 1) * rows].copy()) for i in range(count)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(
            (name, "validation")
            for name in ("y_val", "yval", "y_valid", "y_validation", "y_dev", "data['y_val']", "yVal")
        ),
        *((name, "training") for name in ("y_train", "ytrain", "y_tr")),
        *((name, "test") for name in ("y_test", "ytest", "self.y_te", "y_holdout")),
        *((name, None) for name in ("y_true", "value", "y_eval", "evaluation", "devices", "interval", "oval", "y")),
    ],
)
def test_meaning_of_names(name: str, split: str | None) -> None:
    assert meaning(name) == split


def test_the_variable_names_the_split(recorded: Recorded) -> None:
    (X, y), (X_val, y_val), (X_test, y_test) = parts()
    model = LogisticRegression().fit(X, y)
    accuracy_score(y_val, model.predict(X_val))
    accuracy_score(y_test, model.predict(X_test))
    accuracy_score(y_val, model.predict(X_val))
    assert list(recorded.only.evaluations) == ["training", "validation", "test"]


@pytest.mark.parametrize("holder", ["dict", "tuple", "attribute", "caller"])
def test_names_are_found_where_data_are_kept(holder: str, recorded: Recorded) -> None:
    (X, y), held = parts(2)
    model = LogisticRegression().fit(X, y)
    data: Any = {
        "dict": lambda: {"X_val": held[0], "y_val": held[1]},
        "tuple": lambda: {"val": held},
        "attribute": lambda: SimpleNamespace(y_val=held[1]),
        "caller": lambda: None,
    }[holder]()

    def report(y_true: Any, y_pred: Any) -> None:
        accuracy_score(y_true, y_pred)

    if holder == "caller":
        y_val = held[1]
        report(y_val, model.predict(held[0]))
    else:
        accuracy_score(held[1], model.predict(held[0]))
    assert "validation" in recorded.only.evaluations, data


def test_training_data_are_known_again(recorded: Recorded) -> None:
    ((X, y),) = parts(1)
    model = LogisticRegression().fit(X, y)
    f1_score(y.tolist(), model.predict(X), average="micro")
    run = recorded.only
    assert not [key for key in run.metrics if key.startswith("test")]
    assert len(run.metrics["training_accuracy_score"]) == 1


def test_other_data_are_another_split_and_the_same_data_are_not(recorded: Recorded) -> None:
    (X, y), first, second = parts()
    model = LogisticRegression().fit(X, y)
    values = [accuracy_score(truth, model.predict(data)) for data, truth in (first, second, first)]
    run = recorded.only
    assert [run.last("test_accuracy_score"), run.last("test_2_accuracy_score")] == pytest.approx(values[:2])
    assert len(run.metrics["test_accuracy_score"]) == 1


def test_splits_are_bounded(recorded: Recorded) -> None:
    (X, y), *others = parts(14, rows=50)
    model = LogisticRegression().fit(X, y)
    for data, truth in others:
        accuracy_score(truth, model.predict(data))
    run = recorded.only
    assert "test_10" in run.evaluations
    assert len(run.evaluations) == 11
    assert any("splits" in note.message for note in run.notes)


def test_interleaved_models(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    one, two = LogisticRegression().fit(X, y), RandomForestClassifier(5, random_state=0).fit(X, y)
    first, second = one.predict(X_test), two.predict(X_test)
    thresholds = [model.predict_proba(X_test)[:, 1] > 0.2 for model in (one, two)]
    values = [
        [accuracy_score(y_test, first.tolist()), accuracy_score(y_test, thresholds[0])],
        [accuracy_score(y_test, second.tolist()), accuracy_score(y_test, thresholds[1])],
    ]
    found = [[value for _, value in run.metrics["test_accuracy_score"]] for run in recorded.roots]
    assert found == [pytest.approx(expected) for expected in values]


def test_the_model_may_be_gone(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    proba = LogisticRegression().fit(X, y).predict_proba(X_test)
    pred = LogisticRegression().fit(X, y).predict(X_test)
    gc.collect()
    auc, accuracy = roc_auc_score(y_test, proba[:, 1]), accuracy_score(y_test, pred)
    one, two = recorded.roots
    assert one.last("test_roc_auc") == pytest.approx(auc, abs=1e-12)
    assert two.last("test_accuracy_score") == pytest.approx(accuracy, abs=1e-12)


def test_arrays_of_no_model_are_nothing(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    accuracy_score(y_test, y_test)
    LogisticRegression().fit(X, y).predict(X_test)
    guesses = np.random.default_rng(1).integers(0, 2, len(y_test))
    accuracy_score(y_test, guesses)
    accuracy_score(y_test, np.zeros_like(y_test))
    accuracy_score(y_test[:10], guesses[:10])
    assert list(recorded.only.evaluations) == ["training"]


def test_nothing_inside_searches_and_cross_validation(recorded: Recorded) -> None:
    ((X, y),) = parts(1)
    scorer = make_scorer(f1_score)
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, scoring=scorer, cv=2).fit(X, y)
    cross_val_score(LogisticRegression(), X, y, scoring=scorer, cv=2)
    assert not [key for run in recorded.runs for key in run.metrics if key.startswith("test_f1")]
    assert {split for run in recorded.runs for split in run.evaluations} <= {"training", "cv"}


def test_nothing_inside_inspection(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    model = LogisticRegression().fit(X, y)
    permutation_importance(model, X_test, y_test, n_repeats=2)
    assert list(recorded.only.evaluations) == ["training"]


def test_partial_fit_gives_steps(recorded: Recorded) -> None:
    (X, y), (X_val, y_val) = parts(2)
    model = SGDClassifier(loss="log_loss", random_state=0)
    expected = []
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1])
        proba = model.predict_proba(X_val)
        expected.append(roc_auc_score(y_val, proba[:, 1]))
    found = recorded.only.metrics["validation_roc_auc"]
    assert found == [(step, pytest.approx(value)) for step, value in enumerate(expected)]


def test_in_the_users_own_run(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    with autotrack.start_run("mine"):
        model = LogisticRegression().fit(X, y)
        accuracy_score(y_test, model.predict(X_test))
    run = recorded.only
    assert len(run.metrics["test_accuracy_score"]) == 1
    assert "autotrack.evaluated_run" not in run.tags


def test_in_another_run_the_metrics_are_in_both(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    model = LogisticRegression().fit(X, y)
    with autotrack.start_run("evaluation"):
        value = f1_score(y_test, model.predict(X_test), average="macro")
    fit, own = recorded.roots
    assert fit.last("test_f1_score_macro") == own.last("test_f1_score_macro") == pytest.approx(value, abs=1e-12)
    assert own.tags["autotrack.evaluated_run"] == fit.id
    assert any(fit.id in note.message for note in own.notes)
    assert not own.params


def test_a_child_run_keeps_what_is_its_own(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    with autotrack.start_run("parent"):
        LogisticRegression().fit(X, y)
        second = RandomForestClassifier(5).fit(X, y)
        accuracy_score(y_test, second.predict(X_test))
    parent = recorded.only
    (child,) = recorded.children(parent)
    assert "test_accuracy_score" in child.metrics
    assert "test_accuracy_score" not in parent.metrics


def test_threads_do_not_mix(recorded: Recorded) -> None:
    (X, y), (X_test, y_test) = parts(2)
    values: dict[int, float] = {}

    def work(depth: int) -> None:
        model = RandomForestClassifier(3, max_depth=depth, random_state=0).fit(X, y)
        values[depth] = accuracy_score(y_test, model.predict(X_test).tolist())

    threads = [threading.Thread(target=work, args=(depth,)) for depth in (1, 2, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {run.params["max_depth"]: run.last("test_accuracy_score") for run in recorded.roots}
    assert found == pytest.approx(values, abs=1e-12)


def test_off_by_setting() -> None:
    (X, y), (X_test, y_test) = parts(2)
    from autotrack.testing import MemoryBackend

    autotrack.enable(to="memory://held-out-off", capture=[], log_system_metrics=False, log_evaluation=False)
    model = LogisticRegression().fit(X, y)
    accuracy_score(y_test, model.predict(X_test))
    model.score(X_test, y_test)
    autotrack.disable()
    (run,) = MemoryBackend.named("held-out-off").runs
    assert not run.evaluations
    assert not [key for key in run.metrics if key.startswith("test")]
